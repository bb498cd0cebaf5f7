"""What sections and annexes of the evaluation report share: how values, scores, grades and gaps are printed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from indicators.report.document import Block, Cell, Table, Text
from indicators.report.evaluation import Evaluation, Row
from indicators.report.words import Language, Wording, number, percent, score_text
from schemas.contract import contracts

FULL = 100.0
_SURE = 0.80
"""A grade less probable than this is printed with the next one, unless the profile says otherwise (`certain_from`)."""


@dataclass(frozen=True)
class Step:
    """The next step of an indicator: from its score to the next anchor or level, and what the total gains by it.

    Attributes:
        aim: the anchor or level, in points; `target` what events leave of it.
    """

    key: str
    score: float
    aim: float
    target: float
    gain: float


@dataclass
class Cells(Wording):
    """An evaluation in a language."""

    evaluation: Evaluation
    language: Language

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────

    def head(self, *names: tuple[str, str]) -> list[str]:
        """Names of columns, in the reader's language."""
        return [self.t(zh, en) for zh, en in names]

    def title(self, key: str) -> str:
        """The name of an indicator or metric."""
        return self.name(self.evaluation.indicators[key]["title"])

    def labelled(self, key: str) -> str:
        """Its id and name."""
        return f"{key} {self.title(key)}"

    def unit(self, code: str | None) -> str:
        """A unit in the reader's language."""
        return "" if code is None else self.word("unit", code)

    def pillar(self, code: str) -> str:
        """The letter and name of a pillar."""
        return f"{code} {self.word('pillar', code)}"

    def boundary(self, said: str | None) -> str:
        """What a figure covers: composed of declared phrases, each with its words."""
        if not said or self.language == "en":
            return said or "–"
        return "；".join(self._phrase(phrase) for phrase in said.split("; "))

    def _phrase(self, phrase: str) -> str:
        count = re.fullmatch(r"(\d+) sites?", phrase)
        return f"{count[1]} 个场所" if count else self.word("boundary", phrase)

    def contract(self, name: str) -> str:
        """The name of a contract."""
        found = next((table for table in contracts() if table.name == name), None)
        return name if found is None else self.t(found.zh, name.replace("_", " "))

    def refusal(self, contract: str, code: str) -> str:
        """Why a row was refused: `column: reason` or a rule of its contract."""
        found = next((table for table in contracts() if table.name == contract), None)
        return code if found is None else self.t(*found.words(code))

    def readings(self, key: str) -> list[Row]:
        """The values of an indicator under every reading, the chosen one first."""
        chosen = self.evaluation.values.get(key)
        others = [row for row in self.evaluation.readings if row["indicator_id"] == key]
        return others if chosen is None else [chosen, *others]

    def policy(self, row: Row) -> str:
        """The reading of a value."""
        has_others = any(other["indicator_id"] == row["indicator_id"] for other in self.evaluation.readings)
        return self.word("policy", "location_based" if row["policy"] == "default" and has_others else row["policy"])

    def one_of_two(self, text: str) -> str:
        """The reader's half of a text `Chinese / English`, also written with `|`."""
        halves = re.split(r" [/|] ", text, maxsplit=1)
        return halves[0] if self.language == "zh" else halves[-1]

    def given(self, said: object) -> str:
        """What the enterprise has said, or that it has not."""
        return self.name(said) if said else self.t("未填写", "not given")  # type: ignore[arg-type]

    def period_of(self) -> str:
        """The first and last month."""
        months = self.evaluation.months
        return months[0] if len(months) == 1 else f"{months[0]} – {months[-1]}"

    # ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────

    def ref(self, key: str, text: str | None = None) -> Cell:
        """The id of an indicator or metric, leading to its card."""
        return Cell(text or key, "code", link=key)

    def value(self, row: Row | None, key: str, linked: bool = True) -> Cell:
        """A value, or the word for why there is none; leads to its card."""
        link = key if linked else ""
        if row is None:
            return Cell(self.word("state", "missing"), "lack", link)
        if row["value"] is None:
            return Cell(self.word("state", row["state"]), "none" if row["state"] == "not_applicable" else "lack", link)
        return Cell(number(row["value"], row["unit"]), "n", link)

    def side(self, row: Row | None, side: str) -> Cell:
        """A numerator or denominator with its unit."""
        if row is None or row[side] is None:
            return Cell("–", "none")
        unit = row[f"{side}_unit"] or "employee_month"  # the one count without a unit of its own
        return Cell(f"{number(row[side])} {self.unit(unit)}", "n")

    def of_unit(self, key: str) -> Cell:
        """The unit of an indicator, in a cell of its own."""
        return Cell(self.unit(self.evaluation.indicators[key]["unit"]), "unit")

    def state(self, row: Row | None) -> Cell:
        """State and reason of a value."""
        if row is None:
            return Cell(f"{self.word('state', 'missing')} · {self.reason('no_value')}", "lack")
        kind = {"missing": "lack", "not_applicable": "none", "partial": "warn", "estimated": "warn"}
        said = " · ".join([self.word("state", row["state"])] + ([self.reason(row["reason"])] if row["reason"] else []))
        return Cell(said, kind.get(row["state"], "text"))  # type: ignore[arg-type]

    def points(self, row: Row | None, link: str = "") -> Cell:
        """A score, or the word for why there is none."""
        if row is None:
            return Cell(self.t("未评分", "not scored"), "none", link)
        if row["state"] == "not_applicable":
            return Cell(self.word("state", "not_applicable"), "none", link)
        if row["state"] == "missing":
            return Cell(self.missing_points(), "lack", link)
        return Cell(score_text(row["score"]), "n", link)

    def missing_points(self) -> str:
        """What stands for the score of a missing indicator."""
        counts_zero = self.evaluation.profile.get("missing") == "zero"
        return self.t("缺失（计 0）", "missing (counts 0)") if counts_zero else self.word("state", "missing")

    def plain(self, points: float | None) -> Cell:
        """Points, or nothing."""
        return Cell("–", "none") if points is None else Cell(score_text(points), "n")

    def share(self, share: float | None, decimals: int = 0) -> Cell:
        """A share as a percentage."""
        return Cell("–", "none") if share is None else Cell(percent(share, decimals), "n")

    def count(self, count: int | None) -> Cell:
        """A whole number."""
        return Cell("–", "none") if count is None else Cell(f"{count:,}", "n")

    def ratio(self, amount: float | None, decimals: int = 3) -> Cell:
        """A figure without unit, such as a coefficient of agreement."""
        return Cell("–", "none") if amount is None else Cell(f"{Decimal(repr(amount)):.{decimals}f}", "n")

    def papers(self, ids: object) -> Cell:
        """Ids of evidence, leading to the first of them in the register."""
        known = {row["evidence_id"] for row in self.evaluation.evidence}
        listed = [one for one in (ids if isinstance(ids, list) else str(ids or "").split("|")) if one]
        if not listed:
            return Cell(self.t("无", "none"), "none")
        link = next((f"evidence-{one}" for one in listed if one in known), "")
        return Cell(", ".join(listed), "code", link)

    # ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def note(self, zh: str, en: str) -> Text:
        """A paragraph in small letters."""
        return Text(self.t(zh, en), small=True)

    def facts(self, rows: Iterable[tuple[str, str]], widths: tuple[float, float] = (1, 4)) -> Table:
        """Names and what there is to say of each."""
        return Table(["", ""], [[Cell(name), Cell(value)] for name, value in rows], widths=widths)

    def absent(self, *tables: str) -> list[Block]:
        """That an evaluation table does not exist, or the period is not in it."""
        names = ", ".join(f"score.{table}" for table in tables)
        return [Text(self.t(f"尚未评价：发布文件中没有本期的 {names}，由 esg evaluate {self.evaluation.period} 生成。",
                            f"Not evaluated yet: the published file has no {names} of the period; esg evaluate {self.evaluation.period} makes it."))]  # fmt: skip

    def compact(self, table: Table) -> Table:
        """A table without the columns that have nothing in any row."""
        kept = [place for place in range(len(table.head)) if any(row[place].text != "–" for row in table.rows)]
        widths = [table.widths[place] for place in kept]
        return Table([table.head[place] for place in kept], [[row[place] for place in kept] for row in table.rows], table.strong, widths)  # fmt: skip

    def listed(self, table: Table, none: tuple[str, str]) -> Block:
        """A table, or the sentence that there is nothing to list."""
        return table if table.rows else Text(self.t(*none))

    # ── the evaluation ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def total(self) -> Row | None:
        """The total score."""
        return self.evaluation.scored("total", "total")

    @property
    def pillars(self) -> list[Row]:
        """E, S and G, as far as scored."""
        found = [self.evaluation.scored("pillar", name) for name in ("E", "S", "G")]
        return [row for row in found if row is not None]

    @property
    def gate(self) -> Row | None:
        """What the panel's agreement calls for after its latest round."""
        return max(self.evaluation.of("agreement", statistic="gate"), key=lambda row: row["round"], default=None)

    @property
    def of_standard(self) -> list[str]:
        """The indicators of the standard."""
        return [key for key, one in self.evaluation.indicators.items() if one["kind"] != "metric"]

    @property
    def six(self) -> list[str]:
        """The indicators with a formula."""
        return [key for key, one in self.evaluation.indicators.items() if one["kind"] == "quantitative"]

    @property
    def metrics(self) -> list[str]:
        """The operational metrics."""
        return [key for key, one in self.evaluation.indicators.items() if one["kind"] == "metric"]

    def grade(self, row: Row | None, name: str = "total") -> str:
        """A grade; with the next probable one where it is not sure; or that it is withheld and why."""
        if row is None:
            return self.t("未评价", "not evaluated")
        if row["grade"] is None:
            return self.withheld(row)
        chances = {
            chance["grade"]: chance["probability"] for chance in self.evaluation.of("grade_probability", id=name)
        }
        if not chances or chances.get(row["grade"], 0) >= self.sure:
            return str(row["grade"])
        other = max((grade for grade in chances if grade != row["grade"]), key=lambda grade: chances[grade], default=None)  # fmt: skip
        return f"{row['grade']}{self.t(f'（可能为 {other}）', f' ({other} possible)')}" if other else str(row["grade"])

    def withheld(self, row: Row) -> str:
        """What stands in the place of a grade."""
        if row["state"] == "not_applicable":
            return self.word("state", "not_applicable")
        return self.t("不予评级", "not rated") if row["reason"] == "veto" else self.t("暂不评级", "withheld")

    @property
    def sure(self) -> float:
        """How probable a grade must be to be printed alone."""
        return float(self.evaluation.profile.get("monte_carlo", {}).get("certain_from", _SURE))

    @property
    def weighting(self) -> str:
        """The code of the way weights are made."""
        declared = self.evaluation.profile.get("weights")
        return str(declared.get("method")) if isinstance(declared, dict) else str(declared)

    @property
    def edges(self) -> dict[str, float]:
        """The lower edge of each grade, the best first."""
        found = {name: float(Fraction(str(edge))) for name, edge in self.evaluation.profile.get("grades", {}).items()}
        return dict(sorted(found.items(), key=lambda grade: -grade[1]))

    def anchors(self, key: str) -> tuple[float, float, float, float] | None:
        """Where an indicator scores 0, 60, 80 and 100, in its unit: as it was scored, else as declared."""
        row = self.anchored(key)
        return None if row.get("x0") is None else (row["x0"], row["x60"], row["x80"], row["x100"])

    def anchored(self, key: str) -> Row:
        """What is known of an indicator's anchors: as it was scored, else as the method declares them."""
        scored = next(iter(self.evaluation.of("normalised", indicator_id=key)), {})
        return scored if scored.get("anchor_source") else self.evaluation.anchors.get(key, {})

    def level_text(self, key: str, level: int) -> str:
        """What a level asks for: the indicator's own rubric where it has one, else the ladder all are made after."""
        rubric = self.evaluation.indicators[key].get("rubric") or {}
        own = {str(place): words for place, words in (rubric.get("levels") or {}).items()}.get(str(level))
        return self.name(own) if own else self.word("level", str(level))

    def scored_indicators(self) -> list[Row]:
        """The rows of indicators that have a weight, the heaviest contribution first."""
        rows = [row for row in self.evaluation.result if row["level"] == "indicator" and row["state"] != "not_applicable" and row["score"] is not None]  # fmt: skip
        return sorted(rows, key=lambda row: (-row["weight"] * row["score"], self.of_standard.index(row["id"])))

    def leaders(self) -> list[Row]:
        """Those of them that contribute anything: what is missing is no strength."""
        return [
            row for row in self.scored_indicators() if row["state"] != "missing" and row["weight"] * row["score"] > 0
        ]

    def gaps(self) -> list[Row]:
        """All of them, the largest potential first."""
        rows = self.scored_indicators()
        return sorted(rows, key=lambda row: (-row["weight"] * (FULL - row["score"]), self.of_standard.index(row["id"])))

    def steps(self) -> list[Step]:
        """The next step of every indicator below 100, the largest gain first."""
        found = []
        for row in self.scored_indicators():
            aim = self._aim(row)
            target = self.allowed(row["id"], aim)
            if target > row["score"]:
                found.append(Step(row["id"], row["score"], aim, target, row["weight"] * (target - row["score"])))
        return sorted(found, key=lambda step: (-step.gain, self.of_standard.index(step.key)))

    def _aim(self, row: Row) -> float:
        if row["state"] == "missing":
            return 60.0
        before = row["score"] if row["before_events"] is None else row["before_events"]
        if self.evaluation.indicators[row["id"]]["is_computed"]:
            return next((edge for edge in (60.0, 80.0, FULL) if before < edge), FULL)
        return min(FULL, 20.0 * (before // 20 + 1))

    def effect(self, event: Row) -> Row:
        """What an event of its class does, by the method."""
        return ((self.evaluation.profile.get("events") or {}).get("classes") or {}).get(event["class"]) or {}

    def allowed(self, key: str, points: float) -> float:
        """What the events under an indicator leave of a score."""
        for event in self.evaluation.of("event", indicator_id=key):
            limit = self.effect(event).get("linked_at_most")
            if limit is not None and points > float(limit):
                points -= event["share"] * (points - float(limit))
        return points
