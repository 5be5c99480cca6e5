"""Workers and the clock say that they live; workers also mind the sweeper when the clock is dead.

Wiring of Celery, which imports these by name before the models can be. A worker's beat goes through the very loop that
hears rings: one that cannot hear any more does not look alive.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

import structlog
from celery import bootsteps
from celery.beat import PersistentScheduler
from django.db import DatabaseError, connection

log = structlog.get_logger(__name__)

EVERY_SECONDS = 15.0


class WorkerHeartbeat(bootsteps.StartStopStep):
    """A row for each duty that the worker has, renewed while it listens."""

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def start(self, worker: Any) -> None:
        from remediation.models import Heartbeat

        for duty in _duties(worker):
            _write(Heartbeat.objects.started, duty, worker.hostname)
        self.beat(worker)
        self.entry = worker.timer.call_repeatedly(EVERY_SECONDS, self.beat, (worker,))

    def stop(self, worker: Any) -> None:
        from remediation.models import Heartbeat

        self.entry.cancel()
        for duty in _duties(worker):
            _write(Heartbeat.objects.ended, duty, worker.hostname)
        _leave_no_connection(worker)

    def beat(self, worker: Any) -> None:
        from integrations.delivery import sweep
        from remediation.models import Duty, Heartbeat

        duties = _duties(worker)
        for duty in duties:
            _write(Heartbeat.objects.seen, duty, worker.hostname)
        if Duty.DELIVERY in duties:
            _write(sweep.ring_if_overdue)
        _leave_no_connection(worker)


def _duties(worker: Any) -> list[str]:
    """Queues are named after them."""
    from remediation.models import Duty

    return [duty for duty in Duty.values if duty in worker.app.amqp.queues.consume_from]


def _leave_no_connection(worker: Any) -> None:
    """A child that is forked later must not inherit one, nor a pool of them."""
    connection.close()
    if "prefork" in worker.pool_cls.__module__ and hasattr(connection, "close_pool"):
        connection.close_pool()


class Clock(PersistentScheduler):
    """Celery's own beat, which also says that it lives."""

    beat_at = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        from remediation.models import Duty, Heartbeat

        if time.monotonic() >= self.beat_at:
            say = Heartbeat.objects.seen if self.beat_at else Heartbeat.objects.started
            self.beat_at = time.monotonic() + EVERY_SECONDS
            _write(say, Duty.CLOCK, _clock_name())
            connection.close()
        # The next beat must not wait for a schedule that has nothing to do for hours.
        return min(super().tick(*args, **kwargs), EVERY_SECONDS)

    def close(self) -> None:
        from remediation.models import Duty, Heartbeat

        _write(Heartbeat.objects.ended, Duty.CLOCK, _clock_name())
        super().close()


def _clock_name() -> str:
    return f"beat@{socket.gethostname()}"


def _write(change: Callable[..., Any], *arguments: str) -> None:
    """Without its heartbeat a process looks dead, which is bad enough: a database that is away must not kill it."""
    try:
        change(*arguments)
    except DatabaseError as problem:
        log.warning("heartbeat_not_written", problem=str(problem)[:200])
