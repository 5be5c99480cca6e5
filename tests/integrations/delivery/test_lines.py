"""Several requests at once, while the database stays with one thread."""

import threading
from threading import Barrier, BrokenBarrierError

import pytest

from integrations import connectors
from integrations.delivery import lines, send
from remediation.models import DeliveryState, Ticket, TicketAttempt
from tests.factories import TicketFactory
from tests.fakes import FakeTicketSystem


@pytest.fixture
def there(there, monkeypatch) -> FakeTicketSystem:
    """One that asks the database for nothing: here it is called from other threads."""
    system = FakeTicketSystem()
    monkeypatch.setitem(connectors.CONNECTORS, "intune", system)
    return system


@pytest.fixture
def four_lines(settings):
    settings.DELIVERY_THREADS = 4


def test_as_many_requests_are_under_way_as_there_are_lines(there, four_lines):
    tickets = [TicketFactory() for _ in range(8)]
    meeting = Barrier(4, timeout=10)
    create = there.create

    def together(payload):
        meeting.wait()
        return create(payload)

    there.create = together

    assert send.deliver() == len(tickets)
    assert Ticket.objects.filter(delivery_state=DeliveryState.DELIVERED).count() == len(tickets)


def test_no_more_requests_are_under_way_than_there_are_lines(there, four_lines):
    for _ in range(10):
        TicketFactory()
    meeting = Barrier(5)
    create = there.create

    def a_fifth_comes(payload):
        try:
            meeting.wait(0.2)
        except BrokenBarrierError:
            meeting.reset()
        else:
            there.fates.append("400")
        return create(payload)

    there.create = a_fifth_comes
    send.deliver()

    assert not Ticket.objects.exclude(delivery_state=DeliveryState.DELIVERED).exists()


def test_the_connector_is_called_without_a_connection_to_the_database(there, four_lines):
    for _ in range(8):
        TicketFactory()
    own, seen = threading.get_ident(), []
    create = there.create

    def noting(payload):
        seen.append(threading.get_ident())
        return create(payload)

    there.create = noting
    send.deliver()

    assert len(seen) == 8
    assert own not in seen


def test_what_nobody_has_begun_is_given_back_when_everybody_has_to_wait(there, four_lines):
    tickets = [TicketFactory() for _ in range(12)]
    there.fates.extend(["429"] * 12)

    send.deliver()

    # Those under way when the first answer came, and no others.
    assert len(there.posts) <= 8
    assert {ticket.delivery_state for ticket in Ticket.objects.all()} == {DeliveryState.READY}
    assert not Ticket.objects.filter(attempts__gt=0).exists()
    assert TicketAttempt.objects.filter(result="started").count() == 0
    assert len(tickets) == 12


def test_a_connector_that_breaks_on_a_line_leaves_its_ticket_uncertain(there, four_lines):
    for _ in range(3):
        TicketFactory()

    def broken(payload):
        raise RuntimeError("broken")

    there.create = broken
    send.deliver()

    assert set(Ticket.objects.values_list("delivery_state", flat=True)) == {DeliveryState.UNCERTAIN}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_job_is_taken_once_with_its_own_result(count):
    with lines.opened(count) as open_lines:
        for number in range(9):
            open_lines.put(number, lambda number=number: number * 10)
        taken = []
        while open_lines:
            taken += open_lines.take()

        assert sorted(taken) == [(number, number * 10) for number in range(9)]
        assert len(open_lines) == 0


def test_jobs_that_nobody_has_begun_can_be_dropped():
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        return go_on.wait(10)

    with lines.opened(2) as open_lines:
        for number in range(5):
            open_lines.put(number, work)
        begun.wait(10)
        dropped = open_lines.drop()
        go_on.set()

        assert set(dropped) >= {2, 3, 4}
        assert len(open_lines) == 5 - len(dropped)
        while open_lines:
            open_lines.take()
