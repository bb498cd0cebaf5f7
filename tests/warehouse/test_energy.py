"""Meters, factors and fuels where they can go wrong: roles, gaps, moves of a site, publication dates, overrides."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from schemas.contracts.meter import CARRIERS
from schemas.units import ALIASES, same_dimension
from tests.warehouse.bare import bare, of

SITES = [
    {"site_id": "GZ", "legal_entity_id": "LE1", "region": "CN-GD"},
    {"site_id": "XZ", "legal_entity_id": "LE1", "region": "CN-XZ"},
    {"site_id": "HK", "legal_entity_id": "LE1", "region": "CN-HK"},
    {"site_id": "NOWHERE", "legal_entity_id": "LE1"},
]
ARRIVED = [{"contract": "meter_reading", "source": "ami", "month": "2026-01"}]


def metered(*rows: dict[str, Any], meters: tuple[dict[str, Any], ...] = ()) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(month, carrier) → quantity, purchased quantity and reason of GZ, from rows of `mart.meter_month`."""
    filled = [
        {"site_id": "GZ", "month": "2026-01", "carrier": "electricity", "role": "main", "unit": "kWh", **row}
        for row in rows
    ]
    registered = [
        {
            "meter_id": row["meter_id"],
            "site_id": "GZ",
            "carrier": row["carrier"],
            "register_kind": "cumulative",
            "unit": "kWh",
            "role": row["role"],
        }
        for row in {row["meter_id"]: row for row in filled}.values()
        if row["meter_id"] not in {meter["meter_id"] for meter in meters}
    ]
    given = {
        "clean.site": SITES,
        "clean.meter": [*registered, *meters],
        "meta.arrival": ARRIVED,
        "mart.meter_month": filled,
    }
    found = of(
        bare(given, "site_month_energy"),
        "select month, carrier, quantity, purchased_quantity, reason from mart.site_month_energy",
    )
    return {(month, carrier): tuple(rest) for month, carrier, *rest in found}


def located(
    region: str, as_of: str = "2026-06-30", basis: str = "location", own: tuple[dict[str, Any], ...] = ()
) -> Any:
    """Emission, factor and rule path of 1000 kWh bought in a region."""
    given: dict[str, Any] = {
        "clean.site": [{"site_id": "S", "legal_entity_id": "LE1", "region": region}], "meta.arrival": ARRIVED,
        "mart.site_month_energy": [{"site_id": "S", "month": "2026-01", "carrier": "electricity", "purchased_quantity": 1000, "unit": "kWh"}],
        "mart.fuel_line": [], "reference.emission_factor": own,
    }  # fmt: skip
    connection = bare(given, "emission_line", factors_as_of=as_of)
    return of(
        connection, "select emission_tco2e, factor_id, rule_path, reason from mart.emission_line where basis = ?", basis
    )[0]


def test_a_site_with_sub_meters_only_has_no_figure() -> None:
    assert metered({"meter_id": "1", "role": "sub", "quantity": 5})["2026-01", "electricity"] == (
        None,
        None,
        "only_sub_meters",
    )


@pytest.mark.parametrize("role", ["tenant", "generation", "export"])
def test_a_site_without_a_main_meter_has_no_figure(role: str) -> None:
    assert metered({"meter_id": "1", "role": role, "quantity": 5})["2026-01", "electricity"] == (
        None,
        None,
        "no_main_meter",
    )


def test_a_main_meter_that_says_nothing_of_a_month_leaves_no_figure() -> None:
    found = metered(
        {"meter_id": "1", "quantity": 5}, {"meter_id": "2", "quantity": 7},
        {"meter_id": "1", "quantity": 5, "month": "2026-02"},
    )  # fmt: skip
    assert found == {
        ("2026-01", "electricity"): (12, 12, None),
        ("2026-02", "electricity"): (None, None, "meter_silent"),
    }


def test_a_meter_that_was_not_yet_there_leaves_no_gap() -> None:
    later = {
        "meter_id": "2",
        "site_id": "GZ",
        "carrier": "electricity",
        "register_kind": "cumulative",
        "unit": "kWh",
        "valid_from": "2026-02-01",
    }
    found = metered(
        {"meter_id": "1", "quantity": 5}, {"meter_id": "2", "valid_from": "2026-02-01", "quantity": 7, "month": "2026-02"},
        {"meter_id": "1", "quantity": 5, "month": "2026-02"}, meters=(later,),
    )  # fmt: skip
    assert found == {("2026-01", "electricity"): (5, 5, None), ("2026-02", "electricity"): (12, 12, None)}


