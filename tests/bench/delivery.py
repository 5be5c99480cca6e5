"""How fast tickets go out: against a ticket system that takes 100 ms, and under Graph's documented limit.

Real processes, the real connector over HTTPS, the sandbox in a process of its own. The ideal of the first is
concurrency / latency, of the second what a sliding window lets through.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db.models import Max, Min
from django.utils import timezone

from remediation.markers import new_marker
from remediation.models import (
    ActivityDevice,
    Recommendation,
    RemediationActivity,
    Ticket,
    TicketAttempt,
    TicketSystem,
    User,
)
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.copies import copied, insert
from tests.factories import CounterFactory, DeviceFactory, ExposureFactory, RecommendationFactory
from tests.integrations.sandbox.conftest import Sandbox

from .estate import FULL, Size
from .seed import SECURITY

LATENCY = 0.1
WRITES, WINDOW = 100, 20.0
# Delivery threads, workers.
_CONCURRENCY = [(1, 1), (2, 1), (4, 1), (1, 2), (2, 2), (4, 2)]
# At best each measurement takes so many seconds.
_SECONDS = 4.0
# Fills two windows. The full size is 5,000, and takes 17 minutes: BENCH_DRAIN=5000.
_DRAINED = 200
_LONGEST = 3600


def run(size: Size, rounds: int) -> dict[str, Any]:
    concurrency = _CONCURRENCY if size is FULL else _CONCURRENCY[-1:]
    drained = int(os.environ.get("BENCH_DRAIN", _DRAINED if size is FULL else 0))
    with sandbox_of_the_bench() as sandbox:
        queue = Queue()
        speeds = [_speed(sandbox, queue, threads, workers) for threads, workers in concurrency]
        return {"speeds": speeds, "drain": _drain(sandbox, queue, drained) if drained else None}


def _speed(sandbox: Sandbox, queue: "Queue", threads: int, workers: int) -> dict[str, Any]:
    ideal = threads * workers / LATENCY
    tickets = int(ideal * _SECONDS)
    queue.fill(tickets)
    sandbox.control("mode", name="latency", value=int(LATENCY * 1000))
    _work(sandbox, workers, DELIVERY_THREADS=threads, DELIVERY_GRAPH_WRITES=0)
    speed = tickets / queue.seconds()
    return {"threads": threads, "workers": workers, "tickets": tickets, "speed": speed, "ratio": speed / ideal}


def _drain(sandbox: Sandbox, queue: "Queue", tickets: int) -> dict[str, Any]:
    """Two workers of four threads each; the sandbox enforces the limit, and refuses what is beyond."""
    queue.fill(tickets)
    sandbox.control("mode", name="rate_limits", value="real")
    _work(sandbox, 2, DELIVERY_THREADS=4, DELIVERY_GRAPH_WRITES=WRITES)
    seconds = queue.seconds()
    # The first window is full at once; from then on each ticket waits until another has left the window.
    ideal = WINDOW * (-(-tickets // WRITES) - 1)
    refused = sandbox.dump()["posts_received"] - sandbox.dump()["posts_stored"]
    return {"tickets": tickets, "seconds": seconds, "ideal": ideal, "ratio": ideal / seconds, "refused": refused}


class Queue:
    """Tickets of one device each, like one that the rule has made."""

    def __init__(self) -> None:
        asked = RemediationRequest(uuid4(), "update", "high", timezone.localdate(), ticket_system="intune")
        by = User.objects.get(username=SECURITY)
        self.pattern, _ = request_remediation(_recommendation(), asked, by=by)
        self.device, self.ticket = self.pattern.devices.get(), self.pattern.tickets.get()
        Ticket.objects.filter(pk=self.ticket.pk).delete()

    def fill(self, tickets: int) -> None:
        """So many that are due, and none of a measurement before."""
        ours = RemediationActivity.objects.filter(recommendation=self.pattern.recommendation_id)
        Ticket.objects.filter(activity__in=ours).delete()
        ActivityDevice.objects.filter(activity__in=ours).exclude(activity=self.pattern).delete()
        ours.exclude(pk=self.pattern.pk)._raw_delete(ours.db)
        TicketSystem.objects.update(grants=[], paused_until=None, opened_at=None, failures=0)
        scopes = [f"bench {number}" for number in range(tickets)]
        made = insert(copied(self.pattern, request_key=uuid4(), scope_key=scope) for scope in scopes)
        now = timezone.now()
        insert(copied(self.device, activity_id=one.pk) for one in made)
        insert(copied(self.ticket, activity_id=one.pk, marker=new_marker(), next_attempt_at=now) for one in made)

    def seconds(self) -> float:
        """From the first attempt's start to the last one's end."""
        ours = TicketAttempt.objects.filter(ticket__activity__recommendation=self.pattern.recommendation_id)
        times = ours.aggregate(start=Min("started_at"), end=Max("ended_at"))
        return (times["end"] - times["start"]).total_seconds()


def _recommendation() -> Recommendation:
    """One more than the estate has, for one device."""
    device = DeviceFactory(source_id="delivery")
    item = RecommendationFactory(software__source_id="delivery", exposed=1, total=1)
    ExposureFactory(recommendation=item, device=device)
    CounterFactory(recommendation=item, group=device.group)
    return item


@contextmanager
def sandbox_of_the_bench() -> Iterator[Sandbox]:
    with tempfile.TemporaryDirectory(prefix="tvm-bench-") as folder:
        sandbox = Sandbox(Path(folder), ["--devices", "20"]).start()
        try:
            yield sandbox
        finally:
            sandbox.stop()


def _work(sandbox: Sandbox, workers: int, **changes: Any) -> None:
    """So many workers until nothing is left."""
    for worker in started(sandbox, workers, **changes):
        assert worker.wait() == 0, "a worker failed"


def started(sandbox: Sandbox, workers: int, **changes: Any) -> list[subprocess.Popen]:
    """So many workers, let go at the same moment when all are ready."""
    environment = os.environ | sandbox.environment | {name: str(value) for name, value in changes.items()}
    command = [sys.executable, "-m", "tests.bench.drain", str(_LONGEST)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command, env=environment, text=True, **pipes) for _ in range(workers)]
    for worker in processes:
        assert worker.stdout.readline() == "ready\n", "a worker did not start"
    for worker in processes:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return processes
