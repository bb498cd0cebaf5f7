"""The monthly run as a library call: sources, marts, indicators, scores, publish. Dagster and `esg run` are rims of this."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from connectors.ingest import Outcome, ingest
from connectors.source import sources
from indicators import declared
from indicators.evaluate import POLICIES, chosen, evaluate
from indicators.report import document
from indicators.report.inventory import gather
from indicators.report.inventory_layout import document as inventory_document
from indicators.report.render import Language, months_of, render
from indicators.scoring.profile import load
from indicators.scoring.score import RESULT, score
from schemas.enterprise import Enterprise
from schemas.errors import HubError
from schemas.lake import digest, replaced, write_text
from warehouse.access import connect
from warehouse.marts import Built, Warehouse, marts
from warehouse.publish import publish

FAMILIES = tuple(sorted({one.family for one in declared.catalogue().values() if one.family}))
"""The indicator families there are: each is computed, and shown, as one."""

Progress = Callable[[str, str], None]


@contextmanager
def locked(enterprise: Enterprise, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the enterprise folder: one run at a time, whoever starts it.

    Args:
        enterprise: the folder.
        waiting: called once if another run holds it; then it is waited for.

    Raises:
        HubError: `data/` cannot be written.
    """
    try:
        enterprise.data.mkdir(parents=True, exist_ok=True)
        lock = FileLock(enterprise.data / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
    except OSError as error:
        raise HubError(f"data/ cannot be written / 无法写入 data/: {error.strerror or error}", str(enterprise.data),
                       "it must be a folder the hub may write to; a file in its place must go") from error  # fmt: skip
    try:
        enterprise.__dict__.pop("lake", None)  # another run may have changed what is stored
        yield
    finally:
        lock.release()


@dataclass
class Run:
    """One run over an enterprise folder; steps may be called one by one, each brings up to date what it needs."""

    enterprise: Enterprise
    run_id: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}")
    _warehouse: Warehouse | None = None
    _seen: str = ""

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse over what is stored now."""
        now = digest([(entry["id"], entry["settled"]) for entry in self.enterprise.lake.extracts()])
        if self._warehouse is None or now != self._seen:
            self.close()
            self._warehouse, self._seen = Warehouse(self.enterprise), now
        return self._warehouse

    def close(self) -> None:
        """Let the warehouse go."""
        if self._warehouse is not None:
            self._warehouse.connection.close()
            self._warehouse = None

    def ingest(
        self, months: list[str], only: set[str] | None = None, progress: Callable[[str], None] = lambda _: None
    ) -> list[Outcome]:
        """Take in what sources have delivered for some months."""
        return ingest(self.enterprise, months, only, progress)

    def values(self, family: str) -> pl.DataFrame:
        """Compute one family of indicators, and keep the values."""
        values = evaluate(self.warehouse, self.run_id, family)
        with replaced(self.enterprise.data / "indicator" / f"{family}.parquet") as temporary:
            values.write_parquet(temporary)
        return values

    def all_values(self) -> pl.DataFrame:
        """The values of every family as last computed."""
        kept = [self.enterprise.data / "indicator" / f"{family}.parquet" for family in FAMILIES]
        frames = [
            pl.read_parquet(path, hive_partitioning=False) if path.exists() else self.values(path.stem) for path in kept
        ]
        return pl.concat(frames).sort("indicator_id", "period", "org_kind", "org_id", "policy")

    def scores(self) -> pl.DataFrame:
        """Score every calendar year there are values for, and keep the result."""
        values = self.all_values()
        profile = load(self.enterprise.declaration.profile, self.enterprise.folder)
        whole = values.filter((pl.col("org_kind") == "enterprise") & (pl.col("period").str.len_chars() == 4))
        years = sorted(whole["period"].unique())
        found = [
            score(
                whole.filter((pl.col("period") == year) & pl.col("is_chosen")),
                self._experts(year, year == years[-1]),
                profile,
            )
            for year in years
        ]
        with replaced(self.enterprise.data / "score" / "result.parquet") as temporary:
            pl.concat([pl.DataFrame(schema=RESULT), *found]).write_parquet(temporary)
        return pl.read_parquet(self.enterprise.data / "score" / "result.parquet")

    def _experts(self, year: str, is_last: bool) -> pl.DataFrame:
        """The expert levels for a year: those given in it, and for the last year also those given since."""
        last = "9999" if is_last else year
        return self.warehouse.connection.execute(
            """select * from clean.expert_score where not is_superseded and (scored_at is null
               or strftime(timezone(?, scored_at), '%Y') between ? and ?)""",
            [self.enterprise.timezone, year, last],
        ).pl()

    def publish(self) -> pl.DataFrame:
        """Swap in the published file; the figures that changed."""
        self.warehouse.build()
        kept = self.enterprise.data / "score" / "result.parquet"
        scores = pl.read_parquet(kept) if kept.exists() else self.scores()
        lake = self.enterprise.lake
        # remembered in the state, so that rows taken in by a run that broke, or by a resubmission, are named as well
        rows = {entry["id"]: digest(entry["clean"]) for entry in lake.extracts()}
        causes = {name for name, now in rows.items() if lake.state.get("published", {}).get(name) != now}
        try:
            changes = publish(self.warehouse, self.all_values(), scores, catalogue_table(), terms(), causes)
        except duckdb.Error as error:
            raise HubError(
                f"the file to publish cannot be written / 无法写入发布文件: {' '.join(str(error).split())}",
                str(self.enterprise.published),
                "check that the disk has room; what was published before stands",
            ) from error
        lake.state["published"] = rows
        lake.commit()
        return changes


@dataclass
class Result:
    """What one run did."""

    run_id: str
    outcomes: list[Outcome]
    built: list[Built]
    values: pl.DataFrame
    scores: pl.DataFrame
    changes: pl.DataFrame

    @property
    def failed(self) -> list[Outcome]:
        """The sources that could not be taken in."""
        return [outcome for outcome in self.outcomes if outcome.error is not None]


def run(enterprise: Enterprise, months: list[str], progress: Progress = lambda _stage, _what: None) -> Result:
    """Do the whole of it for some months.

    Args:
        enterprise: the folder; the caller holds its lock.
        months: `2026-01`, …
        progress: told stage and object of the work.

    Raises:
        HubError: a declaration is wrong, a mart fails or the disk refuses; sources that fail are in the result instead.
    """
    load(enterprise.declaration.profile, enterprise.folder)  # a wrong one shows before anything is done
    one = Run(enterprise)
    try:
        outcomes = one.ingest(months, progress=lambda what: progress("source", what))
        built = one.warehouse.build(lambda what: progress("mart", what))
        for family in FAMILIES:
            progress("indicator", family)
            one.values(family)
        progress("score", enterprise.declaration.profile)
        scores = one.scores()
        progress("publish", enterprise.published.name)
        changes = one.publish()
        return Result(one.run_id, outcomes, built, one.all_values(), scores, changes)
    except OSError as error:
        raise HubError(f"cannot write / 无法写入: {error.strerror or error}", str(error.filename or enterprise.data),
                       "check that data/ can be written and that the disk has room") from error  # fmt: skip
    finally:
        one.close()


def terms() -> pl.DataFrame:
    """`indicator.term`: which mart column each side of a computed indicator is."""
    rows = []
    for one in declared.catalogue().values():
        for side, term, factor in zip(
            ("numerator", "denominator"),
            (one.numerator, one.denominator),
            one.factors() if one.is_computed else (1.0, 1.0),
            strict=True,
        ):
            if term is not None:
                column, value = next(iter(term.where.items()), (None, None))
                rows.append((one.id, side, term.mart, term.column, column, value, factor))
    names = ("indicator_id", "side", "mart", "column_name", "where_column", "where_value")
    return pl.DataFrame(rows, schema={**dict.fromkeys(names, pl.String), "factor_to_unit": pl.Float64}, orient="row")


def catalogue_table() -> pl.DataFrame:
    """`indicator.catalogue`: what every indicator and metric is."""
    rows = [
        {"indicator_id": one.id, "title_zh": one.title.zh, "title_en": one.title.en, "pillar": one.pillar, "clause": one.clause,
         "kind": one.kind, "unit": one.unit, "direction": one.direction}
        for one in declared.catalogue().values()
    ]  # fmt: skip
    return pl.DataFrame(rows)


def check(enterprise: Enterprise) -> dict[str, int]:
    """Prove, without data, that all declarations fit each other.

    Returns:
        How many of each kind were checked.

    Raises:
        HubError: the first misfit, with its file.
    """
    found = sources(enterprise)
    with TemporaryDirectory() as nowhere, Warehouse(Enterprise(enterprise.folder, Path(nowhere))) as warehouse:
        columns = {}
        for mart in marts():
            warehouse.connection.execute(f"create view mart.{mart.name} as {mart.sql}")
            described = warehouse.connection.execute(f"describe mart.{mart.name}").fetchall()
            columns[mart.name] = {name: kind for name, kind, *_ in described}
        declared.check(columns)
        for name in POLICIES:
            chosen(warehouse, name)
    profile = load(enterprise.declaration.profile, enterprise.folder)
    wrong = profile.misfits(declared.catalogue())
    if wrong:
        raise HubError(f"profile {profile.id}: {'; '.join(wrong)}", str(enterprise.folder), "correct the profile")
    return {"sources": len(found), "marts": len(columns), "indicators": len(declared.catalogue())}


def write_report(enterprise: Enterprise, period: str) -> Path:
    """Write the evaluation report of a period from what is published; the path of the page.

    Raises:
        HubError: nothing is published, or it holds no value of the period.
    """
    with connect(enterprise.folder) as connection:
        values = connection.execute("select * from indicator.value").pl()
        scores = connection.execute("select * from score.result where period = ?", [period]).pl()
        sites = connection.execute("select distinct site_id, name from reference.site order by site_id").fetchall()
        unverified = connection.execute(
            """select distinct factor_id, source from reference.emission_factor where not verified and factor_id in (
               select factor_id from mart.emission_line union select tce_factor_id from mart.fuel_line union select co2_factor_id from mart.fuel_line
               union select density_factor_id from mart.fuel_line union select factor_id from mart.energy_line where is_counted) order by 1"""
        ).fetchall()
    if not (values["period"] == period).any():
        raise HubError(
            f"there are no values of {period} / 没有该期间的数值",
            str(enterprise.published),
            "esg run --month … for its months first",
        )
    facts = enterprise.declaration.model_dump(mode="json") | {
        "sites": [{"name": name or site} for site, name in sites], "unverified_factors": [{"factor_id": one, "source": source} for one, source in unverified],
    }  # fmt: skip
    profile = load(enterprise.declaration.profile, enterprise.folder)
    path = enterprise.data / "reports" / period / "report.zh.html"
    write_text(path, render(period, facts, values, scores, declared.catalogue(), profile))
    return path


def write_inventory(enterprise: Enterprise, period: str, language: Language = "zh") -> list[Path]:
    """Write the greenhouse-gas inventory report of a period from what is published.

    Returns:
        The HTML page, and the PDF where the system has a font with Chinese.

    Raises:
        HubError: nothing is published, or it holds no emissions of the period.
    """
    with connect(enterprise.folder) as connection:
        made = inventory_document(gather(connection, enterprise.declaration, period, months_of(period)), language)
    page = enterprise.data / "reports" / period / f"inventory.{language}.html"
    write_text(page, document.html(made))
    font = document.chinese_font()
    if font is None:
        return [page]
    with replaced(page.with_suffix(".pdf")) as temporary:
        temporary.write_bytes(document.pdf(made, font))
    return [page, page.with_suffix(".pdf")]
