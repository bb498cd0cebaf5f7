"""How far experts agree: Krippendorff's alpha, Kendall's W, the intraclass correlation, and intervals for them.

Ratings are matrices of floats, one row per item, one column per expert, NaN where an expert gave none. A statistic that
is not defined has no value and says why; it is never called 0 or 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ratings = NDArray[np.float64]
Metric = Literal["nominal", "ordinal", "interval", "ratio"]
Form = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]

NO_PAIRS, NO_VARIATION, NO_SPREAD = "no_pairs", "no_variation", "no_spread_between_items"
_EXACT_ABOVE = 7  # items from which chi2 describes W well enough (Siegel and Castellan 1988); below, permutations do
_DEFINED = 0.95  # share of bootstrap draws that must have a value for an interval to be given


@dataclass(frozen=True)
class Statistic:
    """A statistic, or why there is none (`no_pairs`, `no_variation`, `no_spread_between_items`)."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Concordance:
    """Kendall's W with its tests.

    Attributes:
        statistic: W, corrected for ties.
        chi2: m (n - 1) W with `df` = n - 1 degrees of freedom.
        f: (m - 1) W / (1 - W); None where all agree.
        p: how often chance alone gives as much: by chi2, or by permutations where there are few items.
    """

    statistic: Statistic
    chi2: float | None = None
    df: int | None = None
    f: float | None = None
    p: float | None = None


def krippendorff_alpha(ratings: Ratings, metric: Metric = "ordinal") -> Statistic:
    """Krippendorff's alpha (Krippendorff 2011, Computing Krippendorff's alpha-reliability).

    Items with fewer than two ratings pair with nothing and are left out.

    Args:
        ratings: items by experts, NaN where missing.
        metric: how far two values are apart; `ordinal` counts the values between them.

    Raises:
        ValueError: the ratio metric of values below 0.
    """
    return alpha_of(*tally(ratings), metric)


def tally(ratings: Ratings) -> tuple[Ratings, Ratings]:
    """The values there are, and how many experts gave each of them to each item with two ratings or more."""
    filled = ~np.isnan(ratings)
    paired = filled.sum(axis=1) >= 2
    values, place = np.unique(ratings[paired][filled[paired]], return_inverse=True)
    counts = np.zeros((int(paired.sum()), len(values)))
    np.add.at(counts, (np.nonzero(filled[paired])[0], place), 1)
    return values, counts


def alpha_of(values: Ratings, counts: Ratings, metric: Metric = "ordinal") -> Statistic:
    """Krippendorff's alpha of a tally; bootstraps draw its rows."""
    if not counts.size:
        return Statistic(None, NO_PAIRS)
    # o_ck: pairs of values c and k inside an item, each item weighing as much as it has ratings
    weighed = counts / (counts.sum(axis=1) - 1)[:, None]
    coincidence = counts.T @ weighed - np.diag(weighed.sum(axis=0))
    margin = counts.sum(axis=0)
    distance = _distance(values, margin, metric)
    expected = float(margin @ distance @ margin) / (margin.sum() - 1)
    if expected == 0:
        return Statistic(None, NO_VARIATION)
    return Statistic(float(1 - (coincidence * distance).sum() / expected))


def _distance(values: Ratings, margin: Ratings, metric: Metric) -> Ratings:
    """The squared difference of every two values."""
    left, right = values[:, None], values[None, :]
    if metric == "nominal":
        return (left != right).astype(float)
    if metric == "interval":
        return np.square(left - right)
    if metric == "ratio":
        if values.min() < 0:
            raise ValueError("ratios need values of 0 or more")
        total = left + right
        return np.square(np.divide(left - right, total, out=np.zeros_like(total), where=total > 0))
    # ordinal: the ratings from one value to the other, both ends counted by half
    up_to = np.cumsum(margin) - margin / 2
    return np.square(up_to[:, None] - up_to[None, :])


def kendall_w(ratings: Ratings, seed: int = 0, permutations: int = 9_999) -> Concordance:
    """Kendall's coefficient of concordance, corrected for ties (Zar 2010, 20.15).

    Args:
        ratings: items by experts without gaps.
        seed: of the permutations, which stand in for chi2 up to seven items.
        permutations: how many.

    Raises:
        ValueError: a rating is missing.
    """
    _refuse_gaps(ratings)
    items, experts = ratings.shape
    if items < 2 or experts < 2:
        return Concordance(Statistic(None, NO_PAIRS))
    ranks, ties = _ranks(ratings)
    most = (experts**2 * (items**3 - items) - experts * ties) / 12
    if most == 0:
        return Concordance(Statistic(None, NO_VARIATION))
    w = _spread(ranks) / most
    chi2, df = experts * (items - 1) * w, items - 1
    f = (experts - 1) * w / (1 - w) if w < 1 else None
    p = chi2_tail(chi2, df) if items > _EXACT_ABOVE else _permuted(ranks, seed, permutations)
    return Concordance(Statistic(w), chi2, df, f, p)


