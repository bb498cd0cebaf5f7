"""From values and expert levels to scores: pure functions, exact arithmetic, one rounding.

Numbers become fractions when they enter and floats when they leave, so the order of rows cannot change a digit and a
score on the edge of a grade falls where the rule says.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import polars as pl

from indicators.declared import Indicator, catalogue, tree
from indicators.scoring.events import Effects, Event, counted, effects
from indicators.scoring.panel import A_LEVEL, FULL, barred, panel_score
from indicators.scoring.panel import levels as panel_levels
from indicators.scoring.profile import Anchors, Benchmark, Profile
from indicators.scoring.weights import Peers, Weighting, weighting
from schemas.enterprise import EnterpriseType
from schemas.errors import CatalogueError
from schemas.lake import months_of

_YEAR = 12  # months
AT = (Fraction(0), Fraction(60), Fraction(80), FULL)
"""What a value scores at its four anchors."""

Row = Mapping[str, Any]
Line = tuple[tuple[Fraction, Fraction], ...]
"""What values score: points in rising order of the value, straight lines between them, flat beyond."""
Levels = Mapping[str, Mapping[str, int]]
"""Indicator → expert → level."""

_SUBJECT = {"period": pl.String, "org_id": pl.String, "profile_hash": pl.String}
RESULT = pl.Schema(
    {
        **_SUBJECT, "level": pl.String, "id": pl.String, "score": pl.Float64, "weight": pl.Float64, "lower": pl.Float64,
        "upper": pl.Float64, "state": pl.String, "grade": pl.String, "coverage": pl.Float64, "reason": pl.String,
        "before_events": pl.Float64,
    }
)  # fmt: skip
"""`score.result`: `weight` is the share of the total, `coverage` the share of the weight with data, `reason` a code."""
NORMALISED = pl.Schema(
    {
        **_SUBJECT, "indicator_id": pl.String, "method": pl.String, "value": pl.Float64, "unit": pl.String, "numerator": pl.Float64,
        "denominator": pl.Float64, "value_state": pl.String, "x0": pl.Float64, "x60": pl.Float64, "x80": pl.Float64,
        "x100": pl.Float64, "anchor_source": pl.String, "anchor_type": pl.String, "anchor_from": pl.Date, "anchor_to": pl.Date, "score": pl.Float64, "reason": pl.String, "previous_value": pl.Float64,
        "previous_score": pl.Float64, "target": pl.Float64,
    }
)  # fmt: skip
"""`score.normalised`: how each value, or the panel's level, becomes a score before events; last year's and the target beside it."""
INTEGRITY = pl.Schema(
    {**_SUBJECT, **dict.fromkeys(("check_name", "month", "site_id", "subject", "zh", "en"), pl.String)}
)
"""`score.integrity`: what in the data contradicts itself so that there is no grade."""
CONTRIBUTION = pl.Schema(
    {
        **_SUBJECT,
        "indicator_id": pl.String,
        **dict.fromkeys(("weight", "score", "contribution", "potential"), pl.Float64),
    }
)
"""`score.contribution`: the points of the total an indicator brings, and those it could still bring."""


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

    @property
    def has_data(self) -> bool:
        """Whether its score rests on data, and not on what counts in their place."""
        return self.score is not None and self.state != "missing"


NO_METRIC = "no_metric_to_blend"
NOT_SELECTED = Judgement("not_applicable", None, "not_selected")


@dataclass(frozen=True)
class Facts:
    """What is known of one organisation in one period; what a profile turns into scores.

    Attributes:
        enterprise_type: what kind of enterprise it is; None: none that has anchors of its own.
        values: the chosen row of `indicator.value` of each indicator and metric.
        levels: what the experts of the panel gave.
        contested: indicators the panel did not agree on.
        events: rows of `esg_event`; `judgements`: of `ahp_judgement`; `peers`: the scores of other enterprises.
        peer_values: indicator → the values of other enterprises, in its unit.
        months: the months of the period.
        failures: what in the data of the period contradicts itself: rows of `INTEGRITY`, but for the subject.
        previous: the same of the period before.
    """

    period: str
    org_id: str
    values: Mapping[str, Row]
    levels: Levels
    contested: frozenset[str] = frozenset()
    events: tuple[Row, ...] = ()
    judgements: tuple[Row, ...] = ()
    peers: Peers = field(default_factory=dict)
    months: tuple[str, ...] = ()
    previous: Facts | None = None
    enterprise_type: EnterpriseType | None = None
    failures: tuple[Row, ...] = ()
    peer_values: Mapping[str, Sequence[Fraction]] = field(default_factory=dict)

    @property
    def last_day(self) -> date:
        """The day the period ends."""
        year, month = map(int, months_of(self.period)[-1].split("-"))
        return date(year, month, monthrange(year, month)[1])

    @classmethod
    def of(
        cls,
        values: pl.DataFrame,
        experts: pl.DataFrame,
        judgements: Iterable[Row] = (),
        **more: Any,  # noqa: ANN401
    ) -> Facts:
        """The facts in rows of `indicator.value` of one period and organisation, and of `expert_score`.

        Who is out of the whole assessment has no say in weights either: their rows of `ahp_judgement` are left out.

        Raises:
            CatalogueError: rows of several periods or organisations, several readings of one indicator, or expert levels
                for something experts do not score.
        """
        period, org_id = _subject(values)
        gone = barred(experts)
        weighed = tuple(row for row in judgements if row["expert_id"] not in gone)
        return cls(period, org_id, _chosen(values), panel_levels(experts, standard()), judgements=weighed, **more)

    def told(self) -> dict[str, Any]:
        """All of it in plain mappings and lists: what a fingerprint is taken of."""
        return {**vars(self), "contested": sorted(self.contested), "previous": self.previous and self.previous.told()}

    def reading(self, row: Row) -> Facts:
        """The facts with another reading of one indicator."""
        return replace(self, values={**self.values, row["indicator_id"]: row})


def score(
    values: pl.DataFrame,
    experts: pl.DataFrame,
    profile: Profile,
    applicable: Collection[str] | None = None,
) -> pl.DataFrame:
    """Score one organisation in one period by its values and its panel alone.

    Args:
        values: rows of `indicator.value` of one period and one organisation; with a column `is_chosen`, only the
            chosen reading of each indicator counts. Metrics may be among them and are not scored.
        experts: rows of `expert_score` (expert_id, indicator_id, round, level, is_conflicted) of that assessment.
        profile: the method.
        applicable: the indicators that apply; all that the profile evaluates by default.

    Returns:
        `RESULT`: indicators in natural order, then groups, pillars E S G, and the total; full precision.

    Raises:
        CatalogueError: what `Facts.of` and `assess` refuse.
    """
    return assess(Facts.of(values, experts), profile, applicable=applicable).result()


def assess(
    facts: Facts, profile: Profile, weights: Weighting | None = None, applicable: Collection[str] | None = None
) -> Assessment:
    """Score, weigh and add up.

    Args:
        facts: what is known.
        profile: the method.
        weights: as worked out before for this profile and panel.
        applicable: the indicators that apply; all that the profile evaluates by default.

    Raises:
        CatalogueError: an unknown indicator, or what the profile asks for cannot be done with these facts.
    """
    selected = _selected(profile, applicable)
    if profile.missing == "worst_peer" and not facts.peers:
        raise CatalogueError(
            "missing: worst_peer needs a peer set, there is none / 无同业样本",
            "profile",
            "fill reference/peer_score.csv or choose zero",
        )
    _refuse_few_peers(facts, profile, selected)
    before = {key: judged(key, facts, profile) if key in selected else NOT_SELECTED for key in standard()}
    events = counted(facts.events, list(facts.months), profile) if facts.events else []
    return Assessment(
        facts,
        profile,
        before,
        weights or weighting(profile, facts.judgements, facts.peers),
        tuple(events),
        effects(events, profile),
    )


@dataclass(frozen=True)
class Assessment:
    """One organisation in one period under one profile.

    Attributes:
        before: what each indicator is worth before events.
        weighting: weights below parents.
        events: those that count or are listed; `effects`: what they do together.
    """

    facts: Facts
    profile: Profile
    before: Mapping[str, Judgement]
    weighting: Weighting
    events: tuple[Event, ...]
    effects: Effects

    @cached_property
    def applicable(self) -> dict[str, Fraction]:
        """The share of the total of what applies."""
        return self.weighting.shares([key for key, one in self.before.items() if one.applies])

    @cached_property
    def shares(self) -> dict[str, Fraction]:
        """The share of the total each indicator is added up with: without what is missing, where that is dropped."""
        if self.profile.missing != "drop":
            return self.applicable
        return self.weighting.shares([key for key in self.applicable if self.before[key].score is not None])

    def points(self, of: str = "score") -> dict[str, Fraction]:
        """What each indicator counts: its `score` after events, that `before_events`, or its `lower` or `upper` bound."""
        found = {}
        for key in self.applicable if of in ("lower", "upper") else self.shares:
            known, missing = self.before[key].score, FULL if of == "upper" else self._missing(key, of)
            plain = missing if known is None else known
            found[key] = plain if of == "before_events" else self.effects.on_indicator(key, plain)
        return found

    def _missing(self, key: str, of: str) -> Fraction:
        """What counts for an applicable indicator without data; 0 also where no peer has a score of it."""
        if of == "lower" or self.profile.missing != "worst_peer":
            return Fraction(0)
        return min((scores[key] for scores in self.facts.peers.values() if key in scores), default=Fraction(0))

    def rolled(self, of: str = "score") -> tuple[dict[str, Fraction], Fraction | None]:
        """Pillars and total; None where nothing counts."""
        points, shares = self.points(of), self.applicable if of in ("lower", "upper") else self.shares
        does = Effects() if of == "before_events" else self.effects
        pillars = {
            name: does.on_pillar(name, mean)
            for name, keys in _by_pillar().items()
            if (mean := _mean(points, shares, keys)) is not None
        }
        if not pillars:
            return {}, None
        of_pillar = {
            name: sum((shares.get(key, Fraction(0)) for key in _by_pillar()[name]), Fraction(0)) for name in pillars
        }
        return pillars, does.on_total(_together(pillars, of_pillar, self.profile))

    @cached_property
    def total(self) -> Fraction | None:
        """The total."""
        return self.rolled()[1]

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """The rows of `score.result` as fractions, without period, organisation and profile."""
        ways = ("score", "lower", "upper", "before_events")
        points, rolled = {of: self.points(of) for of in ways}, {of: self.rolled(of) for of in ways}
        lines = [self._indicator_line(key, points) for key in self.before]
        for group in tree(self.profile.tree).groups:
            of = {way: _mean(points[way], self.applicable if way in ("lower", "upper") else self.shares, group.indicators)
                  for way in ways}  # fmt: skip
            lines.append(self._sum_line("group", group.zh, group.indicators, of))
        pillars = [
            self._sum_line("pillar", name, keys, {way: rolled[way][0].get(name) for way in ways})
            for name, keys in _by_pillar().items()
        ]
        total = self._sum_line("total", "total", list(self.before), {way: rolled[way][1] for way in ways})
        _grade(pillars, total, self.profile, self._withheld())
        return [*lines, *pillars, total]

    def line(self, name: str) -> dict[str, Any]:
        """One of the lines by its id."""
        return next(line for line in self.lines if line["id"] == name)

    def result(self) -> pl.DataFrame:
        """The rows of `score.result`."""
        return self.frame(
            [{name: line.get(name) for name in RESULT if name not in _SUBJECT} for line in self.lines], RESULT
        )

    def normalised(self) -> pl.DataFrame:
        """The rows of `score.normalised`."""
        before = (
            {}
            if self.facts.previous is None
            else {key: _level_or_value(key, self.facts.previous, self.profile) for key in self.before}
        )
        rows = [
            self._normalised_row(key, one) | _previous(key, before, self.profile) for key, one in self.before.items()
        ]
        return self.frame(rows, NORMALISED)

    def contributions(self) -> pl.DataFrame:
        """The rows of `score.contribution`: what applies, with its share, its points and those still to win."""
        points = self.points()
        rows = [
            {"indicator_id": key, "weight": share, "score": points[key], "contribution": share * points[key], "potential": share * (FULL - points[key])}
            for key, share in self.shares.items()
        ]  # fmt: skip
        return self.frame(sorted(rows, key=lambda row: list(self.before).index(str(row["indicator_id"]))), CONTRIBUTION)

    def frame(self, rows: Iterable[Mapping[str, Any]], schema: pl.Schema) -> pl.DataFrame:
        """Rows of a table as they are stored: with period, organisation and profile, fractions as floats."""
        subject = {"period": self.facts.period, "org_id": self.facts.org_id, "profile_hash": self.profile.hash}
        plain = [subject | {name: _plain(item) for name, item in row.items()} for row in rows]
        return pl.DataFrame(plain, schema=schema)

    @cached_property
    def failures(self) -> list[Row]:
        """What in the data contradicts itself, of the checks the profile asks for."""
        return [row for row in self.facts.failures if row["check_name"] in self.profile.integrity]

    def _withheld(self) -> str | None:
        """Why there is no grade for the total, whatever the coverage."""
        if self.effects.not_rated:
            return "veto"
        if self.failures:
            return "data_integrity"
        needed = any(self.before[key].applies and not one.is_computed for key, one in standard().items())
        experts = {expert for given in self.facts.levels.values() for expert in given}
        return "panel_too_small" if needed and len(experts) < self.profile.panel.minimum else None

    def _indicator_line(self, key: str, points: Mapping[str, Mapping[str, Fraction]]) -> dict[str, Any]:
        judgement = self.before[key]
        if not judgement.applies:
            return _line("indicator", key, Fraction(0), judgement.state, reason=judgement.reason)
        known = Fraction(judgement.has_data)
        weight = self.shares.get(key, Fraction(0))
        ways = {of: found.get(key) for of, found in points.items()}
        return _line("indicator", key, weight, judgement.state, coverage=known, reason=judgement.reason, **ways)

    def _sum_line(
        self, level: str, name: str, members: Collection[str], ways: Mapping[str, Fraction | None]
    ) -> dict[str, Any]:
        """A sum of indicators, its bounds, and the share of the weight that has data."""
        applying = [key for key in members if self.before[key].applies]
        if not applying:
            return _line(level, name, Fraction(0), "not_applicable", reason="not_selected")
        weight, whole = (
            sum((of.get(key, Fraction(0)) for key in applying), Fraction(0)) for of in (self.shares, self.applicable)
        )
        data = sum((self.applicable[key] for key in applying if self.before[key].has_data), Fraction(0))
        known = data / whole if whole else Fraction(0)
        complete = known == 1 and all(self.before[key].state != "partial" for key in applying)
        state = "missing" if known == 0 else "calculated" if complete else "partial"
        line = _line(level, name, weight, state, coverage=known, **ways)
        line["left_out"] = Fraction(len(members) - len(applying), len(members))
        return line

    def _normalised_row(self, key: str, judgement: Judgement) -> dict[str, Any]:
        one, row = standard()[key], self.facts.values.get(key)
        shown = {"indicator_id": key, "unit": one.unit, "score": judgement.score, "reason": judgement.reason}
        if not one.is_computed:
            return shown | {
                "method": "panel",
                "value": _level(key, self.facts, self.profile),
                "value_state": judgement.state,
            }
        how = self.profile.normalisation.get(key, "anchors")
        anchors = anchors_of(key, self.facts, self.profile) if how == "anchors" else None
        points = anchors.points(basis(key, self.facts, self.profile)) if anchors else None
        peers = len(self.facts.peer_values.get(key, ()))
        given = {name: row[name] for name in ("value", "numerator", "denominator") if name in row} if row else {}
        return shown | given | {
            "method": how, "value_state": "missing" if row is None else row["state"],
            **({} if how == "anchors" else {"anchor_source": f"{peers} 家同业 | {peers} peers"}),
            **(anchor_row(anchors, points) if anchors else {}),
        }  # fmt: skip


def anchored(anchors: Anchors, basis: Fraction | None = None) -> Line | None:
    """What values score by anchors; None where it is not known what they are relative to."""
    points = anchors.points(basis)
    return None if points is None else tuple(sorted(zip(points, AT, strict=True)))


def among_peers(how: str, values: Sequence[Fraction], direction: str) -> Line:
    """What values score by those of peers: the worst of them 0, the best 100.

    Args:
        how: `percentile`, in between by the mean rank of those who have the value; `minmax`, by the value itself.
        values: of the peers, not all alike.
        direction: `higher` or `lower`, whichever is better.
    """
    order = sorted(values, reverse=direction == "lower")
    line = {order[0]: Fraction(0), order[-1]: FULL}
    if how == "percentile":
        ranks: dict[Fraction, list[int]] = defaultdict(list)
        for rank, value in enumerate(order):
            ranks[value].append(rank)
        step = FULL / (len(order) - 1)
        line = {value: step * Fraction(sum(held), len(held)) for value, held in ranks.items()} | line
    return tuple(sorted(line.items()))


def scored(value: Fraction, line: Line) -> Fraction:
    """The score of a value."""
    if value <= line[0][0]:
        return line[0][1]
    for (left, low), (right, high) in pairwise(line):
        if value <= right:
            return low + (high - low) * (value - left) / (right - left)
    return line[-1][1]


def line_of(key: str, facts: Facts, profile: Profile) -> Line | None:
    """What the values of an indicator score: among peers where the profile says so, else by its anchors; None where unknown."""
    if key in profile.normalisation:
        if _peers_lack(key, facts, profile):
            return None
        return among_peers(profile.normalisation[key], facts.peer_values[key], standard()[key].direction)
    anchors = anchors_of(key, facts, profile)
    return None if anchors is None else anchored(anchors, basis(key, facts, profile))


def _peers_lack(key: str, facts: Facts, profile: Profile) -> str | None:
    """Why an indicator cannot be judged among peers."""
    values, how = facts.peer_values.get(key, ()), profile.normalisation[key]
    needed = profile.percentile_from if how == "percentile" else 2
    if len(values) < needed:
        return f"{key}: {how} needs {needed} peers, there are {len(values)} / 同业样本不足"
    return f"{key}: {how}: the peers all have one value / 同业数值无差异" if len(set(values)) == 1 else None


def _refuse_few_peers(facts: Facts, profile: Profile, selected: Collection[str]) -> None:
    lacks = [said for key in profile.normalisation if key in selected and (said := _peers_lack(key, facts, profile))]
    if lacks:
        raise CatalogueError(
            "; ".join(lacks),
            "normalisation",
            "fill reference/peer_value.csv, or take the indicator off and use anchors",
        )


def anchor_row(anchors: Benchmark, points: tuple[Fraction, ...] | None = None) -> dict[str, Any]:
    """What `score.normalised` says of anchors: where they lie (as far as that is known), for whom, and since when."""
    found = points or anchors.points()
    return {
        **({f"x{at}": found[place] for place, at in enumerate(AT)} if found else {}),
        "anchor_source": f"{anchors.source.zh} | {anchors.source.en}", "anchor_type": anchors.enterprise_type,
        "anchor_from": anchors.valid_from, "anchor_to": anchors.valid_to,
    }  # fmt: skip


def anchors_of(key: str, facts: Facts, profile: Profile) -> Benchmark | None:
    """The anchors of an indicator that count for the enterprise at the end of the period; None where there are none."""
    return profile.anchors_of(key, facts.enterprise_type, facts.last_day)


def basis(key: str, facts: Facts, profile: Profile) -> Fraction | None:
    """What the anchors of an indicator are multiples of: its target, or last year's value; None where unknown or fixed."""
    anchors = anchors_of(key, facts, profile)
    relative_to = anchors.relative_to if anchors else None
    if relative_to == "target":
        return Fraction(profile.targets[key]) if key in profile.targets else None
    if relative_to == "last_year" and facts.previous is not None:
        return usable(facts.previous.values.get(key), profile).score
    return None


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


