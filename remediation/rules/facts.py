"""The neutral facts of a ticket, frozen at the request. A connector makes its payload of them, once."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from ..markers import without_markers
from ..models import RemediationActivity, RemediationType, SoftwareVersion

_NAMED = 50
_NAMED_VERSIONS = 8
_NAMED_PATHS = 6
# Names in the facts -> what the devices of a part are counted by.
_COUNTED = {"from_versions": "installed_version", "systems": "device__os_platform", "groups": "group__name"}


def ticket_facts(activity: RemediationActivity) -> dict[str, Any]:
    """What an administrator needs to act on, in words and numbers of ours; no text of a source may pose as a marker."""
    recommendation = activity.recommendation
    goal = activity.goal.aggregate(
        weaknesses=Count("weakness"), exploited=Count("weakness", filter=~Q(weakness__exploit_level="none"))
    )
    return {
        "kind": "configuration" if recommendation.is_configuration else "software",
        "title": without_markers(activity.title),
        "remediation": activity.requested_remediation,
        "remediation_label": str(RemediationType(activity.requested_remediation).label),
        "source_id": recommendation.source_id,
        "category": recommendation.category,
        "subcategory": recommendation.subcategory,
        "product": without_markers(recommendation.software.name if recommendation.software else ""),
        "vendor": without_markers(recommendation.vendor),
        "component": without_markers(recommendation.related_component),
        "program": without_markers(recommendation.recommended_program),
        "to_version": without_markers(recommendation.recommended_version),
        "weaknesses": goal["weaknesses"],
        "exploited": goal["exploited"],
        "targets": activity.targets,
        "priority": activity.priority,
        "due_on": activity.due_on.isoformat() if activity.due_on else "",
        "notes": without_markers(activity.notes),
        "requester": activity.requester.email or activity.requester.get_username(),
        "checked_every": settings.SYNC_EVERY,
        "url": f"{settings.SITE_URL}{activity.get_absolute_url()}",
    } | _places(activity)


def part_facts(activity: RemediationActivity) -> dict[int, dict[str, Any]]:
    """For each part its devices counted by installed version, operating system and group, the most frequent first."""
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    in_parts = activity.devices.exclude(batch=None)
    for name, column in _COUNTED.items():
        rows = in_parts.values_list("batch", column).annotate(devices=Count("device")).order_by("-devices", column)
        for part, value, devices in rows:
            counted = found[part].setdefault(name, [])
            if len(counted) < _NAMED:
                counted.append([without_markers(value or ""), devices])
    return found


def _places(activity: RemediationActivity) -> dict[str, Any]:
    """Where the installed versions lie, and the updates that replace them, as far as a sync has seen it."""
    software = activity.recommendation.software
    if software is None:
        return {}
    counted = activity.devices.values_list("installed_version").annotate(devices=Count("device"))
    names = [version for version, _devices in counted.order_by("-devices")[:_NAMED_VERSIONS]]
    versions = list(SoftwareVersion.objects.filter(software=software, version__in=names).order_by("pk"))
    return {
        "disk_paths": _distinct(path for version in versions for path in version.disk_paths),
        "registry_paths": _distinct(path for version in versions for path in version.registry_paths),
        "security_updates": _distinct(version.security_update for version in versions),
    }


def _distinct(texts: Iterable[str]) -> list[str]:
    return [without_markers(text) for text in dict.fromkeys(texts) if text][:_NAMED_PATHS]
