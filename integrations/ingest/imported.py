"""Defender's own remediation activities: read beside the rest, kept, and never a reason for a sync to fail."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from remediation.models import DeviceGroup, ImportedFrom, ImportedStatus, Recommendation

from .. import imported
from ..sources import Page, Source, SourceError, clean, records
from .rows import group_named
from .tally import Tally

# Asking for the devices of each takes a request, so only active ones are asked for, and so many a sync.
MOST_ASKED = 60
_STATUSES = {"active": ImportedStatus.ACTIVE, "completed": ImportedStatus.COMPLETED}
_WORD = "Remediation activities of Defender"


@dataclass
class Tasks:
    """By id, and of those that were asked their exposed devices."""

    known: dict[str, records.RemediationTask] = field(default_factory=dict)
    devices: dict[str, list[records.MachineReference]] = field(default_factory=dict)


def read(source: Source, tally: Tally) -> Tasks:
    """The activities, and of those that do not name their device groups the devices."""
    tasks = Tasks()
    try:
        tasks.known = {record.id: record for record in _records(source.remediation_tasks(), tally)}
        asked = [task for task in tasks.known.values() if _tells_by_its_devices(task)]
        for task in asked[:MOST_ASKED]:
            tasks.devices[task.id] = list(_records(source.remediation_task_devices(task.id), tally))
    except SourceError as problem:
        tally.note(f"{_WORD}: {problem}")
    else:
        if len(asked) > MOST_ASKED:
            tally.note(f"{_WORD}: the devices of {len(asked) - MOST_ASKED} were not asked for")
    return tasks


def _records(pages: Iterator[Page], tally: Tally) -> Iterator[Any]:
    for page in pages:
        for found in page.set_aside:
            tally.set_aside(found.reason, found.sample)
        tally.page(len(page.records) + len(page.set_aside))
        yield from page.records


def _tells_by_its_devices(task: records.RemediationTask) -> bool:
    """Whether the devices that are still exposed are all of its devices."""
    is_active = (task.status or "").casefold() == "active"
    return is_active and not _names(task) and bool(task.target_devices) and not task.fixed_devices


def write(tasks: Tasks, now: datetime) -> None:
    groups = dict(DeviceGroup.objects.values_list("name", "pk"))
    advice = dict(Recommendation.objects.values_list("source_id", "pk"))
    found = {}
    for task in tasks.known.values():
        names = _names(task) or _names_of_devices(tasks, task)
        # One group that is not known makes all of them unknown.
        known = [groups[name] for name in names] if names <= groups.keys() else []
        found[task.id] = _fields(task) | {"recommendation_id": _about(task, advice), "device_groups": known}
    imported.keep(ImportedFrom.DEFENDER, found, now)


def _names(task: records.RemediationTask) -> set[str]:
    raw = task.rbac_group_names or []
    return {group_named(name) for name in ([raw] if isinstance(raw, str) else raw) if name}


def _names_of_devices(tasks: Tasks, task: records.RemediationTask) -> set[str]:
    devices = tasks.devices.get(task.id, [])
    if len(devices) != task.target_devices:
        return set()
    return {group_named(device.rbac_group_name) for device in devices}


def _about(task: records.RemediationTask, advice: dict[str, int]) -> int | None:
    scid, product = clean.identifier(task.scid or ""), clean.identifier(task.product_id or "")
    return advice.get(f"sca-_-{scid}") if scid else advice.get(f"va-_-{product}")


def _fields(task: records.RemediationTask) -> dict[str, Any]:
    status = _STATUSES.get((task.status or "").casefold(), ImportedStatus.UNKNOWN)
    is_closed = status == ImportedStatus.COMPLETED
    return {
        "title": clean.text(task.title, 512) or task.id,
        "remediation_type": clean.text(task.type, 64),
        "related_component": clean.text(task.related_component, 255),
        "status": status,
        "priority": clean.text(task.priority, 16),
        "requester": clean.text(task.requester_email, 255),
        "notes": clean.text(task.requester_notes, 1000),
        "created_there_at": clean.moment(task.created_on),
        "due_on": clean.planned_day(task.due_on),
        "closed_there_at": clean.moment(task.status_last_modified_on) if is_closed else None,
        "target_devices": task.target_devices,
        "fixed_devices": task.fixed_devices,
    }
