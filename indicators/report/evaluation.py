"""What an evaluation report of a period is made of: every figure of it, read by SQL from the published file, as one object.

Nothing is reckoned here but sums for the description of sites. What has not been evaluated is None, never an empty
list: a list without rows says that there was nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import duckdb
import polars as pl

from connectors.source import PANEL_FORM
from indicators.declared import Indicator, Tree, tree
from indicators.report.words import year_before
from indicators.scoring.panel import barred, of_period
from indicators.scoring.profile import Profile
from indicators.scoring.score import Facts, anchor_row, anchors_of
from schemas.enterprise import Declaration
from schemas.errors import HubError, no_values
from schemas.lake import months_of

Row = dict[str, Any]

SCORE_TABLES = (
    "normalised", "panel_item", "agreement", "expert", "weight", "event", "monte_carlo", "grade_probability", "alternative", "swing", "left_out",
    "contribution", "definition", "integrity", "evidence",
)  # fmt: skip
"""The tables of the evaluation beside `score.result`."""

_GIVEN = ("expert_id", "indicator_id", "round", "level", "evidence_ids", "confidence", "is_conflicted")  # by an expert
_DECLARED = ("id", "name", "enterprise_type", "timezone", "legal_entities", "policies", "evaluation")
_OF_AN_INDICATOR = {"id", "title", "pillar", "kind", "direction", "unit", "serves", "says", "sources", "evidence", "standards", "owner", "rubric"}  # fmt: skip


def _told(one: Indicator, table: Tree) -> Row:
    """What is said of an indicator, in the group it has in the tree of the method."""
    found = table.group_of(one.id)
    group = None if found is None else found.model_dump(mode="json")
    return one.model_dump(mode="json", include=_OF_AN_INDICATOR) | {"group": group, "is_computed": one.is_computed}


@dataclass
class Evaluation:
    """The figures of one enterprise and period; rows are dicts named by the columns they were read from.

    Attributes:
        enterprise: what `enterprise.yaml` says of it; `approach` is how its boundary is drawn.
        indicators: what the catalogue says of each indicator and metric, in natural order.
        profile: the method as stored with the scores; `profile_hash` is its hash.
        is_declared_profile: whether it is the method the enterprise declares now.
        anchors: what the declared method's anchors for this enterprise and period are, until the period is evaluated.
        sites: sites of the period with revenue, energy and emission; empty where a month of them is unknown.
        boundary: whether emissions, energy and revenue cover the same, by site and verdict; None without that mart.
        values: chosen readings of the period; `readings` the others; `months` the chosen ones of its months; `last_year` a year before.
        result: `score.result` of the period; `last_result` of the year before under the same profile.
        score: the other tables of the evaluation; None where they do not exist, or none has a row of the period.
        sheets: levels as experts gave them, under pseudonyms; None where no panel has scored. `is_out`: the expert is out
            of the whole assessment; `is_declared`: it came in a workbook, whose declaration of ties was filled in.
        evidence: the register.
        terms: which mart column each side of an indicator is, and the contracts below it.
        sources: what sources delivered, by contract; `extracts` their files.
        refused: refused rows by contract, source and reason.
        unverified: factors in use that nobody has compared with their source.
        checks: reconciliations by name, verdict and reason.
        changes: figures that differ from those published before.
        records: tables of closings and restatements as they are; None where they do not exist.
        run: cut-off day and parameter set of the factors.
    """

    period: str
    months: list[str]
    enterprise: Row
    indicators: dict[str, Row]
    profile: Row
    profile_hash: str
    is_declared_profile: bool
    anchors: dict[str, Row]
    sites: list[Row]
    boundary: list[Row] | None
    values: dict[str, Row]
    readings: list[Row]
    monthly: dict[str, dict[str, Row]]
    last_year: dict[str, Row]
    result: list[Row]
    last_result: list[Row]
    score: dict[str, list[Row] | None]
    sheets: list[Row] | None
    evidence: list[Row]
    terms: list[Row]
    sources: list[Row]
    extracts: list[Row]
    refused: list[Row]
    unverified: list[Row]
    checks: list[Row]
    changes: list[Row]
    records: dict[str, Row | None]
    run: Row

    def scored(self, level: str, name: str, last: bool = False) -> Row | None:
        """The row of an indicator, group, pillar or the total; None where it has not been scored."""
        rows = self.last_result if last else self.result
        return next((row for row in rows if row["level"] == level and row["id"] == name), None)

    def of(self, table: str, **wanted: object) -> list[Row]:
        """The rows of an evaluation table that hold some values; none where it does not exist."""
        rows = self.score[table] or []
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def content(self) -> str:
        """All of it as JSON, the same for the same figures."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps(own, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @cached_property
    def hash(self) -> str:
        """sha256 of the content: what every form of the report prints."""
        return hashlib.sha256(self.content().encode()).hexdigest()

    def json(self) -> str:
        """The file for machines: `{"hash": …, "report": …}`; the hash is of `report` with sorted keys and no blanks."""
        return f'{{"hash":"{self.hash}","report":{self.content()}}}\n'


