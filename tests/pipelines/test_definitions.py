"""The Dagster rim: what is defined, what a month of it does, what fails it, and when it starts."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest

from connectors.ingest import Outcome
from connectors.source import sources
from pipelines import assets as assets_module
from pipelines import checks, schedules
from pipelines.assets import EVALUATION
from pipelines.definitions import definitions
from pipelines.run import FAMILIES, Run, locked
from schemas.enterprise import Enterprise
from tests.warehouse.bare import bare
from tests.world import ORDERS, READINGS, TRIPS, World, make
from warehouse.marts import Warehouse, mart, marts

DEMO = Path(__file__).parents[2] / "examples" / "demo"
SHANGHAI = ZoneInfo("Asia/Shanghai")
JANUARY = ("表号,时间,示数,单位", "E-0001,2026-01-01 00:00,100,kWh", "E-0001,2026-01-31 00:00,400,kWh")
FEBRUARY = ("表号,时间,示数,单位", "E-0001,2026-02-01 00:00,410,kWh", "E-0001,2026-02-28 00:00,900,kWh")
MARCH = ("表号,时间,示数,单位", "E-0001,2026-03-01 00:00,910,kWh", "E-0001,2026-03-31 00:00,1900,kWh")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two months of readings and orders without a month in their name."""
    made = make(tmp_path / "group", [("ami", READINGS), ("orders", ORDERS)])
    made.deliver("readings/2026-01.csv", *JANUARY)
    made.deliver("readings/2026-02.csv", *FEBRUARY)
    made.deliver(
        "orders/all.csv",
        "no,site,accepted,delivered,status",
        "O1,SH-W01,2026-01-05 08:00:00,2026-01-06 08:00:00,delivered",
    )
    return made


def key(path: str) -> dg.AssetKey:
    """`source/ami` as Dagster names it."""
    return dg.AssetKey(path.split("/"))


def materialise(world: World, months: str, *only: str) -> dg.ExecuteInProcessResult:
    """Run the monthly job (some of its assets) for a month or `first..last`, whatever comes of it."""
    first, _, last = months.partition("..")
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = definitions(world.enterprise).resolve_job_def("monthly")
    return job.execute_in_process(
        partition_key=None if last else first, tags=span if last else None, raise_on_error=False,
        asset_selection=[key(path) for path in only] or None,
    )  # fmt: skip


def monthly(graph: dg.BaseAssetGraph) -> set[dg.AssetKey]:  # type: ignore[type-arg]
    """The assets of the monthly job."""
    return {one for one in graph.get_all_asset_keys() if one.path[0] != EVALUATION}


