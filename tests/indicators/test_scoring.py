"""Scoring: golden cases worked by hand, what is refused, and what must hold for any input."""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.declared import catalogue
from indicators.scoring.evaluation import Evaluation
from indicators.scoring.panel import panel_score
from indicators.scoring.profile import SHIPPED, Anchors, Profile, load
from indicators.scoring.score import (
    RESULT,
    Assessment,
    Facts,
    among_peers,
    anchored,
    assess,
    grade,
    score,
    scored,
    two_places,
)
from schemas.errors import CatalogueError

SIX = ("A.1.6", "A.1.10", "A.2.2", "A.2.6", "A.2.7", "A.2.8")
EXPERT_SCORED = tuple(key for key, one in catalogue().items() if one.kind in ("mixed", "qualitative"))

# a warehouse operator: six measured values, six indicators scored by experts, A.3.6 without any evidence
GOLDEN = {"A.1.6": 0.25, "A.1.10": 0.12, "A.2.2": 72.5, "A.2.6": 0.08, "A.2.7": 97.2, "A.2.8": 99.95}
PANEL = {
    "A.1.16": (4, 4, 3, 5, 4), "A.1.18": (3, 3, 2, 3, 4), "A.2.3": (4, 3, 4), "A.3.1": (2, 3, 2, 2, 3),
    "A.3.3": (4, 4, 4, 4, 4), "A.3.11": (3, 4, 4, 3, 3),
}  # fmt: skip
SCOPE = {*GOLDEN, *PANEL, "A.3.6"}


def written(changes: Mapping[str, object] | None = None, **anchors: object) -> Profile:
    """The shipped profile with top-level keys and anchors changed."""
    content = yaml.safe_load((SHIPPED / "draft-neutral-v1.yaml").read_text(encoding="utf-8"))
    content["anchors"] |= {key.replace("_", "."): value for key, value in anchors.items()}
    return Profile.model_validate(content | dict(changes or {}))


def four(x0: object, x60: object, x80: object, x100: object) -> dict[str, object]:
    return {"x0": x0, "x60": x60, "x80": x80, "x100": x100, "source": {"zh": "试", "en": "test"}}


PROFILE = written(A_1_6=four(0.6, 0.3, 0.2, 0.1), A_1_10=four(0.3, 0.15, 0.1, 0.05))


def values(numbers: Mapping[str, float | None], **more: object) -> pl.DataFrame:
    row = {"period": "2026", "org_id": "demo", "state": "measured", "coverage": 1.0, "reason": None} | more
    schema = {"value": pl.Float64, "coverage": pl.Float64, "reason": pl.String}
    return pl.DataFrame(
        [{"indicator_id": key, "value": number} | row for key, number in numbers.items()], schema_overrides=schema
    )


def experts(levels: Mapping[str, tuple[int, ...]], rounds: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"expert_id": f"X{place}", "indicator_id": key, "round": rounds, "level": level, "is_conflicted": None}
            for key, given_levels in levels.items()
            for place, level in enumerate(given_levels)
        ],
        schema={
            "expert_id": pl.String, "indicator_id": pl.String, "round": pl.Int64, "level": pl.Int64,
            "is_conflicted": pl.Boolean,
        },
    )  # fmt: skip


def of(result: pl.DataFrame, name: str) -> dict[str, object]:
    return result.row(by_predicate=pl.col("id") == name, named=True)


