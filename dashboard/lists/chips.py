"""The active filters of a list as chips, each with the address that removes it."""

from dataclasses import dataclass
from typing import Any

import django_filters
from django import forms


@dataclass(frozen=True)
class Chip:
    name: str
    value: str
    remove_url: str


def asked_for(filters: django_filters.FilterSet) -> dict[str, Any]:
    """What the filters were asked for, without what is empty or not valid."""
    values = filters.form.cleaned_data if filters.form.is_valid() else getattr(filters.form, "cleaned_data", {})
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def chips(filters: django_filters.FilterSet) -> list[Chip]:
    """From the address alone, so that they survive a reload."""
    found = []
    for name, value in asked_for(filters).items():
        for single in value if isinstance(value, list) else [value]:
            word = _word(filters.form.fields[name], single)
            found.append(Chip(str(filters.filters[name].label), word, _without(filters, name, single)))
    return found


def _word(field: forms.Field, value: Any) -> str:
    for code, word in getattr(field, "choices", []):
        if str(code) == str(value):
            return str(word)
    return str(value)


def _without(filters: django_filters.FilterSet, name: str, value: Any) -> str:
    query = filters.data.copy()
    query.setlist(name, [other for other in query.getlist(name) if other.strip() != str(value)])
    for gone in ("page", "open"):
        query.pop(gone, None)
    if not query.getlist(name):
        query.pop(name, None)
    return "?" + query.urlencode()
