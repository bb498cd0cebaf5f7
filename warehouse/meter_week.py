"""Each meter beside its own week: hours in which it used far more or less than in the same hour of other weeks.

What is compared is the rate of an hour of the week by the site's clock, 168 of a meter, over the weeks of a month and
of the months beside it. It is not SQL because medians of 168 groups a meter take DuckDB several times the CPU that sorted
arrays take; so months are judged one by one and kept, as segments are.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from warehouse.meter_series import HOUR, MICRO, QUARTER, WEEK, clock_hours

Array = np.ndarray[Any, Any]

HOURLY = HOUR + QUARTER  # a step of an hour, whose reading may come somewhat late
HOUR_S = np.float32(3_600)  # seconds, of which half must be known
WEEKS = 4  # other weeks, at least, to say what is usual
SCORE = 3.5  # Iglewicz and Hoaglin, How to Detect and Handle Outliers (ASQC 1993): modified z-scores above are outliers
SHARE = 0.2  # of the expected: less is nothing to act on, as of months
FLOOR = 0.05  # of the meter's mean hour: the least spread, so that neither a steady meter nor an idle one cries wolf
BESIDE = 2  # hours on either side whose spread is taken into account: that of five weeks alone is a poor guess
IRREGULAR = 0.1  # of its hours off: the meter does not live by the week, and nothing is said of it
NORMAL = 1.4826  # median deviations in a standard deviation
# by how much the median deviation of so few (2 to 9) is too small: Croux and Rousseeuw, COMPSTAT 1992
FEW = np.array([1.0, 1.0, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107])
CELLS = 12_000_000  # hours held at once
MONDAY = date(1969, 12, 29)  # from which `clock_hours` counts

HOURS: dict[str, Any] = {"meter_row": pl.Int32, "hour": pl.Int32, "amount": pl.Float32, "seconds": pl.Int16}
"""What was measured in an hour, in the register's unit, and of how much time; only ever compared, so seven digits will do."""
FAR: dict[str, Any] = {
    "meter_row": pl.Int64, "hour": pl.Int64, "actual": pl.Float64, "expected": pl.Float64, "score": pl.Float64, "weeks": pl.Int64,
}  # fmt: skip


def hours(meter_row: Array, at: Array, length: Array, amount: Array, is_measured: Array, zone: str) -> pl.DataFrame:
    """Steps in order (`amount` in millionths), by the hour in which they end; those longer than an hour belong to none."""
    hour = clock_hours(at - 1, zone)
    first = np.flatnonzero(np.append(True, (meter_row[1:] != meter_row[:-1]) | (hour[1:] != hour[:-1]))[: at.size])
    if not first.size:
        return pl.DataFrame(schema=HOURS)
    counts = is_measured & (length <= HOURLY)
    amount, length = (np.add.reduceat(np.where(counts, values, 0), first) for values in (amount, length))
    columns = meter_row[first], hour[first], (amount / MICRO).astype(np.float32), length // MICRO
    return pl.DataFrame(dict(zip(HOURS, columns, strict=True)), schema_overrides=HOURS).filter(pl.col("seconds") > 0)


def between(segments: pl.LazyFrame, registers: pl.DataFrame) -> pl.DataFrame:
    """The hours of the steps from one segment of a counter to the next."""
    zones = registers.filter(~pl.col("is_interval")).select("meter_row", "timezone")
    mine = segments.filter(pl.col("meter_row").is_in(zones["meter_row"].implode())).collect()
    chain = mine.join(zones, on="meter_row").sort("meter_row", "first_at")
    after = pl.col("meter_row", "first_at", "first_register", "starts_estimated").shift(-1).name.prefix("next_")
    chain = chain.with_columns(after).filter(pl.col("meter_row") == pl.col("next_meter_row"))
    found = [pl.DataFrame(schema=HOURS)]
    for (zone,), some in sorted(chain.partition_by("timezone", as_dict=True).items()):
        at, step = some["next_first_at"].to_numpy(), (some["next_first_register"] - some["last_register"]).to_numpy()
        length = at - some["last_at"].to_numpy()
        is_measured = (step >= 0) & (length > 0) & ~some["next_starts_estimated"].to_numpy()
        found.append(
            hours(
                some["meter_row"].to_numpy(), at, length, np.rint(step * MICRO).astype(np.int64), is_measured, str(zone)
            )
        )
    return pl.concat(found)