# ── golden ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_golden_case_is_met_to_its_printed_digits() -> None:
    # A.1.6 .25 between .30 (60) and .20 (80): 60 + 20·.05/.10 = 70   A.1.10 .12: 60 + 20·.03/.05 = 72
    # A.2.2 72.5 between 70 and 85: 60 + 20·2.5/15 = 63.3333          A.2.6 .08: 80 + 20·.02/.05 = 88
    # A.2.7 97.2: 80 + 20·1.2/3 = 88                                  A.2.8 99.95: 80 + 20·.05/.09 = 91.1111
    # A.1.16 drop 5 and 3: mean(4,4,4)·20 = 80   A.1.18 mean(3,3,3)·20 = 60  A.2.3 n = 3, plain: 11/3·20 = 73.3333
    # A.3.1 drop 3 and 2: mean(2,2,3)·20 = 46.6667   A.3.3 80   A.3.11 mean(3,3,4)·20 = 66.6667   A.3.6 missing: 0
    # E (70+72+80+60)/4 = 70.5   S (63.3333+88+88+91.1111+73.3333)/5 = 80.7556   G (46.6667+80+66.6667+0)/4 = 48.3333
    # total (70.5+80.7556+48.3333)/3 = 66.5296; with 100 for A.3.6: G 73.3333, total 74.8630
    result = score(values(GOLDEN), experts(PANEL), PROFILE, applicable=SCOPE)
    expected = {
        "A.1.6": 70, "A.1.10": 72, "A.2.2": 63.3333, "A.2.6": 88, "A.2.7": 88, "A.2.8": 91.1111, "A.1.16": 80,
        "A.1.18": 60, "A.2.3": 73.3333, "A.3.1": 46.6667, "A.3.3": 80, "A.3.11": 66.6667, "A.3.6": 0,
        "E": 70.5, "S": 80.7556, "G": 48.3333, "total": 66.5296,
    }  # fmt: skip
    assert {key: round(of(result, key)["score"], 4) for key in expected} == expected
    assert (of(result, "G")["lower"], of(result, "G")["upper"]) == pytest.approx((48.333333, 73.333333))
    assert round(of(result, "total")["upper"], 4) == 74.8630
    assert of(result, "A.3.6")["state"] == "missing"
    assert of(result, "A.3.6")["reason"] == "no_expert_score"


def test_the_golden_case_has_no_grade_because_governance_covers_three_quarters() -> None:
    total = of(score(values(GOLDEN), experts(PANEL), PROFILE, applicable=SCOPE), "total")
    assert (total["grade"], total["reason"], total["state"]) == (None, "coverage_below_gate", "partial")


def test_the_golden_case_without_the_gate_is_bbb() -> None:
    profile = PROFILE.model_copy(update={"coverage_gate": Decimal(0)})
    assert of(score(values(GOLDEN), experts(PANEL), profile, applicable=SCOPE), "total")["grade"] == "BBB"


def test_the_golden_case_under_other_pillar_weights() -> None:
    # .40·70.5 + .35·80.7556 + .25·48.3333 = 68.5478
    profile = PROFILE.model_copy(update={"pillars": {"E": Decimal("0.40"), "S": Decimal("0.35"), "G": Decimal("0.25")}})
    total = of(score(values(GOLDEN), experts(PANEL), profile, applicable=SCOPE), "total")
    assert round(total["score"], 4) == 68.5478


def test_flat_weights_share_a_pillar_alike() -> None:
    # of the total: E 1/3/22 = 1.5152 %, S 1/3/17 = 1.9608 %, G 1/3/11 = 3.0303 %
    result = score(values(GOLDEN), experts(PANEL), PROFILE)
    share = {key: round(100 * of(result, key)["weight"], 4) for key in ("A.1.22", "A.2.1", "A.3.11", "E", "total")}
    assert share == {"A.1.22": 1.5152, "A.2.1": 1.9608, "A.3.11": 3.0303, "E": 33.3333, "total": 100}


def test_what_does_not_apply_leaves_its_weight_to_its_pillar() -> None:
    # without A.1.15–A.1.17: E stays 1/3, each of the other 19 has 1/3/19 = 1.7544 %
    left_out = {"A.1.15", "A.1.16", "A.1.17"}
    result = score(values(GOLDEN), experts(PANEL), PROFILE, applicable={*SIX, *EXPERT_SCORED} - left_out)
    assert round(100 * of(result, "A.1.1")["weight"], 4) == 1.7544
    assert round(100 * of(result, "E")["weight"], 4) == 33.3333
    gone = of(result, "绿色物流")
    assert (gone["score"], gone["weight"], gone["state"]) == (None, 0.0, "not_applicable")


def test_a_pillar_that_does_not_apply_leaves_its_weight_to_the_others() -> None:
    result = score(values({"A.2.7": 96.0}), experts({"A.3.3": (3, 3, 3)}), PROFILE, applicable=["A.2.7", "A.3.3"])
    assert of(result, "total")["score"] == 70.0  # (80 + 60)/2


def test_rows_come_in_the_order_of_the_tree() -> None:
    result = score(values(GOLDEN), experts(PANEL), PROFILE)
    assert result.schema == RESULT
    assert result["level"].to_list() == ["indicator"] * 50 + ["group"] * 15 + ["pillar"] * 3 + ["total"]
    assert result["id"].to_list()[8:10] == ["A.1.9", "A.1.10"]
    assert result["id"].to_list()[-4:] == ["E", "S", "G", "total"]


