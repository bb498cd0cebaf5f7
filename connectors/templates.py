"""What an enterprise starts with: an Excel template for every contract, and the folder that `esg init` writes."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import xlsxwriter

from schemas.contract import Column, Table, contracts
from schemas.enterprise import load_yaml
from schemas.errors import HubError
from schemas.lake import replaced, write_text

GUIDE = "说明 Guide"
CODES_ARE_TEXTS = {"number_stored_as_text": "A1:XFD1048576"}
"""What keeps Excel's green corners off a sheet whose codes are texts on purpose, for `Worksheet.ignore_errors`."""
_LAST_ROW = 1_048_575
_FLAG_WORDS = ("是", "否", "true", "false")
_NARROWEST, _WIDEST = 12, 48
_LONGEST_LIST, _LIST = 255, " words"


def write_template(table: Table, path: Path) -> None:
    """Write the workbook in which people hand in rows of a contract; the same contract gives the same bytes.

    The first sheet bears the contract's name and has the header only, each cell `<column> <Chinese name>`: the reader
    goes by the first word. Its cells are text, so that codes keep their leading zeros. The second explains the columns.

    Args:
        table: the contract.
        path: where to write; a file that is there is replaced.
    """
    memory = BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        # a date of its own would make every copy another file
        book.set_properties({"title": f"{table.zh} {table.name}", "created": datetime(2026, 1, 1, tzinfo=UTC)})
        _write_sheet(book, table)
        _write_guide(book, table)
        for column in table.declared:
            if _is_long(words := _words(column)):
                sheet = book.add_worksheet(f"{column.name}{_LIST}")
                sheet.hide()
                sheet.write_column(0, 0, words)
    with replaced(path) as temporary:
        temporary.write_bytes(memory.getvalue())


def init(folder: Path) -> list[Path]:
    """Write a starter enterprise folder: declarations with comments, examples that are not active, and the templates.

    Args:
        folder: where; it must not exist, or be empty.

    Returns:
        The files written.

    Raises:
        HubError: there is something in the folder, or it cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise HubError("the folder is not empty / 目录非空", str(folder), "choose a new folder, or empty this one")
        return list(_start(folder))
    except OSError as error:
        raise HubError(
            f"cannot write / 无法写入: {error.strerror}", str(error.filename or folder), "choose another folder"
        ) from error


def _start(folder: Path) -> list[Path]:
    texts: dict[str, str] = load_yaml(Path(__file__).parent / "starter.yaml", HubError)
    for table in contracts():
        if table.rows == "reference":
            texts[f"reference/{table.name}.csv"] = ",".join(column.name for column in table.declared) + "\n"
    for name, text in texts.items():
        write_text(folder / name, text)
    templates = {f"templates/{table.name}.xlsx": table for table in contracts()}
    for name, table in templates.items():
        write_template(table, folder / name)
    return [folder / name for name in sorted([*texts, *templates])]


def _write_sheet(book: xlsxwriter.Workbook, table: Table) -> None:
    sheet = book.add_worksheet(table.name)
    text = book.add_format({"num_format": "@"})
    required = book.add_format({"num_format": "@", "bold": True, "bottom": 1, "bg_color": "#FCE4D6"})
    optional = book.add_format({"num_format": "@", "bold": True, "bottom": 1, "bg_color": "#DDEBF7"})
    for place, column in enumerate(table.declared):
        head = f"{column.name} {column.zh}"
        sheet.set_column(place, place, _width(head), text)
        sheet.write_string(0, place, head, optional if column.nullable else required)
        sheet.write_comment(0, place, "\n".join(_explained(column)), {"author": "esg", "x_scale": 2, "y_scale": 1.5})
        words = _words(column)
        if words:
            sheet.data_validation(1, place, _LAST_ROW, place, {
                "validate": "list", "source": _listed(column.name, words), "error_title": column.name[:32],
                "error_message": "请从列表中选择 / choose from the list",
            })  # fmt: skip
    sheet.ignore_errors(CODES_ARE_TEXTS)
    sheet.freeze_panes(1, 0)


def _listed(name: str, words: list[str]) -> list[str] | str:
    """What a cell may be chosen from; a list too long for Excel to keep in the cell stands in a hidden sheet of its own."""
    return f"='{name}{_LIST}'!$A$1:$A${len(words)}" if _is_long(words) else words


def _is_long(words: list[str]) -> bool:
    return len(",".join(words)) > _LONGEST_LIST


def _write_guide(book: xlsxwriter.Workbook, table: Table) -> None:
    sheet = book.add_worksheet(GUIDE)
    head, text = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "@"})
    rows = [("列 Column", "中文", "English", "单位 Unit", "必填 Required", "允许取值 Allowed values", "示例 Example")]
    rows += [
        (
            column.name,
            column.zh,
            column.en,
            column.unit or "",
            "否" if column.nullable else "是",
            _allowed(column),
            column.example,
        )
        for column in table.declared
    ]
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            sheet.write_string(number, place, value, text if number else head)
    for place, cells in enumerate(zip(*rows, strict=True)):
        sheet.set_column(place, place, max(map(_width, cells)))
    sheet.freeze_panes(1, 1)


def _words(column: Column) -> list[str]:
    """What may be chosen from: the Chinese words, then the contract's own."""
    if column.kind == "flag":
        return list(_FLAG_WORDS)
    return list(dict.fromkeys([*column.words.values(), *column.words]))


def _allowed(column: Column) -> str:
    if column.kind == "flag":
        return "true（是）, false（否）"
    return ", ".join(f"{word}（{zh}）" for word, zh in column.words.items())


def _explained(column: Column) -> list[str]:
    """What a column means, line by line."""
    lines = [column.zh, column.en, f"{'选填 / optional' if column.nullable else '必填 / required'}"]
    if column.unit:
        lines.append(f"单位 / unit: {column.unit}")
    if column.refers:
        lines.append(f"须已登记 / must be known in: {column.refers}")
    if _allowed(column):
        lines.append(_allowed(column))
    if column.example:
        lines.append(f"例 / e.g. {column.example}")
    return lines


def _width(text: str) -> int:
    """How wide a column must be for a text; a Chinese character takes two places."""
    places = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
    return min(max(places + 2, _NARROWEST), _WIDEST)
