"""Worked cases of greenhouse-gas accounting, each an enterprise folder run through the whole hub to the printed digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.run import locked, run
from schemas.contract import contract
from schemas.contracts.meter import CARRIERS
from schemas.errors import CatalogueError
from tests.world import World

FACTOR = "factor_id,kind,subject,gas,lifecycle_scope,value,unit,region,data_year,parameter_set,gwp_set,source,verified"
FUEL = "document_id,purchased_on,site_id,vehicle_id,fuel,volume_l,mass_kg,volume_m3,volume_reference"
METER = "meter_id,site_id,carrier,register_kind,unit,role,volume_reference"
READING = "meter_id,read_at,register,unit"


@dataclass
class Case:
    """An enterprise folder: one site in a region, and the rows of whatever else the case needs."""

    folder: Path
    region: str = "CN"
    policies: dict[str, str] = field(default_factory=dict)

    def rows(self, name: str, *lines: str) -> None:
        """A file of `reference/`, header first."""
        World(self.folder).write(f"reference/{name}.csv", "\n".join(lines) + "\n")

    def lines(self, sql: str, month: str = "2026-01", refused: int = 0) -> list[tuple[Any, ...]]:
        """Run the folder for a month; the rows of a query on what is published."""
        world = World(self.folder)
        policies = "".join(f", {name}: {value}" for name, value in self.policies.items())
        world.write(
            "enterprise.yaml",
            f"id: group\nname: 集团\ntimezone: Asia/Shanghai\nlegal_entities: [LE1]\npolicies: {{factors_as_of: '2026-06-30'{policies}}}\n",
        )
        if not (self.folder / "reference/site.csv").exists():
            self.rows("site", "site_id,legal_entity_id,region", f"W1,LE1,{self.region}")
        with locked(world.enterprise):
            result = run(world.enterprise, [month])
        assert [str(outcome.error) for outcome in result.failed] == []
        with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
            assert connection.execute("select count(*) from quarantine.row").fetchall() == [(refused,)]
            return connection.execute(sql).fetchall()


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setenv("ESG_THREADS", "1")
    yield Case(tmp_path / "enterprise")


SUBJECTS = """select subject, gas, round(sum(emission_tco2e), 6) from mart.emission_line
    where lifecycle_scope <> 'WTT' and basis <> 'market' group by all order by all"""


def _own_fleet(case: Case) -> None:
    case.rows(
        "vehicle",
        "vehicle_id,site_id,ownership,vehicle_class,energy_type,emission_standard",
        "V1,W1,own,heavy_truck,diesel,china_5",
    )
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,,V1,diesel,350000,,,", "F2,2026-01-06,,V1,adblue,,20000,,")
    trips = [f"T{number},V1,2026-01-05 08:00:00,20000" for number in range(50)]
    case.rows("trip", "trip_id,vehicle_id,started_at,distance_km", *trips)


@pytest.mark.parametrize(("gwp", "methane", "nitrous"), [("AR5", 4.9, 7.95), ("AR6", 4.8825, 8.19)])
def test_c01_an_own_fleet(case: Case, gwp: str, methane: float, nitrous: float) -> None:
    # 350,000 L x 0.84 x 43.33 GJ/t x 20.2 tC/TJ x 0.98 x 44/12; 1,000,000 km x 175 and 30 mg; 20,000 kg x 0.325 x 44/60
    _own_fleet(case)
    case.policies["gwp"] = gwp
    assert case.lines(SUBJECTS) == [
        ("adblue", "CO2", 4.766667), ("diesel", "CO2", 924.666013), ("重型车-柴油 所有", "CH4", methane), ("重型车-柴油 所有", "N2O", nitrous),
    ]  # fmt: skip


@pytest.mark.parametrize(("gwp", "refrigerant"), [("AR5", 98.57), ("AR4", 98.04), ("AR6", 118.2)])
def test_c01_a_refrigerant_topped_up(case: Case, gwp: str, refrigerant: float) -> None:
    # 25 kg of R404A = 11 kg R125 + 13 kg R143a + 1 kg R134a: AR5 25 x 3,942.8, AR4 25 x 3,921.6, AR6 25 x 4,728.0
    case.policies["gwp"] = gwp
    case.rows(
        "refrigerant_movement",
        "document_id,moved_on,site_id,refrigerant,movement,mass_kg",
        "R1,2026-01-05,W1,R404A,top_up,25",
    )
    assert case.lines("select round(sum(emission_tco2e), 3), count(*) from mart.emission_line") == [(refrigerant, 3)]


def test_c02_a_gas_volume_at_20_degrees_is_not_a_normal_volume(case: Case) -> None:
    # 50,000 m3 / (293.15 / 273.15) = 46,588.78 Nm3 x 389.31 GJ/10^4 Nm3 x 15.3 tC/TJ x 0.99 x 44/12; the shipped ratio is 1.07322
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,W1,,natural_gas,,,50000,20C")
    sql = "select round(activity, 1), activity_unit, round(emission_tco2e, 3) from mart.emission_line where lifecycle_scope = 'TTW'"
    assert case.lines(sql) == [(46588.8, "Nm3", 100.734)]


def test_c02_the_same_volume_by_a_meter(case: Case) -> None:
    case.rows("meter", METER, "G1,W1,natural_gas,cumulative,m3,main,20C")
    case.rows("meter_reading", READING, "G1,2026-01-01 00:00:00,0,m3", "G1,2026-02-01 00:00:00,50000,m3")
    assert case.lines(SUBJECTS) == [("natural_gas", "CO2", pytest.approx(100.734, abs=5e-4))]


def _metered(case: Case) -> None:
    """1,200 MWh of which 150 are a tenant's, and 300 MWh of the own roof used on site."""
    case.rows(
        "meter",
        METER,
        *(f"E{n},W1,electricity,cumulative,MWh,{role}," for n, role in enumerate(("main", "tenant", "generation"))),
    )
    register = zip(("E0", "E1", "E2"), (1200, 150, 300), strict=True)
    case.rows("meter_reading", READING, *(line for meter, mwh in register
              for line in (f"{meter},2026-01-01 00:00:00,0,MWh", f"{meter},2026-02-01 00:00:00,{mwh},MWh")))  # fmt: skip


