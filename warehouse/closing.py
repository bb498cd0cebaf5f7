"""Closing: what is frozen of a period, how the frozen rows take the place of live ones, and what has come since.

What is closed is what was published. A snapshot is a folder of Parquet files copied out of the published file, one per
table, named by its content: of a month the marts' rows, the site-months behind indicators and the values; of a longer
period the values and scores. The journal of the lake says which snapshot counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from schemas.contract import contract, contracts
from schemas.enterprise import Enterprise
from schemas.errors import HubError
from schemas.lake import MONTH, Lake, beside, gone, months_of
from warehouse import meters
from warehouse.access import literal

_NAMED = {"indicator.value": ("indicator_id", "period"), "indicator.cell": ("indicator_id", "month")}
"""The tables of which only those indicators are frozen that there were when the period was closed."""

REACHING = ("utility_bill", "meter_reading")
"""The contracts of which rows of the month after may reach into a month: bills that begin in it, and the first reading of
a counter that was not read as the month ended."""

FIGURE = ("indicator_id", "period", "org_id", "policy")
RESTATED: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(FIGURE, pl.String), "old_value": pl.Float64, "new_value": pl.Float64,
    "old_state": pl.String, "new_state": pl.String, "cause_extracts": pl.String,
}  # fmt: skip
WAITING: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("month", "source", "contract", "file", "extract_id"), pl.String),
    "rows_added": pl.Int64, "rows_withdrawn": pl.Int64, "received_at": pl.String,
}  # fmt: skip
_Part = Callable[[pl.LazyFrame], pl.LazyFrame]
_CLOSING = ("period", "action", "by", "reason", "at", "snapshot")


def freeze(lake: Lake, published: Path, period: str, restated: pl.DataFrame) -> str:
    """Copy what is published of a period to where it stays.

    Args:
        lake: where the snapshot goes; its extracts are those the published figures rest on.
        published: the file to copy from.
        period: a month, a year or a stretch of months.
        restated: the figures that differ from those closed before, in the columns of `RESTATED`.

    Returns:
        The name of the snapshot; it counts from the moment the journal names it.
    """
    home = lake.data / "closed" / period
    fresh = home / f".{os.getpid()}.part"
    gone(fresh)  # of a process of this number that was killed
    fresh.mkdir(parents=True)
    _copy(published, period, fresh)
    restated.write_parquet(fresh / "restated.parquet")
    if MONTH.fullmatch(period):
        text = json.dumps(_around(lake, period), ensure_ascii=False, sort_keys=True)
        (fresh / "extracts.json").write_text(text, encoding="utf-8")
    for path in fresh.iterdir():
        with path.open("rb+") as handle:
            os.fsync(handle.fileno())  # the journal must not name what is not on disk
    name = _fingerprint(fresh)
    if (home / name).exists():
        gone(fresh)
    else:
        fresh.replace(home / name)
    return name


def _copy(published: Path, period: str, folder: Path) -> None:
    """One Parquet file per table that has rows by month (of a month) or by period."""
    with duckdb.connect(str(published), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        tables = connection.execute(
            """select schema_name, table_name, column_name from duckdb_columns()
               where schema_name in ('mart', 'indicator', 'score') and column_name in ('month', 'period') order by all"""
        ).fetchall()
        for schema, table, column in tables:
            if column == "period" or MONTH.fullmatch(period):
                place = literal(folder / f"{schema}.{table}.parquet")
                rows = f'select * from "{schema}"."{table}" where "{column}" = ?'
                connection.execute(f"copy ({rows}) to {place} (format parquet, compression zstd)", [period])


def resting_on(lake: Lake, month: str, snapshot: str) -> dict[str, dict[str, Any]]:
    """The extracts, by id, that a snapshot of a month rests on, whether or not it counts."""
    return json.loads((lake.data / "closed" / month / snapshot / "extracts.json").read_text(encoding="utf-8"))


def _around(lake: Lake, month: str) -> dict[str, Any]:
    """The extracts with rows around a month, with their clean files: a reading at midnight may lie in the month before."""
    around = {beside(month, -1), month, beside(month, 1)}
    found = {}
    for name, entry in lake.state["extracts"].items():
        clean = {key: path for key, path in entry["clean"].items() if key in around or not MONTH.fullmatch(key)}
        if clean:
            left_out = ("spans", "clean_spans", "quarantine")
            kept = {key: value for key, value in entry.items() if key not in left_out}
            found[name] = {**kept, "clean": clean, "quarantine": {}}
    return found


def _fingerprint(folder: Path) -> str:
    files = sorted(folder.iterdir())
    text = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def files(lake: Lake, table: str) -> dict[str, Path]:
    """Closed period → the file of what was frozen of a table; periods closed before there was the table are not in it."""
    found = {period: folder / f"{table}.parquet" for period, folder in lake.closed.items()}
    return {period: path for period, path in found.items() if path.exists()}


def frozen(lake: Lake, table: str) -> pl.DataFrame:
    """The frozen rows of a table; without columns where nothing is closed."""
    frames = [pl.read_parquet(path, hive_partitioning=False) for path in files(lake, table).values()]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def held(lake: Lake, table: str, live: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table, those of closed periods as they were frozen.

    What was not there at closing is not frozen: an indicator declared since is formed from the closed months' marts.

    Args:
        lake: with its closings.
        table: `indicator.value`, `indicator.cell` or `score.…`.
        live: the rows as computed now.

    Returns:
        Rows in the columns of `live`.
    """
    closed = files(lake, table)
    if not closed:
        return live
    kept = frozen(lake, table)
    kept = kept.select(
        (pl.col(name) if name in kept.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in live.schema.items()
    )
    if table not in _NAMED:
        still = live.filter(~pl.col("period").is_in(list(closed)))
        return pl.concat([still, kept]).sort("period", maintain_order=True)
    by = list(_NAMED[table])
    return pl.concat([live.join(kept.select(by).unique(), on=by, how="anti"), kept])


def is_evaluated(lake: Lake, period: str) -> bool:
    """Whether a closed period was closed with its evaluation; an evaluation has weights."""
    path = files(lake, "score.weight").get(period)
    return path is not None and pl.read_parquet(path, hive_partitioning=False).height > 0


def differences(lake: Lake, period: str, published: Path) -> pl.DataFrame:
    """The figures of a period that differ from those closed last, without their cause.

    Args:
        lake: with the journal.
        period: what was closed at some time; else nothing differs.
        published: the file that holds the figures of now.
    """
    before = [line["snapshot"] for line in lake.journal if line["period"] == period and line["action"] != "reopen"]
    if not before:
        return pl.DataFrame(schema=RESTATED)
    folder = lake.data / "closed" / period / before[-1]
    with duckdb.connect(str(published), read_only=True) as connection:
        new = [
            connection.execute(f"select * from {table} where period = ?", [period]).pl()
            for table in ("indicator.value", "score.result")
        ]
    old = [
        pl.read_parquet(folder / f"{table}.parquet", hive_partitioning=False)
        for table in ("indicator.value", "score.result")
    ]
    both = _figures(*new).rename({"value": "new_value", "state": "new_state"}).join(
        _figures(*old).rename({"value": "old_value", "state": "old_state"}), on=FIGURE, how="full", coalesce=True
    )  # fmt: skip
    differ = both.filter(
        ~pl.col("old_value").eq_missing(pl.col("new_value")) | ~pl.col("old_state").eq_missing(pl.col("new_state"))
    )
    return (
        differ.with_columns(cause_extracts=pl.lit(None, dtype=pl.String))
        .select(list(RESTATED))
        .cast(pl.Schema(RESTATED))
        .sort(FIGURE)
    )


def _figures(values: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Values and scores as figures; a score is called `score.<level>.<id>`, its policy is the profile."""
    named = scores.select(
        pl.format("score.{}.{}", "level", "id").alias("indicator_id"), "period", "org_id",
        pl.col("profile_hash").alias("policy"), pl.col("score").alias("value"), "state",
    )  # fmt: skip
    return pl.concat([values.select(*FIGURE, "value", "state"), named])


def waiting(enterprise: Enterprise) -> pl.DataFrame:
    """The rows of closed months that have come, or are gone, since they were closed.

    Rows are compared by what they say, so that the same rows in another extract do not wait. Of the month after, the
    rows count that reach into the closed one.

    Returns:
        Per closed month and extract: rows added and withdrawn, and when the extract with added rows was received.
    """
    lake = enterprise.lake
    found: list[dict[str, Any]] = []
    for month in filter(MONTH.fullmatch, lake.closed):
        then = lake.as_closed(month)
        for table in contracts():
            for part in (month, beside(month, 1)) if table.name in REACHING else (month,):
                old, new = _rows(then, table.name, part), _rows(lake, table.name, part)
                common = old.keys() & new.keys()
                gone, came = ({path: one for path, one in some.items() if path not in common} for some in (old, new))
                if not (gone or came):
                    continue
                reach = _all if part == month else _reaching(enterprise, table.name, month, then)
                for lone, others, count in ((came, gone, "rows_added"), (gone, came, "rows_withdrawn")):
                    found += [
                        {"month": month, **_told(entry, count), count: rows}
                        for entry, rows in _without(lake.data, lone, others, table.name, reach)
                    ]
    none = pl.DataFrame(schema=WAITING)
    by = ["month", "source", "contract", "file", "extract_id"]
    return (
        pl.concat([none, pl.DataFrame(found, schema=WAITING, orient="row")])
        .group_by(by)
        .agg(pl.col("rows_added", "rows_withdrawn").sum(), pl.col("received_at").max())
        .sort(by)
    )


def _all(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows


def _reaching(enterprise: Enterprise, table: str, month: str, then: Lake) -> _Part:
    """Of rows of the month after, those that reach into a month; see `REACHING`."""
    if table == "utility_bill":
        return lambda rows: rows.filter(pl.col("period_from").dt.strftime("%Y-%m") <= month)
    after = beside(month, 1)
    midnight = datetime.fromisoformat(f"{after}-01")
    counters = meters.counters(enterprise)
    ends = {zone: midnight.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in counters["timezone"].unique()}
    end = pl.col("timezone").replace_strict(ends, return_dtype=pl.Datetime("us", "UTC"))
    last, first = (
        _readings(enterprise.lake, then, part).group_by("meter_id").agg(moment)
        for part, moment in ((month, pl.col("read_at").max().alias("last")), (after, pl.col("read_at").min()))
    )
    found = first.join(last, on="meter_id").join(counters.lazy(), on="meter_id").filter(pl.col("last") < end).collect()
    return lambda rows: rows.with_columns(pl.col("meter_id").cast(pl.String)).join(
        found.lazy(), on=["meter_id", "read_at"], how="semi"
    )


def _readings(lake: Lake, then: Lake, month: str) -> pl.LazyFrame:
    """When each meter was first and last read in a month by each clean file there is or was."""
    paths = sorted(_rows(lake, "meter_reading", month).keys() | _rows(then, "meter_reading", month).keys())
    none = pl.LazyFrame(schema={"meter_id": pl.String, "read_at": pl.Datetime("us", "UTC")})
    both = pl.concat_list(pl.col("read_at").min(), pl.col("read_at").max()).alias("read_at")
    each = [
        _read(lake.data, path).group_by(pl.col("meter_id").cast(pl.String)).agg(both).explode("read_at")
        for path in paths
    ]
    return pl.concat([none, *each])


def _rows(lake: Lake, table: str, month: str) -> dict[str, dict[str, Any]]:
    return {entry["clean"][month]: entry for entry in lake.extracts(table) if month in entry["clean"]}


def _told(entry: dict[str, Any], count: str) -> dict[str, Any]:
    since = entry["received_at"] if count == "rows_added" else None
    return {"source": entry["source"], "contract": entry["contract"], "file": entry["name"], "extract_id": entry["sha256"],
            "rows_added": 0, "rows_withdrawn": 0, "received_at": since}  # fmt: skip


def _without(
    data: Path, lone: dict[str, dict[str, Any]], others: dict[str, dict[str, Any]], table: str, part: _Part
) -> Iterable[tuple[dict[str, Any], int]]:
    """Each extract's rows, as far as they are asked for, that stand in none of the other files."""
    if not lone:
        return
    rest = _said(data, others, table, part)
    rows = _said(data, lone, table, part).with_columns(
        pl.col("path").replace_strict({p: e["sha256"] for p, e in lone.items()})
    )
    names = [column.name for column in contract(table).declared]
    mine = _numbered(rows, names).join(_numbered(rest, names), on=[*names, "nth"], how="anti", nulls_equal=True)
    counts = dict(mine.group_by("path").len().iter_rows())
    for entry in lone.values():
        if counts.get(entry["sha256"]):
            yield entry, counts[entry["sha256"]]


def _said(data: Path, paths: Iterable[str], table: str, part: _Part) -> pl.DataFrame:
    """What the rows of some clean files say, without those that a later extract replaced."""
    declared = contract(table)
    names = [column.name for column in declared.declared]
    frames = []
    for path in paths:
        rows = _read(data, path)
        rows = rows.filter(~pl.col("is_superseded")) if "is_superseded" in rows.collect_schema() else rows
        frames.append(part(rows.select(*names, path=pl.lit(path))).collect())
    empty = pl.DataFrame(schema={**{one.name: one.dtype for one in declared.declared}, "path": pl.String})
    return pl.concat(frames, how="vertical_relaxed") if frames else empty


def _read(data: Path, path: str) -> pl.LazyFrame:
    """The rows of a clean file.

    Raises:
        HubError: it is not there.
    """
    if not (data / path).exists():
        raise HubError(
            "rows that a closed month rests on are gone / 已结账月份所依据的数据缺失", str(data / path),
            "restore data/clean from the backup, or reopen the month",
        )  # fmt: skip
    return pl.scan_parquet(data / path, hive_partitioning=False)


def _numbered(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Equal rows told apart by a number of their own."""
    return rows.with_columns(nth=pl.int_range(pl.len()).over(names))


def journal(lake: Lake) -> pl.DataFrame:
    """`meta.closing`: one row per line of the journal."""
    rows = [
        {**{name: line[name] for name in _CLOSING}, "warnings": "; ".join(line["warnings"])} for line in lake.journal
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys((*_CLOSING, "warnings"), pl.String))


def restatements(lake: Lake) -> pl.DataFrame:
    """`meta.restatement`: every figure that a closing or restatement put in the place of one closed before."""
    frames = [pl.DataFrame(schema={**RESTATED, "at": pl.String, "by": pl.String, "reason": pl.String})]
    for line in lake.journal:
        path = lake.data / "closed" / line["period"] / (line["snapshot"] or "-") / "restated.parquet"
        if line["action"] != "reopen":
            rows = pl.read_parquet(path, hive_partitioning=False)
            frames.append(rows.with_columns(pl.lit(line[name]).alias(name) for name in ("at", "by", "reason")))
    return pl.concat(frames)


def drift(lake: Lake) -> pl.DataFrame:
    """`meta.drift`: the marts and closed months whose rows, computed from what is known now, are not those frozen."""
    rows = [
        (f"mart.{name}", month)
        for name, entry in sorted(lake.state["marts"].items())
        for month in entry.get("drift", [])
    ]
    return pl.DataFrame(rows, schema={"table_name": pl.String, "month": pl.String}, orient="row")


def holding(lake: Lake, periods: Iterable[str]) -> list[str]:
    """The closed periods, other than these, that add up months among these."""
    mine = set(periods)
    return [period for period in lake.closed if period not in mine and not mine.isdisjoint(months_of(period))]
