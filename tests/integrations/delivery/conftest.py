"""A ticket system in memory behind the real delivery, and a clock that a test moves."""

from types import SimpleNamespace

import pytest
import time_machine
from celery import current_app
from django.utils import timezone

from integrations import connectors
from integrations.delivery import claim
from remediation import doorbell
from remediation.models import Ticket, TicketSystem
from tests.factories import TicketFactory, enable_intune

from .model.clock import START
from .model.processes import AdversarialRemote


@pytest.fixture
def clock():
    """`clock.shift(seconds)`; nothing moves by itself."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def there(db, monkeypatch):
    """The ticket system, looked at a moment ago. Exchanged in the one place that lists the connectors."""
    system = AdversarialRemote()
    monkeypatch.setitem(connectors.CONNECTORS, "intune", system)
    enable_intune()
    TicketSystem.objects.update(last_listed_at=START)
    return system


@pytest.fixture
def ticket(there, clock) -> Ticket:
    return TicketFactory()


class Beat:
    """Runs what the product's own schedule asks for, as the clock goes by, and a worker that hears every ring."""

    def __init__(self, clock, rings: list[list[int]]) -> None:
        self.clock = clock
        self.rings = rings
        self.seconds = 0

    def run(self, seconds: int, until=lambda: False) -> None:
        ends = self.seconds + seconds
        while self.seconds < ends and not until():
            self.clock.shift(10)
            self.seconds += 10
            self.strike()

    def strike(self) -> None:
        for entry in current_app.conf.beat_schedule.values():
            if self.seconds % entry["schedule"] == 0:
                current_app.tasks[entry["task"]]()
        while self.rings:
            current_app.tasks[doorbell.DELIVER](self.rings.pop(0))


@pytest.fixture
def beat(clock, monkeypatch) -> Beat:
    rings: list[list[int]] = []
    monkeypatch.setattr(doorbell, "call", lambda task, args: rings.append(args[0]))
    return Beat(clock, rings)


@pytest.fixture
def monotonic(clock, monkeypatch) -> None:
    """The deadline of a claim goes by the clock that the test moves."""
    monkeypatch.setattr(claim, "time", SimpleNamespace(monotonic=lambda: timezone.now().timestamp()))
