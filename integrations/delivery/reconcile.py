"""The uncertain: sent perhaps, perhaps not. Found is adopted; absent twice, after the quarantine, may be sent again."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import AttemptPurpose, AttemptResult, DeliveryState, Ticket, TicketAttempt, TicketSystem

from ..connectors.base import Listing, RemoteTicket
from . import record, throttle
from .send import MOST_ATTEMPTS

ABSENCES_NEEDED = 2
GIVE_UP_AFTER = timedelta(hours=24)
_UNCERTAIN = {DeliveryState.UNCERTAIN}


def due(system: TicketSystem, now: datetime | None = None):
    """Uncertain tickets whose quarantine, or whose gap between two listings, is over."""
    waiting = system.tickets.filter(delivery_state=DeliveryState.UNCERTAIN, next_attempt_at__lte=now or timezone.now())
    return waiting.defer("payload")


def settle(questions: list[Ticket], found: dict[str, list[RemoteTicket]], listing: Listing, started: datetime) -> None:
    """Count an absence for those that a complete listing did not show. `questions` were due when it started."""
    not_shown = [ticket for ticket in questions if ticket.marker not in found]
    if not listing.is_complete:
        _log_unanswered(not_shown, listing.reply.reason)
        return
    for ticket in not_shown:
        _absent(ticket, started)


def _absent(ticket: Ticket, started: datetime) -> None:
    absences = ticket.absences + 1
    fence = ticket.fence + 1
    changes: dict[str, Any] = {"fence": fence}
    if absences < ABSENCES_NEEDED:
        gap = timedelta(seconds=settings.DELIVERY_LISTING_GAP)
        changes |= {
            "delivery_state": DeliveryState.UNCERTAIN,
            "absences": absences,
            "last_absence_at": started,
            "next_attempt_at": timezone.now() + gap,
        }
    else:
        changes |= _after_absence(ticket)
    with transaction.atomic():
        if not record.move(ticket, ticket.fence, _UNCERTAIN, **changes):
            return
        log_look(ticket, fence)
        if changes["delivery_state"] == DeliveryState.DEAD:
            record.audit(ticket, "delivery_failed", note=changes["reason"])
        if changes["delivery_state"] == DeliveryState.CANCELLED:
            record.audit(ticket, "delivery_cancelled")


def _after_absence(ticket: Ticket) -> dict[str, Any]:
    """It does not stand there."""
    if ticket.cancel_wanted:
        return {"delivery_state": DeliveryState.CANCELLED, "reason": ""}
    if ticket.attempts >= MOST_ATTEMPTS:
        reason = _("Given up after %(count)d attempts without a clear answer. Retry looks for it first.")
        return {"delivery_state": DeliveryState.DEAD, "reason": reason % {"count": ticket.attempts}}
    wait = timedelta(seconds=throttle.backoff(ticket.attempts) if ticket.attempts > 1 else 0)
    return {"delivery_state": DeliveryState.READY, "next_attempt_at": timezone.now() + wait, "reason": ""}


def give_up() -> int:
    """Tickets that have been uncertain for a day, because no complete listing could be had."""
    old = Ticket.objects.filter(
        delivery_state=DeliveryState.UNCERTAIN, uncertain_since__lt=timezone.now() - GIVE_UP_AFTER
    ).defer("payload")
    return sum(_give_up(ticket) for ticket in old)


@transaction.atomic
def _give_up(ticket: Ticket) -> bool:
    reason = _("Not known for a day whether it was created: no complete list could be read. Retry looks for it first.")
    changes: dict[str, Any] = {"delivery_state": DeliveryState.DEAD, "reason": reason, "fence": ticket.fence + 1}
    moved = record.move(ticket, ticket.fence, _UNCERTAIN, **changes)
    if moved:
        record.audit(ticket, "delivery_failed", note=reason)
    return moved


def log_look(ticket: Ticket, fence: int, *, found_id: str = "") -> None:
    """One row a look that changed something."""
    result = AttemptResult.ADOPTED if found_id else AttemptResult.ABSENT
    now = timezone.now()
    values = {"started_at": now, "ended_at": now, "result": result, "remote_id": found_id, "reason": ""}
    TicketAttempt.objects.update_or_create(ticket=ticket, fence=fence, purpose=AttemptPurpose.LOOK, defaults=values)


def _log_unanswered(tickets: list[Ticket], reason: str) -> None:
    """A look without an answer replaces the one before. One statement: in an outage it comes again each minute."""
    now = timezone.now()
    looks = [
        TicketAttempt(
            ticket=ticket,
            fence=ticket.fence,
            purpose=AttemptPurpose.LOOK,
            started_at=now,
            ended_at=now,
            result=AttemptResult.UNKNOWN,
            reason=reason[:1000],
        )
        for ticket in tickets
    ]
    TicketAttempt.objects.bulk_create(
        looks,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["ticket", "fence", "purpose"],
        update_fields=["started_at", "ended_at", "result", "reason"],
    )
