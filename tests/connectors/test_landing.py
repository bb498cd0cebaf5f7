"""The archive: bytes kept as received, and nothing that names a person ever at rest under `data/`."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from connectors import landing
from tests.world import TRIPS, World, make

STAFF = """\
contract: employee_month
personal: [姓名, 备注]
read: {as: csv, files: "hr/{month}.csv"}
columns:
  employee_key: {from: 工号}
  month: {from: 月份}
  site_id: {from: 站点}
  worker_type: {from: 用工, map: {合同: own}}
  is_employed_at_end: {from: 在职}
"""
HEAD = "工号,姓名,手机,E-mail,出生日期,身份证号,月份,站点,用工,在职,备注,说明"
# what must be found nowhere; the last two stand in a text that is not declared personal
SECRETS = (
    "A-4711", "张三丰", "13912345678", "zhang@example.com", "1980-03-04", "31010119800304123X", "嘴角有痣", "13800138000", "li@corp.cn",
)  # fmt: skip
ZHANG = "A-4711,张三丰,13912345678,zhang@example.com,1980-03-04,31010119800304123X,2026-01,SH-W01,合同,是,嘴角有痣,电13800138000或li@corp.cn"


@pytest.fixture
def staff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The small enterprise with a roll of staff, and a key for pseudonyms."""
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "test key")
    return make(tmp_path / "group", [("hr", STAFF)])


