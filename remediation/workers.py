"""Whether anybody is there to send what waits, for the pages on which somebody waits for it."""

from datetime import datetime

from django.db.models import Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import Duty, Heartbeat
from .models.heartbeats import LOST_AFTER


def worker_seen_at() -> Subquery:
    """When a delivery worker was seen last: a value to be asked with others in one query."""
    return Heartbeat.objects.last_seen(Duty.DELIVERY)


def no_worker(seen_at: datetime | None) -> str:
    """The sentence that says that nobody is there; empty while somebody is."""
    if seen_at is None:
        return _("No worker has been seen. What is queued waits until one is started; nothing is lost.")
    silence = timezone.now() - seen_at
    if silence <= LOST_AFTER:
        return ""
    minutes = int(silence.total_seconds() // 60)
    words = ngettext("No worker seen for %(n)d minute.", "No worker seen for %(n)d minutes.", minutes) % {"n": minutes}
    return f"{words} {_('What is queued waits until one is started; nothing is lost.')}"
