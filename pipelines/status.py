"""Status: what has arrived, what has not by the day it was expected, what was refused."""

from __future__ import annotations

from datetime import date
from typing import Any

from connectors.source import Source, sources
from schemas.enterprise import Enterprise
from schemas.errors import SourceError
from schemas.lake import MONTH, months_named


def status(enterprise: Enterprise, today: date) -> list[dict[str, Any]]:
    """One row per source: months arrived, months late, rows accepted and refused, and what is wrong with its declaration.

    A month is late when the source names a day it expects to deliver by, that day of the month after has passed, and
    nothing has come. Months count from the first month anything arrived for, or the enterprise's `first_month`.
    """
    lake = enterprise.lake
    stored = {name: months(enterprise, name) for name in {entry["source"] for entry in lake.extracts()}}
    first = enterprise.declaration.first_month or min(
        (month for found in stored.values() for month in found), default=None
    )
    broken: dict[str, SourceError] = {}
    rows = []
    for source in sources(enterprise, broken):
        arrived = stored.get(source.name, [])
        entries = lake.extracts(source=source.name)
        rows.append({
            "source": source.name, "owner": source.owner, "arrived": arrived, "late": _late(source, arrived, first, today),
            "accepted": sum(entry["accepted"] for entry in entries), "refused": sum(entry["refused"] for entry in entries), "error": None,
        })  # fmt: skip
    nothing = {"owner": "", "arrived": [], "late": [], "accepted": 0, "refused": 0}
    return rows + [{**nothing, "source": name, "error": error} for name, error in broken.items()]


def months(enterprise: Enterprise, source: str) -> list[str]:
    """The months a source has delivered for."""
    entries = enterprise.lake.extracts(source=source)
    named = {month for entry in entries for month in months_named(entry)}
    return sorted(
        named | {month for entry in entries if not entry["month"] for month in entry["clean"] if MONTH.fullmatch(month)}
    )


def _late(source: Source, arrived: list[str], first: str | None, today: date) -> list[str]:
    if source.expect_by_day is None or first is None:
        return []
    due = []
    number = int(first[:4]) * 12 + int(first[5:]) - 1
    while date((number + 1) // 12, (number + 1) % 12 + 1, source.expect_by_day) < today:
        due.append(f"{number // 12:04d}-{number % 12 + 1:02d}")
        number += 1
    return [month for month in due if month not in arrived]
