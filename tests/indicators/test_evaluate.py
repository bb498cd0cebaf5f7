"""Values of indicators from rows of marts: Σ/Σ, states, reasons, coverage, policies, small cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.evaluate import chosen, evaluate, suppressed, undeducible
from schemas.enterprise import Enterprise
from schemas.errors import CatalogueError
from tests.warehouse.bare import bare, fill, of
from warehouse.marts import Built, Warehouse, marts

Row = Mapping[str, Any]
YEAR = [f"2026-{month:02d}" for month in range(1, 13)]
SITES = ("A", "B")
CONTRACTS = (
    "customer_order",
    "complaint",
    "survey_response",
    "customer_response",
    "injury",
    "attendance_day",
    "employee_month",
    "trip",
    "revenue_posting",
    "meter_reading",
)


@cache
def _columns() -> dict[str, str]:
    """The columns of every mart and their types, as DuckDB declares them."""
    rows = of(
        bare(),
        "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'mart' order by column_index",
    )
    tables: dict[str, list[str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, []).append(f'"{column}" {kind}')
    return {table: ", ".join(columns) for table, columns in tables.items()}


class Marts(Warehouse):
    """A warehouse whose marts are given row by row, so that nothing but the evaluation is under test."""

    def __init__(
        self, folder: Path, rows: Mapping[str, Iterable[Row]], months: Iterable[str] = ("2026-01",), late: Iterable[tuple[str, str]] = (),
        sites: Iterable[Row] = tuple({"site_id": site, "legal_entity_id": "LE1"} for site in SITES), declaration: str = "",
        clean: Mapping[str, Iterable[Row]] | None = None, arrived: Iterable[tuple[str, str, str]] = (),
    ) -> None:  # fmt: skip
        (folder / "enterprise.yaml").write_text(f"id: group\nname: 集团\n{declaration}", encoding="utf-8")
        self.sites = list(sites)
        self.rows, self.arrived = dict(clean or {}), list(arrived)
        self.delivered = [
            (contract, month) for contract in CONTRACTS for month in months if (contract, month) not in set(late)
        ]
        super().__init__(Enterprise(folder))
        for mart in marts():
            self.connection.execute(f"create table mart.{mart.name} ({_columns()[mart.name]})")
            fill(self.connection, f"mart.{mart.name}", rows.get(mart.name, ()))

    def _clean(self) -> None:
        super()._clean()
        fill(self.connection, "clean.site", self.sites)
        fill(
            self.connection,
            "meta.arrival",
            [{"contract": one, "source": "s", "month": month} for one, month in self.delivered],
        )
        for contract, rows in self.rows.items():
            fill(self.connection, f"clean.{contract}", rows)
        arrived = [{"contract": one, "source": source, "month": month} for one, source, month in self.arrived]
        fill(self.connection, "meta.arrival", arrived)

    def mart(self, name: str) -> Built:
        months = of(self.connection, f"select distinct month from mart.{name} where month is not null order by month")
        return Built(name, 0, [month for (month,) in months], [])


def values(
    folder: Path, rows: Mapping[str, Iterable[Row]], family: str | None = None, **how: Any
) -> dict[tuple[str, str, str], dict[str, Any]]:
    """(indicator, period, org) → the chosen value."""
    with Marts(folder, rows, **how) as warehouse:
        frame = evaluate(warehouse, "run", family).filter(pl.col("is_chosen"))
    return {(row["indicator_id"], row["period"], row["org_id"]): row for row in frame.iter_rows(named=True)}


def told(value: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(value[name] for name in names or ("value", "state", "coverage", "reason"))


def delivery(site: str, month: str, on_time: int | None, due: int | None, policy: str = "first_promise") -> Row:
    return {
        "site_id": site,
        "legal_entity_id": "LE1",
        "month": month,
        "policy": policy,
        "on_time_orders": on_time,
        "due_orders": due,
    }


def emission(site: str, month: str, tonnes: float | None, **more: Any) -> Row:
    return {
        "site_id": site,
        "legal_entity_id": "LE1",
        "month": month,
        "policy": "default",
        "emission_tco2e": tonnes,
        "estimated_tco2e": 0,
        **more,
    }


def revenue(site: str | None, month: str, cny: float, entity: str = "LE1") -> Row:
    return {"site_id": site, "legal_entity_id": entity, "month": month, "revenue_cny": cny}


def test_a_period_is_the_sum_over_the_sum_and_never_a_mean_of_ratios(tmp_path: Path) -> None:
    # C20: 90/100 and 5/10 -> 95/110 = 86.3636 %, not 70 %
    rows = {"site_month_delivery": [delivery("A", "2026-01", 90, 100), delivery("A", "2026-02", 5, 10)]}
    found = values(tmp_path, rows, "customer", months=("2026-01", "2026-02"))
    year = found["A.2.7", "2026", "A"]
    assert told(year, "numerator", "denominator", "state") == (95, 110, "partial")
    assert round(year["value"], 4) == 86.3636
    assert found["A.2.7", "2026-02", "group"]["value"] == 50


def test_sites_add_up_like_months(tmp_path: Path) -> None:
    rows = {"site_month_delivery": [delivery("A", "2026-01", 90, 100), delivery("B", "2026-01", 5, 10)]}
    found = values(tmp_path, rows, "customer")
    assert [round(found["A.2.7", "2026-01", org]["value"], 4) for org in ("A", "B", "LE1", "group")] == [
        90,
        50,
        86.3636,
        86.3636,
    ]
    assert told(found["A.2.7", "2026-01", "group"]) == (pytest.approx(95 / 1.1), "measured", 1, None)


@pytest.mark.parametrize(
    ("months", "state", "coverage"), [(12, "measured", 1.0), (11, "partial", 11 / 12), (3, "partial", 3 / 12)]
)
def test_a_year_is_whole_with_twelve_months(tmp_path: Path, months: int, state: str, coverage: float) -> None:
    rows = {"site_month_delivery": [delivery("A", month, 9, 10) for month in YEAR[:months]]}
    found = values(tmp_path, rows, "customer", months=YEAR[:months], sites=[{"site_id": "A", "legal_entity_id": "LE1"}])
    assert told(found["A.2.7", "2026", "group"])[:3] == (90, state, pytest.approx(coverage))


def test_a_site_that_opens_in_july_is_whole_with_six_months(tmp_path: Path) -> None:
    rows = {"site_month_delivery": [delivery("A", month, 9, 10) for month in YEAR[6:]]}
    site = {"site_id": "A", "legal_entity_id": "LE1", "valid_from": "2026-07-01"}
    assert told(values(tmp_path, rows, "customer", months=YEAR[6:], sites=[site])["A.2.7", "2026", "A"]) == (
        90,
        "measured",
        1,
        None,
    )


def test_a_rolling_window_spans_two_years(tmp_path: Path) -> None:
    months = [*(f"2025-{month:02d}" for month in range(7, 13)), *YEAR[:6]]
    rows = {"site_month_delivery": [delivery("A", month, number, 10) for number, month in enumerate(months)]}
    found = values(tmp_path, rows, "customer", months=months, sites=[{"site_id": "A", "legal_entity_id": "LE1"}])
    # 0 + 1 + … + 11 = 66 of 120
    assert told(found["A.2.7", "2025-07..2026-06", "group"], "numerator", "denominator", "value", "state") == (
        66,
        120,
        pytest.approx(55),
        "measured",
    )
    assert {period for _, period, _ in found if ".." in period} == {"2025-07..2026-06"}


def test_a_missing_input_is_missing_with_its_reason_and_never_zero(tmp_path: Path) -> None:
    found = values(tmp_path, {"site_month_footprint": [emission("A", "2026-01", 25)]})
    assert told(found["A.1.6", "2026-01", "A"]) == (None, "missing", 0, "no_revenue")
    assert told(found["A.2.7", "2026-01", "group"]) == (None, "missing", 0, "no_delivery")
    assert found["A.2.7", "2026-01", "group"]["numerator"] is None


def test_a_stated_reason_reaches_the_value(tmp_path: Path) -> None:
    rows = {
        "site_month_footprint": [emission("A", "2026-01", None, reason="no_factor")],
        "site_month_revenue": [revenue("A", "2026-01", 1e6)],
    }
    assert told(values(tmp_path, rows, "climate")["A.1.6", "2026-01", "A"]) == (None, "missing", 0, "no_factor")


def test_a_site_whose_emission_is_never_known_does_not_lend_its_revenue(tmp_path: Path) -> None:
    rows = {
        "site_month_footprint": [emission("A", "2026-01", 25), emission("B", "2026-01", None, reason="no_factor")],
        "site_month_revenue": [revenue("A", "2026-01", 1e6), revenue("B", "2026-01", 9e6)],
    }
    # 25 t / 100 万元 over A alone, half of the site-months
    assert told(values(tmp_path, rows, "climate")["A.1.6", "2026-01", "group"]) == (0.25, "partial", 0.5, "no_factor")


def test_a_site_that_never_earns_still_counts_in_the_total(tmp_path: Path) -> None:
    rows = {
        "site_month_footprint": [emission("A", "2026-01", 25), emission("B", "2026-01", 5)],
        "site_month_revenue": [revenue("A", "2026-01", 1e6)],
    }
    found = values(tmp_path, rows, "climate")
    assert told(found["A.1.6", "2026-01", "group"]) == (0.3, "calculated", 1, None)
    assert told(found["A.1.6", "2026-01", "B"]) == (None, "missing", 0, "no_revenue")


def test_a_site_missing_one_month_leaves_the_site_months_that_have_both(tmp_path: Path) -> None:
    rows = {
        "site_month_footprint": [
            emission("A", "2026-01", 25),
            emission("B", "2026-01", 5),
            emission("A", "2026-02", 35),
        ],
        "site_month_revenue": [revenue(site, month, 1e6) for site in SITES for month in YEAR[:2]],
    }
    found = values(tmp_path, rows, "climate", months=YEAR[:2])
    assert told(found["A.1.6", "2026-02", "group"]) == (0.35, "partial", 0.5, "incomplete_site_months")
    # (25 + 5 + 35) t over 300 万元; 3 of the 24 site-months of the year
    assert told(found["A.1.6", "2026", "group"], "numerator", "denominator", "coverage") == (65, 300, 3 / 24)


def test_revenue_of_no_site_counts_for_entity_and_enterprise_and_for_no_site(tmp_path: Path) -> None:
    rows = {
        "site_month_footprint": [emission("A", "2026-01", 25), emission("B", "2026-01", 5)],
        "site_month_revenue": [revenue("A", "2026-01", 1e6), revenue(None, "2026-01", 2e6)],
    }
    found = values(tmp_path, rows, "climate")
    assert told(found["A.1.6", "2026-01", "A"]) == (None, "missing", 0, "revenue_not_attributed")
    assert told(found["A.1.6", "2026-01", "B"]) == (None, "missing", 0, "revenue_not_attributed")
    for org in ("LE1", "group"):
        assert told(found["A.1.6", "2026-01", org]) == (0.1, "calculated", 1, None)
    assert found["M010", "2026-01", "A"]["reason"] == "no_emission"


def test_emissions_of_a_month_without_the_entitys_revenue_do_not_enter_the_year(tmp_path: Path) -> None:
    rows = {
        "site_month_footprint": [emission("A", month, 25) for month in YEAR[:2]],
        "site_month_revenue": [revenue(None, "2026-01", 1e6)],
    }
    found = values(tmp_path, rows, "climate", months=YEAR[:2])
    assert told(found["A.1.6", "2026-02", "group"])[::3] == (None, "no_revenue")
    assert told(found["A.1.6", "2026", "group"], "numerator", "denominator", "state") == (25, 100, "partial")


def test_a_denominator_of_zero_gives_no_value(tmp_path: Path) -> None:
    rows = {"site_month_footprint": [emission("A", month, 25) for month in YEAR[:2]],
            "site_month_revenue": [revenue("A", "2026-01", 0), revenue("A", "2026-02", 1e6)]}  # fmt: skip
    found = values(tmp_path, rows, "climate", months=YEAR[:2])
    assert told(found["A.1.6", "2026-01", "A"])[::3] == (None, "denominator_not_positive")
    assert found["A.1.6", "2026", "A"]["value"] == 0.5  # 50 t over 100 万元: the period's ratio stays


@pytest.mark.parametrize(
    ("declaration", "chosen"),
    [
        ("", "equal_calorific"),
        ("policies: {energy: equivalent}\n", "equivalent"),
        ("policies: {energy: {coefficient: equal_value}}\n", "enterprise"),
    ],
)
def test_energy_intensity_stands_by_both_readings_and_one_is_chosen(
    tmp_path: Path, declaration: str, chosen: str
) -> None:
    readings = {"equal_calorific": 130.0, "equivalent": 315.0} | (
        {"enterprise": 315.0} if chosen == "enterprise" else {}
    )
    energy = [
        {"site_id": "A", "legal_entity_id": "LE1", "month": "2026-01", "policy": policy, "energy_tce": tce, "estimated_tce": 0}
        for policy, tce in readings.items()
    ]  # fmt: skip
    rows = {"site_month_comprehensive_energy": energy, "site_month_revenue": [revenue("A", "2026-01", 1e6)]}
    with Marts(tmp_path, rows, declaration=declaration) as warehouse:
        found = evaluate(warehouse, "run", "energy").filter(
            (pl.col("indicator_id") == "A.1.10") & (pl.col("period") == "2026-01") & (pl.col("org_id") == "group")
        )
    # 130 and 315 tce over 100 万元
    assert {row["policy"]: (row["value"], row["is_chosen"]) for row in found.iter_rows(named=True)} == {
        policy: (tce / 100, policy == chosen) for policy, tce in readings.items()
    }
    boundaries = dict(found.select("policy", "boundary").iter_rows())
    assert "; calorific equivalent; " in boundaries["equal_calorific"]
    assert "; equal value; " in boundaries["equivalent"]


def test_one_site_is_said_as_one(tmp_path: Path) -> None:
    rows = {
        "site_month_footprint": [emission("A", "2026-01", 25), emission("B", "2026-01", 5)],
        "site_month_revenue": [revenue(site, "2026-01", 1e6) for site in SITES],
    }
    found = values(tmp_path, rows, "climate")
    said = {org: found["A.1.6", "2026-01", org]["boundary"].split("; ")[0] for org in ("A", "group")}
    assert said == {"A": "1 site", "group": "2 sites"}


@pytest.mark.parametrize("word", ["energy: coal", "energy: {coefficient: coal}"])
def test_a_reading_of_energy_that_does_not_exist_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(CatalogueError, match="energy"):
        values(tmp_path, {}, "energy", declaration=f"policies: {{{word}}}\n")


@pytest.mark.parametrize(("estimated", "state"), [(30, "calculated"), (30.1, "estimated")])
def test_more_than_three_tenths_estimated_is_estimated(tmp_path: Path, estimated: float, state: str) -> None:
    rows = {
        "site_month_footprint": [emission("A", "2026-01", 100, estimated_tco2e=estimated)],
        "site_month_revenue": [revenue("A", "2026-01", 1e6)],
    }
    assert values(tmp_path, rows, "climate")["A.1.6", "2026-01", "A"]["state"] == state


def test_a_month_without_a_survey_is_not_applicable_and_the_year_pools_the_waves(tmp_path: Path) -> None:
    rows = {"site_month_survey": [
        {"site_id": "A", "legal_entity_id": "LE1", "month": month, "policy": "top_two_box", "answers": answers, "satisfied": satisfied}
        for month, answers, satisfied in (("2026-01", 20, 10), ("2026-03", 80, 70))
    ], "site_month_order": [{"site_id": "A", "legal_entity_id": "LE1", "month": "2026-02", "accepted_orders": 1}]}  # fmt: skip
    found = values(tmp_path, rows, "people", months=YEAR[:3])
    assert told(found["A.2.2", "2026-02", "A"]) == (None, "not_applicable", 0, "no_survey")
    assert told(found["A.2.2", "2026", "A"], "value", "state", "coverage") == (80, "measured", 1)


def test_answers_on_an_unknown_scale_are_missing_and_no_month_without_a_survey(tmp_path: Path) -> None:
    row = {"legal_entity_id": "LE1", "month": "2026-01", "policy": "top_two_box", "answers": 20}
    rows = {
        "site_month_survey": [
            {**row, "site_id": "A", "reason": "scale_unknown"},
            {**row, "site_id": "B", "satisfied": 10},
        ]
    }
    found = values(tmp_path, rows, "people")
    assert told(found["A.2.2", "2026-01", "A"]) == (None, "missing", 0, "scale_unknown")
    assert told(found["A.2.2", "2026-01", "group"]) == (50, "partial", 0.5, "scale_unknown")


def test_orders_due_in_a_month_that_was_not_delivered_are_no_figure_of_it(tmp_path: Path) -> None:
    rows = {"site_month_delivery": [delivery("A", "2026-01", 9, 10), delivery("A", "2026-02", 0, 3)]}
    found = values(tmp_path, rows, "customer", months=YEAR[:2], late=[("customer_order", "2026-02")])
    assert told(found["A.2.7", "2026-02", "A"])[::3] == (None, "no_delivery")
    assert found["A.2.7", "2026", "A"]["denominator"] == 10


def test_orders_due_of_a_site_whose_source_is_late_are_no_figure_of_it(tmp_path: Path) -> None:
    # s has delivered both months; B's own source b only January, and what it said of orders due in February is not all of them
    rows = {"site_month_delivery": [
        delivery("A", "2026-01", 9, 10), delivery("A", "2026-02", 8, 10), delivery("B", "2026-01", 5, 10), delivery("B", "2026-02", 1, 1),
    ]}  # fmt: skip
    orders = [{"order_id": source, "site_id": site, "source": source} for source, site in (("s", "A"), ("b", "B"))]
    found = values(
        tmp_path,
        rows,
        "customer",
        months=YEAR[:2],
        clean={"customer_order": orders},
        arrived=[("customer_order", "b", "2026-01")],
    )
    assert told(found["A.2.7", "2026-02", "B"])[::3] == (None, "no_delivery")
    assert told(found["A.2.7", "2026-02", "group"]) == (80, "partial", 0.5, "incomplete_site_months")
    # on time 9 + 8 + 5 of 10 + 10 + 10
    assert told(found["A.2.7", "2026", "group"], "numerator", "denominator") == (22, 30)


def test_orders_of_a_new_site_wait_for_the_complaint_register(tmp_path: Path) -> None:
    case = {"site_id": "A", "legal_entity_id": "LE1", "policy": "all", "month": "2026-01", "complaint_cases": 1}
    orders = [
        {"site_id": site, "legal_entity_id": "LE1", "month": month, "accepted_orders": 100}
        for site, month in (("A", "2026-01"), ("B", "2026-02"))
    ]
    found = values(
        tmp_path,
        {"site_month_complaint": [case], "site_month_order": orders},
        "customer",
        months=YEAR[:2],
        late=[("complaint", "2026-02")],
    )
    assert told(found["A.2.6", "2026", "group"], "numerator", "denominator", "value") == (1, 100, 1)


def test_complaints_may_exceed_the_orders(tmp_path: Path) -> None:
    case = {"site_id": "A", "legal_entity_id": "LE1", "policy": "all", "month": "2026-01", "complaint_cases": 3}
    order = {"site_id": "A", "legal_entity_id": "LE1", "month": "2026-01", "accepted_orders": 2}
    assert (
        values(tmp_path, {"site_month_complaint": [case], "site_month_order": [order]}, "customer")[
            "A.2.6", "2026-01", "A"
        ]["value"]
        == 150
    )


def test_a_complaint_of_no_site_counts_for_the_enterprise_only(tmp_path: Path) -> None:
    cases = [
        {"site_id": site, "legal_entity_id": site and "LE1", "policy": "all", "month": "2026-01", "complaint_cases": 1}
        for site in ("A", None)
    ]
    order = {"site_id": "A", "legal_entity_id": "LE1", "month": "2026-01", "accepted_orders": 100}
    found = values(tmp_path, {"site_month_complaint": cases, "site_month_order": [order]}, "customer")
    assert [found["A.2.6", "2026-01", org]["value"] for org in ("A", "LE1", "group")] == [1, 1, 2]


def workforce(month: str, average: float | None, leavers: int | None, site: str = "A", entity: str = "LE1") -> Row:
    return {
        "site_id": site,
        "legal_entity_id": entity,
        "month": month,
        "employees_average": average,
        "leavers": leavers,
    }


def test_turnover_is_leavers_over_the_mean_of_month_averages(tmp_path: Path) -> None:
    # C20: headcounts 100, 104, 98 -> averages 102 and 101, mean 101.5; 12 leavers -> 11.8227 %
    rows = {"site_month_workforce": [workforce("2026-01", 102, 5), workforce("2026-02", 101, 7)]}
    found = values(tmp_path, rows, "people", months=YEAR[:2])
    assert round(found["M086", "2026", "A"]["value"], 4) == 11.8227
    assert found["M086", "2026", "A"]["denominator"] == 101.5


def test_leavers_of_a_site_whose_headcount_is_not_known_do_not_enter_the_rate(tmp_path: Path) -> None:
    rows = {"site_month_workforce": [workforce("2026-01", 100, 5), workforce("2026-01", None, 5, "B")]}
    assert told(values(tmp_path, rows, "people")["M086", "2026-01", "group"], "value", "state", "coverage") == (
        5,
        "partial",
        0.5,
    )


def test_a_roll_without_somebody_leaves_its_site_without_figures_and_says_why(tmp_path: Path) -> None:
    # A: 100 people, 5 leave, 16 000 h; B's roll lacks somebody, and a source of it is late. The site worked at by nobody is no gap of the overtime test
    known = workforce("2026-01", 100, 5) | {"women_end": 40, "employees_end": 98, "employees_worked_h": 16_000}
    known |= {"tested_employee_months": 50, "compliant_employee_months": 40, "attending_workers": 100}
    lacks = workforce("2026-01", None, None, "B") | {"roll_reason": "roll_incomplete", "end_reason": "roll_late"}
    found = values(tmp_path, {"site_month_workforce": [known, lacks]}, "people")
    for metric, value, reason in (
        ("M067", 160, "roll_incomplete"), ("M086", 5, "roll_incomplete"), ("M087", pytest.approx(4000 / 98), "roll_late"),
    ):  # fmt: skip
        assert told(found[metric, "2026-01", "B"]) == (None, "missing", 0, reason)
        assert told(found[metric, "2026-01", "group"]) == (value, "partial", 0.5, reason)
    assert told(found["M065", "2026-01", "group"]) == (80, "measured", 1, None)
    lacks |= {"overtime_reason": "roll_incomplete"}
    (tmp_path / "tested").mkdir()
    found = values(tmp_path / "tested", {"site_month_workforce": [known, lacks]}, "people")
    assert told(found["M065", "2026-01", "group"]) == (80, "partial", 0.5, "roll_incomplete")


def test_few_people_are_hidden_and_the_next_few_with_them(tmp_path: Path) -> None:
    sites = [{"site_id": site, "legal_entity_id": "LE1"} for site in "ABC"]
    rows = {
        "site_month_workforce": [
            workforce("2026-01", people, 1, site) for site, people in (("A", 9), ("B", 20), ("C", 30))
        ]
    }
    found = values(tmp_path, rows, "people", sites=sites)
    hidden = (None, None, None, "missing", "small_cell")
    assert [
        told(found["M086", "2026-01", site], "numerator", "denominator", "value", "state", "reason") for site in "AB"
    ] == [hidden] * 2
    assert found["M086", "2026-01", "C"]["denominator"] == 30
    assert found["M086", "2026-01", "LE1"]["denominator"] == found["M086", "2026-01", "group"]["denominator"] == 59


def test_ten_people_may_be_shown(tmp_path: Path) -> None:
    rows = {"site_month_workforce": [workforce("2026-01", 10, 1), workforce("2026-01", 10, 1, "B")]}
    assert values(tmp_path, rows, "people")["M086", "2026-01", "A"]["value"] == 10


def test_a_hidden_entity_is_not_given_away_by_the_sites_of_another(tmp_path: Path) -> None:
    sites = [
        {"site_id": site, "legal_entity_id": entity} for site, entity in (("A", "LE1"), ("B", "LE2"), ("C", "LE2"))
    ]
    rows = {
        "site_month_workforce": [
            workforce("2026-01", 5, 1, "A"),
            workforce("2026-01", 20, 1, "B", "LE2"),
            workforce("2026-01", 30, 1, "C", "LE2"),
        ]
    }
    found = values(tmp_path, rows, "people", sites=sites)
    shown = {
        org
        for org in ("A", "LE1", "B", "C", "LE2", "group")
        if found["M086", "2026-01", org]["denominator"] is not None
    }
    assert shown == {"group"}


def test_a_hidden_month_is_not_given_away_by_its_year(tmp_path: Path) -> None:
    rows = {
        "site_month_workforce": [
            workforce(month, people, 0) for month, people in zip(YEAR, [9, 11, *[20] * 10], strict=True)
        ]
    }
    found = values(tmp_path, rows, "people", months=YEAR, sites=[{"site_id": "A", "legal_entity_id": "LE1"}])
    assert [found["M086", month, "A"]["reason"] for month in YEAR[:3]] == ["small_cell", "small_cell", None]
    assert found["M086", "2026", "A"]["value"] == 0


def test_a_hidden_month_is_not_given_away_by_two_windows(tmp_path: Path) -> None:
    # B has 3 people in January 2025 and 50 in every other month, as A has in all: 2025 less the window that ends in January
    # 2026 is January 2025 less January 2026, whatever is hidden in between, and what A had would tell what B had
    months = [f"2025-{month:02d}" for month in range(1, 13)] + ["2026-01"]
    rows = {"site_month_survey": [
        {"site_id": site, "legal_entity_id": "LE1", "month": month, "policy": "top_two_box", "satisfied": 2,
         "answers": 3 if (site, month) == ("B", "2025-01") else 50}
        for site in SITES for month in months
    ]}  # fmt: skip
    found = values(tmp_path, rows, "people", months=months)
    chain = ("2025", "2025-02..2026-01", "2026-01")
    assert [all(found["A.2.2", period, site]["value"] for period in chain) for site in SITES] == [False, False]
    assert [found["A.2.2", "2025-01", org]["reason"] for org in ("A", "B", "LE1")] == ["small_cell", "small_cell", None]


def test_a_hidden_cell_does_not_follow_from_sums_that_overlap() -> None:
    # 1 to 4 are months, 5 = 1 + 2 + 3, 6 = 2 + 3 + 4: 5 less 6 and 4 again is 1, though no sum has one hidden month alone
    months = [("A", f"2026-{month:02d}") for month in range(1, 5)]
    made_of = {**{at: {one} for at, one in enumerate(months, start=1)}, 5: set(months[:3]), 6: set(months[1:])}
    order = {cell: (cell != 6, 10.0, ("site", "A", str(cell))) for cell in made_of}
    assert undeducible({1, 2, 3}, {1}, made_of, order) == {1, 2, 3, 6}
    assert undeducible({1, 2, 3, 5}, {1}, made_of, order) == {1, 2, 3, 5}
    assert undeducible({1, 2, 3}, {1}, made_of, {}) == {1, 2, 3}


def test_twelve_months_of_one_person_are_one_person(tmp_path: Path) -> None:
    rows = {"site_month_workforce": [
        {"site_id": site, "legal_entity_id": "LE1", "month": month, "tested_employee_months": people, "compliant_employee_months": people}
        for month in YEAR for site, people in (("A", 1), ("B", 50))
    ]}  # fmt: skip
    assert values(tmp_path, rows, "people", months=YEAR)["M065", "2026", "A"]["reason"] == "small_cell"


@pytest.mark.parametrize(
    ("of_no_site", "shown"),
    [
        # one answer of no site is the enterprise's 41 less those of the entities, so the smaller entity goes too
        (1, {"LE2", "group"}),
        # ten people may be shown, and so may all that is left of the sum
        (10, {"A", "LE1", "LE2", "group"}),
    ],
)
def test_few_answers_of_no_site_are_not_what_the_enterprise_leaves_of_its_entities(
    tmp_path: Path, of_no_site: int, shown: set[str]
) -> None:
    answers = (("A", "LE1", 15), ("B", "LE2", 25), (None, None, of_no_site))
    rows = {"site_month_survey": [
        {"site_id": site, "legal_entity_id": entity, "month": "2026-01", "policy": "top_two_box", "answers": count, "satisfied": count}
        for site, entity, count in answers
    ]}  # fmt: skip
    sites = [{"site_id": site, "legal_entity_id": entity} for site, entity, _ in answers if site]
    found = values(tmp_path, rows, "people", sites=sites)
    orgs = ("A", "LE1", "LE2", "group")
    assert {org for org in orgs if found["A.2.2", "2026-01", org]["value"] is not None} == shown
    assert found["A.2.2", "2026-01", "group"]["denominator"] == 40 + of_no_site


def test_answers_of_no_site_stand_beside_a_hidden_entity_before_another_must(tmp_path: Path) -> None:
    # 5 + 12 of no site = 17 is all that subtraction leaves, so LE2 may be shown
    answers = (("A", "LE1", 5), ("B", "LE2", 11), (None, None, 12))
    rows = {"site_month_survey": [
        {"site_id": site, "legal_entity_id": entity, "month": "2026-01", "policy": "top_two_box", "answers": count, "satisfied": count}
        for site, entity, count in answers
    ]}  # fmt: skip
    sites = [{"site_id": site, "legal_entity_id": entity} for site, entity, _ in answers if site]
    found = values(tmp_path, rows, "people", sites=sites)
    assert [found["A.2.2", "2026-01", org]["reason"] for org in ("LE1", "LE2")] == ["small_cell", None]


cells = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30), min_size=1)


@given(cells, st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), max_size=6))
def test_no_hidden_cell_stands_alone_in_a_sum(people: dict[str, int], sums: list[set[str]]) -> None:
    known = [one & set(people) for one in sums]
    hidden = suppressed(people, known, 10)
    assert {cell for cell, count in people.items() if count < 10} <= hidden
    assert not [one for one in known if len(one) > 1 and len(one & hidden) == 1]


# ── injuries per hours worked ────────────────────────────────────────────────────────────────────────────────────


def safety(site: str, cases: int | None, hours: float | None, month: str = "2026-01", **more: Any) -> Row:
    reason = "no_injury_log" if cases is None else "no_worked_hours" if hours is None else None
    whole = {"lost_time_cases": cases, "recordable_cases": cases, "worked_h": hours, "attending_workers": 100}
    return {"site_id": site, "legal_entity_id": "LE1", "month": month, "reason": reason} | whole | more


def test_injuries_are_counted_per_million_and_per_two_hundred_thousand_hours(tmp_path: Path) -> None:
    # C20: 3 / 1 250 000 h = 2.4 per 1e6 h; 5 recordables = .8 per 200 000 h. Sites 3 of 750 000 h and 0 of 500 000 h: Σ/Σ, no mean of 4 and 0
    rows = {"site_month_safety": [safety("A", 3, 750_000, recordable_cases=5), safety("B", 0, 500_000)]}
    found = values(tmp_path, rows, "people")
    assert [found["M074", "2026-01", org]["value"] for org in ("A", "B", "group")] == pytest.approx([4, 0, 2.4])
    assert told(found["M075", "2026-01", "group"], "numerator", "denominator", "value", "unit") == (
        5, 1_250_000, pytest.approx(0.8), "case/200000 h",
    )  # fmt: skip


def test_months_without_a_log_or_without_hours_enter_neither_side(tmp_path: Path) -> None:
    rows = {"site_month_safety": [safety("A", 1, 500_000), safety("A", None, 500_000, "2026-02"), safety("B", 7, None)]}
    found = values(tmp_path, rows, "people", months=YEAR[:2])
    assert told(found["M074", "2026-01", "A"]) == (pytest.approx(2), "measured", 1, None)
    assert told(found["M074", "2026-02", "A"]) == (None, "missing", 0, "no_injury_log")
    assert told(found["M074", "2026-01", "B"]) == (None, "missing", 0, "no_worked_hours")
    # seven injuries of a site whose hours nobody knows are in no rate
    assert told(found["M074", "2026-01", "group"]) == (pytest.approx(2), "partial", 0.5, "no_worked_hours")
    assert told(found["M074", "2026", "A"], "numerator", "denominator", "state") == (1, 500_000, "partial")


def test_a_rate_of_few_workers_is_hidden_whatever_their_hours(tmp_path: Path) -> None:
    sites = [{"site_id": site, "legal_entity_id": "LE1"} for site in "ABC"]
    rows = {"site_month_safety": [
        safety(site, 0, 160.0 * workers, month, attending_workers=workers)
        for month in YEAR for site, workers in (("A", 9), ("B", 20), ("C", 30))
    ]}  # fmt: skip
    found = values(tmp_path, rows, "people", months=YEAR, sites=sites)
    for period in ("2026-01", "2026"):
        assert [found["M074", period, site]["reason"] for site in "ABC"] == ["small_cell", "small_cell", None]
        assert found["M074", period, "group"]["value"] == 0


# ── customers' answers ───────────────────────────────────────────────────────────────────────────────────────────


def asked(site: str, answers: int, counted: float | None, policy: str = "top_two_box", month: str = "2026-01") -> Row:
    reason = "scale_unknown" if counted is None else None
    key = {"site_id": site, "legal_entity_id": "LE1", "month": month, "policy": policy}
    return key | {"answers": answers, "satisfaction": counted, "reason": reason}


def test_customers_are_satisfied_by_the_policy_chosen_and_employees_by_theirs(tmp_path: Path) -> None:
    employees = {"site_id": "A", "legal_entity_id": "LE1", "month": "2026-01", "policy": "top_two_box"}
    rows = {
        "site_month_customer_satisfaction": [asked("A", 50, 30), asked("A", 50, 32.5, "mean_scaled")],
        "site_month_survey": [employees | {"answers": 20, "satisfied": 20}],
    }
    found = values(tmp_path, rows)
    assert told(found["M096", "2026-01", "A"], "policy", "value") == ("top_two_box", 60)
    assert found["A.2.2", "2026-01", "A"]["value"] == 100
    found = values(tmp_path, rows, declaration="policies: {customer_satisfaction: mean_scaled}")
    assert told(found["M096", "2026-01", "A"], "policy", "value") == ("mean_scaled", 65)
    assert told(found["A.2.2", "2026-01", "A"], "policy", "value") == ("top_two_box", 100)


def test_net_promoters_come_in_points_and_may_be_fewer_than_none(tmp_path: Path) -> None:
    key = {"legal_entity_id": "LE1", "month": "2026-01"}
    rows = {"site_month_net_promoter": [
        key | {"site_id": "A", "answers": 60, "net_promoters": 0}, key | {"site_id": "B", "answers": 20, "net_promoters": -12},
    ], "site_month_order": [{"site_id": "A", "legal_entity_id": "LE1", "month": "2026-02", "accepted_orders": 1}]}  # fmt: skip
    found = values(tmp_path, rows, "customer", months=YEAR[:2])
    assert told(found["M097", "2026-01", "A"], "value", "unit", "state") == (0, "point", "measured")
    assert [found["M097", "2026-01", org]["value"] for org in ("B", "group")] == [-60, -15]
    assert told(found["M097", "2026-02", "A"]) == (None, "not_applicable", 0, "no_survey")


def test_customers_answers_on_an_unknown_scale_are_missing(tmp_path: Path) -> None:
    key = {"legal_entity_id": "LE1", "month": "2026-01", "reason": "scale_unknown"}
    rows = {
        "site_month_customer_satisfaction": [asked("A", 50, None), asked("B", 50, 40)],
        "site_month_net_promoter": [key | {"site_id": "A", "answers": 60}],
    }
    found = values(tmp_path, rows, "customer")
    assert (
        told(found["M096", "2026-01", "A"])
        == told(found["M097", "2026-01", "A"])
        == (None, "missing", 0, "scale_unknown")
    )
    assert told(found["M096", "2026-01", "group"]) == (80, "partial", 0.5, "scale_unknown")


def test_every_policy_has_a_row_and_one_is_chosen(tmp_path: Path) -> None:
    policies = ("first_promise", "original_promise", "first_promise_day")
    rows = {
        "site_month_delivery": [delivery("A", "2026-01", number, 10, policy) for number, policy in enumerate(policies)]
    }
    with Marts(tmp_path, rows, declaration="policies: {on_time: original_promise}\n") as warehouse:
        frame = evaluate(warehouse, "run", "customer").filter(pl.col("indicator_id") == "A.2.7")
    key = ["indicator_id", "period", "org_id", "policy"]
    assert frame.select(key).is_duplicated().sum() == 0
    assert frame.group_by(key[:3]).agg(pl.col("is_chosen").sum())["is_chosen"].unique().to_list() == [1]
    one = frame.filter((pl.col("org_id") == "A") & (pl.col("period") == "2026-01"))
    assert dict(one.select("policy", "value").iter_rows()) == {
        "first_promise": 0,
        "original_promise": 10,
        "first_promise_day": 20,
    }


def test_every_indicator_has_one_chosen_value_per_period_and_unit(tmp_path: Path) -> None:
    with Marts(tmp_path, {"site_month_revenue": [revenue("A", "2026-01", 1e6)]}) as warehouse:
        frame = evaluate(warehouse, "run")
    counts = frame.group_by("indicator_id", "period", "org_id").agg(pl.col("is_chosen").sum())
    assert counts["is_chosen"].unique().to_list() == [1]
    assert set(frame["state"]) == {"missing", "not_applicable"}
    assert frame["reason"].null_count() == 0


def test_pieces_and_tonnes_stand_apart_each_in_its_unit(tmp_path: Path) -> None:
    row = {"site_id": "A", "legal_entity_id": "LE1", "month": "2026-01"}
    rows = {
        "site_month_goods": [
            {**row, "policy": "pieces", "due": 100, "intact": 98},
            {**row, "policy": "tonnes", "due": 2.5, "intact": 2.5},
        ]
    }
    with Marts(tmp_path, rows) as warehouse:
        frame = evaluate(warehouse, "run", "customer").filter(
            (pl.col("indicator_id") == "A.2.8") & (pl.col("org_id") == "group")
        )
    assert sorted(frame.filter(pl.col("period") == "2026-01").select("policy", "value", "numerator_unit", "is_chosen").iter_rows()) == [
        ("pieces", 98, "piece", True), ("tonnes", 100, "t", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ("policies: {on_time: first_promisse}", "first_promisse"),
        ("policies: {complaint: none}", "none"),
        ("policies: {intact: pallets}", "pallets"),
        ("policies: {customer_satisfaction: top_box}", "top_box"),
        ("policies: {intact: {unit: piece}}", "enterprise"),
    ],
)
def test_a_policy_that_does_not_exist_is_refused_by_name(tmp_path: Path, declaration: str, words: str) -> None:
    with Marts(tmp_path, {}, declaration=declaration) as warehouse, pytest.raises(CatalogueError, match=words):
        for name in (
            "site_month_delivery",
            "site_month_complaint",
            "site_month_goods",
            "site_month_survey",
            "site_month_customer_satisfaction",
        ):
            chosen(warehouse, name)


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ("policies: {on_time: {grace_min: 60}}", "grace_min"),
        ("policies: {on_time: {precision: hour}}", "hour"),
        ("policies: {on_time: {tolerance_min: soon}}", "on_time"),
        ("policies: {on_time: {policy: mine}}", "policy"),
        ("policies: {satisfaction: {satisfied_from: 4}}", "scale_max"),
        ("policies: {ontime: first_promise}", "ontime"),
        ("policies: {factors: newest}", "newest"),
        ("policies: {factors_as_of: '2026-02-30'}", "factors_as_of"),
    ],
)
def test_a_policy_that_is_spelled_out_wrongly_is_refused_by_name(tmp_path: Path, declaration: str, words: str) -> None:
    with pytest.raises(CatalogueError, match=words):
        Marts(tmp_path, {}, declaration=declaration)


def test_a_policy_may_be_spelled_out_and_takes_the_rest_from_the_default(tmp_path: Path) -> None:
    spelled = "policies: {on_time: {precision: day, tolerance_min: 30}, complaint: {close_within_h: 24, counts_unjustified: false}, satisfaction: {scale_max: 5, satisfied_from: 5}}"
    with Marts(tmp_path, {}, declaration=spelled) as warehouse:
        assert [
            chosen(warehouse, mart) for mart in ("site_month_delivery", "site_month_complaint", "site_month_survey")
        ] == ["enterprise"] * 3
        row = warehouse.frame("reference.on_time_policy").filter(pl.col("policy") == "enterprise").row(0, named=True)
        assert told(row, "reference_time", "population", "precision", "tolerance_min", "customer_reschedule") == (
            "promised_by",
            "promised_by",
            "day",
            30,
            "replaces",
        )
        row = warehouse.frame("reference.complaint_policy").filter(pl.col("policy") == "enterprise").row(0, named=True)
        assert told(row, "close_within_h", "counts_unjustified") == (24, False)
        scales = warehouse.frame("reference.satisfaction_policy").filter(pl.col("policy") == "enterprise")
        assert dict(scales.select("scale_max", "satisfied_from").sort("scale_max").iter_rows()) == {
            4: 3,
            5: 5,
            7: 6,
            10: 8,
        }


orders = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(YEAR[:3]), st.integers(0, 50), st.integers(1, 50)),
    unique_by=lambda row: row[:2], min_size=1, max_size=9,
)  # fmt: skip
THREE = [{"site_id": site, "legal_entity_id": "LE1" if site < "C" else "LE2"} for site in "ABC"]


def counted(
    folder: Path, rows: list[tuple[str, str, int, int]], months: Iterable[str] = tuple(YEAR[:3])
) -> dict[tuple[str, str, str], dict[str, Any]]:
    filled = [
        {**delivery(site, month, on_time, due), "legal_entity_id": "LE1" if site < "C" else "LE2"}
        for site, month, on_time, due in rows
    ]
    return values(folder, {"site_month_delivery": filled}, "customer", months=months, sites=THREE)


@settings(max_examples=5, deadline=None)
@given(orders, st.randoms(use_true_random=False))
def test_sites_sum_to_the_enterprise_and_the_order_of_rows_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, random: Any
) -> None:
    folder = tmp_path_factory.mktemp("group")
    found = counted(folder, rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert counted(folder, shuffled) == found
    for (indicator, period, org), value in found.items():
        if indicator == "A.2.7" and org == "group":
            parts = [found[indicator, period, site]["numerator"] for site in "ABC"]
            assert (value["numerator"] or 0) == sum(part or 0 for part in parts)


@settings(max_examples=5, deadline=None)
@given(orders)
def test_another_month_changes_no_value_of_the_others(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    folder = tmp_path_factory.mktemp("group")
    before = counted(folder, [row for row in rows if row[1] != "2026-03"], YEAR[:2])
    after = counted(folder, rows)
    for (indicator, period, org), value in before.items():
        if period in YEAR[:2]:
            assert after[indicator, period, org]["value"] == value["value"]


def test_what_is_closed_stays_shown_or_hidden_and_another_cell_is_hidden_instead() -> None:
    people, sums = {"jan": 12.0, "feb": 4.0, "mar": 50.0, "year": 66.0}, [{"jan", "feb", "mar", "year"}]
    # February is too small; alone it would be the year less the other months, so the smallest other one goes too
    assert suppressed(people, sums, 10) == {"jan", "feb"}
    assert suppressed(people, sums, 10, {"jan": False}) == {"feb", "mar"}
    assert suppressed(people, sums, 10, {"jan": True}) == {"jan", "feb"}
    assert suppressed(people, sums, 10, dict.fromkeys(("jan", "mar", "year"), False)) == {"feb"}
    assert suppressed(people, sums, 10, {"feb": False}) == set()
