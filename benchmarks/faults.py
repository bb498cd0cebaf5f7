"""Faults put into series whose energy is known, through the hub's whole path: what is found, and what energy is lost.

    python -m benchmarks.faults            ESG_REAL_DATA=/somewhere adds the steel works of 2018 as a register

Prints per kind of fault how many were put in, found and missed, what was flagged without cause, and the energy error
beside the rule most systems use: a fall, a step above the limit or across a gap counts 0.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipelines.run import locked, run  # isort: skip - as `esg run` does, before anything loads polars
import duckdb

from benchmarks.month import _LOAD, _METERS
from schemas import units
from schemas.enterprise import Enterprise

Array = np.ndarray[Any, Any]
STEP = timedelta(minutes=15)
OUTAGE = 72 * 4  # readings
SEED = 20260101

# kind of fault -> the event that must tell of it
KINDS = {
    "none": "", "rollover": "rollover", "reset": "reset", "outage": "gap", "interval_outage": "gap", "zero_glitch": "zero_glitch", "spike": "spike",
    "lasting_jump": "jump", "same_again": "", "other_value": "duplicate_value", "unit_swap": "unit_swap", "late_file": "",
}  # fmt: skip


@dataclass
class Meter:
    """One meter: what it truly counted, what it shows, and what was done to it.

    Attributes:
        true: the counter as it would stand without range or fault, one value a quarter of an hour.
        shown: reading number and value, in the order of delivery.
        put: first and last reading number of each fault.
        late: reading numbers that come in a second delivery.
    """

    name: str
    kind: str
    unit: str
    top: float
    limit: float
    is_declared: bool
    true: Array
    shown: list[tuple[int, float]] = field(default_factory=list)
    put: list[tuple[int, int]] = field(default_factory=list)
    late: set[int] = field(default_factory=set)

    @property
    def is_interval(self) -> bool:
        """Whether it delivers quantities and not a counter."""
        return self.kind == "interval_outage"

    @property
    def energy(self) -> float:
        """What it truly counted, in the register's unit."""
        return float(self.true[-1] - self.true[0])


# how many readings a fault lasts, between these; 1 where nothing is said
LASTS = {
    "outage": (OUTAGE, OUTAGE + 1),
    "interval_outage": (OUTAGE, OUTAGE + 1),
    "zero_glitch": (1, 5),
    "unit_swap": (24, 200),
    "late_file": (96, 97),
}


