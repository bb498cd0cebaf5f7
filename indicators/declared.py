"""The catalogue: every indicator of the draft standard and every operational metric, as declared in `catalogue/`.

The folder is the registry: one YAML file is one indicator, nothing is listed anywhere else. A file that says
something unknown, or whose unit is not the quotient of its columns, is refused when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.enterprise import complaints, load_yaml
from schemas.errors import CatalogueError, UnitMismatch
from schemas.units import factor, same_dimension, unit_of

TREE = "draft-2025-a"
"""The indicator tree (15 groups, 50 indicators) taken unless a profile names another."""

FOLDER = Path(__file__).parent / "catalogue"
TREES = Path(__file__).parent / "trees"
LEVEL = "level 0-5"
"""The unit of what experts score."""

_SHARES = ("%", "point")
"""The units of shares, hundredths both: a point is one of a difference of two shares, which is no percentage."""

Pillar = Literal["E", "S", "G"]
_COUNTED = {"piece", "person", "order", "case", "vehicle"}
_NUMERIC = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*")


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Declared):
    """The same words in Chinese and English."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Group(Words):
    """A second-level group: its words, its pillar and the indicators in it."""

    pillar: Pillar
    indicators: tuple[str, ...] = Field(min_length=1)


class Tree(_Declared):
    """A version of the standard's Table 1: which indicator lies in which group.

    Attributes:
        based_on: the version whose groups these are, but for what is `moved` (indicator: Chinese name of its group).
    """

    version: str
    title: Words
    groups: tuple[Group, ...] = ()
    based_on: str | None = None
    moved: dict[str, str] = {}

    def group_of(self, indicator_id: str) -> Group | None:
        """The group an indicator lies in."""
        return next((group for group in self.groups if indicator_id in group.indicators), None)


class Term(_Declared):
    """One side of a quotient: a column of a mart.

    Attributes:
        where: rows that count, by equality.
        over_months: `sum` for flows, `average` (mean of the months) for stocks.
        policy: the mart has one row per policy, and so has the value.
        estimated: the column that holds the part of it that was estimated.
        people: the column that counts the people it is about, where it does not count them itself (hours of workers).
        reason: the column that says why it is not known, where the mart has one for each figure.
        unit: the column's unit where its name does not carry it; by policy where that decides it (pieces, tonnes).
    """

    mart: str
    column: str
    where: dict[str, str] = {}
    over_months: Literal["sum", "average"] = "sum"
    policy: bool = False
    estimated: str | None = None
    people: str | None = None
    reason: str | None = None
    unit: str | dict[str, str] | None = None

    def unit_under(self, policy: str | None) -> str | None:
        """The unit of the column under a policy; None for counts without a unit of their own (employee-months)."""
        if isinstance(self.unit, dict):
            return None if policy is None else self.unit.get(policy)
        return self.unit or unit_of(self.column)

    @model_validator(mode="after")
    def _name_and_unit_agree(self) -> Self:
        named = unit_of(self.column)
        if self.unit is not None and named is not None and self.unit != named:
            raise ValueError(f"{self.mart}.{self.column} is in {named} by its name, not in {self.unit}")
        if isinstance(self.unit, dict) and not self.policy:
            raise ValueError(f"{self.mart}.{self.column}: a unit by policy needs policy: true")
        return self


class Condition(_Declared):
    """What a metric must show for levels 4 and 5: that there is a value, and where given that it is within a bound.

    Attributes:
        at_least, at_most: in the unit of the metric, both included.
    """

    metric: str = Field(pattern=r"^(A\.[123]\.\d{1,2}|M\d{3})$")
    at_least: Decimal | None = None
    at_most: Decimal | None = None

    def is_met(self, value: float | None) -> bool:
        """Whether a value is there and within its bounds."""
        if value is None:
            return False
        number = Decimal(repr(value))
        return (self.at_least is None or number >= self.at_least) and (self.at_most is None or number <= self.at_most)

    @property
    def words(self) -> str:
        """The condition as it is printed: `>= 95`, or `有 / present`."""
        bounds = ((">=", self.at_least), ("<=", self.at_most))
        return ", ".join(f"{sign} {bound}" for sign, bound in bounds if bound is not None) or "有 / present"


