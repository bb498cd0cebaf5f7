"""A document as data: sections of texts, tables and charts, laid out once as HTML and once as PDF.

What a report says is put together once; neither layout knows what it is about, and both show the same cells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal

import jinja2

from indicators.report.render import Language

HERE = Path(__file__).parent
DECIMALS = 3
"""Decimals of a figure in tCO2e: the last one is a kilogram."""

CJK = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "SimSun",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Serif CJK SC", "Source Han Serif SC", "Droid Sans Fallback",
)  # fmt: skip
"""Font families with Chinese, the best first."""

_UNIT = Decimal(1).scaleb(-DECIMALS)


@dataclass(frozen=True)
class Cell:
    """One cell: its text and how it is set.

    Attributes:
        kind: `n` a figure, `lack` missing, `none` nothing to show, `code` an identifier, `text` words, `warn` words of caution.
    """

    text: str
    kind: Literal["n", "lack", "none", "code", "text", "warn"] = "text"


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
    """A heading within a section."""

    text: str
    type: str = "heading"


@dataclass(frozen=True)
class Chart:
    """A drawing (SVG) under its caption."""

    caption: str
    svg: str
    wide: bool = False
    type: str = "chart"


@dataclass(frozen=True)
class Signatures:
    """Lines to sign on."""

    items: Sequence[str]
    type: str = "signatures"


Block = Table | Text | Points | Heading | Chart | Signatures


@dataclass
class Section:
    """A numbered section; `second` is its title in the other language."""

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
    """

    language: Language
    name: str
    title: str
    second: str
    facts: list[tuple[str, str]]
    notice: list[str]
    sections: list[Section]
    foot: str


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


# ── charts: drawn for paper; what a colour says a hatching says too ─────────────────────────────────────────────────

Bar = tuple[str, Decimal | None, str]
"""Label, amount, and what to print instead where there is none."""

_FILLS = ("#1f4e79", "url(#stripes)", "url(#dots)")
_DEFS = (
    "<defs>"
    '<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/>'
    '<rect width="2.6" height="6" fill="#c55a11"/></pattern>'
    '<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><rect width="5" height="5" fill="#fff"/><circle cx="2.5" cy="2.5" r="1.1" fill="#2e7d5b"/></pattern></defs>'
)


def _svg(width: int, height: float, body: Iterable[str], said: str) -> str:
    family = ", ".join(f"'{name}'" for name in CJK[:6])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" height="{height:g}" role="img" '
        f'aria-label="{_safe(said)}" font-family="{family}, sans-serif" font-size="11" fill="#1d2733">{_DEFS}{"".join(body)}</svg>'
    )


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def bars(rows: Sequence[Bar], said: str, label_width: int = 190) -> str:
    """Horizontal bars from 0, each with its figure; a missing one says so in the place of its bar."""
    width, step = 520, 24
    room = width - label_width - 96
    largest = max((amount for _, amount, _ in rows if amount is not None), default=Decimal(0))
    body = [f'<line x1="{label_width}" x2="{label_width}" y1="2" y2="{len(rows) * step + 2}" stroke="#1d2733"/>']
    for place, (label, amount, instead) in enumerate(rows):
        y = place * step + 4
        body.append(f'<text x="{label_width - 8}" y="{y + 13}" text-anchor="end">{_safe(label)}</text>')
        if amount is None:
            body.append(f'<text x="{label_width + 6}" y="{y + 13}" fill="#b3261e">{_safe(instead)}</text>')
            continue
        long = float(amount / largest) * room if largest else 0.0
        body.append(f'<rect x="{label_width}" y="{y}" width="{long:.1f}" height="17" fill="{_FILLS[0]}" stroke="#1d2733" stroke-width=".6"/>')  # fmt: skip
        body.append(f'<text x="{label_width + long + 6:.1f}" y="{y + 13}">{_safe(figure(amount).text)}</text>')
    return _svg(width, len(rows) * step + 6, body, said)


def stacks(columns: Sequence[tuple[str, Sequence[Decimal | None] | None]], names: Sequence[str], said: str) -> str:
    """Stacked columns from 0, one per month: the figures of each series, or None where the month has no total (drawn as ×)."""
    width, height, foot, left = 700, 230, 22, 58
    wide = (width - left) / max(len(columns), 1)
    sums = [sum((part for part in parts if part is not None), Decimal(0)) for _, parts in columns if parts is not None]
    top = _round_up(max(sums, default=Decimal(0)))
    base, room = height - foot, height - foot - 34

    def y(amount: Decimal) -> float:
        return base - float(amount / top) * room if top else float(base)

    body = []
    for place, name in enumerate(names):
        x = float(left + place * 200)
        body.append(f'<rect x="{x:g}" y="4" width="22" height="12" fill="{_FILLS[place]}" stroke="#1d2733" stroke-width=".6"/><text x="{x + 28:g}" y="14">{_safe(name)}</text>')  # fmt: skip
    for share in (Decimal(0), Decimal("0.5"), Decimal(1)):
        mark = y(top * share)
        body.append(f'<line x1="{left}" x2="{width}" y1="{mark:.1f}" y2="{mark:.1f}" stroke="#b8c0ca" stroke-width=".6"/>')  # fmt: skip
        body.append(f'<text x="{left - 6}" y="{mark + 4:.1f}" text-anchor="end">{(top * share).normalize():,f}</text>')
    for place, (label, parts) in enumerate(columns):
        x, middle = left + place * wide + wide * 0.18, left + (place + 0.5) * wide
        body.append(f'<text x="{middle:.1f}" y="{height - 6}" text-anchor="middle">{_safe(label)}</text>')
        if parts is None:
            body.append(f'<text x="{middle:.1f}" y="{base - 6}" text-anchor="middle" fill="#b3261e" font-weight="bold">×</text>')  # fmt: skip
            continue
        below = Decimal(0)
        for series, part in enumerate(parts):
            if part:
                body.append(
                    f'<rect x="{x:.1f}" y="{y(below + part):.1f}" width="{wide * 0.64:.1f}" height="{y(below) - y(below + part):.1f}" '
                    f'fill="{_FILLS[series]}" stroke="#1d2733" stroke-width=".6"/>'
                )
                below += part
    return _svg(width, height, body, said)


def _round_up(amount: Decimal) -> Decimal:
    """The next number of one of the steps 1, 2, 3, 4, 6, 8, 10 times a power of ten."""
    if amount <= 0:
        return Decimal(0)
    power = Decimal(1).scaleb(amount.adjusted())
    return next(power * step for step in (1, 2, 3, 4, 6, 8, 10) if power * step >= amount)
