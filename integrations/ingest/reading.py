"""From the source's pages into the staging tables. In memory: ids, and the weaknesses of each version; never rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from remediation.models import ActivityDevice, ActivityStatus, RemediationActivity
from remediation.models.inventory import UNGROUPED

from ..sources import Page, Source, SourceError, clean, records
from .stage import Stage, adapt
from .tally import Tally

# What the source writes for "in no group".
_NO_GROUP = frozenset({"", "unassigned", "unassignedgroup", "none"})
_VALUES = frozenset({"low", "normal", "high"})
_MACHINE_COLUMNS = (
    "n", "source_id", "name", "entra_device_id", "os_platform", "os_version", "group_name", "value", "internet_facing",
    "first_seen_at", "last_seen_at", "merged_to", "is_duplicate",
)  # fmt: skip
# As many paths of one product on one device as anyone reads.
PATHS = 20
# And as many as an example of a version shows.
EXAMPLES = 3
# Paths of files and of the registry, and the update to install.
Example = tuple[list[str], list[str], str]


@dataclass
class WeaknessFacts:
    """What the export says of a weakness; the list of weaknesses knows more."""

    number: int
    severity: str
    cvss: float | None
    exploit: str


@dataclass
class Reading:
    """What has been read: small things here, rows in the stage."""

    stage: Stage
    tally: Tally
    machines: dict[str, int] = field(default_factory=dict)
    recommendations: dict[str, records.Recommendation] = field(default_factory=dict)
    held_recommendations: set[str] = field(default_factory=set)
    # (software, version) -> v, and by v the numbers of its weaknesses.
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    weaknesses_of: list[set[int]] = field(default_factory=list)
    # By v, of the first device that was seen with it: paths of files and of the registry, and the update to install.
    examples: list[Example] = field(default_factory=list)
    # software -> (vendor, name, recommendation)
    software: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    weaknesses: dict[str, WeaknessFacts] = field(default_factory=dict)
    settings: dict[str, int] = field(default_factory=dict)
    vulnerabilities: dict[str, records.Vulnerability] | None = None
    # Of the source's own, by id, and their exposed devices.
    activities: dict[str, records.RemediationTask] = field(default_factory=dict)
    activity_devices: dict[str, list[records.MachineReference]] = field(default_factory=dict)
    has_software: bool = False
    has_configurations: bool = False
    held: set[str] = field(default_factory=set)
    _version_keys: dict[tuple, int] = field(default_factory=dict)
    _followed_software: set[str] = field(default_factory=set)
    _followed_machines: set[int] = field(default_factory=set)
    _listed_machines: set[int] = field(default_factory=set)

    def read_machines(self, source: Source) -> None:
        for page in self._pages(source.machines()):
            rows = [row for record in page.records if (row := self._machine(record))]
            self.stage.append("stage_machine", _MACHINE_COLUMNS, rows)

    def read_recommendations(self, source: Source) -> None:
        for page in self._pages(source.recommendations(), holds_devices=False):
            self.held_recommendations.update(found.key for found in page.set_aside if found.key)
            for record in page.records:
                self.recommendations.setdefault(clean.identifier(record.id), record)

    def read_software(self, source: Source) -> None:
        self._follow()
        for page in self._pages(source.software()):
            self._software_page(page)
        self.has_software = True

    def read_configurations(self, source: Source) -> None:
        for page in self._pages(source.configurations()):
            rows = [row for record in page.records if (row := self._setting(record))]
            self.stage.append("stage_configuration", ("n", "c", "is_compliant"), rows)
        self.has_configurations = True

    def read_weaknesses(self, source: Source) -> None:
        """Only those present in the organisation: the source lists all there are."""
        found: dict[str, records.Vulnerability] = {}
        for page in self._pages(source.weaknesses(), holds_devices=False):
            for record in page.records:
                name = _weakness_name(record.id)
                if name in self.weaknesses:
                    found[name] = record
        self.vulnerabilities = found

    def read_activities(self, source: Source) -> None:
        for page in self._pages(source.remediation_tasks(), holds_devices=False):
            self.activities.update((record.id, record) for record in page.records)

    def read_activity_devices(self, source: Source, task: str) -> None:
        found = self.activity_devices.setdefault(task, [])
        for page in self._pages(source.remediation_task_devices(task), holds_devices=False):
            found.extend(page.records)

    def finish(self) -> None:
        """Hand everything over to the statements."""
        self.stage.append("stage_listed", ("n",), [(number,) for number in sorted(self._listed_machines)])
        self.stage.append("stage_held", ("source_id",), [(name,) for name in sorted(self.held)])
        self.stage.loaded()

    def _pages(self, pages: Iterator[Page], holds_devices: bool = True) -> Iterator[Page]:
        for page in pages:
            for found in page.set_aside:
                self.tally.set_aside(found.reason, found.sample)
                if holds_devices and found.key:
                    self.held.add(found.key)
            yield page
            self.tally.page(len(page.records) + len(page.set_aside))

    def _machine(self, record: records.Machine) -> tuple | None:
        source_id = clean.identifier(record.id)
        if source_id in self.machines:
            return None
        if (record.onboarding_status or "onboarded").casefold() != "onboarded":
            # Discovered, not managed: nothing is known of its software.
            self.tally.note("Device is not onboarded")
            return None
        self.machines[source_id] = number = len(self.machines) + 1
        value = (record.device_value or "normal").casefold()
        first, last = clean.moment(record.first_seen), clean.moment(record.last_seen)
        return (
            number,
            source_id,
            clean.text(record.computer_dns_name, 255) or source_id,
            _entra_id(record.aad_device_id),
            clean.text(record.os_platform, 64),
            clean.text(record.os_version or record.version, 64),
            group_named(record.rbac_group_name),
            value if value in _VALUES else "normal",
            _faces_internet(record.machine_tags),
            adapt(first) if first else None,
            adapt(last) if last else None,
            clean.identifier(record.merged_into_machine_id or ""),
            int(bool(record.is_potential_duplication)),
        )

    def _number(self, raw: str) -> int | None:
        """The machine of a row; one that the list lacks keeps what it has, and the row is only counted."""
        found = self.machines.get(raw)
        if found is None:
            source_id = clean.identifier(raw)
            found = self.machines.get(source_id)
            if found is None:
                self.held.add(source_id)
                self.tally.note("Row of a device that the list of devices lacks")
        return found

    def _software_page(self, page: Page) -> None:
        installed: set[tuple[int, int]] = set()
        evidence: dict[tuple[int, int], list] = {}
        for record in page.records:
            number = self._number(record.device_id)
            if number is None:
                continue
            version = self._version(record)
            if record.cve_id:
                self.weaknesses_of[version].add(self._weakness(record))
            installed.add((number, version))
            if number in self._followed_machines:
                self._listed_machines.add(number)
                if self._is_followed(record):
                    _note_evidence(evidence, (number, version), record)
        self.stage.append("stage_installation", ("n", "v"), sorted(installed))
        columns = ("n", "v", "disk_paths", "registry_paths", "security_update")
        self.stage.append("stage_evidence", columns, [(*key, *found) for key, found in evidence.items()])

    def _version(self, record: records.SoftwareWeakness) -> int:
        raw = (record.software_vendor, record.software_name, record.software_version)
        found = self._version_keys.get(raw)
        if found is None:
            vendor, name = clean.identifier(record.software_vendor), clean.identifier(record.software_name)
            software = f"{vendor}-_-{name}"
            reference = clean.identifier(record.recommendation_reference or "") or f"va-_-{software}"
            self.software.setdefault(software, (record.software_vendor, record.software_name, reference))
            key = (software, clean.text(record.software_version, 128))
            found = self.versions.get(key)
            if found is None:
                self.versions[key] = found = len(self.weaknesses_of)
                self.weaknesses_of.append(set())
                self.examples.append(_example(record))
            self._version_keys[raw] = found
        return found

    def _weakness(self, record: records.SoftwareWeakness) -> int:
        found = self.weaknesses.get(record.cve_id)  # type: ignore[arg-type]
        if found is None:
            name = _weakness_name(record.cve_id)
            found = self.weaknesses.get(name)
            if found is None:
                severity, exploit = record.vulnerability_severity_level or "", record.exploitability_level or ""
                found = WeaknessFacts(len(self.weaknesses), severity, _score(record.cvss_score), exploit)
                self.weaknesses[name] = found
        return found.number

    def _setting(self, record: records.Configuration) -> tuple | None:
        number = self._number(record.device_id)
        if number is None:
            return None
        reference = record.recommendation_reference
        found = self.settings.get(reference)
        if found is None:
            found = self.settings.setdefault(clean.identifier(reference), len(self.settings) + 1)
        return (number, found, 2 if not record.is_applicable else int(record.is_compliant))

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

    def _is_followed(self, record: records.SoftwareWeakness) -> bool:
        software = f"{clean.identifier(record.software_vendor)}-_-{clean.identifier(record.software_name)}"
        return software in self._followed_software


def _note_evidence(evidence: dict, key: tuple[int, int], record: records.SoftwareWeakness) -> None:
    update = _security_update(record)
    known = evidence.get(key)
    if known is None:
        disk_paths, registry_paths = _paths(record.disk_paths, PATHS), _paths(record.registry_paths, PATHS)
        evidence[key] = [json.dumps(disk_paths), json.dumps(registry_paths), update]
    elif update and not known[2]:
        known[2] = update


def _example(record: records.SoftwareWeakness) -> Example:
    disk_paths, registry_paths = _paths(record.disk_paths, EXAMPLES), _paths(record.registry_paths, EXAMPLES)
    return disk_paths, registry_paths, _security_update(record)


def _security_update(record: records.SoftwareWeakness) -> str:
    return clean.text(record.recommended_security_update_id or record.recommended_security_update, 64)


def _paths(found: list[str] | None, most: int) -> list[str]:
    return [clean.text(path, 500) for path in (found or [])[:most]]


def _weakness_name(raw: str | None) -> str:
    return clean.text(raw, 64).upper()


def _score(value: float | str | None) -> float | None:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if 0 <= found <= 10 else None


def group_named(name: str | None) -> str:
    found = clean.text(name, 200)
    return UNGROUPED if found.casefold() in _NO_GROUP else found


def _entra_id(value: str | None) -> str:
    """The device's id in Entra, lower case; empty for none, and for the nil GUID that stands for none."""
    found = clean.text(value, 36).lower()
    return "" if not found.strip("0-") else found


def _faces_internet(tags: list[str] | None) -> bool | None:
    """True by the tag; without it nothing is known."""
    plain = {"".join(character for character in tag.casefold() if character.isalnum()) for tag in tags or []}
    return True if "internetfacing" in plain else None


__all__ = ["Reading", "SourceError", "WeaknessFacts"]
