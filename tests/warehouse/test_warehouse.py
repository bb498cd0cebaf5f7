"""The warehouse over a lake: own reference rows, meters whose register row changes, readings that are conserved."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import CatalogueError, MartError
from tests.warehouse.bare import bare, of
from tests.warehouse.test_meters import judged
from tests.world import READINGS, World, make
from warehouse.marts import Warehouse

HEAD = "factor_id,kind,subject,value,unit,region,data_year,source"
GRID = "grid_cn-gd_2023,grid_location_avg,electricity,0.4,kgCO2/kWh,CN-GD,2023,own laboratory"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path / "group", [("ami", READINGS)])


def test_an_own_row_takes_the_place_of_the_shipped_one(world: World) -> None:
    world.write("reference/emission_factor.csv", f"{HEAD}\n{GRID}\nown,density,lng,0.43,t/m3,CN,,supplier\n")
    with Warehouse(world.enterprise) as warehouse:
        factors = warehouse.frame("reference.emission_factor")
    mine = factors.filter(pl.col("origin") == "enterprise")
    assert dict(mine.select("factor_id", "value").iter_rows()) == {"grid_cn-gd_2023": 0.4, "own": 0.43}
    assert factors["factor_id"].is_unique().all()


def test_rows_taken_in_before_the_contract_had_a_column_say_nothing_of_it(world: World) -> None:
    world.write("reference/meter.csv", f"{METER}M,SH-W01,electricity,cumulative,kWh,,,\n")
    world.ingest("2026-02")
    [path] = world.enterprise.lake.files("clean", "meter")
    pl.read_parquet(path, hive_partitioning=False).drop("multiplier").write_parquet(path)
    with Warehouse(world.enterprise) as warehouse:
        frame = warehouse.frame("clean.meter")
    assert frame.select("meter_id", "multiplier").rows() == [("M", None)]
    assert frame["multiplier"].dtype == pl.Float64


def test_few_rows_take_one_thread_and_many_those_asked_for_with_the_same_figures(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver(
        "readings/2026-01.csv",
        "表号,时间,示数,单位",
        *(f"E-0001,2026-01-{day:02d} 08:00,{day * day},kWh" for day in range(1, 32)),
    )
    world.ingest("2026-01")
    monkeypatch.setenv("ESG_THREADS", "3")
    found = {}
    for many, threads in ((10**9, 1), (1, 3)):
        monkeypatch.setattr("warehouse.marts._MANY", many)
        enterprise = world.enterprise
        enterprise.lake.state["marts"].clear()
        with Warehouse(enterprise) as warehouse:
            said = warehouse.connection.execute("select current_setting('threads')").fetchall()
            assert said == [(threads,)]
            assert warehouse.mart("meter_month").rows == 1
            found[threads] = warehouse.frame("mart.meter_month")
    assert found[1]["quantity"].to_list() == [31 * 31 - 1]
    assert found[1].equals(found[3])


def test_rows_that_are_gone_are_named_with_the_months_to_run(world: World) -> None:
    world.write("sources/ami.yaml", READINGS)
    for month in ("2026-01", "2026-02"):
        world.deliver(f"readings/{month}.csv", "表号,时间,示数,单位", f"E-0001,{month}-05 08:00,100,kWh")
    world.ingest("2026-01", "2026-02")
    for path in world.folder.glob("data/clean/meter_reading/ami/2026-02/*"):
        path.unlink()
    with pytest.raises(MartError, match="accepted rows are gone") as said:
        Warehouse(world.enterprise)
    assert "2026-02" in said.value.todo
    assert "2026-01" not in said.value.todo


def test_a_step_is_kept_by_the_mart_it_leads_to_and_by_nothing_else(world: World) -> None:
    left = world.enterprise.data / "mart" / "emission_fuel" / "2026-01.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of a version that kept it")
    with Warehouse(world.enterprise) as warehouse:
        warehouse.lake.state["marts"]["emission_fuel"] = {
            "fingerprint": "",
            "files": {"2026-01": "mart/emission_fuel/2026-01.parquet"},
            "rows": 1,
        }
        assert warehouse.mart("emission_line").rows == warehouse.frame("mart.emission_line").height
        assert warehouse.mart("emission_fuel").rows == 0
        assert "emission_fuel" not in warehouse.lake.state["marts"]
    assert not left.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEAD},note\n{GRID},x\n", "note"),
        (f"{HEAD}\n{GRID}\n{GRID}\n", "grid_cn-gd_2023"),
        (f"{HEAD}\n{GRID.replace('0.4', 'viel')}\n", "line 2 .*value: not a number"),
        (f"{HEAD}\n{GRID.replace('0.4', '40')}\n", "line 2 .*impossible .*0 to 2 kgCO2/kWh"),
        (f"{HEAD}\n{GRID.replace('kgCO2/kWh', 'kgCO2/t')}\n", "line 2 .*unit does not measure.*write it as.*kgCO2/kWh"),
        (f"{HEAD}\n{GRID.replace(',own laboratory', ',')}\n", "line 2 .*source: missing"),
        (f"{HEAD}\n{GRID}\n{GRID.replace('grid_cn-gd_2023', 'other')}\n", "line 3 .*another row says the same"),
        (f"{HEAD},gwp_set\nx,tkm_ttw,road,0.1,kgCO2e/tkm,CN,,own,AR5 or AR6\n", "line 2 .*gwp_set: not one of"),
        (
            f"{HEAD},gwp_set,parameter_set,gas\nx,gwp100,CH4,28,kgCO2e/kg,GLOBAL,,IPCC,AR6,ar5,CH4\n",
            "line 2 .*two sets of GWP",
        ),
        (f"{HEAD},gas\nx,tkm_ttw,road,0.1,kgCO2e/tkm,CN,,own,CO2e\n", "line 2 .*must say its gwp_set"),
        ("value\n1\n", "columns do not fit"),
    ],
)
def test_own_rows_that_do_not_fit_are_refused_with_their_file(world: World, text: str, words: str) -> None:
    path = world.write("reference/emission_factor.csv", text)
    with pytest.raises((MartError, CatalogueError), match=words) as refused:
        Warehouse(world.enterprise)
    assert refused.value.where.split(",")[0] == str(path)


def counted(world: World, *lines: str) -> list[tuple[Any, ...]]:
    world.deliver("readings/2026-02.csv", "表号,时间,示数,单位", *lines)
    world.ingest("2026-02")
    with Warehouse(world.enterprise) as warehouse:
        warehouse.mart("meter_month")
        return of(warehouse.connection, "select month, site_id, register_increase, quantity from mart.meter_month")


def test_a_mart_without_rows_is_not_computed_again_and_keeps_its_columns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    inner = Warehouse._build
    monkeypatch.setattr(
        Warehouse, "_build", lambda self, mart, *how: built.append(mart.name) or inner(self, mart, *how)
    )
    shapes = []
    for _ in range(2):
        built.clear()
        with Warehouse(world.enterprise) as warehouse:
            warehouse.build()
            assert warehouse.frame("mart.site_month_complaint").height == 0
            shapes.append(warehouse.frame("mart.site_month_complaint").schema)
    assert built == []
    assert list(shapes[0].items()) == list(shapes[1].items())
    assert len(shapes[0]) > 3


def test_a_column_has_the_type_its_sql_says_also_as_it_lies_in_its_files(world: World) -> None:
    with Warehouse(world.enterprise) as warehouse:
        said = warehouse.shapes()
    with Warehouse(world.enterprise) as warehouse:
        kept = [built.name for built in warehouse.build()]
        found = {name: warehouse.types(f"mart.{name}")[f"mart.{name}"] for name in kept}
    assert found == said


def test_a_disk_that_refuses_the_rows_of_a_mart_is_no_fault_of_its_sql(world: World) -> None:
    with Warehouse(world.enterprise) as warehouse:
        folder = warehouse.lake.data / "mart/site_month_floor"
        folder.mkdir(parents=True)
        (folder / f".{os.getpid()}.part").symlink_to(world.folder / "nowhere/at all")
        with pytest.raises(OSError, match="IO Error"):
            warehouse.mart("site_month_floor")


METER = "meter_id,site_id,carrier,register_kind,unit,multiplier,valid_from,valid_to\n"


@pytest.mark.parametrize("kind", ["interval", "cumulative"])
def test_a_meter_counts_from_the_first_hour_of_its_first_day(world: World, kind: str) -> None:
    # a quarter past midnight on Feb 1 in Shanghai is still Jan 31 in UTC
    world.write("reference/meter.csv", f"{METER}M,SH-W01,electricity,{kind},kWh,,2026-02-01,\n")
    found = counted(world, "M,2026-02-01 00:15:00,0,kWh", "M,2026-02-20 00:00:00,9,kWh")
    assert found == [("2026-02", "SH-W01", 9.0, 9.0)]


def test_a_meter_whose_multiplier_changes_between_readings_has_a_figure_for_each_row(world: World) -> None:
    world.write(
        "reference/meter.csv",
        f"{METER}M,SH-W01,electricity,cumulative,kWh,1,,2026-02-14\nM,SH-W01,electricity,cumulative,kWh,10,2026-02-15,\n",
    )
    found = counted(world, "M,2026-02-01 12:00:00,0,kWh", "M,2026-02-10 12:00:00,5,kWh", "M,2026-02-20 12:00:00,9,kWh")
    # 4 in ten days, of which 4.5 lie before Feb 15: 1.8 on top of 5, and 2.2 times 10
    assert sorted(found) == [("2026-02", "SH-W01", 2.2, 22.0), ("2026-02", "SH-W01", 6.8, 6.8)]


def months(readings: list[tuple[datetime, float]]) -> list[tuple[str, float]]:
    parts, _ = judged(readings)
    return list(parts.select("month", (pl.col("measured") + pl.col("estimated")) / 1e6).sort("month").iter_rows())


steps = st.lists(st.tuples(st.integers(1, 60 * 24 * 50), st.integers(0, 10_000)), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None)
@given(steps)
def test_what_a_counter_counts_is_spread_over_months_and_none_of_it_lost(steps: list[tuple[int, int]]) -> None:
    at, register = datetime(2026, 1, 10, 3, tzinfo=UTC), 500
    readings = [(at, register)]
    for minutes, amount in steps:
        at, register = at + timedelta(minutes=minutes), register + amount
        readings.append((at, register))
    rows = months(readings)
    assert sum(quantity for _, quantity in rows) == pytest.approx(readings[-1][1] - readings[0][1], abs=1e-5)
    # every month between the first reading and the last has a figure
    first, last = (one[0].astimezone(SHANGHAI) for one in (readings[0], readings[-1]))
    assert rows[0][0] == first.strftime("%Y-%m")
    assert rows[-1][0] in (last.strftime("%Y-%m"), (last - timedelta(microseconds=1)).strftime("%Y-%m"))
    assert len(rows) == (int(rows[-1][0][:4]) - 2026) * 12 + int(rows[-1][0][5:])


def test_a_step_of_more_than_45_days_is_an_estimate() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def share(days: int) -> set[Any]:
        parts, _ = judged([(at, 0), (at + timedelta(days=days), 100)])
        return set(parts.select(pl.col("estimated") / (pl.col("measured") + pl.col("estimated"))).to_series())

    assert (share(45), share(46)) == ({0}, {1})


def test_wall_time_is_the_time_in_the_zone_also_of_no_site_and_of_none() -> None:
    # sites stand in the first two zones; Berlin's clocks changed on 2026-03-29 and 2026-10-25 at 01:00 UTC
    sites = [{"site_id": "A", "timezone": "Asia/Shanghai"}, {"site_id": "B", "timezone": "Europe/Berlin"}]
    rows = of(
        bare({"clean.site": sites}, "site_month_order"),
        """select zone, moment, wall_time(zone, moment), timezone(zone, moment)
           from (values ('Asia/Shanghai'), ('Europe/Berlin'), ('Asia/Urumqi'), (null)) as z (zone)
           cross join (values (timestamptz '2026-03-29 00:59:59Z'), ('2026-03-29 01:00:00Z'), ('2026-10-25 00:59:59Z'),
                              ('2026-10-25 01:00:00Z'), ('2025-12-31 16:00:00Z'), (null)) as m (moment)""",
    )
    assert len(rows) == 24
    assert [got for *_, got, _ in rows] == [wanted for *_, wanted in rows]
    assert {(zone, str(got)) for zone, moment, got, _ in rows if str(moment).startswith("2025-12-31")} == {
        ("Asia/Shanghai", "2026-01-01 00:00:00"), ("Europe/Berlin", "2025-12-31 17:00:00"),
        ("Asia/Urumqi", "2025-12-31 22:00:00"), (None, "None"),
    }  # fmt: skip
