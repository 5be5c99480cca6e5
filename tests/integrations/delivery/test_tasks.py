"""The tasks and the command: each runs without a broker, and running one twice does no harm."""

from io import StringIO

import pytest
from django.core.management import call_command

from integrations import tasks
from remediation.models import AuditEvent, DeliveryState, Ticket
from remediation.rules import audit


@pytest.mark.fault(id="F30")
@pytest.mark.parametrize("task", [tasks.sweep_tickets, tasks.poll_tickets, tasks.seal_audit])
def test_each_periodic_task_runs_twice(there, ticket, clock, task):
    there.fates.append("504_after_commit")
    tasks.deliver_tickets([ticket.pk])
    clock.shift(301)

    task()
    before = state_of(ticket)
    task()

    assert state_of(ticket) == before
    assert len(there.posts) == 1


def state_of(ticket: Ticket) -> tuple:
    events = list(AuditEvent.objects.values_list("verb", "sequence").order_by("pk"))
    ticket.refresh_from_db()
    return ticket.delivery_state, ticket.remote_state, ticket.history.count(), events


def test_a_ring_for_a_ticket_delivers_it_once(there, ticket):
    tasks.deliver_tickets([ticket.pk])
    tasks.deliver_tickets([ticket.pk])

    assert len(there.posts) == 1


def test_a_ring_without_ids_delivers_whatever_is_due(there, ticket):
    tasks.deliver_tickets([])

    ticket.refresh_from_db()
    assert ticket.delivery_state == DeliveryState.DELIVERED


def test_a_ring_for_tickets_that_do_not_exist_does_nothing(there):
    tasks.deliver_tickets([1, 2**40])

    assert there.posts == []


def test_the_command_delivers_without_a_broker(there, ticket):
    out = StringIO()

    call_command("deliver", "--once", stdout=out)

    assert out.getvalue().strip() == "delivered 1"


def test_the_trail_of_a_delivery_is_sealed_and_whole(there, ticket):
    tasks.deliver_tickets([ticket.pk])
    tasks.seal_audit()

    verdict = audit.verify()
    # The ticket's creation, and what it taught of devices inside.
    assert (verdict.sealed, verdict.unsealed, verdict.problem) == (2, 0, "")
