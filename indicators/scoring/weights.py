"""Weights: from a declared method, or from experts' pairwise judgements, to each indicator's share of the total.

A method gives every parent (`total`, a pillar, a group) the weights of its children; what does not apply is left out and
its share goes to its siblings in proportion, level by level. The analytic hierarchy process follows Saaty: principal
eigenvector, consistency index (λ - n)/(n - 1), ratio to a named table of random indices.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from indicators.declared import Tree, catalogue, tree
from indicators.scoring.profile import Profile
from schemas.errors import CatalogueError

ROOT = "total"
# fmt: off
RANDOM_INDEX = {
    "saaty77": (0, 0, .58, .90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59),
    "saaty03": (0, 0, .52, .89, 1.11, 1.25, 1.35, 1.40, 1.45, 1.49),
    "dd": (0, 0, .4914, .8286, 1.0591, 1.1797, 1.2519, 1.3171, 1.3733, 1.4055),
}
"""Mean consistency index of random matrices of 1, 2, … items: Saaty 1977, Saaty 2003, Donegan and Dodd 1991."""
# fmt: on
WEIGHT = pl.Schema(
    {
        "period": pl.String,
        "org_id": pl.String,
        "profile_hash": pl.String,
        "node": pl.String,
        "id": pl.String,
        "parent": pl.String,
        "method": pl.String,
        "raw": pl.Float64,
        "effective": pl.Float64,
        "consistency_ratio": pl.Float64,
        "random_index": pl.String,
    }
)  # fmt: skip
"""`score.weight`: shares of the total, before (`raw`) and after what does not apply is left out (`effective`)."""

Matrix = tuple[tuple[float, ...], ...]
Peers = Mapping[str, Mapping[str, Fraction]]
"""Peer → indicator → its score, 0 to 100."""
_STEPS = 10_000
_SETTLED = 1e-15


@dataclass(frozen=True)
class Comparison:
    """What a reciprocal matrix of pairwise judgements says.

    Attributes:
        weights: one per item, sum 1.
        lambda_max: the principal eigenvalue.
        index: the consistency index; `ratio`: that by the random index, 0 for one or two items.
    """

    weights: tuple[float, ...]
    lambda_max: float
    index: float
    ratio: float


@dataclass(frozen=True)
class Weighting:
    """The weights of children below their parents, and the matrices they come from."""

    method: str
    local: Mapping[str, Mapping[str, Fraction]]
    ratios: Mapping[str, float] = field(default_factory=dict)
    random_index: str | None = None

    def shares(self, applying: Collection[str]) -> dict[str, Fraction]:
        """Each applying indicator's share of the total; they sum to 1.

        Raises:
            CatalogueError: what applies below a parent has no weight at all.
        """
        found: dict[str, Fraction] = {}
        if applying:
            self._share(ROOT, Fraction(1), frozenset(applying), found)
        return found

    def _share(self, parent: str, share: Fraction, applying: frozenset[str], found: dict[str, Fraction]) -> None:
        present = {child: weight for child, weight in self.local[parent].items() if self._leaves(child) & applying}
        whole = sum(present.values(), Fraction(0))
        if present and not whole:
            raise _refused(
                f"{parent}: nothing that applies has a weight / 适用指标的权重均为零", "choose other weights"
            )
        for child, weight in present.items():
            if child in self.local:
                self._share(child, share * weight / whole, applying, found)
            else:
                found[child] = share * weight / whole

    def _leaves(self, node: str) -> set[str]:
        if node not in self.local:
            return {node}
        return {leaf for child in self.local[node] for leaf in self._leaves(child)}

    def rows(self, shares: Mapping[str, Fraction], version: str) -> list[dict[str, Any]]:
        """The rows of `score.weight`, but for period, organisation and profile."""
        known, table = catalogue(), tree(version)
        raw = self.shares(self._leaves(ROOT))
        made: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for key in raw:
            group = table.group_of(key)
            assert group is not None  # noqa: S101 - every tree holds every indicator
            made["pillar", known[key].pillar, ROOT].append(key)
            made["group", group.zh, known[key].pillar].append(key)
            made["indicator", key, group.zh].append(key)
        above = {child: parent for parent, children in self.local.items() for child in children}
        return [
            {
                "node": node, "id": name, "parent": parent, "method": self.method,
                "raw": sum(raw[key] for key in keys), "effective": sum(shares.get(key, Fraction(0)) for key in keys),
                "consistency_ratio": self.ratios.get(above.get(name, "")),
                "random_index": self.random_index if above.get(name, "") in self.ratios else None,
            }
            for kind in ("pillar", "group", "indicator")
            for (node, name, parent), keys in made.items()
            if node == kind
        ]  # fmt: skip


def weighting(profile: Profile, judgements: Iterable[Mapping[str, Any]] = (), peers: Peers | None = None) -> Weighting:
    """The weights a profile asks for.

    Args:
        profile: the method.
        judgements: rows of `ahp_judgement`.
        peers: the scores of other enterprises.

    Raises:
        CatalogueError: judgements lack, contradict each other too much, or there is no peer set large enough.
    """
    method, listed = profile.weights.method, _listed(profile)
    if method == "fixed":
        return Weighting(method, _fixed(profile, listed))
    if method == "ahp":
        return _ahp(profile, list(judgements), listed)
    if method in ("entropy", "critic"):
        return Weighting(method, _pillars(profile, listed) | _objective(profile, listed, method, peers))
    if method == "combined":
        return _combined(profile, list(judgements), listed, peers)
    local = _pillars(profile, listed)
    for pillar, keys in _by_pillar(listed).items():
        groups = _by_group(keys, tree(profile.tree))
        if method == "flat":
            local[pillar] = _alike(keys)
            continue
        local[pillar] = _alike(list(groups))
        local |= {name: _alike(members) for name, members in groups.items()}
    return Weighting(method, local)


def compared(matrix: Matrix, random_index: str = "saaty77") -> Comparison:
    """The principal eigenvector of a positive reciprocal matrix by power iteration, and how consistent it is.

    Raises:
        CatalogueError: the matrix is not positive and reciprocal, or larger than the table of random indices.
    """
    size = len(matrix)
    _refuse_irreciprocal(matrix)
    weights = [1 / size] * size
    for _ in range(_STEPS):
        product = [math.fsum(a * w for a, w in zip(row, weights, strict=True)) for row in matrix]
        whole = math.fsum(product)
        after = [part / whole for part in product]
        settled = max(abs(one - other) for one, other in zip(after, weights, strict=True)) < _SETTLED
        weights = after
        if settled:
            break
    product = [math.fsum(a * w for a, w in zip(row, weights, strict=True)) for row in matrix]
    lambda_max = math.fsum(part / weight for part, weight in zip(product, weights, strict=True)) / size
    if size <= 2:  # two items cannot contradict each other
        return Comparison(tuple(weights), float(size), 0.0, 0.0)
    if size > len(RANDOM_INDEX[random_index]):
        raise _refused(f"{size} items, {random_index} knows {len(RANDOM_INDEX[random_index])}", "compare in groups")
    index = (lambda_max - size) / (size - 1)
    return Comparison(tuple(weights), lambda_max, index, index / RANDOM_INDEX[random_index][size - 1])


def row_means(matrix: Matrix) -> tuple[float, ...]:
    """The weights by geometric means of rows: what the eigenvector is checked against."""
    means = [math.exp(math.fsum(math.log(one) for one in row) / len(row)) for row in matrix]
    return tuple(mean / math.fsum(means) for mean in means)


def joint(matrices: Sequence[Matrix]) -> Matrix:
    """The judgements of several experts as one matrix: element-wise geometric means, which stay reciprocal."""
    return tuple(
        tuple(math.exp(math.fsum(math.log(one[i][j]) for one in matrices) / len(matrices)) for j in range(len(matrices[0])))
        for i in range(len(matrices[0]))
    )  # fmt: skip


def joint_weights(found: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The weights of several experts as one: geometric means, made to sum to 1."""
    means = [math.exp(math.fsum(math.log(one) for one in column) / len(column)) for column in zip(*found, strict=True)]
    return tuple(mean / math.fsum(means) for mean in means)


