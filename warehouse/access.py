"""The analyst's door: the published file, read-only, with `clean.<contract>` beside it as views of the lake.

from warehouse.access import connect
connect("my-enterprise").sql("select * from indicator.value").df()
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from schemas.errors import HubError
from schemas.lake import Lake


def connect(enterprise: str | Path) -> duckdb.DuckDBPyConnection:
    """Open what an enterprise has published.

    Args:
        enterprise: the folder. It is only read; a run going on is not disturbed and does not disturb.

    Returns:
        A DuckDB connection with the schemas of the published file and `clean`.

    Raises:
        HubError: nothing has been published.
    """
    lake = Lake(Path(enterprise) / "data")
    published = lake.data / "published" / "esg.duckdb"
    if not published.exists():
        raise HubError("nothing is published yet / 尚未发布", str(published), "esg run --month … first")
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")  # not the machine's
    connection.execute(f"attach {literal(published)} as esg (read_only)")
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'esg'"
    ).fetchall()
    views = [(schema, name, f"esg.{schema}.{name}") for schema, name in tables]
    for contract in sorted({entry["contract"] for entry in lake.extracts()}):
        files = ", ".join(literal(path) for path in lake.files("clean", contract))
        if files:
            views.append(
                ("clean", contract, f"read_parquet([{files}], hive_partitioning = false, union_by_name = true)")
            )
    for schema in sorted({schema for schema, _, _ in views}):
        connection.execute(f"create schema if not exists {schema}")
    for schema, name, rows in views:
        connection.execute(f"create view {schema}.{name} as select * from {rows}")
    return connection


def literal(value: object) -> str:
    """A text as SQL writes it."""
    return "'" + str(value).replace("'", "''") + "'"


@contextmanager
def plain_values() -> Iterator[None]:
    """Within it no parameter of a query is a pandas value, so that DuckDB need not load pandas to find out (0.4 s)."""
    absent = "pandas" not in sys.modules
    if absent:
        sys.modules["pandas"] = None  # type: ignore[assignment] # how Python is told that an import is to fail
    try:
        yield
    finally:
        if absent:
            del sys.modules["pandas"]
