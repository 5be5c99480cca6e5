"""The Remediation page's first tab: the activities that touch the selected device groups."""

from typing import Any

import django_filters
from django.db.models import Case, Exists, F, FloatField, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, NullIf
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import (
    ActivityStatus,
    DeliveryState,
    Priority,
    RemediationActivity,
    RemediationType,
    RemoteState,
    Ticket,
)
from remediation.models.activities import RemediationActivityQuerySet

from .. import cells
from ..activities import TICKET_FIELDS, in_need_of_a_look, with_progress, with_ticket
from ..groups import selection
from ..numbers import activities_in, numbers
from ..requests import Request
from .base import ChoicesFilter, Column, List, ListFilters, ListTable, Row, show, text_filter
from .tabs import ask_stats, ask_tabs, claimed_but_exposed, due_soon, overdue


def _title(row: Row) -> SafeString:
    return format_html(
        '<a class="t" href="/remediation/activities/{}/">{}</a><span class="small muted">{} · #{}</span>'
        '<span class="d-md-none d-flex flex-wrap gap-2 small mt-1">{}{}</span>',
        row["pk"],
        row["title"],
        row["related_component"],
        row["pk"],
        cells.activity_status(row["status"]),
        cells.due(row["due_on"], row["status"]) if row["due_on"] else "",
    )


def _ticket(row: Row) -> SafeString:
    return cells.ticket_pill(*(row[name] for name in TICKET_FIELDS))


def _progress(row: Row) -> SafeString:
    if row["requested_remediation"] == RemediationType.ATTENTION_REQUIRED:
        return cells.EMPTY
    return cells.progress(row["in_fixed"], row["in_targets"])


class ActivityTable(ListTable):
    fields = (
        "title",
        "related_component",
        "requested_remediation",
        "priority",
        "requester__first_name",
        "requester__last_name",
        "requester__username",
        "due_on",
        "status",
        "in_targets",
        "in_fixed",
        *TICKET_FIELDS,
    )
    default_sort = "due"
    extra_csv = [
        ("recommended_version", F("recommended_version")),
        ("requested_at", F("requested_at")),
        ("completion_method", F("completion_method")),
        ("status_changed_by", F("status_changed_by__username")),
        ("status_changed_at", F("status_changed_at")),
        ("status_note", F("status_note")),
        ("notes", F("notes")),
        ("verified_at", F("checked_at")),
    ]

    title = Column(
        gettext_lazy("Activity"),
        _title,
        sort="title",
        head=True,
        csv=[("id", F("pk")), ("title", F("title")), ("related_component", F("related_component"))],
    )
    type = Column(
        gettext_lazy("Remediation type"),
        lambda row: cells.label(row["requested_remediation"], RemediationType),
        sort="requested_remediation",
        css="two text-nowrap hide-t",
        csv=[("remediation_type", F("requested_remediation"))],
    )
    priority = Column(
        gettext_lazy("Priority"),
        lambda row: cells.level(row["priority"]),
        sort="rank",
        css="hide-t",
        csv=[("priority", F("priority"))],
    )
    requester = Column(
        gettext_lazy("Requester"),
        lambda row: (
            f"{row['requester__first_name']} {row['requester__last_name']}".strip() or row["requester__username"]
        ),
        sort="requester__username",
        css="two text-nowrap hide-m",
        csv=[("requester", F("requester__username"))],
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
        lambda row: cells.activity_status(row["status"]),
        sort="status",
        css="hide-s",
        csv=[("status", F("status"))],
    )
    ticket = Column(
        gettext_lazy("Ticket"),
        _ticket,
        css="hide-s",
        csv=[("ticket_delivery", F("ticket_delivery")), ("ticket_remote", F("ticket_remote"))],
    )
    progress = Column(
        gettext_lazy("Progress"),
        _progress,
        sort="share",
        css="prog",
        csv=[("fixed_devices", F("in_fixed")), ("target_devices", F("in_targets"))],
    )


_TICKET_CHOICES = [
    ("none", gettext_lazy("No ticket")),
    ("waiting", gettext_lazy("On its way")),
    ("open", gettext_lazy("Created or accepted")),
    ("done", gettext_lazy("Completed")),
    ("look", gettext_lazy("Failed, rejected or missing")),
]
_PROGRESS_CHOICES = [
    ("none", gettext_lazy("Not started")),
    ("some", gettext_lazy("In progress")),
    ("all", gettext_lazy("All devices fixed")),
    ("claimed", gettext_lazy("Completed, still exposed")),
]