def _at_rest(world: World) -> str:
    """Everything that rests under `data/`, Parquet decoded, names of files included."""
    found = []
    for path in sorted((world.folder / "data").rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        found += [path.name, content.decode("utf-8", "replace")]
        if content.startswith(b"PAR1"):
            frame = pl.read_parquet(path, hive_partitioning=False)
            found += [*frame.columns, *(json.dumps(row, ensure_ascii=False, default=str) for row in frame.iter_rows())]
    return "\n".join(found)


def _found(world: World) -> list[str]:
    rest = _at_rest(world)
    assert rest
    return [secret for secret in SECRETS if secret in rest]


def test_no_person_is_named_anywhere_at_rest(staff: World) -> None:
    # one row passes, one is refused (its text rests too), one has a field too many, so that names may have shifted
    staff.deliver(
        "hr/2026-01.csv", HEAD, ZHANG, ZHANG.replace("SH-W01", "nowhere"), ZHANG.replace("张三丰", "张三丰,又名")
    )
    outcome = staff.ingest()["hr"]
    assert (outcome.total("accepted"), outcome.total("refused")) == (1, 2)
    assert _found(staff) == []


def test_the_manifest_keeps_size_and_sha256_of_what_was_received(staff: World) -> None:
    path = staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    entry = staff.ingest()["hr"].extracts[0]
    assert entry["size"] == path.stat().st_size
    assert not (staff.folder / "data/landing" / entry["sha256"]).exists()


def test_the_manifest_says_what_came_when_and_how_many_rows_were_read(staff: World) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    head, row = "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1"
    path = staff.deliver("trips/1.csv", head, row, row, "T2,nobody's,2026-01-05 08:00,10,1")
    outcome = staff.ingest()["tms"]
    assert [outcome.total(kind) for kind in ("accepted", "refused", "duplicates")] == [1, 1, 1]
    manifest = staff.folder / "data/landing" / f"{outcome.extracts[0]['sha256']}.tms.json"
    said, written = json.loads(manifest.read_text()), manifest.stat().st_mtime_ns
    assert (said["source"], said["name"], said["size"], said["rows"]) == (
        "tms",
        "trips/1.csv",
        path.stat().st_size,
        3,
    )
    assert datetime.fromisoformat(said["received_at"]).tzinfo is not None
    staff.ingest()
    assert manifest.stat().st_mtime_ns == written


def test_a_lost_manifest_stops_nobody_and_comes_again_with_the_file(staff: World) -> None:
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    entry = staff.ingest()["hr"].extracts[0]
    manifest = staff.folder / "data/landing" / f"{entry['sha256']}.hr.json"
    manifest.unlink()
    landing.note_rows(entry, manifest.parent)
    assert not manifest.exists()
    staff.ingest()
    assert json.loads(manifest.read_text())["sha256"] == entry["sha256"]


def test_personal_rows_of_a_workbook_rest_without_names(staff: World) -> None:
    staff.write(
        "sources/hr.yaml",
        STAFF.replace('{as: csv, files: "hr/{month}.csv"}', '{as: excel, files: "hr/{month}.xlsx", sheet: S}'),
    )
    path = staff.folder / "extracts/hr/2026-01.xlsx"
    path.parent.mkdir(parents=True)
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        sheet.write_row(0, 0, HEAD.split(","))
        sheet.write_row(1, 0, ZHANG.split(","))
    assert staff.ingest()["hr"].total("accepted") == 1
    assert _found(staff) == []


def test_personal_rows_of_a_database_rest_without_names(staff: World) -> None:
    staff.write(
        "sources/hr.yaml",
        STAFF.replace('{as: csv, files: "hr/{month}.csv"}', "{as: sql, url: 'sqlite:///hr.sqlite', table: staff}"),
    )
    (staff.folder / "extracts").mkdir()
    with sqlite3.connect(staff.folder / "extracts/hr.sqlite") as connection:
        columns = ", ".join(f'"{name}" text' for name in HEAD.split(","))
        connection.execute(f"create table staff ({columns})")
        connection.execute(f"insert into staff values ({', '.join('?' * 12)})", ZHANG.split(","))
    connection.close()
    assert staff.ingest()["hr"].total("accepted") == 1
    assert _found(staff) == []


def test_personal_columns_of_a_source_without_employees_do_not_rest(staff: World) -> None:
    staff.write("sources/tms.yaml", TRIPS + "personal: [司机]\n")
    staff.deliver(
        "trips/1.csv", "no,plate,start,km,empty,司机", "T1,沪A12345,2026-01-05 08:00,10,1,张三丰", "T2,x,x,10,1,张三丰"
    )
    assert staff.ingest()["tms"].total("accepted") == 1
    assert _found(staff) == []


def test_one_person_has_one_pseudonym_in_all_sources_however_the_number_is_typed(staff: World) -> None:
    staff.write(
        "sources/clock.yaml",
        'contract: attendance_day\nread: {as: csv, files: "clock/{month}.csv"}\n'
        "columns: {employee_key: {from: id}, work_date: {from: day}, site_id: {from: site}, worked_h: {from: h}}\n",
    )
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    staff.deliver(
        "clock/2026-01.csv",
        "id,day,site,h",
        " A-4711 ,2026-01-05,SH-W01,8",
        "\uff21-4711,2026-01-06,SH-W01,8",
        "A-4712,2026-01-06,SH-W01,8",
    )
    staff.ingest()
    (roll,) = staff.clean("employee_month")["employee_key"]
    keys = [key for key, _ in staff.values("attendance_day", "employee_key", "work_date")]
    assert keys.count(roll) == 2
    assert len(set(keys)) == 2
    assert len(roll) == 32


@pytest.mark.parametrize("key", [None, ""])
def test_without_the_key_the_source_fails_by_name_and_only_it(
    staff: World, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.delenv("ESG_PSEUDONYM_KEY")
    if key is not None:
        monkeypatch.setenv("ESG_PSEUDONYM_KEY", key)
    staff.write("sources/tms.yaml", TRIPS)
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    staff.deliver("trips/1.csv", "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1")
    outcomes = staff.attempt()
    assert "ESG_PSEUDONYM_KEY" in str(outcomes["hr"].error)
    assert "hr" in str(outcomes["hr"].error)
    assert outcomes["tms"].error is None
    assert _found(staff) == []


def test_a_personal_column_that_is_not_in_the_file_fails_by_name(staff: World) -> None:
    staff.deliver("hr/2026-01.csv", HEAD.replace("备注", "附注"), ZHANG)
    assert "备注" in str(staff.attempt()["hr"].error)
    assert not list((staff.folder / "data/landing").glob("*.hr.*"))


def test_an_employee_key_that_only_prepare_makes_is_refused(staff: World) -> None:
    staff.write("sources/hr.yaml", STAFF.replace("employee_key: {from: 工号}", "employee_key: {from: key}"))
    staff.write("sources/hr.py", 'def prepare(raw):\n    return raw.assign(key=raw["工号"])\n')
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    assert "the column of employee_key is not in the file" in str(staff.attempt()["hr"].error)
    assert not list((staff.folder / "data/landing").glob("*.hr.*"))


def test_what_is_declared_personal_later_leaves_the_archive(staff: World) -> None:
    staff.write("sources/hr.yaml", STAFF.replace("[姓名, 备注]", "[姓名]"))
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG, ZHANG.replace("SH-W01", "nowhere"))
    staff.ingest()
    assert _found(staff) == ["嘴角有痣"]
    staff.write("sources/hr.yaml", STAFF)
    staff.ingest()
    assert _found(staff) == []


def test_a_source_declared_personal_later_leaves_no_bytes_as_received(staff: World) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    staff.deliver("trips/1.csv", "no,plate,start,km,empty,司机", "T1,沪A12345,2026-01-05 08:00,10,1,张三丰")
    staff.ingest()
    assert _found(staff) == ["张三丰"]
    staff.write("sources/tms.yaml", TRIPS + "personal: [司机]\n")
    staff.ingest()
    assert _found(staff) == []
    assert staff.values("trip", "trip_id") == [("T1",)]


def test_a_key_that_is_mapped_to_another_column_never_rests_as_typed(staff: World) -> None:
    head, row = "号,工号,月份,站点,用工,在职,姓名,备注", "A-4711,B-1,2026-01,SH-W01,合同,是,张三丰,嘴角有痣"
    staff.deliver("hr/2026-01.csv", head, row)
    staff.ingest()
    staff.write("sources/hr.yaml", STAFF.replace("{from: 工号}", "{from: 号}"))
    staff.ingest()
    assert _found(staff) == []
    assert staff.clean("employee_month").height == 1


# eighteen digits of an identity card, shortened by a spreadsheet, must not rest either
@pytest.mark.parametrize(
    ("text", "code"), [("-", "placeholder"), ("#N/A", "cell_in_error"), ("3.10101E+17", "lost_digits")]
)
def test_what_is_no_number_of_anybody_is_no_person(staff: World, text: str, code: str) -> None:
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG, ZHANG.replace("A-4711", text))
    staff.ingest()
    assert staff.clean("employee_month").height == 1
    assert staff.refused("employee_month") == [(3, [f"employee_key: {code}"])]
    assert "3.10101" not in _at_rest(staff)


