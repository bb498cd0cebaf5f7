"""The Contract: one Pandera model per canonical table, and all that is read out of its declaration.

A contract only judges. It never converts: `connectors.conform` casts, the contract says whether the result may pass.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

import schemas.contracts
from schemas.errors import ContractViolation
from schemas.fields import provenance
from schemas.units import unit_of

_DUCKDB = {"String": "VARCHAR", "Float64": "DOUBLE", "Int64": "BIGINT", "Boolean": "BOOLEAN", "Date": "DATE"}

# what a refusal is called when one of Pandera's own checks finds it
_CODES = {
    "not_nullable": "missing", "isin": "unknown_word", "str_matches": "bad_form",
    "greater_than_or_equal_to": "out_of_range", "greater_than": "out_of_range", "less_than_or_equal_to": "out_of_range",
}  # fmt: skip

_SIGNS = {"greater_than_or_equal_to": "≥", "greater_than": ">", "less_than_or_equal_to": "≤"}

# every refusal reason that is not a contract's own rule, in words
REASONS: dict[str, tuple[str, str]] = {
    "missing": ("必填项为空", "a required value is empty"),
    "unknown_word": ("取值不在允许的词表中", "the word is not one of those allowed"),
    "bad_form": ("格式不符", "the text does not have the required form"),
    "out_of_range": ("超出合理范围", "outside the plausible range"),
    "not_a_number": ("不是数字", "not a number"),
    "not_a_time": ("不是有效的日期或时间", "not a valid date or time"),
    "clock_change": (
        "落在夏令时切换处，时刻不明确；请带时差（+02:00）或按 UTC 交付",
        "falls into a clock change: that time happened twice or never; deliver it in UTC or with its offset (+02:00)",
    ),
    "stamp_without_interval": ("区间起点时间须登记抄表间隔", "a start stamp needs the meter's interval_min"),
    "unknown_unit": ("单位未知", "the unit is unknown"),
    "wrong_unit": ("单位的量纲不符", "the unit measures something else"),
    "unknown_key": ("编号未在参照表登记", "the key is not in its reference table"),
    "key_not_valid": ("编号在该日期无效", "the key is not valid on that date"),
    "outside_month": (
        "按来源时区不属于文件名所示月份；若文件另有切分口径，声明中以 * 代替 {month}",
        "lies outside the month its file is named for, by the source's clock; where files are cut otherwise, declare * for {month}",
    ),
    "id_taken": ("编号已是企业或法人的编号", "the id is the enterprise's own or a legal entity's"),
    "duplicate_key": ("主键重复且内容不同", "the key repeats with other values"),
    "overlapping_validity": ("有效期与同一编号的另一行重叠", "valid at the same time as another row of its id"),
    "superseded": ("已被后来的提取取代", "a later extract replaced it"),
    "lost_digits": (
        "编号被表格软件变成科学计数，末几位已丢失；请在来源中设为文本列",
        "a spreadsheet has turned the number into scientific notation and lost digits; have the column delivered as text",
    ),
    "cell_in_error": (
        "单元格是公式错误或未计算的公式",
        "the cell holds an error or a formula without a value, as spreadsheets show them",
    ),
    "placeholder": ("占位词，不是编号", "a word for nothing, not a key"),
    "total_row": ("合计行，不是一条记录", "a line of totals, not a record"),
    "ragged_row": ("列数与表头不符", "the row has more or fewer fields than the header"),
    "corrected": ("已由更正后的行取代", "replaced by its corrected form"),
    "not_json": ("该行不是一个 JSON 对象", "the line is not one JSON object"),
}


@dataclass(frozen=True)
class Column:
    """One column as its contract declares it; everything about it is in here.

    `kind` is the word of `schemas.fields` it was declared with; `unit` follows from its name.
    """

    name: str
    dtype: pl.DataType
    nullable: bool
    kind: str
    zh: str
    en: str
    unit: str | None
    refers: str | None = None
    words: dict[str, str] = field(default_factory=dict)
    note: tuple[str, str] | None = None
    example: str = ""
    end_of_day: bool = False
    through: str | None = None
    column: str | None = None

    @property
    def duckdb(self) -> str:
        """The DuckDB type of the column."""
        return "TIMESTAMPTZ" if isinstance(self.dtype, pl.Datetime) else _DUCKDB[str(self.dtype)]

    @property
    def comment(self) -> str:
        """The column's meaning in Chinese and English, with its unit."""
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{self.zh} | {self.en}{unit}"


