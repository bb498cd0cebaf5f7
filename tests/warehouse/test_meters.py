"""Registers that roll over, fall, leap or fall silent: what is booked, what is not, and what is said about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.world import READINGS, World, make
from warehouse import meters
from warehouse.marts import Warehouse
from warehouse.meter_series import Calendar, Registers, Series, per_kw

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 1, 1, tzinfo=SHANGHAI)
ROW: dict[str, Any] = {
    "meter_row": 1, "meter_id": "M", "meter": 0, "is_interval": False, "register_max": None, "unit": "kWh", "carrier": "electricity",
    "interval_us": None, "limit": np.inf, "point": "M", "timezone": "Asia/Shanghai", "start": -(1 << 60), "end": 1 << 60, "is_dated": False,
}  # fmt: skip
TYPES = {"register_max": pl.Float64, "interval_us": pl.Int64, "limit": pl.Float64}
HOUR = 3_600_000_000


def us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def judged(
    readings: Iterable[tuple[datetime, float]],
    *more: Iterable[tuple[datetime, float]],
    horizon: datetime | None = None,
    rows: tuple[dict[str, Any], ...] = ({},),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parts and events of one meter (or one a series of readings), whose rows differ from `ROW` as said."""
    frames = [
        pl.DataFrame({"meter": n, "at": [us(at) for at, _ in some], "register": [float(value) for _, value in some], "estimated": False,
                      "conflicting": False, "file": 0, "row_number": range(1, len(some) + 1)})
        for n, some in enumerate(list(one) for one in (readings, *more))
    ]  # fmt: skip
    frame = pl.concat(frames).with_columns(pl.col("file", "row_number").cast(pl.Int64))
    table = pl.DataFrame([{**ROW, "meter_row": n + 1, **row} for n, row in enumerate(rows)], schema_overrides=TYPES)
    low, high = int(frame["at"].min()), int(frame["at"].max())  # type: ignore[arg-type]
    return Series(
        frame, Registers(table), Calendar(low - 1, high, "Asia/Shanghai"), us(horizon) if horizon else high
    ).settle()


def hours(values: Iterable[float], start: datetime = START) -> list[tuple[datetime, float]]:
    return [(start + timedelta(hours=n), value) for n, value in enumerate(values)]


def ramp(count: int, rate: float = 2.0, base: float = 5_000.0) -> list[float]:
    return [base + rate * n for n in range(count)]


def booked(parts: pl.DataFrame) -> float:
    return float(parts.select(pl.col("measured") + pl.col("estimated")).sum().item()) / 1e6


def told(events: pl.DataFrame) -> list[tuple[str, str, float | None]]:
    return [
        (kind, decision, None if amount is None else round(amount, 6))
        for kind, decision, amount in events.select("kind", "decision", "amount").iter_rows()
    ]


HOURLY = {"interval_us": HOUR}


def test_a_counter_that_only_rises_counts_its_rise_and_nothing_happened() -> None:
    parts, events = judged(hours(ramp(400)), rows=(HOURLY,))
    assert (booked(parts), told(events)) == (798.0, [])


def test_a_register_rolls_over() -> None:
    values = [(9_900 + 2.0 * n) % 10_000 for n in range(400)]
    parts, events = judged(hours(values), rows=({**HOURLY, "register_max": 10_000.0},))
    assert (booked(parts), told(events)) == (798.0, [("rollover", "counted_through_zero", 2.0)])


def test_a_fall_from_the_top_that_the_supply_cannot_have_delivered_is_a_reset_where_the_maximum_is_declared() -> None:
    values = ramp(200, base=9_200.0) + [
        2.0 * n for n in range(200)
    ]  # 9,598 to 0: 401 in an hour of which each brings 2
    row = {**HOURLY, "register_max": 9_999.0}
    _, doubted = judged(hours(values), rows=(row,))
    _, known = judged(hours(values), rows=({**row, "limit": 3 * per_kw("electricity", "kWh")},))
    assert told(doubted) == [("rollover", "counted_in_doubt", 401.0)]
    assert told(known) == [("reset", "counted_from_zero", 0.0)]


def test_a_register_that_is_set_back_counts_from_zero() -> None:
    values = ramp(200) + [2.0 * n for n in range(1, 201)]
    parts, events = judged(hours(values), rows=(HOURLY,))
    # 199 steps of 2, then 2 shown after the reset, then 199 steps of 2
    assert (booked(parts), told(events)) == (798.0, [("reset", "counted_from_zero", 2.0)])