def test_a_line_of_totals_is_no_person(staff: World) -> None:
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG, *(ZHANG.replace("A-4711", text) for text in ("张三丰 合计", "Total")))
    staff.ingest()
    assert staff.clean("employee_month").height == 1
    assert staff.refused("employee_month") == [(3, ["employee_key: total_row"]), (4, ["employee_key: total_row"])]
    assert _found(staff) == []


@pytest.mark.parametrize("files", ["hr/{month}.*", "hr/{month}.xlsx"])
def test_personal_rows_that_came_in_another_form_before_stay(staff: World, files: str) -> None:
    staff.write("sources/hr.yaml", STAFF.replace("{month}.csv", "{month}.*"))
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    staff.ingest()
    before = staff.values("employee_month", "employee_key", "month")
    staff.write("sources/hr.yaml", STAFF.replace('csv, files: "hr/{month}.csv"', f'excel, files: "{files}"'))
    with xlsxwriter.Workbook(staff.folder / "extracts/hr/2026-02.xlsx") as book:
        sheet = book.add_worksheet()
        for row, line in enumerate((HEAD, ZHANG.replace("2026-01", "2026-02"))):
            sheet.write_row(row, 0, line.split(","))
    staff.ingest("2026-01", "2026-02")
    [(key, _)] = before
    assert staff.values("employee_month", "employee_key", "month") == [(key, "2026-01"), (key, "2026-02")]
    assert _found(staff) == []


