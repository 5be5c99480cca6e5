"""Races that only a database with many writers shows: threads against PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections
from django.utils import timezone

from integrations import connectors
from integrations.connectors.base import Limit
from integrations.delivery import allowance, claim, look, send, sweep, throttle, wishes
from remediation.models import AuditEvent, DeliveryState, Lease, Ticket, TicketAttempt, TicketSystem, User
from remediation.rules import audit
from tests.factories import DeviceGroupFactory, TicketFactory, enable_intune
from tests.fakes import FakeTicketSystem

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL"),
]
THREADS = 12


@pytest.fixture
def there(monkeypatch) -> FakeTicketSystem:
    system = FakeTicketSystem()
    monkeypatch.setitem(connectors.CONNECTORS, "intune", system)
    enable_intune()
    return system


def at_once(work, times: int = THREADS) -> list:
    """The results of so many threads that start together."""
    barrier = Barrier(times)

    def one(number: int):
        barrier.wait()
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


@pytest.mark.fault(id="F25")
def test_of_many_workers_one_claims_a_ticket(there):
    ticket = TicketFactory()

    for _ in range(5):
        Ticket.objects.update(delivery_state=DeliveryState.READY, lease_until=None, next_attempt_at=timezone.now())
        claims = at_once(lambda number: claim.claim([ticket.pk]))
        assert sum(len(claimed) for claimed in claims) == 1


@pytest.mark.fault(id="F25")
def test_many_workers_share_a_queue_and_send_each_ticket_once(there):
    tickets = [TicketFactory() for _ in range(60)]

    sent = at_once(lambda number: send.deliver())

    assert sum(sent) == len(there.posts) == len(there.tickets) == len(tickets)
    assert not Ticket.objects.exclude(delivery_state=DeliveryState.DELIVERED).exists()
    assert TicketAttempt.objects.count() == len(tickets)


def test_an_open_circuit_lets_one_of_many_probe(there):
    TicketSystem.objects.update(opened_at=timezone.now())

    assert sum(at_once(lambda number: throttle.admit("intune", 5))) == 1


def test_many_who_ask_at_once_are_granted_no_more_than_the_limit(there):
    there.limit = Limit(300, 60.0)

    granted = at_once(lambda number: sum(allowance.grant("intune", 1) for _ in range(30)))

    assert sum(granted) == TicketSystem.objects.get(key="intune").granted <= 300
    assert sum(granted) + allowance.grant("intune", 1000) == 300


@pytest.mark.fault(id="F30")
def test_many_sweeps_and_looks_at_once_do_the_work_of_one(there):
    tickets = [TicketFactory() for _ in range(10)]
    there.fates.extend(["504_after_commit"] * 10)
    while Ticket.objects.filter(delivery_state=DeliveryState.READY).exists():
        TicketSystem.objects.update(paused_until=None)
        send.deliver()
    Ticket.objects.update(next_attempt_at=timezone.now())

    at_once(lambda number: (sweep.tidy(), look.look_everywhere()))

    assert not Ticket.objects.exclude(delivery_state=DeliveryState.DELIVERED).exists()
    assert AuditEvent.objects.filter(verb="adopt").count() == len(tickets)


def test_of_many_workers_one_fulfils_a_wish(there):
    ticket = TicketFactory(delivery_state=DeliveryState.DELIVERED, remote_id=there.store(""))
    Ticket.objects.update(remote_wanted="completed", wanted_next_at=timezone.now())

    at_once(lambda number: wishes.fulfil([ticket.pk]))

    assert len(there.statuses) == 1


def test_a_lease_has_one_holder():
    for round_number in range(5):
        name = f"lease {round_number}"
        assert sum(at_once(lambda number, name=name: Lease.objects.take(name, str(number), 60))) == 1


def test_many_sealers_make_one_chain(there):
    group, by = DeviceGroupFactory(), User.objects.system()

    def work(number: int) -> None:
        for event in range(5):
            AuditEvent.objects.record(group, f"{number} {event}", by=by)
            audit.seal()

    at_once(work)
    audit.seal()

    verdict = audit.verify()
    assert (verdict.sealed, verdict.unsealed, verdict.problem) == (THREADS * 5, 0, "")
