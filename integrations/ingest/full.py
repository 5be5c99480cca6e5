"""A full pass: read everything, compare, apply, check the activities, publish.

Nothing of the product changes before the machines and the recommendations are read to their last page. Exposures of
software and of configurations each are applied only when their part was. Only a pass that has read all four closes
anything, and not when more than half would go.
"""

from datetime import datetime, timedelta

from remediation import counters
from remediation.rules import verification

from ..models import SyncPhase, SyncRun, SyncState
from ..sources import Source, SourceError
from . import beside, catalogue, closing, configurations, devices, evidence, exposures, imported, products
from .ending import prepare, publish
from .reading import Reading
from .stage import READ, Stage
from .tally import Tally

# The inventory says the same things from day to day, on as many pages as the weaknesses.
INVENTORY_EVERY = timedelta(hours=20)


def run(stage: Stage, source: Source, tally: Tally) -> None:
    reading = Reading(stage, tally)
    reading.recall()
    problems = _read(reading, source)
    stage.loaded(*READ)
    _apply(reading, problems, source)


def _read(reading: Reading, source: Source) -> list[str]:
    """Everything into the stage. Machines and recommendations must be whole; what else failed comes back in words."""
    problems = []
    reading.read_machines(source)
    reading.read_recommendations(source)
    for read, word in (
        (reading.read_software, "Software weaknesses"),
        (reading.read_configurations, "Configurations"),
    ):
        try:
            read(source)
        except SourceError as problem:
            problems.append(f"{word}: {problem}")
    optional = [(reading.read_weaknesses, "Details of weaknesses")]
    if _needs_inventory(reading.tally.run):
        optional.append((reading.read_inventory, "Software inventory"))
    for read, word in optional:
        try:
            read(source)
        except SourceError as problem:
            # What the export says of them must do; nothing is closed by these lists.
            reading.tally.note(f"{word}: {problem}")
    return problems


def _needs_inventory(run: SyncRun) -> bool:
    lately = SyncRun.objects.finished().filter(source=run.source, started_at__gt=run.started_at - INVENTORY_EVERY)
    return not any(found["phase"] == SyncPhase.INVENTORY for other in lately for found in other.phases)


def _apply(reading: Reading, problems: list[str], source: Source) -> None:
    stage, tally, run = reading.stage, reading.tally, reading.tally.run
    now = run.started_at
    tally.phase(SyncPhase.APPLYING)
    devices.resolve_duplicates(stage)
    devices.apply_devices(stage, len(reading.machines), tally.beat)
    catalogue.apply_recommendations(reading, now)
    delta = _compare(reading, now)
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
    beside.add(stage, tally.beat)
    exposures.apply(stage, now, tally.beat)
    if state == SyncState.COMPLETE:
        beside.trim(stage, tally.beat)
        _verify(stage, tally)
    reading.inventory.write()
    imported.write(imported.read(source, tally), now)
    tally.phase(SyncPhase.PUBLISHING)
    scores = source.scores()
    counters.refresh_version_risks()
    prepare(tally, now, totals="stage_total", installed=products.count(reading))
    publish(tally, state, " ".join([*problems, drop if state == SyncState.HELD else ""]).strip(), scores, now)


def _verify(stage: Stage, tally: Tally) -> None:
    """Evidence is of the moment that the source speaks of. Hearing the same again is no second proof."""
    before, moment = SyncRun.objects.last_complete(), tally.run.as_of or tally.run.started_at
    if before and before.as_of and before.as_of >= moment:
        tally.note("Activities were not checked: the source's files are those of the last complete sync")
        return
    tally.phase(SyncPhase.VERIFYING)
    evidence.write(stage, moment, tally.beat)
    verification.decide(moment, beat=tally.beat)


def _compare(reading: Reading, now: datetime) -> exposures.Delta:
    """What should stand, by the parts that were read."""
    stage = reading.stage
    has_software, has_configurations = reading.has(SyncPhase.SOFTWARE), reading.has(SyncPhase.CONFIGURATIONS)
    exposures.start(stage)
    beside.start(stage)
    if has_software:
        catalogue.apply_software(reading, now)
        counters.refresh_version_risks()
        catalogue.load_versions(reading)
    if has_configurations:
        catalogue.load_settings(reading)
    stage.loaded("stage_version", "stage_setting")
    stage.index("stage_version", "v")
    # Without it SQLite compares every pair of an exposure and a version.
    stage.index("stage_version", "place")
    stage.index("stage_setting", "c")
    if has_software:
        products.want(stage)
        beside.see(stage)
    else:
        exposures.keep_totals(stage, of_configurations=False)
    if has_configurations:
        configurations.want(stage)
    else:
        exposures.keep_totals(stage, of_configurations=True)
    delta = exposures.compare(stage, reading.held_recommendations)
    beside.keep(stage)
    return delta
