"""A database that is away, busy or full: a page that says so, nothing half saved, and all is well again afterwards."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from django.db import close_old_connections, connection
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.urls import reverse
from django.utils import timezone

from remediation.models import AuditEvent, RemediationActivity, Ticket
from remediation.roles import SECURITY_TEAM
from tests.factories import UserFactory, enable_intune, estate

only_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own fault")


@pytest.fixture
def submit(client, transactional_db):
    """Submits a request with a ticket by its page."""
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    client.raise_request_exception = False
    enable_intune()
    recommendation = estate(devices=150)

    def press():
        answers = {
            "request_key": uuid4(),
            "requested_remediation": "update",
            "scope": "all",
            "open_ticket": "on",
            "batches": "all",
            "priority": "high",
            "due_on": timezone.localdate() + timedelta(days=7),
        }
        return client.post(reverse("remediation_options", args=[recommendation.pk]), answers)

    return press


def says_try_again(response) -> bool:
    page = response.content.decode()
    return response.status_code == 503 and "try again in a moment" in page and "Traceback" not in page


def nothing_is_saved() -> bool:
    rows = [model.objects.count() for model in (RemediationActivity, Ticket)]
    return rows == [0, 0] and not AuditEvent.objects.filter(verb="request").exists()


@contextmanager
def a_full_disk() -> Iterator[None]:
    """SQLite is told that its file must not grow: the same error as a disk without space."""
    with connection.cursor() as cursor:
        # Else there is room inside the file.
        cursor.execute("VACUUM")
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        yield
        cursor.execute("PRAGMA max_page_count = 1000000")


@only_sqlite
@pytest.mark.fault(id="F29")
def test_a_full_disk_saves_no_half_request_and_later_all_of_it(submit):
    with a_full_disk():
        assert says_try_again(submit())
        assert nothing_is_saved()

    assert submit().status_code == 302
    assert Ticket.objects.count() == 1


@only_sqlite
@pytest.mark.fault(id="F12")
def test_a_database_that_stays_busy_is_said_so_and_nothing_is_half_saved(submit):
    with closing(sqlite3.connect(connection.settings_dict["NAME"], uri=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert says_try_again(submit())
        other.rollback()
    assert nothing_is_saved()

    assert submit().status_code == 302


@only_sqlite
@pytest.mark.django_db
@pytest.mark.fault(id="F12")
def test_writers_wait_for_each_other_and_lose_nothing(tmp_path):
    """Twenty with the product's own options at once, while somebody holds the lock for a while."""
    path = tmp_path / "busy.sqlite3"

    def count() -> None:
        mine = DatabaseWrapper(connection.settings_dict | {"NAME": str(path)})
        for _ in range(3):
            mine.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
            with mine.cursor() as cursor:
                n = cursor.execute("SELECT n FROM counter").fetchone()[0]
                cursor.execute("UPDATE counter SET n = %s", [n + 1])
            mine.commit()
            mine.set_autocommit(True)
        mine.close()

    with closing(sqlite3.connect(path)) as holder:
        holder.executescript("PRAGMA journal_mode = WAL; CREATE TABLE counter (n); INSERT INTO counter VALUES (0)")
        holder.execute("BEGIN IMMEDIATE")
        writers = [threading.Thread(target=count) for _ in range(20)]
        for writer in writers:
            writer.start()
        time.sleep(0.3)
        holder.rollback()
        for writer in writers:
            writer.join()
        assert holder.execute("SELECT n FROM counter").fetchone()[0] == 60


@pytest.mark.postgresql
@pytest.mark.fault(id="F11")
def test_a_restarted_database_costs_at_most_one_page_and_no_data(submit):
    """What a restart does to us: every connection is cut."""
    cut_all_connections()

    assert says_try_again(submit())
    # The server does this after each request; the test client does not.
    close_old_connections()

    assert submit().status_code == 302
    assert Ticket.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.fault(id="F11")
def test_a_pool_full_of_dead_connections_costs_no_page(submit):
    with ExitStack() as pool:
        for _number in range(10):
            pool.callback(connection.pool.putconn, connection.pool.getconn())
    connection.close()
    cut_all_connections()

    assert submit().status_code == 302


def cut_all_connections() -> None:
    described = connection.get_connection_params()
    where = {name: described[name] for name in ("dbname", "user", "host", "port") if name in described}
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    with psycopg.connect(**where) as killer:
        killer.execute(f"{others} WHERE datname = current_database() AND pid <> pg_backend_pid()")
