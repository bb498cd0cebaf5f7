"""IBM's sample HR file as a survey and as a roll: shares of 1,470 people, of whom nothing personal may rest."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from schemas.enterprise import Enterprise


@pytest.fixture(scope="module")
def enterprise(declared: Callable[[str], Enterprise]) -> Enterprise:
    return declared("ibm")


@pytest.fixture(scope="module")
def ibm(
    enterprise: Enterprise, published: Callable[[Enterprise, list[str]], duckdb.DuckDBPyConnection]
) -> duckdb.DuckDBPyConnection:
    return published(enterprise, ["2026-06"])


def value(connection: duckdb.DuckDBPyConnection, indicator: str) -> tuple[float, float, str]:
    """Numerator, denominator and value (three decimals) of the enterprise in June 2026."""
    numerator, denominator, share = connection.execute(
        """select numerator, denominator, value from indicator.value
        where indicator_id = ? and period = '2026-06' and org_kind = 'enterprise' and is_chosen""",
        [indicator],
    ).fetchall()[0]
    return numerator, denominator, f"{share:.3f}"


def archived(enterprise: Enterprise, source: str) -> pl.DataFrame:
    """What rests of the file as one source delivered it."""
    return pl.read_parquet(next((enterprise.data / "landing").glob(f"*.{source}.*parquet")))


def test_no_employee_number_rests(ibm: duckdb.DuckDBPyConnection, enterprise: Enterprise, extracts: Path) -> None:
    with (extracts / "ibm_hr_attrition.csv").open(encoding="utf-8-sig", newline="") as file:
        numbers = {row["EmployeeNumber"] for row in csv.DictReader(file)}
    keys = {key for (key,) in ibm.execute("select employee_key from clean_employee_month").fetchall()}
    assert len(numbers) == len(keys) == 1_470
    assert not keys & numbers
    assert set(archived(enterprise, "staff")["EmployeeNumber"]) == keys


def test_of_a_person_only_what_is_counted_rests(
    ibm: duckdb.DuckDBPyConnection, enterprise: Enterprise, extracts: Path
) -> None:
    added, same_of_all = {"row_number", "__reader_reason__"}, {"EmployeeCount", "Over18", "StandardHours"}
    answers = {f"{what}Satisfaction" for what in ("Job", "Environment", "Relationship")} | {
        "JobInvolvement",
        "WorkLifeBalance",
    }
    assert set(archived(enterprise, "staff").columns) - added - same_of_all == {"EmployeeNumber", "Gender"}
    assert set(archived(enterprise, "survey").columns) - added - same_of_all == {"Gender"} | answers
    received = hashlib.sha256((extracts / "ibm_hr_attrition.csv").read_bytes()).digest()
    resting = [path for path in enterprise.data.rglob("*") if path.is_file()]
    assert resting
    assert received not in {hashlib.sha256(path.read_bytes()).digest() for path in resting}


def test_three_and_four_of_four_are_satisfied(ibm: duckdb.DuckDBPyConnection) -> None:
    # 442 answers of 3 and 459 of 4 among 1,470: 901 / 1,470
    assert value(ibm, "A.2.2") == (901, 1_470, "61.293")


def test_women_are_588_of_1470(ibm: duckdb.DuckDBPyConnection) -> None:
    assert value(ibm, "M087") == (588, 1_470, "40.000")
