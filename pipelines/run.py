"""The monthly run as a library call: sources, marts, indicators, scores, publish. Dagster and `esg run` are rims of this."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from connectors.ingest import Outcome, breach, concerning, ingest
from connectors.source import sources
from indicators import declared
from indicators.evaluate import CELL_KEY, POLICIES, VALUE_KEY, chosen, evaluated, fingerprint
from indicators.evidence import admissible, examined
from indicators.scoring.evaluation import Evaluation, folder, profile_table, read, rests_on, write
from indicators.scoring.panel import Cap, contested, lowered, metric_caps, of_period
from indicators.scoring.profile import Check, Profile, load
from indicators.scoring.score import RESULT, Facts, assess
from indicators.scoring.weights import weighting
from schemas.contract import contract
from schemas.enterprise import Enterprise
from schemas.errors import HubError
from schemas.lake import digest, months_of, replaced
from warehouse.closing import held
from warehouse.marts import Built, Warehouse
from warehouse.publish import publish

FAMILIES = tuple(sorted({one.family for one in declared.catalogue().values() if one.family}))
"""The indicator families there are: each is computed, and shown, as one."""

Progress = Callable[[str, str], None]

_EVALUATED = 12  # months
_NAMED_POLICIES = ("on_time", "emission", "complaint", "energy")  # their tables name each policy once


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
    unscored: dict[str, HubError] = field(default_factory=dict)
    """The years `scores` could not score when it was last called, and why."""
    _warehouse: Warehouse | None = None
    _seen: str = ""

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse over what is stored now."""
        lake = self.enterprise.lake
        now = digest([(entry["id"], entry["settled"]) for entry in lake.extracts()], sorted(lake.closed.items()))
        if self._warehouse is None or now != self._seen:
            self.close()
            self._warehouse, self._seen = Warehouse(self.enterprise), now
        return self._warehouse

    def close(self) -> None:
        """Let the warehouse go."""
        if self._warehouse is not None:
            self._warehouse.close()
            self._warehouse = None

    def ingest(
        self, months: list[str], only: set[str] | None = None, progress: Callable[[str], None] = lambda _: None
    ) -> list[Outcome]:
        """Take in what sources have delivered for some months."""
        return ingest(self.enterprise, months, only, progress)

    def values(self, family: str) -> pl.DataFrame:
        """Have one family of indicators at hand, and the site-months behind them, computing them if they are stale."""
        paths, rests_on = self._files(family), {"rests_on": fingerprint(self.warehouse, family)}
        if all(path.exists() and rests_on.items() <= pl.read_parquet_metadata(path).items() for path in paths):
            return pl.read_parquet(paths[0], hive_partitioning=False)
        values, cells = evaluated(self.warehouse, self.run_id, family)
        members = pl.col("indicator_id").is_in(
            [key for key, one in declared.catalogue().items() if one.family == family]
        )
        values = held(self.enterprise.lake, "indicator.value", values).filter(members).sort(VALUE_KEY)
        for path, frame in zip(paths, (values, cells), strict=True):
            with replaced(path) as temporary:
                frame.write_parquet(temporary, metadata=rests_on)
        return values

    def all_values(self) -> pl.DataFrame:
        """The values of every family as last computed, and those closed of indicators that are no more."""
        return held(self.enterprise.lake, "indicator.value", self._kept(0)).sort(VALUE_KEY)

    def all_cells(self) -> pl.DataFrame:
        """The site-months behind the values, likewise."""
        return held(self.enterprise.lake, "indicator.cell", self._kept(1)).sort(CELL_KEY)

    def _kept(self, which: Literal[0, 1]) -> pl.DataFrame:
        for family in FAMILIES:
            if not all(path.exists() for path in self._files(family)):
                self.values(family)
        paths = [self._files(family)[which] for family in FAMILIES]
        # a file of a version before may lack a column
        return pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in paths], how="diagonal")

    def _files(self, family: str) -> tuple[Path, Path]:
        """Where the values of a family and the site-months behind them are kept."""
        folder = self.enterprise.data / "indicator"
        return folder / f"{family}.parquet", folder / f"{family}.cell.parquet"

    def scores(self) -> pl.DataFrame:
        """Score every calendar year there are values for, and keep the result.

        A year that cannot be scored as the profile asks has no score and is named in `unscored`; the others have theirs.
        """
        values, profile = self.all_values(), self._profile()
        whole = values.filter((pl.col("org_kind") == "enterprise") & (pl.col("period").str.len_chars() == 4))
        self.warehouse.mart("reconciliation")  # if it fails, no year can be judged
        found: list[pl.DataFrame] = []
        self.unscored = {}
        for year in sorted(whole["period"].unique()):
            try:
                found.append(assess(self._known(year, values)[0], profile).result())
            except HubError as error:
                self.unscored[year] = error
        with replaced(self.enterprise.data / "score" / "result.parquet") as temporary:
            pl.concat([pl.DataFrame(schema=RESULT), *found]).write_parquet(temporary)
        return pl.read_parquet(self.enterprise.data / "score" / "result.parquet")

    # ── the evaluation of a period ───────────────────────────────────────────────────────────────────────────────────

    def evaluation(self, period: str) -> Evaluation:
        """What is known of a period, and how it is to be judged.

        Args:
            period: a calendar year, or a window of twelve months.

        Raises:
            HubError: it is no such period, or there are no values of it.
        """
        if len(months_of(period)) < _EVALUATED:
            raise HubError(
                f"{period} cannot be evaluated: it is no year / 不是十二个月",
                todo="name a year or twelve months (2025-07..2026-06), and esg run --month … for its months first",
            )
        values = self.all_values()
        own = _of(values, period)
        if not own.height:
            raise HubError(
                f"{period} cannot be evaluated: there are no values of it / 无该期间的数值",
                str(self.enterprise.data / "indicator"),
                "esg run --month … for its months first; a window needs all of its twelve months delivered",
            )
        readings = tuple(own.drop("run_id").rows(named=True))
        facts, votes, caps, register = self._known(period, values)
        return Evaluation(facts, self._profile(), votes, caps, readings, self._readings(), register)

    def evaluated(self, period: str) -> Evaluation:
        """Evaluate a period, and keep every `score.*` table of it."""
        found = self.evaluation(period)
        write(self.enterprise.data, found, found.tables())
        return found

    def evaluations(self) -> tuple[list[Path], list[Path]]:
        """The folders of evaluations kept: those that rest on the facts there are now, and those that do not any more."""
        values = self.all_values()
        fresh: list[Path] = []
        stale: list[Path] = []
        for path in sorted((self.enterprise.data / "score").glob("*/*/")):
            (fresh if self._is_fresh(path, values) else stale).append(path)
        return fresh, stale

    def _is_fresh(self, path: Path, values: pl.DataFrame) -> bool:
        """Whether an evaluation kept rests on the facts there are now; not where they cannot be evaluated any more."""
        period = path.parent.name
        try:
            return _of(values, period).height > 0 and rests_on(path) == self.evaluation(period).fingerprint()
        except HubError:
            return False

    def stale(self) -> list[str]:
        """The periods whose evaluation under the present profile is to be made again; what is closed is not."""
        name, closed = folder(self.enterprise.data, "", self._profile()).name, self.enterprise.lake.closed
        return [
            path.parent.name for path in self.evaluations()[1] if path.name == name and path.parent.name not in closed
        ]

    def _profile(self) -> Profile:
        return load(self.enterprise.declaration.profile, self.enterprise.folder)

    def _known(
        self, period: str, values: pl.DataFrame, *, is_earlier: bool = False
    ) -> tuple[Facts, pl.DataFrame, dict[str, Cap], pl.DataFrame]:
        """What is known of the enterprise in a period and in the one before; the panel's levels, the metrics' caps, the evidence."""
        months, before, chosen_values = months_of(period), _before(period), _of(values, period).filter("is_chosen")
        votes, caps, register = self._votes(period, chosen_values, values["period"].unique())
        has_previous = not is_earlier and _of(values, before).height > 0
        facts = Facts.of(
            chosen_values, votes, contested=contested(votes, self._profile()), months=tuple(months),
            events=self._reference("esg_event"), judgements=self._reference("ahp_judgement"), peers=self._peers(period), peer_values=self._peer_values(period),
            previous=self._known(before, values, is_earlier=True)[0] if has_previous else None,
            enterprise_type=self.enterprise.declaration.enterprise_type, failures=() if is_earlier else self._failures(months),
        )  # fmt: skip
        return facts, votes, caps, register

    def _reference(self, name: str) -> tuple[dict[str, object], ...]:
        columns = ", ".join(f'"{column.name}"' for column in contract(name).declared)
        rows = self.warehouse.connection.execute(f"select {columns} from clean.{name} order by all").pl()
        return tuple(rows.rows(named=True))

    def _peers(self, period: str) -> dict[str, dict[str, Fraction]]:
        """Peer → indicator → its score in the period."""
        found: dict[str, dict[str, Fraction]] = {}
        for row in self._reference("peer_score"):
            if row["period"] == period:
                found.setdefault(str(row["peer_id"]), {})[str(row["indicator_id"])] = Fraction(repr(row["score"]))
        return found

    def _peer_values(self, period: str) -> dict[str, tuple[Fraction, ...]]:
        """Indicator → what it is at the peers in the period.

        Raises:
            HubError: a value is in another unit than the indicator.
        """
        found: dict[str, list[Fraction]] = {}
        for row in self._reference("peer_value"):
            key = str(row["indicator_id"])
            unit = declared.catalogue()[key].unit if key in declared.catalogue() else None
            if row["unit"] != unit:
                raise HubError(
                    f"{row['peer_id']} {key}: {row['unit']!r} is not the unit of the indicator, {unit!r} / 单位与指标不符",
                    "reference/peer_value.csv", "convert the value",
                )  # fmt: skip
            if row["period"] == period:
                found.setdefault(key, []).append(Fraction(repr(row["value"])))
        return {key: tuple(sorted(values)) for key, values in found.items()}

    def _failures(self, months: list[str]) -> tuple[dict[str, object], ...]:
        """What contradicts itself in some months: extracts whose rows are not conserved, figures that must agree and do not."""
        lake = self.enterprise.lake
        broken = [
            (entry, text) for entry in concerning(lake.extracts(), set(months)) if (text := breach(entry, lake.data))
        ]
        lost = [
            {"check_name": "conservation", "subject": entry["name"], "zh": f"{entry['name']}：{text.rpartition(' / ')[2]}", "en": text.rpartition(" / ")[0]}
            for entry, text in broken
        ]  # fmt: skip
        self.warehouse.mart("reconciliation")
        off = self.warehouse.connection.execute(
            """select check_name, month, site_id, subject, zh, en from mart.reconciliation
               where verdict = 'off' and list_contains(?, check_name) and (month is null or list_contains(?, month)) order by all""",
            [get_args(Check), months],
        ).pl()
        return (*lost, *off.rows(named=True))

    def _readings(self) -> dict[tuple[str, str], declared.Words]:
        """What the policies of each indicator are called, where their table says."""
        found: dict[tuple[str, str], declared.Words] = {}
        for one in declared.catalogue().values():
            for kind in {
                POLICIES[term.mart] for term in one.terms() if term.policy and POLICIES[term.mart] in _NAMED_POLICIES
            }:
                named = self.warehouse.frame(f"reference.{kind}_policy").select("policy", "zh", "en").drop_nulls()
                found |= {(one.id, policy): declared.Words(zh=zh, en=en) for policy, zh, en in named.iter_rows()}
        return found

    def _votes(
        self, period: str, values: pl.DataFrame, known: Iterable[str]
    ) -> tuple[pl.DataFrame, dict[str, Cap], pl.DataFrame]:
        """The experts' levels for a period with these values, lowered to what evidence and metrics allow; the caps, and the evidence."""
        connection = self.warehouse.connection
        said = connection.execute("select * from clean.expert_score").pl()
        given = of_period(said, period, self.enterprise.timezone, known)
        register = examined(
            connection.execute("select * from clean.evidence").pl(), self.enterprise.folder, period, given
        )
        panel = self._profile().panel
        caps = metric_caps(values) if panel.metric_caps else {}
        return lowered(given, caps, admissible(register, given, panel.evidence)), caps, register

    def _score_tables(self) -> dict[str, pl.DataFrame]:
        """Every table of the schema `score`: each year's result, and the evaluations that rest on what is known now."""
        kept = self.enterprise.data / "score" / "result.parquet"
        results = pl.read_parquet(kept) if kept.exists() else self.scores()
        tables = read(self.evaluations()[0])
        key = ["period", "org_id", "profile_hash"]
        others = results.join(tables["result"].select(key).unique(), on=key, how="anti")
        tables["result"] = pl.concat([tables["result"], others]).sort(
            "period", "org_id", "profile_hash", maintain_order=True
        )
        tables["profile"] = pl.concat([tables["profile"], profile_table(self._profile())]).unique(maintain_order=True)
        return tables

    def publish(self) -> pl.DataFrame:
        """Swap in the published file; the figures that changed."""
        self.warehouse.build()
        scores = self._score_tables()
        lake = self.enterprise.lake
        # remembered in the state, so that rows taken in by a run that broke, or by a resubmission, are named as well
        rows = {entry["id"]: digest(entry["clean"]) for entry in lake.extracts()}
        causes = {name for name, now in rows.items() if lake.state.get("published", {}).get(name) != now}
        try:
            changes = publish(
                self.warehouse, self.all_values(), self.all_cells(), scores, catalogue_table(), terms(), causes
            )
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
    stale: list[str] = field(default_factory=list)
    """Periods whose evaluation under the present profile rests on facts that are no more."""
    unscored: dict[str, HubError] = field(default_factory=dict)
    """Years that could not be scored as the profile asks, and why."""

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
    return _done(enterprise, lambda one: one.ingest(months, progress=lambda what: progress("source", what)), progress)


