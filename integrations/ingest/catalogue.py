"""What there are few of: recommendations, products, versions, weaknesses. Compared singly, written where changed."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import models, transaction

from remediation.models import (
    Category,
    ExploitLevel,
    FreshLink,
    Recommendation,
    RemediationType,
    Severity,
    Software,
    SoftwareVersion,
    Weakness,
)

from ..feeds.facts import published_facts
from ..sources import clean, records
from .met import WeaknessFacts
from .reading import Reading
from .rows import Example

BATCH = 500
_SOFTWARE_PREFIX = "va-_-"
_TYPES = {
    "update": RemediationType.UPDATE,
    "upgrade": RemediationType.UPGRADE,
    "uninstall": RemediationType.UNINSTALL,
    "configurationchange": RemediationType.CONFIGURATION_CHANGE,
}
_CATEGORIES = {name.replace("_", ""): name for name in Category.values}
_EXPLOITS = {
    "exploitispublic": ExploitLevel.PUBLIC,
    "exploitisverified": ExploitLevel.VERIFIED,
    "exploitisinkit": ExploitLevel.KIT,
}
Link = SoftwareVersion.weaknesses.through


def apply_recommendations(reading: Reading, now: datetime) -> None:
    """Products first, then the recommendations that point to them."""
    wanted = {}
    for source_id, record in reading.recommendations.items():
        if source_id.startswith(_SOFTWARE_PREFIX):
            title = clean.text(record.related_component or record.product_name, 255)
            product = source_id.removeprefix(_SOFTWARE_PREFIX)
            wanted[product] = {"name": title or product, "vendor": clean.text(record.vendor, 255)}
    write(Software, "source_id", wanted)
    software = dict(Software.objects.values_list("source_id", "pk"))
    fields = {}
    for source_id, record in reading.recommendations.items():
        fields[source_id] = _recommendation(record) | {
            "software_id": software.get(source_id.removeprefix(_SOFTWARE_PREFIX))
            if source_id.startswith(_SOFTWARE_PREFIX)
            else None,
            "closed_at": None,
        }
    write(Recommendation, "source_id", fields, first={"first_seen_at": now})


def _recommendation(record: records.Recommendation) -> dict[str, Any]:
    category = _plain(record.recommendation_category)
    return {
        "name": clean.text(record.recommendation_name, 512) or record.id,
        "remediation_type": _TYPES.get(_plain(record.remediation_type), RemediationType.ATTENTION_REQUIRED),
        "category": _CATEGORIES.get(category, Category.APPLICATION),
        "subcategory": clean.text(record.sub_category, 128),
        "related_component": clean.text(record.related_component, 255),
        "vendor": clean.text(record.vendor, 255),
        "recommended_version": clean.text(record.recommended_version, 128),
        "recommended_program": clean.text(record.recommended_program, 255),
        "recommended_vendor": clean.text(record.recommended_vendor, 255),
        "tags": _texts(record.tags),
        "associated_threats": _texts(record.associated_threats),
        "public_exploit": bool(record.public_exploit),
        "active_alert": bool(record.active_alert),
        "severity_score": record.severity_score or 0.0,
        "source_status": clean.text(record.status, 32),
    }


def apply_software(reading: Reading, now: datetime) -> None:
    """Products, versions and weaknesses that are installed somewhere, and what each version suffers from."""
    _write_software(reading)
    _write_weaknesses(reading, now)
    for wanted, present in _links(reading, _write_versions(reading)):
        gone, fresh = [pk for key, pk in present.items() if key not in wanted], wanted - set(present)
        if gone or fresh:
            with transaction.atomic():
                _drop_links(gone)
                _add_links(fresh)


def add_software(reading: Reading, now: datetime) -> int:
    """The same from a part of the news: nothing is taken from any version. How much they suffer from more."""
    _write_software(reading)
    _write_weaknesses(reading, now)
    added = 0
    for wanted, present in _links(reading, _write_versions(reading)):
        if fresh := wanted - set(present):
            with transaction.atomic():
                _add_links(fresh)
            added += len(fresh)
    return added


def load_versions(reading: Reading) -> None:
    """Tell the stage which rows its numbers mean. After the risks are up to date."""
    software = dict(Software.objects.values_list("source_id", "pk"))
    advice = _advice(reading)
    known = {
        (software_id, version): (pk, risk)
        for pk, software_id, version, risk in SoftwareVersion.objects.values_list("pk", "software", "version", "risk")
    }
    rows = []
    for (source_id, version), number in reading.met.versions.items():
        software_id = software.get(source_id)
        version_id, risk = known.get((software_id, version), (None, 0.0))  # type: ignore[arg-type]
        reference = reading.met.software[source_id][2]
        has_weakness = int(bool(reading.met.weaknesses_of[number]))
        rows.append((number, software_id, version_id, advice.get(reference), has_weakness, version, risk))
    rows.sort(key=lambda row: (row[4], row[6], row[0]))
    # Two products to which one recommendation is given are one: it can expose a device once.
    products: dict[tuple, int] = {}
    placed = [
        (*row[:6], products.setdefault((row[3] is None, row[3] or row[1]), len(products)), place)
        for place, row in enumerate(rows)
    ]
    columns = ("v", "software_id", "version_id", "recommendation_id", "has_weakness", "version", "product", "place")
    reading.stage.append("stage_version", columns, placed)
    missing = sum(1 for row in rows if row[4] and row[3] is None)
    if missing:
        reading.tally.note(f"{missing} versions with weaknesses have no recommendation")


def load_settings(reading: Reading) -> None:
    advice = _advice(reading)
    rows = [(number, advice.get(name)) for name, number in reading.met.settings.items()]
    reading.stage.append("stage_setting", ("c", "recommendation_id"), rows)


def _advice(reading: Reading) -> dict[str, int]:
    """Recommendations that this pass has read, or could not read: those that it may point to."""
    keep = reading.recommendations.keys() | reading.held_recommendations
    return {name: pk for name, pk in Recommendation.objects.values_list("source_id", "pk") if name in keep}


def _write_software(reading: Reading) -> None:
    known = set(Software.objects.values_list("source_id", flat=True))
    wanted = {}
    for source_id, (vendor, name, _) in reading.met.software.items():
        if source_id not in known:
            wanted[source_id] = {"name": clean.text(name, 255).replace("_", " "), "vendor": clean.text(vendor, 255)}
    write(Software, "source_id", wanted)


def _write_weaknesses(reading: Reading, now: datetime) -> None:
    """By the list of weaknesses where it was read; else new ones only, by what the export says.

    What a feed says of one stands above both.
    """
    listed = reading.vulnerabilities or {}
    only_named = {name: facts for name, facts in reading.met.weaknesses.items() if name not in listed}
    known = set(Weakness.objects.values_list("name", flat=True))
    fresh = {name: _weakness_by_export(facts) for name, facts in only_named.items() if name not in known}
    wanted = {name: _weakness(record) for name, record in listed.items()} | fresh
    for name, said in published_facts(wanted).items():
        wanted[name] |= said
    write(Weakness, "name", wanted, first={"met_at": now})


def _weakness(record: records.Vulnerability) -> dict[str, Any]:
    exploit = ExploitLevel.KIT if record.exploit_in_kit else ExploitLevel.VERIFIED if record.exploit_verified else None
    detected = clean.moment(record.first_detected)
    # Where the source does not say, the first sync that sees a device exposed to it does.
    return ({"first_seen_at": detected} if detected else {}) | {
        "description": clean.text(record.description, 10_000),
        "severity": _severity(record.severity),
        "cvss": clean.measure(record.cvss_v3),
        "epss": clean.measure(record.epss),
        "exploit_level": exploit or (ExploitLevel.PUBLIC if record.public_exploit else ExploitLevel.NONE),
        "published_on": clean.day(record.published_on),
        "updated_on": clean.day(record.updated_on),
    }


def _weakness_by_export(facts: WeaknessFacts) -> dict[str, Any]:
    exploit = _EXPLOITS.get(_plain(facts.exploit), ExploitLevel.NONE)
    return {"severity": _severity(facts.severity), "cvss": clean.measure(facts.cvss), "exploit_level": exploit}


def _write_versions(reading: Reading) -> dict[int, int]:
    """Every version that is installed somewhere; v -> row."""
    software = dict(Software.objects.values_list("source_id", "pk"))
    fields = ("pk", "software", "version", "disk_paths", "registry_paths", "security_update")
    known = {(row[1], row[2]): row for row in SoftwareVersion.objects.values_list(*fields)}
    wanted = {number: (software[source_id], version) for (source_id, version), number in reading.met.versions.items()}
    examples = {key: reading.met.examples[number] for number, key in wanted.items()}
    _write_examples({row[0]: examples[key] for key, row in known.items() if key in examples and not any(row[3:])})
    rows = {key: row[0] for key, row in known.items()}
    fresh = sorted({key for key in wanted.values() if key not in known})
    for batch in batches(fresh):
        with transaction.atomic():
            made = SoftwareVersion.objects.bulk_create(_version(key, examples[key]) for key in batch)
        rows.update(((row.software_id, row.version), row.pk) for row in made)
    return {number: rows[key] for number, key in wanted.items()}


def _version(key: tuple[int, str], example: Example) -> SoftwareVersion:
    software_id, version = key
    return SoftwareVersion(software_id=software_id, version=version, **_example_fields(example))


def _example_fields(example: Example) -> dict[str, Any]:
    return dict(zip(("disk_paths", "registry_paths", "security_update"), example, strict=True))


def _write_examples(examples: dict[int, Example]) -> None:
    """For versions that have none yet. One that is there stays: it is an example, not news."""
    found = [(pk, example) for pk, example in examples.items() if any(example)]
    for batch in batches(found):
        rows = [SoftwareVersion(pk=pk, **_example_fields(example)) for pk, example in batch]
        with transaction.atomic():
            SoftwareVersion.objects.bulk_update(rows, ["disk_paths", "registry_paths", "security_update"])


def _links(reading: Reading, versions: dict[int, int]) -> Iterator[tuple[set[tuple[int, int]], dict]]:
    """In batches, what the versions that were seen suffer from now, and the rows that say what they suffered from.

    A version that nobody has any more keeps what it had.
    """
    weakness = dict(Weakness.objects.values_list("name", "pk"))
    by_number = {facts.number: weakness[name] for name, facts in reading.met.weaknesses.items()}
    for batch in batches(versions.items()):
        wanted = {(pk, by_number[number]) for v, pk in batch for number in reading.met.weaknesses_of[v]}
        found = Link.objects.filter(softwareversion__in=[pk for _, pk in batch])
        present = {
            (version_id, weakness_id): pk
            for pk, version_id, weakness_id in found.values_list("pk", "softwareversion", "weakness")
        }
        yield wanted, present


def _drop_links(gone: list[int]) -> None:
    for some in batches(gone):
        Link.objects.filter(pk__in=some).delete()


def _add_links(fresh: set[tuple[int, int]]) -> None:
    """With a note of those on versions whose risk was published: for the parts of the score's movement."""
    links = (Link(softwareversion_id=version_id, weakness_id=weakness_id) for version_id, weakness_id in sorted(fresh))
    Link.objects.bulk_create(links, batch_size=5000)
    touched = {version_id for version_id, _ in fresh}
    published = set(
        SoftwareVersion.objects.filter(pk__in=touched).exclude(published_risk=None).values_list("pk", flat=True)
    )
    news = (FreshLink(version_id=key[0], weakness_id=key[1]) for key in sorted(fresh) if key[0] in published)
    FreshLink.objects.bulk_create(news, batch_size=5000)


