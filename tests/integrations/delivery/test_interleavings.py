"""Orders of events that random games seldom meet, or that the worst defects need: each is played out step by step.

`model/test_mutants.py` breaks one rule of the protocol at a time and sees the test here that is named for it fail.
"""

from uuid import UUID

import pytest
from celery import current_app
from celery.worker.request import Request
from django.utils import timezone
from kombu import Connection

from integrations import tasks
from integrations.delivery import claim, look, send, sweep
from remediation import doorbell
from remediation.models import AttemptResult, DeliveryState, Ticket
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import UserFactory, estate

from .model.processes import Process

S = DeliveryState
QUARANTINE, LEASE = 301, 121


def exactly_one(there, ticket: Ticket) -> None:
    stands = len(there.with_marker(ticket.marker))
    ticket.refresh_from_db()
    assert stands >= 1, f"lost: {ticket.delivery_state}"
    assert stands == 1, f"doubled: {stands}"
    assert there.with_marker(ticket.marker) == [ticket.remote_id]


def rounds(clock, times: int = 4) -> None:
    for _ in range(times):
        clock.shift(QUARANTINE)
        sweep.sweep_here()


@pytest.mark.fault(id="F2")
def test_what_may_have_arrived_is_not_sent_again(there, ticket, clock):
    there.fates.append("lost_after_commit")
    send.deliver()

    rounds(clock)

    exactly_one(there, ticket)


@pytest.mark.fault(id="F17")
def test_a_request_that_is_stored_minutes_after_we_gave_it_up_is_waited_for(there, ticket, clock):
    a_late_request(there, ticket, clock, 280)


def a_late_request(there, ticket: Ticket, clock, seconds: float) -> None:
    there.fates.append("late")
    there.lateness = seconds
    send.deliver()

    for _ in range(20):
        clock.shift(61)
        sweep.sweep_here()

    exactly_one(there, ticket)


@pytest.mark.fault(id="F6")
def test_a_worker_that_slept_past_its_lease_does_not_send(there, ticket, clock, monotonic):
    a_worker_asleep(there, ticket, clock, LEASE)


def a_worker_asleep(there, ticket: Ticket, clock, seconds: float) -> None:
    [asleep] = claim.claim()
    clock.shift(seconds)
    rounds(clock)

    send.send(asleep)

    exactly_one(there, ticket)
    assert (ticket.delivery_state, len(there.posts)) == (S.DELIVERED, 1)


@pytest.mark.fault(id="F26")
def test_the_same_form_twice_opens_one_ticket(there, clock):
    recommendation, by = estate(devices=1), UserFactory(may=["remediation.handle_remediation"])
    asked = RemediationRequest(UUID(int=1), "update", "high", timezone.localdate(), ticket_system="intune")
    for _ in range(2):
        request_remediation(recommendation, asked, by=by)

    send.deliver()

    assert len(there.tickets) == 1, f"doubled: {len(there.tickets)}"


def test_a_429_that_is_written_down_late_opens_nothing_while_another_sends(there, ticket, clock, monotonic):
    a_word_of_an_old_claim(there, ticket, clock, "429")

    assert ticket.history.get(result=AttemptResult.THROTTLED).counted is False


@pytest.mark.parametrize("fate", ["401", "403", "400", "not_sent", "no_token"])
def test_no_other_word_that_comes_late_opens_anything_either(there, ticket, clock, monotonic, fate):
    a_word_of_an_old_claim(there, ticket, clock, fate)


def a_word_of_an_old_claim(there, ticket: Ticket, clock, fate: str) -> None:
    """The twelve steps that need the fence: three workers, of which the first tells of its fate at the worst moment."""
    first = Process(send.send, claim.claim()[0])
    first.go_on()
    there.fates.append(fate)
    first.go_on()
    clock.shift(LEASE)
    sweep.expire_leases()
    for _ in range(2):
        clock.shift(QUARANTINE)
        look.look(ticket.system)
    second = Process(send.send, claim.claim()[0])
    second.go_on()
    second.go_on()

    first.go_on()
    clock.shift(61)
    send.deliver()
    second.go_on()

    exactly_one(there, ticket)


