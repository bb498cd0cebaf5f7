"""The enterprise folder: what is declared in it, where the hub keeps its data, and how files are written there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from schemas.errors import CatalogueError, HubError
from schemas.lake import Lake

EnterpriseType = Literal[
    "transport", "warehouse", "integrated", "express", "forwarder", "dangerous_goods", "manufacturer"
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Name(_Strict):
    """A name in Chinese and English."""

    zh: str
    en: str = ""


class LegalEntity(_Strict):
    """A legal entity of the enterprise."""

    id: str = Field(min_length=1)
    name: Name | str = ""


class Privacy(_Strict):
    """`min_cell`: breakdowns about fewer people than this are not shown."""

    min_cell: int = Field(default=10, ge=1)


class Exclusion(_Strict):
    """A category of emissions the inventory leaves out, and why."""

    category: str = Field(min_length=1)
    reason: Name | str


class InventoryFacts(_Strict):
    """What only the enterprise can say about its greenhouse-gas inventory.

    Attributes:
        approach: how the organisational boundary is drawn.
        base_year: the year targets and trends are set against.
        recalculation_threshold_pct: a change of the base year's total by as much as this makes it be reckoned anew.
        exclusions: categories that are left out.
        responsible: who answers for it.
    """

    approach: Literal["operational_control", "financial_control"] = "operational_control"
    base_year: int | None = Field(default=None, ge=1990, le=2100)
    recalculation_threshold_pct: float = Field(default=5, gt=0, le=100)
    exclusions: list[Exclusion] = []
    responsible: str = ""


class LeftOut(_Strict):
    """A part of the enterprise an evaluation leaves out, why, and its share of revenue, energy or headcount in percent."""

    what: Name | str
    reason: Name | str
    share_pct: dict[Literal["revenue", "energy", "headcount"], Annotated[float, Field(ge=0, le=100)]] = {}


class Visit(_Strict):
    """A visit to a site, or an interview, of the assessor."""

    date: str
    where: Name | str
    what: Name | str


class Measure(_Strict):
    """What the enterprise has agreed to do about an indicator; said instead of what the report proposes."""

    indicator_id: str
    measure: Name | str
    owner: Name | str = ""
    due: str = ""
    cost: Literal["low", "medium", "high"] | None = None


class EvaluationFacts(_Strict):
    """What only people can say about an evaluation; what is left out is named in the report as not given.

    Attributes:
        commissioner, purpose, use, readers: who asked for it, why, for which use and for whom.
        services: products and services evaluated.
        exclusions: what of the enterprise is left out.
        documents: papers the assessor has read: reports on social responsibility, annual and sustainability reports.
        visits: visits to sites and interviews.
        assessor: who evaluates; without one the report is the enterprise's own.
        duties: who does what in the panel's work.
        pending: allegations not decided; they are listed and deduct nothing.
        subsequent: what happened after the period and a reader must know.
        measures: what is agreed about indicators.
    """

    commissioner: Name | str = ""
    purpose: Name | str = ""
    use: Name | str = ""
    readers: Name | str = ""
    services: Name | str = ""
    exclusions: list[LeftOut] = []
    documents: list[Name | str] = []
    visits: list[Visit] = []
    assessor: Name | str = ""
    duties: list[Name | str] = []
    pending: list[Name | str] = []
    subsequent: list[Name | str] = []
    measures: list[Measure] = []


class Declaration(_Strict):
    """`enterprise.yaml`."""

    id: str = Field(min_length=1)
    name: Name | str
    enterprise_type: EnterpriseType = "integrated"
    timezone: str = "Asia/Shanghai"
    first_month: str | None = None
    legal_entities: list[LegalEntity] = []
    profile: str = "draft-neutral-v1"
    policies: dict[str, Annotated[str, Field(coerce_numbers_to_str=True)] | dict[str, str | int]] = {}
    privacy: Privacy = Privacy()
    inventory: InventoryFacts = InventoryFacts()
    evaluation: EvaluationFacts = EvaluationFacts()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"unknown time zone {value!r}") from error
        return value

    @field_validator("legal_entities", mode="before")
    @classmethod
    def _plain_ids(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands in whatever the YAML holds
        return (
            [{"id": item} if isinstance(item, str) else item for item in value]
            if isinstance(value, list)
            else value or []
        )


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the C one is ten times as fast
    """Only what looks like a number or says true or false is none of a text: a column may be called `no`, a code `0100`."""


_PLAIN = {
    "tag:yaml.org,2002:bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:int": (r"[-+]?(0|[1-9]\d*)", "-+0123456789"),
}
_Loader.yaml_implicit_resolvers = {
    # a date stays a text too, and is a date where one is declared
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (*_PLAIN, "tag:yaml.org,2002:timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))


def load_yaml(path: Path, error: type[HubError]) -> dict[str, Any]:
    """A YAML mapping, or the hub's own error naming file and line."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError as missing:
        raise error(
            f"file not found / 文件不存在: {path.name}", str(path), "create it (esg init shows how)"
        ) from missing
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        raise error(f"not readable as YAML / 无法解析 YAML: {broken}", str(path), "correct the file") from broken
    if not isinstance(content, dict):
        raise error("a mapping of keys is expected / 应为键值映射", str(path), "correct the file")
    return content