def gather(connection: duckdb.DuckDBPyConnection, enterprise: Declaration, profile: Profile, catalogue: Mapping[str, Indicator],
           period: str) -> Evaluation:  # fmt: skip
    """Read an evaluation.

    Args:
        connection: as `warehouse.access.connect` opens it.
        enterprise: `enterprise.yaml`.
        profile: the method the enterprise declares; scores of another are shown only where there are none of it.
        catalogue: what the ids mean.
        period: a year, a window or a month.

    Raises:
        HubError: the period has no value, or scores of several other methods.
    """
    return _Reader(connection, enterprise, period).evaluation(profile, catalogue)


class _Reader:
    def __init__(self, connection: duckdb.DuckDBPyConnection, enterprise: Declaration, period: str) -> None:
        self.connection, self.enterprise, self.period = connection, enterprise, period
        self.months = months_of(period)
        self.given = {"org": enterprise.id, "period": period, "last": year_before(period), "months": self.months}
        self.columns: dict[str, list[str]] = {}
        for schema, table, column in connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns where table_catalog = current_catalog() order by ordinal_position"
        ).fetchall():
            self.columns.setdefault(f"{schema}.{table}", []).append(column)

    def has(self, table: str) -> bool:
        return table in self.columns

    def rows(self, query: str, **more: object) -> list[Row]:
        given = {name: value for name, value in (self.given | more).items() if f"${name}" in query}
        result = self.connection.execute(query, given)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, map(_plain, row), strict=True)) for row in result.fetchall()]

    def evaluation(self, declared: Profile, catalogue: Mapping[str, Indicator]) -> Evaluation:
        if not self.rows("select 1 from indicator.value where period = $period and org_id = $org limit 1"):
            raise no_values(self.period, "indicator.value")
        chosen = self._profile_hash(declared)
        self.given["profile"] = chosen
        score = self._scores()
        sheets, names = self._sheets(score["expert"])
        for row in score["expert"] or []:
            row["expert_id"] = names[row["expert_id"]]
        computed = [key for key, one in catalogue.items() if one.is_computed]
        facts = self.enterprise.model_dump(mode="json")
        extracts = self.rows(_EXTRACTS)
        values = self._values("period = $period")
        profile = self._profile(declared)
        table = tree(profile["tree"])
        return Evaluation(
            self.period, self.months, {name: facts[name] for name in _DECLARED} | {"approach": facts["inventory"]["approach"]},
            indicators={key: _told(one, table) for key, one in catalogue.items()},
            profile=profile, profile_hash=chosen, is_declared_profile=chosen == declared.hash, anchors=self._anchors(declared),
            sites=self._sites(), boundary=self.rows(_BOUNDARY) if self.has("mart.reconciliation") else None,
            values={row["indicator_id"]: row for row in values if row["is_chosen"]}, readings=[row for row in values if not row["is_chosen"]],
            monthly=_by_month(self._values("period in (select unnest($months)) and is_chosen")),
            last_year={row["indicator_id"]: row for row in self._values("period = $last and is_chosen")},
            result=self.rows("select * exclude (period, org_id, profile_hash) from score.result where period = $period and org_id = $org and profile_hash = $profile order by all"),
            last_result=self.rows("select * exclude (period, org_id, profile_hash) from score.result where period = $last and org_id = $org and profile_hash = $profile order by all"),
            score=score, sheets=sheets, evidence=self.rows(_EVIDENCE) if self.has("reference.evidence") else [],
            terms=self._terms(computed), sources=_by_source(extracts), extracts=extracts, refused=self.rows(_REFUSED), unverified=self._unverified(),
            checks=self.rows(_CHECKS) if self.has("mart.reconciliation") else [], changes=self.rows(_CHANGES) if self.has("meta.figure_change") else [],
            records={table: self._record(table) for table in ("meta.closing", "meta.restatement")},
            run=next(iter(self.rows("select factors_as_of, factors, parameter_set, gwp_set from reference.run")), {}) if self.has("reference.run") else {},
        )  # fmt: skip

    # ── the method ───────────────────────────────────────────────────────────────────────────────────────────────

    def _profile_hash(self, declared: Profile) -> str:
        """The method whose scores are shown: the declared one, else the only one there is."""
        found = [row["profile_hash"] for row in self.rows("select distinct profile_hash from score.result where period = $period and org_id = $org order by 1")]  # fmt: skip
        if declared.hash in found or not found:
            return declared.hash
        if len(found) > 1:
            raise HubError(
                f"{self.period} is scored by {len(found)} other profiles, not by {declared.id} / 该期间未按所声明的方法评分", "score.result",
                f"esg evaluate {self.period} with the profile enterprise.yaml names",
            )  # fmt: skip
        return found[0]

    def _profile(self, declared: Profile) -> Row:
        stored = self.rows("select json from score.profile where profile_hash = $profile limit 1") if self.has("score.profile") else []  # fmt: skip
        return json.loads(stored[0]["json"]) if stored else declared.model_dump(mode="json")

    def _anchors(self, declared: Profile) -> dict[str, Row]:
        facts = Facts(self.period, self.enterprise.id, {}, {}, enterprise_type=self.enterprise.enterprise_type)
        counting = {key: found for key in declared.anchors if (found := anchors_of(key, facts, declared))}
        return {key: {name: _plain(item) for name, item in anchor_row(one).items()} for key, one in counting.items()}

    def _scores(self) -> dict[str, list[Row] | None]:
        """The tables of the evaluation. Where none has a row, the period has not been evaluated: they are as if they were not there."""
        where = "period = $period and org_id = $org and profile_hash = $profile"
        found = {
            table: self.rows(f"select * exclude (period, org_id, profile_hash) from score.{table} where {where} order by all") if self.has(f"score.{table}") else None
            for table in SCORE_TABLES
        }  # fmt: skip
        return found if any(found.values()) else dict.fromkeys(SCORE_TABLES)

    def _sheets(self, experts: list[Row] | None) -> tuple[list[Row] | None, dict[str, str]]:
        """Levels as they were given, and the pseudonym of each expert. A comment might tell who wrote it and is not read."""
        rows = None
        if self.has("clean.expert_score"):
            said = self.connection.execute("select * from clean.expert_score").pl()
            known = [
                one for (one,) in self.connection.execute("select distinct period from indicator.value").fetchall()
            ]
            given = of_period(said, self.period, self.enterprise.timezone, known)
            from_form = pl.col("source") == PANEL_FORM.stem if "source" in given.columns else pl.lit(value=False)
            # what the tie is stays with the panel's secretary
            given = given.select(*_GIVEN, is_out=pl.col("expert_id").is_in(barred(given)), is_declared=from_form)
            rows = list(given.sort(_GIVEN, nulls_last=True).rows(named=True))
        ids = sorted({row["expert_id"] for row in [*(rows or []), *(experts or [])]}, key=lambda one: (len(one), one))
        names = {one: f"P{place}" for place, one in enumerate(ids, 1)}
        for row in rows or []:
            row["expert_id"] = names[row["expert_id"]]
        return rows, names

    # ── values, sites, sources ───────────────────────────────────────────────────────────────────────────────────

    def _values(self, where: str) -> list[Row]:
        return self.rows(f"select * exclude (org_id, org_kind, run_id) from indicator.value where org_id = $org and {where} order by all")  # fmt: skip

    def _sites(self) -> list[Row]:
        rows = self.rows(_SITES) if self.has("reference.site") else []
        for name, table, column in _AMOUNTS:
            sums = {row["site_id"]: row for row in self.rows(_SUM.format(table=table, column=column))} if self.has(table) else {}  # fmt: skip
            for row in rows:
                known = sums.get(row["site_id"], {"amount": None, "lines": 0, "known": 0, "months": 0})
                row[name] = known["amount"] if known["known"] == known["lines"] else None
                row[f"{name}_months"] = known["months"]
        return rows

    def _terms(self, computed: Collection[str]) -> list[Row]:
        if not self.has("indicator.term"):
            return []
        below: dict[str, list[str]] = {}
        if self.has("meta.table_lineage"):
            for row in self.rows("select table_name, upstream_table from meta.table_lineage order by all"):
                below.setdefault(row["table_name"], []).append(row["upstream_table"])
        rows = self.rows("select indicator_id, side, mart, column_name, where_column, where_value from indicator.term order by all")  # fmt: skip
        for row in rows:
            row["contracts"] = sorted(one.removeprefix("clean.") for one in _under(f"mart.{row['mart']}", below) if one.startswith("clean."))  # fmt: skip
        return [row for row in rows if row["indicator_id"] in computed]

    def _unverified(self) -> list[Row]:
        if not self.has("reference.emission_factor"):
            return []
        used = [f"select {column} as factor_id from {table} where month in (select unnest($months)) {more}" for table, column, more in _FACTORS_OF if self.has(table)]  # fmt: skip
        if not used:
            return []
        return self.rows(f"select distinct factor_id, source from reference.emission_factor where not verified and factor_id in ({' union '.join(used)}) order by all")  # fmt: skip

    def _record(self, table: str) -> Row | None:
        """A table of the close as it is: its columns with their words, and its rows as text."""
        if not self.has(table):
            return None
        columns = self.columns[table]
        schema, name = table.split(".")
        said = dict(self.connection.execute("select column_name, any_value(comment) from duckdb_columns() where schema_name = ? and table_name = ? and comment is not null group by 1", [schema, name]).fetchall())  # fmt: skip
        kept = ["period in (select unnest($all_periods))"] * ("period" in columns) + ["org_id = $org"] * (
            "org_id" in columns
        )
        where = f"where {' and '.join(kept)}" if kept else ""
        rows = self.rows(f"select * from {table} {where} order by all", all_periods=[self.period, *self.months])
        heads = []
        for column in columns:
            zh, _, en = said.get(column, column).partition(" | ")
            heads.append({"zh": zh, "en": en or zh})
        return {"columns": heads, "rows": [["" if row[column] is None else str(row[column]) for column in columns] for row in rows]}  # fmt: skip


