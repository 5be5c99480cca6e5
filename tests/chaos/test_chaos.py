"""The short form of `make chaos`, and the checker: it must see what it is there to see."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.sandbox.dates import with_seven_digits
from remediation.models import AuditEvent, DeliveryState, Ticket, User
from tests.audit_trail import unguarded
from tests.factories import ActivityFactory, TicketFactory

from . import checker, intents
from .cluster import find_programs

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, database: str = "") -> tuple[int, dict[str, str]]:
    """The code of a run, and the figures of its last line."""
    environment = os.environ | {"DATABASE_URL": database or os.environ.get("TEST_DATABASE_URL", "")}
    command = [sys.executable, "-m", "tests.chaos", "--every", "2", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    last = (done.stdout.splitlines() or [""])[-1]
    assert last.startswith("lost="), done.stderr[-3000:]
    return done.returncode, dict(pair.split("=", 1) for pair in last.split())


def test_of_300_tickets_none_is_lost_or_doubled_whatever_dies():
    code, figures = run("--tickets", "300")

    found = {name: figures[name] for name in ("lost", "extra", "dangling", "phantom", "audit")}
    assert found == {"lost": "0", "extra": "0", "dangling": "0", "phantom": "0", "audit": "valid"}
    assert code == 0
    assert int(figures["kills"]) >= 3
    assert int(figures["faults"]) >= 30


@pytest.mark.postgresql
@pytest.mark.skipif(find_programs() is None, reason="There is no PostgreSQL server on this machine to restart.")
@pytest.mark.fault(id="F11")
def test_a_database_server_that_is_restarted_and_killed_all_the_while_loses_and_doubles_nothing():
    code, figures = run("--tickets", "40", "--every", "3", database="own")

    assert (code, figures["lost"], figures["extra"]) == (0, "0", "0")
    assert int(figures["restarts"]) >= 1


@pytest.mark.long
def test_without_the_quarantine_the_same_run_finds_doubles():
    code, figures = run("--tickets", "600", "--timing", "DELIVERY_QUARANTINE=0", "--timing", "DELIVERY_LISTING_GAP=0")

    assert int(figures["extra"]) > 0
    assert code == 1


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
    with unguarded():
        AuditEvent.objects.filter(verb="deliver").update(note="Forged.")

    assert not checker.judge(2, tasks).is_good