def _spread(ranks: Ratings) -> float:
    """S: the squared deviations of the items' rank sums from their mean."""
    sums = ranks.sum(axis=1)
    return float(np.square(sums - sums.mean()).sum())


def _permuted(ranks: Ratings, seed: int, permutations: int) -> float:
    """How often experts who rank by chance agree as much: each expert's ranks in any order."""
    shuffled = np.random.default_rng(seed).permuted(np.repeat(ranks[None], permutations, axis=0), axis=1)
    sums = shuffled.sum(axis=2)
    spread = np.square(sums - sums.mean(axis=1, keepdims=True)).sum(axis=1)
    reached = int((spread >= _spread(ranks) - 1e-9).sum())  # equal sums may differ by a rounding
    return (reached + 1) / (permutations + 1)


def _ranks(ratings: Ratings) -> tuple[Ratings, float]:
    """The ranks of the items by each expert, 1 the lowest, ties sharing the mean of their places; and T = sum(t^3 - t)."""
    lower = (ratings[None, :, :] < ratings[:, None, :]).sum(axis=1)
    alike = (ratings[None, :, :] == ratings[:, None, :]).sum(axis=1)
    return lower + (alike + 1) / 2, float((alike**2 - 1).sum())


def chi2_tail(x: float, df: int) -> float:
    """P(chi2 > x) by the finite sum there is for whole degrees of freedom (Abramowitz and Stegun 26.4.4, 26.4.5)."""
    half = x / 2
    if df % 2 == 0:
        return math.fsum(_term(half, number) for number in range(df // 2))
    return math.erfc(math.sqrt(half)) + math.fsum(_term(half, number - 0.5) for number in range(1, (df + 1) // 2))


def _term(half: float, a: float) -> float:
    """One term: half ** a * exp(-half) / gamma(a + 1), by logarithms lest it overflow."""
    return math.exp(a * math.log(half) - half - math.lgamma(a + 1)) if half > 0 else float(a == 0)


def icc(ratings: Ratings, form: Form = "2,k") -> Statistic:
    """The intraclass correlation (Shrout and Fleiss 1979); `2,k` is absolute agreement of the mean of these experts.

    Args:
        ratings: items by experts without gaps.
        form: the model (1 one-way, 2 two-way random, 3 two-way mixed) and whether of one rating or of their mean.

    Raises:
        ValueError: a rating is missing.
    """
    _refuse_gaps(ratings)
    n, k = ratings.shape
    if n < 2 or k < 2:
        return Statistic(None, NO_PAIRS)
    bms, wms, jms, ems = mean_squares(ratings)
    above = {"1": bms - wms, "2": bms - ems, "3": bms - ems}[form[0]]
    below = {
        "1,1": bms + (k - 1) * wms, "2,1": bms + (k - 1) * ems + k * (jms - ems) / n, "3,1": bms + (k - 1) * ems,
        "1,k": bms, "2,k": bms + (jms - ems) / n, "3,k": bms,
    }[form]  # fmt: skip
    if ratings.min() == ratings.max():
        return Statistic(None, NO_VARIATION)
    # estimated variances of items below 0 may make it 0 or less: the quotient would then be above 1 or without end
    return Statistic(above / below) if below > 1e-12 else Statistic(None, NO_SPREAD)


def mean_squares(ratings: Ratings) -> tuple[float, float, float, float]:
    """Mean squares between items, within items, between experts, and of what is left (BMS, WMS, JMS, EMS)."""
    n, k = ratings.shape
    grand = float(ratings.mean())
    between = k * float(np.square(ratings.mean(axis=1) - grand).sum())
    judges = n * float(np.square(ratings.mean(axis=0) - grand).sum())
    within = float(np.square(ratings - grand).sum()) - between
    left = (within - judges) / ((n - 1) * (k - 1))
    return between / (n - 1), within / (n * (k - 1)), judges / (k - 1), left


def bootstrap(
    ratings: Ratings, statistic: Callable[[Ratings], Statistic], seed: int, draws: int = 1_000
) -> tuple[float, float] | None:
    """The 95 % interval of a statistic, items drawn anew with replacement.

    Returns:
        Its 2.5th and 97.5th percentile over the draws; None where one draw in twenty or more has no value.
    """
    random, items = np.random.default_rng(seed), len(ratings)
    if not items:
        return None
    drawn = (statistic(ratings[random.integers(0, items, items)]).value for _ in range(draws))
    values = [value for value in drawn if value is not None]
    if len(values) < _DEFINED * draws:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _refuse_gaps(ratings: Ratings) -> None:
    if np.isnan(ratings).any():
        raise ValueError("every expert must have rated every item; leave the others out first")
