"""Every mart against numbers worked by hand: `marts/<mart>/given/<table>.csv` in, `marts/<mart>/expected.csv` out."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.bare import bare, of, read
from warehouse.marts import mart, marts
from warehouse.publish import columns

CASES = Path(__file__).parent / "marts"
NAMES = [one.name for one in marts()]


@cache
def built(name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    given = {path.stem: read(path) for path in sorted((CASES / name / "given").glob("*.csv"))}
    one = mart(name)
    # a step has no order of its own: its rows are ordered where they are kept
    order = f" order by {', '.join(one.grain)}" if one.kept_in else ""
    result = bare(given, name).execute(f"select * from mart.{name}{order}")
    return [column[0] for column in result.description or []], result.fetchall()


def is_same(found: object, expected: str) -> bool:
    if found is None or expected == "":
        return found is None and expected == ""
    if isinstance(found, float):
        return math.isclose(found, float(expected), rel_tol=1e-12, abs_tol=1e-12)
    return str(found) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_mart_is_what_was_worked_by_hand(name: str) -> None:
    names, rows = built(name)
    expected = read(CASES / name / "expected.csv")
    assert list(expected[0]) == names
    assert len(rows) == len(expected), rows
    wrong = [
        (want, column, value)
        for row, want in zip(rows, expected, strict=True)
        for column, value in zip(names, row, strict=True)
        if not is_same(value, want[column])
    ]
    assert wrong == []


def test_every_mart_has_a_case_and_every_case_a_mart() -> None:
    assert {path.name for path in CASES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_explains_its_numbers(name: str) -> None:
    assert (CASES / name / "expected.csv").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_no_two_rows_of_a_mart_share_its_grain(name: str) -> None:
    names, rows = built(name)
    keys = [tuple(row[names.index(column)] for column in mart(name).grain) for row in rows]
    assert len(set(keys)) == len(keys)


def test_the_uncertainty_of_a_site_does_not_depend_on_the_order_of_its_lines() -> None:
    """Squares of doubles add up to other last digits in another order; sums have to be of decimals."""
    first, *_ = read(CASES / "site_month_emission" / "given" / "mart.emission_line.csv")
    lines = [
        {**first, "category": f"c{n}", "emission_tco2e": str(1.37**n), "uncertainty_pct": "7.07",
         "reason": ""}
        for n in range(20)
    ]  # fmt: skip
    found = {
        of(bare({"mart.emission_line": order, "mart.energy_gap": []}, "site_month_emission"),
           "select uncertainty_pct from mart.site_month_emission")[0]
        for order in (lines, lines[::-1], lines[10:] + lines[:10], lines[::2] + lines[1::2])
    }  # fmt: skip
    assert len(found) == 1, found


def test_every_column_of_marts_and_reference_tables_has_a_meaning() -> None:
    present = of(bare(), "select distinct column_name from duckdb_columns() where schema_name in ('mart', 'reference')")
    meanings = columns()
    assert [name for (name,) in present if " | " not in meanings.get(name, "")] == []


def test_marts_do_not_depend_on_the_time_zone_of_the_machine() -> None:
    code = "import sys; from tests.warehouse.test_marts import NAMES, built; sys.stdout.write(repr([built(name) for name in NAMES]))"
    said = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], env={**os.environ, "TZ": "Pacific/Auckland"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == repr([built(name) for name in NAMES])
