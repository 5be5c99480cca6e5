"""Reports of inaccuracies about the devices of the selected groups."""

import django_filters
from django.db.models import F, Q, QuerySet
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import InaccuracyReason, InaccuracyReport, InaccuracyState

from .. import cells
from ..groups import Selection, selection
from ..numbers import CountOf, numbers
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter


def inaccuracies_in(groups: Selection) -> QuerySet:
    found = InaccuracyReport.objects.all()
    return found if groups.is_whole_organisation else found.within(groups.ids)


def ask_open_inaccuracies(request: Request, groups: Selection) -> None:
    numbers(request).ask(open_inaccuracies=CountOf(inaccuracies_in(groups).filter(state=InaccuracyState.OPEN)))


def _about(row: Row) -> SafeString:
    reason = cells.label(row["reason"], InaccuracyReason)
    return cells.linked(reverse("inaccuracy", args=[row["pk"]]), reason, _component(row))


def _component(row: Row) -> str:
    product = f"{row['version__software__name'] or ''} {row['version__version'] or ''}".strip()
    return product or row["recommendation__name"] or ""


def _state(row: Row) -> SafeString:
    return cells.inaccuracy_state(row["state"])


class InaccuracyTable(ListTable):
    fields = (
        "reason",
        "device_id",
        "device__name",
        "device__group__name",
        "version__software__name",
        "version__version",
        "recommendation__name",
        "note",
        "reported_by__username",
        "reported_by__first_name",
        "reported_by__last_name",
        "reported_at",
        "state",
        "closed_at",
    )
    default_sort = "-reported"
    extra_csv = [
        ("closed_by", F("closed_by__username")),
        ("closed_at", F("closed_at")),
        ("answer", F("answer")),
    ]

    about = Column(
        gettext_lazy("What is wrong"),
        _about,
        sort="reason",
        head=True,
        csv=[
            ("reason", F("reason")),
            ("software", F("version__software__name")),
            ("version", F("version__version")),
            ("recommendation", F("recommendation__name")),
        ],
    )
    device = Column(
        gettext_lazy("Device"),
        lambda row: cells.device(row["device_id"], row["device__name"], row["device__group__name"]),
        sort="device__name",
        csv=[("device", F("device__name")), ("device_group", F("device__group__name"))],
    )
    note = Column(
        gettext_lazy("Note"),
        lambda row: row["note"] or cells.EMPTY,
        css="two small text-break hide-m",
        csv=[("note", F("note"))],
    )
    state = Column(gettext_lazy("State"), _state, sort="state", csv=[("state", F("state"))])
    by = Column(
        gettext_lazy("Reported by"),
        lambda row: (
            f"{row['reported_by__first_name']} {row['reported_by__last_name']}".strip() or row["reported_by__username"]
        ),
        css="two hide-t",
        csv=[("reported_by", F("reported_by__username"))],
    )
    reported = Column(
        gettext_lazy("Reported"),
        lambda row: cells.moment(row["reported_at"]),
        sort="reported_at",
        css="num muted hide-s",
        csv=[("reported_at", F("reported_at"))],
    )


class InaccuracyFilters(ListFilters):
    q = text_filter("with_text")
    state = django_filters.ChoiceFilter(
        choices=InaccuracyState, label=gettext_lazy("State"), empty_label=gettext_lazy("Any")
    )
    reason = django_filters.MultipleChoiceFilter(choices=InaccuracyReason, label=gettext_lazy("What is wrong"))

    class Meta:
        model = InaccuracyReport
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        in_product = Q(version__software__name__icontains=value) | Q(recommendation__name__icontains=value)
        return queryset.filter(Q(device__name__icontains=value) | Q(note__icontains=value) | in_product)


class InaccuracyList(List):
    def ask(self) -> None:
        ask_open_inaccuracies(self.request, self.groups)


@require_GET
def inaccuracies(request: Request) -> HttpResponseBase:
    listing = InaccuracyList(
        request,
        InaccuracyTable,
        InaccuracyFilters,
        inaccuracies_in(selection(request)),
        view="inaccuracies",
        title=_("Reported inaccuracies"),
        noun=ngettext_lazy("report", "reports"),
        empty={
            "icon": "check-circle",
            "title": _("Nothing is reported as inaccurate"),
            "text": _("A report is made from a device's page, where software or a version is not so."),
        },
    )
    placeholder = _("Filter by device, software or words")
    context = {"tab": "reports", "numbers": numbers(request)}
    return show(listing, "dashboard/devices.html", placeholder=placeholder, **context)
