"""What the reader of databases must refuse, hide and keep: with SQLite, and without any server."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from connectors.readers import read
from connectors.readers.sql import extract
from connectors.source import Read
from schemas.errors import SourceError

STAMPS = [f"2026-01-{day:02d} 08:00:00" for day in range(1, 11)]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "mes.sqlite") as connection:
        connection.execute('create table reading (id integer primary key, "read at" text, kwh real, note text)')
        rows = [(number, stamp, number + 0.5, None) for number, stamp in enumerate(STAMPS, start=1)]
        connection.executemany("insert into reading values (?, ?, ?, ?)", rows[::-1])
    connection.close()
    return tmp_path


def spec(**declared: object) -> Read:
    place = {} if "query" in declared else {"table": "reading"}
    return Read(**{"as": "sql", "url": "sqlite:///mes.sqlite", **place, **declared})


def rows(declared: Read, base: Path, since: str | None = None) -> tuple[dict, pl.DataFrame]:
    target = base / "extract.parquet"
    told = extract(declared, since, target, base)
    assert [path.name for path in base.iterdir() if path.suffix == ".part"] == []
    return told, pl.concat(read(target, declared, "reading"))


def refusal(declared: Read, base: Path, since: str | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        extract(declared, since, base / "extract.parquet", base)
    assert not (base / "extract.parquet").exists()
    assert caught.value.where
    return str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "delete from reading",
        "/* select */ update reading set kwh = 0",
        "-- select\ninsert into reading values (1)",
        "drop table reading",
        "",
        "selection",
    ],
)
def test_a_query_that_is_no_select_is_refused(base: Path, query: str) -> None:
    declared = spec(query="select 1").model_copy(update={"query": query})
    assert "must be a SELECT" in refusal(declared, base)


def test_a_select_that_writes_is_stopped_by_the_read_only_connection(base: Path) -> None:
    with_delete = spec(query="with gone as (select 1) insert into reading (id) select 99")
    assert "readonly" in refusal(with_delete, base)


def test_a_variable_that_is_not_set_is_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MES_PASSWORD", raising=False)
    assert "MES_PASSWORD" in refusal(spec(url="postgresql+psycopg://u:${MES_PASSWORD}@localhost/mes"), base)


@pytest.mark.parametrize("password", ["s3cr3t-p@ss/w:rd%41", "tiger space"])
@pytest.mark.parametrize("dialect", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_database_that_is_down_is_one_error_without_the_password(
    base: Path, monkeypatch: pytest.MonkeyPatch, dialect: str, password: str
) -> None:
    monkeypatch.setenv("MES_PASSWORD", password)
    # Port 9 (discard) is closed on this machine: the connection is refused at once.
    said = refusal(spec(url=f"{dialect}://reader:${{MES_PASSWORD}}@127.0.0.1:9/mes"), base)
    assert "127.0.0.1:9" in said
    assert "database cannot be read" in said
    for secret in (password, "s3cr3t", "tiger"):
        assert secret not in said


@pytest.mark.parametrize("dialect", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_wrong_option_of_the_url_is_refused_without_its_value(base: Path, dialect: str) -> None:
    said = refusal(spec(url=f"{dialect}://reader@127.0.0.1:9/mes?x_password=hidden1"), base)
    assert "x_password" in said
    assert "hidden1" not in said


def test_a_whole_url_may_come_from_the_environment(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MES_URL", "sqlite:///mes.sqlite")
    assert rows(spec(url="${MES_URL}"), base)[0]["rows"] == 10


@pytest.mark.parametrize("url", ["not a url", "postgresql+psycopg://u:topsecret@host:port/x"])
def test_a_url_that_cannot_be_understood_is_refused_without_its_text(base: Path, url: str) -> None:
    said = refusal(spec(url=url), base)
    assert "read.url" in said
    assert "topsecret" not in said


def test_a_missing_driver_tells_what_to_install(base: Path) -> None:
    assert 'pip install "pyodbc"' in refusal(spec(url="mssql+pyodbc://u:p@host/db"), base)


def test_an_unknown_kind_of_database_is_refused(base: Path) -> None:
    assert "unknown kind of database" in refusal(spec(url="dbase4://host/db"), base)


def test_a_missing_sqlite_file_is_refused_and_not_created(base: Path) -> None:
    assert "unable to open" in refusal(spec(url="sqlite:///absent.sqlite"), base)
    assert not (base / "absent.sqlite").exists()


@pytest.mark.parametrize("declared", [{"table": "absent"}, {"query": "select absent from reading"}])
def test_a_missing_table_or_column_is_refused_by_name(base: Path, declared: dict) -> None:
    assert "absent" in refusal(spec(**declared), base)


@pytest.mark.parametrize(("overlap", "since"), [("3 weeks", STAMPS[5]), ("100", STAMPS[5]), ("3d", "5"), ("5", "abc")])
def test_an_overlap_that_does_not_fit_the_watermark_is_refused(base: Path, overlap: str, since: str) -> None:
    assert overlap in refusal(spec(watermark="read at", overlap=overlap), base, since)


def test_a_table_becomes_texts_in_the_order_of_its_key(base: Path) -> None:
    told, frame = rows(spec(), base)
    assert told == {"rows": 10, "watermark": None}
    assert frame.row(0) == ("1", "2026-01-01 08:00:00", "1.5", None, 1)
    assert frame["id"].to_list() == [str(number) for number in range(1, 11)]


def test_the_same_rows_give_the_same_bytes(base: Path) -> None:
    extract(spec(), None, base / "one", base)
    extract(spec(), None, base / "two", base)
    assert (base / "one").read_bytes() == (base / "two").read_bytes()


@pytest.mark.parametrize(
    ("overlap", "first"),
    [
        (None, 8),  # from the watermark itself: 8 January
        ("3d", 5),  # 8 January 08:00 - 3 days = 5 January 08:00
        ("12h", 8),  # 7 January 20:00: the next reading is 8 January 08:00
        ("24h", 7),
        ("1440min", 7),  # 1440 min = 24 h
    ],
)
def test_only_rows_since_the_watermark_less_the_overlap_come(base: Path, overlap: str | None, first: int) -> None:
    told, frame = rows(spec(watermark="read at", overlap=overlap), base, STAMPS[7])
    assert frame["read at"].to_list() == STAMPS[first - 1 :]
    assert told == {"rows": 11 - first, "watermark": STAMPS[-1]}


def test_a_number_watermark_is_compared_as_a_number(base: Path) -> None:
    told, frame = rows(spec(watermark="id", overlap="1"), base, "10")
    assert frame["id"].to_list() == ["9", "10"]
    assert told["watermark"] == "10"


def test_without_newer_rows_the_extract_is_empty_and_has_no_watermark(base: Path) -> None:
    told, frame = rows(spec(watermark="read at"), base, "2027-01-01 00:00:00")
    assert told == {"rows": 0, "watermark": None}
    assert frame.columns == ["id", "read at", "kwh", "note", "row_number"]


def test_a_query_may_hold_comments_colons_and_percent_signs(base: Path) -> None:
    declared = spec(query="/* all */ with r as (select *, ':x 100%' as mark from reading) select * from r;")
    assert rows(declared, base)[1]["mark"].unique().to_list() == [":x 100%"]
    told, frame = rows(spec(query=declared.query, watermark="read at"), base, STAMPS[8])
    assert (told["rows"], frame["mark"][0]) == (2, ":x 100%")


def test_repeated_columns_of_a_query_get_a_number(base: Path) -> None:
    assert rows(spec(query="select id, id from reading"), base)[1].columns == ["id", "id_2", "row_number"]