@np.errstate(divide="ignore", invalid="ignore")
def far(paths: list[Path], more: pl.DataFrame, registers: pl.DataFrame, month: str, near: list[str]) -> pl.DataFrame:
    """The hours of a month in which a meter was far from its own week (see `FAR`).

    Args:
        paths: files of `HOURS`.
        more: the hours that lie between files.
        registers: the rows of the register to be judged; readings before or after its time are not of it.
        month: whose hours are judged.
        near: the months the files are of, in order.
    """
    (start, end), (since, _), (_, until) = (_span(one) for one in (month, near[0], near[-1]))
    low, high = since // WEEK, -(-until // WEEK)
    begun = (registers["valid_from"] - MONDAY).dt.total_hours().fill_null(since).to_numpy()
    ended = ((registers["valid_to"] - MONDAY).dt.total_hours() + 24).fill_null(until).to_numpy()
    every = pl.concat([pl.scan_parquet(paths), more.lazy()]).filter(
        pl.col("hour").is_between(low * WEEK, high * WEEK - 1)
    )
    clock = np.arange(low * WEEK, high * WEEK).reshape(-1, 1, WEEK)
    found = [pl.DataFrame(schema=FAR)]
    block = CELLS // clock.size
    rows = registers["meter_row"].to_numpy()
    place = np.zeros(rows.max(initial=0) + 1, dtype=np.int32)
    place[rows] = np.arange(rows.size)
    for least in range(0, rows.size, block):
        mine = rows[least : least + block]
        some = every.filter(pl.col("meter_row").is_between(mine[0], mine[-1]))
        if mine[-1] - mine[0] >= mine.size:
            some = some.filter(pl.col("meter_row").is_in(mine.tolist()))
        known = some.collect()
        shape = (high - low, mine.size, WEEK)
        row, hour = (
            place[known["meter_row"].to_numpy()] - np.int32(least),
            known["hour"].to_numpy() - np.int32(low * WEEK),
        )
        cell = hour + row * WEEK + hour // WEEK * ((shape[1] - 1) * WEEK)
        amount, seconds = (
            np.bincount(cell, known[name].to_numpy(), np.prod(shape)).astype(np.float32).reshape(shape)
            for name in ("amount", "seconds")
        )
        a, b = (days[None, least : least + block, None] for days in (begun, ended))
        dated = np.flatnonzero((a > since) | (b < until))
        seconds[:, dated] *= (clock >= a[:, dated]) & (clock < b[:, dated])
        off, expected, score, weeks = judged(np.where(seconds >= HOUR_S / 2, amount * (HOUR_S / seconds), np.nan))
        week, meter, slot = off
        found.append(
            pl.DataFrame({
                "meter_row": mine[meter], "hour": (low + week) * WEEK + slot, "actual": amount[off], "expected": expected * seconds[off] / HOUR_S,
                "score": score, "weeks": weeks,
            }, schema_overrides=FAR).filter(pl.col("hour").is_between(start, end - 1))
        )  # fmt: skip
    return pl.concat(found)


@np.errstate(divide="ignore", invalid="ignore")
def judged(rate: Array) -> tuple[tuple[Array, ...], Array, Array, Array]:
    """Where a rate is off, what was to be expected there, by how many spreads it is off, of how many other weeks this is known.

    Args:
        rate: week x meter x hour of the week; nan where nothing is known.
    """
    ranked, n = np.sort(rate, axis=0), np.isfinite(rate).sum(axis=0, dtype=np.int32)
    is_known = n > WEEKS
    # the median of the other weeks is one of two, by the side of the middle the week itself is on
    low, below, above, high = (_nth(ranked, rank) for rank in ((n - 2) // 2, (n - 1) // 2, n // 2, (n + 1) // 2))
    middle, if_more, if_less = (below + above) / 2, (low + below) / 2, (above + high) / 2
    spread = _spread(rate, middle, n, is_known)
    most = if_more + np.maximum(SCORE * spread, SHARE * if_more)
    least = if_less - np.maximum(SCORE * spread, SHARE * if_less)
    meter, slot = np.nonzero(is_known & ((_nth(ranked, n - 1) > most) | (ranked[0] < least)))
    some = rate[:, meter, slot]
    is_off = (some > most[meter, slot]) | (some < least[meter, slot])
    is_irregular = np.bincount(meter, is_off.sum(axis=0), rate.shape[1]) > IRREGULAR * n.sum(axis=1)
    week, here = np.nonzero(is_off & ~is_irregular[meter])
    meter, slot, value = meter[here], slot[here], some[week, here]
    expected = np.where(value > middle[meter, slot], if_more[meter, slot], if_less[meter, slot])
    return (week, meter, slot), expected, (value - expected) / spread[meter, slot], n[meter, slot] - 1


def _spread(rate: Array, middle: Array, n: Array, is_known: Array) -> Array:
    """The median deviation of an hour of the week from its middle, or what is usual beside it, as a standard deviation."""
    ranked = np.sort(np.abs(rate - middle), axis=0)
    few = np.where(n < FEW.size, FEW[np.minimum(n, FEW.size - 1)], 1).astype(np.float32)
    spread = NORMAL * few * (_nth(ranked, (n - 1) // 2) + _nth(ranked, n // 2)) / 2
    around = range(-BESIDE, BESIDE + 1)
    total = sum(np.roll(np.where(is_known, spread, 0), beside, axis=1) for beside in around)
    spread = np.fmax(spread, total / sum(np.roll(is_known, beside, axis=1).astype(np.float32) for beside in around))
    # the mean of the middles, which no single leap moves; of a meter that mostly stands still the mean of all
    mean = np.nan_to_num(_mean(middle[None]))
    idle = np.flatnonzero(mean <= 0)
    mean[idle] = _mean(rate[:, idle])
    return np.fmax(spread, FLOOR * mean[:, None])


def _nth(ranked: Array, rank: Array) -> Array:
    """The value of a rank on the first axis; some other where there is none."""
    return np.take_along_axis(ranked, np.clip(rank, 0, ranked.shape[0] - 1)[None], axis=0)[0]


def _mean(rate: Array) -> Array:
    known = np.isfinite(rate)
    return np.where(known, rate, 0).sum(axis=(0, 2)) / known.sum(axis=(0, 2))


def _span(month: str) -> tuple[int, int]:
    """The first hour of a month, and that of the next."""
    first = date.fromisoformat(f"{month}-01")
    return (first - MONDAY).days * 24, ((first + timedelta(days=31)).replace(day=1) - MONDAY).days * 24
