"""The devices of the selected groups: how exposed each is, what it is worth, and what is known of it at all."""

from typing import Any

from django.db.models import Case, CharField, ExpressionWrapper, F, FloatField, Value, When
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation import scoring
from remediation.device_filters import DeviceFilters
from remediation.models import Device
from remediation.models.devices import UNSEEN_AFTER
from remediation.rules.devices import MOST, PERMISSION

from .. import cells
from ..groups import Selection, selection
from ..numbers import numbers
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show
from .inaccuracies import ask_open_inaccuracies

FACING_AS_TEXT = Case(
    When(internet_facing=True, then=Value("yes")),
    When(internet_facing=False, then=Value("no")),
    default=Value(""),
    output_field=CharField(),
)
SCORE = ExpressionWrapper(100.0 * F("risk_sum") / (F("risk_sum") + scoring.HALF), output_field=FloatField())


def devices_in(groups: Selection) -> Any:
    return Device.objects.all() if groups.is_whole_organisation else Device.objects.filter(group__in=groups.ids)


def _name(row: Row) -> SafeString:
    return cells.device(row["pk"], row["name"], row["os_platform"])


def _exposure(row: Row) -> SafeString:
    score = cells.score(scoring.device_score(row["risk_sum"]))
    return format_html('{} <span class="muted ms-1">{}</span>', cells.level(row["exposure_level"]), score)


def _value(row: Row) -> SafeString:
    return _marked(cells.level(row["value"]), row["value_by_hand"])


def _facing(row: Row) -> SafeString:
    return _marked(cells.facing(row["internet_facing"]), row["internet_facing_by_hand"])


def _marked(shown: SafeString, by_hand: bool) -> SafeString:
    return format_html('{}<span class="small muted d-block">{}</span>', shown, _("by hand")) if by_hand else shown


def coverage(row: Row) -> SafeString:
    """What is wrong with what is known of a device, the worst first."""
    if row["merged_into"]:
        return cells.pill("dash-circle", "", _("Merged"))
    if row["retired_at"]:
        return cells.pill("dash-circle", "", _("Retired"))
    if not row["last_seen_at"] or row["last_seen_at"] < timezone.now() - UNSEEN_AFTER:
        return cells.pill("eye-slash", "t-warn", _("Not seen for 30 days"))
    if row["is_silent"]:
        return cells.pill("question-circle", "t-bad", _("Reports no software"))
    if not row["entra_device_id"]:
        return cells.pill("exclamation-circle", "t-warn", _("No Entra ID"))
    return cells.pill("check-circle", "t-ok", _("Reports"))


def ticks_all(name: str, label: Any) -> Any:
    """The head of a column of ticks: a tick for all of them on the page, which needs the script."""
    tick = '<input class="form-check-input" type="checkbox" data-ticks="{}" aria-label="{}">'
    return lazy(lambda: format_html(tick, name, label), SafeString)()


class PickTable(ListTable):
    """A list of which rows can be ticked, for the form with the id `bulk`."""

    pick = Column(
        ticks_all("device", gettext_lazy("Tick all on this page")),
        lambda row: format_html(
            '<input class="form-check-input" type="checkbox" name="device" value="{}" form="bulk" aria-label="{}">',
            row["pk"],
            row["name"],
        ),
        css="pick",
    )


class DeviceTable(ListTable):
    fields = (
        "name",
        "os_platform",
        "group__name",
        "exposure_level",
        "risk_sum",
        "value",
        "value_by_hand",
        "internet_facing",
        "internet_facing_by_hand",
        "recommendations",
        "entra_device_id",
        "last_seen_at",
        "is_silent",
        "retired_at",
        "merged_into",
    )
    default_sort = "-exposure"
    extra_csv = [
        ("device_id", F("source_id")),
        ("os_version", F("os_version")),
        ("entra_device_id", F("entra_device_id")),
        ("first_seen_at", F("first_seen_at")),
        ("software_reported_at", F("reported_at")),
        ("retired_at", F("retired_at")),
    ]

    name = Column(
        gettext_lazy("Device"), _name, sort="name", head=True, csv=[("device", F("name")), ("os", F("os_platform"))]
    )
    group = Column(
        gettext_lazy("Device group"),
        lambda row: row["group__name"],
        css="two hide-s",
        csv=[("device_group", F("group__name"))],
    )
    exposure = Column(
        gettext_lazy("Exposure"),
        _exposure,
        sort="risk_sum",
        css="text-nowrap",
        csv=[("exposure_level", F("exposure_level")), ("exposure_score", SCORE)],
    )
    value = Column(
        gettext_lazy("Value"), _value, css="hide-s", csv=[("value", F("value")), ("value_by_hand", F("value_by_hand"))]
    )
    facing = Column(
        gettext_lazy("Internet-facing"),
        _facing,
        css="hide-m",
        csv=[("internet_facing", FACING_AS_TEXT), ("internet_facing_by_hand", F("internet_facing_by_hand"))],
    )
    recommendations = Column(
        gettext_lazy("Recommendations"),
        lambda row: cells.number(row["recommendations"]),
        sort="recommendations",
        css="num hide-t",
        csv=[("recommendations", F("recommendations"))],
    )
    coverage = Column(gettext_lazy("Coverage"), coverage, css="hide-t", csv=[("reports_no_software", F("is_silent"))])
    seen = Column(
        gettext_lazy("Last seen"),
        lambda row: cells.moment(row["last_seen_at"]),
        sort="last_seen_at",
        css="num muted hide-s",
        csv=[("last_seen_at", F("last_seen_at"))],
    )


class PickDeviceTable(PickTable, DeviceTable):
    """For those who may set values."""


class DeviceListFilters(DeviceFilters, ListFilters):
    def groups(self) -> Any:
        """Those that the page has read already."""
        return selection(self.request).visible


class DeviceList(List):
    def ask(self) -> None:
        ask_open_inaccuracies(self.request, self.groups)


@require_GET
def devices(request: Request) -> HttpResponseBase:
    groups = selection(request)
    may_set = request.user.has_perm(PERMISSION)
    listing = DeviceList(
        request,
        PickDeviceTable if may_set else DeviceTable,
        DeviceListFilters,
        devices_in(groups),
        view="devices",
        title=_("Devices"),
        noun=ngettext_lazy("device", "devices"),
        empty={
            "icon": "pc-display",
            "title": _("No device"),
            "text": _("The selected device groups have no device."),
        },
    )
    return show(
        listing,
        "dashboard/devices.html",
        placeholder=_("Filter by name"),
        tab="devices",
        numbers=numbers(request),
        before_table="dashboard/_device_bulk.html" if may_set else "",
        most=MOST,
        within=[] if groups.is_whole_organisation else groups.ids,
    )
