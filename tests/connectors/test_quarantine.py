"""Refused rows: what is told about them, how they go out to their owners, and what comes back."""

from __future__ import annotations

import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import polars as pl
import pytest

from connectors import quarantine
from connectors.ingest import Outcome, ingest
from schemas.enterprise import Enterprise
from schemas.errors import HubError, SourceError

TRIPS = """\
system: tms
contract: trip
read: {as: csv, files: "trips/{month}.csv"}
columns:
  trip_id: {from: 行程号}
  vehicle_id: {from: 车牌}
  started_at: {from: 出发}
  distance_km: {from: 里程, unit: {from: 单位}}
  load_t: {from: 载重}
"""
VEHICLES = "vehicle_id,site_id,ownership\nV1,S1,own\n"
GOOD = "T0,V1,2026-01-05 08:00:00,100,km,,好"


def enterprise_with(folder: Path, files: dict[str, str]) -> Enterprise:
    base = {
        "enterprise.yaml": "id: tiny\nname: tiny\nlegal_entities: [LE1]\n",
        "reference/site.csv": "site_id,legal_entity_id\nS1,LE1\n",
        "reference/vehicle.csv": VEHICLES,
    }
    for name, text in {**base, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return Enterprise(folder)


def with_trips(folder: Path, *rows: str, month: str = "2026-01") -> Enterprise:
    lines = ["行程号,车牌,出发,里程,单位,载重,备注", GOOD, *rows]
    enterprise = enterprise_with(
        folder, {"sources/trips.yaml": TRIPS, f"extracts/trips/{month}.csv": "\n".join(lines) + "\n"}
    )
    run(enterprise, month)
    return enterprise


def run(enterprise: Enterprise, *months: str) -> list[Outcome]:
    outcomes = ingest(enterprise, list(months or ["2026-01"]))
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    return outcomes


def clean(enterprise: Enterprise, contract: str = "trip") -> pl.DataFrame:
    files = enterprise.lake.files("clean", contract)
    return pl.concat([pl.read_parquet(path, hive_partitioning=False, glob=False) for path in files])


def exported(enterprise: Enterprise, path: Path, **which: str) -> openpyxl.Workbook:
    quarantine.export(quarantine.refused(enterprise, **which), path)
    return openpyxl.load_workbook(path)


def set_cells(sheet: Any, row: int, **cells: object) -> None:
    header = [cell.value for cell in sheet[1]]
    for name, value in cells.items():
        sheet.cell(row, header.index(name) + 1).value = value


def handed_in(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    return [entry for outcome in outcomes for entry in outcome.extracts]


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


# ---- what must not happen


def test_a_workbook_that_the_hub_did_not_export_is_refused_by_sheet_and_column(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    book = openpyxl.Workbook()
    book.active.title = "mine"
    book.active.append(["行程号", "里程"])
    book.active.append(["T1", 5])
    book.save(tmp_path / "mine.xlsx")
    with pytest.raises(SourceError, match=r"__extract_id__") as error:
        quarantine.resubmit(enterprise, tmp_path / "mine.xlsx")
    assert "sheet mine" in error.value.where


def test_a_file_that_is_no_workbook_or_not_there_is_an_error_and_no_crash(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path)
    (tmp_path / "text.xlsx").write_text("a,b")
    for name in ("text.xlsx", "absent.xlsx"):
        with pytest.raises(SourceError):
            quarantine.resubmit(enterprise, tmp_path / name)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("__source__", "nobody", "__source__"), ("__extract_id__", None, "__extract_id__"), ("__row_number__", "77", "not in quarantine"),
     ("__original__", "0" * 24, "not in quarantine"), ("__sheet__", "other", "not in quarantine")],
)  # fmt: skip
def test_a_row_whose_hub_columns_were_changed_is_refused_by_sheet_and_row(
    tmp_path: Path, column: str, value: str | None, said: str
) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,", "T2,V9,2026-01-06 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 3, **{column: value, "车牌": "V1"})
    book.save(tmp_path / "out.xlsx")
    before = everything(enterprise.data)
    with pytest.raises(SourceError) as error:
        quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert said in str(error.value)
    assert "sheet trips" in error.value.where
    assert "row 3" in error.value.where
    assert everything(enterprise.data) == before


