"""Meter readings to what each meter counted in each month, and to the events that decided about it.

Every clean file is summed up by itself (`data/segment`, named by its content): per meter and month what lies between the
first and the last reading. Where nothing is off these sums and the steps between them are all there is to know. Meters at
which something is off (a register that falls or leaps, files that interleave, holes, register rows that change) are read
again in full and judged by `warehouse.meter_series`. What is made of all files is noted with what it rests on, so that a
late file costs the work on its own meters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from schemas.enterprise import Enterprise
from schemas.lake import Lake, beside, digest, replaced, write_text
from warehouse import meter_week
from warehouse.meter_series import (
    EVENT,
    GAP_STEPS,
    LONG,
    METHODS,
    MICRO,
    PART,
    ROBUST,
    TOLERANCE,
    Calendar,
    Ledger,
    Registers,
    Series,
    per_kw,
)  # fmt: skip

Array = np.ndarray[Any, Any]
SQL_TYPES = {pl.Int64: "bigint", pl.String: "varchar", pl.Float64: "double"}
FORMAT = 1  # raised when the same readings give other figures
PART_COLUMNS = ", ".join((
    "meter_row bigint", "month varchar", *(f"{name} bigint" for name in (*PART, *METHODS)), "is_interpolated boolean",
))  # fmt: skip
"""The columns of `staged.meter_part`: energy in millionths of the register's unit, time in microseconds."""
EVENT_COLUMNS = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in EVENT.items())
"""The columns of `staged.meter_event`: amounts in the register's unit, moments in microseconds since 1970."""
HOUR_COLUMNS = ", ".join(f"{name} {SQL_TYPES[kind]}" for name, kind in meter_week.FAR.items())
"""The columns of `staged.meter_hour`: hours by the site's clock since Monday, 1969-12-29, amounts in the register's unit."""
TABLES = {"staged.meter_part": PART_COLUMNS, "staged.meter_event": EVENT_COLUMNS, "staged.meter_hour": HOUR_COLUMNS}
AT_ONCE = 2_000_000  # readings of suspect meters held at once
FOREVER = 1 << 60


def parts(enterprise: Enterprise) -> dict[str, list[Path]]:
    """The files of each table of `TABLES`, computing what is not there yet; empty without readings."""
    lake = enterprise.lake
    months = {path: month for entry in lake.extracts("meter_reading") for month, path in entry["clean"].items()}
    folder = lake.data / "segment"
    made: list[Path] = []
    tables: dict[str, list[Path]] = {}
    if months:
        reference = _reference(lake)
        rests_on = digest(FORMAT, reference, enterprise.timezone)
        segment = _segments(lake, list(months), reference, enterprise.timezone)
        registers = _registers(lake.data, tuple(reference), enterprise.timezone)
        whole = folder / digest(list(segment), rests_on)
        note = whole.with_suffix(".sum.json")
        found = whole.with_suffix(".part.parquet"), whole.with_suffix(".event.parquet")
        last = None if note.exists() else _last(folder, rests_on, registers, segment)
        if not all(path.exists() for path in found):
            _add_up(lake, registers, segment, found, last)
        weeks = _weeks(folder, months, segment, registers, last)
        if not note.exists():
            _note(note, rests_on, segment, weeks)
        of_weeks = [path for _, path in weeks.values()]
        made = [note, *found, *of_weeks, *(make(one) for one in segment.values() for make in (Path, _events, _hours))]
        tables = dict(zip(TABLES, ([found[0]], [found[1]], of_weeks), strict=True))
    for path in {*folder.glob("*")} - {*made}:
        path.unlink()
    return tables


def _segments(lake: Lake, files: list[str], reference: list[str], timezone: str) -> dict[str, Path]:
    """Each clean file with what it sums up to."""
    folder = lake.data / "segment"
    segment = {path: folder / f"{digest(FORMAT, path, reference, timezone)}.parquet" for path in files}
    for path, target in segment.items():
        if not all(one.exists() for one in (target, _events(target), _hours(target))):
            spec = {"data": str(lake.data), "file": path, "reference": reference, "timezone": timezone}
            task({**spec, "target": str(target)})
    return segment