MONTH_US = 31 * 86_400_000_000


def read_for(*known: float, bills: tuple[dict[str, Any], ...] = (), **run: Any) -> duckdb.DuckDBPyConnection:
    """A warehouse of one meter per number, which has counted 100 kWh in that share of January."""
    given: dict[str, Any] = {
        "clean.site": SITES[:1], "meta.arrival": ARRIVED, "mart.fuel_line": [],
        "clean.meter": [{"meter_id": f"M{n}", "site_id": "GZ", "carrier": "electricity", "register_kind": "cumulative", "unit": "kWh",
                         "supply_point_id": f"P{n}"} for n in range(len(known))],
        "staged.meter_part": [
            {"meter_row": n + 1, "month": "2026-01", "measured": 100_000_000, "estimated": 0, "known_us": round(share * MONTH_US),
             "covered_us": round(share * MONTH_US), "readings": 700, "negative_steps": 0, "conflicting": 0, "linear": 0, "weekday_profile": 0,
             "neighbour_interpolation": 0, "is_interpolated": False}
            for n, share in enumerate(known)
        ],
        "clean.utility_bill": [
            {"bill_id": f"B{n}", "site_id": "GZ", "carrier": "electricity", "unit": "kWh", "period_from": "2026-01-01", "period_to": "2026-01-31", **bill}
            for n, bill in enumerate(bills)
        ],
    }  # fmt: skip
    return bare(
        given,
        "site_month_energy_use",
        "emission_line",
        "meter_balance",
        "meter_event",
        **{"unread_tolerance_pct": 1, **run},
    )


def energy_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return of(
        connection, "select quantity, purchased_quantity, round(estimated_share, 6), reason from mart.site_month_energy"
    )


def test_a_month_that_is_only_partly_read_is_no_month_of_the_site() -> None:
    # 17 of 31 days: 100 kWh are what the meter has counted, and not what the site has used
    half = read_for(17 / 31)
    assert of(half, "select quantity, measured_quantity, round(missing_h, 6), reason from mart.meter_month") == [
        (100.0, 100.0, 14 * 24.0, "readings_incomplete")
    ]
    assert energy_of(half) == [(None, None, None, "readings_incomplete")]
    assert of(half, "select energy_tce, electricity_kwh, reason from mart.site_month_energy_use") == [
        (None, None, "readings_incomplete")
    ]
    assert set(of(half, "select emission_tco2e, reason from mart.emission_line")) == {(None, "activity_unknown")}


def test_one_meter_in_part_leaves_the_site_without_a_figure() -> None:
    assert energy_of(read_for(1, 0.5)) == [(None, None, None, "readings_incomplete")]
    assert energy_of(read_for(1, 1)) == [(200, 200, 0, None)]


@pytest.mark.parametrize(("known", "tolerated", "reason"), [(0.9901, 1, None), (0.9899, 1, "readings_incomplete"), (0.9899, 2, None),
                                                            (0.9999, 0, "readings_incomplete")])  # fmt: skip
def test_how_much_may_be_unread_is_a_policy(known: float, tolerated: float, reason: str | None) -> None:
    assert energy_of(read_for(known, unread_tolerance_pct=tolerated))[0][3] == reason


def test_a_bill_of_the_supply_point_speaks_for_the_hours_the_meter_is_silent() -> None:
    # billed 250, counted 100 in half the month: the bill says the other 150; the other point's meter is whole
    found = read_for(
        0.5, 1, bills=({"supply_point_id": "P0", "quantity": 250}, {"supply_point_id": "P1", "quantity": 90})
    )
    assert of(found, "select meter_id, quantity, estimated_quantity, method, reason from mart.meter_month") == [
        ("M0", 250.0, 150.0, "bill", None), ("M1", 100.0, 0.0, None, None),
    ]  # fmt: skip
    assert energy_of(found) == [(350, 350, round(150 / 350, 6), None)]
    assert of(found, "select meter_id, quantity, decision from mart.meter_event where kind = 'estimated'") == [
        ("M0", 150.0, "booked_as_estimate")
    ]
    # a month the bill itself has filled up is no witness for it
    assert of(found, "select subject, metered_quantity, compared_quantity, verdict, reason from mart.meter_balance") == [
        ("supply point P0", None, 250.0, "incomplete", "readings_incomplete"), ("supply point P1", 100.0, 90.0, "differs", None),
    ]  # fmt: skip


