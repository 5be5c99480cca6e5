"""What a pass has met of which there are few: products, versions, weaknesses, settings, numbered as they came.

Held in memory, for every row asks for it; each new one is also a row of the stage, from which the next process builds
the same again.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field

from ..sources import clean, records
from . import rows
from .rows import Example
from .stage import Batch, Stage

_VERSION_COLUMNS = (
    "v", "software", "version", "vendor", "name", "reference", "disk_paths", "registry_paths", "security_update",
)  # fmt: skip
COLUMNS = {
    "stage_met_version": _VERSION_COLUMNS,
    "stage_met_link": ("v", "w"),
    "stage_met_weakness": ("w", "name", "severity", "cvss", "exploit"),
    "stage_met_setting": ("c", "name"),
}


@dataclass
class WeaknessFacts:
    """What the export says of a weakness; the list of weaknesses knows more."""

    number: int
    severity: str
    cvss: float | None
    exploit: str


@dataclass
class Met:
    # (software, version) -> v, and by v the numbers of its weaknesses.
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    weaknesses_of: list[set[int]] = field(default_factory=list)
    # By v, of the first device that was seen with it: paths of files and of the registry, and the update to install.
    examples: list[Example] = field(default_factory=list)
    # software -> (vendor, name, recommendation)
    software: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    weaknesses: dict[str, WeaknessFacts] = field(default_factory=dict)
    settings: dict[str, int] = field(default_factory=dict)
    # The versions by what the source wrote, to spare every row the cleaning.
    _version_keys: dict[tuple, int] = field(default_factory=dict)
    _fresh: dict[str, list[tuple]] = field(default_factory=lambda: defaultdict(list))

    def version(self, record: records.SoftwareWeakness) -> int:
        raw = (record.software_vendor, record.software_name, record.software_version)
        found = self._version_keys.get(raw)
        if found is None:
            software = rows.product(record)
            reference = clean.identifier(record.recommendation_reference or "") or f"va-_-{software}"
            self.software.setdefault(software, (record.software_vendor, record.software_name, reference))
            key = (software, clean.text(record.software_version, 128))
            found = self.versions.get(key)
            if found is None:
                self.versions[key] = found = len(self.weaknesses_of)
                self.weaknesses_of.append(set())
                example = rows.example(record)
                self.examples.append(example)
                names = tuple(clean.text(value, 1000) for value in self.software[software])
                paths = (json.dumps(example[0]), json.dumps(example[1]), example[2])
                self._fresh["stage_met_version"].append((found, *key, *names, *paths))
            self._version_keys[raw] = found
        return found

    def weakness(self, record: records.SoftwareWeakness) -> int:
        found = self.weaknesses.get(record.cve_id)  # type: ignore[arg-type]
        if found is None:
            name = rows.weakness_name(record.cve_id)
            found = self.weaknesses.get(name)
            if found is None:
                severity, exploit = record.vulnerability_severity_level or "", record.exploitability_level or ""
                severity, exploit = clean.text(severity, 32), clean.text(exploit, 32)
                found = WeaknessFacts(len(self.weaknesses), severity, rows.score(record.cvss_score), exploit)
                self.weaknesses[name] = found
                self._fresh["stage_met_weakness"].append((found.number, name, severity, found.cvss, exploit))
        return found.number

    def suffers(self, version: int, weakness: int) -> None:
        known = self.weaknesses_of[version]
        if weakness not in known:
            known.add(weakness)
            self._fresh["stage_met_link"].append((version, weakness))

    def setting(self, reference: str) -> int:
        found = self.settings.get(reference)
        if found is None:
            name = clean.identifier(reference)
            found = self.settings.get(name)
            if found is None:
                self.settings[name] = found = len(self.settings) + 1
                self._fresh["stage_met_setting"].append((found, name))
        return found

    def fresh(self) -> list[Batch]:
        """The rows for what was met since the last call."""
        found: list[Batch] = [(table, COLUMNS[table], fresh) for table, fresh in self._fresh.items()]
        self._fresh = defaultdict(list)
        return found


def met_before(stage: Stage) -> Met:
    """What the process that died had met."""
    met = Met()
    select = f"SELECT {', '.join(_VERSION_COLUMNS)} FROM stage_met_version ORDER BY v"  # noqa: S608
    for v, software, version, vendor, name, reference, disk_paths, registry_paths, update in stage.rows(select):
        met.versions[software, version] = v
        met.software.setdefault(software, (vendor, name, reference))
        met.weaknesses_of.append(set())
        met.examples.append((json.loads(disk_paths), json.loads(registry_paths), update))
    for v, w in stage.rows("SELECT v, w FROM stage_met_link"):
        met.weaknesses_of[v].add(w)
    for w, name, severity, cvss, exploit in stage.rows(
        "SELECT w, name, severity, cvss, exploit FROM stage_met_weakness"
    ):
        met.weaknesses[name] = WeaknessFacts(w, severity, cvss, exploit)
    met.settings.update((name, c) for c, name in stage.rows("SELECT c, name FROM stage_met_setting"))
    return met
