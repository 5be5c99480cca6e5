"""How many writing requests a ticket system takes in a time: one account in its row, for all workers together.

The grants of the latest window stand in the row. A grant is an UPDATE on the condition that nobody else was granted
anything since they were read, so the account is right whoever asks at once. What is granted and then not used is lost:
that errs on the side of too few.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from remediation.models import TicketSystem

from ..connectors import connector_for
from ..connectors.base import Limit

# A request arrives a little after it was granted, and not each equally so: the window is taken longer by so much.
MARGIN = 1.06
# Another worker was first, so many times in a row: there will hardly be anything left.
_TRIES = 8


def grant(system: str, wanted: int) -> int:
    """How many of the wanted requests may go out now; they count from this moment on."""
    limit = connector_for(system).limit
    if limit is None or not wanted:
        return wanted
    for _try in range(_TRIES):
        row = TicketSystem.objects.only("grants", "granted").get(pk=system)
        now = timezone.now()
        latest = _latest(row, limit, now)
        granted = min(wanted, limit.requests - sum(count for _, count in latest))
        if granted <= 0:
            return 0
        if _write(row, [*latest, (now.timestamp(), granted)], granted):
            return granted
    return 0


def _write(row: TicketSystem, grants: list[tuple[float, int]], granted: int) -> bool:
    """The conditional UPDATE: the running total says whether anybody came between."""
    unchanged = TicketSystem.objects.filter(pk=row.pk, granted=row.granted)
    return bool(unchanged.update(granted=row.granted + granted, grants=grants))


def seconds_left(system: str) -> float:
    """Until a request may go out; 0 when one may now."""
    limit = connector_for(system).limit
    if limit is None:
        return 0.0
    now = timezone.now()
    latest = _latest(TicketSystem.objects.only("grants", "granted").get(pk=system), limit, now)
    if sum(count for _, count in latest) < limit.requests:
        return 0.0
    return max(0.0, latest[0][0] + limit.seconds * MARGIN - now.timestamp())


def _latest(row: TicketSystem, limit: Limit, now: datetime) -> list[tuple[float, int]]:
    """The grants that still count, oldest first. One from far in the future is a clock that was wrong."""
    window = timedelta(seconds=limit.seconds * MARGIN)
    since, until = (now - window).timestamp(), (now + window).timestamp()
    return sorted((moment, count) for moment, count in row.grants if since < moment < until)
