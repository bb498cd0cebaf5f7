"""When runs start: the month before on the fifth, and again the months that late or corrected extracts touch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg

from connectors.source import Delivery, Source, sources
from pipelines.checks import now
from schemas.enterprise import Enterprise
from schemas.lake import MONTH, digest

CRON = "0 6 5 * *"
FIRST = "2026-01"  # where neither `first_month` nor a file says otherwise
_YEARS_AROUND = 10
_CLOSED_AFTER = timedelta(days=4, hours=6)  # into the next month: from then on a month's scheduled run has been
_UNNAMED = "unnamed"  # files whose name tells no month


def month_before(moment: datetime) -> str:
    """The month before the one a moment lies in."""
    return f"{moment.replace(day=1) - timedelta(days=1):%Y-%m}"


def partitions(enterprise: Enterprise, present: datetime) -> dg.MonthlyPartitionsDefinition:
    """The months there are: from the enterprise's first to the last one that is over.

    Months whose files lie there count too, earlier ones where no `first_month` is declared, and those ahead of the
    clock, as the demo's are.

    Args:
        enterprise: the folder; the names of its files are looked at, not the files.
        present: the present moment in the enterprise's time zone.
    """
    delivered = {
        delivery.month for source in sources(enterprise, {}) for delivery in source.deliveries() if delivery.month
    }
    # a year far off is a slip in a file's name
    named = {
        month for month in delivered if MONTH.fullmatch(month) and abs(int(month[:4]) - present.year) <= _YEARS_AROUND
    }
    over = month_before(present)
    ahead = _number(max({over, *named})) - _number(over)
    first = enterprise.declaration.first_month or min({FIRST, *named})
    return dg.MonthlyPartitionsDefinition(start_date=first, fmt="%Y-%m", timezone=enterprise.timezone, end_offset=ahead)


def years(months: dg.MonthlyPartitionsDefinition, present: datetime) -> dg.TimeWindowPartitionsDefinition:
    """The years the months lie in, also the one that is not over."""
    named = sorted({month[:4] for month in months.get_partition_keys(current_time=present)} or {FIRST[:4]})
    ahead = int(named[-1]) - (present.year - 1)
    return dg.TimeWindowPartitionsDefinition(
        start=named[0], fmt="%Y", cron_schedule="0 0 1 1 *", timezone=months.timezone, end_offset=ahead
    )


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _status() -> bool:
    """Whether schedule and sensor start by themselves: yes, unless ESG_AUTOMATION says `stopped`."""
    return os.environ.get("ESG_AUTOMATION", "running") != "stopped"


def monthly(
    job: dg.JobDefinition | dg.UnresolvedAssetJobDefinition, enterprise: Enterprise, months: dg.PartitionsDefinition
) -> dg.ScheduleDefinition:
    """The schedule: on the fifth at six in the morning, the month before."""

    @dg.schedule(
        name="month_before", job=job, cron_schedule=os.environ.get("ESG_SCHEDULE_CRON", CRON), execution_timezone=enterprise.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if _status() else dg.DefaultScheduleStatus.STOPPED,
        description="每月 5 日 6 时运行上月 | On the fifth at 06:00, the month before",
    )  # fmt: skip
    def month_before_(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        month = month_before(context.scheduled_execution_time.astimezone(ZoneInfo(enterprise.timezone)))
        if month not in months.get_partition_keys(current_time=context.scheduled_execution_time):
            return dg.SkipReason(f"{month} lies before the enterprise's first month / 早于企业首月")
        return dg.RunRequest(run_key=month, partition_key=month)

    return month_before_


def late_extracts(
    job: dg.JobDefinition | dg.UnresolvedAssetJobDefinition, enterprise: Enterprise, months: dg.PartitionsDefinition
) -> dg.SensorDefinition:
    """The sensor: extracts that are new or changed after their month's scheduled run ask for a run of that month.

    It looks at names, sizes and times, not into files. Its cursor holds a fingerprint of those per month; on its first
    look there is none, and what the lake has already taken in counts as seen. A file whose name tells no month counts
    for the last month closed. Rows in databases are not seen; the monthly run pulls them.
    """
    loaded = {source.name for source in sources(enterprise, {})}

    @dg.sensor(
        name="late_extracts", job=job, minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING if _status() else dg.DefaultSensorStatus.STOPPED,
        description="迟到或更正的提取：重跑其所属月份 | Late or corrected extracts: run their months again",
    )  # fmt: skip
    def late_extracts_(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        present = now(enterprise.timezone)
        last = month_before(present - _CLOSED_AFTER)
        seen = _seen(enterprise)
        new = {str(source) for files in seen.values() for source, *_ in files} - loaded
        if new:
            context.log.warning(
                f"reload the definitions, there are new sources / 有新来源，请重新加载定义: {', '.join(sorted(new))}"
            )
        before = json.loads(context.cursor) if context.cursor else _taken_in(enterprise, seen)
        context.update_cursor(json.dumps({name: digest(files) for name, files in seen.items()}))
        changed = {
            last if name == _UNNAMED else name for name, files in seen.items() if before.get(name) != digest(files)
        }
        known = set(months.get_partition_keys(current_time=present))
        touched = sorted(month for month in changed if month <= last and month in known)
        if not touched:
            yield dg.SkipReason("no late extract / 没有迟到的提取")
        for first, final in _stretches(touched):
            files = [files for name, files in seen.items() if name == _UNNAMED or first <= name <= final]
            yield _request(first, final, digest(files))

    return late_extracts_


def _request(first: str, last: str, key: str) -> dg.RunRequest:
    """One run for an unbroken stretch of months."""
    if first == last:
        return dg.RunRequest(run_key=key, partition_key=first)
    return dg.RunRequest(
        run_key=key, tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    )


def _stretches(months: list[str]) -> Iterator[tuple[str, str]]:
    """First and last month of every unbroken stretch."""
    breaks = [later for one, later in pairwise(months) if _number(later) - _number(one) > 1]
    for first, following in pairwise([*months[:1], *breaks, ""]) if months else ():
        yield first, max(month for month in months if not following or month < following)


Seen = dict[str, list[list[object]]]


def _seen(enterprise: Enterprise) -> Seen:
    """Month → the files that lie there for it: source, name, size, time of change."""
    found: Seen = {}
    for source in sources(enterprise, {}):
        for delivery in source.deliveries():
            found.setdefault(delivery.month or _UNNAMED, []).append(_look(source, delivery))
    return found


def _look(source: Source, delivery: Delivery) -> list[object]:
    status = delivery.path.stat()
    return [source.name, delivery.name, status.st_size, status.st_mtime_ns]


def _taken_in(enterprise: Enterprise, seen: Seen) -> dict[str, str]:
    """The fingerprints of months all of whose files the lake holds as they are."""
    held = {
        (entry["source"], entry["name"], entry["size"]): entry["received_at"] for entry in enterprise.lake.extracts()
    }

    def is_held(source: object, name: object, size: object, changed_ns: object) -> bool:
        received = held.get((str(source), str(name), int(str(size))))
        return received is not None and int(str(changed_ns)) / 1e9 <= datetime.fromisoformat(received).timestamp() + 1

    return {name: digest(files) for name, files in seen.items() if all(is_held(*file) for file in files)}
