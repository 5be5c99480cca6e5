"""What each phase of a sync costs, and each kind of statement: wall, CPU of the process, CPU of the whole database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from integrations.models import SyncRun

from .. import meters

# How many words of a statement tell what it does.
_WORDS = 3


def _now() -> tuple[float, float, float]:
    return time.perf_counter(), time.process_time(), meters.server_cpu()


@dataclass
class Clock:
    """Seconds since it was made or asked last."""

    _last: tuple[float, float, float] = field(default_factory=_now)

    def lap(self) -> meters.Cost:
        before, self._last = self._last, _now()
        return meters.Cost(*(after - earlier for after, earlier in zip(self._last, before, strict=True)))


class Phases:
    """Handed to a sync as its report: adds up what passed between two changes of the phase."""

    def __init__(self) -> None:
        self.costs: dict[str, meters.Cost] = {}
        self._name = ""
        self._clock = Clock()

    def __call__(self, run: SyncRun) -> None:
        if run.phase != self._name:
            self.end()
            self._name = run.phase

    def end(self) -> None:
        cost = self._clock.lap()
        if self._name:
            self.costs[self._name] = self.costs.get(self._name, meters.Cost()) + cost


@contextmanager
def statements() -> Iterator[dict[str, meters.Cost]]:
    """Costs by the beginning of each statement that Django executes meanwhile."""
    found: dict[str, meters.Cost] = {}

    def measure(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        clock = Clock()
        try:
            return execute(sql, params, many, context)
        finally:
            name = " ".join(sql.split()[:_WORDS])
            found[name] = found.get(name, meters.Cost()) + clock.lap()

    with connection.execute_wrapper(measure):
        yield found
