"""From texts to the contract's types: what is understood, what is refused by name, and that nothing is guessed."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.conform import _SAMPLE, Conformed, References, _coded, conform
from connectors.ingest import _Batch, _judged
from connectors.source import Source
from schemas.contract import contract, names

SITES = pl.DataFrame(
    {"site_id": ["S1", "S2"], "legal_entity_id": ["LE1", "LE1"], "valid_from": None, "valid_to": None},
    schema_overrides={"valid_from": pl.Date, "valid_to": pl.Date},
)
# M1 counts without a grid; M15 counts quarter-hours; MD is read once a day
METERS = pl.DataFrame(
    {
        "meter_id": ["M1", "M15", "MD"],
        "site_id": ["S1", "S1", "S2"],
        "carrier": ["electricity", "electricity", "electricity"],
        "register_kind": ["cumulative", "interval", "cumulative"],
        "unit": ["kWh", "kWh", "kWh"],
        "register_max": [None, None, 1000.0],
        "interval_min": [None, 15, 1440],
        "valid_from": None,
        "valid_to": None,
    },
    schema_overrides={"valid_from": pl.Date, "valid_to": pl.Date, "interval_min": pl.Int64},
)
VEHICLES = pl.DataFrame(
    {"vehicle_id": ["V1"], "ownership": ["own"], "valid_from": None, "valid_to": None},
    schema_overrides={"valid_from": pl.Date, "valid_to": pl.Date},
)
REFERENCES = References({"site": SITES, "meter": METERS, "vehicle": VEHICLES}, ["LE1"], "group")


def _source(name: str, columns: dict[str, Any], **declared: Any) -> Source:
    read = {"as": "csv", "files": "x.csv", **declared.pop("read", {})}
    return Source.model_validate(
        {"name": "s", "folder": Path(), "contract": name, "read": read, "columns": columns, **declared}
    )


def _raw(**columns: str | list[str | None] | None) -> pl.DataFrame:
    height = max(len(values) for values in columns.values() if isinstance(values, list))
    full = {name: values if isinstance(values, list) else [values] * height for name, values in columns.items()}
    frame = pl.DataFrame(full, schema=dict.fromkeys(full, pl.String))
    return frame.with_columns(pl.int_range(2, height + 2, dtype=pl.UInt32).alias("row_number"))


def _conformed(source: Source, raw: pl.DataFrame, zone: str = "Asia/Shanghai") -> Conformed:
    return conform(raw, source, REFERENCES, zone)


def _reasons(
    source: Source, raw: pl.DataFrame, month: str | None = None, zone: str = "Asia/Shanghai"
) -> list[list[str]]:
    """The reasons of each row, contract and all; empty for one that passes."""
    conformed = _conformed(source, raw, zone)
    entry = {"sha256": "e", "name": "x.csv", "month": month}
    ((_, _, bad),) = _judged([_Batch(source, entry, raw, conformed)], contract(source.contract))
    found = dict(zip(bad["row_number"], bad["reasons"].to_list(), strict=True))
    return [sorted(found.get(row, [])) for row in raw["row_number"]]


def _numbers(texts: list[str | None], **read: Any) -> list[float | None]:
    """The empty_km of trips with these texts."""
    source = _trips(read=read)
    found = _conformed(source, _trip(empty=texts))
    refused = found.reasons.get("empty_km: not_a_number", pl.Series([False] * len(texts)))
    values = found.frame["empty_km"].to_list()
    for text, value, bad in zip(texts, values, refused, strict=True):
        # a text that says something is either a number or refused, never silently empty
        assert bad or value is not None or not (text or "").strip(), text
        assert not bad or value is None, text
    return values


TRIP = {"trip_id": "no", "vehicle_id": "car", "started_at": "start", "distance_km": "km", "empty_km": "empty"}


def _trips(columns: dict[str, Any] | None = None, **declared: Any) -> Source:
    return _source("trip", {**TRIP, **(columns or {})}, **declared)


def _trip(**columns: list[str | None]) -> pl.DataFrame:
    plain: dict[str, Any] = {"no": "T1", "car": "V1", "start": "2026-01-05 08:00", "km": "10", "empty": "1"}
    return _raw(**{**plain, **columns})


READING = {"meter_id": "表号", "read_at": "时间", "register": "示数", "unit": "单位"}


def _readings(columns: dict[str, Any] | None = None, **declared: Any) -> Source:
    return _source("meter_reading", {**READING, **(columns or {})}, **declared)


def _reading(**columns: list[str | None]) -> pl.DataFrame:
    plain: dict[str, Any] = {"表号": "M1", "时间": "2026-01-05 08:00", "示数": "10", "单位": "kWh"}
    return _raw(**{**plain, **columns})


# --- numbers


@pytest.mark.parametrize(
    "text",
    [
        "nan", "NaN", "inf", "-inf", "Infinity", "1e400", "9" * 400, "1,234", "1,5", "1.2.3", "1_000", "0x10", "--1",
        "12 kWh", "¥5", "(5)", "5,-", "5.-", "-5-", "- 5-", "5 -", "1e", ".", "-", "一百", "n/a", "#REF!", "1 000", "½", "10\u00b2", "\u2460", "1\u2082",
    ],
)  # fmt: skip
def test_a_text_that_is_no_finite_number_is_refused(text: str) -> None:
    assert _numbers([text]) == [None]
    assert _reasons(_trips(), _trip(empty=[text])) == [["empty_km: not_a_number"]]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12.0), ("12.0", 12.0), (".5", 0.5), ("5.", 5.0), ("+3", 3.0), ("1e3", 1000.0), ("-0", 0.0), (" 7 ", 7.0),
        ("１２．５", 12.5), ("\u22120", 0.0), ("\u300012\u3000", 12.0), ("0.1", 0.1), ("12345678.123456789", 12345678.123456789),
        ("12-", -12.0), ("0.50-", -0.5), ("５\u2212", -5.0),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them_are_read_exactly(text: str, number: float) -> None:
    assert _numbers([text]) == [number]


@pytest.mark.parametrize(
    "text", ["1,23", "1,2345", "12,34,567", ",123", "1234,567", "1.234,5", "1,234,", "1,,234", "0,123", "-00,123"]
)
def test_separators_in_the_wrong_place_are_refused(text: str) -> None:
    assert _numbers([text], thousands=",") == [None]


@pytest.mark.parametrize(
    ("text", "number", "read"),
    [
        ("1,234,567.5", 1234567.5, {"thousands": ","}),
        ("１，２３４", 1234.0, {"thousands": ","}),
        ("1，234", 1234.0, {"thousands": "，"}),
        ("1 234,5", 1234.5, {"thousands": " ", "decimal": ","}),
        ("1\u00a0234,5", 1234.5, {"thousands": "\u00a0", "decimal": ","}),
        ("1.234,5", 1234.5, {"thousands": ".", "decimal": ","}),
        ("1.234", 1234.0, {"thousands": ".", "decimal": ","}),
        ("0,5", 0.5, {"decimal": ","}),
        ("-1'000", -1000.0, {"thousands": "'"}),
        ("999", 999.0, {"thousands": ","}),
        ("1.234,56-", -1234.56, {"thousands": ".", "decimal": ","}),
    ],
)
def test_declared_signs_are_read(text: str, number: float, read: dict[str, str]) -> None:
    assert _numbers([text], **read) == [number]


@pytest.mark.parametrize("text", ["0.500", "-0.125", "01.234"])
def test_a_fraction_is_not_taken_for_thousands(text: str) -> None:
    assert _numbers([text], decimal=",", thousands=".") == [None]


@pytest.mark.parametrize("text", ["1.5", "1.234.567"])
def test_a_point_where_the_comma_is_declared_is_refused(text: str) -> None:
    assert _numbers([text], decimal=",") == [None]


def test_an_empty_cell_is_empty_and_a_missing_required_one_is_refused() -> None:
    assert _numbers([None, " ", "\u3000"]) == [None, None, None]
    assert _reasons(_trips(), _trip(km=[None, " "])) == [["distance_km: missing"], ["distance_km: missing"]]


@pytest.mark.parametrize("text", ["1.5", "1e-1", "x", "1e400", "99999999999999999999"])
def test_a_count_is_a_whole_number(text: str) -> None:
    source = _source("survey_wave", {"wave": "w", "invited": "n"})
    assert _reasons(source, _raw(w="W", n=[text])) == [["invited: not_a_number"]]


def test_a_whole_number_may_be_written_with_a_point() -> None:
    source = _source("survey_wave", {"wave": "w", "invited": "n"})
    assert _conformed(source, _raw(w="W", n=["220.0", "2.2e2"])).frame["invited"].to_list() == [220, 220]


# --- units


def test_an_unknown_unit_of_a_reading_is_refused() -> None:
    assert _reasons(_readings(), _reading(单位=["furlong"])) == [["unit: unknown_unit"]]


def test_a_unit_of_a_reading_other_than_its_meters_is_refused() -> None:
    assert _reasons(_readings(), _reading(单位=["MWh", "度"])) == [["unit_differs"], []]


def test_a_declared_unit_is_converted_into_the_contracts() -> None:
    source = _trips({"load_t": {"from": "km", "unit": "公斤"}})
    # 420 kg = 0.42 t
    assert _conformed(source, _trip(km=["420"])).frame["load_t"].to_list() == [0.42]


def test_the_unit_may_stand_in_a_column_of_its_own() -> None:
    source = _source("revenue_posting", {
        "document_id": "no", "posted_on": "day", "legal_entity_id": {"value": "LE1"}, "revenue_cny": {"from": "sum", "unit": {"from": "u"}},
    })  # fmt: skip
    raw = _raw(no="1", day="2026-01-05", sum="12.5", u=["万元", "元", "亿元", None, "furlong", "kg"])
    # 12.5 万元 = 125 000 CNY; 12.5 亿元 = 1 250 000 000 CNY
    assert _conformed(source, raw).frame["revenue_cny"].to_list()[:3] == [125_000.0, 12.5, 1_250_000_000.0]
    assert _reasons(source, raw) == [
        [], [], [], ["revenue_cny: unknown_unit"], ["revenue_cny: unknown_unit"], ["revenue_cny: wrong_unit"],
    ]  # fmt: skip


def test_a_conversion_adds_no_digits_of_its_own() -> None:
    raw = _trip(km=["479", "1234.5", "0.1"]).with_columns(pl.lit("kg").alias("u"))
    for unit in ("kg", {"from": "u"}):
        found = _conformed(_trips({"load_t": {"from": "km", "unit": unit}}), raw).frame
        assert found["load_t"].to_list() == [0.479, 1.2345, 0.0001]


def test_a_number_too_large_for_its_unit_is_refused() -> None:
    raw = _trip(empty=["1e308"]).with_columns(pl.lit("万t").alias("u"))
    for unit in ("万t", {"from": "u"}):
        assert _reasons(_trips({"load_t": {"from": "empty", "unit": unit}, "empty_km": {"value": "1"}}), raw) == [
            ["load_t: not_a_number"]
        ]


def test_an_empty_number_needs_no_unit() -> None:
    source = _trips({"load_t": {"from": "empty", "unit": {"from": "u"}}})
    raw = _trip(empty=[None]).with_columns(pl.lit(None, pl.String).alias("u"))
    assert _reasons(source, raw) == [[]]


# --- words


@pytest.mark.parametrize(
    ("text", "flag"), [("是", True), ("TRUE", True), ("1", True), (" \uff39 ", True), ("否", False), ("0", False)]
)
def test_yes_and_no_are_understood(text: str, flag: bool) -> None:
    source = _source("supplier", {"supplier_id": "no", "is_key": "key"})
    assert _conformed(source, _raw(no="V", key=[text])).frame["is_key"].to_list() == [flag]


def test_a_flag_that_is_neither_yes_nor_no_is_refused() -> None:
    source = _source("supplier", {"supplier_id": "no", "is_key": "key"})
    assert _reasons(source, _raw(no="V", key=["maybe", None])) == [["is_key: unknown_word"], []]


def test_a_word_outside_the_list_is_refused_and_never_replaced() -> None:
    source = _source(
        "vehicle", {"vehicle_id": "no", "site_id": "site", "ownership": {"from": "own", "map": {"自营": "own"}}}
    )
    raw = _raw(no="V", site="S1", own=["自营", " 自营 ", "自有", "OWN", "借用", None])
    assert _reasons(source, raw) == [[], [], [], [], ["ownership: unknown_word"], ["ownership: missing"]]
    assert _conformed(source, raw).frame["ownership"].to_list() == ["own", "own", "own", "own", "借用", None]


@pytest.mark.parametrize("nothing", ["", None])
def test_a_word_mapped_to_nothing_is_an_empty_cell(nothing: str | None) -> None:
    columns = {"response_id": "no", "wave": "w", "answered_on": "day", "gender": {"from": "g", "map": {"不愿透露": nothing}},
               "score": "s", "scale_max": {"value": 5}}  # fmt: skip
    raw = _raw(no="R", w="W", day="2026-01-05", s="4", g=["不愿透露", "女"])
    found = _conformed(_source("survey_response", columns), raw)
    assert found.frame["gender"].to_list() == [None, "female"]
    assert found.reasons == {}


def test_a_constant_stands_in_every_row() -> None:
    assert _conformed(_trips({"empty_km": {"value": 0}}), _trip(no=["1", "2"])).frame["empty_km"].to_list() == [
        0.0,
        0.0,
    ]


# --- keys


def test_a_key_that_nobody_registered_is_refused_by_its_column() -> None:
    assert _reasons(_trips(), _trip(car=["V1", "V2", " V1 ", None])) == [
        [], ["vehicle_id: unknown_key"], [], ["vehicle_id: missing"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["合计", "合 计：", "本月合计", "本年累计", "一号仓小计", "总计(元)", "共计 12 条", "Total", "Grand total:", "SUBTOTAL", "Sub-Total", "Summe", "Zwischensumme", "*", "**"],
)  # fmt: skip
def test_a_line_of_totals_is_refused_by_name(text: str) -> None:
    assert _reasons(_trips(), _trip(no=[text])) == [["trip_id: total_row"]]


@pytest.mark.parametrize("text", ["TOTAL-0001", "Totale 5", "计-1", "小张", "A*1", "Gesamtwerk", "合同计划1"])
def test_a_key_that_only_resembles_a_total_is_a_key(text: str) -> None:
    assert _reasons(_trips(), _trip(no=[text])) == [[]]


# eighteen digits typed into a spreadsheet: many orders would share what is left of their numbers
@pytest.mark.parametrize("text", ["1.9E+17", "1,90000000012345E+17", "2e+18", " 1.23457E+17 "])
def test_a_key_that_a_spreadsheet_has_shortened_is_refused(text: str) -> None:
    assert _reasons(_trips(), _trip(no=[text])) == [["trip_id: lost_digits"]]


@pytest.mark.parametrize("text", ["1E10", "190000000012345678", "E+17", "1.9"])
def test_a_key_that_only_resembles_a_shortened_one_is_a_key(text: str) -> None:
    assert _reasons(_trips(), _trip(no=[text])) == [[]]


# of two rows without a number one would pass for a duplicate of the other
@pytest.mark.parametrize("text", ["-", "/", "——", "NULL", "none", "N/A", "n/a", "无", " - ", "…"])
def test_a_word_for_nothing_is_no_key(text: str) -> None:
    assert _reasons(_trips(), _trip(no=[text])) == [["trip_id: placeholder"]]


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#NAME?", "=VLOOKUP(A2,B:C,2)", '="0001"'])
def test_a_cell_in_error_or_without_its_value_is_no_key(text: str) -> None:
    assert _reasons(_trips(), _trip(no=[text])) == [["trip_id: cell_in_error"]]


@pytest.mark.parametrize("text", ["#12", "1-/", "无锡-1", "NAN-1", "A=B"])
def test_a_key_that_only_resembles_nothing_is_a_key(text: str) -> None:
    assert _reasons(_trips(), _trip(no=[text])) == [[]]


def test_a_virtual_meter_may_be_called_a_total_and_a_complaint_may_have_no_order() -> None:
    meter = _source("virtual_meter", {"virtual_id": "v", "meter_id": "m", "site_id": "s", "coefficient": "f"})
    found = conform(_raw(v=["TOTAL"], m="MI", s="S1", f="1"), meter, REFERENCES, "UTC").reasons
    assert not any(reason.startswith("virtual_id") for reason in found)
    complaint = _source("complaint", {"complaint_id": "c", "order_id": "o", "received_at": "r"})
    rows = _raw(c=["C1", "C2"], o=["无", "1.9E+17"], r="2026-01-05 08:00")
    assert [any(bad) for bad in zip(*conform(rows, complaint, REFERENCES, "UTC").reasons.values(), strict=True)] == [
        False,
        True,
    ]


def test_blanks_around_a_key_are_no_part_of_it() -> None:
    found = _conformed(_trips(), _trip(no=[" T1 ", "T1\u3000", " "]))
    assert found.frame["trip_id"].to_list() == ["T1", "T1", None]


def test_a_text_is_kept_as_received_unless_it_is_blank() -> None:
    source = _source("supplier", {"supplier_id": "no", "name": "name"})
    assert _conformed(source, _raw(no="V", name=[" a  b ", "  "])).frame["name"].to_list() == [" a  b ", None]


def test_where_no_register_is_kept_no_key_is_refused() -> None:
    source = _source("site", {"site_id": "no", "legal_entity_id": {"value": "any"}})
    found = conform(_raw(no=["S"]), source, References({}, [], "group"), "UTC")
    assert found.reasons == {}


# --- dates and times


@pytest.mark.parametrize(
    "text",
    [
        "soon", "2026-02-30", "2026-13-01", "31.01.2026", "01/02/2026", "26-01-31", "2026-01-31 25:00", "2026-01-31 24:01",
        "1899-12-30", "0026-01-31", "46053", "2026113", "20260131T080000", "2026-01-31 08:00 PM",
    ],
)  # fmt: skip
def test_a_text_that_is_no_clear_time_is_refused(text: str) -> None:
    assert _reasons(_trips(), _trip(start=[text])) == [["started_at: not_a_time"]]


# China is at +08:00, so eight hours earlier in UTC
@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31 08:30:15", datetime(2026, 1, 31, 0, 30, 15, tzinfo=UTC)),
        ("2026-01-31 08:30:15.250", datetime(2026, 1, 31, 0, 30, 15, 250_000, tzinfo=UTC)),
        ("2026-01-31T08:30", datetime(2026, 1, 31, 0, 30, tzinfo=UTC)),
        ("2026/1/5 8:30", datetime(2026, 1, 5, 0, 30, tzinfo=UTC)),
        ("2026年1月5日", datetime(2026, 1, 4, 16, tzinfo=UTC)),
        ("2026年01月05日 8:30", datetime(2026, 1, 5, 0, 30, tzinfo=UTC)),
        ("20260131", datetime(2026, 1, 30, 16, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 30, 16, tzinfo=UTC)),
        ("2026-01-31 24:00", datetime(2026, 1, 31, 16, tzinfo=UTC)),
        ("2026-01-31T24:00:00", datetime(2026, 1, 31, 16, tzinfo=UTC)),
        ("2025-12-31 24:00:00.000", datetime(2025, 12, 31, 16, tzinfo=UTC)),
        ("2026-01-31T08:30:00Z", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2026-01-31T08:30:00+08:00", datetime(2026, 1, 31, 0, 30, tzinfo=UTC)),
        ("2026-01-31 08:30:00+0000", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("  2026-01-31 08:30  ", datetime(2026, 1, 31, 0, 30, tzinfo=UTC)),
    ],
)
def test_stamps_become_the_instant_they_mean(text: str, instant: datetime) -> None:
    assert _conformed(_trips(), _trip(start=[text])).frame["started_at"].to_list() == [instant]


def test_several_formats_are_tried_in_turn() -> None:
    source = _trips({"started_at": {"from": "start", "format": ["%d.%m.%Y %H:%M", "%Y年%m月%d日"]}})
    found = _conformed(source, _trip(start=["31.01.2026 08:30", "2026年1月31日", "01/31/2026 08:30"]))
    assert found.frame["started_at"].to_list() == [
        datetime(2026, 1, 31, 0, 30, tzinfo=UTC), datetime(2026, 1, 30, 16, tzinfo=UTC), None,
    ]  # fmt: skip
    assert found.reasons["started_at: not_a_time"].to_list() == [False, False, True]


@pytest.mark.parametrize("one", ["%Q", "no format", "", "%", "%H:%M"])
def test_a_format_that_reads_nothing_refuses_every_row(one: str) -> None:
    source = _trips({"started_at": {"from": "start", "format": one}})
    assert _reasons(source, _trip(start=["31.01.2026 08:30"])) == [["started_at: not_a_time"]]


# a date cell comes out of a workbook as ISO, and who corrects a row there types what Excel takes for a date
@pytest.mark.parametrize("text", ["2026-01-31", "2026/1/31", "2026-01-31 00:00:00", "2026-01-30T16:00:00Z"])
@pytest.mark.parametrize("one", ["%d.%m.%Y", ["%m/%d/%Y", "%d-%b-%y"], "%d%m%Y"])
def test_a_date_as_workbooks_write_it_is_understood_beside_a_declared_format(text: str, one: str | list[str]) -> None:
    source = _trips({"started_at": {"from": "start", "format": one}})
    found = _conformed(source, _trip(start=[text])).frame["started_at"].to_list()
    assert found == [datetime(2026, 1, 30, 16, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("one", "text"),
    [
        ("%Y-%m-%dT%H:%M:%S%z", "2026-01-31 08:30"),  # who names the zone always does
        ("%s", "2026-01-31 08:30"),
        ("%Y-%d-%m", "2026-03-31"),  # the month and the day stand the other way round: 2026-03-05 is in May here
        ("%d%m%Y", "20111210"),  # 20 November 1210?
    ],
)
def test_a_date_whose_meaning_the_declared_format_makes_unsure_is_refused(one: str, text: str) -> None:
    source = _trips({"started_at": {"from": "start", "format": one}})
    assert _reasons(source, _trip(start=[text])) == [["started_at: not_a_time"]]


# the Chinese clock: 12 in the morning is midnight
@pytest.mark.parametrize(
    ("text", "hour"), [("2026/1/31 下午 2:05:00", 14), ("2026/1/31 上午 12:05:00", 0), ("2026/1/31 下午 12:05:00", 12)]
)
def test_forenoon_and_afternoon_are_understood_in_chinese(text: str, hour: int) -> None:
    source = _trips({"started_at": {"from": "start", "format": "%Y/%m/%d %p %I:%M:%S"}})
    found = _conformed(source, _trip(start=[text]), zone="UTC").frame["started_at"].to_list()
    assert found == [datetime(2026, 1, 31, hour, 5, tzinfo=UTC)]


@pytest.mark.parametrize(
    "one", ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ"]
)
def test_a_declared_zone_is_read_and_not_taken_for_local_time(one: str) -> None:
    source = _trips({"started_at": {"from": "start", "format": one}})
    found = _conformed(source, _trip(start=["2026-01-31T08:30:00Z", "2026-01-31T08:30:00+08:00"])).frame
    assert found["started_at"].to_list() == [
        datetime(2026, 1, 31, 8, 30, tzinfo=UTC),
        datetime(2026, 1, 31, 0, 30, tzinfo=UTC),
    ]


def test_seconds_since_1970_are_counted_in_utc_whatever_the_zone_of_the_source() -> None:
    source = _trips({"started_at": {"from": "start", "format": "%s"}})
    # 1769848200 = 2026-01-31 08:30:00 UTC; with three digits more it is milliseconds, and no year to be taken for one
    raw = _trip(start=["1769848200", "1769848200000"])
    found = _conformed(source, raw)
    assert found.frame["started_at"].to_list() == [datetime(2026, 1, 31, 8, 30, tzinfo=UTC), None]
    assert found.months.to_list() == ["2026-01", None]
    assert _reasons(source, raw) == [[], ["started_at: not_a_time"]]


def test_milliseconds_since_1970_are_read_where_they_are_declared() -> None:
    source = _trips({"started_at": {"from": "start", "format": "%s%3f"}})
    raw = _trip(start=["1769848200250", "1769848200", "12"])
    # 1769848200.250 s = 2026-01-31 08:30:00.250 UTC; seconds, read as milliseconds, would be a day of January 1970
    found = _conformed(source, raw).frame["started_at"].to_list()
    assert found == [datetime(2026, 1, 31, 8, 30, 0, 250_000, tzinfo=UTC), None, None]


def test_a_stamp_without_separators_must_be_whole() -> None:
    source = _trips({"started_at": {"from": "start", "format": "%Y%m%d%H%M%S"}})
    raw = _trip(start=["20260131083000", "2026131083000", "202601318300"])
    assert _reasons(source, raw) == [[], ["started_at: not_a_time"], ["started_at: not_a_time"]]


@pytest.mark.parametrize("text", ["2025-03-30 02:30", "2025-10-26 02:30"])
def test_a_time_that_happened_twice_or_never_is_refused(text: str) -> None:
    assert _reasons(_trips(), _trip(start=[text]), zone="Europe/Berlin") == [["started_at: clock_change"]]


def test_a_promise_for_a_day_holds_until_its_last_second() -> None:
    source = _source("customer_order", {"order_id": "no", "site_id": "s", "accepted_at": "a", "promised_by": "p"})
    raw = _raw(no="1", s="S1", a="2026-01-05", p=["2026-01-07", "2026-01-07 12:00", "2026-01-07 00:00"])
    found = _conformed(source, raw).frame
    assert found["accepted_at"].to_list() == [datetime(2026, 1, 4, 16, tzinfo=UTC)] * 3
    assert found["promised_by"].to_list() == [
        datetime(2026, 1, 7, 15, 59, 59, tzinfo=UTC), datetime(2026, 1, 7, 4, tzinfo=UTC), datetime(2026, 1, 6, 16, tzinfo=UTC),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-01-31", date(2026, 1, 31)), ("2026/1/5", date(2026, 1, 5)), ("2026-01-31 23:59", date(2026, 1, 31)),
     ("2026-01-31T20:00:00Z", date(2026, 2, 1))],
)  # fmt: skip
def test_a_day_is_the_one_the_local_clock_shows(text: str, day: date) -> None:
    source = _source(
        "team_day", {"work_date": "d", "site_id": "s", "team": "t", "workers": "n", "overtime_person_min": "o"}
    )
    assert _conformed(source, _raw(d=[text], s="S1", t="1", n="3", o="0")).frame["work_date"].to_list() == [day]


@pytest.mark.parametrize("text", ["2026-01", "2026/01", "202601", "2026年1月", "2026-01-15", "20260115", "2026-1"])
def test_months_are_understood_as_people_write_them(text: str) -> None:
    source = _source(
        "employee_month", {"employee_key": "k", "month": "m", "site_id": "s", "worker_type": {"value": "own"}}
    )
    assert _conformed(source, _raw(k="7", m=[text], s="S1")).frame["month"].to_list() == ["2026-01"]


@pytest.mark.parametrize("text", ["2026-13", "26-01", "2026", "January", "2026-Q1"])
def test_what_is_no_month_is_refused(text: str) -> None:
    source = _source(
        "employee_month", {"employee_key": "k", "month": "m", "site_id": "s", "worker_type": {"value": "own"}}
    )
    assert _reasons(source, _raw(k="7", m=[text], s="S1")) == [["month: not_a_time"]]


@pytest.mark.parametrize("one", ["%Y-%m-%d %H:%M:%S", ["%m.%Y", "%d.%m.%Y"]])
def test_a_month_may_be_read_with_any_format(one: str | list[str]) -> None:
    columns = {
        "employee_key": "k",
        "month": {"from": "m", "format": one},
        "site_id": "s",
        "worker_type": {"value": "own"},
    }
    raw = _raw(k="7", m=["2026-01-31 08:00:00" if isinstance(one, str) else "01.2026"], s="S1")
    assert _conformed(_source("employee_month", columns), raw).frame["month"].to_list() == ["2026-01"]


# --- readings


def test_a_meter_read_daily_is_on_the_grid_of_the_local_clock() -> None:
    raw = _reading(表号="MD", 时间=["2026-01-05 00:00", "2026-01-05 24:00", "2026-01-05 08:00", "2026-01-04T16:00:00Z"])
    assert _reasons(_readings(), raw) == [[], [], ["off_grid"], []]


def test_a_meter_without_an_interval_may_be_read_at_any_time() -> None:
    assert _reasons(_readings(), _reading(时间=["2026-01-05 08:07:03"])) == [[]]


def test_a_stamp_that_names_the_start_is_moved_to_the_end() -> None:
    raw = _reading(表号="M15", 时间=["2026-01-31 23:45", "2026-01-05 00:00"])
    found = _conformed(_readings(stamp="start"), raw)
    assert found.frame["read_at"].to_list() == [
        datetime(2026, 1, 31, 16, tzinfo=UTC),
        datetime(2026, 1, 4, 16, 15, tzinfo=UTC),
    ]
    assert found.months.to_list() == ["2026-01", "2026-01"]
    assert _reasons(_readings(stamp="start"), raw, month="2026-01") == [[], []]


def test_a_start_stamp_needs_the_meters_interval() -> None:
    raw = _reading(示数=["1"])
    assert _reasons(_readings(stamp="start"), raw) == [["read_at: stamp_without_interval"]]


def test_the_quantity_of_an_interval_belongs_to_the_month_it_lies_in() -> None:
    raw = _reading(表号="M15", 时间=["2026-02-01 00:00", "2026-01-31 24:00", "2026-02-01 00:15"])
    assert _conformed(_readings(), raw).months.to_list() == ["2026-01", "2026-01", "2026-02"]
    assert _reasons(_readings(), raw, month="2026-01") == [[], [], ["outside_month"]]
    assert _reasons(_readings(), raw, month="2026-02") == [["outside_month"], ["outside_month"], []]


def test_a_counter_read_at_midnight_belongs_to_the_files_of_both_months() -> None:
    raw = _reading(时间=["2026-01-31 23:00", "2026-02-01 00:00"])
    assert _reasons(_readings(), raw, month="2026-01") == [[], []]
    assert _reasons(_readings(), raw, month="2026-02") == [["outside_month"], []]


def test_a_source_in_another_time_zone_has_its_own_months() -> None:
    raw = _reading(时间=["2026-01-31 23:30"])
    assert _conformed(_readings(), raw, zone="UTC").frame["read_at"].to_list() == [
        datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    ]
    assert _conformed(_readings(), raw, zone="UTC").months.to_list() == ["2026-01"]


# --- properties


_CELL = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "2026-01-05",
            "2026-01-31 24:00",
            "-1",
            "1e400",
            "nan",
            "１,5",
            "kWh",
            "万元",
            "S1",
            "M1",
            "V1",
            "LE1",
            "是",
            "own",
            " ",
            "\x00",
        ]
    ),
)


@st.composite
def _garbage(draw: st.DrawFn) -> tuple[Source, pl.DataFrame]:
    name = draw(st.sampled_from(names()))
    table, height = contract(name), draw(st.integers(0, 6))
    cells = {column.name: draw(st.lists(_CELL, min_size=height, max_size=height)) for column in table.declared}
    units = draw(st.lists(_CELL, min_size=height, max_size=height))
    columns = {
        column.name: {
            "from": column.name,
            **({"unit": {"from": "a unit"}} if column.unit and draw(st.booleans()) else {}),
        }
        for column in table.declared
    }
    source = _source(name, columns, stamp=draw(st.sampled_from(["start", "end"])),
                     read={"decimal": draw(st.sampled_from([".", ","])), "thousands": draw(st.sampled_from([None, "'"]))})  # fmt: skip
    raw = pl.DataFrame({**cells, "a unit": units}, schema=dict.fromkeys([*cells, "a unit"], pl.String))
    return source, raw.with_columns(pl.int_range(2, height + 2, dtype=pl.UInt32).alias("row_number"))


@settings(max_examples=50, deadline=None)
@given(_garbage(), st.sampled_from([None, "2026-01"]), st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]))
def test_any_text_in_any_column_is_accepted_or_refused_and_never_an_error(
    table: tuple[Source, pl.DataFrame], month: str | None, zone: str
) -> None:
    source, raw = table
    ((rows, passes, bad),) = _judged([_batch(source, raw, month, zone)], source.table)
    good = rows.filter(passes)
    assert good.height + bad.height == raw.height
    assert bad["reasons"].list.len().min() in (None, *range(1, 99))
    assert all(source.table.words(reason) for reasons in bad["reasons"] for reason in reasons if reason)
    floats = good.select(pl.col(pl.Float64).is_finite().all())
    assert all(value is not False for value in floats.row(0)) if floats.width and good.height else True


def _batch(source: Source, raw: pl.DataFrame, month: str | None, zone: str, name: str = "x.csv") -> _Batch:
    entry = {"sha256": name, "name": name, "month": month}
    return _Batch(source, entry, raw, conform(raw, source, REFERENCES, zone))


@settings(max_examples=30, deadline=None)
@given(_garbage(), st.sampled_from([None, "2026-01"]), st.integers(0, 9))
def test_extracts_judged_together_become_what_each_becomes_alone(
    table: tuple[Source, pl.DataFrame], month: str | None, cut: int
) -> None:
    source, raw = table
    batches = [
        _batch(source, part, month, "Asia/Shanghai", name)
        for name, part in (("a.csv", raw.head(cut)), ("b.csv", raw.slice(cut)))
    ]
    together = _judged(batches, source.table)
    alone = [_judged([batch], source.table)[0] for batch in batches]
    for one, by_itself in zip(together, alone, strict=True):
        assert all(part.equals(other) for part, other in zip(one, by_itself, strict=True))


@given(st.text(max_size=12))
@settings(deadline=None)
def test_a_number_is_read_as_python_reads_it_or_refused(text: str) -> None:
    (found,) = _numbers([text])
    if found is not None:
        assert found == float(unicodedata.normalize("NFKC", text).replace("\u2212", "-"))
        assert not set(text) & set("\u00b2\u00b3\u00b9\u00bd\u2460")


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_every_finite_number_survives_its_text(number: float) -> None:
    assert _numbers([repr(number)]) == [number]


@given(
    st.lists(st.tuples(st.sampled_from(["kWh", "MWh", "万kWh", "", None]), st.integers(1, 400)), max_size=12),
    st.lists(st.tuples(st.integers(0, 3 * _SAMPLE), st.sampled_from(["MWH", "度", None])), max_size=5),
    st.booleans(),
)
def test_values_and_their_places_give_the_column_again(
    runs: list[tuple[str | None, int]], rare: list[tuple[int, str | None]], is_mixed: bool
) -> None:
    """In runs or not, told from the first rows or met later, missing or not."""
    texts = [text for text, times in runs for _ in range(times)]
    if is_mixed:
        texts = [text for start in range(7) for text in texts[start::7]]
    for place, text in rare:
        if place < len(texts):
            texts[place] = text
    column = pl.Series(texts, dtype=pl.String)
    distinct, places = _coded(column)
    assert distinct.gather(places).equals(column)
    assert distinct.n_unique() == len(distinct)
    assert set(distinct) == set(texts)
