"""A ticket system in memory behind the real delivery, and a clock that a test moves."""

from datetime import UTC, datetime

import pytest
import time_machine

from integrations import connectors
from remediation.models import Ticket, TicketSystem
from tests.factories import TicketFactory, enable_intune
from tests.fakes import FakeTicketSystem

START = datetime(2027, 1, 11, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    """`clock.shift(seconds)`; nothing moves by itself."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def there(db, monkeypatch):
    """The ticket system, looked at a moment ago. Exchanged in the one place that lists the connectors."""
    system = FakeTicketSystem()
    monkeypatch.setitem(connectors.CONNECTORS, "intune", system)
    enable_intune()
    TicketSystem.objects.update(last_listed_at=START)
    return system


@pytest.fixture
def ticket(there, clock) -> Ticket:
    return TicketFactory()
