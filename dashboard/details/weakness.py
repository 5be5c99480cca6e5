"""One weakness: the facts with their dates, the software that carries it, the devices exposed, and the work on it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Min, Q, QuerySet, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from remediation.models import ExceptionStatus as S
from remediation.models import Recommendation, RecommendationException, SoftwareVersion, Weakness

from ..activities import in_short
from ..groups import Selection, selection
from ..inventory import devices_exposed_to, versions_in
from ..numbers import CountOf, activities_in, numbers
from ..requests import Request
from .recommendation import SORTED_BY_RISK_UP_TO

SHOWN_VERSIONS = 100
NAMED_VERSIONS = 6
SHOWN_DEVICES = 8
SHOWN_ACTIVITIES = 5
SHOWN_EXCEPTIONS = 6


@dataclass(frozen=True)
class Carrier:
    """A product with the weakness, its versions that have it, and what removes it."""

    first: SoftwareVersion
    versions: list[Any]

    @property
    def software(self) -> Any:
        return self.first.software

    @property
    def recommendation(self) -> Recommendation | None:
        return getattr(self.first.software, "recommendation", None)

    @property
    def others(self) -> int:
        """Versions beyond those that are named."""
        return max(0, len(self.versions) - NAMED_VERSIONS)

    @property
    def named(self) -> list[Any]:
        return self.versions[:NAMED_VERSIONS]

    @property
    def installed(self) -> int:
        return sum(version.in_installed for version in self.versions)

    @property
    def exposed(self) -> int:
        return sum(version.in_exposed for version in self.versions)


@require_GET
def weakness(request: Request, key: str) -> HttpResponse:
    groups, item = selection(request), find(request, key)
    exceptions = _exceptions(item, request)
    context = {
        "weakness": item,
        "carriers": _carriers(item, groups),
        "devices": _devices(item, groups),
        # Those that have it in their frozen goal.
        "exceptions": exceptions,
        "excepted": _excepted(item, groups, exceptions),
        "may_except": request.user.has_perm("remediation.handle_exception") and item.in_exposed > 0,
        "activities": in_short(activities_in(groups).filter(goal__weakness=item), groups)[:SHOWN_ACTIVITIES],
    }
    return render(request, "dashboard/weakness.html", context)


def find(request: Request, key: str) -> Any:
    """By its number or its name; 404 for what is not visible. `in_exposed`, `in_since` are of the selected groups."""
    if "\0" in key:
        # PostgreSQL does not even take it as a question.
        raise Http404
    groups = selection(request)
    is_number = key.isascii() and key.isdigit() and len(key) < 16
    visible = Weakness.objects.visible_to(request.user).filter(**{"pk": key} if is_number else {"name": key.upper()})
    here = Q(counters__group__in=groups.ids)
    found = Weakness.objects.filter(pk__in=visible.values("pk")).annotate(
        in_exposed=Sum("counters__exposed", filter=here, default=0),
        in_since=F("first_seen_at") if groups.is_whole_organisation else Min("counters__first_seen_at", filter=here),
    )
    return get_object_or_404(found)


def _carriers(item: Weakness, groups: Selection) -> list[Carrier]:
    versions = versions_in(item.versions.select_related("software__recommendation"), groups)
    by_software: dict[int, list[Any]] = defaultdict(list)
    for version in versions[:SHOWN_VERSIONS]:
        by_software[version.software_id].append(version)
    carriers = [Carrier(versions[0], versions) for versions in by_software.values()]
    return sorted(carriers, key=lambda carrier: -carrier.exposed)


def _exceptions(item: Weakness, request: Request) -> list[RecommendationException]:
    """Those that stand or wait, of the weakness itself and of what removes it."""
    if not request.user.has_perm("remediation.view_recommendationexception"):
        return []
    removing = Recommendation.objects.filter(software__in=item.versions.values("software"))
    found = RecommendationException.objects.live().filter(Q(weakness=item) | Q(recommendation__in=removing))
    visible = found.visible_to(request.user)
    # Asked with the page's other numbers: few weaknesses have one.
    numbers(request).ask(weakness_exceptions=CountOf(visible))
    if not numbers(request)["weakness_exceptions"]:
        return []
    linked = visible.select_related("weakness", "recommendation")
    return list(linked.order_by("recommendation", "-pk")[:SHOWN_EXCEPTIONS])


def _excepted(item: Any, groups: Selection, exceptions: list[RecommendationException]) -> int:
    """Of the exposed devices of the selected groups, those under an exception of the weakness itself."""
    mine = [found for found in exceptions if found.weakness_id == item.pk and found.status == S.IN_EFFECT]
    if any(found.all_groups for found in mine):
        return item.in_exposed
    named = RecommendationException.device_groups.through.objects.filter(recommendationexception__in=mine)
    here = item.counters.filter(group__in=groups.ids).filter(group__in=named.values("devicegroup"))
    return here.aggregate(n=Sum("exposed", default=0))["n"] if mine else 0


def _devices(item: Any, groups: Selection) -> QuerySet:
    order = "-risk_sum" if item.in_exposed <= SORTED_BY_RISK_UP_TO else "pk"
    found = devices_exposed_to(item, groups).order_by(order, "pk")
    return found.values("name", "group__name", "exposure_level", installed=F("carrier"))[:SHOWN_DEVICES]
