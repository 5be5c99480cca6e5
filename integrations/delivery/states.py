"""How a ticket stands, in words for a page: one answer for each state, and never "created" without an id."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import DeliveryState, RemoteState, Route, Ticket

from .send import creation_refused


@dataclass(frozen=True)
class Standing:
    """`tone` is the colour of the badge; `is_moving` whether the page should ask again."""

    label: str
    tone: str
    detail: str = ""
    retry_at: datetime | None = None
    is_moving: bool = True
    can_retry: bool = False
    # Somebody has to do something before it can go on.
    needs_attention: bool = False


def describe(ticket: Ticket) -> Standing:
    """Expects `ticket.system` to be loaded."""
    return _WORDS[DeliveryState(ticket.delivery_state)](ticket)


def _ready(ticket: Ticket) -> Standing:
    system = ticket.system
    if ticket.cancel_wanted:
        return Standing(_("Being cancelled"), "secondary")
    if not system.is_enabled:
        return Standing(_("On hold"), "warning", _("The connection is switched off."), needs_attention=True)
    retry_at = max(ticket.next_attempt_at, system.paused_until or ticket.next_attempt_at)
    waits = retry_at if retry_at > timezone.now() else None
    if system.opened_at and system.create_route == Route.REFUSED:
        detail = ticket.reason or creation_refused(system.last_error)
        return Standing(_("Creation refused"), "danger", detail, waits, needs_attention=True)
    if system.opened_at:
        detail = ticket.reason or system.last_error
        return Standing(_("Waiting for the connection"), "warning", detail, waits, needs_attention=True)
    if waits:
        return Standing(_("Retrying"), "warning", ticket.reason or system.pause_reason, waits)
    return Standing(_("Queued"), "secondary")


def _sending(ticket: Ticket) -> Standing:
    return Standing(_("Sending"), "info")


def _uncertain(ticket: Ticket) -> Standing:
    detail = _("It is not known whether the ticket was created. It is looked for before anything is sent again.")
    return Standing(_("Checking"), "warning", f"{ticket.reason} {detail}".strip(), ticket.next_attempt_at)


def _delivered(ticket: Ticket) -> Standing:
    is_over = ticket.remote_state in {RemoteState.COMPLETED, RemoteState.REJECTED, RemoteState.MISSING}
    tones = {RemoteState.COMPLETED: "success", RemoteState.REJECTED: "danger", RemoteState.MISSING: "danger"}
    has_word = is_over or ticket.remote_state == RemoteState.ACTIVE
    label = ticket.get_remote_state_display() if has_word else _("Created")
    detail = ticket.reason or ticket.remote_note
    return Standing(label, tones.get(RemoteState(ticket.remote_state), "success"), detail, is_moving=False)


def _dead(ticket: Ticket) -> Standing:
    can_retry = not ticket.cancel_wanted
    return Standing(
        _("Failed"), "danger", ticket.reason, is_moving=False, can_retry=can_retry, needs_attention=can_retry
    )


def _cancelled(ticket: Ticket) -> Standing:
    return Standing(_("Cancelled"), "secondary", ticket.reason, is_moving=False)


_WORDS = {
    DeliveryState.READY: _ready,
    DeliveryState.SENDING: _sending,
    DeliveryState.UNCERTAIN: _uncertain,
    DeliveryState.DELIVERED: _delivered,
    DeliveryState.DEAD: _dead,
    DeliveryState.CANCELLED: _cancelled,
}
