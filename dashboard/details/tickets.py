"""The tickets of an activity with their attempts, and the partial that follows one until its delivery has ended."""

from functools import cached_property
from zlib import crc32

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from integrations.delivery.foreign import candidates
from integrations.delivery.people import is_stuck, may_adopt, may_retry
from integrations.delivery.states import explain
from remediation.models import (
    FINAL_STATES,
    DeliveryState,
    ForeignTicket,
    MemberState,
    RemediationActivity,
    TargetGroupState,
    Ticket,
    TicketAttempt,
    TicketMember,
    User,
)

from ..groups import Selection, selection
from ..requests import Request
from .parts import with_progress

# What htmx understands as: this was the last poll.
STOP_POLLING = 286
SHOWN_ATTEMPTS = 20
SHOWN_LEFT_OUT = 100


class TicketView:
    """A ticket as the page shows it."""

    def __init__(self, ticket: Ticket, user: User, offered: list[ForeignTicket]) -> None:
        self.ticket = ticket
        self.is_final = ticket.delivery_state in FINAL_STATES and not ticket.is_filling
        # Of its devices the reader sees some, and so no number of all of them.
        self.is_cut = not user.sees_all_groups and ticket.here_targets < ticket.devices  # type: ignore[attr-defined]
        self._user = user
        # It waits for a permission: delivery tries again by itself, people may go on without.
        stands_still = {DeliveryState.DEAD, DeliveryState.READY}
        self.is_refused = ticket.delivery_state in stands_still and ticket.system.refuses_creation
        # What a person may do about it.
        may_handle = user.has_perm("remediation.handle_remediation")
        self.may_abandon = may_handle and is_stuck(ticket)
        self.may_adopt = self.may_abandon and may_adopt(ticket)
        self.may_retry = may_handle and may_retry(ticket)
        self.offered = offered if self.may_adopt else []
        self.detail = ticket.reason if self.is_cut and ticket.is_filling else explain(ticket).detail
        self.group = getattr(ticket, "target_group", None)
        self.may_ask_for_group = (
            settings.MICROSOFT.makes_groups
            and ticket.delivery_state == DeliveryState.DELIVERED
            and (self.group is None or self.group.state == TargetGroupState.FAILED)
            and may_handle
        )
        self.attempts: list[TicketAttempt] = list(ticket.history.all())[:SHOWN_ATTEMPTS]

    @property
    def devices_url(self) -> str:
        return f"{reverse('activity', args=[self.ticket.activity_id])}?part={self.ticket.batch}"

    @property
    def version(self) -> str:
        """Changes with whatever the page shows of it."""
        ticket = self.ticket
        state = f"{ticket.delivery_state}.{ticket.fence}.{ticket.attempts}.{len(self.attempts)}"
        shown = self.detail + "".join(one.remote_id for one in self.offered)
        return f"{state}.{ticket.next_attempt_at.timestamp():.0f}.{crc32(shown.encode())}"

    @property
    def devices(self) -> int:
        return self.ticket.here_targets if self.is_cut else self.ticket.devices  # type: ignore[attr-defined]

    @cached_property
    def left_out(self) -> list[TicketMember]:
        """Devices that could not go in, the first of them."""
        if not self.ticket.members_left_out:
            return []
        members = self.ticket.members.filter(state__in=[MemberState.UNKNOWN, MemberState.REFUSED])
        if not self._user.sees_all_groups:
            members = members.filter(device__group__in=self._user.device_groups.all())
        return list(members.select_related("device").order_by("device__name")[:SHOWN_LEFT_OUT])

    @property
    def left_out_count(self) -> int:
        return len(self.left_out) if self.is_cut else self.ticket.members_left_out

    @property
    def wishes(self) -> str:
        """What we want to stand remotely and does not yet."""
        ticket = self.ticket
        return "" if ticket.remote_wanted == ticket.remote_state else ticket.get_remote_wanted_display()


def tickets_of(activity: RemediationActivity, user: User, groups: Selection) -> list[TicketView]:
    tickets = list(_with_attempts(with_progress(activity.tickets.order_by("batch"), groups)))
    offered = _offered(tickets, user)
    return [TicketView(ticket, user, offered) for ticket in tickets]


def _offered(tickets: list[Ticket], user: User) -> list[ForeignTicket]:
    """What others have made there and may be meant: asked once, for all tickets of an activity want the same."""
    refused = [ticket for ticket in tickets if is_stuck(ticket) and ticket.system.refuses_creation]
    return candidates(refused[0]) if refused and user.has_perm("remediation.handle_remediation") else []


@require_GET
def ticket_state(request: Request, pk: int) -> HttpResponse:
    """The ticket's rows when they have changed since `?seen=`; nothing when they have not."""
    tickets = with_progress(Ticket.objects.visible_to(request.user).select_related("activity"), selection(request))
    ticket = get_object_or_404(_with_attempts(tickets), pk=pk)
    view = TicketView(ticket, request.user, _offered([ticket], request.user))
    if not view.is_final and request.GET.get("seen") == view.version:
        return HttpResponse(status=204)
    status = STOP_POLLING if view.is_final and request.htmx else 200
    return render(request, "dashboard/_ticket.html", {"view": view}, status=status)


def _with_attempts(tickets):
    history = Prefetch("history", TicketAttempt.objects.order_by("-pk"))
    return tickets.defer("payload", "facts").select_related("system", "target_group").prefetch_related(history)
