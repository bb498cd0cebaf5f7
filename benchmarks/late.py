"""One late file of 1 % of the meters over the whole month, beside the whole month: CPU, and the same figures.

    python -m benchmarks.late            BENCH_DIR=/somewhere reuses a generated month

The month is taken in without every 50th reading of 100 meters; then a file brings these. The last line is
`late_ratio=<CPU of the late run ÷ CPU of the whole month>`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import polars as pl

from benchmarks.meters import METERS, MONTH, enterprise, measured
from benchmarks.month import generate

LATE = METERS // 100
EVERY = 50


def held_back(folder: Path, out: Path) -> None:
    """Split the month: the daily files without some readings of 1 % of the meters, and one file of these."""
    names = [f"M{number:07d}" for number in range(3, METERS, METERS // LATE)]
    target = out / "extracts/meters" / MONTH
    target.unlink()
    target.mkdir()
    late = []
    for path in sorted((folder / "readings").glob("*.csv")):
        rows = pl.read_csv(path, infer_schema=False)
        is_late = rows["meter_id"].is_in(names) & (pl.int_range(rows.height, eager=True) // len(names) % EVERY == 0)
        if not late:
            is_late |= rows["meter_id"].is_in(names) & (rows["ts"] == rows["ts"].min())
        late.append(rows.filter(is_late))
        rows.filter(~is_late).write_csv(target / path.name)
    pl.concat(late).write_csv(out / "late.csv")


def figures(out: Path) -> pl.DataFrame:
    """The mart of meters and months."""
    return pl.concat([pl.read_parquet(path) for path in sorted((out / "data/mart/meter_month").glob("*.parquet"))])


def main() -> None:
    """Measure the late file and say whether the figures are those of the whole month."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("BENCH_DIR") or scratch) / f"meters-{METERS}"
        if not (folder / "meters.csv").exists():
            generate(folder, METERS, MONTH)
        whole, out = Path(scratch) / "whole", Path(scratch) / "late"
        enterprise(folder, whole)
        _, month_cpu, _ = measured("benchmarks.hub", str(whole), MONTH)
        expected = figures(whole)
        print(f"whole month {month_cpu:.1f} s CPU", flush=True)
        enterprise(folder, out)
        held_back(folder, out)
        measured("benchmarks.hub", str(out), MONTH)
        (out / "late.csv").rename(out / "extracts/meters" / MONTH / "late.csv")
        _, late_cpu, peak = measured("benchmarks.hub", str(out), MONTH)
        print(f"late file {late_cpu:.1f} s CPU, {peak:.0f} MB", flush=True)
        found = figures(out)
        if not found.equals(expected):
            raise SystemExit("the figures differ from those of the whole month")
        print(f"the same figures of {found.height:,} meters\nlate_ratio={late_cpu / month_cpu:.2f}")


if __name__ == "__main__":
    main()
