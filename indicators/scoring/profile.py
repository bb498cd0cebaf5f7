"""A scoring profile: the anchors, weights, rules and grades that one set of scores was made with.

The draft standard leaves all of them open, so they are declared in a file, stored by their hash with every score and
printed in the report. A changed profile is another profile.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from indicators.declared import TREE, Indicator, Pillar, Words, catalogue
from schemas.enterprise import complaints, load_yaml
from schemas.errors import CatalogueError

SHIPPED = Path(__file__).parent.parent / "profiles"


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Anchors(_Declared):
    """Where an indicator scores 0, 60, 80 and 100; their order says whether more is better.

    Attributes:
        relative_to: `own_baseline`: the four are multiples of `baseline`, in the unit of the indicator.
        baseline: what the enterprise declares as its baseline; empty: the indicator cannot be scored yet.
        source: who set the anchors.
    """

    x0: Decimal
    x60: Decimal
    x80: Decimal
    x100: Decimal
    relative_to: Literal["own_baseline"] | None = None
    baseline: Decimal | None = Field(default=None, gt=0)
    source: Words

    @property
    def direction(self) -> Literal["higher", "lower"]:
        """What is better."""
        return "higher" if self.x100 > self.x0 else "lower"

    def points(self) -> tuple[Decimal, Decimal, Decimal, Decimal] | None:
        """The four values in the unit of the indicator; None where the baseline is not declared."""
        plain = (self.x0, self.x60, self.x80, self.x100)
        if self.relative_to is None:
            return plain
        if self.baseline is None:
            return None
        return (plain[0] * self.baseline, plain[1] * self.baseline, plain[2] * self.baseline, plain[3] * self.baseline)

    @model_validator(mode="after")
    def _strictly_monotone(self) -> Self:
        steps = [later - earlier for earlier, later in pairwise((self.x0, self.x60, self.x80, self.x100))]
        if not (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
            raise ValueError("x0, x60, x80, x100 must rise or fall strictly / 锚点须严格单调")
        if self.baseline is not None and self.relative_to is None:
            raise ValueError("a baseline needs relative_to: own_baseline")
        return self


class Panel(_Declared):
    """How many experts a level needs, and from how many on the highest and the lowest are left out."""

    minimum: int = Field(ge=1)
    trimmed_from: int = Field(ge=3)


class Profile(_Declared):
    """A scoring profile; see `profiles/draft-neutral-v1.yaml` for what each line means."""

    id: str
    version: str
    title: Words
    tree: str
    anchors: dict[str, Anchors]
    panel: Panel
    weights: Literal["flat"]
    pillars: dict[Pillar, Decimal]
    missing: Literal["zero"]
    scored_from_months: int = Field(ge=1, le=12)
    coverage_gate: Decimal = Field(ge=0, le=1)
    limited_scope_above: Decimal = Field(ge=0, le=1)
    core: list[str]
    not_applicable: dict[str, Words]
    grades: dict[str, Decimal]

    @property
    def hash(self) -> str:
        """sha256 of what the profile says, whatever the order or layout of its file."""
        content = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    @model_validator(mode="after")
    def _weights_and_grades_are_complete(self) -> Self:
        if set(self.pillars) != {"E", "S", "G"} or any(weight <= 0 for weight in self.pillars.values()):
            raise ValueError("pillars: E, S and G each need a weight above 0 / 三个维度须各有大于 0 的权重")
        if min(self.grades.values(), default=1) != 0 or len(set(self.grades.values())) != len(self.grades):
            raise ValueError("grades: the lowest starts at 0, and no two start alike / 等级下限须从 0 起且互不相同")
        if wrong := sorted(set(self.core) & set(self.not_applicable)):
            raise ValueError(f"{', '.join(wrong)}: core indicators always apply / 核心指标不得列为不适用")
        return self

    def misfits(self, indicators: dict[str, Indicator]) -> list[str]:
        """What in the profile does not fit the indicators of the standard."""
        known = {key for key, one in indicators.items() if one.kind != "metric"}
        named = (*self.core, *self.not_applicable, *self.anchors)
        wrong = [f"{key}: no such indicator" for key in named if key not in known]
        for key in sorted(known & set(self.anchors)):
            if not indicators[key].is_computed:
                wrong.append(f"{key}: is scored by experts and has no anchors")
            elif indicators[key].direction != self.anchors[key].direction:
                wrong.append(f"{key}: {self.anchors[key].direction} is better by its anchors, not by the catalogue")
        return wrong


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
    if profile.tree != TREE:
        wrong.append(f"written for indicator tree {profile.tree}, the catalogue is {TREE}")
    if profile.id != path.stem:
        wrong.append(f"declares id {profile.id}")
    if wrong:
        raise CatalogueError(f"{path.name}: {'; '.join(wrong)}", str(path), "correct the profile")
    return profile
