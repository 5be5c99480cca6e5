"""What can be excepted, a recommendation or a weakness: whether it is still there, and how much an exception covers."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from .. import scoring
from ..counters.weaknesses import drops_of
from ..models import DeviceGroup, Recommendation, ScoreSnapshot, Weakness
from .targets import Snapshot, held_impact, promised_impact

Subject = Recommendation | Weakness


@dataclass(frozen=True)
class Size:
    """Exposed devices, points of the score, and of a weakness its risk r."""

    exposed: int
    impact: float
    risk: float | None


def named(subject: Subject) -> dict[str, Subject]:
    """By the field of an exception that it goes into."""
    return {"recommendation" if isinstance(subject, Recommendation) else "weakness": subject}


def why_gone(subject: Subject) -> str:
    """Why there is nothing to except; empty where there is."""
    if isinstance(subject, Recommendation):
        return _("This recommendation no longer applies to any device.") if subject.closed_at else ""
    return "" if subject.exposed else _("No device is exposed to this weakness any more.")


def exposed_in(subject: Subject, groups: list[DeviceGroup]) -> int:
    return sum(subject.counters.filter(group__in=groups).values_list("exposed", flat=True))


def size(subject: Subject, groups: list[DeviceGroup], *, is_counted: bool = False) -> Size:
    """`is_counted`: an exception of it lowers the published scores already, so what it holds back is meant."""
    exposed = exposed_in(subject, groups)
    if isinstance(subject, Weakness):
        return Size(exposed, impact_on_score(subject, groups, is_counted=is_counted), risk_of(subject))
    return Size(exposed, promised_impact(subject, groups) + held_impact(subject, groups), None)


def impact_on_score(
    subject: Subject, groups: list[DeviceGroup], snapshot: Snapshot | None = None, *, is_counted: bool = False
) -> float:
    """Points by which the score would be better if this counted no more in the groups; see `promised_impact`."""
    if isinstance(subject, Recommendation):
        return promised_impact(subject, groups, snapshot)
    drops = drops_of(subject, [group.pk for group in groups], is_counted=is_counted)
    return scoring.exposure_impact_of(drops, snapshot or ScoreSnapshot.objects.present())


def risk_of(weakness: Weakness) -> float:
    """r, without alerts: those are of products."""
    in_kev = weakness.kev_added_on is not None
    return scoring.weakness_risk(weakness.cvss, weakness.severity, weakness.epss, weakness.exploit_level, in_kev=in_kev)