def worst_triad(matrix: Matrix) -> tuple[tuple[int, int, int], tuple[int, int], float]:
    """The three items whose judgements contradict each other most.

    Returns:
        The items i < j < k with the largest |ln(a_ij · a_jk / a_ik)|; of their three comparisons the one farthest from
        the ratio of the weights; and that ratio, the value suggested for it.
    """
    triads = list(combinations(range(len(matrix)), 3))
    i, j, k = max(triads, key=lambda t: abs(math.log(matrix[t[0]][t[1]] * matrix[t[1]][t[2]] / matrix[t[0]][t[2]])))
    weights = compared(matrix).weights
    pair = max(
        ((i, j), (j, k), (i, k)), key=lambda p: abs(math.log(matrix[p[0]][p[1]] * weights[p[1]] / weights[p[0]]))
    )
    return (i, j, k), pair, weights[pair[0]] / weights[pair[1]]


def entropy(scores: np.ndarray) -> np.ndarray:
    """Entropy weights of columns: how unevenly each is spread over the rows, by sum normalisation; 0 · ln 0 = 0.

    Args:
        scores: units × indicators, not negative. A column that is the same everywhere weighs 0.
    """
    whole = scores.sum(axis=0)
    parts = np.divide(scores, whole, out=np.full(scores.shape, 1 / len(scores)), where=whole > 0)
    logs = np.log(parts, out=np.zeros(scores.shape), where=parts > 0)
    spread = 1 + (parts * logs).sum(axis=0) / math.log(len(scores))
    spread[scores.max(axis=0) == scores.min(axis=0)] = 0
    return _summing_to_one(spread)


