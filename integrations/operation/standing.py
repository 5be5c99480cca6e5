"""Where each ticket system stands: its tickets by state, how long the oldest waits, and what a listing found amiss."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone

from remediation.models import DeliveryState, FindingKind, RemoteFinding, Ticket, TicketSystem

# In the order of the page: what waits first.
STATES = (
    DeliveryState.READY,
    DeliveryState.SENDING,
    DeliveryState.UNCERTAIN,
    DeliveryState.DEAD,
    DeliveryState.DELIVERED,
    DeliveryState.CANCELLED,
)
# What delivery brings to its end by itself.
_UNDER_WAY = (DeliveryState.READY, DeliveryState.SENDING, DeliveryState.UNCERTAIN)


@dataclass(frozen=True)
class InState:
    """Tickets of one state. Since when the oldest is in it: None where nothing waits."""

    state: DeliveryState
    tickets: int = 0
    since: datetime | None = None

    @property
    def age(self) -> timedelta | None:
        return max(timezone.now() - self.since, timedelta()) if self.since else None


@dataclass(frozen=True)
class Standing:
    system: TicketSystem
    by_state: dict[str, InState]
    # Of what the last complete listing showed otherwise than we have it, by kind.
    findings: Counter[str] = field(default_factory=Counter)

    @property
    def states(self) -> list[InState]:
        return [self.by_state[state] for state in STATES if self.by_state[state].tickets]

    @property
    def under_way(self) -> list[InState]:
        return [self.by_state[state] for state in _UNDER_WAY if self.by_state[state].tickets]

    @property
    def waiting(self) -> int:
        return sum(one.tickets for one in self.under_way)

    @property
    def dead(self) -> int:
        return self.by_state[DeliveryState.DEAD].tickets

    @property
    def pause(self) -> timedelta:
        """What is left of it."""
        until = self.system.paused_until
        return max(until - timezone.now(), timedelta()) if until else timedelta()

    @property
    def listing_age(self) -> timedelta | None:
        at = self.system.last_listed_at
        return timezone.now() - at if at else None

    @property
    def missing(self) -> int:
        return self.findings[FindingKind.MISSING]

    @property
    def unknown(self) -> int:
        return self.findings[FindingKind.UNKNOWN]

    @property
    def doubles(self) -> int:
        return self.findings[FindingKind.DOUBLE]


def standings() -> list[Standing]:
    """Of every ticket system, by three queries."""
    states = _states()
    findings: dict[str, Counter[str]] = defaultdict(Counter)
    found = RemoteFinding.objects.current().order_by().values_list("system", "kind")
    for system, kind, count in found.annotate(count=Count("pk")):
        findings[system][kind] = count
    return [
        Standing(system, states[system.pk], findings[system.pk]) for system in TicketSystem.objects.order_by("name")
    ]


def _states() -> dict[str, dict[str, InState]]:
    rows = Ticket.objects.order_by().values("system", "delivery_state")
    # A failed ticket of an activity that is over bothers nobody any more.
    is_over = Q(delivery_state=DeliveryState.DEAD, cancel_wanted=True)
    counted = rows.annotate(
        tickets=Count("pk", filter=~is_over),
        created=Min("created_at", filter=~is_over),
        uncertain=Min("uncertain_since"),
        leased=Min("lease_until"),
    )
    states: dict[str, dict[str, InState]] = defaultdict(lambda: {state: InState(state) for state in STATES})
    for row in counted:
        state = DeliveryState(row["delivery_state"])
        states[row["system"]][state] = InState(state, row["tickets"], _since(state, row))
    return states


def _since(state: DeliveryState, row: Mapping[str, Any]) -> datetime | None:
    """Sending and checking began at a moment that is known; whatever else waits, waits since it was asked for."""
    if state == DeliveryState.UNCERTAIN:
        return row["uncertain"]
    if state == DeliveryState.SENDING:
        return row["leased"] - timedelta(seconds=settings.DELIVERY_LEASE)
    return row["created"] if state in {DeliveryState.READY, DeliveryState.DEAD} else None
