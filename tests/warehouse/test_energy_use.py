"""Coal equivalent, bills, shares and places: the published cases, and what must hold whatever the rows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import CatalogueError
from tests.warehouse.bare import bare, of
from tests.world import World, make
from warehouse.marts import Warehouse

ARRIVED = [{"contract": "meter_reading", "source": "ami", "month": "2026-01"}]
SITES = [{"site_id": site, "legal_entity_id": "LE1", "region": "CN-GD"} for site in ("A", "B", "C")]
OWN = {"origin": "enterprise", "region": "CN"}


def lines(
    *own: dict[str, Any], used: tuple[dict[str, Any], ...] = (), bought: tuple[dict[str, Any], ...] = (), **run: Any
) -> Any:
    """Subject and month → coal equivalent, factor, equal value and both reasons."""
    filled = [
        {"site_id": "A", "month": "2026-01", "converted_quantity": 0, "counted_by": "meter", **row} for row in used
    ]
    tables = {
        "clean.site": SITES, "meta.arrival": ARRIVED, "reference.emission_factor": [{**OWN, **row} for row in own],
        "mart.site_month_energy": filled, "mart.fuel_line": [{"site_id": "A", "month": "2026-01", "ownership": "own", **row} for row in bought],
        "mart.bill_month": [],
    }  # fmt: skip
    found = of(
        bare(tables, "site_month_energy_use", **run),
        "select subject, month, energy_tce, factor_id, energy_equal_value_tce, reason, equal_value_reason from mart.energy_line",
    )
    return {(subject, month): tuple(rest) for subject, month, *rest in found}


GAS = ({"carrier": "natural_gas", "quantity": 1_280_000, "unit": "Nm3"},)
POWER = ({"carrier": "electricity", "quantity": 18_540_000, "unit": "kWh"},)


def test_a_published_dashboard_is_reproduced() -> None:
    # W21: 18,540,000 kWh x 0.1229 = 2,278.6 tce; 1,280,000 m3 x 1.2143 = 1,554.3 tce with the enterprise's own coefficient
    own = {
        "factor_id": "gas_own",
        "kind": "tce_coefficient",
        "subject": "natural_gas",
        "value": 1.2143,
        "unit": "kgce/Nm3",
    }
    found = lines(own, used=(*GAS, *POWER))
    assert found["electricity", "2026-01"][0] == pytest.approx(2278.566)
    assert found["natural_gas", "2026-01"][:2] == (pytest.approx(1554.304), "gas_own")


def test_the_energy_of_a_company_and_its_intensity_are_those_worked_by_hand() -> None:
    # C05: 350,000 L x 0.84 = 294 t x 1.4571 + 1,050 MWh x 0.1229 + 800 GJ x 0.03412 + 50,000 Nm3 x 1.33e-3 = 651.2284 tce; / 32,000 = 0.020351
    tables = {
        "clean.site": SITES, "meta.arrival": [*ARRIVED, {"contract": "fuel_purchase", "source": "till", "month": "2026-01"}],
        "clean.fuel_purchase": [{"document_id": "F", "source": "till", "purchased_on": "2026-01-05", "site_id": "A", "fuel": "diesel", "volume_l": 350000}],
        "mart.meter_month": [
            {"meter_id": carrier, "site_id": "A", "month": "2026-01", "carrier": carrier, "role": "main", "quantity": quantity, "unit": unit}
            for carrier, quantity, unit in (("electricity", 1_050_000, "kWh"), ("heat", 800, "GJ"), ("natural_gas", 50_000, "Nm3"))
        ],
    }  # fmt: skip
    rows = of(bare(tables, "site_month_energy_use"), "select energy_tce, reason from mart.site_month_energy_use")
    assert rows == [(pytest.approx(651.2284, abs=1e-9), None)]
    assert rows[0][0] / 32_000 == pytest.approx(0.020351, abs=5e-7)


def test_sun_used_on_site_is_energy_and_not_bought() -> None:
    # C03: 300 MWh of own sun x 0.1229 = 36.87 tce beside 1,050 MWh bought
    tables = {
        "clean.site": SITES, "meta.arrival": ARRIVED,
        "clean.meter": [
            {"meter_id": name, "site_id": "A", "carrier": "electricity", "register_kind": "interval", "unit": "kWh", "role": role, "generation_kind": kind}
            for name, role, kind in (("m", "main", None), ("p", "generation", "pv"), ("d", "generation", "fuel"))
        ],
        "mart.meter_month": [
            {"meter_id": name, "site_id": "A", "month": "2026-01", "carrier": "electricity", "role": role, "quantity": quantity, "unit": "kWh"}
            for name, role, quantity in (("m", "main", 1_050_000), ("p", "generation", 300_000), ("d", "generation", 20_000))
        ],
    }  # fmt: skip
    rows = of(
        bare(tables, "site_month_energy"),
        "select quantity, purchased_quantity, renewable_quantity, converted_quantity, energy_tce from mart.site_month_energy",
    )
    # the diesel set's 20 MWh are use, but neither renewable nor energy beside its diesel
    assert rows == [(1_370_000, 1_050_000, 300_000, 20_000, pytest.approx(129.045 + 36.87))]


def test_a_measured_heat_value_comes_before_the_shipped_coefficient_while_it_is_valid() -> None:
    # 35.588 MJ/Nm3 / 29.3076 MJ/kgce = 1.214292 kgce/Nm3
    own = {
        "factor_id": "ncv_own",
        "kind": "fuel_ncv",
        "subject": "natural_gas",
        "value": 35.588,
        "unit": "MJ/Nm3",
        "valid_from": "2026-02-01",
    }
    found = lines(own, used=(*GAS, {**GAS[0], "month": "2026-02"}))
    assert found["natural_gas", "2026-01"][:2] == (pytest.approx(1_280 * 1.33), "tce_natural_gas_high")
    assert found["natural_gas", "2026-02"][:2] == (pytest.approx(1_280 * 35.588 / 29.3076), "ncv_own")


def test_a_heat_value_per_another_cubic_metre_makes_no_figure() -> None:
    own = {"factor_id": "ncv_own", "kind": "fuel_ncv", "subject": "natural_gas", "value": 35.588, "unit": "MJ/m3"}
    assert lines(own, used=GAS)["natural_gas", "2026-01"][::3] == (None, "factor_unit_unknown")


EQUAL = {"kind": "tce_equal_value", "subject": "electricity", "unit": "kgce/kWh"}


def test_electricity_has_no_equal_value_until_somebody_says_the_coefficient() -> None:
    found = lines(used=POWER)["electricity", "2026-01"]
    assert (found[2], found[4]) == (None, "no_equal_value_coefficient")


def test_an_equal_value_is_that_of_its_year_or_the_latest_before() -> None:
    own = tuple(
        {**EQUAL, "factor_id": f"e{year}", "data_year": year, "value": value}
        for year, value in ((2024, 0.302), (2025, 0.3), (2027, 0.29))
    )
    assert lines(*own, used=POWER)["electricity", "2026-01"][2] == pytest.approx(18_540 * 0.3)
    later = {**own[0], "data_year": 2026, "published_on": "2026-07-01"}
    assert lines(later, used=POWER)["electricity", "2026-01"][4] == "no_equal_value_coefficient"
    assert lines(later, used=POWER, factors_as_of="2026-07-01")["electricity", "2026-01"][2] == pytest.approx(
        18_540 * 0.302
    )


def coefficient(subject: str, *own: dict[str, Any], month: str = "2026-01", **run: Any) -> Any:
    """The coefficient, the equal value and how the first was chosen, of a site in Guangdong."""
    tables = {
        "clean.site": SITES, "meta.arrival": [{**ARRIVED[0], "month": month}],
        "reference.emission_factor": [{**OWN, "subject": subject, **row} for row in own],
    }  # fmt: skip
    found = of(
        bare(tables, "site_month_floor", **run),
        """select tce_per_unit, equal_value_tce_per_unit, factor_id, rule_path from reference.tce
           where month = ? and region = 'CN-GD' and subject = ? and unit <> 'GJ'""", month, subject,
    )  # fmt: skip
    return found[0]


COAL = {"kind": "tce_coefficient", "unit": "kgce/kg"}


def test_coefficients_are_chosen_as_every_factor_is() -> None:
    old, new = (
        {**COAL, "factor_id": f"c{year}", "data_year": year, "value": value}
        for year, value in ((2024, 1.46), (2025, 1.47))
    )
    assert coefficient("diesel")[::2] == (pytest.approx(0.0014571), "tce_diesel")
    assert coefficient("diesel", old, new)[2:] == ("c2025", "CN 2025, own row")
    # published after the cut-off day
    assert coefficient("diesel", old, {**new, "published_on": date(2026, 7, 1)})[2] == "c2024"
    assert coefficient("diesel", old, new, month="2024-05")[2] == "c2025"
    assert coefficient("diesel", old, new, month="2024-05", factors="matching_year_else_latest")[2] == "c2024"
    assert coefficient("diesel", old, new, factors="frozen", frozen_year=2024)[2:] == (
        "c2024",
        "CN 2024 (frozen), own row",
    )
    # nobody knows what a year to come is like
    assert coefficient("diesel", old, {**new, "data_year": 2027})[2] == "c2024"


def test_a_coefficient_of_the_province_and_of_the_parameter_set_comes_first() -> None:
    nation = {**COAL, "factor_id": "a", "value": 1.46}
    assert coefficient("diesel", nation, {**nation, "factor_id": "b", "region": "CN-GD"})[2] == "b"
    assert coefficient("diesel", nation, {**nation, "factor_id": "b", "region": "CN-SH"})[2] == "a"
    assert coefficient("diesel", nation, {**nation, "factor_id": "b", "parameter_set": "ndrc"})[2] == "b"


def test_the_shipped_coefficients_hold_before_the_edition_they_are_read_from() -> None:
    # GB/T 2589-2020 is in force from 2021-04-01; how much heat a kilogram of diesel gives did not begin then
    assert coefficient("diesel", month="2018-01")[2] == "tce_diesel"


def test_the_equal_value_follows_the_policy() -> None:
    rows = tuple(
        {**EQUAL, "factor_id": f"e{year}", "data_year": year, "value": value}
        for year, value in ((2023, 0.303), (2024, 0.302))
    )
    assert coefficient("electricity", *rows, month="2023-05")[1] == pytest.approx(0.000302)
    assert coefficient("electricity", *rows, month="2023-05", factors="matching_year_else_latest")[1] == pytest.approx(
        0.000303
    )
    assert coefficient("electricity", *rows, factors="frozen", frozen_year=2023)[1] == pytest.approx(0.000303)
    assert coefficient("electricity", *rows, factors="frozen", frozen_year=2022)[1] is None


def test_a_purchase_and_the_energy_of_its_site_take_one_coefficient() -> None:
    # 1,000 L x 0.84 kg/L x 1.46 kgce/kg, the enterprise's own = 1.2264 tce; 29.3076 GJ of gas = 1 tce by definition
    tables = {
        "clean.site": SITES, "meta.arrival": [*ARRIVED, {"contract": "fuel_purchase", "source": "till", "month": "2026-01"}],
        "reference.emission_factor": [{**OWN, **COAL, "subject": "diesel", "factor_id": "own", "value": 1.46}],
        "clean.fuel_purchase": [
            {"document_id": "F", "source": "till", "purchased_on": "2026-01-05", "site_id": "A", "fuel": "diesel", "volume_l": 1000},
            {"document_id": "G", "source": "till", "purchased_on": "2026-01-05", "site_id": "A", "fuel": "natural_gas", "heat_gj": 29.3076},
        ],
    }  # fmt: skip
    connection = bare(tables, "site_month_energy_use")
    one = of(connection, "select fuel, tce_factor_id, energy_tce from mart.fuel_line order by fuel")
    assert one == [("diesel", "own", pytest.approx(1.2264)), ("natural_gas", "tce_gj", pytest.approx(1.0))]
    assert of(connection, "select subject, factor_id, energy_tce from mart.energy_line order by subject") == one
    assert of(connection, "select energy_tce, reason from mart.site_month_energy_use") == [
        (pytest.approx(2.2264), None)
    ]


def bills(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    filled = [{"site_id": "A", "carrier": "electricity", "unit": "kWh", **row} for row in rows]
    tables = {"clean.site": SITES, "meta.arrival": ARRIVED, "clean.utility_bill": filled}
    return of(bare(tables, "bill_month"), "select month, quantity, days, reason from mart.bill_month")


_bill = st.tuples(
    st.integers(0, 700), st.integers(1, 366), st.decimals(0, 10**9, places=6, allow_nan=False, allow_infinity=False)
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_bill, min_size=1, max_size=12))
def test_the_months_of_a_bill_add_up_to_it(drawn: list[tuple[int, int, Decimal]]) -> None:
    periods = [(date(2025, 1, 1) + timedelta(start), length, quantity) for start, length, quantity in drawn]
    tables = {
        "clean.site": SITES, "meta.arrival": ARRIVED,
        "clean.utility_bill": [
            {"bill_id": str(number), "supply_point_id": str(number), "site_id": "A", "carrier": "electricity", "unit": "kWh", "quantity": float(quantity),
             "period_from": first, "period_to": first + timedelta(length - 1)}
            for number, (first, length, quantity) in enumerate(periods)
        ],
    }  # fmt: skip
    rows = of(
        bare(tables, "bill_month"),
        """select sum(quantity::decimal(38, 6)), sum(days), min(quantity) from mart.bill_month group by supply_point_id
           order by supply_point_id::int""",
    )
    assert [(total, days) for total, days, _ in rows] == [
        (Decimal(repr(float(quantity))).quantize(Decimal("1e-6")), length) for _, length, quantity in periods
    ]
    assert all(least >= 0 for *_, least in rows)


def test_a_bill_over_a_leap_february_and_the_turn_of_the_year() -> None:
    # 2023-12-31..2024-03-01 is 1 + 31 + 29 + 1 = 62 days, 6,200 kWh
    rows = bills({"bill_id": "1", "period_from": "2023-12-31", "period_to": "2024-03-01", "quantity": 6200})
    assert [row[:3] for row in rows] == [
        ("2023-12", 100, 1),
        ("2024-01", 3100, 31),
        ("2024-02", 2900, 29),
        ("2024-03", 100, 1),
    ]


def test_an_account_that_sends_no_bill_for_a_month_leaves_the_site_without_a_figure() -> None:
    month = {"site_id": "A", "carrier": "electricity", "unit": "kWh", "days": 31, "is_closed": False}
    given_ = {
        "clean.site": SITES, "meta.arrival": ARRIVED,
        "mart.meter_month": [], "mart.bill_month": [
            {**month, "supply_point_id": "P1", "month": "2026-01", "quantity": 10}, {**month, "supply_point_id": "P2", "month": "2026-01", "quantity": 5},
            {**month, "supply_point_id": "P1", "month": "2026-02", "quantity": 10}, {**month, "supply_point_id": "P3", "month": "2026-02", "quantity": 1},
        ],
    }  # fmt: skip
    rows = of(bare(given_, "site_month_metered"), "select month, quantity, reason from mart.site_month_metered")
    # P3 begins in February and is not waited for in January
    assert rows == [("2026-01", 15, None), ("2026-02", None, "bill_missing")]


_shares = st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True).map(sorted)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    quantities=st.lists(st.integers(0, 10**9), min_size=3, max_size=3), cuts=_shares, day=st.integers(1, 31),
    targets=st.lists(st.sampled_from("ABC"), min_size=5, max_size=5), by_meter=st.booleans(),
)  # fmt: skip
def test_sharing_moves_energy_between_sites_and_makes_none(
    quantities: list[int], cuts: list[int], day: int, targets: list[str], by_meter: bool
) -> None:
    parts = [(high - low) / 100 for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    shares: dict[str, float] = {}
    for target, part in zip(targets, parts, strict=False):
        shares[target] = round(shares.get(target, 0) + part, 2)
    source = {"meter_id": "mA"} if by_meter else {"site_id": "A", "carrier": "electricity"}
    metered = [
        {"meter_id": f"m{site}", "site_id": site, "month": "2026-01", "carrier": "electricity", "role": "main", "quantity": quantity / 1000, "unit": "kWh"}
        for site, quantity in zip("ABC", quantities, strict=True)
    ]  # fmt: skip
    tables = {
        "clean.site": SITES, "meta.arrival": ARRIVED, "mart.meter_month": metered, "mart.bill_month": [],
        "clean.meter": [{**{name: row[name] for name in ("meter_id", "site_id", "carrier", "role", "unit")}, "register_kind": "interval"} for row in metered],
        "clean.allocation_share": [{**source, "target_site_id": target, "share": share, "valid_from": date(2026, 1, day)} for target, share in shares.items()],
    }  # fmt: skip
    rows = of(
        bare(tables, "site_month_energy"),
        """select sum(quantity::decimal(38, 6)), sum(purchased_quantity::decimal(38, 6)), sum(allocated_quantity::decimal(38, 6)), count(reason)
           from mart.site_month_energy""",
    )
    total = sum(Decimal(quantity) for quantity in quantities) / 1000
    assert rows == [(total, total, 0, 0)]


def test_what_is_a_tenants_share_leaves_the_enterprise() -> None:
    tables = {
        "clean.site": SITES, "meta.arrival": ARRIVED, "mart.bill_month": [],
        "mart.meter_month": [{"meter_id": "m", "site_id": "A", "month": "2026-01", "carrier": "electricity", "role": "main", "quantity": 1000, "unit": "kWh"}],
        "clean.allocation_share": [
            {"site_id": "A", "carrier": "electricity", "tenant": "甲", "share": 0.3}, {"site_id": "A", "carrier": "electricity", "target_site_id": "A", "share": 0.7},
        ],
    }  # fmt: skip
    rows = of(bare(tables, "site_month_energy"), "select quantity, purchased_quantity from mart.site_month_energy")
    assert rows == [(700, 700)]


_tree = st.lists(
    st.tuples(st.integers(0, 10), st.sampled_from(["sub", "sub", "sub", "tenant"]), st.sampled_from(["A", "B", None]), st.integers(0, 10**6)),
    min_size=1, max_size=10,
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_tree)
def test_places_and_the_rest_add_up_to_the_whole(tree: list[tuple[int, str, str | None, int]]) -> None:
    drawn = [("m0", None, "main", None, 5_000_000), *(
        (f"m{number}", f"m{above % number}", role, place, quantity) for number, (above, role, place, quantity) in enumerate(tree, 1)
    )]  # fmt: skip
    tables = {
        "clean.site": SITES, "meta.arrival": ARRIVED, "mart.bill_month": [], "clean.virtual_meter": [],
        "clean.meter": [
            {"meter_id": name, "parent_meter_id": parent, "role": role, "area": place, "site_id": "A", "carrier": "electricity", "unit": "kWh",
             "register_kind": "interval"}
            for name, parent, role, place, _ in drawn
        ],
        "mart.meter_month": [
            {"meter_id": name, "site_id": "A", "month": "2026-01", "carrier": "electricity", "role": role, "quantity": quantity / 1000, "unit": "kWh"}
            for name, _, role, _, quantity in drawn
        ],
    }  # fmt: skip
    rows = of(
        bare(tables, "energy_use_month"),
        "select level, sum(quantity::decimal(38, 6)), count(*) filter (where quantity is null) from mart.energy_use_month group by level",
    )
    sums = {level: total for level, total, unknown in rows if not unknown}
    assert len(set(sums.values())) == 1
    assert len(sums) == len(rows)


def test_meters_registered_in_a_circle_neither_hang_nor_vanish() -> None:
    tables = {
        "clean.site": SITES, "meta.arrival": ARRIVED,
        "clean.meter": [
            {"meter_id": name, "parent_meter_id": parent, "role": role, "site_id": "A", "carrier": "electricity", "unit": "kWh", "register_kind": "interval"}
            for name, parent, role in (("1", "2", "main"), ("2", "1", "sub"))
        ],
        "mart.meter_month": [
            {"meter_id": name, "site_id": "A", "month": "2026-01", "carrier": "electricity", "role": role, "quantity": 5, "unit": "kWh"}
            for name, role in (("1", "main"), ("2", "sub"))
        ],
    }  # fmt: skip
    assert of(bare(tables, "site_month_energy"), "select quantity from mart.site_month_energy") == [(5,)]


BILLS = """\
contract: utility_bill
read: {as: csv, files: "bills/*.csv"}
columns: {bill_id: 账单号, site_id: 场所, carrier: 能源, period_from: 起, period_to: 止, quantity: 用量, unit: {value: kWh}}
"""


@pytest.fixture
def billed(tmp_path: Any) -> World:
    world = make(tmp_path / "group", [("bills", BILLS)])
    world.deliver(
        "bills/2026.csv", "账单号,场所,能源,起,止,用量", "1,SH-W01,电力,2025-12-18,2026-01-17,3100", "2,SH-W01,电力,2026-01-18,2026-02-17,31000",
        "3,SH-W01,电力,2026-02-17,2026-02-10,9",
    )  # fmt: skip
    return world


def test_bills_of_a_site_whose_meter_nobody_reads_are_its_consumption(billed: World) -> None:
    billed.ingest("2026-01", "2026-02")
    assert billed.refused("utility_bill") == [(4, ["period_reversed"])]
    with Warehouse(billed.enterprise) as house:
        house.build()
        rows = house.connection.execute(
            "select month, quantity, counted_by, reason from mart.site_month_energy where site_id = 'SH-W01'"
        ).fetchall()
    # January: 17 of 31 days of 3,100 and 14 of 31 of 31,000
    assert rows == [
        ("2025-12", None, "bill", "bill_incomplete"), ("2026-01", 15700, "bill", None), ("2026-02", None, "bill", "bill_incomplete"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["bill_tolerance_pct", "unread_tolerance_pct"])
@pytest.mark.parametrize(("written", "read"), [("3", 3.0), ("2.5", 2.5), ('"0"', 0.0)])
def test_an_enterprise_says_its_own_tolerance(billed: World, name: str, written: str, read: float) -> None:
    path = billed.folder / "enterprise.yaml"
    path.write_text(path.read_text(encoding="utf-8") + f"\npolicies: {{{name}: {written}}}\n", encoding="utf-8")
    with Warehouse(billed.enterprise) as house:
        assert house.frame("reference.run")[name].to_list() == [read]


@pytest.mark.parametrize("name", ["bill_tolerance_pct", "unread_tolerance_pct"])
@pytest.mark.parametrize("written", ["much", "-1", "nan"])
def test_a_tolerance_that_is_no_percentage_is_refused_by_name(billed: World, name: str, written: str) -> None:
    path = billed.folder / "enterprise.yaml"
    path.write_text(path.read_text(encoding="utf-8") + f"\npolicies: {{{name}: {written}}}\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=name):
        Warehouse(billed.enterprise)
