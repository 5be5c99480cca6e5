"""One recommendation: the flyout over a list, the same as a partial, and the same as a page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, Sum, Value, When, Window
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from remediation.models import (
    Exposure,
    OrganisationScore,
    Recommendation,
    RecommendationCounter,
    Severity,
    TicketSystem,
)
from remediation.seen import as_seen_in

from ..activities import in_short
from ..groups import Selection, selection
from ..inventory import carried_by, exposing, worst_first
from ..numbers import activities_in
from ..requests import Request
from ..scores import Weights, weight_questions
from .next_steps import description, next_steps

SHOWN_WEAKNESSES = 4
SHOWN_DEVICES = 3
SHOWN_ACTIVITIES = 5
# Up to here the riskiest devices are named; sorting more would take longer than the rest of the page.
SORTED_BY_RISK_UP_TO = 20_000


@dataclass(frozen=True)
class Impact:
    exposure: float
    configuration: float
    score: float
    # The headline is the source's own score, and this one explains it.
    is_explained: bool

    @property
    def score_after(self) -> float:
        return self.score - self.exposure


@require_GET
def recommendation(request: Request, pk: int) -> HttpResponse:
    found = describe(request, pk)
    if found is None:
        raise Http404
    return render(request, "dashboard/recommendation.html", found | {"as_page": True})


def flyout(request: Request) -> dict[str, Any]:
    """The context of the panel that `?open=<id>` asks for; empty when there is none to show."""
    asked = request.GET.get("open", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 16):
        return {}
    query = request.GET.copy()
    del query["open"]
    found = describe(request, int(asked))
    return {"panel": found | {"close_url": f"{request.path}?{query.urlencode()}"}} if found else {}


def flyout_partial(request: Request) -> HttpResponse | None:
    """The panel alone, when the page's script asks for it."""
    if not (request.htmx and request.htmx.target == "flyout"):
        return None
    found = flyout(request)
    if not found:
        raise Http404
    response = render(request, "dashboard/_flyout.html", found)
    response.headers["Vary"] = "HX-Request"
    return response


def describe(request: Request, pk: int) -> dict[str, Any] | None:
    """Everything that the panel says, for the selected device groups; None for what the reader may not see."""
    groups = selection(request)
    item = _item(request, pk, groups)
    if item is None:
        return None
    weights = Weights.read({name: getattr(item, name) for name in weight_questions(groups)})
    on_exposure, on_configuration = weights.impacts(vars(item))
    weaknesses = _weaknesses(item, groups)
    may_handle = request.user.has_perm("remediation.handle_remediation")
    return {
        "recommendation": item,
        "impact": Impact(on_exposure, on_configuration, weights.score, _is_explained(item, groups)),
        "type": item.get_remediation_type_display(),
        "description": description(item, weaknesses),
        "steps": next_steps(item, item.ticket_system or "", may_handle),
        "weaknesses": weaknesses,
        "devices": _devices(item, groups),
        "activities": in_short(activities_in(groups).filter(recommendation=item), groups)[:SHOWN_ACTIVITIES],
        "may_handle": may_handle,
    }


def _item(request: Request, pk: int, groups: Selection) -> Any:
    here = Q(counters__group__in=groups.ids)
    sums = {f"in_{name}": Sum(f"counters__{name}", filter=here, default=0) for name in RecommendationCounter.SUMMED}
    newest = OrganisationScore.objects.order_by("-day").values("source_exposure")[:1]
    # Microsoft Intune before Configuration Manager, where both are on.
    system = TicketSystem.objects.filter(is_enabled=True).order_by("-name").values("name")[:1]
    visible = Recommendation.objects.visible_to(request.user).filter(pk=pk).values("pk")
    found = as_seen_in(Recommendation.objects.filter(pk__in=visible).annotate(**sums), groups.limits)
    return found.annotate(ticket_system=system, source_exposure=newest, **weight_questions(groups)).first()


def _is_explained(item: Any, groups: Selection) -> bool:
    return groups.is_whole_organisation and item.source_exposure is not None


def _weaknesses(item: Any, groups: Selection) -> list[Any]:
    """The worst ones in the groups first, each with the totals of all."""
    if not item.software_id:
        return []
    found = worst_first(exposing(groups).filter(pk__in=carried_by(groups, pk=item.software_id)))
    critical = Case(When(severity=Severity.CRITICAL, then=Value(1)), default=Value(0))
    totals = {
        "critical": Window(Sum(critical)),
        "exploited": Window(Sum("is_exploited")),
        "known_exploited": Window(Count("kev_added_on")),
    }
    return list(found.annotate(**totals)[:SHOWN_WEAKNESSES])


def _devices(item: Any, groups: Selection) -> QuerySet[Exposure]:
    order = "-device__risk_sum" if item.in_exposed <= SORTED_BY_RISK_UP_TO else "device_id"
    exposures = Exposure.objects.filter(recommendation=item)
    if not groups.is_whole_organisation:
        exposures = exposures.filter(device__group__in=groups.ids)
    return exposures.select_related("device", "version").order_by(order, "device_id")[:SHOWN_DEVICES]