def test_every_row_names_the_profile_by_its_hash() -> None:
    result = score(values(GOLDEN), experts(PANEL), PROFILE)
    assert set(result["profile_hash"]) == {PROFILE.hash}
    assert len(PROFILE.hash) == 64
    assert PROFILE.hash != PROFILE.model_copy(update={"coverage_gate": Decimal("0.7")}).hash


# ── missing, partial, not applicable ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"state": "missing", "reason": "no_meter"}, "no_meter"),
        ({"state": "missing"}, "no_value"),
        ({"state": "not_applicable", "reason": "no_survey"}, "no_survey"),
    ],
)
def test_a_core_indicator_without_a_value_is_missing_and_never_dropped(row: dict[str, str], reason: str) -> None:
    line = of(score(values({"A.2.2": None}, **row), experts({}), PROFILE), "A.2.2")
    assert (line["state"], line["score"], line["lower"], line["upper"]) == ("missing", 0.0, 0.0, 100.0)
    assert line["reason"] == reason
    assert line["weight"] > 0


def test_an_indicator_outside_the_core_may_not_apply() -> None:
    line = of(score(values({"A.2.8": None}, state="not_applicable"), experts({}), PROFILE), "A.2.8")
    assert (line["state"], line["score"], line["weight"]) == ("not_applicable", None, 0.0)


def test_eleven_of_twelve_months_are_scored_and_ten_are_not() -> None:
    eleven = of(score(values({"A.2.7": 96}, state="partial", coverage=11 / 12), experts({}), PROFILE), "A.2.7")
    ten = of(score(values({"A.2.7": 96}, state="partial", coverage=10 / 12), experts({}), PROFILE), "A.2.7")
    assert (eleven["state"], eleven["score"]) == ("partial", 80.0)
    assert (ten["state"], ten["score"], ten["reason"]) == ("missing", 0.0, "coverage_too_low")


def test_a_negative_value_is_not_scored_as_excellent() -> None:
    line = of(score(values({"A.1.6": -0.2}), experts({}), PROFILE), "A.1.6")
    assert (line["state"], line["reason"]) == ("missing", "value_out_of_range")


def test_zero_is_a_value() -> None:
    assert of(score(values({"A.2.6": 0.0}), experts({}), PROFILE), "A.2.6")["score"] == 100.0


def test_without_a_declared_baseline_an_intensity_has_no_anchor() -> None:
    line = of(score(values({"A.1.6": 0.25}), experts({}), written()), "A.1.6")
    assert (line["state"], line["reason"], line["upper"]) == ("missing", "no_anchor", 100.0)


def test_a_declared_baseline_scores_sixty() -> None:
    # baseline .30: x0 .375, x60 .30, x80 .27, x100 .225
    own = {**four(1.25, 1, 0.9, 0.75), "relative_to": "own_baseline", "baseline": 0.30}
    profile = written(A_1_6=own)
    assert [of(score(values({"A.1.6": x}), experts({}), profile), "A.1.6")["score"] for x in (0.4, 0.3, 0.27, 0.2)] == [
        0.0, 60.0, 80.0, 100.0,
    ]  # fmt: skip


def test_two_experts_are_too_few() -> None:
    line = of(score(values(GOLDEN), experts({"A.3.3": (5, 5)}), PROFILE), "A.3.3")
    assert (line["state"], line["score"], line["reason"]) == ("missing", 0.0, "panel_too_small")


def test_an_expert_with_a_conflict_in_any_round_is_left_out() -> None:
    given_levels = experts({"A.3.3": (5, 2, 2, 2)})
    first = given_levels.with_columns(pl.col("expert_id").eq("X0").alias("is_conflicted"))
    second = experts({"A.3.3": (5,)}, rounds=2)
    assert of(score(values(GOLDEN), pl.concat([first, second]), PROFILE), "A.3.3")["score"] == 40.0


def test_the_latest_round_of_each_expert_counts() -> None:
    both = pl.concat([experts({"A.3.3": (1, 3, 3)}), experts({"A.3.3": (3,)}, rounds=2)])
    assert of(score(values(GOLDEN), both, PROFILE), "A.3.3")["score"] == 60.0


def test_a_pillar_of_exactly_the_gate_has_a_grade() -> None:
    scope = ["A.3.1", "A.3.3", "A.3.4", "A.3.6", "A.3.7"]
    result = score(values(GOLDEN), experts(dict.fromkeys(scope[:4], (3, 3, 3))), PROFILE, applicable=scope)
    assert of(result, "G")["coverage"] == 0.8
    assert of(result, "G")["grade"] == "B"  # 4 x 60 / 5 = 48