class Asked(Condition):
    """A metric the hub does not compute: experts ask for it, nothing is enforced."""

    title: Words
    unit: str


class Rubric(_Declared):
    """How experts tell the levels of an indicator apart; level 0 is the same for all: nothing, or a proven breach.

    Attributes:
        elements: what the text of Appendix A names; where one is missing the level is 2 at most.
        levels: what must be shown for levels 1 to 5, each on top of those below.
        caps: without these the level is 3 at most, unless an expert says in writing why not.
        asked_for: metrics that would tell the same, of which the hub has no figure yet.
    """

    elements: list[Words] = Field(min_length=1)
    levels: dict[int, Words]
    caps: list[Condition] = []
    asked_for: list[Asked] = []

    @model_validator(mode="after")
    def _levels_are_complete(self) -> Self:
        if sorted(self.levels) != [1, 2, 3, 4, 5]:
            raise ValueError("levels 1 to 5 each need a text / 须写明 1–5 级")
        return self


class Indicator(_Declared):
    """An indicator of the draft standard, or an operational metric.

    `value = scale * numerator / denominator`, both sides first multiplied into `numerator_unit` and `denominator_unit`.

    Attributes:
        unit: of the value: `tCO2e/万元`, `%`, `point`, `tCO2e` (no denominator), `L/100 km` (per so many), or `level 0-5`.
        state: what a complete value is: counted from records (`measured`) or formed with factors (`calculated`).
        occasional: the reason code where a period has no such event (a month without a survey is `not_applicable`).
        boundary: what the figure covers, printed beside it; by policy where that decides it.
        people: the value is about people: the denominator counts them, or names the column that does (true), or the numerator does.
        rubric: how experts tell the levels apart, where they score it.
    """

    id: str = Field(pattern=r"^(A\.[123]\.\d{1,2}|M\d{3})$")
    title: Words
    clause: str | None = None
    serves: list[str] = []
    pillar: Pillar
    kind: Literal["quantitative", "mixed", "qualitative", "metric"]
    direction: Literal["higher", "lower", "context"]
    unit: str
    numerator: Term | None = None
    denominator: Term | None = None
    family: Literal["energy", "climate", "people", "customer", "transport", "production"] | None = None
    state: Literal["measured", "calculated"] | None = None
    occasional: str | None = None
    boundary: str | dict[str, str] | None = None
    people: bool | Literal["numerator"] = False
    says: Words
    sources: list[str] = Field(min_length=1)
    evidence: list[str] = []
    rubric: Rubric | None = None
    standards: list[str] = []
    owner: str

    @property
    def group(self) -> Group | None:
        """The group it lies in by the default tree; None for a metric."""
        return tree().group_of(self.id)

    @property
    def is_computed(self) -> bool:
        """Whether the value comes from marts; the others are scored by experts."""
        return self.numerator is not None

    @property
    def counts_people(self) -> Literal["numerator", "denominator", "people"]:
        """The column of `indicator.cell` that says how many people it is about, where it is about people."""
        if self.people == "numerator":
            return "numerator"
        return "people" if self.denominator and self.denominator.people else "denominator"

    @property
    def has_policy(self) -> bool:
        """Whether there is one value per policy."""
        return any(term.policy for term in self.terms())

    @property
    def scale(self) -> float:
        """What the quotient is multiplied by: 100 for a share, and so many for a value per so many."""
        if self.unit in _SHARES:
            return factor("1", "%")
        many = re.fullmatch(r"[^/]+/(\d+) .+", self.unit)
        return float(many[1]) if many else 1.0

    def terms(self) -> list[Term]:
        """Numerator and denominator, as far as declared."""
        return [term for term in (self.numerator, self.denominator) if term is not None]

    def numerator_unit(self, policy: str | None = None) -> str | None:
        """The unit a numerator is stored and shown in."""
        if self.unit not in _SHARES:
            return self._sides()[0]
        return self.numerator.unit_under(policy) if self.numerator else None

    def denominator_unit(self, policy: str | None = None) -> str | None:
        """The unit a denominator is stored and shown in (revenue: 万元)."""
        if self.unit not in _SHARES:
            return self._sides()[1]
        return self.denominator.unit_under(policy) if self.denominator else None

    def factors(self) -> tuple[float, float]:
        """What the columns of numerator and denominator are multiplied by to stand in their shown units.

        A column without a unit of its own is a plain count: 1. So is every column of a share.
        """
        if self.unit in _SHARES:
            return 1.0, 1.0
        pairs = zip((self.numerator, self.denominator), self._sides(), strict=True)
        first, second = (1.0 if term is None or unit is None else factor(_unit(term), unit) for term, unit in pairs)
        return first, second

    def _sides(self) -> tuple[str, str | None]:
        above, slash, below = self.unit.partition("/")
        return above, re.sub(r"^\d+ ", "", below) if slash else None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "metric" and (self.clause or not self.serves):
            raise ValueError(f"{self.id}: a metric names the indicators it `serves` and no clause")
        if self.kind != "metric" and (not self.group or self.clause != self.id or self.serves):
            raise ValueError(f"{self.id}: an indicator has a group and its own clause, and serves nothing")
        return self

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if self.kind in ("quantitative", "metric") and not (self.numerator and self.family and self.state):
            raise ValueError(f"{self.id}: a computed indicator needs numerator, family and state")
        if self.kind in ("mixed", "qualitative") and (self.terms() or self.unit != LEVEL):
            raise ValueError(f"{self.id}: experts score it: unit {LEVEL}, no numerator, no denominator")
        if (self.rubric is None) != (self.kind in ("quantitative", "metric")):
            raise ValueError(
                f"{self.id}: a rubric belongs to what experts score, and only there / 专家评分指标须有评分标准"
            )
        return self

    @model_validator(mode="after")
    def _unit_is_the_quotient(self) -> Self:
        if self.numerator is None:
            return self
        if self.unit in _SHARES:
            self._refuse_unlike_parts(self.numerator, self.denominator)
            return self
        above, below = self._sides()
        if (self.denominator is None) != (below is None):
            raise ValueError(f"{self.id}: unit {self.unit} and the declared denominator do not agree")
        for term, unit in ((self.numerator, above), (self.denominator, below)):
            if term is not None and unit is not None and not same_dimension(_unit(term), unit):
                raise ValueError(f"{self.id}: {term.column} is in {_unit(term)}, {self.unit} needs {unit} / 量纲不符")
        return self

    def _refuse_unlike_parts(self, above: Term, below: Term | None) -> None:
        if below is None:
            raise ValueError(f"{self.id}: a share in {self.unit} needs a denominator")
        first, second = (term.unit if isinstance(term.unit, dict) else term.unit_under(None) for term in (above, below))
        counts = {unit for unit in (first, second) if isinstance(unit, str)}
        alike = first == second and (first is not None or above.mart == below.mart)
        if not alike and not (len(counts) == 2 and counts <= _COUNTED):
            raise ValueError(f"{self.id}: {above.column} ({first}) is no share of {below.column} ({second}) / 量纲不符")


