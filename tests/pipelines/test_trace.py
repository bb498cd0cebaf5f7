"""Trace: what it shows adds up to the value, and its original lines are the lines of the source files."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from pipelines.cli import main
from pipelines.run import locked, run
from pipelines.trace import Trace, trace
from schemas.errors import HubError
from tests.pipelines.town import copied
from tests.world import World

ENERGY = "A.1.10"


def terms(world: World, indicator: str) -> dict[str, tuple[str, str, float]]:
    """Side → mart, column and the factor into the unit shown."""
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        rows = connection.execute(
            "select side, mart, column_name, factor_to_unit from indicator.term where indicator_id = ?", [indicator]
        ).fetchall()
    return {side: (mart, column, factor) for side, mart, column, factor in rows}


def added(found: Trace, mart: str, column: str, factor: float) -> float:
    return sum(row[column] for row in found.marts[mart] if row[column] is not None) * factor


def again(world: World, month: str = "2026-01") -> None:
    with locked(world.enterprise):
        assert run(world.enterprise, [month]).failed == []


def test_a_value_that_does_not_exist_is_refused_by_name(january: World) -> None:
    with pytest.raises(HubError, match="no value M999 2026-01"):
        trace(january.enterprise, "M999", "2026-01")


@pytest.mark.parametrize(
    ("indicator", "period", "org", "instead"),
    [
        ("M999", "2026-01", None, "no indicator or metric has this id"),
        ("A.1.1", "2026", None, "experts score it and nothing is computed; esg panel status 2026"),
        (ENERGY, "2026-01", "SH-W99", "of 2026-01 there are .*: LE1, SH-P01, SH-W01, group"),
        (ENERGY, "2027-01", None, "(?s)no values of 2027-01.*periods there are .*: 2026, 2026-01"),
    ],
)
def test_what_there_is_instead_is_said(
    january: World, indicator: str, period: str, org: str | None, instead: str
) -> None:
    with pytest.raises(HubError, match=instead):
        trace(january.enterprise, indicator, period, org)


@pytest.mark.parametrize(("org", "lines"), [("SH-W01", [2, 4]), ("LE1", [2, 3, 4]), ("group", [2, 3, 4])])
def test_a_share_of_the_fleet_shows_the_lines_of_its_register(group: World, org: str, lines: list[int]) -> None:
    group.write(
        "reference/vehicle.csv",
        "vehicle_id,site_id,ownership,energy_type,valid_from,valid_to\nA1,SH-W01,own,diesel,,\nB1,SH-P01,own,electric,,\n"
        "A2,SH-W01,own,electric,2026-01-31,\nA3,SH-W01,own,electric,2026-02-01,\nA4,SH-W01,own,electric,,2025-12-31\n",
    )
    again(group)
    found = trace(group.enterprise, "M023", "2026-01", org)
    assert [row["row_number"] for row in found.rows["vehicle"]] == lines
    assert [(row["contract"], row["file"], row["rows_used"]) for row in found.extracts] == [
        ("vehicle", "reference/vehicle.csv", len(lines))
    ]
    assert found.rows["vehicle"][0]["original"] == "vehicle_id=A1 | site_id=SH-W01 | ownership=own | energy_type=diesel"


def test_a_total_that_is_missing_is_not_reckoned_again(group: World, capsys: pytest.CaptureFixture[str]) -> None:
    group.deliver("revenue/2026-03.csv", "凭证号,日期,场所,金额", "2026-03-1,2026-03-05,SH-W01,100000")
    again(group, "2026-03")
    found = trace(group.enterprise, "A.1.6", "2026-03")
    assert (found.values[0]["state"], found.lines, found.recomputed) == ("missing", [], None)
    assert main(["--enterprise", str(group.folder), "trace", "A.1.6", "2026-03"]) == 0
    assert "missing" in capsys.readouterr().out


def test_a_value_that_no_row_counts_for_says_so(january: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace(january.enterprise, "M073", "2026-01").extracts == []
    assert main(["--enterprise", str(january.folder), "trace", "M073", "2026-01"]) == 0
    shown = capsys.readouterr().out
    assert "none has a row that counts here" in shown
    assert "rows used" not in shown


@pytest.mark.parametrize("org", ["SH-W01", "SH-P01", "LE1", "group"])
@pytest.mark.parametrize("period", ["2026-01", "2026"])
def test_numerator_and_denominator_follow_from_the_rows_shown(january: World, org: str, period: str) -> None:
    found = trace(january.enterprise, ENERGY, period, org)
    declared = terms(january, ENERGY)
    for side in ("numerator", "denominator"):
        assert found.values[0][side] == pytest.approx(added(found, *declared[side]))
        assert found.values[0][side] > 0


def test_a_folder_may_be_called_as_one_likes(january: World, tmp_path: Path) -> None:
    world = copied(january, tmp_path / "it's 企业 %20;")
    again(world, "2026-02")
    assert (
        trace(world.enterprise, ENERGY, "2026-01").rows.keys()
        == trace(january.enterprise, ENERGY, "2026-01").rows.keys()
    )


def test_the_readings_shown_are_those_that_were_counted(january: World) -> None:
    found = trace(january.enterprise, ENERGY, "2026-01", "SH-P01", everything=True)
    # 7.5 kWh end at 00:15 on Jan 3, 2.5 kWh at midnight after Jan 31
    assert [row["register"] for row in found.rows["meter_reading"]] == [7.5, 2.5]
    assert [row["quantity"] for row in found.lines if row["line"] == "meter_month"] == [10.0]


@pytest.mark.parametrize("org", ["W1", "group"])
def test_a_month_of_a_counter_shows_the_readings_that_open_and_close_it(tmp_path: Path, org: str) -> None:
    # M1 x 40 until the 15th, M2 x 80 from the 16th: (1,150 - 1,000) x 40 + (80 - 0) x 80 = 12,400 kWh
    world = World(tmp_path)
    world.write("enterprise.yaml", "id: group\nname: 集团\ntimezone: Asia/Shanghai\nlegal_entities: [LE1]\n")
    world.write("reference/site.csv", "site_id,legal_entity_id,region\nW1,LE1,CN\n")
    world.write(
        "reference/meter.csv",
        "meter_id,site_id,carrier,register_kind,unit,multiplier,supply_point_id,valid_from,valid_to\n"
        "M1,W1,electricity,cumulative,kWh,40,S,2025-01-01,2026-01-15\nM2,W1,electricity,cumulative,kWh,80,S,2026-01-16,\n",
    )
    world.write(
        "reference/meter_reading.csv",
        "meter_id,read_at,register,unit\nM1,2025-12-31 23:00:00,990,kWh\nM1,2026-01-01 00:00:00,1000,kWh\n"
        "M1,2026-01-16 00:00:00,1150,kWh\nM2,2026-01-16 00:00:00,0,kWh\nM2,2026-02-01 00:00:00,80,kWh\nM2,2026-02-01 01:00:00,81,kWh\n",
    )
    again(world)
    found = trace(world.enterprise, "M011", "2026-01", org, everything=True)
    assert [row["quantity"] for row in found.lines if row["line"] == "meter_month"] == [6000, 6400]
    assert [row["register"] for row in found.rows["meter_reading"]] == [1000, 1150, 0, 80]


def test_an_original_line_is_the_line_of_the_source_file(january: World) -> None:
    found = trace(january.enterprise, ENERGY, "2026-01", everything=True)
    rows = [row for rows in found.rows.values() for row in rows]
    assert {row["source"] for row in rows} == {"ami", "hand", "revenue"}
    for row in rows:
        source = {"ami": "readings", "hand": "by hand", "revenue": "revenue"}[row["source"]]
        lines = list(
            csv.reader((january.folder / "extracts" / source / "2026-01.csv").read_text(encoding="utf-8").splitlines())
        )
        pairs = zip(lines[0], lines[row["row_number"] - 1], strict=True)
        assert row["original"] == " | ".join(f"{name}={value}" for name, value in pairs if value)


def test_only_the_first_twenty_lines_are_shown_unless_all_are_asked_for(january: World) -> None:
    few, every = (trace(january.enterprise, ENERGY, "2026-01", everything=all_of_them) for all_of_them in (False, True))
    assert len(few.rows["meter_reading"]) == 20
    assert len(every.rows["meter_reading"]) == few.total["meter_reading"] == every.total["meter_reading"] > 20


def test_extracts_are_named_with_what_they_gave(january: World) -> None:
    found = trace(january.enterprise, ENERGY, "2026-01")
    assert {row["source"]: row["rows_used"] for row in found.extracts if row["contract"] == "revenue_posting"} == {
        "revenue": 2
    }
    assert (
        sum(row["rows_used"] for row in found.extracts if row["contract"] == "meter_reading")
        == found.total["meter_reading"]
    )


def test_a_posting_of_no_site_stands_behind_the_entity_and_no_site(group: World) -> None:
    group.deliver(
        "revenue/2026-01.csv",
        "凭证号,日期,场所,金额",
        "a,2026-01-05,SH-W01,100000",
        "b,2026-01-06,SH-P01,50000",
        "c,2026-01-07,,20000",
    )
    again(group)
    shown = {
        org: [row["document_id"] for row in trace(group.enterprise, ENERGY, "2026-01", org).rows["revenue_posting"]]
        for org in ("group", "LE1", "SH-W01")
    }
    assert shown == {"group": ["a", "b", "c"], "LE1": ["a", "b", "c"], "SH-W01": ["a"]}
    for org in ("group", "LE1"):
        found = trace(group.enterprise, ENERGY, "2026-01", org)
        assert (
            found.values[0]["denominator"]
            == pytest.approx(17)
            == pytest.approx(added(found, *terms(group, ENERGY)["denominator"]))
        )


def test_a_complaint_without_a_site_is_shown_for_the_enterprise_only(group: World) -> None:
    group.deliver("complaints/2026-01.csv", "id,site,received", "C1,SH-W01,2026-01-11 09:00", "C2,,2026-01-12 09:00")
    again(group)
    counts = {org: trace(group.enterprise, "M091", "2026-01", org).total["complaint"] for org in ("group", "SH-W01")}
    assert counts == {"group": 2, "SH-W01": 1}
