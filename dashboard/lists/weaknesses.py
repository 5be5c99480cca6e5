"""Weaknesses: what the devices of the selected groups are exposed to, each with the facts about it and since when."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from django.views.decorators.http import require_GET

from remediation.models import ExceptionStatus, ExploitLevel, RecommendationException, Severity, Weakness

from .. import cells, links, risk_cells
from ..groups import Selection, selection
from ..inventory import carried_by, carriers_of_weakness, first_carrier_of_weakness, weaknesses_in
from ..requests import Request
from .base import Column, List, ListFilters, ListTable, Row, show, text_filter


def _name(row: Row) -> SafeString:
    address = links.weakness(row["pk"])
    return format_html(
        '<a class="t text-nowrap" href="{}">{}</a>{}{}',
        address,
        row["name"],
        risk_cells.kev(row["kev_added_on"]),
        cells.tags([_("Exception")] if row["is_excepted"] else None),
    )


def _carriers(row: Row) -> Any:
    """The product that exposes most, and how many others do."""
    if not row["carriers"]:
        return cells.EMPTY
    others = row["carriers"] - 1
    more = ngettext("and %(n)s more", "and %(n)s more", others) % {"n": cells.number(others)} if others else ""
    return format_html('{}<span class="d-block small muted">{}</span>', row["carrier"], more)


def _exposed(row: Row) -> Any:
    return cells.number(row["in_exposed"]) if row["in_exposed"] else cells.EMPTY


class WeaknessTable(ListTable):
    fields = (
        "name",
        "severity",
        "cvss",
        "epss",
        "exploit_level",
        "kev_added_on",
        "published_on",
        "in_since",
        "in_exposed",
        "carrier",
        "carriers",
        "is_excepted",
    )
    default_sort = "-exposed"

    name = Column(gettext_lazy("Weakness"), _name, sort="name", head=True, csv=[("weakness", F("name"))])
    severity = Column(
        gettext_lazy("Severity"),
        lambda row: cells.level(row["severity"]),
        sort="severity_rank",
        csv=[("severity", F("severity"))],
    )
    cvss = Column(
        "CVSS", lambda row: cells.number(row["cvss"], 1), sort="cvss_order", css="num hide-s", csv=[("cvss", F("cvss"))]
    )
    epss = Column(
        "EPSS", lambda row: risk_cells.epss(row["epss"]), sort="epss_order", css="num hide-s", csv=[("epss", F("epss"))]
    )
    exploit = Column(
        gettext_lazy("Exploit"),
        lambda row: risk_cells.short_exploit_level(row["exploit_level"]),
        sort="exploit_rank",
        css="hide-t",
        csv=[("exploit_level", F("exploit_level"))],
    )
    kev = Column(
        gettext_lazy("KEV since"),
        lambda row: cells.day(row["kev_added_on"]),
        sort="kev_added_on_order",
        css="muted text-nowrap hide-t",
        csv=[("kev_added_on", F("kev_added_on")), ("kev_due_on", F("kev_due_on"))],
    )
    published = Column(
        gettext_lazy("Published"),
        lambda row: risk_cells.day_and_age(row["published_on"]),
        sort="published_on_order",
        css="text-nowrap hide-m",
        csv=[("published_on", F("published_on")), ("updated_on", F("updated_on"))],
    )
    software = Column(
        gettext_lazy("Software"),
        _carriers,
        css="two hide-t",
        csv=[("software", F("carrier")), ("software_count", F("carriers"))],
    )
    since = Column(
        gettext_lazy("First seen"),
        lambda row: cells.day(row["in_since"]),
        sort="in_since_order",
        css="muted text-nowrap hide-s",
        csv=[("first_seen_at", F("in_since"))],
    )
    exposed = Column(
        gettext_lazy("Exposed devices"),
        _exposed,
        sort="in_exposed",
        css="num",
        csv=[("exposed_devices", F("in_exposed")), ("excepted", F("is_excepted"))],
    )


class WeaknessFilters(ListFilters):
    q = text_filter("with_text")
    severity = django_filters.MultipleChoiceFilter(choices=Severity, label=gettext_lazy("Severity"))
    exploit = django_filters.MultipleChoiceFilter(
        field_name="exploit_level", choices=ExploitLevel, label=gettext_lazy("Exploit")
    )
    kev = django_filters.ChoiceFilter(
        method="known_exploited",
        choices=[("1", gettext_lazy("Known exploited (KEV)"))],
        label=gettext_lazy("Catalogue"),
        empty_label=gettext_lazy("Any"),
    )
    epss = django_filters.NumberFilter(
        method="likelier_than", min_value=0, max_value=100, label=gettext_lazy("EPSS of at least (%)")
    )
    exposed = django_filters.ChoiceFilter(
        method="exposing",
        choices=[("1", gettext_lazy("At least one"))],
        label=gettext_lazy("Exposed devices"),
        empty_label=gettext_lazy("Any number"),
    )
    software = django_filters.CharFilter(method="in_software", label=gettext_lazy("Software"), max_length=255)

    class Meta:
        model = Weakness
        fields: list[str] = []

    def with_text(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        carried = carried_by(selection(self.request), name__icontains=value)
        return queryset.filter(Q(name__icontains=value) | Q(pk__in=carried))

    def in_software(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(pk__in=carried_by(selection(self.request), name__iexact=value))

    def known_exploited(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(kev_added_on__isnull=False)

    def likelier_than(self, queryset: QuerySet, name: str, value: Decimal) -> QuerySet:
        return queryset.filter(epss__gte=float(value) / 100)

    def exposing(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(in_exposed__gt=0)


# What is not known sorts below all that is, in both databases.
_LOWEST: dict[str, Any] = {
    "cvss": Value(-1.0),
    "epss": Value(-1.0),
    "kev_added_on": Value(date.min),
    "published_on": Value(date.min),
    "in_since": Value(datetime(1970, 1, 1, tzinfo=UTC)),
}


class WeaknessList(List):
    is_published = True

    def prepare(self, queryset: QuerySet) -> QuerySet:
        return queryset.annotate(
            carrier=first_carrier_of_weakness(self.groups),
            carriers=carriers_of_weakness(self.groups),
            is_excepted=_is_excepted(self.groups),
            severity_rank=_rank("severity", Severity),
            exploit_rank=_rank("exploit_level", ExploitLevel),
            **{f"{name}_order": Coalesce(name, lowest) for name, lowest in _LOWEST.items()},
        )


def _is_excepted(groups: Selection) -> Exists:
    """Whether an exception of it holds for some of the selected groups."""
    named = RecommendationException.device_groups.through.objects.filter(devicegroup__in=groups.ids)
    here = Q(all_groups=True) | Exists(named.filter(recommendationexception=OuterRef("pk")))
    mine = RecommendationException.objects.filter(weakness=OuterRef("pk"), status=ExceptionStatus.IN_EFFECT)
    return Exists(mine.filter(here))


def _rank(field: str, choices: Any) -> Case:
    """By the order of the choices, which is not that of the alphabet."""
    ranks = [When(**{field: value}, then=Value(rank)) for rank, value in enumerate(choices.values)]
    return Case(*ranks, default=Value(0), output_field=IntegerField())


@require_GET
def weaknesses(request: Request) -> HttpResponseBase:
    listing = WeaknessList(
        request,
        WeaknessTable,
        WeaknessFilters,
        weaknesses_in(selection(request)),
        view="weaknesses",
        title=_("Weaknesses"),
        noun=ngettext_lazy("weakness", "weaknesses"),
        empty={
            "icon": "shield-check",
            "title": _("No weakness"),
            "text": _("No device of the selected groups is exposed to a known weakness."),
        },
    )
    return show(listing, "dashboard/list.html", placeholder=_("Filter by CVE or software"))
