"""The panel: the golden case, what lowers or excludes a level, rounds, and when it must meet again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from indicators.declared import catalogue
from indicators.evidence import admissible, examined
from indicators.scoring.panel import (
    AGREEMENT,
    EXPERT,
    PANEL_ITEM,
    Cap,
    Panel,
    contested,
    levels,
    lowered,
    metric_caps,
    of_period,
    panel_score,
    results,
)
from indicators.scoring.profile import Gate, load
from schemas.errors import CatalogueError
from schemas.lake import months_of

PROFILE = load("draft-neutral-v1")
STANDARD = {key: one for key, one in catalogue().items() if one.kind != "metric"}
SUBJECT = ("2026", "demo")
VOTE = {
    "expert_id": pl.String, "indicator_id": pl.String, "round": pl.Int64, "level": pl.Int64, "is_absent": pl.Boolean,
    "evidence_ids": pl.String, "comment": pl.String, "over_cap_reason": pl.String, "is_conflicted": pl.Boolean, "conflict": pl.String,
}  # fmt: skip
GOLDEN = {
    "A.1.16": (4, 4, 3, 5, 4), "A.1.18": (3, 3, 2, 3, 4), "A.2.3": (4, 3, 4), "A.3.1": (2, 3, 2, 2, 3),
    "A.3.3": (4, 4, 4, 4, 4), "A.3.11": (3, 4, 4, 3, 3),
}  # fmt: skip


def vote(expert: str, indicator: str, level: int | None, **more: object) -> dict[str, object]:
    return {"expert_id": expert, "indicator_id": indicator, "round": 1, "level": level, "is_conflicted": None} | more


def votes(*rows: Mapping[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=VOTE)


def of(given: Mapping[str, Sequence[int]], **more: object) -> list[dict[str, object]]:
    """One vote of X1, X2, … per level."""
    return [
        vote(f"X{place}", key, level, **more)
        for key, ones in given.items()
        for place, level in enumerate(ones, start=1)
    ]


def item(panel: Panel, indicator: str, number: int = 1) -> dict[str, Any]:
    return panel.items.row(by_predicate=(pl.col("indicator_id") == indicator) & (pl.col("round") == number), named=True)


def statistic(panel: Panel, name: str, number: int = 1) -> dict[str, Any]:
    return panel.agreement.row(by_predicate=(pl.col("statistic") == name) & (pl.col("round") == number), named=True)


# ── which levels are about a period ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("period", "known", "counted"),
    [
        ("2026", "2026-12", ["names 2026", "first second", "in the year", "since", "undated"]),
        # 2027 has begun: what was given in January stays with 2026, which is over
        ("2026", "2027-01", ["names 2026", "first second", "in the year", "since", "undated"]),
        ("2027", "2027-01", ["undated"]),
        # it has ended: the year they were given in is the one they are about
        ("2026", "2027-12", ["names 2026", "first second", "in the year", "undated"]),
        ("2027", "2027-12", ["since", "undated"]),
        ("2026", None, ["names 2026", "first second", "in the year", "undated"]),
        ("2025", "2027-01", ["last second", "undated"]),
        ("2025-07..2026-06", "2027-01", ["last second", "first second", "in the year", "undated"]),
        ("2025-07..2026-06", "2027-06", ["last second", "first second", "undated"]),
    ],
)
def test_a_level_is_about_the_period_it_names_else_about_the_one_it_was_given_in(
    period: str, known: str | None, counted: list[str]
) -> None:
    given = [
        ("names 2026", "2026", "2027-02-01T00:00:00", False), ("last second", None, "2025-12-31T15:59:59", False),
        ("first second", None, "2025-12-31T16:00:00", False), ("in the year", None, "2026-08-01T00:00:00", False),
        ("since", None, "2027-01-20T00:00:00", False), ("undated", None, None, False), ("corrected", "2026", None, True),
    ]  # fmt: skip
    rows = pl.DataFrame(given, schema=["expert_id", "period", "scored_at", "is_superseded"], orient="row").with_columns(
        pl.col("scored_at").str.to_datetime(time_zone="UTC"), indicator_id=pl.lit("A.1.1"), round=pl.lit(1)
    )
    there = [] if known is None else months_of(f"2026-01..{known}")
    assert of_period(rows, period, "Asia/Shanghai", there)["expert_id"].to_list() == counted


def test_every_level_is_about_one_year_whichever_months_there_are() -> None:
    days = [f"{month}-10T00:00:00" for month in months_of("2025-01..2028-12")]
    rows = pl.DataFrame({"scored_at": days}).select(
        pl.col("scored_at").str.to_datetime(time_zone="UTC"), expert_id=pl.int_range(len(days)).cast(pl.String), indicator_id=pl.lit("A.1.1"),
        round=pl.lit(1), period=pl.lit(None, pl.String), is_superseded=pl.lit(value=False),
    )  # fmt: skip
    for last in months_of("2026-01..2028-12"):
        years = [
            of_period(rows, year, "Asia/Shanghai", months_of(f"2025-01..{last}"))
            for year in map(str, range(2025, 2029))
        ]
        found = pl.concat(years[: int(last[:4]) - 2024])["expert_id"].to_list()
        assert sorted(found, key=int) == sorted(set(found), key=int)
        assert len(found) == len(days)


def test_of_levels_that_name_no_period_the_latest_of_it_counts() -> None:
    given = [(3, "2026-12-20"), (4, "2027-01-10"), (1, None)]
    rows = pl.DataFrame(given, schema=["level", "scored_at"], orient="row").with_columns(
        pl.col("scored_at").str.to_datetime(time_zone="UTC"), expert_id=pl.lit("X1"), indicator_id=pl.lit("A.1.1"),
        round=pl.lit(1), period=pl.lit(None, pl.String), is_superseded=pl.lit(value=False),
    )  # fmt: skip
    assert of_period(rows, "2026", "Asia/Shanghai", months_of("2026"))["level"].to_list() == [4]


# ── the golden case ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_golden_panel_must_score_again() -> None:
    # A.1.16 3–5 and A.1.18 2–4 lie two apart: 2 of 6 = 33 % > 20 %, alpha .4755 < .667
    panel = results(votes(*of(GOLDEN)), PROFILE, SUBJECT)
    alpha, gate = statistic(panel, "krippendorff_alpha_ordinal"), statistic(panel, "gate")
    assert (round(alpha["value"], 6), alpha["verdict"], alpha["items"], alpha["experts"]) == (
        0.475525, "insufficient", 6, 5,
    )  # fmt: skip
    assert alpha["lower"] < alpha["value"] < alpha["upper"]
    assert round(statistic(panel, "krippendorff_alpha_interval")["value"], 6) == 0.479657
    assert panel.items.filter("is_flagged")["indicator_id"].to_list() == ["A.1.16", "A.1.18"]
    assert (round(gate["value"], 4), gate["verdict"]) == (0.3333, "second_round")
    assert not panel.items["is_contested"].any()


def test_the_golden_levels_are_trimmed_from_five_on() -> None:
    # A.1.16 drop 5 and 3: 4; A.3.1 drop 3 and 2: (2+2+3)/3; A.2.3 of three: 11/3, nobody left out
    panel = results(votes(*of(GOLDEN)), PROFILE, SUBJECT)
    found = {key: item(panel, key) for key in GOLDEN}
    assert [round(found[key]["level"], 4) for key in GOLDEN] == [4, 3, 3.6667, 2.3333, 4, 3.3333]
    assert [found[key]["trimmed"] for key in GOLDEN] == [True, True, False, True, True, True]
    assert (found["A.2.3"]["votes"], found["A.2.3"]["absent"], found["A.2.3"]["median"]) == (3, 2, 4.0)
    assert (found["A.1.16"]["lowest"], found["A.1.16"]["highest"], found["A.1.16"]["spread"]) == (3, 5, 2)


def test_the_tables_have_their_columns_and_repeat_to_the_byte() -> None:
    one, other = (results(votes(*rows), PROFILE, SUBJECT) for rows in (of(GOLDEN), reversed(of(GOLDEN))))
    assert (one.items.schema, one.agreement.schema, one.experts.schema) == (PANEL_ITEM, AGREEMENT, EXPERT)
    for left, right in ((one.items, other.items), (one.agreement, other.agreement), (one.experts, other.experts)):
        assert left.equals(right)
    assert set(one.items["profile_hash"]) == {PROFILE.hash}


def test_two_fifths_apart_with_high_alpha_are_discussed_alone() -> None:
    # the other indicators span 0 to 5 without dissent, so alpha is high although one of five levels lies two apart
    given = {"A.1.1": (0, 0, 0), "A.1.2": (5, 5, 5), "A.1.3": (1, 1, 1), "A.1.4": (4, 4, 4), "A.1.5": (2, 4, 3)}
    panel = results(votes(*of(given)), PROFILE, SUBJECT)
    assert statistic(panel, "krippendorff_alpha_ordinal")["value"] > 0.8
    assert statistic(panel, "gate")["verdict"] == "discuss_flagged"


def test_exactly_a_fifth_flagged_is_not_more_than_a_fifth() -> None:
    given = {"A.1.1": (3, 3, 4), "A.1.2": (3, 4, 3), "A.1.3": (4, 3, 3), "A.1.4": (3, 3, 4), "A.1.5": (2, 4, 3)}
    panel = results(votes(*of(given)), PROFILE, SUBJECT)
    assert statistic(panel, "krippendorff_alpha_ordinal")["value"] < 0.667
    assert (statistic(panel, "gate")["value"], statistic(panel, "gate")["verdict"]) == (0.2, "discuss_flagged")


@pytest.mark.parametrize(
    ("gate", "verdict", "said"),
    [
        ({}, "second_round", "insufficient"),  # a third flagged, alpha .4755
        ({"share": 0.34}, "discuss_flagged", "insufficient"),
        ({"alpha": 0.47, "good_alpha": 0.47}, "discuss_flagged", "good"),
        ({"alpha": 0.47}, "discuss_flagged", "tentative"),
        ({"apart": 3}, "passed", "insufficient"),  # 3–5 and 2–4 lie two apart
        ({"apart": 1, "alpha": 0.47}, "discuss_flagged", "tentative"),
    ],
)
def test_the_profile_says_when_a_panel_meets_again(gate: dict[str, Any], verdict: str, said: str) -> None:
    declared = PROFILE.panel.model_copy(update={"gate": Gate.model_validate(gate)})
    panel = results(votes(*of(GOLDEN)), PROFILE.changed(panel=declared), SUBJECT)
    assert statistic(panel, "gate")["verdict"] == verdict
    assert statistic(panel, "krippendorff_alpha_ordinal")["verdict"] == said
    assert panel.items["is_flagged"].sum() == {3: 0, 1: 5}.get(gate.get("apart"), 2)  # A.3.3 alone is of one mind


def test_what_stays_contested_follows_the_profile() -> None:
    last = votes(*of({"A.1.1": (3, 4, 5)}, round=2))
    wide = PROFILE.panel.model_copy(update={"gate": Gate(apart=3)})
    assert contested(last, PROFILE) == {"A.1.1"}
    assert contested(last, PROFILE.changed(panel=wide)) == frozenset()


def test_an_indicator_of_one_level_counts_neither_for_nor_against_the_gate() -> None:
    # one of four with two levels or more lies apart: 25 %; the fifth has one level
    given = of({"A.1.1": (1, 3, 1), "A.1.2": (2, 2, 2), "A.1.3": (3, 3, 3), "A.1.4": (4, 4, 4), "A.1.5": (5,)})
    gate = statistic(results(votes(*given), PROFILE, SUBJECT), "gate")
    assert (gate["value"], gate["items"]) == (0.25, 4)


def test_a_panel_of_one_mind_passes_although_alpha_is_undefined() -> None:
    panel = results(votes(*of({"A.1.1": (3, 3, 3), "A.1.2": (3, 3, 3)})), PROFILE, SUBJECT)
    alpha = statistic(panel, "krippendorff_alpha_ordinal")
    assert (alpha["value"], alpha["reason"], alpha["lower"], alpha["verdict"]) == (
        None,
        "no_variation",
        None,
        "undefined",
    )
    assert statistic(panel, "gate")["verdict"] == "passed"


def test_one_expert_alone_has_no_agreement_and_no_level() -> None:
    panel = results(votes(*of({"A.1.1": (3,), "A.1.2": (4,)})), PROFILE, SUBJECT)
    assert statistic(panel, "gate")["reason"] == "no_pairs"
    assert item(panel, "A.1.1")["level"] is None


def test_no_votes_make_empty_tables() -> None:
    panel = results(votes(), PROFILE, SUBJECT)
    assert (panel.items.height, panel.agreement.height, panel.experts.height) == (0, 0, 0)


# ── rounds ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_both_rounds_are_kept_and_the_last_word_counts() -> None:
    rows = [*of(GOLDEN), *of({"A.1.16": (4, 4, 4, 4, 4), "A.1.18": (3, 3, 2, 3, 4)}, round=2)]
    panel = results(votes(*rows), PROFILE, SUBJECT)
    assert item(panel, "A.1.16", 1)["spread"] == 2
    assert (item(panel, "A.1.16", 2)["spread"], item(panel, "A.1.16", 2)["is_contested"]) == (0, False)
    assert panel.items.filter(pl.col("round") == 2)["indicator_id"].to_list() == ["A.1.16", "A.1.18"]
    assert statistic(panel, "krippendorff_alpha_ordinal", 2)["items"] == 6
    assert statistic(panel, "gate", 2)["verdict"] == "contested"
    assert panel.items.filter("is_contested").select("indicator_id", "round").rows() == [("A.1.18", 2)]


def test_what_was_flagged_and_not_scored_again_is_contested_once_the_last_round_is_held() -> None:
    panel = results(votes(*of(GOLDEN), *of({"A.1.16": (4, 4, 4, 4, 4)}, round=2)), PROFILE, SUBJECT)
    assert panel.items.filter("is_contested").select("indicator_id", "round").rows() == [("A.1.18", 1)]


def test_who_does_not_score_again_keeps_the_first_level_and_who_abstains_gives_it_up() -> None:
    first = of({"A.1.1": (2, 4, 3, 3)})
    again = [vote("X1", "A.1.1", 3, round=2), vote("X2", "A.1.1", None, round=2, is_absent=True)]
    assert levels(votes(*first, *again), STANDARD) == {"A.1.1": {"X1": 3, "X3": 3, "X4": 3}}
    found = item(results(votes(*first, *again), PROFILE, SUBJECT), "A.1.1", 2)
    assert (found["votes"], found["absent"], found["excluded"], found["spread"]) == (3, 1, 0, 0)


# ── who may score ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tie_excludes_from_its_indicator_and_employment_from_all() -> None:
    rows = [
        *of({"A.2.12": (3, 3, 3, 5), "A.3.8": (3, 3, 3, 4)}),
        vote("X5", "A.2.12", None, is_conflicted=True, conflict="trade"), vote("X5", "A.3.8", 4),
        vote("X6", "A.2.12", 5), vote("X6", "A.3.8", None, is_conflicted=True, conflict="employed"),
    ]  # fmt: skip
    assert levels(votes(*rows), STANDARD) == {
        "A.2.12": {"X1": 3, "X2": 3, "X3": 3, "X4": 5},
        "A.3.8": {"X1": 3, "X2": 3, "X3": 3, "X4": 4, "X5": 4},
    }
    panel = results(votes(*rows), PROFILE, SUBJECT)
    assert (item(panel, "A.2.12")["votes"], item(panel, "A.2.12")["excluded"], item(panel, "A.2.12")["absent"]) == (
        4, 2, 0,
    )  # fmt: skip
    assert item(panel, "A.3.8")["excluded"] == 1
    assert panel.experts["expert_id"].to_list() == ["X1", "X2", "X3", "X4", "X5"]


def test_a_conflict_declared_in_the_second_round_takes_back_the_first() -> None:
    rows = [*of({"A.1.1": (3, 3, 5)}), vote("X3", "A.1.1", None, round=2, is_conflicted=True, conflict="owner")]
    assert levels(votes(*rows), STANDARD)["A.1.1"] == {"X1": 3, "X2": 3}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (vote("X1", "A.1.1", 6), "0 to 5"),
        (vote("X1", "A.1.1", None), "0 to 5"),
        (vote("X1", "A.1.6", 3), "experts do not score"),
        (vote("X1", "A.9.9", 3), "experts do not score"),
    ],
)
def test_odd_levels_are_refused(row: dict[str, object], says: str) -> None:
    with pytest.raises(CatalogueError, match=says):
        levels(votes(row), STANDARD)


def test_two_levels_of_one_expert_in_one_round_are_refused() -> None:
    with pytest.raises(CatalogueError, match="two levels"):
        levels(votes(vote("X1", "A.1.1", 3), vote("X1", "A.1.1", 4)), STANDARD)


# ── caps ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def value(
    metric: str, number: float | None, state: str = "measured", coverage: float | None = 1.0
) -> dict[str, object]:
    return {"indicator_id": metric, "value": number, "unit": "%", "state": state, "coverage": coverage}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([value("M065", 95.0)], None),
        ([value("M065", 94.9)], "M065: 94.9 % (>= 95)"),
        ([value("M065", None, "missing")], "M065: missing (>= 95)"),
        ([value("M065", None, "not_applicable")], None),
        ([], "M065: missing (>= 95)"),
        ([value("M065", 99.0, "partial", 0.9)], None),
        ([value("M065", 99.0, "partial", 0.5)], "M065: partial, 50 % (>= 95)"),
        ([value("M065", 99.0, "partial", None)], "M065: partial, 0 % (>= 95)"),
    ],
)
def test_a_metric_caps_where_it_is_missing_or_out_of_bounds(rows: list[dict[str, object]], reason: str | None) -> None:
    schema = {
        "indicator_id": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "state": pl.String,
        "coverage": pl.Float64,
    }
    found = metric_caps(pl.DataFrame(rows, schema=schema)).get("A.2.1")
    assert found == (None if reason is None else Cap(3, reason))


def test_a_capped_level_counts_three_unless_the_expert_says_why_it_may_lie_above() -> None:
    given = votes(
        vote("X1", "A.2.1", 5, comment="管理较好"), vote("X2", "A.2.1", 4, over_cap_reason="已现场核对原始考勤"),
        vote("X3", "A.2.1", 4, over_cap_reason=" "), vote("X4", "A.2.1", 3),
    )  # fmt: skip
    caps = {"A.2.1": Cap(3, "M065: missing (>= 95)")}
    found = lowered(given, caps)
    assert found["level"].to_list() == [3, 4, 3, 3]
    assert found["level_given"].to_list() == [5, 4, 4, 3]
    assert found["cap"].to_list() == [3, None, 3, None]
    row = item(results(found, PROFILE, SUBJECT, caps), "A.2.1")
    # how many, not who: the report is pseudonymised
    assert (row["cap"], row["cap_reason"], row["lifted"]) == (3, "M065: missing (>= 95)", 1)


def test_a_level_above_one_needs_evidence_that_may_be_cited() -> None:
    given = votes(
        vote("X1", "A.1.1", 4, evidence_ids="EV1|EV9"), vote("X2", "A.1.1", 4, evidence_ids="EV9", over_cap_reason="见现场"),
        vote("X3", "A.1.1", 2), vote("X4", "A.1.1", 1), vote("X5", "A.1.1", None, is_absent=True),
    )  # fmt: skip
    found = lowered(given, register=["EV1"])
    assert found["level"].to_list() == [4, 1, 1, 1, None]
    assert found["cap_reason"].to_list() == [None, "evidence_not_admissible", "no_evidence", None, None]
    row = item(results(found, PROFILE, SUBJECT), "A.1.1")
    assert (row["cap"], row["evidence_ids"], row["absent"]) == (None, "EV1", 1)  # EV9 may not be cited


def test_an_indicator_without_any_evidence_is_capped_at_one_and_says_so() -> None:
    found = lowered(votes(*of({"A.1.1": (4, 4, 3)})), register=[])
    row = item(results(found, PROFILE, SUBJECT, {"A.1.1": Cap(3, "M1")}), "A.1.1")
    assert (row["level"], row["cap"], row["cap_reason"]) == (1.0, 1, "no_evidence")


def test_without_a_register_no_evidence_is_asked_for() -> None:
    assert lowered(votes(*of({"A.1.1": (4, 4, 3)})))["level"].to_list() == [4, 4, 3]


# ── experts ──────────────────────────────────────────────────────────────────────────────────────────────────────

JUDGED = [key for key, one in STANDARD.items() if not one.is_computed]


@pytest.mark.parametrize(("many", "severe"), [(20, True), (19, False)])
def test_a_severe_expert_is_noted_from_twenty_indicators_on(many: int, severe: bool) -> None:
    # X4 gives 2 where the others give 3: -1 each time; each other lies 3 - (3+3+2)/3 = 1/3 above
    panel = results(votes(*of(dict.fromkeys(JUDGED[:many], (3, 3, 3, 2)))), PROFILE, SUBJECT)
    found = {row["expert_id"]: row for row in panel.experts.rows(named=True)}
    assert (found["X4"]["mean_deviation"], found["X4"]["items"], found["X4"]["is_severe"]) == (-1.0, many, severe)
    assert (round(found["X1"]["mean_deviation"], 6), found["X1"]["is_severe"]) == (0.333333, False)


def test_three_quarters_of_a_level_are_not_more_than_three_quarters() -> None:
    # X2 lies one level below X1 on 15 of 20 indicators: -15/20 = -.75 exactly
    given = {key: (3, 2) if place < 15 else (3, 3) for place, key in enumerate(JUDGED[:20])}
    panel = results(votes(*of(given)), PROFILE, SUBJECT)
    assert panel.experts["mean_deviation"].to_list() == [0.75, -0.75]
    assert panel.experts["is_severe"].to_list() == [False, False]


def test_the_total_without_each_expert_is_asked_for_with_the_others_votes() -> None:
    def total(some: pl.DataFrame) -> float:
        return float(sum(some["level"]))

    panel = results(votes(*of({"A.1.1": (1, 2, 4)})), PROFILE, SUBJECT, total=total)
    assert panel.experts["total_without"].to_list() == [6.0, 5.0, 3.0]


def test_the_level_is_the_score_by_twenty() -> None:
    panel = results(votes(*of(GOLDEN)), PROFILE, SUBJECT)
    for key, given in GOLDEN.items():
        score = panel_score(given, PROFILE)
        assert score is not None
        assert item(panel, key)["level"] == pytest.approx(float(score) / 20)


# ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────────────


def register(*rows: tuple[str, str | None, str, str | None, str]) -> pl.DataFrame:
    names = ("evidence_id", "sha256", "file", "period", "indicator_ids")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.lit("安环部").alias("custodian"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "enterprise"
    (place / "panel/evidence").mkdir(parents=True)
    (place / "panel/evidence/policy.pdf").write_bytes(b"policy")
    (tmp_path / "secret.pdf").write_bytes(b"policy")
    return place


POLICY = hashlib.sha256(b"policy").hexdigest()


@pytest.mark.parametrize(
    ("sha256", "file", "state", "may"),
    [
        (POLICY, "panel/evidence/policy.pdf", "same", True),
        (POLICY, "policy.pdf", "same", True),
        ("0" * 64, "policy.pdf", "changed", False),
        (None, "policy.pdf", "unsigned", True),
        (POLICY, "elsewhere.pdf", "absent", True),
        (POLICY, "../../../secret.pdf", "outside_folder", False),
    ],
)
def test_a_piece_of_evidence_is_the_file_that_was_registered(
    folder: Path, sha256: str | None, file: str, state: str, may: bool
) -> None:
    found = examined(register(("EV1", sha256, file, "2026", "A.1.1")), folder, "2026")
    assert found.select("file_state", "is_admissible").rows() == [(state, may)]
    votes = pl.DataFrame({"evidence_ids": ["EV1"]})
    assert admissible(found, votes) == (["EV1"] if may else [])
    assert admissible(found.clear(), votes) == []
    assert admissible(found.clear(), votes.clear()) is None  # an assessment that keeps no evidence
    assert admissible(found.clear(), votes.clear(), "always") == []
    assert admissible(found, votes, "never") is None


@pytest.mark.parametrize(
    ("covers", "state"),
    [
        ("2026", "inside"), ("2026-03", "inside"), ("2025-07..2026-01", "inside"), ("2024..2027", "inside"),
        ("2025", "outside"), ("2027-01", "outside"), ("2025-01..2025-12", "outside"), (None, "unknown"),
        ("去年", "unknown"),
    ],
)  # fmt: skip
def test_evidence_must_meet_the_period_evaluated(folder: Path, covers: str | None, state: str) -> None:
    found = examined(register(("EV1", None, "policy.pdf", covers, "A.1.1")), folder, "2026")
    assert found.select("period_state", "is_admissible").rows() == [(state, state != "outside")]


def test_one_piece_that_scores_twice_is_a_warning_only(folder: Path) -> None:
    given = votes(
        vote("X1", "A.1.1", 3, evidence_ids="EV1"), vote("X1", "A.1.3", 3, evidence_ids="EV1 | EV2"),
        vote("X1", "A.1.4", None),
    )  # fmt: skip
    register_ = register(("EV1", None, "policy.pdf", "2026", "A.1.1|A.1.3"), ("EV2", None, "x", "2026", "A.1.1"))
    found = examined(register_, folder, "2026", given)
    assert found.select("cited_for", "note", "is_admissible").rows() == [
        ("A.1.1|A.1.3", "cited_twice", True), ("A.1.3", "serves_others", True),
    ]  # fmt: skip
