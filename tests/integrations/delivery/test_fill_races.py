"""Many workers fill one ticket at once: threads against PostgreSQL."""

import pytest
from django.db import connection

from integrations import connectors
from integrations.delivery import fill, send
from remediation.models import AuditEvent, Ticket, TicketSystem

from .collections import FakeCollections
from .test_fill import a_ticket, all_of, names
from .test_races import at_once

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL"),
]


def test_many_workers_add_each_device_once(monkeypatch):
    there = FakeCollections()
    monkeypatch.setitem(connectors.CONNECTORS, "configmgr", there)
    TicketSystem.objects.filter(key="configmgr").update(is_enabled=True)
    tickets = [a_ticket(40, first=40 * number) for number in range(3)]
    send.deliver()

    filled = at_once(lambda number: fill.fill())

    assert sum(filled) == 3
    for number, ticket in enumerate(tickets):
        assert names(there, ticket) == all_of(40, first=40 * number)
        assert AuditEvent.objects.about(ticket).filter(verb="filled").count() == 1
    assert (there.additions, Ticket.objects.filter(members_added=40).count()) == (120, 3)