def test_a_pillar_with_more_than_thirty_percent_left_out_is_marked() -> None:
    result = score(values({"A.2.7": 96}), experts({}), PROFILE, applicable=["A.2.7"])
    assert of(result, "S")["reason"] == "limited_scope"


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "anchors",
    [
        four(1, 2, 2, 3),
        four(1, 3, 2, 4),
        four(4, 3, 3, 1),
        {**four(1, 2, 3, 4), "baseline": 2},
        {**four(1, 2, 3, 4), "x50": 1},
    ],
)
def test_anchors_that_do_not_rise_or_fall_strictly_are_refused(anchors: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"strictly|own_baseline|x50"):
        Anchors.model_validate(anchors)


def dated(
    first: str | None = None, last: str | None = None, kind: str | None = None, x0: int = 80
) -> dict[str, object]:
    """Anchors of A.2.7 from day to day, for a type of enterprise; by default x0 80 … x100 99."""
    return four(x0, 92, 96, 99) | {"valid_from": first, "valid_to": last, "enterprise_type": kind}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([dated(), dated()], r"anchors\.A\.2\.7: two sets for every type are valid on the same day"),
        ([dated(last="2026-06-30"), dated("2026-06-30")], r"A\.2\.7: two sets for every type"),
        ([dated(kind="warehouse"), dated("2026-01-01", kind="warehouse")], r"A\.2\.7: two sets for warehouse"),
        ([dated("2026-02-01", "2026-01-31")], "valid_to lies before valid_from"),
        ([dated(kind="circus")], "enterprise_type"),
        ([dated(), dated(kind="warehouse", x0=96)], "strictly"),
        ([], "at least 1 item"),
    ],
)
def test_anchors_that_leave_open_which_counts_are_refused(given: list[dict[str, object]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        written(A_2_7=given)


def test_anchors_that_run_the_wrong_way_for_one_type_are_refused() -> None:
    falling = four(99, 96, 92, 80) | {"enterprise_type": "express"}
    assert written(A_2_7=[dated(), falling]).misfits(catalogue()) == [
        "A.2.7: lower is better by its anchors, not by the catalogue"
    ]


@pytest.mark.parametrize(
    ("period", "kind", "points"),
    [
        # 90 % on time; x0 80: 60·10/12 = 50; x0 85: 60·5/7 = 42.8571; x0 88: 60·2/4 = 30; x0 70: 60·20/22 = 54.5455
        ("2025", "integrated", 50),
        ("2026", "integrated", 42.8571),  # the change of June counts: the period ends in December
        ("2025-07..2026-06", "integrated", 50),  # ends on the last day of the old ones
        ("2025", "warehouse", 30),  # those of the type go before those of all
        ("2026", "warehouse", 54.5455),
        ("2027", "warehouse", 42.8571),  # those of the type are no longer valid: those of all count
        ("2026", None, 42.8571),
    ],
)
def test_the_anchors_of_the_type_at_the_end_of_the_period_count(period: str, kind: str | None, points: float) -> None:
    profile = written(
        A_2_7=[
            dated(last="2026-06-30"), dated("2026-07-01", x0=85), dated(last="2025-12-31", kind="warehouse", x0=88),
            dated("2026-01-01", "2026-12-31", kind="warehouse", x0=70),
        ]
    )  # fmt: skip
    facts = Facts.of(values({"A.2.7": 90.0}, period=period), experts({}), enterprise_type=kind)
    one = assess(facts, profile)
    assert round(float(one.line("A.2.7")["score"]), 4) == points
    row = one.normalised().row(by_predicate=pl.col("indicator_id") == "A.2.7", named=True)
    assert (row["anchor_type"] or "integrated") in ("integrated", kind)
    assert row["x0"] == {50: 80, 42.8571: 85, 30: 88, 54.5455: 70}[points]


def test_without_anchors_valid_at_the_end_of_the_period_there_is_no_score() -> None:
    line = of(score(values(GOLDEN), experts({}), written(A_2_7=[dated(last="2026-12-30")])), "A.2.7")
    assert (line["state"], line["reason"]) == ("missing", "no_anchor")


def test_the_simple_spelling_says_the_same_as_a_list_of_one() -> None:
    assert written(A_2_7=dated()).hash == written(A_2_7=[dated()]).hash


# ── among peers ──────────────────────────────────────────────────────────────────────────────────────────────────

PEERS = [Fraction(x) for x in ["1"] * 10 + ["0.5"] * 5 + ["0.1", "0.08", "0.06", "0.04", "0"]]


def compared(how: str, peers: list[Fraction], value: float = 0.08, **changes: object) -> Assessment:
    profile = written({"normalisation": {"A.2.6": how}, "indicators": ["A.2.6"], "core": [], **changes})
    return assess(Facts.of(values({"A.2.6": value}), experts({}), peer_values={"A.2.6": peers}), profile)


@pytest.mark.parametrize(
    ("how", "value", "points"),
    [
        # fewer complaints are better. Twenty peers, ranks from the worst: 1.0 0–9, .5 10–14 (mean 12), .1 15, .08 16, .06 17
        ("percentile", 0.08, 84.2105),  # 16/19
        ("percentile", 0.5, 63.1579),  # 12/19
        ("percentile", 0.09, 81.5789),  # half way from 15/19 to 16/19
        ("percentile", 1.0, 0),  # the worst there is
        ("percentile", 1.7, 0),
        ("percentile", 0.0, 100),
        ("minmax", 0.08, 92),  # (1 - .08)/(1 - 0)
        ("minmax", 0.5, 50),
        ("minmax", 3.0, 0),
    ],
)
def test_a_value_is_judged_among_peers(how: str, value: float, points: float) -> None:
    one = compared(how, PEERS, value)
    assert round(float(one.line("A.2.6")["score"]), 4) == points
    row = one.normalised().row(by_predicate=pl.col("indicator_id") == "A.2.6", named=True)
    assert (row["method"], row["x60"], row["anchor_source"]) == (how, None, "20 家同业 | 20 peers")


def test_where_more_is_better_the_highest_peer_scores_full() -> None:
    line = among_peers("minmax", [Fraction(80), Fraction(90), Fraction(100)], "higher")
    assert [scored(Fraction(x), line) for x in (70, 85, 100)] == [0, 25, 100]


@pytest.mark.parametrize(
    ("how", "peers", "says"),
    [
        ("percentile", PEERS[:19], r"A\.2\.6: percentile needs 20 peers, there are 19 / 同业样本不足"),
        ("percentile", [Fraction(1)] * 20, r"A\.2\.6: percentile: the peers all have one value"),
        ("minmax", PEERS[:1], r"A\.2\.6: minmax needs 2 peers, there are 1"),
        ("minmax", PEERS[:2], r"A\.2\.6: minmax: the peers all have one value"),
        ("minmax", [], r"A\.2\.6: minmax needs 2 peers, there are 0"),
    ],
)
def test_too_few_peers_are_refused(how: str, peers: list[Fraction], says: str) -> None:
    with pytest.raises(CatalogueError, match=says):
        compared(how, peers)


def test_how_many_peers_a_percentile_needs_is_declared() -> None:
    # fifteen, ranks from the worst: 1.0 0–4, .5 5–9, .1 10, .08 11: 11/14
    one = compared("percentile", PEERS[5:], percentile_from=15)
    assert float(one.line("A.2.6")["score"]) == pytest.approx(1100 / 14)


def test_a_year_without_peers_is_no_obstacle_to_the_next() -> None:
    before = Facts.of(values({"A.2.6": 0.1}, period="2025"), experts({}))
    facts = Facts.of(values({"A.2.6": 0.08}), experts({}), peer_values={"A.2.6": PEERS}, previous=before)
    one = assess(facts, compared("minmax", PEERS).profile)
    row = one.normalised().row(by_predicate=pl.col("indicator_id") == "A.2.6", named=True)
    assert (row["score"], row["previous_value"], row["previous_score"]) == (92, 0.1, None)


TEXT = {"zh": "试", "en": "test"}
ANCHORS = {"x0": 1, "x60": 2, "x80": 3, "x100": 4, "source": TEXT}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"not_applicable": {"A.2.5": {"zh": "无", "en": "none"}}}, "core indicators always apply"),
        ({"pillars": {"E": 1, "S": 1}}, "pillars"),
        ({"grades": {"A": 50}}, "the lowest starts at 0"),
        ({"missing": "dropped"}, "missing"),
        ({"tree": "draft-1999"}, "draft-1999"),
        ({"anchors": {"A.2.7": four(99, 96, 92, 80)}}, "lower is better by its anchors"),
        ({"anchors": {"A.1.1": four(1, 2, 3, 4)}}, "scored by experts"),
        ({"core": ["A.9.9"]}, "no such indicator"),
        ({"indicators": ["A.1.1", "A.9.9"], "core": []}, r"A\.9\.9: no such indicator"),
        ({"indicators": ["A.1.1"]}, r"core indicators always apply; list them"),
        ({"targets": {"A.9.9": 1}}, "no such indicator"),
        ({"proposed_not_applicable": {"warehouse": {"A.1.1": TEXT}}}, r"A\.1\.1: core indicators always apply"),
        ({"proposed_not_applicable": {"circus": {"A.1.15": TEXT}}}, "circus"),
        ({"grades": "stars"}, "no set of grades is called 'stars'"),
        ({"weights": {"method": "delphi"}}, "weights.method"),
        ({"weights": "flat"}, "weights"),
        ({"pillar_aggregate": "harmonic"}, "pillar_aggregate"),
        ({"panel": {"minimum": 3, "trimmed_from": 5, "aggregate": "mode"}}, "panel.aggregate"),
        ({"panel": {"minimum": 3, "trimmed_from": 5, "gate": {"apart": 0}}}, "panel.gate.apart"),
        ({"panel": {"minimum": 3, "trimmed_from": 5, "gate": {"good_alpha": 0.5}}}, "good_alpha lies below alpha"),
        ({"panel": {"minimum": 3, "trimmed_from": 5, "gate": {"share": 20}}}, "panel.gate.share"),
        ({"normalisation": {"A.1.1": "percentile"}}, r"normalisation\.A\.1\.1: is scored by experts"),
        ({"normalisation": {"A.9.9": "minmax"}}, r"A\.9\.9: no such indicator"),
        ({"normalisation": {"A.2.6": "zscore"}}, r"normalisation\.A\.2\.6"),
        ({"integrity": ["fuel_per_distance"]}, "integrity.0"),  # a plausible range is no contradiction
        ({"blend": {"share": 0.6}}, "blend.share"),
        ({"blend": {"share": 0.3}}, "blend: Value error, a share blends nothing without metrics"),
        ({"indicators": [], "core": []}, "indicators: Tuple should have at least 1 item"),
        ({"targets": {"A.2.7": -1}}, r"targets\.A\.2\.7: -1 is no value it can have"),
        ({"targets": {"A.1.1": 6}}, r"targets\.A\.1\.1: 6 is no value it can have"),
        # of a list that lacks what is wrong in it only that is told
        (
            {"anchors": {"A.2.7": {**ANCHORS, "x60": "x"}}},
            r"mine\.yaml: anchors\.A\.2\.7\.0\.x60: Input should be a valid decimal\n",
        ),
        ({"blend": {"metrics": {"A.1.1": {**ANCHORS, "metric": "M065"}}}}, "M065 is no metric that serves it"),
        ({"events": {"classes": {"X": {"title": TEXT}}}}, "events.classes.X"),
        ({"events": {"decay": [2]}}, "events.decay"),
        ({"monte_carlo": {"seed": 1, "runs": 1}}, "monte_carlo.runs"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    content = yaml.safe_load((SHIPPED / "draft-neutral-v1.yaml").read_text(encoding="utf-8")) | {"id": "mine"} | change
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CatalogueError, match=says):
        load("mine", tmp_path)