def _chosen(values: pl.DataFrame) -> dict[str, dict[str, Any]]:
    # which run computed a value makes no other value of it
    chosen = values.filter("is_chosen") if "is_chosen" in values.columns else values
    rows = chosen.drop("run_id", strict=False).rows(named=True)
    found = {row["indicator_id"]: row for row in rows}
    if len(found) != len(rows):
        twice = sorted({row["indicator_id"] for row in rows if row is not found[row["indicator_id"]]})
        raise CatalogueError(
            f"{', '.join(twice)}: several readings, none or more than one chosen / 同一指标有多个取值",
            "indicator.value",
            "choose one policy (is_chosen)",
        )
    return found


def standard() -> dict[str, Indicator]:
    """The indicators of the standard, in its order."""
    return {key: one for key, one in catalogue().items() if one.kind != "metric"}


def _selected(profile: Profile, applicable: Collection[str] | None) -> set[str]:
    chosen = profile.scope if applicable is None else set(applicable) - set(profile.not_applicable)
    if unknown := sorted(chosen - set(standard())):
        raise CatalogueError(f"{', '.join(unknown)}: no such indicator / 没有该指标", "applicable", "name it A.1.1 …")
    return chosen


def judged(key: str, facts: Facts, profile: Profile) -> Judgement:
    """What an indicator that is evaluated is worth, before events."""
    if standard()[key].is_computed:
        return _judge_value(key, facts, profile)
    if key not in facts.levels:
        return Judgement("missing", None, "no_expert_score")
    points, reason = panel_score(facts.levels[key].values(), profile), None
    if points is None:
        return Judgement("missing", None, "panel_too_small")
    if key in profile.blend.metrics and profile.blend.share:
        points, reason = _blended(key, points, reason, facts, profile)
    return Judgement("contested" if key in facts.contested else "measured", points, reason)