def _unit(term: Term) -> str:
    unit = term.unit_under(None)
    if unit is None:
        raise ValueError(f"{term.mart}.{term.column} carries no unit in its name: declare `unit`")
    return unit


@cache
def tree(version: str = TREE) -> Tree:
    """The tree of that version.

    Raises:
        CatalogueError: there is none, it does not fit its own words, or an indicator lies in two groups.
    """
    path = TREES / f"{version}.yaml"
    if version not in trees():
        raise CatalogueError(
            f"no indicator tree {version!r} / 没有该指标体系版本", str(TREES), f"use: {', '.join(trees())}"
        )
    try:
        found = Tree.model_validate(load_yaml(path, CatalogueError))
    except ValidationError as error:
        raise CatalogueError(f"{path.name}: {complaints(error)}", str(path), "correct the tree") from error
    groups = found.groups if found.based_on is None else _moved(tree(found.based_on).groups, found.moved)
    members = [key for group in groups for key in group.indicators]
    if found.version != version or len(set(members)) < len(members):
        raise CatalogueError(f"{path.name}: another version, or an indicator twice", str(path), "correct the tree")
    return found.model_copy(update={"groups": groups})


def _moved(groups: tuple[Group, ...], moved: Mapping[str, str]) -> tuple[Group, ...]:
    """The groups with some indicators in others."""
    found = []
    for group in groups:
        stay = {key for key in group.indicators if moved.get(key, group.zh) == group.zh}
        members = sorted(stay | {key for key, zh in moved.items() if zh == group.zh}, key=natural)
        found.append(group.model_copy(update={"indicators": tuple(members)}))
    return tuple(found)