def test_core_indicators_may_be_declared_not_to_apply_where_the_rule_is_off() -> None:
    profile = written({"core": [], "not_applicable": {"A.2.5": {"zh": "无", "en": "none"}}})
    assert of(score(values(GOLDEN), experts(PANEL), profile), "A.2.5")["state"] == "not_applicable"


def test_a_profile_evaluates_exactly_what_it_lists() -> None:
    listed = written(
        {"core": [], "indicators": sorted(SCOPE)}, A_1_6=four(0.6, 0.3, 0.2, 0.1), A_1_10=four(0.3, 0.15, 0.1, 0.05)
    )
    of_list, of_argument = (
        score(values(GOLDEN), experts(PANEL), listed),
        score(values(GOLDEN), experts(PANEL), PROFILE, SCOPE),
    )
    assert of_list.drop("profile_hash").equals(of_argument.drop("profile_hash"))


@pytest.mark.parametrize(
    ("name", "edges"),
    [
        # seven equal steps of 0 to 100: 100/7 = 14.2857…
        (
            "msci7",
            {
                14.28: "CCC",
                14.29: "B",
                28.57: "B",
                28.58: "BB",
                42.86: "BBB",
                57.15: "A",
                71.43: "AA",
                85.71: "AA",
                85.72: "AAA",
            },
        ),
        ("huazheng", {95: "AAA", 94.99: "AA", 85: "A", 80: "BBB", 75: "BB", 70: "B", 65: "CCC", 60: "CC", 59.99: "C"}),
        ("four", {85: "优", 84.99: "良", 70: "良", 60: "中", 59.99: "差", 0: "差"}),
        ("default", {90: "AAA", 80: "AA", 70: "A", 60: "BBB", 50: "BB", 40: "B", 30: "CCC", 20: "CC", 19.99: "C"}),
    ],
)
def test_the_edge_of_a_band_belongs_to_the_upper_grade(name: str, edges: dict[float, str]) -> None:
    profile = written({"grades": name})
    assert {number: grade(number, profile) for number in edges} == edges