def _level(key: str, facts: Facts, profile: Profile) -> Fraction | None:
    """The panel's level of an indicator; None where the panel is too small."""
    points = panel_score(facts.levels.get(key, {}).values(), profile)
    return None if points is None else points / A_LEVEL


def _blended(
    key: str, points: Fraction, reason: str | None, facts: Facts, profile: Profile
) -> tuple[Fraction, str | None]:
    """The experts' score with a metric's beside it; theirs alone, and a code, where there is no such figure."""
    anchors = profile.blend.metrics[key]
    found = usable(facts.values.get(anchors.metric), profile)
    line = anchored(anchors)
    if found.score is None or line is None:
        return points, NO_METRIC
    share = Fraction(profile.blend.share)
    return (1 - share) * points + share * scored(found.score, line), reason


def usable(row: Row | None, profile: Profile) -> Judgement:
    """The value of a row of `indicator.value`, as `score`, if it may be scored; else why not."""
    if row is None:
        return Judgement("missing", None, "no_value")
    if row["state"] == "not_applicable":
        return Judgement("not_applicable", None, row["reason"])
    if row["value"] is None or row["state"] == "missing":
        return Judgement("missing", None, row["reason"] or "no_value")
    if row["value"] < 0 or not math.isfinite(row["value"]):
        return Judgement("missing", None, "value_out_of_range")
    if row["state"] == "partial" and (row["coverage"] is None or row["coverage"] < profile.scored_from_months / _YEAR):
        return Judgement("missing", None, "coverage_too_low")
    return Judgement(row["state"], Fraction(repr(row["value"])), row["reason"])


