"""What the organisation asks of exceptions: when somebody else has to approve, and when one is void by itself."""

from datetime import timedelta

from django.conf import settings

from ..models import Recommendation, RecommendationException, Severity, Weakness
from .targets import promised_impact

_RANK: dict[str, int] = {severity: place for place, severity in enumerate(Severity.values)}
# Points of a configuration, 1 to 10, as severities: the borders of CVSS.
_POINTS: dict[str, float] = {Severity.LOW: 0.1, Severity.MEDIUM: 4.0, Severity.HIGH: 7.0, Severity.CRITICAL: 9.0}
# Less than this is no impact to speak of; then the devices alone say whether one has grown.
_LEAST_POINTS = 0.005
SHORTEST = timedelta(days=1)


def needs_approval(recommendation: Recommendation, duration: timedelta) -> bool:
    """By EXCEPTION_APPROVAL: never, always, or above a duration or a severity."""
    policy = settings.EXCEPTION_APPROVAL
    if policy != "above":
        return policy == "always"
    return duration > timedelta(days=settings.EXCEPTION_APPROVAL_DAYS + 1) or _is_severe(recommendation)


def _is_severe(recommendation: Recommendation) -> bool:
    least = settings.EXCEPTION_APPROVAL_SEVERITY
    if not least:
        return False
    if recommendation.software_id is None:
        return recommendation.severity_score >= _POINTS[least]
    severe = [severity for severity, rank in _RANK.items() if rank >= _RANK[least]]
    carried = Weakness.versions.through.objects.filter(softwareversion__software=recommendation.software_id)
    return Weakness.objects.filter(pk__in=carried.values("weakness"), severity__in=severe).exists()


def has_grown(exception: RecommendationException) -> bool:
    """Whether its impact is more than a share above what was decided on: EXCEPTION_RESURFACE; 0 switches it off."""
    if not settings.EXCEPTION_RESURFACE:
        return False
    most = 1 + settings.EXCEPTION_RESURFACE
    counters = exception.recommendation.counters.all()
    groups = None if exception.all_groups else list(exception.device_groups.all())
    here = counters if groups is None else counters.filter(group__in=groups)
    if exception.impact_then > _LEAST_POINTS:
        present = [counter.group for counter in here.select_related("group")]
        return promised_impact(exception.recommendation, present) > exception.impact_then * most
    return sum(here.values_list("exposed", flat=True)) > max(1, exception.exposed_then) * most