@pytest.mark.fault(id="F5")
def test_a_ring_is_acknowledged_only_when_its_work_is_done(there, ticket, clock):
    """A worker that is killed half-way has acknowledged nothing, so the broker still has the ring."""
    seen = []
    with Connection("memory://") as connection:
        current_app.send_task(doorbell.DELIVER, args=[[ticket.pk]], connection=connection)
        message = connection.SimpleQueue(current_app.amqp.queues["delivery"]).get(timeout=1)
        there.meanwhile.append(lambda: seen.append(message.acknowledged))
        request = Request(message, app=current_app, task=tasks.deliver_tickets, on_ack=message.ack_log_error)
        request.execute()

    assert seen == [False], "lost: the ring was acknowledged before its work was done"
    assert message.acknowledged
    exactly_one(there, ticket)


@pytest.mark.fault(id="F4")
@pytest.mark.fault(id="F8")
def test_a_ticket_whose_ring_was_lost_is_sent_within_a_minute(there, ticket, beat):
    beat.run(60)

    exactly_one(there, ticket)


@pytest.mark.fault(id="F38")
def test_a_list_that_broke_off_proves_no_absence(there, ticket, clock):
    there.fates.append("lost_after_commit")
    send.deliver()
    there.listing_breaks = True
    rounds(clock)

    there.listing_breaks = False
    rounds(clock)

    exactly_one(there, ticket)


@pytest.mark.fault(id="F1")
def test_the_ticket_of_a_killed_worker_is_sent_within_lease_quarantine_and_three_minutes(there, ticket, beat):
    claim.claim()

    beat.run(120 + 300 + 180)

    exactly_one(there, ticket)


@pytest.mark.fault(id="F3")
def test_a_worker_killed_with_the_answer_in_hand_leaves_a_ticket_that_is_adopted(there, ticket, beat):
    killed = Process(send.send, claim.claim()[0])
    killed.go_on()
    killed.go_on()

    beat.run(120 + 300 + 180)

    exactly_one(there, ticket)
    assert len(there.posts) == 1
    assert ticket.history.get(purpose="create").result == AttemptResult.CRASHED
    killed.bury()


def test_a_reader_that_slept_over_its_list_declares_nothing_absent(there, ticket, clock, monotonic):
    """Its list is from before the second sending; when it wakes, that has been created."""
    there.fates.append("lost_before_commit")
    send.deliver()
    clock.shift(QUARANTINE)
    look.look(ticket.system)
    clock.shift(61)
    asleep = Process(look.look, ticket.system)
    asleep.go_on()
    asleep.go_on()
    rounds(clock)
    exactly_one(there, ticket)

    asleep.go_on()
    rounds(clock)

    exactly_one(there, ticket)
    assert len(there.posts) == 2


def test_the_answer_of_the_first_worker_is_not_taken_for_the_second_ones(there, ticket, clock, monotonic):
    """The first was stored after all, and says so while the second is about to send: the second must not."""
    first = Process(send.send, claim.claim()[0])
    first.go_on()
    there.fates.append("lost_before_commit")
    first.go_on()
    clock.shift(LEASE)
    rounds(clock, 1)
    there.store(ticket.marker)
    rounds(clock, 1)

    first.go_on()
    rounds(clock)

    exactly_one(there, ticket)
    assert len(there.posts) == 1


@pytest.mark.fault(id="F25")
def test_fifty_rings_for_one_ticket_send_it_once(there, ticket, clock):
    for _ in range(50):
        tasks.deliver_tickets([ticket.pk])

    exactly_one(there, ticket)
    assert len(there.posts) == 1


def test_a_ticket_that_is_unwanted_while_it_waits_for_its_second_listing_is_not_sent(there, ticket, clock):
    there.fates.append("lost_before_commit")
    send.deliver()
    rounds(clock, 1)
    Ticket.objects.update(cancel_wanted=True)

    rounds(clock)

    ticket.refresh_from_db()
    assert (ticket.delivery_state, len(there.posts)) == (S.CANCELLED, 1)