def complaints(error: ValidationError) -> str:
    """What pydantic found wrong, one line each; a list that lacks what was wrong in it is not told as too short."""
    found = error.errors()
    inside = [item["loc"] for item in found]
    told = [
        item for item in found
        if item["type"] != "too_short" or not any(loc[: len(item["loc"])] == item["loc"] != loc for loc in inside)
    ]  # fmt: skip
    return "; ".join(
        f"{where}: {item['msg']}" if (where := ".".join(str(part) for part in item["loc"])) else item["msg"]
        for item in told
    )


@dataclass(frozen=True)
class Enterprise:
    """An enterprise folder, opened.

    Attributes:
        folder: the folder; the hub writes to its `data/` only.
        scratch: where to write instead, for work that shall leave no trace.
    """

    folder: Path
    scratch: Path | None = None

    @cached_property
    def declaration(self) -> Declaration:
        """`enterprise.yaml`, checked."""
        path = self.folder / "enterprise.yaml"
        if set("*?[") & set(str(self.folder)):
            raise CatalogueError(
                "the folder's path holds * ? or [, which polars and DuckDB take for a pattern of files / 路径含通配符",
                str(self.folder),
                "rename the folder, or the one it lies in",
            )
        try:
            declaration = Declaration.model_validate(load_yaml(path, CatalogueError))
        except ValidationError as error:
            raise CatalogueError(
                f"enterprise.yaml: {complaints(error)}", str(path), "correct enterprise.yaml"
            ) from error
        entities = [entity.id for entity in declaration.legal_entities]
        if len(set(entities)) < len(entities):
            raise CatalogueError(
                f"a legal entity stands twice / 法人编号重复: {', '.join(entities)}",
                str(path),
                "give each an id of its own",
            )
        if declaration.id in entities:
            raise CatalogueError(
                f"id {declaration.id!r} is also a legal entity / 企业编号与法人编号重复",
                str(path),
                "give the enterprise an id of its own",
            )
        return declaration

    @property
    def id(self) -> str:
        """The enterprise's `org_id`."""
        return self.declaration.id

    @property
    def timezone(self) -> str:
        """The enterprise's time zone, which sites and sources have unless they say otherwise."""
        return self.declaration.timezone

    @property
    def data(self) -> Path:
        """The hub's own folder."""
        return self.scratch or self.folder / "data"

    @property
    def published(self) -> Path:
        """The file analysts open."""
        return self.data / "published" / "esg.duckdb"

    @cached_property
    def lake(self) -> Lake:
        """What the hub has stored."""
        return Lake(self.data)

    def legal_entities(self) -> list[dict[str, str]]:
        """`legal_entity_id` and names, one row each."""
        rows = []
        for entity in self.declaration.legal_entities:
            name = entity.name if isinstance(entity.name, Name) else Name(zh=entity.name, en=entity.name)
            rows.append({"legal_entity_id": entity.id, "name_zh": name.zh, "name_en": name.en or name.zh})
        return rows
