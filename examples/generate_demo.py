"""Writes the demo enterprise: `python -m examples.generate_demo OUT_DIR [--scale N] [--months 2026-01..2026-12]`.

It copies the declarations of `examples/demo` and writes beside them what an enterprise brings: `reference/`,
`extracts/`, `panel/`, and `ground_truth.csv`, which lists every planted fault. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from examples.extracts import Cell, Extract, Row, evidence, extracts
from examples.faults import plant
from examples.world import World, days_of, months_between

DEMO = Path(__file__).with_name("demo")
TRUTH = ("source", "file", "sheet", "row_number", "kind", "reason", "column", "note")
# workbooks carry a creation date; this one stands in every workbook, so that bytes repeat
CREATED = datetime(2027, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def generate(out: Path, scale: int = 1, months: tuple[str, ...] = months_between("2026-01..2026-12")) -> Path:
    """Write the demo enterprise.

    Args:
        out: the folder to fill; what a run before left in it is replaced, the hub's own `data/` is not touched.
        scale: how many copies of every site (with its meters, vehicles, people and orders) there are.
        months: months of 2026 to deliver extracts for.

    Returns:
        `out`.

    Raises:
        ValueError: the scale is below 1.
        FileExistsError: `out` holds something that is not a demo enterprise.
    """
    if scale < 1:
        raise ValueError(f"scale must be a whole number from 1, got {scale}")
    _clear(out)
    shutil.copytree(DEMO, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "data"))
    world = World(scale, months)
    found = list(extracts(world))
    plant(found, months)
    _write_all(found, out)
    for name, (columns, rows) in references(world).items():
        _write_csv(out / "reference" / f"{name}.csv", columns, rows)
    for document in evidence():
        path = out / document.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document.content)
    _write_csv(out / "ground_truth.csv", TRUTH, truth(found))
    return out


def _clear(out: Path) -> None:
    if out.exists() and any(out.iterdir()) and not (out / "ground_truth.csv").exists():
        raise FileExistsError(
            f"{out} is not empty and holds no demo enterprise: choose another folder / 目录非空，请换一个目录"
        )
    for name in ("sources", "reference", "extracts", "panel"):
        if (out / name).exists():
            shutil.rmtree(out / name)
    out.mkdir(parents=True, exist_ok=True)


def references(world: World) -> dict[str, tuple[Sequence[str], list[Row]]]:
    """The reference tables, in the contracts' own columns."""
    meter_columns = (
        "meter_id",
        "site_id",
        "area",
        "line",
        "equipment",
        "carrier",
        "register_kind",
        "interval_min",
        "unit",
        "multiplier",
        "register_max",
        "max_power_kw",
        "volume_reference",
        "role",
        "generation_kind",
        "parent_meter_id",
        "supply_point_id",
        "valid_from",
        "valid_to",
    )
    meters: list[Row] = [
        [
            meter.meter_id,
            meter.site.site_id,
            meter.area,
            meter.line,
            meter.equipment,
            meter.carrier,
            meter.register_kind,
            meter.interval_min,
            meter.unit,
            meter.multiplier,
            meter.register_max,
            meter.max_power_kw,
            meter.volume_reference,
            meter.role,
            "pv" if meter.role == "generation" else "",
            meter.parent,
            None,
            "2020-01-01",
            None,
        ]
        for meter in world.meters
    ]
    site_columns = (
        "site_id",
        "name",
        "legal_entity_id",
        "site_kind",
        "region",
        "timezone",
        "floor_area_m2",
        "valid_from",
        "valid_to",
    )
    sites: list[Row] = [
        [
            site.site_id,
            site.name,
            site.legal_entity_id,
            site.site_kind,
            site.region,
            "Asia/Shanghai",
            site.floor_area_m2,
            "2020-01-01",
            None,
        ]
        for site in world.sites
    ]
    vehicle_columns = (
        "vehicle_id",
        "site_id",
        "ownership",
        "vehicle_class",
        "energy_type",
        "emission_standard",
        "capacity_t",
        "toc_id",
        "valid_from",
        "valid_to",
    )
    vehicles: list[Row] = [
        [
            car.vehicle_id,
            car.site.site_id,
            car.ownership,
            car.vehicle_class,
            car.energy_type,
            car.emission_standard,
            car.capacity_t,
            None,
            car.valid_from,
            car.valid_to or None,
        ]
        for car in world.vehicles
    ]
    trades = (
        ("干线运输", "CN-GD"),
        ("包装材料", "CN-JS"),
        ("燃料", "CN-SC"),
        ("劳务派遣", "CN-SH"),
        ("叉车维保", "CN-HB"),
        ("信息系统", "CN-BJ"),
    )
    suppliers: list[Row] = [
        [
            f"V{number + 1:04d}",
            f"演示供应商{number + 1:02d}",
            trades[number % 6][1],
            trades[number % 6][0],
            "true" if number < 4 else "false",
            "2024-01-01",
            None,
        ]
        for number in range(14)
    ]
    waves: list[Row] = [["SAT-2026", site.site_id, site.staff // 3] for site in world.sites]
    documents: list[Row] = [
        [item.evidence_id, item.sha256, item.file, "2026", item.custodian, "|".join(item.indicators)]
        for item in evidence()
    ]
    return {
        "site": (site_columns, sites),
        "meter": (meter_columns, meters),
        "vehicle": (vehicle_columns, vehicles),
        "supplier": (("supplier_id", "name", "region", "category", "is_key", "valid_from", "valid_to"), suppliers),
        "survey_wave": (("wave", "site_id", "invited"), waves),
        "evidence": (("evidence_id", "sha256", "file", "period", "custodian", "indicator_ids"), documents),
    }


def truth(found: Iterable[Extract]) -> list[Row]:
    """One row per planted fault, gap and rollover, in the order of the extracts' names.

    `file` is what the hub calls the extract: the path below the folder its source names, or the table of a database.
    """
    rows: list[Row] = []
    for extract in found:
        place = {id(row): number for number, row in enumerate(extract.rows, start=1 + extract.header_rows)}
        name = extract.table or extract.file.removeprefix("../panel/")
        rows += [
            [
                extract.source,
                name,
                extract.sheet,
                place[id(event.row)],
                event.kind,
                event.reason,
                event.column,
                event.note,
            ]
            for event in extract.events
        ]
    return sorted(rows, key=lambda row: (str(row[0]), str(row[1]), int(str(row[3])), str(row[4])))


# ---- bytes that repeat


def _write_all(found: list[Extract], out: Path) -> None:
    for path in {extract.file for extract in found}:
        (out / "extracts" / path).parent.mkdir(parents=True, exist_ok=True)
    (out / "panel").mkdir(exist_ok=True)
    databases: dict[str, list[Extract]] = {}
    for extract in found:
        path = (out / "extracts" / extract.file).resolve()
        if extract.form == "sqlite":
            databases.setdefault(extract.file, []).append(extract)
        elif extract.form == "csv":
            _write_csv(path, extract.columns, extract.rows, extract.encoding, extract.delimiter)
        else:
            {"excel": _write_excel, "jsonl": _write_jsonl, "parquet": _write_parquet}[extract.form](path, extract)
    for file, tables in databases.items():
        _write_sqlite(out / "extracts" / file, tables)


def _write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Row], encoding: str = "utf-8", delimiter: str = ","
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    # "utf-16" would take the machine's byte order
    path.write_bytes(
        b"\xff\xfe" + text.getvalue().encode("utf-16-le") if encoding == "utf-16" else text.getvalue().encode(encoding)
    )


def _write_excel(path: Path, extract: Extract) -> None:
    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"created": CREATED})
        sheet = book.add_worksheet(extract.sheet)
        column = 0
        for title, width in extract.groups:
            sheet.merge_range(0, column, 0, column + width - 1, title)
            column += width
        sheet.write_row(extract.header_rows - 1, 0, extract.columns)
        for number, row in enumerate(extract.rows, start=extract.header_rows):
            for position, value in enumerate(row):
                _write_cell(sheet, number, position, value)


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, value: Cell) -> None:
    if isinstance(value, str) and value:
        sheet.write_string(row, column, value)
    elif value not in (None, ""):
        sheet.write_number(row, column, value)


