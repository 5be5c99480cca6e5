"""Why a score moved between two days, for any selection of device groups: stored sums, told part by part."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import DateField, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from remediation import scoring
from remediation.models import MovePart, OrganisationScore, ScoreMove, ScoreSnapshot

from . import charts
from .groups import Selection
from .numbers import numbers
from .periods import Period
from .requests import Request

# Points; less is the rounding of floats.
NOTHING = 1e-9
_ORDER = {part: place for place, part in enumerate(MovePart.values)}
EXPLANATIONS = {
    MovePart.FIXED_BY_US: _("Target devices of activities that are proved fixed."),
    MovePart.FIXED_OTHERWISE: _("Gone without an activity, or before it could be proved."),
    MovePart.GONE: _("They left the average with the score that they had."),
    MovePart.INACTIVE: _("They left the average, or came back into it."),
    MovePart.REGROUPED: _("They left one of the selected groups, or came into one."),
    MovePart.RESCORED: _("EPSS, KEV, CVSS, exploits, alerts, or the value or place of a device changed."),
    MovePart.NEW_WEAKNESSES: _("Found on devices that were there before."),
    MovePart.NEW_DEVICES: _("They came into the average with what they have."),
    MovePart.EXCEPTED: _("Exceptions that lower the risk came into effect, or ended."),
}


@dataclass(frozen=True)
class Part:
    label: Any
    explanation: Any
    points: float
    bar: SafeString


@dataclass(frozen=True)
class Movement:
    first: date
    last: date
    before: float
    after: float
    parts: list[Part]

    @property
    def points(self) -> float:
        return self.after - self.before

    @property
    def unexplained(self) -> float:
        """What the parts leave over: nothing, since they are kept."""
        rest = self.points - sum(part.points for part in self.parts)
        return rest if abs(rest) > NOTHING else 0.0


def ask_movement(request: Request, period: Period) -> None:
    """The days of the period that have scores, asked with the page's other numbers."""
    days = OrganisationScore.objects.filter(day__lte=period.until)
    before = days.filter(day__lte=period.since).order_by("-day").values("day")[:1]
    earliest = days.filter(day__gt=period.since).order_by("day").values("day")[:1]
    numbers(request).ask(
        moved_from=Coalesce(Subquery(before), Subquery(earliest), output_field=DateField()),
        moved_to=Subquery(days.order_by("-day").values("day")[:1], output_field=DateField()),
    )


def movement(request: Request, groups: Selection) -> Movement | None:
    """None while there are no two days to compare."""
    first, last = numbers(request)["moved_from"], numbers(request)["moved_to"]
    if first is None or last is None or first >= last:
        return None
    sums = _by_day(groups, [first, last])
    moved = scoring.telescope(sums[first], _steps(groups, first, last))
    told = {part: points for part, points in moved.items() if abs(points) > NOTHING}
    most = max((abs(points) for points in told.values()), default=0.0)
    parts = [_part(code, told[code], most) for code in MovePart.values if code in told]
    return Movement(first, last, scoring.exposure_score(*sums[first]), scoring.exposure_score(*sums[last]), parts)


def _part(code: str, points: float, most: float) -> Part:
    part = MovePart(code)
    bar = charts.bar(100 * abs(points) / most, "b-ok" if points < 0 else "b-bad")
    return Part(part.label, EXPLANATIONS[part], points, bar)


def _by_day(groups: Selection, days: list[date]) -> dict[date, Any]:
    rows = _sums(ScoreSnapshot.objects.filter(day__in=days, group__in=groups.ids), "day")
    found = {row["day"]: _vector(row) for row in rows}
    return {day: found.get(day, (0, 0, 0, 0.0, 0.0, 0.0)) for day in days}


def _steps(groups: Selection, first: date, last: date) -> list[tuple[str, Any]]:
    """Day by day, and within a day in the order of the parts."""
    moves = ScoreMove.objects.filter(day__gt=first, day__lte=last, group__in=groups.ids)
    rows = sorted(_sums(moves, "day", "part"), key=lambda row: (row["day"], _ORDER[row["part"]]))
    return [(row["part"], _vector(row)) for row in rows]


def _sums(queryset: QuerySet, *by: str) -> QuerySet:
    return queryset.order_by().values(*by).annotate(**{f"sum_{name}": Sum(name) for name in ScoreMove.SUMMED})


def _vector(row: dict[str, Any]) -> Any:
    return tuple(row[f"sum_{name}"] or 0 for name in ScoreMove.SUMMED)
