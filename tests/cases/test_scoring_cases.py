"""The golden case of scoring as an enterprise folder: from extracts and panel to scores, grade and uncertainty."""

from __future__ import annotations

import calendar
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import duckdb
import polars as pl
import pytest

from indicators.scoring.evaluation import TABLES
from pipelines.run import evaluate_period, locked, run
from schemas.enterprise import Enterprise
from schemas.errors import HubError

CASE = Path(__file__).parent / "golden_c18"
MONTHS = [f"2026-{month:02d}" for month in range(1, 13)]
ORDERS, LATE, DAMAGED = 15_000, 420, 60

SCORES = {
    "A.1.6": 70, "A.1.10": 72, "A.1.16": 80, "A.1.18": 60, "A.2.2": 63.3333, "A.2.3": 73.3333, "A.2.6": 88, "A.2.7": 88,
    "A.2.8": 91.1111, "A.3.1": 46.6667, "A.3.3": 80, "A.3.6": 0, "A.3.11": 66.6667, "E": 70.5, "S": 80.7556, "G": 48.3333,
    "total": 66.5296,
}  # fmt: skip
VALUES = {"A.1.6": 0.25, "A.1.10": 0.12, "A.2.2": 72.5, "A.2.6": 0.08, "A.2.7": 97.2, "A.2.8": 99.95}


EVENTS = """\
events:
  decay: [1, 0.5]
  classes:
    B: {title: {zh: 中等, en: medium}, deduction: 10, linked_at_most: 40}
"""


