"""Parquet: typed columns back to the texts a person would write, without losing a digit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.readers.text import BATCH_ROWS, ROW_NUMBER, header_names, numbers_with, text_of
from schemas.errors import SourceError

if TYPE_CHECKING:
    from connectors.source import Read


def read(path: Path, spec: Read, name: str) -> Iterator[pl.DataFrame]:
    """Read one Parquet file, which describes itself: of `spec` only the decimal sign is used, for typed numbers.

    `row_number` counts from 1, for there is no header row.

    Raises:
        SourceError: the file is empty, no Parquet file, or damaged.
    """
    if path.stat().st_size == 0:
        raise SourceError("空文件 / empty file", name, "让来源系统重新导出 / have the source system export it again")
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = header_names([schema.names], (ROW_NUMBER,))
            done = 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                yield _frame(batch, names, done, spec.decimal)
                done += batch.num_rows
            if not done:
                yield _frame(pa.RecordBatch.from_pylist([], schema=schema), names, 0, spec.decimal)
    except (pa.ArrowInvalid, OSError) as error:
        what = f"不是完好的 Parquet 文件 / not a sound Parquet file: {error}"
        raise SourceError(what, name, "重新导出 / export it again") from None


def _frame(batch: pa.RecordBatch, names: list[str], done: int, decimal: str) -> pl.DataFrame:
    columns = [_texts(array, decimal).alias(name) for name, array in zip(names, batch.columns, strict=True)]
    numbers = pl.int_range(done + 1, done + 1 + batch.num_rows, dtype=pl.UInt32, eager=True).alias(ROW_NUMBER)
    return pl.DataFrame([*columns, numbers])


def _texts(array: pa.Array, decimal: str) -> pl.Series:
    """One column as text; the common types as a whole, the others value by value."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _texts(array.dictionary_decode(), decimal)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = pl.Series(array, dtype=pl.String)
        return texts.set(texts == "", None) if (texts == "").any() else texts
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return pl.Series(array).cast(pl.String)
    if pa.types.is_timestamp(kind):
        return _instants(pl.Series(array))
    if pa.types.is_duration(kind):
        array = array.cast(pa.duration("us"))
    number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    form = numbers_with(decimal, float if pa.types.is_floating(kind) else Decimal) if number else text_of
    return pl.Series([None if value is None else form(value) for value in array.to_pylist()], dtype=pl.String)


def _instants(stamps: pl.Series) -> pl.Series:
    zoned = getattr(stamps.dtype, "time_zone", None) is not None
    head, tail = ("%Y-%m-%dT%H:%M:%S", "%:z") if zoned else ("%Y-%m-%d %H:%M:%S", "")
    stamp = pl.col("stamp")
    nanos = stamp.dt.nanosecond()
    written = (
        pl.when(nanos == 0)
        .then(stamp.dt.strftime(head + tail))
        .when(nanos % 1000 == 0)
        .then(stamp.dt.strftime(head + "%.6f" + tail))
        .otherwise(stamp.dt.strftime(head + "%.9f" + tail))
    )
    return pl.DataFrame({"stamp": stamps}).select(written).to_series()
