"""Marts: lists them, reads their dependencies out of the SQL, and builds what is stale in a private DuckDB.

A mart is one file with one SELECT. It runs as it stands in any DuckDB where `clean`, `reference`, `staged`, `meta` and
the marts it reads exist; nothing is templated. A mart is stale when its SQL or anything it reads has changed. The rows
of closed months are those that were frozen, so that whatever reads a mart reads them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from schemas import units
from schemas.contract import contracts
from schemas.enterprise import Enterprise
from schemas.errors import CatalogueError, MartError
from schemas.factor import judged
from schemas.lake import MONTH, digest, months_named, replaced
from warehouse import closing, meters
from warehouse.access import literal

FOLDER = Path(__file__).parent / "marts"
REFERENCE = Path(__file__).parent / "reference"
SILENT_MONTHS = 12
"""So many months without a row may lie between two rows of a file that is read whole, and still count as delivered."""

_FEW = 100_000  # rows of a mart that are held in memory
_MANY = 300_000  # rows that marts read, from which on several threads gain more than they cost

SCHEMAS = ("clean", "reference", "staged", "meta", "mart")
_TARGETS = (
    "kWh", "Nm3", "m3", "GJ", "kg", "min", "kgce", "gCO2e", "kgCO2e", "tCO2e", "1", "kg/m3", "kg/Nm3", "tce/kg", "tce/Nm3", "tce/kWh", "tce/GJ",
    "tCO2e/kg", "tCO2e/Nm3", "tCO2e/kWh", "tCO2e/GJ", "GJ/kg", "GJ/Nm3", "GJ/tce", "tce/m3", "tC/GJ", "kgCO2e/GJ", "kgCO2e/kg", "kgCO2e/Nm3", "kgCO2e/L", "kgCO2e/km",
    "kgCO2e/tkm", "kgCO2e/kWh", "kgCO2e/t", "kg/km",
)  # fmt: skip


DEFAULTS = {
    "emission": "default",
    "energy": "equal_calorific",
    "on_time": "first_promise",
    "complaint": "all",
    "intact": "pieces",
    "satisfaction": "top_two_box",
    "customer_satisfaction": "top_two_box",
}
"""The policies of an enterprise that names none."""

PERCENTAGES = {"bill_tolerance_pct": 2.0, "unread_tolerance_pct": 100.0}
"""What an enterprise tolerates unless it says otherwise: percent of a bill by which a meter may differ from it; percent of
a month's hours no reading speaks for while the month still stands (1, as the class of an ordinary meter)."""

_POLICY_WORDS = {
    "reference_time": ("promised_by", "requested_by", "rescheduled_to"), "population": ("promised_by", "requested_by", "accepted_at"),
    "precision": ("instant", "day"), "customer_reschedule": ("replaces", "ignored", "any"), "cancelled": ("excluded", "late"),
    "undelivered": ("late", "excluded"), "partial": ("late", "as_delivered"), "coefficient": ("calorific", "equal_value"),
}  # fmt: skip


@dataclass(frozen=True)
class Mart:
    """One mart as its file declares it.

    Attributes:
        name: the file's name.
        sql: the SELECT.
        zh, en: what a row means, from the head comment.
        grain: the columns that name a row.
        rows: contract → the column that puts its rows into a month of this mart.
        zero: the contract whose delivery for a month says that a site without rows has had none.
        warns: the condition of rows that somebody ought to look at; nothing waits for them.
        kept_in: the mart that alone keeps its rows, where it is but a step towards it: it has no file and is not published.
    """

    name: str
    sql: str
    zh: str
    en: str
    grain: tuple[str, ...]
    rows: dict[str, str]
    zero: str | None = None
    warns: str | None = None
    kept_in: str | None = None

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The tables it reads (`clean.trip`), as DuckDB's own parser sees them."""
        [(error, schemas, tables)] = _parser().execute(
            """select tree ->> '$.error_message', tree ->> '$..schema_name', tree ->> '$..table_name'
            from (select json_serialize_sql(?) as tree)""", [self.sql]
        ).fetchall()  # fmt: skip
        if error:
            raise MartError(f"{self.name}.sql: {error}", str(FOLDER / f"{self.name}.sql"), "correct the SQL")
        return tuple(sorted({f"{schema}.{table}" for schema, table in zip(schemas, tables, strict=True) if schema}))


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """A connection that only reads SQL; opening one takes longer than reading a mart."""
    return duckdb.connect(config={"threads": 1})


def mart(name: str) -> Mart:
    """One mart by name."""
    return next(one for one in marts() if one.name == name)


