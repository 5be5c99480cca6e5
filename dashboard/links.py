"""Addresses of what has a page of its own, with the nearest one where it has none."""

from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse


def address(route: str, *args: object) -> str:
    """The address of a route that another part of the product declares; empty while it does not."""
    try:
        return reverse(route, args=args)
    except NoReverseMatch:
        return ""


def weakness_address(name: str) -> str:
    """The weakness's own page, else the recommendations that end it."""
    return address("weakness", name) or f"{reverse('recommendations')}?{urlencode({'q': name})}"
