"""The Remediation page's tab of what others track: Defender's own activities, Intune's tasks that are not ours."""

from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import ImportedActivity, ImportedFrom, ImportedStatus

from .. import cells
from ..groups import selection
from ..numbers import imported_in, numbers
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter
from .tabs import ask_tabs


def _title(row: Row) -> SafeString:
    return format_html(
        '<span class="fw-medium d-block text-break">{}</span>{}<span class="d-md-none d-block mt-1 small">{}</span>',
        row["title"],
        _about(row),
        cells.imported_status(row["status"]),
    )


def _about(row: Row) -> SafeString:
    """Where to go on from here: the recommendation that it is about, as far as that can be told."""
    if row["recommendation_id"] is None:
        return format_html('<span class="small muted">{}</span>', row["related_component"] or _("No recommendation"))
    address = reverse("recommendation", args=[row["recommendation_id"]])
    return format_html('<a class="small under" href="{}">{}</a>', address, _("Recommendation"))


def _origin(row: Row) -> SafeString:
    return cells.tags([cells.label(row["imported_from"], ImportedFrom)])


def _progress(row: Row) -> Any:
    if row["target_devices"] is None:
        return cells.EMPTY
    return cells.progress(row["fixed_devices"] or 0, row["target_devices"])


class ImportedTable(ListTable):
    fields = (
        "title",
        "related_component",
        "recommendation_id",
        "imported_from",
        "remediation_type",
        "requester",
        "status",
        "created_there_at",
        "due_on",
        "target_devices",
        "fixed_devices",
        "last_seen_at",
    )
    default_sort = "-created"
    opens = ""
    extra_csv = [
        ("id", F("remote_id")),
        ("recommendation_id", F("recommendation_id")),
        ("priority", F("priority")),
        ("notes", F("notes")),
        ("closed_at", F("closed_there_at")),
        ("first_seen_at", F("first_seen_at")),
    ]

    title = Column(
        gettext_lazy("Activity"),
        _title,
        sort="title",
        head=True,
        csv=[("title", F("title")), ("related_component", F("related_component"))],
    )
    origin = Column(gettext_lazy("Origin"), _origin, sort="imported_from", csv=[("imported_from", F("imported_from"))])
    type = Column(
        gettext_lazy("Remediation type"),
        lambda row: row["remediation_type"] or cells.EMPTY,
        sort="remediation_type",
        css="two hide-m",
        csv=[("remediation_type", F("remediation_type"))],
    )
    requester = Column(
        gettext_lazy("Requester"),
        lambda row: row["requester"] or cells.EMPTY,
        sort="requester",
        css="two hide-t text-break",
        csv=[("requester", F("requester"))],
    )
    created = Column(
        gettext_lazy("Created"),
        lambda row: cells.day(row["created_there_at"]),
        sort="created_there_at",
        css="muted text-nowrap hide-t",
        csv=[("created_at", F("created_there_at"))],
    )
    due = Column(
        gettext_lazy("Due date"),
        lambda row: cells.due(row["due_on"], row["status"]),
        sort="due_on",
        css="text-nowrap hide-s",
        csv=[("due_on", F("due_on"))],
    )
    status = Column(
        gettext_lazy("Status"),
        lambda row: cells.imported_status(row["status"]),
        sort="status",
        css="hide-s",
        csv=[("status", F("status"))],
    )
    progress = Column(
        gettext_lazy("Progress"),
        _progress,
        css="prog hide-s",
        csv=[("fixed_devices", F("fixed_devices")), ("target_devices", F("target_devices"))],
    )
    seen = Column(
        gettext_lazy("Last seen there"),
        lambda row: cells.moment(row["last_seen_at"]),
        sort="last_seen_at",
        css="num muted hide-m",
        csv=[("last_seen_at", F("last_seen_at"))],
    )


class ImportedFilters(ListFilters):
    q = text_filter("with_text")
    origin = django_filters.MultipleChoiceFilter(
        field_name="imported_from", choices=ImportedFrom, label=gettext_lazy("Origin")
    )
    status = django_filters.MultipleChoiceFilter(choices=ImportedStatus, label=gettext_lazy("Status"))
    linked = django_filters.ChoiceFilter(
        method="by_link",
        choices=[("yes", gettext_lazy("Found")), ("no", gettext_lazy("Not found"))],
        label=gettext_lazy("Recommendation"),
        empty_label=gettext_lazy("Any"),
    )

    class Meta:
        model = ImportedActivity
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(
            Q(title__icontains=value) | Q(related_component__icontains=value) | Q(requester__icontains=value)
        )

    def by_link(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(recommendation__isnull=value == "no")


class ImportedList(List):
    counted_as = "tab_imported"

    def ask(self) -> None:
        ask_tabs(self.request, self.groups)


@require_GET
def imported(request: Request) -> HttpResponseBase:
    listing = ImportedList(
        request,
        ImportedTable,
        ImportedFilters,
        imported_in(selection(request)),
        view="imported-activities",
        title=_("Remediation"),
        noun=ngettext_lazy("imported activity", "imported activities"),
        empty={
            "icon": "inbox",
            "title": _("Nothing imported"),
            "text": _(
                "Remediation that was requested in Defender, and security tasks of Intune that are not ours, "
                "appear here for those who see all device groups, or all of theirs."
            ),
        },
    )
    return show(
        listing,
        "dashboard/imported.html",
        placeholder=_("Filter by title, component or requester"),
        tab="imported",
        numbers=numbers(request),
    )