@cache
def marts() -> tuple[Mart, ...]:
    """Every mart, those that are read before those that read them.

    Raises:
        MartError: a mart lacks its head comment, or marts read each other in a circle.
    """
    found = {path.stem: _mart(path) for path in sorted(FOLDER.glob("*.sql"))}
    ordered: dict[str, Mart] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise MartError(
                f"marts read each other in a circle: {' -> '.join((*above, name))}", str(FOLDER), "break the circle"
            )
        if name in ordered or name not in found:
            return
        for table in found[name].reads:
            if table.startswith("mart."):
                visit(table.removeprefix("mart."), (*above, name))
        ordered[name] = found[name]

    for name in found:
        visit(name, ())
    return tuple(ordered.values())


def _mart(path: Path) -> Mart:
    sql = path.read_text(encoding="utf-8")
    head = dict(re.findall(r"^-- (zh|en|grain): (.+)$", sql, re.MULTILINE))
    if len(head) != 3:
        raise MartError("the head comment must say zh, en and grain", str(path), "add `-- zh:`, `-- en:`, `-- grain:`")
    rows = re.search(r"^-- rows: (.+)$", sql, re.MULTILINE)
    by = dict(item.split(" by ") for item in rows[1].split(", ")) if rows else {}
    zero = re.search(r"^-- zero: (\w+)$", sql, re.MULTILINE)
    warns = re.search(r"^-- warns: (.+)$", sql, re.MULTILINE)
    kept_in = re.search(r"^-- kept: in (\w+)$", sql, re.MULTILINE)
    return Mart(
        path.stem, sql, head["zh"], head["en"], tuple(head["grain"].split(", ")), by,
        zero[1] if zero else None, warns[1] if warns else None, kept_in[1] if kept_in else None,
    )  # fmt: skip


@dataclass
class Built:
    """What became of one mart: the rows it keeps, its months, and those whose file changed."""

    name: str
    rows: int
    months: list[str]
    changed: list[str]