def recompute(enterprise: Enterprise, progress: Progress = lambda _stage, _what: None) -> Result:
    """Compute and publish from what has been taken in; the caller holds the lock, and gets the errors of `run`."""
    return _done(enterprise, lambda _: [], progress)


def _done(enterprise: Enterprise, take_in: Callable[[Run], list[Outcome]], progress: Progress) -> Result:
    load(enterprise.declaration.profile, enterprise.folder)  # a wrong one shows before anything is done
    one = Run(enterprise)
    try:
        outcomes = take_in(one)
        built = one.warehouse.build(lambda what: progress("mart", what))
        for family in FAMILIES:
            progress("indicator", family)
            one.values(family)
        progress("score", enterprise.declaration.profile)
        scores = one.scores()
        progress("publish", enterprise.published.name)
        changes = one.publish()
        return Result(one.run_id, outcomes, built, one.all_values(), scores, changes, one.stale(), one.unscored)
    except OSError as error:
        raise HubError(f"cannot write / 无法写入: {error.strerror or error}", str(error.filename or enterprise.data),
                       "check that data/ can be written and that the disk has room") from error  # fmt: skip
    finally:
        one.close()


def refuse_closed(enterprise: Enterprise, period: str) -> None:
    """Refuse to evaluate what is closed: its evaluation stays as it was closed.

    Raises:
        HubError: the period is closed.
    """
    if period in enterprise.lake.closed:
        raise HubError(
            f"{period} is closed, and so is its evaluation / 该期间已结账，评价不再变动",
            todo=f"esg reopen {period}, evaluate it, and close it again; where it was evaluated, esg restate {period} evaluates it anew",
        )


