"""Deliveries of the USAID supply chain, 2006 to 2015: punctuality by line, and weights that stand in other rows."""

from __future__ import annotations

import json
from collections.abc import Callable

import duckdb
import polars as pl
import pytest

from connectors.ingest import Outcome, ingest
from schemas.enterprise import Enterprise

YEARS = range(2006, 2016)
MONTHS = [f"{year}-{month:02d}" for year in YEARS for month in range(1, 13)]
Declared = Callable[[str], Enterprise]


@pytest.fixture(scope="module")
def scms(
    declared: Declared, published: Callable[[Enterprise, list[str]], duckdb.DuckDBPyConnection]
) -> duckdb.DuckDBPyConnection:
    return published(declared("scms"), MONTHS)


def taken(enterprise: Enterprise) -> tuple[Outcome, pl.DataFrame]:
    """What became of the deliveries, and the refused ones."""
    outcome = next(one for one in ingest(enterprise, MONTHS) if one.source == "deliveries")
    assert outcome.error is None
    return outcome, pl.concat(map(pl.read_parquet, enterprise.lake.files("quarantine", "customer_order")))


def punctuality(connection: duckdb.DuckDBPyConnection, org_kind: str, periods: str) -> dict[str, tuple[float, float]]:
    """Organisational unit → orders on time and orders due, over all periods of one length."""
    rows = connection.execute(
        """select org_id, sum(numerator), sum(denominator) from indicator.value
        where indicator_id = 'A.2.7' and is_chosen and org_kind = ? and regexp_full_match(period, ?)
        group by org_id""",
        [org_kind, periods],
    )
    return {org: (on_time, due) for org, on_time, due in rows.fetchall()}


def test_a_weight_in_words_is_refused_and_never_zero(declared: Declared) -> None:
    enterprise = declared("scms")
    (enterprise.folder / "sources" / "deliveries.py").unlink()
    outcome, refused = taken(enterprise)
    assert (outcome.total("rows"), outcome.total("accepted"), outcome.total("refused")) == (10_324, 6_372, 3_952)
    assert refused["reasons"].to_list() == [["weight_t: not_a_number"]] * 3_952
    words = pl.Series([json.loads(row)["Weight (Kilograms)"] for row in refused["raw"]])
    kinds = words.str.replace(r"^(See DN|See ASN)-.*", "$1").value_counts()
    assert dict(kinds.iter_rows()) == {"See DN": 1_937, "Weight Captured Separately": 1_507, "See ASN": 508}


def test_words_in_a_date_column_are_refused_and_no_date_is_made_up(declared: Declared) -> None:
    enterprise = declared("scms")
    path = enterprise.folder / "sources" / "deliveries.yaml"
    quoted = '  accepted_at: {from: PQ First Sent to Client Date, format: "%m/%d/%y"}\n'
    path.write_text(path.read_text(encoding="utf-8") + quoted, encoding="utf-8")
    _, refused = taken(enterprise)
    undated = refused.filter(pl.col("reasons").list.contains("accepted_at: not_a_time"))
    words = pl.Series([json.loads(row)["PQ First Sent to Client Date"] for row in undated["raw"]]).value_counts()
    assert dict(words.iter_rows()) == {"Pre-PQ Process": 2_476, "Date Not Captured": 205}


def test_every_line_is_an_order_of_its_own(scms: duckdb.DuckDBPyConnection) -> None:
    counted = scms.execute(
        "select rows, accepted, refused, duplicates, flagged from meta.extract where contract = 'customer_order'"
    )
    assert counted.fetchall() == [(10_324, 10_324, 0, 0, 0)]
    # rows end with a carriage return alone: the line after the header is row 2, the last one row 10,325
    assert scms.execute("select min(row_number), max(row_number) from clean_customer_order").fetchall() == [(2, 10_325)]
    assert scms.execute("select order_id from clean_customer_order where row_number = 2").fetchall() == [("1",)]


@pytest.mark.parametrize("periods", [r"\d{4}", r"\d{4}-\d{2}"])
def test_lines_delivered_by_the_scheduled_day_are_on_time(scms: duckdb.DuckDBPyConnection, periods: str) -> None:
    on_time, due = punctuality(scms, "enterprise", periods)["scms"]
    assert (on_time, due) == (9_138, 10_324)
    assert f"{100 * on_time / due:.3f}" == "88.512"


def test_each_mode_has_its_own_punctuality(scms: duckdb.DuckDBPyConnection) -> None:
    found = punctuality(scms, "site", r"\d{4}")
    assert {mode: f"{100 * on_time / due:.2f}" for mode, (on_time, due) in found.items() if mode != "UNSTATED"} == {
        "AIR": "90.40", "AIR-CHARTER": "88.46", "TRUCK": "83.92", "OCEAN": "82.48",
    }  # fmt: skip
    assert found["UNSTATED"][1] == 360


def test_a_promise_without_a_clock_time_holds_until_the_day_ends(scms: duckdb.DuckDBPyConnection) -> None:
    rows = scms.execute("""select policy, sum(on_time_orders), sum(due_orders) from mart.site_month_delivery
        where policy in ('first_promise', 'first_promise_day') group by policy order by policy""")
    assert rows.fetchall() == [("first_promise", 9_138, 10_324), ("first_promise_day", 9_138, 10_324)]


def test_a_mode_that_is_not_stated_is_empty(scms: duckdb.DuckDBPyConnection) -> None:
    modes = scms.execute("select transport_mode, count(*) from clean_customer_order group by all").fetchall()
    assert dict(modes) == {"air": 6_113 + 650, "road": 2_830, "water": 371, None: 360}


def test_a_weight_that_refers_to_another_row_is_that_rows_number(scms: duckdb.DuckDBPyConnection) -> None:
    # line 46 says `See ASN-93 (ID#:1281)`, line 1281 says 479 kg
    both = scms.execute(
        "select order_id, round(1000 * weight_t, 6) from clean_customer_order where order_id in ('46', '1281')"
    ).fetchall()
    assert dict(both) == {"46": 479.0, "1281": 479.0}


def test_a_weight_that_cannot_be_known_is_empty_and_never_zero(scms: duckdb.DuckDBPyConnection) -> None:
    # line 2481 says `See ASN-4332 (ID#:1115)`, and line 1115 `Weight Captured Separately`
    unknown = scms.execute(
        "select order_id, weight_t from clean_customer_order where order_id in ('2481', '1115')"
    ).fetchall()
    assert dict(unknown) == {"2481": None, "1115": None}
    # 6,372 lines with a number and 2,319 of the 2,445 that refer to one; 126 refer to words, 1,507 were weighed apart
    counted = scms.execute("select count(weight_t), count(*) - count(weight_t) from clean_customer_order").fetchall()
    assert counted == [(6_372 + 2_319, 126 + 1_507)]
    # line 23750, which is no reference, says 0 itself
    assert scms.execute("select order_id from clean_customer_order where weight_t = 0").fetchall() == [("23750",)]
