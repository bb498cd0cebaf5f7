"""Marts: lists them, reads their dependencies out of the SQL, and builds what is stale in a private DuckDB.

A mart is one file with one SELECT. It runs as it stands in any DuckDB where `clean`, `reference`, `staged`, `meta` and
the marts it reads exist; nothing is templated. A mart is stale when its SQL or anything it reads has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from schemas import units
from schemas.contract import contracts
from schemas.enterprise import Enterprise
from schemas.errors import CatalogueError, MartError
from schemas.lake import MONTH, digest, replaced
from warehouse import meters

FOLDER = Path(__file__).parent / "marts"
REFERENCE = Path(__file__).parent / "reference"
SILENT_MONTHS = 12
"""So many months without a row may lie between two rows of a file that is read whole, and still count as delivered."""

SCHEMAS = ("clean", "reference", "staged", "meta", "mart")
_TARGETS = ("kWh", "Nm3", "m3", "GJ", "kg", "min", "kgce", "gCO2e", "kg/m3", "kg/Nm3", "tce/kg", "tce/Nm3", "tce/kWh", "tce/GJ", "tCO2e/kg",
            "tCO2e/Nm3", "tCO2e/kWh", "tCO2e/GJ")  # fmt: skip


DEFAULTS = {"on_time": "first_promise", "complaint": "all", "intact": "pieces", "satisfaction": "top_two_box"}
"""The policies of an enterprise that names none."""

_POLICY_WORDS = {
    "reference_time": ("promised_by", "requested_by", "rescheduled_to"), "population": ("promised_by", "requested_by", "accepted_at"),
    "precision": ("instant", "day"), "customer_reschedule": ("replaces", "ignored", "any"), "cancelled": ("excluded", "late"),
    "undelivered": ("late", "excluded"), "partial": ("late", "as_delivered"),
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
    """

    name: str
    sql: str
    zh: str
    en: str
    grain: tuple[str, ...]
    rows: dict[str, str]
    zero: str | None = None

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The tables it reads (`clean.trip`), as DuckDB's own parser sees them."""
        with duckdb.connect() as connection:
            tree = json.loads(connection.execute("select json_serialize_sql(?)", [self.sql]).fetchall()[0][0])
        if tree["error"]:
            raise MartError(
                f"{self.name}.sql: {tree['error_message']}", str(FOLDER / f"{self.name}.sql"), "correct the SQL"
            )
        found: set[str] = set()

        def walk(node: Any) -> None:  # noqa: ANN401 - a parse tree
            if isinstance(node, dict):
                if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
                    found.add(f"{node['schema_name']}.{node['table_name']}")
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)

        walk(tree)
        return tuple(sorted(found))


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
    return Mart(path.stem, sql, head["zh"], head["en"], tuple(head["grain"].split(", ")), by, zero[1] if zero else None)


@dataclass
class Built:
    """What became of one mart: rows, and the months whose file changed."""

    name: str
    rows: int
    changed: list[str]