DUAL = """select scope2_location_tco2e, round(scope2_market_tco2e, 6), emission_tco2e from mart.site_month_emission"""


@pytest.mark.parametrize("holder", ["W1,", ",LE1"])
def test_c03_electricity_by_location_and_by_market(case: Case, holder: str) -> None:
    # bought 1,200 - 150 = 1,050 MWh x 0.5306 = 557.130 t; 400 MWh with certificates at 0, 650 x 0.6096 = 396.240 t; the roof adds nothing
    _metered(case)
    header = (
        "certificate_id,market,country,site_id,legal_entity_id,generated_month,energy_kwh,cancelled_on,claimed_year"
    )
    case.rows(
        "green_certificate",
        header,
        *(f"GEC-{number:03},GEC,CN,{holder},2026-01,1000,2026-03-01,2026" for number in range(400)),
    )
    assert case.lines(DUAL) == [(557.13, 396.24, 557.13)]
    assert case.lines("select covered_kwh, uncovered_kwh from mart.certificate_use") == [(400_000, 650_000)]
    market = "select activity, factor_value, round(emission_tco2e, 3) from mart.emission_line where basis = 'market' order by 1"
    assert case.lines(market) == [(400_000, 0, 0), (650_000, 0.6096, 396.24)]


def test_c03_without_certificates_all_of_it_is_at_the_residual_factor(case: Case) -> None:
    # 1,050 x 0.6096 = 640.080 t
    _metered(case)
    assert case.lines(DUAL) == [(557.13, 640.08, 557.13)]


def test_c03_the_certificate_of_another_claim_is_refused_by_its_number(case: Case) -> None:
    _metered(case)
    world = World(case.folder)
    world.write("sources/gec.yaml", "contract: green_certificate\nread: {as: csv, files: 'gec*.csv'}\ncolumns: {certificate_id: no, market: {value: GEC},"
                " country: {value: CN}, legal_entity_id: {value: LE1}, generated_month: {value: 2026-01}, energy_kwh: {value: '1000'},"
                " cancelled_on: day, claimed_year: {value: '2026'}}\n")  # fmt: skip
    world.deliver("gec1.csv", "no,day", "G1,2026-03-01", "G2,2026-03-01")
    world.deliver("gec2.csv", "no,day", "G2,2026-04-01")
    assert case.lines("select reasons from quarantine.row", refused=1) == [(["duplicate_key"],)]
    assert case.lines("select sum(covered_kwh) from mart.certificate_use", refused=1) == [(2000,)]


