"""Quarantine: the refused rows, why they were refused, and their way out to the data owner and back.

A refused row goes out in a workbook, is corrected there and handed in again as an extract of its own source. From then
on the corrected form counts and the first form stays refused for `row: corrected`, whatever else changes; it is kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from python_calamine import CalamineWorkbook

from connectors import landing, readers
from connectors.ingest import CORRECTED, QUARANTINE, Outcome, correct, form_of_rows
from connectors.landing import ORIGIN
from connectors.readers import excel
from connectors.source import Read, Source, sources
from connectors.templates import CODES_ARE_TEXTS
from schemas.contract import contract, contracts
from schemas.enterprise import Enterprise
from schemas.errors import HubError, SourceError
from schemas.lake import digest, replaced

# the hub's own columns of an exported row: they bring it home and must stay as they are
HUB = ("__source__", "__extract_id__", "__file__", "__sheet__", "__row_number__", "__original__", "__reasons__")
GUIDE = "说明 Guide"
_LONGEST_CELL = 32_767  # what Excel holds
_MOST_ROWS = 1_048_575
_GUIDE = (
    "请在各工作表中改正数据，原样保留末尾的灰色列（__source__ 至 __reasons__），保存后用 esg quarantine --resubmit 交回。",
    "未改动的行仍按原因拒收；删除的行也仍留在隔离区。一行可复制成多行分别改正。",
    "Correct the rows in the sheets, leave the grey columns (__source__ to __reasons__) as they are, save, and hand the file in with "
    "esg quarantine --resubmit.",
    "Rows left unchanged or deleted here stay refused. One row may be copied and corrected into several.",
)


def refused(enterprise: Enterprise, month: str | None = None, source: str | None = None) -> pl.DataFrame:
    """The refused rows that nobody has corrected yet.

    Args:
        enterprise: the folder.
        month: rows of this month only; a row whose date could not be read has the month its file is named for, if any.
        source: rows of this source only.

    Returns:
        One row each, by contract, source, file and row: the columns of the quarantine files; `values` (for each reason
        the text it is about, the whole row where it is about no single column) and `cells` (the row as an owner sees
        it: JSON with the columns that the declaration reads also where they are empty).
    """
    known = {one.name: one for one in sources(enterprise, {})}
    frame = _all(enterprise, source).filter(~pl.col("reasons").list.contains(CORRECTED))
    if month is not None:
        frame = frame.filter(pl.col("month") == month)
    values, cells = [], []
    for row in frame.iter_rows(named=True):
        declared = known.get(row["source"])
        text = _cells(declared, json.loads(row["raw"]))
        about = [_about(declared, reason) for reason in row["reasons"]]
        values.append([text[column] if column else row["raw"] for column in about])
        cells.append(json.dumps(text, ensure_ascii=False))
    return frame.with_columns(
        pl.Series("values", values, dtype=pl.List(pl.String)), pl.Series("cells", cells, dtype=pl.String)
    )


def by_reason(frame: pl.DataFrame) -> pl.DataFrame:
    """Refused rows counted by what is wrong with them.

    Args:
        frame: as `refused` gives it.

    Returns:
        `contract, source, reason, zh, en, rows, value, file, sheet, row_number`, most rows first; the last four are an
        example. A row with several reasons counts under each.
    """
    each = frame.explode("reasons", "values").rename({"reasons": "reason", "values": "value"})
    example = ("value", "file", "sheet", "row_number")
    found = each.group_by("contract", "source", "reason", maintain_order=True).agg(
        pl.len().alias("rows"), pl.col(example).first()
    )
    said = [_words(name, reason) for name, reason in found.select("contract", "reason").iter_rows()]
    words = (
        pl.Series("zh", [zh for zh, _ in said], dtype=pl.String),
        pl.Series("en", [en for _, en in said], dtype=pl.String),
    )
    named = found.with_columns(*words).select("contract", "source", "reason", "zh", "en", "rows", *example)
    return named.sort("rows", "contract", "source", "reason", descending=[True, False, False, False])


def export(frame: pl.DataFrame, path: Path) -> None:
    """Write refused rows to a workbook in which their owners correct them: one sheet per source.

    Every cell is text, also one that starts like a formula. A text longer than a cell can hold is cut: what comes back
    is what the owner has seen.

    Args:
        frame: as `refused` gives it.
        path: the workbook; it is replaced if it is there.

    Raises:
        HubError: the file cannot be written, or a source has more rows than a sheet.
    """
    memory = BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        taken: set[str] = {GUIDE.casefold()}
        for (source,), rows in frame.group_by("source", maintain_order=True):
            if rows.height > _MOST_ROWS:
                raise HubError(f"more refused rows than a sheet holds / 行数超过工作表上限: {rows.height}", f"source {source}",
                               "export one month at a time (--month)")  # fmt: skip
            _write_sheet(book, _title(str(source), taken), rows)
        guide = book.add_worksheet(GUIDE)
        guide.set_column(0, 0, 110, book.add_format({"text_wrap": True}))
        for number, line in enumerate(_GUIDE):
            guide.write_string(number, 0, line)
    try:
        with replaced(path) as temporary:
            temporary.write_bytes(memory.getvalue())
    except OSError as error:
        raise HubError(f"cannot write / 无法写入: {error.strerror}", str(path), "choose another file") from error


def resubmit(enterprise: Enterprise, path: Path) -> list[Outcome]:
    """Take in the corrected rows of an exported workbook.

    Every row that was changed is landed as it stands in the workbook and goes through its source's mapping, units and
    contract; it finds its own month. Rows left as they were stay refused for the reasons they have. The same workbook
    a second time changes nothing.

    Returns:
        One outcome per source in the workbook: its extract is what was handed in, beside it stand those judged again
        without the rows it corrects; or what was `already` handed in with the same workbook. A source that fails
        changes nothing.

    Raises:
        SourceError: the workbook cannot be read, was not exported by the hub, or holds a row that is not in quarantine
            (any more). Then nothing of it is taken in.
    """
    broken: dict[str, SourceError] = {}
    known = {source.name: source for source in sources(enterprise, broken)}
    handed: dict[str, list[pl.DataFrame]] = {}
    for frame in _sheets(path):
        if not frame.height:
            continue  # the owner has deleted every row: they stay refused
        handed.setdefault(_source_of(frame, {*known, *broken}, path.name), []).append(frame)
    for name in sorted(handed):
        if name in broken:
            raise broken[name]
    sha, extracts = hashlib.sha256(path.read_bytes()).hexdigest(), enterprise.lake.state["extracts"]
    before = {name: extracts[f"{name}/{sha}"] for name in handed if f"{name}/{sha}" in extracts}
    changed = {
        name: _changed(enterprise, known[name], frames, path) for name, frames in handed.items() if name not in before
    }
    order = [table.name for table in contracts()]
    outcomes = []
    for name in sorted(handed, key=lambda one: (order.index(known[one].contract), one)):
        if name in before:
            outcomes.append(Outcome(name, known[name].contract, unchanged=1, already=before[name]))
        else:
            outcomes.append(_take_in(enterprise, known[name], changed[name], path))
    return outcomes


def _take_in(enterprise: Enterprise, source: Source, rows: pl.DataFrame, path: Path) -> Outcome:
    if not rows.height:
        return Outcome(source.name, source.contract)
    taken = {entry["name"] for entry in enterprise.lake.extracts(source=source.name)}
    names = (
        f"resubmitted/{path.stem}{number}{path.suffix}"
        for number in ["", *(f" ({count})" for count in range(2, len(taken) + 3))]
    )
    try:
        # a name of its own: a second workbook of the same name adds corrections, it does not take the first ones back
        entry = landing.land_corrections(
            source, rows, next(name for name in names if name not in taken), path, enterprise.data / "landing"
        )
    except HubError as error:
        return Outcome(source.name, source.contract, error=error)
    return correct(enterprise, source, entry)


def _all(enterprise: Enterprise, source: str | None = None) -> pl.DataFrame:
    """Every refused row there is, corrected ones too."""
    paths = [
        enterprise.data / path
        for entry in enterprise.lake.extracts(source=source)
        for _, path in sorted(entry["quarantine"].items())
    ]
    frames = [pl.read_parquet(path, hive_partitioning=False, glob=False) for path in paths]
    return pl.concat([pl.DataFrame(schema=QUARANTINE), *frames]).sort(
        "contract", "source", "file", "sheet", "row_number", "raw"
    )


def _read_columns(source: Source | None) -> dict[str, str]:
    """Contract column → the column of `_cells` it is read from; nothing where the declaration is gone."""
    if source is None:
        return {}
    if source.by_header:
        return {column.name: column.name for column in source.table.declared}
    return {name: column.source for name, column in source.columns.items() if column.source is not None}


def _about(source: Source | None, reason: str) -> str | None:
    """The column of `_cells` that a reason is about, where it is about one."""
    column, _, code = reason.rpartition(": ")
    origin = source.columns.get(column) if source else None
    if origin and isinstance(origin.unit, dict) and code in ("unknown_unit", "wrong_unit"):
        return origin.unit["from"]
    return _read_columns(source).get(column)


def _cells(source: Source | None, text: dict[str, str]) -> dict[str, str | None]:
    """A refused row as its owner sees it: without the hub's columns, with all that the declaration reads."""
    own: dict[str, str | None] = {name: value for name, value in text.items() if name not in HUB}
    if source is None:
        return own
    if source.by_header:  # `site_id 场所编号` is `site_id`, so that rows of templates with other headers stand together
        known = {column.name for column in source.table.declared}
        own = {first if (first := (name.split() or [""])[0]) in known else name: value for name, value in own.items()}
    units = [column.unit["from"] for column in source.columns.values() if isinstance(column.unit, dict)]
    return own | {name: own.get(name) for name in [*_read_columns(source).values(), *units]}


