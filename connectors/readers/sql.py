"""Databases: one declared table or read-only query, streamed to a Parquet file of texts, landed like any file."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DataError, NoSuchModuleError, SQLAlchemyError

from connectors.readers.text import header_names, numbers_with, text_of
from connectors.source import Read
from schemas.errors import SourceError

_FETCH_ROWS = 20_000
_CONNECT_SECONDS = 15
_PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pymysql": "PyMySQL",
    "MySQLdb": "mysqlclient",
    "oracledb": "oracledb",
    "pyodbc": "pyodbc",
}
_READ_ONLY = {
    # Time zone: instants with an offset must give the same text on every server.
    "postgresql": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET TIME ZONE 'UTC'"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY",),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY",),
}
_COMMENT = re.compile(r"\A(\s|\(|--[^\n]*(\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_OVERLAP = re.compile(r"(?P<count>\d+(\.\d+)?)\s*(?P<unit>d|h|min|s)?")
_UNITS = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?")


def extract(spec: Read, since: str | None, target: Path, base: Path) -> dict[str, Any]:
    """Stream the declared rows to `target`, a Parquet file whose columns are all text (NULL stays null).

    The same rows give the same bytes: they come in the order of the watermark and, for a table, of its primary key.
    Memory holds one fetch of 20,000 rows, whatever the size of the table.

    Args:
        spec: the `read` part of the source YAML, `as: sql`.
        since: the watermark that the extract before returned; None reads everything.
        target: where the file goes; it appears complete or not at all.
        base: the enterprise's `extracts/` folder, to which a relative SQLite path is relative.

    Returns:
        `rows`: how many were written; `watermark`: the highest `spec.watermark` among them as text, None without any.

    Raises:
        SourceError: a variable is not set, a driver not installed, the database cannot be reached, or the query
            refused. The password is in no message.
    """
    url = _url(spec.url or "", base)
    said = _Said(url, spec)
    partial = target.with_name(target.name + ".part")
    with said.errors():
        statement, values = _statement(spec, since, url, said)
        engine = _engine(url)
        try:
            with _connect(engine, said) as connection:
                for command in _READ_ONLY.get(engine.dialect.name, ()):
                    connection.exec_driver_sql(command)
                connection.commit()
                if spec.table:
                    statement = statement.order_by(*_primary_key(connection, spec))
                done = _write(connection, statement, values, spec, partial)
            partial.replace(target)
        finally:
            engine.dispose()
            partial.unlink(missing_ok=True)
    return done


def _write(
    connection: Connection,
    statement: sa.Executable,
    values: dict[str, Any],
    spec: Read,
    target: Path,
) -> dict[str, Any]:
    options = connection.execution_options(stream_results=True, yield_per=_FETCH_ROWS)
    result = options.execute(statement, values)
    keys = list(result.keys())
    schema = pa.schema([(name, pa.string()) for name in header_names([keys])])
    place = keys.index(spec.watermark) if spec.watermark in keys else None
    highest, rows = None, 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for partition in result.partitions():
            columns = list(zip(*partition, strict=True))
            writer.write_batch(
                pa.record_batch([pa.array(_texts(c, spec.decimal), pa.string()) for c in columns], schema=schema)
            )
            rows += len(partition)
            if place is not None:
                highest = max((v for v in (highest, *columns[place]) if v is not None), default=None)
    return {"rows": rows, "watermark": text_of(highest)}


def _texts(column: tuple[Any, ...], decimal: str) -> list[str | None]:
    kinds = set(map(type, column)) - {type(None)}
    if kinds <= {str}:
        return list(column)
    if len(kinds) == 1:
        form = numbers_with(decimal, kinds.pop())
        return [None if value is None else form(value) for value in column]
    return [numbers_with(decimal, type(value))(value) for value in column]


class _Said:
    """What may be said of a connection: where it goes and what is read, never the password."""

    def __init__(self, url: URL, spec: Read) -> None:
        shown = url.set(query={}).render_as_string(hide_password=True)
        self.where = f"{shown} {spec.table or 'query'}"
        words = [url.password, *(value for key, value in url.query.items() if "pass" in key.lower())]
        self._secrets = {form for word in words if word for form in (str(word), quote(str(word), safe=""))}

    def error(self, what: str, todo: str) -> SourceError:
        for secret in self._secrets:
            what = what.replace(secret, "***")
        return SourceError(what, self.where, todo)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Every failure of the database becomes one SourceError."""
        try:
            yield
        except ModuleNotFoundError as error:
            package = _PACKAGES.get(error.name or "", error.name)
            what = f"缺少数据库驱动 / driver not installed: {error.name}"
            raise self.error(what, f'pip install "{package}"') from None
        except NoSuchModuleError as error:
            what = f"未知数据库 / unknown kind of database: {error}"
            raise self.error(what, "postgresql+psycopg:// mysql+pymysql:// sqlite:///") from None
        except (SQLAlchemyError, sqlite3.Error) as error:
            cause = getattr(error, "orig", None) or error
            first = f"{type(cause).__name__}: {cause}".strip().splitlines()[0]
            todo = "检查网络、账号、表名与列名 / check network, account, table and columns"
            if isinstance(error, DataError):  # such as PostgreSQL's date 'infinity', which no calendar has
                todo = "用 query 把该列转成文本或空 / a value that cannot be read: write a `query` that gives it as text or null"
            raise self.error(f"数据库无法读取 / the database cannot be read: {first}", todo) from None


