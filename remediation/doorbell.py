"""Rings for delivery. A ring is a hint: the sweeper finds every row that a lost ring would have announced."""

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

DELIVER = "integrations.tasks.deliver_tickets"


def ring(ticket_ids: list[int]) -> None:
    """Tell the workers, once the present transaction is committed, that tickets want attention. Never raises."""
    if ticket_ids:
        transaction.on_commit(lambda: _send(ticket_ids), robust=True)


def wake() -> None:
    """Tell a worker that something is due, whatever it is. Never raises."""
    _send([])


def _send(ticket_ids: list[int]) -> None:
    try:
        current_app.send_task(DELIVER, args=[ticket_ids], retry=False, ignore_result=True)
    except OperationalError as problem:
        log.warning("doorbell_lost", tickets=ticket_ids, problem=str(problem))
