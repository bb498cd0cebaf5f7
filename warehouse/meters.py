"""Meter readings to segments: what each meter did within one group of clean files, per local month.

A segment says where a meter's readings of a month begin and end and what lies between them. Segments of disjoint time
ranges add up (the step between two is the mart's to take), so a late file costs the work on that file only: segments
are kept under the name of the clean files they were computed from.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from schemas.enterprise import Enterprise
from schemas.lake import digest, meet, replaced

# a register that falls from the top tenth of its range to the bottom tenth has rolled over; any other fall is a reset
ROLLOVER_FROM, ROLLOVER_TO = 0.9, 0.1
ENERGY = pl.Decimal(24, 6)


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
    readings = pl.concat([_readings(data / path, meters) for path in spec["files"]])
    found = [
        _of_zone(part, str(zone))
        for (zone,), part in readings.partition_by("timezone", as_dict=True, include_key=False).items()
    ]
    frame = pl.concat(found).sort("meter_id", "month")
    with replaced(Path(spec["target"])) as temporary:
        frame.write_parquet(temporary)
    return {"target": spec["target"], "segments": frame.height}


def _meters(data: Path, reference: Iterable[str], timezone: str) -> pl.DataFrame:
    """Each meter's kind, range and time zone."""
    parts: dict[str, list[pl.DataFrame]] = {"site": [], "meter": []}
    for path in reference:
        parts[path.split("/")[1]].append(pl.read_parquet(data / path, hive_partitioning=False))
    sites = (
        pl.concat(parts["site"])
        .select("site_id", pl.col("timezone").fill_null(timezone))
        .unique("site_id", keep="last", maintain_order=True)
    )
    meters = pl.concat(parts["meter"]).unique("meter_id", keep="last", maintain_order=True)
    return meters.join(sites, on="site_id", how="left").select(
        pl.col("meter_id").sort(), pl.col("register_kind", "register_max", "timezone").sort_by("meter_id")
    )


def _readings(path: Path, meters: pl.DataFrame) -> pl.DataFrame:
    frame = pl.read_parquet(
        path, columns=["meter_id", "read_at", "register", "quality", "is_conflicting"], hive_partitioning=False
    )
    row = frame["meter_id"].cast(pl.Enum(meters["meter_id"])).to_physical()
    return frame.select(
        row.alias("meter"), "read_at", "register", (pl.col("quality") == "E").fill_null(value=False).alias("estimated"), "is_conflicting",
        *(meters[name].gather(row) for name in ("register_kind", "register_max", "timezone")),
        meters["meter_id"].gather(row),
    )  # fmt: skip


def _of_zone(readings: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Segments of the readings of meters in one time zone."""
    instant = readings["read_at"]
    if not _is_sorted(readings):
        readings = readings.sort("meter", "read_at")
        instant = readings["read_at"]
    # of several values for one instant the lower counts
    if readings["is_conflicting"].any():
        readings = readings.sort("meter", "read_at", "register").unique(
            ["meter", "read_at"], keep="first", maintain_order=True
        )
        instant = readings["read_at"]
    interval = readings["register_kind"] == "interval"
    stamp = instant.zip_with(~interval, instant.dt.offset_by("-1us")) if interval.any() else instant
    months = _months(stamp, zone)
    readings = readings.with_columns(months.alias("month"))
    same = (pl.col("meter") == pl.col("meter").shift(1)) & (pl.col("month") == pl.col("month").shift(1))
    before, now, top = pl.col("register").shift(1), pl.col("register"), pl.col("register_max")
    step = (
        pl.when(pl.col("register_kind") == "interval").then(now)
        .when(~same.fill_null(value=False)).then(0.0)
        .when(now >= before).then(now - before)
        .when((before > ROLLOVER_FROM * top) & (now < ROLLOVER_TO * top)).then(now + top - before)
        .otherwise(now)
    )  # fmt: skip
    falls = (pl.col("register_kind") == "cumulative") & same & (now < before)
    stepped = readings.with_columns(step.cast(ENERGY).alias("increase"), falls.fill_null(value=False).alias("fell"))
    return stepped.group_by("meter", "month", maintain_order=True).agg(
        pl.col("meter_id").first().cast(pl.String),
        pl.col("read_at").first().alias("first_at"), pl.col("register").first().alias("first_register"),
        pl.col("read_at").last().alias("last_at"), pl.col("register").last().alias("last_register"),
        pl.col("increase").sum(), pl.len().cast(pl.Int64).alias("readings"), pl.col("fell").sum().cast(pl.Int64).alias("negative_steps"),
        pl.col("is_conflicting").sum().cast(pl.Int64).alias("conflicting"),
        pl.col("increase").filter(pl.col("estimated")).sum().cast(pl.Float64).alias("estimated_increase"),
    ).drop("meter")  # fmt: skip


def _is_sorted(readings: pl.DataFrame) -> bool:
    """Whether rows stand by meter and time, as one clean file has them."""
    meter, at = pl.col("meter"), pl.col("read_at")
    ordered = (meter > meter.shift(1)) | ((meter == meter.shift(1)) & (at >= at.shift(1)))
    return bool(readings.select(ordered.fill_null(value=True).all()).item())


def _months(stamps: pl.Series, zone: str) -> pl.Series:
    """Local months; by comparison with the few month starts there are, not per row."""
    low, high = stamps.min(), stamps.max()
    starts = pl.select(
        pl.datetime_range(pl.lit(low).dt.convert_time_zone(zone).dt.month_start().dt.truncate("1d"),
                          pl.lit(high).dt.convert_time_zone(zone), interval="1mo", time_zone=zone)
    ).to_series()  # fmt: skip
    names = starts.dt.strftime("%Y-%m")
    if len(names) == 1:
        return names.new_from_index(0, len(stamps))
    position = starts.dt.convert_time_zone("UTC").cast(stamps.dtype).search_sorted(stamps, side="right") - 1
    return names.gather(position)
