"""The real delivery under a random adversary: workers that stall and die, requests that arrive late, lists that break.

The clock is virtual; the ticket system is in memory and stores a request up to a minute after its client gave up, which
is less than the quarantine. A worker may stall for any time, except between its last look at the clock and its request.
"""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from integrations import connectors
from integrations.delivery import claim, classify, look, people, send, sweep, throttle, wishes
from remediation.models import AuditEvent, DeliveryState, Lease, RemoteState, Ticket, TicketAttempt, TicketSystem
from remediation.rules.transitions import InvalidTransition
from tests.factories import ActivityFactory, TicketFactory, UserFactory, enable_intune
from tests.fakes import FATES, FakeTicketSystem

S = DeliveryState
FATE = st.sampled_from(["ok", "late", *FATES])


class Delivery(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        for model in (TicketAttempt, Ticket, AuditEvent, Lease):
            model.objects.all().delete()
        TicketSystem.objects.update(paused_until=None, opened_at=None, failures=0, create_route="untried")
        self.there = FakeTicketSystem()
        connectors.CONNECTORS["intune"] = self.there
        self.travel = time_machine.travel(datetime(2027, 1, 11, 9, 0, tzinfo=UTC), tick=False)
        self.clock = self.travel.start()
        self.claims: list[claim.Claim] = []
        self.replies: list[tuple] = []
        self.fences: dict[int, int] = {}
        self.deleted: set[str] = set()
        self.activity, self.person = ActivityFactory(), UserFactory(may=["remediation.handle_remediation"])

    @rule()
    def submit(self) -> None:
        if Ticket.objects.count() < 4:
            TicketFactory(activity=self.activity, batch=Ticket.objects.count() + 1)

    @rule()
    def claim(self) -> None:
        self.claims += claim.claim(most=2)

    @precondition(lambda self: self.claims)
    @rule(fate=FATE, which=st.integers(0, 9))
    def post(self, fate: str, which: int) -> None:
        """As `send` does, up to the reply."""
        claimed = self.claims.pop(which % len(self.claims))
        payload = send.frozen_payload(claimed.ticket, self.there)
        if not claimed.may_send:
            return
        self.there.fates.append(fate)
        self.replies.append((claimed, self.there.create(payload)))

    @precondition(lambda self: self.replies)
    @rule(which=st.integers(0, 9))
    def record(self, which: int) -> None:
        claimed, reply = self.replies.pop(which % len(self.replies))
        kind = classify.of_create(reply)
        send._settle(claimed, kind, reply, throttle.note_create(claimed.system, kind, reply))

    @precondition(lambda self: self.claims or self.replies)
    @rule()
    def die(self) -> None:
        (self.claims or self.replies).pop()

    @rule(seconds=st.sampled_from([1, 31, 61, 121, 301]))
    def wait(self, seconds: int) -> None:
        self.clock.shift(seconds)

    @rule()
    def tidy(self) -> None:
        sweep.tidy()

    @rule(breaks=st.booleans(), takes=st.sampled_from([0, 0, 5, 40]))
    def look(self, breaks: bool, takes: int) -> None:
        self.there.listing_breaks = breaks
        self.there.meanwhile = [lambda: self.clock.shift(takes)]
        look.look(TicketSystem.objects.get())
        self.there.meanwhile.clear()

    @rule(fate=FATE.filter(lambda fate: fate not in {"late", "refuses_devices"}))
    def fulfil(self, fate: str) -> None:
        self.there.status_fates.append(fate)
        wishes.fulfil()
        self.there.status_fates.clear()

    @rule(number=st.integers(1, 4), state=st.sampled_from([RemoteState.COMPLETED, RemoteState.REJECTED]))
    def give_up(self, number: int, state: str) -> None:
        """The activity is completed or cancelled: what the rules write then."""
        Ticket.objects.filter(batch=number).update(
            cancel_wanted=True, remote_wanted=state, wanted_next_at=timezone.now(), wanted_attempts=0
        )

    @rule(number=st.integers(1, 4))
    def retry(self, number: int) -> None:
        for ticket in Ticket.objects.filter(batch=number, delivery_state=S.DEAD, cancel_wanted=False):
            people.retry(ticket, by=self.person)
        for ticket in Ticket.objects.filter(batch=number).exclude(delivery_state=S.DEAD):
            with pytest.raises(InvalidTransition):
                people.retry(ticket, by=self.person)

    @precondition(lambda self: self.there.tickets)
    @rule(state=st.sampled_from(["active", "rejected", "completed"]), which=st.integers(0, 9))
    def administrate(self, state: str, which: int) -> None:
        keys = sorted(self.there.tickets)
        self.there.edit(keys[which % len(keys)], state, "A note.")

    @invariant()
    def nothing_is_doubled(self) -> None:
        for ticket in Ticket.objects.all():
            assert len(self.there.with_marker(ticket.marker)) <= 1

    @invariant()
    def created_means_created(self) -> None:
        for ticket in Ticket.objects.filter(delivery_state=S.DELIVERED):
            assert self.there.with_marker(ticket.marker) == [ticket.remote_id]

    @invariant()
    def fences_only_rise(self) -> None:
        for pk, fence in Ticket.objects.values_list("pk", "fence"):
            assert fence >= self.fences.get(pk, 0)
            self.fences[pk] = fence

    @invariant()
    def every_request_has_its_attempt(self) -> None:
        assert len(self.there.posts) <= TicketAttempt.objects.filter(purpose="create").count()

    def teardown(self) -> None:
        """Once the faults stop, everything is settled, and what was wanted stands there exactly once."""
        try:
            self.there.fates.clear()
            self.there.listing_breaks = False
            for _ in range(14):
                self.clock.shift(301)
                sweep.sweep_here()
            for ticket in Ticket.objects.all():
                assert ticket.delivery_state in {S.DELIVERED, S.DEAD, S.CANCELLED}, ticket.delivery_state
                stands = len(self.there.with_marker(ticket.marker))
                assert stands == (ticket.delivery_state == S.DELIVERED), ticket.delivery_state
                assert ticket.delivery_state != S.CANCELLED or ticket.cancel_wanted
                if ticket.delivery_state == S.DELIVERED and ticket.remote_wanted:
                    assert ticket.remote_state == ticket.remote_wanted
        finally:
            self.travel.stop()


@pytest.fixture
def virtual(db, monkeypatch):
    """The deadline of a claim follows the virtual clock."""
    monkeypatch.setattr(claim, "time", SimpleNamespace(monotonic=lambda: timezone.now().timestamp()))
    monkeypatch.setitem(connectors.CONNECTORS, "intune", None)
    enable_intune()


def play(examples: int, steps: int) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=examples < 100,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Delivery, settings=chosen)


def test_no_adversary_loses_or_doubles_a_ticket(virtual):
    play(examples=8, steps=30)


@pytest.mark.long
def test_no_adversary_loses_or_doubles_a_ticket_in_many_games(virtual):
    play(examples=400, steps=50)
