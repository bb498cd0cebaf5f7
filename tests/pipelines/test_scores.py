"""Scores in the monthly run: a year that cannot be scored as the profile asks stops neither the others nor publication."""

from __future__ import annotations

import duckdb
import pytest
import yaml

from indicators.scoring.profile import SHIPPED
from pipelines.assets import SCORE
from pipelines.cli import main
from pipelines.definitions import definitions
from pipelines.run import Run
from schemas.errors import CatalogueError
from tests.pipelines.town import deliver
from tests.world import World

Capture = pytest.CaptureFixture[str]


def profiled(world: World, **changes: object) -> None:
    """Have another profile."""
    content = yaml.safe_load((SHIPPED / "draft-neutral-v1.yaml").read_text(encoding="utf-8"))
    world.write("profiles/other.yaml", yaml.safe_dump(content | {"id": "other"} | changes, allow_unicode=True))
    declared = (world.folder / "enterprise.yaml").read_text(encoding="utf-8")
    world.write("enterprise.yaml", declared + "profile: other\n")


@pytest.fixture
def peers_in_one_year(group: World) -> World:
    """Two years of values, judged among peers of which there are some in the second only."""
    deliver(group, "2025-12")
    profiled(group, normalisation={"A.1.10": "minmax"})
    group.write(
        "reference/peer_value.csv",
        "peer_id,period,indicator_id,value,unit\nP1,2026,A.1.10,0.5,tce/万元\nP2,2026,A.1.10,0.1,tce/万元\n",
    )
    return group


def esg(world: World, *arguments: str) -> int:
    return main(["--enterprise", str(world.folder), *arguments])


def test_a_year_that_cannot_be_scored_stops_neither_the_others_nor_publication(
    peers_in_one_year: World, capsys: Capture
) -> None:
    world = peers_in_one_year
    assert esg(world, "run", "--month", "2025-12", "--to", "2026-01") == 0
    said = capsys.readouterr().out
    assert "2025 is not scored / 未评分: A.1.10: minmax needs 2 peers, there are 0 / 同业样本不足" in said
    assert "2026 is not scored" not in said
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        assert connection.execute("select distinct period from score.result").fetchall() == [("2026",)]
        assert connection.execute("select count(*) > 0 from indicator.value where period = '2025'").fetchall() == [
            (True,)
        ]
    assert esg(world, "evaluate", "2025") == 1
    assert "minmax needs 2 peers" in capsys.readouterr().err


def test_an_evaluation_that_cannot_be_made_any_more_is_stale_and_stops_nothing(
    group: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert esg(group, "evaluate", "2026") == 0
    run = Run(group.enterprise)

    def refuse(*_: object) -> None:
        raise CatalogueError("no judgements")

    monkeypatch.setattr(run, "evaluation", refuse)
    assert [path.parent.name for path in run.evaluations()[1]] == ["2026"]
    assert run.stale() == ["2026"]
    run.close()


def test_what_an_event_takes_is_told_and_why_it_takes_nothing(group: World, capsys: Capture) -> None:
    group.write(
        "reference/esg_event.csv",
        "event_id,event_class,indicator_id,incident_id,occurred_on,decided_on,status,official_source,title\n"
        "E1,C,A.2.3,,2026-03-01,2026-04-01,final,No. 1,fine\n"
        "E2,C,A.2.3,,2026-03-01,2027-01-08,final,No. 2,later fine\n"
        "E3,C,A.2.3,,2026-03-01,,pending,,allegation\n"
        "E4,B,A.3.3,IN1,2025-03-01,2025-04-01,final,No. 4,last year's\n"
        "E5,C,A.3.3,IN1,2026-03-01,2026-04-01,final,No. 5,of the same incident\n"
        "E6,A,A.1.2,,2026-03-01,2026-04-01,final,No. 6,spill\n",
    )
    assert esg(group, "run", "--month", "2026-01") == 0
    capsys.readouterr()
    assert esg(group, "evaluate", "2026") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "C E1 A.2.3: -2 S: fine" in said
    assert "C E2 A.2.3: takes nothing, decided after the period / 期后作出: later fine" in said
    assert "C E3 A.2.3: pending, takes nothing / 未决，不扣分: allegation" in said
    assert "B E4 A.3.3: -5 G, A.3.3 ≤ 40, counts by / 计入 50%: last year's" in said
    assert "C E5 A.3.3: takes nothing, of an incident that counts already / 同一事故已计: of the same incident" in said
    assert "A E6 A.1.2: A.1.2 ≤ 0, E ≤ 59.99: spill" in said


def test_a_limited_scope_is_told_beside_the_grade(group: World, capsys: Capture) -> None:
    out = {
        key: {"zh": "无", "en": "none"} for key in ("A.1.3", "A.1.4", "A.1.8", "A.1.9", "A.1.11", "A.1.12", "A.1.13")
    }
    profiled(group, not_applicable=out, coverage_gate=0)  # seven of 22 are 32 %
    assert esg(group, "run", "--month", "2026-01") == 0
    assert esg(group, "evaluate", "2026") == 0
    said = capsys.readouterr().out
    assert said.count("limited scope") == 2
    assert "(E)" in said


def test_in_dagster_the_year_is_told_beside_the_scores(peers_in_one_year: World) -> None:
    job = definitions(peers_in_one_year.enterprise).resolve_job_def("monthly")
    span = {"dagster/asset_partition_range_start": "2025-12", "dagster/asset_partition_range_end": "2026-01"}
    result = job.execute_in_process(tags=span, raise_on_error=False)
    made = [one for one in result.get_asset_materialization_events() if one.asset_key == SCORE]
    told = made[0].step_materialization_data.materialization.metadata["not_scored"].value
    assert list(told) == ["2025"]
    assert "minmax needs 2 peers" in told["2025"]
