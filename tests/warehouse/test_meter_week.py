"""Hours in which a meter is far from its own week: what is found, and what must not be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from tests.warehouse.bare import bare, of
from tests.world import READINGS, World, make
from warehouse import meter_week
from warehouse.marts import Warehouse
from warehouse.meter_series import clock_hours

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000_000
JANUARY = clock_hours(np.array([int(datetime(2026, 1, 1, tzinfo=SHANGHAI).timestamp()) * 1_000_000]), "Asia/Shanghai")[
    0
]
SLOT = np.arange(168)
TWO_SHIFTS = np.where((SLOT < 120) & (SLOT % 24 >= 6) & (SLOT % 24 < 22), 100.0, 15.0)


def week(*values: float, weeks: int = 6) -> np.ndarray[Any, Any]:
    """A meter that uses 10 an hour, but in the hour 50 of its weeks these values."""
    rate = np.full((weeks, 1, 168), 10.0, dtype=np.float32)
    rate[: len(values), 0, 50] = values
    return rate


def noise(rng: np.random.Generator, weeks: int, meters: int = 60, share: float = 0.15) -> np.ndarray[Any, Any]:
    """Two shifts on weekdays, and noise in every hour."""
    return (TWO_SHIFTS * (1 + share * rng.standard_normal((weeks, meters, 168)))).clip(0).astype(np.float32)


def listed(rate: np.ndarray[Any, Any]) -> list[tuple[Any, ...]]:
    """What the mart lists of such meters, whose first week begins on Monday, 2026-01-05, in Shanghai."""
    (number, meter, slot), expected, score, weeks = meter_week.judged(rate)
    frame = pl.DataFrame({
        "meter_row": meter + 1, "hour": JANUARY + 4 * 24 + number * 168 + slot, "actual": rate[number, meter, slot], "expected": expected,
        "score": score, "weeks": weeks,
    })  # fmt: skip
    meters = [{"meter_id": f"M{n:04}", "site_id": "A", "carrier": "electricity", "register_kind": "cumulative", "unit": "kWh"}
              for n in range(rate.shape[1])]  # fmt: skip
    sites = [{"site_id": "A", "legal_entity_id": "LE1"}]
    given = {
        "clean.meter": meters,
        "clean.site": sites,
        "meta.arrival": [{"contract": "meter_reading", "source": "s", "month": "2026-01"}],
    }
    connection = bare(given, "meter_anomaly", live=["meter_anomaly"])
    connection.register("far", frame.to_arrow())
    connection.execute("insert into staged.meter_hour by name select * from far")
    return of(connection, "select meter_id, from_at, to_at, hours, reason from mart.meter_anomaly")


def test_an_hour_is_beside_the_median_of_the_same_hour_of_the_other_weeks() -> None:
    # the others of 30 are 8, 9, 10, 11, 12: median 10. Deviations from the middle of all, 10.5: 0.5 0.5 1.5 1.5 2.5 19.5, median 1.5;
    # 1.4826 x 1.2 (six values) x 1.5 = 2.66868, and (30 - 10) / 2.66868 = 7.494
    where, expected, score, weeks = meter_week.judged(week(8, 9, 10, 11, 12, 30))
    assert [index.tolist() for index in where] == [[5], [0], [50]]
    assert (expected.tolist(), weeks.tolist()) == ([10.0], [5])
    assert score.tolist() == [pytest.approx(7.49434, abs=1e-4)]


def test_a_steady_meter_has_a_spread_of_a_twentieth_of_its_mean_hour() -> None:
    _, _, score, _ = meter_week.judged(week(10, 10, 15, 8.5))
    # (15 - 10) / 0.5; 8.5 is three spreads below
    assert score.tolist() == [10.0]


def test_less_than_a_fifth_is_nothing() -> None:
    rate = np.repeat(TWO_SHIFTS[None, None, :], 6, axis=0).astype(np.float32)
    rate[2, 0, 8], rate[3, 0, 8] = 119.0, 121.0  # of 100, whose spread is a twentieth of 55
    (number, *_), _, score, _ = meter_week.judged(rate)
    assert (number.tolist(), bool((score > 3.5).all())) == ([3], True)


def test_fewer_than_four_other_weeks_give_no_verdict() -> None:
    for weeks, found in ((4, 0), (5, 1)):
        assert meter_week.judged(week(10, 90, weeks=weeks))[2].size == found
    unknown = week(10, 90, np.nan, np.nan)
    assert meter_week.judged(unknown)[2].size == 0


def test_a_meter_that_is_used_at_random_has_no_week() -> None:
    rng = np.random.default_rng(7)
    assert meter_week.judged((rng.random((9, 40, 168)) < 0.3).astype(np.float32) * 50)[2].size == 0


def test_a_meter_that_stands_still_is_found_when_it_runs() -> None:
    rate = np.zeros((6, 2, 168), dtype=np.float32)
    rate[2, 1, 100:103] = 5.0
    (number, meter, slot), expected, _, _ = meter_week.judged(rate)
    assert (number.tolist(), meter.tolist(), slot.tolist(), expected.tolist()) == (
        [2] * 3,
        [1] * 3,
        [100, 101, 102],
        [0.0] * 3,
    )


@pytest.mark.parametrize("weeks", [5, 9, 13])
def test_noise_lists_almost_nothing(weeks: int) -> None:
    # 60 meters: by chance a row in 200 meter-months
    assert len(listed(noise(np.random.default_rng(weeks), weeks))) <= 1


@pytest.mark.parametrize("weeks", [5, 9])
def test_a_night_run_and_a_standstill_are_found_with_their_hours(weeks: int) -> None:
    rate = noise(np.random.default_rng(1), weeks, 3, 0.08)
    rate[2, 0, 24:28] = 90.0  # Tuesday, 0:00 to 4:00
    rate[3, 1, 54 : 54 + 14] = 0.0  # Wednesday, 6:00 to 20:00
    rate[1, 2, 130:136] = 80.0  # Saturday, 10:00 to 16:00

    def at(day: int, hour: int) -> datetime:
        return datetime(2026, 1, day, hour, tzinfo=SHANGHAI).astimezone(UTC)

    found = [
        (meter, low.astimezone(UTC), high.astimezone(UTC), hours, reason)
        for meter, low, high, hours, reason in listed(rate)
    ]
    assert found == [
        ("M0000", at(20, 0), at(20, 4), 4, "夜间用量高于自身规律 | use at night above its own pattern"),
        ("M0001", at(28, 6), at(28, 20), 14, "平时运行的时段停用 | standstill where it normally runs"),
        ("M0002", at(17, 10), at(17, 16), 6, "周末用量高于自身规律 | use at the weekend above its own pattern"),
    ]


def counted(start: datetime, minutes: int, count: int, zone: str, **differs: Any) -> pl.DataFrame:
    """The hours of steps of one each, which begin at a moment and follow each other."""
    at = int(start.timestamp()) * 1_000_000 + np.arange(1, count + 1) * minutes * 60_000_000
    length = np.full(count, minutes * 60_000_000)
    given = {
        "length": length,
        "amount": np.full(count, 1_000_000),
        "is_measured": np.ones(count, dtype=bool),
        **differs,
    }
    return meter_week.hours(np.ones(count, dtype=np.int64), at, zone=zone, **given)


def test_hours_are_those_of_the_clock_of_the_site() -> None:
    # Monday, 2026-01-05 0:30 in Kolkata is 19:00 on Sunday in UTC
    start = datetime(2026, 1, 4, 19, tzinfo=UTC)
    kolkata = counted(start, 15, 6, "Asia/Kolkata")
    assert ((kolkata["hour"] % 168).to_list(), kolkata["seconds"].to_list()) == ([0, 1], [1800, 3600])
    assert (counted(start, 15, 6, "Asia/Shanghai")["hour"] % 168).to_list() == [3, 4]


def test_the_clock_goes_forward_and_back() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = counted(datetime(2026, 3, 29, 1, tzinfo=berlin), 15, 8, "Europe/Berlin")
    assert ((spring["hour"] % 24).to_list(), spring["amount"].to_list()) == ([1, 3], [4.0, 4.0])
    # the hour from two to three is there twice: its rate is the mean of both
    autumn = counted(datetime(2026, 10, 25, 1, tzinfo=berlin), 15, 16, "Europe/Berlin")
    assert ((autumn["hour"] % 24).to_list(), autumn["seconds"].to_list()) == ([1, 2, 3], [3600, 7200, 3600])


def test_estimates_and_catching_up_are_no_hours() -> None:
    start = datetime(2026, 1, 5, tzinfo=SHANGHAI)
    is_measured = np.array([True] * 4 + [False, True, True, True] + [False] * 4)
    found = counted(start, 15, 12, "Asia/Shanghai", is_measured=is_measured)
    assert found.select("amount", "seconds").rows() == [(4.0, 3600), (3.0, 2700)]
    assert counted(start, 120, 5, "Asia/Shanghai").height == 0


def test_readings_before_a_row_of_the_register_are_not_of_it(tmp_path: Path) -> None:
    hour = JANUARY + np.arange(31 * 24)
    amount = np.full(hour.size, 10.0)
    amount[hour < JANUARY + 28 * 24] = 1.0  # before the transformer was changed, on the 29th
    frame = pl.DataFrame(
        {"meter_row": 1, "hour": hour, "amount": amount, "seconds": 3600}, schema_overrides=meter_week.HOURS
    )
    frame.write_parquet(tmp_path / "hours.parquet")
    found = []
    for since in (None, date(2026, 1, 29)):
        register = pl.DataFrame({"meter_row": [1], "valid_from": [since], "valid_to": [None]},
                                schema={"meter_row": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date})  # fmt: skip
        found.append(
            meter_week.far([tmp_path / "hours.parquet"], frame.clear(), register, "2026-01", ["2026-01"]).height
        )
    assert (found[0] > 0, found[1]) == (True, 0)


METER = "meter_id,site_id,carrier,register_kind,interval_min,unit\n{},SH-W01,electricity,cumulative,60,kWh\n"
START = datetime(2025, 12, 29, tzinfo=SHANGHAI)  # a Monday


def delivered(world: World, use: np.ndarray[Any, Any], parts: int) -> pl.DataFrame:
    """What the mart says of an hourly counter whose use was this from `START` on (nan: not read), in so many files a month."""
    world.write("reference/meter.csv", METER.format("A"))
    shown = np.append(100, 100 + np.cumsum(np.nan_to_num(use, nan=20.0))).round(2)
    months: dict[str, list[str]] = {}
    for n, value in enumerate(shown):
        if n == 0 or np.isfinite(use[n - 1]):
            at = START + timedelta(hours=n)
            months.setdefault(f"{at:%Y-%m}", []).append(f"A,{at:%Y-%m-%d %H:%M:%S},{value},kWh")
    for month, lines in months.items():
        for part in range(parts):
            low, high = (len(lines) * k // parts for k in (part, part + 1))
            world.deliver(f"readings/{month}-{part:02d}.csv", "表号,时间,示数,单位", *lines[low:high])
    world.ingest(*months)
    with Warehouse(world.enterprise) as warehouse:
        warehouse.mart("meter_anomaly")
        return warehouse.frame("mart.meter_anomaly")


def test_hourly_readings_of_daily_files_are_compared_over_the_edges_of_files(tmp_path: Path) -> None:
    use = np.tile(TWO_SHIFTS, 9)
    use[3 * 168 + 22 : 3 * 168 + 26] = 80.0  # Monday, January 19, 22:00 to 2:00: over the edge of a file
    use[4 * 168 + 10 : 4 * 168 + 20] = np.nan  # not read, and caught up afterwards
    columns = ["month", "from_at", "to_at", "actual", "expected", "weeks", "score", "reason"]
    found = [
        delivered(make(tmp_path / str(parts), [("ami", READINGS)]), use, parts).select(columns) for parts in (1, 24)
    ]
    assert found[0].equals(found[1])
    (row,) = found[0].iter_rows(named=True)
    assert (row["month"], row["actual"], row["expected"], row["weeks"]) == ("2026-01", 320.0, 60.0, 8)
    assert row["from_at"].astimezone(SHANGHAI) == datetime(2026, 1, 19, 22, tzinfo=SHANGHAI)
    assert row["reason"].startswith("夜间")


def test_what_is_wrong_with_readings_is_no_use(tmp_path: Path) -> None:
    use = np.tile(TWO_SHIFTS, 9)
    use[3 * 168 + 24] = 50_000.0  # leaps and stays: an event, booked by nobody
    world = make(tmp_path / "group", [("ami", READINGS)])
    assert delivered(world, use, 9).is_empty()