def evaluate_period(enterprise: Enterprise, period: str) -> tuple[Evaluation, dict[str, pl.DataFrame]]:
    """Evaluate a period from the values last computed, keep its tables and publish them.

    Args:
        enterprise: the folder; the caller holds its lock.
        period: a calendar year, or a window of twelve months.

    Returns:
        The evaluation, and its tables.

    Raises:
        HubError: there are no values of the period, what the profile asks for cannot be done with what is known, or the
            period is closed: its evaluation stays as it was closed.
    """
    refuse_closed(enterprise, period)
    one = Run(enterprise)
    try:
        found = one.evaluated(period)
        one.scores()
        one.publish()
        return found, read([folder(enterprise.data, period, found.profile)])
    finally:
        one.close()


def _of(values: pl.DataFrame, period: str) -> pl.DataFrame:
    """The rows of the enterprise itself in a period."""
    return values.filter((pl.col("org_kind") == "enterprise") & (pl.col("period") == period))


def _before(period: str) -> str:
    """The period of the same length before."""
    return re.sub(r"^\d{4}|(?<=\.\.)\d{4}", lambda year: f"{int(year[0]) - 1:04d}", period)


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
        columns = warehouse.shapes()
        declared.check(columns)
        for name in POLICIES:
            chosen(warehouse, name)
    profile = load(enterprise.declaration.profile, enterprise.folder)
    wrong = profile.misfits(declared.catalogue())
    if wrong:
        raise HubError(f"profile {profile.id}: {'; '.join(wrong)}", str(enterprise.folder), "correct the profile")
    if profile.weights.method == "fixed":  # the others need a panel or peers, or cannot be wrong
        weighting(profile)
    return {"sources": len(found), "marts": len(columns), "indicators": len(declared.catalogue())}
