"""Taking in deliveries: every row accounted for, one extract per content, keys settled, nothing lost by a broken run."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import quarantine
from connectors.ingest import Outcome
from schemas.contract import names
from schemas.errors import SourceError
from schemas.lake import Lake
from tests.world import ORDERS, READINGS, TRIPS, World, make

HEAD = "表号,时间,示数,单位"
TRIP = "no,plate,start,km,empty"
ORDER = "no,site,accepted,delivered,status"


def _balance(outcome: Outcome) -> tuple[int, int, int, int]:
    return tuple(outcome.total(count) for count in ("rows", "accepted", "refused", "duplicates"))  # type: ignore[return-value]


@pytest.fixture
def readings(world: World) -> World:
    """The small enterprise with a source of readings."""
    world.write("sources/ami.yaml", READINGS)
    return world


@pytest.fixture
def trips(world: World) -> World:
    """The small enterprise with a source of trips."""
    world.write("sources/tms.yaml", TRIPS)
    return world


@pytest.fixture
def orders(world: World) -> World:
    """The small enterprise with a source of orders."""
    world.write("sources/oms.yaml", ORDERS)
    return world


# --- every row is accounted for


def test_rows_read_are_accepted_refused_or_duplicates(readings: World) -> None:
    readings.deliver(
        "readings/2026-01.csv", HEAD,
        "E-0001,2026-01-01 08:00,100,kWh",
        "E-0001,2026-01-02 08:00,110,度",
        "E-0001,2026-01-02 08:00,110,kWh",  # says the same again
        "E-0001,2026-01-03 08:00,-5,kWh",
        "E-0009,2026-01-03 08:00,5,kWh",
        "E-0001,2026-01-04 08:00,120,kWh,one field too many",
    )  # fmt: skip
    assert _balance(readings.ingest()["ami"]) == (6, 2, 3, 1)
    assert readings.refused("meter_reading") == [
        (5, ["register: out_of_range"]), (6, ["meter_id: unknown_key"]), (7, ["row: ragged_row"]),
    ]  # fmt: skip


def test_a_row_is_refused_with_every_reason_there_is(readings: World) -> None:
    readings.deliver("readings/2026-01.csv", HEAD, "E-0009,soon,many,furlong")
    readings.ingest()
    assert [sorted(reasons) for _, reasons in readings.refused("meter_reading")] == [
        ["meter_id: unknown_key", "read_at: not_a_time", "register: not_a_number", "unit: unknown_unit"]
    ]


def test_a_row_keeps_the_row_number_of_its_file_and_the_extract_it_came_from(readings: World) -> None:
    path = readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    entry = readings.ingest()["ami"].extracts[0]
    assert readings.values("meter_reading", "source", "extract_id", "row_number") == [("ami", entry["sha256"], 2)]
    assert (readings.folder / "data/landing" / entry["sha256"]).read_bytes() == path.read_bytes()


def test_a_file_with_a_header_only_is_a_failure_unless_it_may_be_empty(readings: World) -> None:
    readings.deliver("readings/2026-01.csv", HEAD)
    assert "no rows below the header" in str(readings.attempt()["ami"].error)
    readings.write("sources/ami.yaml", "may_be_empty: true\n" + READINGS)
    assert _balance(readings.ingest()["ami"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", [name for name in names() if name not in ("site", "meter", "vehicle")])
def test_any_contract_takes_a_header_without_rows(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from schemas.contract import contract

    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "test key")
    world.write(f"reference/{name}.csv", ",".join(column.name for column in contract(name).declared) + "\n")
    assert _balance(world.ingest()[f"reference_{name}"]) == (0, 0, 0, 0)


# --- an extract is its content


def test_the_same_file_again_changes_nothing(readings: World) -> None:
    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh", "E-0009,x,1,kWh")
    readings.ingest()
    before = readings.hashes("data")
    outcome = readings.ingest()["ami"]
    assert (outcome.extracts, outcome.unchanged) == ([], 1)
    assert readings.hashes("data") == before


def test_the_same_file_under_another_name_is_one_extract(readings: World) -> None:
    for name in ("2026-01.csv", "2026-01 (copy).csv"):
        readings.deliver(f"readings/{name}", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    outcome = readings.ingest()["ami"]
    assert len(outcome.extracts) == 1
    assert _balance(outcome) == (1, 1, 0, 0)


def test_a_copy_named_for_another_month_does_not_take_the_rows_from_their_own(readings: World) -> None:
    for month in ("2026-01", "2026-02"):
        readings.deliver(f"readings/{month}.csv", HEAD, "E-0001,2026-01-15 08:00,100,kWh")
    readings.ingest("2026-01")
    readings.ingest("2026-02")
    assert readings.values("meter_reading", "register") == [(100.0,)]
    assert readings.refused("meter_reading") == []


def test_a_file_that_was_named_for_the_wrong_month_can_be_renamed(readings: World) -> None:
    wrong = readings.deliver("readings/2026-02.csv", HEAD, "E-0001,2026-01-15 08:00,100,kWh")
    readings.ingest("2026-02")
    assert readings.refused("meter_reading") == [(2, ["outside_month"])]
    wrong.rename(wrong.with_name("2026-01.csv"))
    readings.ingest("2026-01")
    assert readings.values("meter_reading", "register") == [(100.0,)]
    assert readings.refused("meter_reading") == []


def test_a_renamed_file_that_is_then_changed_leaves_no_rows_of_its_old_version(readings: World) -> None:
    first = readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-15 08:00,100,kWh")
    readings.ingest()
    first.unlink()
    readings.deliver("readings/2026-01-final.csv", HEAD, "E-0001,2026-01-15 08:00,100,kWh")
    readings.ingest()
    readings.deliver("readings/2026-01-final.csv", HEAD, "E-0001,2026-01-16 08:00,101,kWh")
    readings.ingest()
    assert readings.values("meter_reading", "register") == [(101.0,)]


def test_a_changed_file_replaces_exactly_its_own_rows_and_its_old_bytes_stay_archived(readings: World) -> None:
    readings.deliver("readings/2026-01-a.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh", "E-0001,2026-01-02 08:00,1,kWh")
    readings.deliver("readings/2026-01-b.csv", HEAD, "E-0001,2026-01-03 08:00,120,kWh")
    first = readings.ingest()["ami"].extracts[0]
    readings.deliver(
        "readings/2026-01-a.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh", "E-0001,2026-01-02 08:00,110,kWh"
    )
    outcome = readings.ingest()["ami"]
    assert readings.values("meter_reading", "register") == [(100.0,), (110.0,), (120.0,)]
    assert outcome.unchanged == 1
    assert b"2026-01-02 08:00,1,kWh" in (readings.folder / "data/landing" / first["sha256"]).read_bytes()


def test_a_changed_file_that_lost_a_month_reports_that_month_too(trips: World) -> None:
    trips.deliver("trips/all.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1", "T2,沪A12345,2026-02-05 08:00,10,1")
    assert trips.ingest()["tms"].months == {"2026-01", "2026-02"}
    trips.deliver("trips/all.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    assert trips.ingest()["tms"].months == {"2026-01", "2026-02"}
    assert trips.values("trip", "trip_id") == [("T1",)]


def test_an_edited_declaration_is_read_anew_in_the_same_process(trips: World) -> None:
    trips.deliver("trips/all.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    trips.write(
        "sources/tms.yaml", TRIPS.replace("distance_km: km", "distance_km: {from: km, unit: 米}").replace("米", "万t")
    )
    assert "cannot become" in str(trips.attempt()["tms"].error)
    trips.write("sources/tms.yaml", TRIPS.replace("empty_km: empty", "load_t: {from: empty, unit: kg}"))
    trips.ingest()
    assert trips.values("trip", "empty_km", "load_t") == [(None, 0.001)]


def test_rows_of_a_source_that_is_no_longer_declared_stop_counting(trips: World) -> None:
    trips.deliver("trips/all.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    (trips.folder / "sources/tms.yaml").rename(trips.folder / "sources/tms2.yaml")
    outcomes = trips.ingest()
    assert trips.values("trip", "source", "trip_id") == [("tms2", "T1")]
    assert outcomes["tms"].months == {"2026-01"}
    assert _balance(outcomes["tms"]) == (0, 0, 0, 0)


def test_files_that_were_cleared_away_keep_counting(world: World) -> None:
    (world.folder / "reference/vehicle.csv").unlink()
    world.ingest()
    assert world.clean("vehicle").height == 0
    world.write("reference/vehicle.csv", "vehicle_id,site_id,ownership\nV1,SH-W01,own\n")
    world.ingest()
    (world.folder / "reference/vehicle.csv").unlink()
    world.ingest()
    assert world.values("vehicle", "vehicle_id") == [("V1",)]


# --- months


def test_a_row_of_another_month_than_its_file_is_refused(readings: World) -> None:
    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-02-01 00:15,100,kWh", "E-0001,2025-12-31 23:59,90,kWh")
    readings.ingest()
    assert readings.refused("meter_reading") == [(2, ["outside_month"]), (3, ["outside_month"])]


def test_the_midnight_that_ends_a_month_belongs_to_its_file(readings: World) -> None:
    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-31 24:00,100,kWh", "E-0001,2026-01-01 00:00,90,kWh")
    readings.ingest()
    assert readings.refused("meter_reading") == []


@pytest.mark.parametrize(("files", "refused"), [("{month}", [(2, ["outside_month"])]), ("*", [])])
def test_a_file_of_local_months_with_stamps_in_utc_is_read_whole(
    world: World, files: str, refused: list[tuple[int, list[str]]]
) -> None:
    source = READINGS.replace("{month}*", files) + "timezone: UTC\n"
    world.write("sources/ami.yaml", source)
    world.deliver("readings/2026-01.csv", HEAD, "E-0001,2025-12-31 17:00,90,kWh", "E-0001,2026-01-31 15:00,100,kWh")
    world.ingest()
    assert world.refused("meter_reading") == refused


def test_an_order_belongs_to_a_file_of_the_month_it_was_delivered_in(world: World) -> None:
    world.write("sources/oms.yaml", ORDERS.replace("orders/*.csv", "orders/{month}.csv"))
    world.deliver(
        "orders/2026-01.csv", ORDER,
        "1,SH-W01,2025-12-30 09:00,2026-01-02 09:00,delivered",
        "2,SH-W01,2025-12-30 09:00,2025-12-31 09:00,delivered",
    )  # fmt: skip
    world.ingest()
    assert world.values("customer_order", "order_id") == [("1",)]
    assert world.refused("customer_order") == [(3, ["outside_month"])]


def test_a_file_without_a_month_in_its_name_finds_the_months_of_its_rows(trips: World) -> None:
    trips.deliver("trips/all.csv", TRIP, "T1,沪A12345,2026-01-31 23:59,10,1", "T2,沪A12345,2026-02-01 00:00,10,1")
    entry = trips.ingest()["tms"].extracts[0]
    assert sorted(entry["clean"]) == ["2026-01", "2026-02"]


def test_a_month_that_was_asked_for_and_not_delivered_is_waited_for(readings: World) -> None:
    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    assert readings.ingest("2026-01", "2026-02")["ami"].waiting == ["2026-02"]


def test_daily_files_that_overlap_at_midnight_count_each_reading_once(readings: World) -> None:
    readings.deliver("readings/2026-01-a.csv", HEAD, "E-0002,2026-01-05 23:45,1,kWh", "E-0002,2026-01-05 24:00,2,kWh")
    readings.deliver("readings/2026-01-b.csv", HEAD, "E-0002,2026-01-06 00:00,2,kWh", "E-0002,2026-01-06 00:15,3,kWh")
    assert _balance(readings.ingest()["ami"]) == (4, 3, 0, 1)
    assert readings.values("meter_reading", "register") == [(1.0,), (2.0,), (3.0,)]
    before = readings.hashes()
    for _ in range(3):  # settled rows stay settled
        assert readings.ingest()["ami"].extracts == []
        assert readings.hashes() == before


# --- keys that repeat


def test_a_second_value_for_an_event_is_refused_and_the_first_stands(trips: World) -> None:
    trips.deliver("trips/all.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1", "T1,沪A12345,2026-01-05 08:00,11,1")
    assert _balance(trips.ingest()["tms"]) == (2, 1, 1, 0)
    assert trips.values("trip", "distance_km") == [(10.0,)]
    assert trips.refused("trip") == [(3, ["duplicate_key"])]


def test_a_second_value_for_an_event_in_another_extract_is_refused_there(trips: World) -> None:
    trips.deliver("trips/a.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1", "T2,沪A12345,2026-01-05 09:00,10,1")
    trips.deliver("trips/b.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,11,1", "T2,沪A12345,2026-01-05 09:00,10,1")
    assert _balance(trips.ingest()["tms"]) == (4, 2, 1, 1)
    assert trips.refused("trip") == [(2, ["duplicate_key"])]


def test_an_event_that_two_sources_deliver_counts_once(trips: World) -> None:
    trips.write("sources/gps.yaml", TRIPS.replace("trips/*.csv", "gps/*.csv"))
    trips.deliver("trips/a.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.deliver("gps/a.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1", "T2,沪A12345,2026-01-06 08:00,12,1")
    outcomes = trips.ingest()
    assert trips.values("trip", "trip_id") == [("T1",), ("T2",)]
    assert outcomes["tms"].total("duplicates") + outcomes["gps"].total("duplicates") == 1


def test_a_value_refused_beside_another_comes_back_when_that_one_is_corrected(trips: World) -> None:
    trips.deliver("trips/a.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,99,1")
    trips.deliver("trips/b.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    trips.deliver("trips/a.csv", TRIP, "T9,沪A12345,2026-01-05 08:00,99,1")
    trips.ingest()
    assert trips.values("trip", "trip_id", "distance_km") == [("T1", 10.0), ("T9", 99.0)]
    assert trips.refused("trip") == []


def test_two_readings_of_one_instant_both_stay_and_are_flagged(readings: World) -> None:
    readings.deliver(
        "readings/2026-01.csv", HEAD,
        "E-0001,2026-01-01 08:00,100,kWh", "E-0001,2026-01-01 08:00,101,kWh", "E-0001,2026-01-02 08:00,110,kWh",
    )  # fmt: skip
    assert _balance(readings.ingest()["ami"]) == (3, 3, 0, 0)
    found = readings.values("meter_reading", "register", "is_conflicting")
    assert found == [(100.0, True), (101.0, True), (110.0, False)]


def test_readings_of_two_sources_that_conflict_are_flagged_in_both(readings: World) -> None:
    readings.write("sources/book.yaml", READINGS.replace("readings/", "book/"))
    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    readings.deliver("book/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,101,kWh")
    readings.ingest()
    found = readings.values("meter_reading", "source", "is_conflicting")
    assert found == [("ami", True), ("book", True)]


def test_of_a_state_the_row_of_the_latest_extract_stands(orders: World) -> None:
    orders.deliver("orders/1.csv", ORDER, "1,SH-W01,2026-01-05,,in_transit", "2,SH-W01,2026-01-05,,in_transit")
    orders.ingest()
    orders.deliver("orders/2.csv", ORDER, "1,SH-W01,2026-01-05,2026-01-07,delivered")
    orders.ingest()
    assert orders.values("customer_order", "order_id", "status", "is_superseded") == [
        ("1", "delivered", False), ("1", "in_transit", True), ("2", "in_transit", False),
    ]  # fmt: skip


def test_rows_that_are_gone_are_made_anew_from_the_archive_as_they_were(orders: World) -> None:
    orders.deliver("orders/1.csv", ORDER, "1,SH-W01,2026-01-05,,in_transit", "2,,2026-01-05,,in_transit")
    orders.ingest()
    orders.deliver("orders/2.csv", ORDER, "1,SH-W01,2026-01-05,2026-01-07,delivered")
    orders.ingest()
    clean, refused = orders.hashes(), orders.hashes("data/quarantine")
    for folder in ("clean", "quarantine"):
        shutil.rmtree(orders.folder / "data" / folder)
    orders.ingest()
    assert (orders.hashes(), orders.hashes("data/quarantine")) == (clean, refused)
    assert refused


def test_a_state_that_is_said_again_changes_nothing(orders: World) -> None:
    orders.deliver("orders/1.csv", ORDER, "1,SH-W01,2026-01-05,,in_transit")
    orders.ingest()
    before = orders.hashes()
    orders.deliver("orders/2.csv", ORDER, "1,SH-W01,2026-01-05,,在途")
    assert _balance(orders.ingest()["oms"])[3] == 1
    assert orders.hashes() == before


@pytest.mark.parametrize("third", ["in_transit", "在途"])  # the bytes of the first extract again, and other ones
def test_a_state_that_returns_to_what_it_was_stands_as_it_is_now(orders: World, third: str) -> None:
    for number, status in enumerate(("in_transit", "cancelled", third), start=1):
        orders.deliver(f"orders/{number}.csv", ORDER, f"1,SH-W01,2026-01-05,,{status}")
        orders.ingest()
    standing = [row for row in orders.values("customer_order", "status", "is_superseded") if not row[1]]
    assert standing == [("in_transit", False)]


def test_two_states_of_one_key_in_one_extract_are_a_conflict(orders: World) -> None:
    orders.deliver("orders/1.csv", ORDER, "1,SH-W01,2026-01-05,,in_transit", "1,SH-W01,2026-01-05,,cancelled")
    assert _balance(orders.ingest()["oms"]) == (2, 1, 1, 0)
    assert orders.refused("customer_order") == [(3, ["duplicate_key"])]


def test_levels_that_name_no_period_are_replaced_by_those_of_their_month_only(orders: World) -> None:
    head = "expert_id,indicator_id,round,level,period,scored_at"
    orders.write("panel/expert_score_2026.csv", f"{head}\nX1,A.1.1,1,2,,2026-12-20\nX1,A.1.2,1,2,2026,2026-12-20\n")
    orders.ingest()
    orders.write("panel/expert_score_2027.csv", f"{head}\nX1,A.1.1,1,4,,2027-12-20\nX1,A.1.2,1,4,2027,2027-12-20\n")
    orders.ingest()
    orders.write("panel/expert_score_2028.csv", f"{head}\nX1,A.1.1,1,5,,2027-12-21\n")
    orders.ingest()
    assert orders.values("expert_score", "indicator_id", "level", "is_superseded") == [
        ("A.1.1", 2, False), ("A.1.1", 4, True), ("A.1.1", 5, False), ("A.1.2", 2, False), ("A.1.2", 4, False),
    ]  # fmt: skip


def test_events_that_a_source_calls_a_state_count_once_as_said_last(trips: World) -> None:
    trips.write("sources/tms.yaml", "rows: state\n" + TRIPS)
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.deliver("trips/2.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,12,1")
    assert _balance(trips.ingest()["tms"]) == (2, 1, 1, 0)
    assert trips.values("trip", "distance_km") == [(12.0,)]
    assert trips.refused("trip") == [(2, ["superseded"])]


def test_states_that_a_source_calls_events_may_not_change(orders: World) -> None:
    orders.write("sources/oms.yaml", "rows: event\n" + ORDERS)
    orders.deliver("orders/1.csv", ORDER, "1,SH-W01,2026-01-05,,in_transit")
    orders.deliver("orders/2.csv", ORDER, "1,SH-W01,2026-01-05,,cancelled")
    orders.ingest()
    assert orders.values("customer_order", "status", "is_superseded") == [("in_transit", False)]
    assert orders.refused("customer_order") == [(2, ["duplicate_key"])]


# --- reference rows


@pytest.mark.parametrize(
    "periods",
    [
        [",", ","],
        [",", "2026-01-01,"],
        ["2026-01-01,", ",2026-01-01"],
        ["2025-01-01,2026-06-30", "2026-06-30,2026-12-31"],
    ],
)
def test_two_rows_of_one_meter_may_not_be_valid_at_once(world: World, periods: list[str]) -> None:
    rows = [f"E-0001,SH-W01,electricity,cumulative,kWh,{number},{period}" for number, period in enumerate(periods, 1)]
    world.write(
        "reference/meter.csv",
        "\n".join(["meter_id,site_id,carrier,register_kind,unit,multiplier,valid_from,valid_to", *rows]),
    )
    world.ingest()
    assert world.values("meter", "multiplier") == [(1.0,)]
    assert [reasons for _, reasons in world.refused("meter")] in ([["overlapping_validity"]], [["duplicate_key"]])


def test_rows_of_one_meter_may_follow_each_other(world: World) -> None:
    world.write(
        "reference/meter.csv",
        "meter_id,site_id,carrier,register_kind,unit,multiplier,valid_from,valid_to\n"
        "E-0001,SH-W01,electricity,cumulative,kWh,1,,2026-01-31\n"
        "E-0001,SH-W01,electricity,cumulative,kWh,2,2026-02-01,\n",
    )
    world.ingest()
    assert world.values("meter", "multiplier") == [(1.0,), (2.0,)]


def test_rows_valid_at_once_are_found_across_files(world: World) -> None:
    import xlsxwriter

    world.write("reference/vehicle.csv", "vehicle_id,site_id,ownership,valid_from\nV1,SH-W01,own,2020-01-01\n")
    path = world.folder / "extracts/templates/vehicle.xlsx"
    path.parent.mkdir(parents=True)
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("vehicle")
        sheet.write_row(0, 0, ["vehicle_id", "site_id", "ownership", "valid_from"])
        sheet.write_row(1, 0, ["V1", "SH-P01", "leased", "2026-01-01"])
    world.ingest()
    assert world.values("vehicle", "ownership") == [("own",)]
    assert world.refused("vehicle") == [(2, ["overlapping_validity"])]


@pytest.mark.parametrize("taken", ["group", "LE1"])
def test_a_site_may_not_have_the_id_of_the_enterprise_or_a_legal_entity(world: World, taken: str) -> None:
    world.write("reference/site.csv", f"site_id,legal_entity_id\n{taken},LE1\nSH-W01,LE1\nSH-P01,LE1\n")
    world.ingest()
    assert world.refused("site") == [(2, ["site_id: id_taken"])]


def test_a_site_of_a_legal_entity_nobody_declared_is_refused(world: World) -> None:
    world.write("reference/site.csv", "site_id,legal_entity_id\nSH-W01,LE1\nSH-P01,LE2\n")
    world.ingest()
    assert world.refused("site") == [(3, ["legal_entity_id: unknown_key"])]


def test_a_row_dated_when_its_vehicle_was_not_registered_is_refused(trips: World) -> None:
    trips.write(
        "reference/vehicle.csv",
        "vehicle_id,site_id,ownership,valid_from,valid_to\n沪A12345,SH-W01,own,2026-01-10,2026-01-20\n",
    )
    trips.deliver(
        "trips/all.csv", TRIP,
        "T1,沪A12345,2026-01-09 23:59,10,1", "T2,沪A12345,2026-01-10 00:00,10,1", "T3,沪A12345,2026-01-20 23:59,10,1", "T4,沪A12345,2026-01-21 00:00,10,1",
    )  # fmt: skip
    trips.ingest()
    assert trips.values("trip", "trip_id") == [("T2",), ("T3",)]
    assert trips.refused("trip") == [(2, ["vehicle_id: key_not_valid"]), (5, ["vehicle_id: key_not_valid"])]


def test_an_order_without_an_accept_time_is_checked_against_the_date_it_has(orders: World) -> None:
    orders.write("reference/site.csv", "site_id,legal_entity_id,valid_to\nSH-W01,LE1,2026-01-20\nSH-P01,LE1,\n")
    orders.deliver("orders/1.csv", ORDER, "1,SH-W01,,2026-01-20,delivered", "2,SH-W01,,2026-01-21,delivered")
    orders.ingest()
    assert orders.refused("customer_order") == [(3, ["site_id: key_not_valid"])]


def test_a_month_counts_for_a_site_that_was_open_in_part_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "test key")
    world.write(
        "reference/site.csv",
        "site_id,legal_entity_id,valid_from,valid_to\nSH-W01,LE1,,2026-01-20\nSH-P01,LE1,2026-02-01,\n",
    )
    world.write(
        "reference/employee_month.csv",
        "employee_key,month,site_id,worker_type\n7,2026-01,SH-W01,own\n8,2026-01,SH-P01,own\n",
    )
    world.ingest()
    assert world.values("employee_month", "site_id") == [("SH-W01",)]
    assert world.refused("employee_month") == [(3, ["site_id: key_not_valid"])]


def test_the_midnight_that_ends_a_meters_time_is_its_last_reading(readings: World) -> None:
    readings.write(
        "reference/meter.csv",
        "meter_id,site_id,carrier,register_kind,unit,valid_from,valid_to\n"
        "E-0001,SH-W01,electricity,cumulative,kWh,,2026-01-31\n"
        "E-0003,SH-W01,electricity,cumulative,kWh,2026-02-01,\n",
    )
    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-02-01 00:00,100,kWh", "E-0001,2026-02-01 00:01,100,kWh")
    readings.deliver("readings/2026-02.csv", HEAD, "E-0003,2026-02-01 00:00,0,kWh", "E-0003,2026-01-31 23:59,0,kWh")
    readings.ingest("2026-01", "2026-02")
    assert readings.values("meter_reading", "meter_id") == [("E-0001",), ("E-0003",)]
    assert sorted(reasons for _, reasons in readings.refused("meter_reading")) == [
        ["meter_id: key_not_valid", "outside_month"], ["meter_id: key_not_valid", "outside_month"],
    ]  # fmt: skip


def test_readings_are_judged_by_the_meter_as_it_was_that_day(readings: World) -> None:
    readings.write(
        "reference/meter.csv",
        "meter_id,site_id,carrier,register_kind,unit,valid_from,valid_to\n"
        "E-0001,SH-W01,electricity,cumulative,kWh,,2026-01-15\n"
        "E-0001,SH-W01,electricity,cumulative,MWh,2026-01-16,\n",
    )
    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-15 08:00,100,kWh", "E-0001,2026-01-17 08:00,100,kWh")
    readings.ingest()
    assert readings.refused("meter_reading") == [(3, ["unit_differs"])]


# --- failure


def test_a_source_that_fails_leaves_the_others_and_its_own_old_rows(trips: World) -> None:
    trips.write("sources/ami.yaml", READINGS)
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    before = trips.hashes("data/clean/trip")
    trips.deliver("trips/1.csv", "no,plate", "T1,沪A12345")
    trips.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    outcomes = trips.attempt()
    assert "missing column" in str(outcomes["tms"].error)
    assert outcomes["ami"].error is None
    assert trips.hashes("data/clean/trip") == before
    assert trips.values("meter_reading", "register") == [(100.0,)]


def test_a_file_that_cannot_be_read_takes_back_the_files_of_its_source_read_before_it(trips: World) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.write("extracts/trips/2.csv", b"no,plate\xff\n\xff")
    assert trips.attempt()["tms"].error is not None
    assert trips.enterprise.lake.extracts("trip") == []


@pytest.mark.parametrize("text", ["contract: [", "contract: no_such\nread: {as: csv, files: x}\n", "[]"])
def test_a_declaration_that_does_not_fit_fails_by_name_and_the_others_proceed(trips: World, text: str) -> None:
    trips.write("sources/broken.yaml", text)
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    outcomes = trips.attempt()
    assert outcomes["broken"].error is not None
    assert _balance(outcomes["tms"]) == (1, 1, 0, 0)


def test_a_declaration_that_is_broken_for_a_while_loses_no_rows(trips: World) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    trips.write("sources/tms.yaml", "contract: [")
    trips.attempt()
    assert trips.values("trip", "trip_id") == [("T1",)]


def test_a_run_killed_before_its_commit_leaves_the_old_state(trips: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    before = trips.hashes()
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,99,1")

    def killed(_: Lake) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            trips.ingest()
    assert trips.values("trip", "distance_km") == [(10.0,)]
    trips.enterprise.lake.sweep()
    assert trips.hashes() == before
    trips.ingest()
    assert trips.values("trip", "distance_km") == [(99.0,)]


def test_keys_are_settled_before_anything_counts(trips: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1", "T2,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    trips.deliver("trips/2.csv", TRIP, "T2,沪A12345,2026-01-05 08:00,10,1", "T3,沪A12345,2026-01-05 08:00,10,1")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("connectors.ingest._settled", killed)
        with pytest.raises(KeyboardInterrupt):
            trips.ingest()
    assert trips.values("trip", "trip_id") == [("T1",), ("T2",)]


def test_an_archive_that_lost_an_extract_is_named_when_it_is_needed(trips: World) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    first = trips.ingest()["tms"].extracts[0]
    (trips.folder / "extracts/trips/1.csv").unlink()
    (trips.folder / "data/landing" / first["archived"]).unlink()
    trips.deliver("trips/2.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,11,1")
    trips.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    trips.write("sources/ami.yaml", READINGS)
    outcomes = trips.attempt()
    assert "archived extract is gone" in str(outcomes["tms"].error)
    assert trips.values("trip", "distance_km") == [(10.0,)]
    assert outcomes["ami"].error is None


def test_a_file_that_may_not_be_written_is_said(trips: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    monkeypatch.setattr("connectors.ingest._write", _failing(PermissionError(13, "Permission denied")))
    assert "Permission denied" in str(trips.attempt()["tms"].error)


def test_a_full_disk_ends_the_run_and_leaves_the_old_state(trips: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,11,1")
    with monkeypatch.context() as patch:
        patch.setattr("connectors.ingest._write", _failing(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space left"):
            trips.attempt()
    assert trips.values("trip", "distance_km") == [(10.0,)]


def _failing(error: OSError) -> Callable[..., str]:
    def fail(*_: object) -> str:
        raise error

    return fail


def test_a_typed_number_is_not_taken_for_one_with_a_thousands_point(world: World) -> None:
    """12.345 km are 12,345 in texts of the source; as `12.345` they would be twelve thousand."""
    head, rows = (
        TRIP.split(","),
        [("T1", "沪A12345", "2026-01-05 08:00", 12.345, 1), ("T2", "沪A12345", "2026-01-05 08:00", "12.345,5", "1")],
    )
    folder = world.folder / "extracts"
    folder.mkdir(exist_ok=True)
    table = pl.DataFrame(rows[:1], schema=head, orient="row")
    table.write_parquet(folder / "trips.parquet")
    world.deliver("trips.jsonl", *(json.dumps(dict(zip(head, row, strict=True)), ensure_ascii=False) for row in rows))
    book = openpyxl.Workbook()
    for row in (head, *rows):
        book.active.append(row)
    book.save(folder / "trips.xlsx")
    with sqlite3.connect(folder / "trips.db") as database:
        database.execute("create table trip (no, plate, start, km, empty)")
        database.executemany("insert into trip values (?, ?, ?, ?, ?)", rows)
    reads = {
        "parquet": "files: trips.parquet", "jsonl": "files: trips.jsonl", "excel": "files: trips.xlsx",
        "sql": "url: 'sqlite:///trips.db', table: trip",
    }  # fmt: skip
    for kind, place in reads.items():
        read = f"read: {{as: {kind}, {place}, decimal: ',', thousands: '.'}}"
        world.write("sources/tms.yaml", TRIPS.replace('read: {as: csv, files: "trips/*.csv"}', read))
        shutil.rmtree(world.folder / "data", ignore_errors=True)
        world.ingest()
        found = world.values("trip", "trip_id", "distance_km")
        assert found == [("T1", 12.345), ("T2", 12345.5)][: 1 if kind == "parquet" else 2], kind


def test_sheets_of_one_workbook_may_differ_in_columns_and_clash_by_sheet(world: World) -> None:
    world.write(
        "sources/tms.yaml", TRIPS.replace('csv, files: "trips/*.csv"', 'excel, files: "trips.xlsx", sheet: "*月"')
    )
    book = openpyxl.Workbook()
    book.active.title = "1月"
    for line in (
        TRIP.split(","),
        ["T1", "沪A12345", "2026-01-05 08:00", 1, 0],
        ["T2", "沪A12345", "2026-01-06 08:00", 2, 0],
    ):
        book.active.append(line)
    for line in (
        ["备注", *TRIP.split(",")],
        ["x", "T2", "沪A12345", "2026-01-06 08:00", 9, 0],
        ["", "T3", "沪A12345", "2026-02-05 08:00", 3, 0],
    ):
        (book["2月"] if "2月" in book.sheetnames else book.create_sheet("2月")).append(line)
    (world.folder / "extracts").mkdir(exist_ok=True)
    book.save(world.folder / "extracts/trips.xlsx")
    assert _balance(world.ingest()["tms"]) == (4, 3, 1, 0)
    assert world.values("trip", "trip_id", "distance_km", "sheet") == [
        ("T1", 1.0, "1月"),
        ("T2", 9.0, "2月"),
        ("T3", 3.0, "2月"),
    ]
    (path,) = world.enterprise.lake.files("quarantine", "trip")
    (row,) = pl.read_parquet(path, hive_partitioning=False).iter_rows(named=True)
    # the row with the lower number stands
    assert (row["sheet"], row["row_number"], row["reasons"]) == ("1月", 3, ["duplicate_key"])


# --- a source whose files take another form


COMMA = 'as: csv, delimiter: ";", decimal: ",", thousands: ".", encoding: gb18030'
SHEET = "as: excel, sheet: 行程, skip_rows: 1"


def _form(read: str, files: str = "trips/{month}.*") -> str:
    return TRIPS.replace('as: csv, files: "trips/*.csv"', f'{read}, files: "{files}"')


def _workbook(world: World, name: str, *lines: list[Any]) -> None:
    book = openpyxl.Workbook()
    book.active.title = "行程"
    for line in [["行程明细"], TRIP.split(","), *lines]:
        book.active.append(line)
    book.save(world.folder / "extracts" / name)


@pytest.fixture
def reshaped(world: World) -> World:
    """January came as text with decimal commas, February as a workbook, under the declaration of the workbook."""
    world.write("sources/tms.yaml", _form(COMMA))
    lines = (TRIP.replace(",", ";"), "T1;沪A12345;2026-01-05 08:00;1.234;0,5", "T2;沪A12345;2026-01-06 08:00;zehn;0,5")
    world.write("extracts/trips/2026-01.csv", "\n".join(lines) + "\n", encoding="gb18030")
    world.ingest()
    world.write("sources/tms.yaml", _form(SHEET))
    _workbook(world, "trips/2026-02.xlsx", ["T3", "沪A12345", "2026-02-05 08:00", 12.345, 0.5])
    return world


@pytest.mark.parametrize("files", ["trips/{month}.*", "trips/{month}.xlsx"])
def test_what_came_in_another_form_before_is_read_as_it_came(reshaped: World, files: str) -> None:
    reshaped.write("sources/tms.yaml", _form(SHEET, files))
    reshaped.ingest("2026-01", "2026-02")
    # 1.234 in a text with thousands points are 1234 km, 12.345 typed into a cell are 12.345
    expected = [("T1", 1234.0), ("T3", 12.345)]
    assert reshaped.values("trip", "trip_id", "distance_km") == expected
    before = reshaped.hashes()
    reshaped.ingest("2026-01", "2026-02")
    assert reshaped.hashes() == before
    # columns are those of now, so that "zehn" is no fault any more: 0,5 in the text and 0.5 in the cell
    reshaped.write("sources/tms.yaml", _form(SHEET).replace("km, empty_km: empty", "empty, empty_km: {value: '0'}"))
    reshaped.ingest("2026-01", "2026-02")
    assert reshaped.values("trip", "trip_id", "distance_km") == [("T1", 0.5), ("T2", 0.5), ("T3", 0.5)]


def test_a_key_met_again_in_a_new_form_is_settled_beside_the_old_one(reshaped: World) -> None:
    reshaped.write("sources/tms.yaml", _form(SHEET, "trips/{month}.xlsx") + "rows: state\n")
    _workbook(reshaped, "trips/2026-02.xlsx", ["T1", "沪A12345", "2026-02-05 08:00", 7, 0.5])
    reshaped.ingest("2026-02")
    assert reshaped.values("trip", "trip_id", "distance_km") == [("T1", 7.0)]
    assert ["superseded"] in [reasons for _, reasons in reshaped.refused("trip")]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ('as: csv, delimiter: ";", encoding: latin-1, decimal: ",", thousands: "."', COMMA),
        ('as: csv, delimiter: ";", encoding: gb18030', COMMA),
    ],
)
def test_a_form_that_was_declared_wrong_counts_no_more_once_it_is_corrected(
    world: World, wrong: str, right: str
) -> None:
    line = "T1;沪A12345;2026-01-05 08:00;1.234;0"
    world.write("extracts/trips/2026-01.csv", f"{TRIP.replace(',', ';')}\n{line}\n", encoding="gb18030")
    world.write("sources/tms.yaml", _form(wrong))
    world.ingest()
    world.write("sources/tms.yaml", _form(right))
    world.ingest()
    assert world.values("trip", "trip_id", "distance_km") == [("T1", 1234.0)]


def test_a_form_that_serves_neither_now_nor_then_is_named_with_what_to_do(reshaped: World) -> None:
    reshaped.write("sources/tms.yaml", _form(SHEET).replace("trip_id: no", "trip_id: 行程号"))
    before = reshaped.hashes()
    error = reshaped.attempt("2026-01", "2026-02")["tms"].error
    assert error is not None
    assert "was read in another form before" in error.what
    assert "missing column / 缺少列: '行程号'" in error.what
    assert "source tms" in error.where and "trips/2026-01.csv" in error.where
    assert "a source of its own" in error.todo
    assert reshaped.hashes() == before


def test_a_file_that_is_new_has_the_declared_form_only(reshaped: World) -> None:
    reshaped.deliver("trips/2026-03.csv", TRIP, "T4,沪A12345,2026-03-05 08:00,1,0")
    error = reshaped.attempt("2026-03")["tms"].error
    assert error is not None and "another form" not in error.what


@pytest.mark.parametrize("typed", [1.234, "1,234"])
def test_a_corrected_row_is_written_like_the_extract_it_stood_in(
    reshaped: World, tmp_path: Path, typed: object
) -> None:
    reshaped.ingest("2026-01", "2026-02")
    enterprise = reshaped.enterprise
    quarantine.export(quarantine.refused(enterprise), tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert [cell.value for cell in book["tms"][1]][3] == "km"
    book["tms"].cell(2, 4).value = typed
    book.save(tmp_path / "out.xlsx")
    [outcome] = quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert outcome.error is None
    # empty_km was 0,5 in the text
    expected = [("T1", 1234.0, 0.5), ("T2", 1.234, 0.5), ("T3", 12.345, 0.5)]
    assert reshaped.values("trip", "trip_id", "distance_km", "empty_km") == expected
    reshaped.write("sources/tms.yaml", _form(SHEET) + "timezone: UTC\n")  # all is judged again
    reshaped.ingest("2026-01", "2026-02")
    assert reshaped.values("trip", "trip_id", "distance_km", "empty_km") == expected


def test_corrections_of_files_with_other_signs_come_in_workbooks_of_their_own(reshaped: World, tmp_path: Path) -> None:
    _workbook(reshaped, "trips/2026-02.xlsx", ["T3", "沪A12345", "2026-02-05 08:00", "zehn", 0.5])
    reshaped.ingest("2026-01", "2026-02")
    enterprise = reshaped.enterprise
    quarantine.export(quarantine.refused(enterprise), tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    book["tms"].cell(2, 4).value = "1,5"
    book["tms"].cell(3, 4).value = "1.5"
    book.save(tmp_path / "out.xlsx")
    with pytest.raises(SourceError, match="written in different ways"):
        quarantine.resubmit(enterprise, tmp_path / "out.xlsx")


# --- prepare


def _prepare(world: World, body: str) -> None:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    world.write("sources/tms.py", f"import pandas as pd\n\n\ndef prepare(raw):\n{indented}\n")


def test_a_layout_of_its_own_is_prepared(trips: World) -> None:
    _prepare(trips, 'return raw.assign(km=raw["km"].str.removesuffix("公里"))')
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10公里,1")
    trips.ingest()
    assert trips.values("trip", "distance_km", "row_number") == [(10.0, 2)]


def test_a_changed_prepare_is_applied_to_what_was_taken_in_before(trips: World) -> None:
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    _prepare(trips, 'return raw.assign(km="20")')
    trips.ingest()
    assert trips.values("trip", "distance_km") == [(20.0,)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return raw.nothing", "AttributeError"),
        ("return None", "AttributeError"),
        ('return raw.drop(columns="row_number")', "prepare must keep row_number"),
        ('return raw.assign(row_number="x")', "ValueError"),
        ("return raw.assign(row_number=None)", "TypeError"),
        ('return raw.drop(columns="km")', "missing column"),
        ("import no_such_module", "ModuleNotFoundError"),
    ],
)
def test_a_prepare_that_fails_is_named_and_only_its_source_fails(trips: World, body: str, said: str) -> None:
    trips.write("sources/ami.yaml", READINGS)
    _prepare(trips, body)
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    outcomes = trips.attempt()
    assert said in str(outcomes["tms"].error)
    assert "tms" in str(outcomes["tms"].error)
    assert outcomes["ami"].error is None


@pytest.mark.parametrize("empty", ["None", "pd.NA", 'float("nan")', "pd.NaT", '""'])
def test_whatever_pandas_calls_missing_is_an_empty_cell(trips: World, empty: str) -> None:
    _prepare(trips, f"return raw.assign(empty={empty})")
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1")
    trips.ingest()
    assert trips.values("trip", "empty_km") == [(None,)]


def test_a_row_whose_fields_have_shifted_stays_refused_whatever_a_prepare_keeps(trips: World) -> None:
    _prepare(trips, "return raw[['row_number', *" + repr(TRIP.split(",")) + "]]")
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10,1", "T2,沪A12345,2026-01-06 08:00,1200,1,0")
    trips.ingest()
    assert trips.values("trip", "trip_id", "distance_km") == [("T1", 10.0)]
    assert trips.refused("trip") == [(3, ["row: ragged_row"])]


def test_numbers_a_prepare_made_are_read_as_they_are(trips: World) -> None:
    _prepare(trips, 'return raw.assign(km=raw["km"].astype(float) * 2)')
    trips.deliver("trips/1.csv", TRIP, "T1,沪A12345,2026-01-05 08:00,10.25,1")
    trips.ingest()
    assert trips.values("trip", "distance_km") == [(20.5,)]


# --- databases


@pytest.fixture
def database(world: World) -> World:
    """The small enterprise with a trip table in a database."""
    world.write(
        "sources/tms.yaml",
        "contract: trip\nread: {as: sql, url: 'sqlite:///tms.sqlite', table: trip, watermark: changed, overlap: 2d}\n"
        "rows: state\ncolumns: {trip_id: no, vehicle_id: plate, started_at: start, distance_km: km}\n",
    )
    (world.folder / "extracts").mkdir()
    _sql(world, "create table trip (no text primary key, plate text, start text, km real, changed text)")
    return world


def _sql(world: World, *statements: str) -> None:
    with sqlite3.connect(world.folder / "extracts/tms.sqlite") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_second_pull_without_changes_changes_no_clean_byte(database: World) -> None:
    for day in range(1, 8):
        _sql(
            database,
            f"insert into trip values ('T{day}', '沪A12345', '2026-01-0{day} 08:00', {day}, '2026-01-0{day} 09:00:00')",
        )
    database.ingest()
    before = database.hashes()
    for _ in range(3):
        database.ingest()
        assert database.hashes() == before
    assert database.clean("trip").height == 7


def test_a_pull_takes_in_new_rows_and_those_changed_within_the_overlap(database: World) -> None:
    _sql(
        database,
        "insert into trip values ('T1', '沪A12345', '2026-01-01 08:00', 1, '2026-01-01 09:00:00')",
        "insert into trip values ('T2', '沪A12345', '2026-01-05 08:00', 2, '2026-01-05 09:00:00')",
    )
    database.ingest()
    _sql(
        database,
        "insert into trip values ('T3', '沪A12345', '2026-01-06 08:00', 3, '2026-01-06 09:00:00')",
        "update trip set km = 22, changed = '2026-01-06 10:00:00' where no = 'T2'",
    )
    database.ingest()
    assert database.values("trip", "trip_id", "distance_km") == [("T1", 1.0), ("T2", 22.0), ("T3", 3.0)]
    assert [entry["watermark"] for entry in database.enterprise.lake.extracts("trip")] == [
        "2026-01-05 09:00:00",
        "2026-01-06 10:00:00",
    ]
    database.ingest()
    assert database.values("trip", "trip_id", "distance_km") == [("T1", 1.0), ("T2", 22.0), ("T3", 3.0)]


def test_a_watermark_may_be_a_number(database: World) -> None:
    database.write(
        "sources/tms.yaml",
        "contract: trip\nread: {as: sql, url: 'sqlite:///tms.sqlite', table: t2, watermark: id, overlap: '1'}\n"
        "columns: {trip_id: no, vehicle_id: plate, started_at: start, distance_km: km}\n",
    )
    _sql(database, "create table t2 (id integer primary key, no text, plate text, start text, km real)")
    for number in (8, 9, 10):  # as texts 10 would lie before 9
        _sql(database, f"insert into t2 values ({number}, 'T{number}', '沪A12345', '2026-01-05 08:00', {number})")
    database.ingest()
    _sql(database, "insert into t2 values (11, 'T11', '沪A12345', '2026-01-05 08:00', 11)")
    outcome = database.ingest()["tms"]
    added = [entry for entry in outcome.extracts if entry["name"] == "t2@10"]
    assert [(entry["rows"], entry["accepted"], entry["duplicates"], entry["watermark"]) for entry in added] == [
        (3, 1, 2, "11")
    ]
    assert database.clean("trip").height == 4


def test_a_table_without_a_watermark_is_pulled_whole_and_replaces_itself(database: World) -> None:
    database.write(
        "sources/tms.yaml",
        "contract: trip\nread: {as: sql, url: 'sqlite:///tms.sqlite', table: trip}\n"
        "columns: {trip_id: no, vehicle_id: plate, started_at: start, distance_km: km}\n",
    )
    for number in (1, 2):
        _sql(database, f"insert into trip values ('T{number}', '沪A12345', '2026-01-05 08:00', {number}, '')")
    database.ingest()
    _sql(database, "delete from trip where no = 'T1'", "update trip set km = 5")
    database.ingest()
    assert database.values("trip", "trip_id", "distance_km") == [("T2", 5.0)]


def test_a_database_that_is_away_leaves_what_was_pulled_before(database: World) -> None:
    _sql(database, "insert into trip values ('T1', '沪A12345', '2026-01-05 08:00', 1, '2026-01-01 09:00:00')")
    database.ingest()
    (database.folder / "extracts/tms.sqlite").rename(database.folder / "extracts/away")
    assert database.attempt()["tms"].error is not None
    assert database.values("trip", "trip_id") == [("T1",)]
    assert [path.name for path in (database.folder / "data/landing").glob(".*")] == []


# --- properties


def _taken(folder: Path, lines: list[str]) -> tuple[World, Outcome]:
    shutil.rmtree(folder, ignore_errors=True)
    world = make(folder, [("ami", READINGS)])
    world.deliver("readings/2026-01.csv", HEAD, *lines)
    return world, world.ingest()["ami"]


_FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_READING = st.tuples(
    st.sampled_from(["E-0001", "E-0002", "E-0003", ""]),
    st.sampled_from(
        [
            f"2026-01-{day:02d} {hour:02d}:{minute}"
            for day in (1, 15, 31)
            for hour in (0, 23)
            for minute in ("00", "15", "07")
        ]
    ),
    st.sampled_from(["1", "2", "-1", "x", ""]),
    st.sampled_from(["kWh", "度", "m3"]),
)


@_FEW
@given(rows=st.lists(_READING, min_size=2, max_size=25), seed=st.integers(0, 9))
def test_the_order_of_rows_changes_no_clean_row(tmp_path: Path, rows: list[tuple[str, ...]], seed: int) -> None:
    lines = [",".join(row) for row in rows]
    shuffled = random.Random(seed).sample(lines, len(lines))  # noqa: S311 - no secret
    world, outcome = _taken(tmp_path / "group", lines)
    before, balance = (
        world.values("meter_reading", "meter_id", "read_at", "register", "unit", "is_conflicting"),
        _balance(outcome),
    )
    world, outcome = _taken(tmp_path / "group", shuffled)
    assert world.values("meter_reading", "meter_id", "read_at", "register", "unit", "is_conflicting") == before
    assert _balance(outcome) == balance


@_FEW
@given(rows=st.lists(_READING, min_size=1, max_size=25))
def test_no_row_is_lost_or_invented(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    world, outcome = _taken(tmp_path / "group", [",".join(row) for row in rows])
    read, accepted, refused, duplicates = _balance(outcome)
    assert read == len(rows) == accepted + refused + duplicates
    assert (world.clean("meter_reading").height, len(world.refused("meter_reading"))) == (accepted, refused)


@_FEW
@given(rows=st.lists(_READING, min_size=4, max_size=12), cut=st.integers(1, 3))
def test_it_makes_no_difference_over_how_many_files_readings_come(
    tmp_path: Path, rows: list[tuple[str, ...]], cut: int
) -> None:
    lines = [",".join(row) for row in rows]
    world, _ = _taken(tmp_path / "group", lines)
    columns = ("meter_id", "read_at", "register", "unit", "is_conflicting")
    before = world.values("meter_reading", *columns)
    world, _ = _taken(tmp_path / "group", lines[:cut])
    world.deliver("readings/2026-01-rest.csv", HEAD, *lines[cut:])
    world.ingest()
    assert world.values("meter_reading", *columns) == before


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=5), min_size=2, max_size=4)
)
def test_it_makes_no_difference_whether_files_come_one_by_one(files: list[list[tuple[int, int]]]) -> None:
    def taken_in(step: bool) -> tuple[Any, ...]:
        with TemporaryDirectory() as scratch:
            world = make(Path(scratch) / "group", [("ami", READINGS)])
            for number, rows in enumerate(files):
                lines = [f"E-0001,2026-01-05 {hour:02d}:00:00,{value},kWh" for hour, value in rows]
                world.deliver(f"readings/2026-01-{number}.csv", "表号,时间,示数,单位", *lines)
                if step:
                    world.ingest()
            world.ingest()
            entries = world.enterprise.lake.extracts("meter_reading")
            counts = [
                [one[name] for name in ("name", "rows", "accepted", "refused", "duplicates", "flagged")]
                for one in entries
            ]
            return counts, world.hashes("data/clean/meter_reading"), world.refused("meter_reading")

    assert taken_in(step=True) == taken_in(step=False)


def test_clean_files_name_no_clock_and_no_run(readings: World, tmp_path: Path) -> None:
    lines = [HEAD, "E-0001,2026-01-01 08:00,100,kWh", "E-0001,2026-01-01 08:00,x,kWh"]
    readings.deliver("readings/2026-01.csv", *lines)
    readings.ingest()
    other = make(tmp_path / "elsewhere", [("ami", READINGS)])
    other.deliver("readings/2026-01.csv", *lines)
    other.ingest()
    assert readings.hashes() == other.hashes()
    assert readings.hashes("data/quarantine") == other.hashes("data/quarantine")


def test_a_clean_row_has_the_columns_of_its_contract_and_no_others(readings: World) -> None:
    from schemas.contract import contract

    readings.deliver("readings/2026-01.csv", HEAD, "E-0001,2026-01-01 08:00,100,kWh")
    readings.ingest()
    frame = readings.clean("meter_reading")
    assert dict(frame.schema.items()) == {
        column.name: column.dtype if not isinstance(column.dtype, pl.Datetime) else pl.Datetime("us", "UTC")
        for column in contract("meter_reading").kept
    }