def test_c04_purchased_heat(case: Case) -> None:
    case.rows("meter", METER, "H1,W1,heat,cumulative,GJ,main,")
    case.rows("meter_reading", READING, "H1,2026-01-01 00:00:00,0,GJ", "H1,2026-02-01 00:00:00,800,GJ")
    assert case.lines(SUBJECTS) == [("heat", "CO2", 88.0)]


SERVICE = "service_id,performed_on,site_id,mode,vehicle_class,distance_km,mass_t,turnover_t_km,factor_subject"
HAULS = """select activity_id, lifecycle_scope, scope, activity, round(emission_tco2e * 1000, 4) from mart.emission_line order by 1, 2"""


def test_w13_a_haul_by_the_factors_of_2012_as_own_rows(case: Case) -> None:
    # 10 t x 300 km = 3,000 t·km x 0.19234 = 577.02 kg TTW, x 0.04086 = 122.58 kg WTT: 699.60 kg WTW
    case.rows(
        "emission_factor", FACTOR,
        "own_ttw,tkm_ttw,Rigid >17t,CO2e,TTW,0.19234,kgCO2e/tkm,UK,,,unknown,DEFRA 2012 Annex 7 Table 7e,true",
        "own_wtt,tkm_wtt,Rigid >17t,CO2e,WTT,0.04086,kgCO2e/tkm,UK,,,unknown,DEFRA 2012 Annex 7 Table 7e,true",
    )  # fmt: skip
    case.rows("carrier_service", SERVICE, "C1,2026-01-05,W1,road,heavy_truck,300,10,,Rigid >17t")
    assert case.lines(HAULS) == [("C1", "TTW", 3, 3000, 577.02), ("C1", "WTT", 3, 3000, 122.58)]
    assert case.lines("select round(scope3_tco2e * 1000, 2), emission_tco2e from mart.site_month_emission") == [
        (699.6, None)
    ]


def test_w14_hauls_by_the_factors_of_2025_in_2025_only(case: Case) -> None:
    # 1,000 t·km each; 0.10163 + 0.02359 = 0.12522 on the road, 0.02779 + 0.00691 = 0.03470 by rail
    case.rows("carrier_service", SERVICE, "C1,2025-03-05,W1,road,,100,10,,", "C2,2025-03-05,W1,rail,,,,1000,", "C3,2026-01-05,W1,rail,,,,1000,",
              "C4,2025-03-05,W1,road,tractor,,,1000,", "C5,2025-03-05,W1,air,,,,1000,")  # fmt: skip
    found = {(service, covers): kg for service, covers, _, _, kg in case.lines(HAULS, "2025-03")}
    assert [found[one, "TTW"] for one in ("C1", "C2", "C4", "C5")] == [101.63, 27.79, 77.03, 531.3]
    assert (found["C1", "WTT"], found["C2", "WTT"], found["C3", "WTW"]) == (23.59, 6.91, None)
    assert case.lines("select reason from mart.emission_line where activity_id = 'C3'", "2025-03") == [("no_factor",)]


def test_a_haul_whose_fuel_we_bought_is_listed_and_not_counted_again(case: Case) -> None:
    case.rows("vehicle", "vehicle_id,site_id,ownership", "V9,W1,outsourced")
    case.rows("fuel_purchase", FUEL, "F1,2026-01-20,,V9,diesel,100,,,")
    case.rows("carrier_service", f"{SERVICE},vehicle_id", "C1,2026-01-05,W1,road,,300,10,,,V9")
    assert case.lines("select distinct activity_id, scope, category from mart.emission_line") == [
        ("F1", 3, "outsourced_transport")
    ]
    assert case.lines("select activity_id, reason from mart.emission_carrier") == [("C1", "counted_by_fuel")]