class Warehouse:
    """A private DuckDB over one enterprise's lake, with every mart in it.

    Use as a context manager, or close it: what was built counts from then on, or from the next commit of the lake.
    """

    def __init__(self, enterprise: Enterprise) -> None:
        self.enterprise, self.lake = enterprise, enterprise.lake
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set TimeZone = 'UTC'")
        for schema in SCHEMAS:
            self.connection.execute(f"create schema {schema}")
        self.inputs: dict[str, str] = {}
        self._at_hand: dict[str, Built] = {}
        self._frozen: dict[str, pl.DataFrame] = {}
        self._types: dict[str, dict[str, str]] = {}
        self._is_unsettled = False
        self._clean()
        self._reference()
        self._staged()
        self.connection.execute(f"set threads = {self._threads()}")

    def __enter__(self) -> Warehouse:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Keep what was built, and close the connection."""
        if self._is_unsettled:
            self.lake.commit()
        self.connection.close()

    def _clean(self) -> None:
        """`clean.<contract>` over the files that count, and `meta.arrival`: what was delivered for which month."""
        named = [path for table in contracts() for path in self.lake.files("clean", table.name)]
        gone = {path.parent.name for path in named if not path.exists()}
        if gone:
            raise MartError(
                "accepted rows are gone / 已接受的数据文件缺失", str(self.lake.data / "clean"),
                f"restore data/clean, or have them made anew from data/landing: esg run for / 请恢复，或重新运行: {', '.join(sorted(filter(MONTH.fullmatch, gone)))}",
            )  # fmt: skip
        for table in contracts():
            files = [str(path) for path in self.lake.files("clean", table.name)]
            self.inputs[f"clean.{table.name}"] = digest(
                sorted(Path(path).relative_to(self.lake.data).as_posix() for path in files), table.declaration
            )
            if files:
                self.connection.read_parquet(files, hive_partitioning=False, union_by_name=True).create_view(
                    f"clean_{table.name}"
                )
                # files of months that were taken in before the contract had a column do not know it
                there = {name for name, *_ in self.connection.execute(f"describe clean_{table.name}").fetchall()}
                later = [f', null::{one.duckdb} as "{one.name}"' for one in table.kept if one.name not in there]
                self.connection.execute(
                    f"create view clean.{table.name} as select *{''.join(later)} from clean_{table.name}"
                )
            else:
                self.connection.execute(table.ddl(f"clean.{table.name}"))
        arrivals = sorted(
            {(entry["contract"], entry["source"], month) for entry in self.lake.extracts() for month in _arrived(entry)}
        )
        frame = pl.DataFrame(
            arrivals, schema={"contract": pl.String, "source": pl.String, "month": pl.String}, orient="row"
        )
        self._table("meta.arrival", frame)

    def _reference(self) -> None:
        """Shipped reference rows with the enterprise's own in their place, and what follows from declarations."""
        for path in sorted(REFERENCE.glob("*.csv")):
            rows = _rows(path, self.enterprise.folder / "reference" / path.name)
            kind, is_policy, _ = path.stem.partition("_policy")
            self._table(f"reference.{path.stem}", self._with_own_policy(kind, rows) if is_policy else rows)
        _unheard(self.connection, self.enterprise.folder / "reference/emission_factor.csv")
        factors = self.frame("reference.emission_factor")
        self._table("reference.unit_factor", _unit_factors(tuple(factors["unit"].unique().sort())))
        policies = self.enterprise.declaration.policies
        run = {
            **_factor_policy(policies, factors), "timezone": self.enterprise.timezone,
            **{name: _percentage(policies, name) for name in PERCENTAGES},
        }  # fmt: skip
        self._table("reference.run", pl.DataFrame([run], schema=_RUN))
        entities = self.enterprise.legal_entities()
        self._table(
            "reference.legal_entity",
            pl.DataFrame(entities, schema={"legal_entity_id": pl.String, "name_zh": pl.String, "name_en": pl.String}),
        )
        for name in ("reference.site", "reference.meter"):
            self.inputs[name] = self.inputs[f"clean.{name.removeprefix('reference.')}"]
        months = digest(self.inputs["clean.site"], self.inputs["meta.arrival"], self.enterprise.timezone)
        self.inputs |= dict.fromkeys(("reference.site_zone", "reference.site_month", "reference.grid_fallback"), months)
        self.inputs |= dict.fromkeys(
            ("reference.meter_month", "reference.meter_ancestor"), digest(months, self.inputs["clean.meter"])
        )
        self.inputs["reference.complete_month"] = self.inputs["meta.arrival"]
        carrier = digest(*(self.inputs[f"reference.{name}"] for name in ("carrier", "unit_factor", "emission_factor")))
        self.inputs["reference.carrier_factor"] = carrier
        self.inputs["reference.meter_register"] = digest(carrier, self.inputs["clean.meter"])
        read = ("emission_factor", "run", "grid_region", "carrier", "fuel_factor", "unit_factor")
        library = digest(months, *(self.inputs[f"reference.{name}"] for name in read))
        self.inputs |= dict.fromkeys((f"reference.{name}" for name in _LIBRARY), library)
        self._table("reference.figure_unit", _figure_units(self.connection))
        derive(self.connection)

    def _with_own_policy(self, kind: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Policies of one kind, and the one that `enterprise.yaml` spells out, which is called `enterprise`."""
        own = self.enterprise.declaration.policies.get(kind)
        if isinstance(own, dict):
            strange = sorted(set(own) - set(rows.columns) | {"policy", "origin"} & set(own))
            default = rows.filter(pl.col("policy") == DEFAULTS[kind])
            if "scale_max" in default.columns and "scale_max" not in own:
                strange = strange or ["scale_max is missing / 缺少 scale_max"]
            if strange:
                known = [name for name in rows.columns if name not in ("policy", "origin")]
                raise CatalogueError(f"policies.{kind}: {', '.join(strange)} / 口径定义有误", str(self.enterprise.folder / "enterprise.yaml"),
                                     f"use keys of: {', '.join(known)}")  # fmt: skip
            rows = pl.concat([rows, _spelled_out(kind, own, default)])
        for name, words in _POLICY_WORDS.items():
            wrong = rows.filter(~pl.col(name).is_in(words)) if name in rows.columns else rows.clear()
            if wrong.height:
                raise CatalogueError(f"policies.{kind}: {name} cannot be {wrong[name][0]!r} / 口径取值不存在", "enterprise.yaml",
                                     f"use one of: {', '.join(words)}")  # fmt: skip
        return rows

    def _staged(self) -> None:
        """What `warehouse.meters` makes of readings, and the extracts their files are of."""
        found = meters.parts(self.enterprise)
        self._table("staged.meter_file", meters.origins(self.lake))
        for name, columns in meters.TABLES.items():
            paths = found.get(name, [])
            if paths:
                view = name.replace(".", "_")
                self.connection.read_parquet([str(path) for path in paths]).create_view(view)
                self.connection.execute(f"create view {name} as select * from {view}")
            else:
                self.connection.execute(f"create table {name} ({columns})")
            self.inputs[name] = digest([path.name for path in paths], self.inputs["clean.meter"])

    def _threads(self) -> int:
        """One where rows are few: a second one waits for the first most of the time, and waiting takes CPU as well."""
        rows = sum(entry["accepted"] for entry in self.lake.extracts() if entry["contract"] != "meter_reading")
        for name in meters.TABLES:
            rows += self.connection.execute(f"select count(*) from {name}").fetchall()[0][0]
        return 1 if rows < _MANY else int(os.environ.get("ESG_THREADS", os.cpu_count() or 1))

    def _table(self, name: str, frame: pl.DataFrame) -> None:
        self.connection.register("incoming", frame.to_arrow())
        self.connection.execute(f"create table {name} as select * from incoming")
        self.connection.unregister("incoming")
        self.inputs[name] = digest(frame.write_csv())

    def frame(self, table: str) -> pl.DataFrame:
        """The rows of a table or view of this warehouse (`mart.site_month_energy`)."""
        return self.connection.execute(f"select * from {table}").pl()

    def frozen(self, table: str) -> pl.DataFrame:
        """What was frozen of a published table in all closed periods; without columns where nothing is closed."""
        if table not in self._frozen:
            self._frozen[table] = closing.frozen(self.lake, table)
        return self._frozen[table]

    def types(self, *tables: str) -> dict[str, dict[str, str]]:
        """Table → its columns → their DuckDB types; what it was once told it does not ask again."""
        for table in tables:
            if table not in self._types:
                # `duckdb_columns` binds every view there is; this asks for the one
                told = self.connection.execute(f"describe {table}").fetchall()
                self._types[table] = {column: kind for column, kind, *_ in told}
        return {table: self._types[table] for table in tables}

    def shapes(self) -> dict[str, dict[str, str]]:
        """Mart → its columns → their DuckDB types, as its SQL alone says, in a warehouse where none is built yet."""
        for one in marts():  # tables, not views: views upon views are bound anew from the ground at each level
            self.connection.execute(f"create table mart.{one.name} as {one.sql} with no data")
        found = self.types(*(f"mart.{one.name}" for one in marts()))
        return {table.removeprefix("mart."): columns for table, columns in found.items()}

    def build(self, progress: Callable[[str], None] = lambda _: None) -> list[Built]:
        """Bring every mart up to date; see `mart`."""
        built = []
        for one in marts():
            progress(one.name)
            built.append(self.mart(one.name))
        return built

    def mart(self, name: str) -> Built:
        """Have one mart and those it reads at hand, computing what is stale.

        Returns:
            Its rows, and the months whose figures changed (none where it was up to date).

        Raises:
            MartError: a SELECT fails; nothing of that mart is replaced.
            OSError: its rows cannot be written.
        """
        if name in self._at_hand:
            return self._at_hand[name]
        mart = next(one for one in marts() if one.name == name)
        for table in mart.reads:
            if table.startswith("mart."):
                self.mart(table.removeprefix("mart."))
        fingerprint = self._fingerprints[name]
        if mart.kept_in:
            self._at_hand[name] = self._step(mart)
            return self._at_hand[name]
        known = self.lake.state["marts"].get(name, {})
        files = [self.lake.data / path for path in known.get("files", {}).values()]
        shape = known.get("columns", [])
        if known.get("fingerprint") == fingerprint and (files or shape) and all(path.exists() for path in files):
            self._take(name, files, shape, known["rows"])
            self._at_hand[name] = Built(name, known["rows"], _months(known["files"]), [])
        else:
            self._unsettle()
            self._at_hand[name] = self._build(mart, fingerprint)
        return self._at_hand[name]

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        """Mart → what its rows follow from: its SQL, all it reads, and what is frozen of it."""
        for mart in marts():
            closed = closing.files(self.lake, f"mart.{mart.name}").values()
            snapshots = sorted(path.relative_to(self.lake.data).as_posix() for path in closed)
            read = [(table, self.inputs.get(table)) for table in mart.reads]
            self.inputs[f"mart.{mart.name}"] = digest(mart.sql, read, snapshots)
        return {mart.name: self.inputs[f"mart.{mart.name}"] for mart in marts()}

    def _unsettle(self) -> None:
        """Before the first file is replaced: a run killed meanwhile must not leave new files under an old fingerprint."""
        if not self._is_unsettled:
            kept = self.lake.state["marts"]
            for name in set(kept) & set(self._fingerprints):
                if kept[name]["fingerprint"] != self._fingerprints[name]:
                    kept[name]["fingerprint"] = ""
            self.lake.commit()
            self._is_unsettled = True

    def _step(self, mart: Mart) -> Built:
        """A view: its rows are computed where they are kept, and nowhere twice."""
        self.connection.execute(f"create view mart.{mart.name} as {mart.sql}")
        for path in self.lake.state["marts"].pop(mart.name, {}).get("files", {}).values():
            (self.lake.data / path).unlink(missing_ok=True)  # of a version that kept them
        return Built(mart.name, 0, [], [])

    def _take(self, name: str, files: list[Path], columns: list[list[str]], rows: int) -> None:
        """Have a mart as it lies in its files: one with few rows in memory, since it is asked for often.

        One without rows has no file and is known by its columns.
        """
        if files:
            paths = [str(path) for path in files]
            self.connection.read_parquet(paths, hive_partitioning=False, union_by_name=True).create_view(f"mart_{name}")
            held = "table" if rows <= _FEW else "view"
            self.connection.execute(f"create {held} mart.{name} as select * from mart_{name}")
        else:
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns)
            self.connection.execute(f"create table mart.{name} ({listed})")

    def _build(self, mart: Mart, fingerprint: str) -> Built:
        """Compute a mart into one file, part that by month, and have the mart at hand as it lies in its files.

        Rows are as soon written to a file as held in a table, out of which they would have to be written after all.
        """
        closed = closing.files(self.lake, f"mart.{mart.name}")
        folder = self.lake.data / "mart" / mart.name
        folder.mkdir(parents=True, exist_ok=True)
        whole = folder / f".{os.getpid()}.part"
        files, changed = {}, []
        try:
            columns = self._compute(mart, whole)
            computed = self._computed(whole)
            parts, counts = self._parts(computed, columns, closed)
            drift = [month for month, path in closed.items() if self._drifted(computed, columns, month, path)]
            for month in counts:
                path = folder / f"{month or 'undated'}.parquet"
                files[str(month)] = path.relative_to(self.lake.data).as_posix()
                is_whole = len(counts) == 1 and month not in closed
                if self._replaced(path, whole.replace if is_whole else partial(self._write, parts[month])):
                    changed.append(str(month))
        finally:
            whole.unlink(missing_ok=True)
        for month, place in self.lake.state["marts"].get(mart.name, {}).get("files", {}).items():
            if month not in files:
                (self.lake.data / place).unlink(missing_ok=True)
                changed.append(month)
        rows = sum(counts.values())
        # in their order, which the keys of the state do not keep
        shape = [] if rows else [list(item) for item in columns.items()]
        self.lake.state["marts"][mart.name] = {
            "fingerprint": fingerprint,
            "files": files,
            "rows": rows,
            "columns": shape,
            "drift": drift,
        }
        self._take(mart.name, [self.lake.data / place for place in files.values()], shape, rows)
        return Built(mart.name, rows, _months(files), sorted(changed))

    def _compute(self, mart: Mart, whole: Path) -> dict[str, str]:
        """Write all rows of a mart to a file, and return its columns with their DuckDB types."""
        try:
            self._write(mart.sql, whole)
        except duckdb.Error as error:
            raise MartError(
                f"mart {mart.name}: {error}", str(FOLDER / f"{mart.name}.sql"), "correct the SQL or the rows it reads"
            ) from error
        return self._columns(whole)

    def _computed(self, whole: Path) -> str:
        """Where all rows of a mart are read from: its one file, or a table where they are few and asked for month by month."""
        rows = self.connection.execute(f"select count(*) from {_from(whole)}").fetchall()[0][0]
        if rows > _FEW:
            return _from(whole)
        self.connection.execute(f"create or replace temp table computed as from {_from(whole)}")
        return "computed"

    def _parts(
        self, computed: str, columns: Mapping[str, str], closed: Mapping[str, Path]
    ) -> tuple[dict[str | None, str], dict[str | None, int]]:
        """Month → the SELECT of its rows, and month → how many those are, of the months that have any.

        Those of a closed month are the frozen ones, whatever was computed; a column they did not have is empty.
        """
        counted = f"select month, count(*) from {computed} group by month order by month"
        counts = dict(self.connection.execute(counted).fetchall())
        parts = {
            month: f"select * from {computed} where month {'is null' if month is None else f'= {literal(month)}'}"
            for month in counts
        }
        for month, path in closed.items():
            there = self._columns(path)
            values = (
                f"{_name(one) if one in there else 'null'}::{kind} as {_name(one)}" for one, kind in columns.items()
            )
            parts[month] = f"select {', '.join(values)} from {_from(path)}"
            counts[month] = self.connection.execute(f"select count(*) from {_from(path)}").fetchall()[0][0]
        return parts, {month: count for month, count in counts.items() if count}

    def _drifted(self, computed: str, columns: Mapping[str, str], month: str, frozen: Path) -> bool:
        """Whether the rows of a closed month were computed otherwise than they are frozen, in the columns they had."""
        names = ", ".join(_name(one) for one in self._columns(frozen) if one in columns)
        then, now = (
            f"select {names} from {_from(frozen)}",
            f"select {names} from {computed} where month = {literal(month)}",
        )
        differ = f"from ({then} except all {now}) union all from ({now} except all {then}) limit 1"
        return bool(self.connection.execute(differ).fetchall())

    def _columns(self, path: Path) -> dict[str, str]:
        """The columns of a Parquet file with their DuckDB types."""
        return {name: kind for name, kind, *_ in self.connection.execute(f"describe from {_from(path)}").fetchall()}

    def _write(self, select: str, path: Path) -> None:
        try:
            self.connection.execute(f"copy ({select}) to {literal(path)} (format parquet)")
        except duckdb.IOException as error:
            raise OSError(" ".join(str(error).split())) from error

    def _replaced(self, path: Path, write: Callable[[Path], object]) -> bool:
        """Write a month's rows unless the very same bytes lie there already."""
        before = path.read_bytes() if path.exists() else None
        with replaced(path) as temporary:
            write(temporary)
            after = temporary.read_bytes()
        return before != after


def _name(column: str) -> str:
    return f'"{column}"'


def _from(path: Path) -> str:
    return f"read_parquet({literal(path)}, hive_partitioning = false)"


def derive(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of `reference.sql`, and the function `wall_time(zone, moment)` of which marts take days and months.

    It is `timezone(zone, moment)`, which takes ten times as long where the zone is not a constant: so each zone of a
    site is written out as one.
    """
    connection.execute((Path(__file__).parent / "reference.sql").read_text(encoding="utf-8"))
    zones = connection.execute("select distinct timezone from reference.site_zone order by 1").fetchall()
    named = [literal(zone) for (zone,) in zones if zone is not None]
    known = "".join(f" when zone = {zone} then timezone({zone}, moment)" for zone in named)
    connection.execute(
        f"create macro wall_time(zone, moment) as case when zone is null then null{known} else timezone(zone, moment) end"
    )


def _months(files: Iterable[str]) -> list[str]:
    """The months of a mart's files; rows without a month lie in one of their own."""
    return sorted(month for month in files if MONTH.fullmatch(month))


_LIBRARY = ("factor_choice", "gwp", "fuel_co2", "fuel_co2_heat", "fuel_wtt", "tce", "density")
"""The tables `reference.sql` makes of the factor library."""

_RUN: dict[str, type[pl.DataType]] = {
    "factors_as_of": pl.Date, "factors": pl.String, "frozen_year": pl.Int64, "parameter_set": pl.String, "gwp_set": pl.String,
    "timezone": pl.String, **dict.fromkeys(PERCENTAGES, pl.Float64),
}  # fmt: skip
_FACTOR_POLICIES = ("latest_published_as_of", "matching_year_else_latest", "frozen")


def _factor_policy(policies: Mapping[str, str | dict[str, str | int]], factors: pl.DataFrame) -> dict[str, Any]:
    """Which of several factors counts: the columns of `reference.run`.

    Raises:
        CatalogueError: a policy, a year or a set that does not exist.
    """

    def refuse(what: str, todo: str) -> CatalogueError:
        return CatalogueError(f"policies.{what}", "enterprise.yaml", todo)

    known = (*DEFAULTS, "factors", "factors_as_of", "parameter_set", "gwp", *PERCENTAGES)
    strange = sorted(set(policies) - set(known))
    if strange:
        raise refuse(f"unknown {', '.join(strange)} / 口径名称不存在", f"there are: {', '.join(known)}")
    given = policies.get("factors", "latest_published_as_of")
    name, year = next(iter(given.items())) if isinstance(given, dict) and given else (given, None)
    if (
        name not in _FACTOR_POLICIES
        or (name == "frozen") != (year is not None)
        or not (year is None or str(year).isdigit())
    ):
        raise refuse(
            f"factors: {given!r} / 因子口径不存在",
            "use latest_published_as_of, matching_year_else_latest or {frozen: 2022}",
        )
    chosen, gwp = str(policies.get("parameter_set", "ndrc")), str(policies.get("gwp", "AR5"))
    sets = set(
        factors.filter(pl.col("kind").is_in(["fuel_ncv", "fuel_co2_mass", "fuel_ttw_co2e"]))[
            "parameter_set"
        ].drop_nulls()
    )
    if chosen not in sets:
        raise refuse(
            f"parameter_set: no set is called {chosen!r} / 参数组不存在", f"use one of: {', '.join(sorted(sets))}"
        )
    known_gwp = sorted(set(factors.filter(pl.col("kind") == "gwp100")["gwp_set"].drop_nulls()))
    if gwp not in known_gwp:
        raise refuse(f"gwp: {gwp!r} / GWP 组不存在；一份清单只用一组", f"use one of: {', '.join(known_gwp)}")
    try:
        day = policies.get("factors_as_of")
        as_of = date.today() if day is None else date.fromisoformat(str(day))  # noqa: DTZ011 - a calendar day
    except ValueError as error:
        raise refuse(f"factors_as_of: {error} / 日期无效", "write it as 2026-12-31") from error
    return {
        "factors_as_of": as_of,
        "factors": name,
        "frozen_year": None if year is None else int(year),
        "parameter_set": chosen,
        "gwp_set": gwp,
    }


def _percentage(policies: Mapping[str, str | dict[str, str | int]], name: str) -> float:
    """A tolerance in percent (see `PERCENTAGES`)."""
    written = str(policies.get(name, PERCENTAGES[name]))
    if not re.fullmatch(r"\d+(\.\d+)?", written):
        raise CatalogueError(
            f"policies.{name}: {written} / 取值无效", "enterprise.yaml", "write a number of percent, as 2.5"
        )
    return float(written)


def _spelled_out(kind: str, own: Mapping[str, str | int], default: pl.DataFrame) -> pl.DataFrame:
    """The rows of a policy called `enterprise`: the default's, with what the enterprise says in their place."""
    words = {
        "policy": "enterprise",
        "origin": "enterprise",
        "zh": "企业自定义口径",
        "en": "as the enterprise defines it",
        **own,
    }
    kept = default.filter(pl.col("scale_max") != float(own["scale_max"])) if "scale_max" in own else default.clear()
    try:
        mine = default.head(1).with_columns(pl.lit(value).cast(pl.String).alias(name) for name, value in words.items())
        mine = mine.with_columns(
            pl.col(name).str.to_lowercase().is_in(["true", "1"]) if kind_ == pl.Boolean else pl.col(name).cast(kind_)
            for name, kind_ in default.schema.items() if name in own
        )  # fmt: skip
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise CatalogueError(f"policies.{kind}: {error} / 取值无效", "enterprise.yaml", "correct the value") from error
    return pl.concat([kept.with_columns(policy=pl.lit("enterprise"), origin=pl.lit("enterprise")), mine])


def _arrived(entry: dict[str, Any]) -> list[str]:
    """The months an extract delivers for: the one its name tells, else every month between its first and last row."""
    if named := months_named(entry):
        return named
    months = sorted(month for month in entry["clean"] if MONTH.fullmatch(month))
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in months]
    found = set(numbers)
    for before, after in pairwise(numbers):
        if after - before <= SILENT_MONTHS:  # a longer silence is no delivery: one mistyped year would claim a century
            found |= set(range(before, after))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in sorted(found)]


