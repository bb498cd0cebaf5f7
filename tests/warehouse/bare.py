"""A bare DuckDB with every table a mart may read, filled with the rows a test gives: no enterprise folder, no lake."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from schemas.contract import contracts
from warehouse.marts import PERCENTAGES, REFERENCE, SCHEMAS, Mart, _figure_units, _rows, _unit_factors, derive, marts
from warehouse.meters import TABLES

Rows = Iterable[Mapping[str, Any]]
RUN = {
    "factors_as_of": date(2026, 6, 30), "factors": "latest_published_as_of", "frozen_year": None, "parameter_set": "ndrc", "gwp_set": "AR5",
    "timezone": "Asia/Shanghai", **PERCENTAGES,
}  # fmt: skip
_STAGED = {**TABLES, "staged.meter_file": "file bigint, source varchar, extract_id varchar"}


def bare(
    given: Mapping[str, Rows] | None = None, *wanted: str, live: Collection[str] = (), **run: Any
) -> duckdb.DuckDBPyConnection:
    """A connection with `clean`, `reference`, `staged`, `meta` and `mart` tables.

    Args:
        given: rows by table (`clean.trip`); a mart that is given stands as given, the others are made by their SQL.
        wanted: the marts that are asked for, with those they read; all unless named.
        live: marts that are views, so that they follow rows that are changed later. Few: views upon views take long.
        run: what differs from `RUN` in `reference.run`.
    """
    rows = dict(given or {})
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for schema in SCHEMAS:
        connection.execute(f"create schema {schema}")
    for table in contracts():
        connection.execute(table.ddl(f"clean.{table.name}"))
        if table.flag:
            connection.execute(f"alter table clean.{table.name} alter {table.flag.name} set default false")
    connection.execute("create table meta.arrival (contract varchar, source varchar, month varchar)")
    for name, described in _STAGED.items():
        connection.execute(f"create table {name} ({described})")
    _run(connection, run)
    for path in sorted(REFERENCE.glob("*.csv")):
        _table(connection, f"reference.{path.stem}", _rows(path, Path("no file of the enterprise's own")))
    fill(connection, "reference.emission_factor", rows.pop("reference.emission_factor", ()))
    units = connection.execute("select distinct unit from reference.emission_factor order by unit").fetchall()
    _table(connection, "reference.unit_factor", _unit_factors(tuple(unit for (unit,) in units)))
    for table in [name for name in rows if not name.startswith("mart.")]:
        fill(connection, table, rows.pop(table))
    _table(connection, "reference.figure_unit", _figure_units(connection))
    derive(connection)
    names = _with_upstream(wanted) or {mart.name for mart in marts()}
    for mart in [mart for mart in marts() if mart.name in names]:
        _mart(connection, mart, rows.pop(f"mart.{mart.name}", None), "view" if mart.name in live else "table")
    assert not rows, f"no such table: {', '.join(rows)}"
    return connection


def _run(connection: duckdb.DuckDBPyConnection, differs: Mapping[str, Any]) -> None:
    """`reference.run`."""
    connection.execute(f"create table reference.run ({', '.join(f'{name} varchar' for name in RUN)})")
    fill(connection, "reference.run", [{**RUN, **differs}])
    types = {"factors_as_of": "date", "frozen_year": "bigint", **dict.fromkeys(PERCENTAGES, "double")}
    for name, kind in types.items():
        connection.execute(f"alter table reference.run alter {name} type {kind}")


def _mart(connection: duckdb.DuckDBPyConnection, mart: Mart, rows: Rows | None, kind: str) -> None:
    """A mart as its SQL makes it, or with the rows it is given."""
    connection.execute(f"create {'view' if rows is not None else kind} mart.{mart.name} as {mart.sql}")
    if rows is not None:
        connection.execute(f"create table kept as from mart.{mart.name} limit 0")
        connection.execute(f"drop view mart.{mart.name}")
        connection.execute(f"create table mart.{mart.name} as from kept")
        connection.execute("drop table kept")
        fill(connection, f"mart.{mart.name}", rows)


def _with_upstream(names: Iterable[str]) -> set[str]:
    """Marts and all marts they rest on."""
    found = set(names)
    for mart in reversed(marts()):
        if mart.name in found:
            found |= {table.removeprefix("mart.") for table in mart.reads if table.startswith("mart.")}
    return found


def fill(connection: duckdb.DuckDBPyConnection, table: str, rows: Rows) -> None:
    """Insert rows; columns that are not named stay empty."""
    for row in rows:
        known = {name: value for name, value in row.items() if value not in (None, "")}
        marks = ", ".join("?" for _ in known)
        names = ", ".join(f'"{name}"' for name in known)
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(known.values()))


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file of the tests; lines that begin with `#` are its working."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def of(connection: duckdb.DuckDBPyConnection, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return connection.execute(sql, list(parameters)).fetchall()


def _table(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    connection.register("incoming", frame.to_arrow())
    connection.execute(f"create table {name} as from incoming")
    connection.unregister("incoming")
