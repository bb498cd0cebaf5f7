"""The catalogue: it holds the whole tree, and refuses a declaration that does not fit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from indicators.declared import FOLDER, Condition, Indicator, catalogue, check, natural, tree, trees
from schemas.contracts.expert_score import SCORED
from schemas.enterprise import Enterprise
from schemas.errors import CatalogueError
from warehouse.marts import Warehouse

TITLE = {"zh": "试", "en": "test"}
METRIC = {
    "id": "M999", "title": TITLE, "serves": ["A.1.1"], "pillar": "E", "kind": "metric", "direction": "lower",
    "unit": "kWh/t", "says": TITLE, "sources": ["meters"], "owner": "energy", "family": "energy", "state": "measured",
    "numerator": {"mart": "m", "column": "energy_kwh"}, "denominator": {"mart": "m", "column": "output_t"},
}  # fmt: skip
COLUMNS = {"m": {"month": "VARCHAR", "energy_kwh": "DOUBLE", "output_t": "DECIMAL(18,4)", "carrier": "VARCHAR"}}


def declared(folder: Path, **changes: object) -> dict[str, Indicator]:
    """A catalogue of one indicator and one metric, the metric with keys changed."""
    indicator = yaml.safe_load((FOLDER / "A.1.1.yaml").read_text(encoding="utf-8"))
    for content in (indicator, METRIC | changes):
        (folder / f"{content['id']}.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return catalogue(folder)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


def test_kilowatt_hours_per_tonne_declared_as_co2_per_tonne_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="energy_kwh is in kWh, kgCO2e/t needs kgCO2e"):
        declared(tmp_path, unit="kgCO2e/t")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"colour": "green"}, "colour"),
        ({"unit": "kWh/m2"}, "output_t is in t, kWh/m2 needs m2"),
        ({"unit": "kWh"}, "do not agree"),
        ({"unit": "%"}, "is no share of"),
        ({"unit": "point"}, "is no share of"),
        ({"unit": "kWh/furlong"}, "furlong"),
        ({"numerator": {"mart": "m", "column": "energy"}}, "declare `unit`"),
        ({"numerator": {"mart": "m", "column": "energy_kwh", "unit": "GJ"}}, "is in kWh by its name"),
        ({"numerator": {"mart": "m", "column": "due", "unit": {"pieces": "piece"}}}, "needs policy: true"),
        ({"numerator": None}, "needs numerator"),
        ({"serves": ["A.9.9"]}, "does not have"),
        ({"pillar": "S"}, "does not have"),
        ({"group": TITLE}, "group"),
        ({"kind": "quantitative"}, "an indicator has a group"),
        ({"title": {"zh": "试"}}, "title.en"),
        ({"id": "X1"}, "id"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused_with_its_file(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    with pytest.raises(CatalogueError, match=says) as refused:
        declared(tmp_path, **change)
    assert ".yaml" in refused.value.where


def test_what_experts_score_has_no_numerator(tmp_path: Path) -> None:
    content = yaml.safe_load((FOLDER / "A.1.1.yaml").read_text(encoding="utf-8"))
    content["numerator"] = METRIC["numerator"]
    (tmp_path / "A.1.1.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CatalogueError, match="experts score it"):
        catalogue(tmp_path)


def test_a_file_named_after_another_indicator_is_refused(tmp_path: Path) -> None:
    (tmp_path / "A.1.2.yaml").write_text((FOLDER / "A.1.1.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"A\.1\.2\.yaml declares A\.1\.1"):
        catalogue(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no indicator is declared"):
        catalogue(tmp_path)


@pytest.mark.parametrize(
    ("term", "columns", "says"),
    [
        ({}, {}, "no mart m"),
        ({"column": "heat_kwh"}, COLUMNS, "has no column heat_kwh"),
        ({"where": {"colour": "green"}}, COLUMNS, "has no column colour"),
        ({"estimated": "guessed_kwh"}, COLUMNS, "has no column guessed_kwh"),
        ({"people": "workers"}, COLUMNS, "has no column workers"),
        ({"column": "carrier", "unit": "kWh"}, COLUMNS, "is VARCHAR, not a number"),
        ({"policy": True}, COLUMNS, "has no column policy"),
        ({}, {"m": COLUMNS["m"] | {"policy": "VARCHAR"}}, "declare policy: true"),
    ],
)
def test_a_catalogue_that_does_not_fit_the_marts_is_refused(
    tmp_path: Path, term: dict[str, object], columns: dict[str, dict[str, str]], says: str
) -> None:
    indicators = declared(tmp_path, numerator={"mart": "m", "column": "energy_kwh"} | term)
    with pytest.raises(CatalogueError, match=f"M999: .*{says}"):
        check(columns, indicators)


# ── what it holds ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_declaration_that_fits_the_marts_passes(tmp_path: Path) -> None:
    check(COLUMNS, declared(tmp_path))


def test_the_tree_has_fifty_indicators_in_fifteen_groups() -> None:
    indicators = [one for one in catalogue().values() if one.kind != "metric"]
    assert Counter(one.pillar for one in indicators) == {"E": 22, "S": 17, "G": 11}
    assert Counter(one.kind for one in indicators) == {"mixed": 39, "quantitative": 6, "qualitative": 5}
    groups = list(dict.fromkeys((one.pillar, one.group) for one in indicators))
    assert len(groups) == len({group.zh for _, group in groups}) == 15
    sizes = Counter(one.group.zh for one in indicators)
    assert [sizes[group.zh] for _, group in groups] == [4, 5, 5, 3, 4, 1, 5, 3, 3, 2, 4, 2, 5, 2, 2]


def test_every_tree_holds_the_same_fifty_each_once() -> None:
    fifty = {key for key, one in catalogue().items() if one.kind != "metric"}
    assert trees() == ("draft-2025-a", "draft-2025-b", "draft-2025-c")
    for version in trees():
        members = [key for group in tree(version).groups for key in group.indicators]
        assert (set(members), len(members)) == (fifty, 50)
        assert all(
            catalogue()[key].pillar == group.pillar for group in tree(version).groups for key in group.indicators
        )


def test_the_alternate_trees_move_one_indicator_each() -> None:
    moved = {
        version: {key for key in catalogue() if tree(version).group_of(key) and
                  tree(version).group_of(key).zh != tree().group_of(key).zh}
        for version in trees()
    }  # fmt: skip
    assert moved == {"draft-2025-a": set(), "draft-2025-b": {"A.1.14"}, "draft-2025-c": {"A.2.9"}}
    assert tree("draft-2025-b").group_of("A.1.14").indicators == ("A.1.14", "A.1.15", "A.1.16", "A.1.17")


def test_an_unknown_tree_is_refused_by_name() -> None:
    with pytest.raises(CatalogueError, match="no indicator tree 'draft-1999'"):
        tree("draft-1999")


def test_indicators_stand_in_the_order_of_the_standard() -> None:
    ids = list(catalogue())
    assert ids[:22] == [f"A.1.{number}" for number in range(1, 23)]
    assert ids[22:39] == [f"A.2.{number}" for number in range(1, 18)]
    assert ids[39:50] == [f"A.3.{number}" for number in range(1, 12)]
    assert natural("A.1.2") < natural("A.1.10") < natural("M010")


def test_the_six_with_a_formula_and_twenty_four_metrics_are_computed() -> None:
    computed = [key for key, one in catalogue().items() if one.is_computed]
    assert computed[:6] == ["A.1.6", "A.1.10", "A.2.2", "A.2.6", "A.2.7", "A.2.8"]
    assert len(computed) == 30
    assert all(key.startswith("M") for key in computed[6:])


def test_the_catalogue_fits_the_marts(tmp_path: Path) -> None:
    (tmp_path / "enterprise.yaml").write_text("{id: tiny, name: tiny}", encoding="utf-8")
    with Warehouse(Enterprise(tmp_path)) as warehouse:
        check(warehouse.shapes())


@pytest.mark.parametrize(
    ("key", "scale", "factors", "units"),
    [
        ("A.1.6", 1.0, (1.0, 0.0001), ("tCO2e", "万元")),  # 1 CNY = 0.0001 万元
        ("A.2.6", 100.0, (1.0, 1.0), ("case", "order")),
        ("A.2.8", 100.0, (1.0, 1.0), ("t", "t")),
        ("M010", 1.0, (1.0, 1.0), ("tCO2e", None)),
        ("M021", 100.0, (1.0, 1.0), ("kgce", "t·km")),
        ("M030", 1.0, (1.0, 1.0), ("m3", None)),
        ("M065", 100.0, (1.0, 1.0), (None, None)),
        ("M074", 1e6, (1.0, 1.0), ("case", "h")),
        ("M075", 2e5, (1.0, 1.0), ("case", "h")),
        ("M097", 100.0, (1.0, 1.0), ("person", "person")),
    ],
)
def test_a_value_is_scale_times_numerator_by_denominator(
    key: str, scale: float, factors: tuple[float, float], units: tuple[str | None, str | None]
) -> None:
    one = catalogue()[key]
    assert (one.scale, one.factors()) == (scale, factors)
    assert (one.numerator_unit("tonnes"), one.denominator_unit("tonnes")) == units


def test_figures_about_people_are_marked() -> None:
    people = {key for key, one in catalogue().items() if one.people}
    assert people == {"A.2.2", "M065", "M067", "M073", "M074", "M075", "M086", "M087", "M096", "M097"}


# ── rubrics ──────────────────────────────────────────────────────────────────────────────────────────────────────

EXPERT_SCORED = [one for one in catalogue().values() if one.unit == "level 0-5"]


def rubric(**changes: object) -> dict[str, object]:
    """The content of A.2.1 with keys of its rubric changed."""
    content = yaml.safe_load((FOLDER / "A.2.1.yaml").read_text(encoding="utf-8"))
    content["rubric"] |= changes
    return content


def test_every_indicator_that_experts_score_has_a_rubric_and_no_other() -> None:
    assert len(EXPERT_SCORED) == 44
    assert [one.id for one in catalogue().values() if one.rubric] == [one.id for one in EXPERT_SCORED]


def test_no_two_level_texts_are_alike() -> None:
    texts = Counter(
        text
        for one in EXPERT_SCORED
        if one.rubric
        for words in one.rubric.levels.values()
        for text in (words.zh, words.en)
    )
    assert len(texts) == 44 * 5 * 2
    # nor is one another's with other words in a few places: no pair of indicators shares a text of a level by half
    for level in range(1, 6):
        words = {one.id: set(one.rubric.levels[level].en.lower().split()) for one in EXPERT_SCORED if one.rubric}
        alike = [
            (left, right) for left in words for right in words
            if left < right and len(words[left] & words[right]) / len(words[left] | words[right]) > 0.6
        ]  # fmt: skip
        assert alike == []


def test_level_texts_are_short_and_end_as_sentences() -> None:
    for one in EXPERT_SCORED:
        assert one.rubric is not None
        for words in one.rubric.levels.values():
            assert len(words.zh) <= 60, (one.id, words.zh)
            assert words.zh.endswith("。"), one.id
            assert words.en.endswith("."), one.id


def test_a_metric_the_hub_computes_is_not_merely_asked_for() -> None:
    computed = {one.id for one in catalogue().values() if one.is_computed}
    asked = {(one.id, asked.metric) for one in EXPERT_SCORED if one.rubric for asked in one.rubric.asked_for}
    assert {pair for pair in asked if pair[1] in computed} == set()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (rubric(levels={1: TITLE, 2: TITLE, 3: TITLE, 4: TITLE}), "levels 1 to 5"),
        (rubric(levels=dict.fromkeys(range(6), TITLE)), "levels 1 to 5"),
        (rubric(elements=[]), "elements"),
        (rubric(caps=[{"metric": "M065", "above": 95}]), "above"),
        (rubric(caps=[{"metric": "hours"}]), "metric"),
        (rubric(asked_for=[{"metric": "M062", "at_least": 98}]), "title"),
        (rubric() | {"rubric": None}, "a rubric belongs to what experts score"),
        (METRIC | {"rubric": rubric()["rubric"]}, "a rubric belongs to what experts score"),
    ],
)
def test_a_rubric_that_is_not_complete_is_refused(content: dict[str, object], says: str, tmp_path: Path) -> None:
    (tmp_path / f"{content['id']}.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(CatalogueError, match=says):
        catalogue(tmp_path)


def test_a_cap_by_what_is_not_computed_is_refused(tmp_path: Path) -> None:
    content = rubric(caps=[{"metric": "M062", "at_least": 98}])
    (tmp_path / "A.2.1.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"A\.2\.1: M062 caps its level and is not computed"):
        catalogue(tmp_path)


@pytest.mark.parametrize(
    ("bounds", "value", "met"),
    [
        ({}, None, False), ({}, 0.0, True), ({"at_least": 95}, 95.0, True), ({"at_least": 95}, 94.999, False),
        ({"at_most": 0}, 0.0, True), ({"at_most": 0}, 1.0, False), ({"at_least": 95}, None, False),
    ],
)  # fmt: skip
def test_a_condition_includes_its_bound_and_never_holds_of_nothing(
    bounds: dict[str, int], value: float | None, met: bool
) -> None:
    assert Condition.model_validate({"metric": "M065"} | bounds).is_met(value) is met


def test_experts_may_score_what_has_no_formula() -> None:
    of_experts = [key for key, one in catalogue().items() if one.kind != "metric" and not one.is_computed]
    assert of_experts == SCORED
