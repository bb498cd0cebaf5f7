"""The generator of the demo enterprise: the same bytes every time, and a ground truth that points at what is there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from itertools import pairwise
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from connectors.source import sources
from examples.generate_demo import generate, main
from examples.world import day_kind, days_of, months_between
from schemas.contract import contract
from schemas.enterprise import Enterprise

MONTHS = months_between("2026-02..2026-03")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("demo") / "enterprise", months=MONTHS)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(encoding), newline="")))


def rows_of(demo: Path, source: str, file: str, sheet: str) -> list[list[str]]:
    """An extract's rows, header included, read with nothing of the hub's but its declarations."""
    declared = next(found for found in sources(Enterprise(demo)) if found.name == source)
    path = demo / ("panel" if source == "expert_panel" else "extracts") / file
    if declared.read.kind == "sql":
        known = {"customer_order", "trip", "complaint"}
        query = f"select * from {(known & {file}).pop()} order by rowid"
        rows = sqlite3.connect(demo / "extracts/tms/tms.sqlite").execute(query).fetchall()
    elif declared.read.kind == "excel":
        rows = openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)
    elif declared.read.kind == "jsonl":
        rows = [json.loads(line).values() for line in path.read_text(encoding="utf-8").splitlines()]
    elif declared.read.kind == "parquet":
        rows = [row.values() for row in pq.read_table(path).to_pylist()]
    else:
        text = path.read_bytes().decode(declared.read.encoding)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=declared.read.delimiter)
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="choose another folder"):
        generate(tmp_path, months=MONTHS)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_declarations_in_git_are_not_overwritten() -> None:
    with pytest.raises(FileExistsError):
        generate(Path(__file__).parents[2] / "examples" / "demo", months=MONTHS)


@pytest.mark.parametrize("text", ["2025-12..2026-02", "2026-12..2027-01", "2026-05..2026-02", "2026-13", "this year"])
def test_months_outside_2026_or_running_backwards_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="months must lie in 2026"):
        months_between(text)


def test_a_scale_below_one_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "demo"), "--scale", "0"])
    assert ended.value.code == 2


def test_the_same_arguments_give_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    assert digests(generate(tmp_path / "again", months=MONTHS)) == digests(demo)


def test_generating_again_into_the_folder_leaves_nothing_of_the_run_before(tmp_path: Path) -> None:
    generate(tmp_path, months=("2026-01",))
    generate(tmp_path, months=("2026-02",))
    assert not [path for path in tmp_path.rglob("*2026-01*") if path.is_file()]


def test_every_true_row_points_at_a_row_that_is_there(demo: Path) -> None:
    truth = table(demo / "ground_truth.csv")
    assert {row["kind"] for row in truth} >= {"refused", "duplicate", "superseded"}
    for row in truth:
        rows = rows_of(demo, row["source"], row["file"], row["sheet"])
        assert 1 <= int(row["row_number"]) <= len(rows), row


def test_a_true_row_shows_the_value_that_was_planted(demo: Path) -> None:
    for row in table(demo / "ground_truth.csv"):
        if row["kind"] == "refused" and " = '" in row["note"]:
            planted = row["note"].split("; ")[0].split(" = ")[1].strip("'")
            assert planted in rows_of(demo, row["source"], row["file"], row["sheet"])[int(row["row_number"]) - 1], row


def test_a_duplicate_repeats_a_row_above_it_to_the_letter(demo: Path) -> None:
    repeated = [row for row in table(demo / "ground_truth.csv") if row["kind"] == "duplicate"]
    assert len(repeated) == 4  # March: four registers of Shanghai sent twice
    for row in repeated:
        rows = rows_of(demo, row["source"], row["file"], row["sheet"])
        place = int(row["row_number"]) - 1
        assert rows[place] in rows[:place]


def test_the_register_falls_only_where_the_truth_says_it_ran_over(tmp_path: Path) -> None:
    # E-CD-00 starts the year at 97,600 of 100,000 and counts 260,000 kWh / 40 = 6,500 in a year: it runs over in May
    demo = generate(tmp_path, months=("2026-05",))
    truth = [
        row
        for row in table(demo / "ground_truth.csv")
        if row["file"].endswith("CD-DEPOT.csv") and row["kind"] == "rollover"
    ]
    readings = [
        row for row in rows_of(demo, "meters_ami", "meters/ami/2026-05/CD-DEPOT.csv", "")[1:] if row[0] == "E-CD-00"
    ]
    falls = [
        number  # 1 is the header, 2 the first reading, 3 the first that has one before it
        for number, (before, after) in enumerate(pairwise(readings), start=3)
        if float(after[2]) < float(before[2])
    ]
    assert falls == [int(row["row_number"]) for row in truth]
    assert len(falls) == 1


def test_scale_two_has_every_site_meter_and_vehicle_twice(demo: Path, tmp_path: Path) -> None:
    double = generate(tmp_path, scale=2, months=("2026-02",))
    for name in ("site", "meter", "vehicle"):
        assert len(table(double / f"reference/{name}.csv")) == 2 * len(table(demo / f"reference/{name}.csv"))
        keys = [(row[f"{name}_id"], row["valid_from"]) for row in table(double / f"reference/{name}.csv")]
        assert len(set(keys)) == len(keys)


def test_the_demo_is_as_large_as_its_readme_says(demo: Path) -> None:
    assert len(table(demo / "reference/site.csv")) == 6
    assert len(table(demo / "reference/meter.csv")) == 31
    assert len({row["vehicle_id"] for row in table(demo / "reference/vehicle.csv")}) == 24


def test_reference_tables_have_the_contracts_own_columns(demo: Path) -> None:
    for path in (demo / "reference").glob("*.csv"):
        assert list(table(path)[0]) == [column.name for column in contract(path.stem).declared]


def test_every_declaration_fits_its_contract(demo: Path) -> None:
    declared = {source.name for source in sources(Enterprise(demo)) if not source.by_header}
    assert declared == {path.stem for path in (demo / "sources").glob("*.yaml")}


def test_evidence_carries_the_fingerprint_of_its_file(demo: Path) -> None:
    for row in table(demo / "reference/evidence.csv"):
        assert hashlib.sha256((demo / row["file"]).read_bytes()).hexdigest() == row["sha256"]


def test_2026_has_thirteen_statutory_holidays() -> None:
    days = [day for month in months_between("2026-01..2026-12") for day in days_of(month)]
    assert len(days) == 365
    assert sum(day_kind(day) == "holiday" for day in days) == 13
    # 365 - 104 days of weekends = 261; 10 holidays and 9 days off fall on Monday to Friday, 6 weekend days are worked:
    # 261 - 10 - 9 + 6 = 248
    assert sum(day_kind(day) == "workday" for day in days) == 248
