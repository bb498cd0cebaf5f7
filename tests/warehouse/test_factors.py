"""The factor library and how a factor is chosen from it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.errors import CatalogueError
from schemas.factor import KINDS, judged
from tests.warehouse.bare import bare, of
from tests.world import READINGS, World, make
from warehouse.marts import REFERENCE, Warehouse

SITE = {"site_id": "S", "legal_entity_id": "LE1", "region": "CN-GD"}
ARRIVED = [{"contract": "meter_reading", "source": "ami", "month": "2026-01"}]


def library() -> pl.DataFrame:
    return judged(REFERENCE / "emission_factor.csv")


def chosen(kind: str, subject: str, *own: dict[str, Any], region: str = "CN-GD", **run: Any) -> list[tuple[Any, ...]]:
    """Value, id and path of the factor chosen for January 2026."""
    rows = [{"region": "CN", "origin": "enterprise", "kind": kind, "subject": subject, **one} for one in own]
    given = {"clean.site": [{**SITE, "region": region}], "meta.arrival": ARRIVED, "reference.emission_factor": rows}
    return of(
        bare(given, "site_month_floor", **run),
        "select value, factor_id, rule_path from reference.factor_choice where month = '2026-01' and kind = ? and subject = ?",
        kind, subject,
    )  # fmt: skip


def fuel(subject: str, *own: dict[str, Any], **run: Any) -> tuple[Any, ...]:
    """Value, unit and path of what burning a fuel emits."""
    rows = [{"region": "CN", "origin": "enterprise", "subject": subject, "verified": True, **one} for one in own]
    given = {"clean.site": [SITE], "meta.arrival": ARRIVED, "reference.emission_factor": rows}
    found = of(
        bare(given, "site_month_floor", **run),
        "select value, unit, rule_path from reference.fuel_co2 where month = '2026-01' and subject = ?", subject,
    )  # fmt: skip
    return found[0] if found else ()


@pytest.mark.parametrize(("region", "value"), [("CN-SH", 3.1451225), ("CN-GD", 2.5), ("CN", 2.5), ("GLOBAL", 2.5)])
def test_what_an_enterprise_says_of_one_province_holds_in_that_province_only(region: str, value: float) -> None:
    # the site stands in CN-GD; 1 t of diesel is 43.33 GJ/t x 20.2 tC/TJ x 98 % x 44/12 = 3.1451225 t where nothing else is said
    own = {"factor_id": "own", "kind": "fuel_co2_mass", "value": 2.5, "unit": "tCO2/t", "gas": "CO2", "region": region}
    found, *_ = fuel("diesel", own)
    assert found == pytest.approx(value)


def test_a_coefficient_of_one_province_is_not_taken_in_another() -> None:
    own = {"factor_id": "own", "kind": "tce_coefficient", "subject": "diesel", "value": 1.0, "unit": "kgce/kg"}
    found = [value for value, *_ in chosen("tce_coefficient", "diesel", {**own, "region": "CN-SH"})]
    assert found == [pytest.approx(1.4571)]
    assert [value for value, *_ in chosen("tce_coefficient", "diesel", {**own, "region": "CN-GD"})] == [1.0]


def test_the_shipped_library_passes_its_contract() -> None:
    factors = library()
    assert factors.height > 550
    assert set(factors["kind"]) <= set(KINDS)


def test_the_grid_factors_say_of_2023_what_the_ministry_says() -> None:
    # announcement 2025 No.47: national -1.1 % against 2022; of 30 provinces 20 fell and 10 rose
    grid = library().filter((pl.col("kind") == "grid_location_avg") & pl.col("data_year").is_in(["2022", "2023"]))
    value = {(row["region"], row["data_year"]): Decimal(row["value"]) for row in grid.iter_rows(named=True)}
    change = value["CN", "2023"] / value["CN", "2022"] - 1
    assert round(change * 100, 1) == Decimal("-1.1")
    regions = {"CN-NORTH", "CN-NORTHEAST", "CN-EAST", "CN-CENTRAL", "CN-NORTHWEST", "CN-SOUTH", "CN-SOUTHWEST"}
    provinces = {region for region, _ in value} - {"CN", *regions}
    moves = [value[province, "2023"] - value[province, "2022"] for province in provinces]
    assert (len(moves), sum(move < 0 for move in moves), sum(move > 0 for move in moves)) == (30, 20, 10)


@pytest.mark.parametrize("gwp_set", ["AR4", "AR5", "AR6"])
def test_blends_are_what_their_components_make_them(gwp_set: str) -> None:
    gwp = {
        row["subject"]: Decimal(row["value"])
        for row in library().filter((pl.col("kind") == "gwp100") & (pl.col("gwp_set") == gwp_set)).iter_rows(named=True)
    }
    parts = pl.read_csv(REFERENCE / "refrigerant.csv", infer_schema=False)
    blends = {name for (name,), rows in parts.group_by("refrigerant") if rows.height > 1}
    assert len(blends) == 8
    for blend in sorted(blends):
        rows = parts.filter(pl.col("refrigerant") == blend)
        assert sum(Decimal(share) for share in rows["mass_share"]) == 1
        made = sum(Decimal(row["mass_share"]) * gwp[row["gas"]] for row in rows.iter_rows(named=True))
        # the stored rows are printed with one decimal
        assert abs(made - gwp[blend]) <= Decimal("0.0501"), blend


def test_the_latest_published_year_counts_unless_the_policy_says_otherwise() -> None:
    future = {"factor_id": "f2026", "value": 0.3, "unit": "kgCO2/kWh", "region": "CN-GD", "data_year": 2026}
    kind, subject = "grid_location_avg", "electricity"
    assert chosen(kind, subject)[0][1:] == ("grid_cn-gd_2023", "CN-GD 2023")
    assert chosen(kind, subject, future)[0][1] == "f2026"
    assert chosen(kind, subject, {**future, "published_on": date(2027, 1, 1)})[0][1] == "grid_cn-gd_2023"
    same = chosen(kind, subject, {**future, "data_year": 2025}, factors="matching_year_else_latest")
    assert same[0][1:] == ("f2026", "CN-GD 2025 (no value of 2026 yet: the latest), own row")
    assert (
        chosen(
            kind,
            subject,
            {**future, "data_year": 2027},
            future | {"factor_id": "g"},
            factors="matching_year_else_latest",
        )[0][1]
        == "g"
    )
    assert chosen(kind, subject, future, factors="frozen", frozen_year=2022)[0][1:] == (
        "grid_cn-gd_2022",
        "CN-GD 2022 (frozen)",
    )
    # a year nobody has published for leaves no factor
    assert chosen(kind, subject, factors="frozen", frozen_year=2019) == []


def test_a_factor_holds_between_its_dates_and_not_beyond() -> None:
    own = {"factor_id": "own", "value": 1.5, "unit": "kgCO2e/km"}
    kind, subject = "vehicle_co2e_per_km", "heavy_truck"
    assert chosen(kind, subject, {**own, "valid_from": date(2026, 1, 31)})[0][1] == "own"
    assert chosen(kind, subject, {**own, "valid_from": date(2026, 2, 1)}) == []
    assert chosen(kind, subject, {**own, "valid_to": date(2025, 12, 31)}) == []


CERTIFIED = "electricity (non-fossil, own use / green power with certificate)"


@pytest.mark.parametrize(
    ("region", "path"), [("CN-GD", "no province or grid value for CN-GD -> CN"), ("DE", "no value for DE -> GLOBAL"), ("US-CA", "no value for US-CA -> GLOBAL")]
)  # fmt: skip
def test_what_a_certificate_covers_counts_nought_in_every_country(region: str, path: str) -> None:
    [(value, _, said)] = chosen("grid_contractual", CERTIFIED, region=region)
    assert (value, said) == (0.0, path)
    # what a grid emits is its own: nothing of the world stands in for it
    average = {"factor_id": "w", "value": 0.45, "unit": "kgCO2/kWh", "region": "GLOBAL"}
    assert [one for one, *_ in chosen("grid_location_avg", "electricity", average, region="DE")] == []


def test_a_fuel_is_reckoned_from_one_parameter_set() -> None:
    # 43.33 x 20.2 x 98 % x 44/12 / 1000; yearbook heat value as printed; IPCC 43.0 x 74,100 / 10^6
    assert fuel("diesel") == (pytest.approx(3.1451224933, abs=1e-10), "kgCO2/kg", "parameter set ndrc")
    assert fuel("diesel", parameter_set="stat")[0] == pytest.approx(3.095910)
    assert fuel("diesel", parameter_set="ipcc2006")[0] == pytest.approx(3.1863)
    assert fuel("hfo")[1:] == ("kgCO2/kg", "parameter set ndrc has no hfo -> parameter set imo")
    assert fuel("unobtainium") == ()


def test_a_measured_heat_value_takes_the_place_of_the_sets_and_a_measured_factor_of_all() -> None:
    heat = {"factor_id": "ncv_own", "kind": "fuel_ncv", "value": 42.5, "unit": "GJ/t"}
    assert fuel("diesel", heat) == (
        pytest.approx(42.5 * 20.2 * 0.98 * 44 / 12 / 1000), "kgCO2/kg", "parameter set ndrc, own heat value",
    )  # fmt: skip
    measured = {"factor_id": "co2_own", "kind": "fuel_co2_mass", "value": 2.68, "unit": "kgCO2/L", "gas": "CO2"}
    assert fuel("diesel", heat, measured) == (pytest.approx(2.68), "kgCO2/L", "CN, own row")


def abroad(subject: str, *own: dict[str, Any], region: str = "CN-GD") -> tuple[Any, ...]:
    """Value, unit, gas and path of what burning a fuel emits at a site in a region, where the enterprise's rows name theirs."""
    rows = [{"factor_id": "own", "origin": "enterprise", "subject": subject, "verified": True, **one} for one in own]
    given = {"clean.site": [{**SITE, "region": region}], "meta.arrival": ARRIVED, "reference.emission_factor": rows}
    sql = "select value, unit, gas, rule_path from reference.fuel_co2 where month = '2026-01' and subject = ?"
    found = of(bare(given, "site_month_floor"), sql, subject)
    return found[0] if found else ()


