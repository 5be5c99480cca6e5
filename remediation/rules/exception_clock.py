"""What time and syncs do to exceptions: they expire, and resurface; recommendations are called by what is left."""

from datetime import datetime

import structlog
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import STANDING, Recommendation, RecommendationException, RecommendationStatus, Through, User
from . import exception_policy
from .exceptions import transition
from .recommendation_status import refresh_status
from .transitions import InvalidTransition

log = structlog.get_logger(__name__)


def look_after(now: datetime | None = None) -> int:
    """End those whose time has come, or whose impact has grown. Returns how many. Running it twice does no harm."""
    at = now or timezone.now()
    ended = sum(_end(exception, "expire", "") for exception in RecommendationException.objects.over(at))
    for exception in RecommendationException.objects.filter(status__in=STANDING).select_related("recommendation"):
        if exception_policy.has_grown(exception):
            ended += _end(exception, "resurface", _("Its impact has grown beyond what was decided on."))
    _refresh_all()
    return ended


def _end(exception: RecommendationException, verb: str, note: str) -> int:
    try:
        transition(exception, verb, by=User.objects.system(), note=note, through=Through.WORKER)
    except InvalidTransition as conflict:
        log.info("exception_not_moved", exception=exception.pk, problem=conflict.message)
        return 0
    return 1


def _refresh_all() -> None:
    """A sync may bring a group outside every exception its first exposed device, or take its last."""
    named = Recommendation.objects.exclude(status=RecommendationStatus.ACTIVE)
    excepted = Recommendation.objects.filter(exceptions__status__in=STANDING)
    for recommendation in (named | excepted).distinct():
        refresh_status(recommendation)