class Contract(pa.DataFrameModel):
    """Base of all contracts: strict, never coercing, with the columns that say where a row came from.

    Class arguments:
        rows: `event` (a row happened once), `state` (the latest extract wins per key) or `reference`.
        key: the columns that name a row.
        month: the date, instant or month column(s) a row's month follows from, the first that is filled.
        conflicts: `refused` (a key may not repeat with other values) or `flagged` (it may: both rows stay, marked).
        else_month: a column of the key that may be empty; rows of different months that leave it so are different rows.
        zh: the table's name in Chinese; the first docstring line is the English one.
    """

    _rows: ClassVar[str]
    _key: ClassVar[tuple[str, ...]]
    _month: ClassVar[tuple[str, ...]]
    _conflicts: ClassVar[str]
    _else_month: ClassVar[str]
    _zh: ClassVar[str]

    source: str = provenance("来源", "Source that delivered the row")
    extract_id: str = provenance("提取批次（接收文件的 sha256）", "Extract: sha256 of the bytes received")
    sheet: str = provenance("工作表", "Worksheet", optional=True)
    row_number: int = provenance("原始行号", "Row number in the original file, header included")

    def __init_subclass__(  # noqa: D105
        cls, *, rows: str = "event", key: tuple[str, ...] = (), month: tuple[str, ...] = (), conflicts: str = "refused",
        else_month: str = "", zh: str = "", **kwargs: Any,  # noqa: ANN401
    ) -> None:  # fmt: skip
        cls._rows, cls._key, cls._month = rows, key, month
        cls._conflicts, cls._else_month, cls._zh = conflicts, else_month, zh
        super().__init_subclass__(**kwargs)  # type: ignore[no-untyped-call]

    class Config:
        """Pandera settings."""

        strict = True
        coerce = False


def _columns(model: type[Contract]) -> tuple[Column, ...]:
    columns = []
    for name, schema in model.to_schema().columns.items():
        meta = dict(schema.metadata)
        dtype = schema.dtype.type
        columns.append(Column(name, dtype, schema.nullable, unit=unit_of(name) if meta["kind"] == "quantity" or
                              meta["kind"] == "count" else None, **meta))  # fmt: skip
    own = [column for column in columns if column.kind != "provenance"]
    return tuple(own + [column for column in columns if column.kind == "provenance"])


