"""How far experts agree: published cases to their printed digits, and what is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.scoring.agreement import (
    NO_PAIRS,
    NO_SPREAD,
    NO_VARIATION,
    Form,
    Metric,
    Ratings,
    Statistic,
    bootstrap,
    chi2_tail,
    icc,
    kendall_w,
    krippendorff_alpha,
    mean_squares,
)

NAN = math.nan


def by_expert(*rows: list[float]) -> Ratings:
    """A matrix from one row per expert."""
    return np.array(rows, dtype=float).T


# Krippendorff 1980, 2011: four observers, twelve units; the last unit has one value only
OBSERVERS = by_expert(
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, NAN],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
)
# en.wikipedia.org, Krippendorff's alpha: three coders, fifteen units
CODERS = by_expert(
    [NAN, NAN, NAN, NAN, NAN, 3, 4, 1, 2, 1, 1, 3, 3, NAN, 3],
    [1, NAN, 2, 1, 3, 3, 4, 3, NAN, NAN, NAN, NAN, NAN, NAN, NAN],
    [NAN, NAN, 2, 1, 3, 4, 4, NAN, 2, 1, 1, 3, 3, NAN, 4],
)
# Zar 2010, example 20.5: wing, tail and bill of twelve birds
BIRDS = by_expert(
    [10.4, 10.8, 11.1, 10.2, 10.3, 10.2, 10.7, 10.5, 10.8, 11.2, 10.6, 11.4],
    [7.4, 7.6, 7.9, 7.2, 7.4, 7.1, 7.4, 7.2, 7.8, 7.7, 7.8, 8.3],
    [17, 17, 20, 14.5, 15.5, 13, 19.5, 16, 21, 20, 18, 22],
)
# Shrout and Fleiss 1979: six targets, four judges
JUDGES = np.array([(9, 2, 5, 8), (6, 1, 3, 2), (8, 4, 6, 8), (7, 1, 2, 6), (10, 5, 6, 9), (6, 2, 4, 7)], dtype=float)
# the golden panel: six indicators, one of them scored by three experts only
PANEL = np.array(
    [(4, 4, 3, 5, 4), (3, 3, 2, 3, 4), (4, 3, 4, NAN, NAN), (2, 3, 2, 2, 3), (4, 4, 4, 4, 4), (3, 4, 4, 3, 3)]
)


def value(found: Statistic) -> float:
    assert found.value is not None, found.reason
    return round(found.value, 6)


@pytest.mark.parametrize(
    ("metric", "printed"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)]
)
def test_alpha_of_krippendorffs_own_observers(metric: Metric, printed: float) -> None:
    assert value(krippendorff_alpha(OBSERVERS, metric)) == printed


@pytest.mark.parametrize(("metric", "printed"), [("nominal", 0.691358), ("interval", 0.810845), ("ordinal", 0.806721)])
def test_alpha_of_three_coders_with_many_gaps(metric: Metric, printed: float) -> None:
    assert value(krippendorff_alpha(CODERS, metric)) == printed


def test_alpha_of_two_binary_observers() -> None:
    # o: ten units of two; 0·0 10, 0·1 4, 1·0 4, 1·1 2; n0 14, n1 6: alpha = 1 - 19·8/(2·14·6) = 1 - 152/168 = .095238
    two = by_expert([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0])
    assert value(krippendorff_alpha(two, "nominal")) == 0.095238


def test_alpha_of_the_golden_panel_is_low_although_levels_cluster() -> None:
    assert value(krippendorff_alpha(PANEL)) == 0.475525
    assert value(krippendorff_alpha(PANEL, "interval")) == 0.479657


def test_alpha_of_one_value_only_is_undefined_not_one() -> None:
    assert krippendorff_alpha(np.full((4, 3), 2.0)) == Statistic(None, NO_VARIATION)


def test_alpha_without_two_ratings_of_anything_is_undefined() -> None:
    assert krippendorff_alpha(np.array([[1.0, NAN], [NAN, 2.0]])) == Statistic(None, NO_PAIRS)
    assert krippendorff_alpha(np.empty((0, 3))) == Statistic(None, NO_PAIRS)


def test_a_unit_with_one_value_changes_nothing() -> None:
    assert krippendorff_alpha(OBSERVERS[:11]) == krippendorff_alpha(OBSERVERS)


def test_ratios_of_values_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        krippendorff_alpha(np.array([[-1.0, 1.0]]), "ratio")


@given(st.permutations(range(12)), st.permutations(range(4)))
def test_alpha_does_not_depend_on_the_order_of_items_or_experts(items: list[int], experts: list[int]) -> None:
    found = krippendorff_alpha(OBSERVERS[items][:, experts])
    assert found.value == pytest.approx(0.8153875, abs=1e-7)


def test_w_of_zars_birds_with_ties() -> None:
    # rank sums 14.5 21 30.5 6 11 3.5 20 11.5 29 28.5 22.5 36: S 1175.5; T 60
    # W = 12·1175.5/(9·(1728-12) - 3·60) = 14106/15264 = .924135; chi2 = 3·11·W; F = 2·W/(1-W)
    found = kendall_w(BIRDS)
    assert value(found.statistic) == 0.924135
    assert found.chi2 is not None
    assert found.f is not None
    assert found.p is not None
    assert (round(found.chi2, 4), found.df, round(found.f, 4), round(found.p, 6)) == (30.4965, 11, 24.3627, 0.001324)


def test_w_where_every_expert_ties_everything_is_undefined() -> None:
    assert kendall_w(np.full((5, 3), 4.0)).statistic == Statistic(None, NO_VARIATION)


def test_w_of_few_items_is_tested_by_permutations_with_a_stored_seed() -> None:
    # three experts rank four items alike: of 24² ways to arrange the second and third beside the first one agrees
    # wholly, so p = 1/576 = .0017
    agreed = by_expert([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4])
    found = kendall_w(agreed, seed=7)
    assert (value(found.statistic), found.f) == (1.0, None)
    assert found.p == pytest.approx(1 / 576, abs=0.0015)
    assert kendall_w(agreed, seed=7) == found


def test_w_and_icc_refuse_gaps() -> None:
    for statistic in (kendall_w, icc):
        with pytest.raises(ValueError, match="every expert"):
            statistic(PANEL)


def test_w_and_icc_of_one_expert_or_one_item_are_undefined() -> None:
    for ratings in (np.array([[1.0], [2.0]]), np.array([[1.0, 2.0]])):
        assert kendall_w(ratings).statistic == Statistic(None, NO_PAIRS)
        assert icc(ratings) == Statistic(None, NO_PAIRS)


@pytest.mark.parametrize(("x", "df"), [(3.841459, 1), (5.991465, 2), (7.814728, 3), (11.070498, 5), (18.307038, 10)])
def test_the_tail_of_chi2_at_its_tabulated_five_percent(x: float, df: int) -> None:
    assert chi2_tail(x, df) == pytest.approx(0.05, abs=1e-6)
    assert chi2_tail(0, df) == 1


def test_mean_squares_of_shrout_and_fleiss() -> None:
    assert [round(one, 6) for one in mean_squares(JUDGES)] == [11.241667, 6.263889, 32.486111, 1.019444]


@pytest.mark.parametrize(
    ("form", "printed"),
    [("1,1", 0.165742), ("2,1", 0.289764), ("3,1", 0.714841), ("1,k", 0.442797), ("2,k", 0.620051), ("3,k", 0.909316)],
)
def test_icc_of_shrout_and_fleiss(form: Form, printed: float) -> None:
    assert value(icc(JUDGES, form)) == printed


def test_icc_by_default_is_absolute_agreement_of_the_mean() -> None:
    assert icc(JUDGES) == icc(JUDGES, "2,k")


def test_icc_without_variation_is_undefined() -> None:
    assert icc(np.full((4, 3), 2.0)) == Statistic(None, NO_VARIATION)


@pytest.mark.parametrize(
    "rows",
    [
        # items have the same mean (BMS 0): EMS 1, JMS 0, so that 0 + (0 - 1)/n divides by less than nothing
        [[1.0, 3.0], [3.0, 1.0]],
        [[2.0, 4.0, 3.0], [3.0, 2.0, 4.0], [4.0, 3.0, 2.0]],
    ],
)
def test_icc_without_spread_between_items_has_no_value(rows: list[list[float]]) -> None:
    assert icc(np.array(rows)) == Statistic(None, NO_SPREAD)


def test_the_interval_repeats_with_its_seed_and_holds_the_value() -> None:
    interval = bootstrap(OBSERVERS, krippendorff_alpha, seed=20260101)
    assert interval is not None
    assert interval[0] < 0.815388 < interval[1]
    assert bootstrap(OBSERVERS, krippendorff_alpha, seed=20260101) == interval
    assert bootstrap(OBSERVERS, krippendorff_alpha, seed=1) != interval


def test_no_interval_where_draws_often_have_no_value() -> None:
    # a draw of two items of three is without variation wherever it misses the third: (2/3)³ = 30 % of the draws
    assert bootstrap(np.array([[2.0, 2.0], [2.0, 2.0], [3.0, 3.0]]), krippendorff_alpha, seed=1) is None
    assert bootstrap(np.empty((0, 3)), krippendorff_alpha, seed=1) is None
