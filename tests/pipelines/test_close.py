"""Closing: what is closed does not move, what comes later waits, and whoever takes it in is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from pipelines import close as closing
from pipelines.assets import EVALUATION
from pipelines.definitions import definitions
from pipelines.run import Run, evaluate_period, locked, run
from pipelines.trace import trace
from schemas.errors import HubError
from tests.pipelines.town import copied, deliver, esg, figures, published, stored
from tests.world import METERS, SITES, World

AT = "2026-02-15T08:00:00+00:00"
NAMED = ("Li Na", "books closed", AT)
Capture = pytest.CaptureFixture[str]
# January: 100 000 + 50 000 yuan = 15 万元; energy 270 kWh of E-0001 and 10 kWh of E-0002
REVENUE = ("凭证号,日期,场所,金额", "2026-01-1,2026-01-05,SH-W01,100000", "2026-01-2,2026-01-06,SH-P01,50000")


def again(world: World, *months: str) -> None:
    with locked(enterprise := world.enterprise):
        assert run(enterprise, list(months or ["2026-01"])).failed == []


def do(action: str, world: World, period: str = "2026-01", **options: Any) -> closing.Done:
    with locked(enterprise := world.enterprise):
        return getattr(closing, action)(enterprise, period, *NAMED, **options)


def late(world: World) -> None:
    """A corrected file of January: one posting more, of 30 000 yuan, and the refused row left away."""
    world.deliver("revenue/2026-01.csv", *REVENUE, "2026-01-4,2026-01-30,SH-W01,30000")


def revenue(world: World, period: str) -> float:
    """The denominator of the enterprise's energy intensity, 万元."""
    [row] = [
        row
        for row in published(world)["indicator.value"]
        if row[0] == "A.1.10" and row[1] == period and row[2] == "group" and "equal_calorific" in row
    ]
    return float(row[7])


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


def marts(world: World, month: str) -> dict[str, str]:
    return {name: sha for name, sha in stored(world).items() if name.startswith("mart/") and month in name}