def _url(template: str, base: Path) -> URL:
    """The URL with `${NAME}` from the environment; a value that stands for user or password may hold any character."""
    start, end = template.find("://"), template.rfind("@")

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not os.environ.get(name):
            raise SourceError(f"环境变量未设置 / not set in the environment: {name}", "read.url", f"export {name}=…")
        in_account = -1 < start < match.start() < end
        return quote(os.environ[name], safe="") if in_account else os.environ[name]

    try:
        url = sa.make_url(re.sub(r"\$\{(\w+)\}", value, template))
    except (ArgumentError, ValueError):
        todo = "例 / e.g. postgresql+psycopg://reader:${DB_PASSWORD}@host:5432/mes"
        raise SourceError("数据库地址无法理解 / the database URL cannot be understood", "read.url", todo) from None
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_absolute():
        url = url.set(database=str(base / url.database))
    return url


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        address = f"file:{quote(url.database or '')}?mode=ro"
        return sa.create_engine(url, creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False))
    patience = {"connect_timeout": _CONNECT_SECONDS} if backend in _READ_ONLY else {}
    return sa.create_engine(url, connect_args=patience, hide_parameters=True, poolclass=sa.NullPool)


def _connect(engine: Engine, said: _Said) -> Connection:
    try:
        return engine.connect()
    except TypeError as error:
        # A driver that takes the URL's options as Python arguments has no error of its own for an unknown one.
        raise said.error(f"数据库地址的选项有误 / a wrong option in the URL: {error}", "read.url") from None


def _statement(spec: Read, since: str | None, url: URL, said: _Said) -> tuple[Any, dict[str, Any]]:
    """The SELECT, and the values to bind."""
    if spec.table:
        schema, _, table = spec.table.rpartition(".")
        rows: Any = sa.table(table, schema=schema or None)
    else:
        query = (spec.query or "").strip().rstrip(";")
        if not re.match(r"(select|with)\b", _COMMENT.sub("", query), re.IGNORECASE):
            raise said.error("查询必须是 SELECT / the query must be a SELECT or WITH", "read.query")
        text = sa.text(query.replace(":", r"\:"))
        if not spec.watermark:
            return text, {}
        rows = text.columns().subquery("extract")
    statement = sa.select(sa.text("*")).select_from(rows)
    if not spec.watermark:
        return statement, {}
    mark: Any = sa.column(spec.watermark)
    statement = statement.order_by(mark)
    if since is None:
        return statement, {}
    # No type: the server reads the text as its own column's type.
    bound = sa.bindparam("since", type_=sa.types.NullType())
    return statement.where(mark >= bound), {"since": _from(since, spec.overlap, url, said)}


def _primary_key(connection: Connection, spec: Read) -> list[Any]:
    schema, _, table = (spec.table or "").rpartition(".")
    key = sa.inspect(connection).get_pk_constraint(table, schema=schema or None)
    return [sa.column(name) for name in key["constrained_columns"]]


def _from(since: str, overlap: str | None, url: URL, said: _Said) -> str | int | float:
    """The first watermark to read again, in the form the database itself gave: `since` minus the overlap."""
    count, unit = _parsed_overlap(overlap, said)
    number = _number(since)
    instant = _INSTANT.fullmatch(since) is not None
    if count and (bool(unit) != instant or (number is None and not instant)):
        todo = "时间用 3d 12h 30min,数字用 1000 / 3d, 12h, 30min for instants, a plain number for numbers"
        raise said.error(f"overlap {overlap} 与水位 {since} 不符 / does not fit the watermark {since}", todo)
    if number is not None:
        value = number - count
        # PostgreSQL reads an untyped text as its column's type; the others would compare it as a text.
        return format(value, "f") if url.get_backend_name() == "postgresql" else _plain_number(value)
    if not count:
        return since
    start = datetime.fromisoformat(since) - timedelta(**{_UNITS[unit]: float(count)})
    if len(since) == len("2026-01-31"):
        return start.date().isoformat()
    return start.isoformat(since[10], timespec="minutes" if len(since) == len("2026-01-31 08:00") else "auto")


def _parsed_overlap(overlap: str | None, said: _Said) -> tuple[Decimal, str]:
    match = _OVERLAP.fullmatch((overlap or "0").strip())
    if match is None:
        raise said.error(f"overlap 无法理解 / cannot be understood: {overlap}", "3d, 12h, 30min, 1000")
    return Decimal(match["count"]), match["unit"] or ""


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _plain_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
