"""An expert's workbook: what it shows and guards, and every way in which one that comes back is refused by its cell."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.workbook import Workbook

from connectors.readers import excel
from connectors.source import panel_form
from indicators.declared import catalogue
from indicators.panel_workbook import (
    ABOUT,
    DECLARATION,
    EVIDENCE,
    GUIDE,
    HEADER,
    SCORES,
    SHEETS,
    Form,
    Material,
    about,
    read,
    write,
)
from schemas.errors import SourceError

ASKED = ["A.1.1", "A.1.4", "A.2.1"]
FORM = Form(
    org_id="demo", period="2026", round=1, profile_id="p", profile_hash="f" * 64, tree="draft-2025-a", indicators=ASKED,
    experts=["E1", "E2"], caps={"A.2.1": (3, "M065: 90 % (>= 95)")}, until=date(2027, 2, 15),
)  # fmt: skip


def piece(name: str, file: str, *, may: bool = True, serves: str = "A.1.1|A.1.4|A.2.1") -> dict[str, Any]:
    return {
        "evidence_id": name, "sha256": "0" * 64, "file": file, "period": "2026", "custodian": "安环部",
        "indicator_ids": serves, "file_state": "same" if may else "changed", "period_state": "inside",
        "is_admissible": may, "cited_for": None, "note": None,
    }  # fmt: skip


REGISTER = [piece("EV001", "panel/evidence/EV001_环境方针.pdf"), piece("EV002", "=cmd|x.pdf", may=False)]
FIGURES = {
    "M065": {"value": 90.0, "unit": "%", "state": "measured"},
    "M067": {"value": 12345.678, "unit": "h", "state": "estimated"},
}
MATERIAL = Material("演示物流集团", FIGURES, REGISTER, {("A.1.1", "E1"): "您 you: 3", ("A.1.1", ""): "全组 panel: 2–4"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A workbook, filled in as it should be."""
    path = tmp_path / "E1.xlsx"
    write(FORM, "E1", MATERIAL, path)
    return changed(path, fill)


def changed(path: Path, change: Callable[[Workbook], object]) -> Path:
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return path


def fill(book: Workbook) -> None:
    declaration, scores = book[DECLARATION], book[SCORES]
    for row in range(2, 7):
        declaration[f"B{row}"] = "否"
    declaration["B7"], declaration["B8"] = date(2027, 1, 15), "是"
    for row in (2, 3, 4):
        scores[f"I{row}"], scores[f"J{row}"], scores[f"K{row}"] = 3, "EV001", "中"


def put(sheet: str, **cells: object) -> Callable[[Workbook], None]:
    """A change of some cells."""

    def change(book: Workbook) -> None:
        for cell, value in cells.items():
            book[sheet][cell] = value

    return change


def faults(path: Path) -> list[tuple[str, str]]:
    """Cell and Chinese words of every fault."""
    return [(f"{one.sheet}!{one.cell}", one.zh) for one in read(path, FORM, "E1", REGISTER)]


# ── what it shows ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_workbook_shows_indicator_rubric_metrics_cap_and_evidence(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == list(SHEETS) == [GUIDE, DECLARATION, SCORES, EVIDENCE, ABOUT]
    sheet = book[SCORES]
    assert [cell.value for cell in sheet[1]] == list(HEADER)
    assert [sheet[f"A{row}"].value for row in (2, 3, 4)] == ASKED
    rubric = catalogue()["A.1.4"].rubric
    assert rubric is not None
    for level in range(1, 6):
        assert f"{level} {rubric.levels[level].zh}" in sheet["D3"].value
        assert f"{level} {rubric.levels[level].en}" in sheet["O3"].value
    assert "预防与预警 prevention and warning" in sheet["C3"].value
    assert "M065" in sheet["E4"].value
    assert "90 % (实测 measured)；4 级须 / level 4 needs >= 95" in sheet["E4"].value
    assert "12,346 h (估算 estimated)" in sheet["E4"].value
    assert "请企业提供 asked for: M062" in sheet["E4"].value
    assert (sheet["F3"].value, sheet["F4"].value) == ("—", 3)
    assert sheet["G2"].value == "EV001 环境方针.pdf"  # what may not be cited is not offered
    assert sheet["H2"].value == "您 you: 3\n全组 panel: 2–4"
    assert "不可引用" in book[EVIDENCE]["F3"].value


def test_only_the_cells_to_be_filled_in_can_be_changed(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    assert all(book[name].protection.sheet for name in SHEETS)
    unlocked = {
        name: {cell.coordinate for row in book[name].iter_rows() for cell in row if not cell.protection.locked}
        for name in SHEETS
    }
    assert unlocked[SCORES] == {f"{column}{row}" for column in "IJKLMN" for row in (2, 3, 4)}
    assert unlocked[DECLARATION] == {
        *(f"B{row}" for row in range(2, 9)),
        "C4",
        "C5",
        "C6",
        *(f"D{row}" for row in range(2, 7)),
    }
    assert unlocked[GUIDE] == unlocked[EVIDENCE] == unlocked[ABOUT] == set()
    assert book[ABOUT].sheet_state == "veryHidden"


def test_levels_confidence_and_conflicts_are_chosen_from_lists(path: Path) -> None:
    sheet = openpyxl.load_workbook(path)[SCORES]
    lists = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation if one.type == "list"}
    assert lists == {
        "I2:I4": '"0,1,2,3,4,5,弃权"', "K2:K4": '"低,中,高"', "M2:M4": '"受雇,受聘付费,持股,亲属,供应商或客户"',
    }  # fmt: skip
    assert sheet.freeze_panes == "C2"
    assert (sheet.print_title_rows, sheet.page_setup.orientation) == ("$1:$1", "landscape")


