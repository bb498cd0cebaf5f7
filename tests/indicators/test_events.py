"""Negative events: what each class takes, how it fades, and that one incident is not punished twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators.scoring.events import EVENT, counted, effects, rows
from indicators.scoring.score import Assessment, Facts, assess
from schemas.errors import CatalogueError
from tests.indicators.test_scoring import experts, values, written

YEAR = [f"2026-{month:02d}" for month in range(1, 13)]
SCOPE = ("A.1.2", "A.2.3", "A.2.5", "A.3.3", "A.3.11")
PROFILE = written({"indicators": list(SCOPE), "core": []})


def event(
    name: str, kind: str, indicator: str = "A.2.3", decided: str | None = "2026-06-01", **more: Any
) -> dict[str, Any]:
    on = date.fromisoformat(decided) if decided else None
    return {
        "event_id": name, "event_class": kind, "indicator_id": indicator, "incident_id": None, "occurred_on": on or date(2026, 5, 1),
        "decided_on": on, "status": "final" if on else "pending", "official_source": "no. 1" if on else None, "title": name,
    } | more  # fmt: skip


def assessed(*found: dict[str, Any], profile: Any = PROFILE, level: int = 4) -> Assessment:
    """Every indicator at one level; without events E, S, G and the total are all 20 · level."""
    facts = Facts.of(
        values({"A.2.7": 96}), experts(dict.fromkeys(SCOPE, (level,) * 3)), events=found, months=tuple(YEAR)
    )
    return assess(facts, profile)


def of(one: Assessment, *names: str) -> list[float]:
    return [round(float(one.line(name)["score"]), 4) for name in names]


def test_a_medium_event_takes_ten_points_and_caps_its_indicator_at_level_two() -> None:
    # S: A.2.3 40, A.2.5 80 → 60, less 10 → 50; total (80 + 50 + 80)/3 = 70; before: 80
    one = assessed(event("E1", "B"))
    assert of(one, "A.2.3", "A.2.5", "E", "S", "G", "total") == [40, 80, 80, 50, 80, 70]
    assert [one.line(name)["before_events"] for name in ("A.2.3", "S", "total")] == [80, 80, 80]


def test_a_severe_event_sets_its_indicator_to_nothing_and_caps_its_pillar() -> None:
    # S: A.2.3 0, A.2.5 100 → 50, below the cap; with four events' indicators at 100 the cap itself: G (0 + 100)/2 = 50
    assert of(assessed(event("E1", "A"), level=5), "A.2.3", "S") == [0, 50]
    free = PROFILE.changed(indicators=("A.1.2", "A.2.1", "A.2.3", "A.2.4", "A.2.5", "A.3.3"))
    facts = Facts.of(
        values({"A.2.7": 96}),
        experts(dict.fromkeys(free.indicators, (5, 5, 5))),
        events=(event("E1", "A"),),
        months=tuple(YEAR),
    )
    # (100 + 0 + 100 + 100)/4 = 75 → 59.99
    assert of(assess(facts, free), "A.2.3", "S") == [0, 59.99]


def test_light_events_take_two_points_each_and_ten_at_most() -> None:
    assert of(assessed(*[event(f"E{n}", "C") for n in range(3)]), "S") == [74]
    assert of(assessed(*[event(f"E{n}", "C") for n in range(7)]), "S") == [70]
    table = rows(counted([event(f"E{n}", "C") for n in range(7)], YEAR, PROFILE), PROFILE)
    assert [row["deduction"] for row in table] == [2, 2, 2, 2, 2, 0, 0]


def test_light_events_of_two_pillars_do_not_share_their_limit() -> None:
    found = [event(f"S{n}", "C") for n in range(6)] + [event(f"E{n}", "C", "A.1.2") for n in range(6)]
    assert of(assessed(*found), "S", "E") == [70, 70]


def test_a_veto_leaves_no_grade_and_at_most_29_99() -> None:
    one = assessed(event("E1", "V", "A.2.5"))
    assert (one.line("total")["grade"], one.line("total")["reason"]) == (None, "veto")
    assert of(one, "total") == [29.99]
    capped = {"V": PROFILE.events.classes["V"].model_copy(update={"not_rated": False})}
    profile = PROFILE.changed(events=PROFILE.events.model_copy(update={"classes": capped}))
    assert assessed(event("E1", "V", "A.2.5"), profile=profile).line("total")["grade"] == "CC"


def test_a_cap_of_nothing_is_a_cap() -> None:
    capped = {
        "V": PROFILE.events.classes["V"].model_copy(update={"total_at_most": Decimal(0), "pillar_at_most": Decimal(50)})
    }
    profile = PROFILE.changed(events=PROFILE.events.model_copy(update={"classes": capped}))
    one = assessed(event("E1", "V", "A.2.5"), profile=profile)
    assert [row["cap"] for row in rows(list(one.events), profile)] == [0]


def test_deductions_come_before_caps_and_never_go_below_zero() -> None:
    # B and A: S mean of A.2.3 0 and A.2.5 80 = 40, less 10 = 30, below the cap
    assert of(assessed(event("E1", "B", "A.2.5"), event("E2", "A")), "A.2.3", "A.2.5", "S") == [0, 40, 10]
    assert of(assessed(*[event(f"E{n}", "B") for n in range(9)]), "S") == [0]


def test_last_years_event_counts_by_half_and_an_older_one_no_more() -> None:
    # half: A.2.3 loses half of 40, so 60; S (60 + 80)/2 = 70, less 5 = 65
    assert of(assessed(event("E1", "B", decided="2025-12-31")), "A.2.3", "S") == [60, 65]
    assert of(assessed(event("E1", "B", decided="2024-12-31")), "A.2.3", "S") == [80, 80]
    assert counted([event("E1", "B", decided="2024-12-31")], YEAR, PROFILE) == []
    # half of a veto: a grade, and half of what lies above 29.99 is lost: 80 - 25.005
    old = assessed(event("E1", "V", decided="2025-01-01"))
    assert (of(old, "total"), old.line("total")["grade"]) == ([54.995], "BB")


def test_what_is_pending_or_decided_after_the_period_is_listed_and_takes_nothing() -> None:
    later = event("E2", "A", decided="2027-02-01", occurred_on=date(2026, 12, 1))
    pending = event("E1", "B", decided=None)
    one = assessed(pending, later)
    assert of(one, "A.2.3", "S", "total") == [80, 80, 80]
    table = {row["event_id"]: row for row in rows(list(one.events), PROFILE)}
    assert [(table[name]["is_pending"], table[name]["share"], table[name]["deduction"], table[name]["cap"]) for name in ("E1", "E2")] == [
        (True, 0, 0, None), (False, 0, 0, None),
    ]  # fmt: skip


def test_what_happens_after_the_period_is_not_of_it() -> None:
    assert counted([event("E1", "B", decided="2027-03-01")], YEAR, PROFILE) == []


def test_one_incident_counts_once_by_its_gravest_event() -> None:
    accident, fine = event("E1", "C", incident_id="I1"), event("E2", "B", incident_id="I1")
    assert of(assessed(accident, fine), "S") == of(assessed(fine), "S") == [50]
    assert [(row.event_id, row.share) for row in counted([accident, fine], YEAR, PROFILE)] == [("E2", 1), ("E1", 0)]


def test_a_pending_event_of_an_incident_does_not_hide_a_final_one() -> None:
    pending, final = event("E1", "A", decided=None, incident_id="I1"), event("E2", "C", incident_id="I1")
    assert of(assessed(pending, final), "S") == [78]


def test_an_event_hits_the_pillar_of_its_indicator_only() -> None:
    assert of(assessed(event("E1", "B", "A.3.11")), "E", "S", "G") == [80, 80, 50]


def test_an_event_of_an_unknown_indicator_is_refused() -> None:
    with pytest.raises(CatalogueError, match=r"no indicator A\.9\.9"):
        counted([event("E1", "B", "A.9.9")], YEAR, PROFILE)


def test_a_profile_without_classes_deducts_nothing() -> None:
    assert of(
        assessed(event("E1", "A"), profile=PROFILE.changed(events=PROFILE.events.model_copy(update={"classes": {}}))),
        "S",
    ) == [80]


def test_the_table_has_its_columns() -> None:
    one = assessed(event("E1", "B"), event("E2", "A", "A.3.3"))
    frame = one.frame(rows(list(one.events), PROFILE), EVENT)
    assert frame.select("event_id", "class", "pillar", "share", "deduction", "cap").rows() == [
        ("E2", "A", "G", 1.0, 0.0, 59.99), ("E1", "B", "S", 1.0, 10.0, None),
    ]  # fmt: skip


@given(
    kinds=st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(SCOPE), st.sampled_from(["2026-03-01", "2025-03-01"])),
        max_size=6,
    ),
    score=st.integers(0, 100),
)
def test_events_never_raise_a_score_and_never_push_it_below_zero(kinds: list[tuple[str, str, str]], score: int) -> None:
    found = [event(f"E{n}", kind, key, decided) for n, (kind, key, decided) in enumerate(kinds)]
    does = effects(counted(found, YEAR, PROFILE), PROFILE)
    for pillar in "ESG":
        assert 0 <= does.on_pillar(pillar, Fraction(score)) <= score
    for key in SCOPE:
        assert 0 <= does.on_indicator(key, Fraction(score)) <= score