@pytest.mark.parametrize("shown", [0.0, 12.5])
@pytest.mark.parametrize("run", [1, 3])
def test_a_glitch_counts_for_nothing_and_what_lies_around_it_is_kept(shown: float, run: int) -> None:
    values = ramp(400)
    values[150 : 150 + run] = [shown] * run
    parts, events = judged(hours(values), rows=(HOURLY,))
    # the readings before and after lie run + 1 hours apart
    assert (booked(parts), told(events)) == (798.0, [("zero_glitch", "left_out", 2.0 * (run + 1))])
    assert events["n"].to_list() == [run]


def test_a_glitch_near_the_end_of_the_range_is_no_rollover() -> None:
    values = ramp(400, base=9_000.0)
    values[150] = 0.0
    parts, events = judged(hours(values), rows=({**HOURLY, "register_max": 9_999.0},))
    assert (booked(parts), [kind for kind, *_ in told(events)]) == (798.0, ["zero_glitch"])


def test_a_register_stuck_at_zero_for_days_goes_on_where_it_was() -> None:
    values = ramp(400)
    values[100:172] = [0.0] * 72
    parts, events = judged(hours(values), rows=(HOURLY,))
    assert (booked(parts), told(events)[0]) == (798.0, ("zero_glitch", "left_out", 146.0))


@pytest.mark.parametrize("declared", [True, False])
def test_a_spike_that_comes_back_is_left_out(declared: bool) -> None:
    values = ramp(400)
    values[150] += 5_000
    limit = 3 * per_kw("electricity", "kWh") if declared else np.inf
    parts, events = judged(hours(values), rows=({**HOURLY, "limit": limit},))
    assert (booked(parts), told(events)) == (798.0, [("spike", "left_out", 4.0)])
    assert events["row_number"].to_list() == [151]


def test_a_spike_among_few_readings_is_seen_when_it_comes_back() -> None:
    parts, events = judged(hours([100.0, 101.0, 500.0, 102.0, 103.0]))
    assert (booked(parts), told(events)) == (3.0, [("spike", "left_out", 1.0)])


def test_a_leap_that_lasts_is_not_booked_but_estimated_and_flagged() -> None:
    values = ramp(600)
    # small enough that the meter gets there by itself within two days
    values[400:] = [value + 60 for value in values[400:]]
    parts, events = judged(hours(values), rows=(HOURLY,))
    assert told(events) == [("jump", "estimated", 2.0)]
    # 598 steps of 2 are measured, one hour is like its weekday and hour
    assert (parts["measured"].sum() / 1e6, booked(parts)) == (1_196.0, 1_198.0)


def test_the_physical_maximum_is_in_the_unit_of_the_register_and_before_the_transformer() -> None:
    # 3 kW with a ratio of 10 is 0.3 kWh an hour on the register: 2 an hour is too much, every step of it
    assert per_kw("electricity", "kWh") * HOUR == pytest.approx(1.0)
    assert per_kw("electricity", "MWh") * HOUR == pytest.approx(0.001)
    assert per_kw("heat", "GJ") * HOUR == pytest.approx(0.0036)
    assert per_kw("water", "m3") == np.inf


@pytest.mark.parametrize(("ratio", "lasts"), [(1_000.0, True), (1_000.0, False), (10_000.0, False)])
def test_readings_in_another_unit_are_brought_back(ratio: float, lasts: bool) -> None:
    values = ramp(600, rate=20.0, base=60_000.0)
    until = 600 if lasts else 450
    values[300:until] = [round(value / ratio, 4) for value in values[300:until]]
    parts, events = judged(hours(values), rows=(HOURLY,))
    assert [kind for kind, *_ in told(events)] == ["unit_swap"]
    # four decimals of the larger unit are 0.1 kWh, or 1
    assert booked(parts) == pytest.approx(599 * 20.0, abs=0.0001 * ratio if lasts else 1e-6)


def test_of_two_values_for_one_instant_the_lower_counts_and_the_other_is_listed() -> None:
    readings = hours(ramp(400))
    readings.insert(101, (readings[100][0], readings[100][1] + 0.5))
    parts, events = judged(readings, rows=(HOURLY,))
    assert (booked(parts), told(events), events["row_number"].to_list()) == (
        798.0,
        [("duplicate_value", "lower_counts", None)],
        [102],
    )


def test_a_counter_has_counted_through_an_outage() -> None:
    readings = hours(ramp(600))
    parts, events = judged(readings[:200] + readings[272:], rows=(HOURLY,))
    # 199 -> 272 is 73 hours, 72 of them without a reading
    assert (booked(parts), told(events)) == (1_198.0, [("gap", "counted_at_return", 146.0)])
    assert parts["covered_us"].sum() == (599 - 72) * HOUR
    assert parts["known_us"].sum() == 599 * HOUR


