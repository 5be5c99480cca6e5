"""One product: which versions are installed where, what they suffer from, and the work on it."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from remediation.models import EndOfSupport, Recommendation, Software, SoftwareVersion

from ..activities import in_short
from ..groups import Selection, selection
from ..inventory import (
    carried_by,
    exposing,
    exposures_by,
    versions_in,
    weaknesses_of_software,
    worst_first,
)
from ..lists.software import impact_of_software
from ..numbers import activities_in, numbers
from ..requests import Request
from ..scores import ask_weights, count_of_related
from .recommendation import SORTED_BY_RISK_UP_TO

SHOWN_VERSIONS = 20
SHOWN_WEAKNESSES = 8
SHOWN_DEVICES = 8
SHOWN_ACTIVITIES = 5


@dataclass(frozen=True)
class Distribution:
    """The versions that most devices have, newest first, and what is left of the others."""

    versions: list[Any]
    # Devices by version; one that has several versions counts in each.
    installed: int
    count: int

    @property
    def others(self) -> int:
        return self.count - len(self.versions)

    @property
    def most(self) -> int:
        return max((version.in_installed for version in self.versions), default=0)


@require_GET
def software(request: Request, pk: int) -> HttpResponse:
    ask_weights(request)
    groups = selection(request)
    item = _item(request, pk, groups)
    advice = item.recommendation if item.sees_advice else None
    versions = _versions(item, groups)
    context = {
        "software": item,
        "recommendation": advice,
        "is_at_end_of_life": _is_at_end_of_life(item, advice),
        "distribution": _distribution(versions),
        "weaknesses": worst_first(exposing(groups).filter(pk__in=carried_by(groups, pk=item.pk)))[:SHOWN_WEAKNESSES],
        "devices": _devices(item, [version.pk for version in versions], groups),
        "activities": in_short(activities_in(groups).filter(recommendation__software=item), groups)[:SHOWN_ACTIVITIES],
        "may_handle": request.user.has_perm("remediation.handle_remediation"),
        "numbers": numbers(request),
    }
    return render(request, "dashboard/software.html", context)


def _is_at_end_of_life(item: Software, advice: Recommendation | None) -> bool:
    """By the source's inventory, or by the tag of its recommendation."""
    is_tagged = advice is not None and "EOL software" in advice.tags
    return is_tagged or item.end_of_support_status == EndOfSupport.SOFTWARE


def _item(request: Request, pk: int, groups: Selection) -> Any:
    here = Q(counters__group__in=groups.ids)
    sums = {f"in_{name}": Sum(f"counters__{name}", filter=here, default=0) for name in ("installed", "exposed")}
    visible = Software.objects.visible_to(request.user).filter(pk=pk)
    found = Software.objects.filter(pk__in=visible.values("pk")).select_related("recommendation")
    advice = Recommendation.objects.visible_to(request.user).filter(software=OuterRef("pk"))
    figures = {"in_weaknesses": weaknesses_of_software(groups), "impact": impact_of_software(request)}
    return get_object_or_404(found.annotate(sees_advice=Exists(advice), **figures, **sums))


def _versions(item: Software, groups: Selection) -> list[Any]:
    links = SoftwareVersion.weaknesses.through.objects.all()
    found = versions_in(item.versions.defer("disk_paths", "registry_paths"), groups)
    return list(found.annotate(weakness_count=count_of_related(links, "softwareversion")))


def _distribution(found: list[Any]) -> Distribution:
    shown = sorted(found[:SHOWN_VERSIONS], key=lambda version: _in_order(version.version), reverse=True)
    return Distribution(shown, sum(version.in_installed for version in found), len(found))


def _in_order(version: str) -> list[tuple[int, int, str]]:
    """10.2 after 9.8: numbers by their value, words after them."""
    return [(0, int(part[:18]), "") if part.isdecimal() else (1, 0, part) for part in version.split(".")]


def _devices(item: Any, versions: list[int], groups: Selection) -> QuerySet:
    order = "-device__risk_sum" if item.in_exposed <= SORTED_BY_RISK_UP_TO else "device_id"
    fields = {
        "name": F("device__name"),
        "group__name": F("device__group__name"),
        "exposure_level": F("device__exposure_level"),
        "installed": F("version__version"),
    }
    return exposures_by(item, versions, groups).order_by(order, "device_id").values(**fields)[:SHOWN_DEVICES]
