"""Which exceptions have outgrown what was decided on: asked of all that stand at once, by stored counters alone."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from .. import scoring
from ..counters.tables import rows
from ..models import STANDING, RecommendationException, ScoreSnapshot
from .exception_subjects import risk_of

# Less than this is no impact to speak of; then the devices alone say whether one has grown.
_LEAST_POINTS = 0.005

_IN_SCOPE = """
x.status IN ('in_effect', 'suspended') AND (x.all_groups OR EXISTS (SELECT 1 FROM {exception_group} g
    WHERE g.recommendationexception_id = x.id AND g.devicegroup_id = c.group_id))
"""
_NAMES = ("exposed", "drop_low", "drop_normal", "drop_high")
# What fixing would bring, and what exceptions hold back already: together what the score would be worse by without.
_OF_RECOMMENDATIONS = f"""
SELECT x.id, SUM(c.exposed), SUM(c.drop_low + c.held_low), SUM(c.drop_normal + c.held_normal),
    SUM(c.drop_high + c.held_high)
FROM {{exception}} x JOIN {{counter}} c ON c.recommendation_id = x.recommendation_id WHERE {_IN_SCOPE} GROUP BY x.id
"""  # noqa: S608
_OF_WEAKNESSES = f"""
SELECT x.id, SUM(c.exposed)
FROM {{exception}} x JOIN {{weakness_counter}} c ON c.weakness_id = x.weakness_id WHERE {_IN_SCOPE} GROUP BY x.id
"""  # noqa: S608


def grown() -> list[RecommendationException]:
    """Those whose impact is more than a share above what was decided on: EXCEPTION_RESURFACE; 0 switches it off."""
    if not settings.EXCEPTION_RESURFACE:
        return []
    standing = RecommendationException.objects.filter(status__in=STANDING).select_related("recommendation", "weakness")
    found = list(standing)
    if not found:
        return []
    counted = {key: dict(zip(_NAMES, values, strict=False)) for key, *values in _counted()}
    present = ScoreSnapshot.objects.present()
    return [exception for exception in found if _has_grown(exception, counted.get(exception.pk, {}), present)]


def _counted() -> Iterable[tuple[Any, ...]]:
    return [*rows(_OF_RECOMMENDATIONS), *rows(_OF_WEAKNESSES)]


def _has_grown(exception: RecommendationException, now: dict[str, Any], present: dict[str, float]) -> bool:
    most, exposed = 1 + settings.EXCEPTION_RESURFACE, now.get("exposed") or 0
    if exception.weakness:
        # More devices, or a weakness that has become more dangerous.
        then = max(1, exception.exposed_then) * (exception.risk_then or 0.0)
        return exposed * risk_of(exception.weakness) > then * most
    if exception.impact_then > _LEAST_POINTS:
        return _impact(exception, now, present) > exception.impact_then * most
    return exposed > max(1, exception.exposed_then) * most


def _impact(exception: RecommendationException, now: dict[str, Any], present: dict[str, float]) -> float:
    recommendation: Any = exception.recommendation
    if not recommendation.is_configuration:
        return scoring.exposure_impact_of(now, present)
    points = recommendation.configuration_impact + recommendation.held_impact
    return points * (now.get("exposed") or 0) / (recommendation.exposed or 1)
