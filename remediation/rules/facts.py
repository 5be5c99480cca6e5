"""The neutral facts of a ticket, frozen at the request. A connector makes its payload of them, once."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from ..markers import without_markers
from ..models import RemediationActivity, RemediationType

_NAMED_VERSIONS = 8


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
        "from_versions": _counted(activity, "installed_version", most=_NAMED_VERSIONS),
        "to_version": without_markers(recommendation.recommended_version),
        "systems": _counted(activity, "device__os_platform"),
        "groups": _counted(activity, "group__name"),
        "weaknesses": goal["weaknesses"],
        "exploited": goal["exploited"],
        "targets": activity.targets,
        "priority": activity.priority,
        "due_on": activity.due_on.isoformat() if activity.due_on else "",
        "notes": without_markers(activity.notes),
        "requester": activity.requester.email or activity.requester.get_username(),
        "url": f"{settings.SITE_URL}{activity.get_absolute_url()}",
    }


def _counted(activity: RemediationActivity, column: str, most: int = 50) -> list[list[Any]]:
    """Value and devices, the most frequent first."""
    rows = activity.devices.values_list(column).annotate(devices=Count("device")).order_by("-devices", column)[:most]
    return [[without_markers(value or ""), devices] for value, devices in rows]
