"""What must hold of every refrigerant, certificate and carrier whatever the rows: one method, nothing twice, nothing below zero."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.bare import bare, fill, of

SITES = [
    {"site_id": "A", "legal_entity_id": "LE1", "region": "CN-GD"},
    {"site_id": "B", "legal_entity_id": "LE1", "region": "CN-SH"},
    {"site_id": "C", "legal_entity_id": "LE2", "region": "CN-SH"},
]
ARRIVED = [{"contract": "meter_reading", "source": "ami", "month": f"2026-{month:02}"} for month in (1, 3)]
SOME = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

kwh = st.integers(min_value=1, max_value=10**13).map(lambda millionths: Decimal(millionths) / 10**6)
bought = st.dictionaries(st.tuples(st.sampled_from("ABC"), st.sampled_from(["2026-01", "2026-02", "2026-03"])), kwh)
held = st.lists(st.tuples(st.sampled_from(["A", "B", "C", "LE1", "LE2"]), kwh), max_size=6)


@pytest.fixture(scope="module")
def certificates() -> duckdb.DuckDBPyConnection:
    rows: dict[str, Any] = {"clean.site": SITES, "meta.arrival": ARRIVED, "mart.site_month_energy": [{"site_id": "A"}]}
    rows["mart.certificate_ledger"] = [{"certificate_id": "G"}]
    return bare(rows, "certificate_use", live=["certificate_use"])


def used(
    connection: duckdb.DuckDBPyConnection, bought: dict[tuple[str, str], Decimal], held: list[tuple[str, Decimal]]
) -> list[tuple[Any, ...]]:
    """Site, month, purchased, covered, uncovered kWh of the site-months with a share in certificates."""
    entity = {site["site_id"]: site["legal_entity_id"] for site in SITES}
    connection.execute("delete from mart.site_month_energy; delete from mart.certificate_ledger")
    fill(connection, "mart.site_month_energy", [
        {"site_id": site, "legal_entity_id": entity[site], "month": month, "carrier": "electricity", "unit": "kWh", "purchased_quantity": float(quantity)}
        for (site, month), quantity in bought.items()
    ])  # fmt: skip
    fill(connection, "mart.certificate_ledger", [
        {"certificate_id": f"G{number}", "country": "CN", "claimed_year": 2026, "energy_kwh": float(energy), "is_entity_wide": holder not in entity,
         "legal_entity_id": entity.get(holder, holder), "site_id": holder if holder in entity else None}
        for number, (holder, energy) in enumerate(held)
    ])  # fmt: skip
    return of(connection, "select site_id, month, purchased_kwh, covered_kwh, uncovered_kwh from mart.certificate_use")


@given(bought, held)
@SOME
def test_certificates_cover_no_more_than_was_bought_and_no_more_than_is_held(
    certificates: duckdb.DuckDBPyConnection, bought: dict[tuple[str, str], Decimal], held: list[tuple[str, Decimal]]
) -> None:
    found = used(certificates, bought, held)
    covered: dict[str, Decimal] = defaultdict(Decimal)
    for site, month, purchased, by_certificate, rest in found:
        parts = [round(Decimal(part), 6) for part in (by_certificate, rest)]
        assert sum(parts) == round(Decimal(purchased), 6) == bought[site, month]
        assert min(parts) >= 0
        covered[site] += parts[0]
    for entity, sites in (("LE1", "AB"), ("LE2", "C")):
        total = {site: sum(quantity for (one, _), quantity in bought.items() if one == site) for site in sites}
        own = {site: min(total[site], sum(energy for holder, energy in held if holder == site)) for site in sites}
        wide = min(sum(total.values()) - sum(own.values()), sum(energy for holder, energy in held if holder == entity))
        assert sum(covered[site] for site in sites) == sum(own.values()) + wide
        assert all(covered[site] >= own[site] for site in sites)


@given(bought, held)
@SOME
def test_what_certificates_cover_does_not_depend_on_the_order_of_rows(
    certificates: duckdb.DuckDBPyConnection, bought: dict[tuple[str, str], Decimal], held: list[tuple[str, Decimal]]
) -> None:
    turned = dict(reversed(bought.items()))
    assert used(certificates, bought, held) == used(certificates, turned, held[::-1])


@given(bought, held)
@SOME
def test_a_later_month_takes_nothing_from_an_earlier_one(
    certificates: duckdb.DuckDBPyConnection, bought: dict[tuple[str, str], Decimal], held: list[tuple[str, Decimal]]
) -> None:
    early = {key: quantity for key, quantity in bought.items() if key[1] < "2026-03"}
    assert used(certificates, early, held) == [row for row in used(certificates, bought, held) if row[1] < "2026-03"]


MOVEMENTS = ("opening_stock", "purchase", "sale", "recovery", "closing_stock", "top_up")
moved = st.lists(
    st.fixed_dictionaries({
        "site_id": st.sampled_from("AB"), "refrigerant": st.sampled_from(["R404A", "R-410a", "R9999"]), "movement": st.sampled_from(MOVEMENTS),
        "moved_on": st.sampled_from(["2026-01-01", "2026-02-10", "2026-03-31"]), "mass_kg": st.integers(0, 1000).map(float),
    }), max_size=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def refrigerants() -> duckdb.DuckDBPyConnection:
    equipment = [
        {"equipment_id": "E1", "site_id": "A", "refrigerant": "R404A", "charge_kg": 100, "annual_leak_pct": 10},
        {"equipment_id": "E2", "site_id": "B", "refrigerant": "R410A", "charge_kg": 50, "annual_leak_pct": 5},
    ]
    return bare(
        {"clean.site": SITES, "meta.arrival": ARRIVED, "clean.refrigerant_equipment": equipment},
        "emission_line",
        live=["emission_refrigerant", "emission_line"],
    )


@given(moved)
@SOME
def test_a_substance_is_reckoned_by_one_method_at_a_site_in_a_year(
    refrigerants: duckdb.DuckDBPyConnection, moved: list[dict[str, Any]]
) -> None:
    refrigerants.execute("delete from clean.refrigerant_movement")
    fill(
        refrigerants,
        "clean.refrigerant_movement",
        [{**row, "document_id": f"R{number}"} for number, row in enumerate(moved)],
    )
    methods = defaultdict(set)
    lost: dict[tuple[str, str], float] = defaultdict(float)
    for site, subject, path, kilograms, activity, reason in of(
        refrigerants,
        "select site_id, subject, split_part(rule_path, ' ', 1), gas_kg, activity, reason from mart.emission_line",
    ):
        methods[site, subject].add(path)
        assert reason is not None or activity >= 0
        lost[site, subject] += kilograms or 0
    assert all(len(found) == 1 for found in methods.values())
    for (site, subject), (path,) in ((key, tuple(found)) for key, found in methods.items()):
        if path is not None and path.startswith("top-up"):
            rows = [
                row for row in moved if (row["site_id"], row["refrigerant"].upper().replace("-", "")) == (site, subject)
            ]
            # the gases of a blend add up to what was topped up
            assert lost[site, subject] == pytest.approx(
                sum(row["mass_kg"] for row in rows if row["movement"] == "top_up")
            )
    said = {(row["site_id"], row["refrigerant"].upper().replace("-", "")) for row in moved}
    assert said <= set(methods)


@pytest.mark.parametrize("gwp_set", ["AR4", "AR5", "AR6"])
def test_the_components_of_every_blend_add_up_to_it_and_to_its_published_gwp(gwp_set: str) -> None:
    connection = bare({}, "emission_line", gwp_set=gwp_set)
    shares = of(
        connection,
        "select refrigerant, round(sum(mass_share), 9) from reference.refrigerant group by all having count(*) > 1",
    )
    assert {share for _, share in shares} == {1.0}
    published = of(connection, """
        select r.refrigerant, any_value(w.gwp), sum(r.mass_share * g.gwp)
        from reference.refrigerant as r
        inner join reference.gwp as w on r.refrigerant = w.gas
        inner join reference.gwp as g on r.gas = g.gas
        group by all having count(*) > 1
    """)  # fmt: skip
    assert {name for name, *_ in published} >= {"R404A", "R407C", "R410A", "R507A", "R448A", "R449A", "R452A", "R513A"}
    assert [(name, whole, parts) for name, whole, parts in published if parts != pytest.approx(whole, abs=0.06)] == []


NCV, CC, OF = "ncv_diesel_ndrc", "cc_diesel_ndrc", "of_diesel_ndrc"


@pytest.mark.parametrize(
    ("factor_id", "unit", "tonnes", "verdict", "expected"),
    [
        # 1,000 kg x 43.33 GJ/t x 20.2 tC/TJ x 98 % x 44/12 = 3.1451 t; what is booked is 0, 1.7 and 2.7 % above it
        (f"{NCV} * {CC} * {OF} * 44/12", "kg", 3.1451225, "ok", 3.1451225),
        (f"{NCV} * {CC} * {OF} * 44/12", "kg", 3.2, "ok", 3.1451225),
        (f"{NCV} * {CC} * {OF} * 44/12", "kg", 3.23, "off", 3.1451225),
        # by heat: 72.5853 kg/GJ; by IPCC: 43.0 TJ/Gg x 74,100 kg/TJ = 3.1863 kg/kg; AdBlue: 32.5 % x 44/60
        (f"{CC} * {OF} * 44/12", "GJ", 72.585333, "ok", 72.585333),
        ("ncv_diesel_ipcc2006 * co2_diesel_ipcc2006", "kg", 3.1863, "ok", 3.1863),
        ("urea_share_adblue * 44/60", "kg", 0.2383333, "ok", 0.2383333),
        # what EN 16258 says of the whole chain less what it says of the use: 3.24 - 2.67 = 0.57 kg/L; 0.6 is 5 % above it
        ("wtw_diesel_en16258 - ttw_diesel_en16258", "L", 0.57, "ok", 0.57),
        ("wtw_diesel_en16258 - ttw_diesel_en16258", "L", 0.6, "off", 0.57),
        ("wtw_diesel_en16258 - unheard_of", "L", 0.57, "cannot_tell", None),
        # a heat value per kilogram says nothing of litres, and a row nobody registered nothing at all
        (f"{NCV} * {CC} * {OF} * 44/12", "L", 3.1451225, "cannot_tell", None),
        (f"{NCV} * unheard_of * 44/12", "kg", 3.1451225, "cannot_tell", None),
    ],
)
def test_a_factor_made_of_several_is_judged_by_their_product_or_difference(
    factor_id: str, unit: str, tonnes: float, verdict: str, expected: float | None
) -> None:
    line = {
        "activity_id": "1", "site_id": "A", "month": "2026-01", "scope": 1, "basis": "direct", "lifecycle_scope": "TTW", "category": "mobile",
        "subject": "diesel", "gas": "CO2", "is_biogenic": False, "activity": 1000, "activity_unit": unit, "factor_id": factor_id, "emission_tco2e": tonnes,
    }  # fmt: skip
    empty = {
        f"mart.{name}": []
        for name in (
            "site_month_emission",
            "site_month_energy_use",
            "fuel_line",
            "site_month_energy",
            "toc_month",
            "leg_activity",
        )
    }
    found = of(
        bare({"mart.emission_line": [line], **empty}, "reconciliation"),
        "select verdict, expected, reason from mart.reconciliation where check_name = 'implied_factor'",
    )
    assert found == [
        (verdict, expected and pytest.approx(expected), "several_factors" if verdict == "cannot_tell" else None)
    ]


def test_uncertainties_of_categories_add_up_alike_in_whatever_order_the_lines_come() -> None:
    lines = [
        {"activity_id": category, "site_id": "A", "legal_entity_id": "L", "month": "2026-01", "scope": 1, "basis": "direct", "category": category,
         "gas": "CO2", "is_biogenic": False, "emission_tco2e": 1, "estimated_tco2e": 0, "uncertainty_pct": pct}
        for category, pct in (("mobile", 1), ("refrigerant", 1), ("stationary", 1e8))
    ]  # fmt: skip
    # by category: 1 + 1 + 1e16; were the largest first, 1e16 + 1 would be 1e16 again, and so would the next
    expected = math.sqrt(2 + 1e16) / 3
    assert expected != math.sqrt(1e16) / 3
    for order in itertools.permutations(lines):
        given = {"mart.emission_line": order, "mart.energy_gap": []}
        query = "select uncertainty_pct from mart.site_month_emission"
        assert of(bare(given, "site_month_emission"), query) == [(expected,)]