def _weeks(
    folder: Path, months: dict[str, str], segment: dict[str, Path], registers: pl.DataFrame, last: _Last | None
) -> dict[str, tuple[list[str], Path]]:
    """Month → the months its file of far hours rests on, and the file."""
    weeks: dict[str, tuple[list[str], Path]] = {}
    for month in sorted({*months.values()}):
        paths = [segment[path] for path, other in months.items() if other in _around(month)]
        near = sorted({other for other in months.values() if other in _around(month)})
        target = folder / f"{digest(FORMAT, month, [path.name for path in paths])}.week.parquet"
        weeks[month] = near, target
        if not target.exists():
            some, held = _week_of(last, month, near, registers)
            more = meter_week.between(pl.scan_parquet(paths), some)
            far = meter_week.far([_hours(path) for path in paths], more, some, month, near)
            with replaced(target) as temporary:
                pl.concat([*held, far]).sort("meter_row", "hour").write_parquet(temporary)
    return weeks


def _around(month: str) -> tuple[str, str, str]:
    """A month and those beside it."""
    return beside(month, -1), month, beside(month, 1)


def _note(note: Path, rests_on: str, segment: dict[str, Path], weeks: dict[str, tuple[list[str], Path]]) -> None:
    """Note down what was made of which files, for `_last`."""
    horizon = pl.scan_parquet([*segment.values()]).select(pl.col("last_at").max()).collect().item()
    said = {
        "rests_on": rests_on,
        "horizon": horizon,
        "segments": {path: one.name for path, one in segment.items()},
        "weeks": {month: [near, path.name] for month, (near, path) in weeks.items()},
    }
    write_text(note, json.dumps(said))


@dataclass
class _Last:
    """What was made of the files there were before; it holds for every meter of which no file has come or gone.

    Attributes:
        horizon: the last moment anything was known of.
        files: the clean files in the order they are numbered by.
        part, event: what they were added up to.
        weeks: month → the months its file rests on, and the file.
        touched: rows of the register that must be looked at again.
    """

    horizon: int
    files: list[str]
    part: Path
    event: Path
    weeks: dict[str, tuple[list[str], Path]]
    touched: pl.Series


def _last(folder: Path, rests_on: str, registers: pl.DataFrame, segment: dict[str, Path]) -> _Last | None:
    """What was made before with the same register; None where nothing was, or not all of it is there any more."""
    for note in folder.glob("*.sum.json"):
        said = json.loads(note.read_text(encoding="utf-8"))
        before = {path: folder / name for path, name in said["segments"].items()}
        weeks = {month: (near, folder / name) for month, (near, name) in said["weeks"].items()}
        whole = note.name.removesuffix(".sum.json")
        part, event = folder / f"{whole}.part.parquet", folder / f"{whole}.event.parquet"
        changed = [path for _, path in before.items() ^ segment.items()]
        if said["rests_on"] == rests_on and all(
            path.exists() for path in (*changed, part, event, *(path for _, path in weeks.values()))
        ):
            # the same files in another order have no changed one among them
            found = [pl.read_parquet(path, columns=["meter_row"])["meter_row"] for path in changed]
            rows = pl.concat([registers["meter_row"].clear(), *found], how="vertical").unique()
            return _Last(said["horizon"], list(before), part, event, weeks, _bound(registers, rows))
    return None


def _bound(registers: pl.DataFrame, rows: pl.Series) -> pl.Series:
    """Rows of the register with all that are of the same meters and supply points: these are judged together."""
    while True:
        some = registers.filter(pl.col("meter_row").is_in(rows.implode()))
        wider = registers.filter(
            pl.col("meter").is_in(some["meter"].implode()) | pl.col("point").is_in(some["point"].implode())
        )["meter_row"]
        if len(wider) == len(some):
            return wider
        rows = wider


