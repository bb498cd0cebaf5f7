"""Publish: every table an analyst may want, commented in Chinese and English, in one file that is swapped in atomically.

A reader that has the file open keeps what it opened; the next one sees the new file whole. Nothing is ever half there.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from schemas.contract import contract, contracts
from schemas.enterprise import Enterprise, load_yaml
from schemas.errors import CatalogueError
from schemas.lake import months_of
from warehouse import closing
from warehouse.access import literal
from warehouse.marts import Warehouse, marts

LINEAGE = Path(__file__).parent / "column_lineage.csv"
"""Which column of a mart is computed from which columns; generated, checked for staleness."""

SCHEMAS = {
    "reference": "参照数据：场所、表计、车辆、因子、口径 | Reference data: sites, meters, vehicles, factors, policies",
    "mart": "月度集市 | Monthly marts",
    "indicator": "指标值 | Indicator values",
    "score": "评价得分 | Scores",
    "quarantine": "被拒绝的行及原因 | Refused rows and why",
    "meta": "提取、到达、血缘与变化 | Extracts, arrivals, lineage and changes",
}
_TABLES = {
    "reference.carrier": "能源品种与其统一单位 | Carriers and the unit they are counted in",
    "reference.carrier_factor": "各单位折算为该能源品种统一单位的系数 | What one of each unit comes to in its carrier's mart unit",
    "reference.certificate_market": "各类绿证适用的国家或地区 | Where each kind of green certificate counts",
    "reference.complaint_policy": "投诉口径 | Complaint policies",
    "reference.complete_month": "来源均已到达的月份，按合同 | Months in which none of a contract's sources is late",
    "reference.distance_adjustment": "各运输方式实际里程折算为活动距离的系数 | How driven distances become activity distances, by mode",
    "reference.customer_satisfaction_policy": "客户满意口径 | Customer satisfaction policies",
    "reference.density": "密度 | Densities",
    "reference.emission_factor": "因子库 | Factor library",
    "reference.figure_unit": "已披露数字之间的单位换算 | Conversions between the units of published figures",
    "reference.energy_policy": "综合能耗折标口径 | Readings of comprehensive energy",
    "reference.emission_policy": "排放核算边界 | Boundaries of emissions",
    "reference.factor_choice": "各月各地区选定的因子与选取路径 | Factor chosen for each month and region, and how",
    "reference.fuel_co2": "各燃料燃烧排放因子（按热值、含碳量、氧化率算得，或实测） | CO2 of burning each fuel, by heat value, carbon and oxidation, or measured",
    "reference.fuel_co2_heat": "按热量采购的燃料的单位热值排放因子 | CO2 per heat of a fuel bought by its heat",
    "reference.fuel_factor": "各燃料所用因子 | Factors used for each fuel",
    "reference.fuel_wtt": "各燃料上游排放因子 | Emissions of supplying each fuel",
    "reference.grid_fallback": "电网因子回退路径 | Where a province's grid factor is looked for",
    "reference.gwp": "本清单所用 GWP | GWP of this inventory",
    "reference.grid_region": "省份所属区域电网 | Grid region of each province",
    "reference.legal_entity": "法人 | Legal entities",
    "reference.meter_ancestor": "各表的上级表 | The meters each meter lies behind",
    "reference.meter_register": "表计登记行：一单位示数折算为统一单位的系数（含倍率）、在位末日 | Rows of the register: what one comes to in the mart unit, its ratio included; last day in place",
    "reference.meter_month": "各月末的表计 | Meters as they were at each month's end",
    "reference.meter_decision": "表计事件的处理方式 | What may be decided about meter events",
    "reference.on_time_policy": "准时口径 | On-time policies",
    "reference.plausibility": "合理范围与核对容差及其来源 | Plausible ranges and tolerances of checks, with their source",
    "reference.refrigerant": "制冷剂及混合制冷剂组分 | Refrigerants and what blends are made of",
    "reference.run": "本次计算所用截止日与时区 | Cut-off day and time zone of the computation",
    "reference.satisfaction_policy": "满意口径 | Satisfaction policies",
    "reference.site_month": "各月末的场所 | Sites as they were at each month's end",
    "reference.tce": "各月各地区各能源品种与燃料的折标系数（当量值、等价值） | Coal equivalent per unit of each carrier and fuel, by month and region",
    "reference.transport_default": "外包运输默认因子对象 | Factor taken for bought transport unless one is named",
    "reference.uncertainty": "不确定度 | Uncertainties",
    "reference.unit_factor": "单位换算 | Unit conversions",
    "reference.vehicle_emission_class": "车型、燃料、排放阶段对应的因子类别 | Factor class of vehicle class, fuel and stage",
    "reference.working_time_rule": "工时法定上限 | Legal limits of working time",
    "indicator.value": "指标值：分子、分母、值、状态与原因 | Indicator values with numerator, denominator, state and reason",
    "indicator.cell": "指标值背后的场所月：分子、分母、应有与实有、是否计入 | The site-months behind indicator values: both sides, expected, there, used",
    "indicator.catalogue": "指标目录 | The catalogue of indicators and metrics",
    "score.agreement": "专家一致性：统计量、区间与门槛结论 | How far the experts agree: statistics, intervals and the verdict of the gate",
    "score.alternative": "结构敏感性：换一种方法时的总分 | The total with one choice of method made otherwise",
    "score.contribution": "各指标对总分的贡献与提升空间 | What each indicator brings to the total, and could still bring",
    "score.definition": "口径敏感性：各指标在每种允许口径下的值、得分与总分 | Each computed indicator under every admissible reading, and the total with it",
    "score.event": "计入或列示的负面事件 | Negative events that count or are listed",
    "score.expert": "各专家的宽严偏差与去除后的总分 | Each expert's deviation, and the total without them",
    "score.grade_probability": "蒙特卡洛：各等级的概率 | Probability of each grade in the Monte Carlo",
    "score.evidence": "证据核对：登记的文件与期间 | The register of evidence, examined: files and periods",
    "score.integrity": "数据自相矛盾、因而不评级之处 | What in the data contradicts itself, so that there is no grade",
    "score.left_out": "逐项剔除：去掉一个指标后的总分与等级 | Total and grade without one indicator",
    "score.monte_carlo": "蒙特卡洛：总分与各维度的分布 | Distribution of total and pillars in the Monte Carlo",
    "score.normalised": "标准化：值或等级如何成为得分，及上年与目标 | How values and levels become scores, with last year and target",
    "score.panel_item": "专家组对各指标的等级：票数、离散、封顶、证据 | The panel's level of each indicator: votes, spread, cap, evidence",
    "score.profile": "评价方法全文 | The whole of each method",
    "score.result": "得分：指标、分组、维度、总分 | Scores of indicators, groups, pillars and in total",
    "score.swing": "单因素敏感性：一次只变一项时总分的上下限 | The total with one thing of one indicator at either end",
    "score.weight": "原始与有效权重 | Raw and effective weights",
    "quarantine.row": "被拒绝的行 | Refused rows",
    "meta.extract": "提取：收到什么、接受与拒绝多少行 | Extracts: what came, how many rows were accepted and refused",
    "meta.arrival": "到达：哪个来源交付了哪个月 | Arrivals: which source delivered which month",
    "meta.column_lineage": "列血缘 | Column lineage",
    "indicator.term": "指标的分子与分母取自哪张集市的哪一列 | Which mart column an indicator's numerator and denominator are",
    "meta.table_lineage": "表血缘；按哪一列归入月份 | Table lineage, and the column that puts rows into a month",
    "meta.closing": "结账、重开与重述的记录 | What was closed, reopened and restated, by whom and why",
    "meta.restatement": "重述：取代已结账数字的新数字及其原因 | Figures that took the place of closed ones, and what caused it",
    "meta.waiting": "结账后到达、等待重开或重述的行 | Rows of closed months that came since, and wait for a restatement",
    "meta.drift": "已结账月份中现在计算结果与结账时不同的集市 | Marts of closed months that come out otherwise than they were closed",
    "meta.figure_change": "自上次发布以来变化的数字及其原因 | Figures changed since the publish before, and what caused it",
}


@cache
def columns() -> dict[str, str]:
    """Column name → its meaning in Chinese and English."""
    declared = {column.name: column.comment for table in contracts() for column in table.kept}
    written = load_yaml(Path(__file__).parent / "columns.yaml", CatalogueError)
    return {**declared, **written}


def publish(warehouse: Warehouse, values: pl.DataFrame, cells: pl.DataFrame, scores: Mapping[str, pl.DataFrame], catalogue: pl.DataFrame,
            terms: pl.DataFrame, causes: set[str]) -> pl.DataFrame:  # fmt: skip
    """Write `published/esg.duckdb` anew and swap it in.

    Args:
        warehouse: with its marts built.
        values: the rows of `indicator.value`, those of closed periods as they were frozen.
        cells: the rows of `indicator.cell`, likewise.
        scores: the rows of every table of the schema `score`, by its name.
        catalogue: the rows of `indicator.catalogue`.
        terms: the rows of `indicator.term`: which mart column each side of an indicator is.
        causes: ids of the extracts that have changed since the publish before.

    Returns:
        The figures that changed since the publish before.
    """
    enterprise, lake = warehouse.enterprise, warehouse.lake
    changes = _changes(warehouse, values, terms, causes)
    target = enterprise.published
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name("esg.next.duckdb")
    for leftover in (fresh, fresh.with_name("esg.next.duckdb.wal")):
        leftover.unlink(missing_ok=True)
    connection = warehouse.connection
    relations = _relations(connection)
    # to find out how well each of a thousand columns of texts would compress by these takes longer than to write them
    connection.execute("set disabled_compression_methods = 'fsst,dict_fsst'")
    connection.execute(f"attach {literal(fresh)} as out")
    try:
        connection.execute("begin")  # hundreds of tables and comments, one write
        laid_out = _laid_out(connection, target)
        for name in relations:
            _put(connection, laid_out, name, name)
        frames = {
            "indicator.value": values, "indicator.cell": cells, "indicator.catalogue": catalogue,
            "indicator.term": terms, "quarantine.row": _quarantine(warehouse),
            "meta.extract": _extracts(enterprise), "meta.column_lineage": _lineage(), "meta.table_lineage": _table_lineage(),
            "meta.figure_change": changes, "meta.closing": closing.journal(lake), "meta.restatement": closing.restatements(lake),
            "meta.waiting": closing.waiting(enterprise), "meta.drift": closing.drift(lake),
            **{name: closing.held(lake, name, frame) for table, frame in scores.items() for name in [f"score.{table}"]},
        }  # fmt: skip
        for name, frame in frames.items():
            connection.register("incoming", frame.to_arrow())
            _put(connection, laid_out, name, "incoming")
            connection.unregister("incoming")
        for name in laid_out.keys() - {*relations, *frames}:
            connection.execute(f"drop table out.{name}")
        _comment(connection)
        connection.execute("commit")
    except BaseException:
        with suppress(duckdb.TransactionException):  # a commit that failed has ended it already
            connection.rollback()
        raise
    finally:
        connection.execute("detach out")
        connection.execute("detach database if exists before")
    with fresh.open("rb+") as handle:
        os.fsync(handle.fileno())
    fresh.replace(target)
    return changes


def _laid_out(connection: duckdb.DuckDBPyConnection, before: Path) -> dict[str, list[tuple[str, str]]]:
    """Lay out `out` as the file published before, without rows; its tables with their columns and types.

    Copied as a whole with its comments it takes a twentieth of the time that a thousand comments take one by one.
    """
    if before.exists():
        connection.execute(f"attach {literal(before)} as before (read_only)")
        connection.execute("copy from database before to out (schema)")
        views = (
            "select schema_name || '.' || view_name from duckdb_views() where database_name = 'out' and not internal"
        )
        for (view,) in connection.execute(views).fetchall():  # somebody put it into the file
            connection.execute(f"drop view out.{view}")
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists out.{schema}")
    laid_out: dict[str, list[tuple[str, str]]] = {}
    for schema, table, column, kind, _ in _columns(connection):
        laid_out.setdefault(f"{schema}.{table}", []).append((column, kind))
    return laid_out


def _put(
    connection: duckdb.DuckDBPyConnection, laid_out: Mapping[str, list[tuple[str, str]]], name: str, rows: str
) -> None:
    """Put rows into a table of `out`, which is made anew unless it lies there with just their columns."""
    columns = [(column, kind) for column, kind, *_ in connection.execute(f"describe {rows}").fetchall()]
    if laid_out.get(name) == columns:
        connection.execute(f"insert into out.{name} from {rows}")
    else:
        connection.execute(f"create or replace table out.{name} as from {rows}")


def _columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str, str | None]]:
    """(schema, table, column, type, comment) of `out`."""
    return connection.execute("""select schema_name, table_name, column_name, data_type, comment from duckdb_columns()
        where database_name = 'out' and not internal order by schema_name, table_name, column_index""").fetchall()


def _relations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute("""select schema_name || '.' || table_name from (
        select schema_name, table_name from duckdb_tables() where not internal and database_name = 'memory' union
        select schema_name, view_name from duckdb_views() where not internal and database_name = 'memory')
        where schema_name in ('reference', 'mart', 'meta')""").fetchall()
    names = {name for (name,) in rows} | {
        f"reference.{table.name}" for table in contracts() if table.rows == "reference"
    }
    for name in sorted(names):
        table = name.removeprefix("reference.")
        if name.startswith("reference.") and (name,) not in rows:
            connection.execute(f"create view {name} as select * from clean.{table}")
    return sorted(names - {"reference.site_zone"} - {f"mart.{mart.name}" for mart in marts() if mart.kept_in})


def _quarantine(warehouse: Warehouse) -> pl.DataFrame:
    files = [path for table in contracts() for path in warehouse.lake.files("quarantine", table.name)]
    if files:
        return pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in files])
    texts = dict.fromkeys(("contract", "source", "extract_id", "file", "sheet", "month", "raw"), pl.String)
    return pl.DataFrame(schema={**texts, "row_number": pl.Int64, "reasons": pl.List(pl.String)})


def _table_lineage() -> pl.DataFrame:
    """(mart, what it reads, the column that puts those rows into a month, whether clean files are cut by that column)."""
    rows: list[tuple[str, str, str | None, bool]] = []
    for mart in marts():
        read = {*mart.reads, *(f"clean.{name}" for name in mart.rows)}
        for table in sorted(read):
            name = table.removeprefix("clean.")
            column = mart.rows.get(name)
            rows.append((f"mart.{mart.name}", table, column, column is not None and contract(name).month == (column,)))
    schema = {"table_name": pl.String, "upstream_table": pl.String, "by_column": pl.String, "is_partition": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _extracts(enterprise: Enterprise) -> pl.DataFrame:
    names = (
        "source",
        "contract",
        "sha256",
        "name",
        "month",
        "size",
        "received_at",
        "rows",
        "accepted",
        "refused",
        "duplicates",
        "flagged",
        "order",
    )
    rows = [{name: entry.get(name) for name in names} for entry in enterprise.lake.extracts()]
    types = dict.fromkeys(("size", "rows", "accepted", "refused", "duplicates", "flagged", "order"), pl.Int64)
    frame = pl.DataFrame(rows, schema={name: types.get(name, pl.String) for name in names})
    return frame.rename({"sha256": "extract_id", "name": "file"})


def _comment(connection: duckdb.DuckDBPyConnection) -> None:
    heads = {f"mart.{mart.name}": f"{mart.zh} | {mart.en}" for mart in marts()}
    heads |= {
        f"reference.{table.name}": f"{table.zh} | {table.en}" for table in contracts() if table.rows == "reference"
    }
    words = columns()
    said = []
    for schema, table, column, _, before in _columns(connection):
        # a name may mean something of its own in one schema or table: `score.share`, `score.panel_item.cap` in columns.yaml
        own = words.get(f"{schema}.{table}.{column}") or words.get(f"{schema}.{column}")
        text = _own_words(schema, table).get(column) or own or words[column]
        if text != before:
            said.append(f'comment on column out.{schema}.{table}."{column}" is {literal(text)}')
    tables = connection.execute("""select schema_name || '.' || table_name, comment from duckdb_tables()
        where database_name = 'out' and not internal order by all""").fetchall()
    for name, before in tables:
        text = heads.get(name) or _TABLES[name]
        if text != before:
            said.append(f"comment on table out.{name} is {literal(text)}")
    connection.execute(";".join(said))


def _own_words(schema: str, table: str) -> dict[str, str]:
    if schema == "meta" and table in ("closing", "restatement"):
        return {"reason": "所述理由 | The reason given"}
    names = {one.name for one in contracts()}
    return (
        {column.name: column.comment for column in contract(table).kept}
        if schema == "reference" and table in names
        else {}
    )


def upstream(mart: str) -> set[str]:
    """Every table a mart rests on, through other marts, down to clean and reference tables."""
    found: set[str] = set()
    for table in next(one for one in marts() if one.name == mart).reads:
        found.add(table)
        if table.startswith("mart."):
            found |= upstream(table.removeprefix("mart."))
    is_metered = any(table.startswith("staged.") for table in found)
    return found | ({"clean.meter_reading", "clean.meter", "clean.site"} if is_metered else set())


def _changes(warehouse: Warehouse, values: pl.DataFrame, terms: pl.DataFrame, causes: set[str]) -> pl.DataFrame:
    """Figures that differ from those published before."""
    key = ["indicator_id", "period", "org_id", "policy"]
    schema = {
        **dict.fromkeys(key, pl.String),
        "old_value": pl.Float64,
        "new_value": pl.Float64,
        "cause_extracts": pl.String,
    }
    if not warehouse.enterprise.published.exists():
        return pl.DataFrame(schema=schema)
    with duckdb.connect(str(warehouse.enterprise.published), read_only=True) as before:
        old = before.execute(
            "select indicator_id, period, org_id, policy, value as old_value from indicator.value"
        ).pl()
    both = values.select(*key, pl.col("value").alias("new_value")).join(old, on=key, how="full", coalesce=True)
    differ = both.filter(~pl.col("old_value").eq_missing(pl.col("new_value"))).sort(key)
    entries = [entry for entry in warehouse.lake.extracts() if entry["id"] in causes]
    reads: dict[str, set[str]] = {}
    for indicator, mart in terms.select("indicator_id", "mart").iter_rows():
        reads.setdefault(indicator, set()).update(upstream(mart))
    # what a restatement takes in was delivered, and published beside the closed figures, before; longer periods feel it too
    new = [*key, "new_value"]
    restated = closing.restatements(warehouse.lake).select(*new, "cause_extracts")
    taken_in = dict(zip(restated.select(new).iter_rows(), restated["cause_extracts"], strict=True))
    cause = {row[:-1]: taken_in[row] for row in differ.select(new).iter_rows() if row in taken_in}
    named = []
    for indicator, period, org, policy in differ.select(key).iter_rows():
        of_months = (cause.get((indicator, month, org, policy)) for month in months_of(period))
        named.append(
            caused_by(reads.get(indicator, set()), _of(entries, period))
            or cause.get((indicator, period, org, policy))
            or ", ".join(dict.fromkeys(filter(None, of_months)))
        )
    return differ.with_columns(pl.Series("cause_extracts", named, dtype=pl.String)).select(list(schema))


def _of(entries: list[dict[str, Any]], period: str) -> list[dict[str, Any]]:
    """The changed extracts with rows of a period, now or before."""
    months = set(months_of(period))
    return [
        entry for entry in entries if months & {*entry["clean"], *entry["replaced_months"]} or "all" in entry["clean"]
    ]


def caused_by(reads: set[str], entries: list[dict[str, Any]]) -> str:
    """Those of some changed extracts that a figure which reads these tables can have felt."""
    felt = [entry for entry in entries if f"clean.{entry['contract']}" in reads]
    return ", ".join(f"{entry['source']}: {entry['name']} ({entry['sha256'][:12]})" for entry in felt)


@cache
def column_lineage() -> dict[str, list[tuple[str, str, str]]]:
    """Mart → its columns, each with a table and column it is computed from, as `esg docs` wrote them down from the SQL."""
    with LINEAGE.open(encoding="utf-8", newline="") as handle:
        rows = csv.reader(line for line in handle if not line.startswith("#"))
        next(rows)
        found: dict[str, list[tuple[str, str, str]]] = {}
        for mart, column, table, upstream in rows:
            found.setdefault(mart, []).append((column, table, upstream))
    return found


def _lineage() -> pl.DataFrame:
    """`meta.column_lineage`."""
    return pl.DataFrame(
        [(mart, *row) for mart, rows in column_lineage().items() for row in rows],
        schema=dict.fromkeys(("table_name", "column_name", "upstream_table", "upstream_column"), pl.String),
        orient="row",
    )
