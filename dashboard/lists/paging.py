"""One page of a list. It is found by its keys first, so that the database sorts and skips keys and not whole rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from ..numbers import CAP

PER_PAGE = 50
CHOICES = (25, 50, 100)
# Takes the query for the keys of a page; returns it, or the keys.
Known = Callable[[QuerySet], QuerySet | list]


@dataclass(frozen=True)
class Page:
    """What the pager and the body print."""

    rows: Any
    number: int
    per_page: int
    count: int
    query: QueryDict

    @property
    def first(self) -> int:
        return (self.number - 1) * self.per_page + 1 if self.count else 0

    @property
    def last(self) -> int:
        return min(self.number * self.per_page, self.count) if not self.is_capped else self.number * self.per_page

    @property
    def is_capped(self) -> bool:
        return self.count > CAP

    @property
    def pages(self) -> int:
        return max(1, -(-min(self.count, CAP) // self.per_page))

    @property
    def previous_url(self) -> str:
        return self._url(self.number - 1) if self.number > 1 else ""

    @property
    def next_url(self) -> str:
        has_more = self.number < self.pages or (self.is_capped and len(self.rows) == self.per_page)
        return self._url(self.number + 1) if has_more else ""

    @property
    def sizes(self) -> list[tuple[int, str]]:
        """Rows a page to choose from, each with its address; changing it starts over."""
        return [(size, self._url(1, per_page=str(size))) for size in CHOICES]

    def _url(self, number: int, **more: str) -> str:
        query = self.query.copy()
        query.pop("open", None)
        for name, value in {"page": str(number), **more}.items():
            query[name] = value
        return "?" + query.urlencode()


def page_of(rows: QuerySet, keys: QuerySet, count: int, query: QueryDict, known: Known = lambda keys: keys) -> Page:
    """`keys` are the one value that tells the rows apart, in the rows' order; `known` may know those of the page."""
    per_page = _whole_number(query.get("per_page"), PER_PAGE)
    per_page = per_page if per_page in CHOICES else PER_PAGE
    number = max(1, _whole_number(query.get("page"), 1))
    if count <= CAP:
        number = min(number, max(1, -(-count // per_page)))
    start = (number - 1) * per_page
    (key,) = keys.query.values_select
    found = rows.filter(**{f"{key}__in": known(keys[start : start + per_page])})
    return Page(list(found), number, per_page, count, query)


def _whole_number(text: str | None, default: int) -> int:
    if not text or not text.isascii() or not text.isdigit() or len(text) > 6:
        return default
    return int(text)
