"""The expert panel: which levels count, what caps them, how far the experts agree, and what must be discussed again.

Pure functions over the rows of `expert_score` of one assessment. A row counts as its expert's last word; a second round
does not erase the first. The thresholds are choices of the profile: the draft standard asks for expert scoring and says
no more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from indicators.declared import Condition, Indicator, catalogue, natural
from indicators.scoring.agreement import NO_PAIRS, Ratings, Statistic, alpha_of, bootstrap, icc, kendall_w, tally
from indicators.scoring.profile import TOP_LEVEL, Gate, Profile
from schemas.errors import CatalogueError
from schemas.lake import MONTH, beside, months_of

FULL = Fraction(100)
A_LEVEL = FULL / TOP_LEVEL
"""The points of one level of the rubric."""
WITHOUT_EVIDENCE, WITHOUT_METRIC = 1, 3
"""The highest level without evidence, and without the metric that levels 4 and 5 need."""
COVERED = 0.9
"""The share of site-months a metric must cover to carry levels 4 and 5, as their rung asks for."""
LAST_ROUND = 2
SEVERE, SEVERE_ITEMS = 0.75, 20
"""An expert whose levels lie so far from the others' over so many indicators is noted as severe or lenient."""
SEED = 20260101
_YEAR, _HALF = 12, 6  # months
WHOLE = ("employed", "paid")
"""The ties that exclude an expert from the whole assessment, not from one indicator."""
_W_BANDS = ((0.7, "strong"), (0.5, "moderate"), (-math.inf, "weak"))

_SUBJECT = {"period": pl.String, "org_id": pl.String, "profile_hash": pl.String}
PANEL_ITEM = pl.Schema(
    {
        **_SUBJECT, "indicator_id": pl.String, "round": pl.Int64, "votes": pl.Int64, "absent": pl.Int64,
        "excluded": pl.Int64, "lowest": pl.Int64, "highest": pl.Int64, "spread": pl.Int64, "trimmed": pl.Boolean,
        "level": pl.Float64, "median": pl.Float64, "cap": pl.Int64, "cap_reason": pl.String, "lifted": pl.Int64, "is_flagged": pl.Boolean,
        "is_contested": pl.Boolean, "evidence_ids": pl.String,
    }
)  # fmt: skip
"""`score.panel_item`: an indicator after a round; `level` is the aggregate, null where too few experts gave one; `lifted` is
how many of the experts said in writing why their level may lie above the metric's cap."""
AGREEMENT = pl.Schema(
    {
        **_SUBJECT, "round": pl.Int64, "statistic": pl.String, "value": pl.Float64, "lower": pl.Float64,
        "upper": pl.Float64, "p": pl.Float64, "items": pl.Int64, "experts": pl.Int64, "verdict": pl.String,
        "reason": pl.String, "seed": pl.Int64,
    }
)  # fmt: skip
"""`score.agreement`: a statistic after a round; the row `gate` has the share of flagged indicators and what follows."""
EXPERT = pl.Schema(
    {
        **_SUBJECT, "round": pl.Int64, "expert_id": pl.String, "items": pl.Int64, "mean_deviation": pl.Float64,
        "is_severe": pl.Boolean, "total_without": pl.Float64,
    }
)  # fmt: skip
"""`score.expert`: how far an expert's levels lie from the mean of the others', and the total without that expert."""


@dataclass(frozen=True)
class Cap:
    """The highest level that counts, and why."""

    level: int
    reason: str


@dataclass(frozen=True)
class Panel:
    """What the panel found: `PANEL_ITEM`, `AGREEMENT`, `EXPERT`."""

    items: pl.DataFrame
    agreement: pl.DataFrame
    experts: pl.DataFrame


# ── the levels that count ────────────────────────────────────────────────────────────────────────────────────────