def test_a_vessel_a_forklift_a_locomotive_and_a_boiler_are_reckoned_by_their_fuel(case: Case) -> None:
    # 10 t heavy fuel oil x 3.114 (IMO); 100 kg LPG x 47.31 x 17.2 x 0.99 x 44/12 = 0.29538; 1 t diesel 3.145122; 1 t anthracite 24.515 x 27.49 x 0.94 x 44/12
    case.rows(
        "vehicle",
        "vehicle_id,site_id,ownership,vehicle_class",
        "S1,W1,own,vessel",
        "F1,W1,own,forklift",
        "L1,W1,own,locomotive",
    )
    case.rows("fuel_purchase", FUEL, "D1,2026-01-05,,S1,heavy_fuel_oil,,10000,,", "D2,2026-01-05,,F1,lpg,,100,,", "D3,2026-01-05,,L1,diesel,,1000,,",
              "D4,2026-01-05,W1,,anthracite,,1000,,")  # fmt: skip
    sql = """select activity_id, category, round(emission_tco2e, 4) from mart.emission_line where lifecycle_scope = 'TTW' order by 1"""
    assert case.lines(sql) == [
        ("D1", "mobile", 31.14), ("D2", "mobile", 0.2954), ("D3", "mobile", 3.1451), ("D4", "stationary", 2.3228),
    ]  # fmt: skip


def test_w17_a_textbook_whose_factors_are_the_enterprise_s_own_rows(case: Case) -> None:
    case.region = "CN-SH"
    case.rows(
        "emission_factor", FACTOR,
        "book_diesel,fuel_co2_mass,diesel,CO2,TTW,2.68,kgCO2/L,CN,,,,textbook,true",
        "book_grid,grid_location_avg,electricity,CO2,generation,0.408,kgCO2/kWh,CN-SH,,,,textbook,true",
    )  # fmt: skip
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,W1,,diesel,5000,,,")
    case.rows("meter", METER, "E1,W1,electricity,cumulative,kWh,main,")
    case.rows("meter_reading", READING, "E1,2026-01-01 00:00:00,0,kWh", "E1,2026-02-01 00:00:00,50000,kWh")
    assert case.lines(SUBJECTS) == [("diesel", "CO2", 13.4), ("electricity", "CO2", 20.4)]


def test_w18_a_passenger_vehicle_fuelled_in_us_gallons(case: Case) -> None:
    # 11,856 miles / 19.7 mpg = 601.82741 gal x 8.81e-3 t / 0.971, the share of CO2 in CO2e: 0.0090731204943357 tCO2e/gal
    case.region = "US"
    case.policies["parameter_set"] = "epa"
    case.rows(
        "emission_factor", FACTOR,
        "epa_gasoline,fuel_ttw_co2e,gasoline,CO2e,TTW,0.0090731204943357,tCO2e/gal,US,,epa,unknown,US EPA passenger vehicle,true",
    )  # fmt: skip
    world = World(case.folder)
    world.write(
        "sources/fuel.yaml",
        "contract: fuel_purchase\nread: {as: csv, files: fuel.csv}\ncolumns:\n  document_id: no\n  purchased_on: day\n"
        "  site_id: {value: W1}\n  fuel: {value: gasoline}\n  volume_l: {from: gallons, unit: gal}\n",
    )
    world.deliver("fuel.csv", "no,day,gallons", f"F1,2026-01-05,{11856 / 19.7}")
    assert case.lines(
        "select round(emission_tco2e, 5), flag from mart.emission_line where lifecycle_scope = 'TTW'"
    ) == [(5.46045, "other_gwp_set: unknown")]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_meter_of_every_carrier_is_counted(case: Case, carrier: str) -> None:
    unit, reference = {
        "electricity": ("kWh", ""),
        "natural_gas": ("Nm3", "0C"),
        "water": ("m3", ""),
        "compressed_air": ("m3", ""),
    }.get(carrier, ("GJ", ""))
    case.rows("meter", METER, f"M1,W1,{carrier},cumulative,{unit},main,{reference}")
    case.rows("meter_reading", READING, f"M1,2026-01-01 00:00:00,5,{unit}", f"M1,2026-02-01 00:00:00,105,{unit}")
    assert case.lines("select carrier, quantity, reason from mart.site_month_energy") == [(carrier, 100, None)]


