"""Requests under way: several at once over one HTTP session; the database stays with the thread that opened them."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Lines(Protocol[Job, Result]):
    """Work on jobs, and what came of it. Work must not touch the database."""

    count: int

    def put(self, job: Job, work: Callable[[], Result]) -> None: ...

    def take(self) -> list[tuple[Job, Result]]:
        """The jobs that are done; waits for one at least."""
        ...

    def drop(self) -> list[Job]:
        """Forget the jobs that nobody has begun."""
        ...

    def __len__(self) -> int:
        """Jobs that were put and neither taken nor dropped."""
        ...


@contextmanager
def opened(count: int) -> Iterator[Lines]:
    if not count:
        yield OwnLine()
        return
    with ThreadPoolExecutor(count, thread_name_prefix="line") as pool:
        yield ManyLines(count, pool)


class OwnLine:
    """No other thread: a request goes out when its result is asked for."""

    count = 1

    def __init__(self) -> None:
        self._jobs: deque = deque()

    def put(self, job: Job, work: Callable[[], Result]) -> None:
        self._jobs.append((job, work))

    def take(self) -> list[tuple[Job, Result]]:
        job, work = self._jobs.popleft()
        return [(job, work())]

    def drop(self) -> list[Job]:
        jobs = [job for job, _ in self._jobs]
        self._jobs.clear()
        return jobs

    def __len__(self) -> int:
        return len(self._jobs)


class ManyLines:
    def __init__(self, count: int, pool: ThreadPoolExecutor) -> None:
        self.count = count
        self._pool = pool
        self._jobs: dict[Future, Any] = {}

    def put(self, job: Job, work: Callable[[], Result]) -> None:
        self._jobs[self._pool.submit(work)] = job

    def take(self) -> list[tuple[Job, Result]]:
        done, _ = wait(self._jobs, return_when=FIRST_COMPLETED)
        return [(self._jobs.pop(future), future.result()) for future in done]

    def drop(self) -> list[Job]:
        return [self._jobs.pop(future) for future in list(self._jobs) if future.cancel()]

    def __len__(self) -> int:
        return len(self._jobs)