def test_an_outage_over_a_months_end_is_cut_by_the_meters_own_weeks() -> None:
    # idle on Sundays, else 10 an hour: Jan 31 2026 is a Saturday, Feb 1 a Sunday
    readings, value = [], 0.0
    for n in range(24 * 42):
        at = START + timedelta(hours=n)
        readings.append((at, value))
        value += 0.0 if at.weekday() == 6 else 10.0
    saturday = 24 * 30
    parts, events = judged(readings[: saturday + 1] + readings[saturday + 48 :], rows=(HOURLY,))
    found = dict(parts.select("month", (pl.col("measured") + pl.col("estimated")) / 1e6).iter_rows())
    # by time both months would get 120 of the 240; it was Saturday's
    assert found["2026-01"] == pytest.approx(27 * 240.0)
    assert told(events) == [("gap", "spread_over_gap", 240.0)]
    assert parts["estimated"].sum() == 240_000_000
    assert parts["weekday_profile"].sum() == 2


INTERVAL = {**HOURLY, "is_interval": True}


def test_missing_intervals_are_like_those_of_their_weekday_and_hour() -> None:
    readings = [
        (START + timedelta(hours=n + 1), 10.0 if (START + timedelta(hours=n)).weekday() < 5 else 1.0)
        for n in range(24 * 28)
    ]
    monday = 24 * 11  # Jan 12
    parts, events = judged(readings[: monday - 24] + readings[monday + 24 :], rows=(INTERVAL,))
    # a Sunday of 24 and a Monday of 240
    assert told(events) == [("gap", "estimated", 264.0)]
    assert (parts["estimated"].sum() / 1e6, booked(parts)) == (264.0, 20 * 240.0 + 8 * 24.0)
    assert parts["known_us"].sum() == 28 * 24 * HOUR


def test_without_weeks_of_readings_a_short_hole_lies_between_its_neighbours_and_a_long_one_is_unknown() -> None:
    readings = [(START + timedelta(hours=n + 1), 10.0 if n < 50 else 20.0) for n in range(100)]
    short, events = judged(readings[:49] + readings[51:], rows=(INTERVAL,))
    assert (told(events), short["neighbour_interpolation"].sum()) == ([("gap", "estimated", 30.0)], 1)
    long, events = judged(readings[:20] + readings[70:], rows=(INTERVAL,))
    assert told(events) == [("gap", "not_counted", None)]
    assert (booked(long), long["known_us"].sum()) == (20 * 10.0 + 30 * 20.0, 50 * HOUR)


def test_an_interval_no_supply_can_deliver_is_left_out_and_filled() -> None:
    readings = [(START + timedelta(hours=n + 1), 10.0) for n in range(24 * 20)]
    readings[200] = (readings[200][0], 9_000.0)
    parts, events = judged(readings, rows=({**INTERVAL, "limit": 12 * per_kw("electricity", "kWh")},))
    assert (told(events), booked(parts)) == ([("spike", "estimated", 10.0)], 4_800.0)


def test_the_end_of_a_month_is_filled_once_the_month_is_over() -> None:
    readings = hours(ramp(24 * 28 + 1))
    until = (START + timedelta(days=28), datetime(2026, 2, 2, tzinfo=SHANGHAI))
    open_, nothing = judged(readings, rows=(HOURLY,), horizon=until[0])
    assert (booked(open_), told(nothing)) == (28 * 48.0, [])
    over, events = judged(readings, rows=(HOURLY,), horizon=until[1])
    assert (booked(over), told(events)) == (31 * 48.0, [("gap", "estimated", 3 * 48.0)])
    # the actual arrives
    whole, events = judged(hours(ramp(24 * 31 + 1)), rows=(HOURLY,), horizon=until[1])
    assert (booked(whole), whole["estimated"].sum(), told(events)) == (31 * 48.0, 0, [])


def test_the_beginning_of_a_month_is_filled_where_the_register_says_the_meter_was_there() -> None:
    readings = hours(ramp(24 * 28), START + timedelta(days=3))
    assert booked(judged(readings, rows=(HOURLY,))[0]) == 27 * 48.0 + 23 * 2
    there = {**HOURLY, "start": us(START), "is_dated": True}
    assert booked(judged(readings, rows=(there,))[0]) == 30 * 48.0 + 23 * 2


