"""A scoring profile: the anchors, weights, rules and grades that one set of scores was made with.

The draft standard leaves all of them open, so they are declared in a file, stored by their hash with every score and
printed in the report. A changed profile is another profile.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from indicators.declared import Indicator, Pillar, Words, catalogue, trees
from indicators.evidence import EvidenceRule
from schemas.enterprise import EnterpriseType, complaints, load_yaml
from schemas.errors import CatalogueError

SHIPPED = Path(__file__).parent.parent / "profiles"
GRADES = Path(__file__).parent.parent / "grades.yaml"

PROFILE = pl.Schema(dict.fromkeys(("profile_hash", "profile_id", "version", "json"), pl.String))
"""`score.profile`: the whole of the method, by its hash."""

EventClass = Literal["V", "A", "B", "C"]
Check = Literal[
    "conservation", "lines_and_site_month", "sites_and_enterprise", "implied_factor", "boundary", "one_denominator",
    "legs_and_category", "factor_phases", "factor_gases",
]  # fmt: skip
"""What contradicts itself where it fails: rows that are not conserved, or a check of `mart.reconciliation` that is `off`.

Plausible ranges and drift are not among them: what they show is to be looked at and may be right.
"""
TOP_LEVEL = 5
"""The best level of the rubric."""
Share = Annotated[Decimal, Field(ge=0, le=1)]
_SUM_WITHIN = Decimal("1e-9")


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Anchors(_Declared):
    """Where an indicator scores 0, 60, 80 and 100; their order says whether more is better.

    Attributes:
        relative_to: the four are multiples of something in the unit of the indicator: of `own_baseline` (the
            `baseline` declared here), of the `target` of the profile, or of the value of `last_year`.
        baseline: what the enterprise declares as its baseline; empty: the indicator cannot be scored yet.
        source: who set the anchors.
    """

    x0: Decimal
    x60: Decimal
    x80: Decimal
    x100: Decimal
    relative_to: Literal["own_baseline", "target", "last_year"] | None = None
    baseline: Decimal | None = Field(default=None, gt=0)
    source: Words

    @property
    def direction(self) -> Literal["higher", "lower"]:
        """What is better."""
        return "higher" if self.x100 > self.x0 else "lower"

    def points(self, basis: Fraction | None = None) -> tuple[Fraction, Fraction, Fraction, Fraction] | None:
        """The four values in the unit of the indicator; None where what they are relative to is not known.

        Args:
            basis: the target, or last year's value, where they are relative to it.
        """
        if self.relative_to == "own_baseline":
            basis = None if self.baseline is None else Fraction(self.baseline)
        elif self.relative_to is None:
            basis = Fraction(1)
        if basis is None or basis <= 0:
            return None
        x0, x60, x80, x100 = (Fraction(x) * basis for x in (self.x0, self.x60, self.x80, self.x100))
        return x0, x60, x80, x100

    @model_validator(mode="after")
    def _strictly_monotone(self) -> Self:
        steps = [later - earlier for earlier, later in pairwise((self.x0, self.x60, self.x80, self.x100))]
        if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
            raise ValueError("x0, x60, x80, x100 must rise or fall strictly / 锚点须严格单调")
        if self.baseline is not None and self.relative_to != "own_baseline":
            raise ValueError("a baseline needs relative_to: own_baseline")
        return self


class Benchmark(Anchors):
    """The anchors of an indicator, for one type of enterprise if it names one, from day to day (both included)."""

    enterprise_type: EnterpriseType | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    def is_valid(self, day: date) -> bool:
        """Whether it counts on a day."""
        return (self.valid_from or date.min) <= day <= (self.valid_to or date.max)

    def meets(self, other: Benchmark) -> bool:
        """Whether there is a day on which both would count for the same enterprise."""
        latest, earliest = (max(self.valid_from or date.min, other.valid_from or date.min),
                            min(self.valid_to or date.max, other.valid_to or date.max))  # fmt: skip
        return self.enterprise_type == other.enterprise_type and latest <= earliest

    @model_validator(mode="after")
    def _valid_at_all(self) -> Self:
        if (self.valid_to or date.max) < (self.valid_from or date.min):
            raise ValueError("valid_to lies before valid_from / 失效日早于生效日")
        return self


class MetricAnchors(Anchors):
    """The anchors of an operational metric that is blended into what experts said of an indicator."""

    metric: str


class Blend(_Declared):
    """How much a metric counts beside the experts: score = (1 - share) · experts + share · metric."""

    share: Decimal = Field(default=Decimal(0), ge=0, le=Decimal("0.5"))
    metrics: dict[str, MetricAnchors] = {}

    @model_validator(mode="after")
    def _a_share_is_of_something(self) -> Self:
        if self.share and not self.metrics:
            raise ValueError("a share blends nothing without metrics / 有比例而未声明指标")
        return self


class Gate(_Declared):
    """When a panel must meet again.

    Attributes:
        apart: an indicator whose levels lie so many apart is discussed.
        alpha: below it, and with more than `share` of the indicators to discuss, everything is scored again.
        good_alpha: from it on agreement is called good; between the two, tentative.
    """

    apart: int = Field(default=2, ge=1, le=5)
    alpha: Share = Decimal("0.667")
    good_alpha: Share = Decimal("0.8")
    share: Share = Decimal("0.2")

    @model_validator(mode="after")
    def _good_is_not_below_sufficient(self) -> Self:
        if self.good_alpha < self.alpha:
            raise ValueError("good_alpha lies below alpha / “良好”门槛低于“可接受”门槛")
        return self


class Panel(_Declared):
    """How many experts a level needs, how their levels become one, from how many on it is trimmed, and what checks it.

    Attributes:
        evidence: whether a level above 1 counts without admissible evidence: `always` it does not, `where_kept` it does only
            where the assessment neither registers nor cites any evidence, `never` it does.
    """

    minimum: int = Field(ge=1)
    trimmed_from: int = Field(ge=3)
    aggregate: Literal["trimmed", "median", "mean"] = "trimmed"
    metric_caps: bool = True
    evidence: EvidenceRule = "where_kept"
    gate: Gate = Gate()


class Weights(_Declared):
    """Where weights come from.

    Attributes:
        method: `flat` every applicable indicator of a pillar alike; `hierarchical` groups of a pillar alike, indicators of
            a group alike; `fixed` the tables below; `ahp` the panel's pairwise judgements; `entropy` and `critic` the spread
            in a peer set; `combined` ahp^base_share · objective^(1 - base_share).
        fixed: per parent (`total`, a pillar, a group by its Chinese name) its children and their weights, which sum to 1.
        experts: how several experts' judgements become one: `aij` the geometric mean of judgements, `aip` of weights.
        random_index: the table of random indices consistency ratios are formed with.
        objective: which of the two a combination takes.
    """

    method: Literal["flat", "hierarchical", "fixed", "ahp", "entropy", "critic", "combined"] = "flat"
    fixed: dict[str, dict[str, Decimal]] = {}
    experts: Literal["aij", "aip"] = "aij"
    random_index: Literal["saaty77", "saaty03", "dd"] = "saaty77"
    consistency_gate: Decimal = Field(default=Decimal("0.10"), gt=0)
    objective: Literal["entropy", "critic"] = "entropy"
    base_share: Share = Decimal("0.7")
    peers_at_least: int = Field(default=10, ge=2)

    @model_validator(mode="after")
    def _tables_sum_to_one(self) -> Self:
        if (self.method == "fixed") != bool(self.fixed):
            raise ValueError("fixed tables go with method: fixed, and only with it / 权重表仅用于 fixed")
        for parent, table in self.fixed.items():
            if any(weight < 0 for weight in table.values()) or abs(sum(table.values(), Decimal(0)) - 1) > _SUM_WITHIN:
                raise ValueError(f"fixed.{parent}: weights must be 0 or more and sum to 1, not {sum(table.values())}")
        return self


class EventEffect(_Declared):
    """What one negative event of a class does.

    Attributes:
        deduction: points its pillar loses; `at_most`: the most that all events of the class take from one pillar.
        linked_at_most: the score its indicator cannot exceed; `pillar_at_most` and `total_at_most` likewise.
        not_rated: a result with such an event in the period gets no grade at all.
    """

    title: Words
    deduction: Decimal = Field(default=Decimal(0), ge=0)
    at_most: Decimal | None = Field(default=None, ge=0)
    linked_at_most: Decimal | None = Field(default=None, ge=0, le=100)
    pillar_at_most: Decimal | None = Field(default=None, ge=0, le=100)
    total_at_most: Decimal | None = Field(default=None, ge=0, le=100)
    not_rated: bool = False


class Events(_Declared):
    """What negative events do, by class; `decay` is their share in the period decided in, in the next one, and so on."""

    classes: dict[EventClass, EventEffect] = {}
    decay: tuple[Share, ...] = (Decimal(1),)


class MonteCarlo(_Declared):
    """What is varied, and how far; what is 0, false or left out is not.

    Attributes:
        weight_spread: weights are multiplied by U(1 - spread, 1 + spread), then made to sum to 1 again.
        experts: whether each indicator's panel is drawn anew with replacement.
        activity: by state of the value, the relative half-width of its error; of a share in %, of its rarer side.
        anchor_spread: anchors move together by up to this share of the distance from x0 to x100.
        missing: whether a second run draws what is missing from U(0, 100).
    """

    runs: int = Field(default=10_000, ge=100, le=1_000_000)
    seed: int = Field(ge=0)
    weight_spread: Decimal = Field(default=Decimal(0), ge=0, lt=1)
    experts: bool = False
    activity: dict[Literal["measured", "calculated", "estimated", "partial"], Share] = {}
    anchor_spread: Share = Decimal(0)
    missing: bool = False
    certain_from: Share = Decimal("0.80")


class Profile(_Declared):
    """A scoring profile; see `profiles/draft-neutral-v1.yaml` for what each line means.

    Attributes:
        anchors: indicator → its anchors, or several by type of enterprise and validity.
        normalisation: indicators whose value is judged among peers instead of by anchors: `percentile` by its rank, `minmax`
            by where it lies between the worst and the best of them.
        percentile_from: how many peers a rank needs.
        integrity: the checks of the data of which none may have failed in the period, else there is no grade.
    """

    id: str
    version: str
    title: Words
    tree: str
    indicators: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    anchors: dict[str, Annotated[tuple[Benchmark, ...], Field(min_length=1)]]
    normalisation: dict[str, Literal["percentile", "minmax"]] = {}
    percentile_from: int = Field(default=20, ge=2)
    targets: dict[str, Decimal] = {}
    panel: Panel
    blend: Blend = Blend()
    weights: Weights
    pillars: dict[Pillar, Decimal]
    pillar_aggregate: Literal["arithmetic", "geometric"] = "arithmetic"
    missing: Literal["zero", "drop", "worst_peer"]
    scored_from_months: int = Field(ge=1, le=12)
    coverage_gate: Decimal = Field(ge=0, le=1)
    integrity: tuple[Check, ...] = ("conservation", "lines_and_site_month", "sites_and_enterprise", "implied_factor")
    limited_scope_above: Decimal = Field(ge=0, le=1)
    core: list[str]
    proposed_not_applicable: dict[EnterpriseType, dict[str, Words]] = {}
    not_applicable: dict[str, Words]
    events: Events = Events()
    grades: dict[str, Fraction]
    monte_carlo: MonteCarlo

    @property
    def hash(self) -> str:
        """sha256 of what the profile says, whatever the order or layout of its file."""
        content = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def scope(self) -> set[str]:
        """The indicators it evaluates: those it lists, else all of the standard, without what does not apply."""
        listed = (key for key, one in catalogue().items() if one.kind != "metric")
        return set(listed if self.indicators is None else self.indicators) - set(self.not_applicable)

    def anchors_of(self, key: str, enterprise_type: EnterpriseType | None, day: date) -> Benchmark | None:
        """The anchors of an indicator that count on a day: those of the type of enterprise before those of all."""
        valid = {one.enterprise_type: one for one in self.anchors.get(key, ()) if one.is_valid(day)}
        return valid.get(enterprise_type) or valid.get(None)

    def changed(self, **changes: Any) -> Profile:  # noqa: ANN401
        """The profile with some top-level parts replaced: another method, with another hash."""
        return self.model_copy(update=changes)

    @field_validator("anchors", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: [one] if isinstance(one, dict | Anchors) else one for key, one in value.items()}

    @field_validator("grades", mode="before")
    @classmethod
    def _of_a_set(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value not in grade_sets():
            raise ValueError(f"no set of grades is called {value!r}; there are {', '.join(grade_sets())}")
        return grade_sets()[value]

    @model_validator(mode="after")
    def _one_set_of_anchors_counts(self) -> Self:
        for key, given in self.anchors.items():
            for one, other in combinations(given, 2):
                if one.meets(other):
                    raise ValueError(
                        f"anchors.{key}: two sets for {one.enterprise_type or 'every type'} are valid on the same day"
                        " / 同一类型的锚点有效期重叠"
                    )
        return self

    @model_validator(mode="after")
    def _core_indicators_apply(self) -> Self:
        if wrong := sorted(set(self.core) & set(self.not_applicable)):
            raise ValueError(f"{', '.join(wrong)}: core indicators always apply / 核心指标不得列为不适用")
        if self.indicators is not None and (wrong := sorted(set(self.core) - set(self.indicators))):
            raise ValueError(f"{', '.join(wrong)}: core indicators always apply; list them, or declare core: []")
        return self

    @model_validator(mode="after")
    def _weights_and_grades_are_complete(self) -> Self:
        if set(self.pillars) != {"E", "S", "G"} or any(weight <= 0 for weight in self.pillars.values()):
            raise ValueError("pillars: E, S and G each need a weight above 0 / 三个维度须各有大于 0 的权重")
        if min(self.grades.values(), default=1) != 0 or len(set(self.grades.values())) != len(self.grades):
            raise ValueError("grades: the lowest starts at 0, and no two start alike / 等级下限须从 0 起且互不相同")
        return self

    def misfits(self, indicators: dict[str, Indicator]) -> list[str]:
        """What in the profile does not fit the indicators of the standard."""
        known = {key for key, one in indicators.items() if one.kind != "metric"}
        proposed = [key for reasons in self.proposed_not_applicable.values() for key in reasons]
        listed = (*(self.indicators or ()), *self.targets, *self.blend.metrics)
        wrong = [
            f"targets.{key}: {target} is no value it can have" for key, target in self.targets.items()
            if target < 0 or (key in known and not indicators[key].is_computed and target > TOP_LEVEL)
        ]  # fmt: skip
        named = dict.fromkeys(
            (*self.core, *self.not_applicable, *self.anchors, *self.normalisation, *proposed, *listed)
        )
        wrong += [f"{key}: no such indicator" for key in named if key not in known]
        wrong += [
            f"normalisation.{key}: is scored by experts and has no value to compare with peers"
            for key in sorted(known & set(self.normalisation))
            if not indicators[key].is_computed
        ]
        wrong += [f"{key}: core indicators always apply" for key in proposed if key in self.core]
        for key in sorted(known & set(self.anchors)):
            if not indicators[key].is_computed:
                wrong.append(f"{key}: is scored by experts and has no anchors")
                continue
            by_anchors = {one.direction for one in self.anchors[key]} - {indicators[key].direction}
            wrong += [f"{key}: {one} is better by its anchors, not by the catalogue" for one in sorted(by_anchors)]
        for key, anchors in self.blend.metrics.items():
            metric = indicators.get(anchors.metric)
            if metric is None or key not in metric.serves or anchors.relative_to not in (None, "own_baseline"):
                wrong.append(
                    f"blend.metrics.{key}: {anchors.metric} is no metric that serves it, or lacks its own anchors"
                )
            elif metric.direction not in ("context", anchors.direction):
                wrong.append(f"blend.metrics.{key}: {anchors.direction} is better by its anchors, not by the catalogue")
        return wrong


@cache
def grade_sets() -> dict[str, dict[str, str]]:
    """The sets of grades a profile may name, each with where its grades start."""
    return load_yaml(GRADES, CatalogueError)


def load(profile_id: str, enterprise: Path | None = None) -> Profile:
    """The profile of that id: the enterprise folder's `profiles/<id>.yaml`, else the one shipped.

    Raises:
        CatalogueError: there is none, it is incomplete, or it does not fit the catalogue.
    """
    folders = [SHIPPED] if enterprise is None else [enterprise / "profiles", SHIPPED]
    path = next((found for folder in folders if (found := folder / f"{profile_id}.yaml").exists()), None)
    if path is None:
        raise CatalogueError(
            f"no profile {profile_id!r} / 没有该评价方法",
            " | ".join(str(folder) for folder in folders),
            "choose a shipped one, or write profiles/<id>.yaml in the enterprise folder",
        )
    try:
        profile = Profile.model_validate(load_yaml(path, CatalogueError))
    except ValidationError as error:
        raise CatalogueError(f"{path.name}: {complaints(error)}", str(path), "correct the profile") from error
    wrong = profile.misfits(catalogue())
    if profile.tree not in trees():
        wrong.append(f"no indicator tree {profile.tree}; there are {', '.join(trees())}")
    if profile.id != path.stem:
        wrong.append(f"declares id {profile.id}")
    if wrong:
        raise CatalogueError(f"{path.name}: {'; '.join(wrong)}", str(path), "correct the profile")
    return profile
