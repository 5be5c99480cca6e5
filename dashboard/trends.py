"""The scores of the selected device groups day by day: the source's own where it has one, and ours."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from remediation import scoring
from remediation.models import OrganisationScore, ScoreSnapshot

from . import charts
from .groups import Selection
from .periods import Period
from .scores import Weights


@dataclass(frozen=True)
class Score:
    """A score and its last days. `explained` is ours where the source's own is the headline.

    `reported` are points of the source's own that stand beside ours.
    """

    value: float | None
    points: list[charts.Point]
    explained: float | None = None
    reported: float | None = None

    @property
    def level(self) -> str:
        return scoring.level(self.value or 0)

    @property
    def change(self) -> int:
        return round(self.points[-1].value) - round(self.points[0].value) if len(self.points) > 1 else 0

    @property
    def days(self) -> int:
        return (self.points[-1].day - self.points[0].day).days if self.points else 0


def history(groups: Selection, period: Period) -> list[dict[str, Any]]:
    """A row a day: the organisation's own scores, or for a part of it the sums to make ours of."""
    if groups.is_whole_organisation:
        rows = OrganisationScore.objects.filter(day__gte=period.since, day__lte=period.until).order_by("day")
        fields = ("day", "exposure", "configuration", "source_exposure", "source_configuration")
        return list(rows.values(*fields))
    sums = {name: Sum(name) for name in ScoreSnapshot.SUMMED if name.startswith(("devices_", "score_"))}
    here = ScoreSnapshot.objects.filter(day__gte=period.since, day__lte=period.until, group__in=groups.ids)
    days: Any = here.order_by("day").values("day").annotate(**sums)
    return [{"day": row["day"], "exposure": scoring.exposure_score_of(row)} for row in days]


def exposure(rows: list[dict[str, Any]], now: Weights) -> Score:
    theirs = [
        charts.Point(row["day"], row["source_exposure"]) for row in rows if row.get("source_exposure") is not None
    ]
    if theirs:
        return Score(theirs[-1].value, theirs, explained=now.score)
    return Score(now.score, [charts.Point(row["day"], row["exposure"]) for row in rows])


def configuration(rows: list[dict[str, Any]], settings: list[tuple[float, int, int]]) -> Score:
    """Always ours: the source reports points without saying out of how many, so they are no score out of 100."""
    ours = scoring.configuration_score(settings)
    points = [charts.Point(row["day"], row["configuration"]) for row in rows if row.get("configuration") is not None]
    reported = [row["source_configuration"] for row in rows if row.get("source_configuration") is not None]
    return Score(ours, points, reported=reported[-1] if reported else None)
