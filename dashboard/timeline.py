"""The events that touch the selected device groups, each with its devices there and the step of the score."""

from datetime import timedelta
from typing import Any

from django.db.models import (
    CharField,
    ExpressionWrapper,
    FloatField,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, Greatest, NullIf
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation import scoring
from remediation.models import Event, EventCount, EventKind, ExploitLevel, PublicationSum, Software

from . import cells, links
from .groups import Selection

NEWS = timedelta(days=7)
SHOWN = 4
FIELDS = (
    "pk", "kind", "at", "name", "before", "after", "weakness", "weakness__severity", "weakness__cvss", "recommendation",
    "component", "in_devices", "step",
)  # fmt: skip
_OF_WEAKNESSES = {EventKind.NEW_WEAKNESS, EventKind.EXPLOIT_RAISED, EventKind.KEV_ADDED, EventKind.KEV_REMOVED}


def events_in(groups: Selection) -> QuerySet:
    """With `in_devices`, `step` and `component`; what touches no selected group is not there."""
    counted = EventCount.objects.filter(event=OuterRef("pk"), group__in=groups.ids)
    here = Q(versions__weaknesses=OuterRef("weakness"), versions__counters__group__in=groups.ids)
    software = Software.objects.filter(here).order_by("name").values("name")[:1]
    return Event.objects.touching(groups.ids).annotate(
        in_devices=_sum(counted, Sum("devices"), IntegerField()),
        step=_step(groups),
        component=Coalesce("recommendation__related_component", Subquery(software), output_field=CharField()),
    )


def newest_events(groups: Selection) -> list[dict[str, Any]]:
    recent = events_in(groups).filter(at__gte=timezone.now() - NEWS)
    rows = recent.order_by("-at", "-pk").values(*FIELDS)[:SHOWN]
    return [row | {"address": event_address(row), "label": EventKind(row["kind"]).label} for row in rows]


def event_address(row: dict[str, Any]) -> str:
    """The page of what the event is about; empty for what concerns everything."""
    if row["kind"] in _OF_WEAKNESSES:
        return links.weakness(row["weakness"])
    return reverse("recommendation", args=[row["recommendation"]]) if row["recommendation"] else ""


def event_detail(row: dict[str, Any]) -> str:
    """What an event says beyond its name, from its fields."""
    if row["kind"] == EventKind.EXPLOIT_RAISED:
        return f"{cells.label(row['before'], ExploitLevel)} → {cells.label(row['after'], ExploitLevel)}"
    if row["kind"] == EventKind.KEV_ADDED:
        return _("In CISA's catalogue since %(day)s") % {"day": row["after"]}
    if row["kind"] == EventKind.KEV_REMOVED:
        return _("Was in CISA's catalogue since %(day)s") % {"day": row["before"]}
    if row["kind"] == EventKind.FIRST_SYNC:
        return _("What was there already is not listed one by one")
    if row["kind"] == EventKind.FIRST_KEV:
        return _("What it held already is not listed one by one")
    return row["component"] or ""


def _step(groups: Selection) -> Any:
    """By how much the score of the groups went up with the publication; where there was none before, nothing."""
    sums = PublicationSum.objects.filter(publication=OuterRef("publication"), group__in=groups.ids)
    after = Coalesce(_score("after"), Value(0.0), output_field=FloatField())
    return _sum(sums, after - _score("before"), FloatField())


def _score(when: str) -> Any:
    """The twin of `scoring.exposure_score` over the sums of groups; null where no device is scored."""
    low, normal, high = (Sum(f"{when}_devices_{value}") for value in ("low", "normal", "high"))
    scored = [Sum(f"{when}_score_{value}") for value in ("low", "normal", "high")]
    share = (low + normal + high) / Value(float(scoring.WEIGHT_HIGH_SHARE))
    heavy = Greatest(Value(scoring.WEIGHT_HIGH_LEAST), share, output_field=FloatField())
    weighted = [
        parts[0] * Value(scoring.WEIGHT_LOW) + parts[1] * Value(scoring.WEIGHT_NORMAL) + parts[2] * heavy
        for parts in ((low, normal, high), scored)
    ]
    return ExpressionWrapper(weighted[1] / NullIf(weighted[0], Value(0.0)), output_field=FloatField())


def _sum(queryset: QuerySet, what: Any, field: Any) -> Subquery:
    one = queryset.order_by().annotate(_one=Value(1)).values("_one")
    return Subquery(one.annotate(_sum=what).values("_sum"), output_field=field)
