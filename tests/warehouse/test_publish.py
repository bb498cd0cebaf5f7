"""The published file: every table and column explained, swapped in whole, and what changed in it named."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.run import locked, run
from schemas.errors import HubError
from tests.pipelines.town import ENVIRONMENT, copied, deliver, town
from tests.world import World
from warehouse.access import connect
from warehouse.publish import SCHEMAS, upstream

READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
count = lambda: connection.execute("select count(*) from mart.site_month_revenue").fetchall()[0][0]
print(count(), flush=True)
sys.stdin.readline()
print(count(), flush=True)
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = town(tmp_path_factory.mktemp("published") / "group")
    deliver(world, "2026-01")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        again(world, "2026-01")
    return world


def again(world: World, month: str) -> None:
    with locked(world.enterprise):
        assert run(world.enterprise, [month]).failed == []


def test_every_table_and_column_says_what_it_means_in_both_languages(january: World) -> None:
    with duckdb.connect(str(january.enterprise.published), read_only=True) as connection:
        tables = connection.execute("select schema_name || '.' || table_name, comment from duckdb_tables()").fetchall()
        columns = connection.execute(
            "select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns() where not internal"
        ).fetchall()
        schemas = {
            schema for (schema,) in connection.execute("select distinct schema_name from duckdb_tables()").fetchall()
        }
    assert schemas == set(SCHEMAS)
    both = re.compile(r".*[\u4e00-\u9fff].* \| .*[A-Za-z]", re.DOTALL)
    assert [name for name, comment in tables + columns if not both.match(comment or "")] == []
    assert not [name for name, _ in columns if re.search(r"\.(clean|staged)\.", name)]


def shown(world: World) -> dict[str, list[tuple[object, ...]]]:
    """All that the published file says of itself, and its rows."""
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables() order by all"
        ).fetchall()
        found = {name: connection.execute(f"from {name} order by all").fetchall() for name, _ in tables}
        said = connection.execute(
            """select schema_name, table_name, column_index, column_name, data_type, comment from duckdb_columns()
            where not internal order by all"""
        ).fetchall()
        views = connection.execute("from duckdb_views() where not internal").fetchall()
    return {**found, "tables": tables, "columns": said, "views": views}


@pytest.mark.parametrize(
    "change",
    [
        "comment on column mart.site_month_revenue.month is 'Monat'",
        "comment on column mart.site_month_revenue.month is null",
        "comment on table mart.site_month_revenue is 'Umsatz'",
        "alter table mart.site_month_revenue rename month to site; alter table mart.site_month_revenue rename site_id to month",
        "alter table mart.site_month_revenue add column note varchar",
        "alter table mart.site_month_revenue drop column month",
        "alter table quarantine.row alter row_number type varchar",
        "drop table mart.site_month_revenue",
        "delete from mart.site_month_revenue",
        "create table mart.note as select 1 as note; create table note as select 1 as note",
        "create view mart.note as select * from mart.site_month_revenue",
        "create view note as select * from missing",
    ],
)
def test_whatever_the_file_before_looked_like_the_next_one_is_as_declared(
    january: World, tmp_path: Path, change: str
) -> None:
    world = copied(january, tmp_path / "group")
    before = shown(world)
    with duckdb.connect(str(world.enterprise.published)) as connection:
        if "missing" in change:
            connection.execute("create table missing as select 1 as one")
        connection.execute(change)
        if "missing" in change:
            connection.execute("drop table missing")
    assert shown(world) != before
    again(world, "2026-01")
    after = shown(world)
    assert {name for name in before if before[name] != after.get(name)} <= {"meta.figure_change"}
    assert after.keys() == before.keys()


def test_a_reader_keeps_the_old_file_and_the_next_one_sees_the_new(
    january: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = copied(january, tmp_path_factory.mktemp("swap") / "group")
    path = str(world.enterprise.published)
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as old:
        assert old.stdin is not None
        assert old.stdout is not None
        assert old.stdout.readline() == "2\n"
        deliver(world, "2026-02")
        again(world, "2026-02")
        assert (
            subprocess.run(  # noqa: S603
                [sys.executable, "-c", READER, path], input="\n", capture_output=True, text=True, check=True
            ).stdout
            == "4\n4\n"
        )
        old.stdin.write("\n")
        old.stdin.flush()
        assert old.stdout.readline() == "2\n"
    assert [one.name for one in world.enterprise.published.parent.iterdir()] == ["esg.duckdb"]


def test_a_changed_figure_names_the_extract_that_changed_it(
    january: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = copied(january, tmp_path_factory.mktemp("change") / "group")
    world.deliver(
        "revenue/2026-01.csv", "凭证号,日期,场所,金额", "a,2026-01-05,SH-W01,200000", "b,2026-01-06,SH-P01,50000"
    )
    again(world, "2026-01")
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        changes = connection.execute("""select org_id, cause_extracts, new_value / old_value from meta.figure_change
            where indicator_id = 'A.1.10' and period = '2026-01' order by 1""").fetchall()
        others = connection.execute("select distinct indicator_id from meta.figure_change").fetchall()
    # SH-W01 earns 200,000 instead of 100,000; entity and group 250,000 instead of 150,000; the plant's figure is as it was
    assert [(org, round(ratio, 6)) for org, _, ratio in changes] == [("LE1", 0.6), ("SH-W01", 0.5), ("group", 0.6)]
    assert all(
        cause.startswith("revenue: ") and "2026-01.csv" in cause and "ami" not in cause for _, cause, _ in changes
    )
    assert others == [("A.1.10",)]


def test_nothing_changes_when_nothing_came(january: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    world = copied(january, tmp_path_factory.mktemp("same") / "group")
    again(world, "2026-01")
    with duckdb.connect(str(world.enterprise.published), read_only=True) as connection:
        assert connection.execute("select * from meta.figure_change").fetchall() == []


def test_the_analyst_reads_published_tables_and_clean_rows_and_writes_nothing(january: World) -> None:
    with connect(january.folder) as connection:
        assert connection.execute("select count(*) from clean.revenue_posting").fetchall() == [(2,)]
        assert connection.execute("select sum(revenue_cny) from mart.site_month_revenue").fetchall() == [(150_000.0,)]
        with pytest.raises(duckdb.Error):
            connection.execute("insert into esg.meta.arrival values ('a', 'b', 'c')")


def test_there_is_nothing_to_read_before_the_first_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(HubError, match="nothing is published yet"):
        connect(town(tmp_path_factory.mktemp("empty") / "group").folder)


def test_a_mart_rests_on_the_readings_its_segments_come_from() -> None:
    assert {"clean.meter_reading", "clean.meter", "clean.fuel_purchase", "reference.emission_factor"} <= upstream(
        "site_month_emission"
    )
    assert "clean.meter_reading" not in upstream("site_month_revenue")