@pytest.fixture(scope="module")
def shut(january: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """January is closed. Not to be changed."""
    world = copied(january, tmp_path_factory.mktemp("shut") / "group")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESG_PSEUDONYM_KEY", "key of the tests")
        do("close", world)
    return world


@pytest.fixture(scope="module")
def late_come(shut: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The corrected file has come after January was closed, and has been run. Not to be changed."""
    world = copied(shut, tmp_path_factory.mktemp("late") / "group")
    late(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESG_PSEUDONYM_KEY", "key of the tests")
        again(world)
    return world


@pytest.fixture
def waiting(late_come: World, tmp_path: Path) -> World:
    return copied(late_come, tmp_path / "waiting")


@pytest.fixture
def closed(shut: World, tmp_path: Path) -> World:
    return copied(shut, tmp_path / "closed")


def test_closing_changes_no_figure_and_no_mart(january: World, shut: World) -> None:
    assert figures(shut, "2026-01") == figures(january, "2026-01")
    assert figures(shut, "2026") == figures(january, "2026")
    assert marts(shut, "2026-01") == marts(january, "2026-01")
    assert published(shut)["meta.closing"][0][:5] == ("2026-01", "close", "Li Na", "books closed", AT)


def test_what_comes_later_waits_and_moves_neither_values_nor_marts(shut: World, waiting: World) -> None:
    before, lying = figures(shut, "2026-01"), marts(shut, "2026-01")
    assert revenue(waiting, "2026-01") == 15.0
    assert figures(waiting, "2026-01") == before
    assert marts(waiting, "2026-01") == lying
    # the new file says three rows, of which two stood in the old one: one waits, none is gone
    [row] = published(waiting)["meta.waiting"]
    assert row[:4] == ("2026-01", "revenue", "revenue_posting", "revenue/2026-01.csv")
    assert row[5:7] == (1, 0)


def test_an_open_year_adds_up_the_closed_month_and_the_open_one(closed: World) -> None:
    late(closed)
    again(closed, "2026-01", "2026-02")
    # January as closed 15, February 100 000 + 50 000 yuan = 15
    assert (revenue(closed, "2026-01"), revenue(closed, "2026-02"), revenue(closed, "2026")) == (15.0, 15.0, 30.0)


def test_the_same_rows_in_another_file_do_not_wait(closed: World) -> None:
    text = (closed.folder / "extracts/revenue/2026-01.csv").read_text(encoding="utf-8")
    closed.write("extracts/revenue/2026-01.csv", text + "\n")
    again(closed)
    assert published(closed)["meta.waiting"] == []


def test_a_withdrawn_row_waits_too(closed: World) -> None:
    closed.deliver("revenue/2026-01.csv", *REVENUE[:2])
    again(closed)
    assert revenue(closed, "2026-01") == 15.0
    assert [row[5:7] for row in published(closed)["meta.waiting"]] == [(0, 1)]


BILLS = """\
contract: utility_bill
read: {as: csv, files: "bills/{month}.csv"}
columns: {bill_id: no, site_id: site, carrier: carrier, period_from: since, period_to: until, quantity: used, unit: unit}
"""


def test_a_bill_of_the_month_after_that_begins_in_a_closed_one_waits_and_is_its_cause(group: World) -> None:
    for path in (group.folder / "extracts").rglob("2026-02*"):
        path.unlink()
    group.write("sources/bills.yaml", BILLS)
    head = "no,site,carrier,since,until,used,unit"
    group.deliver("bills/2026-01.csv", head, "B1,SH-P01,natural_gas,2025-12-10,2026-01-09,310,Nm3")
    again(group)
    do("close", group)
    # 22 of 31 days lie in January; the other bill begins after it
    group.deliver("bills/2026-02.csv", head, "B2,SH-P01,natural_gas,2026-01-10,2026-02-09,310,Nm3",
                  "B3,SH-P01,natural_gas,2026-02-10,2026-02-20,310,Nm3")  # fmt: skip
    again(group, "2026-02")
    [row] = published(group)["meta.waiting"]
    assert (row[0], row[1], row[5:7]) == ("2026-01", "bills", (1, 0))
    restated = do("restate", group).restated.filter(pl.col("indicator_id") == "A.1.10")
    assert restated.height > 0
    assert {cause.partition(" (")[0] for cause in restated["cause_extracts"]} == {"bills: bills/2026-02.csv"}
    assert published(group)["meta.waiting"] == []


def test_a_meters_first_reading_of_the_month_after_waits_and_is_its_cause(closed: World) -> None:
    again(closed, "2026-02")
    # E-0001, read last on 28 January, has its reading of 1 February; an interval of E-0002 reaches into no other month
    [row] = published(closed)["meta.waiting"]
    assert row[1:4] + row[5:7] == ("ami", "meter_reading", "readings/2026-02.csv", 1, 0)
    restated = do("restate", closed).restated.filter(pl.col("indicator_id") == "A.1.10")
    assert restated["cause_extracts"].str.contains("ami: readings/2026-02.csv", literal=True).all()


def test_a_counter_read_as_its_month_ended_waits_for_no_later_reading(group: World) -> None:
    with (group.folder / "extracts/readings/2026-01.csv").open("a", encoding="utf-8") as file:
        file.write("E-0001,2026-02-01 00:00,1300,kWh\n")
    again(group)
    do("close", group)
    again(group, "2026-02")
    assert published(group)["meta.waiting"] == []


def test_a_policy_changed_later_moves_no_closed_value(closed: World) -> None:
    before = figures(closed, "2026-01")
    text = (closed.folder / "enterprise.yaml").read_text(encoding="utf-8")
    closed.write("enterprise.yaml", text + "policies: {emission: market_based, complaint: justified}\n")
    again(closed)
    assert figures(closed, "2026-01") == before
    assert figures(closed, "2026") != before


ORDERS = """\
contract: customer_order
read: {as: csv, files: "orders/{month}.csv"}
columns: {order_id: no, site_id: site, accepted_at: {from: accepted, format: "%Y-%m-%d %H:%M"}, status: {value: accepted}}
"""


def test_a_method_or_certificate_that_changes_after_closing_is_named_where_the_year_counts_twice(closed: World) -> None:
    # January is closed with a certificate generated in February and with a leak rate; then the certificate is withdrawn, and a top-up comes
    with locked(enterprise := closed.enterprise):
        closing.reopen(enterprise, "2026-01", *NAMED)
    closed.write("reference/site.csv", SITES.replace("timezone,", "timezone,region,").replace(",,", ",,CN-SH,"))
    equipment = "equipment_id,site_id,refrigerant,charge_kg,annual_leak_pct"
    closed.write("reference/refrigerant_equipment.csv", f"{equipment}\nCOLD-1,SH-W01,R404A,73,10\n")
    certificate = "certificate_id,market,country,site_id,generated_month,energy_kwh,cancelled_on,claimed_year"
    closed.write("reference/green_certificate.csv", f"{certificate}\nG1,GEC,CN,SH-W01,2026-02,1000,2026-03-01,2026\n")
    again(closed, "2026-01")
    do("close", closed)
    assert twice(closed) == [("certificates_used", "ok"), ("refrigerant_methods", "ok")]
    closed.write("reference/green_certificate.csv", f"{certificate}\n")
    closed.write("reference/refrigerant_movement.csv",
                 "document_id,moved_on,site_id,refrigerant,movement,mass_kg\nT1,2026-02-05,SH-W01,R404A,top_up,2\n")  # fmt: skip
    again(closed, "2026-02")
    assert twice(closed) == [("certificates_used", "off"), ("refrigerant_methods", "off")]
    do("restate", closed)
    assert twice(closed) == [("refrigerant_methods", "ok")]


def test_a_record_moved_out_of_a_closed_month_is_named(closed: World) -> None:
    with locked(enterprise := closed.enterprise):
        closing.reopen(enterprise, "2026-01", *NAMED)
    purchase = (
        "document_id,purchased_on,site_id,fuel,volume_l\nF1,2026-01-30,SH-W01,diesel,100\nF2,{},SH-W01,diesel,100\n"
    )
    closed.write("reference/fuel_purchase.csv", purchase.format("2026-01-31"))
    again(closed, "2026-01")
    do("close", closed)
    once = "select verdict, en from mart.reconciliation where check_name = 'records_once'"
    assert asked(closed, once) == [("ok", "records counted in several months: 0 fits")]
    closed.write("reference/fuel_purchase.csv", purchase.format("2026-02-01"))
    again(closed, "2026-01", "2026-02")
    assert asked(closed, once) == [("off", "records counted in several months: fuel_purchase F2: 1, not 0")]
    do("restate", closed)
    assert asked(closed, once) == [("ok", "records counted in several months: 0 fits")]


def asked(world: World, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def twice(world: World) -> list[tuple[Any, ...]]:
    """The verdicts on what a year may count twice."""
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        return connection.execute(
            "select check_name, verdict from mart.reconciliation where check_name in ('certificates_used', 'refrigerant_methods') order by all"
        ).fetchall()


def test_a_system_that_delivers_late_makes_no_zero_of_a_closed_month(closed: World) -> None:
    """Once its file for January is there, a site without January orders would have had none, if January were open."""
    before = figures(closed, "2026-01")
    closed.write("sources/orders.yaml", ORDERS)
    closed.deliver("orders/2026-01.csv", "no,site,accepted", "L1,SH-P01,2026-01-12 09:00")
    closed.deliver("orders/2026-02.csv", "no,site,accepted", *(f"F{n},SH-W01,2026-02-12 09:00" for n in range(3)))
    again(closed, "2026-01", "2026-02")
    assert figures(closed, "2026-01") == before
    cells = [row for row in published(closed)["indicator.cell"] if row[0] == "A.2.6" and row[1] == "2026-01"]
    # the complaint of January stands beside no orders, as it did
    assert [(row[2], row[5], row[6]) for row in cells] == [("SH-W01", 1.0, None)]
    year = [
        row
        for row in published(closed)["indicator.value"]
        if (row[0], row[1], row[2], row[4]) == ("A.2.6", "2026", "group", "all")
    ]
    # of February: one complaint on three orders
    assert [(row[5], row[7]) for row in year] == [(1.0, 3.0)]


def test_a_column_a_mart_has_got_since_is_empty_in_closed_months(closed: World) -> None:
    path = closed.enterprise.lake.closed["2026-01"] / "mart.site_month_energy.parquet"
    frame = pl.read_parquet(path)
    frame.drop("energy_tce").with_columns(gone=1).write_parquet(path)
    shutil.rmtree(closed.folder / "data/mart")
    again(closed)
    rows = pl.read_parquet(closed.folder / "data/mart/site_month_energy/2026-01.parquet")
    assert rows.columns == frame.columns
    assert rows["quantity"].to_list() == frame["quantity"].to_list()
    assert rows["energy_tce"].null_count() == rows.height


def test_an_indicator_that_was_not_there_at_closing_is_formed_from_the_closed_marts(waiting: World) -> None:
    before = figures(waiting, "2026-01")
    folder = waiting.enterprise.lake.closed["2026-01"]
    for table in ("value", "cell"):
        path = folder / f"indicator.{table}.parquet"
        pl.read_parquet(path).filter(pl.col("indicator_id") != "A.1.10").write_parquet(path)
    again(waiting)
    assert revenue(waiting, "2026-01") == 15.0
    assert figures(waiting, "2026-01") == before


def test_rows_of_then_that_are_gone_are_named(closed: World) -> None:
    late(closed)
    [path] = closed.enterprise.lake.as_closed("2026-01").files("clean", "revenue_posting", {"2026-01"})
    path.unlink()
    with (
        pytest.raises(HubError, match="rows that a closed month rests on are gone"),
        locked(enterprise := closed.enterprise),
    ):
        run(enterprise, ["2026-01"])


def test_reopening_lets_the_figures_move(waiting: World) -> None:
    do("reopen", waiting)
    assert revenue(waiting, "2026-01") == 18.0
    assert published(waiting)["meta.waiting"] == []


def test_closing_again_keeps_what_stood_before(waiting: World) -> None:
    do("reopen", waiting)
    done = do("close", waiting)
    changed = {
        row["indicator_id"]: row for row in done.restated.filter(pl.col("org_id") == "group").iter_rows(named=True)
    }
    energy = changed["A.1.10"]
    # the same energy over 18 instead of 15
    assert energy["new_value"] == pytest.approx(energy["old_value"] * 15 / 18)
    assert energy["cause_extracts"].startswith("revenue: ")
    assert published(waiting)["meta.restatement"] != []


def test_a_restatement_keeps_old_new_cause_date_and_name_and_the_month_stays_closed(waiting: World) -> None:
    do("restate", waiting)
    assert revenue(waiting, "2026-01") == 18.0
    assert waiting.enterprise.lake.closed.keys() == {"2026-01"}
    rows = [row for row in published(waiting)["meta.restatement"] if row[0] == "A.1.10" and row[2] == "group"]
    [(_, period, _, _, old, new, _, _, cause, at, by, _)] = rows
    assert (period, at, by) == ("2026-01", AT, "Li Na")
    assert new == pytest.approx(old * 15 / 18)
    assert cause.startswith("revenue: ")
    assert "2026-01.csv" in cause
    assert published(waiting)["meta.waiting"] == []
    # and it is as closed as before
    waiting.deliver("revenue/2026-01.csv", *REVENUE)
    again(waiting)
    assert revenue(waiting, "2026-01") == 18.0


def test_diff_names_what_a_restatement_took_in(waiting: World, capsys: Capture) -> None:
    do("restate", waiting)
    rows = [row for row in published(waiting)["meta.figure_change"] if row[0] == "A.1.10" and row[2] == "group"]
    assert rows
    assert all("revenue: revenue/2026-01.csv" in row[-1] for row in rows)
    assert "a declaration or reference" not in esg(waiting, "diff", capture=capsys).out


def test_a_restated_figure_is_that_of_a_run_without_closing(closed: World, group: World) -> None:
    for world in (closed, group):
        late(world)
        again(world)
    do("restate", closed)
    assert figures(closed, "2026-01") == figures(group, "2026-01")
    assert figures(closed, "2026") == figures(group, "2026")
    assert marts(closed, "2026-01") == marts(group, "2026-01")


def test_a_trial_shows_what_would_change_and_changes_nothing(waiting: World) -> None:
    before = waiting.hashes("data")
    with locked(enterprise := waiting.enterprise):
        done = closing.restate(enterprise, "2026-01", "", "", AT, is_trial=True)
    assert done.restated.filter((pl.col("indicator_id") == "A.1.10") & (pl.col("org_id") == "group")).height == 1
    assert waiting.hashes("data") == before


def test_restating_where_nothing_waits_writes_nothing(closed: World) -> None:
    before = closed.hashes("data/closed")
    do("restate", closed)
    assert closed.hashes("data/closed") == before


def test_closing_twice_says_who_did_and_does_nothing(closed: World) -> None:
    before = closed.hashes("data")
    done = do("close", closed)
    assert done.already is not None
    assert done.already["by"] == "Li Na"
    assert closed.hashes("data") == before


def test_a_year_is_closed_after_its_months_and_keeps_them_closed(closed: World) -> None:
    text = (closed.folder / "enterprise.yaml").read_text(encoding="utf-8")
    closed.write("enterprise.yaml", text + "first_month: 2026-12\n")
    deliver(closed, "2026-12")
    with pytest.raises(HubError, match="its months are not all closed / 尚有月份未结账: 2026-12"):
        do("close", closed, "2026")
    again(closed, "2026-12")
    do("close", closed, "2026-12")
    do("close", closed, "2026")
    before = figures(closed, "2026")
    late(closed)
    again(closed)
    assert figures(closed, "2026") == before
    for action in ("reopen", "restate"):
        with pytest.raises(HubError, match="2026-12 belongs to 2026, which is closed"):
            do(action, closed, "2026-12")
    done = do("restate", closed, "2026")  # takes January along
    assert revenue(closed, "2026-01") == 18.0
    assert {"2026-01", "2026"} == set(done.restated["period"])
    assert closed.enterprise.lake.closed.keys() == {"2026-01", "2026-12", "2026"}


@pytest.fixture(scope="module")
def evaluated(january: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A year that is its January has been evaluated and closed; then the corrected file came. Not to be changed."""
    world = copied(january, tmp_path_factory.mktemp("evaluated") / "group")
    text = (world.folder / "enterprise.yaml").read_text(encoding="utf-8")
    world.write("enterprise.yaml", text + "first_month: 2027-01\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESG_PSEUDONYM_KEY", "key of the tests")
        with locked(enterprise := world.enterprise):
            evaluate_period(enterprise, "2026")
        do("close", world)
        assert [one for one in do("close", world, "2026").warnings if "not evaluated" in one] == []
        late(world)
        again(world)
    return world


def scores(world: World) -> dict[str, list[tuple[Any, ...]]]:
    return {name: rows for name, rows in published(world).items() if name.startswith("score.")}


def test_restating_an_evaluated_year_evaluates_it_anew(evaluated: World, tmp_path: Path) -> None:
    world = copied(evaluated, tmp_path / "restated")
    before = scores(world)
    assert before["score.contribution"] != []
    assert before["score.normalised"] != []
    found = do("restate", world, "2026").restated
    assert found.filter((pl.col("period") == "2026") & (pl.col("indicator_id") == "A.1.10")).height > 0
    after = scores(world)
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
    assert after["score.definition"] != before["score.definition"]
    # and it stands when the year is opened again
    do("reopen", world, "2026")
    assert scores(world) == after


def test_a_closed_period_is_not_evaluated(evaluated: World, shut: World, tmp_path: Path) -> None:
    before = evaluated.hashes("data/score")
    with locked(enterprise := evaluated.enterprise), pytest.raises(HubError, match="2026 is closed") as refused:
        evaluate_period(enterprise, "2026")
    assert "esg reopen 2026" in str(refused.value)
    assert "esg restate 2026" in str(refused.value)
    assert evaluated.hashes("data/score") == before
    # nor later if it was not at closing, of which the closing warns
    world = copied(shut, tmp_path / "never")
    text = (world.folder / "enterprise.yaml").read_text(encoding="utf-8")
    world.write("enterprise.yaml", text + "first_month: 2027-01\n")
    assert do("close", world, "2026").warnings[-1].startswith("2026: not evaluated")
    with locked(enterprise := world.enterprise), pytest.raises(HubError, match="2026 is closed"):
        evaluate_period(enterprise, "2026")


@pytest.mark.parametrize("step", [None, "value", "sensitivity"])
def test_nor_does_dagster_evaluate_it(evaluated: World, step: str | None) -> None:
    before = evaluated.hashes("data")
    job = definitions(evaluated.enterprise).resolve_job_def(EVALUATION)
    result = job.execute_in_process(
        partition_key="2026", raise_on_error=False, asset_selection=[dg.AssetKey([EVALUATION, step])] if step else None
    )
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    said = str(failure.event_specific_data.user_failure_data.description)  # type: ignore[union-attr]
    assert "2026 is closed, and so is its evaluation" in said
    assert "esg reopen 2026" in said
    assert evaluated.hashes("data") == before


def test_a_year_is_not_restated_under_a_closed_window_of_the_same_months(closed: World) -> None:
    with locked(enterprise := closed.enterprise):
        lake = enterprise.lake
        first = lake.journal[0]
        lake.record(*({**first, "period": period} for period in ("2025-07..2026-06", "2026")))
        for period, other in (("2026", "2025-07..2026-06"), ("2025-07..2026-06", "2026")):
            with pytest.raises(HubError, match=f"months of {period} belong to {other}, which is closed") as refused:
                closing.restate(enterprise, period, *NAMED, is_trial=True)
            assert f"esg reopen {other} first" in str(refused.value)


def test_rows_that_are_not_published_cannot_be_closed(group: World) -> None:
    late(group)
    group.ingest("2026-01")
    with pytest.raises(HubError, match="rows have been taken in that are not published"):
        do("close", group)


def test_a_period_without_values_cannot_be_closed(group: World) -> None:
    with pytest.raises(HubError, match="there are no values of 2025-12"):
        do("close", group, "2025-12")


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("x", " ")])
@pytest.mark.parametrize("action", ["close", "reopen", "restate"])
def test_nobody_closes_without_name_and_reason(action: str, by: str, reason: str, shut: World) -> None:
    with pytest.raises(HubError, match="a name and a reason are needed"):
        getattr(closing, action)(shut.enterprise, "2026-01", by, reason, AT)


