"""The Source model: what one `sources/<name>.yaml` may say about how a system delivers its rows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import available_timezones

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.enterprise import Enterprise, complaints, load_yaml
from schemas.errors import SourceError, UnitMismatch
from schemas.units import factor, unit_of

if TYPE_CHECKING:
    from schemas.contract import Table


# contracts that the expert panel fills, and how the workbooks of its experts are read
_PANEL = ("expert_score", "evidence")
PANEL_FORM = Path(__file__).parent / "panel_form.yaml"
# what a reader adds, and what it calls a column without a header
_NOBODYS = re.compile(r"|__\w+__|column_\d+")


def _contracts() -> ModuleType:
    """The contracts, imported when first asked for: Pandera takes seconds, and reading an archive needs none of it."""
    from schemas import contract

    return contract


class Strict(BaseModel):
    """A declaration in which an unknown key is an error, not a silent nothing."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)


class Unpivot(Strict):
    """Columns that hold one value per day (or meter, or fuel) and become rows.

    `columns` lists header names; `1..31` stands for every whole number in that range that the header has.
    """

    columns: list[str]
    name: str
    value: str


class Read(Strict):
    """How the bytes or rows of a source become a table of texts."""

    kind: Literal["csv", "excel", "parquet", "jsonl", "sql"] = Field(alias="as")
    files: str | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    thousands: str | None = None
    sheet: str | None = None
    # left out of what is written down where there are none, so that this says the same as before there was the key
    skip_rows: int = Field(default=0, ge=0, exclude_if=lambda rows: rows == 0)
    header_rows: int = Field(default=1, ge=1)
    unpivot: Unpivot | None = None
    url: str | None = None
    table: str | None = None
    query: str | None = None
    watermark: str | None = None
    overlap: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Read:
        if self.kind == "sql":
            if not self.url or bool(self.table) == bool(self.query):
                raise ValueError("read.as sql needs `url` and exactly one of `table`, `query`")
        elif not self.files:
            raise ValueError(f"read.as {self.kind} needs `files`")
        if self.overlap and not self.watermark:
            raise ValueError("`overlap` needs a `watermark`")
        return self

    @model_validator(mode="after")
    def _one_sign_each(self) -> Read:
        for name, sign in (("decimal", self.decimal), ("thousands", self.thousands)):
            if sign is not None and (len(sign) != 1 or sign.isalnum() or sign in "+-"):
                raise ValueError(f"read.{name} must be one character that is no digit, letter or sign, not {sign!r}")
        if self.decimal == self.thousands:
            raise ValueError("read.decimal and read.thousands must differ")
        return self


