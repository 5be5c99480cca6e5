"""Asking for a target group in Entra; the worker makes and fills it."""

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import AuditEvent, TargetGroup, TargetGroupState, Ticket, User


@transaction.atomic
def ask_for_group(ticket: Ticket, *, by: User) -> bool:
    """Ask for the group of a ticket, or for another try of one that failed. Returns whether this call did.

    Raises PermissionDenied.
    """
    if not by.has_perm("remediation.handle_remediation"):
        raise PermissionDenied(_("Your roles do not allow this."))
    if not ticket.activity.touches_only(by):
        raise PermissionDenied(_("This activity also covers device groups that you may not see."))
    now = timezone.now()
    group, is_new = TargetGroup.objects.get_or_create(
        ticket=ticket,
        defaults={
            "unique_name": unique_name(ticket.activity_id, ticket.batch),
            "requested_by": by,
            "requested_at": now,
            "next_attempt_at": now,
        },
    )
    again = {"state": TargetGroupState.WORKING, "failures": 0, "next_attempt_at": now, "reason": ""}
    failed = TargetGroup.objects.filter(pk=group.pk, state=TargetGroupState.FAILED)
    if not is_new and not failed.update(**again):
        return False
    AuditEvent.objects.record(ticket, "ask_for_group", by=by, after={"group": group.unique_name})
    return True


def unique_name(activity: int, part: int) -> str:
    """The same for the worker, and for the script that an administrator runs instead."""
    return f"tvm-remediation-{activity}-{part}"