def write(
    model: type[models.Model], key: str, wanted: dict[str, dict[str, Any]], first: dict[str, Any] | None = None
) -> None:
    """Make the rows of `wanted` (by natural key) so, touching those that differ. `first` is set on new rows only."""
    for batch in batches(wanted.items()):
        manager = model._default_manager
        known = {getattr(row, key): row for row in manager.filter(**{f"{key}__in": [name for name, _ in batch]})}
        fresh, changed = [], []
        names: set[str] = set()
        for name, fields in batch:
            row = known.get(name)
            if row is None:
                fresh.append(model(**{key: name}, **fields, **(first or {})))
                continue
            differing = [field for field, value in fields.items() if getattr(row, field) != value]
            for field in differing:
                setattr(row, field, fields[field])
            if differing:
                names.update(differing)
                changed.append(row)
        if fresh or changed:
            with transaction.atomic():
                manager.bulk_create(fresh)
                if changed:
                    manager.bulk_update(changed, sorted(names), batch_size=50)


def batches(items: Iterable[Any], size: int = BATCH) -> Iterator[list[Any]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def _severity(value: str | None) -> str:
    found = (value or "").casefold()
    return found if found in Severity.values else Severity.MEDIUM


def _plain(value: str | None) -> str:
    return "".join(character for character in (value or "").casefold() if character.isalnum())


def _texts(values: list[str] | None) -> list[str]:
    return [text for value in (values or [])[:100] if (text := clean.text(value, 200))]
