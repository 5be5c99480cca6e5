"""What people may do about a ticket that failed."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation import doorbell
from remediation.models import AttemptPurpose, AttemptResult, DeliveryState, Ticket, User
from remediation.rules.transitions import InvalidTransition

from . import record

# What such an attempt may have left over there.
_LEFT_OPEN = (AttemptResult.UNKNOWN, AttemptResult.CRASHED, AttemptResult.STARTED)


@transaction.atomic
def retry(ticket: Ticket, *, by: User) -> Ticket:
    """Try a failed ticket again. Where an attempt's outcome is unknown it is looked for first.

    Raises PermissionDenied, or InvalidTransition when it has not failed (any more).
    """
    if not by.has_perm("remediation.handle_remediation"):
        raise PermissionDenied(_("Your roles do not allow this."))
    if not ticket.activity.touches_only(by):
        raise PermissionDenied(_("This activity also covers device groups that you may not see."))
    if ticket.cancel_wanted:
        raise InvalidTransition(_("This ticket is not wanted any more: its activity is over."), ticket.activity)
    changes = _looking_first(ticket) if _is_open(ticket) else _at_once()
    if not record.move(ticket, ticket.fence, {DeliveryState.DEAD}, **changes, attempts=0, fence=ticket.fence + 1):
        raise InvalidTransition(_("Only a failed ticket can be tried again; this one has changed meanwhile."))
    record.audit(ticket, "retry", by=by, looks_first=changes["delivery_state"] == DeliveryState.UNCERTAIN)
    doorbell.ring([ticket.pk])
    ticket.refresh_from_db()
    return ticket


def _is_open(ticket: Ticket) -> bool:
    return ticket.history.filter(purpose=AttemptPurpose.CREATE, result__in=_LEFT_OPEN).exists()


def _at_once() -> dict[str, Any]:
    return {"delivery_state": DeliveryState.READY, "next_attempt_at": timezone.now(), "reason": ""}


def _looking_first(ticket: Ticket) -> dict[str, Any]:
    """Uncertain again, with the quarantine counted from the last attempt."""
    now = timezone.now()
    last = ticket.history.filter(purpose=AttemptPurpose.CREATE).aggregate(at=Max("started_at"))["at"] or now
    return {
        "delivery_state": DeliveryState.UNCERTAIN,
        "uncertain_since": now,
        "next_attempt_at": max(now, last + timedelta(seconds=settings.DELIVERY_QUARANTINE)),
        "absences": 0,
        "last_absence_at": None,
        "reason": _("Looking for it before it is sent again."),
    }