class Warehouse:
    """A private DuckDB over one enterprise's lake, with every mart in it.

    Use as a context manager; `connection` is closed at the end.
    """

    def __init__(self, enterprise: Enterprise) -> None:
        self.enterprise, self.lake = enterprise, enterprise.lake
        self.connection = duckdb.connect(config={"threads": _threads()})
        self.connection.execute("set TimeZone = 'UTC'")
        for schema in SCHEMAS:
            self.connection.execute(f"create schema {schema}")
        self.inputs: dict[str, str] = {}
        self._at_hand: dict[str, Built] = {}
        self._clean()
        self._reference()
        self._staged()

    def __enter__(self) -> Warehouse:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.connection.close()

    def _clean(self) -> None:
        """`clean.<contract>` over the files that count, and `meta.arrival`: what was delivered for which month."""
        for table in contracts():
            files = [str(path) for path in self.lake.files("clean", table.name)]
            self.inputs[f"clean.{table.name}"] = digest(
                sorted(Path(path).relative_to(self.lake.data).as_posix() for path in files)
            )
            if files:
                self.connection.read_parquet(files, hive_partitioning=False, union_by_name=True).create_view(
                    f"clean_{table.name}"
                )
                self.connection.execute(f"create view clean.{table.name} as select * from clean_{table.name}")
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
        factors = self.frame("reference.emission_factor")
        self._table("reference.unit_factor", _unit_factors(tuple(factors["unit"].unique().sort())))
        as_of = _factors_as_of(self.enterprise.declaration.policies)
        self._table("reference.run", pl.DataFrame({"factors_as_of": [as_of], "timezone": [self.enterprise.timezone]}))
        entities = self.enterprise.legal_entities()
        self._table(
            "reference.legal_entity",
            pl.DataFrame(entities, schema={"legal_entity_id": pl.String, "name_zh": pl.String, "name_en": pl.String}),
        )
        for name in ("reference.site", "reference.meter"):
            self.inputs[name] = self.inputs[f"clean.{name.removeprefix('reference.')}"]
        months = digest(self.inputs["clean.site"], self.inputs["meta.arrival"], self.enterprise.timezone)
        self.inputs |= {"reference.site_zone": months, "reference.site_month": months, "reference.grid_fallback": months,
                        "reference.carrier_tce": digest(self.inputs["reference.carrier"], self.inputs["reference.emission_factor"])}  # fmt: skip
        self.connection.execute((Path(__file__).parent / "reference.sql").read_text(encoding="utf-8"))

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
        """`staged.meter_part`, `staged.meter_event` and the extracts their files are of; see `warehouse.meters`."""
        found = meters.parts(self.enterprise)
        origins = meters.origins(self.lake)
        self._table("staged.meter_file", origins)
        names = ("staged.meter_part", "staged.meter_event")
        if found:
            for name, path in zip(names, found, strict=True):
                view = name.replace(".", "_")
                self.connection.read_parquet(str(path)).create_view(view)
                self.connection.execute(f"create view {name} as select * from {view}")
        else:
            self.connection.execute(f"create table {names[0]} ({meters.PART_COLUMNS})")
            self.connection.execute(f"create table {names[1]} ({meters.EVENT_COLUMNS})")
        for name in names:
            self.inputs[name] = digest([path.name for path in found or ()], self.inputs["clean.meter"])

    def _table(self, name: str, frame: pl.DataFrame) -> None:
        self.connection.register("incoming", frame.to_arrow())
        self.connection.execute(f"create table {name} as select * from incoming")
        self.connection.unregister("incoming")
        self.inputs[name] = digest(frame.write_csv())

    def frame(self, table: str) -> pl.DataFrame:
        """The rows of a table or view of this warehouse (`mart.site_month_energy`)."""
        return self.connection.execute(f"select * from {table}").pl()

    def types(self, *tables: str) -> dict[str, dict[str, str]]:
        """Table → its columns → their DuckDB types."""
        rows = self.connection.execute(
            """select schema_name || '.' || table_name as t, column_name, data_type from duckdb_columns()
               where not internal and list_contains(?, t)""",
            [list(tables)],
        ).fetchall()
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in rows:
            found.setdefault(table, {})[column] = kind
        return found

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
        """
        if name in self._at_hand:
            return self._at_hand[name]
        mart = next(one for one in marts() if one.name == name)
        for table in mart.reads:
            if table.startswith("mart."):
                self.mart(table.removeprefix("mart."))
        fingerprint = digest(mart.sql, [(table, self.inputs.get(table)) for table in mart.reads])
        self.inputs[f"mart.{name}"] = fingerprint
        known = self.lake.state["marts"].get(name, {})
        files = [self.lake.data / path for path in known.get("files", {}).values()]
        if known.get("fingerprint") == fingerprint and files and all(path.exists() for path in files):
            self.connection.read_parquet(
                [str(path) for path in files], hive_partitioning=False, union_by_name=True
            ).create_view(f"mart_{name}")
            self.connection.execute(f"create view mart.{name} as select * from mart_{name}")
            self._at_hand[name] = Built(name, known["rows"], [])
        else:
            if known:
                # a run killed while it replaces files must not leave new ones under the old fingerprint
                self.lake.state["marts"][name] = known | {"fingerprint": ""}
                self.lake.commit()
            self._at_hand[name] = self._build(mart, fingerprint)
            self.lake.commit()
        return self._at_hand[name]

    def _build(self, mart: Mart, fingerprint: str) -> Built:
        try:
            self.connection.execute(f"create table mart.{mart.name} as {mart.sql}")
        except duckdb.Error as error:
            raise MartError(
                f"mart {mart.name}: {error}", str(FOLDER / f"{mart.name}.sql"), "correct the SQL or the rows it reads"
            ) from error
        frame = self.frame(f"mart.{mart.name}")
        old = self.lake.state["marts"].get(mart.name, {}).get("files", {})
        files, changed = {}, []
        folder = self.lake.data / "mart" / mart.name
        for (month,), part in sorted(frame.partition_by("month", as_dict=True).items(), key=lambda item: str(item[0])):
            path = folder / f"{month or 'undated'}.parquet"
            files[str(month)] = path.relative_to(self.lake.data).as_posix()
            if _replaced(part, path):
                changed.append(str(month))
        for month, path in old.items():
            if month not in files:
                (self.lake.data / path).unlink(missing_ok=True)
                changed.append(month)
        self.lake.state["marts"][mart.name] = {"fingerprint": fingerprint, "files": files, "rows": frame.height}
        return Built(mart.name, frame.height, sorted(changed))


def _replaced(frame: pl.DataFrame, path: Path) -> bool:
    """Write a month's rows unless the very same bytes lie there already."""
    before = path.read_bytes() if path.exists() else None
    with replaced(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", compression_level=1)
        after = temporary.read_bytes()
    return before != after


def _factors_as_of(policies: Mapping[str, str | dict[str, str | int]]) -> date:
    """The day up to which published factors count; today unless the policies fix one."""
    strange = sorted(set(policies) - {*DEFAULTS, "factors", "factors_as_of"})
    if strange or policies.get("factors", "latest_published_as_of") != "latest_published_as_of":
        raise CatalogueError(f"policies: unknown {', '.join(strange) or policies['factors']} / 口径名称不存在", "enterprise.yaml",
                             f"there are: {', '.join(DEFAULTS)}, factors: latest_published_as_of, factors_as_of")  # fmt: skip
    try:
        day = policies.get("factors_as_of")
        return date.today() if day is None else date.fromisoformat(str(day))  # noqa: DTZ011 - a calendar day
    except ValueError as error:
        raise CatalogueError(
            f"policies.factors_as_of: {error} / 日期无效", "enterprise.yaml", "write it as 2026-12-31"
        ) from error


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


def _threads() -> int:
    import os

    return int(os.environ.get("ESG_THREADS", os.cpu_count() or 1))


def _arrived(entry: dict[str, Any]) -> list[str]:
    """The months an extract delivers for: the one its name tells, else every month between its first and last row."""
    if entry["month"]:
        return [entry["month"]]
    months = sorted(month for month in entry["clean"] if MONTH.fullmatch(month))
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in months]
    found = set(numbers)
    for before, after in pairwise(numbers):
        if after - before <= SILENT_MONTHS:  # a longer silence is no delivery: one mistyped year would claim a century
            found |= set(range(before, after))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in sorted(found)]


