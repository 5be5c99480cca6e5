"""What a recommendation is called by the exceptions that are in effect."""

from ..models import Recommendation, RecommendationStatus

_S = RecommendationStatus


def refresh_status(recommendation: Recommendation) -> None:
    """Full where no exposed device is left outside an exception, partial where some are excepted."""
    status = _status(recommendation)
    changed = Recommendation.objects.filter(pk=recommendation.pk).exclude(status=status).update(status=status)
    if changed:
        recommendation.status = status


def _status(recommendation: Recommendation) -> str:
    in_effect = recommendation.exceptions.in_effect()
    if in_effect.filter(all_groups=True).exists():
        return _S.FULL_EXCEPTION
    excepted = set(in_effect.values_list("device_groups", flat=True))
    if not excepted:
        return _S.ACTIVE
    exposed = set(recommendation.counters.filter(exposed__gt=0).values_list("group", flat=True))
    return _S.PARTIAL_EXCEPTION if exposed - excepted else _S.FULL_EXCEPTION
