"""What the reader of delimited text must refuse, mark and keep."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.readers import read
from connectors.readers import text as reader_text
from connectors.source import Read
from schemas.errors import SourceError

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk", "latin-1"]


def table(folder: Path, content: bytes, **spec: object) -> pl.DataFrame:
    path = folder / "archived"
    path.write_bytes(content)
    return pl.concat(read(path, Read(**{"as": "csv", "files": "*.csv", **spec}), "readings.csv"))


def refusal(folder: Path, content: bytes, **spec: object) -> str:
    with pytest.raises(SourceError) as caught:
        table(folder, content, **spec)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "empty file" in refusal(tmp_path, content)


def test_a_byte_of_another_encoding_is_refused_with_line_byte_and_a_suggestion(tmp_path: Path) -> None:
    # "meter,unit\n" is 11 bytes, "a,kWh\n" 6, "b," 2: the first byte of the GBK text stands at 19, in line 3.
    said = refusal(tmp_path, "meter,unit\na,kWh\nb,万度\n".encode("gbk"))
    assert "readings.csv, line 3, byte 19" in said
    assert "gb18030" in said


def test_a_bad_byte_beyond_the_first_megabyte_is_still_named(tmp_path: Path) -> None:
    # Header 4 bytes, then 400,000 records of 4 bytes: the bad byte stands at 4 + 1,600,000, in line 400,002.
    assert "line 400002, byte 1600004" in refusal(tmp_path, b"a,b\n" + b"1,2\n" * 400_000 + b"\xff,2\n")
    assert "line 400002, byte 1600004" in refusal(
        tmp_path, b"a,b\n" + b"1,2\n" * 400_000 + b"\xff\xff\n", encoding="gb18030"
    )


def test_a_file_that_says_utf_16_is_not_read_as_utf_8(tmp_path: Path) -> None:
    assert "read.encoding" in refusal(tmp_path, "a,b\n1,2\n".encode("utf-16"))


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    assert "unknown encoding: gbk2" in refusal(tmp_path, b"a\n1\n", encoding="gbk2")


def test_a_workbook_declared_as_csv_is_refused(tmp_path: Path) -> None:
    assert "excel" in refusal(tmp_path, b"PK\x03\x04....")


@pytest.mark.parametrize("tail", [b'3,"open', b'3,"open\n4,5\n', b'"open', b'3,4,"open\n'])
def test_a_quote_that_is_never_closed_is_refused_and_swallows_no_rows(tmp_path: Path, tail: bytes) -> None:
    said = refusal(tmp_path, b"a,b\n1,2\n" + tail)
    assert "a quote is never closed" in said
    assert "row 3" in said


def test_a_quote_open_over_megabytes_is_refused(tmp_path: Path) -> None:
    assert "never closed" in refusal(tmp_path, b'a,b\n1,"2\n' + b"1,2\n" * 1_000_000)


def test_fewer_rows_than_header_rows_are_refused(tmp_path: Path) -> None:
    assert "header" in refusal(tmp_path, b"a,b\n", header_rows=2)


def test_a_row_with_a_field_too_many_or_too_few_is_kept_and_marked(tmp_path: Path) -> None:
    frame = table(tmp_path, b'a,b\n1,2\n3\n\n4,5,6,"7,8"\n9,\n,,\n10,11\n')
    assert frame.rows() == [
        ("1", "2", 2, None, None),
        ("3", None, 3, "ragged_row", None),
        ("4", "5", 5, "ragged_row", "6,7,8"),
        ("9", None, 6, None, None),
        ("10", "11", 8, None, None),
    ]


def test_a_file_of_ragged_rows_only_loses_none(tmp_path: Path) -> None:
    frame = table(tmp_path, b"a,b\n" + b"1,2,\n" * 1000)
    assert frame.height == 1000
    assert frame["row_number"].to_list() == list(range(2, 1002))
    assert frame["__reader_reason__"].unique().to_list() == ["ragged_row"]


def test_a_header_without_rows_gives_an_empty_table(tmp_path: Path) -> None:
    frame = table(tmp_path, b"a,b")
    assert frame.columns == ["a", "b", "row_number", "__reader_reason__", "__surplus__"]
    assert frame.height == 0


def test_blanks_around_a_cell_stay_and_around_a_header_go(tmp_path: Path) -> None:
    frame = table(tmp_path, b"\xef\xbb\xbf department , n\nfinishing ,1\nfinishing,2\n")
    assert frame.columns[:2] == ["department", "n"]
    assert frame["department"].to_list() == ["finishing ", "finishing"]


def test_repeated_and_reserved_headers_get_a_number(tmp_path: Path) -> None:
    assert table(tmp_path, b"a,a,a_2,row_number,,a\n1,2,3,4,5,6\n").columns[:6] == [
        "a",
        "a_3",
        "a_2",
        "row_number_2",
        "column_5",
        "a_4",
    ]


def test_two_header_rows_are_joined_and_do_not_leak_into_the_next_group(tmp_path: Path) -> None:
    frame = table(tmp_path, "站点,电,,水\n,峰,谷,\nS1,1,2,3\n".encode(), header_rows=2)
    assert frame.columns[:4] == ["站点", "电/峰", "电/谷", "水"]
    assert frame.row(0) == ("S1", "1", "2", "3", 3, None, None)


# what stands above a header is not CSV: another number of fields, a quote that is never closed
def test_lines_above_the_header_are_skipped_and_counted(tmp_path: Path) -> None:
    content = b'Report "Sales\r\nexported: 2026-02-01, 08:00\r\n\r\na,b\r\n1,"x\r\ny"\r\n2\r\n3,z\r\n'
    frame = table(tmp_path, content, skip_rows=3)
    assert frame.select("a", "b", "row_number", "__reader_reason__").rows() == [
        ("1", "x\r\ny", 5, None), ("2", None, 6, "ragged_row"), ("3", "z", 7, None),
    ]  # fmt: skip
    assert table(tmp_path, b"title\na,b\n1,2\n", skip_rows=1).row(0) == ("1", "2", 3, None, None)
    assert "readings.csv, line 3" in refusal(tmp_path, b"title\na,b\n", skip_rows=2)


def test_row_numbers_count_records_blank_lines_and_no_line_breaks_in_cells(tmp_path: Path) -> None:
    frame = table(tmp_path, b'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\n')
    assert frame["row_number"].to_list() == [2, 4]
    assert frame["b"].to_list() == ["x\r\ny", "z"]


def test_a_stray_quote_inside_a_cell_is_text(tmp_path: Path) -> None:
    assert table(tmp_path, b'a,b\n1,5" pipe\n2,x\n')["b"].to_list() == ['5" pipe', "x"]


def test_without_a_quote_sign_every_quote_is_text(tmp_path: Path) -> None:
    assert table(tmp_path, b'a;b\n1;"x\n', delimiter=";", quote="")["b"].to_list() == ['"x']


def test_batches_of_a_long_file_have_the_same_columns_and_running_row_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.readers.csv.BATCH_ROWS", 100_000)
    path = tmp_path / "archived"
    path.write_bytes(b"a,b\n" + (b"12345,67890\n" * 999 + b"1\n") * 500)
    frames = list(read(path, Read(**{"as": "csv", "files": "x"}), "x.csv"))
    assert len(frames) > 2
    assert len({tuple(frame.schema.items()) for frame in frames}) == 1
    whole = pl.concat(frames)
    assert whole["row_number"].to_list() == list(range(2, 500_002))
    marked = whole.filter(pl.col("__reader_reason__").is_not_null())["row_number"]
    assert marked.to_list() == list(range(1001, 500_002, 1000))


def test_day_columns_become_rows_and_an_empty_cell_none(tmp_path: Path) -> None:
    spec = {"unpivot": {"columns": ["1..31"], "name": "day", "value": "register"}}
    frame = table(tmp_path, b"meter,1,2,3\nm1,10,,30\nm2,,,\nm3,5\n", **spec)
    assert frame.select("meter", "day", "register", "row_number").rows() == [
        ("m1", "1", "10", 2),
        ("m1", "3", "30", 2),
        ("m3", None, None, 4),
    ]
    assert frame["__surplus__"].to_list() == [None, None, "5,,,"]


def test_an_unpivot_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    spec = {"unpivot": {"columns": ["2", "kWh"], "name": "day", "value": "v"}}
    assert "no column for unpivot: kWh" in refusal(tmp_path, b"meter,1,2\nm,1,2\n", **spec)


# Letters of every encoding's own repertoire, and all that CSV itself uses. U+FEFF, NUL and lone surrogates are no text.
COMMON = 'aZ09 ,;"\n\r\t|.-%'
ALPHABETS = {"latin-1": COMMON + "éÿü", "gbk": COMMON + "电表水", "gb18030": COMMON + "电表水é€𠀀"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(data=st.data())
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_csv_writes_reads_back_the_same(tmp_path: Path, encoding: str, line_end: str, data: st.DataObject) -> None:
    letters = ALPHABETS.get(encoding, COMMON + "电表水é€𠀀\x85\u2028")
    cell = st.text(letters, max_size=6)
    rows = data.draw(st.lists(st.lists(cell, min_size=3, max_size=3), max_size=8))
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    frame = table(tmp_path, written.getvalue().encode(encoding), encoding=encoding)
    expected = [
        (*(cell or None for cell in row), number, None, None) for number, row in enumerate(rows, start=2) if any(row)
    ]
    assert frame.rows() == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(lines=st.lists(st.text('ab",', max_size=8), max_size=12))
def test_every_record_that_python_finds_is_found(tmp_path: Path, lines: list[str]) -> None:
    content = "x,y\n" + "\n".join(lines)
    ours: list[tuple] = []
    try:
        ours = table(tmp_path, content.encode()).rows()
    except SourceError as error:
        assert "never closed" in str(error)
        return
    rows = list(csv.reader(io.StringIO(content, newline="")))[1:]
    theirs = [(number, [cell or None for cell in row]) for number, row in enumerate(rows, start=2) if any(row)]
    assert [row[2] for row in ours] == [number for number, _ in theirs]
    for row, (_, cells) in zip(ours, theirs, strict=True):
        assert list(row[:2]) == [*cells, None][:2]
        assert (row[3] == "ragged_row") == (len(cells) != 2)


@pytest.mark.parametrize("quotes", [b"", b'"7",8\n'])
def test_a_field_too_many_does_not_make_up_for_one_too_few(tmp_path: Path, quotes: bytes) -> None:
    # 200,000 records of two fields but one of three and one of one, far apart: delimiters and line ends still add up.
    body = [b"1,2\n"] * 200_000
    body[1_000], body[150_000] = b"1,2,3\n", b"4\n"
    frame = table(tmp_path, b"a,b\n" + b"".join(body) + quotes)
    assert frame.height == 200_000 + bool(quotes)
    marked = frame.filter(pl.col("__reader_reason__") == "ragged_row")
    assert marked.rows() == [("1", "2", 1_002, "ragged_row", "3"), ("4", None, 150_002, "ragged_row", None)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@example(lines=["a,b", "c", "d,e,"], end="")
@given(lines=st.lists(st.text("ab, \t#'\\é\u2028", max_size=8), max_size=12), end=st.sampled_from(["", "\n", "\n\n"]))
@pytest.mark.parametrize("columns", [1, 2])
def test_files_with_and_without_quotes_are_read_alike(tmp_path: Path, columns: int, lines: list[str], end: str) -> None:
    content = ",".join("xy"[:columns]) + "\n" + "\n".join(lines) + end
    plain = table(tmp_path, content.encode())
    # One more record, with quotes, takes the file to the parser that looks at every record.
    quoted = table(tmp_path, content.encode() + (b"" if content.endswith("\n") else b"\n") + b'"q"\n')
    assert plain.rows() == quoted.rows()[:-1]


def test_a_multibyte_character_cut_by_a_chunk_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_text, "_CHUNK", 7)
    for encoding in ("utf-8", "gb18030", "utf-16"):
        frame = table(tmp_path, "表号,示数\n电表𠀀,1.50\n水表,2\n".encode(encoding), encoding=encoding)
        assert frame.select("表号", "示数").rows() == [("电表𠀀", "1.50"), ("水表", "2")]
