"""Rounding is never taken for an error, an error never for rounding, and a word never for nought."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.warehouse.bare import bare, of

BLANK = {"subject": "Acme", "label": "tCO2e", "period": "2025", "unit": "tCO2e", "document": "Report"}
THOUSANDTHS = st.integers(-(10**9), 10**9).map(lambda one: Decimal(one) / 1000)


def printed(value: Decimal, digits: int) -> str:
    """A value as a report prints it."""
    return str(value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def sums(tables: list[list[Decimal]], digits: int, error: int) -> Any:
    """Verdicts of totals of unrounded parts, all printed with so many digits, the totals wrong by `error` last digits."""
    rows = []
    for at, parts in enumerate(tables):
        wrong = sum(parts) + error * Decimal(1).scaleb(-digits)
        rows.append({**BLANK, "figure_id": f"t{at}", "printed": printed(wrong, digits)})
        rows += [{**BLANK, "figure_id": f"t{at}p{n}", "printed": printed(one, digits), "parent_id": f"t{at}"} for n, one in enumerate(parts)]  # fmt: skip
    return {verdict for (verdict,) in of(bare({"clean.reported_figure": rows}, "figure_check"), "select verdict from mart.figure_check")}  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(THOUSANDTHS, min_size=1, max_size=6), min_size=1, max_size=4), st.integers(0, 2))
def test_what_rounding_explains_is_never_flagged(tables: list[list[Decimal]], digits: int) -> None:
    assert sums(tables, digits, 0) == {"ok"}


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.lists(THOUSANDTHS, min_size=1, max_size=6), min_size=1, max_size=4),
    st.integers(0, 2),
    st.sampled_from([-8, 8]),
)
def test_what_rounding_cannot_explain_always_is(tables: list[list[Decimal]], digits: int, error: int) -> None:
    # six parts and a total are off by less than 3.5 last digits; 8 leave more than 4
    assert sums(tables, digits, error) == {"off"}


@pytest.mark.parametrize("word", ["unknown", "not_available", "not_applicable", "insignificant"])
def test_a_word_is_no_nought(word: str) -> None:
    rows = [
        {**BLANK, "figure_id": "total", "printed": "10"},
        {**BLANK, "figure_id": "known", "printed": "10", "parent_id": "total"},
        {**BLANK, "figure_id": "other", "printed": word, "parent_id": "total"},
    ]
    connection = bare({"clean.reported_figure": rows}, "figure_check")
    assert of(connection, "select verdict, reason, expected from mart.figure_check") == [
        ("cannot_tell", "part_not_a_number", None)
    ]
