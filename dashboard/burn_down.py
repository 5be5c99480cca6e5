"""How the devices of an activity become fewer, as inline SVG: a step a day, the due date, the pace that meets it."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from . import cells
from .charts import BOTTOM, HEIGHT, LEFT, TOP, Point

RIGHT = 98.5

# Beyond this share of the width a text stands to the left of its mark.
_LATE = 0.72


def burn_down(points: Sequence[Point], targets: int, due_on: date | None) -> SafeString:
    """`points` say what was left at the end of each day that differs, the first and the last day included."""
    begin, last = points[0], points[-1]
    end = max(last.day, due_on or last.day)
    days = max(1, (end - begin.day).days)

    def x(day: date) -> float:
        return round(100 * (day - begin.day).days / days, 2)

    def y(left: float) -> float:
        return round(BOTTOM - left / targets * (BOTTOM - TOP - 14), 1)

    line = _steps(points, x, y)
    return format_html(
        '<svg class="chart" height="{}" role="img" aria-label="{}">'
        '<svg x="{}%" y="0" width="{}%" height="{}" viewBox="0 0 100 {}" preserveAspectRatio="none">'
        '<path class="axis" d="M0 {}H100M0 {}H100"/>{}<path class="area" d="M0 {}L{} {},{}Z"/>'
        '<polyline class="trend" points="{}"/></svg>{}{}{}</svg>',
        HEIGHT, _sentence(begin, last, targets, due_on), LEFT, RIGHT - LEFT, HEIGHT, HEIGHT,
        BOTTOM, y(targets), _pace(due_on, begin, x, y, targets), BOTTOM, line, x(last.day), BOTTOM,
        line, _scale(y, targets), _now(last, x, y), _days(begin, end, due_on, x),
    )  # fmt: skip


def _steps(points: Sequence[Point], x, y) -> str:
    """What is left stays left until a sync says otherwise."""
    places = [f"{x(points[0].day)},{y(points[0].value)}"]
    for before, after in pairwise(points):
        places += [f"{x(after.day)},{y(before.value)}", f"{x(after.day)},{y(after.value)}"]
    return " ".join(places)


def _pace(due_on: date | None, begin: Point, x, y, targets: int) -> SafeString:
    if due_on is None or due_on <= begin.day:
        return format_html("")
    return format_html(
        '<path class="mark-l" d="M0 {}L{} {}M{} {}V{}"/>',
        y(targets), x(due_on), BOTTOM, x(due_on), TOP + 6, BOTTOM,
    )  # fmt: skip


def _is_late(percent: float) -> bool:
    return percent > 100 * _LATE


def _place(percent: float) -> float:
    """Of the inner drawing, in percent of the whole."""
    return round(LEFT + percent * (RIGHT - LEFT) / 100, 2)


def _scale(y, targets: int) -> SafeString:
    return format_html(
        '<text x="{}%" y="{}" text-anchor="end">{}</text><text x="{}%" y="{}" text-anchor="end">0</text>',
        LEFT - 1, y(targets) + 4, cells.number(targets), LEFT - 1, BOTTOM + 4,
    )  # fmt: skip


def _now(last: Point, x, y) -> SafeString:
    at, is_late = _place(x(last.day)), _is_late(x(last.day))
    return format_html(
        '<circle class="dot" cx="{}%" cy="{}" r="5"/><text class="now" x="{}%" y="{}" text-anchor="{}">{}</text>',
        at, y(last.value), at - 1 if is_late else at + 1.5, y(last.value) - 8, "end" if is_late else "start",
        _("%(n)s left") % {"n": cells.number(last.value)},
    )  # fmt: skip


def _days(begin: Point, end: date, due_on: date | None, x) -> SafeString:
    marks = format_html(
        '<text x="{}%" y="{}">{}</text><text x="{}%" y="{}" text-anchor="end">{}</text>',
        LEFT, HEIGHT - 3, date_format(begin.day, "j M"), RIGHT, HEIGHT - 3, date_format(end, "j M"),
    )  # fmt: skip
    if due_on is None or due_on <= begin.day:
        return marks
    anchor = "end" if _is_late(x(due_on)) else "start"
    words = _("due %(day)s") % {"day": date_format(due_on, "j M")}
    return marks + format_html(
        '<text x="{}%" y="{}" text-anchor="{}">{}</text>', _place(x(due_on)), TOP + 1, anchor, words
    )


def _sentence(begin: Point, last: Point, targets: int, due_on: date | None) -> str:
    words = _("Devices left: %(targets)s on %(from)s, %(left)s on %(to)s") % {
        "targets": cells.number(targets),
        "from": date_format(begin.day, "j F"),
        "left": cells.number(last.value),
        "to": date_format(last.day, "j F"),
    }
    return words if due_on is None else f"{words}; {_('due %(day)s') % {'day': date_format(due_on, 'j F')}}"