def test_a_set_of_grades_and_its_table_are_one_method() -> None:
    table = {"AAA": 90, "AA": 80, "A": 70, "BBB": 60, "BB": 50, "B": 40, "CCC": 30, "CC": 20, "C": 0}
    assert (
        written({"grades": table}).hash == written({"grades": "default"}).hash != written({"grades": "huazheng"}).hash
    )


@pytest.mark.parametrize(("how", "score_"), [("trimmed", 66.6667), ("mean", 64), ("median", 60)])
def test_the_levels_of_a_panel_are_taken_together_as_declared(how: str, score_: float) -> None:
    # 1, 3, 3, 4, 5: without 1 and 5 the mean is 10/3; of all 16/5; the middle one is 3
    profile = written({"panel": {"minimum": 3, "trimmed_from": 5, "aggregate": how}})
    found = of(score(values(GOLDEN), experts({"A.3.3": (5, 1, 3, 3, 4)}), profile), "A.3.3")
    assert round(found["score"], 4) == score_
    few = of(score(values(GOLDEN), experts({"A.3.3": (5, 1)}), profile), "A.3.3")
    assert few["reason"] == "panel_too_small"


def test_what_is_missing_may_be_dropped_yet_lacks_in_coverage() -> None:
    # G (46.6667 + 80 + 66.6667)/3 = 64.4444; total 71.9; three quarters of G are covered all the same
    dropped = score(values(GOLDEN), experts(PANEL), PROFILE.changed(missing="drop"), SCOPE)
    assert [round(of(dropped, name)["score"], 4) for name in ("G", "total")] == [64.4444, 71.9]
    assert (of(dropped, "G")["coverage"], of(dropped, "total")["grade"]) == (0.75, None)
    line = of(dropped, "A.3.6")
    assert (line["score"], line["weight"], line["lower"], line["upper"]) == (None, 0, 0, 100)
    assert round(of(dropped, "total")["lower"], 4) == 66.5296


