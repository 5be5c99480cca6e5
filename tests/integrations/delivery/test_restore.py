"""Yesterday's backup restored after today's tickets went out: nothing is sent twice, and what is unknown is shown."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from integrations import tasks  # noqa: F401 (registers what the schedule names)
from integrations.delivery import people, sweep
from remediation.models import (
    AuditEvent,
    DeliveryState,
    Duty,
    FindingKind,
    Heartbeat,
    RemediationActivity,
    RemoteFinding,
    Ticket,
)
from remediation.rules import audit
from tests.factories import ActivityFactory, TicketFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault(id="F39")]
_DAY = 24 * 3600


@pytest.fixture
def dump(tmp_path) -> Callable[[], None]:
    """Makes the backup by the documented command; what it returns restores it."""
    file = tmp_path / "backup"

    def make() -> Callable[[], None]:
        if connection.vendor == "sqlite":
            call_command("backup", str(file))
            return lambda: _restore_sqlite(file)
        _postgresql("pg_dump", "--format=custom", "--no-unlogged-table-data", f"--file={file}")
        return lambda: _postgresql("pg_restore", "--clean", "--if-exists", "--single-transaction", str(file))

    return make


def _restore_sqlite(file: Path) -> None:
    copy = sqlite3.connect(file)
    connection.ensure_connection()
    copy.backup(connection.connection)
    copy.close()


def _postgresql(program: str, *arguments: str) -> None:
    settings = connection.settings_dict
    connection.close()
    where = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    environment = os.environ | {name: str(settings[key]) for name, key in where.items() if settings[key]}
    into = [f"--dbname={settings['NAME']}"] if program == "pg_restore" else []
    subprocess.run([program, *into, *arguments], env=environment, check=True, capture_output=True)


def unknown() -> list[str]:
    found = RemoteFinding.objects.filter(kind=FindingKind.UNKNOWN, ended_at=None)
    return list(found.values_list("remote_id", flat=True))


def test_what_went_out_since_the_backup_is_adopted_and_what_was_asked_for_since_is_shown(there, clock, beat, dump):
    waiting, sending, failed = TicketFactory(), TicketFactory(), TicketFactory(delivery_state=DeliveryState.DEAD)
    Ticket.objects.filter(pk=sending.pk).update(
        delivery_state=DeliveryState.SENDING, lease_until=timezone.now(), fence=1
    )
    restore = dump()
    Ticket.objects.filter(pk__in=[sending.pk, failed.pk]).update(delivery_state=DeliveryState.READY, lease_until=None)
    since = TicketFactory()
    sweep.sweep_here()
    delivered = dict(Ticket.objects.values_list("marker", "remote_id"))
    assert all(delivered.values())
    posts = len(there.posts)

    clock.shift(_DAY)
    restore()
    call_command("after_restore", "--yes")
    beat.run(1200)

    assert len(there.posts) == posts
    for ticket in (waiting, sending, failed):
        ticket.refresh_from_db()
        assert (ticket.delivery_state, ticket.remote_id) == (DeliveryState.DELIVERED, delivered[ticket.marker])
    assert not Ticket.objects.filter(marker=since.marker).exists()
    assert unknown() == [delivered[since.marker]]
    audit.seal()
    assert audit.verify().problem == ""


def test_what_was_not_sent_goes_out_once_after_it_was_looked_for(there, clock, beat):
    ticket = TicketFactory()

    call_command("after_restore", "--yes")
    beat.run(240)
    assert there.posts == []
    beat.run(600)

    ticket.refresh_from_db()
    assert ticket.delivery_state == DeliveryState.DELIVERED
    assert (len(there.posts), len(there.with_marker(ticket.marker))) == (1, 1)


def test_a_failed_ticket_that_somebody_tries_again_is_looked_for_first(there, clock, beat):
    """Retried and delivered since the backup, while the list cannot be read just after the restore."""
    ticket = TicketFactory(delivery_state=DeliveryState.DEAD)
    remote_id = there.store(ticket.marker)
    there.listing_breaks = True
    there.hidden = {remote_id}

    call_command("after_restore", "--yes")
    people.retry(Ticket.objects.get(pk=ticket.pk), by=UserFactory(may=["remediation.handle_remediation"]))
    beat.run(400)
    there.listing_breaks, there.hidden = False, set()
    beat.run(600)

    ticket.refresh_from_db()
    assert (ticket.delivery_state, ticket.remote_id, there.posts) == (DeliveryState.DELIVERED, remote_id, [])


def test_it_ends_sessions_gives_no_address_twice_and_is_written_down(there, client):
    before = ActivityFactory()
    client.force_login(UserFactory())
    TicketFactory(activity=before)

    call_command("after_restore", "--yes")

    assert not Session.objects.exists()
    assert "_auth_user_id" not in Client().session
    assert ActivityFactory().pk > before.pk + 1000
    event = AuditEvent.objects.get(verb="restore")
    assert event.after == {"tickets looked for first": 1, "sessions ended": 1}
    assert RemediationActivity.objects.count() == 2


def test_it_asks_first_and_refuses_while_a_worker_runs(there):
    ticket = TicketFactory()
    with pytest.raises(CommandError, match="--yes"):
        call_command("after_restore")
    Heartbeat.objects.seen(Duty.DELIVERY, "worker@host")

    with pytest.raises(CommandError, match="delivery worker was seen"):
        call_command("after_restore", "--yes")

    ticket.refresh_from_db()
    assert ticket.delivery_state == DeliveryState.READY
