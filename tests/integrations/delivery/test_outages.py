"""Faults that last, and what the machinery around it may do: set clocks, two beats, deadlocks, restarted databases."""

import threading

import pytest
from django.db import OperationalError, close_old_connections, connections, transaction

from integrations import tasks
from integrations.connectors.intune import payload
from integrations.delivery import send
from remediation.models import AuditEvent, DeliveryState, Ticket, TicketAttempt
from tests.factories import ActivityFactory, TicketFactory
from tests.test_database_faults import cut_all_connections

from .test_interleavings import exactly_one, rounds

S = DeliveryState
HOUR = 3600


def an_outage(there, beat, tickets: int, hours: int) -> None:
    """The ticket system answers 503 to everything, for so long; then it is well again."""
    activity = ActivityFactory()
    for number in range(tickets):
        TicketFactory(activity=activity, batch=number + 1)
    there.fates.extend(["503"] * 100_000)
    there.listing_breaks = True
    beat.run(hours * HOUR)
    probes = len(there.posts)
    assert probes <= 5 + hours * 60, f"a storm: {probes} requests"

    there.fates.clear()
    there.listing_breaks = False
    beat.run(HOUR)

    assert len(there.tickets) == tickets
    assert not Ticket.objects.exclude(delivery_state=S.DELIVERED).exists()


@pytest.mark.fault(id="F40")
def test_through_an_outage_one_probe_a_minute_goes_out_and_then_everything(there, beat):
    an_outage(there, beat, tickets=12, hours=1)


@pytest.mark.long
@pytest.mark.fault(id="F40")
def test_through_a_day_of_outage_five_thousand_wait_and_then_go_out_within_an_hour(there, beat):
    an_outage(there, beat, tickets=5000, hours=23)


@pytest.mark.fault(id="F24")
@pytest.mark.parametrize("step", [-HOUR, HOUR])
@pytest.mark.parametrize("fate", ["lost_after_commit", "lost_before_commit", "late"])
def test_a_clock_that_is_set_by_an_hour_doubles_and_loses_nothing(there, ticket, clock, step, fate):
    there.fates.append(fate)
    send.deliver()
    clock.shift(step)
    if fate == "late":
        # It is stored a minute later, whatever the wall clock says.
        there.late = [(moment.replace(year=2026), marker) for moment, marker in there.late]

    rounds(clock, 16)

    exactly_one(there, ticket)
    assert ticket.attempts <= 2


@pytest.mark.fault(id="F30")
def test_two_beats_do_the_work_of_one(there, beat):
    tickets = [TicketFactory() for _ in range(4)]
    there.fates.extend(["504_after_commit", "lost_before_commit", "429", "ok"])
    for _ in range(150):
        beat.run(10)
        beat.strike()

    for ticket in tickets:
        exactly_one(there, ticket)
    assert len(there.posts) == len(tickets) + 2
    assert AuditEvent.objects.filter(verb__in=["deliver", "adopt"]).count() == len(tickets)


@pytest.mark.fault(id="F30")
def test_without_any_beat_a_ring_is_enough(there, ticket, clock):
    tasks.deliver_tickets([ticket.pk])

    exactly_one(there, ticket)


@pytest.mark.fault(id="F37")
@pytest.mark.parametrize("facts", [[], "text", 7, {}, {"kind": "software"}, {"kind": ["software"]}])
def test_a_row_that_makes_no_ticket_holds_up_no_other(there, ticket, clock, facts, monkeypatch):
    monkeypatch.setattr(there, "render", payload.render)
    poisoned = TicketFactory(activity=ticket.activity, batch=2, facts=facts)
    frozen_before = f'{{"marker": "{ticket.marker}"}}'.encode()
    Ticket.objects.filter(pk=ticket.pk).update(payload=frozen_before)

    send.deliver()

    states = dict(Ticket.objects.values_list("pk", "delivery_state"))
    assert states == {ticket.pk: S.DELIVERED, poisoned.pk: S.DEAD}


@pytest.fixture
def committed(transactional_db, there, clock) -> Ticket:
    return TicketFactory()


@pytest.mark.postgresql
@pytest.mark.fault(id="F11")
def test_a_database_that_restarts_while_a_ticket_is_sent_costs_no_second_one(committed, there, clock):
    there.meanwhile.append(cut_all_connections)
    with pytest.raises(OperationalError):
        send.deliver()
    # A worker does this after each task.
    close_old_connections()

    rounds(clock)

    exactly_one(there, committed)
    assert len(there.posts) == 1


@pytest.mark.postgresql
@pytest.mark.fault(id="F13")
def test_a_deadlock_ends_one_transaction_and_no_ticket(committed, there, clock):
    """Somebody locks the attempt and then wants the ticket, which the sender has: PostgreSQL ends one of the two."""
    locked = threading.Event()

    def other_way_round() -> None:
        with transaction.atomic():
            TicketAttempt.objects.update(worker="other")
            locked.set()
            threading.Event().wait(0.3)
            Ticket.objects.update(worker="other")
        connections.close_all()

    other = threading.Thread(target=other_way_round)
    there.meanwhile += [locked.wait, other.start]
    there.meanwhile.reverse()
    with pytest.raises(OperationalError, match="deadlock"):
        send.deliver()
    other.join()

    rounds(clock)

    exactly_one(there, committed)
    assert len(there.posts) == 1