def test_a_row_that_was_added_in_the_workbook_is_refused(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    book["trips"].append(["T5", "V1", "2026-01-06", "1", "km"])
    set_cells(book["trips"], 3, __source__="trips")
    book.save(tmp_path / "out.xlsx")
    with pytest.raises(SourceError, match="row 3, column __extract_id__"):
        quarantine.resubmit(enterprise, tmp_path / "out.xlsx")


def test_a_row_of_a_file_that_was_delivered_anew_is_no_longer_taken(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 车牌="V1")
    book.save(tmp_path / "out.xlsx")
    with_trips(tmp_path, "T1,V1,2026-01-06 08:00:00,100,km,,")
    with pytest.raises(SourceError, match="any more"):
        quarantine.resubmit(Enterprise(tmp_path), tmp_path / "out.xlsx")


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    evil = ['=HYPERLINK("http://x")', "+1+cmd", "-2+3", "@SUM(A1)"]
    rows = [f"T{number},V9,2026-01-06 08:00:00,100,km,,{text}" for number, text in enumerate(evil, start=1)]
    enterprise = with_trips(tmp_path, *[row.replace('=HYPERLINK("http://x")', "=1+1") for row in rows])
    book = exported(enterprise, tmp_path / "out.xlsx")
    notes = [row[5].value for row in book["trips"].iter_rows(min_row=2)]
    assert "=1+1" in [cell.value for row in book["trips"].iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for row in book["trips"].iter_rows() for cell in row if cell.value is not None} == {"s"}
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert len(notes) == 4


def test_an_unchanged_row_stays_refused_for_its_own_reason(tmp_path: Path) -> None:
    # a row with a field too few: its values stand under the wrong headers, the contract alone might let it pass
    enterprise = with_trips(tmp_path, "T1,V1,2026-01-06 08:00:00,100,km,", "T2,V9,2026-01-06 08:00:00,100,km,,")
    before = quarantine.refused(enterprise)
    exported(enterprise, tmp_path / "out.xlsx")
    outcomes = quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert handed_in(outcomes) == []
    assert quarantine.refused(enterprise).equals(before)
    assert clean(enterprise)["trip_id"].to_list() == ["T0"]


def test_a_row_with_text_left_over_is_still_ragged(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V1,2026-01-06 08:00:00,1,000,km,,gut")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 里程="1000", 单位="km", 载重=None)
    book.save(tmp_path / "out.xlsx")
    entry = handed_in(quarantine.resubmit(enterprise, tmp_path / "out.xlsx"))[0]
    assert (entry["accepted"], entry["reasons"]) == (0, {"row: ragged_row": 1})
    set_cells(book["trips"], 2, __surplus__=None)
    book.save(tmp_path / "out.xlsx")
    assert handed_in(quarantine.resubmit(enterprise, tmp_path / "out.xlsx"))[0]["accepted"] == 1
    assert quarantine.refused(enterprise).height == 0


def test_a_number_typed_as_a_number_keeps_its_value_where_texts_have_decimal_commas(tmp_path: Path) -> None:
    comma = TRIPS.replace("read: {as: csv,", 'read: {as: csv, delimiter: ";", decimal: ",", thousands: ".",').replace(
        "{from: 单位}", "km"
    )
    text = "行程号;车牌;出发;里程;载重\nT1;V1;2026-01-06 08:00:00;zwölf;\n"
    enterprise = enterprise_with(tmp_path, {"sources/trips.yaml": comma, "extracts/trips/2026-01.csv": text})
    run(enterprise)
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 里程=1.234)
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert clean(enterprise)["distance_km"].to_list() == [1.234]


# what a cell holds when somebody types a date into it: a date, or in a cell kept as text what was typed
@pytest.mark.parametrize("typed", [date(2026, 1, 6), datetime(2026, 1, 6, 8), "2026-01-06", "2026/1/6", "06.01.2026"])  # noqa: DTZ001 - a cell has no zone
def test_a_date_typed_in_excel_is_taken_whatever_format_the_source_has(tmp_path: Path, typed: object) -> None:
    german = TRIPS.replace("{from: 出发}", '{from: 出发, format: ["%d.%m.%Y %H:%M", "%d.%m.%Y"]}')
    text = "行程号,车牌,出发,里程,单位,载重\nT1,V1,gestern,12,km,\n"
    enterprise = enterprise_with(tmp_path, {"sources/trips.yaml": german, "extracts/trips/2026-01.csv": text})
    run(enterprise)
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 出发=typed)
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    (started,) = clean(enterprise)["started_at"].to_list()
    assert started.astimezone(ZoneInfo("Asia/Shanghai")).date() == date(2026, 1, 6)


