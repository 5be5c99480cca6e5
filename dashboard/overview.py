"""The dashboard: scores with their trend, and what comes first. Every number is a sum of stored rows."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Case, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import JSONObject
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from remediation import scoring
from remediation.models import (
    ActivityStatus,
    Category,
    Device,
    DeviceGroup,
    ExposureLevel,
    RecommendationStatus,
    ScoreSnapshot,
)

from . import charts, trends
from .activities import with_progress
from .details.recommendation import flyout, flyout_partial
from .glyphs import LEVELS
from .groups import Selection, selection
from .inventory import weaknesses_in
from .lists.exceptions import ask_to_do
from .lists.recommendations import with_impact
from .lists.tabs import awaiting_a_decision, overdue
from .numbers import CountOf, activities_in, numbers, recommendations_in
from .periods import last_days
from .published import published
from .rejections import ask_rejections, rejections
from .requests import Request
from .scores import ask_weights, settings_in, weights
from .timeline import newest_events

ROWS = 6
SHORT_ROWS = 5
# Activities are sorted by the order of these.
RANKED = 100


@require_GET
def overview(request: Request) -> HttpResponse:
    panel = flyout_partial(request)
    if panel is not None:
        return panel
    groups = selection(request)
    _ask(request, groups)
    if numbers(request)["frame_synced_at"] is None or not groups.visible:
        return render(request, "dashboard/first_start.html")
    top = _top_recommendations(request, groups)
    period = last_days(request)
    history = published(request, f"history{period.days}", lambda: trends.history(groups, period))
    settings = published(request, "settings", lambda: _settings(groups))
    exposure = trends.exposure(history, weights(request))
    context = {
        "numbers": numbers(request),
        "rejections": rejections(request),
        "known_exploited": numbers(request)["known_exploited"],
        "known_exploited_devices": numbers(request)["known_exploited_devices"] or 0,
        "exposure": exposure,
        "exposure_chart": charts.trend(exposure.points, _("Exposure score")) if exposure.points else "",
        "configuration": trends.configuration(history, [_compliance(row) for row in settings]),
        "explained_score": weights(request).score,
        "periods": period.choices(request),
        "categories": _categories(settings),
        "levels": _levels(request),
        "devices_chart": charts.donut(_slices(request), _("devices")),
        "devices_total": sum(piece.count for piece in _slices(request)),
        "recommendations": top[:ROWS],
        "activities": _top_activities(groups, top),
        "software": _top_software(top),
        "devices": published(request, "top_devices", lambda: _top_devices(groups)),
        "events": published(request, "events", lambda: newest_events(groups)),
    }
    return render(request, "dashboard/overview.html", context | flyout(request))


def _ask(request: Request, groups: Selection) -> None:
    ask_weights(request)
    ask_rejections(request)
    ask_to_do(request, groups)
    numbers(request).ask(decisions=CountOf(awaiting_a_decision(activities_in(groups), groups)))
    excepted = recommendations_in(groups).exclude(seen_status=RecommendationStatus.ACTIVE)
    newest = ScoreSnapshot.objects.order_by("-day").values("day")[:1]
    today = ScoreSnapshot.objects.filter(day=Subquery(newest), group__in=groups.ids).order_by()
    levels = {name: _total(today, name) for name in (*_LEVEL_FIELDS.values(), "unseen")}
    numbers(request).ask(
        top_overdue=CountOf(overdue(activities_in(groups))),
        top_excepted=CountOf(excepted),
        known_exploited=CountOf(weaknesses_in(groups).filter(kev_added_on__isnull=False, in_exposed__gt=0)),
        known_exploited_devices=_total(today, "known_exploited"),
        **levels,
    )


def _total(queryset: QuerySet, name: str) -> Subquery:
    return Subquery(queryset.annotate(_one=Value(1)).values("_one").annotate(_sum=Sum(name)).values("_sum"))


# --- Scores ---
def _settings(groups: Selection) -> list[dict[str, Any]]:
    here = settings_in(groups).order_by().filter(counters__group__in=groups.ids)
    rows = here.values("pk", "category", "severity_score")
    return list(rows.annotate(exposed=Sum("counters__exposed"), total=Sum("counters__total")))


def _compliance(setting: Mapping[str, Any]) -> tuple[float, int, int]:
    return setting["severity_score"], setting["total"], setting["total"] - setting["exposed"]


def _categories(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The configuration score by category, each with its points."""
    found = []
    for category in Category:
        mine = [_compliance(row) for row in settings if row["category"] == category]
        whole = sum(points for points, _, _ in mine)
        if whole:
            score = scoring.configuration_score(mine) or 0.0
            row = {"value": category.value, "label": category.label, "score": score, "whole": whole}
            found.append(row | {"reached": score * whole / 100, "bar": charts.bar(score)})
    return found