def _rows(shipped: Path, own: Path) -> pl.DataFrame:
    """Reference rows; an enterprise's row takes the place of the shipped one with the same first column."""
    rows = _typed(pl.read_csv(shipped, infer_schema=False)).with_columns(pl.lit("shipped").alias("origin"))
    if not own.exists():
        return rows
    try:
        mine = _typed(
            judged(own) if own.stem == "emission_factor" else pl.read_csv(own, infer_schema=False)
        ).with_columns(pl.lit("enterprise").alias("origin"))
    except pl.exceptions.PolarsError as error:
        raise MartError(
            f"cannot be read as reference rows: {error}", str(own), f"use the columns of {shipped.name}"
        ) from error
    strange = set(mine.columns) - set(rows.columns)
    if strange or rows.columns[0] not in mine.columns:
        raise MartError(
            f"columns do not fit: {', '.join(sorted(strange))}", str(own), f"use the columns of {shipped.name}"
        )
    first = rows.columns[0]
    if rows[first].is_unique().all() and mine[first].is_duplicated().any():
        raise MartError(
            f"{first} stands twice: {mine.filter(pl.col(first).is_duplicated())[first][0]}",
            str(own),
            "keep one row of it",
        )
    return pl.concat([rows.filter(~pl.col(first).is_in(mine[first].to_list())), mine], how="diagonal_relaxed").select(
        rows.columns
    )