@pytest.mark.parametrize(
    "own",
    [
        {"kind": "fuel_co2_mass", "gas": "CO2", "value": 8.78, "unit": "kgCO2/gal"},
        {"kind": "fuel_ncv", "value": 44.0, "unit": "GJ/t"},
        {"kind": "fuel_oxidation", "value": 100, "unit": "%"},
        {"kind": "fuel_co2_per_heat", "gas": "CO2", "value": 70_000, "unit": "kgCO2/TJ"},
        {"kind": "fuel_ttw_co2e", "gas": "CO2e", "gwp_set": "AR5", "value": 2.35, "unit": "kgCO2e/L"},
    ],
)
def test_what_an_enterprise_says_of_another_country_holds_only_where_nothing_nearer_is_known(
    own: dict[str, Any],
) -> None:
    # gasoline in CN is 44.8 GJ/t x 18.9 tC/TJ x 98 % x 44/12 = 3.04255 t/t, whatever the enterprise says of its sites in the US
    assert abroad("gasoline", {**own, "region": "US"})[::3] == (pytest.approx(3.04255, abs=5e-6), "parameter set ndrc")
    # a site that names no region may be anywhere
    assert abroad("gasoline", {**own, "region": "US"}, region="")[3] != "parameter set ndrc"
    # hydrogen is in no set: what is said of the US is all there is
    zero = {"kind": "fuel_co2_mass", "gas": "CO2", "value": 0, "unit": "kgCO2/kg", "region": "US"}
    assert abroad("hydrogen", zero) == (0.0, "kgCO2/kg", "CO2", "no value for CN-GD -> US, own row")


