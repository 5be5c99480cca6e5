"""The product's processes, by pid: started, killed, stopped, continued, and started again."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tvm_remediation.supervisor import programs
from tvm_remediation.supervisor.logs import Logs
from tvm_remediation.supervisor.processes import Program, start_process, start_watchdog
from tvm_remediation.supervisor.start import let_go_of_the_database

from . import intents
from .stage import Stage

WORKERS = ("worker 1", "worker 2")
# A stopped worker comes back when its lease is over and its ticket is in quarantine: quarantine + total deadline +
# margin is the longest after which what it may still send is there before anybody looks.
STOPPED_FOR = 7.0
_PAUSE = 0.3


@dataclass
class Troupe:
    """Whoever is missing is started again, as a supervisor does; a crash does not make the pause longer here."""

    programs: dict[str, Program]
    logs: Logs
    lock: int
    processes: dict = field(default_factory=dict)
    absent_until: dict[str, float] = field(default_factory=dict)
    stopped_until: dict[str, float] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.watchdog = start_watchdog(self.lock)

    def tend(self) -> list[str]:
        """Continue and start whom it is time for. Answers who was started."""
        now = time.monotonic()
        for name in [name for name, until in self.stopped_until.items() if until <= now]:
            self.proceed(name)
        for name in [name for name, process in self.processes.items() if process.poll() is not None]:
            self._bury(name, now)
        missing = set(self.programs) - set(self.processes) - self.retired
        started = [name for name in self.programs if name in missing and self.absent_until.get(name, 0) <= now]
        for name in started:
            self._start(name)
        return started

    def is_up(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def kill(self, name: str) -> None:
        """`kill -9`, of a web server with all its processes."""
        self.stopped_until.pop(name, None)
        _kill(self.processes[name])

    def stop(self, name: str) -> None:
        os.kill(self.processes[name].pid, signal.SIGSTOP)
        self.stopped_until[name] = time.monotonic() + STOPPED_FOR

    def proceed(self, name: str) -> None:
        del self.stopped_until[name]
        if self.is_up(name):
            os.kill(self.processes[name].pid, signal.SIGCONT)

    def calm(self) -> None:
        for name in list(self.stopped_until):
            self.proceed(name)

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                _kill(process)
        self.watchdog.communicate(timeout=10)

    def _start(self, name: str) -> None:
        # A child must not share a connection with this process.
        let_go_of_the_database()
        with self.logs.open(name.replace(" ", "-")) as log:
            self.processes[name] = start_process(self.programs[name].start, log)
        self._tell_watchdog("+", self.processes[name].pid)

    def _bury(self, name: str, now: float) -> None:
        process = self.processes.pop(name)
        self._tell_watchdog("-", process.pid)
        self.absent_until[name] = now + _PAUSE
        if name in intents.NAMES and process.poll() == 0:
            self.retired.add(name)

    def _tell_watchdog(self, sign: str, group: int) -> None:
        if self.watchdog.stdin:
            self.watchdog.stdin.write(f"{sign}{group}\n".encode())
            self.watchdog.stdin.flush()


def _kill(process: Any) -> None:
    """With its children. Who was forked a moment ago has no group yet, and who has just ended is not there at all."""
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def gather(stage: Stage, tickets: int) -> Troupe:
    """Everybody that `manage.py run` starts except the sync, a second delivery worker, and those who request."""
    delivery, _, beat = programs.workers(stage.place)
    everyone = [programs.broker(stage.broker), programs.sandbox(stage.place), programs.web(stage.place)]
    everyone += [_forked(_renamed(delivery, name)) for name in WORKERS]
    everyone += [_forked(beat), *intents.requesters(stage.place, tickets)]
    return Troupe({program.name: program for program in everyone}, Logs(stage.place.logs_dir), stage.lock)


def _renamed(program: Program, name: str) -> Program:
    start = [f"{name.replace(' ', '')}@%h" if word == "delivery@%h" else word for word in program.start]
    return replace(program, name=name, start=start)


def _forked(program: Program) -> Program:
    """The same command line in a fork of this process: loading the code anew would take most of the machine."""
    words = program.start[program.start.index("celery") :]
    return replace(program, start=_celery(words))


def _celery(words: list[str]) -> Callable[[], None]:
    return partial(_run_celery, words)


def _run_celery(words: list[str]) -> None:
    from celery.__main__ import main

    sys.argv = words
    main()
