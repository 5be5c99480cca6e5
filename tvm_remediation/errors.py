"""The pages shown when something is refused or breaks. Each carries the request id and leaks nothing else."""

import sys
from collections.abc import Callable

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# For a browser or a probe that asks again by itself.
_SECONDS_TO_WAIT = "10"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", {"reason": str(exception or "")}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Rendered without context processors: they may be what failed. A database that is away or busy comes back: 503."""
    from django.template.loader import render_to_string

    context = {"request_id": getattr(request, "request_id", "")}
    if isinstance(sys.exception(), OperationalError):
        page = render_to_string("503.html", context)
        return HttpResponse(page, status=503, headers={"Retry-After": _SECONDS_TO_WAIT})
    return HttpResponse(render_to_string("500.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)


class WrongMethodMiddleware:
    """Django answers 405 with nothing to read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405:
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page
