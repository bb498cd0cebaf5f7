"""The enterprise folder: what is declared in it, where the hub keeps its data, and how files are written there."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from schemas.errors import CatalogueError, HubError

EnterpriseType = Literal["transport", "warehouse", "integrated", "express", "forwarder", "dangerous_goods", "manufacturer"]
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


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


class Declaration(_Strict):
    """`enterprise.yaml`."""

    id: str = Field(min_length=1)
    name: Name | str
    enterprise_type: EnterpriseType = "integrated"
    timezone: str = "Asia/Shanghai"
    first_month: str | None = None
    legal_entities: list[LegalEntity] = []
    profile: str = "draft-neutral-v1"
    policies: dict[str, str | dict[str, str | int]] = {}
    privacy: Privacy = Privacy()

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
        return [{"id": item} if isinstance(item, str) else item for item in value] if isinstance(value, list) else value or []


def load_yaml(path: Path, error: type[HubError]) -> dict[str, Any]:
    """A YAML mapping, or the hub's own error naming file and line."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise error(f"file not found / 文件不存在: {path.name}", str(path), "create it (esg init shows how)") from missing
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        raise error(f"not readable as YAML / 无法解析 YAML: {broken}", str(path), "correct the file") from broken
    if not isinstance(content, dict):
        raise error("a mapping of keys is expected / 应为键值映射", str(path), "correct the file")
    return content


def complaints(error: ValidationError) -> str:
    """What pydantic found wrong, one line each."""
    return "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())


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
        try:
            declaration = Declaration.model_validate(load_yaml(path, CatalogueError))
        except ValidationError as error:
            raise CatalogueError(f"enterprise.yaml: {complaints(error)}", str(path), "correct enterprise.yaml") from error
        entities = [entity.id for entity in declaration.legal_entities]
        if len(set(entities)) < len(entities):
            raise CatalogueError(f"a legal entity stands twice / 法人编号重复: {', '.join(entities)}", str(path), "give each an id of its own")
        if declaration.id in entities:
            raise CatalogueError(
                f"id {declaration.id!r} is also a legal entity / 企业编号与法人编号重复", str(path), "give the enterprise an id of its own"
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


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well, and vanishes when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step: readers see the old one or the new one."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest(*parts: object) -> str:
    """A short, stable fingerprint of JSON-able parts."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def meet(one: dict[str, list[str]] | None, other: dict[str, list[str]] | None, key: tuple[str, ...]) -> bool:
    """Whether the spans of two extracts overlap in every key column; a span that is not known overlaps all."""
    if one is None or other is None:
        return False
    pairs = [(one.get(name), other.get(name)) for name in key]
    return all(a is None or b is None or (a[0] <= b[1] and b[0] <= a[1]) for a, b in pairs)


class Lake:
    """What lies under `data/`: one state file names every file that counts; others are leftovers of a broken run.

    `state["extracts"]` has one entry per extract (see `connectors.ingest`), `state["marts"]` names the mart files.
    Changing it is one rename, so a run that is killed leaves the old state or the new one.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self._path = data / "state.json"

    @cached_property
    def state(self) -> dict[str, Any]:
        """The state as last committed."""
        if not self._path.exists():
            return {"extracts": {}, "marts": {}}
        return json.loads(self._path.read_text(encoding="utf-8"))

    def commit(self) -> None:
        """Make the present state the one that counts."""
        write_text(self._path, json.dumps(self.state, ensure_ascii=False, indent=1, sort_keys=True))

    def extracts(self, contract: str | None = None, source: str | None = None) -> list[dict[str, Any]]:
        """The extracts that count, oldest first."""
        found = [
            entry
            for entry in self.state["extracts"].values()
            if contract in (None, entry["contract"]) and source in (None, entry["source"])
        ]
        return sorted(found, key=lambda entry: entry["order"])

    def files(self, kind: Literal["clean", "quarantine"], contract: str, months: set[str] | None = None) -> list[Path]:
        """The Parquet files of a contract's clean or refused rows, in a stable order."""
        return [
            self.data / path
            for entry in self.extracts(contract)
            for month, path in sorted(entry[kind].items())
            if months is None or month in months
        ]

    def months(self, contract: str) -> set[str]:
        """The months a contract has clean rows for."""
        return {month for entry in self.extracts(contract) for month in entry["clean"] if MONTH.fullmatch(month)}

    def sweep(self) -> None:
        """Delete files of `clean` and `quarantine` that no state names (what a broken run left behind)."""
        named = {path for entry in self.extracts() for kind in ("clean", "quarantine") for path in entry[kind].values()}
        for kind in ("clean", "quarantine"):
            for path in sorted((self.data / kind).glob("*/*/*/*")):
                if path.relative_to(self.data).as_posix() not in named:
                    path.unlink()