def test_the_weights_that_counted_are_those_of_the_score() -> None:
    facts, profile = Facts.of(values(GOLDEN), experts(PANEL)), PROFILE.changed(missing="drop")
    result = {row["id"]: row["weight"] for row in assess(facts, profile, applicable=SCOPE).result().rows(named=True)}
    profile = profile.changed(indicators=tuple(SCOPE), core=[])
    weights = Evaluation(facts, profile, experts(PANEL), {}).weights()
    assert {key: row for key, row in weights.select("id", "effective").iter_rows() if key in SCOPE} == {
        key: result[key] for key in SCOPE
    }


def test_pillars_may_be_taken_together_geometrically() -> None:
    # (70.5 · 80.7556 · 48.3333)^(1/3) = 65.0433; nothing in one pillar is nothing in all
    profile = PROFILE.changed(pillar_aggregate="geometric")
    assert round(of(score(values(GOLDEN), experts(PANEL), profile, SCOPE), "total")["score"], 4) == 65.0433
    nothing = score(values(GOLDEN), experts({"A.3.3": (0, 0, 0)}), profile, [*GOLDEN, "A.3.3"])
    assert of(nothing, "total")["score"] == 0


def test_an_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(CatalogueError, match="no profile 'nobody'"):
        load("nobody")


