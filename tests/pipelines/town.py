"""A small enterprise with a source of every kind in a folder of a test, runs of it, and what is compared of two runs."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter

from pipelines.cli import main
from tests.world import World, make

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"ESG_PSEUDONYM_KEY": "key of the tests", "COLUMNS": "80", "ESG_THREADS": "1", "POLARS_MAX_THREADS": "1"}
SOURCES = {
    "ami": """\
owner: energy@example.org
contract: meter_reading
expect_by_day: 5
read: {as: csv, files: "readings/{month}.csv"}
columns: {meter_id: 表号, read_at: {from: 时间, format: "%Y-%m-%d %H:%M"}, register: 示数, unit: 单位}
""",
    "hand": """\
contract: meter_reading
read: {as: csv, files: "by hand/{month}.csv"}
columns: {meter_id: no, read_at: {from: at, format: "%Y-%m-%d %H:%M"}, register: shows, unit: {value: kWh}}
""",
    "revenue": """\
owner: finance@example.org
contract: revenue_posting
read: {as: csv, files: "revenue/{month}.csv"}
columns:
  document_id: 凭证号
  posted_on: 日期
  legal_entity_id: {value: LE1}
  site_id: 场所
  account: {value: "6001"}
  revenue_cny: {from: 金额, unit: 元}
""",
    "batches": """\
contract: production_batch
read: {as: excel, files: "batches/{month}.xlsx", sheet: 产量}
columns: {batch_id: 批号, site_id: 场所, produced_at: {from: 完工, format: "%Y-%m-%d %H:%M"}, product: 产品, output_t: 吨}
""",
    "complaints": """\
contract: complaint
read: {as: csv, files: "complaints/{month}.csv"}
columns: {complaint_id: id, site_id: site, received_at: {from: received, format: "%Y-%m-%d %H:%M"}}
""",
    "staff": """\
contract: employee_month
personal: [姓名]
read: {as: csv, files: "staff/{month}.csv"}
columns:
  employee_key: 工号
  month: 月份
  site_id: 场所
  worker_type: {value: own}
  gender: {from: 性别, map: {女: female, 男: male}}
  is_employed_at_end: {value: "true"}
""",
}
BATCH_HEAD = ("批号", "场所", "完工", "产品", "吨")


def town(folder: Path) -> World:
    """The enterprise with its sources, and nothing delivered yet."""
    return make(folder, SOURCES.items())


def deliver(world: World, month: str) -> None:
    """All files of a month: in each source some rows; in three of them a fault that sends a row to quarantine."""
    year, number = int(month[:4]), int(month[5:])
    after = f"{year + number // 12:04d}-{number % 12 + 1:02d}"
    base = 1000 * number
    world.deliver(
        f"readings/{month}.csv", "表号,时间,示数,单位",
        *(f"E-0001,{month}-{day:02d} 08:00,{base + 10 * day},kWh" for day in range(1, 29)),
        f"E-0001,{month}-28 08:00,{base + 280},kWh",  # said twice
        f"E-0002,{month}-03 00:15,7.5,kWh", f"E-0002,{after}-01 00:00,2.5,kWh", f"E-9999,{month}-03 08:00,1,kWh",
    )  # fmt: skip
    # the second reader of the same meter agrees on the 2nd, not on the 3rd
    world.deliver(
        f"by hand/{month}.csv", "no,at,shows", f"E-0001,{month}-02 08:00,{base + 20}", f"E-0001,{month}-03 08:00,{base + 31}"
    )  # fmt: skip
    world.deliver(
        f"revenue/{month}.csv", "凭证号,日期,场所,金额",
        f"{month}-1,{month}-05,SH-W01,100000", f"{month}-2,{month}-06,SH-P01,50000", f"{month}-3,{month}-07,,x",
    )  # fmt: skip
    world.write(
        f"extracts/batches/{month}.xlsx",
        workbook(BATCH_HEAD, (f"B{month}", "SH-P01", f"{month}-09 10:00", "纸箱", "12.5")),
    )
    world.deliver(
        f"complaints/{month}.csv", "id,site,received", f"C{month},SH-W01,{month}-11 09:00", f"D{month},SH-W01,gestern"
    )
    world.deliver(
        f"staff/{month}.csv", "工号,姓名,月份,场所,性别",
        *(f"{number},某{number},{month},SH-W01,{'女' if number % 2 else '男'}" for number in range(12)),
    )  # fmt: skip


def workbook(*rows: Iterable[str], sheet: str = "产量") -> bytes:
    """An xlsx file with these rows."""
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return memory.getvalue()


def copied(world: World, folder: Path) -> World:
    """The same enterprise in another folder."""
    shutil.copytree(world.folder, folder)
    return World(folder)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


def esg(world: World, *arguments: str, capture: pytest.CaptureFixture[str]) -> Said:
    """One command over the enterprise, in this process."""
    capture.readouterr()
    try:
        code = main(["--enterprise", str(world.folder), *arguments])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    said = capture.readouterr()
    return Said(code, said.out, said.err)


def fresh(world: World, *arguments: str, first: str = "", **environment: str) -> Said:
    """One command in a process of its own; `first` is Python that is done in it before."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", f"{first}\nimport sys\nfrom pipelines.cli import main\nsys.exit(main())",
         "--enterprise", str(world.folder), *arguments],
        cwd=ROOT, env={**os.environ, **ENVIRONMENT, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def stored(world: World) -> dict[str, str]:
    """The sha256 of every file of clean rows, marts and quarantine."""
    return {f"{kind}/{name}": sha for kind in ("clean", "mart", "quarantine")
            for name, sha in world.hashes(f"data/{kind}").items()}  # fmt: skip


def of_month(files: dict[str, str], month: str) -> dict[str, str]:
    """Those of the files that hold a month."""
    return {name: sha for name, sha in files.items() if month in name}


def published(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every published table, in order; without what tells run and clock."""
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        ).fetchall()
        return {name: sorted(connection.execute(f"select {_kept(connection, name)} from {name}").fetchall(), key=str)
                for (name,) in tables}  # fmt: skip


def _kept(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    names = [name for name, *_ in connection.execute(f"describe {table}").fetchall()]
    return ", ".join(f'"{name}"' for name in names if name not in ("run_id", "received_at"))


def figures(world: World, period: str) -> list[tuple[Any, ...]]:
    """The published values of a period."""
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        return connection.execute(
            "select * exclude (run_id) from indicator.value where period = ? order by all", [period]
        ).fetchall()
