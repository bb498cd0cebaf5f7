"""A steel works' quarter-hours of 2018 (UCI 851): the hour at midnight decides in which month a quantity counts."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from schemas.enterprise import Enterprise

YEAR = [f"2018-{month:02d}" for month in range(1, 13)]
Published = Callable[[Enterprise, list[str]], duckdb.DuckDBPyConnection]


@pytest.fixture(scope="module")
def steel(declared: Callable[[str], Enterprise], published: Published) -> duckdb.DuckDBPyConnection:
    return published(declared("steel"), YEAR)


def energy(connection: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """Month → kWh of electricity."""
    rows = connection.execute(
        "select month, quantity from mart.site_month_energy where carrier = 'electricity' and unit = 'kWh'"
    )
    return dict(rows.fetchall())


def test_stamps_taken_literally_move_a_quantity_into_the_year_before(
    declared: Callable[[str], Enterprise], published: Published
) -> None:
    enterprise = declared("steel")
    (enterprise.folder / "sources" / "smart_meter.py").unlink()
    found = energy(published(enterprise, YEAR))
    # Without its prepare the first day's last row, 3.42 kWh stamped 01-01-2018 00:00, ends in 2017. January loses it,
    # and takes February's first day's last row: 126,238.29 - 3.42 + 104.65.
    assert found["2017-12"] == 3.42
    assert found["2018-01"] == 126_339.52


def test_no_quarter_hour_is_refused_or_counted_twice(steel: duckdb.DuckDBPyConnection) -> None:
    assert steel.execute(
        "select rows, accepted, refused, duplicates, flagged from meta.extract where contract = 'meter_reading'"
    ).fetchall() == [
        (35_040, 35_040, 0, 0, 0)  # 365 days of 96 quarter-hours
    ]


def test_every_month_has_its_own_quarter_hours(steel: duckdb.DuckDBPyConnection) -> None:
    found = energy(steel)
    assert sorted(found) == YEAR
    assert (found["2018-01"], found["2018-02"], found["2018-12"]) == (126_238.29, 91_497.34, 59_436.78)


def test_the_year_is_the_sum_of_its_readings(steel: duckdb.DuckDBPyConnection) -> None:
    year = "select sum(quantity::decimal(18, 2)) from mart.site_month_energy"
    readings = "select sum(register::decimal(18, 2)) from clean_meter_reading"
    assert [str(steel.execute(query).fetchall()[0][0]) for query in (year, readings)] == ["959636.71", "959636.71"]