def judged(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """(asset, check) → its one evaluation."""
    found = result.get_asset_check_evaluations()
    assert len({(one.asset_key, one.check_name) for one in found}) == len(found)
    return {(one.asset_key.to_user_string(), one.check_name): one for one in found}


def materialised(result: dg.ExecuteInProcessResult) -> set[str]:
    """The assets that have been materialised."""
    events = result.get_asset_materialization_events()
    return {event.asset_key.to_user_string() for event in events if event.asset_key}


def shown(result: dg.ExecuteInProcessResult, path: str) -> dict[str, object]:
    """What a materialisation shows of an asset."""
    events = [event for event in result.get_asset_materialization_events() if event.asset_key == key(path)]
    return {name: value.value for name, value in events[-1].step_materialization_data.materialization.metadata.items()}


# ── what is defined ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_declaration_that_does_not_fit_is_shown_and_fails_alone(world: World) -> None:
    world.write("sources/odd.yaml", "contract: trip\nread: {as: csv, files: x.csv}\ncolumns: {trip_id: no}\n")
    result = materialise(world, "2026-01", "source/odd", "source/reference_site")
    assert not result.success
    assert materialised(result) == {"source/reference_site"}
    (failed,) = result.get_failed_step_keys()
    assert failed == "source__odd"


def test_the_shipped_demo_loads_without_data() -> None:
    graph = definitions(Enterprise(DEMO)).resolve_asset_graph()
    declared = {path.stem for path in (DEMO / "sources").glob("*.yaml")}
    assert declared <= {one.path[1] for one in graph.get_all_asset_keys() if one.path[0] == "source"}
    assert not (DEMO / "data").exists()


def test_a_source_may_have_any_name_a_file_can_have(world: World) -> None:
    for name in ("电表-一号", "电表-二号", "meters-pv"):
        world.write(f"sources/{name}.yaml", READINGS.replace("readings/", f"{name}/"))
        world.deliver(f"{name}/2026-01.csv", *JANUARY)
    specs = {spec.metadata.get("source"): spec for spec in definitions(world.enterprise).resolve_all_asset_specs()}
    assert {"电表-一号", "电表-二号", "meters-pv"} <= set(specs)
    one = specs["电表-一号"].key.to_user_string()
    result = materialise(world, "2026-01", "source/reference_site", "source/reference_meter", "source/meters-pv", one)
    assert result.success
    assert {"source/meters-pv", one} <= materialised(result)


def test_every_asset_says_what_it_is_whose_it_is_and_where_it_is_declared(world: World) -> None:
    for spec in definitions(world.enterprise).resolve_all_asset_specs():
        assert spec.description and " | " in spec.description, spec.key
        assert spec.owners and spec.kinds and spec.group_name not in (None, "default"), spec.key
        (_, code) = next(item for item in spec.metadata.items() if item[0] == "dagster/code_references")
        assert code.code_references, spec.key
        assert all(Path(one.file_path).exists() for one in code.code_references) or spec.key.path[1].startswith(
            "reference_"
        )


def test_every_asset_runs_any_stretch_of_months_at_once_and_takes_the_enterprise_for_itself(world: World) -> None:
    graph = definitions(world.enterprise).resolve_asset_graph()
    kinds = {EVALUATION: dg.TimeWindowPartitionsDefinition, "": dg.MonthlyPartitionsDefinition}
    for one in graph.assets_defs:
        assert one.backfill_policy == dg.BackfillPolicy.single_run()
        assert type(one.partitions_def) is kinds[EVALUATION if next(iter(one.keys)).path[0] == EVALUATION else ""]
        assert one.op.pool == "enterprise_group"
    assert len({one.partitions_def for one in graph.assets_defs}) == len(kinds)


def test_the_graph_is_the_lineage(world: World) -> None:
    graph = definitions(world.enterprise).resolve_asset_graph()
    above = {
        one.to_user_string(): {up.to_user_string() for up in graph.get(one).parent_keys}
        for one in graph.get_all_asset_keys()
    }
    assert above["source/reference_site"] == set()
    assert above["source/reference_meter"] == {"source/reference_site"}
    assert above["source/ami"] == {"source/reference_meter"}
    assert above["mart/meter_month"] >= {"source/ami", "source/reference_meter", "source/reference_site"}
    assert above["mart/site_month_metered"] >= {"mart/meter_month", "source/reference_meter", "source/reference_site"}
    assert above["mart/site_month_energy"] >= {"mart/site_month_metered", "source/reference_site"}
    assert above["mart/site_month_order"] >= {"source/orders", "source/reference_site"}
    assert above["indicator/climate"] >= {"mart/site_month_emission", "mart/site_month_revenue"}
    assert above["score/result"] == {"mart/reconciliation", *(f"indicator/{family}" for family in FAMILIES)}
    assert above[f"{EVALUATION}/report"] == {f"{EVALUATION}/sensitivity"}


def test_nothing_is_published_before_everything_it_holds(world: World) -> None:
    graph = definitions(world.enterprise).resolve_asset_graph()
    reached, level = set(), {key("published/esg")}
    while level:
        reached |= level
        level = {up for one in level for up in graph.get(one).parent_keys} - reached
    assert reached == monthly(graph)


def test_an_asset_stands_with_the_family_it_is_nearest_to(world: World) -> None:
    groups = {
        spec.key.to_user_string(): spec.group_name for spec in definitions(world.enterprise).resolve_all_asset_specs()
    }
    assert groups["source/reference_meter"] == "reference"
    assert groups["source/ami"] == groups["mart/meter_month"] == groups["indicator/energy"] == "energy"
    assert groups["mart/site_month_emission"] == "climate"
    assert groups["mart/site_month_revenue"] == "shared"  # as near to climate as to energy
    assert groups["published/esg"] == "results"


@pytest.mark.parametrize(
    ("owner", "shown"),
    [
        ("energy@demo.example", "energy@demo.example"),
        ("", "team:esg"),
        ("财务部", "team:财务部"),
        ("team:ops", "team:ops"),
    ],
)
def test_an_owner_is_an_address_or_a_team(world: World, owner: str, shown: str) -> None:
    world.write("sources/ami.yaml", READINGS + (f"owner: {owner}\n" if owner else ""))
    specs = {spec.key: spec for spec in definitions(world.enterprise).resolve_all_asset_specs()}
    assert specs[key("source/ami")].owners == [shown]


# ── which months there are ───────────────────────────────────────────────────────────────────────────────────────────


def months(world: World, *present: int) -> list[str]:
    """The partitions at a moment in Shanghai."""
    moment = datetime(*present, tzinfo=SHANGHAI)
    return list(schedules.partitions(world.enterprise, moment).get_partition_keys(current_time=moment))


def test_the_last_month_is_the_one_that_is_over(world: World) -> None:
    assert months(world, 2026, 4, 30, 23, 59)[-1] == "2026-03"
    assert months(world, 2026, 5, 1, 0, 0) == ["2026-01", "2026-02", "2026-03", "2026-04"]


def test_months_delivered_ahead_of_the_clock_are_there(world: World) -> None:
    assert months(world, 2026, 1, 15) == ["2026-01", "2026-02"]
    assert months(world, 2025, 6, 1) == ["2026-01", "2026-02"]


def test_a_slip_in_a_file_name_makes_no_thousand_months(world: World) -> None:
    world.deliver("readings/3026-01.csv", *JANUARY)
    world.deliver("readings/2026-13.csv", *JANUARY)
    assert months(world, 2026, 3, 1) == ["2026-01", "2026-02"]


def test_the_first_month_is_the_declared_one_or_the_first_delivered(world: World) -> None:
    world.deliver("readings/2025-11.csv", *JANUARY)
    assert months(world, 2026, 2, 1)[0] == "2025-11"
    world.write("enterprise.yaml", (world.folder / "enterprise.yaml").read_text("utf-8") + "first_month: 2026-02\n")
    assert months(world, 2026, 5, 1)[0] == "2026-02"


# ── what a month of it does ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_stretch_of_months_is_one_run_from_sources_to_the_published_file(world: World) -> None:
    # readings: 100 → 400 kWh in January; each check gives one result for both months
    result = materialise(world, "2026-01..2026-02")
    assert result.success
    graph = definitions(world.enterprise).resolve_asset_graph()
    assert materialised(result) == {one.to_user_string() for one in monthly(graph)}
    events = result.get_asset_materialization_events()
    assert sorted(event.partition for event in events if event.asset_key == key("source/ami")) == ["2026-01", "2026-02"]
    verdicts = judged(result)
    assert all(one.passed for one in verdicts.values())
    assert {name for asset, name in verdicts if asset == "source/ami"} == {"conservation", "contract", "arrived"}
    source = shown(result, "source/ami")
    assert {name: source[name] for name in ("rows", "accepted", "refused", "duplicates", "dagster/row_count")} == {
        "rows": 4, "accepted": 4, "refused": 0, "duplicates": 0, "dagster/row_count": 4,
    }  # fmt: skip
    mart = shown(result, "mart/site_month_energy")
    assert {column.name for column in mart["dagster/column_schema"].columns} >= {
        "site_id",
        "month",
        "carrier",
        "quantity",
    }
    upstream = mart["dagster/column_lineage"].deps_by_column["quantity"]
    assert {dep.asset_key.to_user_string() for dep in upstream} >= {"mart/site_month_metered"}
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        runs = connection.execute("select distinct run_id from indicator.value").fetchall()
    assert runs == [(result.run_id,)]


def test_a_year_is_evaluated_step_by_step_in_a_job_of_its_own(world: World) -> None:
    assert materialise(world, "2026-01..2026-02").success
    job = definitions(world.enterprise).resolve_job_def(EVALUATION)
    result = job.execute_in_process(partition_key="2026")
    assert result.success
    chain = ["value", "normalised", "panel", "weights", "score", "sensitivity", "report", "package"]
    assert materialised(result) == {f"{EVALUATION}/{step}" for step in chain}
    steps = [event.step_key.rpartition("__")[2] for event in result.all_events if event.is_step_success]
    assert steps == chain
    assert (world.enterprise.data / "reports/2026/report.zh.html").exists()
    assert {path.name for path in (world.enterprise.data / "packages").glob("*.zip")} == {"2026-01.zip", "2026-02.zip"}
    assert shown(result, f"{EVALUATION}/normalised")["dagster/row_count"] == 50
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        drawn = connection.execute("select id from score.monte_carlo where period = '2026' and id = 'total'").fetchall()
    assert drawn == [("total",)]


def test_the_year_that_is_not_over_can_be_evaluated(world: World) -> None:
    present = datetime(2026, 6, 15, tzinfo=SHANGHAI)
    months = schedules.partitions(world.enterprise, present)
    assert schedules.years(months, present).get_partition_keys(current_time=present) == ["2026"]
    later = datetime(2028, 1, 15, tzinfo=SHANGHAI)
    months = schedules.partitions(world.enterprise, later)
    assert schedules.years(months, later).get_partition_keys(current_time=later) == ["2026", "2027"]


def test_sources_are_taken_in_before_anything_is_computed(world: World) -> None:
    done = [event.step_key for event in materialise(world, "2026-01").all_events if event.is_step_success]
    assert [step.startswith("source__") for step in done] == sorted(
        (step.startswith("source__") for step in done), reverse=True
    )


def test_sources_of_one_contract_are_taken_in_together_but_none_that_was_not_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []
    taken_in = Run.ingest

    def noting(run: Run, wanted: list[str], only: set[str] | None = None) -> list[Outcome]:
        asked.append(set(only or ()))
        return taken_in(run, wanted, only)

    monkeypatch.setattr(Run, "ingest", noting)
    for name in ("second", "third"):
        world.write(f"sources/{name}.yaml", READINGS.replace("readings/", f"{name}/"))
        world.deliver(f"{name}/2026-01.csv", *JANUARY)
    chosen = ("source/reference_site", "source/reference_meter", "source/ami", "source/second")
    assert materialise(world, "2026-01", *chosen).success
    assert asked == [{"reference_site"}, {"reference_meter"}, {"ami", "second"}]
    asked.clear()
    assert materialise(world, "2026-01").success
    assert {"ami", "second", "third"} in asked


def test_refused_rows_and_a_late_delivery_warn_and_fail_nothing(world: World) -> None:
    world.deliver("readings/2026-01.csv", *JANUARY, "E-0001,2026-01-15 00:00,-5,kWh")
    result = materialise(world, "2026-01..2026-02", "source/reference_site", "source/reference_meter", "source/ami")
    verdicts = judged(result)
    assert result.success
    refused = verdicts["source/ami", "contract"]
    assert (refused.passed, refused.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert refused.metadata["failing_months"].value == ["2026-01"]
    assert "register: out_of_range" in str(refused.metadata["reasons_in_whole_extracts"].value)
    assert verdicts["source/ami", "conservation"].passed


def test_every_asset_tells_its_rows_and_how_many_were_refused_on_the_way_to_it(world: World) -> None:
    world.deliver("readings/2026-01.csv", *JANUARY, "E-0001,2026-01-15 00:00,-5,kWh")
    result = materialise(world, "2026-01")
    found = {event.asset_key.to_user_string(): event for event in result.get_asset_materialization_events()}
    counts = {name: event.materialization.metadata for name, event in found.items()}
    assert all({"dagster/row_count", "refused"} <= told.keys() for told in counts.values())
    refused = {name: told["refused"].value for name, told in counts.items()}
    assert [refused[f"source/{name}"] for name in ("ami", "reference_site")] == [1, 0]
    assert [refused[f"mart/{name}"] for name in ("site_month_energy", "site_month_revenue")] == [1, 0]
    assert refused["published/esg"] == 1
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        values = connection.execute("select count(*) from indicator.value").fetchall()[0][0]
    assert f"| indicator.value | {values} |" in str(counts["published/esg"]["tables"].value)


@pytest.mark.parametrize(("day", "late"), [(5, []), (6, ["2026-01"])])
def test_a_month_is_late_from_the_day_after_the_one_agreed_on(
    world: World, monkeypatch: pytest.MonkeyPatch, day: int, late: list[str]
) -> None:
    world.write("sources/ami.yaml", READINGS + "expect_by_day: 5\n")
    monkeypatch.setattr(checks, "now", lambda _zone: datetime(2026, 2, day, 12, tzinfo=SHANGHAI))
    (source,) = (one for one in sources(world.enterprise) if one.name == "ami")
    outcome = Outcome("ami", "meter_reading", waiting=["2026-01", "2026-02"])
    *_, arrived = checks.results(source, outcome, [], {"2026-01", "2026-02"}, world.enterprise)
    assert (arrived.passed, arrived.severity) == (not late, dg.AssetCheckSeverity.WARN)
    assert arrived.metadata["failing_months"].value == late


# ── what fails it ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_that_is_not_accounted_for_blocks_what_lies_downstream(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_in = Run.ingest

    def losing(run: Run, wanted: list[str], only: set[str] | None = None) -> list[Outcome]:
        outcomes = taken_in(run, wanted, only)
        for entry in run.enterprise.lake.extracts(source="ami"):
            entry["accepted"] -= entry["month"] == "2026-02"
        return outcomes

    monkeypatch.setattr(Run, "ingest", losing)
    result = materialise(world, "2026-01..2026-02")
    verdict = judged(result)["source/ami", "conservation"]
    assert (result.success, verdict.passed, verdict.severity, verdict.blocking) == (
        False,
        False,
        dg.AssetCheckSeverity.ERROR,
        True,
    )
    assert verdict.metadata["failing_months"].value == ["2026-02"]
    assert "mart/site_month_order" in materialised(result)
    assert not {"mart/meter_month", "indicator/energy", "published/esg"} & materialised(result)


def test_a_clean_file_that_holds_fewer_rows_than_were_accepted_is_a_breach(world: World) -> None:
    world.ingest("2026-01")
    (entry,) = world.enterprise.lake.extracts(source="ami")
    assert checks.breach(entry, world.enterprise.data) is None
    assert "3 rows accounted for in clean, 2 in its files" in str(
        checks.breach({**entry, "accepted": 3, "rows": 3}, world.enterprise.data)
    )
    (path,) = entry["clean"].values()
    (world.enterprise.data / path).unlink()
    assert f"{path} is gone" in str(checks.breach(entry, world.enterprise.data))


def test_a_failing_source_says_why_in_three_lines_and_the_others_proceed(world: World) -> None:
    world.write("sources/trips.yaml", TRIPS)
    world.deliver("trips/all.csv", "no,plate,start,km", "T1,沪A12345,2026-01-05 08:00:00,10")
    result = materialise(world, "2026-01")
    assert result.get_failed_step_keys() == {"source__trips"}
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    what, where, todo = str(failure.event_specific_data.user_failure_data.description).splitlines()
    assert ("'empty'" in what, "source trips" in where, "the file has: no, plate, start, km" in todo) == (
        True,
        True,
        True,
    )
    assert {"mart/site_month_energy", "indicator/customer"} <= materialised(result)
    assert not {"mart/site_month_transport", "indicator/transport", "published/esg"} & materialised(result)


def test_a_run_waits_while_another_holds_the_folder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waits, done = threading.Event(), threading.Event()
    monkeypatch.setattr(assets_module, "locked", lambda enterprise, _waiting: locked(enterprise, waits.set))

    def run() -> None:
        materialise(world, "2026-01", "source/reference_site")
        done.set()

    with locked(world.enterprise):
        thread = threading.Thread(target=run)
        thread.start()
        assert waits.wait(timeout=60)
        assert not done.is_set()
    thread.join(timeout=60)
    assert done.is_set()


# ── when it starts ───────────────────────────────────────────────────────────────────────────────────────────────────


def tick(world: World, *moment: int) -> dg.RunRequest | dg.SkipReason:
    """What the schedule asks for at a moment in Shanghai."""
    (schedule,) = definitions(world.enterprise).schedules or ()
    return schedule(dg.build_schedule_context(scheduled_execution_time=datetime(*moment, tzinfo=SHANGHAI)))


def test_the_schedule_asks_for_the_month_before(world: World) -> None:
    assert tick(world, 2026, 2, 5, 6).partition_key == "2026-01"
    assert tick(world, 2026, 3, 5, 6).partition_key == "2026-02"


def test_the_schedule_asks_for_nothing_before_the_first_month(world: World) -> None:
    assert isinstance(tick(world, 2026, 1, 5, 6), dg.SkipReason)


def test_the_schedule_runs_on_the_fifth_at_six_in_the_enterprises_time_zone(world: World) -> None:
    (schedule,) = definitions(world.enterprise).schedules or ()
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 6 5 * *", "Asia/Shanghai")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_automation_can_be_stopped_by_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESG_AUTOMATION", "stopped")
    defined = definitions(world.enterprise)
    assert [one.default_status.value for one in (*defined.schedules, *defined.sensors)] == ["STOPPED", "STOPPED"]


class Watch:
    """The sensor, looked at again and again with the cursor it left."""

    def __init__(self, world: World) -> None:
        (self.sensor,) = definitions(world.enterprise).sensors or ()
        self.cursor: str | None = None

    def look(self) -> list[str]:
        """The months the sensor asks for now, `first..last` where it is a stretch."""
        context = dg.build_sensor_context(cursor=self.cursor)
        asked = [one for one in self.sensor(context) if isinstance(one, dg.RunRequest)]
        self.cursor = context.cursor
        span = [
            (one.tags.get("dagster/asset_partition_range_start"), one.tags.get("dagster/asset_partition_range_end"))
            for one in asked
        ]
        return [one.partition_key or f"{first}..{last}" for one, (first, last) in zip(asked, span, strict=True)]


@pytest.fixture
def watch(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """The sensor on 10 March 2026, all of January and February taken in."""
    monkeypatch.setattr(schedules, "now", lambda _zone: datetime(2026, 3, 10, 9, tzinfo=SHANGHAI))
    world.ingest("2026-01", "2026-02")
    yield Watch(world)


def test_the_sensor_asks_for_nothing_that_is_taken_in(watch: Watch) -> None:
    assert watch.look() == []
    assert watch.look() == []


def test_a_changed_old_file_asks_for_its_month_once(world: World, watch: Watch) -> None:
    watch.look()
    world.deliver("readings/2026-01.csv", *JANUARY[:2], "E-0001,2026-01-31 00:00,450,kWh")
    assert watch.look() == ["2026-01"]
    assert watch.look() == []


def test_a_file_changed_to_one_of_equal_length_and_older_date_is_noticed(world: World, watch: Watch) -> None:
    watch.look()
    path = world.deliver("readings/2026-01.csv", *JANUARY[:2], "E-0001,2026-01-31 00:00,401,kWh")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert watch.look() == ["2026-01"]


def test_a_file_that_came_while_the_sensor_was_off_is_noticed_at_its_first_look(world: World, watch: Watch) -> None:
    world.deliver("readings/2026-02-b.csv", *FEBRUARY[:2])
    assert watch.look() == ["2026-02"]


def test_a_file_without_a_month_asks_for_the_last_month_closed(world: World, watch: Watch) -> None:
    watch.look()
    world.deliver("orders/more.csv", "no,site,accepted,delivered,status", "O2,SH-W01,2026-01-07 08:00:00,,accepted")
    assert watch.look() == ["2026-02"]


def test_adjoining_months_are_one_run(world: World, watch: Watch) -> None:
    watch.look()
    world.deliver("readings/2026-01-b.csv", *JANUARY[:2])
    world.deliver("readings/2026-02-b.csv", *FEBRUARY[:2])
    assert watch.look() == ["2026-01..2026-02"]


def test_a_month_whose_scheduled_run_is_still_to_come_is_left_to_it(
    world: World, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "now", lambda _zone: datetime(2026, 4, 5, 5, 59, tzinfo=SHANGHAI))
    watch.look()
    world.deliver("readings/2026-03.csv", *MARCH)
    assert watch.look() == []
    monkeypatch.setattr(schedules, "now", lambda _zone: datetime(2026, 4, 5, 6, 0, tzinfo=SHANGHAI))
    world.deliver("readings/2026-03.csv", *MARCH, "E-0001,2026-03-31 12:00,1910,kWh")
    assert watch.look() == ["2026-03"]


def test_a_gap_between_months_parts_the_runs() -> None:
    assert list(schedules._stretches(["2025-11", "2025-12", "2026-01", "2026-03"])) == [
        ("2025-11", "2026-01"),
        ("2026-03", "2026-03"),
    ]
    assert list(schedules._stretches([])) == []


def test_the_cursor_stays_small_however_many_files_there_are(world: World, watch: Watch) -> None:
    for number in range(50):
        world.deliver(f"readings/2026-02-{number}.csv", *FEBRUARY)
    watch.look()
    assert set(json.loads(watch.cursor or "{}")) == {"2026-01", "2026-02", "unnamed"}


BILLS = """\
contract: utility_bill
read: {as: csv, files: "bills/*.csv"}
columns: {bill_id: no, site_id: site, carrier: carrier, period_from: first, period_to: last, quantity: used, unit: unit}
"""


def test_a_bill_far_from_its_meter_is_a_warning_that_names_the_month(world: World) -> None:
    world.write("sources/bills.yaml", BILLS)
    world.deliver(
        "bills/all.csv", "no,site,carrier,first,last,used,unit", "B1,SH-W01,electricity,2026-01-01,2026-01-31,100,kWh"
    )
    world.ingest("2026-01", "2026-02")
    balance = mart("meter_balance")
    assert [spec.blocking for spec in checks.mart_specs(balance, key("mart/meter_balance"))] == [False]
    with Warehouse(world.enterprise) as house:
        house.mart("meter_balance")
        (january,) = checks.mart_results(balance, house, ["2026-01"])
        (march,) = checks.mart_results(balance, house, ["2026-03"])
        assert checks.mart_results(mart("bill_month"), house, ["2026-01"]) == []
    assert (january.passed, january.severity, january.metadata["failing_months"].value) == (
        False,
        dg.AssetCheckSeverity.WARN,
        ["2026-01"],
    )
    assert march.passed


def test_figures_that_do_not_agree_are_named_and_those_of_other_months_are_not() -> None:
    house = bare({}, "figure_check")
    house.execute("drop table mart.figure_check")
    house.execute("""create table mart.figure_check as from (values
        ('2026-01', 'off', '一月不符', 'January'), ('2026-02', 'off', '二月不符', 'February'),
        (null, 'off', '无月份不符', 'undated'), ('2026-01', 'cannot_tell', '不明', 'unknown')) as t (month, verdict, zh, en)""")
    (found,) = checks.mart_results(mart("figure_check"), SimpleNamespace(connection=house), ["2026-01"])  # type: ignore[arg-type]
    assert (found.passed, found.description) == (False, "January | 一月不符")
    assert (found.metadata["rows"].value, found.metadata["failing_months"].value) == (2, ["2026-01", "undated"])
    assert "二月" not in str(found.metadata["first"].value)


def test_only_marts_that_judge_figures_have_a_check(world: World) -> None:
    judging = {mart.name for mart in marts() if mart.warns}
    assert {"figure_check", "reconciliation"} <= judging
    found = {
        spec.asset_key.path[1]: spec.blocking
        for asset in definitions(world.enterprise).assets or [] for spec in asset.check_specs if spec.asset_key.path[0] == "mart"
    }  # fmt: skip
    assert found == dict.fromkeys(judging, False)