def test_what_is_open_is_not_reopened(january: World) -> None:
    with pytest.raises(HubError, match="2026-01 is not closed"):
        closing.reopen(january.enterprise, "2026-01", *NAMED)


def test_missing_and_failed_sources_are_named_when_a_month_is_closed(group: World) -> None:
    (group.folder / "extracts/by hand/2026-01.csv").unlink()
    shutil.rmtree(group.folder / "data")
    group.deliver("complaints/2026-01.csv", "id,place", "C1,SH-W01")  # a column is missing
    with locked(enterprise := group.enterprise):
        assert [one.source for one in run(enterprise, ["2026-01"]).failed] == ["complaints"]
    warnings = do("close", group).warnings
    assert [text.partition(" / ")[0] for text in warnings] == [
        "complaints 2026-01: complaints/2026-01.csv lies there and has not been taken in", "hand 2026-01: not arrived",
    ]  # fmt: skip
    assert published(group)["meta.closing"][0][-1].startswith("complaints 2026-01")


def test_a_killed_closing_has_closed_nothing(group: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.lake.Lake.record", killed)
    with pytest.raises(KeyboardInterrupt):
        do("close", group)
    monkeypatch.undo()
    assert group.enterprise.lake.closed == {}
    with monkeypatch.context() as patch:
        patch.setenv("ESG_PSEUDONYM_KEY", "key of the tests")
        do("close", group)
    assert group.enterprise.lake.closed.keys() == {"2026-01"}


def test_a_closing_killed_before_it_published_counts(group: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.close.recompute", killed)
        with pytest.raises(KeyboardInterrupt):
            do("close", group)
    late(group)
    again(group)
    assert revenue(group, "2026-01") == 15.0
    assert len(published(group)["meta.closing"]) == 1


def test_a_killed_restatement_leaves_the_closed_figures(waiting: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = figures(waiting, "2026-01")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.close.closing.freeze", killed)
        with pytest.raises(KeyboardInterrupt):
            do("restate", waiting)
    again(waiting)
    assert figures(waiting, "2026-01") == before
    assert list((waiting.folder / "data").glob(".restate.*")) == []


def test_a_traced_value_says_that_it_is_closed_and_walks_to_the_rows_of_then(closed: World) -> None:
    late(closed)
    again(closed, "2026-01", "2026-02")
    found = trace(closed.enterprise, "A.1.10", "2026-01", everything=True)
    assert found.closed is not None
    assert found.closed["by"] == "Li Na"
    # E-0001's first reading of February cuts the end of January otherwise
    assert [one.partition(":")[0] for one in found.waits] == ["ami", "revenue"]
    rows = found.rows["revenue_posting"]
    assert sum(row["revenue_cny"] for row in rows) == 150_000
    assert all(row["original"] for row in rows)
    year = trace(closed.enterprise, "A.1.10", "2026", everything=True)
    assert year.closed is None
    # January as closed and February, each once
    assert sum(row["revenue_cny"] for row in year.rows["revenue_posting"]) == 300_000
    assert len(year.rows["meter_reading"]) == len(
        {(row["meter_id"], row["read_at"], row["extract_id"]) for row in year.rows["meter_reading"]}
    )


def test_marts_of_a_closed_month_that_come_out_otherwise_are_named(
    shut: World, late_come: World, closed: World, capsys: Capture
) -> None:
    assert published(shut)["meta.drift"] == []
    assert published(late_come)["meta.drift"][0] == ("mart.site_month_revenue", "2026-01")
    # no row of the month changes, but the register does: E-0001 is found to count tenfold
    head, *lines = METERS.splitlines()
    closed.write("reference/meter.csv", "\n".join([f"{head},multiplier", f"{lines[0]},10", f"{lines[1]},"]) + "\n")
    before = figures(closed, "2026-01")
    again(closed)
    found = published(closed)
    assert (figures(closed, "2026-01"), found["meta.waiting"]) == (before, [])
    assert {month for _, month in found["meta.drift"]} == {"2026-01"}
    said = esg(closed, "status", capture=capsys)
    assert "esg restate PERIOD --dry-run" in said.out
    do("restate", closed)
    assert published(closed)["meta.drift"] == []


def test_the_journal_is_only_added_to(waiting: World) -> None:
    before = (waiting.folder / "data/closed/journal.jsonl").read_text(encoding="utf-8")
    do("restate", waiting)
    do("reopen", waiting)
    after = (waiting.folder / "data/closed/journal.jsonl").read_text(encoding="utf-8")
    assert after.startswith(before)
    assert [json.loads(line)["action"] for line in after.splitlines()] == ["close", "restate", "reopen"]


def test_a_step_by_step_run_as_dagster_makes_it_obeys(closed: World) -> None:
    late(closed)
    before = figures(closed, "2026-01")
    with locked(enterprise := closed.enterprise):
        one = Run(enterprise)
        one.ingest(["2026-01"])
        one.warehouse.mart("site_month_revenue")
        kept = one.warehouse.frame("mart.site_month_revenue").filter(pl.col("month") == "2026-01")
        values = one.values("energy").filter((pl.col("period") == "2026-01") & (pl.col("org_id") == "group"))
        one.scores()
        one.publish()
        one.close()
    assert kept["revenue_cny"].sum() == 150_000
    assert values.filter((pl.col("indicator_id") == "A.1.10") & pl.col("is_chosen"))["denominator"].to_list() == [15.0]
    assert figures(closed, "2026-01") == before


def test_the_commands(group: World, capsys: Capture) -> None:
    said = esg(group, "close", "2026-01", "--by", "Li Na", "--reason", "books closed", capture=capsys)
    assert (said.code, said.err) == (0, "")
    assert "2026-01: closed" in said.out
    said = esg(group, "close", "2026-01", "--by", "Wang", "--reason", "again", capture=capsys)
    assert said.code == 0
    assert "closed already" in said.out
    assert "Li Na" in said.out
    late(group)
    said = esg(group, "run", "--month", "2026-01", capture=capsys)
    assert "waiting: rows of closed months" in said.out
    said = esg(group, "status", capture=capsys)
    assert "waiting: rows of closed months" in said.out
    assert "esg restate PERIOD --dry-run" in said.out
    said = esg(group, "restate", "2026-01", "--dry-run", capture=capsys)
    assert said.code == 0
    assert "A.1.10" in said.out
    assert "dry run / 试算: nothing was changed / 未作任何更改" in said.out
    said = esg(group, "restate", "2026-01", capture=capsys)
    assert said.code == 1
    assert "a name and a reason are needed" in said.err
    said = esg(group, "trace", "A.1.10", "2026-01", capture=capsys)
    assert "closed / 已结账" in said.out
    said = esg(group, "restate", "2026-01", "--by", "Li Na", "--reason", "late invoice", capture=capsys)
    assert "figures differ from those closed before" in said.out
    assert "dry run" not in said.out
    said = esg(group, "restate", "2026-01", "--dry-run", capture=capsys)
    assert "no figure would change" in said.out
    said = esg(group, "reopen", "2026-01", "--by", "Li Na", "--reason", "again", capture=capsys)
    assert "2026-01: open" in said.out
    said = esg(group, "reopen", "2026-01", "--by", "Li Na", "--reason", "again", capture=capsys)
    assert said.code == 1
