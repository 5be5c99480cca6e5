"""What people may do about a ticket that does not get on: try again, put another in its place, or give it up."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation import doorbell
from remediation.models import AttemptPurpose, AttemptResult, DeliveryState, RemoteState, Ticket, User
from remediation.rules.transitions import InvalidTransition

from ..connectors import connector_for
from ..connectors.base import RemoteTicket
from . import classify, record
from .classify import Kind

# What such an attempt may have left over there.
_LEFT_OPEN = (AttemptResult.UNKNOWN, AttemptResult.CRASHED, AttemptResult.STARTED)
# Failed, or not sent because the activity was over, which has been reopened since.
_RETRIABLE = {DeliveryState.DEAD, DeliveryState.CANCELLED}
# One that waits for a permission does not get on either.
_STUCK = {DeliveryState.DEAD, DeliveryState.READY}


class CannotAdopt(Exception):
    """What was named cannot take the ticket's place, for a reason in words."""


@transaction.atomic
def retry(ticket: Ticket, *, by: User) -> Ticket:
    """Try a ticket again that failed or was not sent. Where an attempt's outcome is unknown it is looked for first.

    Raises PermissionDenied, or InvalidTransition when there is nothing to try again (any more).
    """
    _check(ticket, by)
    changes = _looking_first(ticket) if _is_open(ticket) else _at_once()
    if not record.move(ticket, ticket.fence, _RETRIABLE, **changes, attempts=0, fence=ticket.fence + 1):
        raise InvalidTransition(_("Only a failed ticket can be tried again; this one has changed meanwhile."))
    record.audit(ticket, "retry", by=by, looks_first=changes["delivery_state"] == DeliveryState.UNCERTAIN)
    doorbell.ring([ticket.pk])
    ticket.refresh_from_db()
    return ticket


def adopt(ticket: Ticket, remote_id: str, *, by: User) -> Ticket:
    """Let a ticket that stands there be this one. It is read first, so never inside a transaction.

    Raises PermissionDenied; CannotAdopt; or InvalidTransition when the ticket gets on, or another has that one already.
    """
    _check(ticket, by)
    if not is_stuck(ticket):
        raise InvalidTransition(
            _("Only a ticket that does not get on can be replaced; this one has changed meanwhile.")
        )
    if not may_adopt(ticket):
        raise CannotAdopt(_("It is not known whether this ticket was created after all. Retry looks for it first."))
    there = _read(ticket, remote_id)
    with transaction.atomic():
        _take(ticket, there)
        record.audit(ticket, "adopt_other", by=by, remote_id=there.remote_id, remote_state=there.state)
    ticket.refresh_from_db()
    return ticket


@transaction.atomic
def abandon(ticket: Ticket, reason: str, *, by: User) -> Ticket:
    """Give up a ticket that does not get on. Should it turn up there after all, it is withdrawn.

    Raises PermissionDenied, or InvalidTransition when it gets on, or without a reason.
    """
    _check(ticket, by)
    if not reason.strip():
        raise InvalidTransition(_("Please say why."), ticket.activity)
    changes: dict[str, Any] = {
        "delivery_state": DeliveryState.CANCELLED,
        "reason": reason.strip()[:1000],
        "cancel_wanted": True,
        "remote_wanted": RemoteState.REJECTED,
        "remote_wanted_note": reason.strip(),
        "wanted_next_at": timezone.now(),
        "wanted_attempts": 0,
    }
    _move_stuck(ticket, **changes)
    record.audit(ticket, "abandon", by=by, note=reason.strip())
    ticket.refresh_from_db()
    return ticket


def may_retry(ticket: Ticket) -> bool:
    return ticket.delivery_state in _RETRIABLE and not ticket.cancel_wanted


def is_stuck(ticket: Ticket) -> bool:
    """Whether only a person can get it on. Expects `ticket.system` to be loaded."""
    if ticket.cancel_wanted:
        return False
    waits_in_vain = ticket.delivery_state == DeliveryState.READY and ticket.system.refuses_creation
    return ticket.delivery_state == DeliveryState.DEAD or waits_in_vain


def may_adopt(ticket: Ticket) -> bool:
    """Whether another may take its place: not while a failed one may stand there after all."""
    return is_stuck(ticket) and not (ticket.delivery_state == DeliveryState.DEAD and _is_open(ticket))


def _check(ticket: Ticket, by: User) -> None:
    if not by.has_perm("remediation.handle_remediation"):
        raise PermissionDenied(_("Your roles do not allow this."))
    if not ticket.activity.touches_only(by):
        raise PermissionDenied(_("This activity also covers device groups that you may not see."))
    if ticket.cancel_wanted:
        raise InvalidTransition(_("This ticket is not wanted any more: its activity is over."), ticket.activity)


def _move_stuck(ticket: Ticket, **changes: Any) -> None:
    wanted = Q(cancel_wanted=False)
    is_moved = is_stuck(ticket) and record.move(
        ticket, ticket.fence, _STUCK, only=wanted, **changes, fence=ticket.fence + 1
    )
    if not is_moved:
        raise InvalidTransition(_("This ticket has changed meanwhile."), ticket.activity)


def _take(ticket: Ticket, there: RemoteTicket) -> None:
    """The constraint of the database decides between two that want the same one."""
    changes = record.delivered(there.remote_id, state=there.state) | {"remote_note": there.note or ""}
    try:
        _move_stuck(ticket, **changes)
    except record.IdTaken:
        raise InvalidTransition(_("Another ticket has been linked with that one already.")) from None


def _read(ticket: Ticket, remote_id: str) -> RemoteTicket:
    """What stands there under that id, if it can be this ticket."""
    reading = connector_for(ticket.system_id).read(remote_id)
    kind = classify.of_read(reading.reply)
    if kind is Kind.MISSING:
        raise CannotAdopt(_("There is no ticket with this id."))
    if kind is not Kind.DONE or reading.ticket is None:
        raise CannotAdopt(_("It could not be read: %(why)s") % {"why": reading.reply.reason or _("no clear answer.")})
    there = reading.ticket
    if there.remote_id != remote_id:
        raise CannotAdopt(_("There is no ticket with exactly this id."))
    if set(there.markers) - {ticket.marker}:
        raise CannotAdopt(_("That one carries the reference of another ticket of ours."))
    if there.kind != ticket.facts.get("kind"):
        raise CannotAdopt(_("That one is of another kind than the requested remediation."))
    return there


def _is_open(ticket: Ticket) -> bool:
    """Of what a page has read already nothing is asked again."""
    return any(one.purpose == AttemptPurpose.CREATE and one.result in _LEFT_OPEN for one in ticket.history.all())


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
