"""Wishes: the status that we want over there arrives, whatever the network does."""

import pytest
from django.utils import timezone

from integrations.delivery import look, send, sweep, wishes
from remediation.models import ActivityStatus, AttemptPurpose, AuditEvent, DeliveryState, RemoteState, Ticket
from remediation.rules.activities import transition
from tests.factories import UserFactory

S = DeliveryState


def again(ticket: Ticket) -> Ticket:
    ticket.refresh_from_db()
    return ticket


def do(ticket: Ticket, verb: str) -> None:
    may = ["remediation.complete_activity", "remediation.handle_remediation"]
    transition(ticket.activity, verb, by=UserFactory(may=may), note="Because.")


@pytest.fixture
def created(there, ticket, clock) -> Ticket:
    send.deliver()
    clock.shift(1)
    return again(ticket)


@pytest.mark.parametrize(("verb", "state"), [("complete", "completed"), ("cancel", "rejected")])
def test_completing_or_cancelling_an_activity_closes_its_ticket(there, created, verb, state):
    do(created, verb)

    sweep.attend([created.pk])
    sweep.attend([created.pk])

    assert there.tickets[created.remote_id].state == again(created).remote_state == state
    assert there.statuses == [(created.remote_id, state, "Because.")]
    assert created.history.filter(purpose=AttemptPurpose.STATUS).count() == 1
    assert AuditEvent.objects.about(created).filter(verb=f"set_{state}").exists()


@pytest.mark.parametrize("fate", ["lost_after_commit", "lost_before_commit", "503", "429", "401", "not_sent"])
def test_a_wish_arrives_in_the_end_and_is_read_before_it_is_repeated(there, created, clock, fate):
    there.status_fates.append(fate)
    do(created, "complete")

    for _ in range(3):
        wishes.fulfil()
        clock.shift(61)

    assert there.tickets[created.remote_id].state == again(created).remote_state == "completed"
    assert len(there.statuses) == (1 if fate == "lost_after_commit" else 2)


def test_a_wish_for_a_deleted_ticket_ends_as_missing(there, created):
    there.tickets.clear()
    do(created, "complete")

    wishes.fulfil()

    assert (again(created).remote_state, created.remote_wanted) == (RemoteState.MISSING, "")
    assert AuditEvent.objects.about(created).filter(verb="remote_missing").exists()


def test_a_wish_that_is_refused_is_said_so(there, created):
    there.status_fates.append("400")
    do(created, "complete")

    wishes.fulfil()
    wishes.fulfil()

    assert len(there.statuses) == 1
    assert "could not be set" in again(created).reason


def test_a_wish_is_given_up_after_twelve_failures(there, created, clock):
    there.status_fates.extend(["503"] * 50)
    do(created, "complete")
    for _ in range(50):
        wishes.fulfil()
        clock.shift(3601)

    assert len(there.statuses) == 12
    assert again(created).remote_wanted == ""


def test_a_worker_that_died_with_a_wish_is_followed_by_another(there, created, clock):
    do(created, "complete")
    ticket = Ticket.objects.get(pk=created.pk)
    assert wishes._claim(ticket)
    wishes.fulfil()
    assert there.statuses == []

    clock.shift(121)
    wishes.fulfil()

    assert again(created).remote_state == "completed"


def test_a_completed_ticket_is_not_rejected(there, created, clock):
    there.edit(created.remote_id, "completed")
    look.look_everywhere()
    do(created, "cancel")

    wishes.fulfil()

    assert there.statuses == []


def test_what_the_administrator_completed_needs_no_wish(there, created, clock):
    do(created, "complete")
    there.edit(created.remote_id, "completed")

    look.look_everywhere()
    wishes.fulfil()

    assert (there.statuses, again(created).remote_wanted) == ([], "")


def test_an_activity_that_is_cancelled_while_its_ticket_is_sent_rejects_it_afterwards(there, ticket, clock):
    there.meanwhile.append(lambda: do(ticket, "cancel"))

    sweep.attend([ticket.pk])

    assert there.tickets[again(ticket).remote_id].state == "rejected"
    assert ticket.activity.status == ActivityStatus.CANCELLED or ticket.delivery_state == S.DELIVERED


def test_an_activity_that_is_cancelled_while_its_ticket_is_uncertain_rejects_what_is_found(there, ticket, clock):
    there.fates.append("504_after_commit")
    send.deliver()
    do(ticket, "cancel")
    clock.shift(301)

    sweep.sweep_here()

    assert again(ticket).remote_state == there.tickets[ticket.remote_id].state == "rejected"


def test_a_reopened_activity_forgets_its_wish(there, created):
    there.status_fates.append("503")
    do(created, "complete")
    wishes.fulfil()
    created.activity.refresh_from_db()
    do(created, "reopen")
    Ticket.objects.update(wanted_next_at=timezone.now())

    wishes.fulfil()

    assert there.tickets[created.remote_id].state == "pending"
