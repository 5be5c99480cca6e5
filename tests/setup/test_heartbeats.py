"""Signs of life: written by what runs, gone with what stops, and cheap."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from remediation.models import Duty, Heartbeat
from tvm_remediation.heartbeats import Clock, WorkerHeartbeat

pytestmark = pytest.mark.django_db


class Timer:
    """Remembers what is to be called again and again."""

    def call_repeatedly(self, seconds, function, arguments):
        self.due = lambda: function(*arguments)
        return SimpleNamespace(cancel=lambda: setattr(self, "due", None))


def a_worker(*queues: str, name: str = "delivery@here"):
    amqp = SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues)))
    return SimpleNamespace(hostname=name, app=SimpleNamespace(amqp=amqp), timer=Timer(), pool_cls=Timer)


@pytest.fixture(autouse=True)
def own_connection(monkeypatch):
    """The test's own must not be closed under it."""
    monkeypatch.setattr(connection, "close", lambda: None)


def test_a_worker_beats_for_each_queue_that_it_listens_to(broker):
    worker = a_worker("delivery", "sync")
    step = WorkerHeartbeat(worker)

    step.start(worker)
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    worker.timer.due()

    beats = list(Heartbeat.objects.all())
    assert [(beat.duty, beat.name) for beat in beats] == [("delivery", "delivery@here"), ("sync", "delivery@here")]
    assert not any(beat.is_lost for beat in beats)


def test_a_worker_that_stops_is_not_missed(broker):
    worker = a_worker("delivery")
    step = WorkerHeartbeat(worker)
    step.start(worker)

    step.stop(worker)

    assert not Heartbeat.objects.exists()
    assert worker.timer.due is None


def test_a_restarted_worker_takes_its_row(broker):
    Heartbeat.objects.seen(Duty.DELIVERY, "delivery@here")
    Heartbeat.objects.update(started_at=timezone.now() - timedelta(days=3))
    worker = a_worker("delivery")

    WorkerHeartbeat(worker).start(worker)

    assert Heartbeat.objects.get().started_at > timezone.now() - timedelta(minutes=1)


def test_a_beat_is_one_statement(django_assert_num_queries):
    Heartbeat.objects.seen(Duty.SYNC, "sync@here")

    with django_assert_num_queries(1):
        Heartbeat.objects.seen(Duty.SYNC, "sync@here")


def test_hosts_that_never_came_back_are_forgotten_after_a_day():
    Heartbeat.objects.seen(Duty.DELIVERY, "delivery@gone")
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(days=2))

    Heartbeat.objects.seen(Duty.DELIVERY, "delivery@new")

    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["delivery@new"]


def test_a_database_that_is_away_does_not_stop_a_worker(monkeypatch, broker):
    worker = a_worker("delivery")
    with connection.cursor() as cursor, pytest.MonkeyPatch.context() as patch:
        from django.db import DatabaseError

        def gone(*args, **kwargs):
            raise DatabaseError("gone")

        patch.setattr(type(cursor), "execute", gone)
        WorkerHeartbeat(worker).start(worker)

    assert worker.timer.due is not None


def test_the_clock_beats_with_its_ticks_and_ends_with_it(tmp_path, monkeypatch):
    clock = Clock(app=current_app._get_current_object(), schedule_filename=str(tmp_path / "schedule"), lazy=True)
    clock.setup_schedule()
    monkeypatch.setattr(clock, "apply_entry", lambda entry, producer=None: None)

    waits = clock.tick()

    assert Heartbeat.objects.get().duty == Duty.CLOCK
    assert waits <= 15
    clock.close()
    assert not Heartbeat.objects.exists()


def until(condition: Callable[[], bool], seconds: float = 40) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True


@pytest.mark.long
def test_a_real_worker_beats_and_its_row_tells_how_it_ended(broker, tmp_path):
    there = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "DJANGO_SETTINGS_MODULE": "tvm_remediation.settings",
        "CELERY_BROKER_URL": broker,
        "SECRET_KEY": "x" * 50,
        "TVM_DATA_DIR": str(tmp_path),
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], env=there, check=True)
    worker = [sys.executable, "-m", "celery", "-A", "tvm_remediation", "worker", "-P", "threads", "-Q", "delivery"]

    def starts() -> list[str]:
        with closing(sqlite3.connect(tmp_path / "tvm.sqlite3")) as database:
            return [row[0] for row in database.execute("SELECT started_at FROM remediation_heartbeat")]

    with subprocess.Popen(worker, env=there, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        assert until(lambda: len(starts()) == 1)
        killed.kill()
    first = starts()
    assert len(first) == 1

    with subprocess.Popen(worker, env=there, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as stopped:
        assert until(lambda: starts() not in ([], first))
        stopped.terminate()
    assert starts() == []
