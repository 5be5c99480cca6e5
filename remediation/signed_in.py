"""The request as every page but the public ones sees it: somebody is signed in."""

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from .models import User


class SignedInRequest(HttpRequest):
    """Only names what middleware put on it; nothing makes one. The access table keeps everybody else out."""

    # Django's own type allows for nobody being signed in.
    user: "User"  # type: ignore[assignment]
    htmx: "HtmxDetails"
    request_id: str