def test_an_old_meter_and_its_successor_share_the_handover() -> None:
    noon = datetime(2026, 1, 20, tzinfo=SHANGHAI)
    old = hours(ramp(24 * 18 + 13))  # until Jan 19 12:00
    new = hours([7.0 + 2.0 * n for n in range(24 * 10)], noon + timedelta(hours=6))
    rows = (
        {**HOURLY, "point": "P", "end": us(noon)},
        {**HOURLY, "point": "P", "meter": 1, "meter_id": "N", "start": us(noon), "is_dated": True},
    )
    parts, events = judged(old, new, rows=rows)
    # 12 hours of 2 are the old meter's, 6 the new one's
    assert told(events) == [("replacement", "estimated", 24.0), ("replacement", "estimated", 12.0)]
    assert dict(parts.select("meter_row", pl.col("estimated") / 1e6).iter_rows()) == {1: 24.0, 2: 12.0}


def test_a_new_counter_under_the_old_number_is_no_reset() -> None:
    border = datetime(2026, 1, 15, tzinfo=SHANGHAI)
    readings = hours(ramp(24 * 14)) + hours([3_000.0 + 2.0 * n for n in range(24 * 14)], border)
    rows = ({**HOURLY, "end": us(border)}, {**HOURLY, "start": us(border), "is_dated": True})
    parts, events = judged(readings, rows=rows)
    assert told(events)[0][:2] == ("replacement", "estimated")
    assert booked(parts) == (24 * 28 - 1) * 2.0


# hours apart: what stands side by side is one event
faults = st.lists(
    st.tuples(
        st.sampled_from(["glitch", "spike", "gap", "again"]),
        st.builds(lambda day, hour: 30 * day + hour, st.integers(4, 15), st.integers(0, 19)),
    ),
    max_size=3,
    unique_by=lambda one: one[1] // 30,
)


def test_zeros_side_by_side_are_one_glitch() -> None:
    readings = hours(ramp(600))
    for n in (269, 270):
        readings[n] = (readings[n][0], 0.0)
    parts, events = judged(readings, rows=({**HOURLY, "limit": 45 * per_kw("electricity", "kWh")},))
    assert booked(parts) == 599 * 2.0
    assert events["kind"].to_list() == ["zero_glitch"]


@settings(max_examples=40, deadline=None)
@given(faults, st.lists(st.integers(0, 40), min_size=599, max_size=599))
def test_faults_that_come_back_change_no_energy(planted: list[tuple[str, int]], steps: list[int]) -> None:
    steps = [max(step, 1) for step in steps]
    value = [50_000.0 + float(sum_) for sum_ in np.cumsum([0, *steps])]
    readings = hours(value)
    lost = set()
    for kind, n in planted:
        at, shown = readings[n]
        if kind == "gap":
            lost |= set(range(n, n + 6))
        else:
            readings[n] = (at, {"glitch": 0.0, "spike": shown + 20_000, "again": shown}[kind])
    parts, events = judged(
        [one for n, one in enumerate(readings) if n not in lost],
        rows=({**HOURLY, "limit": 45 * per_kw("electricity", "kWh")},),
    )
    assert booked(parts) == value[-1] - value[0]
    assert sorted(kind for kind, *_ in told(events)) == sorted(
        {"glitch": "zero_glitch"}.get(kind, kind) for kind, _ in planted if kind != "again"
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path / "group", [("ami", READINGS)])


METERS = "meter_id,site_id,carrier,register_kind,interval_min,unit,register_max,multiplier\n"
LINES = [
    *((f"A,{{}},{100 + 3 * n},kWh", n) for n in range(24 * 31)),
    *(
        (f"B,{{}},{round((9_000 + 3.25 * n) % 9_999.99, 2)},kWh", n)
        for n in range(24 * 31)
        if n not in (40, 41, 42, 43, 44, 45)
    ),
    *((f"C,{{}},{0 if n == 300 else 20_000 + 5 * n},kWh", n) for n in range(24 * 31)),
    *((f"D,{{}},{1 + n % 7},kWh", n + 1) for n in range(24 * 31) if n % 97),
]


