"""The weaknesses of one device: those of the versions that are installed on it."""

import django_filters
from django.db.models import Case, F, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import Device, ExploitLevel, Severity, SoftwareVersion, Weakness

from .. import cells, links
from ..details.device import context_of, device_of, exposures_of, weaknesses_of
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter

_RANKS = [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]
_RANK = Case(
    *(When(severity=severity, then=Value(rank)) for rank, severity in enumerate(_RANKS)), output_field=IntegerField()
)


def _name(row: Row) -> SafeString:
    return cells.linked(links.weakness(row["pk"]), row["name"], row["product"] or "")


def _exploit(row: Row) -> str | SafeString:
    if row["kev_added_on"]:
        return cells.pill("bug", "t-bad", _("Known exploited"))
    known = row["exploit_level"] != ExploitLevel.NONE
    return cells.label(row["exploit_level"], ExploitLevel) if known else cells.EMPTY


def _number(value: float | None, decimals: int) -> str | SafeString:
    return cells.EMPTY if value is None else cells.number(value, decimals)


class DeviceWeaknessTable(ListTable):
    fields = ("name", "product", "severity", "cvss", "epss", "exploit_level", "kev_added_on", "published_on")
    default_sort = "-severity"
    opens = "href"

    name = Column(
        gettext_lazy("Weakness"),
        _name,
        sort="name",
        head=True,
        csv=[("weakness", F("name")), ("software", F("product"))],
    )
    severity = Column(
        gettext_lazy("Severity"),
        lambda row: cells.level(row["severity"]),
        sort=("rank", "cvss"),
        csv=[("severity", F("severity"))],
    )
    cvss = Column(
        gettext_lazy("CVSS"), lambda row: _number(row["cvss"], 1), sort="cvss", css="num", csv=[("cvss", F("cvss"))]
    )
    epss = Column(
        gettext_lazy("EPSS"),
        lambda row: _number(row["epss"], 3),
        sort="epss",
        css="num hide-s",
        csv=[("epss", F("epss"))],
    )
    exploit = Column(
        gettext_lazy("Exploit"),
        _exploit,
        css="hide-s",
        csv=[("exploit_level", F("exploit_level")), ("kev_added_on", F("kev_added_on"))],
    )
    published = Column(
        gettext_lazy("Published"),
        lambda row: cells.day(row["published_on"]),
        sort="published_on",
        css="num muted hide-s",
        csv=[("published_on", F("published_on"))],
    )


class DeviceWeaknessFilters(ListFilters):
    q = text_filter("with_text")
    severity = django_filters.MultipleChoiceFilter(choices=Severity, label=gettext_lazy("Severity"))

    class Meta:
        model = Weakness
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(name__contains=value.upper())


def _with_product(device: Device) -> QuerySet[Weakness]:
    """Each with one of the device's products that has it."""
    installed = exposures_of(device).filter(version__isnull=False).values("version")
    product = SoftwareVersion.objects.filter(weaknesses=OuterRef("pk"), pk__in=installed).values("software__name")[:1]
    return weaknesses_of(device).annotate(rank=_RANK, product=Subquery(product))


@require_GET
def device_weaknesses(request: Request, pk: int) -> HttpResponseBase:
    device = device_of(request, pk)
    context = context_of(request, device, "weaknesses")
    listing = List(
        request,
        DeviceWeaknessTable,
        DeviceWeaknessFilters,
        _with_product(device),
        view=f"device-{pk}-weaknesses",
        title=_("Weaknesses"),
        noun=ngettext_lazy("weakness", "weaknesses"),
        empty={
            "icon": "shield-check",
            "title": _("No weakness"),
            "text": _("The last complete sync found no version with weaknesses on this device."),
        },
    )
    return show(listing, "dashboard/device.html", placeholder=_("Filter by CVE"), **context)