def test_an_enterprise_s_own_factor_in_co2e_is_its_own_factor() -> None:
    # DEFRA prints 2.51 kgCO2e per litre of diesel; a row of a set waits until the policies name that set
    own = {"kind": "fuel_ttw_co2e", "gas": "CO2e", "gwp_set": "AR5", "value": 2.51, "unit": "kgCO2e/L", "region": "DE"}
    assert abroad("diesel", own, region="DE") == (2.51, "kgCO2e/L", "CO2e", "DE, own row")
    assert abroad("diesel", {**own, "parameter_set": "defra"}, region="DE")[3] == "parameter set ndrc"
    # gas by gas comes first
    by_gas = {"factor_id": "z", "kind": "fuel_co2_mass", "gas": "CO2", "value": 2.6, "unit": "kgCO2/L", "region": "DE"}
    assert abroad("diesel", own, by_gas, region="DE")[0] == 2.6


@pytest.mark.parametrize(("region", "value"), [("US", 1.4571), ("CN", 1.2), ("GLOBAL", 1.2), ("CN-GD", 1.2)])
def test_a_coal_equivalent_of_another_country_holds_only_where_nothing_nearer_is_known(
    region: str, value: float
) -> None:
    own = {"factor_id": "own", "kind": "tce_coefficient", "subject": "diesel", "value": 1.2, "unit": "kgce/kg", "region": region, "origin": "enterprise"}  # fmt: skip
    given = {"clean.site": [SITE], "meta.arrival": ARRIVED, "reference.emission_factor": [own]}
    sql = "select tce_per_unit * 1000 from reference.tce where month = '2026-01' and subject = 'diesel' and unit = 'kg'"
    assert of(bare(given, "site_month_floor"), sql) == [(pytest.approx(value),)]


