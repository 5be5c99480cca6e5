"""The software inventory: what the source's list of products says, and which versions are out of support. Optional.

Millions of rows of installed software say the same few things; what is kept is one entry a version.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from remediation.models import EndOfSupport, Software, SoftwareVersion

from ..sources import clean, records
from . import rows

_STATUS = {
    "eosversion": EndOfSupport.VERSION,
    "upcomingeosversion": EndOfSupport.UPCOMING_VERSION,
    "eossoftware": EndOfSupport.SOFTWARE,
    "upcomingeossoftware": EndOfSupport.UPCOMING_SOFTWARE,
}
_OF_PRODUCT = (EndOfSupport.SOFTWARE, EndOfSupport.UPCOMING_SOFTWARE)
_BATCH = 500


@dataclass
class Inventory:
    # product -> (weaknesses, public exploit, active alert)
    products: dict[str, tuple[int | None, bool, bool]] = field(default_factory=dict)
    # (product, version) -> (status, ISO date or nothing)
    support: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def add(self, record: records.Product | records.Installed) -> str:
        """Take a record; the JSON to keep of it, empty when it said nothing new."""
        if isinstance(record, records.Product):
            key = clean.identifier(record.id)[:255]
            found = (record.weaknesses, bool(record.public_exploit), bool(record.active_alert))
            if self.products.get(key) == found:
                return ""
            self.products[key] = found
            return json.dumps([key, *found])
        pair = (rows.product(record), clean.text(record.software_version, 128))
        if pair in self.support:
            return ""
        status = _STATUS.get("".join((record.end_of_support_status or "").casefold().split()), EndOfSupport.NONE)
        self.support[pair] = (status.value, _end(record.end_of_support_date) if status != EndOfSupport.NONE else "")
        return json.dumps([list(pair), *self.support[pair]])

    def restore(self, body: str) -> None:
        key, *found = json.loads(body)
        if isinstance(key, list):
            self.support[key[0], key[1]] = (found[0], found[1])
        else:
            self.products[key] = (found[0], found[1], found[2])

    def write(self) -> None:
        """Onto the products and versions there are, where it differs."""
        by_product: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
        for (product, version), found in self.support.items():
            by_product[product][version] = found
        changed = [row for row in Software.objects.iterator() if self._describe(row, by_product[row.source_id])]
        fields = [
            "source_weaknesses", "public_exploit", "active_alert", "end_of_support_status", "end_of_support_on",
        ]  # fmt: skip
        Software.objects.bulk_update(changed, fields, batch_size=_BATCH)
        rows_of_versions = SoftwareVersion.objects.select_related("software").defer("disk_paths", "registry_paths")
        fresh = [
            row
            for row in rows_of_versions.iterator()
            if (said := by_product[row.software.source_id].get(row.version)) and _end_support(row, *said)
        ]
        SoftwareVersion.objects.bulk_update(fresh, ["end_of_support_status", "end_of_support_on"], batch_size=_BATCH)

    def _describe(self, row: Software, versions: dict[str, tuple[str, str]]) -> bool:
        """Set what is known of a product; whether anything differs."""
        before = (row.source_weaknesses, row.public_exploit, row.active_alert)
        if row.source_id in self.products:
            row.source_weaknesses, row.public_exploit, row.active_alert = self.products[row.source_id]
        differs = before != (row.source_weaknesses, row.public_exploit, row.active_alert)
        if versions:
            of_product = [found for found in versions.values() if found[0] in _OF_PRODUCT]
            differs |= _end_support(row, *min(of_product, default=(EndOfSupport.NONE.value, "")))
        return differs


def _end_support(row: Software | SoftwareVersion, status: str, day: str) -> bool:
    wanted = (status, date.fromisoformat(day) if day else None)
    if (row.end_of_support_status, row.end_of_support_on) == wanted:
        return False
    row.end_of_support_status, row.end_of_support_on = wanted
    return True


def _end(raw: str | None) -> str:
    """A day that may well be in the future, which `clean.day` would not believe."""
    try:
        return date.fromisoformat((raw or "").strip()[:10]).isoformat()
    except ValueError:
        return ""
