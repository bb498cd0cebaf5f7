"""Closing a period by name, reopening it, and restating it: what may be done, and in which order it counts.

Everything is prepared first; the journal is written last, in one step; then the figures are published. Whoever is
killed before the journal is written has closed nothing; after it, the next run publishes what it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl

from connectors.landing import sha256
from connectors.source import sources
from indicators.scoring.evaluation import write
from pipelines.run import Progress, evaluate_period, recompute, terms
from pipelines.status import months as arrived
from schemas.enterprise import Enterprise
from schemas.errors import HubError, SourceError, no_values
from schemas.lake import MONTH, beside, digest, months_of
from warehouse import closing
from warehouse.publish import caused_by, upstream

_SHARED = ("clean", "landing", "quarantine", "segment")


@dataclass
class Done:
    """What became of a period.

    Attributes:
        restated: the figures that differ from those closed before, in the columns of `closing.RESTATED`.
        warnings: sources that are missing, or whose files have not been taken in.
        already: the line of the journal that did the same before; then nothing was done now.
    """

    period: str
    restated: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=closing.RESTATED))
    warnings: list[str] = field(default_factory=list)
    already: dict[str, Any] | None = None


def close(enterprise: Enterprise, period: str, by: str, reason: str, at: str,
          progress: Progress = lambda _stage, _what: None) -> Done:  # fmt: skip
    """Close a period as it is published.

    Args:
        enterprise: the folder; the caller holds its lock.
        period: a month, or an evaluation period all of whose months are closed.
        by: who closes it.
        reason: why, or why now.
        at: the moment, kept in the journal only.
        progress: told stage and object of the work.

    Raises:
        HubError: what is published is not what has been taken in, a month of the period is open, or nobody is named.
    """
    _refuse_anonymous(by, reason)
    lake = enterprise.lake
    if period in lake.closed:
        return Done(period, already=[line for line in lake.journal if line["period"] == period][-1])
    _refuse_unpublished(enterprise, period)
    _refuse_open_months(enterprise, period)
    done = Done(period, _restated(enterprise, period, enterprise.published), _lacking(enterprise, period))
    snapshot = closing.freeze(lake, enterprise.published, period, done.restated)
    lake.record(_line("close", period, by, reason, at, snapshot, done.warnings))
    recompute(enterprise, progress)
    return done


def reopen(enterprise: Enterprise, period: str, by: str, reason: str, at: str,
           progress: Progress = lambda _stage, _what: None) -> Done:  # fmt: skip
    """Let the figures of a closed period move again; arguments as of `close`.

    Raises:
        HubError: it is not closed, a longer closed period rests on it, or nobody is named.
    """
    _refuse_anonymous(by, reason)
    _refuse_open(enterprise, period)
    _refuse_held(enterprise, [period])
    enterprise.lake.record(_line("reopen", period, by, reason, at, None, []))
    recompute(enterprise, progress)
    return Done(period)


def restate(enterprise: Enterprise, period: str, by: str, reason: str, at: str, *, is_trial: bool = False,
            progress: Progress = lambda _stage, _what: None) -> Done:  # fmt: skip
    """Take what waits into a closed period, and into its months; it stays closed, and what was evaluated is so anew.

    Args:
        enterprise: the folder; the caller holds its lock.
        period: what is closed; of a longer period all its closed months are restated with it.
        by: who restates it.
        reason: why.
        at: the moment, kept in the journal only.
        progress: told stage and object of the work.
        is_trial: only find out what would change; neither name nor reason is needed.

    Raises:
        HubError: it is not closed, another closed period rests on it or on its months, or nobody is named.
    """
    if not is_trial:
        _refuse_anonymous(by, reason)
    _refuse_open(enterprise, period)
    lake = enterprise.lake
    periods = [*(month for month in months_of(period) if month in lake.closed and month != period), period]
    _refuse_held(enterprise, periods)
    waits = closing.waiting(enterprise).filter(pl.col("month").is_in(periods)).height
    with _opened(enterprise, periods) as trial:
        recompute(trial, progress)
        scored = enterprise.data / "score"
        evaluations = [
            evaluate_period(trial, one) for one in periods if (scored / one).is_dir() or closing.is_evaluated(lake, one)
        ]
        found = {one: _restated(enterprise, one, trial.published) for one in periods}
        done = Done(period, pl.concat(found.values()))
        if is_trial or not (done.restated.height or waits):
            return done
        lake.record(*(
            _line("restate", one, by, reason, at, closing.freeze(lake, trial.published, one, found[one]), [])
            for one in periods
        ))  # fmt: skip
        for evaluation, tables in evaluations:
            write(enterprise.data, evaluation, tables)
    recompute(enterprise, progress)
    return done


@contextmanager
def _opened(enterprise: Enterprise, periods: list[str]) -> Iterator[Enterprise]:
    """The enterprise over the same rows in a folder of its own, where some closed periods are open."""
    lake = enterprise.lake
    with TemporaryDirectory(dir=enterprise.data, prefix=".restate.") as folder:
        trial = Enterprise(enterprise.folder, Path(folder))
        for name in _SHARED:
            if (enterprise.data / name).exists():
                (trial.data / name).symlink_to((enterprise.data / name).absolute(), target_is_directory=True)
        (trial.data / "closed").mkdir()
        for path in enterprise.data.glob("closed/*"):
            if path.is_dir():
                (trial.data / "closed" / path.name).symlink_to(path.absolute(), target_is_directory=True)
        trial.lake.record(*lake.journal, *(_line("reopen", one, "", "", "", None, []) for one in periods))
        trial.lake.state = lake.state | {"marts": {}}
        trial.lake.commit()
        yield trial


def _line(
    action: str, period: str, by: str, reason: str, at: str, snapshot: str | None, warnings: list[str]
) -> dict[str, Any]:
    return {"action": action, "period": period, "by": by.strip(), "reason": reason.strip(), "at": at,
            "snapshot": snapshot, "warnings": warnings}  # fmt: skip


def _restated(enterprise: Enterprise, period: str, published: Path) -> pl.DataFrame:
    """The figures that differ from those closed before, each with the extracts that caused it."""
    differ = closing.differences(enterprise.lake, period, published)
    if not differ.height:
        return differ
    entries = _moved(enterprise, period)
    reads: dict[str, set[str]] = {}
    for indicator, mart in terms().select("indicator_id", "mart").iter_rows():
        reads.setdefault(indicator, set()).update(upstream(mart))
    everything = {f"clean.{entry['contract']}" for entry in entries}  # a score may have felt all of them
    causes = [
        caused_by(everything if name.startswith("score.") else reads.get(name, set()), entries)
        for name in differ["indicator_id"]
    ]
    return differ.with_columns(cause_extracts=pl.Series(causes, dtype=pl.String))


def _moved(enterprise: Enterprise, period: str) -> list[dict[str, Any]]:
    """The extracts whose rows differ from those the months of a period were closed with; else those beside them that reach into them."""
    lake = enterprise.lake
    before = [line for line in lake.journal if line["action"] != "reopen"]
    while before[-1]["period"] != period:
        before.pop()
    last = {line["period"]: line["snapshot"] for line in before}
    now = lake.state["extracts"]
    found: dict[str, dict[str, Any]] = {}
    reaching: dict[str, dict[str, Any]] = {}
    for month in filter(last.__contains__, months_of(period)):
        then = closing.resting_on(lake, month, last[month])
        for name in sorted(then.keys() | now.keys()):
            old, new = (some.get(name, {}).get("clean", {}) for some in (then, now))
            one = now.get(name) or then[name]
            if old.get(month) != new.get(month):
                found[name] = one
            elif one["contract"] in closing.REACHING and any(
                old.get(other) != new.get(other) for other in (beside(month, -1), beside(month, 1))
            ):
                reaching[name] = one
    return list((found or reaching).values())


# ── what must be so ──────────────────────────────────────────────────────────────────────────────────────────────────


def _refuse_anonymous(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        raise HubError("a name and a reason are needed / 须写明经手人与理由", todo="give --by NAME --reason TEXT")


def _refuse_unpublished(enterprise: Enterprise, period: str) -> None:
    if not enterprise.published.exists():
        raise HubError("nothing is published yet / 尚未发布", str(enterprise.published), "esg run --month … first")
    lake = enterprise.lake
    if lake.state.get("published") != {entry["id"]: digest(entry["clean"]) for entry in lake.extracts()}:
        raise HubError(
            "rows have been taken in that are not published: what would be closed is not what has been seen / 已接收的数据尚未发布",
            str(enterprise.published), "esg run for the months they are of, look at the figures, then close",
        )  # fmt: skip
    if not _count(enterprise.published, "indicator.value", period):
        raise no_values(period, str(enterprise.published))


def _count(published: Path, table: str, period: str) -> int:
    """How many rows of a period a published table has."""
    with duckdb.connect(str(published), read_only=True) as connection:
        [(rows,)] = connection.execute(f"select count(*) from {table} where period = ?", [period]).fetchall()
    return int(rows)


def _refuse_open_months(enterprise: Enterprise, period: str) -> None:
    if MONTH.fullmatch(period):
        return
    first = enterprise.declaration.first_month or ""
    still = [month for month in months_of(period) if month >= first and month not in enterprise.lake.closed]
    if still:
        raise HubError(
            f"{period}: its months are not all closed / 尚有月份未结账: {', '.join(still)}",
            todo="esg close each of them first; months before `first_month` of enterprise.yaml are not asked for",
        )


def _refuse_open(enterprise: Enterprise, period: str) -> None:
    if period not in enterprise.lake.closed:
        closed = ", ".join(enterprise.lake.closed) or "nothing / 无"
        raise HubError(f"{period} is not closed / 该期间未结账", todo=f"closed are: {closed}")


def _refuse_held(enterprise: Enterprise, periods: list[str]) -> None:
    """Refuse to move closed months under another closed period; the last of the periods is the one that was named."""
    *months, period = periods
    if others := closing.holding(enterprise.lake, periods):
        raise HubError(
            f"{'months of ' if months else ''}{period} belong{'' if months else 's'} to {', '.join(others)}, which is closed / 所属期间已结账",
            todo=f"esg reopen {others[0]} first, and close it again afterwards"
            if months
            else f"esg reopen {others[0]} first, or esg restate {others[0]}, which takes its months along",
        )


def _lacking(enterprise: Enterprise, period: str) -> list[str]:
    """Which sources have not delivered for months of a period, or delivered what could not be taken in; whether it is evaluated."""
    broken: dict[str, SourceError] = {}
    lacking = []
    taken_in = enterprise.lake.state["extracts"]
    for source in sources(enterprise, broken):
        here = set(arrived(enterprise, source.name))
        lying = [one for one in source.deliveries() if one.month in months_of(period)]
        for one in lying:
            if f"{source.name}/{sha256(one.path)}" not in taken_in:
                lacking.append(
                    f"{source.name} {one.month}: {one.name} lies there and has not been taken in / 文件未能接收"
                )
        lacking += [
            f"{source.name} {month}: not arrived / 未到"
            for month in months_of(period)
            if "{month}" in (source.read.files or "") and month not in here | {one.month for one in lying}
        ]
    if not MONTH.fullmatch(period) and not _count(enterprise.published, "score.weight", period):
        lacking.append(f"{period}: not evaluated; while it is closed it cannot be / 未评价；结账期间不能补做评价")
    return lacking + [
        f"{name}: its declaration does not fit / 声明有误: {error.what}" for name, error in broken.items()
    ]
