"""How bytes become characters, values become the text a source shows, and header cells become column names."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas.errors import SourceError

#: Rows of one yielded frame: as many as a table of texts may have while staying well under a gigabyte.
BATCH_ROWS = 1_000_000
#: What a reader adds to the columns of the source; a source column of the same name is renamed to `<name>_2`.
ROW_NUMBER, SHEET, REASON, SURPLUS = "row_number", "sheet", "__reader_reason__", "__surplus__"

BOM = "\ufeff"
#: Texts that are no number, name or code of anything, though they stand where one should: why, how they are known (in the
#: syntax that Python and polars share), and what stands for them where the text itself may not rest.
NO_KEY: dict[str, tuple[str, str]] = {
    "total_row": (
        r"(?i)[合总小共]\s*计|累\s*计|^\s*(?:(?:grand|sub)?[\s-]*totals?|(?:zwischen|gesamt)?summe|gesamt)\s*[:：]?\s*$|^\s*\*+\s*$",
        "合计",
    ),
    "lost_digits": (r"^\s*\d(?:[.,]\d+)?[eE]\+\d+\s*$", "0E+0"),
    "cell_in_error": (r"^\s*(?:=.*|#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!))\s*$", "#N/A"),
    "placeholder": (r"(?i)^\s*(?:null|none|nan|nil|n/?a|无|空|暂无|未知|待定)\s*$|^[^\w*#=]*[^\w*#=\s][^\w*#=]*$", "-"),
}
_CHUNK = 1 << 20
_UTF8 = ("utf-8", "utf-8-sig")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Feed(io.RawIOBase):
    """A readable binary stream over an iterator of byte strings."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Take the pieces; each is read when it is needed."""
        self._chunks, self._rest = iter(chunks), b""

    def readable(self) -> bool:
        """Always: this stream is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Fill `buffer` with the next bytes; 0 only at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def utf8_chunks(path: Path, encoding: str, name: str) -> Iterator[bytes]:
    """Yield the characters of a text file as UTF-8, piece by piece, without a byte-order mark.

    UTF-8 is handed through unjudged (whoever parses it meets the bad byte and raises `undecodable`); every other
    encoding is decoded strictly.

    Raises:
        SourceError: the file is empty, the encoding unknown or contradicted by a byte-order mark, or a byte does not
            belong to the encoding (with line and byte).
    """
    codec = _codec(encoding, name)
    with path.open("rb") as file:
        first = file.read(_CHUNK)
        _check_mark(first, codec, name)
        pieces = _pieces(first, file)
        if codec in _UTF8:
            yield first.removeprefix(codecs.BOM_UTF8)
            yield from (piece for piece in pieces if piece is not first)
            return
        decoder = codecs.getincrementaldecoder(codec)("strict")
        try:
            for piece in pieces:
                yield decoder.decode(piece).removeprefix(BOM if piece is first else "").encode()
            yield decoder.decode(b"", final=True).encode()
        except UnicodeDecodeError:
            raise undecodable(path, encoding, name) from None


def undecodable(path: Path, encoding: str, name: str) -> SourceError:
    """The error for a file that is not in its declared encoding, with line (from 1) and byte (from 0) of the place."""
    codec = _codec(encoding, name)
    line, byte, bad = _first_bad(path, codec) or (0, 0, b"")
    fitting = [other for other in ("utf-8", "gb18030", "latin-1") if other != codec and _first_bad(path, other) is None]
    return SourceError(
        f"文件不是 {encoding} 编码 / the file is not {encoding}: bytes {bad.hex(' ')}",
        f"{name}, line {line}, byte {byte}",
        f"可试 / try read.encoding: {fitting[0]}" if fitting else "用来源系统重新导出 / export the file again",
    )


def _pieces(first: bytes, file: io.BufferedReader) -> Iterator[bytes]:
    yield first
    while piece := file.read(_CHUNK):
        yield piece


def _codec(encoding: str, name: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        known = "utf-8, utf-16, gb18030, gbk, latin-1"
        raise SourceError(f"未知编码 / unknown encoding: {encoding}", name, f"read.encoding: {known}") from None


def _check_mark(first: bytes, codec: str, name: str) -> None:
    if not first or not first.removeprefix(codecs.BOM_UTF8).strip():
        raise SourceError("空文件 / empty file", name, "让来源系统重新导出 / have the source system export it again")
    if first.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SourceError("这是 Excel 工作簿,不是文本 / a workbook, not a text file", name, "read.as: excel")
    marked = next((told for mark, told in _BYTE_ORDER_MARKS if first.startswith(mark)), None)
    if marked and not codec.startswith(marked):
        what = f"文件开头标明 {marked},声明的是 {codec} / the file says {marked}, the source YAML says {codec}"
        raise SourceError(what, f"{name}, line 1, byte 0", f"read.encoding: {marked}")


def _first_bad(path: Path, codec: str) -> tuple[int, int, bytes] | None:
    """Line, byte and the bytes at the first place that `codec` cannot decode; None if it can decode the file."""
    decoder, line, offset, last = codecs.getincrementaldecoder(codec)("strict"), 1, 0, ""
    with path.open("rb") as file:
        for piece in [*iter(lambda: file.read(_CHUNK), b""), b""]:
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                before = last + error.object[: error.start].decode(codec, "ignore")
                return line + _line_ends(before), offset - held + error.start, error.object[error.start : error.end]
            text = last + text
            last = "\r" if text.endswith("\r") else ""
            line += _line_ends(text.removesuffix("\r"))
            offset += len(piece)
    return None


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def header_names(rows: Sequence[Sequence[str | None]], reserved: Iterable[str] = ()) -> list[str]:
    """Column names from one or more header rows.

    Byte-order marks and surrounding blanks go. An upper cell that is empty (a merged one is) takes the cell at its
    left, as long as no cell above starts a new group; levels are joined with `/`. A column without any header is
    `column_<n>`, a repeated name gets `_2`, `_3` …

    Args:
        rows: the header rows from top to bottom, all equally long.
        reserved: names that no source column may take.
    """
    levels = [[(cell or "").replace(BOM, "").strip() for cell in row] for row in rows]
    for depth, row in enumerate(levels[:-1]):
        for column in range(1, len(row)):
            starts_a_group = any(levels[upper][column] != levels[upper][column - 1] for upper in range(depth))
            if not row[column] and not starts_a_group:
                row[column] = row[column - 1]
    joined = ["/".join(filter(None, cells)) for cells in zip(*levels, strict=True)]
    named = [name or f"column_{position}" for position, name in enumerate(joined, start=1)]
    return _unrepeated(named, set(reserved))


def _unrepeated(names: list[str], reserved: set[str]) -> list[str]:
    taken, unique = set(names) | reserved, []
    used = set(reserved)
    for name in names:
        chosen, count = name, 1
        while chosen in used or (chosen != name and chosen in taken):
            count += 1
            chosen = f"{name}_{count}"
        used.add(chosen)
        unique.append(chosen)
    return unique


def text_of(value: object) -> str | None:
    """The text of one typed value: what a person would write, exact.

    Only a binary number from 1E+16 on is in scientific notation: it has not kept all the digits it would show. 12.0 → `12`; dates `2026-01-31`, naive instants `2026-01-31 08:00:00[.ffffff]`, instants with an offset in ISO 8601,
    durations `26:30:00`, booleans `true`/`false`, nested values as JSON; None and the empty text → None.
    """
    return (FORMS.get(type(value)) or _other)(value) or None


def numbers_with(decimal: str, kind: type) -> Callable[[Any], str | None]:
    """As `form_of`, with the decimal sign that the texts of the source have: a typed 1.234 must not pass for 1.234 with a thousands point."""
    form = form_of(kind)
    if decimal == "." or kind not in (float, Decimal):
        return form
    return lambda value: (form(value) or "").replace(".", decimal) or None


def form_of(kind: type) -> Callable[[Any], str | None]:
    """The function that writes values of one Python type, for callers that convert whole columns."""
    return FORMS.get(kind, _other)


def _float(value: float) -> str:
    text = repr(value)
    if "e+" in text:
        return text.upper()
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def _datetime(value: datetime) -> str:
    return value.isoformat(" " if value.tzinfo is None else "T")


def _duration(value: timedelta) -> str:
    micros = value // timedelta(microseconds=1)
    seconds, fraction = divmod(abs(micros), 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    tail = f".{fraction:06d}" if fraction else ""
    return f"{'-' if micros < 0 else ''}{hours:02d}:{minute:02d}:{second:02d}{tail}"


def _bytes(value: bytes) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return bytes(value).hex()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=text_of)


def _other(value: object) -> str:
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _json(list(value) if isinstance(value, tuple | set | frozenset) else value)
    return str(value)


FORMS: dict[type, Callable[[Any], str | None]] = {
    type(None): lambda _: None,
    str: str,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _float,
    Decimal: lambda value: format(value, "f"),
    datetime: _datetime,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: _duration,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    dict: _json,
    list: _json,
    UUID: str,
}
