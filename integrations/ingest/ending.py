"""The end of a pass: every number at once, and the word that it is over."""

from datetime import datetime

import structlog
from django.db import connection, transaction
from django.utils import timezone

from remediation import counters, events
from remediation.counters import AS_BEFORE, TABLES, Installed
from remediation.models import AuditEvent, Through, User

from ..models import SyncState
from ..sources import Scores
from .tally import Tally

# What a sync adds much to, and what it counts of it.
_GROWN = ("device", "exposure", "version", "link", "weakness")
_COUNTED = ("counter", "version_counter", "software_counter", "weakness_counter")

log = structlog.get_logger(__name__)

# What was read to its end is told on the timeline; the rest leaves its news to the next pass.
_TOLD = (SyncState.COMPLETE, SyncState.APPLIED)


def prepare(tally: Tally, now: datetime, totals: str | None = None, installed: Installed = AS_BEFORE) -> None:
    """Everything that `publish` writes, counted before its transaction begins."""
    _analyze(_GROWN)
    counters.prepare(now, totals, installed)
    events.prepare()
    tally.beat(at_once=True)


def publish(tally: Tally, state: str, error: str, scores: Scores, now: datetime) -> None:
    """Every number at once, with the word that the sync is done."""
    with transaction.atomic():
        counters.publish(timezone.localdate(now), now, scores.exposure, scores.configuration, tally.run.pk)
        if state in _TOLD:
            events.write(now, tally.run.pk)
        end(tally, state, error)
    _analyze(_COUNTED)


def _analyze(names: tuple[str, ...]) -> None:
    """PostgreSQL does so by itself, but later, and plans by what it saw last: before the first sync, nothing.

    A million new exposures were counted device by device for it, and the first pages were slow.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(TABLES[name] for name in names)}")


def end(tally: Tally, state: str, error: str) -> None:
    run = tally.run
    tally.save()
    run.state, run.error, run.ended_at = state, error, timezone.now()
    run.save(update_fields=["state", "error", "ended_at"])
    AuditEvent.objects.record(
        run,
        f"sync_{state}",
        by=run.requested_by or User.objects.system(),
        through=Through.SYNC,
        after={"new": run.new, "changed": run.changed, "fixed": run.fixed, "set_aside": run.set_aside},
        note=error,
    )
    log.info("sync_ended", run=run.pk, state=state, rows=run.rows, new=run.new, fixed=run.fixed, error=error)
