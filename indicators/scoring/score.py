"""From values and expert levels to scores: pure functions, exact arithmetic, one rounding.

Numbers become fractions when they enter and floats when they leave, so the order of rows cannot change a digit and a
score on the edge of a grade falls where the rule says.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl

from indicators.declared import Indicator, catalogue
from indicators.scoring.profile import Anchors, Profile
from schemas.errors import CatalogueError

FULL = Fraction(100)
_TOP_LEVEL = 5
_YEAR = 12  # months
_AT = (Fraction(0), Fraction(60), Fraction(80), FULL)

RESULT = pl.Schema(
    {
        "period": pl.String, "org_id": pl.String, "profile_hash": pl.String, "level": pl.String, "id": pl.String,
        "score": pl.Float64, "weight": pl.Float64, "lower": pl.Float64, "upper": pl.Float64, "state": pl.String,
        "grade": pl.String, "coverage": pl.Float64, "reason": pl.String,
    }
)  # fmt: skip
"""`score.result`: `weight` is the share of the total, `coverage` the share of the weight with data, `reason` a code."""


@dataclass(frozen=True)
class Judgement:
    """What is known about one indicator: a score, or why there is none (`missing`, `not_applicable`)."""

    state: str
    score: Fraction | None = None
    reason: str | None = None

    @property
    def applies(self) -> bool:
        """Whether it has a weight."""
        return self.state != "not_applicable"


NOT_SELECTED = Judgement("not_applicable", None, "not_selected")


def score(
    values: pl.DataFrame,
    experts: pl.DataFrame,
    profile: Profile,
    applicable: Collection[str] | None = None,
) -> pl.DataFrame:
    """Score one organisation in one period.

    Args:
        values: rows of `indicator.value` of one period and one organisation; with a column `is_chosen`, only the
            chosen reading of each indicator counts. Metrics may be among them and are not scored.
        experts: rows of `expert_score` (expert_id, indicator_id, round, level, is_conflicted) of that assessment.
        profile: the method.
        applicable: the indicators that apply; all that the profile does not exclude by default.

    Returns:
        `RESULT`: indicators in natural order, then groups, pillars E S G, and the total; full precision.

    Raises:
        CatalogueError: rows of several periods or organisations, several readings of one indicator, or expert
            levels for something experts do not score.
    """
    indicators = {key: one for key, one in catalogue().items() if one.kind != "metric"}
    period, org_id = _subject(values)
    rows, levels = _chosen(values, indicators), _levels(experts, indicators)
    selected = _selected(indicators, profile, applicable)
    judged = {
        key: _judge(one, rows.get(key), levels.get(key), profile) if key in selected else NOT_SELECTED
        for key, one in indicators.items()
    }
    weights = _weights(judged, indicators, profile)
    lines = [_indicator_line(key, judged[key], weights[key]) for key in indicators]
    lines += [_sum_line("group", name, keys, judged, weights) for name, keys in _by(indicators, "group").items()]
    pillars = [_sum_line("pillar", name, keys, judged, weights) for name, keys in _by(indicators, "pillar").items()]
    total = _sum_line("total", "total", list(indicators), judged, weights)
    _grade(pillars, total, profile, _too_few_experts(levels, judged, indicators, profile))
    subject = {"period": period, "org_id": org_id, "profile_hash": profile.hash}
    frame = [subject | {name: _plain(item) for name, item in line.items()} for line in (*lines, *pillars, total)]
    return pl.DataFrame(frame, schema=RESULT)


def panel_score(levels: Iterable[int], profile: Profile) -> Fraction | None:
    """The score of the levels 0 to 5 of a panel: the trimmed or plain mean; None where the panel is too small."""
    ordered = sorted(levels)
    if len(ordered) < profile.panel.minimum:
        return None
    if len(ordered) >= profile.panel.trimmed_from:
        ordered = ordered[1:-1]
    return Fraction(sum(ordered), len(ordered)) * FULL / _TOP_LEVEL


def anchored_score(value: Fraction, anchors: Anchors) -> Fraction | None:
    """The score of a value on straight lines between the anchors, never below 0 or above 100; None without anchors."""
    points = anchors.points()
    if points is None:
        return None
    sign = 1 if anchors.direction == "higher" else -1
    at = [sign * Fraction(point) for point in points]
    x = sign * value
    if x <= at[0]:
        return _AT[0]
    for (left, right), (low, high) in zip(pairwise(at), pairwise(_AT), strict=True):
        if x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return FULL


def two_places(number: Fraction | float) -> Decimal:
    """A score as it is printed and graded: two decimals, half up."""
    exact = number if isinstance(number, Fraction) else Fraction(repr(number))
    return Decimal(math.floor(exact * 100 + Fraction(1, 2))).scaleb(-2)


def grade(number: Fraction | float, profile: Profile) -> str:
    """The grade of a score: the best whose lower edge the rounded score reaches."""
    reached = {name: edge for name, edge in profile.grades.items() if two_places(number) >= edge}
    return max(reached, key=lambda name: reached[name])


def _subject(values: pl.DataFrame) -> tuple[str, str]:
    subjects = values.select("period", "org_id").unique().rows()
    if len(subjects) != 1:
        raise CatalogueError(
            f"scores are for one period and one organisation, {len(subjects)} given / 每次只能评价一个期间和一个主体",
            "indicator.value",
            "filter the values first",
        )
    return subjects[0]


def _chosen(values: pl.DataFrame, indicators: Mapping[str, Indicator]) -> dict[str, dict[str, Any]]:
    chosen = values.filter("is_chosen") if "is_chosen" in values.columns else values
    rows = chosen.filter(pl.col("indicator_id").is_in(list(indicators))).rows(named=True)
    found = {row["indicator_id"]: row for row in rows}
    if len(found) != len(rows):
        twice = sorted({row["indicator_id"] for row in rows if row is not found[row["indicator_id"]]})
        raise CatalogueError(
            f"{', '.join(twice)}: several readings, none or more than one chosen / 同一指标有多个取值",
            "indicator.value",
            "choose one policy (is_chosen)",
        )
    return found


def _levels(experts: pl.DataFrame, indicators: Mapping[str, Indicator]) -> dict[str, dict[str, int]]:
    """Per indicator the level of each expert's latest round; who ever declared a conflict on it is left out."""
    rows = sorted(experts.rows(named=True), key=lambda row: (row["indicator_id"], row["expert_id"], row["round"]))
    _refuse_odd_levels(rows, indicators)
    latest: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        latest[row["indicator_id"]][row["expert_id"]] = row["level"]
    for row in rows:
        if row["is_conflicted"]:
            latest[row["indicator_id"]].pop(row["expert_id"], None)
    return latest


