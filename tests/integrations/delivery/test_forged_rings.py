"""Whoever can write to the broker: their messages run nothing, stop nobody, and move no ticket that may not move."""

import base64
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from celery import current_app

from integrations import tasks
from remediation.models import AuditEvent, DeliveryState, Ticket
from tests.factories import TicketFactory
from tvm_remediation.celery import configure

IDS = [
    [10**30],
    [-1],
    [0],
    [2**63],
    ["abc"],
    [None],
    [[1]],
    [{"a": 1}],
    "1",
    None,
    [1.5],
    ["1"],
    list(range(10**6, 10**6 + 5000)),
]


@pytest.mark.security(id="S27")
@pytest.mark.bad_input(place="JSON")
@pytest.mark.django_db
@pytest.mark.parametrize("ids", IDS, ids=lambda ids: str(ids)[:20])
def test_a_forged_ring_moves_nothing_that_the_database_does_not_let_move(there, clock, ids):
    states = [DeliveryState.CANCELLED, DeliveryState.DEAD]
    for state in states:
        TicketFactory(delivery_state=state)
    before = list(Ticket.objects.order_by("pk").values())

    for given in (ids, list(Ticket.objects.values_list("pk", flat=True))):
        tasks.deliver_tickets(given)

    assert list(Ticket.objects.order_by("pk").values()) == before
    assert there.posts == []
    assert not AuditEvent.objects.exists()


@pytest.mark.security(id="S27")
@pytest.mark.django_db
@pytest.mark.parametrize("task", [tasks.run_sync, tasks.load_feeds])
@pytest.mark.parametrize("person", [10**30, -1, "abc", [1], {"pk": 1}, True])
def test_a_forged_request_of_a_person_is_nobodys(task, person):
    """Neither reads anything here: no tenant and no feed is configured."""
    task(requested_by=person)

    assert not AuditEvent.objects.exists()


@pytest.mark.security(id="S27")
@pytest.mark.once
def test_only_json_is_read_and_no_result_is_kept():
    settings = configure()

    assert settings["accept_content"] == ["json"]
    assert settings["task_ignore_result"] is True
    assert not current_app.conf.result_backend


class Bomb:
    """What a pickle would run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def message(task: str, body: bytes, content: str = "application/json", **more) -> bytes:
    headers = {"lang": "py", "task": task, "id": str(uuid4()), "root_id": None, "parent_id": None} | more
    properties = {"correlation_id": headers["id"], "delivery_mode": 2, "delivery_tag": str(uuid4()), "priority": 0,
                  "body_encoding": "base64", "delivery_info": {"exchange": "", "routing_key": "delivery"}}  # fmt: skip
    envelope = {"body": base64.b64encode(body).decode(), "content-encoding": "utf-8", "content-type": content}
    return json.dumps(envelope | {"headers": headers, "properties": properties}).encode()


def forged(bomb: Path) -> list[bytes]:
    deliver, nothing = "integrations.tasks.deliver_tickets", b'[[], {}, {"chain": null}]'
    return [
        message(deliver, pickle.dumps(Bomb(bomb)), "application/x-python-serialize"),
        message(deliver, pickle.dumps(Bomb(bomb)), "application/json"),
        message(deliver, b"!!python/object/apply:os.system ['touch x']", "application/x-yaml"),
        message("os.system", nothing),
        message("celery.backend_cleanup", nothing),
        message(deliver, b"{"),
        message(deliver, b"[" * 100_000),
        message(deliver, b'[["%s"], {}, {}]' % (b"x" * 5_000_000)),
        message(deliver, b'[[], {"no_such_argument": 1}, {}]'),
        message(deliver, nothing, expires="never"),
        message(deliver, nothing, eta="99999-01-01"),
        message(deliver, nothing, timelimit=["x", -1]),
    ]


def waiting(server: redis.Redis) -> int:
    return server.llen("tvm:delivery") + server.hlen("tvm:unacked")


@pytest.mark.security(id="S27")
def test_a_worker_outlives_every_forged_message_and_runs_none(broker, tmp_path):
    bomb, log = tmp_path / "it-ran", tmp_path / "log"
    there = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tvm_remediation.settings", "CELERY_BROKER_URL": broker, "SECRET_KEY": "x" * 50,
        "TVM_DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/tvm.sqlite3",
    }  # fmt: skip
    command = [sys.executable, "-m", "celery", "-A", "tvm_remediation", "worker", "--pool", "solo", "-Q", "delivery",
               "--without-gossip", "--without-mingle"]  # fmt: skip
    with redis.Redis.from_url(broker.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")) as server:
        for sent in forged(bomb):
            server.lpush("tvm:delivery", sent)
        with log.open("wb") as file, subprocess.Popen(command, env=there, stdout=file, stderr=file) as worker:
            until = time.monotonic() + 60
            while waiting(server) and time.monotonic() < until and worker.poll() is None:
                time.sleep(0.2)
            left, still_there = waiting(server), worker.poll() is None
            worker.kill()

    assert (left, still_there) == (0, True), log.read_text(errors="replace")[-3000:]
    assert not bomb.exists()
