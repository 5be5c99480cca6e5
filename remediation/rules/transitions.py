"""Who may move an activity or an exception from where to where, and what follows. Pages and gate read the same rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import (
    LIVE,
    STANDING,
    ActivityStatus,
    CompletionMethod,
    ExceptionStatus,
    RecommendationException,
    RemediationActivity,
    RemoteState,
    User,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

A, E = ActivityStatus, ExceptionStatus


class InvalidTransition(Exception):
    """The move is not possible from where the subject stands; says who brought it there, and when."""

    def __init__(self, message: str, subject: RemediationActivity | RecommendationException | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.status: str = subject.get_status_display() if subject else ""
        self.by: User | None = subject.status_changed_by if subject else None
        self.at: datetime | None = subject.status_changed_at if subject else None
        self.note: str = subject.status_note if subject else ""


@dataclass(frozen=True)
class Transition:
    """One row of the table."""

    label: "StrOrPromise"
    sources: frozenset[str]
    target: str
    permission: str
    # What a person reads before pressing the button.
    consequence: "StrOrPromise" = ""
    needs_note: bool = False
    by_people: bool = True
    method: str = ""
    # What is wished of the tickets afterwards; delivery sees to it.
    then: Callable[[RemediationActivity, str], list[int]] | None = None


def close_tickets(activity: RemediationActivity, note: str) -> list[int]:
    return _wish(activity, RemoteState.COMPLETED, note)


def withdraw_tickets(activity: RemediationActivity, note: str) -> list[int]:
    return _wish(activity, RemoteState.REJECTED, note)


def forget_wishes(activity: RemediationActivity, note: str) -> list[int]:
    """A ticket that was closed remotely stays so: no ticket system of ours can take that back."""
    activity.tickets.update(remote_wanted="", remote_wanted_note="", wanted_next_at=None, cancel_wanted=False)
    return []


def _wish(activity: RemediationActivity, state: str, note: str) -> list[int]:
    """Of those that stand so already nothing is wished: their administrator may think again."""
    wanting = list(activity.tickets.exclude(remote_state=state).values_list("pk", flat=True))
    activity.tickets.filter(pk__in=wanting).update(
        remote_wanted=state,
        remote_wanted_note=note,
        wanted_next_at=timezone.now(),
        wanted_attempts=0,
        cancel_wanted=True,
    )
    return wanting


ACTIVITY: dict[str, Transition] = {
    "complete": Transition(
        _("Mark as completed"),
        frozenset({A.ACTIVE}),
        A.COMPLETED,
        "remediation.complete_activity",
        _("Says that IT is done, and completes the ticket. The next complete sync checks each device."),
        method=CompletionMethod.MANUAL,
        then=close_tickets,
    ),
    "reopen": Transition(
        _("Reopen"),
        frozenset({A.COMPLETED}),
        A.ACTIVE,
        "remediation.handle_remediation",
        _("Makes it active again. A ticket that is closed in the ticket system stays closed there."),
        needs_note=True,
        then=forget_wishes,
    ),
    "cancel": Transition(
        _("Cancel activity"),
        frozenset({A.ACTIVE}),
        A.CANCELLED,
        "remediation.handle_remediation",
        _("Ends the activity for good. Queued tickets are not sent; created ones are rejected in the ticket system."),
        needs_note=True,
        then=withdraw_tickets,
    ),
    "complete_automatically": Transition(
        _("Completed automatically"),
        frozenset({A.ACTIVE}),
        A.COMPLETED,
        "remediation.complete_activity",
        by_people=False,
        method=CompletionMethod.AUTOMATIC,
        then=close_tickets,
    ),
    "complete_by_tickets": Transition(
        _("Completed in the ticket system"),
        frozenset({A.ACTIVE}),
        A.COMPLETED,
        "remediation.complete_activity",
        by_people=False,
        method=CompletionMethod.MANUAL,
        then=close_tickets,
    ),
    "reopen_by_regression": Transition(
        _("Reopened: devices are exposed again"),
        frozenset({A.COMPLETED}),
        A.ACTIVE,
        "remediation.handle_remediation",
        by_people=False,
        then=forget_wishes,
    ),
}

_HANDLES, _DECIDES = "remediation.handle_exception", "remediation.approve_exception"
EXCEPTION: dict[str, Transition] = {
    "approve": Transition(
        _("Approve"), frozenset({E.AWAITING_APPROVAL}), E.IN_EFFECT, _DECIDES, _("It comes into effect now.")
    ),
    "reject": Transition(
        _("Reject"),
        frozenset({E.AWAITING_APPROVAL}),
        E.REJECTED,
        _DECIDES,
        _("It never comes into effect. Whoever filed it reads why."),
        needs_note=True,
    ),
    "cancel": Transition(
        _("Cancel exception"),
        frozenset(LIVE),
        E.CANCELLED,
        _HANDLES,
        _("Ends it for good, now. The recommendation is to be followed again."),
        needs_note=True,
    ),
    "begin": Transition(
        _("In effect without approval"), frozenset({E.AWAITING_APPROVAL}), E.IN_EFFECT, _HANDLES, by_people=False
    ),
    "extended": Transition(_("Extended"), frozenset(STANDING), E.CANCELLED, _HANDLES, by_people=False),
    "expire": Transition(_("Expired"), frozenset(LIVE), E.EXPIRED, _HANDLES, by_people=False),
    "resurface": Transition(
        _("Resurfaced: its impact has grown"), frozenset(STANDING), E.RESURFACED, _HANDLES, by_people=False
    ),
    "suspend": Transition(
        _("Suspended by one for all devices"), frozenset({E.IN_EFFECT}), E.SUSPENDED, _HANDLES, by_people=False
    ),
    "resume": Transition(_("In effect again"), frozenset({E.SUSPENDED}), E.IN_EFFECT, _HANDLES, by_people=False),
}
