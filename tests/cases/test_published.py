"""Published figures that add up, and those that do not: W06, W08, W10, W13, W14 and W20 as rows of one file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

Check = dict[str, Any]


@pytest.fixture(scope="module")
def checks(published: Callable[..., duckdb.DuckDBPyConnection]) -> dict[tuple[str, str], Check]:
    """(figure, relation) → its check; no figure of the case stands twice in one relation."""
    connection = published("published", "2025-03")
    result = connection.execute("select * from mart.figure_check")
    names = [column[0] for column in result.description or []]
    found = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    assert len({(one["figure_id"], one["relation"]) for one in found}) == len(found)
    return {(one["figure_id"], one["relation"]): one for one in found}


def test_only_what_does_not_add_up_is_flagged(checks: dict[tuple[str, str], Check]) -> None:
    assert sorted(key for key, one in checks.items() if one["verdict"] == "off") == [
        ("slip_d12_ttw", "parts"),  # 0.19030 + 0.00007 + 0.00197 = 0.19234, not 0.19243
        ("slip_norm", "ratio"),  # 4,100 t from 20,000 tce: 0.205 t/tce, less than a tenth of 2.246
        ("ti23_s1", "implied_factor"),  # 498,289 t / 7,295,900 GJ = 68.30 kg/GJ is on HHV, 5.9 % below 72.59
        ("tm24_t_each", "implied_denominator"),
    ]


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("kn_s1", 181_000), ("kn_s12", 219_000), ("kn_cat4", 13_982_000), ("kn_s3", 14_006_000), ("kn_reductions", 57_000),
        ("tm23_market", 915), ("tm23_s3", 10_560), ("tm23_total", 11_480), ("tm24_market", 501), ("tm24_s3", 18_554), ("tm24_total", 19_078),
        ("d12_ttw", 0.19234), ("d12_wtw", 0.23320), ("d25_wtw", 0.12522),
    ],
)  # fmt: skip
def test_totals_are_the_sums_of_their_parts(checks: dict[tuple[str, str], Check], figure: str, expected: float) -> None:
    one = checks[figure, "parts"]
    assert (one["verdict"], one["expected"]) == ("ok", pytest.approx(expected, rel=1e-12))


def test_emissions_per_employee_do_not_fit_the_employees_that_energy_implies(
    checks: dict[tuple[str, str], Check],
) -> None:
    # 5,574,982 kWh / 5,569 kWh each = 1,001.07 employees; 19,078 t / 1,001.07 = 19.0575 t each, printed 19.0:
    # 0.0575 apart, and rounding explains 0.05 + 19.0575 x (0.5/19078 + 0.5/5574982 + 0.5/5569) = 0.0522
    one = checks["tm24_t_each", "implied_denominator"]
    assert one["expected"] == pytest.approx(19_078 / (5_574_982 / 5_569), rel=1e-12)
    assert round(one["expected"], 2) == 19.06
    assert one["tolerance"] == pytest.approx(0.0522, abs=5e-5)
    assert one["en"] == (
        "Temasek FY2024 emissions per employee 19.0 (Temasek sustainability performance data): "
        "does not agree with tm24_kwh_each, which gives 19.057529"
    )
    assert one["printed"] == "19.0"


def test_both_intensities_imply_the_same_kilometres(checks: dict[tuple[str, str], Check]) -> None:
    by_emissions, by_energy = (checks[one, "implied_denominator"] for one in ("ti23_t_km", "ti23_gj_km"))
    # 498,289 / 1,599 and 7,295,900 / 23,414 million km
    assert [round(one["implied"] / 1e6, 1) for one in (by_emissions, by_energy)] == [311.6, 311.6]
    assert (by_emissions["verdict"], by_energy["reason"]) == ("ok", "is_the_measure")
    assert checks["ti22_t_km", "implied_denominator"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("figure", "percent"), [("ti23_s1_change", 8.67), ("ti23_t_km_change", -3.03), ("ti23_diesel_change", 8.63)]
)
def test_changes_are_those_of_the_figures(checks: dict[tuple[str, str], Check], figure: str, percent: float) -> None:
    one = checks[figure, "change"]
    assert (one["verdict"], round(one["expected"], 2)) == ("ok", percent)


def test_the_grid_factor_is_implied_by_both_years(checks: dict[tuple[str, str], Check]) -> None:
    # 6,518 t / 17,615,264 kWh and 6,246 t / 16,880,249 kWh
    found = [checks[one, "implied_factor"] for one in ("ti22_s2", "ti23_s2")]
    assert [(one["verdict"], round(one["implied"], 4)) for one in found] == [("ok", 0.37), ("ok", 0.37)]


def test_a_share_of_what_nobody_printed_implies_it_and_cannot_be_judged(
    checks: dict[tuple[str, str], Check],
) -> None:
    energy, carbon = (checks[one, "implied_denominator"] for one in ("cl_tce_share", "cl_co2_share"))
    # 4.22e8 / 8.06 % and 9.48e8 / 9.01 %
    assert [round(one["implied"] / 1e8, 2) for one in (energy, carbon)] == [52.36, 105.22]
    assert {(one["verdict"], one["reason"], one["expected"]) for one in (energy, carbon)} == {
        ("cannot_tell", "nothing_to_compare_with", None)
    }
    assert checks["cl_co2_tce", "ratio"]["verdict"] == "ok"


def test_an_order_of_magnitude_lets_a_factor_of_ten_pass(checks: dict[tuple[str, str], Check]) -> None:
    # 61,000 t / 20,000 tce = 3.05 against 2.246
    one = checks["some_norm", "ratio"]
    assert (one["verdict"], one["tolerance"], round(one["expected"], 2)) == ("ok", None, 3.05)
