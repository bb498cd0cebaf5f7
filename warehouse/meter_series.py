"""Readings of single meters in full: what each reading means beside the others, and what counts where readings fail.

Everything here works on the whole known series of a meter, so that what is decided does not depend on how readings were
cut into files. `warehouse.meters` sends here the meters at which something is off; the others it adds up.

Energy is in whole millionths of the register's unit, time in microseconds since 1970 (UTC); `row` is the position of a
row of `reference.meter`, `series` a run of such rows that one counter shows (same kind, unit and range).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from schemas import units

Array = np.ndarray[Any, Any]

MICRO = 1_000_000
HOUR = 3_600_000_000
DAY = 24 * HOUR
QUARTER = HOUR // 4  # every zone's clock and every month's edge lies on one
WEEK = 168  # hours
# a register that falls from the top tenth of its range to the bottom tenth has rolled over
ROLLOVER_FROM, ROLLOVER_TO = 0.9, 0.1
GAP_STEPS = 4  # a silence of more than so many expected intervals is a gap
LONG = 45 * DAY  # what lies longer between two readings is an estimate, whatever the grid
BRIEF = 2 * DAY  # a fault that comes back has come back by then
TOLERANCE = 1.05  # of the physical maximum
ROBUST = 10.0  # times the 99th percentile of a meter's own rates stands in for a maximum nobody has declared
ENOUGH = 100  # so many positive steps, to speak of a percentile
REGULAR = 0.8  # of the steps alike: the meter has a grid, declared or not
PROFILE = 14 * DAY  # measured time that makes a profile, and the longest hole it fills
NEIGHBOURS = DAY  # the longest hole that is filled from both its sides
METHODS = ("linear", "weekday_profile", "neighbour_interpolation")
PART = ("measured", "estimated", "known_us", "covered_us", "readings", "negative_steps", "conflicting")
EVENT: dict[str, Any] = {
    "meter_row": pl.Int64, "kind": pl.String, "at": pl.Int64, "from_at": pl.Int64, "to_at": pl.Int64, "n": pl.Int64,
    "amount": pl.Float64, "naive": pl.Float64, "decision": pl.String, "file": pl.Int64, "row_number": pl.Int64,
}  # fmt: skip

_SCALES = {
    "electricity": ("kWh", "MWh", "万kWh", "GWh"), "natural_gas": ("Nm3", "万Nm3"), "water": ("L", "m3"),
    "heat": ("MJ", "GJ", "TJ"), "steam": ("MJ", "GJ", "TJ"), "cooling": ("MJ", "GJ", "TJ"),
    "compressed_air": ("L", "m3"),
}  # fmt: skip


@cache
def scales(carrier: str, unit: str) -> tuple[float, ...]:
    """By what a value must be multiplied if it came in another of the units a carrier is metered in."""
    others = [one for one in _SCALES[carrier] if one != unit and units.same_dimension(one, unit)]
    return tuple(sorted(units.factor(one, unit) for one in others))


@cache
def per_kw(carrier: str, unit: str) -> float:
    """What one kW adds to a register in a microsecond, in its unit; infinite where power says nothing of it."""
    if carrier not in ("electricity", "heat", "steam", "cooling"):
        return np.inf
    return units.factor("kWh", unit) / HOUR


def clock_hours(stamps: Array, zone: str) -> Array:
    """Hours since Monday, 1969-12-29, by the clock of a time zone; what is left of a division by `WEEK` is the hour of the week."""
    quarter = stamps // QUARTER
    low, high = (int(quarter.min()), int(quarter.max())) if quarter.size else (0, 0)
    every = pl.from_epoch(pl.Series(np.arange(low, high + 1) * QUARTER), "us").dt.replace_time_zone("UTC")
    clock = every.dt.convert_time_zone(zone).dt.replace_time_zone(None).dt.epoch("us").to_numpy() // HOUR + 3 * 24
    return clock[quarter - low]


class Calendar:
    """The local months of one time zone over a stretch of time."""

    def __init__(self, low: int, high: int, zone: str) -> None:
        self.zone = zone
        first, last = (
            pl.from_epoch(pl.Series([int(edge)]), "us").dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
            for edge in (low, high)
        )  # fmt: skip
        starts = pl.datetime_range(first.dt.month_start().dt.truncate("1d")[0], last.dt.offset_by("1mo")[0],
                                   interval="1mo", time_unit="us", eager=True)  # fmt: skip
        self.edges = (
            starts.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.epoch("us").to_numpy()
        )
        self.names = starts.dt.strftime("%Y-%m")

    def month(self, stamps: Array) -> Array:
        """For each stamp the position of its month."""
        if self.edges.size == 2 and stamps.size and stamps.max() < self.edges[1]:
            return np.zeros(stamps.size, dtype=np.int64)
        return np.searchsorted(self.edges, stamps, side="right") - 1

    def hour_of_week(self, stamps: Array) -> Array:
        """0 to 167 by the site's clock."""
        return clock_hours(stamps, self.zone) % WEEK


