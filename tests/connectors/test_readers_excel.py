"""What the reader of workbooks must refuse, mark and keep."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import xlsxwriter

from connectors.readers import excel, read
from connectors.source import Read
from schemas.errors import SourceError


def book(*sheets: tuple[str, Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], None]]) -> bytes:
    content = io.BytesIO()
    workbook = xlsxwriter.Workbook(content)
    for name, fill in sheets:
        fill(workbook, workbook.add_worksheet(name))
    workbook.close()
    return content.getvalue()


def rows(*cells: list) -> Callable:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        for number, row in enumerate(cells):
            sheet.write_row(number, 0, row)

    return fill


def table(folder: Path, content: bytes, **spec: object) -> pl.DataFrame:
    path = folder / "archived"
    path.write_bytes(content)
    return pl.concat(read(path, Read(**{"as": "excel", "files": "*.xlsx", **spec}), "book.xlsx"))


def refusal(folder: Path, content: bytes, **spec: object) -> str:
    with pytest.raises(SourceError) as caught:
        table(folder, content, **spec)
    return str(caught.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "empty file" in refusal(tmp_path, b"")


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    said = refusal(tmp_path, book(("一月", rows(["a"])), ("二月", rows(["a"]))), sheet="三月")
    assert "三月" in said
    assert "一月, 二月" in said


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    assert "empty sheet" in refusal(tmp_path, book(("s", rows())))


def test_fewer_rows_than_header_rows_are_refused(tmp_path: Path) -> None:
    assert "only 1 row(s), but the header ends in row 2" in refusal(tmp_path, book(("s", rows(["a"]))), header_rows=2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_workbook_is_refused(tmp_path: Path, share: float) -> None:
    whole = book(("s", rows(["a"], *([number] for number in range(500)))))
    assert "damaged" in refusal(tmp_path, whole[: int(len(whole) * share)])


def test_a_workbook_with_a_changed_byte_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    whole = book(("s", rows(["a"], *([number * 7919] for number in range(500)))))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        place = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 200
    content.write(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
    assert "damaged" in refusal(tmp_path, content.getvalue())


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xd0\xcf\x11\xe0" + b"\0" * 600])
def test_a_file_that_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "damaged" in refusal(tmp_path, content)


# what old systems call .xls: the message says what it is and what to do
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\tb\n1\t2\n", 'as: csv, delimiter: "\\t"'),
        ("a\tb\n1\t2\n".encode("utf-16"), 'as: csv, delimiter: "\\t"'),
        (b"<html><table></table></html>", "save it as xlsx"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "save it as xlsx"),
    ],
)
def test_text_that_is_called_a_workbook_is_told_as_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    found = refusal(tmp_path, content)
    assert "named like a workbook" in found
    assert said in found


# ledger.xls is in Excel's format of 1997: a hidden sheet, a title, the header, two rows, an empty one, a total
def test_the_old_format_is_read_like_any_other(tmp_path: Path) -> None:
    frame = table(tmp_path, (Path(__file__).parent / "ledger.xls").read_bytes(), skip_rows=1)
    assert frame.columns == ["凭证号", "日期", "金额", "时间", "row_number", "sheet"]
    assert frame.rows() == [
        ("0001", "2026-01-05", "1234.56", "2026-01-05 08:05:00", 3, "明细"),
        ("2", "2026-01-06", "-12", "2026-01-06 00:00:00", 4, "明细"),
        ("合计", None, "1222.56", None, 6, "明细"),
    ]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (excel._RATIO_MATTERS_FROM + 1))
    assert "zip bomb" in refusal(tmp_path, content.getvalue())


def test_a_workbook_beyond_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "MAX_UNPACKED_BYTES", 1000)
    assert "zip bomb" in refusal(tmp_path, book(("s", rows(["a"], [1]))))


def test_a_protected_workbook_is_named_as_such(tmp_path: Path) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    assert "password" in refusal(tmp_path, content)


def test_cells_become_the_text_a_person_would_write(tmp_path: Path) -> None:
    def fill(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        stamp = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        clock = workbook.add_format({"num_format": "hh:mm:ss"})
        long = workbook.add_format({"num_format": "[h]:mm:ss"})
        sheet.write_row(0, 0, list("abcdefghijkl"))
        sheet.write_row(1, 0, [12, 0.1, 1e21, 1.5e-7, -3.25])
        sheet.write_datetime(1, 5, datetime(2026, 1, 31, tzinfo=UTC).replace(tzinfo=None), day)
        sheet.write_datetime(1, 6, datetime(2026, 1, 31, 8, 15, tzinfo=UTC).replace(tzinfo=None), stamp)
        sheet.write_datetime(1, 7, time(8, 15), clock)
        sheet.write_datetime(1, 8, timedelta(hours=26, minutes=30), long)
        sheet.write_boolean(1, 9, True)
        sheet.write_string(1, 10, "\ufeffend\ufeff ")
        sheet.write_formula(1, 11, "=A2*2", None, 24)

    assert table(tmp_path, book(("s", fill))).row(0)[:12] == (
        "12",
        "0.1",
        "1E+21",
        "0.00000015",
        "-3.25",
        "2026-01-31",
        "2026-01-31 08:15:00",
        "08:15:00",
        "26:30:00",
        "true",
        "end\ufeff ",
        "24",
    )


def test_midnight_among_clock_times_keeps_its_clock(tmp_path: Path) -> None:
    def fill(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        stamp = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.write_row(0, 0, ["read_at"])
        for row, hour in enumerate((23, 24), start=1):
            instant = datetime(2026, 1, 31, tzinfo=UTC).replace(tzinfo=None) + timedelta(hours=hour)
            sheet.write_datetime(row, 0, instant, stamp)

    read_at = table(tmp_path, book(("s", fill)))["read_at"]
    assert read_at.to_list() == ["2026-01-31 23:00:00", "2026-02-01 00:00:00"]


def test_quarter_hours_of_a_year_come_out_without_float_artefacts(tmp_path: Path) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    stamps = [first + timedelta(minutes=15 * step) for step in range(1, 35_040, 7)]

    def fill(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        stamp = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(0, 0, ["read_at"])
        for row, instant in enumerate(stamps, start=1):
            sheet.write_datetime(row, 0, instant, stamp)

    assert table(tmp_path, book(("s", fill)))["read_at"].to_list() == [stamp.isoformat(" ") for stamp in stamps]


def test_a_cell_in_error_is_no_empty_cell(tmp_path: Path) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(1, 1, ["a", "b"])
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
        sheet.write_number(2, 2, 5)

    frame = table(tmp_path, book(("first", rows(["x"], ["y"])), ("s", fill)), sheet="s", header_rows=2)
    assert frame.select("a", "b", "row_number", "sheet").rows() == [("#DIV/0!", "5", 3, "s")]


def _by_script(*cells: list) -> bytes:
    """A workbook whose formulas nobody has reckoned, as a script writes it."""
    book_ = openpyxl.Workbook()
    for row in cells:
        book_.active.append(row)
    content = io.BytesIO()
    book_.save(content)
    return content.getvalue()


# the last row and column hold nothing else, so that the fast parser does not even see them
def test_a_formula_without_a_value_is_no_empty_cell(tmp_path: Path) -> None:
    frame = table(tmp_path, _by_script(["a", "b"], [1, "=A2*2"], [2, 4], ["=A3+1", "=B3*2"]))
    assert frame.select("a", "b", "row_number").rows() == [("1", "=A2*2", 2), ("2", "4", 3), ("=A3+1", "=B3*2", 4)]
    frame = table(tmp_path, _by_script(["a"], [1, "=A2*2"]))
    assert frame.select("a", "column_2").rows() == [("1", "=A2*2")]


def test_a_formula_that_gives_the_empty_text_is_an_empty_cell(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_by_script(["a", "b"], [1, '=""']))) as old, zipfile.ZipFile(content, "w") as new:
        for part in old.namelist():
            new.writestr(part, old.read(part).replace(b'<c r="B2">', b'<c r="B2" t="str">'))
    assert table(tmp_path, content.getvalue()).select("a", "b").rows() == [("1", None)]


# Excel keeps 15 digits; what stands here has 18, and is still that quantity where a quantity is meant
def test_a_number_that_has_lost_digits_shows_it(tmp_path: Path) -> None:
    frame = table(tmp_path, book(("s", rows(["no", "kWh"], [190000000012345678, 1234567890123456]))))
    assert frame.row(0)[:2] == ("1.900000000123457E+17", "1234567890123456")


def test_wholly_empty_rows_are_skipped_and_counted(tmp_path: Path) -> None:
    frame = table(tmp_path, book(("表一", rows(["a", "b"], [1, 2], [], ["", None], [3, None]))))
    assert frame.rows() == [("1", "2", 2, "表一"), ("3", None, 5, "表一")]


def test_rows_above_the_header_are_skipped_and_counted(tmp_path: Path) -> None:
    content = book(
        ("s", rows(["收入明细"], ["导出时间", date(2026, 2, 1)], [], ["a", "", ""], ["b", "c"], [1, 2], ["合计", 2]))
    )
    frame = table(tmp_path, content, skip_rows=3, header_rows=2)
    assert frame.columns == ["a/b", "a/c", "row_number", "sheet"]
    assert frame.rows() == [("1", "2", 6, "s"), ("合计", "2", 7, "s")]
    assert "the header ends in row 8" in refusal(tmp_path, content, skip_rows=7)


def test_merged_headers_join_their_levels(tmp_path: Path) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.merge_range(0, 0, 1, 0, "站点")
        sheet.merge_range(0, 1, 0, 3, "电")
        sheet.merge_range(0, 4, 0, 5, "水")
        sheet.write_row(1, 1, ["峰", "谷", "谷", "进", "出"])
        sheet.write_row(2, 0, ["S1", 1, 2, 3, 4, 5])

    frame = table(tmp_path, book(("s", fill)), header_rows=2)
    assert frame.columns == ["站点", "电/峰", "电/谷", "电/谷_2", "水/进", "水/出", "row_number", "sheet"]
    assert frame.row(0)[-2:] == (3, "s")


def test_the_first_visible_sheet_is_the_default(tmp_path: Path) -> None:
    def hide(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["codes"])
        sheet.hide()

    def show(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_column(0, 0, ["a", 1])
        sheet.activate()
        sheet.set_first_sheet()

    assert table(tmp_path, book(("lists", hide), ("data", show)))["sheet"].to_list() == ["data"]


MONTHS = (("1月", rows(["a", "b"], [1, 2])), ("2月", rows(["a", "b"], [3, 4])), ("说明", rows(["读我"])))


def test_of_sheets_that_look_alike_none_is_left_out_unsaid(tmp_path: Path) -> None:
    found = refusal(tmp_path, book(*MONTHS))
    assert "1月, 2月" in found and "说明" not in found.partition("\n")[0]
    assert 'read.sheet: "*"' in found
    assert table(tmp_path, book(*MONTHS), sheet="2月").row(0) == ("3", "4", 2, "2月")
    assert table(tmp_path, book(MONTHS[0], MONTHS[2])).row(0) == ("1", "2", 2, "1月")


def test_all_sheets_that_fit_a_pattern_are_read(tmp_path: Path) -> None:
    assert table(tmp_path, book(*MONTHS), sheet="?月").rows() == [("1", "2", 2, "1月"), ("3", "4", 2, "2月")]
    assert "there are: 1月, 2月, 说明" in refusal(tmp_path, book(*MONTHS), sheet="*年")


def test_a_column_of_formatting_only_is_no_column(tmp_path: Path) -> None:
    book_ = openpyxl.Workbook()
    sheet = book_.active
    sheet.append(["a", None, None])
    sheet.append([1, None, "noted"])
    sheet["B2"] = ""
    content = io.BytesIO()
    book_.save(content)
    assert table(tmp_path, content.getvalue()).columns == ["a", "column_3", "row_number", "sheet"]


def test_day_columns_become_rows(tmp_path: Path) -> None:
    spec = {"unpivot": {"columns": ["1..31"], "name": "day", "value": "register"}}
    frame = table(tmp_path, book(("s", rows(["meter", 1, 2, 31], ["m1", 10, None, 30]))), **spec)
    assert frame.rows() == [("m1", 2, "s", "1", "10"), ("m1", 2, "s", "31", "30")]


def test_an_open_document_sheet_is_read_like_any_other(tmp_path: Path) -> None:
    def cell(kind: str, value: str, shown: str) -> str:
        given = {"string": "", "date": f'office:date-value="{value}"'}.get(kind, f'office:value="{value}"')
        return f'<table:table-cell office:value-type="{kind}" {given}><text:p>{shown}</text:p></table:table-cell>'

    lines = [
        [cell("string", "", "meter"), cell("string", "", "read_at"), cell("string", "", "kWh")],
        [cell("string", "", "m1"), cell("date", "2026-01-31T08:15:00", "31.1.26"), cell("float", "12.50", "12,5")],
    ]
    body = "".join(f"<table:table-row>{''.join(line)}</table:table-row>" for line in lines)
    names = "".join(
        f'xmlns:{word}="urn:oasis:names:tc:opendocument:xmlns:{word}:1.0" ' for word in ("office", "table", "text")
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f'<office:document-content {names}><office:body><office:spreadsheet><table:table table:name="s">{body}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
    frame = table(tmp_path, content.getvalue())
    assert frame.rows() == [("m1", "2026-01-31 08:15:00", "12.5", 2, "s")]


def test_a_date_in_the_header_is_its_text(tmp_path: Path) -> None:
    book_ = openpyxl.Workbook()
    book_.active.append(["meter", date(2026, 1, 31)])
    book_.active.append(["m1", 5])
    content = io.BytesIO()
    book_.save(content)
    assert table(tmp_path, content.getvalue()).columns[:2] == ["meter", "2026-01-31"]
