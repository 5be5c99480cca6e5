"""Software: what is installed on the devices of the selected groups, with its weaknesses and its end of life."""

from typing import Any

import django_filters
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import EndOfSupport, Software

from .. import cells
from ..groups import selection
from ..inventory import software_in
from ..numbers import recommendations_in
from ..requests import Request
from ..scores import ask_weights, with_impacts
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter


def _name(row: Row) -> SafeString:
    address = reverse("software", args=[row["pk"]])
    return format_html(
        '<a class="t text-truncate" href="{}">{}</a>{}', address, row["name"], cells.tags(row["advice_tags"])
    )


def _threats(row: Row) -> SafeString:
    return cells.threats(
        row["advice_active_alert"],
        row["advice_public_exploit"],
        bool(row["advice_associated_threats"]),
    )


def _or_dash(value: int) -> Any:
    return cells.number(value) if value else cells.EMPTY


class SoftwareTable(ListTable):
    fields = (
        "name",
        "vendor",
        "in_weaknesses",
        "advice_tags",
        "advice_active_alert",
        "advice_public_exploit",
        "advice_associated_threats",
        "in_exposed",
        "in_installed",
        "impact",
    )
    default_sort = "-exposed"
    extra_csv = [
        ("source_id", F("source_id")),
        ("recommendation_id", F("advice_source_id")),
        ("recommended_version", F("advice_recommended_version")),
    ]

    name = Column(
        gettext_lazy("Software"),
        _name,
        sort="name",
        head=True,
        csv=[("software", F("name")), ("tags", F("advice_tags"))],
    )
    vendor = Column(
        gettext_lazy("Vendor"),
        lambda row: row["vendor"],
        sort="vendor",
        css="two hide-t",
        csv=[("vendor", F("vendor"))],
    )
    weaknesses = Column(
        gettext_lazy("Weaknesses"),
        lambda row: _or_dash(row["in_weaknesses"]),
        sort="in_weaknesses",
        css="num hide-s",
        csv=[("weaknesses", F("in_weaknesses"))],
    )
    threats = Column(
        gettext_lazy("Threats"),
        _threats,
        css="hide-s",
        csv=[
            ("active_alert", F("advice_active_alert")),
            ("public_exploit", F("advice_public_exploit")),
        ],
    )
    exposed = Column(
        gettext_lazy("Exposed devices"),
        lambda row: _or_dash(row["in_exposed"]),
        sort="in_exposed",
        css="num",
        csv=[("exposed_devices", F("in_exposed"))],
    )
    installed = Column(
        gettext_lazy("Installed"),
        lambda row: cells.number(row["in_installed"]),
        sort="in_installed",
        css="num hide-t",
        csv=[("installed_devices", F("in_installed"))],
    )
    impact = Column(
        gettext_lazy("Impact"),
        lambda row: cells.points(row["impact"]),
        sort="impact",
        css="num",
        csv=[("exposure_impact", F("impact"))],
    )


class SoftwareFilters(ListFilters):
    q = text_filter("with_text")
    eol = django_filters.ChoiceFilter(
        method="at_end_of_life",
        choices=[
            ("any", gettext_lazy("Product or a version in use")),
            ("software", gettext_lazy("The product")),
            ("versions", gettext_lazy("A version in use")),
        ],
        label=gettext_lazy("End of life"),
        empty_label=gettext_lazy("Any"),
    )
    zero_day = django_filters.ChoiceFilter(
        method="with_zero_day",
        choices=[("1", gettext_lazy("Has one"))],
        label=gettext_lazy("Zero day"),
        empty_label=gettext_lazy("Any"),
    )
    threat = django_filters.MultipleChoiceFilter(
        method="with_threat",
        choices=[("alert", gettext_lazy("Active alert")), ("exploit", gettext_lazy("Public exploit"))],
        label=gettext_lazy("Threats"),
    )
    exposed = django_filters.ChoiceFilter(
        method="exposing",
        choices=[("1", gettext_lazy("At least one"))],
        label=gettext_lazy("Exposed devices"),
        empty_label=gettext_lazy("Any number"),
    )

    class Meta:
        model = Software
        fields: list[str] = []

    # By the tags (as text: SQLite has no containment of JSON), or by the source's inventory.
    _ENDS = {
        "any": ('"EOL ', [EndOfSupport.SOFTWARE, EndOfSupport.VERSION]),
        "software": ('"EOL software"', [EndOfSupport.SOFTWARE]),
        "versions": ('"EOL version', [EndOfSupport.VERSION]),
    }

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(Q(name__icontains=value) | Q(vendor__icontains=value))

    def at_end_of_life(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        tagged, inventoried = self._ENDS[value]
        return queryset.filter(Q(advice_tags__icontains=tagged) | Q(end_of_support_status__in=inventoried))

    def with_zero_day(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(advice_tags__icontains='"Zero day"')

    def with_threat(self, queryset: QuerySet, name: str, value: list[str]) -> QuerySet:
        """Those that have every sign that was ticked."""
        if "alert" in value:
            queryset = queryset.filter(advice_active_alert=True)
        return queryset.filter(advice_public_exploit=True) if "exploit" in value else queryset

    def exposing(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(in_exposed__gt=0)


class SoftwareList(List):
    is_published = True

    def ask(self) -> None:
        ask_weights(self.request)

    def prepare(self, queryset: QuerySet) -> QuerySet:
        return queryset.annotate(impact=impact_of_software(self.request))


def impact_of_software(request: Request) -> Subquery:
    """By how much the score of the selected groups falls when the product's recommendation is followed there."""
    advice = recommendations_in(selection(request)).filter(software=OuterRef("pk")).order_by()
    return Subquery(with_impacts(request, advice).values("impact_exposure")[:1])


@require_GET
def software_list(request: Request) -> HttpResponseBase:
    listing = SoftwareList(
        request,
        SoftwareTable,
        SoftwareFilters,
        software_in(selection(request)),
        view="software",
        title=_("Software"),
        noun=ngettext_lazy("product", "products"),
        empty={
            "icon": "box-seam",
            "title": _("No software"),
            "text": _("Nothing is known of the software on the devices of the selected groups."),
        },
    )
    return show(listing, "dashboard/list.html", placeholder=_("Filter by name or vendor"))
