"""A pass over the changes since the last complete full pass: it keeps the exposures young, and proves nothing.

An exposure is closed only where the events leave no vulnerable version of the product on the device: of every version
that was seen there, each weakness has as its last word *fixed*. Whatever they cannot tell waits for the full pass.
Devices, recommendations, configurations and activities are the full pass's alone.
"""

from datetime import datetime

from remediation import counters
from remediation.models import Device, Exposure, Recommendation, SoftwareVersion, Weakness

from ..models import SyncPhase, SyncRun, SyncState
from ..sources import Page, Source, clean, records
from . import beside, catalogue, exposures, installations
from .ending import end, prepare, publish
from .exposures import Delta
from .met import Met
from .reading import Reading
from .stage import Batch, Place, Stage, adapt
from .tally import Tally

# The word for "gone"; the others say that a weakness is there.
_FIXED = "fixed"
_STATUSES = frozenset({"new", "updated", _FIXED})


def run(stage: Stage, source: Source, tally: Tally) -> None:
    base = SyncRun.objects.last_complete()
    assert base is not None
    assert base.as_of is not None
    changes = Changes(stage, tally, base.as_of)
    changes.read(source)
    tally.phase(SyncPhase.APPLYING)
    now = tally.run.started_at
    news = changes.write_down(now)
    counters.refresh_version_risks()
    delta = _compare(stage, tally)
    tally.run.new, tally.run.changed, tally.run.fixed = delta.new, delta.changed, delta.gone
    beside.add(stage, tally.beat)
    exposures.apply(stage, now, tally.beat)
    installations.trim_beside(stage)
    tally.phase(SyncPhase.PUBLISHING)
    if not (news or delta.new or delta.changed or delta.gone or _is_unpublished(tally.run)):
        end(tally, SyncState.APPLIED, "")
        return
    scores = source.scores()
    prepare(tally, now)
    publish(tally, SyncState.APPLIED, "", scores, now)


def _is_unpublished(run: SyncRun) -> bool:
    """Whether the run before may have changed rows without coming to the numbers."""
    before = SyncRun.objects.filter(pk__lt=run.pk).order_by("-pk").first()
    return before is not None and before.state == SyncState.FAILED


def _compare(stage: Stage, tally: Tally) -> Delta:
    exposures.start_delta(stage)
    beside.start(stage)
    installations.judge(stage)
    delta = exposures.counted(stage)
    if delta.gone * 2 > Exposure.objects.count():
        tally.note("More than half would have been closed: that is left to the full pass")
        exposures.close_nothing(stage)
        delta = Delta(delta.new, delta.changed, 0)
    return delta


class Changes:
    """The events on the devices that count, as rows of the stage."""

    def __init__(self, stage: Stage, tally: Tally, since: datetime) -> None:
        self._stage, self._tally, self._since = stage, tally, since
        self._devices = dict(Device.objects.present().values_list("source_id", "pk"))
        self._held: set[int] = set()
        # What some event says is there, which may be new to us; and what any event names.
        self._there, self._named = Met(), Met()

    def read(self, source: Source) -> None:
        self._tally.phase(SyncPhase.CHANGES)
        stage = self._stage
        stage.create(
            "stage_event",
            f"device_id BIGINT, v INTEGER, w INTEGER, is_there INTEGER, happened_at {stage.moment}",
        )
        for page in source.changes(self._since):
            batch = self._page(page)
            self._tally.page(len(page.records) + len(page.set_aside))
            stage.put(SyncPhase.CHANGES, Place(), [batch], self._tally.snapshot())
        stage.create("stage_held_device", "device_id BIGINT")
        stage.append("stage_held_device", ("device_id",), [(pk,) for pk in sorted(self._held)])

    def write_down(self, now: datetime) -> int:
        """New products, versions and weaknesses as rows of ours; how many more weaknesses versions have now."""
        stage = self._stage
        news = catalogue.add_software(Reading(stage, self._tally, met=self._there), now)
        versions = {
            (software, version): (pk, advice)
            for pk, software, version, advice in SoftwareVersion.objects.filter(
                software__recommendation__closed_at=None, software__recommendation__isnull=False
            ).values_list("pk", "software__source_id", "version", "software__recommendation")
        }
        stage.create("stage_event_version", "v INTEGER, version_id BIGINT, recommendation_id BIGINT")
        found = [(v, *versions[key]) for key, v in self._named.versions.items() if key in versions]
        stage.append("stage_event_version", ("v", "version_id", "recommendation_id"), found)
        weaknesses = dict(Weakness.objects.values_list("name", "pk"))
        stage.create("stage_event_weakness", "w INTEGER, weakness_id BIGINT")
        known = [
            (facts.number, weaknesses[name]) for name, facts in self._named.weaknesses.items() if name in weaknesses
        ]
        stage.append("stage_event_weakness", ("w", "weakness_id"), known)
        stage.loaded("stage_event", "stage_event_version", "stage_event_weakness", "stage_held_device")
        if missing := len(self._named.versions) - len(found):
            self._tally.note(f"{missing} versions have no recommendation yet: left to the full pass")
        return news

    def _page(self, page: Page) -> Batch:
        for aside in page.set_aside:
            self._set_aside(aside.reason, aside.sample, aside.key)
        events = [row for record in page.records if (row := self._event(record))]
        return ("stage_event", ("device_id", "v", "w", "is_there", "happened_at"), events)

    def _event(self, record: records.Change) -> tuple | None:
        device = self._devices.get(clean.identifier(record.device_id))
        if device is None:
            self._tally.note("Event of a device that is not known yet: left to the full pass")
            return None
        moment, status = clean.moment(record.event_timestamp), record.status.strip().casefold()
        if moment is None or status not in _STATUSES:
            reason = f"Event with an odd {'time' if moment is None else 'status'}"
            self._set_aside(reason, f"{record.status} {record.event_timestamp}", clean.identifier(record.device_id))
            return None
        if moment <= self._since or not record.cve_id:
            # The full pass saw what came of it; and software without a known weakness is nothing to us.
            return None
        is_there = status != _FIXED
        if is_there:
            self._there.suffers(self._there.version(record), self._there.weakness(record))
        named = self._named
        return (device, named.version(record), named.weakness(record), int(is_there), adapt(moment))

    def _set_aside(self, reason: str, sample: str, source_id: str) -> None:
        self._tally.set_aside(reason, sample)
        if device := self._devices.get(source_id):
            self._held.add(device)


def is_within_reach(base: SyncRun, since: datetime) -> bool:
    """Whether the source still has all that happened since a complete full pass, and it kept what is needed here."""
    return base.as_of is not None and base.as_of > since and Recommendation.objects.exists()
