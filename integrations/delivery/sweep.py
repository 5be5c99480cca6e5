"""The sweeper: finds every ticket that a lost ring, a killed worker or a pause has left, and moves it on."""

import math
import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from remediation import doorbell
from remediation.models import AttemptResult, DeliveryState, Lease, Ticket, TicketAttempt, TicketSystem

from . import allowance, fill, look, reconcile, record, send, wishes
from .claim import worker_name

log = structlog.get_logger(__name__)

_LEASE = "sweep"
# Wake-ups a sweep: so many tasks drain what is due, each for so long.
MOST_WAKE_UPS = 4
DRAIN_SECONDS = 40.0
# Tickets that are worth a wake-up of their own.
WAKE_UP_FOR = 10
SWEEP = "integrations.tasks.sweep"
# Without a round for so many times its interval, somebody else than the clock asks for one.
_OVERDUE_ROUNDS = 3


def attend(ids: list[int]) -> None:
    """What a ring asks for: see to these tickets; without ids, to whatever is due, for a while."""
    which = ids or None
    cancel_waiting(which)
    ends = time.monotonic() + DRAIN_SECONDS
    _drain(which, ends)
    wishes.fulfil(which)
    fill.fill(which, until=lambda: time.monotonic() > ends)


def _drain(ids: list[int] | None, ends: float) -> None:
    """Send what is due. A round for whatever is due stays when only the allowance keeps it; a ring goes home."""
    while True:
        send.deliver(ids, until=lambda: time.monotonic() > ends)
        wait = 0.0 if ids else _seconds_to_wait()
        if not wait or time.monotonic() + wait > ends:
            return
        time.sleep(wait)


def _seconds_to_wait() -> float:
    """Until a ticket may go out that waits for nothing but the allowance; 0 when there is none."""
    systems = TicketSystem.objects.filter(is_enabled=True, opened_at=None).exclude(paused_until__gt=timezone.now())
    waiting = [system.pk for system in systems if system.tickets.due().filter(cancel_wanted=False).exists()]
    return min(filter(None, map(allowance.seconds_left, waiting)), default=0.0)


def sweep() -> None:
    """One round. Two rounds at once do the work of one."""
    holder = worker_name()
    # A round takes far less; of one that was killed, the next need not wait for longer.
    if not Lease.objects.take(_LEASE, holder, settings.DELIVERY_LEASE / 2):
        return
    try:
        tidy()
        ring_for_due()
    finally:
        Lease.objects.release(_LEASE, holder)
    wishes.fulfil()
    look_for_uncertain()
    ends = time.monotonic() + DRAIN_SECONDS
    fill.fill(until=lambda: time.monotonic() > ends)


def ring_if_overdue() -> None:
    """For a worker, now and then: the clock is dead, so somebody has to ask for the next round. Never raises for it."""
    limit = timezone.now() - timedelta(seconds=_OVERDUE_ROUNDS * settings.DELIVERY_SWEEP)
    if Lease.objects.filter(name=_LEASE, until__gte=limit).exists():
        return
    log.warning("sweep_overdue")
    try:
        doorbell.call(SWEEP)
    except OperationalError as problem:
        log.warning("sweep_not_asked_for", problem=str(problem))


def sweep_here() -> None:
    """The same round without a broker: everything is done in this process."""
    tidy()
    attend([])
    look.look_everywhere()
    attend([])


def tidy() -> None:
    expire_leases()
    reconcile.give_up()
    cancel_waiting(None)


def ring_for_due() -> None:
    due = Ticket.objects.due().filter(system__is_enabled=True, cancel_wanted=False).count()
    for _each in range(min(MOST_WAKE_UPS, math.ceil(due / WAKE_UP_FOR))):
        doorbell.wake()


def look_for_uncertain() -> None:
    """The regular poll looks anyway; this is for those whose quarantine has just ended."""
    waiting = Ticket.objects.filter(delivery_state=DeliveryState.UNCERTAIN, next_attempt_at__lte=timezone.now())
    for system in {ticket.system for ticket in waiting.select_related("system").defer("payload")}:
        look.look(system)


def expire_leases() -> int:
    """A worker that was lost may have sent its ticket: into quarantine."""
    lapsed = Ticket.objects.filter(delivery_state=DeliveryState.SENDING, lease_until__lt=timezone.now())
    return sum(_expire(ticket) for ticket in lapsed.defer("payload"))


@transaction.atomic
def _expire(ticket: Ticket) -> bool:
    changes = send.uncertain(_("The worker was lost while it was sending.")) | {"fence": ticket.fence + 1}
    lapsed = Q(lease_until__lt=timezone.now())
    if not record.move(ticket, ticket.fence, {DeliveryState.SENDING}, only=lapsed, **changes):
        return False
    TicketAttempt.objects.filter(ticket=ticket, fence=ticket.fence, result=AttemptResult.STARTED).update(
        result=AttemptResult.CRASHED, ended_at=timezone.now()
    )
    log.warning("lease_lapsed", ticket=ticket.pk, worker=ticket.worker)
    return True


def cancel_waiting(ids: list[int] | None) -> int:
    """Tickets that were not sent yet and are not wanted any more."""
    unwanted = Ticket.objects.filter(delivery_state=DeliveryState.READY, cancel_wanted=True).defer("payload")
    return sum(_cancel(ticket) for ticket in (unwanted if ids is None else unwanted.filter(pk__in=ids)))


@transaction.atomic
def _cancel(ticket: Ticket) -> bool:
    changes = {"delivery_state": DeliveryState.CANCELLED, "fence": ticket.fence + 1, "reason": ""}
    # The wish may just have been taken back.
    moved = record.move(ticket, ticket.fence, {DeliveryState.READY}, only=Q(cancel_wanted=True), **changes)
    if moved:
        record.audit(ticket, "delivery_cancelled")
    return moved