def heat(subject: str, *own: dict[str, Any], **run: Any) -> tuple[Any, ...]:
    """Value, unit and path of what a gigajoule of a fuel emits."""
    rows = [{"region": "CN", "origin": "enterprise", "subject": subject, "verified": True, **one} for one in own]
    given = {"clean.site": [SITE], "meta.arrival": ARRIVED, "reference.emission_factor": rows}
    found = of(
        bare(given, "site_month_floor", **run),
        "select value, unit, rule_path from reference.fuel_co2_heat where month = '2026-01' and subject = ?", subject,
    )  # fmt: skip
    return found[0] if found else ()


@pytest.mark.parametrize("name", ["a", "z"])
def test_measured_co2_per_heat_takes_the_place_of_carbon_and_oxidation_whatever_it_is_called(name: str) -> None:
    # 43.33 GJ/t x 70 kg/GJ = 3.0331 t/t
    own = {"factor_id": name, "kind": "fuel_co2_per_heat", "gas": "CO2", "value": 70_000, "unit": "kgCO2/TJ"}
    assert fuel("diesel", own) == (pytest.approx(3.0331), "kgCO2/kg", "parameter set ndrc, own CO2 per heat")
    carbon = {"factor_id": "m", "kind": "fuel_carbon_per_heat", "value": 20.0, "unit": "tC/TJ"}
    assert fuel("diesel", own, carbon)[0] == pytest.approx(3.0331)


def test_a_fuel_bought_by_its_heat_needs_no_heat_value() -> None:
    # 15.3 tC/TJ x 99 % x 44/12 = 55.539 kg/GJ; IPCC prints 56,100 kg/TJ
    assert heat("natural_gas") == (pytest.approx(55.539), "kgCO2/GJ", "parameter set ndrc")
    assert heat("natural_gas", parameter_set="ipcc2006")[0] == pytest.approx(56.1)
    carbon = {"factor_id": "cc", "kind": "fuel_carbon_per_heat", "value": 15.0, "unit": "tC/TJ"}
    assert heat("natural_gas", carbon) == (
        pytest.approx(15 * 0.99 * 44 / 12), "kgCO2/GJ", "parameter set ndrc, own carbon content",
    )  # fmt: skip
    measured = {"factor_id": "m", "kind": "fuel_co2_per_heat", "value": 55000, "unit": "kgCO2/TJ"}
    assert heat("natural_gas", carbon, measured) == (pytest.approx(55.0), "kgCO2/GJ", "CN, own row")
    assert heat("biodiesel")[2] == "parameter set ndrc has no heat of biodiesel -> parameter set ipcc2006"
    # a factor by mass says nothing of heat
    assert heat("mdo_mgo") == ()


def test_the_supply_of_a_fuel_is_the_whole_chain_less_the_use_where_a_set_says_both() -> None:
    # EN 16258: 3.24 - 2.67 = 0.57 kg/L; the line names both rows and the set
    own = {
        "subject": "diesel",
        "gas": "CO2e",
        "unit": "kgCO2e/L",
        "parameter_set": "mine",
        "region": "CN",
        "origin": "enterprise",
    }
    rows = [{**own, "factor_id": "wtw", "kind": "fuel_wtw_co2e", "value": 3.24}, {**own, "factor_id": "ttw", "kind": "fuel_ttw_co2e", "value": 2.67}]  # fmt: skip
    given = {"clean.site": [SITE], "meta.arrival": ARRIVED, "reference.emission_factor": rows}
    sql = "select value, factor_id, rule_path from reference.fuel_wtt where month = '2026-01' and subject = 'diesel'"
    path = "CN, own row, the whole chain less the use by mine"
    assert of(bare(given, "site_month_floor"), sql) == [(pytest.approx(0.57), "wtw - ttw", path)]


