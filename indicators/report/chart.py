"""Drawings (SVG) for page and paper: labelled where they are read, never by colour alone, the same bytes for the same figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from indicators.report.document import CJK, figure

INK, SOFT, FAINT, BAD = "#1d2733", "#5f6b7a", "#c3cad3", "#b3261e"
FILLS = {"E": "#00785a", "S": "#0067a5", "G": "#b3541e", "total": "#3b4450"}
"""A colour for each pillar; told apart by those who confuse red and green, and in grey."""

Bar = tuple[str, Decimal | None, str]
"""Label, amount, and what to print instead where there is none."""


@dataclass(frozen=True)
class Score:
    """A bar on the scale 0 to 100.

    Attributes:
        score: None where there is none; then `note` says why.
        fill: a pillar or `total`; without a score, `lack` where that is a want.
        lower, upper: what missing data leave open; no line where they are the score.
        weight: share of the whole; the bar is as thick as it weighs.
        note: what stands behind the bar.
        last: the score of the period before, drawn as a mark.
    """

    label: str
    score: float | None
    note: str
    fill: str
    weight: float
    lower: float | None = None
    upper: float | None = None
    last: float | None = None


@dataclass(frozen=True)
class Spread:
    """Where a result lies over many runs: 5, 25, 50, 75 and 95 % of them are below; `score` is the one without chance."""

    label: str
    points: tuple[float, float, float, float, float]
    score: float | None
    note: str
    fill: str


@dataclass(frozen=True)
class Dot:
    """One month of a trend; without a value, `mark` is drawn in its place. A hollow one is partly known."""

    label: str
    value: float | None
    mark: str = "×"
    is_hollow: bool = False
    said: str = ""


def scores(rows: Sequence[Score], edges: Mapping[str, float], said: str, label_width: int = 232) -> str:
    """Bars on the scale 0 to 100, as thick as they weigh, over the edges of the grades."""
    width, right, top = 720, 150, 24
    heaviest = max((row.weight for row in rows), default=0) or 1
    heights = [max(9.0, 17 * row.weight / heaviest) for row in rows]
    pitch = 20
    bottom = top + pitch * len(rows) + 4

    def x(points: float) -> float:
        return label_width + points / 100 * (width - label_width - right)

    body = [_line(x(edge), top - 6, x(edge), bottom, FAINT, "2 2") + _text(x(edge), top - 10, name, "middle", SOFT, 10) for name, edge in edges.items() if edge > 0]  # fmt: skip
    body.append(_line(x(0), top - 6, x(0), bottom, INK))
    for place, (row, height) in enumerate(zip(rows, heights, strict=True)):
        middle = top + pitch * place + pitch / 2
        body.append(_text(label_width - 8, middle + 4, _short(row.label, label_width - 12), "end"))
        body += _score_bar(row, x, middle, height)
    body += [_text(x(mark), bottom + 14, f"{mark}", "middle", SOFT, 10) for mark in (0, 20, 40, 60, 80, 100)]
    return _svg(width, bottom + 20, body, said)


def _score_bar(row: Score, x: Callable[[float], float], middle: float, height: float) -> list[str]:
    if row.score is None:
        return [_text(x(0) + 6, middle + 4, row.note, "start", BAD if row.fill == "lack" else SOFT)]
    colour = FILLS.get(row.fill, INK)
    drawn = [
        f'<rect x="{x(0):.1f}" y="{middle - height / 2:.1f}" width="{x(row.score) - x(0):.1f}" height="{height:.1f}" fill="{colour}"/>'
    ]
    end = row.score
    if row.lower is not None and row.upper is not None and row.upper > row.lower:
        drawn += [_line(x(row.lower), middle, x(row.upper), middle, INK)]
        drawn += [_line(x(edge), middle - 4, x(edge), middle + 4, INK) for edge in (row.lower, row.upper)]
        end = max(end, row.upper)
    if row.last is not None:
        drawn.append(f'<path d="M{x(row.last):.1f} {middle - 6:.1f}l4 6l-4 6l-4 -6z" fill="#fff" stroke="{INK}"/>')
        end = max(end, row.last)
    return [*drawn, _text(x(end) + 8, middle + 4, row.note, "start")]


def trend(dots: Sequence[Dot], low: str, high: str, whole: tuple[float, str] | None, fill: str, said: str) -> str:
    """Months joined where they follow each other, from the lowest to the highest; a dashed line where the whole period lies."""
    width, height, side, head, foot = 340, 132, 14, 30, 24
    known = [dot.value for dot in dots if dot.value is not None] + ([whole[0]] if whole else [])
    least, most = min(known), max(known)
    floor, step = height - foot - 8, (width - 2 * side) / max(1, len(dots) - 1)
    colour = FILLS.get(fill, INK)

    def y(value: float) -> float:
        return floor - (value - least) / (most - least) * (floor - head) if most > least else (floor + head) / 2

    body = [_text(side - 8, 12, f"{low} – {high}" if low != high else low, "start", SOFT, 10)]
    if whole:
        body.append(_line(side - 8, y(whole[0]), width - side + 8, y(whole[0]), SOFT, "4 3"))
        body.append(_text(width - side + 8, 12, whole[1], "end", SOFT, 10))
    spots = [(side + place * step, None if dot.value is None else y(dot.value), dot) for place, dot in enumerate(dots)]
    body += [_line(x1, y1, x2, y2, colour, thick=1.6) for (x1, y1, _), (x2, y2, _) in pairwise(spots) if y1 is not None and y2 is not None]  # fmt: skip
    for x, height_of, dot in spots:
        if height_of is None:
            body.append(_text(x, floor, dot.mark, "middle", BAD if dot.mark == "×" else SOFT))
        else:
            body.append(f'<circle cx="{x:.1f}" cy="{height_of:.1f}" r="3.2" stroke="{colour}" stroke-width="1.5" fill="{"#fff" if dot.is_hollow else colour}"><title>{_safe(dot.said)}</title></circle>')  # fmt: skip
        body.append(_text(x, height - 6, dot.label, "middle", SOFT, 10))
    return _svg(width, height, body, said)


def spreads(rows: Sequence[Spread], edges: Mapping[str, float], said: str) -> str:
    """Boxes from 25 to 75 % with lines from 5 to 95 %, over those edges of the grades that lie among them."""
    reach = [point for row in rows for point in row.points] + [row.score for row in rows if row.score is not None]
    scale = _Scale(min(reach), max(reach), 96, 560)
    bottom = 28 + 40 * len(rows)
    body = _graded(scale, edges, bottom)
    for place, row in enumerate(rows):
        middle = 46 + 40 * place
        p05, p25, p50, p75, p95 = (scale(point) for point in row.points)
        colour = FILLS.get(row.fill, INK)
        body += [
            _text(88, middle + 4, row.label, "end"), _line(p05, middle, p95, middle, INK), _line(p05, middle - 5, p05, middle + 5, INK), _line(p95, middle - 5, p95, middle + 5, INK),
            f'<rect x="{p25:.1f}" y="{middle - 8}" width="{p75 - p25:.1f}" height="16" fill="{colour}" fill-opacity=".35" stroke="{colour}"/>',
            _line(p50, middle - 8, p50, middle + 8, colour, thick=2.4), _text(scale.right + 14, middle + 4, row.note, "start", size=10.5),
        ]  # fmt: skip
        if row.score is not None:
            body.append(f'<path d="M{scale(row.score):.1f} {middle - 5}l5 5l-5 5l-5 -5z" fill="{INK}"/>')
    return _svg(720, bottom + 34, [*body, *scale.axis(bottom + 6)], said)


def waterfall(start: tuple[str, float, str], steps: Sequence[tuple[str, float, str]], end: tuple[str, float, str], said: str) -> str:  # fmt: skip
    """From one score to another by what added to it and what took from it; the axis does not begin at 0.

    Args:
        start: label, score and its text.
        end: likewise.
        steps: label, change and its text, in the order they are drawn.
        said: what the drawing is, for those who cannot see it.
    """
    levels = [start[1]]
    for _, change, _ in steps:
        levels.append(levels[-1] + change)
    scale = _Scale(min([*levels, end[1]]), max([*levels, end[1]]), 236, 640)
    pitch, top = 22, 8
    body: list[str] = []
    for place, (label, points, shown) in enumerate((start, *steps, end)):
        middle = top + pitch * place + pitch / 2
        is_whole = place in (0, len(steps) + 1)
        below, above = (scale.low, points) if is_whole else sorted((levels[place - 1], levels[place]))
        fill = FILLS["total"] if is_whole else FILLS["S"] if points >= 0 else "url(#stripes)"
        body.append(_text(228, middle + 4, _short(label, 224), "end"))
        body.append(f'<rect x="{scale(below):.1f}" y="{middle - 7:.1f}" width="{max(scale(above) - scale(below), 1):.1f}" height="14" fill="{fill}" stroke="{INK}" stroke-width=".6"/>')  # fmt: skip
        body.append(_text(scale(above) + 6, middle + 4, shown, "start"))
        if place <= len(steps):
            level = scale(levels[place])
            body.append(_line(level, middle + 7, level, middle + pitch - 7, SOFT))
    bottom = top + pitch * (len(steps) + 2)
    return _svg(720, bottom + 26, [*body, *scale.axis(bottom + 2)], said)


def swings(rows: Sequence[tuple[str, float, float, str]], centre: float, said: str) -> str:
    """How far the result moves with each thing between its lowest and highest: label, low, high and what stands behind."""
    scale = _Scale(min(row[1] for row in rows), max(row[2] for row in rows), 236, 600)
    pitch, top = 22, 8
    bottom = top + pitch * len(rows)
    body = []
    for place, (label, low, high, shown) in enumerate(rows):
        middle = top + pitch * place + pitch / 2
        body.append(_text(228, middle + 4, _short(label, 224), "end"))
        body.append(f'<rect x="{scale(low):.1f}" y="{middle - 7:.1f}" width="{max(scale(high) - scale(low), 1):.1f}" height="14" fill="{FILLS["S"]}" fill-opacity=".75" stroke="{INK}" stroke-width=".6"/>')  # fmt: skip
        body.append(_text(scale(high) + 6, middle + 4, shown, "start"))
    body.append(_line(scale(centre), top, scale(centre), bottom, INK, "4 3"))
    return _svg(720, bottom + 26, [*body, *scale.axis(bottom + 2)], said)


def _graded(scale: _Scale, edges: Mapping[str, float], bottom: float) -> list[str]:
    inside = [(name, edge) for name, edge in edges.items() if scale.low < edge < scale.high]
    return [_line(scale(edge), 18, scale(edge), bottom + 4, FAINT, "2 2") + _text(scale(edge), 13, f"{name} ≥ {edge:g}", "middle", SOFT, 10) for name, edge in inside]  # fmt: skip


class _Scale:
    """Where a score lies between two places; begins and ends on a round number, not on 0."""

    def __init__(self, least: float, most: float, left: float, right: float) -> None:
        step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if (most - least) <= 7 * step or step == 20)
        self.low, self.high = math.floor(least / step) * step, math.ceil(most / step) * step
        if self.high <= self.low:
            self.high = self.low + step
        self.step, self.left, self.right = step, left, right

    def __call__(self, points: float) -> float:
        return self.left + (points - self.low) / (self.high - self.low) * (self.right - self.left)

    def axis(self, y: float) -> list[str]:
        """The axis with its marks."""
        marks = [self.low + place * self.step for place in range(round((self.high - self.low) / self.step) + 1)]
        drawn = [_line(self.left, y, self.right, y, SOFT)]
        for mark in marks:
            drawn.append(_line(self(mark), y, self(mark), y + 4, SOFT))
            drawn.append(_text(self(mark), y + 16, f"{round(mark, 1):g}", "middle", SOFT, 10))
        return drawn


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "", thick: float = 1) -> str:
    broken = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{thick:g}"{broken}/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = INK, size: float = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{colour}">{_safe(text)}</text>'


def _short(text: str, room: float) -> str:
    """A label cut to the room there is; Chinese signs are twice as wide."""
    wide = 0.0
    for place, sign in enumerate(text):
        wide += 11 if ord(sign) > 0x2E7F else 6
        if wide > room:
            return text[: max(1, place - 1)] + "…"
    return text


# ── of the greenhouse-gas inventory: amounts in tCO2e ───────────────────────────────────────────────────────────────

_FILLS = ("#1f4e79", "url(#stripes)", "url(#dots)")
_DEFS = (
    "<defs>"
    '<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/>'
    '<rect width="2.6" height="6" fill="#c55a11"/></pattern>'
    '<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><rect width="5" height="5" fill="#fff"/><circle cx="2.5" cy="2.5" r="1.1" fill="#2e7d5b"/></pattern></defs>'
)


def _svg(width: int, height: float, body: Iterable[str], said: str) -> str:
    family = ", ".join(f"'{name}'" for name in CJK[:6])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" height="{height:g}" role="img" '
        f'aria-label="{_safe(said)}" font-family="{family}, sans-serif" font-size="11" fill="#1d2733">{_DEFS}{"".join(body)}</svg>'
    )


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def bars(rows: Sequence[Bar], said: str, label_width: int = 190) -> str:
    """Horizontal bars from 0, each with its figure; a missing one says so in the place of its bar."""
    width, step = 520, 24
    room = width - label_width - 96
    largest = max((amount for _, amount, _ in rows if amount is not None), default=Decimal(0))
    body = [f'<line x1="{label_width}" x2="{label_width}" y1="2" y2="{len(rows) * step + 2}" stroke="#1d2733"/>']
    for place, (label, amount, instead) in enumerate(rows):
        y = place * step + 4
        body.append(f'<text x="{label_width - 8}" y="{y + 13}" text-anchor="end">{_safe(label)}</text>')
        if amount is None:
            body.append(f'<text x="{label_width + 6}" y="{y + 13}" fill="#b3261e">{_safe(instead)}</text>')
            continue
        long = float(amount / largest) * room if largest else 0.0
        body.append(f'<rect x="{label_width}" y="{y}" width="{long:.1f}" height="17" fill="{_FILLS[0]}" stroke="#1d2733" stroke-width=".6"/>')  # fmt: skip
        body.append(f'<text x="{label_width + long + 6:.1f}" y="{y + 13}">{_safe(figure(amount).text)}</text>')
    return _svg(width, len(rows) * step + 6, body, said)


def stacks(columns: Sequence[tuple[str, Sequence[Decimal | None] | None]], names: Sequence[str], said: str) -> str:
    """Stacked columns from 0, one per month: the figures of each series, or None where the month has no total (drawn as ×)."""
    width, height, foot, left = 700, 230, 22, 58
    wide = (width - left) / max(len(columns), 1)
    sums = [sum((part for part in parts if part is not None), Decimal(0)) for _, parts in columns if parts is not None]
    top = _round_up(max(sums, default=Decimal(0)))
    base, room = height - foot, height - foot - 34

    def y(amount: Decimal) -> float:
        return base - float(amount / top) * room if top else float(base)

    body = []
    for place, name in enumerate(names):
        x = float(left + place * 200)
        body.append(f'<rect x="{x:g}" y="4" width="22" height="12" fill="{_FILLS[place]}" stroke="#1d2733" stroke-width=".6"/><text x="{x + 28:g}" y="14">{_safe(name)}</text>')  # fmt: skip
    for share in (Decimal(0), Decimal("0.5"), Decimal(1)):
        mark = y(top * share)
        body.append(f'<line x1="{left}" x2="{width}" y1="{mark:.1f}" y2="{mark:.1f}" stroke="#b8c0ca" stroke-width=".6"/>')  # fmt: skip
        body.append(f'<text x="{left - 6}" y="{mark + 4:.1f}" text-anchor="end">{(top * share).normalize():,f}</text>')
    for place, (label, parts) in enumerate(columns):
        x, middle = left + place * wide + wide * 0.18, left + (place + 0.5) * wide
        body.append(f'<text x="{middle:.1f}" y="{height - 6}" text-anchor="middle">{_safe(label)}</text>')
        if parts is None:
            body.append(f'<text x="{middle:.1f}" y="{base - 6}" text-anchor="middle" fill="#b3261e" font-weight="bold">×</text>')  # fmt: skip
            continue
        below = Decimal(0)
        for series, part in enumerate(parts):
            if part:
                body.append(
                    f'<rect x="{x:.1f}" y="{y(below + part):.1f}" width="{wide * 0.64:.1f}" height="{y(below) - y(below + part):.1f}" '
                    f'fill="{_FILLS[series]}" stroke="#1d2733" stroke-width=".6"/>'
                )
                below += part
    return _svg(width, height, body, said)


def _round_up(amount: Decimal) -> Decimal:
    """The next number of one of the steps 1, 2, 3, 4, 6, 8, 10 times a power of ten."""
    if amount <= 0:
        return Decimal(0)
    power = Decimal(1).scaleb(amount.adjusted())
    return next(power * step for step in (1, 2, 3, 4, 6, 8, 10) if power * step >= amount)
