"""How an activity changes its status: one gate for people and for the machine."""

import structlog
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import doorbell
from ..models import (
    ACTIVITY_STATES_LEFT,
    ActivityStatus,
    AuditEvent,
    RemediationActivity,
    RemoteState,
    Through,
    User,
)
from .transitions import ACTIVITY, InvalidTransition, Transition

log = structlog.get_logger(__name__)


@transaction.atomic
def transition(
    activity: RemediationActivity, verb: str, *, by: User, note: str = "", through: str = Through.PAGE
) -> RemediationActivity:
    """Check, write, record, and wish for what follows: all of it or none of it.

    Raises PermissionDenied, or InvalidTransition when the activity is no longer where the verb starts from.
    """
    rule = ACTIVITY[verb]
    note = note.strip()
    _check(rule, activity, by, note)
    before = activity.status
    if not _move(rule, activity, by, note):
        activity.refresh_from_db()
        raise InvalidTransition(_("The activity has changed meanwhile."), activity)
    activity.refresh_from_db()
    AuditEvent.objects.record(
        activity, verb, by=by, through=through, before={"status": before}, after={"status": activity.status}, note=note
    )
    if rule.then:
        doorbell.ring(rule.then(activity, note))
    return activity


def _check(rule: Transition, activity: RemediationActivity, by: User, note: str) -> None:
    if not by.has_perm(rule.permission):
        raise PermissionDenied(_("Your roles do not allow this."))
    if not activity.touches_only(by):
        raise PermissionDenied(_("This activity also covers device groups that you may not see."))
    if rule.needs_note and not note:
        raise InvalidTransition(_("Please say why."))


def _move(rule: Transition, activity: RemediationActivity, by: User, note: str) -> int:
    try:
        with transaction.atomic():
            return RemediationActivity.objects.filter(pk=activity.pk, status__in=rule.sources).update(
                status=rule.target,
                status_changed_by=by,
                status_changed_at=timezone.now(),
                status_note=note,
                completion_method=rule.method,
            )
    except IntegrityError:
        raise InvalidTransition(
            _("Another activity for the same recommendation and device groups is active."), activity
        ) from None


def complete_automatically(activity: RemediationActivity) -> RemediationActivity:
    """Every target device is proved fixed."""
    return transition(activity, "complete_automatically", by=User.objects.system(), through=Through.SYNC)


def complete_by_tickets(activity: RemediationActivity, note: str) -> bool:
    """A ticket was completed over there: IT calls the work done, as soon as no device needs any outside such tickets.

    Like every word of people it is a claim, which the next complete sync checks. Returns whether it completes.
    """
    done = activity.tickets.filter(remote_state=RemoteState.COMPLETED).values("batch")
    claimed = activity.devices.filter(batch__in=done)
    left = activity.devices.filter(state__in=ACTIVITY_STATES_LEFT).exclude(batch__in=done)
    if activity.status != ActivityStatus.ACTIVE or not claimed.exists() or left.exists():
        return False
    try:
        transition(activity, "complete_by_tickets", by=User.objects.system(), note=note, through=Through.WORKER)
    except InvalidTransition as conflict:
        log.warning("activity_not_completed", activity=activity.pk, problem=conflict.message)
        return False
    return True


def reopen_by_regression(activity: RemediationActivity, devices: int) -> RemediationActivity:
    """Devices that were proved fixed are exposed again, in two complete syncs."""
    note = _("%(devices)d devices that were fixed are exposed again.") % {"devices": devices}
    return transition(activity, "reopen_by_regression", by=User.objects.system(), note=note, through=Through.SYNC)
