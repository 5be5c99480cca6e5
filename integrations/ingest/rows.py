"""One record of the source as the values of a staging row."""

import json

from msgspec import Raw

from remediation.models.devices import UNGROUPED

from ..sources import clean, records
from .stage import adapt

# What the source writes for "in no group".
_NO_GROUP = frozenset({"", "unassigned", "unassignedgroup", "none"})
_VALUES = frozenset({"low", "normal", "high"})
MACHINE_COLUMNS = (
    "n", "source_id", "name", "entra_device_id", "os_platform", "os_version", "group_name", "value", "internet_facing",
    "first_seen_at", "last_seen_at", "merged_to", "is_duplicate",
)  # fmt: skip
# As many paths of one product on one device as anyone reads.
PATHS = 20
# And as many as an example of a version shows.
EXAMPLES = 3
# Paths of files and of the registry, and the update to install.
Example = tuple[list[str], list[str], str]


def machine(number: int, source_id: str, record: records.Machine) -> tuple:
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


def note_evidence(evidence: dict, key: tuple[int, int], record: records.SoftwareWeakness) -> None:
    update = _security_update(record)
    known = evidence.get(key)
    if known is None:
        disk_paths, registry_paths = _paths(record.disk_paths, PATHS), _paths(record.registry_paths, PATHS)
        evidence[key] = [json.dumps(disk_paths), json.dumps(registry_paths), update]
    elif update and not known[2]:
        known[2] = update


def example(record: records.SoftwareWeakness) -> Example:
    disk_paths, registry_paths = _paths(record.disk_paths, EXAMPLES), _paths(record.registry_paths, EXAMPLES)
    return disk_paths, registry_paths, _security_update(record)


def product(record: records.SoftwareWeakness | records.Installed) -> str:
    """The id of the product, as the source's own list of products writes it."""
    return f"{clean.identifier(record.software_vendor)}-_-{clean.identifier(record.software_name)}"


def weakness_name(raw: str | None) -> str:
    return clean.text(raw, 64).upper()


def score(value: float | str | None) -> float | None:
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if 0 <= found <= 10 else None


def _security_update(record: records.SoftwareWeakness) -> str:
    return clean.text(record.recommended_security_update_id or record.recommended_security_update, 64)


def _paths(found: Raw, most: int) -> list[str]:
    return [clean.text(path, 500) for path in records.paths(found)[:most]]


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
