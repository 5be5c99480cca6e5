"""What time and syncs do to exceptions: they expire, and resurface; recommendations are called by what is left.

However many stand, the same few questions are asked each minute; only what is due is touched by itself.
"""

from datetime import datetime

import structlog
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import RecommendationException, Through, User
from .exception_growth import grown
from .exceptions import transition
from .recommendation_status import refresh_all
from .transitions import InvalidTransition

log = structlog.get_logger(__name__)


def look_after(now: datetime | None = None) -> int:
    """End those whose time has come, or whose impact has grown. Returns how many. Running it twice does no harm."""
    at = now or timezone.now()
    ended = sum(_end(exception, "expire", "") for exception in RecommendationException.objects.over(at))
    ended += sum(
        _end(exception, "resurface", _("Its impact has grown beyond what was decided on.")) for exception in grown()
    )
    refresh_all()
    return ended


def _end(exception: RecommendationException, verb: str, note: str) -> int:
    try:
        transition(exception, verb, by=User.objects.system(), note=note, through=Through.WORKER)
    except InvalidTransition as conflict:
        log.info("exception_not_moved", exception=exception.pk, problem=conflict.message)
        return 0
    return 1
