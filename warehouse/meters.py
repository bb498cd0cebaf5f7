"""Meter readings to segments: what each meter did within one group of clean files, per local month.

A segment says where a meter's readings of a month begin and end and what lies between them. Segments of disjoint time
ranges add up (the step between two is the mart's to take), so a late file costs the work on that file only: segments
are kept under the name of the clean files they were computed from.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from schemas.enterprise import Enterprise
from schemas.lake import digest, meet, replaced

# a register that falls from the top tenth of its range to the bottom tenth has rolled over; any other fall is a reset
ROLLOVER_FROM, ROLLOVER_TO = 0.9, 0.1
MICRO = 1_000_000  # energy is summed in whole millionths of the register's unit


def segments(enterprise: Enterprise) -> list[Path]:
    """The segment files of everything in `clean.meter_reading`, computing those that are not there yet."""
    lake = enterprise.lake
    groups = [
        [path for entry in group for path in entry["clean"].values()]
        for group in _interleaved(lake.extracts("meter_reading"))
    ]
    reference = [
        path.relative_to(lake.data).as_posix() for name in ("site", "meter") for path in lake.files("clean", name)
    ]
    wanted = []
    for files in groups:
        target = lake.data / "segment" / f"{digest(files, reference, enterprise.timezone)}.parquet"
        wanted.append(target)
        if files and not target.exists():
            task(
                {
                    "data": str(lake.data),
                    "files": files,
                    "reference": reference,
                    "timezone": enterprise.timezone,
                    "target": str(target),
                }
            )
    for path in (lake.data / "segment").glob("*"):
        if path not in wanted:
            path.unlink()
    return [path for path in wanted if path.exists()]


def _interleaved(entries: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Extracts whose readings could lie between each other's, together; the others alone."""
    groups: list[list[dict[str, Any]]] = []
    for entry in entries:
        near = [
            group
            for group in groups
            if any(meet(entry["clean_spans"], other["clean_spans"], ("meter_id", "read_at")) for other in group)
        ]
        groups = [group for group in groups if group not in near]
        groups.append([*(member for group in near for member in group), entry])
    return groups


def task(spec: dict[str, Any]) -> dict[str, Any]:
    """Compute one segment file; JSON in and out, harmless to repeat."""
    data = Path(spec["data"])
    meters = _meters(data, spec["reference"], spec["timezone"])
    readings = pl.concat([_readings(data / path) for path in spec["files"]])
    runs = readings["meter_id"].rle().struct.unnest().rename({"value": "meter_id"})
    runs = runs.join(meters, on="meter_id", how="left", maintain_order="left")
    zones = runs["timezone"].unique().sort()
    found = []
    for zone in zones:
        here = runs["timezone"] == zone
        mine = (
            readings
            if len(zones) == 1
            else readings.filter(pl.Series(np.repeat(here.to_numpy(), runs["len"].to_numpy())))
        )
        found.append(_Readings(mine, runs.filter(here), meters["meter_id"]).segments(str(zone)))
    frame = pl.concat(found).sort("meter_id", "month")
    with replaced(Path(spec["target"])) as temporary:
        frame.write_parquet(temporary)
    return {"target": spec["target"], "segments": frame.height}


def _meters(data: Path, reference: Iterable[str], timezone: str) -> pl.DataFrame:
    """Each meter's kind, range and time zone."""
    parts: dict[str, list[pl.DataFrame]] = {"site": [], "meter": []}
    for path in reference:
        parts[path.split("/")[1]].append(pl.read_parquet(data / path, hive_partitioning=False))
    sites = pl.concat(parts["site"]).select("site_id", pl.col("timezone").fill_null(timezone))
    sites = sites.unique("site_id", keep="last", maintain_order=True)
    meters = pl.concat(parts["meter"]).unique("meter_id", keep="last", maintain_order=True)
    return meters.join(sites, on="site_id", how="left").select(
        "meter_id", "register_kind", "register_max", "timezone"
    ).sort("meter_id")  # fmt: skip


def _readings(path: Path) -> pl.DataFrame:
    columns = ["meter_id", "read_at", "register", "quality", "is_conflicting"]
    return pl.read_parquet(path, columns=columns, hive_partitioning=False)


