"""`manage.py run` itself: real processes in an empty folder."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser


@dataclass
class Running:
    folder: Path
    env: dict[str, str]
    process: subprocess.Popen

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    def status(self, path: str) -> int:
        try:
            return requests.get(f"http://127.0.0.1:{self.env['PORT']}{path}", timeout=10).status_code
        except requests.ConnectionError:
            return 0

    def processes(self) -> list[int]:
        """All that bear the folder in environment or title: the broker writes its title over its environment."""
        mark = str(self.folder).encode()
        found = [path for path in Path("/proc").glob("[0-9]*") if mark in content(path / "environ")]
        found += [path for path in Path("/proc").glob("[0-9]*") if mark in content(path / "cmdline")]
        return sorted({int(path.name) for path in found})

    def child(self, words: str) -> int | None:
        """The supervisor's child with these words in its command line."""
        mine = [pid for pid in self.processes() if parent(pid) == self.process.pid]
        return next((pid for pid in mine if words.encode() in content(Path(f"/proc/{pid}/cmdline"))), None)


def parent(pid: int) -> int:
    after_name = content(Path(f"/proc/{pid}/stat")).decode().rpartition(")")[2].split()
    return int(after_name[1]) if after_name else 0


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def wait_until(condition: Callable[[], object], running: Running, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until and running.process.poll() is None, running.said
        time.sleep(0.1)


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("run")
    own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    ports = dict(zip(("PORT", "SANDBOX_PORT", "SANDBOX_PAGE_PORT"), map(str, free_ports(3)), strict=True))
    env = own | ports | {"TVM_DATA_DIR": str(folder / "data"), "DEMO_PASSWORD": "of the demo"}
    with (folder / "said").open("w") as said:
        process = subprocess.Popen([sys.executable, "manage.py", "run"], cwd=PROJECT, env=env, stdout=said, stderr=said)
    running = Running(folder, env, process)
    try:
        wait_until(lambda: "The first sync has begun" in running.said, running)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def test_the_first_page_is_there_and_the_terminal_says_how_to_enter(running):
    assert running.status("/accounts/login/") == 200
    assert f"http://localhost:{running.env['PORT']}/" in running.said
    assert "security, itadmin, approver, viewer, admin" in running.said
    assert f"http://127.0.0.1:{running.env['SANDBOX_PAGE_PORT']}/" in running.said
    assert "Intune connection is on" in running.said
    assert "of the demo" not in running.said


def test_static_files_are_served_under_their_hashed_names(running):
    page = requests.get(f"http://127.0.0.1:{running.env['PORT']}/accounts/login/", timeout=10).text
    hashed = re.findall(r'href="(/static/\S+\.[0-9a-f]{12}\.css)"', page)

    assert hashed
    assert running.status(hashed[0]) == 200


def test_a_second_run_in_the_same_folder_is_refused(running):
    command = [sys.executable, "manage.py", "run"]
    second = subprocess.run(command, cwd=PROJECT, env=running.env, capture_output=True, text=True, timeout=30)

    assert second.returncode == 1
    assert second.stderr.startswith("TVM Remediation already runs with the data in ")
    assert running.status("/livez") == 200


def test_a_command_in_a_second_terminal_finds_the_running_product(running):
    env = {name: value for name, value in running.env.items() if not name.startswith(("PORT", "SANDBOX", "DEMO"))}
    script = "from django.conf import settings; print(settings.CELERY_BROKER_URL, settings.MICROSOFT.graph_url)"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=PROJECT, env=env, capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert "broker.sock" in done.stdout
    assert f"https://127.0.0.1:{running.env['SANDBOX_PORT']}" in done.stdout


@pytest.mark.parametrize(("name", "words"), [("delivery", "delivery@%h"), ("broker", "valkey-server")])
def test_a_killed_child_comes_back_and_the_terminal_says_so(running, name, words):
    before = running.child(words)
    os.kill(before, signal.SIGKILL)

    wait_until(lambda: f"{name} was ended by SIGKILL; it starts again in 1 s." in running.said, running)
    wait_until(lambda: running.child(words) not in {None, before}, running)


def test_a_killed_web_server_comes_back(running):
    # Forked off the supervisor, it shares its command line.
    os.kill(running.child("manage.py\0run"), signal.SIGKILL)

    wait_until(lambda: "web was ended by SIGKILL" in running.said, running)
    wait_until(lambda: running.status("/accounts/login/") == 200, running)


@pytest.mark.fault(id="F41")
def test_sigterm_leaves_no_process_behind(running):
    assert len(running.processes()) > 6
    began = time.monotonic()
    running.process.send_signal(signal.SIGTERM)

    assert running.process.wait(timeout=30) == 0
    assert time.monotonic() - began < 15
    assert running.processes() == []
    assert running.said.endswith("Everything has stopped.\n")
