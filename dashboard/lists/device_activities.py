"""The remediation activities that one device is a target of."""

import django_filters
from django.db.models import F, QuerySet
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import ActivityDevice, DeviceState

from .. import cells
from ..details.device import context_of, device_of, targets_of
from ..groups import selection
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter


def _title(row: Row) -> SafeString:
    return cells.linked(
        reverse("activity", args=[row["activity_id"]]), row["activity__title"], f"#{row['activity_id']}"
    )


class DeviceActivityTable(ListTable):
    fields = (
        "activity_id",
        "activity__title",
        "activity__status",
        "activity__due_on",
        "state",
        "state_changed_at",
        "installed_version",
        "reported_at",
    )
    key = "activity_id"
    default_sort = "-activity"

    activity = Column(
        gettext_lazy("Activity"),
        _title,
        sort="activity_id",
        head=True,
        csv=[("activity_id", F("activity_id")), ("activity", F("activity__title"))],
    )
    status = Column(
        gettext_lazy("Status"),
        lambda row: cells.activity_status(row["activity__status"]),
        css="hide-s",
        csv=[("status", F("activity__status"))],
    )
    state = Column(
        gettext_lazy("This device"),
        lambda row: cells.device_state(row["state"]),
        sort="state",
        csv=[("device_state", F("state")), ("since", F("state_changed_at"))],
    )
    version = Column(
        gettext_lazy("Installed"),
        lambda row: row["installed_version"] or cells.EMPTY,
        css="hide-s",
        csv=[("installed_version", F("installed_version"))],
    )
    due = Column(
        gettext_lazy("Due"),
        lambda row: cells.due(row["activity__due_on"], row["activity__status"]),
        sort="activity__due_on",
        css="num",
        csv=[("due_on", F("activity__due_on"))],
    )
    reported = Column(
        gettext_lazy("Evidence of"),
        lambda row: cells.moment(row["reported_at"]),
        css="num muted hide-s",
        csv=[("reported_at", F("reported_at"))],
    )


class DeviceActivityFilters(ListFilters):
    q = text_filter("with_text")
    state = django_filters.MultipleChoiceFilter(choices=DeviceState, label=gettext_lazy("This device"))

    class Meta:
        model = ActivityDevice
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(activity__title__icontains=value)


@require_GET
def device_activities(request: Request, pk: int) -> HttpResponseBase:
    device = device_of(request, pk)
    context = context_of(request, device, "activities")
    listing = List(
        request,
        DeviceActivityTable,
        DeviceActivityFilters,
        targets_of(device, selection(request)),
        view=f"device-{pk}-activities",
        title=_("Remediation activities"),
        noun=ngettext_lazy("activity", "activities"),
        empty={
            "icon": "tools",
            "title": _("In no activity"),
            "text": _("Nobody has requested remediation of anything on this device."),
        },
    )
    return show(listing, "dashboard/device.html", placeholder=_("Filter by title"), **context)
