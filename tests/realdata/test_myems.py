"""MyEMS's workbooks: a month of daily quantities in one row, and a register every ten minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import duckdb
import pytest

from schemas.enterprise import Enterprise


@pytest.fixture(scope="module")
def myems(
    declared: Callable[[str], Enterprise], published: Callable[[Enterprise, list[str]], duckdb.DuckDBPyConnection]
) -> duckdb.DuckDBPyConnection:
    return published(declared("myems"), ["2022-07", "2023-03"])


def test_the_notes_in_the_book_are_no_readings(myems: duckdb.DuckDBPyConnection) -> None:
    counted = myems.execute(
        "select source, rows, accepted, refused from meta.extract where contract = 'meter_reading' order by source"
    )
    assert counted.fetchall() == [("offline_meters", 31, 31, 0), ("repaired_point", 13, 13, 0)]


def test_a_day_column_is_the_quantity_that_ends_with_the_day(myems: duckdb.DuckDBPyConnection) -> None:
    readings = myems.execute(
        "select read_at, register from clean_meter_reading where meter_id = '1' order by read_at"
    ).fetchall()
    # midnight in Shanghai is 16:00 UTC
    assert readings[0] == (datetime(2023, 3, 1, 16, tzinfo=UTC), 999.0)
    assert readings[-1] == (datetime(2023, 3, 31, 16, tzinfo=UTC), 898.8)


def test_the_days_add_up_to_their_month_and_no_other(myems: duckdb.DuckDBPyConnection) -> None:
    energy = myems.execute(
        "select month, quantity, unit from mart.site_month_energy where site_id = 'OFFLINE'"
    ).fetchall()
    # Days 1-10: 999.0 + 341.7 + 0 + 0 + 241.5 + 515.1 + 124.5 + 436.8 + 343.2 + 304.2 = 3,306.0
    # days 11-20: 0 + 167.7 + 106.5 + 195.0 + 183.3 + 0 + 40.3 + 0 + 271.8 + 753.0 = 1,717.6
    # days 21-31: 511.2 + 452.1 + 595.2 + 61.7 + 701.7 + 698.1 + 419.7 + 643.8 + 707.7 + 999.6 + 898.8 = 6,689.6
    assert energy == [("2023-03", 11_713.2, "kWh")]


def test_a_register_counts_from_its_first_reading_to_its_last(myems: duckdb.DuckDBPyConnection) -> None:
    meter = myems.execute(
        "select readings, register_increase from mart.meter_month where meter_id = '3W11P-EPI'"
    ).fetchall()
    # 2,989,087.998 at 04:00 - 2,987,887.998 at 02:00: twelve steps of 100
    assert meter == [(13, 1_200.0)]
    energy = myems.execute(
        "select month, quantity, unit from mart.site_month_energy where site_id = 'REPAIR'"
    ).fetchall()
    assert energy == [("2022-07", 1_200.0, "kWh")]
