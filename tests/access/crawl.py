"""Every page of the product as somebody sees it, and each list in each order and by each filter."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from .people import Visitor
from .routes import OURS
from .table import lines_of_the_pages
from .things import Things

# Parts of what nobody should find, and of what everybody may.
SEARCHED = ["anary", "lain"]
_CHANGING = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]+"|"X-CSRFToken": "[^"]+"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
)
_ID = re.compile(r"/\d+/")
_SECTIONS = {"Reading", "The work"}
_PAGES = {line.path for line in lines_of_the_pages() if line.method == "GET" and line.section in _SECTIONS}


def read(visitor: Visitor, things: Things) -> dict[str, str]:
    """Address -> what it says, without what differs from request to request; of single things those that are there."""
    return {address: said(page) for address, page in _pages(visitor, things)}


def crawl(visitor: Visitor, things: Things) -> dict[str, str]:
    """And what each list says in any order and by any filter; those of one thing have no other rows than its own."""
    found = {}
    for address, page in _pages(visitor, things):
        found[address] = said(page)
        for query in _variants(_list_of(page) if _ID.search(address) is None else None):
            found[f"{address}?{query}"] = said(visitor.ask("GET", f"{address}?{query}"))
    for address in _by_hand(things):
        found[address] = said(visitor.ask("GET", address))
    return found


def said(response) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return f"{response.status_code} {_CHANGING.sub('', body.decode())}"


def _pages(visitor: Visitor, things: Things) -> Iterator[tuple[str, Any]]:
    for name, path in OURS.items():
        if path in _PAGES and ("<" not in path or name in things.keys):
            address = things.address(name)
            page = visitor.ask("GET", address)
            yield address, page
            if _list_of(page) or name == "activity":
                yield f"{address}?format=csv", visitor.ask("GET", f"{address}?format=csv")


def _by_hand(things: Things) -> Iterator[str]:
    """What no list has: the search, the panel over a page, and further things."""
    yield from things.more
    for text in SEARCHED:
        yield f"{things.address('search')}?q={text}"
    for name in ("overview", "recommendations"):
        yield f"{things.address(name)}?open={things.keys['recommendation']}"


def _list_of(page: Any) -> Any:
    # A ContextList, which has no default of its own.
    return page.context["list"] if page.context and "list" in page.context else None


def _variants(listing: Any) -> Iterator[str]:
    """Each order, and each filter by the last of its choices, as a file, which has all rows; and searches."""
    if listing is None:
        return
    for text in SEARCHED:
        yield urlencode({"q": text})
    for name, column in listing.table_class.base_columns.items():
        if column.orderable:
            yield urlencode({"sort": name, "format": "csv"})
    for name, field in listing.filters.form.fields.items():
        for value, _ in list(getattr(field, "choices", []))[-1:]:
            yield urlencode({name: value, "format": "csv"})