def figures(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    world.ingest()
    with Warehouse(world.enterprise) as warehouse:
        warehouse.mart("meter_month")
        warehouse.mart("meter_event")
        event = warehouse.frame("mart.meter_event").drop("source", "extract_id", "row_number")
        return warehouse.frame("mart.meter_month"), event.sort(event.columns)


def delivered(world: World, parts: int, name: str = "readings/2026-01") -> None:
    world.write("reference/meter.csv", METERS + "".join(
        f"{meter},SH-W01,electricity,{kind},60,kWh,{top},\n" for meter, kind, top in
        (("A", "cumulative", ""), ("B", "cumulative", "9999.99"), ("C", "cumulative", ""), ("D", "interval", ""))
    ))  # fmt: skip
    lines = [(line.format((START + timedelta(hours=n)).strftime("%Y-%m-%d %H:%M:%S")), n) for line, n in LINES]
    for part in range(parts):
        low, high = (24 * 31 * k // parts for k in (part, part + 1))
        some = [line for line, n in lines if low <= n < high or (n == 24 * 31 and part == parts - 1)]
        world.deliver(f"{name}-{part:02d}.csv", "表号,时间,示数,单位", *some)


def test_it_makes_no_difference_how_readings_are_cut_into_files_or_read_in_full(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(world, 1)
    one = figures(world)
    assert set(one[1]["kind"]) == {"rollover", "gap", "zero_glitch", "estimated"}
    other = make(tmp_path / "other", [("ami", READINGS)])
    delivered(other, 9)
    assert [a.equals(b) for a, b in zip(one, figures(other), strict=True)] == [True, True]
    monkeypatch.setattr(meters._Chain, "suspects", lambda self: np.unique(self.row))
    full = make(tmp_path / "full", [("ami", READINGS)])
    delivered(full, 3)
    assert [a.equals(b) for a, b in zip(one, figures(full), strict=True)] == [True, True]


def test_a_late_file_reads_in_full_the_meters_it_is_about_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered(world, 4)
    whole, _ = figures(world)
    late = [
        line.format((START + timedelta(hours=n)).strftime("%Y-%m-%d %H:%M:%S"))
        for line, n in LINES
        if line.startswith("A") and n % 5 == 0
    ]
    for part in range(4):
        path = world.folder / f"extracts/readings/2026-01-{part:02d}.csv"
        path.write_text(
            "".join(line for line in path.read_text().splitlines(keepends=True) if line.strip() not in late)
        )
    figures(world)
    world.deliver("readings/2026-01-late.csv", "表号,时间,示数,单位", *late)
    read: list[Any] = []
    summed: list[str] = []
    inner, task = meters._in_full, meters.task
    monkeypatch.setattr(meters, "_in_full", lambda *given: read.append(given[4].tolist()) or inner(*given))
    monkeypatch.setattr(meters, "task", lambda spec: summed.append(spec["file"]) or task(spec))
    found, _ = figures(world)
    assert found.equals(whole)
    assert len(summed) == 1
    # B, C and D, at which something is off too, have been read before
    assert read == [[0]]


def staged(world: World) -> list[pl.DataFrame]:
    world.ingest("2026-01", "2026-02")
    with Warehouse(world.enterprise) as warehouse:
        return [warehouse.frame(name).sort(pl.all()) for name in (*meters.TABLES, "staged.meter_file")]


@pytest.mark.parametrize("change", ["late values", "a file corrected", "a later month", "another register"])
def test_what_is_kept_of_other_meters_is_what_would_be_made_of_them_anew(world: World, change: str) -> None:
    delivered(world, 4)
    before = staged(world)
    path = world.folder / "extracts/readings/2026-01-01.csv"
    head, *lines = path.read_text().splitlines()
    if change == "late values":
        world.deliver(
            "readings/2026-01-00-late.csv", head, "A,2026-01-03 04:00:00,5,kWh", "C,2026-01-03 04:00:00,6,kWh"
        )
    elif change == "a file corrected":
        path.write_text("\n".join([head, *(line for line in lines if not line.startswith("B"))]))
    elif change == "a later month":
        world.deliver("readings/2026-02.csv", head, "A,2026-02-03 04:00:00,90000,kWh")
    else:
        meter = world.folder / "reference/meter.csv"
        meter.write_text(meter.read_text().replace("9999.99", "99999.99"))
    found = staged(world)
    assert any(not a.equals(b) for a, b in zip(found, before, strict=True))
    shutil.rmtree(world.folder / "data/segment")
    assert [a.equals(b) for a, b in zip(found, staged(world), strict=True)] == [True] * 4


def test_the_same_files_in_another_order_come_to_the_same(world: World) -> None:
    delivered(world, 4)
    staged(world)
    lake = world.enterprise.lake
    first, *_, last = lake.extracts("meter_reading")
    first["order"], last["order"] = last["order"], first["order"]
    lake.commit()
    found = []
    for _ in range(2):
        with Warehouse(world.enterprise) as warehouse:
            found.append([warehouse.frame(name).sort(pl.all()) for name in meters.TABLES])
        shutil.rmtree(world.folder / "data/segment")
    assert [a.equals(b) for a, b in zip(*found, strict=True)] == [True] * 3


def test_utc_is_not_the_clock_of_the_site() -> None:
    assert START.astimezone(UTC).day == 31
