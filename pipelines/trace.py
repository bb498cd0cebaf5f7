"""Trace: walk a published value down to the original lines it was counted from.

Everything it needs stands in the published file and the landing archive, so it is quick and reads nothing else. For a
closed month it walks to the rows the month was closed with, whatever has come since.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from schemas.enterprise import Enterprise
from schemas.errors import HubError, no_values
from schemas.lake import Lake, beside, months_of
from warehouse.access import literal

_JOINED = re.compile(r" [*-] ")  # factors of a formula stand in one text
_RELATION = "read_parquet(?, hive_partitioning = false, union_by_name = true)"
FIRST = 20
"""How many original lines are shown unless all are asked for."""


@dataclass
class Trace:
    """One value and what stands behind it; every part is a list of plain dictionaries.

    Attributes:
        values: the value under every policy, the chosen one first.
        marts: mart → its rows behind the value.
        lines: emission or fuel lines with factor, rule path and verification.
        factors: the factors used, with their source.
        extracts: the extracts that contributed, with their counts.
        rows: contract → clean rows behind the value, with the original text of each where asked for.
        total: contract → how many clean rows there are.
        recomputed: the emissions of the value computed again from the lines, tCO2e; None where it is missing or of something else.
        closed: who closed the period, when and why; None where it is open.
        waits: extracts with rows of these months that came after closing and are not counted.
    """

    values: list[dict[str, Any]]
    marts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    factors: list[dict[str, Any]] = field(default_factory=list)
    extracts: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    recomputed: Decimal | None = None
    closed: dict[str, Any] | None = None
    waits: list[str] = field(default_factory=list)


def trace(
    enterprise: Enterprise, indicator: str, period: str, org: str | None = None, *, everything: bool = False
) -> Trace:
    """Walk down from one value.

    Args:
        enterprise: the folder.
        indicator: `A.1.6`, `M010`, …
        period: `2026-03`, `2026` or `2025-07..2026-06`.
        org: a site, a legal entity or the enterprise, which is the default.
        everything: all original lines instead of the first 20.

    Raises:
        HubError: nothing is published, or there is no such value.
    """
    if not enterprise.published.exists():
        raise HubError("nothing is published yet / 尚未发布", str(enterprise.published), "esg run --month … first")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(enterprise.published)} as esg (read_only)")
        connection.execute("use esg")
        walk = _Walk(connection, enterprise, indicator, period, org or enterprise.id)
        return walk.down(everything)


class _Walk:
    """One value's way down."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, enterprise: Enterprise, indicator: str, period: str, org: str
    ) -> None:
        self.connection, self.enterprise, self.indicator, self.period, self.org = (
            connection,
            enterprise,
            indicator,
            period,
            org,
        )
        self.lake = enterprise.lake

    def down(self, everything: bool) -> Trace:
        values = self._all(
            "select * from indicator.value where indicator_id = ? and period = ? and org_id = ? order by is_chosen desc, policy",
            self.indicator, self.period, self.org,
        )  # fmt: skip
        if not values:
            raise self._nothing()
        found = Trace(values)
        self.kind = str(values[0]["org_kind"])
        sites, months = self._sites(self.kind), months_of(self.period)
        self._closing(found, months)
        terms = self._all("select * from indicator.term where indicator_id = ? order by side desc", self.indicator)
        below: list[str] = []
        for term in terms:
            below += [name for name in self._below(f"mart.{term['mart']}") if name not in below]
            found.marts[term["mart"]] = self._mart(term, sites, months, str(values[0]["policy"]))
        for name in ("mart.emission_line", "mart.fuel_line", "mart.meter_month"):
            if name in below and name.removeprefix("mart.") not in found.marts:
                rows = self._mart({"mart": name.removeprefix("mart."), "where_column": None}, sites, months, "")
                found.lines += [{"line": name.removeprefix("mart."), **row} for row in rows]
        used = {
            one
            for row in found.lines
            for key, value in row.items()
            if key.endswith("factor_id") and value
            for one in _JOINED.split(str(value))
        }
        found.recomputed = self._recomputed(terms, values[0], found.lines)
        found.factors = self._all(
            "select * from reference.emission_factor where list_contains(?, factor_id) order by factor_id", sorted(used)
        )
        self._originals(found, below, sites, months, everything)
        return found

    def _originals(
        self, found: Trace, below: list[str], sites: list[str] | None, months: list[str], everything: bool
    ) -> None:
        """The clean rows behind the value: of what happened in its months or, where nothing has to happen, of registers."""
        sources = self._sources(below)
        if not sources:
            self._registers(found, below, sites, months, everything)
        for lake, part in self._lakes(months):
            self.lake = lake
            for contract, column, is_partition in sources:
                # a reading at midnight may lie in the file of the month before
                around = set(months_of(f"{beside(part[0], -1)}..{beside(part[-1], 1)}")) if is_partition else None
                files = [str(path) for path in lake.files("clean", contract, around)]
                if files:
                    self._rows(found, contract, files, column, sites, part, everything)

    def _nothing(self) -> HubError:
        """Why there is no such value: which part of the question has no answer, and what to ask for instead."""
        what = f"no value {self.indicator} {self.period} {self.org} / 没有该数值"
        found = self._all(
            "select period, list(distinct org_id order by org_id) as orgs from indicator.value where indicator_id = ? group by period order by period",
            self.indicator,
        )
        of_period = next((row["orgs"] for row in found if row["period"] == self.period), None)
        if not self._all("select 1 from indicator.catalogue where indicator_id = ?", self.indicator):
            todo = 'no indicator or metric has this id; esg sql "select indicator_id, title_zh, title_en from indicator.catalogue" lists them / 没有该编号'
        elif not self._all("select 1 from indicator.term where indicator_id = ? limit 1", self.indicator):
            todo = (
                f"experts score it and nothing is computed; esg panel status {self.period} says how they stand, "
                f"esg sql \"select * from score.result where id = '{self.indicator}'\" what came of it / 由专家评分，无计算值"
            )
        elif of_period:
            todo = f"of {self.period} there are / 该期间有: {', '.join(of_period)}"
        else:
            there = ", ".join(row["period"] for row in found) or "none / 无"
            return no_values(self.period, str(self.enterprise.published), f"; periods there are / 已有期间: {there}")
        return HubError(what, str(self.enterprise.published), todo)

    def _closing(self, found: Trace, months: list[str]) -> None:
        """Whether the period is closed, and what waits beside its months."""
        lake = self.enterprise.lake
        if self.period in lake.closed:
            found.closed = [line for line in lake.journal if line["period"] == self.period][-1]
        rows = self._all(
            "select distinct source, file, month from meta.waiting where list_contains(?, month) order by all", months
        )
        found.waits = [f"{row['source']}: {row['file']} ({row['month']})" for row in rows]

    def _lakes(self, months: list[str]) -> list[tuple[Lake, list[str]]]:
        """The months with the rows they rest on: each closed one with those it was closed with, the others together."""
        lake = self.enterprise.lake
        still = [month for month in months if month not in lake.closed]
        parts = [(lake.as_closed(month), [month]) for month in months if month in lake.closed]
        return [*parts, (lake, still)] if still else parts

    def _recomputed(
        self, terms: list[dict[str, Any]], value: dict[str, Any], lines: list[dict[str, Any]]
    ) -> Decimal | None:
        """The emissions of a value again, line by line in decimals: activity x factor x GWP.

        None where the value is of something else, or has no total: the lines there are would not be all of it.
        """
        if value["numerator"] is None or not any(
            term["mart"] == "site_month_footprint" and term["side"] == "numerator" for term in terms
        ):
            return None
        basis, other = self.connection.execute(
            "select basis, counts_other_indirect from reference.emission_policy where policy = ?", [value["policy"]]
        ).fetchall()[0]
        wanted = {(1, "direct"), (2, basis)}
        counted = [
            line for line in lines
            if line["line"] == "emission_line" and not line["is_biogenic"] and ((line["scope"], line["basis"]) in wanted or (line["scope"] == 3 and other))
        ]  # fmt: skip
        if any(line["emission_tco2e"] is None for line in counted):
            return None
        kilograms = sum(
            (
                Decimal(repr(line["activity"])) * Decimal(repr(line["factor_value"])) * Decimal(repr(line["gwp"]))
                for line in counted
            ),
            Decimal(0),
        )
        return kilograms * Decimal(
            repr(
                self._all("select factor from reference.unit_factor where from_unit = 'kgCO2e' and to_unit = 'tCO2e'")[
                    0
                ]["factor"]
            )
        )

    def _all(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        result = self.connection.execute(sql, list(parameters))
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def _sites(self, kind: str) -> list[str] | None:
        """The sites of the organisational unit; None for the whole enterprise."""
        if kind == "enterprise":
            return None
        if kind == "site":
            return [self.org]
        return [
            row["site_id"]
            for row in self._all("select distinct site_id from reference.site where legal_entity_id = ?", self.org)
        ]

    def _below(self, table: str) -> list[str]:
        """A table and all it rests on."""
        found = [table]
        for name in found:  # which grows as it is walked
            found += [upstream for upstream in self._upstream.get(name, []) if upstream not in found]
        return found

    @cached_property
    def _upstream(self) -> dict[str, list[str]]:
        """Table → the tables it is formed from, asked for once: the way down meets the same tables again and again."""
        upstream: dict[str, list[str]] = {}
        for row in self._all("select distinct table_name, upstream_table from meta.table_lineage order by all"):
            upstream.setdefault(row["table_name"], []).append(row["upstream_table"])
        return upstream

    def _sources(self, below: list[str]) -> list[tuple[str, str, bool]]:
        rows = self._all(
            """select distinct upstream_table, by_column, is_partition from meta.table_lineage
               where list_contains(?, table_name) and by_column is not null order by all""", below,
        )  # fmt: skip
        return [(row["upstream_table"].removeprefix("clean."), row["by_column"], row["is_partition"]) for row in rows]

    def _mart(
        self, term: dict[str, Any], sites: list[str] | None, months: list[str], policy: str
    ) -> list[dict[str, Any]]:
        table = f"mart.{term['mart']}"
        columns = [row["column_name"] for row in self._all(f"describe {table}")]
        where: list[str] = ["list_contains(?, month)"]
        parameters: list[object] = [months]
        if self.kind == "legal_entity" and "legal_entity_id" in columns:
            where.append("legal_entity_id = ?")
            parameters.append(self.org)
        elif sites is not None:
            where.append("list_contains(?, site_id)")
            parameters.append(sites)
        if "policy" in columns:
            where.append("policy = ?")
            parameters.append(policy)
        if term["where_column"]:
            where.append(f"{term['where_column']} = ?")
            parameters.append(term["where_value"])
        return self._all(f"select * from {table} where {' and '.join(where)} order by all", *parameters)

    def _rows(
        self,
        found: Trace,
        contract: str,
        files: list[str],
        column: str,
        sites: list[str] | None,
        months: list[str],
        everything: bool,
    ) -> None:
        """Clean rows of one contract behind the value, the extracts they came in, and their original lines."""
        columns = {
            row["column_name"]: row["column_type"]
            for row in self._all(f"describe select * from {_RELATION}", files[-1:])
        }
        joins, place, moment = _place(columns, column)
        local = {"DATE": f"strftime({moment}, '%Y-%m')", "VARCHAR": moment}.get(
            columns[column],
            f"strftime(timezone(coalesce(z.timezone, '{self.enterprise.timezone}'), {moment}), '%Y-%m')",
        )
        parameters: list[object] = [files]
        if "{orders}" in joins:
            orders = [str(path) for path in self.enterprise.lake.files("clean", "customer_order")]
            joins = joins.format(orders=_RELATION) if orders else ""
            place = place if orders else "r.site_id"
            parameters += [orders] if orders else []
        # what a counter shows as a month ends closes it, and opens the next
        ends = local.replace(moment, f"(r.{column} - interval 1 microsecond)") if "meter_id" in columns else local
        where = f"(list_contains(?, {local}) or list_contains(?, {ends}))"
        parameters += [months, months]
        if columns[column] not in ("DATE", "VARCHAR"):
            # no zone is two days from UTC: what cannot be of these months need not be asked for its local month
            where = f"r.{column} between ?::timestamp - interval 2 day and ?::timestamp + interval 2 day and {where}"
            parameters[-2:] = [f"{months[0]}-01", f"{beside(months[-1], 1)}-01", months, months]
        where += " and not r.is_superseded" if "is_superseded" in columns else ""
        where += " and r.is_intragroup is not true" if "is_intragroup" in columns else ""
        if self.kind == "legal_entity":
            where += f" and {'r' if 'legal_entity_id' in columns else 's'}.legal_entity_id = ?"
            parameters.append(self.org)
        elif sites is not None:
            where += f" and list_contains(?, {place})"
            parameters.append(sites)
        source = f"""{_RELATION} as r {joins.replace("{zone}", self.enterprise.timezone)}
            left join (
                select site_id, arg_max(timezone, coalesce(valid_from, date '0001-01-01')) as timezone from reference.site group by site_id
            ) as z on {place} = z.site_id
            left join reference.site_month as s on {place} = s.site_id and s.month = {local} where {where}"""
        known = {(entry["source"], entry["sha256"]): entry for entry in self.lake.extracts(contract)}
        self._show(found, contract, known, source, parameters, everything)

    def _registers(
        self, found: Trace, below: list[str], sites: list[str] | None, months: list[str], everything: bool
    ) -> None:
        """The rows of registers behind a value for which nothing has to happen, such as a share of the fleet."""
        lakes = [lake for lake, _ in self._lakes(months)]
        registers = self._all(
            """select distinct upstream_table from meta.table_lineage
               where list_contains(?, table_name) and starts_with(upstream_table, 'clean.') order by all""", below,
        )  # fmt: skip
        for contract in (row["upstream_table"].removeprefix("clean.") for row in registers):
            # a register is whole in every month: its files are asked once, not for each closed month anew
            known = {(one["source"], one["sha256"]): one for lake in lakes for one in lake.extracts(contract)}
            files = sorted({str(path) for lake in lakes for path in lake.files("clean", contract)})
            if not files:
                continue
            names = {row["column_name"] for row in self._all(f"describe select * from {_RELATION}", files[-1:])}
            where = ["true"]
            parameters: list[Any] = [files]
            if sites is not None and "site_id" in names:
                where.append("list_contains(?, r.site_id)")
                parameters.append(sites)
            if "valid_from" in names:
                where.append("coalesce(r.valid_from < ?::date, true) and coalesce(r.valid_to >= ?::date, true)")
                parameters += [f"{beside(months[-1], 1)}-01", f"{months[0]}-01"]
            self._show(found, contract, known, f"{_RELATION} as r where {' and '.join(where)}", parameters, everything)

    def _show(
        self,
        found: Trace,
        contract: str,
        known: dict[tuple[str, str], dict[str, Any]],
        source: str,
        parameters: list[Any],
        everything: bool,
    ) -> None:
        """Add the extracts of some clean rows, and the original lines of the first of them or of all.

        Args:
            found: what it is added to.
            contract: whose rows they are.
            known: the extracts they may be of.
            source: what stands after `from`, the rows being `r`.
            parameters: its parameters, the files first.
            everything: all original lines instead of the first 20.
        """
        counts = self._all(
            f"select r.source, r.extract_id, count(*) as rows_used from {source} group by all order by all", *parameters
        )
        _merge(found.extracts, contract, counts, known)
        found.total[contract] = found.total.get(contract, 0) + sum(row["rows_used"] for row in counts)
        shown_before = found.rows.setdefault(contract, [])
        if not counts or (not everything and len(shown_before) >= FIRST):
            return
        wanted = FIRST - len(shown_before)
        limit = "" if everything else f"limit {wanted}"
        first, shown = [], 0  # the files in which the rows to be shown lie
        for row in counts:
            if everything or shown < wanted:
                first += [
                    str(self.enterprise.data / path)
                    for path in known[row["source"], row["extract_id"]]["clean"].values()
                ]
                shown += row["rows_used"]
        rows = self._all(
            f"select r.* from {source} order by r.source, r.extract_id, r.sheet, r.row_number {limit}",
            *([path for path in parameters[0] if path in first], *parameters[1:]),
        )
        shown_before += _with_originals(rows, known, self.enterprise.data / "landing")


def _merge(
    extracts: list[dict[str, Any]],
    contract: str,
    counts: list[dict[str, Any]],
    known: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """Add the extracts that contributed; one that feeds several months stands once."""
    for row in counts:
        entry = known[row["source"], row["extract_id"]]
        name = {"contract": contract, "source": row["source"], "extract_id": row["extract_id"]}
        same = [one for one in extracts if name.items() <= one.items()]
        if same:
            same[0]["rows_used"] += row["rows_used"]
        else:
            told = {"file": entry["name"], **{key: entry[key] for key in ("received_at", "accepted", "refused")}}
            extracts.append({**name, "rows_used": row["rows_used"], **told})


def _place(columns: dict[str, str], column: str) -> tuple[str, str, str]:
    """How a clean row finds its site (its own column, its meter's, vehicle's or order's), and the moment it counts for."""
    day = "coalesce({day} >= {0}.valid_from, true) and coalesce({day} <= {0}.valid_to, true)"
    if "meter_id" in columns:
        zone = "'{zone}'"
        # of a meter that was taken out at midnight the last reading is of the row that ended with the day before
        joins = " ".join(
            f"left join reference.meter as {row} on r.meter_id = {row}.meter_id and {day.format(row, day=f'timezone({zone}, {at})::date')}"
            for row, at in (("m", f"r.{column}"), ("n", f"r.{column} - interval 1 microsecond"))
        )
        # the quantity of an interval belongs before the instant that ends it
        kind = "coalesce(m.register_kind, n.register_kind)"
        moment = (
            f"(r.{column} - case when {kind} = 'interval' then interval 1 microsecond else interval 0 microsecond end)"
        )
        return joins, "coalesce(m.site_id, n.site_id)", moment
    if "vehicle_id" in columns:
        own = "coalesce(v.site_id, r.site_id)" if "site_id" in columns else "v.site_id"
        valid = day.format(
            "v", day=f"r.{column}" if columns[column] == "DATE" else f"timezone('{{zone}}', r.{column})::date"
        )
        return f"left join reference.vehicle as v on r.vehicle_id = v.vehicle_id and {valid}", own, f"r.{column}"
    if "complaint_id" in columns:
        join = (
            "left join (select order_id, site_id from {orders} where not is_superseded) as o on r.order_id = o.order_id"
        )
        return join, "coalesce(r.site_id, o.site_id)", f"r.{column}"
    return "", "r.site_id", f"r.{column}"


def _with_originals(
    rows: list[dict[str, Any]], known: dict[tuple[str, str], dict[str, Any]], landing: Path
) -> list[dict[str, Any]]:
    """Each clean row with its line as it was received."""
    import polars as pl

    from connectors import readers
    from connectors.source import Read

    wanted: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        wanted.setdefault((row["source"], row["extract_id"]), set()).add(row["row_number"])
    lines: dict[tuple[str, str, str | None, int], str] = {}
    for name, numbers in wanted.items():
        entry = known[name]
        path = landing / entry["archived"]
        read = Read.model_validate(
            entry["read"] if not entry["archived"].endswith(".parquet") else {"as": "parquet", "files": "-"}
        )
        batches = (
            [pl.read_parquet(path)]
            if entry["archived"].endswith(".parquet")
            else readers.read(path, read, entry["name"])
        )
        for batch in batches:
            for line in batch.filter(pl.col("row_number").is_in(sorted(numbers))).iter_rows(named=True):
                text = " | ".join(
                    f"{key}={value}"
                    for key, value in line.items()
                    if value is not None and key not in ("row_number", "sheet")
                )
                lines.setdefault((*name, line.get("sheet"), line["row_number"]), text)
    for row in rows:
        name = (row["source"], row["extract_id"])
        row["file"] = known[name]["name"]
        row["original"] = lines.get((*name, row["sheet"], row["row_number"])) or lines.get(
            (*name, None, row["row_number"])
        )
    return rows