class _Readings:
    """Readings of meters in one time zone as plain arrays, by meter and time."""

    def __init__(self, readings: pl.DataFrame, runs: pl.DataFrame, ids: pl.Series) -> None:
        self.ids = ids
        lengths = runs["len"].to_numpy()
        row = runs["meter_id"].cast(pl.Enum(ids)).to_physical().to_numpy()
        kinds = (runs["register_kind"] == "interval").to_numpy()
        self.meter = np.repeat(row, lengths)
        self.is_interval = np.repeat(kinds, lengths)
        self.top = np.repeat(runs["register_max"].fill_null(np.inf).to_numpy(), lengths)
        self.at = readings["read_at"].dt.epoch("us").to_numpy()
        self.register = readings["register"].to_numpy()
        self.estimated = (readings["quality"] == "E").fill_null(value=False).to_numpy()
        self.conflicting = readings["is_conflicting"].to_numpy()
        self._put_in_order()
        self._keep_the_lower_of_conflicting()

    def _take(self, rows: np.ndarray[Any, Any]) -> None:
        for name in ("meter", "is_interval", "top", "at", "register", "estimated", "conflicting"):
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
        order = some[np.lexsort((self.register[some], self.at[some], self.meter[some]))]
        again = (self.meter[order][1:] == self.meter[order][:-1]) & (self.at[order][1:] == self.at[order][:-1])
        keep = np.ones(self.meter.size, dtype=bool)
        keep[order[1:][again]] = False
        self._take(keep)

    def segments(self, zone: str) -> pl.DataFrame:
        """One row per meter and local month."""
        # the quantity of an interval belongs to the month its interval lies in, not to the instant that ends it
        month, names = _months(np.where(self.is_interval, self.at - 1, self.at), zone)
        starts_one = np.ones(self.meter.size, dtype=bool)
        starts_one[1:] = (self.meter[1:] != self.meter[:-1]) | (month[1:] != month[:-1])
        first = np.flatnonzero(starts_one)
        last = np.append(first[1:], self.meter.size) - 1
        steps, fell = self._steps(starts_one)
        whole = np.rint(steps * MICRO).astype(np.int64)  # whole millionths, so that sums do not depend on order

        def total(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            return np.add.reduceat(values.astype(np.int64), first)

        return pl.DataFrame(
            {
                "month": names.gather(month[first]),
                "meter_id": self.ids.gather(self.meter[first]),
                "first_at": pl.Series(self.at[first]).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
                "first_register": self.register[first],
                "last_at": pl.Series(self.at[last]).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
                "last_register": self.register[last],
                "increase": total(whole) / MICRO,
                "readings": last - first + 1,
                "negative_steps": total(fell),
                "conflicting": total(self.conflicting),
                "estimated_increase": total(np.where(self.estimated, whole, 0)) / MICRO,
            }
        )

    def _steps(self, starts_one: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """What each reading adds to the one before it, and where the counter fell."""
        before = np.empty_like(self.register)
        before[1:], before[:1] = self.register[:-1], 0.0
        steps = self.register - before
        fell = (steps < 0) & ~starts_one & ~self.is_interval
        falls = np.flatnonzero(fell)
        now, was, top = self.register[falls], before[falls], self.top[falls]
        rolled = (was > ROLLOVER_FROM * top) & (now < ROLLOVER_TO * top)
        steps[falls] = np.where(rolled, now + np.where(rolled, top, 0.0) - was, now)
        steps[starts_one] = 0.0
        return np.where(self.is_interval, self.register, steps), fell


def _months(stamps: np.ndarray[Any, Any], zone: str) -> tuple[np.ndarray[Any, Any], pl.Series]:
    """For each stamp the position of its local month, and the months; by comparison with the few month starts."""
    low, high = (
        pl.from_epoch(pl.Series([int(edge)]), "us").dt.replace_time_zone("UTC") for edge in (stamps.min(), stamps.max())
    )
    first = low.dt.convert_time_zone(zone).dt.replace_time_zone(None).dt.month_start().dt.truncate("1d")[0]
    last = high.dt.convert_time_zone(zone).dt.replace_time_zone(None)[0]
    starts = pl.datetime_range(first, last, interval="1mo", time_unit="us", eager=True)
    edges = starts.dt.replace_time_zone(zone, ambiguous="earliest").dt.epoch("us").to_numpy()
    names = starts.dt.strftime("%Y-%m")
    if len(names) == 1:
        return np.zeros(stamps.size, dtype=np.int64), names
    return np.searchsorted(edges, stamps, side="right") - 1, names