def of_period(given: pl.DataFrame, period: str, zone: str, known: Iterable[str]) -> pl.DataFrame:
    """The rows of `expert_score` that are about a period: those that name it, and of the others those given in it.

    What names no period and was given since the newest month with values is about the newest period. What was given in the
    first half of a period whose last month has no values yet is about the one before, if that one is over: panels meet after
    the year's end, and levels must not leave their year when the next one begins. Of such levels of one expert, indicator
    and round the latest counts. What bears no date either is about every period.

    Args:
        given: rows of `expert_score`, superseded ones among them.
        period: the evaluation period.
        zone: the enterprise's time zone.
        known: the periods and months there are values of.
    """
    months, there = months_of(period), {one for one in known if MONTH.fullmatch(one)}
    first, last = months[0], months[-1]
    if last not in there and beside(last, -_YEAR) in there:
        first = beside(first, _HALF)
    if there and max(there) <= last:
        last = "9999-12"
    elif last in there and beside(last, _YEAR) not in there:
        last = beside(last, _HALF)
    month = pl.col("scored_at").dt.convert_time_zone(zone).dt.strftime("%Y-%m")
    rows = given.with_row_index("__place__").filter(~pl.col("is_superseded"))
    is_in = pl.col("scored_at").is_null() | month.is_between(pl.lit(first), pl.lit(last))
    latest = (
        rows.filter(pl.col("period").is_null() & is_in)
        .sort("scored_at", descending=True, nulls_last=True, maintain_order=True)
        .unique(["expert_id", "indicator_id", "round"], keep="first", maintain_order=True)
    )
    return pl.concat([rows.filter(pl.col("period") == period), latest]).sort("__place__").drop("__place__")


def barred(experts: pl.DataFrame) -> set[str]:
    """The experts who are out of the whole assessment: employed or paid by the enterprise."""
    if "conflict" not in experts.columns:
        return set()
    return set(experts.filter(pl.col("conflict").is_in(WHOLE))["expert_id"])


def levels(experts: pl.DataFrame, indicators: Mapping[str, Indicator]) -> dict[str, dict[str, int]]:
    """Per indicator the level of each expert's last word.

    Who ever declared a conflict on an indicator is left out of it; who is employed or paid by the enterprise, of all.

    Args:
        experts: rows of `expert_score` of one assessment.
        indicators: those of the standard.

    Raises:
        CatalogueError: a level for something experts do not score, out of 0 to 5, or given twice in a round.
    """
    rows = _in_order(experts)
    _refuse_odd_levels(rows, indicators)
    gone = barred(experts)
    latest: dict[str, dict[str, int | None]] = defaultdict(dict)
    for row in rows:
        latest[row["indicator_id"]][row["expert_id"]] = row["level"]
    for row in rows:
        if row["is_conflicted"] or row["expert_id"] in gone:
            latest[row["indicator_id"]].pop(row["expert_id"], None)
    return {
        key: {expert: level for expert, level in given.items() if level is not None} for key, given in latest.items()
    }


def _in_order(experts: pl.DataFrame) -> list[dict[str, Any]]:
    return sorted(experts.rows(named=True), key=lambda row: (row["indicator_id"], row["expert_id"], row["round"]))


def _refuse_odd_levels(rows: list[dict[str, Any]], indicators: Mapping[str, Indicator]) -> None:
    keys = [(row["expert_id"], row["indicator_id"], row["round"]) for row in rows]
    odd = {
        "experts do not score / 不由专家评分": {
            row["indicator_id"]
            for row in rows
            if row["indicator_id"] not in indicators or indicators[row["indicator_id"]].is_computed
        },
        "no level from 0 to 5 / 等级应为 0–5": {row["indicator_id"] for row in rows if not _is_level(row)},
        "two levels of one expert in one round / 同一轮重复评分": {key[1] for key in keys if keys.count(key) > 1},
    }
    for complaint, ids in odd.items():
        if ids:
            raise CatalogueError(f"{', '.join(sorted(ids))}: {complaint}", "expert_score", "correct the panel's scores")


def _is_level(row: Mapping[str, Any]) -> bool:
    if row["level"] is None:
        return bool(row.get("is_absent") or row["is_conflicted"])
    return 0 <= row["level"] <= TOP_LEVEL


def panel_score(given: Iterable[int], profile: Profile) -> Fraction | None:
    """The score of the levels 0 to 5 of a panel, as the profile takes them together; None where the panel is too small."""
    ordered = sorted(given)
    if len(ordered) < profile.panel.minimum:
        return None
    if profile.panel.aggregate == "median":
        return Fraction(median(ordered)) * A_LEVEL
    if is_trimmed(len(ordered), profile):
        ordered = ordered[1:-1]
    return Fraction(sum(ordered), len(ordered)) * A_LEVEL


def is_trimmed(votes: int, profile: Profile) -> bool:
    """Whether the highest and the lowest of so many levels are left out."""
    return profile.panel.aggregate == "trimmed" and votes >= profile.panel.trimmed_from