def _refuse_odd_levels(rows: list[dict[str, Any]], indicators: Mapping[str, Indicator]) -> None:
    keys = [(row["expert_id"], row["indicator_id"], row["round"]) for row in rows]
    odd = {
        "experts do not score / 不由专家评分": {
            row["indicator_id"]
            for row in rows
            if row["indicator_id"] not in indicators or indicators[row["indicator_id"]].is_computed
        },
        "no level from 0 to 5 / 等级应为 0–5": {
            row["indicator_id"] for row in rows if row["level"] is None or not 0 <= row["level"] <= _TOP_LEVEL
        },
        "two levels of one expert in one round / 同一轮重复评分": {key[1] for key in keys if keys.count(key) > 1},
    }
    for complaint, ids in odd.items():
        if ids:
            raise CatalogueError(f"{', '.join(sorted(ids))}: {complaint}", "expert_score", "correct the panel's scores")


def _selected(indicators: Mapping[str, Indicator], profile: Profile, applicable: Collection[str] | None) -> set[str]:
    chosen = set(indicators) if applicable is None else set(applicable)
    if unknown := sorted(chosen - set(indicators)):
        raise CatalogueError(f"{', '.join(unknown)}: no such indicator / 没有该指标", "applicable", "name it A.1.1 …")
    return chosen - set(profile.not_applicable)


def _judge(one: Indicator, row: dict[str, Any] | None, levels: dict[str, int] | None, profile: Profile) -> Judgement:
    if one.is_computed:
        return _judge_value(one.id, row, profile)
    if levels is None:
        return Judgement("missing", None, "no_expert_score")
    points = panel_score(levels.values(), profile)
    return Judgement("missing", None, "panel_too_small") if points is None else Judgement("measured", points)


def _judge_value(key: str, row: dict[str, Any] | None, profile: Profile) -> Judgement:
    if row is None:
        return Judgement("missing", None, "no_value")
    if row["state"] == "not_applicable":
        return Judgement("missing" if key in profile.core else "not_applicable", None, row["reason"])
    if row["value"] is None or row["state"] == "missing":
        return Judgement("missing", None, row["reason"] or "no_value")
    if row["value"] < 0 or not math.isfinite(row["value"]):
        return Judgement("missing", None, "value_out_of_range")
    if row["state"] == "partial" and (row["coverage"] is None or row["coverage"] < profile.scored_from_months / _YEAR):
        return Judgement("missing", None, "coverage_too_low")
    points = anchored_score(Fraction(repr(row["value"])), profile.anchors[key]) if key in profile.anchors else None
    return Judgement("missing", None, "no_anchor") if points is None else Judgement(row["state"], points, row["reason"])


