"""Event timeline: new weaknesses, exploits, additions to KEV and assessments that touch the selected device groups."""

from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import F, QuerySet
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import Event, EventKind

from .. import cells
from ..groups import selection
from ..periods import CHOICES
from ..requests import Request
from ..timeline import FIELDS, event_address, event_detail, events_in
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter


def _title(row: Row) -> SafeString:
    name = row["name"] or cells.label(row["kind"], EventKind)
    detail = event_detail(row)
    url = event_address(row)
    # Where the column of types has no room.
    kind = format_html('<span class="d-block d-md-none mt-1">{}</span>', cells.event_kind(row["kind"]))
    if not url:
        return cells.two_lines(name, detail) + kind
    return format_html(
        '<a class="t text-truncate" href="{}">{}</a><span class="small muted">{}</span>{}', url, name, detail, kind
    )


def _severity(row: Row) -> Any:
    return cells.level(row["weakness__severity"]) if row["weakness__severity"] else cells.EMPTY


class EventTable(ListTable):
    fields = tuple(name for name in FIELDS if name != "pk")
    default_sort = "-at"

    at = Column(
        gettext_lazy("When"), lambda row: cells.moment(row["at"]), sort="at", css="text-nowrap", csv=[("at", F("at"))]
    )
    event = Column(
        gettext_lazy("Event"),
        _title,
        sort="name",
        head=True,
        csv=[("name", F("name")), ("before", F("before")), ("after", F("after"))],
    )
    kind = Column(
        gettext_lazy("Type"),
        lambda row: cells.event_kind(row["kind"]),
        sort="kind",
        css="hide-s",
        csv=[("type", F("kind"))],
    )
    severity = Column(
        gettext_lazy("Severity"),
        _severity,
        css="hide-m",
        csv=[("severity", F("weakness__severity")), ("cvss", F("weakness__cvss")), ("component", F("component"))],
    )
    devices = Column(
        gettext_lazy("Devices affected"),
        lambda row: cells.number(row["in_devices"]),
        sort="in_devices",
        css="num",
        csv=[("devices_affected", F("in_devices"))],
    )
    step = Column(
        gettext_lazy("Score, that sync"),
        lambda row: cells.step(row["step"]),
        css="num hide-s",
        csv=[("score_step", F("step"))],
    )


class EventFilters(ListFilters):
    q = text_filter("with_text")
    kind = django_filters.MultipleChoiceFilter(choices=EventKind, label=gettext_lazy("Type"))
    days = django_filters.ChoiceFilter(
        method="within",
        choices=[(str(days), gettext_lazy("Last %(days)d days") % {"days": days}) for days in CHOICES],
        label=gettext_lazy("Period"),
        empty_label=gettext_lazy("Any"),
    )

    class Meta:
        model = Event
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(name__icontains=value)

    def within(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(at__gte=timezone.now() - timedelta(days=int(value)))


@require_GET
def events(request: Request) -> HttpResponseBase:
    listing = List(
        request,
        EventTable,
        EventFilters,
        events_in(selection(request)),
        view="events",
        title=_("Event timeline"),
        noun=ngettext_lazy("event", "events"),
        empty={
            "icon": "clock-history",
            "title": _("No event"),
            "text": _("Nothing new has touched the devices of the selected groups."),
        },
    )
    return show(listing, "dashboard/events.html", placeholder=_("Filter by CVE or recommendation"))