@pytest.mark.parametrize("bill", [
    {"supply_point_id": "P0", "quantity": 99},  # the meter has counted more
    {"supply_point_id": "P9", "quantity": 250},  # of another supply
    {"supply_point_id": "P0", "quantity": 250, "period_to": "2026-01-20"},  # not of the whole month
])  # fmt: skip
def test_a_bill_that_cannot_tell_estimates_nothing(bill: dict[str, Any]) -> None:
    found = read_for(0.5, bills=(bill,))
    assert of(found, "select quantity, estimated_quantity, method, reason from mart.meter_month") == [
        (100.0, 0.0, None, "readings_incomplete")
    ]
    assert energy_of(found)[0][0] is None


def test_readings_that_arrive_take_the_place_of_the_bill() -> None:
    found = read_for(1, bills=({"supply_point_id": "P0", "quantity": 250},))
    assert of(found, "select quantity, method from mart.meter_month") == [(100.0, None)]
    assert energy_of(found) == [(100, 100, 0, None)]


def test_the_bills_of_a_supply_point_without_a_meter_count_beside_another_points_meter() -> None:
    found = read_for(1, bills=({"supply_point_id": "P9", "quantity": 40},))
    assert energy_of(found) == [(140, 140, 0, None)]
    assert of(found, "select counted_by from mart.site_month_energy") == [("meter+bill",)]


def test_half_a_month_before_a_new_row_of_the_register_is_a_gap() -> None:
    changed = ({"meter_id": "1", "site_id": "GZ", "carrier": "electricity", "register_kind": "cumulative", "unit": "kWh", "valid_from": day}
               for day in ("2025-01-01", "2026-01-16"))  # fmt: skip
    found = metered({"meter_id": "1", "valid_from": "2026-01-16", "quantity": 5}, meters=tuple(changed))
    assert found["2026-01", "electricity"] == (None, None, "meter_silent")


def test_every_unit_a_meter_or_bill_may_have_comes_to_its_carriers_unit() -> None:
    known = of(bare(), "select carrier, unit, volume_reference from reference.carrier_factor where factor is not null")
    for carrier in CARRIERS:
        for target in [unit for (unit,) in of(bare(), "select unit from reference.carrier where carrier = ?", carrier)]:
            written = {one for one in ALIASES.values() if same_dimension(one, target)}
            assert {(carrier, unit, "20C") for unit in written} <= set(known)
    assert ("natural_gas", "m3", None) not in known
    assert ("natural_gas", "Nm3", None) in known


def test_a_silent_sub_meter_takes_nothing_away() -> None:
    found = metered(
        {"meter_id": "1", "quantity": 5}, {"meter_id": "2", "quantity": 2, "role": "sub"},
        {"meter_id": "1", "quantity": 6, "month": "2026-02"},
    )  # fmt: skip
    assert found["2026-02", "electricity"] == (6, 6, None)


def test_hong_kong_never_takes_the_factor_of_china() -> None:
    for region in ("CN-HK", "HK", "CN-MO", "CN-TW"):
        for basis in ("location", "market"):
            assert located(region, basis=basis) == (None, None, None, "no_factor")


def test_a_province_comes_before_its_grid_and_its_grid_before_the_nation() -> None:
    # 1000 kWh x 0.4419, 0.2472 and (Hainan's table row is there; an unknown province is of no grid) 0.5306
    assert located("CN-GD")[:3] == (pytest.approx(0.4419), "grid_cn-gd_2023", "CN-GD 2023")
    assert located("CN-XZ")[1:3] == ("grid_cn-southwest_2023", "no province value for CN-XZ -> CN-SOUTHWEST 2023")
    assert located("CN-ZZ")[1:3] == ("grid_cn_avg_2023", "no province or grid value for CN-ZZ -> CN 2023")