def test_another_key_makes_other_pseudonyms_of_what_is_delivered_still(
    staff: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    staff.ingest()
    before = staff.clean("employee_month")["employee_key"][0]
    monkeypatch.setenv("ESG_PSEUDONYM_KEY", "another key")
    staff.ingest()
    assert staff.clean("employee_month")["employee_key"][0] != before
    assert staff.clean("employee_month").height == 1


def test_an_empty_file_is_named_and_nothing_is_archived(staff: World) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    staff.write("extracts/trips/1.csv", b"")
    error = staff.attempt()["tms"].error
    assert "the file is empty" in str(error)
    assert "trips/1.csv" in str(error)
    assert not list((staff.folder / "data/landing").glob("*tms*"))


def test_a_file_that_changes_while_it_is_archived_is_not_taken(staff: World, monkeypatch: pytest.MonkeyPatch) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    path = staff.deliver("trips/1.csv", "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1")

    def copied_late(source: Path, target: Path) -> str:
        sha = copied(source, target)
        if source == path:
            path.write_bytes(path.read_bytes() + b"T2")
        return sha

    copied = landing._copied
    monkeypatch.setattr(landing, "_copied", copied_late)
    assert "changed while it was read" in str(staff.attempt()["tms"].error)


def test_a_file_is_only_read(staff: World) -> None:
    path = staff.deliver("hr/2026-01.csv", HEAD, ZHANG)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    staff.ingest()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert {child.name for child in staff.folder.iterdir()} == {
        "enterprise.yaml",
        "reference",
        "sources",
        "extracts",
        "data",
    }


def _aged(path: Path) -> None:
    """As if the file had been written long ago."""
    os.utime(path, ns=(10**18, 10**18))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub looks at files an hour from now, so that none has just been written."""
    now = time.time_ns
    monkeypatch.setattr(landing.time, "time_ns", lambda: now() + 3_600 * 10**9)


@pytest.mark.usefixtures("later")
def test_a_file_that_has_not_been_written_since_is_not_read_again(
    staff: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    staff.deliver("trips/1.csv", "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1")
    staff.ingest()
    monkeypatch.setattr(landing, "_copied", lambda *_: pytest.fail("it was read again"))
    staff.ingest()
    assert staff.clean("trip")["trip_id"].to_list() == ["T1"]


@pytest.mark.usefixtures("later")
def test_a_file_of_the_same_size_whose_time_was_set_back_is_read_again(staff: World) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    path = staff.deliver("trips/1.csv", "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1")
    _aged(path)
    staff.ingest()
    with path.open("r+b") as file:  # the same file, the same length, the same time of change
        file.write(path.read_bytes().replace(b"T1", b"T2"))
    _aged(path)
    staff.ingest()
    assert staff.clean("trip")["trip_id"].to_list() == ["T2"]


def test_a_file_written_a_moment_ago_is_read_again(staff: World) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    staff.deliver("trips/1.csv", "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1")
    staff.ingest()
    assert not any("trips" in name for name in staff.enterprise.lake.state["seen"])


def test_a_file_written_before_a_long_reading_of_it_is_read_again(
    staff: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    staff.deliver("trips/1.csv", "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1")
    now, copied = time.time_ns, landing._copied

    def slowly(path: Path, target: Path) -> str:
        monkeypatch.setattr(landing.time, "time_ns", lambda: now() + 3_600 * 10**9)
        return copied(path, target)

    monkeypatch.setattr(landing, "_copied", slowly)
    staff.ingest(only={"tms"})
    assert not any("trips" in name for name in staff.enterprise.lake.state["seen"])


@pytest.mark.usefixtures("later")
def test_a_file_that_is_gone_is_forgotten(staff: World) -> None:
    head = "no,plate,start,km,empty"
    first, other = (
        staff.deliver(f"trips/{number}.csv", head, f"T{number},沪A12345,2026-01-05 08:00,10,1") for number in (1, 2)
    )
    staff.write("sources/tms.yaml", TRIPS)
    staff.ingest()
    assert {"extracts/trips/1.csv", "extracts/trips/2.csv"} <= set(staff.enterprise.lake.state["seen"])
    first.unlink()
    staff.deliver("trips/3.csv", head, "T3,沪A12345,2026-01-06 08:00,10,1")
    staff.ingest()
    known = set(staff.enterprise.lake.state["seen"])
    assert {name for name in known if "trips" in name} == {"extracts/trips/2.csv", "extracts/trips/3.csv"}
    assert other.exists()
    assert known  # the reference tables, which are there


def test_a_file_reached_from_behind_a_link_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "far/away/group").mkdir(parents=True)
    (tmp_path / "group").symlink_to(tmp_path / "far/away/group", target_is_directory=True)
    (tmp_path / "outside.csv").write_text("x")
    files = {"../outside.csv": ["sha"], "../gone.csv": ["sha"]}
    landing.Seen(tmp_path / "group", files).forget()
    assert list(files) == ["../outside.csv"]


@pytest.mark.usefixtures("later")
def test_an_archived_file_that_is_gone_is_archived_again(staff: World) -> None:
    staff.write("sources/tms.yaml", TRIPS)
    path = staff.deliver("trips/1.csv", "no,plate,start,km,empty", "T1,沪A12345,2026-01-05 08:00,10,1")
    staff.ingest()
    archived = staff.folder / "data/landing" / landing.sha256(path)
    archived.unlink()
    staff.ingest()
    assert archived.read_bytes() == path.read_bytes()