@pytest.mark.parametrize(
    ("unit", "line"), [("kgCO2e/GJ", (100.0, 8.0, None)), ("kgCO2e/Nm3", (None, 8.0, "factor_not_per_heat"))]
)
def test_the_supply_of_a_fuel_bought_by_its_heat_needs_a_factor_per_heat(unit: str, line: tuple[Any, ...]) -> None:
    own = {
        "factor_id": "w", "kind": "fuel_wtt_co2e", "subject": "natural_gas", "gas": "CO2e", "lifecycle_scope": "WTT", "value": 8.0, "unit": unit,
        "region": "CN", "origin": "enterprise", "gwp_set": "AR5",
    }  # fmt: skip
    given = {
        "clean.site": [SITE], "meta.arrival": ARRIVED, "reference.emission_factor": [own],
        "clean.fuel_purchase": [{"document_id": "F", "purchased_on": "2026-01-05", "site_id": "S", "fuel": "natural_gas", "heat_gj": 100}],
    }  # fmt: skip
    sql = "select activity, factor_value, reason from mart.emission_fuel where lifecycle_scope = 'WTT'"
    assert of(bare(given, "emission_fuel"), sql) == [line]


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ("factors: newest", "newest"),
        ("factors: {frozen: soon}", "soon"),
        ("factors: frozen", "frozen"),
        ("parameter_set: mine", "mine"),
        ("gwp: AR5+AR6", "one of: AR4, AR5, AR6"),
        ("factors_as_of: never", "factors_as_of"),
    ],
)
def test_a_policy_that_does_not_exist_is_refused_by_name(tmp_path: Path, policies: str, words: str) -> None:
    world: World = make(tmp_path / "group", [("ami", READINGS)])
    path = world.enterprise.folder / "enterprise.yaml"
    path.write_text(path.read_text(encoding="utf-8") + f"policies: {{{policies}}}\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="policies") as refused:
        Warehouse(type(world.enterprise)(world.enterprise.folder))
    assert words in str(refused.value)


@pytest.mark.parametrize("written", ["2026-01-20", '"2026-01-20"'])
def test_the_day_by_which_factors_count_may_be_written_as_a_date(tmp_path: Path, written: str) -> None:
    world: World = make(tmp_path / "group", [("ami", READINGS)])
    path = world.enterprise.folder / "enterprise.yaml"
    path.write_text(path.read_text(encoding="utf-8") + f"policies: {{factors_as_of: {written}}}\n", encoding="utf-8")
    with Warehouse(type(world.enterprise)(world.enterprise.folder)) as warehouse:
        assert warehouse.frame("reference.run")["factors_as_of"].to_list() == [date(2026, 1, 20)]


@pytest.mark.parametrize(("gas", "lines"), [("CO2", 2), ("CO2e", 0)])
def test_a_fuel_reckoned_in_co2e_counts_its_methane_and_nitrous_oxide_once(gas: str, lines: int) -> None:
    own = {
        "factor_id": "own", "kind": "fuel_ttw_co2e" if gas == "CO2e" else "fuel_co2_mass", "subject": "diesel", "gas": gas, "value": 2.67,
        "unit": "kgCO2e/L" if gas == "CO2e" else "kgCO2/L", "region": "CN", "origin": "enterprise", "parameter_set": "own", "gwp_set": "AR5",
    }  # fmt: skip
    given = {
        "clean.site": [SITE], "meta.arrival": ARRIVED, "reference.emission_factor": [own],
        "clean.vehicle": [{"vehicle_id": "V", "site_id": "S", "ownership": "own", "vehicle_class": "heavy_truck", "energy_type": "diesel"}],
        "clean.trip": [{"trip_id": "T", "vehicle_id": "V", "started_at": "2026-01-05 00:00:00+00", "distance_km": 100}],
        "clean.fuel_purchase": [{"document_id": "F", "purchased_on": "2026-01-05", "vehicle_id": "V", "fuel": "diesel", "volume_l": 30}],
    }  # fmt: skip
    assert (
        len(of(bare(given, "emission_vehicle", parameter_set="own"), "select gas from mart.emission_vehicle")) == lines
    )