ELECTRIC = ("meter", METER, "E1,W1,electricity,cumulative,kWh,main,")
COUNTED = ("meter_reading", READING, "E1,2026-01-01 00:00:00,0,kWh", "E1,2026-02-01 00:00:00,1000,kWh")


def test_the_methane_of_a_haul_is_not_the_whole_of_it(case: Case) -> None:
    # 1,000 t·km x 0.103 = 103 kg; the rows of CO2, CH4 and N2O beside it are its parts
    gases = (("CO2", "0.100", ""), ("CH4", "0.001", ""), ("N2O", "0.002", ""), ("CO2e", "0.103", "AR5"))
    case.rows(
        "emission_factor",
        FACTOR,
        *(f"a_{gas},tkm_ttw,truck,{gas},TTW,{value},kgCO2e/tkm,CN,,,{gwp},book,true" for gas, value, gwp in gases),
    )
    case.rows("carrier_service", SERVICE, "C1,2026-01-05,W1,road,,100,10,,truck")
    hauled = "select round(emission_tco2e * 1000, 6), factor_id from mart.emission_line where lifecycle_scope = 'TTW'"
    assert case.lines(hauled) == [(103.0, "a_CO2e")]


@pytest.mark.parametrize(
    ("region", "own", "mass"), [("CN-SH", "CN", 900), ("CN-SH", "US", 840), ("US", "US", 900), ("US", "CN-SH", 840), ("CN-SH", "GLOBAL", 900)]
)  # fmt: skip
def test_an_own_density_holds_where_it_says(case: Case, region: str, own: str, mass: float) -> None:
    # 1,000 L x 0.9 where the own row holds, x 0.84 (NDRC) elsewhere
    case.region = region
    case.rows("emission_factor", FACTOR, f"own,density,diesel,,,0.9,t/m3,{own},,,,laboratory,true")
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,W1,,diesel,1000,,,")
    assert case.lines("select round(mass_kg, 6) from mart.fuel_line") == [(mass,)]


def test_an_own_density_holds_between_its_dates(case: Case) -> None:
    case.rows("emission_factor", f"{FACTOR},valid_to", "own,density,diesel,,,0.9,t/m3,CN,,,,laboratory,true,2025-12-31")
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,W1,,diesel,1000,,,")
    assert case.lines("select round(mass_kg, 6) from mart.fuel_line") == [(840,)]


@pytest.mark.parametrize(("region", "own"), [("GB", "UK"), ("UK", "GB"), ("GB-LND", "UK"), ("UK", "UK")])
def test_one_country_has_two_codes(case: Case, region: str, own: str) -> None:
    # DESNZ 2025: 1,000 L of diesel (average biofuel blend) x 2.57082; 1,000 kWh x 0.177
    case.region = region
    case.rows(
        "emission_factor", FACTOR,
        f"d,fuel_ttw_co2e,diesel,CO2e,TTW,2.57082,kgCO2e/L,{own},,,AR5,DESNZ 2025,true",
        f"g,grid_location_avg,electricity,CO2e,generation,0.177,kgCO2e/kWh,{own},2025,,AR5,DESNZ 2025,true",
    )  # fmt: skip
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,W1,,diesel,1000,,,")
    case.rows(*ELECTRIC)
    case.rows(*COUNTED)
    assert case.lines(SUBJECTS) == [("diesel", "CO2e", 2.57082), ("electricity", "CO2e", 0.177)]


def test_a_grid_factor_in_co2e_of_another_gwp_set_says_so(case: Case) -> None:
    case.policies["gwp"] = "AR6"
    case.rows(
        "emission_factor", FACTOR, "g,grid_location_avg,electricity,CO2e,generation,0.5,kgCO2e/kWh,CN,,,AR4,book,true"
    )
    case.rows(*ELECTRIC)
    case.rows(*COUNTED)
    assert case.lines(
        "select gas, flag, round(uncertainty_pct, 3) from mart.emission_line where basis = 'location'"
    ) == [("CO2e", "other_gwp_set: AR4", 5.385)]


