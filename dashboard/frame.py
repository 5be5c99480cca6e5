"""What every page's frame shows: navigation with counts, device groups, roles, the last complete sync.

Nothing is asked of the database before the template looks, so partials and error pages do not pay for it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from .groups import Selection, selection
from .numbers import numbers
from .requests import Request


@dataclass(frozen=True)
class Entry:
    """One line of the navigation."""

    route: str
    label: Any
    icon: str
    permission: str
    # Routes that count as being here.
    covers: frozenset[str]
    number: str = ""
    # What it lists cannot be cut to device groups.
    needs_all_groups: bool = False


NAVIGATION = [
    Entry(
        "overview",
        _("Dashboard"),
        "speedometer2",
        "remediation.view_recommendation",
        frozenset({"overview", "exposure_score"}),
    ),
    Entry(
        "recommendations",
        _("Security recommendations"),
        "list-check",
        "remediation.view_recommendation",
        frozenset(
            {"recommendations", "recommendation", "recommendation_devices", "remediation_options", "exception_options"}
        ),
        "frame_recommendations",
    ),
    Entry(
        "activities",
        _("Remediation"),
        "tools",
        "remediation.view_remediationactivity",
        frozenset({"activities", "activity", "activity_devices", "exceptions", "exception", "tickets", "imported"}),
        "frame_activities",
    ),
    Entry(
        "software_list",
        _("Software"),
        "box-seam",
        "remediation.view_recommendation",
        frozenset({"software_list", "software", "software_devices"}),
    ),
    Entry(
        "weaknesses",
        _("Weaknesses"),
        "shield-exclamation",
        "remediation.view_recommendation",
        frozenset({"weaknesses", "weakness", "weakness_devices", "weakness_exception_options"}),
    ),
    Entry(
        "devices",
        _("Devices"),
        "pc-display",
        "remediation.view_device",
        frozenset(
            {
                "devices",
                "device",
                "device_software",
                "device_weaknesses",
                "device_activities",
                "device_values",
                "inaccuracies",
                "inaccuracy",
                "close_inaccuracy",
                "report_inaccuracy",
            }
        ),
    ),
    Entry(
        "events",
        _("Event timeline"),
        "clock-history",
        "remediation.view_recommendation",
        frozenset({"events"}),
    ),
    Entry(
        "audit",
        _("Audit"),
        "list",
        "remediation.view_auditevent",
        frozenset({"audit"}),
        needs_all_groups=True,
    ),
    Entry(
        "access_review",
        _("Access review"),
        "person-check",
        "remediation.view_user",
        frozenset({"access_review"}),
        needs_all_groups=True,
    ),
    Entry(
        "settings_features",
        _("Settings"),
        "gear",
        "remediation.manage_settings",
        frozenset({"settings_features", "settings_sources", "settings_delivery", "settings_syncs", "settings_sync"}),
    ),
]


class Frame:
    """Handed to every template; each part is worked out when it is printed."""

    def __init__(self, request: Request) -> None:
        self._request = request

    @property
    def is_sandbox(self) -> bool:
        return bool(settings.MICROSOFT.tenant_id) and settings.MICROSOFT.is_sandbox

    @property
    def is_connected(self) -> bool:
        return bool(settings.MICROSOFT.is_configured)

    @property
    def has_microsoft_sign_in(self) -> bool:
        return settings.MICROSOFT_SIGN_IN.is_on

    @cached_property
    def theme(self) -> str:
        user = getattr(self._request, "user", None)
        return getattr(user, "theme", "") or ""

    @cached_property
    def groups(self) -> Selection:
        return selection(self._request)

    @cached_property
    def synced_at(self) -> datetime | None:
        return numbers(self._request)["frame_synced_at"]

    @property
    def initials(self) -> str:
        user = self._request.user
        letters = f"{user.first_name[:1]}{user.last_name[:1]}" or user.username[:2]
        return letters.upper()

    @cached_property
    def navigation(self) -> list[dict]:
        here = self._request.resolver_match.view_name if self._request.resolver_match else ""
        return [self._line(entry, here) for entry in NAVIGATION if self._is_shown(entry)]

    def _is_shown(self, entry: Entry) -> bool:
        user = self._request.user
        may = user.has_perm(entry.permission) and (user.sees_all_groups or not entry.needs_all_groups)
        return may and bool(_address(entry.route))

    def _line(self, entry: Entry, here: str) -> dict:
        return {
            "url": _address(entry.route),
            "label": entry.label,
            "icon": entry.icon,
            "is_here": here in entry.covers,
            "number": numbers(self._request)[entry.number] if entry.number else None,
        }


def frame(request: Request) -> dict:
    return {"frame": Frame(request)}


def _address(route: str) -> str:
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""