@cache
def trees() -> tuple[str, ...]:
    """Every version there is: the folder is the registry."""
    return tuple(sorted(path.stem for path in TREES.glob("*.yaml")))


def natural(indicator_id: str) -> tuple[str | int, ...]:
    """The sort key that puts A.1.2 before A.1.10, and indicators before metrics."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"\d+|[A-Z]+", indicator_id))


@cache
def catalogue(folder: Path = FOLDER) -> dict[str, Indicator]:
    """Every declared indicator and metric by id, in natural order.

    Raises:
        CatalogueError: a file is not readable, says something unknown or does not fit its unit; a metric serves an
            indicator that does not exist; or what caps a level is not computed.
    """
    found = {path.stem: _read(path) for path in folder.glob("*.yaml")}
    if not found:
        raise CatalogueError("no indicator is declared / 目录中没有指标", str(folder), "add <id>.yaml")
    for one in found.values():
        unknown = [served for served in one.serves if served not in found or found[served].pillar != one.pillar]
        if unknown:
            raise CatalogueError(
                f"{one.id} serves {', '.join(unknown)}, which pillar {one.pillar} does not have / 所服务指标不存在",
                str(folder / f"{one.id}.yaml"),
                "name indicators of the same pillar",
            )
        _refuse_unmeasured_caps(one, found, folder)
    return {key: found[key] for key in sorted(found, key=natural)}


def _refuse_unmeasured_caps(one: Indicator, found: Mapping[str, Indicator], folder: Path) -> None:
    caps = [cap.metric for cap in one.rubric.caps] if one.rubric else []
    if unmeasured := [name for name in caps if name not in found or not found[name].is_computed]:
        raise CatalogueError(
            f"{one.id}: {', '.join(unmeasured)} caps its level and is not computed / 封顶指标未计算",
            str(folder / f"{one.id}.yaml"),
            "name a computed metric, or move it to asked_for",
        )


def check(columns: Mapping[str, Mapping[str, str]], indicators: Mapping[str, Indicator] | None = None) -> None:
    """Compare the catalogue with the marts, without any data.

    Args:
        columns: per mart its columns and their DuckDB types.
        indicators: what to check; the whole catalogue by default.

    Raises:
        CatalogueError: a mart or column does not exist, is no number, or has policies the declaration does not know of.
    """
    wrong = [
        f"{one.id}: {complaint}"
        for one in (catalogue() if indicators is None else indicators).values()
        for term in one.terms()
        for complaint in _misfits(term, columns.get(term.mart))
    ]
    if wrong:
        raise CatalogueError(
            f"the catalogue does not fit the marts / 指标目录与集市不符: {'; '.join(wrong)}",
            str(FOLDER),
            "correct the numerator or denominator, or add the column to the mart",
        )


def _misfits(term: Term, present: Mapping[str, str] | None) -> list[str]:
    if present is None:
        return [f"no mart {term.mart}"]
    needed = [term.column, "month", *term.where, *filter(None, (term.estimated, term.people, term.reason))]
    missing = [name for name in needed if name not in present]
    if missing:
        return [f"mart {term.mart} has no column {name}" for name in missing]
    found = []
    if not _NUMERIC.fullmatch(present[term.column].upper()):
        found.append(f"{term.mart}.{term.column} is {present[term.column]}, not a number")
    if term.policy and "policy" not in present:
        found.append(f"mart {term.mart} has no column policy")
    if "policy" in present and not term.policy:
        found.append(f"mart {term.mart} has one row per policy: declare policy: true")
    return found


def _read(path: Path) -> Indicator:
    try:
        one = Indicator.model_validate(load_yaml(path, CatalogueError))
    except (ValidationError, UnitMismatch) as error:
        text = complaints(error) if isinstance(error, ValidationError) else error.what
        raise CatalogueError(f"{path.name}: {text}", str(path), "correct the declaration") from error
    if one.id != path.stem:
        raise CatalogueError(f"{path.name} declares {one.id} / 文件名与编号不符", str(path), "name it after its id")
    return one
