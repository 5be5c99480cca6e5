"""The parts of an activity, one ticket each: opened at the request, or, after "the first part only", later."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import doorbell
from ..markers import new_marker
from ..models import ActivityStatus, AuditEvent, RemediationActivity, Ticket, TicketSystem, User
from . import targets
from .facts import part_facts
from .transitions import InvalidTransition

# Number and devices of each.
Parts = list[tuple[int, int]]


def open_tickets(
    activity: RemediationActivity, system: TicketSystem, facts: dict[str, Any], parts: Parts, of: int
) -> list[Ticket]:
    """A ticket for each of these parts, ready to be sent. Inside a transaction."""
    counted = part_facts(activity)
    now = timezone.now()
    return Ticket.objects.bulk_create(
        Ticket(
            activity=activity,
            system=system,
            batch=part,
            batches=of,
            devices=devices,
            created_at=now,
            next_attempt_at=now,
            marker=new_marker(),
            facts=facts | counted[part] | {"part": part, "parts": of, "devices": devices},
        )
        for part, devices in parts
    )


@transaction.atomic
def open_rest(activity: RemediationActivity, *, by: User) -> list[Ticket]:
    """Tickets for the parts that have none yet; none the second time.

    Raises PermissionDenied, or InvalidTransition when the activity is over or its ticket system is off.
    """
    if not by.has_perm("remediation.handle_remediation"):
        raise PermissionDenied(_("Your roles do not allow this."))
    if not activity.touches_only(by):
        raise PermissionDenied(_("This activity also covers device groups that you may not see."))
    # The second of two clicks waits here, and then finds nothing left to do.
    activity = RemediationActivity.objects.select_for_update().get(pk=activity.pk)
    if activity.status != ActivityStatus.ACTIVE:
        raise InvalidTransition(_("Only an active activity gets more tickets."), activity)
    first = _first_ticket(activity)
    targets.let_go_of_fixed(activity, [part for part, _devices in _without_ticket(activity)])
    facts = first.facts | {"without_ticket": 0}
    tickets = open_tickets(activity, first.system, facts, _without_ticket(activity), of=first.batches)
    if tickets:
        devices = sum(ticket.devices for ticket in tickets)
        AuditEvent.objects.record(activity, "open_rest", by=by, after={"devices": devices, "tickets": len(tickets)})
        doorbell.ring([ticket.pk for ticket in tickets])
    return tickets


def _without_ticket(activity: RemediationActivity) -> Parts:
    served = set(activity.tickets.values_list("batch", flat=True))
    return [(part, devices) for part, devices in targets.batch_sizes(activity) if part not in served]


def _first_ticket(activity: RemediationActivity) -> Ticket:
    first = activity.tickets.select_related("system").order_by("batch").first()
    if first is None:
        raise InvalidTransition(_("This activity was requested without a ticket."), activity)
    if not first.system.is_enabled:
        raise InvalidTransition(_("The connection to this ticket system is switched off. Ask an administrator."))
    return first
