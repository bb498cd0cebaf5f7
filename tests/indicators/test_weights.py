"""Weights: published and constructed cases of the analytic hierarchy process, re-normalisation, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.declared import catalogue, tree
from indicators.scoring.profile import Profile, Weights
from indicators.scoring.score import Facts
from indicators.scoring.weights import (
    RANDOM_INDEX,
    compared,
    critic,
    entropy,
    joint,
    joint_weights,
    row_means,
    weighting,
    worst_triad,
)
from schemas.errors import CatalogueError
from tests.indicators.test_scoring import experts, values, written

FIFTY = [key for key, one in catalogue().items() if one.kind != "metric"]


def reciprocal(size: int, *upper: float) -> tuple[tuple[float, ...], ...]:
    """A matrix from the judgements above its diagonal, row by row."""
    given_ = dict(zip(combinations(range(size), 2), upper, strict=True))
    return tuple(
        tuple(1.0 if i == j else given_[i, j] if i < j else 1 / given_[j, i] for j in range(size)) for i in range(size)
    )


# coffee, wine, tea, beer, soda, milk, water (Saaty 2008)
DRINKS = reciprocal(
    7,
    9, 5, 2, 1, 1, 1 / 2,
    1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 9,
    1 / 3, 1 / 4, 1 / 3, 1 / 9,
    1 / 2, 1, 1 / 3,
    2, 1 / 2,
    1 / 3,
)  # fmt: skip


def rounded(numbers: Iterable[float], places: int = 6) -> list[float]:
    return [round(float(number), places) for number in numbers]


def test_drinks_come_out_as_published() -> None:
    found = compared(DRINKS)
    assert rounded(found.weights) == [0.177457, 0.019149, 0.041831, 0.116417, 0.189572, 0.128781, 0.326793]
    assert rounded([found.lambda_max, found.index]) == [7.176629, 0.029438]
    assert rounded(row_means(DRINKS)) == [0.178723, 0.018461, 0.042234, 0.116498, 0.191136, 0.128625, 0.324323]


@pytest.mark.parametrize(("table", "ratio"), [("saaty77", 0.022302), ("saaty03", 0.021806), ("dd", 0.0235)])
def test_the_consistency_ratio_depends_on_the_table(table: str, ratio: float) -> None:
    assert compared(DRINKS, table).ratio == pytest.approx(ratio, abs=5e-7 if table != "dd" else 5e-5)


# choosing a leader: criteria, then Moll/Tom, Nell/Dick, Sue/Harry under each
CRITERIA = reciprocal(4, 4, 3, 7, 1 / 3, 3, 5)
CANDIDATES = {
    "experience": (reciprocal(3, 1 / 4, 4, 9), [0.217166, 0.717065, 0.065769], 0.031807),
    "education": (reciprocal(3, 3, 1 / 5, 1 / 7), [0.188394, 0.080961, 0.730645], 0.055938),
    "charisma": (reciprocal(3, 5, 9, 4), [0.742867, 0.193882, 0.063252], 0.061436),
    "age": (reciprocal(3, 1 / 3, 5, 9), [0.265433, 0.671625, 0.062941], 0.025055),
}


def test_a_leader_is_chosen_as_published() -> None:
    found = compared(CRITERIA)
    assert rounded(found.weights) == [0.547569, 0.126555, 0.269950, 0.055926]
    assert rounded([found.lambda_max, found.index, found.ratio]) == [4.118418, 0.039473, 0.043859]
    local = []
    for matrix, weights, ratio in CANDIDATES.values():
        one = compared(matrix)
        assert rounded(one.weights) == weights
        assert round(one.ratio, 6) == ratio
        local.append(one.weights)
    totals = [sum(w * one[who] for w, one in zip(found.weights, local, strict=True)) for who in range(3)]
    assert rounded(totals, 4) == [0.3581, 0.4928, 0.1491]


FIRST, SECOND = reciprocal(3, 2, 4, 2), reciprocal(3, 3, 5, 3)


def test_two_experts_are_joined_element_by_element() -> None:
    assert rounded(compared(FIRST).weights) == [0.571429, 0.285714, 0.142857]
    assert compared(FIRST).ratio == pytest.approx(0, abs=1e-12)
    second = compared(SECOND)
    assert rounded([*second.weights, second.lambda_max, second.ratio]) == [
        0.636986,
        0.258285,
        0.104729,
        3.038511,
        0.033199,
    ]
    together = joint([FIRST, SECOND])
    assert rounded([together[0][1], together[0][2], together[1][2]]) == [2.449490, 4.472136, 2.449490]
    found = compared(together)
    assert rounded([*found.weights, found.lambda_max, found.ratio]) == [
        0.604958,
        0.272393,
        0.122649,
        3.009605,
        0.008280,
    ]


def test_weights_of_experts_are_joined_by_their_geometric_means() -> None:
    # sqrt(.5·.8) : sqrt(.5·.2) = 2 : 1
    assert joint_weights([(0.5, 0.5), (0.8, 0.2)]) == pytest.approx((2 / 3, 1 / 3))


@given(st.lists(st.floats(1 / 9, 9), min_size=3, max_size=3), st.lists(st.floats(1 / 9, 9), min_size=3, max_size=3))
def test_a_joint_matrix_stays_reciprocal(one: list[float], other: list[float]) -> None:
    found = joint([reciprocal(3, *one), reciprocal(3, *other)])
    assert all(found[i][j] * found[j][i] == pytest.approx(1) for i in range(3) for j in range(3))


def test_one_and_two_items_cannot_contradict_each_other() -> None:
    assert compared(((1.0,),)).weights == (1.0,)
    two = compared(reciprocal(2, 9))
    assert (rounded(two.weights), two.ratio) == ([0.9, 0.1], 0.0)


def test_a_matrix_that_is_not_reciprocal_is_refused() -> None:
    with pytest.raises(CatalogueError, match="not reciprocal at 1, 2"):
        compared(((1.0, 3.0), (1 / 3 + 1e-3, 1.0)))


def test_more_items_than_the_table_knows_are_refused() -> None:
    eleven = reciprocal(11, *[1.0] * 55)
    assert compared(eleven, "saaty77").ratio == pytest.approx(0, abs=1e-12)
    with pytest.raises(CatalogueError, match="11 items, dd knows 10"):
        compared(eleven, "dd")
    assert len(RANDOM_INDEX["saaty77"]) == 15


def test_the_worst_triad_and_a_value_that_fits_are_named() -> None:
    # a : b = 2, b : c = 2, but c : a = 9: of the three, a : c lies farthest from what the others say (4)
    triad, pair, suggested = worst_triad(reciprocal(3, 2, 1 / 9, 2))
    assert (triad, pair) == ((0, 1, 2), (0, 2))
    assert suggested > 1 / 9


# ── from a profile ───────────────────────────────────────────────────────────────────────────────────────────────


def shares(profile: Profile, applying: Iterable[str] = FIFTY, **more: Any) -> dict[str, float]:
    found = weighting(profile, **more).shares(list(applying))
    assert sum(found.values()) == 1
    return {key: round(100 * float(share), 4) for key, share in found.items()}


HIERARCHICAL = written({"weights": {"method": "hierarchical"}})
ENVIRONMENT = [f"A.1.{number}" for number in (1, 5, 10, 15, 18, 22)]
SOCIAL = [f"A.2.{number}" for number in (1, 6, 9, 12, 14)]


def test_hierarchical_weights_share_groups_alike() -> None:
    # groups of E 4, 5, 5, 3, 4, 1: 100/3/6/4 = 1.3889, /5 = 1.1111, …, alone 5.5556; of S 5, 3, 3, 2, 4
    found = shares(HIERARCHICAL)
    assert [found[key] for key in ENVIRONMENT] == [1.3889, 1.1111, 1.1111, 1.8519, 1.3889, 5.5556]
    assert [found[key] for key in SOCIAL] == [1.3333, 2.2222, 2.2222, 3.3333, 1.6667]


def test_the_alternate_trees_move_hierarchical_weights_only() -> None:
    b, c = (shares(HIERARCHICAL.changed(tree=f"draft-2025-{version}")) for version in "bc")
    # A.1.14 moved: groups of E 4, 5, 4, 4, 4, 1
    assert [b[key] for key in ENVIRONMENT] == [1.3889, 1.1111, 1.3889, 1.3889, 1.3889, 5.5556]
    # A.2.9 moved: groups of S 5, 4, 2, 2, 4; 产品责任 begins at A.2.10
    assert [c[key] for key in ("A.2.1", "A.2.6", "A.2.10", "A.2.12", "A.2.14")] == [
        1.3333,
        1.6667,
        3.3333,
        3.3333,
        1.6667,
    ]
    flat = [shares(written({"tree": f"draft-2025-{version}"})) for version in "abc"]
    assert flat[0] == flat[1] == flat[2]
    assert [flat[0][key] for key in ("A.1.14", "A.2.9", "A.3.1")] == [1.5152, 1.9608, 3.0303]


def test_the_share_of_a_group_that_does_not_apply_goes_to_its_siblings() -> None:
    # without 绿色物流 each of five groups of E has 100/3/5 = 6.6667, E stays a third
    left = [key for key in FIFTY if key not in ("A.1.15", "A.1.16", "A.1.17")]
    found = shares(HIERARCHICAL, left)
    groups = [group.indicators for group in tree().groups if group.pillar == "E" and group.zh != "绿色物流"]
    assert [sum(found[key] for key in group) for group in groups] == pytest.approx([20 / 3] * 5, abs=1e-3)
    assert sum(found[key] for key in left if key.startswith("A.1.")) == pytest.approx(100 / 3, abs=1e-3)


def fixed(**tables: dict[str, float]) -> dict[str, object]:
    return {"method": "fixed", "fixed": tables}


def test_a_fixed_table_may_go_down_to_groups_or_to_indicators() -> None:
    scope = ["A.2.6", "A.2.7", "A.3.1", "A.3.3"]
    tables = fixed(
        total={"S": 0.6, "G": 0.4},
        S={"客户服务": 1},
        客户服务={"A.2.6": 0.25, "A.2.7": 0.75},
        G={"A.3.1": 0.5, "A.3.3": 0.5},
    )
    profile = written({"indicators": scope, "core": [], "weights": tables})
    assert shares(profile, scope) == {"A.2.6": 15, "A.2.7": 45, "A.3.1": 20, "A.3.3": 20}
    assert shares(profile, scope[1:]) == {"A.2.7": 60, "A.3.1": 20, "A.3.3": 20}


def test_a_fixed_table_that_does_not_sum_to_one_is_refused() -> None:
    Weights.model_validate(fixed(G={"A.3.1": 0.5, "A.3.3": 0.5 + 1e-10}))
    for table in ({"A.3.1": 0.5, "A.3.3": 0.5 + 1e-8}, {"A.3.1": 1.5, "A.3.3": -0.5}):
        with pytest.raises(ValueError, match="sum to 1"):
            Weights.model_validate(fixed(G=table))
    with pytest.raises(ValueError, match="method: fixed"):
        Weights.model_validate({"method": "flat", "fixed": {"G": {"A.3.1": 1}}})


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"G": {"A.3.1": 1}}, r"A\.3\.3: no weights"),
        ({"G": {"A.3.1": 0.5, "A.2.1": 0.5}}, r"A\.2\.1 is not below it"),
        ({"G": {"治理结构": 0.5, "治理机制": 0.5}, "治理结构": {"A.3.1": 1}}, "治理机制, A.3.3: no weights"),
        ({"X": {"A.3.1": 1}}, r"fixed\.X"),
        ({"total": {"S": 1}, "G": {"A.3.1": 0.5, "A.3.3": 0.5}}, r"S is not below it"),
    ],
)
def test_fixed_tables_that_do_not_fit_the_tree_are_refused(tables: dict[str, dict[str, float]], says: str) -> None:
    profile = written({"indicators": ["A.3.1", "A.3.3"], "core": [], "weights": fixed(**tables)})
    with pytest.raises(CatalogueError, match=says):
        weighting(profile)


def test_a_fixed_total_names_every_pillar() -> None:
    tables = fixed(total={"G": 1}, S={"A.2.7": 1}, G={"A.3.1": 0.5, "A.3.3": 0.5})
    profile = written({"indicators": ["A.2.7", "A.3.1", "A.3.3"], "core": [], "weights": tables})
    with pytest.raises(CatalogueError, match="S: no weights"):
        weighting(profile)


def test_what_applies_without_any_weight_is_refused() -> None:
    profile = written({"indicators": ["A.3.1", "A.3.3"], "core": [], "weights": fixed(G={"A.3.1": 1, "A.3.3": 0})})
    assert shares(profile, ["A.3.1", "A.3.3"]) == {"A.3.1": 100, "A.3.3": 0}
    with pytest.raises(CatalogueError, match="nothing that applies has a weight"):
        shares(profile, ["A.3.3"])


# ── judgements of a panel ────────────────────────────────────────────────────────────────────────────────────────

SCOPE = ["A.3.1", "A.3.3", "A.3.4", "A.3.5"]  # 治理结构 one, 治理机制 three


def judged(expert: str, node: str, **ratios: float) -> list[dict[str, object]]:
    """Judgements of one expert; `A31_over_A33=2` and the like would not be readable, so pairs come as `left|right`."""
    return [
        {"expert_id": expert, "node": node, "left": pair.split("|")[0], "right": pair.split("|")[1], "ratio": ratio}
        for pair, ratio in ratios.items()
    ]


def mechanisms(expert: str, first: float, second: float, third: float) -> list[dict[str, object]]:
    return judged(expert, "治理机制", **{"A.3.3|A.3.4": first, "A.3.3|A.3.5": second, "A.3.4|A.3.5": third})


GROUPS = judged("X1", "G", **{"治理机制|治理结构": 3}) + judged("X2", "G", **{"治理结构|治理机制": 1 / 3})
PANEL = GROUPS + mechanisms("X1", 2, 4, 2) + mechanisms("X2", 3, 5, 3)


def panel(**weights: object) -> Profile:
    return written({"indicators": SCOPE, "core": [], "weights": {"method": "ahp", **weights}})


def test_judgements_of_a_panel_become_weights_level_by_level() -> None:
    # 治理机制 3 : 1, inside it the joint weights of the two experts: 75 · .604958, .272393, .122649
    found = shares(panel(), SCOPE, judgements=PANEL)
    assert found == pytest.approx({"A.3.1": 25, "A.3.3": 45.37185, "A.3.4": 20.429475, "A.3.5": 9.198675}, abs=1e-4)
    rows = {
        row["id"]: row
        for row in weighting(panel(), PANEL).rows(weighting(panel(), PANEL).shares(SCOPE), "draft-2025-a")
    }
    assert round(rows["A.3.3"]["consistency_ratio"], 6) == 0.008280
    assert (rows["A.3.3"]["random_index"], rows["A.3.3"]["parent"], rows["G"]["parent"]) == (
        "saaty77",
        "治理机制",
        "total",
    )
    assert rows["G"]["consistency_ratio"] is None


@pytest.mark.parametrize("tie", ["employed", "paid"])
def test_who_is_out_of_the_whole_assessment_sets_no_weight(tie: str) -> None:
    said = experts({"A.3.1": (3, 3, 3)}).with_columns(pl.lit(None, pl.String).alias("conflict"))
    tied = said.with_columns(
        pl.when(pl.col("expert_id") == "X2").then(pl.lit(tie)).alias("conflict"),
        (pl.col("expert_id") == "X2").alias("is_conflicted"),
    )
    alone = [row for row in PANEL if row["expert_id"] != "X2"]
    found = [Facts.of(values({"A.2.7": 97.2}), votes, judgements=PANEL).judgements for votes in (said, tied)]
    assert found == [tuple(PANEL), tuple(alone)]


def test_weights_may_be_joined_instead_of_judgements() -> None:
    # sqrt(.571429·.636986) = .603316, sqrt(.285714·.258285) = .271653, sqrt(.142857·.104729) = .122316; sum .997285
    found = shares(panel(experts="aip"), SCOPE, judgements=PANEL)
    assert [round(found[key] / 75, 4) for key in SCOPE[1:]] == [0.6050, 0.2724, 0.1226]


def test_a_judgement_that_contradicts_itself_is_refused_with_the_worst_triad() -> None:
    with pytest.raises(CatalogueError, match=r"治理机制, X2: CR .* above 0\.10") as refused:
        weighting(panel(), GROUPS + mechanisms("X1", 2, 4, 2) + mechanisms("X2", 2, 1 / 9, 2))
    assert "A.3.3, A.3.4, A.3.5" in refused.value.what
    assert "A.3.3 over A.3.5 was 0.1111" in refused.value.todo


@pytest.mark.parametrize(
    ("judgements", "says"),
    [
        ([], "G: 治理机制, 治理结构 is compared with nothing"),
        (GROUPS, "治理机制: A.3.3, A.3.4, A.3.5 is compared with nothing"),
        (PANEL[:-1], r"治理机制, X2: not compared .*A\.3\.4 : A\.3\.5"),
        (PANEL + mechanisms("X1", 2, 4, 2)[:1], "compared twice"),
        (PANEL + judged("X1", "治理机制", **{"A.3.4|A.3.3": 0.5}), "compared twice"),
        (PANEL + judged("X1", "G", **{"治理机制|A.3.1": 2}), r"A\.3\.1 is not below it"),
        (PANEL + judged("X1", "H", **{"a|b": 2}), "H: no such node"),
    ],
)
def test_judgements_that_do_not_make_a_matrix_are_refused(judgements: list[dict[str, object]], says: str) -> None:
    with pytest.raises(CatalogueError, match=says):
        weighting(panel(), judgements)


def test_what_does_not_apply_need_not_be_compared() -> None:
    profile = panel().changed(not_applicable={"A.3.5": {"zh": "无", "en": "none"}})
    two = GROUPS + judged("X1", "治理机制", **{"A.3.3|A.3.4": 3})
    assert shares(profile, SCOPE[:3], judgements=two) == {"A.3.1": 25, "A.3.3": 56.25, "A.3.4": 18.75}


# ── peers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_entropy_weighs_what_is_spread_unevenly() -> None:
    # two units: (1, 1), (1, 3), (0, 4) by column. e = -Σ p ln p / ln 2: 1; -(¼ ln ¼ + ¾ ln ¾)/ln 2 = .811278; 0
    # 1 - e: 0, .188722, 1 → 0, .158760, .841240
    assert rounded(entropy(np.array([[1.0, 1.0, 0.0], [1.0, 3.0, 4.0]]))) == [0, 0.158760, 0.841240]


def test_critic_weighs_spread_and_independence() -> None:
    # min-max columns (0, 1, ½), (0, 1, ½), (0, ½, 1), constant. sd of each √(1/6); r12 = 1, r13 = r23 = ½
    # Σ(1 - r): ½, ½, 1 → ¼, ¼, ½; the constant column has no correlation and weighs 0
    found = critic(np.array([[0.0, 10.0, 0.0, 7.0], [2.0, 20.0, 1.0, 7.0], [1.0, 15.0, 2.0, 7.0]]))
    assert rounded(found) == [0.25, 0.25, 0.5, 0]


def peers(number: int, keys: list[str]) -> dict[str, dict[str, Fraction]]:
    return {
        f"P{place}": {key: Fraction(10 + place ** (column + 1) % 7) for column, key in enumerate(keys)}
        for place in range(number)
    }


@pytest.mark.parametrize("method", ["entropy", "critic", "combined"])
def test_weights_by_spread_need_ten_peers(method: str) -> None:
    profile = written({"indicators": SCOPE, "core": [], "weights": {"method": method}})
    for few in (None, peers(9, SCOPE), peers(12, SCOPE[:3])):
        with pytest.raises(CatalogueError, match="10 are needed"):
            weighting(profile, PANEL, few)
    assert sum(weighting(profile, PANEL, peers(10, SCOPE)).shares(SCOPE).values()) == 1


def test_combined_weights_lie_between_judged_and_objective() -> None:
    # the objective part counts not at all with a = 1
    profile = panel().changed(weights=Weights.model_validate({"method": "combined", "base_share": 1}))
    assert shares(profile, SCOPE, judgements=PANEL, peers=peers(10, SCOPE)) == shares(panel(), SCOPE, judgements=PANEL)


@given(st.sets(st.sampled_from(FIFTY), min_size=1), st.sampled_from(["flat", "hierarchical"]), st.sampled_from("abc"))
def test_shares_sum_to_one_whatever_applies(applying: set[str], method: str, version: str) -> None:
    profile = written({"weights": {"method": method}, "tree": f"draft-2025-{version}"})
    found = weighting(profile).shares(applying)
    assert set(found) == applying
    assert sum(found.values()) == 1