def _unheard(connection: duckdb.DuckDBPyConnection, own: Path) -> None:
    """Refuse own factors that nothing asks for, since the shipped ones would be used in silence.

    Raises:
        CatalogueError: the subject is no fuel, carrier or density, or is a refrigerant that is reckoned by its gases.
    """
    known = """
        select co2_subject as subject from reference.fuel_factor union select fuel from reference.fuel_factor
        union select density_subject from reference.fuel_factor union select carrier from reference.carrier union select 'purchased heat / steam'
        union select subject from reference.emission_factor where origin = 'shipped' and (kind like 'fuel%' or kind in ('density', 'tce_coefficient'))"""
    names = [
        name for (name,) in connection.execute(f"from ({known}) where subject is not null order by all").fetchall()
    ]
    strange = connection.execute(
        """select factor_id, subject, null as gases from reference.emission_factor
           where origin = 'enterprise' and (kind like 'fuel%' or kind in ('density', 'tce_coefficient', 'tce_equal_value', 'heat_factor'))
               and not list_contains($names, subject)
           union all
           select f.factor_id, f.subject, string_agg(r.gas, ', ' order by r.gas) from reference.emission_factor as f
           inner join reference.refrigerant as r on f.subject = r.refrigerant
           where f.origin = 'enterprise' and f.kind = 'gwp100' group by all having bool_or(r.gas <> f.subject)
           order by all""",
        {"names": names},
    ).fetchall()
    if strange:
        factor_id, subject, gases = strange[0]
        todo = (
            f"it is reckoned by its gases: give the GWP of {gases} / 按组分计算"
            if gases
            else f"use one of / 应为: {', '.join(names)}"
        )
        raise CatalogueError(
            f"nothing asks for subject {subject!r} ({factor_id}) / 没有名为 {subject} 的对象", str(own), todo
        )


