"""The tabs of a device's page that are about its exposures: its recommendations, and the software behind them."""

from typing import Any

from django.db.models import F, FloatField, JSONField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation import scoring
from remediation.models import Exposure, RemediationType, Weakness

from .. import cells, links
from ..details.device import context_of, device_of, exposures_of, newest_evidence
from ..numbers import CountOf
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, spoken, text_filter


def _recommendation(row: Row) -> SafeString:
    address = reverse("recommendation", args=[row["recommendation_id"]])
    kind = cells.label(row["recommendation__remediation_type"], RemediationType)
    return cells.linked(address, row["recommendation__name"], kind)


def _impact(row: Row) -> SafeString:
    return cells.points(row["impact"]) if row["impact"] else cells.EMPTY


def report_link(row: Row) -> SafeString:
    address = reverse("report_inaccuracy", args=[row["device_id"]])
    return format_html(
        '<a class="small text-nowrap" href="{}?recommendation={}">{}</a>',
        address,
        row["recommendation_id"],
        _("Report inaccuracy"),
    )


class ReportTable(ListTable):
    """A list of exposures that each can be reported as inaccurate."""

    report = Column(spoken(gettext_lazy("Report")), report_link, css="num")


class DeviceRecommendationTable(ListTable):
    fields = (
        "device_id",
        "recommendation_id",
        "recommendation__name",
        "recommendation__remediation_type",
        "recommendation__active_alert",
        "recommendation__public_exploit",
        "version__version",
        "part",
        "impact",
        "first_seen_at",
    )
    key = "recommendation_id"
    default_sort = "-impact"
    extra_csv = [("source_id", F("recommendation__source_id"))]

    recommendation = Column(
        gettext_lazy("Recommendation"),
        _recommendation,
        sort="recommendation__name",
        head=True,
        csv=[("recommendation", F("recommendation__name")), ("type", F("recommendation__remediation_type"))],
    )
    threats = Column(
        gettext_lazy("Threats"),
        lambda row: cells.threats(row["recommendation__active_alert"], row["recommendation__public_exploit"]),
        css="hide-s",
    )
    version = Column(
        gettext_lazy("Installed"),
        lambda row: row["version__version"] or cells.EMPTY,
        csv=[("installed_version", F("version__version"))],
    )
    risk = Column(
        gettext_lazy("Risk"),
        lambda row: cells.number(row["part"], 2) if row["part"] else cells.EMPTY,
        sort="part",
        css="num hide-s",
        csv=[("risk", F("part"))],
    )
    impact = Column(
        gettext_lazy("Device score"), _impact, sort="impact", css="num", csv=[("device_score_falls_by", F("impact"))]
    )
    since = Column(
        gettext_lazy("Exposed since"),
        lambda row: cells.day(row["first_seen_at"]),
        sort="first_seen_at",
        css="num muted hide-s",
        csv=[("exposed_since", F("first_seen_at"))],
    )


class ReportedRecommendationTable(DeviceRecommendationTable):
    """For those who may report."""

    report = ReportTable.base_columns["report"]


def _software(row: Row) -> SafeString:
    name = row["version__software__name"]
    return cells.linked(links.software(row["version__software_id"]), name, row["version__software__vendor"])


def _paths(row: Row) -> Any:
    """Where it lies on this device, where an activity has looked; else where it lay on another, of any group."""
    own = [*(row["own_disk_paths"] or []), *(row["own_registry_paths"] or [])]
    paths = own or [*row["example_disk_paths"], *row["example_registry_paths"]]
    if not paths:
        return cells.EMPTY
    origin = _("seen here") if own else _("as on another device")
    return format_html('<code class="d-block">{}</code><span class="small muted">{}</span>', paths[0], origin)


