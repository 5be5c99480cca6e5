"""Remediation activities that somebody has requested in Defender itself: a few, read only, as its API shows them."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import records
from .catalogue import Configuration, Product
from .dates import DAY, with_seven_digits
from .tenant import Tenant

_NAMES = uuid.UUID("5c0d3a52-7e0f-4b43-9a55-2b1f2f8f4c11")


@dataclass(frozen=True)
class Requested:
    """What was asked for, days before and after the estate was made."""

    reference: str
    requester: str
    created: float
    due: float | None
    priority: str
    notes: str = ""
    closed: float | None = None
    # Of the devices that were exposed then, those that are fixed by now.
    fixed: int = 0
    groups: tuple[str, ...] = ()


REQUESTED = [
    Requested("va-_-videolan-_-vlc_media_player", "mara.lindt@corp.example", -9, 12, "High", "Kiosks first.", fixed=14),
    Requested("va-_-zoom-_-zoom", "j.ortega@corp.example", -3, 11, "Medium"),
    Requested("sca-_-scid-2010", "mara.lindt@corp.example", -20, -2, "High", "Agreed with Ops.", fixed=3),
    Requested("va-_-adobe-_-shockwave", "h.brandt@corp.example", -31, 20, "Low", fixed=2),
    Requested("va-_-7-zip-_-7-zip", "j.ortega@corp.example", -70, -40, "Medium", closed=-44),
    Requested("va-_-putty-_-putty", "h.brandt@corp.example", -95, -70, "Low", closed=-71),
]  # fmt: skip


def id_of(requested: Requested) -> str:
    return str(uuid.uuid5(_NAMES, requested.reference))


def tasks(tenant: Tenant) -> Iterator[dict[str, Any]]:
    return (_task(tenant, requested) for requested in REQUESTED)


def task(tenant: Tenant, task_id: str) -> dict[str, Any] | None:
    found = _find(task_id)
    return _task(tenant, found) if found else None


def devices(tenant: Tenant, task_id: str) -> list[dict[str, Any]] | None:
    """Those that are still exposed; None for an unknown task."""
    found = _find(task_id)
    if found is None:
        return None
    return [records.machine_reference(row) for row in _exposed(tenant, found)]


def _find(task_id: str) -> Requested | None:
    return next((requested for requested in REQUESTED if id_of(requested) == task_id.lower()), None)


def _exposed(tenant: Tenant, requested: Requested) -> list[Any]:
    subject = _subject(tenant, requested)
    return records.exposed_rows(tenant, subject) if subject and requested.closed is None else []


def _subject(tenant: Tenant, requested: Requested) -> Product | Configuration | None:
    catalogue = tenant.catalogue
    return catalogue.recommended.get(requested.reference) or catalogue.settings.get(requested.reference)


def _task(tenant: Tenant, requested: Requested) -> dict[str, Any]:
    subject = _subject(tenant, requested)
    exposed = len(_exposed(tenant, requested))
    fixed = 40 if requested.closed else requested.fixed
    since = tenant.store.setting("tasks_since", tenant.now())
    is_setting = requested.reference.startswith("sca-_-")
    return {
        "id": id_of(requested),
        "title": _title(requested, subject),
        "description": "",
        "category": "Security configuration" if is_setting else "Software",
        "type": "ConfigurationChange" if is_setting else "Update",
        "status": "Completed" if requested.closed else "Active",
        "statusLastModifiedOn": _moment(since, requested.closed or requested.created),
        "createdOn": _moment(since, requested.created),
        "dueOn": None if requested.due is None else _moment(since, requested.due),
        "priority": requested.priority,
        "completionMethod": "Automatic" if requested.closed else None,
        "completerId": None,
        "completerEmail": None,
        "requesterId": str(uuid.uuid5(_NAMES, requested.requester)),
        "requesterEmail": requested.requester,
        "requesterNotes": requested.notes or None,
        "targetDevices": exposed + fixed,
        "fixedDevices": fixed,
        "rbacGroupNames": list(requested.groups),
        "productivityImpactRemediationType": "AllExposedAssets",
    } | _about(requested, subject)


def _title(requested: Requested, subject: Product | Configuration | None) -> str:
    if isinstance(subject, Product):
        return subject.recommendation
    return subject.name if subject else "Update Adobe Shockwave to a later version"


def _about(requested: Requested, subject: Product | Configuration | None) -> dict[str, Any]:
    if isinstance(subject, Configuration):
        return dict.fromkeys(
            ("productId", "vendorId", "nameId", "recommendedVersion", "recommendedVendor", "recommendedProgram")
        ) | {"scid": subject.scid, "relatedComponent": subject.subcategory or subject.category}
    _, vendor, name = requested.reference.split("-_-")
    return {
        "scid": None,
        "productId": f"{vendor}-_-{name}",
        "vendorId": vendor,
        "nameId": name,
        "relatedComponent": subject.title if subject else "Adobe Shockwave",
        "recommendedVersion": subject.recommended_version if subject else "",
        "recommendedVendor": "",
        "recommendedProgram": "",
    }


def _moment(since: float, days: float) -> str:
    return with_seven_digits(since + days * DAY)
