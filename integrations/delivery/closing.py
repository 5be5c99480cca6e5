"""Closing the second of two tickets with one reference: rejected there with a note, by a person's click."""

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from remediation.models import FindingKind, RemoteFinding, RemoteState, User

from ..connectors import connector_for
from . import classify, record, throttle
from .classify import Kind


class CannotClose(Exception):
    """It was not closed, or nobody knows, for a reason in words."""


def close_second(finding: RemoteFinding, *, by: User) -> None:
    """Reject it there; the next listing ends the finding. Talks to the network, so never inside a transaction.

    Raises PermissionDenied, or CannotClose.
    """
    if not by.has_perm("remediation.manage_settings"):
        raise PermissionDenied(_("Your roles do not allow this."))
    ticket = finding.ticket
    if finding.kind != FindingKind.DOUBLE or finding.ended_at is not None or ticket is None:
        raise CannotClose(_("This is no second ticket any more."))
    note = _("A second ticket with the same reference; %(id)s is the one that counts.") % {"id": ticket.remote_id}
    reply = connector_for(finding.system_id).set_status(finding.remote_id, RemoteState.REJECTED, note)
    kind = classify.of_status(reply)
    throttle.note_other(finding.system_id, kind, reply)
    if kind not in {Kind.DONE, Kind.MISSING}:
        raise CannotClose(_("It could not be closed: %(why)s") % {"why": reply.reason or _("no clear answer.")})
    record.audit(ticket, "close_second", by=by, note=note, remote_id=finding.remote_id)
