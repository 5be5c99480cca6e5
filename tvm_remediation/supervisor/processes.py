"""The children: started in stages, restarted when they die, stopped in order, never left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import BinaryIO

from .forked import ForkedProcess
from .logs import Logs

_TICK = 0.1
_READY_WITHIN = 60.0
# What a delivery or a sync cannot finish in this time is safe to cut off: the database knows, and a later one goes on.
_STOP_WITHIN = 8.0
_LONGEST_PAUSE = 30.0
_STABLE_AFTER = 60.0


@dataclass(frozen=True)
class Program:
    """What to start, a command line or work for a forked process, and how to see that it is up."""

    name: str
    start: list[str] | Callable[[], None]
    is_ready: Callable[[], bool] = lambda: True


@dataclass
class Child:
    """A program, its present process, and how often it died lately."""

    program: Program
    process: subprocess.Popen[bytes] | ForkedProcess | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    deaths: int = 0

    @property
    def is_running(self) -> bool:
        return self.process is not None

    def pause_after_death(self, now: float) -> float:
        """1, 2, 4, ... seconds up to half a minute; a child that ran for a minute starts over."""
        self.deaths = 1 if now - self.started_at > _STABLE_AFTER else self.deaths + 1
        return min(2.0 ** (self.deaths - 1), _LONGEST_PAUSE)


@dataclass
class Stage:
    """Programs that start side by side; whether that waits for all that run; what is done then."""

    programs: list[Program]
    is_waited_for: bool = True
    then: Callable[[], None] = lambda: None


@dataclass
class Supervisor:
    """Runs the stages one after the other, then watches until a signal; `say` writes a line to the terminal."""

    stages: list[Stage]
    logs: Logs
    lock: int
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    signals: list[float] = field(default_factory=list)
    wake: Event = field(default_factory=Event)

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._signalled)
        self.watchdog = start_watchdog(self.lock)
        try:
            for stage in self.stages:
                self._enter(stage)
            while not self.signals:
                self._tick()
        finally:
            self.stop()

    def _signalled(self, number: int, frame: object) -> None:
        self.signals.append(time.monotonic())
        self.wake.set()

    def _enter(self, stage: Stage) -> None:
        """Start a stage and wait until all is up; a slow child is no longer waited for, but not given up."""
        for program in stage.programs:
            self.children.append(Child(program))
            self._start(self.children[-1])
        waiting = list(self.children) if stage.is_waited_for else []
        until = time.monotonic() + _READY_WITHIN
        while not self.signals and time.monotonic() < until:
            waiting = [child for child in waiting if not (child.is_running and child.program.is_ready())]
            if not waiting:
                break
            self._tick()
        for child in waiting if not self.signals else []:
            self.say(f"{child.program.name} is slow to start; see {self.logs.path(child.program.name)}")
        if not self.signals:
            stage.then()

    def _tick(self) -> None:
        self.wake.wait(_TICK)
        self.logs.rotate()
        now = time.monotonic()
        for child in self.children:
            if child.process and (code := child.process.poll()) is not None:
                self._buried(child, code, now)
            elif not child.process and now >= child.start_again_at and not self.signals:
                self._start(child)

    def _start(self, child: Child) -> None:
        with self.logs.open(child.program.name) as log:
            child.process = start_process(child.program.start, log)
        child.started_at = time.monotonic()
        self._tell_watchdog("+", child.process.pid)

    def _buried(self, child: Child, code: int, now: float) -> None:
        self._end_group(child, signal.SIGKILL)  # what it left behind would hold its port
        pause = child.pause_after_death(now)
        child.start_again_at = now + pause
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        log = self.logs.path(child.program.name)
        self.say(f"{child.program.name} {how}; it starts again in {pause:.0f} s. Its log: {log}")
        self._forget(child)

    def stop(self) -> None:
        """End every child, those that were started last first, within seconds; a second signal cuts it short."""
        for stage in reversed(self.stages):
            names = {program.name for program in stage.programs}
            self._stop_together([child for child in self.children if child.program.name in names and child.process])
        self.watchdog.communicate(timeout=10)

    def _stop_together(self, children: list[Child]) -> None:
        for child in children:
            self._end_group(child, signal.SIGTERM, whole=False)
        until = time.monotonic() + _STOP_WITHIN
        while any(child.process and child.process.poll() is None for child in children):
            if time.monotonic() > until or self._is_impatient():
                break
            time.sleep(_TICK / 2)
        for child in children:
            self._end_group(child, signal.SIGKILL)
            if child.process:
                child.process.wait()
            self._forget(child)

    def _is_impatient(self) -> bool:
        """A second Ctrl-C. The terminal and make may each pass on the first one, a moment apart."""
        return len(self.signals) > 1 and self.signals[-1] - self.signals[0] > 1

    def _end_group(self, child: Child, number: signal.Signals, *, whole: bool = True) -> None:
        if child.process:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if whole else os.kill)(child.process.pid, number)

    def _forget(self, child: Child) -> None:
        if child.process:
            self._tell_watchdog("-", child.process.pid)
            child.process = None

    def _tell_watchdog(self, sign: str, group: int) -> None:
        if self.watchdog.poll() is None and self.watchdog.stdin:
            self.watchdog.stdin.write(f"{sign}{group}\n".encode())
            self.watchdog.stdin.flush()


def start_process(start: list[str] | Callable[[], None], log: BinaryIO) -> subprocess.Popen[bytes] | ForkedProcess:
    """A session of its own each: the terminal's Ctrl-C reaches the supervisor only, which stops them in order."""
    if callable(start):
        return ForkedProcess(start, log)
    return subprocess.Popen(start, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603


def start_watchdog(lock: int) -> subprocess.Popen[bytes]:
    """Without the interpreter's site packages: it is up in a few milliseconds and needs a few megabytes."""
    script = Path(__file__).with_name("watchdog.py")
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", str(script)], stdin=subprocess.PIPE, start_new_session=True, pass_fds=[lock]
    )
