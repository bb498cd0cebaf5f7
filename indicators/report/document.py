"""A document as data: sections of texts, tables and charts, laid out as HTML, as PDF and (`word`) as DOCX.

What a report says is put together once; no layout knows what it is about, and all show the same cells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal, TypeVar

import jinja2

from indicators.report.words import Language

HERE = Path(__file__).parent
DECIMALS = 3
"""Decimals of a figure in tCO2e: the last one is a kilogram."""

CJK = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "SimSun",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Serif CJK SC", "Source Han Serif SC", "Droid Sans Fallback",
)  # fmt: skip
"""Font families with Chinese, the best first."""

DOTS_PER_INCH = 160
"""Of charts as pictures: sharp on paper, and a report of twenty still below two megabytes."""

_UNIT = Decimal(1).scaleb(-DECIMALS)


_Of = TypeVar("_Of")


@dataclass(frozen=True)
class Cell:
    """One cell: its text and how it is set.

    Attributes:
        kind: `n` a figure, `lack` missing, `none` nothing to show, `code` an identifier, `unit` the unit of its row's figures,
            `text` words, `warn` words of caution.
        link: the anchor it leads to; anchor: the name others lead to it by.
    """

    text: str
    kind: Literal["n", "lack", "none", "code", "unit", "text", "warn"] = "text"
    link: str = ""
    anchor: str = ""


@dataclass
class Table:
    """A table; a head of empty names is not shown. `strong` are the numbers of the rows that add up others."""

    head: Sequence[str]
    rows: list[list[Cell]]
    strong: list[int] = field(default_factory=list)
    widths: Sequence[float] = ()
    type: str = "table"

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold figures, or say that there is none: set to the right, and so is their head."""
        return [all(row[place].kind in ("n", "lack", "none") for row in self.rows) for place in range(len(self.head))]


@dataclass(frozen=True)
class Text:
    """A paragraph; `small` is a note."""

    text: str
    small: bool = False
    type: str = "text"


@dataclass(frozen=True)
class Points:
    """A list of points."""

    items: Sequence[str]
    type: str = "points"


@dataclass(frozen=True)
class Heading:
    """A heading within a section; `anchor` is the name others lead to it by."""

    text: str
    anchor: str = ""
    type: str = "heading"


@dataclass(frozen=True)
class Tiles:
    """The few figures to see first: name, figure, and what belongs to it."""

    items: Sequence[tuple[str, str, str]]
    type: str = "tiles"


@dataclass(frozen=True)
class Chart:
    """A drawing (SVG) under its caption; `wide` takes the whole width, two that are `half` stand side by side."""

    caption: str
    svg: str
    wide: bool = False
    half: bool = False
    type: str = "chart"


@dataclass(frozen=True)
class Signatures:
    """Lines to sign on."""

    items: Sequence[str]
    type: str = "signatures"


Block = Table | Text | Points | Heading | Tiles | Chart | Signatures


@dataclass
class Section:
    """A section; `mark` is its number or letter, or nothing, `second` its title in the other language."""

    mark: str
    title: str
    second: str
    blocks: list[Block]


@dataclass
class Document:
    """All of it.

    Attributes:
        name: whose it is.
        title, second: what it is, in the reader's language and in the other.
        facts: what stands under the title: name and value.
        notice: what the reader must know before the figures.
        foot: the line at the end.
        has_contents: whether its sections are listed before the first.
    """

    language: Language
    name: str
    title: str
    second: str
    facts: list[tuple[str, str]]
    notice: list[str]
    sections: list[Section]
    foot: str
    has_contents: bool = False

    def blocks(self, kind: type[_Of]) -> list[_Of]:
        """Every block of a kind, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, kind)]


def tonnes(amount: Decimal) -> Decimal:
    """An amount in tCO2e as it is printed, rounded half up."""
    return amount.quantize(_UNIT, ROUND_HALF_UP)


def figure(amount: Decimal | None) -> Cell:
    """An amount in tCO2e; 0 is exactly nothing, and what is less than the last digit says so."""
    if amount is None:
        return Cell("–", "none")
    if amount == 0:
        return Cell("0", "n")
    shown = tonnes(amount)
    if shown == 0:
        return Cell(f"<{_UNIT}" if amount > 0 else f">-{_UNIT}", "n")
    return Cell(f"{shown:,f}", "n")


def quantity(amount: float | Decimal | None) -> Cell:
    """An activity or a factor with six significant digits, but every digit before the decimal point."""
    if amount is None:
        return Cell("–", "none")
    exact = Decimal(repr(amount)) if isinstance(amount, float) else amount
    decimals = max(0, 5 - exact.adjusted()) if exact else 0
    text = f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,f}"
    return Cell(text.rstrip("0").rstrip(".") if "." in text else text, "n")


def rest_of_rounding(total: Decimal | None, parts: Iterable[Decimal | None]) -> Decimal:
    """What the printed parts lack to the printed total; 0 where there is no total."""
    if total is None:
        return Decimal(0)
    return tonnes(total) - sum((tonnes(part) for part in parts if part is not None), Decimal(0))


def html(document: Document) -> str:
    """The document as one HTML page without scripts, fonts or links."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("document.html.j2").render(document=document)


def chinese_font() -> str | None:
    """The font family Chinese is set in, or None where the system has none."""
    import typst

    present = set(typst.Fonts().families())
    return next((family for family in CJK if family in present), None)


def pdf(document: Document, font: str) -> bytes:
    """The document as PDF, A4, with a Chinese font of the system embedded.

    The same document and fonts make the same bytes: no date is written.
    """
    import typst

    content = asdict(document) | {"font": font, "numeric": {}}
    for section, made in zip(content["sections"], document.sections, strict=True):
        for block, one in zip(section["blocks"], made.blocks, strict=True):
            if isinstance(one, Table):
                block["numeric"] = one.numeric
    found = typst.compile(HERE / "document.typ", format="pdf", sys_inputs={"document": json.dumps(content)})
    assert isinstance(found, bytes)  # noqa: S101 - a PDF is one file
    return found


def drawings(document: Document, font: str) -> list[bytes]:
    """The charts of a document as PNG, in their order, for layouts that take no SVG."""
    import typst

    given = {"charts": json.dumps([chart.svg for chart in document.blocks(Chart)]), "font": font}
    if given["charts"] == "[]":
        return []
    found = typst.compile(HERE / "drawings.typ", format="png", ppi=DOTS_PER_INCH, sys_inputs=given)
    return [found] if isinstance(found, bytes) else list(found)
