"""One box for everything: recommendations, weaknesses, software, devices and activities, in the selected groups.

One query: each kind finds the keys of its first matches by itself, and the rows of all of them come together.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import CharField, Exists, F, FloatField, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from remediation.models import (
    Recommendation,
    RecommendationCounter,
    Severity,
    Software,
    SoftwareCounter,
    Weakness,
    WeaknessCounter,
)

from . import cells, links
from .groups import Selection, selection
from .lists.devices import devices_in
from .numbers import activities_in
from .requests import Request

LONGEST = 200
SHORTEST = 2
# Matches of a kind that are looked for: enough to put the best first, and beyond it a page says "more than".
MOST = 100
SHOWN = 5
SUGGESTED = 3


@dataclass(frozen=True)
class Kind:
    """What can be found, and how its rows read."""

    name: str
    label: Any
    icon: str
    permission: str
    # The matches in the groups, best first.
    matches: Callable[[Selection, str], QuerySet]
    title: Any
    detail: Any
    # The higher, the earlier; a number of what the reader sees alone.
    weight: Callable[[Selection], Any]
    address: Callable[[int], str]
    # The list that shows all matches; empty where there is none.
    route: str = ""
    describe: Callable[[str], Any] = str

    def rows(self, groups: Selection, text: str) -> QuerySet:
        """The first matches. Found by their keys, for a part of a union may have no limit of its own on SQLite."""
        keys = self.matches(groups, text).values("pk")[: MOST + 1]
        rows = keys.model._default_manager.filter(pk__in=keys).order_by()
        weight = Cast(Coalesce(self.weight(groups), 0.0, output_field=FloatField()), FloatField())
        return rows.values_list(
            Value(self.name, CharField()), weight, "pk", Cast(self.title, TextField()), Cast(self.detail, TextField())
        )


@dataclass
class Found:
    """The matches of one kind."""

    kind: Kind
    text: str
    # Weight, key, name and detail.
    rows: list[tuple[float, int, str, str]] = field(default_factory=list)
    shown: int = SHOWN

    @property
    def count(self) -> str:
        return f"{MOST}+" if len(self.rows) > MOST else str(len(self.rows))

    @property
    def best(self) -> list[tuple[str, str, Any]]:
        """Address, name and detail; what is the text comes first, then what begins with it."""
        ranked = sorted(self.rows, key=lambda row: (_rank(row[2], self.text), -row[0], row[2]))
        kind = self.kind
        return [(kind.address(pk), name, kind.describe(detail)) for _, pk, name, detail in ranked[: self.shown]]

    @property
    def all_url(self) -> str:
        if not self.kind.route or len(self.rows) <= self.shown:
            return ""
        return f"{reverse(self.kind.route)}?{urlencode({'q': self.text})}"


def _rank(name: str, text: str) -> int:
    name, wanted = name.casefold(), text.casefold()
    return 0 if name == wanted else 1 if name.startswith(wanted) else 2


def _exposed_here(groups: Selection) -> QuerySet:
    return RecommendationCounter.objects.filter(group__in=groups.ids, exposed__gt=0).values("recommendation")


def _recommendations(groups: Selection, text: str) -> QuerySet:
    found = Recommendation.objects.open().filter(Q(name__icontains=text) | Q(related_component__icontains=text))
    return found.filter(pk__in=_exposed_here(groups)).annotate(_weight=_impact(groups)).order_by("-_weight", "pk")


def _impact(groups: Selection) -> Any:
    """On the score of the organisation; of a part it is not stored, and the number of its exposed devices stands in."""
    if groups.is_whole_organisation:
        return F("exposure_impact")
    here = RecommendationCounter.objects.filter(recommendation=OuterRef("pk"), group__in=groups.ids).order_by()
    return Subquery(here.values("recommendation").annotate(_sum=Sum("exposed")).values("_sum"))


def _software(groups: Selection, text: str) -> QuerySet:
    found = Software.objects.filter(name__icontains=text, installed__gt=0)
    if not groups.is_whole_organisation:
        here = SoftwareCounter.objects.filter(software=OuterRef("pk"), group__in=groups.ids, installed__gt=0)
        found = found.filter(Exists(here))
    return found.order_by("name", "pk")


def _weaknesses(groups: Selection, text: str) -> QuerySet:
    # Their names are stored in capitals.
    found = Weakness.objects.filter(name__contains=text.upper())
    if not groups.is_whole_organisation:
        here = WeaknessCounter.objects.filter(weakness=OuterRef("pk"), group__in=groups.ids, exposed__gt=0)
        found = found.filter(Exists(here))
    return found.order_by("-name")


def _devices(groups: Selection, text: str) -> QuerySet:
    return devices_in(groups).present().filter(name__icontains=text).order_by("-risk_sum", "-pk")


def _activities(groups: Selection, text: str) -> QuerySet:
    number = text.removeprefix("#")
    named = Q(title__icontains=text)
    if number.isascii() and number.isdigit() and len(number) <= 18:
        named |= Q(pk=int(number))
    return activities_in(groups).filter(named).order_by("-pk")


def _page(route: str) -> Callable[[int], str]:
    return lambda pk: reverse(route, args=[pk])


KINDS = [
    Kind(
        "recommendation",
        _("Security recommendations"),
        "list-check",
        "remediation.view_recommendation",
        _recommendations,
        title=F("name"),
        detail=F("related_component"),
        weight=_impact,
        address=_page("recommendation"),
        route="recommendations",
    ),
    Kind(
        "weakness",
        _("Weaknesses"),
        "bug",
        "remediation.view_weakness",
        _weaknesses,
        title=F("name"),
        detail=F("severity"),
        weight=lambda groups: F("cvss"),
        address=links.weakness,
        route="weaknesses",
        describe=lambda severity: cells.label(severity, Severity),
    ),
    Kind(
        "software",
        _("Software"),
        "box-seam",
        "remediation.view_software",
        _software,
        title=F("name"),
        detail=F("vendor"),
        weight=lambda groups: Value(0.0),
        address=links.software,
        route="software_list",
    ),
    Kind(
        "device",
        _("Devices"),
        "pc-display",
        "remediation.view_device",
        _devices,
        title=F("name"),
        detail=F("group__name"),
        weight=lambda groups: F("risk_sum"),
        address=links.device,
        route="devices",
    ),
    Kind(
        "activity",
        _("Remediation activities"),
        "tools",
        "remediation.view_remediationactivity",
        _activities,
        title=F("title"),
        detail=F("related_component"),
        weight=lambda groups: F("pk"),
        address=_page("activity"),
        route="activities",
    ),
]


@require_GET
def search(request: Request) -> HttpResponse:
    text = _text(request)
    is_suggestion = bool(request.htmx)
    found = find(request, text, SUGGESTED if is_suggestion else SHOWN) if len(text) >= SHORTEST else []
    context = {"text": text, "found": found, "shortest": SHORTEST, "is_narrowed": not selection(request).is_all}
    response = render(request, "dashboard/_suggestions.html" if is_suggestion else "dashboard/search.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def find(request: Request, text: str, shown: int) -> list[Found]:
    """The kinds of which something matches."""
    groups = selection(request)
    kinds = [kind for kind in KINDS if request.user.has_perm(kind.permission)]
    found = {kind.name: Found(kind, text, shown=shown) for kind in kinds}
    parts = [kind.rows(groups, text) for kind in kinds] if groups.ids else []
    if parts:
        for name, *row in parts[0].union(*parts[1:], all=True):
            found[name].rows.append(tuple(row))
    return [kind for kind in found.values() if kind.rows]


def _text(request: Request) -> str:
    """What was typed, on one line; what no database could hold is left out."""
    text = " ".join(request.GET.get("q", "")[:LONGEST].split())
    return "".join(character for character in text if character.isprintable())