class Column(Strict):
    """Where one contract column comes from: exactly one of `from` and `value`, then `map`, `format`, `unit`."""

    source: str | None = Field(default=None, alias="from")
    value: str | None = None
    map: dict[str, str] = {}
    format: str | list[str] | None = None
    unit: str | dict[Literal["from"], str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands in whatever the YAML holds
        if isinstance(data, str):
            return {"from": data}
        if isinstance(data, dict):
            texts = {key: str(data[key]) for key in ("from", "value") if data.get(key) is not None}
            if None in (data.get("map") or {}):
                raise ValueError('map: a word that YAML takes for nothing must stand in quotes ("NULL")')
            words = {
                str(word): "" if meaning is None else str(meaning) for word, meaning in (data.get("map") or {}).items()
            }
            return {**data, **texts, "map": words}
        return data

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        if (self.source is None) == (self.value is None):
            raise ValueError("a column needs exactly one of `from` and `value`")
        return self


class Source(Strict):
    """One `sources/<name>.yaml`, checked against the contract it fills.

    Four kinds need no YAML: `reference/<contract>.csv`, filled templates and the panel's files, whose headers are the
    contract's own, and the workbooks of the panel's experts, which are read by `panel_form.yaml`.

    A file without a row is an error unless `may_be_empty`: then it says that there were none in its month. An empty
    reference table says that there is nothing of the kind, and a database query that nothing has happened since.
    """

    name: str
    contract: str
    read: Read
    columns: dict[str, Column] = {}
    system: str = ""
    owner: str = ""
    rows: Literal["event", "state"] | None = None
    timezone: str | None = None
    stamp: Literal["start", "end"] = "end"
    expect_by_day: int | None = Field(default=None, ge=1, le=28)
    may_be_empty: bool = False
    personal: list[str] = []
    folder: Path
    by_header: bool = False

    @property
    def table(self) -> Table:
        """The contract it fills."""
        return _contracts().contract(self.contract)

    @property
    def kind_of_rows(self) -> str:
        """`event`, `state` or `reference`: the source's own word, else the contract's."""
        return self.rows or self.table.rows

    @property
    def is_personal(self) -> bool:
        """Whether what it delivers may only rest without names and with pseudonyms."""
        return self.table.is_personal or bool(self.personal)

    @property
    def prepare_path(self) -> Path:
        """Where the source's `prepare` function lies if it has one."""
        return self.folder / "sources" / f"{self.name}.py"

    def declaration(self) -> dict[str, Any]:
        """Everything declared about how rows are read, for the fingerprint of what was read with it."""
        prepare = self.prepare_path.read_text(encoding="utf-8") if self.prepare_path.exists() else ""
        return {
            **self.model_dump(mode="json", exclude={"folder", "owner", "system", "expect_by_day"}),
            "prepare": prepare,
        }

    def mapping(self, header: list[str]) -> dict[str, Column]:
        """Contract column → where it comes from, for a file with this header.

        Raises:
            SourceError: a declared column is not in the file.
        """
        if not self.by_header:
            wanted = [column.source for column in self.columns.values() if column.source is not None]
            wanted += [unit["from"] for column in self.columns.values() if isinstance(unit := column.unit, dict)]
            missing = [name for name in dict.fromkeys(wanted) if name not in header]
            if missing:
                # a line break or a blank that cannot be seen is shown as it is written in YAML
                there = [name if name.isprintable() else repr(name) for name in header if not name.startswith("__")]
                raise SourceError(
                    f"missing column / 缺少列: {', '.join(map(repr, missing))}", f"source {self.name}",
                    f"the file has: {', '.join(there)}; correct the file or sources/{self.name}.yaml (lines above the header: read.skip_rows)",
                )  # fmt: skip
            return self.columns
        return self._mapping_by_header(header)

    def _mapping_by_header(self, header: list[str]) -> dict[str, Column]:
        names = {(name.split() or [""])[0]: name for name in header}
        found = {
            column.name: Column.model_validate({"from": names[column.name]})
            for column in self.table.declared
            if column.name in names
        }
        # a misspelt optional column would be a silent nothing
        strange = [name for word, name in names.items() if word not in found and not _NOBODYS.fullmatch(word)]
        if strange:
            raise SourceError(
                f"unknown column / 未知列: {', '.join(strange)}", f"source {self.name}",
                f"the header must be the contract's own columns: {', '.join(c.name for c in self.table.declared)}",
            )  # fmt: skip
        missing = [column.name for column in self.table.declared if not column.nullable and column.name not in found]
        if missing:
            raise SourceError(
                f"missing column / 缺少列: {', '.join(missing)}", f"source {self.name}",
                f"the header must be the contract's own columns: {', '.join(c.name for c in self.table.declared)}",
            )  # fmt: skip
        return found

    def deliveries(self) -> list[Delivery]:
        """The files there are for it, in order of month and name."""
        if self.read.files is None:
            return []
        root, pattern = self._root(self.read.files)
        month = re.compile(re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
                           .replace(re.escape("{month}"), r"(?P<month>\d{4}-\d{2})", 1).replace(re.escape("{month}"), "(?P=month)"))  # fmt: skip
        found = []
        for path in root.glob(pattern.replace("{month}", "[0-9][0-9][0-9][0-9]-[0-9][0-9]")):
            match = month.fullmatch(path.relative_to(root).as_posix())
            if (
                match
                and path.is_file()
                and not path.name.startswith((".", "~$"))
                and not (self.by_header and self._is_anothers(path.name))
            ):
                found.append(Delivery(path, path.relative_to(root).as_posix(), match.groupdict().get("month")))
        return sorted(found, key=lambda delivery: (delivery.month or "", delivery.name))

    def _is_anothers(self, name: str) -> bool:
        """Whether a file found by its beginning belongs to a contract with a longer name (`meter_reading.xlsx`)."""
        longer = tuple(
            other for other in _contracts().names() if other.startswith(self.contract) and other != self.contract
        )
        return name.startswith(longer) if longer else False

    def _root(self, pattern: str) -> tuple[Path, str]:
        if Path(pattern).is_absolute() or pattern.startswith(".."):
            fixed = Path(*itertools.takewhile(lambda part: not re.search(r"[*?{\[]", part), Path(pattern).parts[:-1]))
            root = (self.folder / "extracts" / fixed).resolve()  # `extracts` need not be there
            return root, Path(pattern).relative_to(fixed).as_posix()
        if pattern.startswith(("extracts/", "reference/", "panel/")):
            return self.folder, pattern
        return self.folder / "extracts", pattern


@dataclass(frozen=True)
class Delivery:
    """A file as delivered: where it lies, what it is called below its folder, the month its name tells."""

    path: Path
    name: str
    month: str | None


def sources(enterprise: Enterprise, broken: dict[str, SourceError] | None = None) -> list[Source]:
    """Every source of an enterprise, referenced contracts first.

    Args:
        enterprise: the folder.
        broken: where given, it takes the error of each declaration that does not fit, and the others are returned.

    Raises:
        SourceError: a declaration does not fit its contract; every complaint is named.
    """
    found = [*_by_header(enterprise), *_workbooks(enterprise)]
    for path in sorted((enterprise.folder / "sources").glob("*.yaml")):
        try:
            if path.stem in {source.name for source in found}:
                raise SourceError(
                    f"the name {path.stem} is taken / 名称已被占用", str(path), "give the source another name"
                )
            found.append(_declared(enterprise, path))
        except SourceError as error:
            if broken is None:
                raise
            broken[path.stem] = error
    order = [table.name for table in _contracts().contracts()]
    return sorted(found, key=lambda source: (order.index(source.contract), source.name))


def _declared(enterprise: Enterprise, path: Path) -> Source:
    status = path.stat()
    return _read(enterprise.folder, path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _read(folder: Path, path: Path, _changed_ns: int, _size: int) -> Source:
    """A declaration, read again only when its file has changed: a run asks for all of them at each contract."""
    content = load_yaml(path, SourceError)
    try:
        source = Source.model_validate({**content, "name": path.stem, "folder": folder})
    except ValidationError as error:
        raise SourceError(f"{path.name}: {complaints(error)}", str(path), "correct the source declaration") from error
    found = list(_misfits(source))
    if found:
        raise SourceError(f"{path.name}: {'; '.join(found)}", str(path), "correct the source declaration")
    return source


def _misfits(source: Source) -> Iterator[str]:
    if source.contract not in _contracts().names():
        yield f"no contract is called {source.contract!r} (there are: {', '.join(_contracts().names())})"
        return
    columns = {column.name: column for column in source.table.declared}
    for name, column in source.columns.items():
        yield from _format_misfit(name, column)
        if name not in columns:
            yield f"{source.contract} has no column {name!r} (it has: {', '.join(columns)})"
        elif isinstance(column.unit, str):
            yield from _unit_misfit(name, column.unit)
        elif column.unit and unit_of(name) is None:
            yield f"{name} carries no unit"
    missing = [name for name, column in columns.items() if not column.nullable and name not in source.columns]
    if missing:
        yield f"required columns are not mapped: {', '.join(missing)}"
    if source.timezone is not None and source.timezone not in available_timezones():
        yield f"unknown time zone {source.timezone!r}"


def _unit_misfit(column: str, unit: str) -> Iterator[str]:
    target = unit_of(column)
    if target is None:
        yield f"{column} carries no unit, so none can be given for it"
        return
    try:
        factor(unit, target)
    except UnitMismatch as error:
        yield f"{column}: {error.what}"


def _format_misfit(name: str, column: Column) -> Iterator[str]:
    for one in [column.format] if isinstance(column.format, str) else column.format or []:
        try:
            pl.Series(["-"]).str.to_datetime(one, strict=False, time_unit="us")
        except pl.exceptions.PolarsError as error:
            yield f"{name}: no format for times is {one!r}: {str(error).splitlines()[0]}"


def _by_header(enterprise: Enterprise) -> Iterator[Source]:
    for table in _contracts().contracts():
        places: list[tuple[str, str, dict[str, str]]] = [
            ("reference", f"reference/{table.name}.csv", {"as": "csv"}),
            ("template", f"extracts/templates/{table.name}*.xlsx", {"as": "excel", "sheet": table.name}),
        ]
        if table.name in _PANEL:
            places += [
                ("panel", f"panel/{table.name}*.csv", {"as": "csv"}),
                ("panel_workbook", f"panel/{table.name}*.xlsx", {"as": "excel", "sheet": table.name}),
            ]
        for system, files, how in places:
            source = Source(name=f"{system}_{table.name}", contract=table.name, folder=enterprise.folder, by_header=True, system=system,
                            may_be_empty=system == "reference", read=Read.model_validate({**how, "files": files}))  # fmt: skip
            if source.deliveries() or enterprise.lake.extracts(source=source.name):
                yield source


def panel_form(folder: Path) -> Source:
    """How the workbooks of the panel's experts are read."""
    return Source.model_validate({**load_yaml(PANEL_FORM, SourceError), "name": PANEL_FORM.stem, "folder": folder})


def _workbooks(enterprise: Enterprise) -> Iterator[Source]:
    source = panel_form(enterprise.folder)
    if source.deliveries() or enterprise.lake.extracts(source=source.name):
        yield source