# ── caps ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def metric_caps(values: pl.DataFrame, indicators: Mapping[str, Indicator] | None = None) -> dict[str, Cap]:
    """The indicators whose level 4 and 5 lack the metric they need.

    Args:
        values: chosen rows of `indicator.value` of one period and organisation, metrics among them.
        indicators: the catalogue.

    Returns:
        Indicator → level 3 and which metric is missing or out of its bounds. A metric that does not apply caps nothing.
    """
    known = {row["indicator_id"]: row for row in values.rows(named=True)}
    found = {}
    for key, one in (catalogue() if indicators is None else indicators).items():
        unmet = [
            f"{condition.metric}: {said} ({condition.words})"
            for condition in (one.rubric.caps if one.rubric else [])
            if (said := _unmet(condition, known.get(condition.metric))) is not None
        ]
        if unmet:
            found[key] = Cap(WITHOUT_METRIC, "; ".join(unmet))
    return found


def _unmet(condition: Condition, row: Mapping[str, Any] | None) -> str | None:
    """What a metric shows instead of what it should; None where it is met or does not apply."""
    if row is None:
        return "missing"
    if row["state"] == "not_applicable":
        return None
    if row["value"] is None:
        return "missing"
    if row["state"] == "partial" and (row.get("coverage") or 0) < COVERED:
        return f"partial, {100 * (row.get('coverage') or 0):.0f} %"
    return None if condition.is_met(row["value"]) else f"{row['value']:.6g} {row['unit']}"


def lowered(
    experts: pl.DataFrame, caps: Mapping[str, Cap] | None = None, register: Iterable[str] | None = None
) -> pl.DataFrame:
    """The rows of `expert_score` with levels lowered to what may count.

    Args:
        experts: rows as given.
        caps: by indicator, as `metric_caps` finds them; an expert's `over_cap_reason` lifts one, a comment does not.
        register: ids of the evidence that may be cited; a level above 1 needs one. None: no evidence is asked for.

    Returns:
        The same rows; `level` is what counts, `level_given` what the expert gave, `cap` and `cap_reason` the lowering,
        `evidence_ids` what of the evidence cited may be.
    """
    admissible = None if register is None else set(register)
    rows = []
    for row in experts.rows(named=True):
        cap = _cap_of(row, (caps or {}).get(row["indicator_id"]), admissible)
        level = row["level"] if cap is None else min(row["level"], cap.level)
        cited = sorted(_cited(row) if admissible is None else _cited(row) & admissible)
        rows.append(
            (row["level"], level, cap.level if cap else None, cap.reason if cap else None, "|".join(cited) or None)
        )
    lowered = pl.DataFrame(
        rows,
        schema={
            "level_given": pl.Int64,
            "level": pl.Int64,
            "cap": pl.Int64,
            "cap_reason": pl.String,
            "evidence_ids": pl.String,
        },
        orient="row",
    )
    return pl.concat([experts.drop("level", "evidence_ids", strict=False), lowered], how="horizontal")


def _cap_of(row: Mapping[str, Any], metric: Cap | None, admissible: set[str] | None) -> Cap | None:
    """What lowers this one level, if anything does."""
    level = row["level"]
    if level is None:
        return None
    if admissible is not None and level > WITHOUT_EVIDENCE and not _cited(row) & admissible:
        return Cap(WITHOUT_EVIDENCE, "evidence_not_admissible" if _cited(row) else "no_evidence")
    if metric is not None and level > metric.level and not (row.get("over_cap_reason") or "").strip():
        return metric
    return None


def _cited(row: Mapping[str, Any]) -> set[str]:
    return {one.strip() for one in (row.get("evidence_ids") or "").split("|") if one.strip()}


# ── what the panel found ─────────────────────────────────────────────────────────────────────────────────────────


