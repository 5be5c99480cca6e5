"""Who may move an activity from where to where, and what follows. The buttons and the gate read the same rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import ActivityStatus, CompletionMethod, RemediationActivity, RemoteState, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

A = ActivityStatus


class InvalidTransition(Exception):
    """The move is not possible from where the activity stands; says who brought it there, and when."""

    def __init__(self, message: str, activity: RemediationActivity | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.activity = activity
        self.status: str = activity.get_status_display() if activity else ""
        self.by: User | None = activity.status_changed_by if activity else None
        self.at: datetime | None = activity.status_changed_at if activity else None
        self.note: str = activity.status_note if activity else ""


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