# --- Devices ---
_LEVEL_FIELDS = {
    ExposureLevel.HIGH: "level_high",
    ExposureLevel.MEDIUM: "level_medium",
    ExposureLevel.LOW: "level_low",
    ExposureLevel.NONE: "level_none",
}


def _slices(request: Request) -> list[charts.Slice]:
    answers = numbers(request)
    return [
        charts.Slice(LEVELS[level.value][1], str(level.label), answers[field] or 0, level.value)
        for level, field in _LEVEL_FIELDS.items()
    ]


def _levels(request: Request) -> list[tuple[charts.Slice, int]]:
    slices = _slices(request)
    whole = sum(piece.count for piece in slices)
    return [(piece, round(100 * piece.count / whole) if whole else 0) for piece in slices]


def _top_devices(groups: Selection) -> list[dict[str, Any]]:
    """The first few of each group by the index, the first few of those here: no sort of all devices."""
    in_group = Device.objects.present().filter(group=OuterRef("pk"), risk_sum__gt=0).order_by("-risk_sum")
    card = in_group.annotate(card=JSONObject(pk="pk", name="name", level="exposure_level", risk="risk_sum")).values(
        "card"
    )
    places = {f"place_{place}": Subquery(card[place : place + 1]) for place in range(SHORT_ROWS)}
    rows = DeviceGroup.objects.filter(pk__in=groups.ids).order_by().values_list("name", *places.values())
    found = [device | {"group": name} for name, *devices in rows for device in devices if device]
    found.sort(key=lambda device: -device["risk"])
    return [device | {"score": scoring.device_score(device["risk"])} for device in found[:SHORT_ROWS]]


# --- Recommendations, activities, software ---
_FIELDS = (
    "pk",
    "name",
    "related_component",
    "software",
    "remediation_type",
    "seen_weaknesses",
    "severity_score",
    "active_alert",
    "public_exploit",
    "associated_threats",
    "in_exposed",
    "in_total",
    "impact_exposure",
    "impact_configuration",
)


def _top_recommendations(request: Request, groups: Selection) -> list[dict[str, Any]]:
    found = recommendations_in(groups).exclude(seen_status=RecommendationStatus.FULL_EXCEPTION)
    return list(with_impact(request, found).order_by("-impact", "pk").values(*_FIELDS)[:RANKED])


def _top_activities(groups: Selection, top: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of the recommendations; what was cancelled is no work."""
    if not top:
        return []
    order = Case(*(When(recommendation_id=row["pk"], then=Value(place)) for place, row in enumerate(top)))
    mine = activities_in(groups).filter(recommendation__in=[row["pk"] for row in top])
    mine = mine.exclude(status=ActivityStatus.CANCELLED).annotate(place=order)
    active_first = Case(When(status=ActivityStatus.ACTIVE, then=Value(0)), default=Value(1))
    fields = ("pk", "title", "status", "due_on", "in_fixed", "in_targets", "requested_remediation")
    return list(
        with_progress(mine, groups)
        .order_by("place", active_first, F("due_on").asc(nulls_last=True))
        .values(*fields)[:ROWS]
    )


def _top_software(top: list[dict[str, Any]]) -> list[dict[str, Any]]:
    software = [row for row in top if row["software"] is not None]
    return sorted(software, key=lambda row: -row["seen_weaknesses"] * row["in_exposed"])[:SHORT_ROWS]
