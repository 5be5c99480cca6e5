"""The devices that are exposed to one weakness, in the selected device groups, each once."""

from typing import Any

import django_filters
from django.db.models import F, QuerySet
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import Device, ExposureLevel

from ..details.recommendation import SORTED_BY_RISK_UP_TO
from ..details.weakness import find
from ..groups import selection
from ..inventory import devices_exposed_to
from ..requests import Request
from . import device_columns
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter


def _carrier(row: Row) -> Any:
    others = row["carriers"] - 1
    more = ngettext("and %(n)s more", "and %(n)s more", others) % {"n": others} if others > 0 else ""
    return format_html('{}<span class="d-block small muted">{}</span>', row["carrier"], more)


class WeakDeviceTable(ListTable):
    fields = (*device_columns.fields(""), "carrier", "carriers")
    default_sort = "-exposure"
    opens = ""
    extra_csv = device_columns.identity("")

    device = device_columns.device("", "pk")
    group = device_columns.group("")
    software = Column(
        gettext_lazy("Installed"),
        _carrier,
        csv=[("installed", F("carrier")), ("installed_count", F("carriers"))],
    )
    exposure = device_columns.exposure("")
    seen = device_columns.seen("")


class WeakDeviceFilters(ListFilters):
    q = text_filter("with_text")
    level = django_filters.MultipleChoiceFilter(
        field_name="exposure_level", choices=ExposureLevel, label=gettext_lazy("Exposure")
    )

    class Meta:
        model = Device
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(name__icontains=value)


@require_GET
def weakness_devices(request: Request, key: str) -> HttpResponseBase:
    weakness, groups = find(request, key), selection(request)
    listing = List(
        request,
        WeakDeviceTable,
        WeakDeviceFilters,
        devices_exposed_to(weakness, groups),
        view=f"weakness-{weakness.pk}-devices",
        title=_("Exposed devices"),
        noun=ngettext_lazy("exposed device", "exposed devices"),
        empty={
            "icon": "shield-check",
            "title": _("No exposed device"),
            "text": _("None in the selected device groups is exposed to this."),
        },
        default_sort="" if weakness.exposed > SORTED_BY_RISK_UP_TO else None,
        length=weakness.in_exposed,
    )
    return show(listing, "dashboard/weakness_devices.html", placeholder=_("Filter by name"), weakness=weakness)
