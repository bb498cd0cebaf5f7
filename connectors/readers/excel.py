"""Workbooks (xlsx, xlsm, xlsb, xls, ods): the cells of one sheet, as the texts a person would write."""

from __future__ import annotations

import codecs
import fnmatch
import itertools
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from connectors.readers.text import BOM, ROW_NUMBER, SHEET, header_names, numbers_with, text_of
from schemas.errors import SourceError

if TYPE_CHECKING:
    from connectors.source import Read

# A workbook is a zip archive. What it may become in memory is bounded before it is opened: real sheets pack 5 to 100
# times, and the largest sheet Excel can hold (a million rows) with twenty columns stays under a gigabyte.
MAX_UNPACKED_BYTES = 1 << 30
MAX_RATIO = 200
_RATIO_MATTERS_FROM = 64 << 20
_PIECE = 1 << 20
_LONGEST_CELL = 1 << 15  # of a cell with a formula, which Excel bounds to 8192 characters
_IN_ERROR = re.compile(rb"""\st=["']e["']""")
# a formula that nobody has reckoned: its value is empty, and not for being the empty text (`t="str"`)
_UNRECKONED = re.compile(
    rb"""<c\b(?![^>]*\st=["']str["'])[^>]*><f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?</c>"""
)


def read(path: Path, spec: Read, name: str) -> Iterator[pl.DataFrame]:
    """Read a sheet as one frame (it has at most 1,048,576 rows); see `connectors.readers` for the columns.

    `sheet: "*月"` reads every visible sheet whose name fits, one frame each.

    A workbook stores an instant at midnight like a date: in a column that holds any clock time such a cell is written
    `2026-01-31 00:00:00`, in any other column `2026-01-31`. Cells in error keep their text (`#DIV/0!`) and formulas without
    a value theirs (`=B2*2`) in xlsx and xlsm; the other formats give them as empty.

    Raises:
        SourceError: the file is no workbook, damaged, protected or a zip bomb; a sheet is missing or empty; there are
            fewer rows than header rows; or no sheet is declared and more than one has the header of the first.
    """
    has_gaps = _guard(path, name)
    with _book(path, name) as book:
        for sheet in _wanted(book, spec, name):
            rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            if has_gaps:
                _fill_gaps(path, sheet, rows, name)
            yield _frame(rows, spec, sheet, name)


def sheets(path: Path, name: str) -> list[str]:
    """The names of the worksheets of a workbook.

    Raises:
        SourceError: the file is no workbook, damaged, protected or a zip bomb.
    """
    _guard(path, name)
    with _book(path, name) as book:
        return [sheet.name for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]


def _frame(rows: list[list[Any]], spec: Read, sheet: str, name: str) -> pl.DataFrame:
    where = f"{name}, sheet {sheet}"
    if not rows:
        raise SourceError("空工作表 / empty sheet", where, "检查 / check read.sheet")
    above = spec.skip_rows + spec.header_rows
    if len(rows) < above:
        what = f"只有 {len(rows)} 行,表头到第 {above} 行 / only {len(rows)} row(s), but the header ends in row {above}"
        raise SourceError(what, where, "检查 / check read.header_rows, read.skip_rows")
    header = [[_text(cell) for cell in row] for row in rows[spec.skip_rows : above]]
    names = header_names(header, (ROW_NUMBER, SHEET))
    headed = [any(cells) for cells in zip(*header, strict=True)]
    rows = rows[above:]
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    columns = [
        pl.Series(name, _column(column, spec.decimal), dtype=pl.String)
        for name, column in zip(names, cells, strict=True)
    ]
    # A column that has neither a header nor a value is formatting, not data.
    frame = pl.DataFrame([c for c, has in zip(columns, headed, strict=True) if has or c.null_count() < len(rows)])
    texts = frame.columns
    return frame.with_columns(
        pl.int_range(above + 1, above + 1 + len(rows), dtype=pl.UInt32, eager=True).alias(ROW_NUMBER),
        pl.lit(sheet).alias(SHEET),
    ).filter(~pl.all_horizontal(pl.col(*texts).is_null()))


def _column(cells: tuple[Any, ...], decimal: str) -> list[str | None]:
    if any(type(cell) is datetime for cell in cells):
        return [f"{cell.isoformat()} 00:00:00" if type(cell) is date else _text(cell) for cell in cells]
    number = numbers_with(decimal, float)
    return [number(cell) if type(cell) is float else _text(cell) for cell in cells]


def _text(cell: object) -> str | None:
    return (cell.lstrip(BOM) or None) if type(cell) is str else text_of(cell)


@contextmanager
def _book(path: Path, name: str) -> Iterator[CalamineWorkbook]:
    """A workbook, opened; every way in which it can be damaged becomes one SourceError."""
    try:
        with path.open("rb") as file:
            yield CalamineWorkbook.from_filelike(file)
    except CalamineError as error:
        raise _damaged(path, name, error) from None
    except BaseException as error:
        # The parser is compiled; on some damaged files it panics, which Python sees as a bare BaseException.
        if type(error).__name__ == "PanicException":
            raise _damaged(path, name, error) from None
        raise


