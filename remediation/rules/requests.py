"""What happens when a remediation request is submitted: one transaction, no network."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import doorbell
from ..models import (
    AuditEvent,
    DeviceGroup,
    Recommendation,
    RemediationActivity,
    RemediationType,
    Ticket,
    TicketSystem,
    User,
)
from . import targets
from .facts import ticket_facts
from .parts import open_tickets
from .scopes import scope_key, wanted_groups


class RequestRefused(Exception):
    """The request cannot be taken, for a reason that the requester can do something about."""


@dataclass(frozen=True)
class RemediationRequest:
    """What the form asks for, checked for shape only."""

    request_key: UUID
    requested_remediation: str
    priority: str
    due_on: date | None
    notes: str = ""
    # None: all device groups that the requester sees.
    groups: list[DeviceGroup] | None = None
    # The key of the ticket system; empty for a request without a ticket.
    ticket_system: str = ""
    first_batch_only: bool = False


def request_remediation(
    recommendation: Recommendation, request: RemediationRequest, *, by: User
) -> tuple[RemediationActivity, bool]:
    """The activity of this request, and whether this call made it; a repeat leads to the first.

    Raises PermissionDenied or RequestRefused; then nothing has been written.
    """
    _check(recommendation, request, by)
    groups = wanted_groups(request.groups, by, RequestRefused)
    key = scope_key(groups, is_everywhere=request.groups is None and by.sees_all_groups)
    existing = _existing(recommendation, request, key)
    if existing:
        return existing, False
    try:
        with transaction.atomic():
            return _create(recommendation, request, groups, key, by), True
    except IntegrityError:
        existing = _existing(recommendation, request, key)
        if existing is None:
            raise
        return existing, False


def _check(recommendation: Recommendation, request: RemediationRequest, by: User) -> None:
    if not by.has_perm("remediation.handle_remediation"):
        raise PermissionDenied(_("Your roles do not allow remediation requests."))
    if recommendation.closed_at:
        raise RequestRefused(_("This recommendation no longer applies to any device."))
    if request.requested_remediation == RemediationType.ATTENTION_REQUIRED:
        if request.ticket_system or request.due_on:
            raise RequestRefused(_("“Attention required” has neither a due date nor a ticket."))
    elif request.due_on is None or request.due_on < timezone.localdate():
        raise RequestRefused(_("The due date must be today or later."))


def _existing(recommendation: Recommendation, request: RemediationRequest, key: str) -> RemediationActivity | None:
    """What this form, or anyone for the same scope, has already made."""
    made_by_this_form = RemediationActivity.objects.filter(request_key=request.request_key).first()
    if made_by_this_form:
        return made_by_this_form
    return recommendation.activities.active().filter(scope_key=key).first()


def _create(
    recommendation: Recommendation, request: RemediationRequest, groups: list[DeviceGroup], key: str, by: User
) -> RemediationActivity:
    system = _ticket_system(request)
    now = timezone.now()
    activity = RemediationActivity.objects.create(
        recommendation=recommendation,
        request_key=request.request_key,
        title=_title(recommendation, request),
        requested_remediation=request.requested_remediation,
        related_component=recommendation.related_component,
        recommended_version=recommendation.recommended_version,
        promised_impact=targets.promised_impact(recommendation, groups),
        all_groups=key == "all",
        scope_key=key,
        priority=request.priority,
        due_on=request.due_on,
        notes=request.notes,
        requester=by,
        requested_at=now,
        status_changed_by=by,
        status_changed_at=now,
    )
    activity.device_groups.set(groups)
    targets.freeze(activity, groups, system)
    if not activity.targets:
        raise RequestRefused(_("No device in the chosen groups is exposed any more."))
    tickets = _open_tickets(activity, system, request.first_batch_only) if system else []
    AuditEvent.objects.record(
        activity,
        "request",
        by=by,
        after={"devices": activity.targets, "tickets": len(tickets), "due_on": str(request.due_on or "")},
        note=request.notes,
    )
    doorbell.ring([ticket.pk for ticket in tickets])
    return activity


def _ticket_system(request: RemediationRequest) -> TicketSystem | None:
    if not request.ticket_system:
        return None
    system = TicketSystem.objects.filter(key=request.ticket_system, is_enabled=True).first()
    if system is None:
        raise RequestRefused(_("The connection to this ticket system is switched off. Ask an administrator."))
    return system


def _title(recommendation: Recommendation, request: RemediationRequest) -> str:
    if request.requested_remediation == recommendation.remediation_type:
        return recommendation.name
    subject = recommendation.related_component or recommendation.name
    if request.requested_remediation == RemediationType.UNINSTALL:
        return _("Uninstall %(subject)s") % {"subject": subject}
    if request.requested_remediation == RemediationType.ATTENTION_REQUIRED:
        return _("Attention required: %(subject)s") % {"subject": subject}
    return recommendation.name


def _open_tickets(activity: RemediationActivity, system: TicketSystem, first_only: bool) -> list[Ticket]:
    sizes = targets.batch_sizes(activity)
    if not sizes:
        raise RequestRefused(_("No exposed device has an Entra device id, so no ticket can name it."))
    parts = sizes[:1] if first_only else sizes
    addressable = sum(devices for _part, devices in sizes)
    facts = ticket_facts(activity) | {
        "unaddressed": activity.targets - addressable,
        "without_ticket": addressable - sum(devices for _part, devices in parts),
    }
    return open_tickets(activity, system, facts, parts, of=len(sizes))
