"""After a restore: whatever was sent since the backup is not known here, so everything is looked for before it is sent.

A ticket that waited when the backup was made may stand there since. Its bytes bear its marker, so the quarantine and
the two listings that settle any other unknown outcome settle this one too.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import AttemptPurpose, AttemptResult, DeliveryState, Ticket, TicketAttempt, TicketSystem

from . import record, send

_WAITING = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.UNCERTAIN)
# At rest, until a person asks for another try.
_RETRIABLE = (DeliveryState.DEAD, DeliveryState.CANCELLED)


@transaction.atomic
def doubt_all() -> int:
    """No worker may run. Returns how many tickets are looked for before anything else happens to them."""
    reason = _("Restored from a backup: it may have been sent since, so it is looked for first.")
    tickets = Ticket.objects.defer("payload", "facts")
    doubted = sum(_doubt(ticket, reason) for ticket in tickets.filter(delivery_state__in=_WAITING))
    attempts = [_open_attempt(ticket, reason) for ticket in tickets.filter(delivery_state__in=_RETRIABLE)]
    TicketAttempt.objects.bulk_create(attempts, batch_size=500)
    # What holds back or promises, held and promised then.
    TicketSystem.objects.update(last_listed_at=None, paused_until=None, pause_reason="", opened_at=None, failures=0)
    return doubted


def _doubt(ticket: Ticket, reason: str) -> bool:
    changes = send.uncertain(reason) | {"fence": ticket.fence + 1}
    return record.move(ticket, ticket.fence, {ticket.delivery_state}, **changes)


def _open_attempt(ticket: Ticket, reason: str) -> TicketAttempt:
    """An outcome that is not known: Retry then looks first."""
    record.move(
        ticket, ticket.fence, {ticket.delivery_state}, delivery_state=ticket.delivery_state, fence=ticket.fence + 1
    )
    now = timezone.now()
    return TicketAttempt(
        ticket=ticket,
        fence=ticket.fence + 1,
        purpose=AttemptPurpose.CREATE,
        started_at=now,
        ended_at=now,
        result=AttemptResult.UNKNOWN,
        reason=reason,
    )