def _plain(value: object) -> object:
    """A cell as JSON can hold it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal | Fraction) else value


def _by_month(rows: Iterable[Row]) -> dict[str, dict[str, Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row["indicator_id"], {})[row["period"]] = row
    return found


def _under(table: str, below: Mapping[str, list[str]]) -> set[str]:
    found = set()
    waiting = [table]
    while waiting:
        for upstream in below.get(waiting.pop(), []):
            if upstream not in found:
                found.add(upstream)
                waiting.append(upstream)
    return found


def _by_source(extracts: Iterable[Row]) -> list[Row]:
    """Files by contract and source; `fingerprint` is the sha256 of their sorted sha256, one to a line."""
    kept: dict[tuple[str, str], list[Row]] = {}
    for row in extracts:
        kept.setdefault((row["contract"], row["source"]), []).append(row)
    counts = ("rows", "accepted", "refused", "duplicates")
    return [
        {"contract": contract, "source": source, "files": len(rows), **{name: sum(row[name] for row in rows) for name in counts},
         "first_received": min(row["received_at"] for row in rows), "last_received": max(row["received_at"] for row in rows),
         "fingerprint": hashlib.sha256("".join(f"{one}\n" for one in sorted(row["extract_id"] for row in rows)).encode()).hexdigest()}
        for (contract, source), rows in sorted(kept.items())
    ]  # fmt: skip


_AMOUNTS = (
    ("revenue_cny", "mart.site_month_revenue", "revenue_cny"), ("energy_tce", "mart.site_month_energy_use", "energy_tce"),
    ("emission_tco2e", "mart.site_month_emission", "emission_tco2e"),
)  # fmt: skip

_FACTORS_OF = (
    ("mart.emission_line", "factor_id", ""), ("mart.fuel_line", "tce_factor_id", ""), ("mart.fuel_line", "co2_factor_id", ""),
    ("mart.fuel_line", "density_factor_id", ""), ("mart.energy_line", "factor_id", "and is_counted"),
)  # fmt: skip

_SUM = """
select site_id, sum({column}::decimal(38, 9))::double as amount, count(*) as lines, count({column}) as known, count(distinct month) as months
from {table}
where month in (select unnest($months)) and site_id is not null
group by site_id
"""

_SITES = """
select site_id, arg_max(name, coalesce(valid_from, date '0001-01-01')) as name, arg_max(legal_entity_id, coalesce(valid_from, date '0001-01-01')) as legal_entity_id,
    arg_max(site_kind, coalesce(valid_from, date '0001-01-01')) as site_kind, arg_max(region, coalesce(valid_from, date '0001-01-01')) as region,
    arg_max(floor_area_m2, coalesce(valid_from, date '0001-01-01')) as floor_area_m2, min(valid_from) as valid_from, max(valid_to) as valid_to
