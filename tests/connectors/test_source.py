"""Source declarations: what they may say, what is refused before any data is read, and which files they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from connectors.source import sources
from schemas.errors import SourceError
from tests.world import READINGS, TRIPS, World


def _said(world: World, text: str) -> str:
    world.write("sources/s.yaml", text)
    with pytest.raises(SourceError) as failure:
        sources(world.enterprise)
    assert failure.value.where == str(world.folder / "sources/s.yaml")
    return failure.value.what


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("contract: trip", "contract: trips", "no contract is called 'trips'"),
        ("contract: trip", "contract: trip\nsytem: tms", "sytem: Extra inputs"),
        ("contract: trip", "contract: trip\nrows: reference", "rows"),
        ("contract: trip", "contract: trip\ntimezone: Asia/Shangai", "unknown time zone 'Asia/Shangai'"),
        ("contract: trip", "contract: trip\nstamp: middle", "stamp"),
        ("contract: trip", "contract: trip\nexpect_by_day: 31", "expect_by_day"),
        ("contract: trip", "contract: trip\npersonal: 姓名", "personal"),
        ("as: csv", "as: pdf", "read.as"),
        ("files: \"trips/*.csv\"", "sheet: x", "read.as csv needs `files`"),
        ("as: csv", "as: csv, header_rows: 0", "header_rows"),
        ("as: csv", "as: csv, skip_rows: -1", "skip_rows"),
        ("as: csv", "as: csv, overlap: 2d", "`overlap` needs a `watermark`"),
        ("as: csv", "as: csv, decimal: ',', thousands: ','", "must differ"),
        ("as: csv", "as: csv, thousands: '.'", "must differ"),
        ("as: csv", "as: csv, thousands: ', '", "read.thousands must be one character"),
        ("as: csv", "as: csv, thousands: ''", "read.thousands must be one character"),
        ("as: csv", "as: csv, decimal: '1'", "read.decimal must be one character"),
        ("as: csv, files: \"trips/*.csv\"", "as: sql, url: x, table: a, query: b", "exactly one of `table`, `query`"),
        ("as: csv, files: \"trips/*.csv\"", "as: sql, table: a", "needs `url`"),
        ("trip_id: no", "trip_no: no", "trip has no column 'trip_no'"),
        ("trip_id: no, ", "", "required columns are not mapped: trip_id"),
        ("distance_km: km", "distance_km: {from: km, value: 1}", "exactly one of `from` and `value`"),
        ("distance_km: km", "distance_km: {unit: km}", "exactly one of `from` and `value`"),
        ("distance_km: km", "distance_km: {from: km, unit: 公斤}", "cannot become"),
        ("distance_km: km", "distance_km: {from: km, unit: furlong}", "unknown unit"),
        ("trip_id: no", "trip_id: {from: no, unit: km}", "trip_id carries no unit"),
        ("trip_id: no", "trip_id: {from: no, unit: {from: u}}", "trip_id carries no unit"),
        ("trip_id: no", "trip_id: {from: no, units: km}", "units"),
        ("trip_id: no", "trip_id: {from: no, map: {NULL: ''}}", "must stand in quotes"),
        ("started_at: start", "started_at: {from: start, format: ['%Y-%m-%d', '%Y-%m-%d %I:%M']}", "started_at: no format for times is '%Y-%m-%d %I:%M'"),
    ],
)  # fmt: skip
def test_a_declaration_that_does_not_fit_is_refused_with_its_file(world: World, old: str, new: str, said: str) -> None:
    assert old in TRIPS
    assert said in _said(world, TRIPS.replace(old, new))


def test_every_misfit_of_a_declaration_is_named_at_once(world: World) -> None:
    said = _said(world, TRIPS.replace("trip_id: no, vehicle_id: plate", "trip_no: no"))
    assert "trip_no" in said
    assert "trip_id, vehicle_id" in said


def test_a_name_that_a_reference_table_has_is_taken(world: World) -> None:
    world.write("sources/reference_site.yaml", TRIPS)
    with pytest.raises(SourceError, match="is taken"):
        sources(world.enterprise)


def test_a_broken_declaration_can_be_collected_instead_of_raised(world: World) -> None:
    world.write("sources/bad.yaml", "contract: [")
    world.write("sources/tms.yaml", TRIPS)
    broken: dict[str, Any] = {}
    found = [source.name for source in sources(world.enterprise, broken)]
    assert "tms" in found
    assert list(broken) == ["bad"]


def test_referenced_contracts_come_first(world: World) -> None:
    world.write("sources/a.yaml", TRIPS)
    found = [source.name for source in sources(world.enterprise)]
    assert found.index("reference_site") < found.index("reference_vehicle") < found.index("a")


def test_a_column_that_the_file_lacks_is_named_with_what_the_file_has(world: World) -> None:
    world.write("sources/tms.yaml", TRIPS)
    source = next(source for source in sources(world.enterprise) if source.name == "tms")
    with pytest.raises(SourceError) as failure:
        source.mapping(["no", "plate", "start", "leer"])
    assert "'km'" in failure.value.what
    assert "no, plate, start, leer" in failure.value.todo
    assert "read.skip_rows" in failure.value.todo


def test_a_header_with_a_line_break_is_shown_as_yaml_writes_it(world: World) -> None:
    world.write("sources/tms.yaml", TRIPS)
    source = next(source for source in sources(world.enterprise) if source.name == "tms")
    with pytest.raises(SourceError) as failure:
        source.mapping(["no", "plate", "里程\n（公里）"])
    assert r"no, plate, '里程\n（公里）'; correct" in failure.value.todo


def test_a_missing_column_is_told_with_the_file_and_the_sheet(world: World) -> None:
    world.write("sources/tms.yaml", TRIPS.replace('csv, files: "trips/*.csv"', 'excel, files: "trips/*.xlsx"'))
    (world.folder / "extracts/trips").mkdir(parents=True)
    _workbook(world.folder / "extracts/trips/a.xlsx", "行程", ["no", "plate", "start"], ["1", "2", "3"])
    error = world.attempt()["tms"].error
    assert error is not None and error.where == "source tms, file trips/a.xlsx, sheet 行程"


def test_words_of_yaml_that_are_no_numbers_stay_words(world: World) -> None:
    world.write(
        "sources/tms.yaml",
        TRIPS.replace(
            "trip_id: no", "trip_id: {from: no, map: {on: a, No: b, 0100: c, 1_000: d, 12:30: e, 7: f, 甲: }}"
        ),
    )
    source = next(source for source in sources(world.enterprise) if source.name == "tms")
    assert source.columns["trip_id"].source == "no"
    assert source.columns["trip_id"].map == {
        "on": "a", "No": "b", "0100": "c", "1_000": "d", "12:30": "e", "7": "f", "甲": "",
    }  # fmt: skip


# --- files


@pytest.mark.parametrize(
    ("pattern", "name", "month"),
    [
        ("a/{month}.csv", "a/2026-01.csv", "2026-01"),
        ("a/{month}/*.csv", "a/2026-01/站点.csv", "2026-01"),
        ("a/{month}/x_{month}.csv", "a/2026-01/x_2026-01.csv", "2026-01"),
        ("a/{month}*.csv", "a/2026-01-05.csv", "2026-01"),
        ("a/*.csv", "a/2026-01.csv", None),
        ("a/**/x.csv", "a/b/c/x.csv", None),
        ("a/x (1).csv", "a/x (1).csv", None),
    ],
)
def test_a_pattern_finds_its_files_and_the_month_in_their_names(
    world: World, pattern: str, name: str, month: str | None
) -> None:
    world.write("sources/tms.yaml", TRIPS.replace("trips/*.csv", pattern))
    world.deliver(name, "x")
    source = next(source for source in sources(world.enterprise) if source.name == "tms")
    assert [(delivery.name, delivery.month) for delivery in source.deliveries()] == [(name, month)]


@pytest.mark.parametrize(
    "name",
    [
        "a/2026-01/x_2026-02.csv",
        "a/2026-1/x.csv",
        "a/.2026-01.csv",
        "a/~$2026-01.csv",
        "a/2026-01.csv/x",
        "2026-01.csv",
    ],
)
def test_other_files_are_left_alone(world: World, name: str) -> None:
    for number, pattern in enumerate(("a/{month}/x_{month}.csv", "a/{month}.csv", "a/*.csv")):
        world.write(f"sources/tms{number}.yaml", TRIPS.replace("trips/*.csv", pattern))
    world.deliver(name, "x")
    found = [source.deliveries() for source in sources(world.enterprise) if source.name.startswith("tms")]
    assert found == [[], [], []]


def test_files_come_in_order_of_month_and_name(world: World) -> None:
    world.write("sources/ami.yaml", READINGS)
    for name in ("2026-02-a", "2026-01-b", "2026-01-a"):
        world.deliver(f"readings/{name}.csv", "x")
    source = next(source for source in sources(world.enterprise) if source.name == "ami")
    assert [delivery.path.stem for delivery in source.deliveries()] == ["2026-01-a", "2026-01-b", "2026-02-a"]


def test_files_may_lie_outside_the_enterprise(world: World, tmp_path: Path) -> None:
    (tmp_path / "share/site/deep").mkdir(parents=True)
    (tmp_path / "share/site/deep/x.csv").write_text("x")
    for name, pattern in (("absolute", f"{tmp_path}/share/*/deep/*.csv"), ("relative", "../../share/*/deep/*.csv")):
        world.write(f"sources/{name}.yaml", TRIPS.replace("trips/*.csv", pattern))
    found = {source.name: [one.name for one in source.deliveries()] for source in sources(world.enterprise)}
    assert found["absolute"] == found["relative"] == ["site/deep/x.csv"]


# --- sources that need no declaration


def test_a_reference_table_needs_no_declaration(world: World) -> None:
    world.ingest()
    assert world.values("site", "site_id", "source") == [("SH-P01", "reference_site"), ("SH-W01", "reference_site")]


def test_a_misspelt_column_of_a_reference_table_is_named(world: World) -> None:
    world.write("reference/site.csv", "site_id,legal_entity_id,floor_area\nSH-W01,LE1,12000\n")
    error = world.attempt()["reference_site"].error
    assert "unknown column / 未知列: floor_area" in str(error)
    assert "floor_area_m2" in str(error)


def test_a_required_column_that_a_reference_table_lacks_is_named(world: World) -> None:
    world.write("reference/site.csv", "site_id\nSH-W01\n")
    assert "missing column / 缺少列: legal_entity_id" in str(world.attempt()["reference_site"].error)


def _workbook(path: Path, sheet: str, *rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)


def test_filled_templates_need_no_declaration_and_each_goes_to_its_own_contract(world: World) -> None:
    folder = world.folder / "extracts/templates"
    _workbook(folder / "meter_book 2026.xlsx", "meter", ["meter_id 表号", "site_id 场所", "carrier", "register_kind", "unit"],
              ["W-1", "SH-W01", "水", "累计", "立方米"])  # fmt: skip
    _workbook(folder / "meter_reading_2026-01.xlsx", "meter_reading", ["meter_id 表号", "read_at", "register", "unit"],
              ["W-1", "2026-01-05", "7", "m3"])  # fmt: skip
    world.ingest()
    assert ("W-1", "template_meter") in world.values("meter", "meter_id", "source")
    assert world.values("meter_reading", "meter_id", "source", "sheet") == [
        ("W-1", "template_meter_reading", "meter_reading")
    ]


def test_the_panels_files_need_no_declaration(world: World) -> None:
    world.write("panel/expert_score_round1.csv", "expert_id,indicator_id,round,level\nX1,A.1.1,1,3\n")
    _workbook(world.folder / "panel/expert_score_round2.xlsx", "expert_score", ["expert_id", "indicator_id", "round", "level"],
              ["X1", "A.1.1", "2", "4"])  # fmt: skip
    world.write("panel/evidence.csv", "evidence_id,file\nEV001,政策.pdf\n")
    world.ingest()
    assert world.values("expert_score", "round", "level", "source") == [
        (1, 3, "panel_expert_score"), (2, 4, "panel_workbook_expert_score"),
    ]  # fmt: skip
    assert world.values("evidence", "evidence_id", "source") == [("EV001", "panel_evidence")]


def test_other_files_of_the_panel_are_left_alone(world: World) -> None:
    world.write("panel/trip.csv", "x\n")
    world.write("panel/minutes.csv", "x\n")
    assert {source.name for source in sources(world.enterprise)} == {
        "reference_site",
        "reference_meter",
        "reference_vehicle",
    }
