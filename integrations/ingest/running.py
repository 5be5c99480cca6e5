"""One sync at a time, whoever starts it and on whatever host: a lease in the database, prolonged by signs of life."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import structlog
from django.utils import timezone

from remediation.models import Lease, User

from ..models import SyncKind, SyncRun, SyncState
from ..sources import Source
from ..sources.defender import DefenderSource
from . import Report, SyncLost, Tally, changes, ingest, stage

log = structlog.get_logger(__name__)

LEASE = "sync"
# Longer than the longest request and the longest statement between two signs of life.
LEASE_SECONDS = 420.0
_NAP = 20.0
# A run whose process died goes on where it was, if it is not older than this; and not for ever.
CONTINUED_FOR = timedelta(hours=6)
CONTINUED_TIMES = 5
# The source keeps changes for 14 days, in buckets of 6 hours.
REACH = timedelta(days=13, hours=18)


@contextmanager
def turn() -> Iterator[str]:
    """The right to publish numbers: who holds it, or nobody where another process has it, here or on any host."""
    holder = f"{_host()}:{os.getpid()}:{uuid4().hex[:8]}"
    _free_the_lease_of_the_dead()
    if not Lease.objects.take(LEASE, holder, LEASE_SECONDS):
        yield ""
        return
    try:
        yield holder
    finally:
        Lease.objects.release(LEASE, holder)


def run_sync(
    source: Source | None = None, *, requested_by: User | None = None, report: Report = lambda run: None
) -> SyncRun | None:
    """A full pass in this process. None when another one is under way, here or on any host."""

    def full(make: "_Maker") -> SyncRun | None:
        run = make(SyncKind.FULL)
        if run and run.state == SyncState.COMPLETE and run.as_of and run.as_of < run.started_at:
            # The files were older than the run: what has happened since is in the changes.
            make(SyncKind.DELTA)
        return run

    return _alone(full, source, requested_by, report)


def run_changes(source: Source | None = None, *, report: Report = lambda run: None) -> SyncRun | None:
    """A pass over the changes; a full one where there is nothing to start from, or where the source refuses."""

    def either(make: "_Maker") -> SyncRun | None:
        if not make.can_read_changes:
            return make(SyncKind.FULL)
        run = make(SyncKind.DELTA)
        return make(SyncKind.FULL) if run and run.state == SyncState.FAILED else run

    return _alone(either, source, None, report)


def _alone(
    work: Callable[["_Maker"], SyncRun | None], source: Source | None, requested_by: User | None, report: Report
) -> SyncRun | None:
    with turn() as holder:
        if holder:
            return work(_Maker(source, requested_by, report, holder))
        log.info("sync_already_running")
        return None


class _Maker:
    """Makes runs, one after the other, while it holds the lease."""

    def __init__(self, source: Source | None, requested_by: User | None, report: Report, holder: str) -> None:
        self._source, self._requested_by, self._report, self._holder = source, requested_by, report, holder
        self._name = source.name if source else DefenderSource.name

    def __call__(self, kind: SyncKind) -> SyncRun | None:
        run = self._left_behind() if kind == SyncKind.FULL else None
        # Runs whose process has died. We hold the lease, so that nobody works on them.
        _mark_lost(SyncRun.objects.exclude(pk=run.pk if run else 0), "The process that ran it was lost.")
        now = timezone.now()
        run = run or SyncRun(
            source=self._name, kind=kind, started_at=now, as_of=now, heartbeat_at=now, requested_by=self._requested_by
        )
        run.save()
        tally = Tally(run, hold=self._hold, report=self._report)
        source = self._source or DefenderSource(sleep=lambda seconds: _sleep(seconds, tally))
        try:
            return ingest(source, tally)
        except SyncLost as problem:
            log.warning("sync_lost", run=run.pk)
            # Unless it is another process's run now.
            _mark_lost(SyncRun.objects.filter(pk=run.pk, continued=run.continued), str(problem))
            return None

    @property
    def can_read_changes(self) -> bool:
        """Whether a complete full pass of this source is there to start from, and none waits to be gone on with."""
        base = SyncRun.objects.last_complete()
        if base is None or base.source != self._name or self._left_behind():
            return False
        return changes.is_within_reach(base, timezone.now() - REACH)

    def _left_behind(self) -> SyncRun | None:
        """The full pass that a process which died has left in the stage."""
        found = stage.owner() or 0
        run = SyncRun.objects.filter(
            pk=found,
            kind=SyncKind.FULL,
            state=SyncState.RUNNING,
            source=self._name,
            started_at__gte=timezone.now() - CONTINUED_FOR,
            continued__lt=CONTINUED_TIMES,
        ).first()
        if run:
            log.info("sync_continued", run=run.pk)
            run.continued += 1
        return run

    def _hold(self) -> bool:
        return Lease.objects.take(LEASE, self._holder, LEASE_SECONDS)


def _host() -> str:
    return socket.gethostname()[:60]


def _free_the_lease_of_the_dead() -> None:
    """A killed process of this host need not be waited for. If it lives after all, it soon stops by itself."""
    holder = Lease.objects.filter(name=LEASE).values_list("holder", flat=True).first() or ""
    host, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    if host == _host() and pid.isdigit() and not _is_alive(int(pid)):
        Lease.objects.release(LEASE, holder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _mark_lost(runs, reason: str) -> None:
    runs.filter(state=SyncState.RUNNING).update(state=SyncState.FAILED, ended_at=timezone.now(), error=reason)


def _sleep(seconds: float, tally: Tally) -> None:
    """Wait as long as the source asks, with signs of life."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _NAP))
        tally.beat()
