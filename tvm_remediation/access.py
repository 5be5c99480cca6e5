"""Who may open which page: one table. A view that is not declared here is closed to everybody."""

from collections.abc import Callable

import structlog
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)

PUBLIC = "public"
SIGNED_IN = "signed in"
ADMIN = "the admin's own checks"

_VIEW = "remediation.view_recommendation"
_ACTIVITIES = "remediation.view_remediationactivity"
_TICKETS = "remediation.view_ticket"
_HANDLE = "remediation.handle_remediation"
_SETTINGS = "remediation.manage_settings"
_EXCEPTIONS = "remediation.view_recommendationexception"
_EXCEPT = "remediation.handle_exception"
_DEVICES = "remediation.view_device"
_INACCURACIES = "remediation.view_inaccuracyreport"

ACCESS: dict[str, str] = {
    "login": PUBLIC,
    "logout": SIGNED_IN,
    # Not there unless MICROSOFT_SIGN_IN is on.
    "sign_in_with_microsoft": PUBLIC,
    "microsoft_signed_in": PUBLIC,
    "livez": PUBLIC,
    "readyz": PUBLIC,
    # Has a key of its own: see health.metrics.
    "metrics": PUBLIC,
    # The pages that only read.
    "overview": _VIEW,
    "exposure_score": _VIEW,
    "events": _VIEW,
    "recommendations": _VIEW,
    "recommendation": _VIEW,
    "recommendation_devices": _VIEW,
    "software_list": _VIEW,
    "software": _VIEW,
    "software_devices": _VIEW,
    "weaknesses": _VIEW,
    "weakness": _VIEW,
    "weakness_devices": _VIEW,
    "activities": _ACTIVITIES,
    "activity": _ACTIVITIES,
    "exceptions": _EXCEPTIONS,
    "exception": _EXCEPTIONS,
    "imported": _ACTIVITIES,
    "tickets": _TICKETS,
    "ticket_state": _TICKETS,
    "group_script": _TICKETS,
    "devices": _DEVICES,
    "device": _DEVICES,
    "device_software": _DEVICES,
    "device_weaknesses": _DEVICES,
    "device_activities": _DEVICES,
    "inaccuracies": _INACCURACIES,
    "inaccuracy": _INACCURACIES,
    # And all device groups: see dashboard.groups.require_all_groups.
    "access_review": "remediation.view_user",
    "audit": "remediation.view_auditevent",
    # Each kind of result has the permission of its own pages.
    "search": _VIEW,
    # The work.
    "remediation_options": _HANDLE,
    "exception_options": _EXCEPT,
    "exception_extension": _EXCEPT,
    # As above.
    "exception_transition": _EXCEPTIONS,
    # The verb decides which permission is needed: the rule asks for it.
    "activity_transition": _ACTIVITIES,
    "activity_rest": _HANDLE,
    "ticket_retry": _HANDLE,
    "ticket_adopt": _HANDLE,
    "ticket_abandon": _HANDLE,
    "ticket_group": _HANDLE,
    "device_values": "remediation.change_device_value",
    "report_inaccuracy": "remediation.report_inaccuracy",
    "close_inaccuracy": "remediation.close_inaccuracy",
    # A person's own view.
    "select_groups": SIGNED_IN,
    "set_theme": SIGNED_IN,
    # Settings.
    "settings_features": _SETTINGS,
    "settings_switch": _SETTINGS,
    "settings_connection_test": _SETTINGS,
    "settings_sources": _SETTINGS,
    "settings_feed_load": _SETTINGS,
    "settings_delivery": _SETTINGS,
    "settings_finding_close": _SETTINGS,
    "settings_syncs": _SETTINGS,
    "settings_sync": _SETTINGS,
    "settings_sync_start": _SETTINGS,
    "settings_sync_confirm": _SETTINGS,
}


# Django's redirect to any row of any table: it would tell which numbers there are in other device groups.
CLOSED = {"admin:view_on_site"}


def permission_for(route: str) -> str | None:
    """The permission that opens a route, PUBLIC, SIGNED_IN or ADMIN; None for one that is closed or not declared."""
    if route in CLOSED:
        return None
    return ADMIN if route.startswith("admin:") else ACCESS.get(route)


class AccessMiddleware:
    """Holds every request against the table before its view runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> None:
        route = request.resolver_match.view_name if request.resolver_match else ""
        needed = permission_for(route)
        if needed is None:
            log.warning("undeclared_view", route=route)
            raise PermissionDenied("This page is not declared in the access table.")
        if needed in {PUBLIC, SIGNED_IN, ADMIN} or request.user.has_perm(needed):
            return
        if request.user.is_authenticated:
            raise PermissionDenied("Your roles do not include this page.")
