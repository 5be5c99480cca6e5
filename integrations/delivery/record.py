"""Writing down what became of a ticket. An outcome counts only while its claim is the latest one."""

from collections.abc import Collection
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from remediation.models import (
    AuditEvent,
    DeliveryState,
    RemoteState,
    Through,
    Ticket,
    TicketAttempt,
    TicketSystem,
    User,
)

from ..connectors.base import Reply

log = structlog.get_logger(__name__)


class IdTaken(Exception):
    """The ticket system gave an id that another ticket of ours has."""


def audit(ticket: Ticket, verb: str, *, by: User | None = None, note: str = "", **after: Any) -> None:
    """What a person wants to know of a ticket: told on its activity."""
    AuditEvent.objects.record(
        ticket,
        verb,
        by=by or User.objects.system(),
        through=Through.PAGE if by else Through.WORKER,
        after=after,
        note=note,
    )


def move(ticket: Ticket, fence: int, states: Collection[str], /, only: Q | None = None, **changes: Any) -> bool:
    """The conditional UPDATE behind every change of state. False when somebody else was first.

    What belongs to a state goes with it: leases end with sending, uncertainty with knowing.
    """
    state = changes["delivery_state"]
    changes["lease_until"] = None
    changes["worker"] = ""
    if state != DeliveryState.UNCERTAIN:
        changes |= {"uncertain_since": None, "absences": 0, "last_absence_at": None}
    guarded = Ticket.objects.filter(only or Q(), pk=ticket.pk, fence=fence, delivery_state__in=states)
    try:
        with transaction.atomic():
            return bool(guarded.update(**changes))
    except IntegrityError:
        if changes.get("remote_id"):
            raise IdTaken from None
        raise


def delivered(remote_id: str, *, state: str = RemoteState.PENDING) -> dict[str, Any]:
    """The changes that make a ticket a created one."""
    now = timezone.now()
    return {
        "delivery_state": DeliveryState.DELIVERED,
        "remote_id": remote_id,
        "remote_state": state,
        "remote_changed_at": now,
        "remote_read_at": now,
        "reason": "",
    }


def finish(attempt_id: int, result: str, reply: Reply | None = None, *, counted: bool = True) -> None:
    """Complete an attempt's row."""
    changes: dict[str, Any] = {
        "result": result,
        "ended_at": timezone.now(),
        "counted": counted,
    }
    if reply is not None:
        changes |= {
            "status": reply.status,
            "reason": reply.reason[:1000],
            "remote_id": reply.remote_id,
            "client_request_id": reply.client_request_id[:64],
            "remote_request_id": reply.remote_request_id[:64],
        }
    TicketAttempt.objects.filter(pk=attempt_id).update(**changes)


def adopt(ticket: Ticket, fence: int, remote_id: str, *, state: str = RemoteState.PENDING, verb: str = "adopt") -> bool:
    """A ticket with our marker stands there: it is this one. Not while another claim is sending."""
    states = {DeliveryState.READY, DeliveryState.UNCERTAIN, DeliveryState.DEAD, DeliveryState.CANCELLED}
    with transaction.atomic():
        try:
            if not move(ticket, fence, states, **delivered(remote_id, state=state), fence=fence + 1):
                return False
        except IdTaken:
            log.error("remote_id_taken", ticket=ticket.pk, remote_id=remote_id)
            return False
        audit(ticket, verb, remote_id=remote_id)
    return True


def system_of(ticket: Ticket) -> TicketSystem:
    return TicketSystem.objects.get(pk=ticket.system_id)
