"""Brokers for the page that rings: one that works, one that refuses, one that takes the call and never answers."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tvm_remediation.supervisor.broker import embedded_broker

_SECONDS_TO_START = 10


@contextmanager
def working() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tvm-bench-") as folder:
        broker = embedded_broker(Path(folder))
        with subprocess.Popen(broker.command, stdout=subprocess.DEVNULL) as server:
            try:
                _wait_for(broker)
                yield broker.url
            finally:
                server.terminate()


@contextmanager
def refusing() -> Iterator[str]:
    """A port that nobody listens on: bound, so that nobody else can start to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{held.getsockname()[1]}/0"


@contextmanager
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def _wait_for(broker) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while not broker.is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError("The broker did not start.")
        time.sleep(0.05)


BROKERS = {"up": working, "refuses": refusing, "silent": silent}
