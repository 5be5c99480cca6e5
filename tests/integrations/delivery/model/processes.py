"""Processes that can stall or die at each call over the network: the production code itself, run in greenlets."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from greenlet import GreenletExit, getcurrent, greenlet

from integrations.connectors.base import Listing, Reading, Reply
from remediation.models import AttemptPurpose, DeliveryState, Ticket, TicketAttempt
from tests.fakes import FakeTicketSystem


class Process:
    """A call into the product that goes on as far as the network and then waits to be told."""

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        self._greenlet = greenlet(lambda: work(*arguments))

    def go_on(self) -> None:
        self._greenlet.switch()

    @property
    def is_done(self) -> bool:
        return self._greenlet.dead

    def bury(self) -> None:
        """After the game: one that was killed never runs again, and so gives back no lease while the game lasts."""
        if not self._greenlet.dead:
            self._greenlet.throw(GreenletExit)


class Looker(Process):
    """One that reads the list, and later declares absent what it did not see there."""

    def __init__(self, work: Callable[..., Any], *, is_whole: bool) -> None:
        super().__init__(work)
        self.is_whole = is_whole
        self.began = timezone.now()

    def conclude(self) -> None:
        before = {ticket.pk: ticket for ticket in Ticket.objects.filter(delivery_state=DeliveryState.UNCERTAIN)}
        self.go_on()
        for after in Ticket.objects.filter(pk__in=before):
            was = before[after.pk]
            if after.absences > was.absences or after.delivery_state == DeliveryState.READY:
                assert self.is_whole, "I7: absent by part of a list"
                assert was.next_attempt_at <= self.began, "I7: absent before its time"


def wait_to_be_told() -> None:
    """Whoever is no process of the game (a sweep in one go, say) does not wait."""
    if (parent := getcurrent().parent) is not None:
        parent.switch()


@dataclass
class AdversarialRemote(FakeTicketSystem):
    """The ticket system; whoever called it stalls with the answer in hand."""

    # Seconds for which a new ticket does not show in the list.
    lag: float = 0.0
    stored_at: dict[str, datetime] = field(default_factory=dict)

    def __call__(self) -> "AdversarialRemote":
        # A process asks for its connector before anything else: it stalls with its claim, and nothing sent.
        wait_to_be_told()
        return self

    def create(self, payload: bytes) -> Reply:
        written = TicketAttempt.objects.filter(ticket__marker=json.loads(payload)["marker"])
        assert written.filter(purpose=AttemptPurpose.CREATE).exists(), "I4: sent without an attempt on record"
        reply = super().create(payload)
        wait_to_be_told()
        return reply

    def store(self, marker: str, state: str = "pending") -> str:
        remote_id = super().store(marker, state)
        self.stored_at[remote_id] = self.now()
        return remote_id

    def set_status(self, remote_id: str, state: str, note: str) -> Reply:
        reply = super().set_status(remote_id, state, note)
        wait_to_be_told()
        return reply

    def read(self, remote_id: str) -> Reading:
        reading = super().read(remote_id)
        wait_to_be_told()
        return reading

    def list_all(self) -> Listing:
        self.arrive()
        recent = self.now() - timedelta(seconds=self.lag)
        self.hidden = {remote_id for remote_id, moment in self.stored_at.items() if moment > recent}
        listing = super().list_all()
        wait_to_be_told()
        return listing

    def delete(self, remote_id: str) -> None:
        """What the administrator of the ticket system does."""
        del self.tickets[remote_id]