def _words(name: str, reason: str) -> tuple[str, str]:
    try:
        return contract(name).words(reason)
    except KeyError:  # a rule that an older version of the contract had
        return reason, reason


def _title(name: str, taken: set[str]) -> str:
    """A sheet name that Excel allows; which source a row is of says its own column."""
    plain = re.sub(r"[\[\]:*?/\\]", "_", name).strip("'") or "sheet"
    plain = f"{plain}_" if plain.casefold() == "history" else plain
    titles = (plain[: 31 - len(tail)] + tail for tail in ["", *(f"~{number}" for number in range(2, len(taken) + 3))])
    title = next(title for title in titles if title.casefold() not in taken)
    taken.add(title.casefold())
    return title


def _write_sheet(book: xlsxwriter.Workbook, title: str, rows: pl.DataFrame) -> None:
    texts = [json.loads(cells) for cells in rows["cells"]]
    names = list(dict.fromkeys(name for text in texts for name in text))
    sheet = book.add_worksheet(title)
    cell, head = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True, "bottom": 1})
    grey = book.add_format({"num_format": "@", "font_color": "#7F7F7F", "bg_color": "#EDEDED"})
    sheet.set_column(0, len(names) - 1, 18, cell)
    sheet.set_column(len(names), len(names) + len(HUB) - 1, 14, grey)
    sheet.ignore_errors(CODES_ARE_TEXTS)
    sheet.freeze_panes(1, 0)
    for place, name in enumerate([*names, *HUB]):
        sheet.write_string(0, place, name, grey if name in HUB else head)
    for number, (row, text) in enumerate(zip(rows.iter_rows(named=True), texts, strict=True), start=1):
        for place, value in enumerate([text.get(name) for name in names]):
            if value is not None:
                sheet.write_string(number, place, value[:_LONGEST_CELL], cell)
        for place, value in enumerate(_home(row), start=len(names)):
            sheet.write_string(number, place, value[:_LONGEST_CELL], grey)


