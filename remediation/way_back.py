"""Where a small form leads back to: only to a page of ours."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def own_path(asked: str) -> str:
    """A path on this host, else the dashboard."""
    is_ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours else reverse("overview")


def way_back(request: HttpRequest, without: str = "") -> str:
    """The posted `next` when it is a path on this host, else the dashboard. Drops the query key `without`."""
    parts = urlsplit(own_path(request.POST.get("next", "")))
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != without]
    return urlunsplit(("", "", parts.path, urlencode(query), ""))
