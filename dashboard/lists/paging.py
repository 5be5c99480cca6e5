"""One page of a list. Far pages are found by their keys first, so that the database skips keys and not whole rows."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from ..numbers import CAP

PER_PAGE = 50
CHOICES = (25, 50, 100)
# Beyond this page the rows are fetched by key.
DEFERRED_BEYOND = 100


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


def page_of(rows: QuerySet, count: int, query: QueryDict, key: str = "pk") -> Page:
    per_page = _whole_number(query.get("per_page"), PER_PAGE)
    per_page = per_page if per_page in CHOICES else PER_PAGE
    number = max(1, _whole_number(query.get("page"), 1))
    if count <= CAP:
        number = min(number, max(1, -(-count // per_page)))
    start = (number - 1) * per_page
    return Page(_slice(rows, start, per_page, number, key), number, per_page, count, query)


def _slice(rows: QuerySet, start: int, size: int, number: int, key: str) -> list:
    if number <= DEFERRED_BEYOND:
        return list(rows[start : start + size])
    keys = list(rows.values_list(key, flat=True)[start : start + size])
    found = {row[key]: row for row in rows.filter(**{f"{key}__in": keys})}
    return [found[each] for each in keys if each in found]


def _whole_number(text: str | None, default: int) -> int:
    if not text or not text.isascii() or not text.isdigit() or len(text) > 6:
        return default
    return int(text)
