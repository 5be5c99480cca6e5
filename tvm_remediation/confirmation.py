"""Whoever changes roles or policies has to have shown lately that it is them: one table of the routes, and its gate."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from remediation.confirmation import is_confirmed, lasts

# Route -> the page that has its form, where the route is not that page itself.
CONFIRMED: dict[str, str] = {
    "password": "",
    "settings_switch": "settings_features",
    "admin:password_change": "",
    "admin:auth_user_password_change": "",
    "admin:remediation_user_add": "",
    "admin:remediation_user_change": "",
    "admin:auth_group_add": "",
    "admin:auth_group_change": "",
}
_LOOKING = {"GET", "HEAD"}


class ConfirmationMiddleware:
    """Asks before a form opens, so that nothing typed is lost; and again where it comes too late."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        route = request.resolver_match.view_name if request.resolver_match else ""
        if route not in CONFIRMED or not _concerns(request, route):
            return None
        is_looking = request.method in _LOOKING
        # Other methods are the view's own to refuse, and so is looking where there is no form.
        if request.method != "POST" and not (is_looking and not CONFIRMED[route]):
            return None
        # Half of the time is for filling in the form.
        if is_confirmed(request, with_left=lasts() / 2 if is_looking else timedelta(0)):
            return None
        if not is_looking:
            messages.warning(request, _("Nothing was changed yet: confirm that it is you, then do it once more."))
        page = reverse(CONFIRMED[route]) if CONFIRMED[route] else request.get_full_path()
        return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': page})}")


def _concerns(request: HttpRequest, route: str) -> bool:
    """Others are turned away by who guards the page, and not asked for a password first."""
    return request.user.is_staff if route.startswith("admin:") else request.user.is_authenticated