def _write_jsonl(path: Path, extract: Extract) -> None:
    lines = [json.dumps(dict(zip(extract.columns, row, strict=True)), ensure_ascii=False) for row in extract.rows]
    path.write_bytes(("\n".join(lines) + "\n").encode())


def _write_parquet(path: Path, extract: Extract) -> None:
    columns = zip(*extract.rows, strict=True)
    pq.write_table(pa.table({name: list(values) for name, values in zip(extract.columns, columns, strict=True)}), path)


def _write_sqlite(path: Path, tables: list[Extract]) -> None:
    with sqlite3.connect(path) as database:
        for extract in tables:
            numbers = ("pieces", "goods_", "weight", "mileage", "empty", "load")
            columns = ", ".join(
                f"{name} {'NUMERIC' if name.startswith(numbers) else 'TEXT'}" for name in extract.columns
            )
            database.execute(f"create table {extract.table} ({columns})")
            marks = ", ".join("?" * len(extract.columns))
            database.executemany(f"insert into {extract.table} values ({marks})", extract.rows)
    database.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.generate_demo", description="Write the demo enterprise / 生成演示企业"
    )
    parser.add_argument("out", type=Path, help="folder to fill / 目标目录")
    parser.add_argument("--scale", type=int, default=1, help="copies of every site / 每个场所的份数")
    parser.add_argument("--months", default="2026-01..2026-12", help="2026-01..2026-12 / 月份范围")
    given = parser.parse_args(arguments)
    try:
        months = months_between(given.months)
        generate(given.out, given.scale, months)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    sys.stdout.write(f"{given.out}: {len(months)} months, up to {days_of(months[-1])[-1]}\n")


if __name__ == "__main__":
    main()