@dataclass
class Registers:
    """Rows of `reference.meter` as arrays, in its order; `series` numbers the counters they show."""

    frame: pl.DataFrame

    def __post_init__(self) -> None:
        """Take the columns apart."""
        frame = self.frame
        self.row = frame["meter_row"].to_numpy()
        self.is_interval = frame["is_interval"].to_numpy()
        self.top = frame["register_max"].fill_null(np.inf).to_numpy()
        self.interval = frame["interval_us"].fill_null(0).to_numpy()
        self.limit = frame["limit"].to_numpy()
        self.start, self.end = frame["start"].to_numpy(), frame["end"].to_numpy()
        self.meter = frame["meter"].to_numpy()
        self.point = frame["point"].to_list()
        same = np.ones(max(frame.height - 1, 0), dtype=bool)
        for name in ("meter", "is_interval", "register_max", "unit", "carrier"):
            same &= frame[name].eq_missing(frame[name].shift())[1:].to_numpy()
        self.series = np.concatenate([np.zeros(min(frame.height, 1), dtype=np.int64), np.cumsum(~same)])
        self.first = np.flatnonzero(np.append(True, ~same)) if frame.height else np.zeros(0, dtype=np.int64)

    def at(self, series: Array, stamps: Array) -> Array:
        """The row of a series that is valid at a moment."""
        found = self.first[series]
        for row in np.setdiff1d(np.arange(self.row.size), self.first):
            found[(series == self.series[row]) & (stamps >= self.start[row])] = row
        return found


@dataclass
class Ledger:
    """What is booked to rows and months, and what happened."""

    registers: Registers
    calendar: Calendar
    parts: list[pl.DataFrame] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def book(
        self, row: Array, month: Array, *, method: int = 0, is_interpolated: Array | bool = False, **amounts: Array
    ) -> None:
        """Add amounts (see `PART`) to rows and months; neighbours of one row and month become one line."""
        if not row.size:
            return
        is_interpolated = np.broadcast_to(is_interpolated, row.shape)
        other = (row[1:] != row[:-1]) | (month[1:] != month[:-1]) | (is_interpolated[1:] != is_interpolated[:-1])
        first = np.flatnonzero(np.append(True, other))
        none = np.zeros(first.size, dtype=np.int64)
        sums = {
            name: np.add.reduceat(amounts[name].astype(np.int64, copy=False), first) if name in amounts else none
            for name in PART
        }
        columns = {"row": row[first], "month": month[first], **sums, "is_interpolated": is_interpolated[first]}
        self.parts.append(pl.DataFrame(columns).with_columns(method=pl.lit(method)))

    def spread(self, series: Array, start: Array, end: Array, amount: Array, estimated: Array, cell: Array | None = None,
               rates: Array | None = None, covered: Array | None = None, *, method: int = 0) -> None:  # fmt: skip
        """Cut stretches at month and row edges and book their shares.

        The shares go by time, or by the profile `rates` (168 of a series, one after the other) where `cell` says
        which series' profile it is.
        """
        if not series.size:
            return
        if rates is None:
            several = np.bincount(self.registers.series, minlength=int(series.max()) + 1)[series] > 1
            for some, edges in ((~several, self.calendar.edges), (several, None)):
                if some.any():
                    self._share(series[some], start[some], end[some], amount[some], estimated[some],
                                np.zeros(0) if covered is None else covered[some], edges, None, None, method)  # fmt: skip
        else:
            self._share(series, start, end, amount, estimated, np.zeros(0), None, cell, rates, method)

    def _share(self, series: Array, start: Array, end: Array, amount: Array, estimated: Array, covered: Array,
               edges: Array | None, cell: Array | None, rates: Array | None, method: int) -> None:  # fmt: skip
        owner, a, b = pieces(start, end, edges)
        month = self.calendar.month(a)
        row = self.registers.at(series[owner], a)
        weight = (b - a).astype(np.float64)
        if rates is not None and cell is not None:
            weight *= rates[cell[owner] * WEEK + self.calendar.hour_of_week(a)]
        total = np.bincount(owner, weights=weight, minlength=series.size)
        # a profile that says nothing of this stretch leaves the clock
        flat = total[owner] <= 0
        weight = np.where(flat, b - a, weight)
        total = np.bincount(owner, weights=weight, minlength=series.size)
        until = np.cumsum(weight) - np.append(0.0, np.cumsum(total))[owner]
        # differences of rounded sums, so that the shares of an amount add up to it exactly
        done = np.rint(amount[owner] * np.clip(until / total[owner], 0.0, 1.0)).astype(np.int64)
        last = np.append(owner[1:] != owner[:-1], True)
        done[last] = amount[owner[last]]
        first = np.append(True, last[:-1])
        share = done - np.where(first, 0, np.append(0, done[:-1]))
        is_cut = np.bincount(owner, weights=np.append(False, (month[1:] != month[:-1]) | (row[1:] != row[:-1])) & ~first,
                             minlength=series.size)[owner] > 0  # fmt: skip
        known = b - a
        self.book(row, month, method=method, is_interpolated=is_cut, measured=np.where(estimated[owner], 0, share),
                  estimated=np.where(estimated[owner], share, 0), known_us=known,
                  covered_us=np.minimum(known, covered[owner]) if covered.size else np.zeros(known.size))  # fmt: skip

    def happened(self, kind: str, row: int, at: int, start: int, end: int, decision: str, *, amount: float | None = None,
                 naive: float | None = None, n: int = 1, file: int | None = None, row_number: int | None = None) -> dict[str, Any]:  # fmt: skip
        """List an event; amounts in the register's unit."""
        event = {"meter_row": int(self.registers.row[row]), "kind": kind, "at": int(at), "from_at": int(start), "to_at": int(end), "n": int(n),
                 "amount": amount, "naive": naive, "decision": decision, "file": file, "row_number": row_number}  # fmt: skip
        self.events.append(event)
        return event

    def close(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """One line per row and month, and the events."""
        empty = dict.fromkeys((*PART, "linear", "weekday_profile", "neighbour_interpolation"), pl.Int64)
        if not self.parts:
            parts = pl.DataFrame(
                schema={"meter_row": pl.Int64, "month": pl.String, **empty, "is_interpolated": pl.Boolean}
            )
        else:
            parts = pl.concat(self.parts).group_by("row", "month").agg(
                *(pl.col(name).sum() for name in PART),
                *((pl.col("method") == number).any().cast(pl.Int64).alias(name) for number, name in enumerate(METHODS, 1)),
                pl.col("is_interpolated").any(),
            )  # fmt: skip
            parts = parts.select(
                pl.Series(self.registers.row).gather(parts["row"]).alias("meter_row"),
                self.calendar.names.gather(parts["month"]).alias("month"), *empty, "is_interpolated",
            )  # fmt: skip
        return parts, pl.DataFrame(self.events, schema=EVENT)


def pieces(start: Array, end: Array, edges: Array | None) -> tuple[Array, Array, Array]:
    """Stretches cut at edges (or at every quarter of an hour): the stretch each piece is of, its start and its end."""
    if edges is None:
        low, high = start // QUARTER, -(-end // QUARTER)
    else:
        low = np.searchsorted(edges, start, side="right") - 1
        high = np.searchsorted(edges, end, side="left")
    count = np.maximum(high - low, 1)
    owner = np.repeat(np.arange(start.size), count)
    number = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count) + low[owner]
    a, b = (
        (number * QUARTER, (number + 1) * QUARTER)
        if edges is None
        else (edges[number], edges[np.minimum(number + 1, edges.size - 1)])
    )
    return owner, np.maximum(a, start[owner]), np.minimum(b, end[owner])