def test_an_export_that_cannot_be_written_is_an_error_of_the_hub(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    with pytest.raises(HubError, match="cannot write"):
        quarantine.export(quarantine.refused(enterprise), tmp_path / "enterprise.yaml" / "out.xlsx")


# ---- what is told


def test_refused_rows_are_told_by_month_and_source_with_the_text_each_reason_is_about(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,-5,km,,", "T2,V8,2026-02-06 08:00:00,5,km,,")
    frame = quarantine.refused(enterprise, "2026-01", "trips")
    assert frame["row_number"].to_list() == [3, 4]
    assert dict(zip(frame["reasons"][0], frame["values"][0], strict=True)) == {
        "vehicle_id: unknown_key": "V9", "distance_km: out_of_range": "-5",
    }  # fmt: skip
    assert json.loads(frame["values"][1][list(frame["reasons"][1]).index("outside_month")])["行程号"] == "T2"
    assert quarantine.refused(enterprise, "2026-02").height == 0
    assert quarantine.refused(enterprise, source="reference_site").height == 0


def test_a_rule_says_nothing_of_a_row_whose_value_it_needs_could_not_be_read(tmp_path: Path) -> None:
    header = "document_id,purchased_on,site_id,vehicle_id,fuel,volume_l"
    rows = ("F1,2026-01-05,,V9,diesel,many", "F2,2026-01-05,,,diesel,", "F3,2026-01-05,,V9,diesel,")
    declared = "contract: fuel_purchase\nread: {as: csv, files: fuel.csv}\ncolumns: {document_id: document_id, purchased_on: purchased_on, site_id: site_id, vehicle_id: vehicle_id, fuel: fuel, volume_l: volume_l}\n"
    enterprise = enterprise_with(
        tmp_path, {"sources/fuel.yaml": declared, "extracts/fuel.csv": "\n".join((header, *rows)) + "\n"}
    )
    run(enterprise)
    assert [sorted(reasons) for reasons in quarantine.refused(enterprise)["reasons"]] == [
        ["vehicle_id: unknown_key", "volume_l: not_a_number"], ["no_place", "one_quantity"],
        ["one_quantity", "vehicle_id: unknown_key"],
    ]  # fmt: skip


def test_reasons_are_counted_in_words_with_an_example(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,", "T2,V8,2026-01-06 08:00:00,1x,km,,")
    listing = quarantine.by_reason(quarantine.refused(enterprise))
    assert listing.select("reason", "rows", "value", "row_number").rows() == [
        ("vehicle_id: unknown_key", 2, "V9", 3), ("distance_km: not_a_number", 1, "1x", 4),
    ]  # fmt: skip
    assert listing["zh"][0] == "vehicle_id：编号未在参照表登记"
    assert listing["en"][1] == "distance_km: not a number"


def test_an_unknown_unit_is_told_by_the_unit_and_not_by_the_number(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V1,2026-01-06 08:00:00,100,parsec,,")
    assert quarantine.refused(enterprise)["values"].to_list() == [["parsec"]]


def test_a_broken_declaration_hides_no_refused_row_and_is_named_when_its_rows_come_back(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 车牌="V1")
    book.save(tmp_path / "out.xlsx")
    (tmp_path / "sources/trips.yaml").write_text(TRIPS + "colour: red\n", encoding="utf-8")
    assert quarantine.refused(enterprise).height == 1
    with pytest.raises(SourceError, match="colour"):
        quarantine.resubmit(enterprise, tmp_path / "out.xlsx")


def test_nothing_refused_is_an_empty_listing_and_an_export_without_rows(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path)
    assert quarantine.by_reason(quarantine.refused(enterprise)).height == 0
    assert exported(enterprise, tmp_path / "out.xlsx").sheetnames == [quarantine.GUIDE]
    assert quarantine.resubmit(enterprise, tmp_path / "out.xlsx") == []


def test_an_export_shows_the_columns_that_are_empty_in_every_refused_row(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,,2026-01-06 08:00:00,100,km,,")
    sheet = exported(enterprise, tmp_path / "out.xlsx")["trips"]
    header = [cell.value for cell in sheet[1]]
    assert header[-len(quarantine.HUB) :] == list(quarantine.HUB)
    assert {"行程号", "车牌", "出发", "里程", "单位", "载重"} <= set(header)
    assert "必填项为空" in sheet.cell(2, len(header)).value


def test_the_same_rows_give_the_same_workbook(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    for name in ("one.xlsx", "two.xlsx"):
        quarantine.export(quarantine.refused(enterprise), tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


def test_a_source_name_that_is_no_sheet_name_comes_back_all_the_same(tmp_path: Path) -> None:
    long, bad = "a" * 40, "行程[一]'"
    files = {"extracts/trips/2026-01.csv": "行程号,车牌,出发,里程,单位,载重\nT1,V9,2026-01-06 08:00:00,100,km,\n"}
    files |= {f"sources/{name}.yaml": TRIPS for name in (long, long[:-1], bad)}
    enterprise = enterprise_with(tmp_path, files)
    run(enterprise)
    book = exported(enterprise, tmp_path / "out.xlsx")
    assert len({name.casefold() for name in book.sheetnames}) == 4
    for number, sheet in enumerate(book.worksheets[:-1]):
        set_cells(sheet, 2, 车牌="V1", 行程号=f"N{number}")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert clean(enterprise)["source"].sort().to_list() == sorted([long, long[:-1], bad])


# ---- there and back


def test_a_corrected_row_is_accepted_with_the_sources_mapping_and_units(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,2000,m3,,", "T2,V9,2026-01-07 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 车牌="V1", 里程="0.25", 单位="公里")
    book.save(tmp_path / "out.xlsx")
    outcomes = quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    [entry] = handed_in(outcomes)
    # one row was changed: one read, one accepted
    assert (entry["name"], entry["rows"], entry["accepted"], entry["refused"], entry["duplicates"]) == (
        "resubmitted/out.xlsx",
        1,
        1,
        0,
        0,
    )
    assert entry["month"] is None
    assert "2026-01" in outcomes[0].months
    row = clean(enterprise).filter(pl.col("trip_id") == "T1").row(0, named=True)
    assert (row["distance_km"], row["sheet"], row["row_number"], row["extract_id"]) == (
        0.25,
        "trips",
        2,
        entry["sha256"],
    )
    assert quarantine.refused(enterprise)["row_number"].to_list() == [4]
    # the first form is kept, and says what became of it
    [path] = [path for path in enterprise.lake.files("quarantine", "trip") if path.exists()]
    kept = pl.read_parquet(path, hive_partitioning=False, glob=False).filter(pl.col("row_number") == 3)
    assert "row: corrected" in kept["reasons"][0].to_list()


def test_the_same_workbook_twice_and_a_run_after_it_change_nothing(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,", "T2,V9,2026-01-07 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 车牌="V1")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    run(enterprise)
    before = everything(enterprise.data)
    again = quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert [(outcome.extracts, outcome.unchanged) for outcome in again] == [([], 1)]
    assert [outcome.already["name"] for outcome in again if outcome.already] == ["resubmitted/out.xlsx"]
    after = run(enterprise)
    assert sum(outcome.total("rows") for outcome in after) == 0
    assert everything(enterprise.data) == before


def test_rows_of_several_months_find_their_months(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    with_trips(tmp_path, "T2,V9,2026-02-06 08:00:00,100,km,,".replace("T0", "T9"), month="2026-02")
    enterprise = Enterprise(tmp_path)
    book = exported(enterprise, tmp_path / "out.xlsx")
    for row in range(2, book["trips"].max_row + 1):
        set_cells(book["trips"], row, 车牌="V1")
    set_cells(book["trips"], book["trips"].max_row, 出发="2026-02-07 09:00:00")
    book.save(tmp_path / "out.xlsx")
    entry = handed_in(quarantine.resubmit(enterprise, tmp_path / "out.xlsx"))[0]
    assert set(entry["clean"]) == {"2026-01", "2026-02"}


def test_a_row_refused_again_can_be_exported_and_corrected_again(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,", "T2,V9,2026-01-07 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 车牌="V1")
    set_cells(book["trips"], 3, 车牌="V7")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert quarantine.refused(enterprise).select("file", "values").rows() == [("resubmitted/out.xlsx", ["V7"])]
    # a second workbook of the same name: it must not take the first correction back
    book = exported(enterprise, tmp_path / "out.xlsx")
    assert book["trips"].max_row == 2
    set_cells(book["trips"], 2, 车牌="V1")
    book.save(tmp_path / "out.xlsx")
    entry = handed_in(quarantine.resubmit(enterprise, tmp_path / "out.xlsx"))[0]
    assert entry["name"] == "resubmitted/out (2).xlsx"
    assert clean(enterprise)["trip_id"].sort().to_list() == ["T0", "T1", "T2"]
    assert quarantine.refused(enterprise).height == 0


def test_a_correction_can_be_corrected_and_counts_once(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    for distance in ("200", "300"):
        set_cells(book["trips"], 2, 车牌="V1", 里程=distance)
        book.save(tmp_path / "out.xlsx")
        quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert clean(enterprise).filter(pl.col("trip_id") == "T1")["distance_km"].to_list() == [300.0]
    assert quarantine.refused(enterprise).height == 0


def test_the_first_form_stays_refused_when_its_key_becomes_known_later(tmp_path: Path) -> None:
    # V9 is corrected to V1; later a vehicle V9 is registered: the trip must not count a second time
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 车牌="V1", 行程号="T1a")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    (tmp_path / "reference/vehicle.csv").write_text(VEHICLES + "V9,S1,own\n")
    run(enterprise)
    assert clean(enterprise)["trip_id"].sort().to_list() == ["T0", "T1a"]


def test_one_row_can_be_corrected_into_two(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    book["trips"].append([cell.value for cell in book["trips"][2]])
    set_cells(book["trips"], 2, 车牌="V1", 里程="40")
    set_cells(book["trips"], 3, 车牌="V1", 里程="60", 行程号="T1b")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert clean(enterprise)["distance_km"].sort().to_list() == [40.0, 60.0, 100.0]


def test_a_deleted_row_stays_refused(tmp_path: Path) -> None:
    enterprise = with_trips(tmp_path, "T1,V9,2026-01-06 08:00:00,100,km,,", "T2,V9,2026-01-07 08:00:00,100,km,,")
    book = exported(enterprise, tmp_path / "out.xlsx")
    book["trips"].delete_rows(2)
    set_cells(book["trips"], 2, 车牌="V1")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert quarantine.refused(enterprise)["row_number"].to_list() == [3]


GRID = """\
system: clock
contract: attendance_day
personal: [姓名]
read: {as: csv, files: "grid_{month}.csv", unpivot: {columns: ["1..31"], name: 日, value: 出勤}}
columns:
  employee_key: {from: 工号}
  work_date: {from: 日期}
  site_id: {from: 站点}
  worked_h: {from: 工时}
"""
PREPARE = """\
def prepare(raw):
    return raw.assign(日期="2026-01-" + raw["日"].str.zfill(2), 工时=raw["出勤"].str.rstrip("h"))
"""


def with_grid(folder: Path, *rows: str) -> Enterprise:
    text = "\n".join(["工号,姓名,站点,1,2,3", *rows]) + "\n"
    enterprise = enterprise_with(
        folder, {"sources/grid.yaml": GRID, "sources/grid.py": PREPARE, "extracts/grid_2026-01.csv": text}
    )
    run(enterprise)
    return enterprise


def test_an_unpivoted_and_prepared_row_is_corrected_by_its_own_cell_and_keeps_its_pseudonym(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "k")
    enterprise = with_grid(tmp_path, "E1,张三,S1,8h,99h,x", "E2,李四,S1,8h,8h,8h")
    who = clean(enterprise, "attendance_day").filter(pl.col("row_number") == 2)["employee_key"][0]
    book = exported(enterprise, tmp_path / "out.xlsx")
    assert book["grid"].max_row == 3  # two cells of one row of the file
    for row in (2, 3):
        if book["grid"].cell(row, [cell.value for cell in book["grid"][1]].index("出勤") + 1).value == "x":
            set_cells(book["grid"], row, 工时="7.5")
    book.save(tmp_path / "out.xlsx")
    entry = handed_in(quarantine.resubmit(enterprise, tmp_path / "out.xlsx"))[0]
    assert (entry["rows"], entry["accepted"]) == (1, 1)
    row = clean(enterprise, "attendance_day").filter(pl.col("worked_h") == 7.5).row(0, named=True)
    assert (row["employee_key"], str(row["work_date"])) == (who, "2026-01-03")
    assert quarantine.refused(enterprise)["values"].to_list() == [["99"]]
    assert clean(enterprise, "attendance_day").height == 5


def test_a_staff_number_typed_into_the_workbook_becomes_a_pseudonym(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "k")
    enterprise = with_grid(tmp_path, ",张三,S1,8h,,", "E77001,李四,S1,,8h,")
    who = clean(enterprise, "attendance_day")["employee_key"][0]
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["grid"], 2, 工号="E77001")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert clean(enterprise, "attendance_day")["employee_key"].to_list() == [who, who]
    assert not [
        name
        for name, content in everything(enterprise.data).items()
        if b"E77001" in content or "张三".encode() in content
    ]


def test_a_repeated_key_in_a_grid_is_shown_with_its_own_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "k")
    # the second line of E1 repeats day 2 with another value; day 1 is equal, a duplicate
    enterprise = with_grid(tmp_path, "E1,张三,S1,8h,8h,", "E1,张三,S1,8h,6h,")
    [row] = quarantine.refused(enterprise).iter_rows(named=True)
    assert (row["reasons"], json.loads(row["raw"])["日"]) == (["duplicate_key"], "2")


def test_rows_of_templates_with_other_headers_stand_under_the_contracts_names(tmp_path: Path) -> None:
    enterprise = enterprise_with(tmp_path, {})
    for name, header in (("a", ["trip_id 行程号", "vehicle_id 车辆", "started_at", "distance_km"]),
                         ("b", ["trip_id", "vehicle_id", "started_at", "distance_km 里程"])):  # fmt: skip
        book = openpyxl.Workbook()
        book.active.title = "trip"
        book.active.append(header)
        book.active.append([f"T{name}", "V9", "2026-01-06 08:00:00", "12"])
        (tmp_path / "extracts/templates").mkdir(parents=True, exist_ok=True)
        book.save(tmp_path / f"extracts/templates/trip_{name}.xlsx")
    run(enterprise)
    book = exported(enterprise, tmp_path / "out.xlsx")
    sheet = book["template_trip"]
    assert [cell.value for cell in sheet[1]][:4] == ["trip_id", "vehicle_id", "started_at", "distance_km"]
    for row in (2, 3):
        set_cells(sheet, row, vehicle_id="V1")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    assert clean(enterprise).select("trip_id", "distance_km").sort("trip_id").rows() == [("Ta", 12.0), ("Tb", 12.0)]


def test_a_database_source_keeps_its_corrections_at_the_next_pull(tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "extracts").mkdir()
    with sqlite3.connect(tmp_path / "extracts/tms.sqlite") as base:
        base.execute("create table t (行程号, 车牌, 出发, 里程, 单位, 载重)")
        base.execute("insert into t values ('T1', 'V9', '2026-01-06 08:00:00', 100, 'km', null)")
    base.close()
    sql = TRIPS.replace('{as: csv, files: "trips/{month}.csv"}', '{as: sql, url: "sqlite:///tms.sqlite", table: t}')
    enterprise = enterprise_with(tmp_path, {"sources/trips.yaml": sql})
    run(enterprise)
    book = exported(enterprise, tmp_path / "out.xlsx")
    set_cells(book["trips"], 2, 车牌="V1")
    book.save(tmp_path / "out.xlsx")
    quarantine.resubmit(enterprise, tmp_path / "out.xlsx")
    (tmp_path / "reference/vehicle.csv").write_text(VEHICLES + "V9,S1,own\n")
    run(enterprise)
    assert clean(enterprise)["vehicle_id"].to_list() == ["V1"]
