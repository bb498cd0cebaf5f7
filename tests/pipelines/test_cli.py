"""The `esg` command: what it answers, with which exit code, and what it leaves alone."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import openpyxl
import pytest
from rich.cells import cell_len
from rich.console import Console

from pipelines import show
from pipelines.cli import _period, main
from pipelines.run import locked
from pipelines.status import status
from tests.pipelines.town import ENVIRONMENT, ROOT, SOURCES, Said, esg, fresh, town
from tests.world import World

COMMANDS = (
    "init",
    "check",
    "try",
    "run",
    "status",
    "quarantine",
    "diff",
    "trace",
    "close",
    "reopen",
    "restate",
    "evaluate",
    "report",
    "inventory",
    "panel",
    "sql",
    "docs",
)
Capture = pytest.CaptureFixture[str]


def _alone(*arguments: str, capture: Capture) -> Said:
    """A command line as it stands."""
    capture.readouterr()
    try:
        code = main(list(arguments))
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    said = capture.readouterr()
    return Said(code, said.out, said.err)


# --- usage


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_shows_an_example(command: str, capsys: Capture) -> None:
    said = _alone(command, "--help", capture=capsys)
    assert said.code == 0
    assert f"example / 示例:\n  esg {command if command != 'check' else '--enterprise acme check'}" in said.out


def test_the_help_names_every_command(capsys: Capture) -> None:
    said = _alone("--help", capture=capsys)
    assert [command for command in COMMANDS if f"\n    {command} " not in said.out] == []


@pytest.mark.parametrize("arguments", [
    (), ("fly",), ("run",), ("run", "--month", "2026-13"), ("run", "--month", "January"), ("run", "--month", "2026-02", "--to", "2026-01"),
    ("run", "--month", "2026-01", "--to", "26-02"), ("try",), ("try", "ami", "2026-1"), ("trace", "A.1.6"), ("trace", "A.1.6", "2026-00"),
    ("evaluate",), ("evaluate", "last year"), ("report",), ("report", "2026-01..26"), ("report", "2026-05..2026-02"), ("inventory",), ("inventory", "2026", "--lang", "fr"), ("sql",), ("sql", "select 1", "--format", "xml"),
    ("quarantine", "--export", "a.xlsx", "--resubmit", "a.xlsx"),
], ids=" ".join)  # fmt: skip
def test_a_wrong_command_line_is_usage(arguments: tuple[str, ...], january: World, capsys: Capture) -> None:
    said = esg(january, *arguments, capture=capsys)
    assert said.code == 2
    assert said.err or not arguments
    assert "Traceback" not in said.err


@pytest.mark.parametrize("query", ["", " ", ";", "-- only said"])
def test_an_empty_query_says_so(query: str, january: World, capsys: Capture) -> None:
    said = esg(january, "sql", query, capture=capsys)
    assert said.code == 1
    assert "the query is empty" in said.err


def test_no_enterprise_at_all_is_usage(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.delenv("ESG_ENTERPRISE", raising=False)
    said = _alone("status", capture=capsys)
    assert said.code == 2
    assert "--enterprise DIR or set ESG_ENTERPRISE" in said.err


def test_the_enterprise_stands_before_or_after_the_command_or_in_the_environment(
    january: World, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = str(january.folder)
    ways = [("--enterprise", folder, "check"), ("check", "--enterprise", folder)]
    answers = {_alone(*way, capture=capsys) for way in ways}
    monkeypatch.setenv("ESG_ENTERPRISE", folder)
    answers.add(_alone("check", capture=capsys))
    [said] = answers
    assert said.code == 0
    assert "9 sources" in said.out


def test_a_folder_that_is_not_there_is_named(capsys: Capture) -> None:
    said = _alone("--enterprise", "/not/there", "status", capture=capsys)
    assert said.code == 1
    assert "/not/there" in said.err


@pytest.mark.parametrize(
    "arguments",
    [("sql", "select 1"), ("trace", "A.1.6", "2026-01"), ("report", "2026"), ("inventory", "2026"), ("diff",)],
    ids=" ".join,
)
def test_what_needs_a_published_file_says_so_where_there_is_none(
    arguments: tuple[str, ...], tmp_path: Path, capsys: Capture
) -> None:
    said = esg(town(tmp_path), *arguments, capture=capsys)
    assert said.code == 1
    assert "nothing is published yet" in said.err
    assert "esg run" in said.err


# --- looking on


def test_trying_a_source_writes_nothing(group: World, capsys: Capture) -> None:
    before = group.hashes(".")
    said = esg(group, "try", "ami", "2026-02", capture=capsys)
    assert said.code == 0
    assert "readings/2026-02.csv" in said.out
    assert "E-9999" in said.out  # an unknown meter, refused
    assert group.hashes(".") == before


def test_trying_a_bad_file_fails_and_writes_nothing(group: World, capsys: Capture) -> None:
    group.deliver("revenue/2026-02.csv", "凭证号,日期", "1,2026-02-01")
    before = group.hashes(".")
    said = esg(group, "try", "revenue", "2026-02", capture=capsys)
    assert said.code == 1
    assert "missing column" in said.err
    assert group.hashes(".") == before


def test_trying_beside_a_reference_that_fails_says_so(group: World, capsys: Capture) -> None:
    group.write("reference/meter.csv", "")
    said = esg(group, "try", "ami", "2026-02", capture=capsys)
    assert said.code == 1
    assert "reference_meter" in said.err


def test_trying_says_that_rows_of_a_reference_it_looks_up_are_refused(group: World, capsys: Capture) -> None:
    register = group.folder / "reference/meter.csv"
    text = register.read_text(encoding="utf-8")
    assert "reference_meter" not in esg(group, "try", "ami", "2026-02", capture=capsys).out
    register.write_text(text.replace("electricity", "elektricity"), encoding="utf-8")
    said = esg(group, "try", "ami", "2026-02", capture=capsys)
    assert "esg try reference_meter" in said.out
    assert "reference_meter" not in esg(group, "try", "revenue", "2026-01", capture=capsys).out  # it looks up no meter


def test_trying_an_unknown_source_names_those_there_are(january: World, capsys: Capture) -> None:
    said = esg(january, "try", "sap", capture=capsys)
    assert said.code == 1
    assert "ami" in said.err


def test_a_month_is_late_once_its_day_has_passed(january: World) -> None:
    """`ami` is expected by the 5th; January has arrived, February has not."""
    late = {
        day: {row["source"]: row["late"] for row in status(january.enterprise, date(2026, 3, day))} for day in (5, 6)
    }
    assert late[5]["ami"] == []
    assert late[6]["ami"] == ["2026-02"]
    assert late[6]["revenue"] == []  # nobody said when it is due


def test_status_shows_a_broken_declaration_among_the_others(group: World, capsys: Capture) -> None:
    group.write("sources/revenue.yaml", "contract: [\n")
    said = esg(group, "status", capture=capsys)
    assert said.code == 1
    assert "revenue.yaml" in said.err
    assert "complaints" in said.out


@pytest.mark.parametrize("width", [80, 100])
def test_status_breaks_neither_months_nor_owners_into_lines(january: World, width: int) -> None:
    year = [f"2026-{month:02d}" for month in range(1, 13)]
    row = {"source": "erp_revenue_plant", "owner": "operations@demo.example", "arrived": year[:1] + year[8:], "late": year[1:8],
           "accepted": 41_000_078, "refused": 12_345, "error": None}  # fmt: skip
    out = io.StringIO()
    show.status(Console(file=out, width=width), january.enterprise, [row])
    assert max(map(cell_len, out.getvalue().splitlines())) <= width
    whole = (row["source"], row["owner"], "2026-01 … 2026-12 (5)", "2026-02 … 2026-08 (7)", "41,000,078")
    assert [text for text in whole if str(text) not in out.getvalue()] == []


def test_check_names_the_declaration_that_does_not_fit(group: World, capsys: Capture) -> None:
    group.write("sources/revenue.yaml", "contract: invoice\nread: {as: csv, files: x}\n")
    said = esg(group, "check", capture=capsys)
    assert said.code == 1
    assert "revenue.yaml" in said.err


def test_rows_too_wide_for_the_terminal_stand_in_blocks_and_no_rows_are_said(january: World, capsys: Capture) -> None:
    wide = "select 'a' as name, repeat('长', 60) as 说明, " + ", ".join(f"'{'x' * 20}' as c{n}" for n in range(8))
    lines = esg(january, "sql", wide, capture=capsys).out.splitlines()
    assert lines[0].startswith("─ 1 ──")
    assert lines[1].split() == ["name", "a"]
    assert lines[2].startswith("说明 长")
    assert "".join(lines[2:4]).count("长") == 60  # in two lines of at most 75 cells
    none = esg(january, "sql", "select * from indicator.value where false", capture=capsys).out
    assert "is_chosen: no rows" in none


@pytest.mark.parametrize("arguments", [("run", "--month", "2026-01"), ("status",), ("quarantine",), ("try", "ami", "2026-02"), ("diff",),
                                       ("trace", "A.1.6", "2026-01"), ("sql", "select * from indicator.value limit 3")], ids=" ".join)  # fmt: skip
def test_what_is_shown_fits_eighty_columns(arguments: tuple[str, ...], group: World, capsys: Capture) -> None:
    said = esg(group, *arguments, capture=capsys)
    assert said.code == 0
    # paths, and commands to copy, are not broken into lines
    lines = [line for line in said.out.splitlines() if str(group.folder) not in line and "#" not in line]
    assert lines
    assert [line for line in lines if cell_len(line) > 80] == []


# --- quarantine, and what changed


def _refused(said: Said) -> list[str]:
    return [line.split()[0] for line in said.out.splitlines() if line.strip() and line.split()[0] in SOURCES]


def test_quarantine_lists_by_source_and_month(january: World, capsys: Capture) -> None:
    assert sorted(_refused(esg(january, "quarantine", capture=capsys))) == ["ami", "complaints", "revenue"]
    assert _refused(esg(january, "quarantine", "--source", "revenue", capture=capsys)) == ["revenue"]
    assert "nothing is refused" in esg(january, "quarantine", "--month", "2025-12", capture=capsys).out


def test_a_corrected_row_comes_back_and_the_figures_it_changes_name_it(
    group: World, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "refused.xlsx"
    said = esg(group, "quarantine", "--source", "revenue", "--export", str(out), capture=capsys)
    assert said.code == 0
    assert f"quarantine --resubmit {out} --enterprise {group.folder}\n" in said.out
    said = esg(group, "quarantine", "--resubmit", str(out), capture=capsys)
    assert (said.code, "no row was corrected" in said.out) == (0, True)
    book = openpyxl.load_workbook(out)
    head = [cell.value for cell in book["revenue"][1]]
    book["revenue"].cell(2, head.index("金额") + 1).value = "30000"
    book.save(out)
    said = esg(group, "quarantine", "--resubmit", str(out), capture=capsys)
    assert said.code == 0
    assert f"run --month … --enterprise {group.folder}\n" in said.out
    assert esg(group, "run", "--month", "2026-01", capture=capsys).code == 0
    assert "revenue" not in _refused(esg(group, "quarantine", capture=capsys))
    said = esg(group, "diff", capture=capsys)
    assert said.code == 0
    assert "revenue: resubmitted/refused.xlsx" in said.out.replace("\n", "")


def test_the_same_workbook_again_says_when_and_as_what_it_was_handed_in(
    group: World, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "refused.xlsx"
    esg(group, "quarantine", "--source", "revenue", "--export", str(out), capture=capsys)
    book = openpyxl.load_workbook(out)
    head = [cell.value for cell in book["revenue"][1]]
    book["revenue"].cell(2, head.index("金额") + 1).value = "30000"
    book.save(out)
    assert "revenue: 1 rows, 1 accepted" in esg(group, "quarantine", "--resubmit", str(out), capture=capsys).out
    said = esg(group, "quarantine", "--resubmit", str(out), capture=capsys)
    [entry] = [one for one in group.enterprise.lake.extracts(source="revenue") if "corrects" in one]
    assert said.code == 0
    assert "revenue: these rows were handed in already" in said.out
    assert f"{entry['received_at']} resubmitted/refused.xlsx ({entry['sha256'][:12]})" in said.out
    assert "0 rows" not in said.out


def test_where_reasons_are_left_out_the_command_that_shows_them_is_named(
    january: World, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(show, "_MOST", 1)
    said = esg(january, "quarantine", capture=capsys)
    assert "more reasons" in said.out
    assert f"quarantine --enterprise {january.folder}\n" in said.out


def test_a_run_names_the_figures_somebody_ought_to_look_at(group: World, capsys: Capture) -> None:
    # 1 + 1 = 2, printed as 5
    figures = ["total,5,", "part,1,total", "other,1,total"]
    rows = [f"{one},Acme,scope 1,2026,tCO2e,Report" for one in figures]
    head = "figure_id,printed,parent_id,subject,label,period,unit,document"
    group.write("reference/reported_figure.csv", "\n".join([head, *rows]) + "\n")
    said = esg(group, "run", "--month", "2026-01", capture=capsys)
    assert "1 row to look at / 需查看: " in said.out
    query = "select * from mart.figure_check where verdict = 'off'"
    assert f'sql "{query}"' in said.out
    assert "which gives 2" in esg(group, "sql", query, capture=capsys).out.replace("\n", " ")


def test_a_workbook_that_is_none_of_ours_is_refused(group: World, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "mine.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append(["1", "2"])
    book.save(path)
    said = esg(group, "quarantine", "--resubmit", str(path), capture=capsys)
    assert said.code == 1
    assert "mine.xlsx" in said.err


def test_diff_names_the_extract_that_changed_a_figure(group: World, capsys: Capture) -> None:
    assert "no figure changed" in esg(group, "diff", capture=capsys).out
    group.deliver("complaints/2026-01.csv", "id,site,received", *(f"C{n},SH-W01,2026-01-11 09:00" for n in range(3)))
    path = group.deliver(
        "revenue/2026-01.csv",
        "凭证号,日期,场所,金额",
        "2026-01-1,2026-01-05,SH-W01,150000",
        "2026-01-2,2026-01-06,SH-P01,50000",
    )
    assert esg(group, "run", "--month", "2026-01", capture=capsys).code == 0
    said = esg(group, "diff", "--enterprise", str(group.folder), capture=capsys)
    sha = group.enterprise.lake.extracts(source="revenue")[0]["sha256"]
    assert f"revenue: {path.relative_to(group.folder / 'extracts').as_posix()} ({sha[:12]})" in said.out.replace(
        "\n", ""
    )
    with duckdb.connect(str(group.enterprise.published), read_only=True) as connection:
        changed = connection.execute(
            "select indicator_id, old_value, new_value, cause_extracts from meta.figure_change where period = '2026-01' and org_id = 'group'"
        ).fetchall()
    # energy: (270 + 10) kWh of 0.1229 kgce = 0.034412 tce; revenue: 100,000 + 50,000 before, 150,000 + 50,000 CNY now
    [(old, new, cause)] = [row[1:] for row in changed if row[0] == "A.1.10"]
    assert old == pytest.approx(0.034412 / 15)
    assert new == pytest.approx(0.034412 / 20)
    assert "complaints" not in cause


# --- sql


TEXTS = "select '=1+1' as a, '-5' as b, -5 as c, '@x' as d, '+1' as e, 'x' as f, null as g, 2.50 as h"


def test_csv_keeps_numbers_and_makes_formulas_inert(january: World, capsys: Capture) -> None:
    said = esg(january, "sql", TEXTS, "--format", "csv", capture=capsys)
    head, row = csv.reader(io.StringIO(said.out))
    assert head == list("abcdefgh")
    assert row == ["'=1+1", "'-5", "-5", "'@x", "'+1", "x", "", "2.50"]


def test_json_holds_one_object_per_row(january: World, capsys: Capture) -> None:
    said = esg(
        january, "sql", "select site_id, name from reference.site order by 1", "--format", "json", capture=capsys
    )
    assert json.loads(said.out) == [
        {"site_id": "SH-P01", "name": "上海工厂"},
        {"site_id": "SH-W01", "name": "上海一号仓"},
    ]


def test_a_table_shows_texts_as_they_are(january: World, capsys: Capture) -> None:
    said = esg(january, "sql", "select '[red]x[/] :smile: [/y]' as a", capture=capsys)
    assert said.code == 0
    assert "[red]x[/] :smile: [/y]" in said.out


def test_a_row_too_wide_for_the_terminal_is_shown_as_a_block(january: World, capsys: Capture) -> None:
    said = esg(january, "sql", "select * from indicator.value where indicator_id = 'A.1.6' limit 1", capture=capsys)
    assert "\nindicator_id     A.1.6" in said.out


def test_a_wrong_query_fails_and_says_why(january: World, capsys: Capture) -> None:
    said = esg(january, "sql", "select * from indicator.vale", capture=capsys)
    assert said.code == 1
    assert len(said.err.strip().splitlines()) <= 6
    assert "vale does not exist" in said.err


def test_nothing_heavy_is_imported_to_answer_a_query(january: World) -> None:
    tell = """