@dataclass
class Verdict:
    """What the readings of one counter come to.

    Attributes:
        keep: readings that count.
        value: what they show, in the register's own scale.
        step: the energy of a step that is not the difference of its readings, by the reading that ends it.
        void: readings whose step is booked by nobody.
        events: (kind, reading, from, to, readings, decision): positions; `to` is the reading at which all is well again.
    """

    keep: Array
    value: Array
    step: dict[int, float] = field(default_factory=dict)
    void: set[int] = field(default_factory=set)
    events: list[tuple[str, int, int, int, int, str]] = field(default_factory=list)


class _Counter:
    """One cumulative register, its readings in order."""

    def __init__(self, at: Array, shown: Array, interval: float, limit: float, top: float, borders: Array, ratios: tuple[float, ...],
                 *, is_declared: bool) -> None:  # fmt: skip
        self.at, self.shown = at, shown
        self.interval, self.limit, self.top, self.borders, self.ratios = interval, limit, top, borders, ratios
        self.is_declared = is_declared
        self.found = Verdict(np.ones(shown.size, dtype=bool), shown.copy())
        self.swapped = 1.0
        steps, times = np.diff(shown), np.diff(at)
        self.suspicious = np.flatnonzero((steps < 0) | (steps > self._room(times) + 1e-9 * shown[1:])) + 1

    def _room(self, time: Any) -> Any:  # noqa: ANN401 - a number or an array
        """The most that can be added in a time."""
        return self.limit * np.maximum(time, self.interval)

    def _fits(self, p: int, i: int, value: float, slack: float = 0.0) -> bool:
        was = self.found.value[p]
        return bool(-slack <= value - was <= self._room(self.at[i] - self.at[p]) + 1e-9 * was + slack)

    def judge(self) -> Verdict:
        """Go over the places where the register falls or leaps."""
        for i in self.suspicious.tolist():
            p = self._before(i)
            if not self.found.keep[i] or p < 0 or (self.swapped == 1.0 and self._fits(p, i, self.shown[i])):
                continue
            if self.swapped != 1.0 and self._returns(p, i):
                continue
            if ((self.borders > self.at[p]) & (self.borders <= self.at[i])).any():
                self._void("replacement", p, i, "not_counted")
            elif not self._is_swap(p, i):
                (self._falls if self.shown[i] < self.found.value[p] else self._leaps)(p, i)
        return self.found

    def _before(self, i: int) -> int:
        p = i - 1
        while p >= 0 and not self.found.keep[p]:
            p -= 1
        return p

    def _say(self, kind: str, i: int, p: int, j: int, decision: str, n: int = 1) -> None:
        self.found.events.append((kind, i, p, j, n, decision))

    def _void(self, kind: str, p: int, i: int, decision: str) -> None:
        self.found.void.add(i)
        self._say(kind, i, p, i, decision)

    def _drop(self, kind: str, first: int, until: int, p: int) -> None:
        self.found.keep[first:until] = False
        self._say(kind, first, p, until, "left_out", until - first)

    def _falls(self, p: int, i: int) -> None:
        value, was = self.found.value, self.found.value[p]
        back = self._comes_back(p, i)
        q = self._before(p)
        rolled = self.top - was + self.shown[i]
        is_usual = bool(rolled <= self._room(self.at[i] - self.at[p]))
        if back is not None:
            self._drop("zero_glitch", i, back, p)
        elif q >= 0 and p not in self.found.step and self.shown[i] >= value[q] and self._fits(q, i, self.shown[i]):
            self.found.void.discard(p)
            self.found.events = [one for one in self.found.events if one[1] != p]
            self._drop("spike", p, i, q)
        elif (
            was > ROLLOVER_FROM * self.top
            and self.shown[i] < ROLLOVER_TO * self.top
            and (is_usual or not self.is_declared)
        ):
            # without a declared maximum, a step the meter never made is still taken for a rollover, and doubted aloud
            self.found.step[i] = rolled
            self._say("rollover", i, p, i, "counted_through_zero" if is_usual else "counted_in_doubt")
        elif self.shown[i] <= self._room(self.at[i] - self.at[p]):
            self.found.step[i] = self.shown[i]
            self._say("reset", i, p, i, "counted_from_zero")
        else:
            self._void("reset", p, i, "not_counted")

    def _comes_back(self, p: int, i: int) -> int | None:
        """The reading at which a register that fell goes on from where it was."""
        was = self.found.value[p]
        until = int(np.searchsorted(self.at, self.at[p] + BRIEF, side="right"))
        over = np.flatnonzero(self.shown[i + 1 : until] >= was)
        later = self.suspicious[self.suspicious > i]
        stuck = int(later[0]) if later.size else None
        for j in ([i + 1 + int(over[0])] if over.size else []) + (
            [stuck] if stuck is not None and np.ptp(self.shown[i:stuck]) == 0 else []
        ):
            # a counter that was set back climbs; a glitch is over at once
            abrupt = self.shown[j] - self.shown[j - 1] > 0.5 * (was - self.shown[i:j].min())
            if abrupt and self._fits(p, j, self.shown[j]):
                return j
        return None

    def _leaps(self, p: int, i: int) -> None:
        until = int(np.searchsorted(self.at, self.at[p] + BRIEF, side="right"))
        for j in (i + 1 + np.flatnonzero(np.diff(self.shown[i:until]) < 0)).tolist():
            if self._fits(p, j, self.shown[j]):
                self._drop("spike", i, j, p)
                return
        self._void("jump", p, i, "not_counted")

    def _is_swap(self, p: int, i: int) -> bool:
        """Whether readings from here on are in another unit; then they are put into the register's own."""
        was = self.found.value[p]
        near = any(0.5 * was <= self.shown[i] * k <= 2 * was for k in self.ratios)
        if not near or not np.isfinite(self.limit) or i + 1 >= self.shown.size or self.shown[i] <= 0:
            return False
        later = self.suspicious[self.suspicious > i]
        end = int(later[0]) if later.size else self.shown.size
        if end < i + 2:
            return False
        fit = [
            k
            for k in self.ratios
            if self._fits(p, i, self.shown[i] * k, self._grain(i, end) * k) and self._runs_on(i, k, end)
        ]
        if not fit:
            return False
        if len(fit) > 1:
            self.found.void |= set(range(i, min(end + 1, self.shown.size)))
            self._say("unit_swap", i, p, min(end, self.shown.size - 1), "not_counted", end - i)
            return True
        self.swapped = fit[0]
        self.found.value[i:end] *= fit[0]
        self.found.step[i] = (
            self.found.value[i] - self.found.value[p]
        )  # rounded in the larger unit: may be a trifle below zero
        self._say("unit_swap", i, p, end if end < self.shown.size else end - 1, "rescaled", end - i)
        return True

    def _runs_on(self, i: int, k: float, end: int) -> bool:
        rise, time = (self.shown[i + 1] - self.shown[i]) * k, self.at[i + 1] - self.at[i]
        return bool(rise <= self._room(time) + self._grain(i, end) * k)

    def _grain(self, i: int, end: int) -> float:
        """One of the last decimal place that readings show."""
        some = self.shown[i : min(end, i + 50)]
        return next((10.0**-d for d in range(7) if np.allclose(some, np.round(some, d), rtol=0, atol=1e-9)), 1e-7)

    def _returns(self, p: int, i: int) -> bool:
        """Whether readings are in the register's own unit again."""
        slack = self._grain(max(i - 50, 0), i) * self.swapped
        if not self._fits(p, i, self.shown[i], slack):
            self.swapped = 1.0
            return False
        self.found.step[i] = self.shown[i] - self.found.value[p]
        self.swapped = 1.0
        return True


