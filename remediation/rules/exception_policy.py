"""What the organisation asks of exceptions: when somebody else has to approve."""

from datetime import timedelta

from django.conf import settings

from ..models import Recommendation, Severity, Weakness

_RANK: dict[str, int] = {severity: place for place, severity in enumerate(Severity.values)}
# Points of a configuration, 1 to 10, as severities: the borders of CVSS.
_POINTS: dict[str, float] = {Severity.LOW: 0.1, Severity.MEDIUM: 4.0, Severity.HIGH: 7.0, Severity.CRITICAL: 9.0}
SHORTEST = timedelta(days=1)


def needs_approval(subject: Recommendation | Weakness, duration: timedelta) -> bool:
    """By EXCEPTION_APPROVAL: never, always, or above a duration or a severity."""
    policy = settings.EXCEPTION_APPROVAL
    if policy != "above":
        return policy == "always"
    return duration > timedelta(days=settings.EXCEPTION_APPROVAL_DAYS + 1) or _is_severe(subject)


def _is_severe(subject: Recommendation | Weakness) -> bool:
    least = settings.EXCEPTION_APPROVAL_SEVERITY
    if not least:
        return False
    severe = [severity for severity, rank in _RANK.items() if rank >= _RANK[least]]
    if isinstance(subject, Weakness):
        return subject.severity in severe
    if subject.software_id is None:
        return subject.severity_score >= _POINTS[least]
    carried = Weakness.versions.through.objects.filter(softwareversion__software=subject.software_id)
    return Weakness.objects.filter(pk__in=carried.values("weakness"), severity__in=severe).exists()
