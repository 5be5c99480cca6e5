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

from .. import cells
from ..details.recommendation import SORTED_BY_RISK_UP_TO
from ..details.weakness import find
from ..groups import selection
from ..inventory import devices_exposed_to
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter


def _carrier(row: Row) -> Any:
    others = row["carriers"] - 1
    more = ngettext("and %(n)s more", "and %(n)s more", others) % {"n": others} if others > 0 else ""
    return format_html('{}<span class="d-block small muted">{}</span>', row["carrier"], more)


class WeakDeviceTable(ListTable):
    fields = (
        "name",
        "os_platform",
        "group__name",
        "carrier",
        "carriers",
        "risk_sum",
        "exposure_level",
        "last_seen_at",
    )
    default_sort = "-exposure"
    opens = ""
    extra_csv = [
        ("device_id", F("source_id")),
        ("entra_device_id", F("entra_device_id")),
        ("os_version", F("os_version")),
        ("value", F("value")),
    ]

    device = Column(
        gettext_lazy("Device"),
        lambda row: cells.device(row["pk"], row["name"], row["os_platform"]),
        sort="name",
        head=True,
        csv=[("device", F("name")), ("os", F("os_platform"))],
    )
    group = Column(
        gettext_lazy("Device group"),
        lambda row: row["group__name"],
        sort="group__name",
        css="two hide-s",
        csv=[("device_group", F("group__name"))],
    )
    software = Column(
        gettext_lazy("Installed"),
        _carrier,
        csv=[("installed", F("carrier")), ("installed_count", F("carriers"))],
    )
    exposure = Column(
        gettext_lazy("Exposure"),
        lambda row: cells.level(row["exposure_level"]),
        sort="risk_sum",
        css="hide-s",
        csv=[("exposure_level", F("exposure_level"))],
    )
    seen = Column(
        gettext_lazy("Last seen"),
        lambda row: cells.moment(row["last_seen_at"]),
        sort="last_seen_at",
        css="num muted hide-s",
        csv=[("last_seen_at", F("last_seen_at"))],
    )


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