def _weights(
    judged: Mapping[str, Judgement], indicators: Mapping[str, Indicator], profile: Profile
) -> dict[str, Fraction]:
    """Each indicator's share of the total: pillars in proportion, alike inside a pillar; 0 for what does not apply."""
    of_pillar = {str(name): Fraction(weight) for name, weight in profile.pillars.items()}
    members = {name: [key for key in keys if judged[key].applies] for name, keys in _by(indicators, "pillar").items()}
    whole = sum((of_pillar[name] for name, keys in members.items() if keys), Fraction(0))
    shares = {key: of_pillar[name] / whole / len(keys) for name, keys in members.items() for key in keys}
    return {key: shares.get(key, Fraction(0)) for key in indicators}


def _by(indicators: Mapping[str, Indicator], what: str) -> dict[str, list[str]]:
    """The indicators of each pillar, or of each group by its Chinese name, in catalogue order."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, one in indicators.items():
        found[one.pillar if what == "pillar" or one.group is None else one.group.zh].append(key)
    return found


def _line(level: str, name: str, weight: Fraction, state: str, **more: object) -> dict[str, Any]:
    blank = dict.fromkeys(("score", "lower", "upper", "grade", "coverage", "reason"))
    return {"level": level, "id": name, "weight": weight, "state": state, **blank, **more}


def _bounds(judgement: Judgement) -> tuple[Fraction, Fraction, Fraction]:
    """Score, lower and upper bound: what is missing counts 0 and might have been anything."""
    if judgement.score is None:
        return Fraction(0), Fraction(0), FULL
    return judgement.score, judgement.score, judgement.score


def _indicator_line(key: str, judgement: Judgement, weight: Fraction) -> dict[str, Any]:
    if not judgement.applies:
        return _line("indicator", key, weight, judgement.state, reason=judgement.reason)
    points, lower, upper = _bounds(judgement)
    known = Fraction(judgement.score is not None)
    return _line(
        "indicator", key, weight, judgement.state,
        score=points, lower=lower, upper=upper, coverage=known, reason=judgement.reason,
    )  # fmt: skip


def _sum_line(
    level: str, name: str, members: list[str], judged: Mapping[str, Judgement], weights: Mapping[str, Fraction]
) -> dict[str, Any]:
    """The weighted mean of indicators, its bounds, and the share of the weight that has data."""
    applying = [key for key in members if judged[key].applies]
    weight = sum((weights[key] for key in applying), Fraction(0))
    if not applying:
        return _line(level, name, weight, "not_applicable", reason="not_selected")
    points, lower, upper = (
        sum((weights[key] * _bounds(judged[key])[which] for key in applying), Fraction(0)) / weight
        for which in range(3)
    )
    known = sum((weights[key] for key in applying if judged[key].score is not None), Fraction(0)) / weight
    whole = known == 1 and all(judged[key].state != "partial" for key in applying)
    state = "missing" if known == 0 else "calculated" if whole else "partial"
    line = _line(level, name, weight, state, score=points, lower=lower, upper=upper, coverage=known)
    line["left_out"] = Fraction(len(members) - len(applying), len(members))
    return line


def _too_few_experts(
    levels: Mapping[str, dict[str, int]],
    judged: Mapping[str, Judgement],
    indicators: Mapping[str, Indicator],
    profile: Profile,
) -> bool:
    needed = any(judged[key].applies and not one.is_computed for key, one in indicators.items())
    return needed and len({expert for given in levels.values() for expert in given}) < profile.panel.minimum


def _grade(pillars: list[dict[str, Any]], total: dict[str, Any], profile: Profile, too_few_experts: bool) -> None:
    """Give pillars and total their grade, or the reason why it is withheld."""
    applying = [line for line in pillars if line["score"] is not None]
    for line in applying:
        if line["coverage"] < Fraction(profile.coverage_gate):
            line["reason"] = "coverage_below_gate"
            continue
        line["grade"] = grade(line["score"], profile)
        if line["left_out"] > Fraction(profile.limited_scope_above):
            line["reason"] = "limited_scope"
    if too_few_experts:
        total["reason"] = "panel_too_small"
    elif any(line["grade"] is None for line in applying):
        total["reason"] = "coverage_below_gate"
    elif applying:
        total["grade"] = grade(total["score"], profile)


def _plain(item: object) -> object:
    return float(item) if isinstance(item, Fraction) else item
