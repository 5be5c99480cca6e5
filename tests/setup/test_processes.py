import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tvm_remediation.supervisor.lock import hold
from tvm_remediation.supervisor.processes import Child, Program

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def supervisor(tmp_path) -> Iterator[subprocess.Popen]:
    """Its children are up when the test begins; what a failed test leaves behind is ended."""
    command = [sys.executable, "-m", "tests.setup.supervised", str(tmp_path)]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=said, stderr=said)
    wait_until(lambda: "mortal ended" in said_in(tmp_path))
    yield process
    for pid in [process.pid, *pids(tmp_path)]:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def said_in(folder: Path) -> str:
    return (folder / "said").read_text()


def pids(folder: Path) -> list[int]:
    names = ("first", "first.child", "second", "second.child", "stubborn")
    return [int((folder / name).read_text()) for name in names if (folder / name).exists()]


def alive(pid: int) -> bool:
    """Zombies are not: whoever should bury them may be slow in a container."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.fault(id="F41")
def test_sigterm_stops_every_child_and_its_children_within_seconds(supervisor, tmp_path):
    began = time.monotonic()
    supervisor.send_signal(signal.SIGTERM)

    assert supervisor.wait(timeout=15) == 0
    assert time.monotonic() - began < 12
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_a_second_ctrl_c_does_not_wait_for_a_stubborn_child(supervisor, tmp_path):
    began = time.monotonic()
    supervisor.send_signal(signal.SIGINT)
    time.sleep(1.5)
    supervisor.send_signal(signal.SIGINT)

    supervisor.wait(timeout=15)
    assert time.monotonic() - began < 5
    assert [pid for pid in pids(tmp_path) if alive(pid)] == []


def test_nothing_outlives_a_supervisor_that_was_killed(supervisor, tmp_path):
    supervisor.kill()

    wait_until(lambda: not any(alive(pid) for pid in pids(tmp_path)), 15)
    wait_until(lambda: is_free(tmp_path))


def is_free(folder: Path) -> bool:
    from tvm_remediation.supervisor.refusal import Refused

    try:
        os.close(hold(folder))
    except Refused:
        return False
    return True


def test_a_child_that_dies_is_started_again_and_said_so_in_one_line(supervisor, tmp_path):
    first = pids(tmp_path)[0]
    os.kill(first, signal.SIGKILL)

    wait_until(lambda: int((tmp_path / "first").read_text() or first) != first)
    lines = [line for line in said_in(tmp_path).splitlines() if line.startswith("first ")]
    assert lines == [
        f"first was ended by SIGKILL; it starts again in 1 s. Its log: {tmp_path / 'logs' / 'first.log'}",
    ]
    assert alive(pids(tmp_path)[0])


def test_a_child_that_dies_again_and_again_waits_longer_each_time():
    child = Child(Program("mortal", []))

    pauses = [child.pause_after_death(now=1.0) for _ in range(7)]

    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_a_child_that_ran_for_a_minute_is_forgiven():
    child = Child(Program("mortal", []), deaths=6)

    assert child.pause_after_death(now=61.0) == 1
