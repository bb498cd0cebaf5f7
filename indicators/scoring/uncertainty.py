"""How sure a score is: drawn many times over, computed in other ways, and with one thing changed at a time.

What is varied, and how far, is declared in the profile. The draws come from one seeded generator in the order of the
indicators; statistics are kept to six decimals, so that no processor's last digit shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from indicators.declared import catalogue, trees
from indicators.scoring.panel import A_LEVEL, FULL, is_trimmed, panel_score
from indicators.scoring.profile import Profile
from indicators.scoring.score import (
    NO_METRIC,
    NOT_SELECTED,
    Assessment,
    Judgement,
    Line,
    assess,
    judged,
    line_of,
    scored,
    usable,
)
from indicators.scoring.weights import ROOT, Weighting
from schemas.errors import CatalogueError

_SUBJECT = {"period": pl.String, "org_id": pl.String, "profile_hash": pl.String}
_STATISTICS = ("mean", "sd", "p05", "p25", "p50", "p75", "p95")
MONTE_CARLO = pl.Schema(
    {
        **_SUBJECT,
        "id": pl.String,
        "runs": pl.Int64,
        "seed": pl.Int64,
        **dict.fromkeys(_STATISTICS, pl.Float64),
        "grade_note": pl.String,
    }
)
"""`score.monte_carlo`: `id` total, E, S, G, and the same with `.missing_drawn` where what is missing is drawn from 0 to 100;
`grade_note` is the grade as it must be printed: with its neighbour where it is not certain enough."""
GRADE_PROBABILITY = pl.Schema({**_SUBJECT, "id": pl.String, "grade": pl.String, "probability": pl.Float64})
ALTERNATIVE = pl.Schema(
    {
        **_SUBJECT,
        "name": pl.String,
        "title_zh": pl.String,
        "title_en": pl.String,
        "total": pl.Float64,
        "grade": pl.String,
        "difference": pl.Float64,
    }
)
"""`score.alternative`: the total with one choice of method made otherwise; `difference` to the profile's own."""
SWING = pl.Schema(
    {
        **_SUBJECT,
        "indicator_id": pl.String,
        "what": pl.String,
        **dict.fromkeys(("low_total", "high_total", "swing"), pl.Float64),
    }
)
"""`score.swing`: the total with one thing of one indicator at either end: its weight, activity, anchors, experts (all at the lowest or highest level given),
or what is missing (0 or 100)."""
LEFT_OUT = pl.Schema(
    {**_SUBJECT, "indicator_id": pl.String, "total": pl.Float64, "grade": pl.String, "difference": pl.Float64}
)
"""`score.left_out`: total and grade without one indicator, its weight gone to its siblings; `difference` to the total with it."""

MISSING_DRAWN = ".missing_drawn"
_PLACES = 6
_PERCENT = 100.0


