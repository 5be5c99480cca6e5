"""The devices that one recommendation applies to, in the selected device groups."""

import django_filters
from django.db.models import F, Q, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import Exposure, ExposureLevel, Recommendation

from .. import cells
from ..details.recommendation import SORTED_BY_RISK_UP_TO
from ..groups import selection
from ..inventory import exposed_there
from ..requests import Request
from . import device_columns
from .base import ChoicesFilter, Column, List, ListFilters, ListTable, show, text_filter
from .device_exposures import ReportTable


class ExposedDeviceTable(ListTable):
    fields = (*device_columns.fields("device__"), "version__version", "first_seen_at")
    key = "device_id"
    default_sort = "-exposure"
    extra_csv = device_columns.identity("device__")

    device = device_columns.device("device__", key)
    group = device_columns.group("device__")
    version = Column(
        gettext_lazy("Installed"),
        lambda row: row["version__version"] or cells.EMPTY,
        sort="version__version",
        csv=[("installed_version", F("version__version"))],
    )
    exposure = device_columns.exposure("device__")
    since = Column(
        gettext_lazy("Exposed since"),
        lambda row: cells.day(row["first_seen_at"]),
        sort="first_seen_at",
        css="muted text-nowrap hide-t",
        csv=[("exposed_since", F("first_seen_at"))],
    )
    seen = device_columns.seen("device__")


class ReportedDeviceTable(ExposedDeviceTable):
    """For those who may report a row as inaccurate."""

    fields = (*ExposedDeviceTable.fields, "recommendation_id")
    report = ReportTable.base_columns["report"]


class ExposedDeviceFilters(ListFilters):
    q = text_filter("with_text")
    level = ChoicesFilter(field_name="device__exposure_level", choices=ExposureLevel, label=gettext_lazy("Exposure"))

    ticket = django_filters.ChoiceFilter(
        method="by_eligibility",
        choices=[
            ("eligible", gettext_lazy("Can be named")),
            ("left_out", gettext_lazy("Left out: no Entra device ID")),
        ],
        label=gettext_lazy("In a ticket"),
        empty_label=gettext_lazy("Any"),
    )
    version = django_filters.CharFilter(field_name="version__version", label=gettext_lazy("Installed"), max_length=128)

    class Meta:
        model = Exposure
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(device__name__icontains=value)

    def by_eligibility(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        without = Q(device__entra_device_id="")
        return queryset.filter(without if value == "left_out" else ~without)


def device_table(request: Request) -> type[ListTable]:
    may_report = request.user.has_perm("remediation.report_inaccuracy")
    return ReportedDeviceTable if may_report else ExposedDeviceTable


@require_GET
def recommendation_devices(request: Request, pk: int) -> HttpResponseBase:
    groups = selection(request)
    visible = Recommendation.objects.visible_to(request.user).annotate(in_exposed=exposed_there(groups))
    recommendation = get_object_or_404(visible, pk=pk)
    exposures = Exposure.objects.filter(recommendation=recommendation)
    if not groups.is_whole_organisation:
        exposures = exposures.filter(device__group__in=groups.ids)
    listing = List(
        request,
        device_table(request),
        ExposedDeviceFilters,
        exposures,
        view=f"exposed-devices-{pk}",
        title=_("Exposed devices"),
        noun=ngettext_lazy("exposed device", "exposed devices"),
        empty={
            "icon": "shield-check",
            "title": _("No exposed device"),
            "text": _("None in the selected device groups is exposed to this."),
        },
        default_sort="" if recommendation.exposed > SORTED_BY_RISK_UP_TO else None,
        length=recommendation.in_exposed,
    )
    return show(
        listing, "dashboard/recommendation_devices.html", placeholder=_("Filter by name"), recommendation=recommendation
    )
