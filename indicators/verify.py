#!/usr/bin/env python3
"""Verify a monthly data package: `python verify.py [FOLDER]`. It needs Python 3.9 or later and DuckDB, nothing else.

1. `SHA256SUMS` fits every file, `manifest.json` and this file among them, and nothing is missing or left over.
2. Every table has the bytes, rows, columns and types the manifest says, and its CSV says what its Parquet says.
3. The six formulas, from marts to site-months and from those to values: numerator, denominator and value of every site,
   legal entity and the enterprise are summed up again, in the month and in the evaluation period.

Whatever differs is named on a line of its own. Exit 0 nothing differs, 1 something does, 2 usage.
月度数据包校验：摘要、行数、结构、CSV 与 Parquet 一致性，并由集市逐级重算六项公式；差异逐条列出。
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import duckdb

SIX = {"A.1.6": 1, "A.1.10": 1, "A.2.2": 100, "A.2.6": 100, "A.2.7": 100, "A.2.8": 100}
"""The six formulas of the draft standard: value = this x sum of numerators / sum of denominators."""

TERMS: dict[tuple[str, str], tuple[str, str, str | None, str | None, float]] = {
    ("A.1.6", "numerator"): ("site_month_footprint", "emission_tco2e", None, None, 1),
    ("A.1.6", "denominator"): ("site_month_revenue", "revenue_cny", None, None, 0.0001),
    ("A.1.10", "numerator"): ("site_month_comprehensive_energy", "energy_tce", None, None, 1),
    ("A.1.10", "denominator"): ("site_month_revenue", "revenue_cny", None, None, 0.0001),
    ("A.2.2", "numerator"): ("site_month_survey", "satisfied", None, None, 1),
    ("A.2.2", "denominator"): ("site_month_survey", "answers", None, None, 1),
    ("A.2.6", "numerator"): ("site_month_complaint", "complaint_cases", None, None, 1),
    ("A.2.6", "denominator"): ("site_month_order", "accepted_orders", None, None, 1),
    ("A.2.7", "numerator"): ("site_month_delivery", "on_time_orders", None, None, 1),
    ("A.2.7", "denominator"): ("site_month_delivery", "due_orders", None, None, 1),
    ("A.2.8", "numerator"): ("site_month_goods", "intact", None, None, 1),
    ("A.2.8", "denominator"): ("site_month_goods", "due", None, None, 1),
}
"""What their sides are sums of, whatever the package says: mart, column, the column and value of rows that count, factor."""

PEOPLE = {"A.2.2"}
"""Those about people: their mart is left out, their small site-months are pooled. No others are excused for that."""

TOLERANCE = 1e-9
"""Sums of floats depend on their order, in the last digits; relative."""

SUMS, MANIFEST, SHOWN = "SHA256SUMS", "manifest.json", 20
GUARDED = r"^[=+\-@\t\r]"  # in CSV a text that a spreadsheet would take for a formula has an apostrophe before it


class Package:
    """A package on its way through the checks; `found` is what differs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.found, self.notes = folder, [], []  # type: tuple[Path, list[str], list[str]]
        self.manifest: dict[str, Any] = {}
        self.sound: set[str] = set()
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set TimeZone = 'UTC'")

    def check(self) -> list[str]:
        """Every difference, a line each."""
        self.sums()
        try:
            self.manifest = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            for entry in self.manifest["files"]:
                self.file(entry)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return [*self.found, f"{MANIFEST}: cannot be read: {error!r}"]
        tables = sorted({name.rpartition(".")[0] for name in self.listed() if name.endswith(".parquet")})
        for table in tables:
            self.attempt(f"{table}.csv", self.same, table)
        needed = ["indicator/value", "indicator/cell", "indicator/term"]
        for name in needed:
            if f"{name}.parquet" not in self.sound:
                self.found.append(f"{name}.parquet: the formulas cannot be computed again without it")
        if all(f"{name}.parquet" in self.sound for name in needed):
            self.attempt("indicator/value.parquet", self.formulas)
        return self.found

    def attempt(self, name: str, step: Any, *arguments: str) -> None:  # noqa: ANN401 - a method
        """Run a step; what DuckDB cannot read is named."""
        try:
            step(*arguments)
        except duckdb.Error as error:
            self.found.append(f"{name}: {' '.join(str(error).split())}")

    def listed(self) -> list[str]:
        """The files the manifest lists."""
        return [entry["name"] for entry in self.manifest["files"]]

    # ── 1. the chain of digests ──────────────────────────────────────────────────────────────────────────────────

    def sums(self) -> None:
        """Compare SHA256SUMS with what lies there."""
        path = self.folder / SUMS
        if not path.is_file():
            self.found.append(f"{SUMS}: is missing")
            return
        said: dict[str, str] = {}
        # a byte that is no text becomes a line that is no digest, and is named below
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.split("\n")[:-1], start=1):
            match = re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line)
            if match is None or match[2] in said:
                self.found.append(f"{SUMS} line {number}: not a digest and a name of its own: {line!r}")
            else:
                said[match[2]] = match[1]
        if not text.endswith("\n") or list(said) != sorted(said):
            self.found.append(f"{SUMS}: is not in order, or not whole")
        there = {one.relative_to(self.folder).as_posix() for one in self.folder.rglob("*") if one.is_file()} - {SUMS}
        self.found += [f"{name}: is missing" for name in sorted(said.keys() - there)]
        self.found += [f"{name}: {SUMS} does not know it" for name in sorted(there - said.keys())]
        for name in sorted(said.keys() & there):
            if digest(self.folder / name) != said[name]:
                self.found.append(f"{name}: its sha256 is not that of {SUMS}")

    # ── 2. the tables ────────────────────────────────────────────────────────────────────────────────────────────

    def file(self, entry: dict[str, Any]) -> None:
        """Compare one file with what the manifest says of it."""
        name, path = entry["name"], self.folder / entry["name"]
        if not path.is_file():
            self.found.append(f"{name}: is missing")
            return
        wrong = []
        if digest(path) != entry["sha256"]:
            wrong.append(f"{name}: its sha256 is not that of {MANIFEST}")
        if path.stat().st_size != entry["bytes"]:
            wrong.append(f"{name}: has {path.stat().st_size} bytes, {MANIFEST} says {entry['bytes']}")
        if not wrong and name.endswith(".parquet"):
            try:
                wrong = self.shape(name, entry)
            except duckdb.Error as error:
                wrong = [f"{name}: {' '.join(str(error).split())}"]
        self.found += wrong
        if not wrong:
            self.sound.add(name)

    def shape(self, name: str, entry: dict[str, Any]) -> list[str]:
        """Rows and columns of a Parquet file that are not as said."""
        table = self.read(name)
        rows = self.ask(f"select count(*) from {table}")[0][0]
        wrong = [f"{name}: has {rows} rows, {MANIFEST} says {entry['rows']}"] if rows != entry["rows"] else []
        present = [(column, kind) for column, kind, *_ in self.ask(f"describe select * from {table}")]
        said = [(column["name"], column["type"]) for column in entry["columns"]]
        wrong += [
            f"{name}: column {column} {kind} is not in {MANIFEST}"
            for column, kind in present
            if (column, kind) not in said
        ]
        wrong += [
            f"{name}: column {column} {kind} is missing" for column, kind in said if (column, kind) not in present
        ]
        return wrong or ([f"{name}: its columns stand in another order"] if present != said else [])

    def same(self, table: str) -> None:
        """Compare a CSV with its Parquet, cell by cell."""
        parquet, name = f"{table}.parquet", f"{table}.csv"
        if not {parquet, name} <= self.sound:
            if name not in self.listed():
                self.found.append(f"{name}: {MANIFEST} does not list it")
            return
        columns = [(column, kind) for column, kind, *_ in self.ask(f"describe select * from {self.read(parquet)}")]
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as handle:
            head = next(csv.reader(handle), [])
        if head != [column for column, _ in columns]:
            self.found.append(f"{name}: its header is not the columns of {parquet}")
            return
        types = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in head)
        written = (f"read_csv({quoted(str(self.folder / name))}, header = true, auto_detect = false, columns = {{{types}}}, delim = ',', "
                   "quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, parallel = false)")  # fmt: skip
        texts = ", ".join(f"{text_of(column, kind)} as {named(column)}" for column, kind in columns)
        numbered = "select row_number() over () as n"
        differ = [f"case when p.{named(one)} is distinct from q.{named(one)} then {quoted(one)} end" for one in head]
        for row, names in self.ask(f"""
            with p as ({numbered}, {texts} from {self.read(parquet)}), q as ({numbered}, * from {written}),
            d as (select coalesce(p.n, q.n) as n, list_filter([{', '.join(differ)}], x -> x is not null) as names, p.n is null or q.n is null as lone
                  from p full outer join q on p.n = q.n)
            select n, case when lone then null else names end from d where lone or len(names) > 0 order by n limit {SHOWN}"""):  # fmt: skip
            what = f"column {', '.join(names)}" if names else "stands in one of the two only"
            self.found.append(f"{name} row {row}: {what} (compared with {parquet})")

    # ── 3. the formulas ──────────────────────────────────────────────────────────────────────────────────────────

    def formulas(self) -> None:
        """Sum up the six again."""
        for table in ("value", "cell", "term"):
            self.connection.execute(f"create view {table} as select * from {self.read(f'indicator/{table}.parquet')}")
        self.unique("value", "indicator_id", "period", "org_id", "policy")
        self.unique("cell", "indicator_id", "policy", "month", "legal_entity_id", "site_id", "pool")
        for indicator in SIX:
            if not self.ask("select 1 from value where indicator_id = ? limit 1", indicator):
                self.found.append(f"indicator/value.parquet: {indicator} has no rows")
            if indicator not in PEOPLE:
                self.whole(indicator)
            for side in ("numerator", "denominator"):
                self.cells(indicator, side)
            self.values(indicator)

    def unique(self, table: str, *key: str) -> None:
        """No two rows of a table have one key."""
        for *row, many in self.ask(
            f"select {', '.join(key)}, count(*) from {table} group by all having count(*) > 1 limit {SHOWN}"
        ):
            self.found.append(f"indicator/{table}.parquet: {many} rows {describe(key, row)}")

    def whole(self, indicator: str) -> None:
        """No site-month of an indicator that is not about people is hidden or pooled."""
        for key in self.ask(f"select month, site_id, legal_entity_id, policy from cell where indicator_id = ? and (is_stub or pool is not null) order by all limit {SHOWN}", indicator):  # fmt: skip
            row = describe(("month", "site", "legal entity", "policy"), list(key))
            self.found.append(
                f"indicator/cell.parquet: {indicator} {row}, column is_stub, pool: it is not about people"
            )

    def cells(self, indicator: str, side: str) -> None:
        """One side of an indicator's site-months is the sum of the mart's column, and no row of the mart is without one."""
        term = TERMS[indicator, side]
        mart, column, where_column, where_value, factor = term
        said = self.ask("select mart, column_name, where_column, where_value, factor_to_unit from term where indicator_id = ? and side = ?", indicator, side)  # fmt: skip
        if said != [term]:
            self.found.append(f"indicator/term.parquet: {indicator} {side}: {said!r}, but it is {term!r}")
        if indicator in PEOPLE:
            self.notes.append(f"{indicator} {side}: mart/{mart} is left out (few people / 涉及少数人员); computed again from pooled site-months")  # fmt: skip
            return
        name = f"mart/{mart}.parquet"
        if name not in self.sound:
            self.found.append(f"{name}: the {side} of {indicator} cannot be computed again without it")
            return
        uncounted = self.manifest["not_delivered"].get(mart, [])
        if uncounted:
            self.notes.append(f"{indicator} {side}: {MANIFEST} says that what {name} counts was not delivered for {', '.join(uncounted)}; its rows there are in no site-month")  # fmt: skip
        policies = "policy" in [one for one, *_ in self.ask(f"describe select * from {self.read(name)}")]
        # a mart without policies counts under each there is in the month
        policy, spread = ("policy,", "") if policies else ("", "left join (select distinct month, policy from c) using (month)")  # fmt: skip
        where = f"where {named(where_column)} = {quoted(where_value)}" if where_column and where_value else ""
        for *key, one, again in self.ask(f"""
            with c as (select * from cell where indicator_id = ?),
            s as (select month, site_id, legal_entity_id, {policy} sum({named(column)}) * ? as again, count({named(column)}) = count(*) as is_known
                from {self.read(name)} {where} group by all),
            m as (select * from s {spread})
            select coalesce(c.month, m.month), coalesce(c.site_id, m.site_id), coalesce(c.legal_entity_id, m.legal_entity_id), coalesce(c.policy, m.policy),
                c.{side}, m.again
            from c full outer join m on c.month = m.month and c.site_id is not distinct from m.site_id
                and c.legal_entity_id is not distinct from m.legal_entity_id and c.policy is not distinct from m.policy
            -- where nothing happened the mart has no row, and the site-month counts 0; a row that does not know counts nothing
            where case
                when c.{side} is null then m.is_known and (not list_contains(?, m.month) or m.month in (select month from c where {side} is not null))
                when m.month is null then c.{side} <> 0
                else m.again is null or abs(m.again - c.{side}) > {TOLERANCE} * greatest(abs(m.again), abs(c.{side})) end
            order by all limit {SHOWN}""", indicator, factor, uncounted):  # fmt: skip
            row = describe(("month", "site", "legal entity", "policy"), key)
            self.found.append(f"indicator/cell.parquet: {indicator} {row}, column {side}: {one!r}, but {name} column {column} adds up to {again!r}")  # fmt: skip

    def values(self, indicator: str) -> None:
        """The values of an indicator are the sums of its site-months."""
        month, year = self.manifest["month"], self.manifest["evaluation_period"]
        for kind, org, used, lacking in (
            ("site", "site_id", "is_used_by_site", "pool in ('legal_entity', 'enterprise')"),
            ("legal_entity", "legal_entity_id", "is_used_above", "pool = 'enterprise'"),
            ("enterprise", quoted(self.manifest["enterprise_id"]), "is_used_above", "false"),
        ):
            for period, months in ((month, f"month = {quoted(month)}"), (year, f"month like {quoted(f'{year}-%')}")):
                rows = self.ask(f"""
                    with c as (select {org} as org_id, policy, bool_or(is_stub and {lacking}) as is_lacking,
                            sum(numerator) filter (where {used}) as n, sum(denominator) filter (where {used}) as d
                        from cell where indicator_id = ? and {months} and {org} is not null group by all),
                    v as (select * from value where indicator_id = ? and period = ? and org_kind = ?)
                    select coalesce(v.org_id, c.org_id), coalesce(v.policy, c.policy), v.org_id is null, c.is_lacking, v.reason,
                        v.numerator, v.denominator, v.value, c.n, c.d
                    from v full outer join c on v.org_id = c.org_id and v.policy = c.policy order by all""",
                    indicator, indicator, period, kind)  # fmt: skip
                for row in rows:
                    self.value(indicator, period, row)

    def value(self, indicator: str, period: str, row: tuple[Any, ...]) -> None:
        """Compare one value with the sums of its site-months."""
        org, policy, is_absent, is_lacking, reason, *said, n, d = row
        name = f"indicator/value.parquet: {indicator} {period} {org} {policy}"
        is_hidden = reason == "small_cell" and said == [None, None, None]
        if indicator in PEOPLE and (is_lacking or is_hidden):
            self.notes.append(
                f"{indicator} {period} {org} {policy}: not computed again, it rests on cells about few people"
            )
            return
        if is_absent:
            if n is not None and d is not None:
                self.found.append(f"{name}: has no row, its site-months add up to {n!r} / {d!r}")
            return
        formed = n is not None and d is not None
        again = (n, d, SIX[indicator] * n / d if d > 0 else None) if formed else (None, None, None)
        for column, one, other in zip(("numerator", "denominator", "value"), said, again):  # noqa: B905 - Python 3.9
            if not close(one, other):
                self.found.append(f"{name}, column {column}: {one!r}, its site-months give {other!r}")

    def read(self, name: str) -> str:
        """A Parquet file as a table of SQL."""
        return f"read_parquet({quoted(str(self.folder / name))}, hive_partitioning = false)"

    def ask(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self.connection.execute(sql, list(parameters)).fetchall()


def close(one: float | None, other: float | None) -> bool:
    """Whether two figures are one."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))


def text_of(column: str, kind: str) -> str:
    """How a cell is written in CSV, as SQL."""
    text = f"{named(column)}::varchar"
    guarded = f"case when regexp_matches({text}, {quoted(GUARDED)}) then '''' || {text} else {text} end"
    return guarded if kind.startswith("VARCHAR") else text


def describe(names: tuple[str, ...], row: list[Any]) -> str:
    """`month 2026-01, site SH-W01`, without what is empty."""
    return ", ".join(f"{name} {value}" for name, value in zip(names, row) if value is not None)  # noqa: B905


def named(column: str) -> str:
    """A column's name in SQL."""
    return '"' + column.replace('"', '""') + '"'


def quoted(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def digest(path: Path) -> str:
    """The sha256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            found.update(block)
    return found.hexdigest()


def main(arguments: list[str]) -> int:
    """The command line."""
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    if len(arguments) > 1 or not folder.is_dir():
        print("usage: python verify.py [FOLDER]", file=sys.stderr)
        return 2
    package = Package(folder)
    found = package.check()
    for line in package.notes:
        print(f"note / 说明: {line}")
    for line in found:
        print(f"DIFFERS / 不一致: {line}")
    if (folder / MANIFEST).is_file():
        print(f"{MANIFEST} sha256 {digest(folder / MANIFEST)}")
    print(
        f"{len(found)} differences / 处不一致" if found else f"verified / 校验通过: {len(package.sound)} files / 个文件"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
