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

# What a sync adds much to.
_GROWN = ("exposure", "device", "counter", "version_counter", "software_counter", "weakness_counter", "link")

log = structlog.get_logger(__name__)


# What was read to its end is told on the timeline; the rest leaves its news to the next pass.
_TOLD = (SyncState.COMPLETE, SyncState.APPLIED)


def prepare(tally: Tally, now: datetime, totals: str | None = None, installed: Installed = AS_BEFORE) -> None:
    """Everything that `publish` writes, counted before its transaction begins."""
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
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Else pages of the first minutes are planned by what was there before the first sync: nothing.
            cursor.execute(f"ANALYZE {', '.join(TABLES[name] for name in _GROWN)}")


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
