"""A garment factory's team days of 2015 (UCI 597): overtime, departments, and a date that is a century off."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest

from schemas.enterprise import Enterprise


@pytest.fixture(scope="module")
def garments(
    declared: Callable[[str], Enterprise], published: Callable[[Enterprise, list[str]], duckdb.DuckDBPyConnection]
) -> duckdb.DuckDBPyConnection:
    return published(declared("garments"), ["2015-01", "2015-02", "2015-03"])


def test_no_team_day_is_refused_or_taken_for_another(garments: duckdb.DuckDBPyConnection) -> None:
    counted = garments.execute(
        "select rows, accepted, refused, duplicates from meta.extract where contract = 'team_day'"
    )
    assert counted.fetchall() == [(1_197, 1_197, 0, 0)]


def test_departments_that_differ_in_a_blank_are_two(garments: duckdb.DuckDBPyConnection) -> None:
    departments = garments.execute("select department, count(*) from clean_team_day group by all").fetchall()
    assert dict(departments) == {"sweing": 691, "finishing": 249, "finishing ": 257}


def test_overtime_is_the_sum_of_its_person_minutes(garments: duckdb.DuckDBPyConnection) -> None:
    for table in ("clean_team_day", "mart.site_month_production"):
        assert garments.execute(f"select sum(overtime_person_min) from {table}").fetchall() == [(5_467_250,)]


def test_exactly_three_hours_a_worker_are_within_the_limit(garments: duckdb.DuckDBPyConnection) -> None:
    # 293 team days have exactly 180 minutes per worker; 116 have more
    exact = garments.execute("select count(*) from clean_team_day where overtime_person_min = 180 * workers").fetchall()
    over = garments.execute("select sum(team_days_over_limit) from mart.site_month_production").fetchall()
    assert (exact, over) == ([(293,)], [(116,)])


def test_a_date_in_1905_stays_where_the_file_puts_it(garments: duckdb.DuckDBPyConnection) -> None:
    months = garments.execute(
        "select month, team_days, overtime_person_min from mart.site_month_production order by month"
    )
    assert months.fetchall() == [
        ("1905-07", 1, 7_080), ("2015-01", 541, 3_030_210), ("2015-02", 443, 1_627_760), ("2015-03", 212, 802_200),
    ]  # fmt: skip
