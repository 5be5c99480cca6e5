"""How every list works: columns, sorting, filters, paging and CSV, all from the address and from one table class.

django-tables2 has the columns, their headers and the ordering. Its stock template would be 98 % of a page's time, so
the rows are joined here from the cells of `dashboard.cells`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import django_filters
import django_tables2 as tables
from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from remediation.rules.exports import record_export

from .. import exports
from ..groups import Selection, selection
from ..numbers import CountOf, numbers
from ..published import Answer, published
from ..requests import Request
from .chips import asked_for, chips
from .paging import Page, page_of

Row = dict[str, Any]
EMPTY_ATTRIBUTES = format_html("{}", "")


class Column(tables.Column):
    """One column: how a row's cell looks, how it sorts, and what the CSV has of it."""

    def __init__(
        self,
        label: Any,
        cell: Callable[[Row], Any],
        *,
        sort: tuple[str, ...] | str = (),
        css: str = "",
        head: bool = False,
        csv: list[tuple[str, Any]] | None = None,
    ) -> None:
        order = (sort,) if isinstance(sort, str) else sort
        super().__init__(verbose_name=label, orderable=bool(order), order_by=order or None, empty_values=())
        self.cell = cell
        self.css = css
        # The cell that names the row.
        self.head = head
        self.csv = csv or []


class ListTable(tables.Table):
    """The base of all lists. A subclass names its columns and, in `fields`, what they read."""

    fields: tuple[str, ...] = ()
    # What tells the rows apart. A composite primary key among the values would shift the columns that SQL orders by.
    key = "pk"
    default_sort = ""
    # What a row's first link does: "open" puts it into the flyout, "href" follows it; "" for rows without one.
    opens = "href"
    extra_csv: list[tuple[str, Any]] = []

    class Meta:
        template_name = "components/table.html"

    def column_list(self) -> list[Column]:
        return list(self.base_columns.values())

    def rows_html(self, rows: list[Row], marked: str = "") -> SafeString:
        """The body of the table: every cell already knows how it looks; one template takes a whole row of them."""
        columns = self.column_list()
        cells = [column.cell for column in columns]
        return format_html_join(
            "\n",
            "<tr{}>" + "".join(f"{_opening(column)}{{}}{_closing(column)}" for column in columns) + "</tr>",
            ((self._row_attributes(row, marked), *(cell(row) for cell in cells)) for row in rows),
        )

    def _row_attributes(self, row: Row, marked: str) -> SafeString:
        if not self.opens:
            return EMPTY_ATTRIBUTES
        css = format_html(' class="on"') if marked and marked == str(row[self.key]) else EMPTY_ATTRIBUTES
        return format_html(' data-{}="{}"{}', self.opens, row[self.key], css)

    def csv_columns(self) -> exports.Columns:
        return [pair for column in self.column_list() for pair in column.csv] + list(self.extra_csv)


def _opening(column: Column) -> SafeString:
    css = f"fw-normal {column.css}".strip() if column.head else column.css
    attributes = format_html(' class="{}"', css) if css else ""
    return format_html('<th scope="row"{}>', attributes) if column.head else format_html("<td{}>", attributes)


def _closing(column: Column) -> SafeString:
    return format_html("</th>") if column.head else format_html("</td>")


class ListFilters(django_filters.FilterSet):
    """Filters of a list. Values that are not valid are said on the form and filter nothing."""

    @property
    def is_filtering(self) -> bool:
        return bool(chips(self))


