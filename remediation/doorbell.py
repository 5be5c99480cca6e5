"""Rings for delivery. A ring is a hint: the sweeper finds every row that a lost ring would have announced."""

import time
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

DELIVER = "integrations.tasks.deliver_tickets"
# Somebody waits for the page, so a ring has seconds where a worker has patience: a connection of its own, not one of
# the workers' pool, and no second try.
_IMPATIENT = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0, "interval_start": 0}
# After a lost ring this process rings no more for so long, so that not every requester waits for a dead broker.
_QUIET_SECONDS = 10


class _Bell:
    """Whether this process rings at the moment."""

    def __init__(self) -> None:
        self.quiet_until = 0.0

    @property
    def is_quiet(self) -> bool:
        return time.monotonic() < self.quiet_until

    def keep_quiet(self) -> None:
        self.quiet_until = time.monotonic() + _QUIET_SECONDS


bell = _Bell()


def ring(ticket_ids: list[int]) -> None:
    """Tell the workers, once the present transaction is committed, that tickets want attention. Never raises."""
    if ticket_ids:
        transaction.on_commit(lambda: _send(ticket_ids), robust=True)


def wake() -> None:
    """Tell a worker that something is due, whatever it is. Never raises."""
    _send([])


def call(task: str, **options: Any) -> None:
    """Hand a task to the broker while somebody waits for the answer; kombu's OperationalError where that fails."""
    with current_app.connection_for_write(transport_options=_IMPATIENT) as connection:
        current_app.send_task(task, retry=False, ignore_result=True, connection=connection, **options)


def _send(ticket_ids: list[int]) -> None:
    if bell.is_quiet:
        log.info("doorbell_quiet", tickets=ticket_ids)
        return
    try:
        call(DELIVER, args=[ticket_ids])
    except OperationalError as problem:
        bell.keep_quiet()
        log.warning("doorbell_lost", tickets=ticket_ids, problem=str(problem))
