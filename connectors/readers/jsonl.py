"""JSON lines: one object per line becomes a row; a line that is none stays a row, marked, with its text."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import polars as pl

from connectors.readers.text import (
    BATCH_ROWS,
    REASON,
    ROW_NUMBER,
    SURPLUS,
    Feed,
    header_names,
    undecodable,
    utf8_chunks,
)

if TYPE_CHECKING:
    from connectors.source import Read


def read(path: Path, spec: Read, name: str) -> Iterator[pl.DataFrame]:
    """Read one file of JSON lines; `row_number` is the line, blank lines count but are no rows.

    Columns are the keys in order of first appearance over the whole file, so the file is read twice. Numbers keep the
    digits of the source (`1.50` stays `1.50`), null and "" are null, nested values are JSON text.

    Raises:
        SourceError: the file is empty or not in its encoding.
    """
    keys: dict[str, None] = {}
    for _, record, _ in _records(path, spec, name):
        keys |= dict.fromkeys(record or ())
    columns = dict(zip(keys, header_names([list(keys)], (ROW_NUMBER, REASON, SURPLUS)), strict=True))
    texts = [*columns.values(), REASON, SURPLUS]
    schema = dict.fromkeys(columns.values(), pl.String) | {ROW_NUMBER: pl.UInt32, REASON: pl.String, SURPLUS: pl.String}
    records = _records(path, spec, name)
    first = True
    while (batch := list(itertools.islice(records, BATCH_ROWS))) or first:
        cells: dict[str, list[Any]] = {text: [] for text in texts}
        for _, record, line in batch:
            for key, column in columns.items():
                cells[column].append(record.get(key) if record is not None else None)
            cells[REASON].append("not_json" if record is None else None)
            cells[SURPLUS].append(line if record is None else None)
        cells[ROW_NUMBER] = [number for number, _, _ in batch]
        yield pl.DataFrame(cells, schema_overrides=schema).select(*schema)
        first = False


def _records(path: Path, spec: Read, name: str) -> Iterator[tuple[int, dict[str, str | None] | None, str]]:
    """Line number, the object's texts by key (None if the line is no object), and the line itself."""
    lines = io.BufferedReader(Feed(utf8_chunks(path, spec.encoding, name)), 1 << 20)
    for number, raw in enumerate(lines, start=1):
        try:
            line = raw.decode().strip("\r\n")
        except UnicodeDecodeError:
            raise undecodable(path, spec.encoding, name) from None
        if line.strip():
            yield number, _object(line, spec.decimal), line


def _object(line: str, decimal: str) -> dict[str, str | None] | None:
    try:
        parse_float = str if decimal == "." else lambda text: text.replace(".", decimal)
        record = json.loads(
            line, parse_int=str, parse_float=parse_float, parse_constant=_refuse, object_pairs_hook=_once
        )
        if not isinstance(record, dict):
            return None
        if any(isinstance(value, dict | list) for value in record.values()):
            # A second look, for there the numbers must stay numbers and not become quoted texts.
            nested = json.loads(line)
            record = {key: nested[key] if isinstance(value, dict | list) else value for key, value in record.items()}
        return {key: _text(value) for key, value in record.items()}
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value or None  # type: ignore[return-value]  # numbers arrive as the text they had


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are no JSON


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key is given twice: which value is meant?")
    return record