_NUMBERS = (
    "value", "scale_min", "scale_max", "satisfied_from", "mass_share", "half_width_pct", "lower", "upper", "added_km",
)  # fmt: skip
_COUNTS = ("data_year", "tolerance_min", "close_within_h")
_DAYS = ("published_on", "valid_from", "valid_to")
_FLAGS = (
    "verified", "counts_unjustified", "is_kyoto", "is_biogenic", "has_n2o", "counts_other_indirect", "is_medium", "needs_equal_value",
)  # fmt: skip


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    decimals = [pl.col("value").alias("value_text")] if "value" in frame.columns else []
    return frame.with_columns(
        *decimals,
        *(pl.col(name).cast(pl.Float64) for name in frame.columns if name in _NUMBERS),
        *(pl.col(name).cast(pl.Int64) for name in frame.columns if name in _COUNTS),
        *(pl.col(name).str.to_date() for name in frame.columns if name in _DAYS),
        *((pl.col(name) == "true") for name in frame.columns if name in _FLAGS),
    )


@cache
def _unit_factors(written: tuple[str, ...]) -> pl.DataFrame:
    """Conversion factors, by the registry, from every unit met to every unit the marts count in."""
    pairs = []
    for unit in (*sorted(set(units.ALIASES.values())), *written, *_TARGETS, "kgCO2/kg", "kgCO2/Nm3", "kgCO2/L"):
        for target in _TARGETS:
            if units.is_known(unit) and units.same_dimension(unit, target):
                pairs.append((unit, target, units.factor(unit, target)))
    return pl.DataFrame(
        sorted(set(pairs)), schema={"from_unit": pl.String, "to_unit": pl.String, "factor": pl.Float64}, orient="row"
    )