def _home(row: dict[str, Any]) -> list[str]:
    """The values of `HUB` for one refused row."""
    text = json.loads(row["raw"])
    at = dict(zip(ORIGIN, _origin(row, text), strict=True))
    said = [" | ".join(dict.fromkeys(_words(row["contract"], reason))) for reason in row["reasons"]]
    values = {
        **at,
        "__source__": row["source"],
        "__file__": text.get("__file__") or row["file"],
        "__reasons__": "; ".join(said),
    }
    return [values[name] for name in HUB]


def _origin(row: dict[str, Any], text: dict[str, str]) -> tuple[str, str, str, str]:
    """Where a row in quarantine stood first."""
    named = (
        {name: text.get(name) for name in ORIGIN}
        if "__original__" in text
        else {"sheet": row["sheet"], "row_number": row["row_number"]}
    )
    return landing.origin({**text, **named}, row["extract_id"])


def _sheets(path: Path) -> Iterator[pl.DataFrame]:
    """The sheets of a workbook as raw text tables, but for the guide."""
    try:
        names = excel.sheets(path, path.name)
    except OSError as error:
        raise SourceError(f"cannot be read / 无法读取: {error.strerror}", str(path), "check the file") from error
    for name in names:
        if name != GUIDE:
            yield from readers.read(
                path, Read.model_validate({"as": "excel", "files": path.name, "sheet": name}), path.name
            )


