"""The tickets that trouble somebody, one by one: dead letters, and what stands there otherwise than we have it."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet

from remediation.models import DeliveryState, RemoteFinding, Ticket, TicketAttempt, User

# A page is for people; the counts above tell of the rest.
MOST_SHOWN = 50
_ATTEMPTS_SHOWN = 5


@dataclass(frozen=True)
class DeadLetter:
    ticket: Ticket
    # The newest first.
    attempts: list[TicketAttempt]

    @property
    def request_id(self) -> str:
        """What the ticket system's support asks for: its own id of our last request, else the one that we sent."""
        ids = (one.remote_request_id or one.client_request_id for one in self.attempts)
        return next((one for one in ids if one), "")


def dead_letters(user: User) -> Iterator[DeadLetter]:
    """Failed tickets that are still wanted, the newest first."""
    dead = Ticket.objects.visible_to(user).filter(delivery_state=DeliveryState.DEAD, cancel_wanted=False)
    last = Prefetch("history", TicketAttempt.objects.order_by("-pk")[:_ATTEMPTS_SHOWN], to_attr="last_attempts")
    rows = dead.select_related("activity", "system").defer("payload", "facts").prefetch_related(last)
    for ticket in rows.order_by("-pk")[:MOST_SHOWN]:
        yield DeadLetter(ticket, ticket.last_attempts)  # type: ignore[attr-defined]


def findings(user: User) -> QuerySet[RemoteFinding]:
    """What the last complete listings showed otherwise."""
    return visible_findings(user).filter(ended_at=None)[:MOST_SHOWN]


def visible_findings(user: User) -> QuerySet[RemoteFinding]:
    """Of tickets of ours only what the person may see."""
    mine = Q(ticket=None) | Q(ticket__in=Ticket.objects.visible_to(user).values("pk"))
    return RemoteFinding.objects.filter(mine).select_related("system", "ticket__activity")
