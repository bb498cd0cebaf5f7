"""What the reader of JSON lines must refuse, mark and keep."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from connectors.readers import jsonl, read
from connectors.source import Read
from schemas.errors import SourceError


def table(folder: Path, content: bytes, **spec: object) -> pl.DataFrame:
    path = folder / "archived"
    path.write_bytes(content)
    frames = list(read(path, Read(**{"as": "jsonl", "files": "*.jsonl", **spec}), "events.jsonl"))
    assert len({tuple(frame.schema.items()) for frame in frames}) == 1
    return pl.concat(frames)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="empty file"):
        table(tmp_path, b"")


def test_a_byte_of_another_encoding_is_refused_with_line_and_byte(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="gb18030") as caught:
        table(tmp_path, b'{"a": 1}\n' + '{"a": "电"}\n'.encode("gbk"))
    # The first line is 9 bytes, `{"a": "` 7: the bad byte stands at 16, in line 2.
    assert "line 2, byte 16" in str(caught.value)


@pytest.mark.parametrize(
    "line", ["{'a': 1}", '{"a": 1', "[1, 2]", "7", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 5000, '{"a": 1} {"a": 2}']
)
def test_a_line_that_is_no_object_is_kept_and_marked(tmp_path: Path, line: str) -> None:
    frame = table(tmp_path, f'{{"a": 1}}\n{line}\n\n{{"a": 2}}'.encode())
    assert frame.rows() == [("1", 1, None, None), (None, 2, "not_json", line), ("2", 4, None, None)]


def test_values_keep_the_text_of_the_source(tmp_path: Path) -> None:
    frame = table(
        tmp_path,
        '{"n": 1.50, "big": 123456789012345678901234567890, "t": " 电 ", "b": true, "none": null, "empty": ""}\n'
        '{"list": [1.5, {"k": "电"}], "n": -0}\r\n'.encode(),
    )
    assert frame.columns[:7] == ["n", "big", "t", "b", "none", "empty", "list"]
    assert frame.row(0)[:7] == ("1.50", "123456789012345678901234567890", " 电 ", "true", None, None, None)
    assert frame.row(1)[:7] == ("-0", None, None, None, None, None, '[1.5, {"k": "电"}]')


def test_batches_have_the_columns_of_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BATCH_ROWS", 2)
    frame = table(tmp_path, '{"a": 1}\n{"a": 2}\n{"b": 3}\n'.encode("utf-16"), encoding="utf-16")
    assert frame.select("a", "b", "row_number").rows() == [("1", None, 1), ("2", None, 2), (None, "3", 3)]
