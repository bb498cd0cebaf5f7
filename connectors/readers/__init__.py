"""One reader per file format: bytes or rows become the raw text table, exactly as the source says it.

Every frame that `read` yields has only String columns (the text of the source, an empty cell is null) and beside them

- `row_number` UInt32: the row as a spreadsheet user counts it, from 1, header rows included;
- `sheet` String: Excel only;
- `__reader_reason__`, `__surplus__` String: csv and jsonl only, and there always, so that all batches agree. A reason
  (`ragged_row`, `not_json`) marks a row that the format itself does not allow; `__surplus__` holds the text that fits
  no column. Such rows are handed on, to be refused with their text.

A spreadsheet-like file (csv, excel) may hold wholly empty rows: they are no rows, but they count in `row_number`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from connectors.readers import csv, excel, jsonl, parquet
from connectors.readers.text import REASON, ROW_NUMBER, SHEET, SURPLUS
from connectors.source import Read, Unpivot
from schemas.errors import SourceError

__all__ = ["REASON", "ROW_NUMBER", "SHEET", "SURPLUS", "read"]

# A database extract is landed as one Parquet file (see `sql.extract`) and read from there.
_READERS: dict[str, Callable[[Path, Read, str], Iterator[pl.DataFrame]]] = {
    "csv": csv.read,
    "excel": excel.read,
    "parquet": parquet.read,
    "jsonl": jsonl.read,
    "sql": parquet.read,
}


def read(path: Path, spec: Read, name: str) -> Iterator[pl.DataFrame]:
    """Read one delivered file as raw text tables of at most about a million rows, all with the same columns.

    Args:
        path: the bytes; an archive names them by sha256, so the name says nothing.
        spec: the `read` part of the source YAML.
        name: the file name as delivered, for messages.

    Raises:
        SourceError: the file is empty, corrupt, in another encoding or of another layout than declared. It may come
            after the first batches, so nothing may be kept before the iterator has ended.
    """
    for frame in _READERS[spec.kind](path, spec, name):
        yield _unpivot(frame, spec.unpivot, name) if spec.unpivot else frame


def _unpivot(frame: pl.DataFrame, unpivot: Unpivot, name: str) -> pl.DataFrame:
    """Turn the cells of the value columns into rows; an empty cell yields none.

    A row that the format does not allow stays one row: its cells cannot be trusted to stand under their headers, so
    `__surplus__` then holds all of them.
    """
    columns = _value_columns(frame.columns, unpivot.columns, name)
    kept = [column for column in frame.columns if column not in columns]
    for new in (unpivot.name, unpivot.value):
        if new in kept:
            todo = "unpivot.name / unpivot.value 换一个名字 / take another name"
            raise SourceError(f"列已存在 / the file already has a column {new}", name, todo)
    bad = frame.filter(pl.col(REASON).is_not_null()) if REASON in frame.columns else frame.clear()
    good = frame.filter(pl.col(REASON).is_null()) if REASON in frame.columns else frame
    long = (
        good.unpivot(columns, index=kept, variable_name=unpivot.name, value_name=unpivot.value)
        .filter(pl.col(unpivot.value).is_not_null())
        .select(*kept, unpivot.name, unpivot.value)
    )
    if bad.height:
        cells = pl.concat_str(*(pl.col(column).fill_null("") for column in [*columns, SURPLUS]), separator=",")
        lost = [pl.lit(None, pl.String).alias(new) for new in (unpivot.name, unpivot.value)]
        long = pl.concat([long, bad.with_columns(cells.alias(SURPLUS), *lost).select(long.columns)])
    return long.sort(ROW_NUMBER, maintain_order=True)


def _value_columns(header: list[str], declared: list[str], name: str) -> list[str]:
    """The header names that `unpivot.columns` stands for; `1..31` is every whole number in that range that is there."""
    found: list[str] = []
    for word in declared:
        first, dots, last = word.partition("..")
        if dots and first.strip().isdigit() and last.strip().isdigit():
            span = range(int(first), int(last) + 1)
            matches = [column for column in header if column.isdecimal() and int(column) in span]
        else:
            matches = [column for column in header if column == word]
        if not matches:
            what = f"unpivot 的列不存在 / no column for unpivot: {word}"
            raise SourceError(what, name, f"表头 / the header has: {', '.join(header)}")
        found += [column for column in matches if column not in found]
    return found