def test_no_text_of_the_enterprise_becomes_a_formula(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    assert {cell.data_type for name in SHEETS for row in book[name].iter_rows() for cell in row} <= {"s", "n", "d"}
    assert book[EVIDENCE]["B3"].value == "=cmd|x.pdf"


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write(FORM, "E1", MATERIAL, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_the_hub_reads_columns_the_workbook_has(tmp_path: Path) -> None:
    form = panel_form(tmp_path)
    assert form.read.sheet == SCORES
    assert {column.source for column in form.columns.values()} <= set(HEADER)


# ── what comes back ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_workbook_filled_in_well_has_no_fault(path: Path) -> None:
    assert faults(path) == []
    assert about(path).about == FORM.about("E1")


@pytest.mark.parametrize(
    "change",
    [
        put(SCORES, I2="弃权", J2=None, K2=None),
        put(SCORES, I2=1, J2=None),
        put(SCORES, I2="4"),
        put(SCORES, I4=5, N4="已核对原始考勤"),
        put(DECLARATION, B7="2027-01-15"),
        lambda book: (put(DECLARATION, B6="是", C6="A.2.1")(book), put(SCORES, I4=None, M4="供应商或客户")(book)),
        put(DECLARATION, B6="是", C6="A.1.2"),
        lambda book: (put(DECLARATION, B6="是", C6="A.1.2 | A.2.1")(book), put(SCORES, I4=None, M4="供应商或客户")(book)),
        lambda book: (put(DECLARATION, B2="是")(book),
                      [put(SCORES, **{f"I{row}": None, f"M{row}": "受雇"})(book) for row in (2, 3, 4)]),
        lambda book: (put(DECLARATION, B4="是", C4="全部")(book),
                      [put(SCORES, **{f"I{row}": None, f"M{row}": "持股"})(book) for row in (2, 3, 4)]),
    ],
    ids=["abstains", "one without evidence", "a number as text", "above the cap with a reason", "a date as text",
         "in conflict with one", "in conflict with one that is not asked", "in conflict with one of two asked", "employed", "owner, all affected"],
)  # fmt: skip
def test_what_may_be_said_is_accepted(path: Path, change: Callable[[Workbook], object]) -> None:
    assert faults(changed(path, change)) == []


@pytest.mark.parametrize(
    ("change", "cell", "says"),
    [
        (put(SCORES, I2=7), "评分 Scores!I2", "A.1.1 等级应为 0–5 的整数，现为“7”"),
        (put(SCORES, I2=-1), "评分 Scores!I2", "现为“-1”"),
        (put(SCORES, I3=3.5), "评分 Scores!I3", "A.1.4 等级应为 0–5 的整数，现为“3.5”"),
        (put(SCORES, I3="优"), "评分 Scores!I3", "现为“优”"),
        (put(SCORES, I3=True), "评分 Scores!I3", "现为“True”"),
        (put(SCORES, I3=None), "评分 Scores!I3", "未评级"),
        (put(SCORES, I3="=2+2"), "评分 Scores!I3", "不得为公式"),
        (put(SCORES, L3='=HYPERLINK("http://x")'), "评分 Scores!L3", "不得为公式"),
        (put(SCORES, J3=None), "评分 Scores!J3", "3 级须引用证据"),
        (put(SCORES, J3="EV001|EV404"), "评分 Scores!J3", "证据未登记：“EV404”"),
        (put(SCORES, J3="EV001，EV002"), "评分 Scores!J3", "多个编号用 | 分隔"),
        (put(SCORES, J3="EV002"), "评分 Scores!J3", "证据不可引用：EV002"),
        (put(SCORES, K3=None), "评分 Scores!K3", "低、中或高"),
        (put(SCORES, K3="很高"), "评分 Scores!K3", "低、中或高"),
        (put(SCORES, I4=4), "评分 Scores!N4", "4 级高于封顶 3，须写明理由：M065: 90 % (>= 95)"),
        (put(SCORES, I4=4, N4="  "), "评分 Scores!N4", "4 级高于封顶 3"),
        (put(SCORES, I4=4, L4="管理较好，材料齐全"), "评分 Scores!N4", "4 级高于封顶 3"),
        (put(SCORES, I4=4, N4="=1"), "评分 Scores!N4", "不得为公式"),
        (put(SCORES, M3="朋友", I3=None), "评分 Scores!M3", "不是所列利益关系"),
        (put(SCORES, M3="持股", I3=None), "评分 Scores!M3", "未声明此关系"),
        (put(DECLARATION, B6="是", C6="A.1.4"), "评分 Scores!I3", "存在利益冲突，不得评级"),
        (put(DECLARATION, B6="是", C6="A.1.4"), "评分 Scores!M3", "请选“供应商或客户”"),
        (put(DECLARATION, B2="是"), "评分 Scores!I4", "存在利益冲突，不得评级"),
        (put(DECLARATION, B3=None), "利益声明 Declaration!B3", "请回答是或否"),
        (put(DECLARATION, B4="是"), "利益声明 Declaration!C4", "未填"),
        (put(DECLARATION, B4="是", C4="A.9.9"), "利益声明 Declaration!C4", "没有该指标：A.9.9"),
        (put(DECLARATION, B4="是", C4="A.1.2|M065"), "利益声明 Declaration!C4", "没有该指标：M065"),
        (put(DECLARATION, B7=None), "利益声明 Declaration!B7", "请填声明日期"),
        (put(DECLARATION, B8="否"), "利益声明 Declaration!B8", "须确认独立评分"),
        (lambda book: book[SCORES].insert_cols(3), "评分 Scores!C1", "应为“要素 Elements”，现为“”"),
        (lambda book: book[SCORES].delete_cols(9), "评分 Scores!I1", "应为“等级 Level”，现为“引用证据 Evidence cited”"),
        (lambda book: book[SCORES].delete_rows(3), "评分 Scores!A3", "应为“A.1.4”，现为“A.2.1”"),
        (put(SCORES, A2="A.1.4", A3="A.1.1"), "评分 Scores!A2", "行列被移动或改动"),
        (put(SCORES, P2="E2"), "评分 Scores!P2", "应为“E1”，现为“E2”"),
        (put(SCORES, Q2="2025"), "评分 Scores!Q2", "应为“2026”"),
        (put(SCORES, A5="A.1.2", I5=5), "评分 Scores!I5", "表格之外多出内容"),
        (lambda book: book[DECLARATION].delete_rows(2), "利益声明 Declaration!A2", "行列被移动或改动"),
    ],
)  # fmt: skip
def test_what_may_not_be_said_is_refused_by_its_cell(
    path: Path, change: Callable[[Workbook], object], cell: str, says: str
) -> None:
    found = faults(changed(path, change))
    assert any(where == cell and says in words for where, words in found), found


def test_a_workbook_of_another_format_is_told_to_be_saved_as_xlsx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel, "sheets", lambda *_: list(SHEETS))
    with zipfile.ZipFile(tmp_path / "E1.ods", "w") as book:  # LibreOffice keeps its sheets in one content.xml
        book.writestr("content.xml", "<office:document-content/>")
    (tmp_path / "E1.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    for name in ("E1.ods", "E1.xls"):
        with pytest.raises(SourceError, match="save it as xlsx"):
            about(tmp_path / name)


def test_of_an_earlier_layout_the_column_that_lacks_is_told_and_what_to_do(path: Path) -> None:
    changed(path, lambda book: book[SCORES].delete_cols(14))
    (fault,) = read(path, FORM, "E1", REGISTER)
    assert (fault.sheet, fault.cell) == (SCORES, "N1")
    assert "应为“超封顶理由 Over the cap”，现为“Rubric”：缺少此列（旧版式，或已删除）" in fault.zh
    assert "export the workbook anew with esg panel export" in fault.en


def test_columns_that_moved_are_told_with_where_they_stand(path: Path) -> None:
    changed(path, lambda book: book[SCORES].move_range("M1:N9", cols=-1))
    found = read(path, FORM, "E1", REGISTER)
    assert [one.cell for one in found] == ["L1"]  # the comment is gone: what took its place is not told
    changed(path, put(SCORES, L1="利益冲突 Conflict", M1="意见 Comment", N1="超封顶理由 Over the cap"))
    assert [(one.cell, one.zh.partition("：")[2]) for one in read(path, FORM, "E1", REGISTER)] == [
        ("L1", "此列现在 M1，请移回"), ("M1", "此列现在 L1，请移回"),
    ]  # fmt: skip


def test_every_fault_is_told_at_once_in_both_languages(path: Path) -> None:
    changed(path, put(SCORES, I2=7, I3="优", K4=None))
    found = read(path, FORM, "E1", REGISTER)
    assert [one.cell for one in found] == ["I2", "I3", "K4"]
    assert str(found[0]) == (
        "评分 Scores!I2: A.1.1 等级应为 0–5 的整数，现为“7” / A.1.1 a whole level from 0 to 5 is expected, not '7'"
    )


@pytest.mark.parametrize("name", SHEETS)
def test_a_missing_sheet_is_named(path: Path, name: str) -> None:
    changed(path, lambda book: book.remove(book[name]))
    found = about(path)
    assert (found.about, [(one.sheet, one.zh) for one in found.faults]) == ({}, [(name, "缺少工作表")])


def test_what_is_no_workbook_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "E1.xlsx"
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(SourceError):
        about(path)