def _figure_units(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Conversion factors between the units of published figures that must agree with each other.

    Args:
        connection: with `clean.reported_figure` and `reference.emission_factor`.

    Returns:
        from_unit (of a part, a quotient, an emission per activity, a share), to_unit, factor; nothing where a unit is
        unknown or measures something else.
    """
    pairs = connection.execute("""
        with f as (select figure_id, unit, parent_id, numerator_id, denominator_id, base_id, activity_id, factor_id from clean.reported_figure)
        select p.unit, t.unit from f as p inner join f as t on p.parent_id = t.figure_id
        union select n.unit || '/' || d.unit, r.unit from f as r
            inner join f as n on r.numerator_id = n.figure_id inner join f as d on r.denominator_id = d.figure_id
        union select '1', unit from f where base_id is not null
        union select e.unit || '/' || a.unit, k.unit from f as e
            inner join f as a on e.activity_id = a.figure_id inner join reference.emission_factor as k on e.factor_id = k.factor_id
        union select '1', '%'
        order by all""").fetchall()
    rows = [
        (unit, into, units.factor(unit, into))
        for unit, into in pairs
        if units.is_known(unit) and units.is_known(into) and units.same_dimension(unit, into)
    ]
    return pl.DataFrame(rows, schema={"from_unit": pl.String, "to_unit": pl.String, "factor": pl.Float64}, orient="row")
