"""Claiming: at most one worker gets a ticket, for as long as its lease lasts, and the attempt is on record first."""

import os
import socket
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from remediation.models import AttemptPurpose, DeliveryState, Ticket, TicketAttempt, TicketSystem

from . import throttle

BATCH = 10


@dataclass(frozen=True)
class Claim:
    """The right to send one ticket once, by the monotonic clock."""

    ticket: Ticket
    fence: int
    attempt_id: int
    started: float

    @property
    def system(self) -> str:
        return self.ticket.system_id

    @property
    def may_send(self) -> bool:
        """Whether a request that starts now ends well before the lease does."""
        left = settings.DELIVERY_LEASE - (time.monotonic() - self.started)
        return left > settings.DELIVERY_TOTAL_DEADLINE + settings.DELIVERY_MARGIN


def claim(ids: list[int] | None = None, most: int = BATCH) -> list[Claim]:
    """Claim tickets that are due: these, or any. Fewer or none when paused, off, taken or not due."""
    claimed: list[Claim] = []
    for system in TicketSystem.objects.filter(is_enabled=True).values_list("pk", flat=True):
        # No more than there are: what is admitted counts, whether it is used or not.
        wanted = _candidates(system, ids)[: most - len(claimed)].count()
        claimed += _claim(system, ids, throttle.admit(system, wanted)) if wanted else []
    return claimed


def _candidates(system: str, ids: list[int] | None):
    found = Ticket.objects.due().filter(system=system, cancel_wanted=False)
    return found if ids is None else found.filter(pk__in=ids)


@transaction.atomic
def _claim(system: str, ids: list[int] | None, most: int) -> list[Claim]:
    """One short transaction: rows and attempts are committed before anything is sent."""
    if not most:
        return []
    started = time.monotonic()
    candidates = _candidates(system, ids).order_by("next_attempt_at", "pk")
    if connection.features.has_select_for_update_skip_locked:
        candidates = candidates.select_for_update(skip_locked=True)
    taken = [ticket for ticket in candidates[:most] if _take(ticket)]
    attempts = TicketAttempt.objects.bulk_create(_attempt(ticket) for ticket in taken)
    return [Claim(ticket, ticket.fence, made.pk, started) for ticket, made in zip(taken, attempts, strict=True)]


def _take(ticket: Ticket) -> bool:
    """The conditional UPDATE: of any number of workers one gets the ticket."""
    ready = Ticket.objects.due().filter(pk=ticket.pk, fence=ticket.fence, cancel_wanted=False)
    got = ready.update(
        delivery_state=DeliveryState.SENDING,
        fence=F("fence") + 1,
        attempts=F("attempts") + 1,
        lease_until=timezone.now() + timedelta(seconds=settings.DELIVERY_LEASE),
        worker=worker_name(),
    )
    if got:
        ticket.fence += 1
        ticket.attempts += 1
        ticket.delivery_state = DeliveryState.SENDING
    return bool(got)


def _attempt(ticket: Ticket) -> TicketAttempt:
    return TicketAttempt(
        ticket=ticket,
        fence=ticket.fence,
        purpose=AttemptPurpose.CREATE,
        started_at=timezone.now(),
        worker=worker_name(),
    )


def worker_name() -> str:
    """Host, process and thread: who holds a lease."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}:{threading.get_native_id()}"
