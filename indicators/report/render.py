"""Renders the evaluation report of one enterprise and period; it computes no figure, it only lays out what is given.

Values are shown as `indicator.value` has them, scores as `score.result` has them, each with its state. What does not
apply, what is missing and what is zero are three different words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import jinja2
import polars as pl
import yaml
from markupsafe import Markup

from indicators.declared import TREE, Indicator, Words, natural
from indicators.scoring.profile import Profile
from indicators.scoring.score import NOT_SELECTED, two_places

HERE = Path(__file__).parent
Language = Literal["zh", "en"]
Row = dict[str, Any]
_GAPS_SHOWN = 8
_CHART = {"width": 300, "height": 92, "side": 8, "head": 18, "foot": 22}  # pixels
_FACTS: dict[str, Any] = {
    "purpose": None, "enterprise_type": None, "legal_entities": [], "sites": [], "policies": {},
    "unverified_factors": [],
}  # fmt: skip
_INCOMPLETE = {"estimated", "partial", "missing", "contested"}


def render(
    period: str,
    enterprise: Mapping[str, Any],
    values: pl.DataFrame,
    scores: pl.DataFrame,
    catalogue: Mapping[str, Indicator],
    profile: Profile,
    language: Language = "zh",
) -> str:
    """The report as one HTML page without scripts, fonts or links.

    Args:
        period: `2026`, `2025-07..2026-06` or `2026-01`.
        enterprise: `id` and `name` (text or {zh, en}) as in `enterprise.yaml`; shown where present: `enterprise_type`,
            `purpose`, `legal_entities` and `sites` (with their names), `policies`, and `unverified_factors` (with
            `factor_id` and `source`).
        values: `indicator.value`, any periods and organisations; those of the enterprise in the period and its
            months are shown.
        scores: `score.result`; without rows of the period the report shows values only.
        catalogue: what the ids mean.
        profile: the method the scores were made with.
        language: which comes first; the other stands smaller beside it.
    """
    page = _Page(period, enterprise, values, scores, catalogue, profile, language)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(t=page.both, word=page.word, words=page.words)
    environment.filters.update(number=number, score=score_text, percent=percent, unit=page.unit)
    return environment.get_template("report.html.j2").render(page=page)


def number(amount: float | None, unit: str | None = None) -> str:
    """A figure with at least four significant digits, rounded half up.

    A percentage has at least three decimals, and so many that only 100 % itself is printed as 100.
    """
    if amount is None:
        return "–"
    exact = Decimal(repr(float(amount)))
    decimals = max(1, 3 - exact.adjusted()) if exact else 0
    if unit == "%":
        decimals = max(3, decimals, 1 - (100 - exact).adjusted() if exact != 100 else 0)
    text = f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def score_text(points: float | None) -> str:
    """A score with its two decimals."""
    return "–" if points is None else str(two_places(points))


def percent(share: float | None, decimals: int = 0) -> str:
    """A share as a percentage."""
    if share is None:
        return "–"
    step = Decimal(1).scaleb(-decimals)
    return f"{(Decimal(repr(float(share))) * 100).quantize(step, ROUND_HALF_UP)} %"


def months_of(period: str) -> list[str]:
    """The months of a period: of a year, of a window `2025-07..2026-06`, or the one month itself."""
    if re.fullmatch(r"\d{4}", period):
        return [f"{period}-{month:02d}" for month in range(1, 13)]
    first, _, last = period.partition("..")
    year, month = int(first[:4]), int(first[5:])
    found = [first]
    while last and found[-1] < last:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        found.append(f"{year}-{month:02d}")
    return found


@cache
def vocabulary() -> dict[str, dict[str, dict[str, str]]]:
    """Kind → code → its words (`words.yaml`)."""
    return yaml.safe_load((HERE / "words.yaml").read_text(encoding="utf-8"))


@dataclass
class _Page:
    """All the template shows, in its order."""

    period: str
    enterprise: Mapping[str, Any]
    values: pl.DataFrame
    scores: pl.DataFrame
    catalogue: Mapping[str, Indicator]
    profile: Profile
    language: Language
    tree: str = TREE
    months: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.enterprise = _FACTS | dict(self.enterprise)
        self.months = months_of(self.period)
        own = self.values.filter(pl.col("org_id") == self.enterprise["id"])
        rows = own.filter(pl.col("period").is_in([self.period, *self.months])).rows(named=True)
        self._chosen = {(row["indicator_id"], row["period"]): row for row in rows if row["is_chosen"]}
        self._others = [row for row in rows if not row["is_chosen"] and row["period"] == self.period]
        self.run_ids = sorted({row["run_id"] for row in rows if row["run_id"]})
        mine = (pl.col("org_id") == self.enterprise["id"]) & (pl.col("period") == self.period)
        self._scored = {(row["level"], row["id"]): row for row in self.scores.filter(mine).rows(named=True)}

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────

    def both(self, zh: str, en: str) -> Markup:
        """The reader's language, with the other smaller behind it."""
        first, second = (zh, en) if self.language == "zh" else (en, zh)
        if not first or not second or second == first:
            return Markup("{}").format(first or second)
        return Markup('{} <span class="second">{}</span>').format(first, second)

    def words(self, named: str | Mapping[str, str] | Words) -> Markup:
        """A name that may be a text, a {zh, en} mapping or `Words`."""
        if isinstance(named, str):
            return self.both(named, "")
        return (
            self.both(named.zh, named.en) if isinstance(named, Words) else self.both(named["zh"], named.get("en", ""))
        )

    def word(self, kind: str, code: str) -> Markup:
        """The words for a code; the code itself where there are none."""
        return self.words(vocabulary()[kind].get(code, code))

    def unit(self, code: str | None) -> str:
        """A unit in the reader's language."""
        return "" if code is None else vocabulary()["unit"].get(code, {}).get(self.language, code)

    @property
    def title(self) -> str:
        """The title of the page."""
        name = self.enterprise["name"]
        text = name if isinstance(name, str) else name[self.language] or name["zh"]
        return f"{text} · {'ESG 评价报告' if self.language == 'zh' else 'ESG evaluation report'} · {self.period}"

    # ── scores ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def total(self) -> Row | None:
        """The total score, or None where the period has not been scored."""
        return self._scored.get(("total", "total"))

    @property
    def pillars(self) -> list[Row]:
        """E, S and G with their scores."""
        return [self._scored[("pillar", name)] for name in ("E", "S", "G") if ("pillar", name) in self._scored]

    @property
    def grade_edges(self) -> str:
        """The grades and where they start."""
        return ", ".join(f"{name} {edge}" for name, edge in self.profile.grades.items())

    @property
    def groups(self) -> list[Row]:
        """The groups of the tree, each with its score and its indicators."""
        found: dict[str, Row] = {}
        for one in self.catalogue.values():
            if one.group is None:
                continue
            score = self._scored.get(("group", one.group.zh))
            group = found.setdefault(
                one.group.zh, {"group": one.group, "pillar": one.pillar, "score": score, "rows": []}
            )
            group["rows"].append({"one": one, "score": self._scored.get(("indicator", one.id))})
        return list(found.values())

    @property
    def gaps(self) -> list[Row]:
        """The indicators with the most points to win: weight times what is missing to 100."""
        rows = [row for (level, _), row in self._scored.items() if level == "indicator" and row["score"] is not None]
        gains = [(row["weight"] * (100 - row["score"]), row) for row in rows]
        first = sorted(gains, key=lambda gain: (-gain[0], natural(gain[1]["id"])))[:_GAPS_SHOWN]
        return [{"one": self.catalogue[row["id"]], "row": row, "gain": gain} for gain, row in first]

    @property
    def left_out(self) -> list[Row]:
        """Indicators that do not apply, with the reason the panel gave."""
        return [
            {
                "one": self.catalogue[row["id"]],
                "reason": self.profile.not_applicable.get(row["id"]),
                "code": row["reason"],
            }
            for (level, _), row in self._scored.items()
            if level == "indicator" and row["state"] == "not_applicable"
        ]

    # ── values ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _figures(self, kind: str) -> list[Row]:
        return [
            {
                "one": one,
                "value": self._chosen.get((one.id, self.period)),
                "others": [row for row in self._others if row["indicator_id"] == one.id and row["value"] is not None],
                "score": self._scored.get(("indicator", one.id)),
                "anchors": self.profile.anchors.get(one.id),
                "months": [self._chosen.get((one.id, month)) for month in self.months],
            }
            for one in self.catalogue.values()
            if one.kind == kind
        ]

    @property
    def six(self) -> list[Row]:
        """The indicators with a formula."""
        return self._figures("quantitative")

    @property
    def metrics(self) -> list[Row]:
        """The operational metrics."""
        return self._figures("metric")

    @property
    def boundaries(self) -> dict[str, list[str]]:
        """What the six figures cover, and which of them cover the same."""
        found: dict[str, list[str]] = {}
        for row in self.six:
            if row["value"] is not None and row["value"]["boundary"]:
                found.setdefault(row["value"]["boundary"], []).append(row["one"].id)
        return found

    def chart(self, rows: list[Row | None], unit: str) -> Row:
        """Dots of the months that have a value, joined where months follow each other; a gap stays a gap."""
        known = [row["value"] for row in rows if row is not None and row["value"] is not None]
        low, high = (min(known), max(known)) if known else (0.0, 0.0)
        step = (_CHART["width"] - 2 * _CHART["side"]) / max(1, len(rows) - 1)
        floor = _CHART["height"] - _CHART["foot"]
        marks: list[Row] = []
        for place, (month, row) in enumerate(zip(self.months, rows, strict=True)):
            mark = {"x": round(_CHART["side"] + place * step, 1), "month": month[-2:], "y": None, "label": month}
            mark["state"] = "missing" if row is None else row["state"]
            if row is not None and row["value"] is not None:
                share = (row["value"] - low) / (high - low) if high > low else 0.5
                mark["y"] = round(floor - share * (floor - _CHART["head"]), 1)
                mark["label"] = f"{month}: {number(row['value'], unit)} {self.unit(unit)}"
            marks.append(mark)
        lines = [(one, two) for one, two in pairwise(marks) if one["y"] is not None and two["y"] is not None]
        return _CHART | {"marks": marks, "lines": lines, "low": low, "high": high, "known": len(known)}

    @property
    def notes(self) -> list[Row]:
        """Every figure and score of the period that is not complete, with its reason."""
        found = []
        for one in self.catalogue.values():
            value, points = self._chosen.get((one.id, self.period)), self._scored.get(("indicator", one.id))
            coverage = None if value is None else value["coverage"]
            told: set[tuple[str, str | None]] = set()
            for row in (value, points):
                if row is None or row["reason"] == NOT_SELECTED.reason:
                    continue
                if row["state"] not in _INCOMPLETE and not row["reason"]:
                    continue
                if (row["state"], row["reason"]) not in told:
                    found.append({"one": one, "state": row["state"], "reason": row["reason"], "coverage": coverage})
                told.add((row["state"], row["reason"]))
        return found
