"""The request as pages that read see it: somebody is signed in, and what was asked once is remembered on it."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from remediation.models import User

    from .groups import Selection
    from .numbers import Numbers


class Request(HttpRequest):
    """Only names what middleware and the first look put on it; nothing makes one."""

    user: "User"  # type: ignore[assignment]
    htmx: "HtmxDetails"
    device_group_selection: "Selection"
    page_numbers: "Numbers"
