"""Charts as inline SVG: x in percent and y in pixels, so that text keeps its size; no style attribute, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, pi, sin

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from . import cells

HEIGHT, TOP, BOTTOM = 172, 12, 152
LEFT, RIGHT = 6.5, 86.0
_LINES = (30, 70)


@dataclass(frozen=True)
class Point:
    day: date
    value: float


def trend(points: Sequence[Point], name: str) -> SafeString:
    """A line over days with the borders of the levels; of one point there is only its dot, where the line will end."""
    lowest = max(0.0, min(*_LINES, *(point.value for point in points)) - 10)
    highest = min(100.0, max(*_LINES, *(point.value for point in points)) + 10)

    def y(value: float) -> float:
        return round(BOTTOM - (value - lowest) / (highest - lowest) * (BOTTOM - TOP), 1)

    line = _line(points, y) if len(points) > 1 else ""
    area = f"M0 {BOTTOM}L{line} 100,{BOTTOM}Z" if line else ""
    last = points[-1]
    now = y(last.value)
    return format_html(
        '<svg class="chart" height="{}" role="img" aria-label="{}">'
        '<svg x="{}%" y="0" width="{}%" height="{}" viewBox="0 0 100 {}" preserveAspectRatio="none">'
        '<path class="mark-l" d="{}"/><path class="axis" d="M0 {}H100"/><path class="area" d="{}"/>'
        '<polyline class="trend" points="{}"/></svg>{}{}'
        '<circle class="dot" cx="{}%" cy="{}" r="5"/><text class="now" x="{}%" y="{}">{}</text>{}</svg>',
        HEIGHT, _sentence(points, name), LEFT, RIGHT - LEFT, HEIGHT, HEIGHT,
        "".join(f"M0 {y(value)}H100" for value in _LINES), BOTTOM, area, line,
        _scale(y), _bands(y, now), RIGHT, now, RIGHT + 2.5, now + 4, cells.score(last.value),
        _days(points),
    )  # fmt: skip


def _line(points: Sequence[Point], y) -> str:
    days = max(1, (points[-1].day - points[0].day).days)
    return " ".join(f"{100 * (point.day - points[0].day).days / days:.2f},{y(point.value)}" for point in points)


def _sentence(points: Sequence[Point], name: str) -> str:
    first, last = points[0], points[-1]
    if first is last:
        now = {"name": name, "end": cells.score(last.value), "to": date_format(last.day, "j F")}
        return _("%(name)s: %(end)s on %(to)s") % now
    return _("%(name)s from %(start)s on %(from)s to %(end)s on %(to)s") % {
        "name": name,
        "start": cells.score(first.value),
        "from": date_format(first.day, "j F"),
        "end": cells.score(last.value),
        "to": date_format(last.day, "j F"),
    }


def _scale(y) -> SafeString:
    return format_html_join(
        "",
        '<text x="{}%" y="{}" text-anchor="end">{}</text>',
        ((LEFT - 1, y(value) + 4, value) for value in _LINES),
    )


def _bands(y, now: float) -> SafeString:
    """The names of the levels beside their borders; one that the present value stands on gives way."""
    words = [(y(70) - 6, _("High")), (y(70) + 13, _("Medium")), (y(30) + 13, _("Low"))]
    return format_html_join(
        "",
        '<text x="{}%" y="{}">{}</text>',
        ((RIGHT + 1.5, round(place, 1), word) for place, word in words if abs(place - 4 - now) >= 14),
    )


def _days(points: Sequence[Point]) -> SafeString:
    middle = points[len(points) // 2].day
    marks = [(LEFT, "start", points[0].day), (RIGHT, "end", points[-1].day)][-len(points) :]
    if len(points) > 4:
        marks.insert(1, ((LEFT + RIGHT) / 2, "middle", middle))
    return format_html_join(
        "",
        '<text x="{}%" y="{}" text-anchor="{}">{}</text>',
        ((x, HEIGHT - 3, anchor, date_format(day, "j M")) for x, anchor, day in marks),
    )


@dataclass(frozen=True)
class Slice:
    colour: str
    label: str
    count: int
    # What a filter calls it.
    value: str = ""


def donut(slices: Sequence[Slice], unit: str) -> SafeString:
    """Shares of a whole, clockwise from the top, with the whole in the middle."""
    whole = sum(piece.count for piece in slices)
    sentence = ", ".join(f"{piece.label} {cells.number(piece.count)}" for piece in slices)
    return format_html(
        '<svg class="chart donut" viewBox="0 0 150 150" role="img" aria-label="{}">{}'
        '<text class="now" x="75" y="78" text-anchor="middle" font-size="26">{}</text>'
        '<text x="75" y="96" text-anchor="middle" font-size="14">{}</text></svg>',
        sentence, _arcs(slices, whole), cells.number(whole), unit,
    )  # fmt: skip


def _arcs(slices: Sequence[Slice], whole: int) -> SafeString:
    shown = [piece for piece in slices if piece.count]
    if len(shown) <= 1:
        colour = shown[0].colour if shown else "f-none"
        return format_html('<path class="{}" fill-rule="evenodd" d="{}"/>', colour, _RING)
    arcs, start = [], 0.0
    gap = 0.004
    for piece in shown:
        end = start + piece.count / whole
        arcs.append((piece.colour, _arc(start + gap, max(end - gap, start + gap + 0.003))))
        start = end
    return format_html_join("", '<path class="{}" d="{}"/>', arcs)


OUTER, INNER = 70, 54
_RING = " ".join(f"M75 {75 - radius}A{radius} {radius} 0 1 1 74.9 {75 - radius}Z" for radius in (OUTER, INNER))


def _arc(start: float, end: float) -> str:
    far = 1 if end - start > 0.5 else 0
    a, b = _at(start, OUTER), _at(end, OUTER)
    c, d = _at(end, INNER), _at(start, INNER)
    return f"M{a}A{OUTER} {OUTER} 0 {far} 1 {b}L{c}A{INNER} {INNER} 0 {far} 0 {d}Z"


def _at(share: float, radius: float) -> str:
    angle = 2 * pi * share
    return f"{75 + radius * sin(angle):.2f} {75 - radius * cos(angle):.2f}"


def bar(share: float, tone: str = "") -> SafeString:
    """0 to 100, of a width."""
    css = f"bar {tone}".strip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><rect width="{}%" height="100%"/></svg>', css, f"{share:.0f}"
    )


def stacked_bar(part: float, whole: float, longest: float) -> SafeString:
    """A whole with a part of it, beside others of which the longest fills the width."""
    scale = 100 / longest if longest else 0
    return format_html(
        '<svg class="bar big" aria-hidden="true"><rect width="{}%" height="100%"/>'
        '<rect class="f-high" width="{}%" height="100%"/></svg>',
        f"{scale * whole:.1f}", f"{scale * part:.1f}",
    )  # fmt: skip