def _judge_value(key: str, facts: Facts, profile: Profile) -> Judgement:
    found = usable(facts.values.get(key), profile)
    if found.score is None:
        never = found.state == "not_applicable" and key in profile.core
        return Judgement("missing", None, found.reason) if never else found
    line = line_of(key, facts, profile)
    return (
        Judgement("missing", None, _no_line(key, facts, profile))
        if line is None
        else Judgement(found.state, scored(found.score, line), found.reason)
    )


def _no_line(key: str, facts: Facts, profile: Profile) -> str:
    """Why it is not known what the values of an indicator score."""
    if key in profile.normalisation:
        return "too_few_peers"
    anchors = anchors_of(key, facts, profile)
    lacking = {"target": "no_target", "last_year": "no_last_year"}
    return lacking.get(str(anchors.relative_to), "no_anchor") if anchors else "no_anchor"


def _level_or_value(key: str, facts: Facts, profile: Profile) -> tuple[Fraction | None, Fraction | None]:
    """The value, or the panel's level, and the score of an indicator in a period."""
    one = standard()[key]
    value = usable(facts.values.get(key), profile).score if one.is_computed else _level(key, facts, profile)
    return value, judged(key, facts, profile).score


def _previous(
    key: str, before: Mapping[str, tuple[Fraction | None, Fraction | None]], profile: Profile
) -> dict[str, Any]:
    value, points = before.get(key, (None, None))
    return {"previous_value": value, "previous_score": points, "target": profile.targets.get(key)}


