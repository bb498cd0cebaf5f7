"""Delimited text: every record of the file becomes a row, also the one with a field too many or too few."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv

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
from schemas.errors import SourceError

if TYPE_CHECKING:
    from connectors.source import Read

_HEAD_BYTES = 1 << 20
# The parser keeps one block in memory and cannot take a longer record; such a record is an unclosed quote.
_BLOCK_BYTES = 2 << 20
# A file up to this size is taken as a whole, if it holds no quotes; a longer one always passes block by block.
_PLAIN_BYTES = 128 << 20
# With fewer than one quote in so many lines, looking at each costs less than the parser that looks at every record.
_SPARSE = 10
# Put after the last record. If it does not come back as a record of its own, a quote was open at the end of the file.
_END = "\x04end of file\x04"


def read(path: Path, spec: Read, name: str) -> Iterator[pl.DataFrame]:
    """Read one delimited file; see `connectors.readers` for the frames.

    `row_number` counts records (and, above the header, lines), so a cell with line breaks does not shift it. Line ends may be LF, CRLF or CR.

    Raises:
        SourceError: the file is empty, not in its encoding, has no complete header, or a quote is never closed.
    """
    for key, sign in (("delimiter", spec.delimiter), ("quote", spec.quote or '"')):
        if len(sign) != 1 or not sign.isascii():
            raise SourceError(f"read.{key} 必须是一个 ASCII 字符 / must be one ASCII character: {sign!r}", name)
    try:
        yield from _frames(path, spec, name)
    except UnicodeDecodeError:
        raise undecodable(path, spec.encoding, name) from None
    except pa.ArrowInvalid as error:
        if "invalid UTF8" in str(error):
            raise undecodable(path, spec.encoding, name) from None
        if "straddl" in str(error):
            raise _unclosed(name, "") from None
        what = f"CSV 无法解析 / cannot be parsed: {error}"
        raise SourceError(what, name, "检查 / check read.delimiter, read.quote") from None


def _frames(path: Path, spec: Read, name: str) -> Iterator[pl.DataFrame]:
    chunks = utf8_chunks(path, spec.encoding, name)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    names, used = _header(head, spec, name)
    rows = _Rows(names, spec)
    pieces, size = [head[used:]], len(head)
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > _PLAIN_BYTES:
            break
    if size <= _PLAIN_BYTES:
        pieces = [b"".join(pieces)]
        table = _plain(pieces[0], rows.columns, spec)
        if table is not None:
            yield from map(rows.frame, table.iter_slices(BATCH_ROWS) if table.height else [table])
            return
    for table in _parsed(_decodable(itertools.chain(pieces, chunks)), rows, spec, name):
        yield rows.frame(table)


def _decodable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces, judged before the parser sees them: what it says of a bad byte in a ragged record cannot be caught."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    for chunk in chunks:
        for start in range(0, len(chunk), _HEAD_BYTES):
            decoder.decode(chunk[start : start + _HEAD_BYTES])
        yield chunk
    decoder.decode(b"", final=True)


def _plain(body: bytes, columns: list[str], spec: Read) -> pl.DataFrame | None:
    """All records of a file without quotes in one go, or None if it needs the parser that looks at every record.

    A record with too many fields makes polars refuse the file, but for an empty one at the file's very end; where none
    has too many and the delimiters are as many as all records together need, none has too few either.
    """
    quote, delimiter = spec.quote.encode(), spec.delimiter.encode()
    lines = _count(body, b"\n") + (not body.endswith(b"\n") and bool(body))
    if b"\r" in body or body.endswith(delimiter) or _count(body, delimiter) != lines * (len(columns) - 1):
        return None
    quotes = _count(body, quote) if quote else 0
    if quotes and not _only_plain_cells_are_quoted(body, quote, delimiter, quotes, lines):
        return None
    schema = dict.fromkeys(columns, pl.String)
    if not lines:
        return pl.DataFrame(schema=schema)
    try:
        table = pl.read_csv(
            body,
            has_header=False,
            schema=schema,
            separator=spec.delimiter,
            quote_char=spec.quote if quotes else None,
            null_values=[""],
        )
    except pl.exceptions.PolarsError:
        return None  # the other parser meets the same fault and names it
    return table if table.height == lines else None


def _count(body: bytes, sign: bytes) -> int:
    """How often one byte stands in a text; four times as fast as `bytes.count` where it stands often."""
    signs, code = np.frombuffer(body, dtype=np.uint8), ord(sign)
    pieces = range(0, signs.size, _HEAD_BYTES)  # small enough to stay in the processor's cache
    return sum(int(np.count_nonzero(signs[start : start + _HEAD_BYTES] == code)) for start in pieces)


def _only_plain_cells_are_quoted(body: bytes, quote: bytes, delimiter: bytes, quotes: int, lines: int) -> bool:
    """Whether the few quotes there are stand around whole cells without delimiter, line break or quote in them."""
    if quotes * _SPARSE > lines:
        return False
    outside, start = (b"", delimiter, b"\n"), body.find(quote)
    while start >= 0:
        end = body.find(quote, start + 1)
        cell = body[start + 1 : end]
        around = body[start - 1 : start] if start else b"", body[end + 1 : end + 2]
        if end < 0 or delimiter in cell or b"\n" in cell or not all(sign in outside for sign in around):
            return False
        start = body.find(quote, end + 1)
    return True


def _header(head: bytes, spec: Read, name: str) -> tuple[list[str], int]:
    """Column names, and how many bytes the header takes."""
    # A character may be cut at the end of the head; a bad byte is met again, and named, by the parser.
    text = head.decode(errors="ignore")
    lines: list[str] = []

    def noted() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lines.append(line)
            yield line

    feed = noted()
    skipped = len(list(itertools.islice(feed, spec.skip_rows)))
    place = f"{name}, line {skipped + 1}"
    try:
        rows = list(itertools.islice(csv.reader(feed, **_dialect(spec)), spec.header_rows))
    except csv.Error as error:
        what = f"表头无法解析 / the header cannot be parsed: {error}"
        raise SourceError(what, place, "检查 / check read.quote, read.skip_rows") from None
    used = len("".join(lines).encode())
    if len(rows) < spec.header_rows or not any(rows[-1]) or used >= max(_HEAD_BYTES - 4, 1):
        what = f"没有完整的表头({spec.header_rows} 行)/ no complete header of {spec.header_rows} row(s)"
        raise SourceError(what, place, "检查 / check read.header_rows, read.skip_rows, read.quote")
    if any("\x00" in cell for row in rows for cell in row):
        raise SourceError("表头含 NUL 字节,不是文本 / NUL bytes in the header: no text", name, "read.encoding: utf-16?")
    width = max(map(len, rows))
    padded = [row + [""] * (width - len(row)) for row in rows]
    return header_names(padded, (ROW_NUMBER, REASON, SURPLUS)), used


def _dialect(spec: Read) -> dict[str, Any]:
    quoting: dict[str, Any] = {"quotechar": spec.quote} if spec.quote else {"quoting": csv.QUOTE_NONE}
    return {"delimiter": spec.delimiter, **quoting}


def _parsed(chunks: Iterable[bytes], rows: _Rows, spec: Read, name: str) -> Iterator[pl.DataFrame]:
    """Yield the records that fit, about BATCH_ROWS at a time; at least one table, which may be empty."""
    columns = rows.columns
    schema = pa.schema([(column, pa.string()) for column in columns])
    reader = arrow_csv.open_csv(
        pa.PythonFile(Feed(_with_end(chunks, spec.delimiter * (len(columns) - 1))), mode="r"),
        # One thread: only then does the parser tell the number of a record that does not fit.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=columns),
        parse_options=arrow_csv.ParseOptions(
            delimiter=spec.delimiter,
            quote_char=spec.quote or False,
            newlines_in_values=bool(spec.quote),
            ignore_empty_lines=False,
            invalid_row_handler=rows.note_ragged,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    held: list[pa.RecordBatch] = []
    for batch in reader:
        if sum(part.num_rows for part in held) >= BATCH_ROWS:
            yield _table(held, schema)
            held = []
        if batch.num_rows:
            held.append(batch)
    last = held.pop() if held else None
    if last is None or last.column(0)[-1].as_py() != _END:
        raise _unclosed(name, f"row {rows.last_row(held, last)}")
    yield _table([*held, last.slice(0, last.num_rows - 1)], schema)


def _table(batches: list[pa.RecordBatch], schema: pa.Schema) -> pl.DataFrame:
    return cast("pl.DataFrame", pl.from_arrow(pa.Table.from_batches(batches, schema=schema)))


def _with_end(chunks: Iterable[bytes], delimiters: str) -> Iterator[bytes]:
    last = b"\n"
    for chunk in chunks:
        yield chunk
        last = chunk[-1:] or last
    yield (("" if last in b"\r\n" else "\n") + _END + delimiters + "\n").encode()


def _unclosed(name: str, place: str) -> SourceError:
    where = ", ".join(filter(None, (name, place)))
    todo = "补上引号,或设 read.quote: '' / close it, or set read.quote: ''"
    return SourceError("引号没有闭合 / a quote is never closed", where, todo)


class _Rows:
    """Numbers the records, and puts those with a wrong number of fields back among the others."""

    def __init__(self, names: list[str], spec: Read) -> None:
        self.names = names
        self.columns = [f"c{position}" for position in range(len(names))]  # names that no parser stumbles over
        self._dialect, self._delimiter = _dialect(spec), spec.delimiter
        self._above = spec.skip_rows + spec.header_rows
        self._next = 1
        self._ragged: list[tuple[int, str]] = []

    def note_ragged(self, row: arrow_csv.InvalidRow) -> str:
        """Called by the parser, which then leaves the record out."""
        self._ragged.append((row.number, row.text))
        return "skip"

    def last_row(self, held: list[pa.RecordBatch], last: pa.RecordBatch | None) -> int:
        """The row in which the last record begins."""
        parsed = sum(part.num_rows for part in held) + (last.num_rows if last else 0)
        whole = self._numbers(parsed)[:parsed].tolist()
        return self._above + max([1, *whole[-1:], *(number for number, _ in self._ragged[-1:])])

    def frame(self, table: pl.DataFrame) -> pl.DataFrame:
        """The raw text table of the next parsed records and of the ragged ones among them."""
        table = table.rename(dict(zip(self.columns, self.names, strict=True)))
        numbers = self._numbers(table.height)
        self._next = int(numbers[table.height])
        frame = table.with_columns(
            pl.Series(ROW_NUMBER, numbers[: table.height] + self._above, dtype=pl.UInt32),
            pl.lit(None, pl.String).alias(REASON),
            pl.lit(None, pl.String).alias(SURPLUS),
        )
        if all(table.select(pl.all().null_count()).row(0)):
            frame = frame.filter(~pl.all_horizontal(pl.col(*self.names).is_null()))
        return self._with_ragged(frame)

    def _numbers(self, parsed: int) -> np.ndarray:
        """Numbers (header not counted) of the next `parsed` records and of the one after: those not known as ragged."""
        ragged = np.array([number for number, _ in self._ragged], dtype=np.int64)
        span = np.arange(self._next, self._next + parsed + 1 + len(ragged), dtype=np.int64)
        return np.setdiff1d(span, ragged, assume_unique=True)[: parsed + 1] if len(ragged) else span

    def _with_ragged(self, frame: pl.DataFrame) -> pl.DataFrame:
        due = [(number, text) for number, text in self._ragged if number < self._next]
        self._ragged = self._ragged[len(due) :]
        if not due:
            return frame
        records = [record for number, text in due if (record := self._record(number, text))]
        ragged = pl.DataFrame(records, schema=frame.schema, orient="row")
        return pl.concat([frame, ragged]).sort(ROW_NUMBER)

    def _record(self, number: int, text: str) -> list[str | int | None] | None:
        """One ragged record as a row; None if all its fields are empty."""
        try:
            cells = next(csv.reader([text], **self._dialect), [])
            surplus = self._delimiter.join(cells[len(self.names) :])
        except csv.Error:
            cells, surplus = [], text
        if not any(cells) and not surplus.strip(self._delimiter):
            return None
        fields = [cell or None for cell in cells[: len(self.names)]]
        fields += [None] * (len(self.names) - len(fields))
        return [*fields, number + self._above, "ragged_row", surplus or None]
