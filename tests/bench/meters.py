"""What to measure with: CPU of this process and of the database's, memory, queries."""

import gc
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from django.db import connection

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """Seconds on the clock and on the CPUs, of one block."""

    wall: float = 0
    cpu: float = 0
    backend_cpu: float = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu, self.backend_cpu + other.backend_cpu)

    def per(self, rounds: int) -> dict[str, float]:
        """Milliseconds a round."""
        return {name: value / rounds * 1000 for name, value in vars(self).items()}


@dataclass
class Queries:
    """The statements of one block, each with its seconds."""

    statements: list[tuple[str, float]] = field(default_factory=list)

    def __call__(self, execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.statements.append((sql, time.perf_counter() - start))

    def seconds_of(self, beginning: str) -> float:
        return sum(seconds for sql, seconds in self.statements if sql.lstrip().startswith(beginning))


@contextmanager
def cost() -> Iterator[Cost]:
    """Fill in what the block cost; the database's own process counts where this machine shows it."""
    result = Cost()
    backend = cpu_of(backend_pids())
    wall, cpu = time.perf_counter(), time.process_time()
    yield result
    result.wall = time.perf_counter() - wall
    result.cpu = time.process_time() - cpu
    # Asked again: the pool may have opened another connection meanwhile.
    result.backend_cpu = cpu_of(backend_pids()) - backend


@contextmanager
def queries() -> Iterator[Queries]:
    result = Queries()
    with connection.execute_wrapper(result):
        yield result


def backend_pids() -> list[int]:
    """The database's processes that serve us; none for SQLite, which works inside ours."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [row[0] for row in cursor.fetchall()]


def cpu_of(pids: list[int]) -> float:
    """CPU seconds that the processes have used so far, in steps of a clock tick."""
    total = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/stat")
        if status.exists():
            after_name = status.read_text().rpartition(")")[2].split()
            total += int(after_name[11]) + int(after_name[12])
    return total / _TICK


def server_cpu() -> float:
    """CPU seconds of the whole database server so far: parallel workers, writers and sessions that are gone, too.

    Sessions of others count as well. 0 for SQLite, and where the server runs on another machine.
    """
    if not (pids := _server_pids()):
        return 0.0
    return cpu_of(pids) + _cpu_of_the_dead(pids[0])


@cache
def _postmaster() -> int:
    """The parent of every backend; 0 where it cannot be seen."""
    backends = backend_pids()
    return _parent(backends[0]) if backends else 0


def _server_pids() -> list[int]:
    postmaster = _postmaster()
    if not postmaster:
        return []
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


def _parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/stat")
    return int(status.read_text().rpartition(")")[2].split()[1]) if status.exists() else 0


def _cpu_of_the_dead(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[13]) + int(after_name[14])) / _TICK


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Appends by how many MB the block's peak of resident memory stood above its start."""
    gc.collect()
    result: list[float] = []
    Path("/proc/self/clear_refs").write_text("5")
    start = _resident("VmRSS")
    yield result
    result.append(max(0.0, _resident("VmHWM") - start))


def whole_memory() -> float:
    """The peak of this process's resident memory since it started, in MB."""
    return _resident("VmHWM")


def _resident(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def summary(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile, in milliseconds."""
    highest = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return {"median": median(seconds) * 1000, "p95": highest * 1000}
