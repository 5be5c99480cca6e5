"""The short form of `make chaos`, and the checker: it must see what it is there to see."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.sandbox.dates import with_seven_digits
from remediation.models import AuditEvent, DeliveryState, Ticket, User
from tests.factories import ActivityFactory, TicketFactory

from . import checker, intents

ROOT = Path(__file__).resolve().parents[2]


def test_of_300_tickets_none_is_lost_or_doubled_whatever_dies():
    environment = os.environ | {"DATABASE_URL": os.environ.get("TEST_DATABASE_URL", "")}
    command = [sys.executable, "-m", "tests.chaos", "--tickets", "300", "--every", "2"]

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400)

    last = done.stdout.splitlines()[-1]
    assert done.returncode == 0, f"{last}\n{done.stderr[-3000:]}"
    assert last.startswith("lost=0 extra=0 dangling=0 phantom=0 kills=")
    figures = dict(pair.split("=") for pair in last.split())
    assert figures["audit"] == "valid"
    assert int(figures["kills"]) >= 3
    assert int(figures["faults"]) >= 30


@pytest.fixture
def tasks(db) -> list[dict]:
    """Two tickets that stand as they should, and their tasks."""
    return [_delivered(number) for number in (1, 2)]


def _delivered(number: int) -> dict:
    activity = ActivityFactory(request_key=intents.key(number))
    remote_id = f"task-{number}"
    ticket = TicketFactory(activity=activity, delivery_state=DeliveryState.DELIVERED, remote_id=remote_id)
    AuditEvent.objects.record(activity, "request", by=User.objects.system())
    AuditEvent.objects.record(ticket, "deliver", by=User.objects.system())
    return _task(remote_id, ticket.marker)


def _task(remote_id: str, marker: str) -> dict:
    return {"id": remote_id, "description": marker, "creatorNotes": marker, "createdDateTime": with_seven_digits(0)}


def test_one_task_for_each_ticket_is_good(tasks):
    assert checker.judge(2, tasks).is_good


def test_a_ticket_without_a_task_is_lost_and_dangles(tasks):
    verdict = checker.judge(2, tasks[:1])

    assert (verdict.lost, verdict.dangling, verdict.is_good) == (1, 1, False)


def test_a_request_that_never_became_a_ticket_is_lost(tasks):
    assert checker.judge(3, tasks).lost == 1


def test_a_task_that_we_do_not_know_as_created_is_lost(tasks):
    Ticket.objects.filter(remote_id="task-1").update(delivery_state=DeliveryState.READY, remote_id="")

    assert checker.judge(2, tasks).lost == 1


def test_a_second_task_for_a_ticket_is_extra(tasks):
    verdict = checker.judge(2, [*tasks, _task("task-9", tasks[0]["description"])])

    assert (verdict.extra, verdict.lost, verdict.is_good) == (1, 0, False)


def test_the_id_of_another_ticket_dangles(tasks):
    tasks[0]["id"], tasks[1]["id"] = tasks[1]["id"], tasks[0]["id"]

    assert checker.judge(2, tasks).dangling == 2


def test_a_task_of_nobody_is_a_phantom(tasks):
    assert checker.judge(2, [*tasks, _task("task-9", "")]).phantom == 1


def test_a_creation_that_is_told_twice_spoils_the_audit(tasks):
    AuditEvent.objects.record(Ticket.objects.first(), "adopt", by=User.objects.system())

    assert not checker.judge(2, tasks).is_good


def test_a_changed_event_spoils_the_audit(tasks):
    checker.judge(2, tasks)
    AuditEvent.objects.filter(verb="deliver").update(note="Forged.")

    assert not checker.judge(2, tasks).is_good