def _source_of(frame: pl.DataFrame, known: set[str], file: str) -> str:
    """The source a sheet's rows are of."""
    where = f"{file}, sheet {frame['sheet'][0]}"
    missing = [name for name in HUB if name not in frame.columns]
    if missing:
        raise SourceError(f"not a sheet that esg quarantine --export wrote, it lacks / 不是导出的隔离表，缺少列: {', '.join(missing)}", where,
                          "export the refused rows again and correct them there")  # fmt: skip
    for name, number in frame.select("__source__", "row_number").iter_rows():
        if name not in known or name != frame["__source__"][0]:
            what = f"the cell must name the sheet's source, it says / 单元格应为该表的来源: {name}"
            raise SourceError(
                what, f"{where}, row {number}, column __source__", "restore the cell, or export the rows again"
            )
    return frame["__source__"][0]


def _changed(enterprise: Enterprise, source: Source, frames: list[pl.DataFrame], path: Path) -> pl.DataFrame:
    """The rows of a source that were changed in the workbook, as they are landed."""
    standing: dict[tuple[str, str, str, str], set[str]] = {}
    for row in _all(enterprise, source.name).iter_rows(named=True):
        text = json.loads(row["raw"])
        standing.setdefault(_origin(row, text), set()).add(_content(_cells(source, text)))
    found = []
    for frame in frames:
        texts = _own_decimals(
            frame,
            form_of_rows(enterprise, source, frame["__extract_id__"].unique().drop_nulls().sort(), {})["decimal"],
            path,
        )
        for name in (*ORIGIN[:1], *ORIGIN[2:]):
            _filled(texts, name, path.name)
        keep = []
        for row in texts.iter_rows(named=True):
            before = standing.get(landing.origin(row, ""))
            if before is None:
                raise SourceError("the row is not in quarantine (any more) / 该行不在隔离区（或已不在）",
                                  f"{path.name}, sheet {row['sheet']}, row {row['row_number']}: source {source.name}, file {row['__file__']}, row {row['__row_number__']}",
                                  "export the refused rows again: the file may have been delivered anew, or the row be accepted by now")  # fmt: skip
            keep.append(
                _content({name: text for name, text in row.items() if name not in ("sheet", "row_number")})
                not in before
            )
        found.append(texts.filter(pl.Series(keep, dtype=pl.Boolean)).drop("__source__", "__reasons__"))
    return _ragged(pl.concat(found, how="diagonal"))


def _filled(frame: pl.DataFrame, name: str, file: str) -> None:
    empty = frame.filter(pl.col(name).is_null())
    if empty.height:
        raise SourceError(f"{name} is empty / 为空", f"{file}, sheet {empty['sheet'][0]}, row {empty['row_number'][0]}, column {name}",
                          "rows cannot be added here: copy the grey cells of the row it corrects, or deliver it with its source")  # fmt: skip


def _content(text: dict[str, str | None]) -> str:
    """The fingerprint of what a row says, by which an unchanged row is known (workbooks change line ends and such)."""
    plain = {name: re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff\ufffe\uffff]|_xFFFE_|_xFFFF_", "", re.sub(r"\r\n?", "\n", value[:_LONGEST_CELL]))
             for name, value in text.items() if value is not None and name not in HUB}  # fmt: skip
    return digest({name: value for name, value in plain.items() if value})


def _own_decimals(frame: pl.DataFrame, decimal: str, path: Path) -> pl.DataFrame:
    """Numbers typed as numbers, with the decimal sign that the texts beside them have."""
    if decimal == ".":
        return frame
    cells = CalamineWorkbook.from_path(path).get_sheet_by_name(frame["sheet"][0]).to_python(skip_empty_area=False)
    places = {str(name).strip(): place for place, name in enumerate(cells[0])}
    for name in [name for name in frame.columns if name in places and name not in HUB]:
        typed = [isinstance(cells[row - 1][places[name]], int | float) for row in frame["row_number"]]
        frame = frame.with_columns(pl.when(pl.Series(typed, dtype=pl.Boolean)).then(pl.col(name).str.replace(".", decimal, literal=True))
                                   .otherwise(pl.col(name)).alias(name))  # fmt: skip
    return frame


def _ragged(rows: pl.DataFrame) -> pl.DataFrame:
    """A row that still has text which fits no column is still ragged."""
    if "__surplus__" not in rows.columns:
        return rows
    return rows.with_columns(
        pl.when(pl.col("__surplus__").is_not_null()).then(pl.lit("ragged_row")).alias("__reader_reason__")
    )