def _rows(shipped: Path, own: Path) -> pl.DataFrame:
    """Reference rows; an enterprise's row takes the place of the shipped one with the same first column."""
    rows = _typed(shipped).with_columns(pl.lit("shipped").alias("origin"))
    if not own.exists():
        return rows
    try:
        mine = _typed(own).with_columns(pl.lit("enterprise").alias("origin"))
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


_NUMBERS = ("value", "scale_max", "satisfied_from")
_COUNTS = ("data_year", "tolerance_min", "close_within_h")
_DAYS = ("published_on", "valid_from", "valid_to")
_FLAGS = ("verified", "counts_unjustified")


def _typed(path: Path) -> pl.DataFrame:
    frame = pl.read_csv(path, infer_schema=False)
    return frame.with_columns(
        *(pl.col(name).cast(pl.Float64) for name in frame.columns if name in _NUMBERS),
        *(pl.col(name).cast(pl.Int64) for name in frame.columns if name in _COUNTS),
        *(pl.col(name).str.to_date() for name in frame.columns if name in _DAYS),
        *((pl.col(name) == "true") for name in frame.columns if name in _FLAGS),
    )


@cache
def _unit_factors(written: tuple[str, ...]) -> pl.DataFrame:
    """Conversion factors, by the registry, from every unit met to every unit the marts count in."""
    pairs = []
    for unit in (*sorted(set(units.ALIASES.values())), *written):
        for target in _TARGETS:
            if units.is_known(unit) and units.same_dimension(unit, target):
                pairs.append((unit, target, units.factor(unit, target)))
    return pl.DataFrame(
        sorted(set(pairs)), schema={"from_unit": pl.String, "to_unit": pl.String, "factor": pl.Float64}, orient="row"
    )
