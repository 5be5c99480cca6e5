"""Who did what, when, through what: audit events in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from remediation.models import (
    ActivityStatus,
    AuditEvent,
    ExceptionStatus,
    Justification,
    RemediationActivity,
    RemoteState,
    Ticket,
)

from .. import cells

WORDS: dict[str, tuple[str, Any]] = {
    "request": ("plus-lg", gettext_lazy("requested the remediation")),
    "complete": ("check-circle", gettext_lazy("marked it as completed")),
    "reopen": ("arrow-counterclockwise", gettext_lazy("reopened it")),
    "cancel": ("slash-circle", gettext_lazy("cancelled it")),
    "complete_automatically": ("shield-check", gettext_lazy("completed it: every target device is fixed")),
    "reopen_by_regression": ("arrow-counterclockwise", gettext_lazy("reopened it: devices are exposed again")),
    "complete_by_tickets": ("check-circle", gettext_lazy("saw it called done in the ticket system")),
    "open_rest": ("ticket-perforated", gettext_lazy("opened tickets for the remaining devices")),
    "ask_for_group": ("people", gettext_lazy("asked for a target group in Entra")),
    "group_filled": ("people", gettext_lazy("filled the target group in Entra")),
    "group_failed": ("exclamation-triangle", gettext_lazy("could not fill the target group in Entra")),
    "retry": ("arrow-repeat", gettext_lazy("asked for another try of the ticket")),
    "deliver": ("send", gettext_lazy("created the ticket")),
    "filled": ("pc-display", gettext_lazy("added the devices to the ticket")),
    "adopt": ("search", gettext_lazy("found the ticket and linked it")),
    "adopt_other": ("ticket-perforated", gettext_lazy("put another ticket in its place")),
    "close_second": ("x-circle", gettext_lazy("closed the second ticket with the same reference")),
    "abandon": ("slash-circle", gettext_lazy("gave the ticket up")),
    "delivery_failed": ("exclamation-triangle", gettext_lazy("could not create the ticket")),
    "delivery_cancelled": ("slash-circle", gettext_lazy("did not send the ticket any more")),
    "remote_pending": ("hourglass-split", gettext_lazy("saw the ticket pending again")),
    "remote_active": ("check-lg", gettext_lazy("saw the ticket accepted")),
    "remote_completed": ("check-circle", gettext_lazy("saw the ticket completed")),
    "remote_rejected": ("x-circle", gettext_lazy("saw the ticket rejected")),
    "remote_missing": ("question-circle", gettext_lazy("did not find the ticket any more")),
    "set_completed": ("check-circle", gettext_lazy("completed the ticket")),
    "set_rejected": ("x-circle", gettext_lazy("withdrew the ticket")),
    "status_not_set": ("exclamation-triangle", gettext_lazy("could not set the ticket's status")),
    "checked": ("shield-check", gettext_lazy("checked the devices")),
    "file_exception": ("shield-slash", gettext_lazy("filed the exception")),
    "extend_exception": ("shield-slash", gettext_lazy("asked to extend an exception by this one")),
    "begin_exception": ("check-lg", gettext_lazy("put it into effect; no approval is asked for")),
    "approve_exception": ("check-lg", gettext_lazy("approved it")),
    "reject_exception": ("x-circle", gettext_lazy("rejected it")),
    "cancel_exception": ("slash-circle", gettext_lazy("cancelled it")),
    "extended_exception": ("arrow-repeat", gettext_lazy("ended it: another one extends it")),
    "expire_exception": ("clock-history", gettext_lazy("ended it: its time was over")),
    "resurface_exception": ("arrow-counterclockwise", gettext_lazy("ended it: its impact has grown")),
    "suspend_exception": ("dash-circle", gettext_lazy("suspended it: one for all devices stands above it")),
    "resume_exception": ("arrow-repeat", gettext_lazy("put it into effect again")),
    "duplicate_found": ("exclamation-triangle", gettext_lazy("found a second ticket with the same reference")),
}
FIELDS = {
    "devices": gettext_lazy("devices"),
    "tickets": gettext_lazy("tickets"),
    "due_on": gettext_lazy("due"),
    "ends_on": gettext_lazy("last day"),
    "justification": gettext_lazy("justification"),
    "status": gettext_lazy("status"),
    "remote_id": gettext_lazy("ticket"),
    "remote_state": gettext_lazy("stands there as"),
    "looks_first": gettext_lazy("looks for it first"),
    "fixed": gettext_lazy("fixed"),
    "group": gettext_lazy("group"),
    "not_found": gettext_lazy("not in Entra"),
    "left_out": gettext_lazy("left out"),
}
# No two statuses of activities and exceptions share a code with another word.
_STATUSES = dict(ActivityStatus.choices) | dict(ExceptionStatus.choices)


@dataclass(frozen=True)
class Line:
    icon: str
    who: str
    what: str
    detail: str
    note: str
    at: datetime
    through: str


def events_of(activity: RemediationActivity) -> QuerySet[AuditEvent]:
    """The activity's own and its tickets', the newest first."""
    tickets = activity.tickets.order_by().annotate(key=Cast("pk", CharField())).values("key")
    of_tickets = Q(subject_type=Ticket._meta.label_lower, subject_id__in=tickets)
    of_itself = Q(subject_type=activity._meta.label_lower, subject_id=str(activity.pk))
    return AuditEvent.objects.filter(of_itself | of_tickets).order_by("-pk")


def timeline(events: Iterable[AuditEvent], *, is_cut: bool) -> list[Line]:
    """Cut for who sees a part of the subject's device groups: without numbers, which are of all of them."""
    return [_line(event, is_cut) for event in events]


def _line(event: AuditEvent, is_cut: bool) -> Line:
    icon, what = WORDS.get(event.verb, ("circle", event.verb.replace("_", " ")))
    return Line(
        icon, event.actor_name, str(what), _detail(event, is_cut), event.note, event.at, event.get_through_display()
    )


def _detail(event: AuditEvent, is_cut: bool) -> str:
    """before → after for what changed, else what was set."""
    parts = []
    # Delivery tells the state before beside the state after.
    earlier = event.before | ({"remote_state": event.after["was"]} if "was" in event.after else {})
    for name, after in event.after.items():
        if after in ("", None) or name == "was" or (is_cut and isinstance(after, int)):
            continue
        before = earlier.get(name)
        if before not in ("", None) and before != after:
            change = f"{word(name, before)} → {word(name, after)}"
            # A number says nothing by itself.
            parts.append(f"{FIELDS.get(name, name)}: {change}" if isinstance(after, int) else change)
        else:
            parts.append(f"{FIELDS.get(name, name)}: {word(name, after)}")
    return ", ".join(parts)


def word(name: str, value: Any) -> str:
    """A value of a field of an audit event, as people say it."""
    if name == "status":
        return str(_STATUSES.get(value, value))
    if name == "justification":
        return cells.label(value, Justification)
    if name == "remote_state":
        return str(dict(RemoteState.choices).get(value, value))
    if name in {"due_on", "ends_on"}:
        day = parse_date(str(value))
        return date_format(day, "j M Y") if day else str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(cells.number(value)) if isinstance(value, int) else str(value)
