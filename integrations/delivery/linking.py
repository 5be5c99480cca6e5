"""Tickets that bear a reference of ours and are unknown here, as after a restored backup: a person links one.

The work is requested anew, without a ticket; what stands there already becomes its ticket.
"""

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import (
    ActivityStatus,
    FindingKind,
    RemediationActivity,
    RemoteFinding,
    Ticket,
    User,
)
from remediation.rules import targets
from remediation.rules.facts import part_facts, ticket_facts

from ..connectors import connector_for
from ..connectors.base import RemoteTicket
from . import classify, foreign, record
from .people import CannotAdopt

_MOST_OFFERED = 5
_PART = 1


def offered(activity: RemediationActivity, by: User) -> list[RemoteFinding]:
    """Those that may be meant by an activity that has no ticket, the likeliest first; none once it is over."""
    if activity.status != ActivityStatus.ACTIVE or not by.has_perm("remediation.handle_remediation"):
        return []
    unknown = RemoteFinding.objects.current().filter(kind=FindingKind.UNKNOWN, system__is_enabled=True)
    rated = [(foreign.alike(activity.title, one.title), one) for one in unknown.select_related("system")]
    rated.sort(key=lambda pair: pair[0], reverse=True)
    return [one for rate, one in rated[:_MOST_OFFERED] if rate >= foreign.ALIKE]


def link(finding: RemoteFinding, activity: RemediationActivity, *, by: User) -> Ticket:
    """Make it the activity's ticket. It is read first, so never inside a transaction.

    Raises PermissionDenied, or CannotAdopt.
    """
    if not by.has_perm("remediation.handle_remediation") or not activity.touches_only(by):
        raise PermissionDenied(_("Your roles do not allow this."))
    there = _read(finding)
    try:
        with transaction.atomic():
            return _make(finding, there, activity, by)
    except IntegrityError:
        raise CannotAdopt(_("It is the ticket of another activity by now.")) from None


def _read(finding: RemoteFinding) -> RemoteTicket:
    if finding.kind != FindingKind.UNKNOWN or finding.ended_at is not None:
        raise CannotAdopt(_("This one is not unknown any more."))
    reading = connector_for(finding.system_id).read(finding.remote_id)
    if classify.of_read(reading.reply) is not classify.Kind.DONE or reading.ticket is None:
        raise CannotAdopt(_("It could not be read: %(why)s") % {"why": reading.reply.reason or _("no clear answer.")})
    if finding.marker not in reading.ticket.markers:
        raise CannotAdopt(_("It does not bear the reference any more that it was found by."))
    return reading.ticket


def _make(finding: RemoteFinding, there: RemoteTicket, activity: RemediationActivity, by: User) -> Ticket:
    # The second of two clicks waits here, and then finds the ticket of the first.
    activity = RemediationActivity.objects.select_for_update().get(pk=activity.pk)
    if activity.status != ActivityStatus.ACTIVE or activity.tickets.exists():
        raise CannotAdopt(_("Only an active activity without a ticket can be linked."))
    facts = ticket_facts(activity)
    if there.kind != facts["kind"]:
        raise CannotAdopt(_("That one is of another kind than the requested remediation."))
    devices = activity.devices.exclude(device__entra_device_id="").update(batch=_PART)
    targets.count_batches(activity)
    now = timezone.now()
    ticket = Ticket.objects.create(
        activity=activity,
        system=finding.system,
        batch=_PART,
        batches=1,
        devices=devices,
        created_at=now,
        next_attempt_at=now,
        marker=finding.marker,
        facts=facts | part_facts(activity).get(_PART, {}) | {"part": _PART, "parts": 1, "devices": devices},
        **record.delivered(there.remote_id, state=there.state),
        remote_note=there.note or "",
    )
    RemoteFinding.objects.filter(pk=finding.pk).update(ended_at=now)
    record.audit(ticket, "link", by=by, remote_id=there.remote_id, remote_state=there.state)
    return ticket
