"""Uncertainty: draws that can be checked by hand, the declared switches, structural alternatives and swings."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indicators.declared import catalogue
from indicators.scoring.definitions import definitions
from indicators.scoring.evaluation import TABLES, Evaluation, read, rests_on, write
from indicators.scoring.profile import Check, MonteCarlo, Profile
from indicators.scoring.score import Facts, assess
from indicators.scoring.uncertainty import (
    alternatives,
    grade_note,
    left_out,
    monte_carlo,
    probabilities,
    simulated,
    swings,
)
from schemas.errors import CatalogueError
from tests.indicators.test_events import event
from tests.indicators.test_scoring import EXPERT_SCORED, GOLDEN, PANEL, SCOPE, experts, four, values, written
from warehouse.marts import FOLDER

ANCHORS = {"A_1_6": four(0.6, 0.3, 0.2, 0.1), "A_1_10": four(0.3, 0.15, 0.1, 0.05)}
THIRTEEN = tuple(sorted(SCOPE))
YEAR = tuple(f"2026-{month:02d}" for month in range(1, 13))


def method(
    scope: tuple[str, ...] = THIRTEEN, changes: Mapping[str, object] | None = None, **monte_carlo_: Any
) -> Profile:
    """The profile of the golden case; of the Monte Carlo only what is named varies."""
    set_up = {"runs": 2000, "seed": 7} | monte_carlo_
    return written({"indicators": list(scope), "core": [], "monte_carlo": set_up, **(changes or {})}, **ANCHORS)


FACTS = Facts.of(values(GOLDEN), experts(PANEL), months=YEAR)


def reach(profile: Profile, key: str = "total", facts: Facts = FACTS, **more: bool) -> tuple[float, float]:
    scores = simulated(assess(facts, profile), **more)[key]
    return float(scores.min()), float(scores.max())


def test_with_everything_off_every_run_is_the_score_itself() -> None:
    assert reach(method()) == pytest.approx((66.5296296, 66.5296296))


def test_measured_values_are_off_by_two_percent_of_their_rarer_side() -> None:
    # A.2.7 alone: 97.2 % on time is 2.8 % late, ± 2 % of that .056: 97.144 to 97.256, 20/3 points per percent above 96
    low, high = reach(method(("A.2.7",), activity={"measured": 0.02}, runs=20_000))
    assert (low, high) == pytest.approx((80 + 20 * 1.144 / 3, 80 + 20 * 1.256 / 3), abs=0.005)
    # A.1.6: .25 ± .005, 200 points per unit
    assert reach(method(("A.1.6",), activity={"measured": 0.02}, runs=20_000)) == pytest.approx((69, 71), abs=0.005)
    assert reach(method(("A.1.6",), activity={"estimated": 0.15})) == pytest.approx((70, 70))
    estimated = Facts.of(values(GOLDEN, state="estimated"), experts(PANEL))
    # .25 ± .0375: .2875 scores 62.5; .2125 scores 77.5
    low, high = reach(method(("A.1.6",), activity={"estimated": 0.15}, runs=20_000), facts=estimated)
    assert (low, high) == pytest.approx((62.5, 77.5), abs=0.02)


def test_anchors_move_together_by_a_share_of_their_span() -> None:
    # A.2.7: span 19, ± 1.9: 97.2 as 95.3 scores 60 + 20·3.3/4 = 76.5, as 99.1 it scores 100
    low, high = reach(method(("A.2.7",), anchor_spread=0.1, runs=20_000))
    assert (low, high) == pytest.approx((76.5, 100), abs=0.02)


def test_experts_are_drawn_with_replacement_and_trimmed() -> None:
    # A.2.3: 4, 3, 4: means 3, 10/3, 11/3, 4 with chances 1, 6, 12, 8 of 27
    scores = simulated(assess(FACTS, method(("A.2.3",), experts=True, runs=50_000)))["total"]
    found = dict(zip(*np.unique(scores.round(4), return_counts=True), strict=True))
    assert {key: count / 50_000 for key, count in found.items()} == pytest.approx(
        {60.0: 1 / 27, 66.6667: 6 / 27, 73.3333: 12 / 27, 80.0: 8 / 27}, abs=0.01
    )
    # A.3.3: all said 4; whoever is drawn says 4
    assert reach(method(("A.3.3",), experts=True)) == (80, 80)


def test_weights_vary_inside_pillars_and_between_them() -> None:
    # G 46.6667 and S 80 alone: with shares .75/(.75 + 1.25) = .375 to .625
    low, high = reach(method(("A.2.3", "A.3.1"), weight_spread=0.25, runs=50_000))
    s, g = 73.333333, 46.666667
    assert (low, high) == pytest.approx((0.375 * s + 0.625 * g, 0.625 * s + 0.375 * g), abs=0.1)
    # in one pillar: A.3.1 and A.3.3
    low, high = reach(method(("A.3.1", "A.3.3"), weight_spread=0.25, runs=50_000), "G")
    assert (low, high) == pytest.approx((0.375 * 80 + 0.625 * g, 0.625 * 80 + 0.375 * g), abs=0.1)


def test_what_is_missing_is_drawn_in_a_run_of_its_own() -> None:
    profile = method(("A.3.3", "A.3.6"), missing=True, runs=20_000)
    statistics, chances = monte_carlo(assess(FACTS, profile))
    assert statistics["id"].to_list() == ["total", "G", "total.missing_drawn", "G.missing_drawn"]
    rows = {row["id"]: row for row in statistics.iter_rows(named=True)}
    assert rows["total"]["mean"] == 40
    # 80 and U(0, 100): mean 65, 5 % 42.5, 95 % 87.5
    drawn = rows["total.missing_drawn"]
    assert (drawn["mean"], drawn["p05"], drawn["p95"]) == pytest.approx((65, 42.5, 87.5), abs=0.5)
    assert drawn["grade_note"] is None
    assert chances.group_by("id").agg(pl.col("probability").sum())["probability"].to_list() == pytest.approx([1] * 4)


def test_what_is_dropped_is_drawn_with_the_weight_it_would_have() -> None:
    profile = method(("A.3.3", "A.3.6"), {"missing": "drop"}, missing=True, runs=20_000)
    found = {row["id"]: row for row in monte_carlo(assess(FACTS, profile))[0].iter_rows(named=True)}
    assert found["total"]["mean"] == 80
    assert (found["total.missing_drawn"]["mean"], found["total.missing_drawn"]["p95"]) == pytest.approx(
        (65, 87.5), abs=0.5
    )


def test_where_everything_is_dropped_there_is_nothing_to_draw() -> None:
    tables = Evaluation(FACTS, method(("A.3.6",), {"missing": "drop"}, weight_spread=0.25), experts(PANEL), {}).tables()
    assert tables["monte_carlo"].is_empty()
    assert tables["contribution"].is_empty()
    assert tables["result"].filter(pl.col("id") == "total").select("score", "lower", "upper", "grade").row(0) == (
        None,
        0,
        100,
        None,
    )


def test_nothing_missing_needs_no_such_run() -> None:
    statistics, _ = monte_carlo(assess(FACTS, method(("A.3.3",), missing=True)))
    assert statistics["id"].to_list() == ["total", "G"]


def test_the_same_seed_gives_the_same_draws_and_another_seed_others() -> None:
    one, same, other = (simulated(assess(FACTS, method(weight_spread=0.25, seed=seed)))["total"] for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_dropped_gap_and_geometric_pillars_are_drawn_as_the_profile_says() -> None:
    assert reach(method(changes={"missing": "drop"})) == pytest.approx((71.9, 71.9))
    assert reach(method(changes={"pillar_aggregate": "geometric"})) == pytest.approx((65.0433, 65.0433), abs=1e-4)


def test_events_weigh_on_every_run() -> None:
    # G 48.3333 less 10, A.3.11 at most 40: (46.6667 + 80 + 40 + 0)/4 - 10 = 31.6667
    facts = Facts.of(values(GOLDEN), experts(PANEL), events=(event("E1", "B", "A.3.11"),), months=YEAR)
    assert reach(method(), "G", facts) == pytest.approx((31.6667, 31.6667), abs=1e-4)


def test_scores_are_rounded_before_they_are_counted_into_grades() -> None:
    found = probabilities(np.array([59.995, 59.9949, 70.0, 89.999]), method())
    assert {name: chance for name, chance in found.items() if chance} == {
        "AAA": 0.25,
        "A": 0.25,
        "BBB": 0.25,
        "BB": 0.25,
    }
    assert list(found) == ["AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C"]


@pytest.mark.parametrize(
    ("grade", "chances", "note"),
    [
        ("BBB", {"A": 0.3, "BBB": 0.7}, "BBB (A possible)"),
        ("BBB", {"A": 0.2, "BBB": 0.8}, "BBB"),
        ("BBB", {"A": 0.1, "BBB": 0.7, "BB": 0.2}, "BBB (BB possible)"),
        (None, {"A": 0.3, "BBB": 0.7}, None),
    ],
)
def test_a_grade_that_is_not_certain_is_printed_with_its_neighbour(
    grade: str | None, chances: dict[str, float], note: str | None
) -> None:
    assert grade_note(grade, chances, method()) == note


def test_a_set_up_that_makes_no_sense_is_refused() -> None:
    for wrong in (
        {"runs": 10},
        {"weight_spread": 1},
        {"activity": {"missing": 0.1}},
        {"seed": -1},
        {"anchor_spread": 2},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MonteCarlo.model_validate({"seed": 1, **wrong})


# ── alternatives and swings ──────────────────────────────────────────────────────────────────────────────────────


def totals(profile: Profile, facts: Facts = FACTS) -> dict[str, float | None]:
    found = alternatives(assess(facts, profile))
    return {
        name: None if total is None else round(total, 4) for name, total in found.select("name", "total").iter_rows()
    }


def test_each_choice_is_made_otherwise_once() -> None:
    found = totals(method())
    assert found == {
        "profile": 66.5296, "weights_flat_draft-2025-b": 66.5296, "weights_flat_draft-2025-c": 66.5296,
        "weights_hierarchical_draft-2025-a": 66.7654, "weights_hierarchical_draft-2025-b": 66.7654,
        "weights_hierarchical_draft-2025-c": 66.7654, "pillars_geometric": 65.0433, "experts_median": 65.8630,
        "experts_mean": 66.7519, "missing_drop": 71.9, "missing_full": 74.8630,
    }  # fmt: skip


def test_what_the_panel_did_not_agree_on_is_put_at_either_end() -> None:
    # A.1.16 3 to 5 instead of 80: E ± 5, total ± 1.6667
    facts = Facts.of(values(GOLDEN), experts(PANEL), contested=frozenset({"A.1.16"}), months=YEAR)
    found = totals(method(), facts)
    assert (found["contested_lowest"], found["contested_highest"]) == (64.8630, 68.1963)
    assert assess(facts, method()).line("A.1.16")["state"] == "contested"


def test_judgements_that_contradict_themselves_give_no_total() -> None:
    rows = [{"expert_id": "X1", "node": "total", "left": "E", "right": "S", "ratio": 9.0}]
    facts = Facts.of(values(GOLDEN), experts(PANEL), judgements=tuple(rows), months=YEAR)
    assert totals(method(), facts)["weights_ahp_draft-2025-a"] is None


def test_blended_metrics_are_tried_at_nothing_and_at_half() -> None:
    metric = next(key for key, one in catalogue().items() if "A.2.1" in one.serves)
    panel = {"A.2.1": (4, 4, 4)}
    anchors = {**four(0, 60, 80, 100), "metric": metric}
    profile = method(("A.2.1",), {"blend": {"share": 0.25, "metrics": {"A.2.1": anchors}}})
    facts = Facts.of(values({metric: 40.0}), experts(panel), months=YEAR)
    # .75 · 80 + .25 · 40 = 70; half: 60; none: 80
    found = totals(profile, facts)
    assert (found["profile"], found["blend_0.5"], found["blend_0.0"]) == (70, 60, 80)
    without = assess(Facts.of(values({"A.2.7": 96.0}), experts(panel)), profile).line("A.2.1")
    assert (float(without["score"]), without["reason"]) == (80, "no_metric_to_blend")
    drawn = profile.changed(monte_carlo=MonteCarlo(seed=1, experts=True))
    assert reach(drawn, facts=facts) == pytest.approx((70, 70))
    # levels 3, 4, 5: means 3 to 5, of which three quarters count beside the metric; all of them without one
    mixed = {"A.2.1": (3, 4, 5)}
    assert reach(drawn, facts=Facts.of(values({metric: 40.0}), experts(mixed))) == pytest.approx((55, 85))
    assert reach(drawn, facts=Facts.of(values({"A.2.7": 96.0}), experts(mixed))) == pytest.approx((60, 100))
    ends = swings(assess(Facts.of(values({metric: 40.0}), experts(mixed)), drawn)).filter(pl.col("what") == "experts")
    assert ends.select("low_total", "high_total").row(0) == pytest.approx((55, 85))


def test_one_thing_at_a_time_swings_the_total() -> None:
    profile = method(weight_spread=0.25, experts=True, activity={"measured": 0.02}, anchor_spread=0.1)
    found = swings(assess(FACTS, profile))
    rows = {(row["indicator_id"], row["what"]): row for row in found.iter_rows(named=True)}
    # A.3.6 from 0 to 100: G 48.3333 to 73.3333
    assert [round(rows["A.3.6", "missing"][name], 4) for name in ("low_total", "high_total", "swing")] == [
        66.5296,
        74.8630,
        8.3333,
    ]
    # A.1.16 all 3 or all 5: 60 or 100 instead of 80, a quarter of a third of it
    assert [round(rows["A.1.16", "experts"][name], 4) for name in ("low_total", "high_total")] == [64.8630, 68.1963]
    # A.1.6 .255 or .245: 69 or 71
    assert round(rows["A.1.6", "activity"]["swing"], 4) == round(2 / 12, 4)
    # A.1.6 as .30 or .20, its anchors moved by a tenth of .5: 60 or 80
    assert round(rows["A.1.6", "anchors"]["swing"], 4) == round(20 / 12, 4)
    # A.3.3 weighs 1.25 or .75 of its quarter: G (193.3333 + .25·80)/4.25 = 50.1961 or (193.3333 - 20)/3.75 = 46.2222
    assert [round(rows["A.3.3", "weight"][name], 4) for name in ("low_total", "high_total")] == [65.8259, 67.1505]
    assert found["swing"].is_sorted(descending=True)


def test_what_is_switched_off_does_not_swing() -> None:
    assert set(swings(assess(FACTS, method()))["what"]) == {"missing"}


def test_each_indicator_is_left_out_once_and_its_siblings_take_its_weight() -> None:
    found = left_out(assess(FACTS, method(changes={"coverage_gate": 0})))
    rows = {row["indicator_id"]: row for row in found.iter_rows(named=True)}
    assert set(rows) == SCOPE
    # without A.3.6 (0): G (46.6667 + 80 + 66.6667)/3 = 64.4444, total 71.9, A instead of BBB
    assert [round(rows["A.3.6"][name], 4) for name in ("total", "difference")] == [71.9, 5.3704]
    assert (rows["A.3.6"]["grade"], rows["A.3.3"]["grade"]) == ("A", "BBB")
    # without A.1.16 (80): E (70 + 72 + 60)/3 = 67.3333, a third of 3.1667 less
    assert [round(rows["A.1.16"][name], 4) for name in ("total", "difference")] == [65.4741, -1.0556]
    assert found["indicator_id"][0] == "A.3.6"
    assert found["difference"].abs().is_sorted(descending=True)


def test_a_gap_left_out_lets_a_withheld_grade_appear_and_the_only_indicator_leaves_nothing() -> None:
    rows = {row["indicator_id"]: row for row in left_out(assess(FACTS, method())).iter_rows(named=True)}
    assert (rows["A.3.6"]["grade"], rows["A.3.3"]["grade"]) == ("A", None)  # without A.3.6 all of G has data
    assert left_out(assess(FACTS, method(("A.3.3",)))).select("total", "grade", "difference").rows() == [(None,) * 3]


# ── the whole of it ──────────────────────────────────────────────────────────────────────────────────────────────


def test_fifty_indicators_seven_experts_and_ten_thousand_runs_take_less_than_ten_seconds() -> None:
    everything = {"runs": 10_000, "seed": 1, "weight_spread": 0.25, "experts": True, "anchor_spread": 0.1, "missing": True,
                  "activity": {"measured": 0.02}}  # fmt: skip
    profile = written({"monte_carlo": everything}, **ANCHORS)
    levels = dict.fromkeys(EXPERT_SCORED, (3, 4, 2, 5, 3, 4, 3))
    facts = Facts.of(values(GOLDEN), experts(levels), events=(event("E1", "C"),), months=YEAR)
    began = time.perf_counter()
    tables = Evaluation(facts, profile, experts(levels), {}).tables()
    assert time.perf_counter() - began < 10
    assert set(tables) == set(TABLES)
    assert {name: frame.schema for name, frame in tables.items()} == TABLES


def test_tables_come_back_as_they_were_written_and_say_what_they_rest_on(tmp_path: Any) -> None:
    evaluation = Evaluation(FACTS, method(weight_spread=0.25), experts(PANEL), {})
    tables = evaluation.tables()
    part = {name: frame for name, frame in tables.items() if name != "swing"}
    target = write(tmp_path, evaluation, part)
    assert rests_on(target) is None
    write(tmp_path, evaluation, tables)
    assert rests_on(target) == evaluation.fingerprint()
    found = read([target])
    assert all(found[name].equals(frame) for name, frame in tables.items())
    other = Evaluation(
        Facts.of(values(GOLDEN | {"A.2.7": 97.3}), experts(PANEL), months=YEAR), evaluation.profile, experts(PANEL), {}
    )
    write(tmp_path, other, {"swing": tables["swing"]})
    assert rests_on(target) is None
    assert read([])["swing"].schema == TABLES["swing"]


def failed(*names: str) -> Facts:
    rows = tuple({"check_name": name, "month": "2026-03", "zh": "不符", "en": "off"} for name in names)
    return Facts.of(values(GOLDEN), experts(PANEL), months=YEAR, failures=rows)


def test_data_that_contradict_themselves_have_no_grade_and_keep_their_score() -> None:
    profile = method(changes={"coverage_gate": 0})
    one = assess(failed("implied_factor"), profile)
    total = one.line("total")
    assert (round(float(total["score"]), 4), total["grade"], total["reason"]) == (66.5296, None, "data_integrity")
    assert one.line("E")["grade"] == "A"
    tables = Evaluation(one.facts, profile, experts(PANEL), {}).tables()
    assert tables["integrity"].select("check_name", "month", "en").rows() == [("implied_factor", "2026-03", "off")]
    assert tables["alternative"]["grade"].unique().to_list() == [None]
    statistics = tables["monte_carlo"].row(by_predicate=pl.col("id") == "total", named=True)
    assert statistics["grade_note"] is None


@pytest.mark.parametrize(
    ("integrity", "failing", "grade"),
    [
        (None, (), "BBB"),
        (None, ("conservation",), None),
        (None, ("boundary",), "BBB"),  # a site-month that lacks its revenue is a gap, and coverage says so
        (["boundary"], ("boundary",), None),
        (["boundary"], ("conservation", "implied_factor"), "BBB"),
        ([], ("conservation", "implied_factor", "sites_and_enterprise", "lines_and_site_month"), "BBB"),
    ],
)
def test_the_profile_says_which_contradictions_withhold_the_grade(
    integrity: list[str] | None, failing: tuple[str, ...], grade: str | None
) -> None:
    changes = {"coverage_gate": 0} | ({} if integrity is None else {"integrity": integrity})
    assert assess(failed(*failing), method(changes=changes)).line("total")["grade"] == grade


def test_a_veto_is_the_reason_before_data_that_contradict_themselves() -> None:
    found = assess(replace(failed("conservation"), events=(event("EE1", "V"),)), method())
    assert found.line("total")["reason"] == "veto"


def test_every_check_a_profile_may_name_is_one_the_hub_makes() -> None:
    made = set(re.findall(r"'(\w+)' as check_name", (FOLDER / "reconciliation.sql").read_text(encoding="utf-8")))
    assert set(get_args(Check)) - {"conservation"} <= made


def test_among_peers_a_value_varies_and_the_peers_do_not() -> None:
    # A.2.6 .08 ± .0016 on the line from 1 (0) to 0 (100): 92 ± .16
    facts = replace(FACTS, peer_values={"A.2.6": (Fraction(0), Fraction(1))})
    profile = method(
        ("A.2.6",), {"normalisation": {"A.2.6": "minmax"}}, activity={"measured": 0.02}, anchor_spread=0.1, runs=20_000
    )
    assert reach(profile, facts=facts) == pytest.approx((91.84, 92.16), abs=0.005)
    found = swings(assess(facts, profile))
    assert found["what"].to_list() == ["activity"]
    assert found.select("low_total", "high_total").row(0) == pytest.approx((91.84, 92.16))


def test_last_years_value_and_the_target_stand_beside_this_years() -> None:
    before = Facts.of(
        values(GOLDEN | {"A.2.7": 96.0, "A.1.6": None}, period="2025"), experts(PANEL | {"A.3.3": (3, 3, 3)})
    )
    facts = Facts.of(values(GOLDEN), experts(PANEL), months=YEAR, previous=before)
    profile = method(changes={"targets": {"A.2.7": 98, "A.3.3": 5}})
    rows = {row["indicator_id"]: row for row in assess(facts, profile).normalised().iter_rows(named=True)}
    shown = ("value", "score", "previous_value", "previous_score", "target")
    assert [rows["A.2.7"][name] for name in shown] == [97.2, 88, 96, 80, 98]
    assert [rows["A.3.3"][name] for name in shown] == [4, 80, 3, 60, 5]
    assert [rows["A.1.6"][name] for name in shown] == [0.25, 70, None, None, None]
    assert [rows["A.3.6"][name] for name in shown[:4]] == [None] * 4
    assert (rows["A.2.7"]["x0"], rows["A.2.7"]["x100"], rows["A.2.7"]["method"], rows["A.3.3"]["method"]) == (
        80,
        99,
        "anchors",
        "panel",
    )


def relative(basis: str) -> Profile:
    anchors = {**four(1.25, 1, 0.9, 0.75), "relative_to": basis}
    return written(
        {"indicators": ["A.1.6"], "core": [], "targets": {"A.1.6": 0.25}, "monte_carlo": {"seed": 1, "runs": 100}},
        A_1_6=anchors,
    )


def test_anchors_may_be_multiples_of_the_target_or_of_last_year() -> None:
    before = Facts.of(values({"A.1.6": 0.3}, period="2025"), experts({}))
    facts = Facts.of(values({"A.1.6": 0.27}), experts({}), previous=before)
    # of last year's .30, .27 is .9: 80; of the target .25 it is 1.08: 60·(.17/.25) = 40.8
    assert float(assess(facts, relative("last_year")).line("A.1.6")["score"]) == 80
    assert float(assess(facts, relative("target")).line("A.1.6")["score"]) == pytest.approx(40.8)
    alone = Facts.of(values({"A.1.6": 0.27}), experts({}))
    assert assess(alone, relative("last_year")).line("A.1.6")["reason"] == "no_last_year"
    assert assess(alone, relative("target").changed(targets={})).line("A.1.6")["reason"] == "no_target"


@settings(max_examples=20, deadline=None)
@given(
    numbers=st.dictionaries(st.sampled_from(sorted(GOLDEN)), st.none() | st.floats(0, 150), min_size=1),
    panel=st.dictionaries(
        st.sampled_from(EXPERT_SCORED), st.lists(st.integers(0, 5), min_size=3, max_size=7).map(tuple), max_size=8
    ),
    missing=st.sampled_from(["zero", "drop"]),
    how=st.sampled_from(["trimmed", "median", "mean"]),
)
def test_every_run_lies_between_0_and_100_and_off_means_off(
    numbers: dict[str, float | None], panel: dict[str, tuple[int, ...]], missing: str, how: str
) -> None:
    profile = written({"missing": missing, "panel": {"minimum": 3, "trimmed_from": 5, "aggregate": how}}, **ANCHORS)
    one = assess(Facts.of(values(numbers), experts(panel), months=YEAR), profile)
    few = profile.monte_carlo.model_copy(update={"runs": 200})
    still = MonteCarlo(runs=100, seed=1)
    if one.total is None:
        return
    for scores in simulated(assess(one.facts, profile.changed(monte_carlo=few)), draw_missing=True).values():
        assert scores.min() >= -1e-9
        assert scores.max() <= 100 + 1e-9
    unmoved = simulated(assess(one.facts, profile.changed(monte_carlo=still)))["total"]
    assert unmoved == pytest.approx(float(one.total), abs=1e-9)


def test_the_worst_peer_stands_in_for_what_is_missing_only_where_there_are_peers() -> None:
    profile = method(("A.3.3", "A.3.6"), {"missing": "worst_peer"})
    with pytest.raises(CatalogueError, match="worst_peer needs a peer set"):
        assess(FACTS, profile)
    peers = {"P1": {"A.3.6": Fraction(50)}, "P2": {"A.3.6": Fraction(30)}}
    line = assess(Facts.of(values(GOLDEN), experts(PANEL), peers=peers), profile).line("total")
    assert (float(line["score"]), float(line["lower"]), float(line["upper"]), line["coverage"]) == (55, 40, 90, 0.5)


@pytest.mark.parametrize("relative_to", ["own_baseline", "last_year"])
def test_another_reading_is_not_scored_against_the_baseline_of_the_chosen_one(relative_to: str) -> None:
    # location-based .3 on a baseline of .3 scores 60; market-based .2 would score 100 on it, and says nothing
    anchors = {
        "x0": 1.25,
        "x60": 1,
        "x80": 0.9,
        "x100": 0.75,
        "relative_to": relative_to,
        "source": {"zh": "试", "en": "test"},
    }
    own = {"baseline": 0.3} if relative_to == "own_baseline" else {}
    profile = written({"indicators": ["A.1.6"], "core": []}, A_1_6=anchors | own)
    facts = Facts.of(
        values({"A.1.6": 0.3}), experts({}), previous=Facts.of(values({"A.1.6": 0.3}, period="2025"), experts({}))
    )
    chosen = {**facts.values["A.1.6"], "policy": "location_based", "is_chosen": True, "unit": "tCO2e/万元"}
    other = {**chosen, "policy": "market_based", "is_chosen": False, "value": 0.2}
    lacking = {**other, "policy": "with_other_indirect", "value": None, "state": "missing", "reason": "no_factor"}
    found = definitions(assess(facts, profile), [chosen, other, lacking]).select(
        "reading", "score", "difference", "reason"
    )
    assert found.rows() == [
        ("location_based", 60, 0, None), ("market_based", None, None, "no_baseline_of_reading"), ("with_other_indirect", None, None, "no_factor"),
    ]  # fmt: skip
    fixed = written({"indicators": ["A.1.6"], "core": []}, A_1_6=anchors | {"relative_to": None})
    assert definitions(assess(facts, fixed), [chosen, other])["score"].to_list() == [100, 100]