def critic(scores: np.ndarray) -> np.ndarray:
    """CRITIC weights of columns: standard deviation times Σ(1 - correlation), after min-max normalisation.

    Args:
        scores: units × indicators. A column that is the same everywhere has no correlation and weighs 0.
    """
    reach = scores.max(axis=0) - scores.min(axis=0)
    varying = reach > 0
    normal = (scores[:, varying] - scores[:, varying].min(axis=0)) / reach[varying]
    deviation = normal - normal.mean(axis=0)
    sd = np.sqrt((deviation**2).mean(axis=0))
    correlation = (deviation.T @ deviation) / len(scores) / np.outer(sd, sd)
    found = np.zeros(scores.shape[1])
    found[varying] = sd * (1 - correlation).sum(axis=0)
    return _summing_to_one(found)


def _summing_to_one(found: np.ndarray) -> np.ndarray:
    if not found.sum() > 0:
        raise _refused("the peer set does not vary / 同业样本无差异", "choose weights of another method")
    return found / found.sum()


def _refused(what: str, todo: str) -> CatalogueError:
    return CatalogueError(what, "weights", todo)


def _listed(profile: Profile) -> list[str]:
    """The indicators the profile lists, also those that do not apply, in the order of the standard."""
    return [
        key
        for key, one in catalogue().items()
        if one.kind != "metric" and (profile.indicators is None or key in profile.indicators)
    ]