def deliver(folder: Path) -> None:
    """A year of extracts that gives the six values.

    A month has 1 200 000 kWh and 1 229 万元: 1200 · .1229 / 1229 = .12 tce/万元; 1200 · .25604166… / 1229 = .25 tCO2/万元.
    15 000 orders of 8 pieces: 420 late → 14 580/15 000 = 97.2 %; 60 of 120 000 pieces lost → 99.95 %; a complaint a month → .08 %.
    All were asked for by the 16th, promised for the 15th. 40 answers, 29 of them 4 or better → 72.5 %.
    """
    extracts = folder / "extracts"
    for name in ("orders", "complaints"):
        (extracts / name).mkdir(parents=True)
    last = {month: f"{month}-{calendar.monthrange(2026, int(month[5:]))[1]}" for month in MONTHS}
    bills = [f"B{month},{month}-01,{last[month]},1200000" for month in MONTHS]
    (extracts / "bills.csv").write_text("\n".join(["no,first,last,kwh", *bills]) + "\n")
    postings = [f"R{month},{month}-15,12290000" for month in MONTHS]
    (extracts / "revenue.csv").write_text("\n".join(["no,date,cny", *postings]) + "\n")
    answers = [f"S{number},2026-06-10,{4 if number < 29 else 2}" for number in range(40)]
    (extracts / "survey.csv").write_text("\n".join(["no,date,score", *answers]) + "\n")
    for place, month in enumerate(MONTHS):
        lines = ["no,accepted,promised,requested,delivered,due,intact"]
        for number in range(place, ORDERS, len(MONTHS)):
            delivered = "16 18:00" if number < LATE else "15 18:00"
            intact = 7 if number < DAMAGED else 8
            lines.append(f"O{number},{month}-10 09:00,{month}-15 20:00,{month}-16 20:00,{month}-{delivered},8,{intact}")
        (extracts / "orders" / f"{month}.csv").write_text("\n".join(lines) + "\n")
        (extracts / "complaints" / f"{month}.csv").write_text(f"no,received\nC{month},{month}-11 09:00\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The enterprise with its year computed, evaluated under the case's profile and under one without the coverage gate."""
    found = tmp_path_factory.mktemp("golden") / "enterprise"
    shutil.copytree(CASE, found)
    deliver(found)
    enterprise = Enterprise(found)
    with locked(enterprise):
        result = run(enterprise, MONTHS)
        assert [str(outcome.error) for outcome in result.failed] == []
        assert sum(outcome.total("refused") for outcome in result.outcomes) == 0
        evaluate_period(enterprise, "2026")
    profile = (found / "profiles" / "golden-c18.yaml").read_text()
    without = profile.replace("coverage_gate: 0.80", "coverage_gate: 0").replace("id: golden-c18", "id: without-gate")
    (found / "profiles" / "without-gate.yaml").write_text(without)
    declared = (found / "enterprise.yaml").read_text()
    (found / "enterprise.yaml").write_text(declared.replace("profile: golden-c18", "profile: without-gate"))
    other = Enterprise(found)
    with locked(other):
        evaluate_period(other, "2026")
    return found


@pytest.fixture(scope="module")
def ask(folder: Path) -> Callable[[str], pl.DataFrame]:
    """A query over what is published, by which profile: `golden` or `open`."""

    def answer(query: str, profile: str = "golden-c18") -> pl.DataFrame:
        with duckdb.connect(str(folder / "data" / "published" / "esg.duckdb"), read_only=True) as connection:
            sql = f"with p as (select profile_hash as h from score.profile where profile_id = '{profile}') {query}"
            return connection.execute(sql).pl()

    return answer


Ask = Callable[..., pl.DataFrame]


def test_the_extracts_give_exactly_the_six_values(ask: Ask) -> None:
    found = ask(
        "select indicator_id, value, value_state from score.normalised, p where profile_hash = h and method = 'anchors'"
    )
    values = {key: value for key, value, _ in found.iter_rows()}
    assert values == pytest.approx(VALUES, rel=1e-12)
    assert set(found["value_state"]) <= {"measured", "calculated"}


def test_scores_are_those_worked_by_hand(ask: Ask) -> None:
    found = dict(
        ask(
            "select id, score from score.result, p where profile_hash = h and weight > 0 and level <> 'group'"
        ).iter_rows()
    )
    assert {key: round(score, 4) for key, score in found.items()} == SCORES


def test_bounds_and_withheld_grade(ask: Ask) -> None:
    total = ask("select * from score.result, p where profile_hash = h and id = 'total'").row(0, named=True)
    assert (round(total["score"], 2), total["grade"], total["reason"]) == (66.53, None, "coverage_below_gate")
    assert [round(total[name], 4) for name in ("lower", "upper")] == [66.5296, 74.8630]
    pillar = ask("select lower, upper, coverage from score.result, p where profile_hash = h and id = 'G'").row(0)
    assert [round(number, 4) for number in pillar] == [48.3333, 73.3333, 0.75]


def test_without_the_gate_it_is_bbb(ask: Ask) -> None:
    found = ask("select score, grade from score.result, p where profile_hash = h and id = 'total'", "without-gate")
    assert [(round(score, 4), grade) for score, grade in found.iter_rows()] == [(66.5296, "BBB")]


@pytest.mark.parametrize("profile", ["golden-c18", "without-gate"])
def test_monte_carlo_lies_where_it_should(ask: Ask, profile: str) -> None:
    row = ask("select * from score.monte_carlo, p where profile_hash = h and id = 'total'", profile).row(0, named=True)
    assert (row["runs"], row["seed"]) == (10_000, 20260101)
    assert row["mean"] == pytest.approx(66.62, abs=0.1)
    assert row["sd"] == pytest.approx(1.77, abs=0.1)
    assert [row["p05"], row["p95"]] == pytest.approx([63.67, 69.42], abs=0.2)
    chances = dict(
        ask(
            "select grade, probability from score.grade_probability, p where profile_hash = h and id = 'total'", profile
        ).iter_rows()
    )
    assert [chances["BBB"], chances["A"]] == pytest.approx([0.978, 0.022], abs=0.01)
    assert sum(chances.values()) == pytest.approx(1)


def test_other_choices_give_the_totals_worked_by_hand(ask: Ask) -> None:
    found = ask("select name, total, grade from score.alternative, p where profile_hash = h", "without-gate")
    totals = {name: (round(total, 4), grade) for name, total, grade in found.iter_rows()}
    assert totals["profile"] == (66.5296, "BBB")
    assert totals["pillars_geometric"] == (65.0433, "BBB")
    assert totals["missing_drop"] == (71.9, "A")
    assert totals["missing_full"] == (74.8630, "A")
    # E: 绿色物流 and 污染防治 have one each, A.1.6 and A.1.10 too: as flat; S: 员工权益 (63.3333 + 73.3333)/2, 客户服务 89.0370
    # G: 46.6667, (80 + 0)/2, 66.6667 → (70.5 + 78.6852 + 51.1111)/3
    assert totals["weights_hierarchical_draft-2025-a"] == (66.7654, "BBB")


def test_a_withheld_grade_is_withheld_in_every_alternative_that_does_not_fill_the_gap(ask: Ask) -> None:
    found = dict(ask("select name, grade from score.alternative, p where profile_hash = h").iter_rows())
    assert {found[name] for name in ("profile", "missing_drop", "missing_full", "pillars_geometric")} == {None}


def test_contributions_add_up_to_the_total(ask: Ask) -> None:
    found = ask(
        "select sum(contribution) as c, sum(potential) as q from score.contribution, p where profile_hash = h"
    ).row(0)
    assert found == pytest.approx((66.5296296, 33.4703704))


def test_every_reading_stands_beside_the_chosen_one(ask: Ask) -> None:
    found = ask(
        "select * from score.definition, p where profile_hash = h and indicator_id = 'A.2.7' order by is_chosen desc, reading"
    )
    assert found.row(0, named=True)["reading"] == "first_promise"
    assert found["is_chosen"].to_list() == [True] + [False] * 6
    assert found.filter("is_chosen")["difference"].to_list() == [0.0]
    # by the time asked for all are on time: A.2.7 100 instead of 88, a fifth of a third of 12 points more
    asked = found.filter(pl.col("reading") == "customer_request").row(0, named=True)
    assert (asked["value"], asked["score"], asked["difference"]) == pytest.approx((100, 100, 0.8))
    # by day the 420 that came on the 16th instead of the 15th are late all the same
    day = found.filter(pl.col("reading") == "first_promise_day").row(0, named=True)
    assert (day["value"], day["total"], day["difference"]) == pytest.approx((97.2, 66.5296296, 0))
    assert day["title_zh"].startswith("首次承诺日期")
    # nobody gave five of five: A.2.2 0 instead of 63.3333
    best = ask(
        "select value, score, difference from score.definition, p where profile_hash = h and reading = 'top_box'"
    )
    assert best.rows() == [pytest.approx((0, 0, -63.3333 / 15), abs=1e-4)]
    energy = ask(
        "select reading, value, score from score.definition, p where profile_hash = h and indicator_id = 'A.1.10'"
    )
    chosen, other = energy.rows()
    assert (chosen[0], chosen[1:]) == ("equal_calorific", pytest.approx((0.12, 72)))
    # nobody has said what electricity is worth at equal value in that year
    assert other == ("equivalent", None, None)


def test_both_profiles_stand_side_by_side(folder: Path, ask: Ask) -> None:
    kept = sorted(path.name for path in (folder / "data" / "score" / "2026").iterdir())
    assert len(kept) == 2
    hashes = ask("select distinct profile_hash from score.result where period = '2026' order by 1")[
        "profile_hash"
    ].to_list()
    assert [one[:12] for one in hashes] == kept
    with duckdb.connect(str(folder / "data" / "published" / "esg.duckdb"), read_only=True) as connection:
        twice = connection.execute(
            "select profile_hash, level, id from score.result group by all having count(*) > 1"
        ).fetchall()
    assert twice == []


def test_the_same_facts_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again, ignore=shutil.ignore_patterns("data"))
    enterprise = Enterprise(again)
    with locked(enterprise):
        run(enterprise, MONTHS)
        evaluate_period(enterprise, "2026")
    (made,) = (again / "data" / "score" / "2026").iterdir()
    before = folder / "data" / "score" / "2026" / made.name
    files = sorted(path.name for path in before.iterdir())
    assert sorted(path.name for path in made.iterdir()) == files
    assert len(files) == len(TABLES)
    assert [name for name in files if (made / name).read_bytes() != (before / name).read_bytes()] == []


