"""Every contract refuses what it says it refuses: `refused/<contract>.csv` has rows with the reason each must get.

`__reason__` is empty for a row that must pass; several reasons are separated by `;`. Columns that a contract borrows
from reference rows stand in the files too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from schemas.contract import REASONS, Table, contract, contracts, names
from schemas.errors import ContractViolation
from schemas.units import is_known

REFUSED = Path(__file__).parent / "refused"
_CHECKS = {
    "isin": "unknown_word",
    "str_matches": "bad_form",
    "greater_than_or_equal_to": "out_of_range",
    "greater_than": "out_of_range",
    "less_than_or_equal_to": "out_of_range",
}


def _rows(name: str) -> pl.DataFrame:
    path = REFUSED / f"{name}.csv"
    return pl.read_csv(path, infer_schema=False, empty_string_is_null=True)


def _typed(table: Table, texts: pl.DataFrame) -> pl.DataFrame:
    """The rows of a file in the types of the contract, with an origin for each."""
    columns = {}
    for column in table.columns:
        if column.kind == "provenance":
            continue
        text = texts[column.name]
        if column.dtype == pl.Boolean:
            columns[column.name] = pl.Series([None if one is None else one == "true" for one in text], dtype=pl.Boolean)
        elif isinstance(column.dtype, pl.Datetime):
            columns[column.name] = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us")
        elif column.dtype == pl.Date:
            columns[column.name] = text.str.to_date("%Y-%m-%d")
        else:
            columns[column.name] = text.cast(column.dtype)
    origin = {"source": "s", "extract_id": "e", "sheet": None}
    frame = pl.DataFrame(columns).with_columns(
        *(pl.lit(value, pl.String).alias(name) for name, value in origin.items())
    )
    return frame.with_row_index("row_number", 2).with_columns(pl.col("row_number").cast(pl.Int64))


def _pronounced(table: Table) -> set[str]:
    """Every reason a contract can give."""
    found = set(table.rules)
    schema = table.model.to_schema()
    for column in table.columns:
        if column.kind in ("provenance", "borrowed"):
            continue
        if not column.nullable:
            found.add(f"{column.name}: missing")
        found |= {f"{column.name}: {_CHECKS[check.name]}" for check in schema.columns[column.name].checks}
    return found


def test_every_contract_has_a_file_of_refused_rows() -> None:
    assert {path.stem for path in REFUSED.glob("*.csv")} == set(names())


@pytest.mark.parametrize("name", names())
def test_rows_are_refused_for_exactly_their_reasons(name: str) -> None:
    table, texts = contract(name), _rows(name)
    verdict = table.judge(_typed(table, texts))
    said = [";".join(sorted(reason for reason, bad in verdict.items() if bad[at])) for at in range(texts.height)]
    expected = [";".join(sorted((reason or "").split(";"))) for reason in texts["__reason__"]]
    assert dict(enumerate(said, start=2)) == dict(enumerate(expected, start=2))


@pytest.mark.parametrize("name", names())
def test_every_reason_a_contract_can_give_has_a_refused_row(name: str) -> None:
    listed = {reason for text in _rows(name)["__reason__"].drop_nulls() for reason in text.split(";")}
    assert _pronounced(contract(name)) - listed == set()


@pytest.mark.parametrize("name", names())
def test_a_file_of_refused_rows_has_a_row_that_passes(name: str) -> None:
    assert _rows(name)["__reason__"].null_count() > 0


@pytest.mark.parametrize("name", names())
def test_a_frame_without_a_column_is_a_violation_of_the_contract(name: str) -> None:
    table = contract(name)
    with pytest.raises(ContractViolation):
        table.judge(_typed(table, _rows(name)).drop(table.key[0]))


def test_a_frame_of_another_type_is_a_violation_and_never_cast() -> None:
    table = contract("trip")
    frame = _typed(table, _rows("trip")).with_columns(pl.col("distance_km").cast(pl.String))
    with pytest.raises(ContractViolation):
        table.judge(frame)


def test_a_contract_nobody_has_written_is_named() -> None:
    with pytest.raises(ContractViolation, match="no_such_table"):
        contract("no_such_table")


@pytest.mark.parametrize("table", contracts(), ids=lambda table: table.name)
def test_the_ddl_of_a_contract_runs_in_duckdb(table: Table) -> None:
    with duckdb.connect() as connection:
        connection.execute(table.ddl())
        described = connection.execute(f"describe {table.name}").fetchall()
    kinds = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    assert [(name, kind) for name, kind, *_ in described] == [
        (column.name, kinds.get(column.duckdb, column.duckdb)) for column in table.kept
    ]


@pytest.mark.parametrize("table", contracts(), ids=lambda table: table.name)
def test_every_column_and_rule_is_explained_in_both_languages(table: Table) -> None:
    assert table.zh
    assert table.en.endswith(".")
    for column in table.kept:
        zh, bar, en = column.comment.partition(" | ")
        assert (bool(zh), bar, bool(en)) == (True, " | ", True), column.name
    assert all(zh and en for zh, en in table.rules.values())


@pytest.mark.parametrize("table", contracts(), ids=lambda table: table.name)
def test_every_rule_says_which_columns_it_looks_at(table: Table) -> None:
    assert table.reads.keys() == table.rules.keys()
    assert all(columns and columns <= {column.name for column in table.columns} for columns in table.reads.values())


@pytest.mark.parametrize("table", contracts(), ids=lambda table: table.name)
def test_keys_months_and_references_name_columns_that_exist(table: Table) -> None:
    declared = {column.name for column in table.declared}
    assert table.key
    assert set(table.key) <= declared
    assert set(table.month) <= declared
    assert set(table.refers.values()) <= {*names(), "legal_entity"}
    assert (table.rows == "reference") == (not table.month)
    for column in table.borrowed:
        through = table.refers.get(str(column.through))
        known = {one.name for one in contract(through).declared} if through else {"utc_offset_min"}
        assert column.column in known


@pytest.mark.parametrize("table", contracts(), ids=lambda table: table.name)
def test_a_reference_that_others_refer_to_is_named_by_its_own_id(table: Table) -> None:
    for target in set(table.refers.values()) - {"legal_entity"}:
        assert contract(target).identity == (f"{target}_id",)


def test_referenced_contracts_come_before_those_that_refer_to_them() -> None:
    order = [table.name for table in contracts()]
    for table in contracts():
        for target in set(table.refers.values()) - {"legal_entity"}:
            assert order.index(target) < order.index(table.name)


@pytest.mark.parametrize(
    ("name", "column", "unit"),
    [
        ("trip", "distance_km", "km"),
        ("team_day", "overtime_person_min", "person·min"),
        ("team_day", "workers", "person"),
        ("revenue_posting", "revenue_cny", "CNY"),
        ("fuel_purchase", "volume_l", "L"),
        ("meter", "max_power_kw", "kW"),
        ("trip", "trip_id", None),
        ("meter", "multiplier", None),
        ("survey_response", "score", None),
    ],
)
def test_the_unit_of_a_column_follows_from_its_name(name: str, column: str, unit: str | None) -> None:
    found = next(one for one in contract(name).columns if one.name == column)
    assert found.unit == unit
    assert unit is None or is_known(unit)
    assert unit is None or found.comment.endswith(f"[{unit}]")


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_has_words_in_both_languages(code: str) -> None:
    zh, en = contract("trip").words(f"trip_id: {code}")
    assert zh.startswith("trip_id：")
    assert en.startswith("trip_id: ")


@pytest.mark.parametrize(
    ("name", "reason", "zh", "en"),
    [
        ("vehicle", "ownership: unknown_word", "（自有、租赁、外包）", " (own, leased, outsourced)"),
        ("complaint", "is_justified: unknown_word", "（是、否）", " (true, false)"),
        ("attendance_day", "worked_h: out_of_range", "（≥ 0、≤ 24）", " (≥ 0, ≤ 24)"),
        ("meter", "multiplier: out_of_range", "（> 0）", " (> 0)"),
        ("site", "region: bad_form", "（如 CN-SH）", " (such as CN-SH)"),
    ],
)
def test_a_refusal_says_what_would_have_been_taken(name: str, reason: str, zh: str, en: str) -> None:
    found = contract(name).words(reason)
    assert (found[0].endswith(zh), found[1].endswith(en)) == (True, True), found


def test_the_words_of_a_rule_are_those_it_was_declared_with() -> None:
    found: Any = contract("trip").words("more_empty_than_driven")
    assert found == ("空驶里程大于行驶里程", "more empty kilometres than were driven")


@pytest.mark.parametrize(
    ("name", "flag"),
    [("meter_reading", "is_conflicting"), ("customer_order", "is_superseded"), ("trip", None), ("site", None)],
)
def test_only_rows_that_may_stand_beside_others_have_a_flag(name: str, flag: str | None) -> None:
    found = contract(name).flag
    assert (found.name if found else None) == flag