class ActivityFilters(ListFilters):
    q = text_filter("with_text")
    status = ChoicesFilter(choices=ActivityStatus, label=gettext_lazy("Status"))
    type = ChoicesFilter(field_name="requested_remediation", choices=RemediationType, label=gettext_lazy("Type"))
    priority = ChoicesFilter(choices=Priority, label=gettext_lazy("Priority"))
    due = django_filters.ChoiceFilter(
        method="with_due",
        choices=[("overdue", gettext_lazy("Overdue")), ("soon", gettext_lazy("In 7 days"))],
        label=gettext_lazy("Due"),
        empty_label=gettext_lazy("Any"),
    )
    progress = django_filters.ChoiceFilter(
        method="with_progress",
        choices=_PROGRESS_CHOICES,
        label=gettext_lazy("Progress"),
        empty_label=gettext_lazy("Any"),
    )
    ticket = django_filters.ChoiceFilter(
        method="with_ticket", choices=_TICKET_CHOICES, label=gettext_lazy("Ticket"), empty_label=gettext_lazy("Any")
    )

    class Meta:
        model = RemediationActivity
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        words = Q(title__icontains=value) | Q(related_component__icontains=value)
        number = value.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 16:
            words |= Q(pk=int(number))
        return queryset.filter(words)

    def with_due(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        today = timezone.localdate()
        return overdue(queryset) if value == "overdue" else due_soon(queryset, today)

    def with_progress(self, queryset: RemediationActivityQuerySet, name: str, value: str) -> QuerySet:
        if value == "none":
            return queryset.filter(in_fixed=0)
        if value == "all":
            return queryset.filter(in_targets__gt=0, in_fixed=F("in_targets"))
        if value == "claimed":
            return claimed_but_exposed(queryset, selection(self.request))
        return queryset.filter(in_fixed__gt=0, in_fixed__lt=F("in_targets"))

    def with_ticket(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        mine = Ticket.objects.filter(activity=OuterRef("pk"))
        found = {
            "none": mine,
            "waiting": mine.filter(
                delivery_state__in=[DeliveryState.READY, DeliveryState.SENDING, DeliveryState.UNCERTAIN]
            ),
            "open": mine.filter(
                delivery_state=DeliveryState.DELIVERED,
                remote_state__in=[RemoteState.UNKNOWN, RemoteState.PENDING, RemoteState.ACTIVE],
            ),
            "done": mine.filter(remote_state=RemoteState.COMPLETED),
            "look": in_need_of_a_look(mine),
        }[value]
        return queryset.filter(~Exists(found) if value == "none" else Exists(found))


class ActivityList(List):
    counted_as = "tab_activities"

    def ask(self) -> None:
        ask_tabs(self.request, self.groups)
        ask_stats(self.request, self.groups)

    def prepare(self, queryset: QuerySet) -> QuerySet:
        return ranked(with_ticket(queryset))

    def keys(self) -> QuerySet:
        if self.groups.is_whole_organisation or self._sort().lstrip("-") != "progress":
            return super().keys()
        # All counts joined and grouped at once: to sort by them, one look at each activity's would take longer.
        here = self.rows_queryset.filter(counts__group__in=self.groups.ids)
        return here.values("pk").annotate(share=_share(Sum("counts__fixed"), Sum("counts__targets")))


def ranked(queryset: QuerySet) -> QuerySet:
    """What only sorting needs: priority by rank, progress as a share."""
    ranks = {Priority.LOW: 1, Priority.MEDIUM: 2, Priority.HIGH: 3}
    return queryset.annotate(
        rank=Case(*(When(priority=priority, then=Value(rank)) for priority, rank in ranks.items()), default=Value(0)),
        share=_share(F("in_fixed"), F("in_targets")),
    )


def _share(fixed: Any, targets: Any) -> Any:
    return Cast(fixed, FloatField()) / NullIf(Cast(targets, FloatField()), Value(0.0))


@require_GET
def activities(request: Request) -> HttpResponseBase:
    groups = selection(request)
    listing = ActivityList(
        request,
        ActivityTable,
        ActivityFilters,
        with_progress(activities_in(groups), groups),
        view="remediation-activities",
        title=_("Remediation"),
        noun=ngettext_lazy("activity", "activities"),
        empty={
            "icon": "tools",
            "title": _("No activity yet"),
            "text": _("Open a recommendation and choose Remediation options: the request appears here."),
            "url": "/recommendations/",
            "link": _("Show the recommendations"),
        },
    )
    return show(
        listing,
        "dashboard/activities.html",
        placeholder=_("Filter by title or component"),
        tab="activities",
        numbers=numbers(request),
    )
