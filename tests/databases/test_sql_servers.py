"""The database reader against real servers: ESG_TEST_POSTGRES and ESG_TEST_MARIADB hold their URLs.

Collected only when ESG_TEST_DATABASES=1. Every test works in a schema (database) of its own and drops it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from connectors.readers import read
from connectors.readers.sql import extract
from connectors.source import Read
from schemas.errors import SourceError

SERVERS = {"postgres": "ESG_TEST_POSTGRES", "mariadb": "ESG_TEST_MARIADB"}
INSTANT = {"postgres": "timestamp(6)", "mariadb": "datetime(6)"}
COLUMNS = {
    "postgres": "id bigint primary key, amount numeric(30,10), ratio double precision, stamp timestamp,"
    " zoned timestamptz, day date, clock time, lasting interval, flag boolean, doc jsonb, raw bytea,"
    " name text, free numeric",
    "mariadb": "id bigint primary key, amount decimal(30,10), ratio double, stamp datetime(6), zoned timestamp null,"
    " day date, clock time, lasting time, flag boolean, doc json, raw blob, name text character set utf8mb4,"
    " free decimal(5,1)",
}
VALUES = {
    "postgres": "1, 12345678901234567890.0123456789, 0.1, '2026-01-31 00:00:00', '2026-01-31 08:00:00+08',"
    " '2026-01-31', '08:15:00', '26:30:00', true, '{\"k\": \"电\"}', '\\xff00', '电 𠀀 ', 1.50",
    "mariadb": "1, 12345678901234567890.0123456789, 0.1, '2026-01-31 00:00:00', null, '2026-01-31',"
    " '08:15:00', '26:30:00', true, '{\"k\": \"电\"}', x'ff00', '电 𠀀 ', 1.5",
}  # fmt: skip
TEXTS = {
    "postgres": ("1", "12345678901234567890.0123456789", "0.1", "2026-01-31 00:00:00", "2026-01-31T00:00:00+00:00",
                 "2026-01-31", "08:15:00", "26:30:00", "true", '{"k": "电"}', "ff00", "电 𠀀 ", "1.50", 1),
    # MariaDB knows TIME only (here as durations) and no boolean of its own.
    "mariadb": ("1", "12345678901234567890.0123456789", "0.1", "2026-01-31 00:00:00", None,
                "2026-01-31", "08:15:00", "26:30:00", "1", '{"k": "电"}', "ff00", "电 𠀀 ", "1.5", 1),
}  # fmt: skip


@pytest.fixture(params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def place(server: str) -> Iterator[tuple[str, sa.Connection]]:
    """A fresh schema, and a connection that may write."""
    schema = f"esg_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(os.environ[SERVERS[server]], isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create schema {schema}")
        yield schema, connection
        connection.exec_driver_sql(f"drop schema {schema}" + (" cascade" if server == "postgres" else ""))
    engine.dispose()


@pytest.fixture
def readings(server: str, place: tuple[str, sa.Connection]) -> str:
    """Ten readings, one a day from 1 to 10 January 2026 08:00; the last one 5 µs later."""
    schema, connection = place
    connection.exec_driver_sql(
        f"create table {schema}.reading (id int primary key, read_at {INSTANT[server]}, kwh int)"
    )
    stamps = [f"2026-01-{day:02d} 08:00:00" + (".000005" if day == 10 else "") for day in range(1, 11)]
    for number, stamp in reversed(list(enumerate(stamps, start=1))):
        connection.exec_driver_sql(f"insert into {schema}.reading values ({number}, '{stamp}', {number})")
    return f"{schema}.reading"


def spec(server: str, **declared: object) -> Read:
    return Read(**{"as": "sql", "url": "${" + SERVERS[server] + "}", **declared})


def rows(declared: Read, folder: Path, since: str | None = None) -> tuple[dict, pl.DataFrame]:
    told = extract(declared, since, folder / "extract.parquet", folder)
    return told, pl.concat(read(folder / "extract.parquet", declared, "reading"))


def test_a_select_that_writes_is_stopped(server: str, place: tuple[str, sa.Connection], tmp_path: Path) -> None:
    schema, connection = place
    connection.exec_driver_sql(f"create sequence {schema}.counter")
    name = f"'{schema}.counter'" if server == "postgres" else f"{schema}.counter"
    with pytest.raises(SourceError, match=r"(?i)read.only"):
        rows(spec(server, query=f"select nextval({name}) as n"), tmp_path)


def test_a_wrong_password_or_account_is_refused_without_the_password(server: str, tmp_path: Path) -> None:
    account = {"username": "nobody_here", "password": "s3cr3t-word"}
    url = sa.make_url(os.environ[SERVERS[server]]).set(**account).render_as_string(hide_password=False)
    declared = spec(server, table="reading").model_copy(update={"url": url})
    with pytest.raises(SourceError) as caught:
        rows(declared, tmp_path)
    assert "nobody_here" in str(caught.value)
    assert "s3cr3t-word" not in str(caught.value)


def test_a_table_that_is_not_there_is_refused_by_name(server: str, readings: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="absent"):
        rows(spec(server, table=readings.replace(".reading", ".absent")), tmp_path)


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_a_date_no_calendar_has_says_how_to_read_around_it(
    server: str, place: tuple[str, sa.Connection], tmp_path: Path
) -> None:
    schema, connection = place
    connection.exec_driver_sql(f"create table {schema}.contract (valid_to date)")
    connection.exec_driver_sql(f"insert into {schema}.contract values ('infinity')")
    with pytest.raises(SourceError, match="infinity") as failure:
        rows(spec(server, table=f"{schema}.contract"), tmp_path)
    assert "query" in failure.value.todo


def test_every_type_has_its_exact_text(server: str, place: tuple[str, sa.Connection], tmp_path: Path) -> None:
    schema, connection = place
    connection.exec_driver_sql(f"create table {schema}.types ({COLUMNS[server]})")
    connection.execute(sa.text(f"insert into {schema}.types values ({VALUES[server]})".replace(":", r"\:")))
    connection.exec_driver_sql(f"insert into {schema}.types (id) values (2)")
    told, frame = rows(spec(server, table=f"{schema}.types"), tmp_path)
    assert told["rows"] == 2
    assert frame.row(0) == TEXTS[server]
    assert frame.row(1) == ("2", *[None] * 12, 2)


@pytest.mark.parametrize("by", ["table", "query"])
@pytest.mark.parametrize(
    ("since", "overlap", "first"),
    [
        (None, "3d", 1),
        ("2026-01-08 08:00:00", None, 8),
        ("2026-01-08 08:00:00", "3d", 5),  # 8 January 08:00 - 3 days = 5 January 08:00
        ("2026-01-10 08:00:00.000005", None, 10),
        ("2026-01-08", "1d", 7),
    ],
)
def test_only_rows_since_the_watermark_come_in_its_order(
    server: str, readings: str, tmp_path: Path, by: str, since: str | None, overlap: str | None, first: int
) -> None:
    what = {"table": readings} if by == "table" else {"query": f"select * from {readings} where kwh % 100 > 0"}
    told, frame = rows(spec(server, **what, watermark="read_at", overlap=overlap), tmp_path, since)
    assert frame["id"].to_list() == [str(number) for number in range(first, 11)]
    assert told == {"rows": 11 - first, "watermark": "2026-01-10 08:00:00.000005"}


def test_a_number_watermark_is_compared_as_a_number(server: str, readings: str, tmp_path: Path) -> None:
    told, frame = rows(spec(server, table=readings, watermark="id", overlap="1"), tmp_path, "10")
    assert frame["id"].to_list() == ["9", "10"]
    assert told["watermark"] == "10"


def test_the_same_rows_give_the_same_bytes(server: str, readings: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        extract(spec(server, table=readings), None, tmp_path / name, tmp_path)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


MEASURE = """
import json, resource, sys
from pathlib import Path
from connectors.readers.sql import extract
from connectors.source import Read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
told = extract(Read(**json.loads(sys.argv[1])), None, Path(sys.argv[2]), Path("."))
print(json.dumps({**told, "grown_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}))
"""


def test_a_long_table_streams_in_little_memory(server: str, place: tuple[str, sa.Connection], tmp_path: Path) -> None:
    schema, connection = place
    connection.exec_driver_sql(f"create table {schema}.long (id int primary key, note varchar(400))")
    digits = "(select 0 d union select 1 union select 2 union select 3 union select 4 union select 5)"
    crossed = " cross join ".join(f"{digits} t{position}" for position in range(7))  # 6^7 = 279,936 rows
    number = " + ".join(f"t{position}.d * {6**position}" for position in range(7))
    connection.exec_driver_sql(f"insert into {schema}.long select {number}, repeat('x', 400) from {crossed}")
    declared = {"as": "sql", "url": os.environ[SERVERS[server]], "table": f"{schema}.long"}
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", MEASURE, json.dumps(declared), str(tmp_path / "long.parquet")],
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    assert told["rows"] == 6**7
    # 279,936 rows of 400 characters held as Python objects are over 140 MB; a fetch of 20,000 a fourteenth of that.
    assert told["grown_mb"] < 120
