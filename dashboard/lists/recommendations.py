"""Security recommendations: what the last complete sync recommends for the selected device groups."""

from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import (
    ActivityStatus,
    Category,
    Recommendation,
    RecommendationStatus,
    RemediationActivity,
    RemediationType,
    SoftwareVersion,
)

from .. import cells
from ..details.recommendation import flyout, flyout_partial
from ..groups import Selection, selection
from ..numbers import activities_in, recommendations_in
from ..requests import Request
from ..scores import ask_weights, count_of_related, with_impacts
from .base import ChoicesFilter, Column, List, ListFilters, ListTable, Row, show, text_filter

TAGS = ["EOL software", "EOL versions installed", "Zero day", "Pending restart"]


def _title(row: Row) -> SafeString:
    return format_html(
        '<a class="t text-truncate" href="?open={}">{}</a>{}', row["pk"], row["name"], cells.tags(row["tags"])
    )


def _impact(row: Row) -> SafeString:
    return cells.points(row["impact_exposure"], row["impact_configuration"])


def _threats(row: Row) -> SafeString:
    return cells.threats(row["active_alert"], row["public_exploit"], bool(row["associated_threats"]))


def _or_dash(value: int) -> Any:
    return cells.number(value) if value else cells.EMPTY


class RecommendationTable(ListTable):
    fields = (
        "name",
        "tags",
        "related_component",
        "seen_weaknesses",
        "active_alert",
        "public_exploit",
        "associated_threats",
        "in_exposed",
        "in_total",
        "remediation_type",
        "seen_status",
        "active_activities",
        "impact_exposure",
        "impact_configuration",
    )
    default_sort = "-impact"
    opens = "open"
    extra_csv = [
        ("source_id", F("source_id")),
        ("category", F("category")),
        ("vendor", F("vendor")),
        ("recommended_version", F("recommended_version")),
        ("first_seen_at", F("first_seen_at")),
    ]

    name = Column(
        gettext_lazy("Recommendation"),
        _title,
        sort="name",
        head=True,
        csv=[("recommendation", F("name")), ("tags", F("tags"))],
    )
    component = Column(
        gettext_lazy("Related component"),
        lambda row: row["related_component"],
        sort="related_component",
        css="two hide-t",
        csv=[("related_component", F("related_component"))],
    )
    weaknesses = Column(
        gettext_lazy("Weaknesses"),
        lambda row: _or_dash(row["seen_weaknesses"]),
        sort="seen_weaknesses",
        css="num hide-t",
        csv=[("weaknesses", F("seen_weaknesses"))],
    )
    threats = Column(
        gettext_lazy("Threats"),
        _threats,
        css="hide-s",
        csv=[("active_alert", F("active_alert")), ("public_exploit", F("public_exploit"))],
    )
    exposed = Column(
        gettext_lazy("Exposed devices"),
        lambda row: cells.part(row["in_exposed"], row["in_total"]),
        sort="in_exposed",
        css="num",
        csv=[("exposed_devices", F("in_exposed")), ("total_devices", F("in_total"))],
    )
    type = Column(
        gettext_lazy("Remediation type"),
        lambda row: cells.label(row["remediation_type"], RemediationType),
        sort="remediation_type",
        css="two text-nowrap hide-m",
        csv=[("remediation_type", F("remediation_type"))],
    )
    status = Column(
        gettext_lazy("Status"),
        lambda row: cells.recommendation_status(row["seen_status"]),
        sort="seen_status",
        css="hide-m",
        csv=[("status", F("seen_status"))],
    )
    activities = Column(
        gettext_lazy("Activities"),
        lambda row: _or_dash(row["active_activities"]),
        sort="active_activities",
        css="num hide-m",
        csv=[("active_activities", F("active_activities"))],
    )
    impact = Column(
        gettext_lazy("Impact"),
        _impact,
        sort="impact",
        css="num",
        csv=[("exposure_impact", F("impact_exposure")), ("configuration_impact", F("impact_configuration"))],
    )


class RecommendationFilters(ListFilters):
    q = text_filter("with_text")
    type = ChoicesFilter(field_name="remediation_type", choices=RemediationType, label=gettext_lazy("Type"))
    category = ChoicesFilter(choices=Category, label=gettext_lazy("Category"))
    status = ChoicesFilter(field_name="seen_status", choices=RecommendationStatus, label=gettext_lazy("Status"))
    threat = ChoicesFilter(
        method="with_threat",
        choices=[
            ("alert", gettext_lazy("Active alert")),
            ("exploit", gettext_lazy("Public exploit")),
            ("insight", gettext_lazy("Insight")),
        ],
        label=gettext_lazy("Threats"),
    )
    tag = django_filters.ChoiceFilter(
        method="with_tag",
        choices=[(tag, tag) for tag in TAGS],
        label=gettext_lazy("Tag"),
        empty_label=gettext_lazy("Any"),
    )

    class Meta:
        model = Recommendation
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        in_its_own_words = Q(name__icontains=value) | Q(related_component__icontains=value)
        if not value.upper().startswith("CVE-"):
            return queryset.filter(in_its_own_words)
        # By its key, so that only its own versions are looked at.
        suffering = SoftwareVersion.objects.filter(weaknesses__name=value.upper()).values("software")
        return queryset.filter(in_its_own_words | Q(software__in=suffering))

    def with_threat(self, queryset: QuerySet, name: str, value: list[str]) -> QuerySet:
        """Those that have every sign that was ticked."""
        if "alert" in value:
            queryset = queryset.filter(active_alert=True)
        if "exploit" in value:
            queryset = queryset.filter(public_exploit=True)
        return queryset.exclude(associated_threats=[]) if "insight" in value else queryset

    def with_tag(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """By the stored text: SQLite has no containment of JSON. The choices hold no character with a meaning."""
        return queryset.filter(tags__icontains=f'"{value}"')


class RecommendationList(List):
    counted_as = "frame_recommendations"

    def prepare(self, queryset: QuerySet) -> QuerySet:
        return with_impact(self.request, queryset)

    def ask(self) -> None:
        ask_weights(self.request)


def with_impact(request: Request, queryset: QuerySet) -> QuerySet:
    """Recommendations with their impact on the selected groups and the number of their active activities."""
    active = active_activities(selection(request))
    return with_impacts(request, queryset).annotate(active_activities=count_of_related(active, "recommendation"))


def active_activities(groups: Selection) -> QuerySet[RemediationActivity]:
    return activities_in(groups).filter(status=ActivityStatus.ACTIVE)


@require_GET
def recommendations(request: Request) -> HttpResponseBase:
    panel = flyout_partial(request)
    if panel is not None:
        return panel
    listing = RecommendationList(
        request,
        RecommendationTable,
        RecommendationFilters,
        recommendations_in(selection(request)),
        view="recommendations",
        title=_("Security recommendations"),
        noun=ngettext_lazy("recommendation", "recommendations"),
        empty={
            "icon": "list-check",
            "title": _("No recommendation"),
            "text": _("Nothing is recommended for the devices of the selected groups."),
        },
    )
    return show(
        listing,
        "dashboard/recommendations.html",
        placeholder=_("Filter by name, component or CVE"),
        **flyout(request),
    )
