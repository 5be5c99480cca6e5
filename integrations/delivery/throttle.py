"""When a ticket system may be called: one pause, one circuit and one allowance a system, in its row, for all workers.

Retry-After is obeyed between 1 second and 1 hour. The circuit opens after five failures in a row, and at once when the
system does not let us in; while it is open, one probe goes out every DELIVERY_PROBE seconds.
"""

import random
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import Route, TicketSystem

from ..connectors.base import Reply
from . import allowance
from .classify import Kind

log = structlog.get_logger(__name__)

FAILURES_TO_OPEN = 5
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 3600.0
# Of many successes in a row one in so long is written down: each would be a commit of its own.
_SAME_SUCCESS = timedelta(seconds=1)
_OPENS_AT_ONCE = frozenset({Kind.AUTH, Kind.FORBIDDEN})
_FAILURES = frozenset({Kind.UNKNOWN, Kind.NOT_SENT})


def admit(system: str, wanted: int) -> int:
    """How many tickets may be claimed now: none while paused or off, one as a probe of an open circuit, and no more
    than the ticket system takes in a time."""
    now = timezone.now()
    row = TicketSystem.objects.filter(pk=system, is_enabled=True).first()
    if row is None or (row.paused_until and row.paused_until > now):
        return 0
    if row.opened_at is None:
        return allowance.grant(system, wanted)
    # The one whose UPDATE comes first takes the probe.
    taken = TicketSystem.objects.filter(Q(paused_until=None) | Q(paused_until__lte=now), pk=system).exclude(
        opened_at=None
    )
    probes = min(wanted, taken.update(paused_until=now + timedelta(seconds=settings.DELIVERY_PROBE)))
    return allowance.grant(system, probes)


def is_paused(system: str) -> bool:
    return TicketSystem.objects.filter(pk=system, paused_until__gt=timezone.now()).exists()


def may_look(system: TicketSystem) -> bool:
    """Whether reading is in order: an open circuit only holds back writing, a pause that was asked for holds both."""
    is_paused = system.paused_until is not None and system.paused_until > timezone.now()
    return system.is_enabled and not (is_paused and system.opened_at is None)


def note_create(system: str, kind: Kind, reply: Reply) -> datetime:
    """Write down how an attempt to create fared. Returns the moment before which the ticket need not try again."""
    now = timezone.now()
    row = TicketSystem.objects.filter(pk=system)
    if kind is Kind.THROTTLED:
        return _pause(row, now, reply)
    if kind in _OPENS_AT_ONCE:
        return _open(row, now, kind, reply)
    if kind in _FAILURES:
        return _failed(row, now, reply)
    _answered(row, now, kind)
    return now


def note_other(system: str, kind: Kind, reply: Reply) -> datetime | None:
    """How another call fared: only a request to wait concerns everybody. Returns its end."""
    if kind is Kind.THROTTLED:
        return _pause(TicketSystem.objects.filter(pk=system), timezone.now(), reply)
    return None


def created_after_all(system: str) -> None:
    """A ticket of an unknown outcome was found: creating works."""
    _answered(TicketSystem.objects.filter(pk=system), timezone.now(), Kind.DONE)


def backoff(times: int) -> float:
    """Seconds, exponential with full jitter, so that many do not come back at once."""
    most = min(settings.DELIVERY_BACKOFF_CAP, settings.DELIVERY_BACKOFF_BASE * 2 ** min(times, 20))
    return max(SHORTEST_PAUSE, random.uniform(0, most))  # noqa: S311


def pause_length(asked: float | None) -> float:
    """Seconds to pause after "too many requests"."""
    if asked is None:
        return max(SHORTEST_PAUSE, settings.DELIVERY_BACKOFF_BASE)
    return min(max(asked, SHORTEST_PAUSE), LONGEST_PAUSE)


def _pause(row, now: datetime, reply: Reply) -> datetime:
    until = now + timedelta(seconds=pause_length(reply.wait))
    row.filter(Q(paused_until=None) | Q(paused_until__lt=until)).update(
        paused_until=until, pause_reason=_("The ticket system asked to wait.")
    )
    return until


def _open(row, now: datetime, kind: Kind, reply: Reply) -> datetime:
    until = now + timedelta(seconds=settings.DELIVERY_PROBE)
    changes = {"last_error": reply.reason[:500], "last_error_at": now, "paused_until": until}
    changes["pause_reason"] = _("The ticket system does not let us in.")
    if kind is Kind.FORBIDDEN:
        changes["create_route"] = Route.REFUSED
    row.filter(opened_at=None).update(opened_at=now)
    row.update(failures=F("failures") + 1, **changes)
    log.warning("delivery_not_let_in", status=reply.status, reason=reply.reason[:200])
    return until


def _failed(row, now: datetime, reply: Reply) -> datetime:
    row.update(failures=F("failures") + 1, last_error=reply.reason[:500], last_error_at=now)
    failures, opened_at = row.values_list("failures", "opened_at").get()
    if failures < FAILURES_TO_OPEN:
        return now + timedelta(seconds=backoff(failures))
    until = now + timedelta(seconds=settings.DELIVERY_PROBE)
    if opened_at is None:
        log.warning("delivery_circuit_opened", failures=failures, reason=reply.reason[:200])
        row.filter(opened_at=None).update(opened_at=now)
    row.update(paused_until=until, pause_reason=_("The ticket system does not answer as it should."))
    return until


def _answered(row, now: datetime, kind: Kind) -> None:
    """It spoke sensibly, so an open circuit closes; a pause that was asked for stays."""
    changes: dict[str, object] = {"failures": 0, "opened_at": None}
    as_before = Q(**changes)
    if kind is Kind.DONE:
        as_before &= Q(create_route=Route.WORKS, last_success_at__gt=now - _SAME_SUCCESS)
        changes |= {"last_success_at": now, "create_route": Route.WORKS}
    if row.exclude(as_before).exists():
        row.exclude(opened_at=None).update(paused_until=None, pause_reason="")
        row.update(**changes)
