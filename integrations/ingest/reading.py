"""From the source's pages into the staging tables. In memory: ids, and what there are few of; never rows.

Each page is put down with the place after it. A process that takes over builds its memory from the stage, and goes on
from there; a page that is read twice does no harm.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from remediation.models import ActivityDevice, ActivityStatus, RemediationActivity

from ..models import SyncPhase
from ..sources import Page, Source, SourceError, StartOver, clean, records
from . import rows
from .inventory import Inventory
from .met import Met, met_before
from .stage import Batch, Place, Stage
from .tally import Tally

# The rows of a part, to be removed where it has to begin anew.
_ROWS_OF = {
    SyncPhase.SOFTWARE: (
        "stage_installation", "stage_evidence", "stage_met_version", "stage_met_link", "stage_met_weakness",
    ),
    SyncPhase.CONFIGURATIONS: ("stage_configuration", "stage_met_setting"),
}  # fmt: skip
# How often a part may begin anew before it counts as unreadable.
_BEGINNINGS = 3


@dataclass
class Reading:
    """What has been read: small things here, rows in the stage."""

    stage: Stage
    tally: Tally
    machines: dict[str, int] = field(default_factory=dict)
    recommendations: dict[str, records.Recommendation] = field(default_factory=dict)
    held_recommendations: set[str] = field(default_factory=set)
    met: Met = field(default_factory=Met)
    # Those of the weaknesses met that the source's list has; None where it could not be read.
    vulnerabilities: dict[str, records.Vulnerability] | None = None
    inventory: Inventory = field(default_factory=Inventory)
    held: set[str] = field(default_factory=set)
    _places: dict[str, Place] = field(default_factory=dict)
    _fresh_held: list[tuple] = field(default_factory=list)
    _followed_software: set[str] = field(default_factory=set)
    _followed_machines: set[int] = field(default_factory=set)

    def recall(self) -> None:
        """Know again what an earlier process of this run has put down."""
        stage = self.stage
        self._places = stage.places()
        self.tally.restore(stage.kept_tally())
        self.machines = dict(stage.rows("SELECT source_id, n FROM stage_machine"))
        self.held = {name for (name,) in stage.rows("SELECT source_id FROM stage_held")}
        self.met = met_before(stage)
        for body in self._kept(SyncPhase.RECOMMENDATIONS):
            self._recommendation(msgspec.json.decode(body, type=records.Recommendation))
        self.held_recommendations = set(self._kept("held_recommendations"))
        for body in self._kept(SyncPhase.INVENTORY):
            self.inventory.restore(body)

    def has(self, part: str) -> bool:
        """Whether a part was read to its last page."""
        return part in self._places and self._places[part].is_done

    def read_machines(self, source: Source) -> None:
        self._read(SyncPhase.MACHINES, source.machines, self._machine_page)
        source.expect(len(self.machines))

    def read_recommendations(self, source: Source) -> None:
        self._read(SyncPhase.RECOMMENDATIONS, source.recommendations, self._recommendation_page)

    def read_software(self, source: Source) -> None:
        self._follow()
        self._read(SyncPhase.SOFTWARE, source.software, self._software_page)

    def read_configurations(self, source: Source) -> None:
        self._read(SyncPhase.CONFIGURATIONS, source.configurations, self._configuration_page)

    def read_weaknesses(self, source: Source) -> None:
        """Only those present in the organisation: the source lists all there are."""
        self.vulnerabilities = {
            rows.weakness_name(record.id): record
            for body in self._kept(SyncPhase.WEAKNESSES)
            if (record := msgspec.json.decode(body, type=records.Vulnerability))
        }
        try:
            self._read(SyncPhase.WEAKNESSES, source.weaknesses, self._weakness_page)
        except SourceError:
            self.vulnerabilities = None
            raise

    def read_inventory(self, source: Source) -> None:
        self._read(SyncPhase.INVENTORY, source.inventory, self._inventory_page)

    def _kept(self, part: str) -> list[str]:
        return [body for (body,) in self.stage.rows("SELECT body FROM stage_record WHERE part = %s", part)]

    def _read(
        self, part: SyncPhase, pages: Callable[[str], Iterator[Page]], batches: Callable[[Page], list[Batch]]
    ) -> None:
        """One part into the stage, from where an earlier process got to."""
        self.tally.phase(part)
        for _beginning in range(_BEGINNINGS):
            place = self._places.get(part, Place())
            if place.is_done:
                return
            try:
                for page in pages(place.bookmark):
                    self._put(part, page, batches)
            except StartOver as reason:
                self.tally.note(str(reason))
                self._begin_anew(part)
            else:
                self._mark(part, Place(is_done=True), [])
                return
        raise SourceError("What the source offers changes faster than it can be read.")

    def _put(self, part: SyncPhase, page: Page, batches: Callable[[Page], list[Batch]]) -> None:
        for found in page.set_aside:
            self.tally.set_aside(found.reason, found.sample)
            if found.key and part in (SyncPhase.MACHINES, SyncPhase.SOFTWARE, SyncPhase.CONFIGURATIONS):
                self._hold(found.key)
        self.tally.stand_of(page.as_of)
        made = batches(page)
        self.tally.page(len(page.records) + len(page.set_aside))
        self._mark(part, Place(page.bookmark), [*made, *self.met.fresh()])

    def _mark(self, part: SyncPhase, place: Place, batches: list[Batch]) -> None:
        held: Batch = ("stage_held", ("source_id",), self._fresh_held)
        self.stage.put(part, place, [*batches, held], self.tally.snapshot())
        self._fresh_held = []
        self._places[part] = place

    def _begin_anew(self, part: SyncPhase) -> None:
        for table in _ROWS_OF.get(part, ()):
            self.stage.run(f"DELETE FROM {table}")  # noqa: S608
        self._mark(part, Place(), [])
        self.met = met_before(self.stage)

    def _hold(self, source_id: str) -> None:
        """Of this device too little is known to take anything away."""
        if source_id not in self.held:
            self.held.add(source_id)
            self._fresh_held.append((source_id,))

    def _machine_page(self, page: Page) -> list[Batch]:
        found = [row for record in page.records if (row := self._machine(record))]
        return [("stage_machine", rows.MACHINE_COLUMNS, found)]

    def _machine(self, record: records.Machine) -> tuple | None:
        source_id = clean.identifier(record.id)
        if source_id in self.machines:
            return None
        if (record.onboarding_status or "onboarded").casefold() != "onboarded":
            # Discovered, not managed: nothing is known of its software.
            self.tally.note("Device is not onboarded")
            return None
        self.machines[source_id] = number = len(self.machines) + 1
        return rows.machine(number, source_id, record)

    def _recommendation_page(self, page: Page) -> list[Batch]:
        keys = {found.key for found in page.set_aside if found.key} - self.held_recommendations
        self.held_recommendations |= keys
        fresh = [record for record in page.records if self._recommendation(record)]
        kept = [(SyncPhase.RECOMMENDATIONS.value, _json(record)) for record in fresh]
        return [_records([*kept, *(("held_recommendations", key) for key in keys)])]

    def _recommendation(self, record: records.Recommendation) -> bool:
        return self.recommendations.setdefault(clean.identifier(record.id), record) is record

    def _software_page(self, page: Page) -> list[Batch]:
        installed: set[tuple[int, int]] = set()
        evidence: dict[tuple[int, int], list] = {}
        met = self.met
        for record in page.records:
            number = self._number(record.device_id)
            if number is None:
                continue
            version = met.version(record)
            if record.cve_id:
                met.suffers(version, met.weakness(record))
            installed.add((number, version))
            if number in self._followed_machines and rows.product(record) in self._followed_software:
                rows.note_evidence(evidence, (number, version), record)
        columns = ("n", "v", "disk_paths", "registry_paths", "security_update")
        found = [(*key, *values) for key, values in evidence.items()]
        return [("stage_installation", ("n", "v"), sorted(installed)), ("stage_evidence", columns, found)]

    def _configuration_page(self, page: Page) -> list[Batch]:
        found = [row for record in page.records if (row := self._setting(record))]
        return [("stage_configuration", ("n", "c", "is_compliant"), found)]

    def _setting(self, record: records.Configuration) -> tuple | None:
        number = self._number(record.device_id)
        if number is None:
            return None
        state = 2 if not record.is_applicable else int(record.is_compliant)
        return (number, self.met.setting(record.recommendation_reference), state)

    def _weakness_page(self, page: Page) -> list[Batch]:
        assert self.vulnerabilities is not None
        present = [record for record in page.records if rows.weakness_name(record.id) in self.met.weaknesses]
        self.vulnerabilities.update((rows.weakness_name(record.id), record) for record in present)
        return [_records([(SyncPhase.WEAKNESSES.value, _json(record)) for record in present])]

    def _inventory_page(self, page: Page) -> list[Batch]:
        fresh = [self.inventory.add(record) for record in page.records]
        return [_records([(SyncPhase.INVENTORY.value, body) for body in fresh if body])]

    def _number(self, raw: str) -> int | None:
        """The machine of a row; one that the list lacks keeps what it has, and the row is only counted."""
        found = self.machines.get(raw)
        if found is None:
            source_id = clean.identifier(raw)
            found = self.machines.get(source_id)
            if found is None:
                self._hold(source_id)
                self.tally.note("Row of a device that the list of devices lacks")
        return found

    def _follow(self) -> None:
        """Evidence is kept for the devices and products of activities only."""
        live = [ActivityStatus.ACTIVE, ActivityStatus.COMPLETED]
        targets = ActivityDevice.objects.filter(activity__status__in=live).values_list(
            "device__source_id", "device__merged_into__source_id"
        )
        for names in targets.distinct().iterator():
            self._followed_machines.update(self.machines[name] for name in names if name in self.machines)
        activities = RemediationActivity.objects.filter(status__in=live, recommendation__software__isnull=False)
        self._followed_software = set(activities.values_list("recommendation__software__source_id", flat=True))


def _records(found: list[tuple[str, str]]) -> Batch:
    return ("stage_record", ("part", "body"), found)


def _json(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record).decode()