def test_an_evaluation_whose_facts_have_changed_is_not_published_any_more(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    levels = again / "panel" / "scores.csv"
    levels.write_text(levels.read_text().replace("X1,A.3.3,4", "X1,A.3.3,2"))
    enterprise = Enterprise(again)
    with locked(enterprise):
        assert run(enterprise, MONTHS).stale == ["2026"]
    with duckdb.connect(str(enterprise.published), read_only=True) as connection:
        assert connection.execute("select count(*) from score.monte_carlo").fetchall() == [(0,)]
        assert connection.execute("select count(distinct profile_hash) from score.result").fetchall() == [(1,)]


def graded(folder: Path) -> tuple[float, str | None, str | None]:
    """Score, grade and reason of the total of the profile without the coverage gate, evaluated anew."""
    enterprise = Enterprise(folder)
    with locked(enterprise):
        evaluate_period(enterprise, "2026")
    with duckdb.connect(str(enterprise.published), read_only=True) as connection:
        found = connection.execute(
            """select round(score, 4), grade, reason from score.result join score.profile using (profile_hash)
               where id = 'total' and profile_id = 'without-gate'"""
        ).fetchall()
    return found[0]


def contradictions(folder: Path) -> list[tuple[str, str | None]]:
    with duckdb.connect(str(Enterprise(folder).published), read_only=True) as connection:
        return connection.execute("select distinct check_name, month from score.integrity order by all").fetchall()


def test_refused_rows_leave_the_grade_alone(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    orders = again / "extracts" / "orders" / "2026-03.csv"
    orders.write_text(orders.read_text() + "O99999,not a date,2026-03-15 20:00,,,8,8\n")
    enterprise = Enterprise(again)
    with locked(enterprise):
        assert sum(one.total("refused") for one in run(enterprise, ["2026-03"]).outcomes) == 1
    assert graded(again) == (66.5296, "BBB", None)
    assert contradictions(again) == []


def test_rows_that_are_not_conserved_withhold_the_grade(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    enterprise = Enterprise(again)
    entry = next(one for one in enterprise.lake.extracts("customer_order") if "2026-05" in one["clean"])
    entry["rows"] += 1  # one row more was read than is accounted for
    enterprise.lake.commit()
    assert graded(again) == (66.5296, None, "data_integrity")
    assert contradictions(again) == [("conservation", None)]


def test_a_value_is_judged_among_the_peers_of_its_year(folder: Path, tmp_path: Path) -> None:
    # A.2.7 97.2 on the peers' range 90 to 99: 7.2/9 = 80 instead of 88; S a fifth of 8 less, the total .5333 less
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    profile = again / "profiles" / "without-gate.yaml"
    profile.write_text(profile.read_text().replace("core: []", "core: []\nnormalisation: {A.2.7: minmax}"))
    peers = again / "reference" / "peer_value.csv"
    rows = ["peer_id,period,indicator_id,value,unit", "P1,2026,A.2.7,90,%", "P2,2026,A.2.7,99,%", "P3,2025,A.2.7,10,%"]
    peers.write_text("\n".join(rows) + "\n")
    enterprise = Enterprise(again)
    with locked(enterprise):
        assert [str(one.error) for one in run(enterprise, MONTHS[:1]).failed] == []
        evaluate_period(enterprise, "2026")
    with duckdb.connect(str(enterprise.published), read_only=True) as connection:
        query = "select round(result.score, 4) from score.result join score.normalised using (period, profile_hash) where id = 'total' and indicator_id = 'A.2.7' and method = 'minmax'"
        assert connection.execute(query).fetchall() == [(round(66.5296296 - 8 / 15, 4),)]
    peers.write_text("\n".join([*rows[:-1], "P3,2026,A.2.7,0.95,1"]) + "\n")
    with locked(enterprise):
        run(enterprise, MONTHS[:1])
        with pytest.raises(HubError, match=r"P3 A\.2\.7: '1' is not the unit of the indicator, '%'"):
            evaluate_period(enterprise, "2026")


def test_an_implied_factor_out_of_tolerance_withholds_the_grade(folder: Path, tmp_path: Path) -> None:
    # emission / activity is the registered factor exactly; a tolerance of +1 to +2 % leaves it outside in every month
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    bound = "bound_id,check_name,subject,lower,upper,unit,source\nimplied_factor,implied_factor,,1,2,%,test\n"
    (again / "reference" / "plausibility.csv").write_text(bound)
    assert graded(again) == (66.5296, None, "data_integrity")
    assert contradictions(again) == [("implied_factor", month) for month in MONTHS]


JUDGED = {
    "total": ["E", "S", "G"], "E": ["温室气体与气候变化", "资源使用", "绿色物流", "污染防治"], "S": ["员工权益", "客户服务"],
    "G": ["治理结构", "治理机制", "风险管理与合规"], "员工权益": ["A.2.2", "A.2.3"], "客户服务": ["A.2.6", "A.2.7", "A.2.8"],
    "治理机制": ["A.3.3", "A.3.6"],
}  # fmt: skip


def test_a_panels_judgements_and_an_event_reach_the_total(folder: Path, tmp_path: Path) -> None:
    # all alike: as hierarchical. A.3.11 at most 40, G (46.6667 + (80 + 0)/2 + 40)/3 - 10 = 32.2222
    # (70.5 + (68.3333 + 89.0370)/2 + 32.2222)/3 = 60.4691
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    rows = [f"X1,{node},{a},{b},1" for node, children in JUDGED.items() for a, b in combinations(children, 2)]
    (again / "reference" / "ahp_judgement.csv").write_text("\n".join(["expert_id,node,left,right,ratio", *rows]) + "\n")
    (again / "reference" / "esg_event.csv").write_text(
        "event_id,event_class,indicator_id,occurred_on,decided_on,status,official_source,title\n"
        "EE1,B,A.3.11,2026-02-01,2026-05-01,final,沪市监罚 2026-7 号,罚款二十万元\n"
        "EE2,A,A.1.18,2026-09-01,,pending,,废水举报\n"
    )
    profile = again / "profiles" / "without-gate.yaml"
    profile.write_text(
        profile.read_text().replace("method: flat", "method: ahp").replace("core: []", f"core: []\n{EVENTS}")
    )
    enterprise = Enterprise(again)
    with locked(enterprise):
        assert run(enterprise, MONTHS[:1]).stale == []
        evaluate_period(enterprise, "2026")
    with duckdb.connect(str(enterprise.published), read_only=True) as connection:
        total = connection.execute(
            "select round(score, 4), grade, round(before_events, 4) from score.result where id = 'total'"
        )
        assert total.fetchall() == [(60.4691, "BBB", 66.7654)]
        events = connection.execute(
            "select event_id, share, deduction, is_pending from score.event order by 1"
        ).fetchall()
        assert events == [("EE1", 1, 10, False), ("EE2", 0, 0, True)]
        weight = connection.execute(
            "select effective, consistency_ratio from score.weight where id = 'A.2.7'"
        ).fetchall()
        assert weight == [(pytest.approx(1 / 18), 0)]