import atexit, sys
heavy = {"pandas", "polars", "pandera", "dagster", "sqlalchemy", "pint", "pydantic"}
atexit.register(lambda: print("heavy:", sorted(heavy & set(sys.modules)), file=sys.stderr))
"""
    for form in ("table", "csv", "json"):
        said = fresh(january, "sql", "select count(*) as n from clean.meter_reading", "--format", form, first=tell)
        assert (said.code, said.err) == (0, "heavy: []\n")


def test_instants_are_shown_in_utc_wherever_the_machine_stands(january: World) -> None:
    """08:00 of the first of January in Shanghai."""
    query = "select min(read_at) as first from clean.meter_reading"
    for zone in ("America/New_York", "Asia/Shanghai"):
        assert fresh(january, "sql", query, "--format", "csv", TZ=zone).out == "first\n2026-01-01 00:00:00+00:00\n"


def test_a_reader_that_stops_reading_is_no_failure(january: World) -> None:
    command = f'"{sys.executable}" -m pipelines.cli --enterprise "{january.folder}" sql "select * from range(200000)" --format csv | head -2'
    done = subprocess.run(  # noqa: S602 - a pipe is what this is about
        command, shell=True, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "range\n0\n", "")


# --- trace, report, and two at once


def test_trace_goes_down_to_the_original_lines(january: World, capsys: Capture) -> None:
    said = esg(january, "trace", "A.1.6", "2026-01", capture=capsys)
    assert said.code == 0
    assert "revenue/2026-01.csv #2: 凭证号=2026-01-1" in said.out
    assert "mart.site_month_revenue" in said.out


def test_trace_of_what_is_not_there_says_how_to_find_what_is(january: World, capsys: Capture) -> None:
    said = esg(january, "trace", "A.9.9", "2026-01", capture=capsys)
    assert said.code == 1
    assert "from indicator.catalogue" in said.err


@pytest.mark.parametrize("period", ["2031", "2031-01"])
@pytest.mark.parametrize("command", [("trace", "A.1.6"), ("report",), ("evaluate",), ("inventory",)], ids=" ".join)
def test_what_is_asked_of_a_period_of_which_nothing_is_there_says_how_to_run_it(
    command: tuple[str, ...], period: str, group: World, capsys: Capture
) -> None:
    said = esg(group, *command, period, capture=capsys)
    assert said.code == 1
    assert period in said.err
    assert "esg run --month" in said.err


def test_an_evaluation_says_what_lacks_and_what_to_do_next(group: World, capsys: Capture) -> None:
    said = esg(group, "evaluate", "2026", capture=capsys)
    assert said.code == 0
    assert "withheld" in said.out
    assert "missing / 缺失 44: A.1.1 … A.3.11 (44): not scored by experts" in " ".join(said.out.split())
    assert "score.contribution" in said.out
    assert max(map(cell_len, said.out.splitlines()[:12])) <= 80
    for period, why in (("2031", "there are no values of it /"), ("2026-01", "it is no year /")):
        said = esg(group, "evaluate", period, capture=capsys)
        assert (said.code, f"{period} cannot be evaluated: {why}" in said.err) == (1, True)


def test_report_tells_where_it_is(group: World, capsys: Capture) -> None:
    said = esg(group, "report", "2026", capture=capsys)
    assert said.code == 0
    path = group.folder / "data/reports/2026/report.zh.html"
    assert str(path) in said.out
    assert "集团" in path.read_text(encoding="utf-8")
    for name in ("report.en.html", "report.zh.docx", "report.en.docx", "report.json"):
        assert str(path.with_name(name)) in said.out
        assert path.with_name(name).stat().st_size > 0
    assert esg(group, "report", "2031", capture=capsys).code == 1


def test_without_a_font_the_report_names_the_package_and_no_stale_pdf_stays(
    group: World, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("indicators.report.document.chinese_font", lambda: None)
    path = group.folder / "data/reports/2026/report.zh.pdf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"of yesterday")
    said = esg(group, "report", "2026", capture=capsys)
    assert said.code == 0
    assert "fonts-noto-cjk" in said.out
    assert not path.exists()
    assert path.with_suffix(".html").exists()
    assert path.with_suffix(".docx").exists()


def test_the_inventory_tells_where_it_is_and_which_font_the_pdf_lacks(
    group: World, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("indicators.report.document.chinese_font", lambda: None)
    said = esg(group, "inventory", "2026-01", capture=capsys)
    assert said.code == 0
    path = group.folder / "data/reports/2026-01/inventory.zh.html"
    assert str(path) in said.out
    assert "fonts-noto-cjk" in said.out
    assert "没有中文字体" in said.out
    assert not path.with_suffix(".pdf").exists()
    assert "温室气体排放清单报告" in path.read_text(encoding="utf-8")
    assert esg(group, "inventory", "2031", capture=capsys).code == 1


def test_a_second_run_waits_and_says_so(group: World) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "--enterprise", str(group.folder), "run", "--month", "2026-01"]
    with locked(group.enterprise):
        second = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, text=True,  # noqa: S603
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        assert second.stderr is not None
        assert "another run holds this enterprise folder" in second.stderr.readline()
        assert second.poll() is None
    out, _ = second.communicate(timeout=120)
    assert second.returncode == 0
    assert "published / 已发布" in out


def test_a_new_folder_passes_its_check(tmp_path: Path, capsys: Capture) -> None:
    folder = str(tmp_path / "acme")
    assert _alone("init", folder, capture=capsys).code == 0
    assert _alone("--enterprise", folder, "check", capture=capsys).code == 0
    again = _alone("init", folder, capture=capsys)
    assert again.code == 1
    assert "not empty" in again.err


@pytest.mark.parametrize(
    ("written", "period"), [("2026-01..2026-12", "2026"), ("2025-07..2026-06", "2025-07..2026-06"), ("2026", "2026")]
)
def test_twelve_months_of_one_year_are_that_year(written: str, period: str) -> None:
    assert _period(written) == period
