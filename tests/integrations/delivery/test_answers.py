"""What the administrator of the ticket system says of a ticket, and what follows here within one poll."""

import pytest
from django.utils import timezone

from integrations.delivery import look, send, wishes
from remediation.models import (
    ActivityDevice,
    ActivityStatus,
    AuditEvent,
    DeliveryState,
    DeviceState,
    RemoteState,
    Ticket,
)
from remediation.rules.activities import transition
from tests.factories import DeviceFactory, TicketFactory, UserFactory


def give_device(ticket: Ticket, batch: int | None = 1, state: str = DeviceState.EXPOSED) -> None:
    device = DeviceFactory()
    ActivityDevice.objects.create(
        activity=ticket.activity,
        device=device,
        group=device.group,
        batch=batch,
        state=state,
        state_changed_at=timezone.now(),
    )


@pytest.fixture
def created(there, ticket, clock) -> Ticket:
    give_device(ticket)
    send.deliver()
    clock.shift(1)
    ticket.refresh_from_db()
    return ticket


def look_again(ticket: Ticket, clock) -> Ticket:
    clock.shift(1)
    look.look_everywhere()
    ticket.refresh_from_db()
    ticket.activity.refresh_from_db()
    return ticket


def test_a_completed_ticket_completes_its_activity_as_a_claim(there, created, clock):
    there.edit(created.remote_id, "completed", "Rolled out by ring 2.")

    activity = look_again(created, clock).activity

    assert (activity.status, activity.completion_method) == (ActivityStatus.COMPLETED, "manual")
    assert (activity.status_changed_by.username, activity.status_note) == ("system", "Rolled out by ring 2.")
    assert AuditEvent.objects.about(activity).get().verb == "complete_by_tickets"
    assert there.statuses == []


def test_who_thinks_again_after_completing_is_not_overruled(there, created, clock):
    there.edit(created.remote_id, "completed")
    look_again(created, clock)
    there.edit(created.remote_id, "active", "Not on all.")

    look_again(created, clock)
    wishes.fulfil()

    assert there.statuses == []
    assert there.tickets[created.remote_id].state == "active"


def test_only_the_last_of_several_tickets_completes_the_activity(there, created, clock):
    other = TicketFactory(activity=created.activity, batch=2, batches=2)
    give_device(other, batch=2)
    send.deliver()
    other.refresh_from_db()
    clock.shift(1)
    there.edit(created.remote_id, "completed")
    assert look_again(created, clock).activity.status == ActivityStatus.ACTIVE

    there.edit(other.remote_id, "completed")

    assert look_again(created, clock).activity.status == ActivityStatus.COMPLETED


@pytest.mark.parametrize(
    ("state", "status"),
    [("exposed", "active"), ("not_seen", "active"), ("fixed", "completed"), ("excepted", "completed")],
)
def test_a_device_outside_the_tickets_is_not_claimed_by_them(there, created, clock, state, status):
    give_device(created, batch=None, state=state)
    there.edit(created.remote_id, "completed")

    assert look_again(created, clock).activity.status == status


def test_a_reopened_activity_is_not_completed_by_the_same_answer_again(there, created, clock):
    there.edit(created.remote_id, "completed")
    activity = look_again(created, clock).activity
    transition(activity, "reopen", by=UserFactory(may=["remediation.handle_remediation"]), note="Not on all.")

    assert look_again(created, clock).activity.status == ActivityStatus.ACTIVE


def test_a_rejected_ticket_is_watched_while_its_activity_is_active(there, created, clock):
    there.edit(created.remote_id, "rejected", "Not before Friday.")
    assert look_again(created, clock).remote_note == "Not before Friday."

    there.edit(created.remote_id, "active", "Now then.")

    assert look_again(created, clock).remote_state == RemoteState.ACTIVE


@pytest.mark.parametrize("state", ["active", "rejected"])
def test_a_ticket_deleted_after_an_answer_is_missing_at_the_next_look(there, created, clock, state):
    there.edit(created.remote_id, state)
    look_again(created, clock)
    there.tickets.clear()

    assert look_again(created, clock).remote_state == RemoteState.MISSING
    look_again(created, clock)
    assert len(there.posts) == 1
    assert created.delivery_state == DeliveryState.DELIVERED


def test_a_ticket_found_completed_completes_its_activity(there, ticket, clock):
    give_device(ticket)
    there.fates.append("504_after_commit")
    send.deliver()
    [remote_id] = there.tickets
    there.edit(remote_id, "completed")
    clock.shift(301)

    assert look_again(ticket, clock).activity.status == ActivityStatus.COMPLETED