@dataclass
class List:
    """One list, asked for by one request."""

    request: Request
    table_class: type[ListTable]
    filter_class: type[ListFilters]
    queryset: QuerySet
    view: str
    title: Any
    # A lazy plural; `noun % count` is the word for so many.
    noun: Any
    empty: dict[str, Any]
    # Instead of the table's own, where a list is too long to be sorted unasked.
    default_sort: str | None = None
    # Its length without filters, where that is known.
    length: int | None = None

    # The number, asked for by `ask`, that says how long the list is without filters.
    counted_as: ClassVar[str] = ""
    # Whether its length and its order change with the published numbers alone; then each is worked out once.
    is_published: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.filters = self.filter_class(self.request.GET, queryset=self.queryset, request=self.request)
        self.groups: Selection = selection(self.request)

    def ask(self) -> None:
        """Numbers that `prepare` needs, to be asked with the page's others."""

    def prepare(self, queryset: QuerySet) -> QuerySet:
        """What the rows show, beyond what the filters need."""
        return queryset

    @cached_property
    def table(self) -> ListTable:
        return self.table_class(self.prepare(self.filters.qs), order_by=self._sort(), empty_text="")

    @property
    def rows_queryset(self) -> QuerySet:
        ordered = self.table.data.data
        # Rows that compare equal keep their order from page to page.
        return ordered.order_by(*(ordered.query.order_by or ()), f"-{self.table_class.key}")

    def _sort(self) -> str:
        asked = self.request.GET.get("sort", "")
        column = self.table_class.base_columns.get(asked.removeprefix("-"))
        if column is not None and column.orderable:
            return asked
        return self.table_class.default_sort if self.default_sort is None else self.default_sort

    def record_export(self) -> None:
        """Who took the file, and what narrows it."""
        filters = {name: _plain(value) for name, value in asked_for(self.filters).items()}
        about = {"address": self.request.path, "filters": filters, "device_groups": self.groups.named}
        record_export(self.view, str(self.title), about, by=self.request.user)

    def csv(self) -> HttpResponseBase:
        self.ask()
        return exports.stream(self.rows_queryset, self.table.csv_columns(), self.view)

    def page(self) -> Page:
        self.ask()
        # First, for it asks all numbers at once, and preparing the rows looks at some.
        count, key = self._count(), self.table_class.key
        rows = self.rows_queryset.values(key, *self.table_class.fields)
        return page_of(rows, self.keys().values(key), count, self.request.GET, self._known)

    def keys(self) -> QuerySet:
        """The rows in their order, to find those of a page by."""
        return self.rows_queryset

    def _count(self) -> int:
        if self.length is not None and not self.filters.is_filtering:
            return self.length
        if self.counted_as and not self.filters.is_filtering:
            return numbers(self.request)[self.counted_as]
        return self._once(self.filters.qs, self._ask_count)

    def _ask_count(self) -> int:
        return numbers(self.request).ask(list_count=CountOf(self.filters.qs))["list_count"]

    def _known(self, keys: QuerySet) -> QuerySet | list:
        """The keys of the page where they are kept; else the query that finds them."""
        return self._once(keys, lambda: [row[self.table_class.key] for row in keys]) if self.is_published else keys

    def _once(self, queryset: QuerySet, make: Callable[[], Answer]) -> Answer:
        """What follows from the queryset alone: the same until the next publication."""
        if not self.is_published:
            return make()
        try:
            question = str(queryset.query)
        except EmptyResultSet:
            # Nothing can be found, so there is nothing to ask.
            return make()
        return published(self.request, question, make)

    def context(self) -> dict[str, Any]:
        page = self.page()
        rows = list(page.rows)
        return {
            "list": self,
            "page": page,
            "noun": self.noun % page.count,
            "nouns": self.noun % 0,
            "rows": rows,
            "body": self.table.rows_html(rows, marked=self.request.GET.get("open", "")),
            "heads": [self._head(column) for column in self.table.columns],
            "chips": chips(self.filters),
            "clear_url": self._url_without(set(self.filters.filters) | {"page", "open"}),
            "whole_csv_url": self._url_without(set(self.filters.filters) | {"page", "open", "format"}) + "&format=csv",
            "csv_url": "?" + _changed(self.request.GET, page=None, open=None, format="csv"),
            "kept": [(name, self.request.GET[name]) for name in ("sort", "per_page") if name in self.request.GET]
            + [("groups", value) for value in self.request.GET.getlist("groups")],
        }

    def _head(self, column: Any) -> dict[str, Any]:
        is_sorted = column.is_ordered
        descending = is_sorted and column.order_by_alias.is_descending
        next_sort = column.name if descending or not is_sorted else f"-{column.name}"
        if not is_sorted and "num" in column.column.css.split():
            next_sort = f"-{column.name}"
        return {
            "label": column.header,
            "css": column.column.css,
            "url": "?" + _changed(self.request.GET, sort=next_sort, page=None, open=None) if column.orderable else "",
            "sorted": ("descending" if descending else "ascending") if is_sorted else "",
        }

    def _url_without(self, names: set[str]) -> str:
        query = self.request.GET.copy()
        for name in names:
            query.pop(name, None)
        return "?" + query.urlencode()


def show(listing: List, template: str, **context: Any) -> HttpResponseBase:
    """The page, or the file for `?format=csv`."""
    if listing.request.GET.get("format") == "csv":
        listing.record_export()
        return listing.csv()
    return render(listing.request, template, listing.context() | context)


def _changed(query: QueryDict, **changes: Any) -> str:
    query = query.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = value
    return query.urlencode()


def _plain(value: Any) -> str | list[str]:
    return [str(single) for single in value] if isinstance(value, list) else str(value)


def spoken(label: Any) -> Any:
    """The head of a column that needs no visible one."""
    return lazy(lambda: format_html('<span class="visually-hidden">{}</span>', label), SafeString)()


TEXT_LIMIT = 200


class ChoicesFilter(django_filters.MultipleChoiceFilter):
    """Any of the ticked values of one column. No row has two, so nothing need be made distinct."""

    def __init__(self, **options: Any) -> None:
        super().__init__(distinct=False, **options)


def text_filter(method: str) -> django_filters.CharFilter:
    return django_filters.CharFilter(method=method, label=_("Text"), max_length=TEXT_LIMIT)
