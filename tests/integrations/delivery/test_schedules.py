"""Whatever becomes of the clock and the broker, everything is delivered: the rows are the queue."""

import json
from datetime import timedelta

import pytest
import redis
from celery import current_app
from django.conf import settings as project
from django.utils import timezone

from integrations import tasks  # noqa: F401 (registers what the messages name)
from integrations.delivery import sweep
from remediation import doorbell
from remediation.models import DeliveryState, Lease, Ticket
from tests.factories import TicketFactory

S = DeliveryState


@pytest.fixture(autouse=True)
def a_bell_that_rings():
    doorbell.bell.quiet_until = 0.0
    yield
    doorbell.bell.quiet_until = 0.0


class Messages:
    """What waits at the broker, and a worker that takes it."""

    QUEUE = "tvm:delivery"

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    @property
    def names(self) -> list[str]:
        return [json.loads(raw)["headers"]["task"] for raw in self.client.lrange(self.QUEUE, 0, -1)]

    def flush(self) -> None:
        self.client.delete(self.QUEUE)

    def work(self) -> None:
        names = self.names
        self.flush()
        for name in names:
            current_app.tasks[name](*([[]] if name == doorbell.DELIVER else []))


@pytest.fixture
def messages(broker):
    with current_app.connection_for_read(broker) as connection:
        yield Messages(redis.Redis(connection_pool=connection.default_channel.client.connection_pool))


@pytest.fixture
def broker_is_down(monkeypatch):
    monkeypatch.setitem(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    yield
    monkeypatch.undo()


def state_of(ticket: Ticket) -> str:
    ticket.refresh_from_db()
    return ticket.delivery_state


def test_after_the_broker_was_flushed_the_next_round_rings_again(there, ticket, messages):
    doorbell.wake()
    messages.flush()

    sweep.sweep()
    messages.work()

    assert state_of(ticket) == S.DELIVERED
    assert len(there.posts) == 1


def test_a_request_made_while_the_broker_is_down_goes_out_with_the_next_round(
    there, ticket, messages, monkeypatch, django_capture_on_commit_callbacks
):
    with monkeypatch.context() as broken, django_capture_on_commit_callbacks(execute=True):
        broken.setitem(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
        doorbell.ring([ticket.pk])
    assert messages.names == []

    doorbell.bell.quiet_until = 0.0
    sweep.sweep()
    messages.work()

    assert state_of(ticket) == S.DELIVERED


def test_of_two_clocks_the_second_finds_the_round_taken(there, ticket, messages):
    Lease.objects.take("sweep", "the other clock's worker", project.DELIVERY_LEASE)

    sweep.sweep()

    assert messages.names == []


def test_two_rounds_one_after_the_other_send_once(there, ticket, messages):
    sweep.sweep()
    sweep.sweep()
    messages.work()

    assert (state_of(ticket), len(there.posts)) == (S.DELIVERED, 1)


def test_a_sweeper_that_was_killed_keeps_the_lease_for_a_minute_only(there, ticket, messages, clock):
    Lease.objects.take("sweep", "killed", project.DELIVERY_LEASE)
    clock.shift(project.DELIVERY_LEASE + 1)

    sweep.sweep()
    messages.work()

    assert state_of(ticket) == S.DELIVERED


def test_with_a_dead_clock_a_worker_asks_for_the_round(there, ticket, messages, clock):
    sweep.sweep()
    messages.flush()
    clock.shift(3 * project.DELIVERY_SWEEP + 2)

    sweep.ring_if_overdue()
    assert messages.names == [sweep.SWEEP]
    messages.work()
    messages.work()

    assert state_of(ticket) == S.DELIVERED


def test_with_a_live_clock_a_worker_asks_for_nothing(there, ticket, messages, clock):
    sweep.sweep()
    messages.flush()
    clock.shift(project.DELIVERY_SWEEP)

    sweep.ring_if_overdue()

    assert messages.names == []


def test_a_worker_survives_that_nobody_hears_it_ask(there, clock, broker_is_down):
    sweep.ring_if_overdue()


def test_a_ticket_that_a_lost_worker_held_is_resolved_by_the_rounds_alone(there, clock, messages, settings):
    ticket = TicketFactory(
        delivery_state=S.SENDING, fence=1, attempts=1, lease_until=timezone.now() + timedelta(seconds=120)
    )
    spent = 0
    while state_of(ticket) != S.DELIVERED:
        sweep.sweep()
        messages.work()
        clock.shift(settings.DELIVERY_SWEEP)
        spent += settings.DELIVERY_SWEEP
        assert spent <= project.DELIVERY_LEASE + settings.DELIVERY_QUARANTINE + 180

    assert len(there.posts) == 1