class DeviceSoftwareTable(ListTable):
    fields = (
        "device_id",
        "recommendation_id",
        "version__software_id",
        "version__software__name",
        "version__software__vendor",
        "version__version",
        "example_disk_paths",
        "example_registry_paths",
        "recommendation__recommended_version",
        "weaknesses",
        "own_disk_paths",
        "own_registry_paths",
    )
    key = "recommendation_id"
    default_sort = "software"

    software = Column(
        gettext_lazy("Software"),
        _software,
        sort="version__software__name",
        head=True,
        csv=[("software", F("version__software__name")), ("vendor", F("version__software__vendor"))],
    )
    version = Column(
        gettext_lazy("Installed"),
        lambda row: row["version__version"],
        csv=[("installed_version", F("version__version"))],
    )
    recommended = Column(
        gettext_lazy("Recommended"),
        lambda row: row["recommendation__recommended_version"] or cells.EMPTY,
        css="hide-s",
        csv=[("recommended_version", F("recommendation__recommended_version"))],
    )
    weaknesses = Column(
        gettext_lazy("Weaknesses"),
        lambda row: cells.number(row["weaknesses"]),
        sort="weaknesses",
        css="num hide-s",
        csv=[("weaknesses", F("weaknesses"))],
    )
    paths = Column(
        gettext_lazy("Where"),
        _paths,
        css="hide-t text-break",
        csv=[("disk_paths", F("own_disk_paths")), ("registry_paths", F("own_registry_paths"))],
    )


class ReportedSoftwareTable(DeviceSoftwareTable):
    report = ReportTable.base_columns["report"]


class ExposureFilters(ListFilters):
    q = text_filter("with_text")

    class Meta:
        model = Exposure
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(recommendation__name__icontains=value) | Q(version__software__name__icontains=value))


@require_GET
def device_recommendations(request: Request, pk: int) -> HttpResponseBase:
    device = device_of(request, pk)
    context = context_of(request, device, "recommendations")
    listing = List(
        request,
        ReportedRecommendationTable if context["may_report"] else DeviceRecommendationTable,
        ExposureFilters,
        _with_impact(exposures_of(device), context["explanation"]),
        view=f"device-{pk}-recommendations",
        title=_("Security recommendations"),
        noun=ngettext_lazy("recommendation", "recommendations"),
        empty={
            "icon": "shield-check",
            "title": _("Nothing is recommended"),
            "text": _("The last complete sync found nothing to fix on this device."),
        },
    )
    return show(listing, "dashboard/device.html", placeholder=_("Filter by name"), **context)


def _with_impact(exposures: QuerySet, explanation: Any) -> QuerySet:
    """`part`: what each adds to S; `impact`: points by which the device's score falls when it alone is fixed."""
    whole = explanation.device.risk_sum
    part = Coalesce(F("version__risk"), 0.0) * Value(explanation.factor)
    rest = Greatest(Value(whole, FloatField()) - F("part"), Value(0.0))
    impact = Value(explanation.score) - 100.0 * rest / (rest + scoring.HALF)
    return exposures.annotate(part=part).annotate(impact=Greatest(impact, Value(0.0)))


@require_GET
def device_software(request: Request, pk: int) -> HttpResponseBase:
    device = device_of(request, pk)
    context = context_of(request, device, "software")
    found = exposures_of(device).filter(version__isnull=False)
    listing = List(
        request,
        ReportedSoftwareTable if context["may_report"] else DeviceSoftwareTable,
        ExposureFilters,
        found.annotate(
            weaknesses=CountOf(Weakness.versions.through.objects.filter(softwareversion=OuterRef("version"))),
            own_disk_paths=newest_evidence("disk_paths"),
            own_registry_paths=newest_evidence("registry_paths"),
            **_examples(request),
        ),
        view=f"device-{pk}-software",
        title=_("Vulnerable software"),
        noun=ngettext_lazy("product", "products"),
        empty={
            "icon": "shield-check",
            "title": _("No vulnerable software"),
            "text": _("The last complete sync found no version with weaknesses on this device."),
        },
    )
    return show(listing, "dashboard/device.html", placeholder=_("Filter by name"), **context)


def _examples(request: Request) -> dict[str, Any]:
    """Nobody knows from which device group they are, so they are for who sees all."""
    names = ("disk_paths", "registry_paths")
    nothing = Value([], output_field=JSONField())
    return {f"example_{name}": F(f"version__{name}") if request.user.sees_all_groups else nothing for name in names}
