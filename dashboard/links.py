"""Addresses of pages that another part declares; where there is none, of the list that finds the thing."""

from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse


def weakness(name: str) -> str:
    return _page_or_list("weakness", name, name)


def software(pk: int, name: str) -> str:
    return _page_or_list("software_detail", pk, name)


def _page_or_list(route: str, key: int | str, text: str) -> str:
    try:
        return reverse(route, args=[key])
    except NoReverseMatch:
        return f"{reverse('recommendations')}?{urlencode({'q': text})}"