from reference.site
where coalesce(valid_from, date '0001-01-01') <= last_day(($months[-1] || '-01')::date) and coalesce(valid_to, date '9999-12-31') >= ($months[1] || '-01')::date
group by site_id
order by site_id
"""

_BOUNDARY = """
select site_id, verdict, reason, count(distinct month) as months
from mart.reconciliation
where check_name = 'boundary' and month in (select unnest($months))
group by all
order by all
"""

_CHECKS = """
select check_name, verdict, reason, count(*) as lines
from mart.reconciliation
where month in (select unnest($months)) or left(subject, 4) in (select left(unnest($months), 4)) and month is null -- of a year
group by all
order by all
"""

_EVIDENCE = "select evidence_id, file, sha256, period, custodian, indicator_ids from reference.evidence order by all"

_EXTRACTS = """
select contract, source, extract_id, file, month, received_at, "rows"::bigint as "rows", accepted::bigint as accepted, refused::bigint as refused,
    duplicates::bigint as duplicates
from meta.extract
where month is null or month in (select unnest($months))
order by all
"""

_REFUSED = """
select contract, source, reason, count(*) as lines
from (select contract, source, unnest(reasons) as reason from quarantine.row where month is null or month in (select unnest($months)))
group by all
order by lines desc, contract, source, reason
"""

_CHANGES = """
select indicator_id, period, policy, old_value, new_value, cause_extracts
from meta.figure_change
where org_id = $org and (period = $period or period in (select unnest($months)))
order by all
"""