def test_a_factor_counts_from_the_day_it_was_published() -> None:
    # the rows of 2023 were published on 2025-12-31, those of 2022 on 2024-12-20, those of 2021 on 2024-04-12
    days = {"2025-12-31": "grid_cn-gd_2023", "2025-12-30": "grid_cn-gd_2022", "2024-12-19": "grid_cn-gd_2021"}
    assert {day: located("CN-GD", day)[1] for day in days} == days
    # of what is older nobody says when it was published
    assert located("CN-GD", "2024-04-11")[1:3] == ("grid_cn-south_2012", "no province value for CN-GD -> CN-SOUTH 2012")
    assert located("CN-GD", "2025-12-30", "market")[1] == "grid_cn_excl_market_nonfossil_2022"


def test_of_two_rows_for_one_place_and_year_the_enterprises_own_counts() -> None:
    own = {
        "factor_id": "zz_own",
        "kind": "grid_location_avg",
        "subject": "electricity",
        "value": 0.1,
        "unit": "kgCO2/kWh",
        "region": "CN-GD",
        "data_year": 2023,
        "origin": "enterprise",
    }
    assert located("CN-GD", own=(own,))[:2] == (pytest.approx(0.1), "zz_own")


def test_a_factor_in_a_unit_nobody_knows_makes_no_figure() -> None:
    own = {
        "factor_id": "zz_own",
        "kind": "grid_location_avg",
        "subject": "electricity",
        "value": 0.1,
        "unit": "kgCO2/furlong",
        "region": "CN-GD",
        "data_year": 2024,
        "origin": "enterprise",
    }
    assert located("CN-GD", own=(own,)) == (None, "zz_own", "CN-GD 2024, own row", "factor_unit_unknown")


def test_a_site_that_moves_takes_the_factor_and_the_entity_of_each_month() -> None:
    given = {
        "clean.site": [
            {"site_id": "S", "legal_entity_id": "LE1", "region": "CN-GD", "valid_to": "2026-02-14"},
            {"site_id": "S", "legal_entity_id": "LE2", "region": "CN-SH", "valid_from": "2026-02-15"},
        ],
        "meta.arrival": [*ARRIVED, {"contract": "meter_reading", "source": "ami", "month": "2026-02"}],
        "clean.meter": [{"meter_id": "1", "site_id": "S", "carrier": "electricity", "register_kind": "cumulative", "unit": "kWh"}],
        "mart.meter_month": [
            {"meter_id": "1", "site_id": "S", "month": month, "carrier": "electricity", "role": "main", "quantity": 1000, "unit": "kWh"}
            for month in ("2026-01", "2026-02")
        ],
        "mart.fuel_line": [],
    }  # fmt: skip
    rows = of(
        bare(given, "emission_line"),
        "select month, legal_entity_id, factor_id from mart.emission_line where basis = 'location' order by 1",
    )
    # the month in which it moves goes with where it stands at its end
    assert rows == [("2026-01", "LE1", "grid_cn-gd_2023"), ("2026-02", "LE2", "grid_cn-sh_2023")]


def test_electricity_of_a_site_that_is_not_valid_is_not_forgotten() -> None:
    given = {
        "clean.site": [{"site_id": "S", "legal_entity_id": "LE1", "region": "CN-GD", "valid_from": "2026-02-01"}], "meta.arrival": ARRIVED,
        "mart.site_month_energy": [{"site_id": "S", "month": "2026-01", "carrier": "electricity", "purchased_quantity": 1000, "unit": "kWh"}],
        "mart.fuel_line": [],
    }  # fmt: skip
    rows = of(
        bare(given, "emission_line"), "select emission_tco2e, reason from mart.emission_line where basis = 'location'"
    )
    assert rows == [(None, "no_factor")]


def test_heat_abroad_does_not_take_the_default_of_china() -> None:
    given = {
        "clean.site": SITES, "meta.arrival": ARRIVED, "mart.fuel_line": [],
        "mart.site_month_energy": [{"site_id": site, "month": "2026-01", "carrier": "steam", "purchased_quantity": 800, "unit": "GJ"} for site in ("GZ", "HK")],
    }  # fmt: skip
    rows = of(
        bare(given, "emission_line"),
        "select site_id, emission_tco2e, reason from mart.emission_line where basis = 'location' order by 1",
    )
    assert rows == [("GZ", pytest.approx(88.0), None), ("HK", None, "no_factor")]


