"""One sync at a time, whoever starts it and on whatever host: a lease in the database, prolonged by signs of life."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import structlog
from django.utils import timezone

from remediation.models import Lease, User

from ..models import SyncRun, SyncState
from ..sources import Source
from ..sources.defender import DefenderSource
from . import Report, SyncLost, Tally, ingest

log = structlog.get_logger(__name__)

LEASE = "sync"
# Longer than the longest request and the longest statement between two signs of life.
LEASE_SECONDS = 420.0
_NAP = 20.0


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
    """One pass in this process. None when another one is under way, here or on any host."""
    with turn() as holder:
        if holder:
            return _run(source, holder, requested_by, report)
        log.info("sync_already_running")
        return None


def _run(source: Source | None, holder: str, requested_by: User | None, report: Report) -> SyncRun | None:
    _bury_the_lost()
    now = timezone.now()
    run = SyncRun(source="", started_at=now, heartbeat_at=now, requested_by=requested_by)
    tally = Tally(run, hold=lambda: Lease.objects.take(LEASE, holder, LEASE_SECONDS), report=report)
    source = source or DefenderSource(sleep=lambda seconds: _sleep(seconds, tally))
    run.source = source.name
    run.save()
    try:
        return ingest(source, tally)
    except SyncLost as problem:
        log.warning("sync_lost", run=run.pk)
        _mark_lost(SyncRun.objects.filter(pk=run.pk), str(problem))
        return None


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


def _bury_the_lost() -> None:
    """Runs whose process has died. We hold the lease, so that nobody works on them."""
    _mark_lost(SyncRun.objects.all(), "The process that ran it was lost.")


def _mark_lost(runs, reason: str) -> None:
    runs.filter(state=SyncState.RUNNING).update(state=SyncState.FAILED, ended_at=timezone.now(), error=reason)


def _sleep(seconds: float, tally: Tally) -> None:
    """Wait as long as the source asks, with signs of life."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _NAP))
        tally.beat()
