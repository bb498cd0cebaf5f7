"""What is judged in every run: of a source conservation, the contract and arrival; of a mart whether it has rows to look at.

Dagster takes one result per check and run, so over several months a result names the months that fail. Only a breach of
conservation blocks what lies downstream: refused rows and late deliveries are reported, they are no failure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from connectors.ingest import ALL, UNDATED, Outcome, breach
from connectors.source import Source
from schemas.enterprise import Enterprise
from warehouse.marts import Mart, Warehouse

Entry = dict[str, Any]
_SHOWN = 40  # rows to look at that a check shows

_SAYS = {
    "conservation": "读入行数 = 接受 + 拒绝 + 完全重复，且与已存文件的行数相符 | "
                    "Rows read = accepted + refused + exact duplicates, and as many rows lie in the files",
    "contract": "合同判定：有行被拒绝时提示，原因见隔离区 | Judged by the contract: warns where rows were refused; quarantine says why",
    "arrived": "到达：所求月份中已过约定日期仍未交付者 | Arrival: months asked for that are past their day and not delivered",
}  # fmt: skip


def specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of one source."""
    return [
        dg.AssetCheckSpec(name, asset=key, blocking=name == "conservation", description=says)
        for name, says in _SAYS.items()
    ]


def results(
    source: Source, outcome: Outcome, entries: list[Entry], months: set[str], enterprise: Enterprise
) -> list[dg.AssetCheckResult]:
    """The three results of one source.

    Args:
        source: the declaration.
        outcome: what this run did for it.
        entries: the extracts of it that concern the months of the run.
        months: the months of the run.
        enterprise: in whose `data/` the files of the entries lie, and in whose time zone months are late.
    """
    return [
        _conservation(entries, enterprise.data),
        _contract(source, entries, months),
        _arrived(source, outcome, now(enterprise.timezone)),
    ]


def _conservation(entries: list[Entry], data: Path) -> dg.AssetCheckResult:
    breaches = [(entry, text) for entry in entries if (text := breach(entry, data))]
    months = sorted({month for entry, _ in breaches for month in (*entry["clean"], *entry["quarantine"])})
    counts = ("rows", "accepted", "refused", "duplicates")
    return dg.AssetCheckResult(
        check_name="conservation", passed=not breaches, severity=dg.AssetCheckSeverity.ERROR,
        description=f"{', '.join(months)}: {breaches[0][1]}" if breaches else None,
        metadata={
            "extracts": len(entries), **{count: sum(entry[count] for entry in entries) for count in counts},
            "failing_months": months, "breaches": table(("file", "breach"), [(entry["name"], text) for entry, text in breaches]),
        },
    )  # fmt: skip


def _contract(source: Source, entries: list[Entry], months: set[str]) -> dg.AssetCheckResult:
    """Refused rows of the months of the run, and those without a month."""
    failing = sorted({month for entry in entries for month in entry["quarantine"]} & {*months, ALL, UNDATED})
    return dg.AssetCheckResult(
        check_name="contract", passed=not failing, severity=dg.AssetCheckSeverity.WARN,
        description=f"refused rows in / 有行被拒绝: {', '.join(failing)}" if failing else None,
        metadata={"failing_months": failing, "reasons_in_whole_extracts": reasons(source, entries)},
    )  # fmt: skip


def reasons(source: Source, entries: list[Entry]) -> dg.MarkdownMetadataValue:
    """How many rows were refused for which reason, in both languages."""
    counted: dict[str, int] = {}
    for entry in entries:
        for reason, count in entry["reasons"].items():
            counted[reason] = counted.get(reason, 0) + count
    rows = [
        (reason, count, *source.table.words(reason))
        for reason, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table(("reason", "rows", "原因", "meaning"), rows)


def _arrived(source: Source, outcome: Outcome, now: datetime) -> dg.AssetCheckResult:
    late = [month for month in outcome.waiting if _is_due(month, source.expect_by_day, now)]
    return dg.AssetCheckResult(
        check_name="arrived", passed=not late, severity=dg.AssetCheckSeverity.WARN,
        description=f"not delivered / 未到: {', '.join(late)}" if late else None,
        metadata={
            "failing_months": late, "not_yet_due": [month for month in outcome.waiting if month not in late],
            "expect_by_day": str(source.expect_by_day or "–"),
        },
    )  # fmt: skip


def _is_due(month: str, day: int | None, now: datetime) -> bool:
    """Whether a month should be here: from the day after the one agreed on, in the month that follows it."""
    number = int(month[:4]) * 12 + int(month[5:])
    due = datetime(number // 12, number % 12 + 1, day or 1, tzinfo=now.tzinfo)
    return now.date() > due.date() if day else now >= due


def mart_specs(mart: Mart, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The check of a mart that names rows to look at; none of the others."""
    says = f"没有需要人工查看的行 | No row to look at: {mart.warns}"
    return [dg.AssetCheckSpec("plausible", asset=key, blocking=False, description=says)] if mart.warns else []


def mart_results(mart: Mart, house: Warehouse, months: list[str]) -> list[dg.AssetCheckResult]:
    """Whether a mart has rows to look at in the months of the run; a warning, for they may well be right."""
    if not mart.warns:
        return []
    sql = f"select * from mart.{mart.name} where (month is null or list_contains(?, month)) and ({mart.warns})"
    found = house.connection.execute(sql, [months]).pl()
    failing = sorted(set(found["month"].fill_null(UNDATED)))
    # what can say in words what is wrong with it is quoted
    said = f"{found['en'][0]} | {found['zh'][0]}" if {"zh", "en"} <= set(found.columns) and failing else ""
    return [
        dg.AssetCheckResult(
            check_name="plausible", asset_key=["mart", mart.name], passed=not failing, severity=dg.AssetCheckSeverity.WARN,
            description=said or (f"to look at in / 需查看: {', '.join(failing)}" if failing else None),
            metadata={"failing_months": failing, "rows": found.height, "first": table(found.columns, found.head(_SHOWN).iter_rows())},
        )
    ]  # fmt: skip


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> dg.MarkdownMetadataValue:
    """A Markdown table."""
    names = list(header)
    lines = [
        names,
        ["---"] * len(names),
        *([str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows),
    ]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines) if len(lines) > 2 else "–")


def now(zone: str) -> datetime:
    """The present moment in the enterprise's time zone."""
    return datetime.now(ZoneInfo(zone))
