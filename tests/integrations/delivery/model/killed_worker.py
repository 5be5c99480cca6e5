"""A real worker that is killed half-way through its task, and what the broker then still has of the ring."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from celery import current_app

from remediation import doorbell
from tests.services import embedded_broker

# The task tells that it has begun, and never ends.
_WORKER = """
import pathlib, time
import django
django.setup()
from integrations import tasks
from tvm_remediation.celery import app

def hang(ticket_ids):
    pathlib.Path({begun!r}).touch()
    time.sleep(600)

app.conf.task_acks_late = {acks_late}
tasks.deliver_tickets.run = hang
app.worker_main(["worker", "--pool", "threads", "-c", "1", "--queues", "delivery", "--without-gossip"])
"""
_PATIENCE = 60


def rings_left_by_a_killed_worker(folder: Path, *, acks_late: bool) -> int:
    """Rings that the broker has, waiting or not acknowledged, after a worker took the only one and was killed."""
    begun = folder / "begun"
    with embedded_broker(folder) as address:
        with current_app.connection_for_write(address) as connection:
            current_app.send_task(doorbell.DELIVER, args=[[1]], connection=connection)
        client = redis.Redis.from_url(address.replace("redis+socket://", "unix://").replace("virtual_host=", "db="))
        with _worker(folder, address, _WORKER.format(begun=str(begun), acks_late=acks_late)):
            ends = time.monotonic() + _PATIENCE
            while not begun.exists():
                assert time.monotonic() < ends, "the worker never began"
                time.sleep(0.1)
            # An early acknowledgement follows at once.
            time.sleep(1)
        left = client.llen("tvm:delivery") + client.hlen("tvm:unacked")
        client.close()
    return left


@contextmanager
def _worker(folder: Path, broker: str, program: str) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "DJANGO_SETTINGS_MODULE": "tvm_remediation.settings",
        "CELERY_BROKER_URL": broker,
        "SECRET_KEY": "x" * 50,
        "TVM_DATA_DIR": str(folder),
    }
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield
        process.kill()