@dataclass
class _Steps:
    """Steps that count, of either kind of register."""

    series: Array
    start: Array
    end: Array
    amount: Array
    estimated: Array


def _joined(many: list[_Steps]) -> _Steps:
    if not many:
        none = np.zeros(0, dtype=np.int64)
        return _Steps(none, none, none, none, np.zeros(0, dtype=bool))
    return _Steps(
        *(
            np.concatenate([getattr(one, name) for one in many])
            for name in ("series", "start", "end", "amount", "estimated")
        )
    )


@dataclass
class _Holes:
    """Stretches for which no reading says anything."""

    series: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)
    one_side: list[bool] = field(default_factory=list)
    event: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        series: int,
        start: int,
        end: int,
        rates: tuple[float, float],
        event: dict[str, Any],
        *,
        one_side: bool = False,
    ) -> None:
        """Note a hole, the rates (micro-units per microsecond) at its sides, and the event that waits for its amount."""
        for name, value in (
            ("series", series),
            ("start", start),
            ("end", end),
            ("rates", rates),
            ("one_side", one_side),
            ("event", event),
        ):
            getattr(self, name).append(value)


class Series:
    """The readings of some meters of one time zone, by counter and time."""

    def __init__(self, readings: pl.DataFrame, registers: Registers, calendar: Calendar, horizon: int) -> None:
        """Take the readings.

        Args:
            readings: meter (as in `registers`), at, register, estimated, conflicting, file, row_number.
            registers: the rows of those meters.
            calendar: the months they lie in.
            horizon: the last reading of anybody: a month that is not over by then is not filled up.
        """
        self.registers, self.calendar, self.horizon = registers, calendar, horizon
        self.ledger = Ledger(registers, calendar)
        frame = readings.sort("meter", "at", "register", "file", "row_number")
        meter, self.at = frame["meter"].to_numpy(), frame["at"].to_numpy()
        self.shown = frame["register"].to_numpy()
        self.estimated, self.conflicting = frame["estimated"].to_numpy(), frame["conflicting"].to_numpy()
        self.file, self.number = frame["file"].to_numpy(), frame["row_number"].to_numpy()
        first = np.searchsorted(registers.meter, meter)
        # an interval lies before the instant that ends it
        self.moment = self.at - registers.is_interval[first]
        self.row = first
        for row in np.flatnonzero(np.append(False, registers.meter[1:] == registers.meter[:-1])):
            self.row[(meter == registers.meter[row]) & (self.moment >= registers.start[row])] = row
        self.series = registers.series[self.row]
        self.month = calendar.month(self.moment)
        self._count()
        self._keep_the_lower()

    def _take(self, rows: Array) -> None:
        for name in ("at", "shown", "estimated", "conflicting", "file", "number", "moment", "row", "series", "month"):
            setattr(self, name, getattr(self, name)[rows])

    def _count(self) -> None:
        again = self._again()
        kept = ~again
        fell = np.zeros(self.at.size, dtype=bool)
        index = np.flatnonzero(kept)
        same = self.series[index][1:] == self.series[index][:-1]
        fell[index[1:]] = same & (np.diff(self.shown[index]) < 0) & ~self.registers.is_interval[self.row[index[1:]]]
        # a conflict counts once: the value that stands is flagged or the one beside it
        flagged = self.conflicting & kept
        self.ledger.book(self.row, self.month, readings=kept, negative_steps=fell, conflicting=flagged)
        for i in np.flatnonzero(again):
            self.ledger.happened("duplicate_value", self.row[i], self.at[i], self.at[i], self.at[i], "lower_counts",
                                 file=int(self.file[i]), row_number=int(self.number[i]))  # fmt: skip

    def _again(self) -> Array:
        again = np.zeros(self.at.size, dtype=bool)
        again[1:] = (self.series[1:] == self.series[:-1]) & (self.at[1:] == self.at[:-1])
        return again

    def _keep_the_lower(self) -> None:
        self._take(~self._again())

    def settle(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Book every step and hole; see `Ledger.close`."""
        self.holes = _Holes()
        self.counted: list[tuple[_Steps, int]] = []
        self.late = _joined([])
        kept: list[tuple[slice, _Steps]] = []
        bounds = (
            np.flatnonzero(np.append(True, self.series[1:] != self.series[:-1]))
            if self.at.size
            else np.zeros(0, dtype=np.int64)
        )
        spans = [slice(int(a), int(b)) for a, b in pairwise(np.append(bounds, self.at.size))]
        for span in spans:
            self.interval = self._grid(span)
            one = self._intervals(span) if self.registers.is_interval[self.row[span.start]] else self._counter(span)
            kept.append((span, one))
            self._ends(span, one)
        self._book_counters()
        self._handovers([(span, one) for span, one in kept if one.start.size])
        self._fill([one for _, one in kept])
        return self.ledger.close()

    def _grid(self, span: slice) -> int:
        """The expected time between readings; 0 where there is none."""
        declared = int(self.registers.interval[self.row[span.start]])
        times = np.diff(self.at[span])
        if declared or times.size < 8:
            return declared
        usual = int(np.median(times))
        return usual if np.mean(times == usual) >= REGULAR else 0

    def _limit(self, span: slice, rates: Array) -> float:
        """The highest rate a meter can have: declared, or ten times the 99th percentile of its own."""
        declared = float(self.registers.limit[self.row[span.start]])
        positive = rates[rates > 0]
        if np.isfinite(declared):
            return declared * TOLERANCE
        if positive.size < ENOUGH:
            return float(np.inf)
        return ROBUST * max(float(np.percentile(positive, 99)), float((positive.sum() - positive.max()) / rates.size))

    def _counter(self, span: slice) -> _Steps:
        """The steps of one counter, faults taken out."""
        at, shown, row = self.at[span], self.shown[span], int(self.row[span.start])
        series = int(self.series[span.start])
        usual = self.interval or int(np.median(np.diff(at))) if at.size > 1 else 0
        steps, times = np.diff(shown), np.maximum(np.diff(at), max(usual, 1))
        rows = np.flatnonzero(self.registers.series == series)
        meter = self.registers.frame.row(row, named=True)
        counter = _Counter(at, shown, usual, self._limit(span, steps / times), float(self.registers.top[row]),
                           self.registers.start[rows[1:]], scales(meter["carrier"], meter["unit"]),
                           is_declared=bool(np.isfinite(self.registers.limit[row])))  # fmt: skip
        found = counter.judge()
        kept = np.flatnonzero(found.keep)
        value = found.value[kept]
        amount = np.diff(value)
        for i, step in found.step.items():
            if found.keep[i]:
                amount[int(np.searchsorted(kept, i)) - 1] = step
        ends = kept[1:]
        void = np.isin(ends, list(found.void)) if found.void else np.zeros(ends.size, dtype=bool)
        one = _Steps(
            np.full(ends.size, series),
            at[kept[:-1]],
            at[ends],
            np.rint(amount * MICRO).astype(np.int64),
            self.estimated[span][ends],
        )
        self._tell(found, span, kept, one)
        rates = one.amount / np.maximum(one.end - one.start, 1)
        good = ~void
        for n in np.flatnonzero(void):
            i = int(ends[n])
            event = next(
                (
                    e
                    for e in self.ledger.events[::-1]
                    if e["to_at"] == int(at[i]) and e["meter_row"] == int(self.registers.row[self.row[span.start + i]])
                ),
                None,
            )
            if event is None or event["kind"] == "unit_swap":
                continue  # of a stretch whose unit nobody knows nothing is booked
            before = next((rates[m] for m in range(n - 1, -1, -1) if good[m]), np.nan)
            after = next((rates[m] for m in range(n + 1, ends.size) if good[m]), np.nan)
            self.holes.add(series, int(one.start[n]), int(one.end[n]), (before, after), event)
        one = _Steps(*(getattr(one, name)[good] for name in ("series", "start", "end", "amount", "estimated")))
        self.counted.append((one, usual if self.interval else 0))
        return one

    def _tell(self, found: Verdict, span: slice, kept: Array, one: _Steps) -> None:
        """List what was found, with the energy that was booked from the reading before to the one after."""
        at = self.at[span]
        for kind, i, p, j, n, decision in found.events:
            inside = (one.start >= at[p]) & (one.end <= at[min(j, at.size - 1)])
            amount = None if decision == "not_counted" else int(one.amount[inside].sum()) / MICRO
            single = span.start + i
            naive = self._naive(span, p, min(j, at.size - 1), one) if kind == "unit_swap" else 0.0
            self.ledger.happened(kind, int(self.row[single]), int(at[i]), int(at[p]), int(at[min(j, at.size - 1)]), decision,
                                 amount=amount, naive=None if amount is None else naive, n=n,
                                 file=int(self.file[single]), row_number=int(self.number[single]))  # fmt: skip

    def _naive(self, span: slice, p: int, j: int, one: _Steps) -> float:
        """What readings taken as they come would book from one to another, the fall and the leap at the ends left out."""
        steps = np.diff(self.shown[span][p + 1 : j])
        return float(steps[steps > 0].sum())

    def _book_counters(self) -> None:
        """Book steps: whole where they lie in one month and row, else by time, or by profile over a gap."""
        if not self.counted:
            return
        one = _joined([steps for steps, _ in self.counted])
        interval = np.repeat([grid for _, grid in self.counted], [steps.end.size for steps, _ in self.counted])
        time = one.end - one.start
        covered = np.where(interval > 0, np.minimum(time, interval), time)
        is_gap = (time > GAP_STEPS * interval) & (interval > 0)
        first, last = self.registers.at(one.series, one.start), self.registers.at(one.series, one.end - 1)
        low, high = self.calendar.month(one.start), self.calendar.month(one.end - 1)
        whole = (first == last) & (low == high)
        estimated = one.estimated | (time > LONG)
        self.ledger.book(last[whole], high[whole], measured=np.where(estimated, 0, one.amount)[whole],
                         estimated=np.where(estimated, one.amount, 0)[whole], known_us=time[whole], covered_us=covered[whole])  # fmt: skip
        cut = ~whole & ~is_gap
        self.ledger.spread(
            one.series[cut], one.start[cut], one.end[cut], one.amount[cut], estimated[cut], covered=covered[cut]
        )
        late = ~whole & is_gap
        self.late = _Steps(
            *(array[late] for array in (one.series, one.start, one.end, one.amount, np.ones(time.size, dtype=bool)))
        )
        left_out = {
            (event["from_at"], event["to_at"]) for event in self.ledger.events if event["decision"] == "left_out"
        }
        for n in np.flatnonzero(is_gap):
            if (int(one.start[n]), int(one.end[n])) in left_out:
                continue  # a silence of readings that were there and do not count
            self.ledger.happened("gap", int(last[n]), int(one.end[n]), int(one.start[n]), int(one.end[n]),
                                 "spread_over_gap" if late[n] else "counted_at_return", amount=int(one.amount[n]) / MICRO, naive=0.0,
                                 n=round(int(time[n]) / int(interval[n])) - 1)  # fmt: skip

    def _intervals(self, span: slice) -> _Steps:
        """The quantities of an interval meter; those no supply can deliver are left out, missing ones are holes."""
        at, shown, grid = self.at[span], self.shown[span], self.interval
        series = int(self.series[span.start])
        before = np.append(at[0] - (grid or 1), at[:-1])
        start = np.maximum(at - grid, before) if grid else before
        rates = shown / np.maximum(at - start, max(grid, 1))
        good = shown <= self._limit(span, rates) * np.maximum(at - start, max(grid, 1)) + 1e-9 * shown
        one = _Steps(np.full(at.size, series), start, at, np.rint(shown * MICRO).astype(np.int64), self.estimated[span])
        one = _Steps(*(getattr(one, name)[good] for name in ("series", "start", "end", "amount", "estimated")))
        row, month = self.registers.at(one.series, one.end - 1), self.calendar.month(one.end - 1)
        time = one.end - one.start
        self.ledger.book(row, month, measured=np.where(one.estimated, 0, one.amount), estimated=np.where(one.estimated, one.amount, 0),
                         known_us=time if grid else np.where(time > 1, time, 0), covered_us=time if grid else np.where(time > 1, time, 0))  # fmt: skip
        wrong = np.flatnonzero(~good)
        spikes = [self.ledger.happened("spike", int(self.row[span.start + i]), int(at[i]), int(start[i]), int(at[i]), "left_out", naive=0.0,
                                       file=int(self.file[span.start + i]), row_number=int(self.number[span.start + i])) for i in wrong]  # fmt: skip
        rates = one.amount / np.maximum(time, 1)
        for n in np.flatnonzero(one.start[1:] - one.end[:-1] >= (grid / 2 if grid else np.inf)):
            a, b = int(one.end[n]), int(one.start[n + 1])
            event = next((spike for spike in spikes if spike["from_at"] == a and spike["to_at"] == b), None)
            event = event or self.ledger.happened(
                "gap", int(row[n + 1]), b, a, b, "estimated", naive=0.0, n=max(round((b - a) / grid), 1)
            )
            self.holes.add(series, a, b, (float(rates[n]), float(rates[n + 1])), event)
        return one

    def _ends(self, span: slice, one: _Steps) -> None:
        """What lies between the first and the last reading and the ends of their months, once those are over."""
        row = int(self.row[span.stop - 1])
        at, series = self.at[span], int(self.series[span.start])
        patience = max(GAP_STEPS * self.interval, 1)
        if not self.interval or not one.start.size:
            return
        begun, last = int(one.start[0]), int(at[-1])
        until = min(
            int(self.calendar.edges[self.calendar.month(np.array([last - 1]))[0] + 1]), int(self.registers.end[row])
        )
        if self.horizon > until and until - last > patience and not self._followed(row):
            event = self.ledger.happened(
                "gap", row, last, last, until, "estimated", naive=0.0, n=round((until - last) / self.interval)
            )
            self.holes.add(series, last, until, (np.nan, np.nan), event)
        row = int(self.row[span.start])
        since = max(int(self.calendar.edges[self.calendar.month(np.array([begun]))[0]]), int(self.registers.start[row]))
        if self.registers.frame["is_dated"][row] and begun - since > patience and not self._follows(row):
            event = self.ledger.happened(
                "gap", row, begun, since, begun, "estimated", naive=0.0, n=round((begun - since) / self.interval)
            )
            self.holes.add(series, since, begun, (np.nan, np.nan), event)

    def _neighbour(self, row: int, step: int) -> int | None:
        """The first row of the series before or after this row's on the same supply point."""
        point = self.registers.point[row]
        mine = self.registers.series[row]
        others = [int(other) for other in self.registers.first
                  if self.registers.point[other] == point and self.registers.series[other] != mine
                  and (self.registers.start[other] - self.registers.start[row]) * step > 0]  # fmt: skip
        return min(
            others,
            key=lambda other: abs(int(self.registers.start[other]) - int(self.registers.start[row])),
            default=None,
        )

    def _followed(self, row: int) -> bool:
        return self._neighbour(row, 1) is not None

    def _follows(self, row: int) -> bool:
        return self._neighbour(row, -1) is not None

    def _handovers(self, kept: list[tuple[slice, _Steps]]) -> None:
        """The time between the last reading of an old meter and the first of the new one on its supply point."""
        steps = {int(one.series[0]): one for _, one in kept}
        for one in steps.values():
            row = int(self.registers.first[int(one.series[0])])
            other = self._neighbour(row, -1)
            before = steps.get(int(self.registers.series[other])) if other is not None else None
            if before is None:
                continue
            a, b = int(before.end[-1]), int(one.start[0])
            border = int(np.clip(self.registers.start[row], a, b))
            if not 0 < b - a <= PROFILE:
                continue
            last, first = (before.end > a - DAY), (one.start < b + DAY)
            old = before.amount[last].sum() / (before.end - before.start)[last].sum()
            new = one.amount[first].sum() / (one.end - one.start)[first].sum()
            for series, start, end, rate in (
                (int(before.series[0]), a, border, old),
                (int(one.series[0]), border, b, new),
            ):
                if end > start:
                    where = int(self.registers.at(np.array([series]), np.array([start]))[0])
                    event = self.ledger.happened("replacement", where, b, start, end, "estimated", naive=0.0)
                    self.holes.add(series, start, end, (rate, rate), event, one_side=True)

    def _fill(self, kept: list[_Steps]) -> None:
        """Book what can be said of holes and gaps by a profile of the meter's own weeks, or from both sides."""
        late = self.late
        if not self.holes.series and not late.series.size:
            return
        every = _joined(kept)
        series, start, end, amount = every.series, every.start, every.end, every.amount
        fine = end - start <= HOUR
        count = self.registers.first.size
        cell = series[fine] * WEEK + self.calendar.hour_of_week((start[fine] + end[fine]) // 2)
        time = np.bincount(cell, weights=(end - start)[fine], minlength=count * WEEK)
        energy = np.bincount(cell, weights=amount[fine].astype(np.float64), minlength=count * WEEK)
        rates = np.divide(energy, time, out=np.full(time.size, np.nan), where=time > 0)
        has_profile = time.reshape(count, WEEK).sum(axis=1) >= PROFILE
        known = self._is_known(late.series, late.start, late.end, rates) & has_profile[late.series]
        for some, profile in ((known, rates), (~known, None)):
            self.ledger.spread(late.series[some], late.start[some], late.end[some], late.amount[some], late.estimated[some],
                               late.series[some], profile, method=1 if profile is None else 2)  # fmt: skip
        self._fill_holes(rates, has_profile)

    def _is_known(self, series: Array, start: Array, end: Array, rates: Array) -> Array:
        """Where the profile speaks of every hour of a stretch, and the stretch is not longer than what makes a profile."""
        if not series.size:
            return np.zeros(0, dtype=bool)
        short = np.minimum(end, start + PROFILE)
        owner, a, _ = pieces(start, short, None)
        silent = np.isnan(rates[series[owner] * WEEK + self.calendar.hour_of_week(a)])
        return (np.bincount(owner, weights=silent, minlength=series.size) == 0) & (end - start <= PROFILE)

    def _fill_holes(self, rates: Array, has_profile: Array) -> None:
        holes = self.holes
        if not holes.series:
            return
        series, start, end = (np.array(values) for values in (holes.series, holes.start, holes.end))
        left, right = np.array(holes.rates).T
        known = self._is_known(series, start, end, rates) & has_profile[series]
        between = ~known & np.isfinite(left + right) & (end - start <= np.where(holes.one_side, PROFILE, NEIGHBOURS))
        amount = np.rint((left + right) / 2 * (end - start), where=between, out=np.zeros(series.size)).astype(np.int64)
        if known.any():
            owner, a, b = pieces(start[known], end[known], None)
            weight = (b - a) * rates[series[known][owner] * WEEK + self.calendar.hour_of_week(a)]
            amount[known] = np.rint(np.bincount(owner, weights=weight, minlength=int(known.sum()))).astype(np.int64)
        sure = np.ones(series.size, dtype=bool)
        self.ledger.spread(
            series[known], start[known], end[known], amount[known], sure[known], series[known], rates, method=2
        )
        self.ledger.spread(series[between], start[between], end[between], amount[between], sure[between], method=3)
        for n, event in enumerate(holes.event):
            if known[n] or between[n]:
                event["amount"] = (event["amount"] or 0.0) + int(amount[n]) / MICRO
                event["naive"] = 0.0
                event["decision"] = "estimated"
            else:
                event["decision"] = "not_counted"