@dataclass(frozen=True)
class Table:
    """A contract read once: its columns, keys and rules, and the judgement of rows by it."""

    name: str
    model: type[Contract]
    columns: tuple[Column, ...]

    @property
    def rows(self) -> str:
        """`event`, `state` or `reference`."""
        return self.model._rows

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return self.model._key

    @property
    def else_month(self) -> str:
        """The column of the key in whose place the row's month stands where it is empty; "" where there is no such column."""
        return self.model._else_month

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that name what a row is about: the key, whatever the period the row is valid for."""
        return tuple(name for name in self.key if name != "valid_from")

    @property
    def month(self) -> tuple[str, ...]:
        """The columns a row's month follows from."""
        return self.model._month

    @property
    def zh(self) -> str:
        """The table's name in Chinese."""
        return self.model._zh

    @property
    def en(self) -> str:
        """The table's name in English."""
        return (self.model.__doc__ or self.name).strip().splitlines()[0]

    @cached_property
    def declaration(self) -> str:
        """The contract as it is written."""
        return Path(inspect.getfile(self.model)).read_text(encoding="utf-8")

    @property
    def is_personal(self) -> bool:
        """Whether rows are about persons, whose keys become pseudonyms before anything rests."""
        return any(column.name == "employee_key" for column in self.columns)

    @property
    def declared(self) -> tuple[Column, ...]:
        """The columns a source may fill."""
        return tuple(column for column in self.columns if column.kind not in ("borrowed", "provenance"))

    @property
    def flag(self) -> Column | None:
        """The column that marks a clean row which another row of its key stands beside or has replaced."""
        boolean = pl.Boolean()
        if self.rows == "state":
            return Column(
                "is_superseded", boolean, False, "flag", "已被后来的提取取代", "Replaced by a later extract", None
            )
        if self.model._conflicts == "flagged":
            return Column(
                "is_conflicting", boolean, False, "flag", "同键另有不同值", "Another value stands for this key", None
            )
        return None

    @property
    def kept(self) -> tuple[Column, ...]:
        """The columns of a clean row."""
        own = tuple(column for column in self.columns if column.kind != "borrowed")
        return (*own, self.flag) if self.flag else own

    @property
    def borrowed(self) -> tuple[Column, ...]:
        """The columns taken from reference rows for judging only."""
        return tuple(column for column in self.columns if column.kind == "borrowed")

    @property
    def refers(self) -> dict[str, str]:
        """Column → reference contract."""
        return {column.name: column.refers for column in self.columns if column.refers}

    @property
    def rules(self) -> dict[str, tuple[str, str]]:
        """Rule code → its meaning in Chinese and English."""
        found = {}
        for check in self.model.to_schema().checks:
            zh, _, en = str(check.description).partition(" | ")
            found[str(check.name)] = (zh, en)
        return found

    @property
    def reads(self) -> dict[str, frozenset[str]]:
        """Rule code → the columns it looks at."""
        found: dict[str, frozenset[str]] = {}
        for name in dir(self.model):
            found |= getattr(getattr(self.model, name), "reads", {})
        return found

    def ddl(self, name: str | None = None) -> str:
        """`create table` of the clean rows, for DuckDB."""
        columns = ", ".join(f'"{column.name}" {column.duckdb}' for column in self.kept)
        return f"create table {name or self.name} ({columns})"

    def judge(self, frame: pl.DataFrame) -> dict[str, pl.Series]:
        """Let Pandera judge every row.

        Args:
            frame: typed rows with every column of the contract.

        Returns:
            Reason (`column: code`, or a rule's code) → True where a row must be refused for it. Empty when all may pass.

        Raises:
            ContractViolation: the frame as a whole breaks the contract (a column missing, of another type).
        """
        try:
            self.model.validate(frame, lazy=True)
        except SchemaErrors as failure:
            found: dict[str, pl.Series] = {}
            for reason, bad in (_verdict(self.name, error) for error in failure.schema_errors):
                found[reason] = found[reason] | bad if reason in found else bad  # too low and too high are one reason
            return found
        return {}

    def words(self, reason: str) -> tuple[str, str]:
        """A refusal reason in Chinese and English."""
        column, _, code = reason.rpartition(": ")
        zh, en = REASONS.get(code) or self.rules[code]
        if not column:
            return zh, en
        allowed_zh, allowed_en = self._allowed(column, code)
        return f"{column}：{zh}{allowed_zh}", f"{column}: {en}{allowed_en}"

    def _allowed(self, name: str, code: str) -> tuple[str, str]:
        """What a column would have taken, behind a refusal that only says it did not."""
        column = next((one for one in self.columns if one.name == name), None)
        if column is None:
            return "", ""
        zh, en = [""], [""]
        if code == "unknown_word":
            zh, en = (
                (list(column.words.values()), list(column.words)) if column.words else (["是", "否"], ["true", "false"])
            )
            if column.note:
                zh[-1], en[-1] = f"{zh[-1]}；{column.note[0]}", f"{en[-1]}; {column.note[1]}"
        elif code == "out_of_range":
            checks = self.model.to_schema().columns[name].checks
            zh = en = [
                f"{_SIGNS[check.name]} {bound:g}"
                for check in checks
                if check.name in _SIGNS
                for bound in check.statistics.values()
            ]
        elif code == "bad_form" and column.example:
            zh, en = [f"如 {column.example}"], [f"such as {column.example}"]
        return (f"（{'、'.join(zh)}）", f" ({', '.join(en)})") if any(zh) else ("", "")


def _verdict(table: str, error: SchemaError) -> tuple[str, pl.Series]:
    passed = error.check_output
    if not isinstance(passed, pl.DataFrame):
        raise ContractViolation(f"{table}: {error}", todo="conform must deliver every column in the contract's type")
    name = error.check if isinstance(error.check, str) else error.check.name
    reason = f"{error.schema.name}: {_CODES[name]}" if name in _CODES else name
    return reason, ~passed.to_series()


@cache
def contract(name: str) -> Table:
    """The contract of a canonical table by name (`contract("meter_reading")`)."""
    if name not in names():
        raise ContractViolation(
            f"no contract is called {name!r} / 没有名为 {name} 的合同", todo=f"use one of: {', '.join(names())}"
        )
    module = importlib.import_module(f"schemas.contracts.{name}")
    model = getattr(module, "".join(word.capitalize() for word in name.split("_")))
    return Table(name, model, _columns(model))


@cache
def names() -> tuple[str, ...]:
    """Every contract there is: the folder is the registry."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(schemas.contracts.__path__)))


@cache
def contracts() -> tuple[Table, ...]:
    """Every contract, referenced ones before those that refer to them."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered or name not in names():
            return
        for target in contract(name).refers.values():
            visit(target)
        ordered.append(name)

    for name in names():
        visit(name)
    return tuple(contract(name) for name in ordered)