def _by_pillar(listed: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key in listed:
        found[catalogue()[key].pillar].append(key)
    return dict(found)


def _by_group(listed: Collection[str], table: Tree) -> dict[str, list[str]]:
    members = {group.zh: [key for key in group.indicators if key in listed] for group in table.groups}
    return {name: keys for name, keys in members.items() if keys}


def _alike(children: Sequence[str]) -> dict[str, Fraction]:
    return dict.fromkeys(children, Fraction(1, len(children)))


def _pillars(profile: Profile, listed: list[str]) -> dict[str, dict[str, Fraction]]:
    present = {name: Fraction(weight) for name, weight in profile.pillars.items() if name in _by_pillar(listed)}
    return {ROOT: {name: weight / sum(present.values()) for name, weight in present.items()}}


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fixed(profile: Profile, listed: list[str]) -> dict[str, dict[str, Fraction]]:
    tables, local = profile.weights.fixed, _pillars(profile, listed)
    groups = {
        name: members
        for keys in _by_pillar(listed).values()
        for name, members in _by_group(keys, tree(profile.tree)).items()
    }
    known = {ROOT: set(local[ROOT])}
    for pillar, keys in _by_pillar(listed).items():
        known[pillar] = {*keys, *_by_group(keys, tree(profile.tree))}
    known |= {name: set(members) for name, members in groups.items()}
    for parent, table in tables.items():
        if strange := sorted(set(table) - known.get(parent, set())):
            raise _refused(f"fixed.{parent}: {', '.join(strange)} is not below it / 不属于该节点", "correct the table")
        local[parent] = {child: Fraction(weight) for child, weight in table.items()}
    lacking = [child for table in list(local.values()) for child in table if child in known and child not in local]
    reached = {child for table in local.values() for child in table}
    lacking += [name for name in (*_by_pillar(listed), *listed) if name not in reached]
    if lacking:
        raise _refused(f"{', '.join(lacking)}: no weights / 缺少权重",
                       "every pillar needs a table of its groups or indicators; to weigh the pillars alone, use `pillars` and another method")  # fmt: skip
    return local


# ── pairwise judgements ──────────────────────────────────────────────────────────────────────────────────────────────


def _ahp(profile: Profile, judgements: list[Mapping[str, Any]], listed: list[str]) -> Weighting:
    """Weights from the panel's pairwise judgements of pillars, groups and indicators."""
    nodes = {ROOT: list(_by_pillar(listed))}
    for pillar, keys in _by_pillar(listed).items():
        groups = _by_group(keys, tree(profile.tree))
        nodes |= {pillar: list(groups)} | groups
    if strange := sorted({row["node"] for row in judgements} - set(nodes)):
        raise _refused(
            f"{', '.join(strange)}: no such node / 没有该节点", "use total, E, S, G or a group's Chinese name"
        )
    local, ratios = {}, {}
    for node, children in nodes.items():
        given = [row for row in judgements if row["node"] == node]
        if len(children) == 1 and not given:
            local[node] = _alike(children)
            continue
        local[node], ratios[node] = _node(node, children, _needed(children, profile, nodes), given, profile)
    return Weighting("ahp", local, ratios, profile.weights.random_index)


def _needed(children: list[str], profile: Profile, nodes: Mapping[str, list[str]]) -> set[str]:
    """The children that must be compared: those something applies below."""

    def applies(child: str) -> bool:
        return any(map(applies, nodes[child])) if child in nodes else child not in profile.not_applicable

    return {child for child in children if applies(child)}


def _node(
    node: str, children: list[str], needed: set[str], given: list[Mapping[str, Any]], profile: Profile
) -> tuple[dict[str, Fraction], float]:
    """The weights of a node's children, and the consistency ratio: of the joint matrix, or the experts' largest."""
    named = {row[side] for row in given for side in ("left", "right")}
    if strange := sorted(named - set(children)):
        raise _refused(f"{node}: {', '.join(strange)} is not below it / 不属于该节点", "correct the judgements")
    if len(needed) > 1 and (lacking := sorted(needed - named)):
        raise _refused(f"{node}: {', '.join(lacking)} is compared with nothing / 缺少比较", "complete the judgements")
    items = [child for child in children if child in named]
    if not items:
        return _alike(children), 0.0
    matrices = [
        _matrix(f"{node}, {expert}", items, [row for row in given if row["expert_id"] == expert])
        for expert in sorted({row["expert_id"] for row in given})
    ]
    experts, method = sorted({row["expert_id"] for row in given}), profile.weights
    alone = [
        _consistent(f"{node}, {expert}", items, matrix, profile)
        for expert, matrix in zip(experts, matrices, strict=True)
    ]
    if method.experts == "aij":
        together = _consistent(f"{node}, all experts", items, joint(matrices), profile)
        weights, ratio = together.weights, together.ratio
    else:
        weights, ratio = joint_weights([one.weights for one in alone]), max(one.ratio for one in alone)
    exact = dict(zip(items, map(_exact, weights), strict=True))
    whole = sum(exact.values())
    return {child: exact.get(child, Fraction(0)) / whole for child in children}, ratio


def _matrix(who: str, items: list[str], given: list[Mapping[str, Any]]) -> Matrix:
    """One expert's reciprocal matrix of one node."""
    ratios: dict[tuple[str, str], float] = {}
    for row in given:
        pair = (row["left"], row["right"])
        if pair[0] == pair[1] or pair in ratios:
            raise _refused(
                f"{who}: {pair[0]} and {pair[1]} are the same, or compared twice / 重复比较", "keep one judgement"
            )
        ratios[pair], ratios[pair[::-1]] = row["ratio"], 1 / row["ratio"]
    if lacking := [f"{one} : {other}" for one, other in combinations(items, 2) if (one, other) not in ratios]:
        raise _refused(f"{who}: not compared / 未比较: {', '.join(lacking)}", "complete the judgements")
    return tuple(tuple(1.0 if one == other else ratios[one, other] for other in items) for one in items)


def _consistent(who: str, items: list[str], matrix: Matrix, profile: Profile) -> Comparison:
    """What a matrix says, if it does not contradict itself too much.

    Raises:
        CatalogueError: its consistency ratio is above the gate; names the worst triad and the value suggested.
    """
    found = compared(matrix, profile.weights.random_index)
    if found.ratio <= profile.weights.consistency_gate:
        return found
    triad, (one, other), suggested = worst_triad(matrix)
    raise _refused(
        f"{who}: CR {found.ratio:.4f} ({profile.weights.random_index}) is above {profile.weights.consistency_gate} / 一致性不足; "
        f"worst / 最不一致: {', '.join(items[place] for place in triad)}",
        f"ask the expert again: {items[one]} over {items[other]} was {matrix[one][other]:.4g}, {suggested:.2f} fits the rest",
    )


def _refuse_irreciprocal(matrix: Matrix) -> None:
    for i, row in enumerate(matrix):
        for j, one in enumerate(row):
            if not one > 0 or len(row) != len(matrix) or abs(one * matrix[j][i] - 1) > 1e-9:
                raise _refused(f"not reciprocal at {i + 1}, {j + 1} / 判断矩阵不互反", "a_ij · a_ji must be 1")


def _exact(weight: float) -> Fraction:
    return Fraction(repr(float(weight)))


# ── peers ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _objective(profile: Profile, listed: list[str], method: str, peers: Peers | None) -> dict[str, dict[str, Fraction]]:
    """Per pillar the weights of its indicators by their spread among peers."""
    keys = [key for key in listed if key not in profile.not_applicable]
    complete = {name: scores for name, scores in sorted((peers or {}).items()) if set(keys) <= set(scores)}
    if len(complete) < profile.weights.peers_at_least:
        raise _refused(
            f"{method}: {len(complete)} peers with every indicator, {profile.weights.peers_at_least} are needed / 同业样本不足",
            "fill reference/peer_score.csv, or choose weights that need no peers",
        )
    scores = np.array([[float(one[key]) for key in keys] for one in complete.values()])
    weights = (entropy if method == "entropy" else critic)(scores)
    found = dict(zip(keys, map(_exact, weights), strict=True))
    return {
        pillar: {key: found[key] for key in members if key in found} for pillar, members in _by_pillar(listed).items()
    }


def _combined(
    profile: Profile, judgements: list[Mapping[str, Any]], listed: list[str], peers: Peers | None
) -> Weighting:
    """Judged and objective weights multiplied inside each pillar; pillars as judged."""
    judged = _ahp(profile, judgements, listed)
    objective = _objective(profile, listed, profile.weights.objective, peers)
    shares, a = judged.shares([key for keys in objective.values() for key in keys]), float(profile.weights.base_share)
    local = {ROOT: dict(judged.local[ROOT])}
    for pillar, weights in objective.items():
        if weights:
            local[pillar] = {
                key: _exact(float(shares[key]) ** a * float(weight) ** (1 - a)) for key, weight in weights.items()
            }
    return Weighting("combined", local, judged.ratios, judged.random_index)
