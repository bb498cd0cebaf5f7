"""A month of 10,000 meters through the hub, beside the bare DuckDB script: CPU and memory, and the same figures.

    python -m benchmarks.meters            BENCH_DIR=/somewhere reuses a generated month

Each side runs in processes of its own, in turn, three times; the medians are compared. The last line is
`ratio=<CPU of the hub ÷ CPU of the floor> peak_mb=<the hub's>`.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.month import generate

METERS, MONTH, RUNS = 10_000, "2026-01", 3

_SITES = """copy (
    select distinct site_id, site_id as name, 'LE1' as legal_entity_id, 'plant' as site_kind, 'CN-GD' as region, null as timezone,
        null as floor_area_m2, null as valid_from, null as valid_to
    from read_csv('{folder}/meters.csv') order by site_id
) to '{out}/reference/site.csv' (header)"""

_METERS = """copy (
    select meter_id, site_id, null as area, line_id as line, null as equipment, 'electricity' as carrier, 'cumulative' as register_kind,
        15 as interval_min, unit, ct_ratio as multiplier, register_max, null as max_power_kw, null as volume_reference, 'main' as role,
        null as parent_meter_id, null as valid_from, null as valid_to
    from read_csv('{folder}/meters.csv') order by meter_id
) to '{out}/reference/meter.csv' (header)"""

_SOURCE = """system: smart_meter
owner: energy@bench.example
contract: meter_reading
read: {as: csv, files: "meters/{month}/*.csv"}
columns:
  meter_id: {from: meter_id}
  read_at: {from: ts, format: "%Y-%m-%d %H:%M:%S"}
  register: {from: register}
  unit: {from: unit}
  quality: {from: quality}
"""


def enterprise(folder: Path, out: Path) -> None:
    """An enterprise folder whose extracts are the generated month."""
    for name in ("reference", "sources", "extracts/meters"):
        (out / name).mkdir(parents=True)
    (out / "enterprise.yaml").write_text(
        "id: BENCH\nname: {zh: 基准, en: Benchmark}\nlegal_entities: [LE1]\n", encoding="utf-8"
    )
    (out / "sources" / "smart_meter.yaml").write_text(_SOURCE, encoding="utf-8")
    (out / "extracts" / "meters" / MONTH).symlink_to((folder / "readings").resolve())
    for query in (_SITES, _METERS):
        duckdb.sql(query.format(folder=folder, out=out))


def measured(*arguments: str) -> tuple[dict[str, float], float, float]:
    """Run a module in a process of its own: what it printed, CPU seconds and peak MB, children included."""
    environment = {**os.environ, "ESG_THREADS": os.environ.get("ESG_THREADS", "2")}
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None  # noqa: S101 - asked for
    printed = process.stdout.read()
    _, status, use = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return json.loads(printed), use.ru_utime + use.ru_stime, use.ru_maxrss / 1024


def main() -> None:
    """Compare the two sides and say whether they agree."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("BENCH_DIR") or scratch) / f"meters-{METERS}"
        if not (folder / "meters.csv").exists():
            print(f"generating {METERS:,} meters x {MONTH} in {folder} …", flush=True)
            generate(folder, METERS, MONTH)
        hub_cpu, hub_mb, floor_cpu = [], [], []
        for number in range(1, RUNS + 1):
            floor, cpu, peak = measured("benchmarks.floor", str(folder))
            floor_cpu.append(cpu)
            print(f"run {number}: floor {cpu:.1f} s CPU, {peak:.0f} MB", flush=True)
            out = Path(scratch) / f"enterprise-{number}"
            enterprise(folder, out)
            hub, cpu, peak = measured("benchmarks.hub", str(out), MONTH)
            hub_cpu.append(cpu)
            hub_mb.append(peak)
            print(f"run {number}: hub   {cpu:.1f} s CPU, {peak:.0f} MB", flush=True)
            shutil.rmtree(out)
            for name in ("kept", "refused", "negative"):
                if hub[name] != floor[name]:
                    raise SystemExit(f"{name}: hub {hub[name]}, floor {floor[name]}")
            if not math.isclose(hub["kwh"], floor["kwh"], rel_tol=1e-9):
                raise SystemExit(f"kwh: hub {hub['kwh']}, floor {floor['kwh']}")
        print(f"both sides: {floor['kept']:,} readings kept, {floor['refused']:,} refused, {floor['kwh']:,.1f} kWh")
        print(
            f"ratio={statistics.median(hub_cpu) / statistics.median(floor_cpu):.2f} peak_mb={statistics.median(hub_mb):.0f}"
        )


if __name__ == "__main__":
    main()