def results(
    votes: pl.DataFrame,
    profile: Profile,
    subject: tuple[str, str],
    caps: Mapping[str, Cap] | None = None,
    total: Callable[[pl.DataFrame], float | None] | None = None,
    seed: int = SEED,
) -> Panel:
    """Aggregate the panel's levels round by round, and judge how far the experts agree.

    Args:
        votes: rows of `expert_score` of one assessment, as `lowered` gives them.
        profile: how levels are aggregated.
        subject: period and organisation.
        caps: by indicator, shown beside the levels.
        total: the total score that some votes make, for the total without each expert; None: it is left empty.
        seed: of bootstrap and permutations.

    Raises:
        CatalogueError: as `levels`.
    """
    head = {"period": subject[0], "org_id": subject[1], "profile_hash": profile.hash}
    held = sorted(set(votes["round"].to_list()))
    items: list[dict[str, Any]] = []
    agreement: list[dict[str, Any]] = []
    experts: list[dict[str, Any]] = []
    for number in held:
        state = _State(votes.filter(pl.col("round") <= number), number)
        found = [state.item(key, profile, (caps or {}).get(key)) for key in state.indicators]
        items += [row for row in found if number in state.rounds[row["indicator_id"]]]
        agreement += _agreement(state, sum(row["is_flagged"] for row in found), profile.panel.gate, seed)
        experts += _experts(state, total)
    _mark_contested(items, bool(held) and held[-1] >= LAST_ROUND)
    return Panel(*(
        pl.DataFrame([head | row for row in rows], schema=schema)
        for rows, schema in ((items, PANEL_ITEM), (agreement, AGREEMENT), (experts, EXPERT))
    ))  # fmt: skip


class _State:
    """The panel after a round."""

    def __init__(self, votes: pl.DataFrame, number: int) -> None:
        self.votes, self.number = votes, number
        rows = _in_order(votes)
        standard = {key: one for key, one in catalogue().items() if one.kind != "metric"}
        self.levels = levels(votes, standard)
        self.indicators = sorted(self.levels, key=natural)
        self.gone = barred(votes)
        self.panel = sorted({row["expert_id"] for row in rows})
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.rounds: dict[str, set[int]] = defaultdict(set)
        for row in rows:
            self.rows[row["indicator_id"]].append(row)
            self.rounds[row["indicator_id"]].add(row["round"])

    @property
    def seated(self) -> list[str]:
        """The experts who are not out of the whole assessment."""
        return [expert for expert in self.panel if expert not in self.gone]

    def excluded(self, key: str) -> set[str]:
        """Who may not score an indicator."""
        return self.gone | {row["expert_id"] for row in self.rows[key] if row["is_conflicted"]}

    def item(self, key: str, profile: Profile, cap: Cap | None) -> dict[str, Any]:
        """One indicator after this round."""
        given, excluded = self.levels[key], self.excluded(key)
        ordered = sorted(given.values())
        score = panel_score(ordered, profile)
        spread = ordered[-1] - ordered[0] if ordered else None
        cap, lifted = self._cap(key, cap)
        return {
            "indicator_id": key, "round": self.number, "votes": len(ordered),
            "absent": len(self.panel) - len(ordered) - len(excluded), "excluded": len(excluded),
            "lowest": ordered[0] if ordered else None, "highest": ordered[-1] if ordered else None, "spread": spread,
            "trimmed": score is not None and is_trimmed(len(ordered), profile),
            "level": None if score is None else float(score / A_LEVEL),
            "median": float(median(ordered)) if ordered else None, "cap": cap.level if cap else None,
            "cap_reason": cap.reason if cap else None, "lifted": lifted, "is_flagged": spread is not None and spread >= profile.panel.gate.apart, "is_contested": False,
            "evidence_ids": "|".join(sorted(set().union(*(_cited(row) for row in self._counting(key))))) or None,
        }  # fmt: skip

    def _counting(self, key: str) -> list[dict[str, Any]]:
        """The rows whose level counts."""
        last = {row["expert_id"]: row for row in self.rows[key]}
        return [row for expert, row in last.items() if expert in self.levels[key]]

    def _cap(self, key: str, metric: Cap | None) -> tuple[Cap | None, int | None]:
        """The indicator's cap: for want of evidence where no expert had any, else its metric's, with how many lifted it."""
        counting = self._counting(key)
        lowered = [row.get("cap_reason") or "" for row in counting if row.get("cap") == WITHOUT_EVIDENCE]
        if lowered and not any(row["level"] > WITHOUT_EVIDENCE for row in counting):
            return Cap(WITHOUT_EVIDENCE, min(lowered)), None
        return metric, None if metric is None else sum(row["level"] > metric.level for row in counting)

    def matrix(self) -> Ratings:
        """Levels, indicators by experts; NaN where there is none."""
        return np.array(
            [[float(self.levels[key].get(expert, math.nan)) for expert in self.seated] for key in self.indicators]
        ).reshape(len(self.indicators), len(self.seated))