def _by_pillar() -> dict[str, list[str]]:
    """The indicators of each pillar, in catalogue order."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, one in standard().items():
        found[one.pillar].append(key)
    return found


def _mean(points: Mapping[str, Fraction], shares: Mapping[str, Fraction], members: Collection[str]) -> Fraction | None:
    """The weighted mean of members; None where none of them counts."""
    weights = {key: shares[key] for key in members if key in points and key in shares}
    whole = sum(weights.values(), Fraction(0))
    return sum((weight * points[key] for key, weight in weights.items()), Fraction(0)) / whole if whole else None


def _together(pillars: Mapping[str, Fraction], weights: Mapping[str, Fraction], profile: Profile) -> Fraction:
    """The mean of the pillars, arithmetic or geometric."""
    whole = sum(weights.values(), Fraction(0))
    if profile.pillar_aggregate == "arithmetic":
        return sum((weights[name] * points for name, points in pillars.items()), Fraction(0)) / whole
    if not all(pillars.values()):
        return Fraction(0)
    logs = math.fsum(float(weights[name] / whole) * math.log(points) for name, points in pillars.items())
    return Fraction(repr(min(math.exp(logs), float(FULL))))


def _line(level: str, name: str, weight: Fraction, state: str, **more: object) -> dict[str, Any]:
    blank = dict.fromkeys(("score", "lower", "upper", "grade", "coverage", "reason", "before_events"))
    return {"level": level, "id": name, "weight": weight, "state": state, **blank, **more}


def _grade(pillars: list[dict[str, Any]], total: dict[str, Any], profile: Profile, withheld: str | None) -> None:
    """Give pillars and total their grade, or the reason why it is withheld."""
    applying = [line for line in pillars if line["coverage"] is not None]
    for line in applying:
        if line["score"] is None or line["coverage"] < Fraction(profile.coverage_gate):
            line["reason"] = "coverage_below_gate"
            continue
        line["grade"] = grade(line["score"], profile)
        if line["left_out"] > Fraction(profile.limited_scope_above):
            line["reason"] = "limited_scope"
    if withheld:
        total["reason"] = withheld
    elif any(line["grade"] is None for line in applying):
        total["reason"] = "coverage_below_gate"
    elif applying:
        total["grade"] = grade(total["score"], profile)


def _plain(item: object) -> object:
    return float(item) if isinstance(item, Fraction | Decimal) else item
