"""What the reader of Parquet must refuse, and the text of every type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.readers import parquet, read
from connectors.source import Read
from schemas.errors import SourceError

SPEC = Read(**{"as": "parquet", "files": "*.parquet"})


def texts(folder: Path, array: pa.Array) -> list[str | None]:
    path = folder / "archived"
    pq.write_table(pa.table({"x": array}), path)
    return pl.concat(read(path, SPEC, "x.parquet"))["x"].to_list()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1" + b"\0" * 20 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archived"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"empty file|Parquet") as caught:
        list(read(path, SPEC, "x.parquet"))
    assert "x.parquet" in str(caught.value)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archived"
    pq.write_table(pa.table({"x": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match="Parquet"):
        list(read(path, SPEC, "x.parquet"))


NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([12.0, 0.1, 1e21, 1.5e-7]), ["12", "0.1", "1E+21", "0.00000015"]),
        (pa.array([None, 0.1 + 0.2]), [None, "0.30000000000000004"]),
        (pa.array([1, -(2**63), None]), ["1", "-9223372036854775808", None]),
        (pa.array([Decimal("12.50"), Decimal("0.01"), None]), ["12.50", "0.01", None]),
        (pa.array([Decimal("0.000000001")], pa.decimal128(20, 9)), ["0.000000001"]),
        (pa.array([Decimal("1.5")], pa.decimal256(60, 1)), ["1.5"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([date(2026, 1, 31), None]), ["2026-01-31", None]),
        (pa.array([time(8, 15), time(8, 15, 0, 500_000)]), ["08:15:00", "08:15:00.500000"]),
        (pa.array([timedelta(hours=26, minutes=30)]), ["26:30:00"]),
        (pa.array([timedelta(hours=-1)], pa.duration("ns")), ["-01:00:00"]),
        (pa.array([NOON, None]), ["2026-01-31 12:00:00", None]),
        (pa.array([NOON + timedelta(milliseconds=5)]), ["2026-01-31 12:00:00.005000"]),
        (pa.array([NOON], pa.timestamp("s", "Asia/Shanghai")), ["2026-01-31T20:00:00+08:00"]),
        (pa.array([1_769_860_800_000_000_001], pa.timestamp("ns")), ["2026-01-31 12:00:00.000000001"]),
        (pa.array(["", " a ", None]), [None, " a ", None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([b"\xff\x00", "电".encode()]), ["ff00", "电"]),
        (pa.array([[1, 2], None]), ["[1, 2]", None]),
        (pa.array([{"k": "电", "d": date(2026, 1, 31)}]), ['{"k": "电", "d": "2026-01-31"}']),
        (pa.nulls(2), [None, None]),
    ],
)  # fmt: skip
def test_every_type_has_its_text(tmp_path: Path, array: pa.Array, expected: list[str | None]) -> None:
    assert texts(tmp_path, array) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_no_digit_of_a_number_is_lost(tmp_path: Path, values: list[float]) -> None:
    written = texts(tmp_path, pa.array(values))
    assert [float(text) for text in written] == values
    # from 1e16 on, a binary number has not all the digits it would show
    assert ["E" in text for text in written] == [abs(value) >= 1e16 for value in values]


def test_row_numbers_run_over_batches_and_an_empty_file_keeps_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", 4)
    path = tmp_path / "archived"
    pq.write_table(pa.table({"x": list(range(10)), "row_number": [7] * 10}), path)
    frames = list(read(path, SPEC, "x.parquet"))
    assert [frame.height for frame in frames] == [4, 4, 2]
    assert pl.concat(frames).select("x", "row_number_2", "row_number").row(9) == ("9", "7", 10)
    pq.write_table(pa.table({"x": pa.array([], pa.int64())}), path)
    (empty,) = read(path, SPEC, "x.parquet")
    assert empty.schema == {"x": pl.String, "row_number": pl.UInt32}