def spoil(meter: Meter, times: int, random: np.random.Generator) -> None:
    """Put faults into a meter's readings, as many as asked for and far from each other."""
    count = meter.true.size
    values = np.round(np.diff(meter.true, prepend=meter.true[0]) if meter.is_interval else meter.true % meter.top, 4)
    keep = np.ones(count, dtype=bool)
    keep[0] = not meter.is_interval
    again: list[tuple[int, float]] = []
    room = (count - 1_200) // times
    for number in range(0 if meter.kind == "rollover" else times):
        at = 600 + number * room + int(random.integers(0, room - 400))
        until = at + int(random.integers(*LASTS.get(meter.kind, (1, 2))))
        _change(meter, values, at, until)
        keep[at:until] = meter.kind not in ("outage", "interval_outage")
        if meter.kind in ("same_again", "other_value"):
            again.append((at, float(values[at]) + (0.01 if meter.kind == "other_value" else 0.0)))
        if meter.kind == "late_file":
            meter.late |= set(range(at, until))
        meter.put.append((at - 1, until))
    if meter.kind == "rollover":
        meter.put = [(int(i), int(i) + 1) for i in np.flatnonzero(np.diff(meter.true // meter.top))]
    meter.shown = [(int(i), float(values[i])) for i in np.flatnonzero(keep)] + again


def _change(meter: Meter, values: Array, at: int, until: int) -> None:
    """Alter what a meter shows, in place."""
    match meter.kind:
        case "reset":
            # at the instant of a reading, so that what was counted until then is known
            values[at:] = np.round(meter.true[at:] - meter.true[at - 1], 4)
        case "zero_glitch":
            values[at:until] = 0.0
        case "spike":
            values[at] = min(values[at] + 50 * meter.limit, meter.top)
        case "lasting_jump":
            values[at:] = np.round(values[at:] + 50 * meter.limit, 4)
        case "unit_swap":
            values[at:until] = np.round(values[at:until] / (100 if meter.unit == "万kWh" else 1_000), 4)


def usual_rule(meter: Meter) -> float:
    """What most systems would have booked: falls, steps above the limit and steps across a gap count 0."""
    last: dict[int, float] = dict(meter.shown)
    index = np.array(sorted(last))
    value = np.array([last[i] for i in index])
    if meter.is_interval:
        return float(value[value <= meter.limit].sum())
    step = np.diff(value)
    return float(step[(step >= 0) & (step <= meter.limit) & (np.diff(index) == 1)].sum())


def generated(each: int) -> list[Meter]:
    """Meters of the benchmark month (see `benchmarks.month`), `each` of every kind of fault; half declare their power."""
    random = np.random.default_rng(SEED)
    connection = duckdb.connect()
    connection.execute(_METERS, [each * len(KINDS)])
    connection.execute(_LOAD)
    rows = connection.execute("select meter_id, unit, rate, register_max from load order by mid").fetchall()
    slots = 31 * 96 + 1
    meters = []
    for (name, unit, rate, top), kind in zip(rows, [kind for kind in KINDS for _ in range(each)], strict=True):
        shape = 1 + 0.5 * np.sin((np.arange(slots) % 96) / 96 * 2 * np.pi) + random.uniform(0, 0.4, slots)
        true = np.cumsum(np.maximum(np.round(rate * shape, 4), 0.0001))
        start = top - 0.5 * true[-1] if kind == "rollover" else random.uniform(0.3, 0.5) * (top - true[-1])
        meters.append(Meter(name, kind, unit, top, float(3 * rate), len(meters) % 2 == 0, np.round(true + start, 4)))
        spoil(meters[-1], 1, random)
    return meters


def steel(folder: Path) -> list[Meter]:
    """The steel works' quarter-hours of 2018 (UCI 851), summed up to a register that ends at 99,999 kWh."""
    random = np.random.default_rng(SEED)
    used = pl.read_csv(folder / "steel_industry.csv", columns=["Usage_kWh"])["Usage_kWh"].to_numpy()
    meters = []
    for kind in KINDS:
        top = 99_999.0 if kind in ("rollover", "none") else 9_999_999.0
        start = 40_000.0 if top < 1e6 else 1_000_000.0
        true = np.round(start + np.append(0.0, np.cumsum(used)), 4)
        meters.append(Meter(f"STEEL-{kind}", kind, "kWh", top, 200.0, kind in ("none", "rollover"), true))
        spoil(meters[-1], 1 if kind == "reset" else 8, random)
        if kind == "none":
            meters[-1].kind, meters[-1].put = (
                "rollover",
                [(int(i), int(i) + 1) for i in np.flatnonzero(np.diff(true // top))],
            )
            meters[-1].name = "STEEL-rollover-declared"
        elif kind == "rollover":
            meters[-1].is_declared = False
    return meters


_SOURCE = """system: smart_meter
owner: energy@bench.example
contract: meter_reading
read: {as: csv, files: "meters/{month}*.csv"}
columns: {meter_id: meter_id, read_at: ts, register: register, unit: unit}
"""


def deliver(meters: list[Meter], begin: datetime, folder: Path, *, late: bool) -> list[str]:
    """Write the readings (or those that are late) as one file a month of UTC; the months."""
    rows = [
        (meter.name, i, value, meter.unit) for meter in meters for i, value in meter.shown if (i in meter.late) == late
    ]
    frame = pl.DataFrame(rows, schema=["meter_id", "i", "register", "unit"], orient="row").with_columns(
        ts=pl.lit(begin.replace(tzinfo=None)) + pl.col("i") * pl.duration(minutes=15)
    )
    ends = (pl.col("ts") - pl.duration(microseconds=1)).dt.strftime("%Y-%m").alias("month")
    months = []
    for (month,), part in sorted(frame.with_columns(ends).partition_by("month", as_dict=True).items()):
        path = folder / "extracts/meters" / f"{month}{'-late' if late else ''}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        part.select("meter_id", pl.col("ts").dt.strftime("%Y-%m-%d %H:%M:%S"), "register", "unit").write_csv(path)
        months.append(month)
    return months


def enterprise(meters: list[Meter], folder: Path) -> Enterprise:
    """An enterprise folder with these meters and no readings yet; its clock is UTC."""
    for name in ("reference", "sources"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "enterprise.yaml").write_text(
        "id: BENCH\nname: Benchmark\ntimezone: UTC\nlegal_entities: [LE1]\n", encoding="utf-8"
    )
    (folder / "sources/smart_meter.yaml").write_text(_SOURCE, encoding="utf-8")
    (folder / "reference/site.csv").write_text(
        "site_id,name,legal_entity_id,site_kind,region\nS,S,LE1,plant,CN-GD\n", encoding="utf-8"
    )
    lines = ["meter_id,site_id,carrier,register_kind,interval_min,unit,register_max,max_power_kw"]
    for meter in meters:
        power = meter.limit * 4 * units.factor(meter.unit, "kWh") if meter.is_declared else ""
        kind, top = ("interval", "") if meter.is_interval else ("cumulative", meter.top)
        lines.append(f"{meter.name},S,electricity,{kind},15,{meter.unit},{top},{power}")
    (folder / "reference/meter.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Enterprise(folder)


def figures(folder: Path, months: list[str]) -> tuple[dict[str, float], pl.DataFrame]:
    """Run the hub; kWh of each meter over all months, and the events."""
    opened = Enterprise(folder)
    with locked(opened):
        result = run(opened, months)
    if result.failed:
        raise SystemExit(str(result.failed[0].error))
    energy = pl.concat([pl.read_parquet(path) for path in (folder / "data/mart/meter_month").glob("*.parquet")])
    events = pl.concat([pl.read_parquet(path) for path in (folder / "data/mart/meter_event").glob("*.parquet")])
    return dict(energy.group_by("meter_id").agg(pl.col("quantity").sum()).iter_rows()), events


def measure(meters: list[Meter], begin: datetime, folder: Path) -> list[dict[str, Any]]:
    """One row per kind of fault: put in, found, missed, false alarms, energy and its errors in kWh."""
    enterprise(meters, folder)
    months = deliver(meters, begin, folder, late=False)
    figures(folder, months)
    deliver(meters, begin, folder, late=True)
    found, events = figures(folder, months)
    events = events.filter(pl.col("kind") != "estimated")
    by_meter = {name: part for (name,), part in events.partition_by("meter_id", as_dict=True).items()}
    rows = []
    for kind in dict.fromkeys(meter.kind for meter in meters):
        some = [meter for meter in meters if meter.kind == kind]
        row: dict[str, Any] = {
            "fault": kind,
            "put_in": 0,
            "found": 0,
            "missed": 0,
            "false_alarms": 0,
            "kwh": 0.0,
            "error_kwh": 0.0,
            "usual_error_kwh": 0.0,
        }
        for meter in some:
            factor = units.factor(meter.unit, "kWh")
            error = found[meter.name] - meter.energy * factor
            told = by_meter.get(meter.name, events.clear())
            hit, alarms = _matched(meter, told, begin)
            hit = len(meter.put) if not KINDS[kind] and abs(error) < 1e-6 * meter.energy * factor else hit
            row["put_in"] += len(meter.put)
            row["found"] += hit
            row["missed"] += len(meter.put) - hit
            row["false_alarms"] += alarms
            row["kwh"] += meter.energy * factor
            row["error_kwh"] += abs(error)
            row["usual_error_kwh"] += abs(usual_rule(meter) - meter.energy) * factor
        rows.append(row)
    return rows


def _matched(meter: Meter, events: pl.DataFrame, begin: datetime) -> tuple[int, int]:
    """How many faults an event of the right kind tells of, and how many events tell of no fault."""
    spans = [(begin + first * STEP, begin + last * STEP) for first, last in meter.put]
    told = [(kind, start, end) for kind, start, end in events.select("kind", "from_at", "to_at").iter_rows()]
    right: Callable[[str], bool] = lambda kind: kind == KINDS[meter.kind]  # noqa: E731
    hit = sum(any(right(kind) and start <= last and first <= end for kind, start, end in told) for first, last in spans)
    alarms = sum(
        not (right(kind) and any(start <= last and first <= end for first, last in spans)) for kind, start, end in told
    )
    return hit, alarms


def shown(rows: list[dict[str, Any]], title: str) -> str:
    """The rows as a Markdown table."""
    lines = [
        f"\n{title}\n",
        "| fault | put in | found | missed | false alarms | error, kWh | error, % | usual rule: error, kWh | % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['fault']} | {row['put_in']} | {row['found']} | {row['missed']} | {row['false_alarms']} | {row['error_kwh']:,.2f} "
        f"| {100 * row['error_kwh'] / row['kwh']:.4f} | {row['usual_error_kwh']:,.0f} | {100 * row['usual_error_kwh'] / row['kwh']:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(each: int = 20) -> None:
    """Measure the generated meters, and the steel works where it is at hand."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = measure(generated(each), datetime(2026, 1, 1, tzinfo=UTC), Path(scratch) / "generated")
        print(shown(rows, f"{each} generated meters of each kind, a month of quarter-hours"), flush=True)
        if os.environ.get("ESG_REAL_DATA"):
            data = Path(os.environ["ESG_REAL_DATA"])
            rows = measure(steel(data), datetime(2018, 1, 1, tzinfo=UTC), Path(scratch) / "steel")
            print(shown(rows, "the steel works of 2018 as a register, a year of quarter-hours each"), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
