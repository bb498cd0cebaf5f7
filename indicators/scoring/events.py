"""Negative events: what those decided with finality take from indicator, pillar and total.

An event counts under one indicator, and so in one pillar; of the events of one incident only the gravest counts. It
counts in full in the period it was decided in and by the profile's decay afterwards; half an effect is half the points
it would take. Order: scores, then deductions, then caps, then the total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from indicators.declared import catalogue
from indicators.scoring.profile import EventEffect, Profile
from schemas.errors import CatalogueError

EVENT = pl.Schema(
    {
        "period": pl.String, "org_id": pl.String, "profile_hash": pl.String, "event_id": pl.String, "class": pl.String,
        "pillar": pl.String, "indicator_id": pl.String, "decided_on": pl.Date, "share": pl.Float64, "deduction": pl.Float64,
        "cap": pl.Float64, "source": pl.String, "is_pending": pl.Boolean, "title": pl.String,
    }
)  # fmt: skip
"""`score.event`: `share` is how much of it still counts, `deduction` the points its pillar loses by it, `cap` the score pillar (A) or total (V) may keep."""

_GRAVEST = "VABC"
_Cap = tuple[Fraction, Fraction]  # at most this, and the share of what lies above that is lost


@dataclass(frozen=True)
class Event:
    """A negative event as it counts in one period.

    Attributes:
        share: 1 in the period it was decided in, less later, 0 once gone, not final or decided after the period.
    """

    event_id: str
    event_class: str
    indicator_id: str
    decided_on: date | None
    share: Fraction
    is_pending: bool
    source: str | None
    title: str

    @property
    def pillar(self) -> str:
        """The pillar it counts in: that of its indicator."""
        return str(catalogue()[self.indicator_id].pillar)


@dataclass(frozen=True)
class Effects:
    """What all events of a period do together.

    Attributes:
        indicator, pillar, total: caps by what they limit, each with its share.
        deduction: points by pillar.
        not_rated: the veto event for which there is no grade.
    """

    indicator: Mapping[str, list[_Cap]] = field(default_factory=dict)
    deduction: Mapping[str, Fraction] = field(default_factory=dict)
    pillar: Mapping[str, list[_Cap]] = field(default_factory=dict)
    total: list[_Cap] = field(default_factory=list)
    not_rated: str | None = None

    def on_indicator(self, key: str, score: Any, least: Callable[..., Any] = min) -> Any:  # noqa: ANN401
        """The score of an indicator after the events under it; `least` works on numbers or, as `np.minimum`, on arrays."""
        return _capped(score, self.indicator.get(key, []), least)

    def on_pillar(self, name: str, score: Any, least: Callable[..., Any] = min, most: Callable[..., Any] = max) -> Any:  # noqa: ANN401
        """The score of a pillar after deductions, never below 0, and caps."""
        if name in self.deduction:
            score = most(score - self._as(score, self.deduction[name]), 0)
        return _capped(score, self.pillar.get(name, []), least)

    def on_total(self, score: Any, least: Callable[..., Any] = min) -> Any:  # noqa: ANN401
        """The total after the caps of veto events."""
        return _capped(score, self.total, least)

    @staticmethod
    def _as(score: Any, number: Fraction) -> Any:  # noqa: ANN401
        return number if isinstance(score, Fraction) else float(number)


def _capped(score: Any, caps: list[_Cap], least: Callable[..., Any]) -> Any:  # noqa: ANN401
    for limit, share in caps:
        exact = isinstance(score, Fraction)
        over = score - least(score, limit if exact else float(limit))
        score = score - (share if exact else float(share)) * over
    return score


def counted(rows: Iterable[Mapping[str, Any]], months: list[str], profile: Profile) -> list[Event]:
    """The events of a period, gravest first: those decided in it or still felt, and those pending.

    Args:
        rows: rows of `esg_event`.
        months: the months of the period.
        profile: says how events fade.

    Raises:
        CatalogueError: an event names an indicator that does not exist.
    """
    found = []
    for row in sorted(rows, key=lambda row: (_GRAVEST.index(row["event_class"]), row["event_id"])):
        known = catalogue().get(row["indicator_id"])
        if known is None or known.kind == "metric":
            raise CatalogueError(
                f"event {row['event_id']}: no indicator {row['indicator_id']} / 没有该指标",
                "esg_event",
                "name the one it counts under",
            )
        if f"{row['occurred_on']:%Y-%m}" <= months[-1]:
            found.append((row.get("incident_id"), _event(row, months, profile)))
    seen: set[str] = set()
    events = []
    for incident, event in found:
        once = incident is None or incident not in seen
        if incident is not None and event.share:
            seen.add(incident)
        events.append(event if once else Event(**{**event.__dict__, "share": Fraction(0)}))
    return [event for event in events if event.share or event.is_pending or _is_open(event, months)]


def _event(row: Mapping[str, Any], months: list[str], profile: Profile) -> Event:
    is_pending = row["status"] != "final"
    share = Fraction(0) if is_pending else _share(f"{row['decided_on']:%Y-%m}", months, profile.events.decay)
    return Event(
        row["event_id"], row["event_class"], row["indicator_id"], row["decided_on"], share, is_pending,
        row.get("official_source"), row["title"],
    )  # fmt: skip


def _is_open(event: Event, months: list[str]) -> bool:
    """Whether it was decided in the period, or after it: listed even if it takes nothing."""
    return event.decided_on is not None and f"{event.decided_on:%Y-%m}" >= months[0]


def _share(decided: str, months: list[str], decay: tuple[Decimal, ...]) -> Fraction:
    """How much counts of what was decided in a month: by how many periods of this length it lies back."""
    if decided > months[-1]:
        return Fraction(0)
    age = _number(months[-1]) - _number(decided)
    periods = age // len(months)
    return Fraction(decay[periods]) if periods < len(decay) else Fraction(0)


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def effects(events: Iterable[Event], profile: Profile) -> Effects:
    """What events do together."""
    indicator: dict[str, list[_Cap]] = defaultdict(list)
    pillar: dict[str, list[_Cap]] = defaultdict(list)
    total: list[_Cap] = []
    not_rated = None
    counting = [(event, does) for event in events if event.share and (does := _does(event, profile))]
    for event, does in counting:
        for caps, limit in ((indicator[event.indicator_id], does.linked_at_most), (pillar[event.pillar], does.pillar_at_most),
                            (total, does.total_at_most)):  # fmt: skip
            if limit is not None:
                caps.append((Fraction(limit), event.share))
        if does.not_rated and event.share == 1:
            not_rated = not_rated or event.event_id
    deduction: dict[str, Fraction] = defaultdict(Fraction)
    for event, points in taken(events, profile).items():
        deduction[event.pillar] += points
    lost = {name: points for name, points in deduction.items() if points}
    return Effects(
        {k: v for k, v in indicator.items() if v}, lost, {k: v for k, v in pillar.items() if v}, total, not_rated
    )


def taken(events: Iterable[Event], profile: Profile) -> dict[Event, Fraction]:
    """The points each event takes from its pillar; a class takes no more from one pillar than its profile allows."""
    spent: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    found = {}
    for event in events:
        does = _does(event, profile)
        points = event.share * Fraction(does.deduction) if does else Fraction(0)
        if does is not None and does.at_most is not None:
            points = min(points, Fraction(does.at_most) - spent[event.pillar, event.event_class])
        spent[event.pillar, event.event_class] += points
        found[event] = points
    return found


def _does(event: Event, profile: Profile) -> EventEffect | None:
    return next((does for name, does in profile.events.classes.items() if name == event.event_class), None)


def rows(events: list[Event], profile: Profile) -> list[dict[str, Any]]:
    """The rows of `score.event`, but for period, organisation and profile."""
    points = taken(events, profile)
    found = []
    for event in events:
        does = _does(event, profile)
        caps = () if does is None or not event.share else (does.total_at_most, does.pillar_at_most)
        cap = next((limit for limit in caps if limit is not None), None)
        found.append(
            {
                "event_id": event.event_id, "class": event.event_class, "pillar": event.pillar, "indicator_id": event.indicator_id,
                "decided_on": event.decided_on, "share": event.share, "deduction": points[event],
                "cap": None if cap is None else Fraction(cap), "source": event.source, "is_pending": event.is_pending,
                "title": event.title,
            }
        )  # fmt: skip
    return found