def _week_of(
    last: _Last | None, month: str, near: list[str], registers: pl.DataFrame
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """The rows of the register whose week is to be judged, and what stands of the others."""
    before, path = last.weeks.get(month, ([], None)) if last else ([], None)
    if last is None or path is None or before != near:
        return registers, []
    again = pl.col("meter_row").is_in(last.touched.implode())
    return registers.filter(again), [pl.read_parquet(path).filter(~again)]


def counters(enterprise: Enterprise) -> pl.DataFrame:
    """The meters that show what they have counted since they were put in place, each with its time zone."""
    rows = _registers(enterprise.lake.data, tuple(_reference(enterprise.lake)), enterprise.timezone)
    return rows.filter(~pl.col("is_interval")).select("meter_id", "timezone").unique("meter_id", keep="last")


def _reference(lake: Lake) -> list[str]:
    """The clean files of the register, and of the sites its meters stand at."""
    return [path.relative_to(lake.data).as_posix() for name in ("site", "meter") for path in lake.files("clean", name)]


def origins(lake: Lake) -> pl.DataFrame:
    """Which extract each clean file of readings is of, by its position among them."""
    entries = [entry for entry in lake.extracts("meter_reading") for _ in entry["clean"]]
    return pl.DataFrame(
        {
            "file": range(len(entries)),
            "source": [one["source"] for one in entries],
            "extract_id": [one["sha256"] for one in entries],
        },
        schema={"file": pl.Int64, "source": pl.String, "extract_id": pl.String},
    )


def _events(segment: Path) -> Path:
    return segment.with_suffix(".event.parquet")


def _hours(segment: Path) -> Path:
    return segment.with_suffix(".hour.parquet")


@lru_cache(maxsize=1)
def _registers(data: Path, reference: tuple[str, ...], timezone: str) -> pl.DataFrame:
    """The rows of `reference.meter` in its order, with the site's time zone, the limits of their time and of their rate."""
    found: dict[str, list[pl.DataFrame]] = {"site": [], "meter": []}
    for path in reference:
        found[path.split("/")[1]].append(pl.read_parquet(data / path, hive_partitioning=False))
    sites = pl.concat(found["site"]).sort("site_id", "valid_from").unique("site_id", keep="last", maintain_order=True)
    sites = sites.select("site_id", pl.col("timezone").fill_null(timezone))
    rows = (
        pl.concat(found["meter"])
        .with_columns(pl.col("meter_id", "site_id").cast(pl.String))
        .sort("meter_id", "valid_from", nulls_last=False)
    )
    rows = rows.join(
        sites.with_columns(pl.col("site_id").cast(pl.String)), on="site_id", how="left", maintain_order="left"
    )

    def midnight(day: pl.Expr, otherwise: int) -> pl.Expr:
        zones = rows["timezone"].unique().sort()
        local = [
            pl.when(pl.col("timezone") == zone).then(
                day.cast(pl.Datetime("us")).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.epoch("us")
            )
            for zone in zones
        ]  # fmt: skip
        return pl.coalesce(*local, pl.lit(otherwise)) if local else pl.lit(otherwise)

    limits = [
        np.inf if row["max_power_kw"] is None else row["max_power_kw"] * per_kw(row["carrier"], row["unit"]) / (row["multiplier"] or 1.0)
        for row in rows.select("max_power_kw", "carrier", "unit", "multiplier").iter_rows(named=True)
    ]  # fmt: skip
    ids = rows["meter_id"].cast(pl.String)
    return rows.select(
        pl.int_range(1, pl.len() + 1).alias("meter_row"), ids,
        (ids != ids.shift()).fill_null(value=False).cast(pl.Int64).cum_sum().alias("meter"),
        (pl.col("register_kind") == "interval").alias("is_interval"), "register_max", "unit", "carrier",
        (pl.col("interval_min").cast(pl.Int64) * 60 * MICRO).alias("interval_us"), pl.Series("limit", limits, dtype=pl.Float64),
        pl.coalesce(pl.col("supply_point_id").cast(pl.String), ids).alias("point"), "timezone",
        midnight(pl.col("valid_from"), -FOREVER).alias("start"), midnight(pl.col("valid_to").dt.offset_by("1d"), FOREVER).alias("end"),
        pl.col("valid_from").is_not_null().alias("is_dated"), "valid_from", "valid_to",
    )  # fmt: skip


def task(spec: dict[str, Any]) -> dict[str, Any]:
    """Sum up one clean file; JSON in and out, harmless to repeat."""
    data, target = Path(spec["data"]), Path(spec["target"])
    registers = _registers(data, tuple(spec["reference"]), spec["timezone"])
    meters = registers.unique("meter_id", keep="last", maintain_order=True)
    # Arrow takes half the CPU of polars to read numbers whose bytes are stored apart
    file = pq.ParquetFile(data / spec["file"], read_dictionary=["meter_id", "quality"])
    readings = pl.DataFrame(file.read(_COLUMNS, use_threads=False))
    runs = (
        readings["meter_id"]
        .rle()
        .struct.unnest()
        .rename({"value": "meter_id"})
        .with_columns(pl.col("meter_id").cast(pl.String))
    )
    runs = runs.join(meters, on="meter_id", how="left", maintain_order="left")
    found = []
    for zone in runs["timezone"].unique().sort():
        here = runs["timezone"] == zone
        mine = (
            readings if here.all() else readings.filter(pl.Series(np.repeat(here.to_numpy(), runs["len"].to_numpy())))
        )
        found.append(_File(mine, runs.filter(here), str(zone)).sums())
    for path, frames in zip((target, _events(target), _hours(target)), zip(*found, strict=True), strict=True):
        with replaced(path) as temporary:
            pl.concat(frames).write_parquet(temporary, compression="lz4")
    return {"target": spec["target"], "segments": sum(sums.height for sums, *_ in found)}


_COLUMNS = ["meter_id", "read_at", "register", "quality", "is_conflicting", "row_number"]


class _File:
    """The readings of one clean file in one time zone as plain arrays, by meter and time."""

    def __init__(self, readings: pl.DataFrame, runs: pl.DataFrame, zone: str) -> None:
        lengths = runs["len"].to_numpy()

        def each(name: str, empty: Any = None) -> Array:  # noqa: ANN401
            values = runs[name] if empty is None else runs[name].fill_null(empty)
            return np.repeat(values.to_numpy(), lengths)

        self.zone = zone
        self.meter, self.meter_row = each("meter"), each("meter_row")
        self.interval = each("interval_us", 0)
        self.some_are_intervals = bool(runs["is_interval"].any())
        self.is_interval = each("is_interval") if self.some_are_intervals else np.zeros(self.meter.size, dtype=bool)
        self.at = readings["read_at"].dt.epoch("us").to_numpy()
        self.register = readings["register"].to_numpy()
        self.estimated = (readings["quality"] == "E").fill_null(value=False).to_numpy()
        self.conflicting = readings["is_conflicting"].to_numpy()
        self.number = readings["row_number"].to_numpy()
        self.events: list[pl.DataFrame] = []
        self._put_in_order()
        self._keep_the_lower_of_conflicting()

    def _take(self, rows: Array) -> None:
        for name in (
            "meter",
            "meter_row",
            "is_interval",
            "interval",
            "at",
            "register",
            "estimated",
            "conflicting",
            "number",
        ):
            setattr(self, name, getattr(self, name)[rows])

    def _put_in_order(self) -> None:
        later_meter, same_meter = self.meter[1:] > self.meter[:-1], self.meter[1:] == self.meter[:-1]
        if not np.all(later_meter | (same_meter & (self.at[1:] >= self.at[:-1]))):
            self._take(np.lexsort((self.at, self.meter)))

    def _keep_the_lower_of_conflicting(self) -> None:
        """Of several values for one instant the lower counts."""
        some = np.flatnonzero(self.conflicting)
        if not some.size:
            return
        order = some[np.lexsort((self.number[some], self.register[some], self.at[some], self.meter[some]))]
        again = (self.meter[order][1:] == self.meter[order][:-1]) & (self.at[order][1:] == self.at[order][:-1])
        other = order[1:][again]
        self._happened("duplicate_value", "lower_counts", other, self.at[other], row_number=self.number[other])
        keep = np.ones(self.meter.size, dtype=bool)
        keep[other] = False
        self._take(keep)

    def _happened(self, kind: str, decision: str, where: Array, since: Array, **more: Array) -> None:
        at = self.at[where]
        columns = {"meter_row": self.meter_row[where], "at": at, "from_at": since, "to_at": at, **more}
        frame = pl.DataFrame(columns).with_columns(kind=pl.lit(kind), decision=pl.lit(decision))
        self.events.append(_as_events(frame))

    def sums(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """One line per meter and local month, what happened in between, and what was measured by the hour."""
        # the quantity of an interval belongs to the month its interval lies in, not to the instant that ends it
        moment = self.at - self.is_interval if self.some_are_intervals else self.at
        calendar = Calendar(moment.min(), moment.max(), self.zone)
        month = calendar.month(moment)
        starts = np.ones(self.meter.size, dtype=bool)
        starts[1:] = (self.meter[1:] != self.meter[:-1]) | (month[1:] != month[:-1])
        first = np.flatnonzero(starts)
        last = np.append(first[1:], self.meter.size) - 1
        steps, time = np.diff(self.register, prepend=0.0), np.diff(self.at, prepend=0)
        steps[first], time[first] = 0.0, 0
        fell = steps < 0
        if self.some_are_intervals:
            fell &= ~self.is_interval
            steps = np.where(self.is_interval, self.register, steps)
        whole = np.rint(steps * MICRO).astype(np.int64)  # whole millionths, so that sums do not depend on order
        covered = np.minimum(time, self.interval)
        gaps = np.flatnonzero(time > GAP_STEPS * np.maximum(self.interval, 1))
        gaps = gaps[(self.interval[gaps] > 0) & ~self.is_interval[gaps]]
        self._happened("gap", "counted_at_return", gaps, self.at[gaps - 1], n=np.rint(time[gaps] / self.interval[gaps]).astype(np.int64) - 1,
                       amount=whole[gaps] / MICRO, naive=np.zeros(gaps.size))  # fmt: skip
        # an interval meter's readings must lie one interval apart, a counter must not fall, and both need a grid
        off = fell | (self.interval == 0)
        if self.some_are_intervals:
            off |= self.is_interval & (time != self.interval) & ~starts
            covered = np.where(self.is_interval, self.interval, covered)
        rate = steps / np.maximum(np.maximum(time, self.interval), 1)

        def total(values: Array) -> Array:
            return np.add.reduceat(values.astype(np.int64, copy=False), first)

        sums = pl.DataFrame(
            {
                "month": calendar.names.gather(month[first]), "meter_row": self.meter_row[first], "first_at": self.at[first],
                "first_register": self.register[first], "last_at": self.at[last], "last_register": self.register[last],
                "starts_estimated": self.estimated[first], "increase": total(whole), "estimated": total(np.where(self.estimated, whole, 0)),
                "readings": last - first + 1, "negative_steps": total(fell), "conflicting": total(self.conflicting),
                "covered_us": total(covered), "highest": np.maximum.reduceat(rate, first), "is_off": total(off) > 0,
            }
        )  # fmt: skip
        length = np.where(self.is_interval, self.interval, time) if self.some_are_intervals else time
        hours = meter_week.hours(self.meter_row, self.at, length, whole, ~(fell | self.estimated), self.zone)
        return sums, pl.concat(self.events), hours


def _as_events(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(1 if name == "n" else None)).cast(kind).alias(name)
        for name, kind in EVENT.items()
    )


@dataclass
class _Chain:
    """The segments of one time zone by meter and time, and what lies between one and the next.

    `span` is the first and the last moment of any meter of the zone.
    """

    frame: pl.DataFrame
    registers: Registers
    horizon: int
    span: tuple[int, int]

    def __post_init__(self) -> None:
        """Take the columns apart."""
        frame = self.frame.sort("meter_row", "first_at", "last_at")
        self.meter_row, self.covered_us = frame["meter_row"].to_numpy(), frame["covered_us"].to_numpy()
        self.first_at, self.last_at = frame["first_at"].to_numpy(), frame["last_at"].to_numpy()
        self.first_register, self.last_register = frame["first_register"].to_numpy(), frame["last_register"].to_numpy()
        self.increase, self.estimated = frame["increase"].to_numpy(), frame["estimated"].to_numpy()
        self.highest = frame["highest"].to_numpy()
        self.frame = frame
        self.row = self.meter_row - 1
        self.is_interval, self.interval = self.registers.is_interval[self.row], self.registers.interval[self.row]
        self.calendar = Calendar(self.span[0] - 1, self.span[1], str(frame["timezone"][0]))
        self.month = self.calendar.month(self.first_at - self.is_interval)
        self.next = np.flatnonzero(self.row[1:] == self.row[:-1])  # the segments that another of their meter follows

    def suspects(self) -> Array:
        """Rows of the meters that have to be read in full."""
        first_at, last_at, month, n = self.first_at, self.last_at, self.month, self.next
        time, step = first_at[n + 1] - last_at[n], self.first_register[n + 1] - self.last_register[n]
        grid, interval = self.interval[n], self.is_interval[n]
        off = (time <= 0) | np.where(interval, time != grid, step < 0)
        off |= ~interval & (time > GAP_STEPS * grid) & (month[n + 1] != month[n])
        found = [self.row[self.frame["is_off"].to_numpy()], self.row[n[off]]]
        # a leap shows in the highest rate beside the mean of all others
        highest = self.highest.copy()
        highest[n + 1] = np.maximum(highest[n + 1], np.where(interval, 0, step / np.maximum(np.maximum(time, grid), 1)))
        rows, at = np.unique(self.row, return_inverse=True)
        top = np.full(rows.size, -np.inf)
        np.maximum.at(top, at, highest)
        amount = np.bincount(at, weights=self.increase / MICRO) + np.bincount(
            at[n + 1], weights=np.where(interval, 0, step), minlength=rows.size
        )
        grid = np.maximum(self.registers.interval[rows], 1)
        span = np.bincount(at, weights=self.covered_us) + np.bincount(
            at[n + 1], weights=np.where(interval, 0, time), minlength=rows.size
        )
        others = (amount - top * grid) / np.maximum(span, 1)
        limit = self.registers.limit[rows]
        found.append(rows[np.where(np.isfinite(limit), top > TOLERANCE * limit, top > ROBUST * others) & (top > 0)])
        found.append(self._open_ends(rows))
        return np.unique(np.concatenate(found))

    def _open_ends(self, rows: Array) -> Array:
        """Rows whose readings begin late in a month the meter was there, or end early in a month that is over."""
        a = np.searchsorted(self.row, rows)
        z = np.searchsorted(self.row, rows, side="right") - 1
        patience = GAP_STEPS * self.registers.interval[rows]
        until = np.minimum(
            self.calendar.edges[np.minimum(self.month[z] + 1, self.calendar.edges.size - 1)], self.registers.end[rows]
        )
        since = np.maximum(self.calendar.edges[self.month[a]], self.registers.start[rows])
        begun = self.first_at[a] - np.where(self.is_interval[a], self.interval[a], 0)
        ends = (self.horizon > until) & (until - self.last_at[z] > patience)
        return rows[ends | (self.registers.frame["is_dated"].to_numpy()[rows] & (begun - since > patience))]

    def settle(self, suspects: Array) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Parts and events of the meters at which nothing is off."""
        fine = ~np.isin(self.row, suspects)
        ledger = Ledger(self.registers, self.calendar)
        frame = self.frame
        within = np.where(self.is_interval, self.covered_us, self.last_at - self.first_at)
        columns = {"measured": self.increase - self.estimated, "estimated": self.estimated, "known_us": within, "covered_us": self.covered_us,
                   "readings": frame["readings"].to_numpy(), "negative_steps": frame["negative_steps"].to_numpy(),
                   "conflicting": frame["conflicting"].to_numpy()}  # fmt: skip
        ledger.book(self.row[fine], self.month[fine], **{name: values[fine] for name, values in columns.items()})
        n = self.next[fine[self.next] & ~self.is_interval[self.next]]
        start, end = self.last_at[n], self.first_at[n + 1]
        time, grid, row = end - start, self.interval[n], self.row[n]
        amount = np.rint((self.first_register[n + 1] - self.last_register[n]) * MICRO).astype(np.int64)
        estimated = frame["starts_estimated"].to_numpy()[n + 1] | (time > LONG)
        covered = np.minimum(time, grid)
        # a step that ends at a month's first instant lies in the month before
        low, high = self.calendar.month(start), self.calendar.month(end - 1)
        whole = low == high
        ledger.book(row[whole], high[whole], measured=np.where(estimated, 0, amount)[whole], estimated=np.where(estimated, amount, 0)[whole],
                    known_us=time[whole], covered_us=covered[whole])  # fmt: skip
        cut = ~whole
        ledger.spread(
            self.registers.series[row[cut]], start[cut], end[cut], amount[cut], estimated[cut], covered=covered[cut]
        )
        silent = time > GAP_STEPS * grid
        gaps = pl.DataFrame({
            "meter_row": self.meter_row[n][silent], "at": end[silent], "from_at": start[silent], "to_at": end[silent],
            "n": np.rint(time[silent] / np.maximum(grid[silent], 1)).astype(np.int64) - 1, "amount": amount[silent] / MICRO, "naive": np.zeros(int(silent.sum())),
        }).with_columns(kind=pl.lit("gap"), decision=pl.lit("counted_at_return"))  # fmt: skip
        parts, _ = ledger.close()
        return parts, _as_events(gaps)


def _add_up(lake: Lake, registers: pl.DataFrame, segment: dict[str, Path], found: tuple[Path, Path], last: _Last | None) -> None:  # fmt: skip
    """Add the segments of all files up, and judge in full the meters at which something is off.

    Meters of which no file has come or gone since `last` keep what was made of them, if the last moment known is the same.
    """
    number = {path: n for n, path in enumerate(segment)}
    chain = pl.scan_parquet([*segment.values()]).join(
        registers.lazy().select("meter_row", "timezone"), on="meter_row", how="left", maintain_order="left"
    )
    events = pl.concat(
        [pl.scan_parquet(_events(target)).with_columns(file=pl.when(pl.col("row_number").is_not_null()).then(pl.lit(number[path])).cast(pl.Int64))
         for path, target in segment.items()]
    )  # fmt: skip
    every = Registers(registers)
    found_in = chain.group_by("timezone").agg(low=pl.min("first_at"), high=pl.max("last_at")).collect()
    spans = {zone: (low, high) for zone, low, high in found_in.iter_rows()}
    horizon = max(high for _, high in spans.values())
    results, hard_meters = [], []
    if last and last.horizon == horizon:
        again = pl.col("meter_row").is_in(last.touched.implode())
        moved = pl.col("file").replace_strict(
            {n: number.get(path) for n, path in enumerate(last.files)}, return_dtype=pl.Int64
        )
        results.append(
            (pl.read_parquet(last.part).filter(~again), pl.read_parquet(last.event).filter(~again).with_columns(moved))
        )
        chain, events = chain.filter(again), events.filter(again)
    several = np.flatnonzero(np.bincount(every.meter, minlength=1)[every.meter] > 1)
    points = registers.filter(pl.col("point").is_duplicated())["meter_row"].to_numpy() - 1
    noted = events.collect()
    for (zone,), frame in sorted(chain.collect().partition_by("timezone", as_dict=True).items()):
        one = _Chain(frame, every, horizon, spans[zone])
        suspects = np.unique(np.concatenate([one.suspects(), several, points])).astype(np.int64)
        settled, gaps = one.settle(suspects)
        quiet = noted.join(
            frame.filter(~pl.col("meter_row").is_in(suspects + 1)).select("meter_row").unique(),
            on="meter_row",
            how="semi",
        )
        results.append((settled, pl.concat([gaps, quiet])))
        hard_meters.append(np.unique(every.meter[suspects[np.isin(suspects, one.row)]]))
        weight = frame.group_by("meter_row").agg(pl.col("readings").sum())
        results += _in_full(lake, every, one.calendar, horizon, hard_meters[-1], weight, segment)
    for path, frames in zip(
        found, ([parts for parts, _ in results], [happened for _, happened in results]), strict=True
    ):
        frame = pl.concat(frames)
        order = (
            ["meter_row", "month"]
            if "month" in frame.columns
            else ["meter_row", "at", "kind", "from_at", "to_at", "row_number", "file"]
        )
        with replaced(path) as temporary:
            frame.sort(order).write_parquet(temporary)


def _in_full(lake: Lake, every: Registers, calendar: Calendar, horizon: int, hard: Array, weight: pl.DataFrame,
             segment: dict[str, Path]) -> list[tuple[pl.DataFrame, pl.DataFrame]]:  # fmt: skip
    """Judge meters by all their readings, as many at once as memory allows; those of one supply point together."""
    if not hard.size:
        return []
    table = (
        every.frame.filter(pl.col("meter").is_in(hard))
        .join(weight, on="meter_row", how="left")
        .sort("point", "meter_row")
    )
    table = table.with_columns(
        batch=(pl.col("readings").fill_null(0).cum_sum().over(pl.lit(1)) // AT_ONCE).min().over("point")
    )
    results = []
    for (_,), some in sorted(table.partition_by("batch", as_dict=True).items()):
        rows = some.sort("meter_row").select(every.frame.columns)
        ids = rows.select("meter_id", "meter").unique()
        frames = []
        for n, path in enumerate(segment):
            one = (
                pl.scan_parquet(lake.data / path, hive_partitioning=False)
                .select(_COLUMNS)
                .with_columns(pl.col("meter_id").cast(pl.String))
            )
            frames.append(one.filter(pl.col("meter_id").is_in(ids["meter_id"].implode())).collect().select(
                "meter_id", pl.col("read_at").dt.epoch("us").alias("at"), "register", (pl.col("quality") == "E").fill_null(value=False).alias("estimated"),
                pl.col("is_conflicting").alias("conflicting"), pl.lit(n, dtype=pl.Int64).alias("file"), "row_number",
            ))  # fmt: skip
        readings = pl.concat(frames).join(ids, on="meter_id", how="left").drop("meter_id")
        results.append(Series(readings, Registers(rows), calendar, horizon).settle())
    return results
