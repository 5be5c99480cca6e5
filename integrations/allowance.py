"""How many requests go out in a time: one account in a row, for all workers together.

The grants of the latest window stand in the row. A grant is an UPDATE on the condition that nobody else was granted
anything since they were read, so the account is right whoever asks at once. What is granted and then not used is lost:
that errs on the side of too few.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model
from django.utils import timezone

# A request arrives a little after it was granted, and not each equally so: the window is taken longer by so much.
MARGIN = 1.06
# Another worker was first, so many times in a row: there will hardly be anything left.
_TRIES = 8
# Grants closer together than this part of the window are one: a row must not hold a thousand.
_GRAIN = 0.005


@dataclass(frozen=True)
class Limit:
    """So many requests in any so many seconds."""

    requests: int
    seconds: float


def grant(model: type[Model], pk: str, limit: Limit, wanted: int) -> int:
    """How many of the wanted requests may go out now; they count from this moment on.

    `model` has the columns `grants` and `granted`.
    """
    for _try in range(_TRIES):
        row: Any = model._default_manager.only("grants", "granted").get(pk=pk)
        now = timezone.now()
        latest = _latest(row, limit, now)
        granted = min(wanted, limit.requests - sum(count for _, count in latest))
        if granted <= 0:
            return 0
        if _write(row, _with(latest, limit, now.timestamp(), granted), granted):
            return granted
    return 0


def seconds_left(model: type[Model], pk: str, limit: Limit) -> float:
    """Until a request may go out; 0 when one may now."""
    now = timezone.now()
    latest = _latest(model._default_manager.only("grants", "granted").get(pk=pk), limit, now)
    if sum(count for _, count in latest) < limit.requests:
        return 0.0
    return max(0.0, latest[0][0] + limit.seconds * MARGIN - now.timestamp())


def _with(latest: list[tuple[float, int]], limit: Limit, now: float, granted: int) -> list[tuple[float, int]]:
    """One grant more. It may carry the last one along into its own moment, which errs on the side of too few."""
    if latest and now - latest[-1][0] < limit.seconds * _GRAIN:
        return [*latest[:-1], (now, latest[-1][1] + granted)]
    return [*latest, (now, granted)]


def _write(row: Any, grants: list[tuple[float, int]], granted: int) -> bool:
    """The conditional UPDATE: the running total says whether anybody came between."""
    unchanged = type(row)._default_manager.filter(pk=row.pk, granted=row.granted)
    return bool(unchanged.update(granted=row.granted + granted, grants=grants))


def _latest(row: Any, limit: Limit, now: datetime) -> list[tuple[float, int]]:
    """The grants that still count, oldest first. One from far in the future is a clock that was wrong."""
    window = timedelta(seconds=limit.seconds * MARGIN)
    since, until = (now - window).timestamp(), (now + window).timestamp()
    return sorted((moment, count) for moment, count in row.grants if since < moment < until)