def contested(votes: pl.DataFrame, profile: Profile) -> frozenset[str]:
    """The indicators whose levels still lie far apart when the last round is held."""
    if not votes.height or max(votes["round"]) < LAST_ROUND:
        return frozenset()
    standard = {key: one for key, one in catalogue().items() if one.kind != "metric"}
    given = {key: list(of.values()) for key, of in levels(votes, standard).items() if of}
    return frozenset(key for key, found in given.items() if max(found) - min(found) >= profile.panel.gate.apart)


def _mark_contested(items: list[dict[str, Any]], is_over: bool) -> None:
    """What is still flagged when the last round is held stays contested."""
    latest = {row["indicator_id"]: row for row in items}
    for row in latest.values():
        row["is_contested"] = is_over and row["is_flagged"]


def _agreement(state: _State, flagged: int, gate: Gate, seed: int) -> list[dict[str, Any]]:
    whole = state.matrix()
    complete = whole[~np.isnan(whole).any(axis=1)]
    concordance = kendall_w(complete, seed)
    bare = {"round": state.number, "seed": seed, "experts": len(state.seated)}
    values, counts = tally(whole)
    alpha = alpha_of(values, counts)
    intervals = {
        "krippendorff_alpha_ordinal": bootstrap(counts, lambda drawn: alpha_of(values, drawn), seed),
        "krippendorff_alpha_interval": bootstrap(counts, lambda drawn: alpha_of(values, drawn, "interval"), seed),
        "kendall_w": bootstrap(complete, lambda drawn: kendall_w(drawn, permutations=0).statistic, seed),
        "icc_2k": bootstrap(complete, icc, seed),
    }
    found = {
        "krippendorff_alpha_ordinal": alpha, "krippendorff_alpha_interval": alpha_of(values, counts, "interval"),
        "kendall_w": concordance.statistic, "icc_2k": icc(complete),
    }  # fmt: skip
    rows = []
    for name, statistic in found.items():
        low, high = intervals[name] or (None, None)
        rows.append(bare | {
            "statistic": name, "value": statistic.value, "lower": low, "upper": high,
            "p": concordance.p if name == "kendall_w" else None,
            "items": len(counts) if name.startswith("krippendorff") else len(complete),
            "verdict": _verdict(name, statistic.value, gate), "reason": statistic.reason,
        })  # fmt: skip
    return [*rows, bare | _passed(state, alpha, flagged, gate)]


def _verdict(name: str, value: float | None, gate: Gate) -> str | None:
    alpha = ((float(gate.good_alpha), "good"), (float(gate.alpha), "tentative"), (-math.inf, "insufficient"))
    bands = {"krippendorff_alpha_ordinal": alpha, "krippendorff_alpha_interval": alpha, "kendall_w": _W_BANDS}
    if name not in bands:
        return None
    if value is None:
        return "undefined"
    return next(word for least, word in bands[name] if value >= least)


def _passed(state: _State, alpha: Statistic, flagged: int, gate: Gate) -> dict[str, Any]:
    """Whether the panel may close: levels far apart are discussed; where alpha is low as well, all is scored again."""
    items = sum(len(given) > 1 for given in state.levels.values())  # one level lies apart from nothing
    row: dict[str, Any] = {"statistic": "gate", "items": items, "value": flagged / items if items else None}
    if alpha.reason == NO_PAIRS:
        return row | {"reason": NO_PAIRS}
    if not flagged:
        return row | {"verdict": "passed"}
    if state.number >= LAST_ROUND:
        return row | {"verdict": "contested"}
    is_low = alpha.value is not None and alpha.value < float(gate.alpha)
    is_wide = Fraction(flagged, items) > Fraction(gate.share)
    return row | {"verdict": "second_round" if is_low and is_wide else "discuss_flagged"}


def _experts(state: _State, total: Callable[[pl.DataFrame], float | None] | None) -> list[dict[str, Any]]:
    rows = []
    for expert in state.seated:
        deviations = [
            given[expert] - Fraction(sum(given.values()) - given[expert], len(given) - 1)
            for given in state.levels.values()
            if expert in given and len(given) > 1
        ]
        mean = sum(deviations, Fraction(0)) / len(deviations) if deviations else None
        rows.append({
            "round": state.number, "expert_id": expert, "items": len(deviations),
            "mean_deviation": None if mean is None else float(mean),
            "is_severe": mean is not None and abs(mean) > Fraction(repr(SEVERE)) and len(deviations) >= SEVERE_ITEMS,
            "total_without": total(state.votes.filter(pl.col("expert_id") != expert)) if total else None,
        })  # fmt: skip
    return rows