@pytest.mark.parametrize(
    ("main", "tenant", "roof", "export", "reason"),
    [
        (100, 250, 1000, 600, "tenants_exceed_main"), (100, 0, 500, 700, "exceeds_supply"), (100, 100, 500, 500, None),
    ],
)  # fmt: skip
def test_what_goes_out_cannot_exceed_what_comes_in(
    case: Case, main: int, tenant: int, roof: int, export: int, reason: str | None
) -> None:
    roles = {"main": main, "tenant": tenant, "generation": roof, "export": export}
    case.rows(
        "meter", f"{METER},generation_kind", *(f"{role},W1,electricity,cumulative,kWh,{role},,pv" for role in roles)
    )
    case.rows("meter_reading", READING, *(line for role, kwh in roles.items()
              for line in (f"{role},2026-01-01 00:00:00,0,kWh", f"{role},2026-02-01 00:00:00,{kwh},kWh")))  # fmt: skip
    figure = None if reason else 0
    assert case.lines("select quantity, purchased_quantity, reason from mart.site_month_energy") == [
        (figure, figure, reason)
    ]
    assert case.lines("select emission_tco2e from mart.site_month_emission") == [(figure,)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,fuel_ncv,柴油,,,42,GJ/t,CN,,,,book,true", "nothing asks for subject '柴油'.*diesel"),
        ("a,heat_factor,hot water,CO2,generation,0.1,tCO2/GJ,CN,,,,book,true", "'hot water'.*heat"),
        (
            "a,gwp100,R404A,,,3943,kgCO2e/kg,GLOBAL,,,AR5,book,true",
            "by its gases: give the GWP of HFC-125, HFC-134a, HFC-143a",
        ),
    ],
)
def test_an_own_factor_that_nothing_asks_for_is_refused_by_its_subject(case: Case, row: str, words: str) -> None:
    case.rows("emission_factor", FACTOR, row)
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,W1,,diesel,1000,,,")
    with pytest.raises(CatalogueError, match=f"(?s){words}"):
        case.lines(SUBJECTS)


def test_a_province_that_is_none_does_not_take_the_factor_of_the_nation(case: Case) -> None:
    case.rows("site", "site_id,legal_entity_id,region", "W1,LE1,CN-ZZ", "W2,LE1,CN-XZ", "W3,LE1,CN", "W4,LE1,DE-BE")
    case.rows("fuel_purchase", FUEL, "F1,2026-01-05,W2,,diesel,1000,,,")
    refused = "select row_number, reasons from quarantine.row"
    assert case.lines(refused, refused=1) == [(2, ["no_such_province"])]


def test_a_blend_is_told_to_be_two_purchases(case: Case) -> None:
    # B7: 930 L of diesel x 0.84 x 43.33 x 20.2 x 0.98 x 44/12 = 2.45697 t; 70 L of biodiesel beside it, and without a density unknown
    case.rows(
        "fuel_purchase", FUEL,
        "F1,2026-01-05,W1,,B7,1000,,,", "F2,2026-01-05,W1,,diesel,930,,,", "F3,2026-01-05,W1,,biodiesel,,61.6,,",
    )  # fmt: skip
    sql = "select subject, is_biogenic, round(emission_tco2e, 5) from mart.emission_line where lifecycle_scope = 'TTW' order by 2"
    assert case.lines(sql, refused=1)[0] == ("diesel", False, 2.45697)
    assert "B7 or E10 is two purchases" in contract("fuel_purchase").words("fuel: unknown_word")[1]


@pytest.mark.parametrize(("parent", "kwh", "reason"), [("T1", 800, None), ("T-1", None, "parent_unknown")])
def test_a_parent_nobody_has_registered_leaves_no_figure(
    case: Case, parent: str, kwh: float | None, reason: str | None
) -> None:
    # 1,000 - 200; the 50 behind T1 are among its 200
    shown = {"M": 1000, "T1": 200, "T2": 50}
    case.rows("meter", f"{METER},parent_meter_id", "M,W1,electricity,cumulative,kWh,main,,", "T1,W1,electricity,cumulative,kWh,tenant,,M",
              f"T2,W1,electricity,cumulative,kWh,tenant,,{parent}")  # fmt: skip
    case.rows("meter_reading", READING, *(line for meter, value in shown.items()
              for line in (f"{meter},2026-01-01 00:00:00,0,kWh", f"{meter},2026-02-01 00:00:00,{value},kWh")))  # fmt: skip
    assert case.lines("select quantity, reason from mart.site_month_energy") == [(kwh, reason)]
