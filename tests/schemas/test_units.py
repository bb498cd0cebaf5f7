"""Units: every word that may stand for one, what converts into what, and what must never."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import units
from schemas.errors import UnitMismatch


@pytest.mark.parametrize(
    ("unit", "into"),
    [
        ("kg", "kgCO2e"),
        ("t", "tCO2e"),
        ("kgce", "kg"),
        ("tce", "GJ"),
        ("Nm3", "m3"),
        ("万Nm3", "m3"),
        ("CNY", "piece"),
        ("person", "vehicle"),
        ("order", "case"),
        ("kWh", "kW"),
        ("分", "元"),
        ("L", "kg"),
        ("kgCO2e/t", "kWh/t"),
        ("g/(t·km)", "gCO2e/(t·km)"),
        ("%", "kWh"),
    ],
)
def test_what_measures_something_else_is_not_converted(unit: str, into: str) -> None:
    assert not units.same_dimension(unit, into)
    with pytest.raises(UnitMismatch, match="cannot become"):
        units.factor(unit, into)


@pytest.mark.parametrize("word", ["kwhh", "kvarh", "马力", "", " ", "斤", "10kWh", "kWh·", "USD", "m³/h·x"])
def test_a_word_nobody_has_explained_is_unknown(word: str) -> None:
    assert units.label(word) is None
    assert not units.is_known(word)
    with pytest.raises(UnitMismatch, match="unknown unit"):
        units.factor(word, "kWh")


# Worked by hand: 1 万元 = 10 000 CNY; 1 亿元 = 10^8 CNY; 1 GWh = 10^6 kWh; 1 GJ = 1000/3.6 = 277.7… kWh;
# 1 kWh = 0.0036 GJ; 1 kgCO2e/kWh = 1000 gCO2e / (1/1000 MWh) = 10^6 gCO2e/MWh.
@pytest.mark.parametrize(
    ("unit", "into", "factor"),
    [
        ("度", "kWh", 1.0),
        ("万度", "kWh", 10_000.0),
        ("MWh", "kWh", 1000.0),
        ("GWh", "kWh", 1_000_000.0),
        ("kWh", "GJ", 0.0036),
        ("GJ", "kWh", 1000 / 3.6),
        ("百万千焦", "GJ", 1.0),
        ("万元", "CNY", 10_000.0),
        ("亿元", "万元", 10_000.0),
        ("万立方米", "m3", None),
        ("Nm³", "Nm3", 1.0),
        ("万标方", "Nm3", 10_000.0),
        ("升", "m3", 0.001),
        ("公斤", "t", 0.001),
        ("吨", "kg", 1000.0),
        ("小时", "min", 60.0),
        ("分钟", "h", 1 / 60),
        ("tce", "kgce", 1000.0),
        ("kgCO2e", "tCO2e", 0.001),
        ("gCO2e", "tCO2e", 1e-6),
        ("kgCO2e/kWh", "gCO2e/MWh", 1_000_000.0),
        ("person·h", "person·min", 60.0),
        ("g/(t·km)", "kg/(t·km)", 0.001),
        ("1", "%", 100.0),
    ],
)
def test_factors_are_those_worked_by_hand(unit: str, into: str, factor: float | None) -> None:
    if factor is None:
        assert units.label(unit) is None
    else:
        assert units.factor(unit, into) == pytest.approx(factor, rel=1e-15)


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("kWh", "kWh"),
        ("KWH", "kWh"),
        (" k W h ", "kWh"),
        ("\uff4b\uff37\uff48", "kWh"),
        ("度", "kWh"),
        ("千瓦时", "kWh"),
        ("㎥", "m3"),
        ("m³", "m3"),
        ("M3", "m3"),
        ("Nm³", "Nm3"),
        ("NM3", "Nm3"),
        ("标方", "Nm3"),
        ("㎏", "kg"),
        ("公斤", "kg"),
        ("㎡", "m2"),
        ("￥", "CNY"),
        ("万元", "万元"),
        ("tCO₂e", "tCO2e"),
        ("KGCO2E", "kgCO2e"),
    ],
)
def test_the_words_people_write_have_one_meaning(word: str, label: str) -> None:
    assert units.label(word) == label


def test_no_word_stands_for_two_units() -> None:
    seen: dict[str, str] = {}
    for label, (_, words) in units._LABELS.items():
        for word in {units.normalise(one) for one in (label, *words.split())}:
            assert seen.setdefault(word, label) == label, word


def test_every_label_is_a_unit_of_the_registry_and_its_own_alias() -> None:
    for label in units._LABELS:
        assert units.label(label) == label
        assert units.factor(label, label) == 1.0


def test_every_suffix_of_a_column_name_is_a_known_unit() -> None:
    for suffix, unit in units._SUFFIXES.items():
        assert units.is_known(unit)
        assert units.unit_of(f"something_{suffix}") == unit


@pytest.mark.parametrize("column", ["site_id", "t", "kwh", "quality", "wheel", "scale_max", "ton", "register"])
def test_a_name_without_a_unit_carries_none(column: str) -> None:
    assert units.unit_of(column) is None


def test_labels_of_a_unit_are_all_that_measure_the_same() -> None:
    assert set(units.labels_of("Nm3")) == {"Nm3", "万Nm3"}
    assert "MWh" in units.labels_of("GJ")
    assert "kW" not in units.labels_of("kWh")


def test_a_ratio_names_both_units_unless_there_is_but_one() -> None:
    assert units.ratio("tCO2e", "万元") == "tCO2e/万元"
    assert units.ratio("tCO2e", None) == "tCO2e"


_LABEL = st.sampled_from(sorted(units._LABELS))


@given(_LABEL, _LABEL, st.floats(min_value=1e-6, max_value=1e12))
def test_there_and_back_gives_the_same_number(unit: str, into: str, number: float) -> None:
    if units.same_dimension(unit, into):
        there_and_back = number * units.factor(unit, into) * units.factor(into, unit)
        assert there_and_back == pytest.approx(number, rel=1e-12)
    else:
        with pytest.raises(UnitMismatch):
            units.factor(unit, into)


@given(_LABEL, _LABEL, _LABEL)
def test_a_detour_changes_no_factor(unit: str, over: str, into: str) -> None:
    if units.same_dimension(unit, over) and units.same_dimension(over, into):
        assert units.factor(unit, over) * units.factor(over, into) == pytest.approx(units.factor(unit, into), rel=1e-12)


@given(st.text(max_size=12))
def test_any_text_is_a_known_unit_or_none_and_never_an_error(text: str) -> None:
    found = units.label(text)
    assert found is None or found in units._LABELS
    assert isinstance(units.is_known(text), bool)


@given(_LABEL, st.sampled_from(["", " ", "\u3000"]))
def test_blanks_and_case_change_no_meaning(label: str, blank: str) -> None:
    written = blank.join(re.findall(r".", label)).upper()
    assert units.label(written) == label