def _wanted(book: CalamineWorkbook, spec: Read, name: str) -> list[str]:
    """The sheets to be read: the one of that name, those that fit a pattern, or the first that is visible."""
    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    if not sheets:
        raise SourceError("没有工作表 / the workbook has no worksheet", name)
    if spec.sheet is None:
        first, *others = visible or [sheets[0].name]
        _alone(book, first, others, spec, name)
        return [first]
    if spec.sheet in book.sheet_names:
        return [spec.sheet]
    found = fnmatch.filter(visible, spec.sheet)
    if not found:
        what = f"没有工作表 {spec.sheet!r} / no sheet of that name"
        raise SourceError(what, name, f"现有 / there are: {', '.join(book.sheet_names)}")
    return found


def _alone(book: CalamineWorkbook, first: str, others: list[str], spec: Read, name: str) -> None:
    """Refuse to read the first of some sheets that look alike: the rows of the others would be missed by nobody."""
    above = spec.skip_rows + spec.header_rows
    heads = {
        sheet: book.get_sheet_by_name(sheet).to_python(skip_empty_area=False, nrows=above)[spec.skip_rows :]
        for sheet in (first, *others)
        if others
    }
    alike = [sheet for sheet in others if heads[sheet] and heads[sheet] == heads[first]]
    if alike:
        what = f"几张工作表表头相同,只会读到第一张 / sheets with the same header, of which only the first would be read: {', '.join([first, *alike])}"
        raise SourceError(
            what, name, 'read.sheet: "*" 读取全部,或写明名称 / for all of them, or a name, or a pattern such as "*月"'
        )


def _damaged(path: Path, name: str, error: object) -> SourceError:
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        what, todo = "工作簿有密码 / the workbook is protected by a password", "去掉密码再交 / remove the password"
    elif re.match(rb"\s*<", content.removeprefix(codecs.BOM_UTF8)):
        what = "名为工作簿,实为网页或 XML / named like a workbook, but a web page or XML"
        todo = "用 Excel 打开并另存为 xlsx / open it in Excel and save it as xlsx"
    elif b"\t" in content and not content.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        what = "名为工作簿,实为文本 / named like a workbook, but a text file with tabs"
        todo = 'read: {as: csv, delimiter: "\\t", encoding: gb18030 | utf-16 | …}'
    else:
        what = f"工作簿损坏或不完整 / the workbook is damaged or incomplete: {error}"
        todo = "重新导出或另存为 xlsx / export it again, or save it as xlsx"
    return SourceError(what, name, todo)


def _guard(path: Path, name: str) -> bool:
    """Refuse an archive that is damaged or would not fit; tell whether any cell of a sheet is in error or lacks its value."""
    size = path.stat().st_size
    if size == 0:
        raise SourceError("空文件 / empty file", name, "让来源系统重新导出 / have the source system export it again")
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False  # xls is no archive: it cannot become larger than it is
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            total = sum(part.file_size for part in parts)
            if total > MAX_UNPACKED_BYTES or (total > _RATIO_MATTERS_FROM and total > MAX_RATIO * size):
                what = f"疑似压缩炸弹 / zip bomb: {size} bytes unpack to {total}"
                raise SourceError(what, name, "拆成几个文件 / split the workbook, or deliver CSV")
            has_gap = [_has_gap(archive, part) for part in parts]
            return any(has_gap)
    # RuntimeError is what zipfile raises for an encrypted member, NotImplementedError for an unknown compression
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise _damaged(path, name, error) from None


def _has_gap(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Unpack one part to its end, which checks size and checksum."""
    found, tail = False, b""
    is_sheet = part.filename.startswith("xl/worksheets/")
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE):
            found = found or (is_sheet and _lacks_a_value(tail + piece))
            tail = piece[-_LONGEST_CELL:]
    return found


def _lacks_a_value(sheet: bytes) -> bool:
    return bool(_IN_ERROR.search(sheet)) or (b"<f" in sheet and bool(_UNRECKONED.search(sheet)))


def _fill_gaps(path: Path, sheet: str, rows: list[list[Any]], name: str) -> None:
    """Put `#DIV/0!` … and formulas without a value where the fast parser gives an empty cell: neither is a gap."""
    try:
        for value, formula in zip(_slowly(path, sheet, values=True), _slowly(path, sheet, values=False), strict=True):
            if value.data_type == "e":
                _put(rows, value, value.value)
            elif formula.data_type == "f" and value.data_type == "n" and value.value is None:
                _put(rows, value, formula.value)
    except (KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
        what = f"工作簿含错误值或未计算的公式,无法定位 / cells in error (#N/A …) or formulas without a value that cannot be located: {error}"
        todo = "改正公式、重新计算保存后再交 / correct the formulas, save the workbook in Excel"
        raise SourceError(what, f"{name}, sheet {sheet}", todo) from None


def _slowly(path: Path, sheet: str, *, values: bool) -> Iterator[Any]:
    """The cells of a sheet with their kinds: their values, or the formulas they come from."""
    import openpyxl

    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=values)
        yield from itertools.chain.from_iterable(book[sheet].iter_rows())
        book.close()


def _put(rows: list[list[Any]], cell: Any, text: object) -> None:  # noqa: ANN401 - openpyxl has no types
    """Write into the cells of a sheet, which end where the fast parser has seen the last value."""
    width = len(rows[0]) if rows else 0
    rows += [[""] * width for _ in range(cell.row - len(rows))]
    if cell.column > width:
        for row in rows:
            row += [""] * (cell.column - width)
    rows[cell.row - 1][cell.column - 1] = str(getattr(text, "text", text))
