"""Why a ticket stands where it stands, in words for its page. What it is called and how it looks is the page's own."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from remediation.models import ActivityStatus, DeliveryState, RemoteState, Route, Ticket

from .send import creation_refused


@dataclass(frozen=True)
class Standing:
    detail: str = ""
    retry_at: datetime | None = None
    # Somebody has to do something before it can go on.
    needs_attention: bool = False


def explain(ticket: Ticket) -> Standing:
    """Expects `ticket.system` and `ticket.activity` to be loaded: what holds everybody back is known there."""
    if ticket.delivery_state == DeliveryState.READY and not ticket.cancel_wanted:
        return _waiting(ticket)
    if ticket.delivery_state == DeliveryState.UNCERTAIN:
        words = _("It is not known whether the ticket was created. It is looked for before anything is sent again.")
        return Standing(f"{ticket.reason} {words}".strip(), ticket.next_attempt_at)
    if ticket.is_filling:
        return _filling(ticket)
    if ticket.delivery_state == DeliveryState.DELIVERED and ticket.activity.status == ActivityStatus.ACTIVE:
        return Standing(f"{_over_there(ticket)} {ticket.reason}".strip(), needs_attention=bool(_over_there(ticket)))
    if ticket.delivery_state == DeliveryState.CANCELLED and not ticket.cancel_wanted:
        words = _("It was not sent, because the activity was over then. Retry sends it after all.")
        return Standing(words, needs_attention=True)
    is_stuck = ticket.delivery_state == DeliveryState.DEAD and not ticket.cancel_wanted
    return Standing(ticket.reason, needs_attention=is_stuck)


def _over_there(ticket: Ticket) -> str:
    """What an answer means for the people here, and what they can do."""
    if ticket.remote_state == RemoteState.MISSING:
        return _(
            "The ticket was deleted in the ticket system. It is not created again by itself: hand the work over by "
            "message, or cancel this activity and submit a new request. The devices are checked all the same."
        )
    if ticket.remote_state == RemoteState.REJECTED:
        return _(
            "The ticket was rejected in the ticket system. Settle with its administrator what stands in the way: the "
            "ticket can be accepted there after all. Otherwise cancel this activity, or complete it."
        )
    return ""


def _filling(ticket: Ticket) -> Standing:
    wanted = ticket.devices - ticket.members_left_out
    words = _("%(added)s of %(wanted)s devices are in it so far.") % {
        "added": number_format(ticket.members_added, force_grouping=True),
        "wanted": number_format(wanted, force_grouping=True),
    }
    is_waiting = ticket.fill_next_at is not None and ticket.fill_next_at > timezone.now()
    return Standing(f"{words} {ticket.reason}".strip(), ticket.fill_next_at if is_waiting else None)


def _waiting(ticket: Ticket) -> Standing:
    system = ticket.system
    if not system.is_enabled:
        return Standing(_("The connection to the ticket system is switched off."), needs_attention=True)
    moment = max(ticket.next_attempt_at, system.paused_until or ticket.next_attempt_at)
    retry_at = moment if moment > timezone.now() else None
    if system.opened_at is None:
        return Standing(ticket.reason or (system.pause_reason if retry_at else ""), retry_at)
    if system.create_route == Route.REFUSED:
        return Standing(ticket.reason or creation_refused(system.last_error), retry_at, needs_attention=True)
    return Standing(ticket.reason or system.last_error, retry_at, needs_attention=True)
