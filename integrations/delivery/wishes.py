"""What we want to stand over there (completed, rejected), delivered as carefully as the tickets themselves.

Setting a status twice is harmless, so an unknown outcome is simply read again before it is repeated.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import AttemptPurpose, AttemptResult, RemoteState, Ticket, TicketAttempt, TicketSystem

from ..connectors import connector_for
from ..connectors.base import Connector, Phase, Reply
from . import allowance, classify, record, remote, throttle
from .claim import worker_name
from .classify import Kind
from .send import MOST_ATTEMPTS

log = structlog.get_logger(__name__)

_MOST_AT_ONCE = 50
# Nothing took effect over there, so these do not count against the wish.
_FREE = frozenset({Kind.THROTTLED, Kind.NOT_SENT, Kind.AUTH})


@dataclass(frozen=True)
class Wish:
    ticket: Ticket
    fence: int
    attempt_id: int


def fulfil(ids: list[int] | None = None) -> int:
    """Set the status of delivered tickets that want one: these, or any that is due. Safe to run twice at once."""
    done = 0
    for system in TicketSystem.objects.filter(is_enabled=True):
        if not throttle.may_look(system):
            continue
        wanting = Ticket.objects.wanting().filter(system=system, **({} if ids is None else {"pk__in": ids}))
        for ticket in wanting.order_by("wanted_next_at", "pk").defer("payload")[:_MOST_AT_ONCE]:
            if not allowance.grant(system.pk, 1):
                break
            kind = _fulfil(ticket, connector_for(system.pk))
            done += kind is Kind.DONE
            if kind in _FREE:
                # The next would fare no better.
                break
    return done


def _fulfil(ticket: Ticket, connector: Connector) -> Kind | None:
    """What came of it; None when there was nothing to do, or somebody else is at it."""
    if ticket.remote_wanted == RemoteState.REJECTED and ticket.remote_state == RemoteState.COMPLETED:
        # What is completed there needs no withdrawal.
        _forget(ticket)
        return None
    wish = _claim(ticket)
    if wish is None:
        return None
    if ticket.wanted_attempts and _is_so_already(wish, connector):
        return Kind.DONE
    try:
        reply = connector.set_status(ticket.remote_id, ticket.remote_wanted, ticket.remote_wanted_note)
    except Exception as problem:
        log.exception("connector_broke", ticket=ticket.pk)
        reply = Reply(Phase.UNFINISHED, reason=f"{type(problem).__name__} while sending.")
    kind = classify.of_status(reply)
    _settle(wish, kind, reply, connector)
    return kind


@transaction.atomic
def _claim(ticket: Ticket) -> Wish | None:
    now = timezone.now()
    free = Q(wanted_lease_until=None) | Q(wanted_lease_until__lt=now)
    got = (
        Ticket.objects.wanting(now)
        .filter(free, pk=ticket.pk, fence=ticket.fence)
        .update(
            fence=F("fence") + 1,
            wanted_attempts=F("wanted_attempts") + 1,
            wanted_lease_until=now + timedelta(seconds=settings.DELIVERY_LEASE),
        )
    )
    if not got:
        return None
    lost = TicketAttempt.objects.filter(ticket=ticket, purpose=AttemptPurpose.STATUS, result=AttemptResult.STARTED)
    lost.update(result=AttemptResult.CRASHED, ended_at=now, counted=False)
    attempt = TicketAttempt.objects.create(
        ticket=ticket,
        fence=ticket.fence + 1,
        purpose=AttemptPurpose.STATUS,
        started_at=now,
        worker=worker_name(),
    )
    return Wish(ticket, ticket.fence + 1, attempt.pk)


def _is_so_already(wish: Wish, connector: Connector) -> bool:
    """After an attempt of unknown outcome: perhaps it had worked."""
    reading = connector.read(wish.ticket.remote_id)
    if reading.ticket is None or reading.ticket.state != wish.ticket.remote_wanted:
        return False
    _settle(wish, Kind.DONE, reading.reply, connector)
    return True


def _settle(wish: Wish, kind: Kind, reply: Reply, connector: Connector) -> None:
    wait_until = throttle.note_other(wish.ticket.system_id, kind, reply)
    if kind is Kind.AUTH:
        connector.sign_in_again()
    gives_up = kind is Kind.REFUSED or (kind not in _FREE and wish.ticket.wanted_attempts + 1 >= MOST_ATTEMPTS)
    with transaction.atomic():
        if kind in {Kind.DONE, Kind.MISSING}:
            counts = _close(wish)
        elif gives_up:
            counts = _close(wish, reason=_("Its status could not be set: %(why)s") % {"why": reply.reason})
        else:
            counts = _later(wish, kind, wait_until)
        record.finish(wish.attempt_id, _RESULTS[kind], reply, counted=counts)
        if counts:
            _tell(wish, kind, reply, gives_up)


def _tell(wish: Wish, kind: Kind, reply: Reply, gives_up: bool) -> None:
    ticket = Ticket.objects.defer("payload").get(pk=wish.ticket.pk)
    if kind is Kind.MISSING:
        remote.missing(ticket)
    elif kind is Kind.DONE:
        Ticket.objects.filter(pk=ticket.pk).update(
            remote_state=wish.ticket.remote_wanted,
            remote_note=wish.ticket.remote_wanted_note or ticket.remote_note,
            remote_changed_at=timezone.now(),
        )
        record.audit(ticket, f"set_{wish.ticket.remote_wanted}", note=wish.ticket.remote_wanted_note)
    elif gives_up:
        record.audit(ticket, "status_not_set", note=reply.reason)


def _close(wish: Wish, **changes: object) -> bool:
    """The wish is over. One that was changed meanwhile stays."""
    same = Ticket.objects.filter(pk=wish.ticket.pk, fence=wish.fence)
    over = same.filter(remote_wanted=wish.ticket.remote_wanted).update(
        remote_wanted="", remote_wanted_note="", wanted_next_at=None, wanted_lease_until=None, **changes
    )
    return bool(over) or bool(same.update(wanted_lease_until=None))


def _later(wish: Wish, kind: Kind, wait_until: datetime | None) -> bool:
    tried = wish.ticket.wanted_attempts + (0 if kind in _FREE else 1)
    at = wait_until or timezone.now() + timedelta(seconds=throttle.backoff(tried))
    same = Ticket.objects.filter(pk=wish.ticket.pk, fence=wish.fence)
    same.filter(remote_wanted=wish.ticket.remote_wanted).update(wanted_next_at=at, wanted_attempts=tried)
    return bool(same.update(wanted_lease_until=None))


def _forget(ticket: Ticket) -> None:
    Ticket.objects.filter(pk=ticket.pk, remote_wanted=ticket.remote_wanted).update(
        remote_wanted="", remote_wanted_note="", wanted_next_at=None
    )


_RESULTS: dict[Kind, str] = {
    Kind.DONE: AttemptResult.DONE,
    Kind.MISSING: AttemptResult.ABSENT,
    Kind.REFUSED: AttemptResult.REFUSED,
    Kind.FORBIDDEN: AttemptResult.REFUSED,
    Kind.NOT_SENT: AttemptResult.NOT_SENT,
    Kind.THROTTLED: AttemptResult.THROTTLED,
    Kind.AUTH: AttemptResult.AUTH,
    Kind.UNKNOWN: AttemptResult.UNKNOWN,
}