def monte_carlo(base: Assessment) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of `score.monte_carlo` and `score.grade_probability`."""
    found = {"": simulated(base)}
    if base.profile.monte_carlo.missing and any(base.before[key].score is None for key in base.applicable):
        found[MISSING_DRAWN] = simulated(base, draw_missing=True)
    set_up = base.profile.monte_carlo
    statistics, chances = [], []
    for suffix, draws in found.items():
        for name, scores in draws.items():
            probability = probabilities(scores, base.profile)
            note = None if suffix else grade_note(base.line(name)["grade"], probability, base.profile)
            cuts = np.percentile(scores, (5, 25, 50, 75, 95))
            numbers = (scores.mean(), scores.std(ddof=1), *cuts)
            statistics.append(
                {"id": name + suffix, "runs": set_up.runs, "seed": set_up.seed, "grade_note": note}
                | {what: round(float(one), _PLACES) for what, one in zip(_STATISTICS, numbers, strict=True)}
            )
            chances += [{"id": name + suffix, "grade": grade, "probability": p} for grade, p in probability.items()]
    return base.frame(statistics, MONTE_CARLO), base.frame(chances, GRADE_PROBABILITY)


def simulated(base: Assessment, *, draw_missing: bool = False) -> dict[str, np.ndarray]:
    """The total and the pillars of every run, from weights, panels, values and anchors drawn anew.

    Args:
        base: the assessment the draws are about.
        draw_missing: whether what is missing is drawn from U(0, 100) instead of counting as the profile says.
    """
    set_up = base.profile.monte_carlo
    shares = base.applicable if draw_missing else base.shares
    random = np.random.default_rng(set_up.seed)
    keys = [key for key in base.before if key in shares]
    points = {key: base.effects.on_indicator(key, _drawn(key, base, random), np.minimum) for key in keys}
    factors = {key: _factors(base.profile, random) for key in keys}
    pillars: dict[str, tuple[list[str], np.ndarray]] = {}
    weights: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(str(catalogue()[key].pillar) for key in keys):
        members = [key for key in keys if catalogue()[key].pillar == name and shares[key]]
        if members:
            share = sum(shares[key] for key in members)
            pillars[name] = (members, _factors(base.profile, random) * float(share))
    if draw_missing:  # last, so that everything else is as in the other run
        for key in [key for key in keys if base.before[key].score is None]:
            points[key] = base.effects.on_indicator(key, random.uniform(0, float(FULL), set_up.runs), np.minimum)
    scores: dict[str, np.ndarray] = {}
    for name, (members, weight) in pillars.items():
        inner = {key: factors[key] * float(shares[key]) for key in members}
        mean = sum(inner[key] * points[key] for key in members) / sum(inner.values())
        scores[name], weights[name] = base.effects.on_pillar(name, mean, np.minimum, np.maximum), weight
    if not scores:  # nothing that counts has data
        return {}
    return {"total": base.effects.on_total(_together(scores, weights, base.profile), np.minimum), **scores}


def _together(scores: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray], profile: Profile) -> np.ndarray:
    whole = sum(weights.values())
    if profile.pillar_aggregate == "arithmetic":
        return np.asarray(sum(weights[name] * one for name, one in scores.items()) / whole)
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(sum(weights[name] * np.log(one) for name, one in scores.items()) / whole))


def _factors(profile: Profile, random: np.random.Generator) -> np.ndarray:
    """What a weight is multiplied by in every run."""
    spread = float(profile.monte_carlo.weight_spread)
    return (
        random.uniform(1 - spread, 1 + spread, profile.monte_carlo.runs)
        if spread
        else np.ones(profile.monte_carlo.runs)
    )


def _drawn(key: str, base: Assessment, random: np.random.Generator) -> np.ndarray:
    """The score of an indicator in every run, before events."""
    known, runs = base.before[key].score, base.profile.monte_carlo.runs
    if known is None:
        return np.full(runs, float(base.points("before_events").get(key, 0)))  # what is dropped is only drawn
    if catalogue()[key].is_computed:
        return _values_drawn(key, base, random)
    levels = sorted(base.facts.levels[key].values())
    if not base.profile.monte_carlo.experts:
        return np.full(runs, float(known))
    picked = np.sort(np.array(levels, dtype=float)[random.integers(0, len(levels), (runs, len(levels)))], axis=1)
    drawn = _taken_together(picked, base.profile) * float(A_LEVEL)
    plain = panel_score(levels, base.profile)
    assert plain is not None  # noqa: S101 - otherwise it had no score
    blended = key in base.profile.blend.metrics and base.before[key].reason != NO_METRIC
    own = 1 - float(base.profile.blend.share) if blended else 1.0
    return float(known) + own * (drawn - float(plain))


def _taken_together(levels: np.ndarray, profile: Profile) -> np.ndarray:
    """The levels of each run, sorted, as one."""
    if profile.panel.aggregate == "median":
        return np.asarray(np.median(levels, axis=1))
    trimmed = is_trimmed(levels.shape[1], profile)
    return np.asarray((levels[:, 1:-1] if trimmed else levels).mean(axis=1))


def _values_drawn(key: str, base: Assessment, random: np.random.Generator) -> np.ndarray:
    """The score of a value that is off by what its state allows, on anchors that are moved together."""
    set_up, line = base.profile.monte_carlo, line_of(key, base.facts, base.profile)
    value = usable(base.facts.values[key], base.profile).score
    assert line is not None  # noqa: S101 - otherwise it had no score
    assert value is not None  # noqa: S101
    band, shift = float(_band(key, base)), float(_shift(key, line, base))
    x = np.full(set_up.runs, float(value))
    if band:
        x = x + float(_exposed(key, value)) * random.uniform(-band, band, set_up.runs)
    if shift:
        x = x - shift * random.uniform(-1, 1, set_up.runs)
    return np.asarray(np.interp(x, [float(at) for at, _ in line], [float(score) for _, score in line]))


def _shift(key: str, line: Line, base: Assessment) -> Fraction:
    """How far anchors move; the values of peers are what they are."""
    spread = Fraction(0) if key in base.profile.normalisation else Fraction(base.profile.monte_carlo.anchor_spread)
    return spread * (line[-1][0] - line[0][0])


def _band(key: str, base: Assessment) -> Decimal:
    """The relative half-width of the error of a value, by its state."""
    return base.profile.monte_carlo.activity.get(base.facts.values[key]["state"], Decimal(0))


def _exposed(key: str, value: Fraction) -> Fraction:
    """What an error is relative to: the value, or of a share the rarer side, whichever of the two it states."""
    return min(value, FULL - value) if catalogue()[key].unit == "%" and value <= FULL else value


def probabilities(scores: np.ndarray, profile: Profile) -> dict[str, float]:
    """The share of runs in each grade, best first; scores are rounded half up to two decimals before, as always."""
    best_first = sorted(profile.grades, key=lambda name: -profile.grades[name])
    hundredths = np.floor(scores * _PERCENT + 0.5)
    reached = {name: float((hundredths >= float(profile.grades[name] * 100)).mean()) for name in best_first}
    below = [0.0, *(reached[name] for name in best_first[:-1])]
    return {name: round(reached[name] - less, _PLACES) for name, less in zip(best_first, below, strict=True)}


def grade_note(grade: str | None, probability: Mapping[str, float], profile: Profile) -> str | None:
    """A grade as it is printed: alone, or, where it is not certain enough, with the likeliest other one."""
    if grade is None or probability[grade] >= profile.monte_carlo.certain_from:
        return grade
    others = {name: chance for name, chance in probability.items() if name != grade}
    return f"{grade} ({max(others, key=lambda name: others[name])} possible)"


# ── other choices ────────────────────────────────────────────────────────────────────────────────────────────────────


def alternatives(base: Assessment) -> pl.DataFrame:
    """The rows of `score.alternative`: the profile's own total first, then one choice after the other made otherwise.

    Where a choice cannot be made (the panel's judgements contradict each other, say) there is no total.
    """
    found: list[tuple[_Choice, Assessment | None]] = [(_Choice("profile", "本评价方法", "as the profile says"), base)]
    found += [(choice, _made(base, choice)) for choice in _choices(base)]
    found += [(choice, _changed(base, judgements)) for choice, judgements in _judged_otherwise(base) if judgements]
    return base.frame(
        [
            {
                "name": choice.name, "title_zh": choice.zh, "title_en": choice.en, "total": None if one is None else one.total,
                "grade": None if one is None else one.line("total")["grade"], "difference": _less(one, base),
            }
            for choice, one in found
        ],
        ALTERNATIVE,
    )  # fmt: skip


@dataclass(frozen=True)
class _Choice:
    """One choice of method made otherwise: the parts of the profile it replaces."""

    name: str
    zh: str
    en: str
    changes: Mapping[str, Any] = field(default_factory=dict)


def _made(base: Assessment, choice: _Choice) -> Assessment | None:
    try:
        return assess(base.facts, base.profile.changed(**choice.changes))
    except CatalogueError:
        return None


def _less(one: Assessment | None, base: Assessment) -> Fraction | None:
    return None if one is None or one.total is None or base.total is None else one.total - base.total


def _choices(base: Assessment) -> list[_Choice]:
    """The choices that differ from the profile's."""
    profile = base.profile
    made = [
        *_weightings(base),
        _Choice("pillars_arithmetic", "维度算术平均", "arithmetic mean of pillars", {"pillar_aggregate": "arithmetic"}),
        _Choice("pillars_geometric", "维度几何平均", "geometric mean of pillars", {"pillar_aggregate": "geometric"}),
        *(
            _Choice(f"experts_{how}", zh, f"{how} of experts", {"panel": profile.panel.model_copy(update={"aggregate": how})})
            for how, zh in (("trimmed", "专家分去极值平均"), ("median", "专家分取中位数"), ("mean", "专家分取平均"))
        ),
        _Choice("missing_zero", "缺失记零", "what is missing counts 0", {"missing": "zero"}),
        _Choice("missing_drop", "缺失剔除", "what is missing is dropped", {"missing": "drop"}),
        *(
            _Choice(f"blend_{share}", f"指标混合比例 {share}", f"metrics count {share}", {"blend": profile.blend.model_copy(update={"share": share})})
            for share in (Decimal("0.0"), Decimal("0.5"))
            if profile.blend.metrics
        ),
    ]  # fmt: skip
    return [choice for choice in made if any(getattr(profile, name) != part for name, part in choice.changes.items())]


def _weightings(base: Assessment) -> Iterator[_Choice]:
    """Weights of other methods, on every version of the tree."""
    words = {"flat": "维度内等权", "hierarchical": "分组等权", "ahp": "层次分析"}
    for method, zh in words.items():
        weights = base.profile.weights.model_copy(update={"method": method, "fixed": {}})
        for version in trees():
            if method != "ahp" or base.facts.judgements:
                yield _Choice(f"weights_{method}_{version}", f"{zh}，指标体系 {version}", f"{method} weights, tree {version}",
                              {"weights": weights, "tree": version})  # fmt: skip


def _judged_otherwise(base: Assessment) -> Iterator[tuple[_Choice, dict[str, Judgement]]]:
    """What is missing at its best, and what the panel did not agree on at either end."""
    missing = [key for key in base.applicable if base.before[key].score is None]
    yield (_Choice("missing_full", "缺失记满分", "what is missing counts 100"),
           {key: replace(base.before[key], score=FULL) for key in missing})  # fmt: skip
    contested = sorted(base.facts.contested & set(base.shares))
    for name, end, zh, en in (("lowest", min, "最低", "lowest"), ("highest", max, "最高", "highest")):
        yield (_Choice(f"contested_{name}", f"争议指标取{zh}等级", f"contested indicators at the {en} level given"),
               {key: _all_at(key, end(base.facts.levels[key].values()), base) for key in contested})  # fmt: skip


def _changed(base: Assessment, judgements: Mapping[str, Judgement]) -> Assessment:
    """The assessment with some indicators judged otherwise; what was missing stays missing for coverage and grade."""
    return replace(base, before={**base.before, **judgements})


def _all_at(key: str, level: int, base: Assessment) -> Judgement:
    """An indicator all of whose experts gave one level."""
    levels = {**base.facts.levels, key: dict.fromkeys(base.facts.levels[key], level)}
    return judged(key, replace(base.facts, levels=levels), base.profile)


# ── one at a time ────────────────────────────────────────────────────────────────────────────────────────────────────


def swings(base: Assessment) -> pl.DataFrame:
    """The rows of `score.swing`, the largest first."""
    rows = []
    for key in base.shares:
        for what, ends in _ends(key, base).items():
            totals = sorted(total for one in ends if (total := one.total) is not None)
            if len(totals) == len(ends):
                rows.append(
                    {
                        "indicator_id": key,
                        "what": what,
                        "low_total": totals[0],
                        "high_total": totals[-1],
                        "swing": totals[-1] - totals[0],
                    }
                )
    return base.frame(
        sorted(rows, key=lambda row: (-row["swing"], list(base.before).index(row["indicator_id"]), row["what"])), SWING
    )


def left_out(base: Assessment) -> pl.DataFrame:
    """The rows of `score.left_out`, the largest effect first; no total where nothing else is scored."""
    rows = []
    for key in base.shares:
        without = _changed(base, {key: NOT_SELECTED})
        rows.append(
            {
                "indicator_id": key,
                "total": without.total,
                "grade": without.line("total")["grade"],
                "difference": _less(without, base),
            }
        )
    place = list(base.before).index
    return base.frame(
        sorted(rows, key=lambda row: (-abs(row["difference"] or 0), place(row["indicator_id"]))), LEFT_OUT
    )


def _ends(key: str, base: Assessment) -> dict[str, tuple[Assessment, ...]]:
    """The assessments with one thing of an indicator at either end."""
    judgement, found = base.before[key], {}
    if judgement.score is None:
        found["missing"] = tuple(
            _changed(base, {key: replace(judgement, score=points)}) for points in (Fraction(0), FULL)
        )
    elif catalogue()[key].is_computed:
        found |= _ends_of_value(key, base)
    elif base.profile.monte_carlo.experts:
        given = base.facts.levels[key].values()
        found["experts"] = tuple(_changed(base, {key: _all_at(key, level, base)}) for level in (min(given), max(given)))
    if spread := Fraction(base.profile.monte_carlo.weight_spread):
        found["weight"] = tuple(_reweighed(key, 1 + sign * spread, base) for sign in (-1, 1))
    return found


def _ends_of_value(key: str, base: Assessment) -> dict[str, tuple[Assessment, ...]]:
    line, value = line_of(key, base.facts, base.profile), usable(base.facts.values[key], base.profile).score
    assert line is not None  # noqa: S101 - otherwise it had no score
    assert value is not None  # noqa: S101
    moves = {
        "activity": Fraction(_band(key, base)) * _exposed(key, value),
        "anchors": _shift(key, line, base),
    }
    return {
        what: tuple(
            _changed(base, {key: replace(base.before[key], score=scored(value + sign * by, line))}) for sign in (-1, 1)
        )
        for what, by in moves.items()
        if by
    }


def _reweighed(key: str, factor: Fraction, base: Assessment) -> Assessment:
    """The assessment with one weight changed inside its pillar."""
    local: dict[str, dict[str, Fraction]] = {ROOT: {}}
    for one, share in base.applicable.items():
        pillar = catalogue()[one].pillar
        local[ROOT][pillar] = local[ROOT].get(pillar, Fraction(0)) + share
        local.setdefault(pillar, {})[one] = share * (factor if one == key else 1)
    return replace(base, weighting=Weighting(base.weighting.method, local))