def fuel(row: dict[str, Any], own: tuple[dict[str, Any], ...] = (), vehicle_site: str = "GZ") -> list[tuple[Any, ...]]:
    given = {
        "clean.site": SITES, "meta.arrival": [{"contract": "fuel_purchase", "source": "till", "month": "2026-01"}],
        "clean.vehicle": [{"vehicle_id": "V", "site_id": vehicle_site, "ownership": "own"}], "reference.emission_factor": own,
        "clean.fuel_purchase": [{"document_id": "F", "source": "till", "purchased_on": "2026-01-05", **row}],
    }  # fmt: skip
    return of(bare(given, "fuel_line"), "select site_id, mass_kg, volume_nm3, reason from mart.fuel_line")


DENSITY = {"kind": "density", "origin": "enterprise", "region": "CN"}


def test_a_litre_of_lng_has_no_mass_until_the_enterprise_says_its_density() -> None:
    assert fuel({"fuel": "lng", "volume_l": 100, "site_id": "GZ"}) == [("GZ", None, None, "no_density")]
    own = {**DENSITY, "factor_id": "density_lng_own", "subject": "lng", "value": 0.43, "unit": "t/m3"}
    assert fuel({"fuel": "lng", "volume_l": 100, "site_id": "GZ"}, (own,)) == [("GZ", pytest.approx(43.0), None, None)]


def test_an_own_density_takes_the_place_of_the_shipped_one_and_doubles_no_document() -> None:
    own = {**DENSITY, "factor_id": "density_diesel_own", "subject": "diesel", "value": 835, "unit": "kg/m3"}
    assert fuel({"fuel": "diesel", "volume_l": 1000, "site_id": "GZ"}, (own,)) == [
        ("GZ", pytest.approx(835.0), None, None)
    ]


def test_an_own_density_in_a_unit_nobody_knows_is_not_quietly_passed_over() -> None:
    own = {**DENSITY, "factor_id": "density_diesel_own", "subject": "diesel", "value": 7, "unit": "lb/gal"}
    assert fuel({"fuel": "diesel", "volume_l": 1000, "site_id": "GZ"}, (own,)) == [("GZ", None, None, "no_density")]


def test_cubic_metres_of_a_liquid_are_a_thousand_litres_and_of_its_vapour_unknown() -> None:
    assert fuel({"fuel": "diesel", "volume_m3": 1, "site_id": "GZ"})[0][1] == pytest.approx(840.0)
    assert fuel({"fuel": "lpg", "volume_m3": 1, "volume_reference": "0C", "site_id": "GZ"}) == [
        ("GZ", None, None, "no_density")
    ]


def test_gas_counts_in_normal_cubic_metres() -> None:
    assert fuel({"fuel": "cng", "volume_m3": 107.322, "volume_reference": "20C", "site_id": "GZ"})[0][
        2
    ] == pytest.approx(100.0)
    assert fuel({"fuel": "cng", "volume_m3": 100, "volume_reference": "0C", "site_id": "GZ"})[0][2] == pytest.approx(
        100.0
    )
    # 71.7 kg at 0.717 kg/Nm3
    assert fuel({"fuel": "natural_gas", "mass_kg": 71.7, "site_id": "GZ"})[0][2] == pytest.approx(100.0)
    assert fuel({"fuel": "cng", "volume_m3": 100, "site_id": "GZ"})[0][2:] == (None, "volume_reference_unknown")


def test_fuel_of_a_vehicle_belongs_to_the_vehicles_site() -> None:
    assert fuel({"fuel": "diesel", "mass_kg": 1, "vehicle_id": "V", "site_id": "GZ"}, vehicle_site="XZ")[0][0] == "XZ"


def test_a_fuel_source_that_took_anothers_place_is_not_waited_for() -> None:
    given = {
        "clean.site": SITES[:1], "mart.site_month_energy": [],
        "meta.arrival": [{"contract": "fuel_purchase", "source": source, "month": month}
                         for source, month in (("old", "2026-01"), ("new", "2026-02"), ("both", "2026-01"), ("both", "2026-02"))],
        "mart.fuel_line": [{"site_id": "GZ", "source": source, "ownership": "own"} for source in ("old", "new", "both")],
    }  # fmt: skip
    assert of(bare(given, "energy_gap"), "select month, subject from mart.energy_gap") == []
