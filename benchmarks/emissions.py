"""A million fuel purchases and trips to emission lines: what the marts take once the rows are clean.

    python -m benchmarks.emissions         ROWS=1000000

Prints the seconds and CPU seconds of each mart, and in its last line the sums and the number of lines. Purchases and trips become lines
in steps that keep nothing (`-- kept: in emission_line`), so their time is in that of `emission_line`.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from pipelines.run import locked  # isort: skip - as `esg run` does, before anything loads polars
import duckdb

from connectors.ingest import ingest
from schemas.enterprise import Enterprise
from warehouse.marts import Warehouse

MONTH, VEHICLES = "2026-01", 2_000
MARTS = ("fuel_line", "emission_line", "emission_month")

_TABLES = {
    "reference/site.csv": """select 'S' || i as site_id, 'S' || i as name, 'LE1' as legal_entity_id, 'hub' as site_kind, 'CN-GD' as region
        from range(10) as t (i)""",
    "reference/vehicle.csv": f"""select 'V' || i as vehicle_id, 'S' || i % 10 as site_id, 'own' as ownership, 'heavy_truck' as vehicle_class,
        'diesel' as energy_type, 'china_6' as emission_standard from range({VEHICLES}) as t (i)""",
    f"extracts/fuel-{MONTH}.parquet": f"""select 'F' || i as id, '{MONTH}-' || lpad((1 + i % 28)::varchar, 2, '0') as day, 'V' || i % {VEHICLES} as vehicle,
        'diesel' as fuel, (40 + i % 300)::varchar as litres from range({{rows}}) as t (i)""",
    f"extracts/trip-{MONTH}.parquet": f"""select 'T' || i as id, '{MONTH}-' || lpad((1 + i % 28)::varchar, 2, '0') || ' 08:00:00' as start,
        'V' || i % {VEHICLES} as vehicle, (20 + i % 700)::varchar as km from range({{rows}}) as t (i)""",
}
_SOURCES = {
    "fuel": """contract: fuel_purchase
read: {as: parquet, files: "fuel-{month}.parquet"}
columns: {document_id: {from: id}, purchased_on: {from: day}, vehicle_id: {from: vehicle}, fuel: {from: fuel}, volume_l: {from: litres}}
""",
    "trip": """contract: trip
read: {as: parquet, files: "trip-{month}.parquet"}
columns: {trip_id: {from: id}, vehicle_id: {from: vehicle}, started_at: {from: start}, distance_km: {from: km}}
""",
}


def enterprise(out: Path, rows: int) -> Enterprise:
    """An enterprise folder with `rows` rows, half of them fuel purchases and half trips."""
    for name in ("reference", "sources", "extracts"):
        (out / name).mkdir(parents=True)
    (out / "enterprise.yaml").write_text(
        "id: BENCH\nname: {zh: 基准, en: Benchmark}\nlegal_entities: [LE1]\n", encoding="utf-8"
    )
    for name, text in _SOURCES.items():
        (out / "sources" / f"{name}.yaml").write_text(
            f"system: tms\nowner: fleet@bench.example\n{text}", encoding="utf-8"
        )
    for name, query in _TABLES.items():
        kind = "header" if name.endswith(".csv") else "format parquet"
        duckdb.sql(f"copy ({query.format(rows=rows // 2)}) to '{out / name}' ({kind})")
    return Enterprise(out)


def main() -> None:
    """Take the rows in, then time the marts."""
    rows = int(os.environ.get("ROWS", "1000000"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = enterprise(Path(scratch) / "bench", rows)
        with locked(folder):
            began = time.perf_counter()
            taken = sum(one.total("accepted") for one in ingest(folder, [MONTH]))
            print(f"  {time.perf_counter() - began:6.2f} s  taking in {taken:,} rows", flush=True)
            total = cpu = 0.0
            with Warehouse(folder) as warehouse:
                for name in MARTS:
                    began, spent = time.perf_counter(), time.process_time()
                    built = warehouse.mart(name)
                    took, used = time.perf_counter() - began, time.process_time() - spent
                    total, cpu = total + took, cpu + used
                    print(f"  {took:6.2f} s, {used:6.2f} s of CPU  {name}, {built.rows:,} rows", flush=True)
                    if name == "emission_line":
                        lines = built.rows
    print(f"seconds={total:.2f} cpu_seconds={cpu:.2f} lines={lines}")


if __name__ == "__main__":
    main()
