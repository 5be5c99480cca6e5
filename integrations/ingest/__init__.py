"""One pass: read everything, compare, apply, check the activities, publish. Running it twice changes nothing.

Nothing of the product changes before the machines and the recommendations are read to their last page. Exposures of
software and of configurations each are applied only when their part was. Only a pass that has read all four closes
anything, and not when more than half would go.
"""

from datetime import datetime

import structlog
from django.db import connection, transaction
from django.utils import timezone

from remediation import counters
from remediation.models import AuditEvent, Through, User
from remediation.rules import verification

from ..models import SyncPhase, SyncRun, SyncState
from ..sources import Scores, Source, SourceError
from . import catalogue, closing, configurations, devices, evidence, exposures
from .reading import Reading
from .stage import Stage
from .tally import Report, SyncLost, Tally

log = structlog.get_logger(__name__)

__all__ = ["Report", "SyncLost", "Tally", "ingest"]


def ingest(source: Source, tally: Tally) -> SyncRun:
    """Run one pass and write down its end. Raises only SyncLost, and what nobody foresaw (then the run has failed)."""
    run = tally.run
    try:
        with Stage() as stage:
            reading = Reading(stage, tally)
            problems = _read(reading, source)
            _apply(reading, run, problems, source)
    except SourceError as problem:
        _end(tally, SyncState.FAILED, str(problem))
    except SyncLost:
        raise
    except BaseException as problem:
        log.exception("sync_failed", run=run.pk)
        _end(tally, SyncState.FAILED, f"It stopped at an error of the product ({type(problem).__name__}). See the log.")
        raise
    return run


def _read(reading: Reading, source: Source) -> list[str]:
    """Everything into the stage. Machines and recommendations must be whole; what else failed comes back in words."""
    tally, problems = reading.tally, []
    tally.phase(SyncPhase.MACHINES)
    reading.read_machines(source)
    tally.phase(SyncPhase.RECOMMENDATIONS)
    reading.read_recommendations(source)
    for phase, read, word in (
        (SyncPhase.SOFTWARE, reading.read_software, "Software weaknesses"),
        (SyncPhase.CONFIGURATIONS, reading.read_configurations, "Configurations"),
    ):
        tally.phase(phase)
        try:
            read(source)
        except SourceError as problem:
            problems.append(f"{word}: {problem}")
    tally.phase(SyncPhase.WEAKNESSES)
    try:
        reading.read_weaknesses(source)
    except SourceError as problem:
        # What the export says of them must do; nothing is closed by this list.
        tally.note(f"Details of weaknesses: {problem}")
    reading.finish()
    return problems


def _apply(reading: Reading, run: SyncRun, problems: list[str], source: Source) -> None:
    stage, tally, now = reading.stage, reading.tally, run.started_at
    tally.phase(SyncPhase.APPLYING)
    devices.resolve_duplicates(stage)
    devices.apply_devices(stage, len(reading.machines), tally.beat)
    catalogue.apply_recommendations(reading, now)
    delta = _compare(reading)
    drop = "" if problems else closing.suspicious_drop(reading, delta)
    state = SyncState.PARTIAL if problems else SyncState.COMPLETE
    if drop and not closing.is_confirmed(run):
        state = SyncState.HELD
    if state == SyncState.COMPLETE:
        closing.close(reading, now)
        devices.note_silence(stage, now)
    else:
        exposures.close_nothing(stage)
    run.new, run.changed, run.fixed = delta.new, delta.changed, delta.gone if state == SyncState.COMPLETE else 0
    exposures.apply(stage, now, tally.beat)
    if state == SyncState.COMPLETE:
        tally.phase(SyncPhase.VERIFYING)
        evidence.write(stage, now, tally.beat)
        verification.decide(now, beat=tally.beat)
    tally.phase(SyncPhase.PUBLISHING)
    scores = source.scores()
    counters.refresh_version_risks()
    counters.prepare(now, totals="stage_total")
    tally.beat(at_once=True)
    _publish(tally, state, " ".join([*problems, drop if state == SyncState.HELD else ""]).strip(), scores, now)


def _compare(reading: Reading) -> exposures.Delta:
    """What should stand, by the parts that were read."""
    stage = reading.stage
    exposures.start(stage)
    if reading.has_software:
        catalogue.apply_software(reading)
        counters.refresh_version_risks()
        catalogue.load_versions(reading)
    if reading.has_configurations:
        catalogue.load_settings(reading)
    stage.loaded()
    stage.index("stage_version", "v")
    # Without it SQLite compares every pair of an exposure and a version.
    stage.index("stage_version", "place")
    stage.index("stage_setting", "c")
    if reading.has_software:
        exposures.want_software(stage)
    else:
        exposures.keep_totals(stage, of_configurations=False)
    if reading.has_configurations:
        configurations.want(stage)
    else:
        exposures.keep_totals(stage, of_configurations=True)
    return exposures.compare(stage, reading.held_recommendations)


def _publish(tally: Tally, state: str, error: str, scores: Scores, now: datetime) -> None:
    """Every number at once, with the word that the sync is done."""
    with transaction.atomic():
        counters.publish(timezone.localdate(now), now, scores.exposure, scores.configuration)
        _end(tally, state, error)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {counters.TABLES['exposure']}")


def _end(tally: Tally, state: str, error: str) -> None:
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
