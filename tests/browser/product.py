"""The whole product, started by its own command in a folder of its own, and stopped again without a trace."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from integrations.sandbox.tenant import Tenant

from .databases import own_services
from .sandbox import Sandbox

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "a-password-for-the-demo"
# Seconds. Short, so that a test sees a state come and go; long enough for a browser to have seen it.
TIMINGS = {
    "DELIVERY_POLL": "1",
    "DELIVERY_SWEEP": "1",
    "DELIVERY_QUARANTINE": "6",
    "DELIVERY_LISTING_GAP": "1",
    "DELIVERY_BACKOFF_BASE": "1",
    "DELIVERY_PROBE": "2",
    "SYNC_EVERY": "86400",
    "DELTA_EVERY": "0",
    # People sign in once for all tests.
    "CONFIRM_MINUTES": "120",
}
# Of the test run's own environment: the product settles these itself.
_NOT_INHERITED = ("SECRET_KEY", "SIGNING_KEYS", "DATABASE_URL", "CELERY_", "CACHE_", "DJANGO_", "MICROSOFT_", "TVM_")
_UP_WITHIN, _SYNCED_WITHIN, _DOWN_WITHIN = 60.0, 180.0, 30.0


@dataclass
class Product:
    """A running product: where it is reached, who plays the others, and how a command is typed beside it."""

    base_url: str
    sandbox: Sandbox
    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen
    cookies: dict[str, list] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def take(self, recommendations: Iterable[int]) -> int:
        """The first that no test has requested yet: one test's activity would answer another's request."""
        first = next(pk for pk in recommendations if pk not in self.taken)
        self.taken.add(first)
        return first

    def sync(self) -> str:
        """What a person types in a second terminal; answers what it printed."""
        done = self.manage("sync")
        assert done.returncode == 0, f"manage.py sync failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def manage(self, *arguments: str) -> subprocess.CompletedProcess:
        environment = _inherited() | {"TVM_DATA_DIR": str(self.data_dir)}
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SYNCED_WITHIN,
        )

    def log(self, name: str, lines: int = 40) -> str:
        """The end of a process's log, for the message of a failure."""
        path = self.data_dir / "logs" / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


@contextmanager
def running_product(data_dir: Path, devices: int) -> Iterator[Product]:
    """Start everything, wait for the first complete sync, and at the end leave no process behind."""
    # The estate's size is the sandbox's to know: a small one is laid out before the sandbox starts.
    (data_dir / "sandbox").mkdir()
    Tenant(data_dir / "sandbox", devices)
    with own_services() as services:
        product = _start(data_dir, services)
        try:
            wait_for(lambda: _is_up(product), _UP_WITHIN, lambda: _story(product, "web"))
            _wait_for_first_sync(product)
            yield product
        finally:
            _stop(product)
    assert not processes_of(data_dir), "processes were left behind"


def wait_for(condition: Callable[[], object], seconds: float, otherwise: Callable[[], str] = lambda: "") -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds:.0f} s in vain\n{otherwise()}"
        time.sleep(0.25)


def processes_of(data_dir: Path) -> list[str]:
    """The command lines of the living processes whose environment names the folder."""
    mark = f"TVM_DATA_DIR={data_dir}".encode()
    return [
        (path.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        for path in Path("/proc").glob("[0-9]*/environ")
        if mark in _content(path).split(b"\0")
    ]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # ended meanwhile, or somebody else's


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}


def _start(data_dir: Path, services: dict[str, str]) -> Product:
    port, sandbox_port, page_port = _free_ports(3)
    environment = _inherited() | TIMINGS | services
    environment |= {"TVM_DATA_DIR": str(data_dir), "DEMO_PASSWORD": PASSWORD, "PORT": str(port)}
    environment |= {"SANDBOX_PORT": str(sandbox_port), "SANDBOX_PAGE_PORT": str(page_port)}
    with (data_dir / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"], cwd=PROJECT, env=environment, stdout=log, stderr=log
        )
    sandbox = Sandbox(f"http://127.0.0.1:{page_port}")
    return Product(f"http://127.0.0.1:{port}", sandbox, data_dir, environment, process)


def _stop(product: Product) -> None:
    product.process.send_signal(signal.SIGTERM)
    try:
        product.process.wait(_DOWN_WITHIN)
    except subprocess.TimeoutExpired:
        product.process.kill()
        product.process.wait()
    # The watchdog, which outlives a killed supervisor, ends the others.
    wait_for(lambda: not processes_of(product.data_dir), _DOWN_WITHIN, lambda: str(processes_of(product.data_dir)))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _is_up(product: Product) -> bool:
    """The address is printed last, when the pages answer and the demo's accounts are there."""
    assert product.process.poll() is None, _story(product, "web")
    return "TVM Remediation is at" in (product.data_dir / "run.log").read_text(errors="replace")


def _wait_for_first_sync(product: Product) -> None:
    """Every page says when the last complete sync was; here it is asked as a person of the demo."""
    from .desk import Desk

    viewer = Desk(product, "viewer")
    wait_for(lambda: "Not synced yet" not in viewer.get("/").text, _SYNCED_WITHIN, lambda: _story(product, "sync"))


def _story(product: Product, program: str) -> str:
    return (product.data_dir / "run.log").read_text(errors="replace") + product.log(program)
