"""Why the exposure score is what it is, what would lower it most, and why it moved."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.db.models.functions import JSONObject
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from remediation import scoring
from remediation.models import DeviceValue, OrganisationScore, ScoreSnapshot

from .. import charts
from ..glyphs import LEVELS
from ..groups import selection
from ..lists.recommendations import with_impact
from ..movement import ask_movement, movement
from ..numbers import numbers, recommendations_in
from ..periods import asked_period
from ..requests import Request
from ..scores import ask_weights, weights

SHOWN = 8
_FACTS = ("source_exposure", "model_version", "sync_run", "epss_on", "kev_on")


@dataclass(frozen=True)
class ValueShare:
    """What the devices of one value add to the score."""

    label: Any
    devices: int
    weight: float
    mean: float
    points: float


@dataclass(frozen=True)
class LevelShare:
    label: Any
    colour: str
    count: int
    percent: int
    bar: SafeString


@require_GET
def exposure_score(request: Request) -> HttpResponse:
    groups = selection(request)
    period, form = asked_period(request)
    ask_weights(request)
    ask_movement(request, period)
    newest = OrganisationScore.objects.order_by("-day").annotate(facts=JSONObject(**{name: F(name) for name in _FACTS}))
    numbers(request).ask(score_facts=newest.values("facts")[:1])
    if numbers(request)["frame_synced_at"] is None or not groups.visible:
        return render(request, "dashboard/first_start.html")
    facts = numbers(request)["score_facts"]
    present = ScoreSnapshot.objects.present(groups.ids)
    recommendations = with_impact(request, recommendations_in(groups)).filter(impact_exposure__gt=0)
    fields = ("pk", "name", "related_component", "in_exposed", "in_total", "impact_exposure")
    context = {
        "score": weights(request).score,
        "weights": weights(request),
        # The source's own score of the whole organisation, where ours explains it.
        "headline": facts["source_exposure"] if groups.is_whole_organisation else None,
        "devices": weights(request).devices,
        "unseen": round(present["unseen"]),
        "values": _values(present),
        "levels": _levels(present),
        "recommendations": recommendations.order_by("-impact_exposure", "pk").values(*fields)[:SHOWN],
        "facts": facts,
        "epss_on": parse_date(facts["epss_on"] or ""),
        "kev_on": parse_date(facts["kev_on"] or ""),
        "formula": scoring,
        "high_weight": scoring.weight_high(weights(request).devices),
        "movement": movement(request, groups),
        "form": form,
        "periods": period.choices(request),
        "period": period,
    }
    return render(request, "dashboard/exposure_score.html", context)


def _values(present: dict[str, float]) -> list[ValueShare]:
    counts = {value: round(present[f"devices_{value}"]) for value in DeviceValue.values}
    weight = {
        DeviceValue.LOW: scoring.WEIGHT_LOW,
        DeviceValue.NORMAL: scoring.WEIGHT_NORMAL,
        DeviceValue.HIGH: scoring.weight_high(sum(counts.values())),
    }
    whole = sum(weight[DeviceValue(value)] * count for value, count in counts.items()) or 1.0
    found = []
    for value in reversed(DeviceValue.values):
        scores, count, heavy = present[f"score_{value}"], counts[value], weight[DeviceValue(value)]
        mean = scores / count if count else 0.0
        found.append(ValueShare(DeviceValue(value).label, count, heavy, mean, heavy * scores / whole))
    return found


def _levels(present: dict[str, float]) -> list[LevelShare]:
    names = ("high", "medium", "low", "none")
    counts = {name: round(present[f"level_{name}"]) for name in names}
    whole = sum(counts.values())
    shares = {name: round(100 * count / whole) if whole else 0 for name, count in counts.items()}
    return [
        LevelShare(name, LEVELS[name][1], counts[name], shares[name], charts.bar(shares[name], LEVELS[name][1]))
        for name in names
    ]