def test_the_enterprise_folder_comes_before_the_shipped_profiles(tmp_path: Path) -> None:
    text = (SHIPPED / "draft-neutral-v1.yaml").read_text(encoding="utf-8")
    (tmp_path / "profiles").mkdir()
    text = text.replace("gate: 0.80", "gate: 0.90")
    (tmp_path / "profiles" / "draft-neutral-v1.yaml").write_text(text, encoding="utf-8")
    assert load("draft-neutral-v1", tmp_path).coverage_gate == Decimal("0.9")
    assert load("draft-neutral-v1").coverage_gate == Decimal("0.8")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (experts({"A.1.6": (3, 3, 3)}), "experts do not score"),
        (experts({"A.9.1": (3, 3, 3)}), "experts do not score"),
        (experts({"A.3.3": (3, 6, 3)}), "no level from 0 to 5"),
        (pl.concat([experts({"A.3.3": (3,)})] * 2), "two levels of one expert"),
    ],
)
def test_odd_expert_levels_are_refused(rows: pl.DataFrame, says: str) -> None:
    with pytest.raises(CatalogueError, match=says):
        score(values(GOLDEN), rows, PROFILE)


def test_two_readings_of_one_indicator_are_refused() -> None:
    with pytest.raises(CatalogueError, match=r"A\.2\.7: several readings"):
        score(pl.concat([values({"A.2.7": 96}), values({"A.2.7": 92})]), experts({}), PROFILE)


def test_only_the_chosen_reading_is_scored() -> None:
    both = pl.concat([values({"A.2.7": 96}, is_chosen=True), values({"A.2.7": 92}, is_chosen=False)])
    assert of(score(both, experts({}), PROFILE), "A.2.7")["score"] == 80.0


def test_two_periods_at_once_are_refused() -> None:
    with pytest.raises(CatalogueError, match="one period and one organisation"):
        score(pl.concat([values({"A.2.7": 96}), values({"A.2.6": 1}, period="2025")]), experts({}), PROFILE)


# ── edges and laws ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "printed", "expected"),
    [(59.995, "60.00", "BBB"), (59.994999, "59.99", "BB"), (90.0, "90.00", "AAA"), (0.0, "0.00", "C")],
)
def test_a_score_is_rounded_half_up_once_before_it_is_graded(number: float, printed: str, expected: str) -> None:
    assert str(two_places(number)) == printed
    assert grade(number, PROFILE) == expected


@given(value=st.floats(0, 200, allow_nan=False), more=st.floats(0, 50), key=st.sampled_from(SIX))
def test_scores_stay_within_bounds_and_follow_the_direction(value: float, more: float, key: str) -> None:
    (anchors,) = PROFILE.anchors[key]
    line = anchored(anchors)
    assert line is not None
    first, second = (scored(Fraction(x), line) for x in (value, value + more))
    assert 0 <= first <= 100
    assert (second >= first) if anchors.direction == "higher" else (second <= first)


@given(levels=st.lists(st.integers(0, 5), min_size=3, max_size=9), place=st.integers(0, 8))
def test_a_higher_level_never_lowers_a_panel_score(levels: list[int], place: int) -> None:
    raised = list(levels)
    raised[place % len(levels)] = min(5, raised[place % len(levels)] + 1)
    assert 0 <= panel_score(levels, PROFILE) <= panel_score(raised, PROFILE) <= 100


some_levels = st.lists(st.integers(0, 5), min_size=1, max_size=7).map(tuple)


@settings(max_examples=25, deadline=None)
@given(
    numbers=st.dictionaries(st.sampled_from(SIX), st.none() | st.floats(0, 200), min_size=1),
    panel=st.dictionaries(st.sampled_from(EXPERT_SCORED), some_levels, max_size=12),
    seed=st.randoms(use_true_random=False),
)
def test_bounds_contain_the_score_and_row_order_changes_nothing(
    numbers: dict[str, float | None], panel: dict[str, tuple[int, ...]], seed: random.Random
) -> None:
    first = score(values(numbers), experts(panel), PROFILE)
    shuffled_values, shuffled_experts = list(numbers.items()), experts(panel).rows(named=True)
    seed.shuffle(shuffled_values)
    seed.shuffle(shuffled_experts)
    second = score(values(dict(shuffled_values)), pl.DataFrame(shuffled_experts, schema=experts({}).schema), PROFILE)
    assert first.equals(second)
    applying = first.filter(pl.col("score").is_not_null())
    assert applying.filter(~pl.col("score").is_between(pl.col("lower"), pl.col("upper"))).is_empty()
    assert applying.filter(~pl.col("lower").ge(0) | ~pl.col("upper").le(100)).is_empty()
    assert sum(first.filter(pl.col("level") == "indicator")["weight"]) == pytest.approx(1)
