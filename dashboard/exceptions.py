"""Exceptions as the list and their pages show them: what each is of, and how many devices it covers."""

from typing import Any

from django.db.models import Case, F, FloatField, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from remediation.models import RecommendationCounter, RecommendationException, WeaknessCounter

from .groups import Selection
from .numbers import CountOf


def with_size(exceptions: QuerySet, groups: Selection) -> QuerySet:
    """Of the selected device groups: how many `groups` it names, and `exposed_now` devices that it covers in them.

    What was decided on is about all of its groups, so whoever sees a part is not told.
    """
    named = RecommendationException.device_groups.through.objects.filter(devicegroup__in=groups.ids)
    mine = named.filter(recommendationexception=OuterRef("pk"))
    covered = named.filter(recommendationexception=OuterRef(OuterRef("pk"))).values("devicegroup")
    exposed = Case(
        When(weakness=None, then=_exposed(RecommendationCounter, "recommendation", groups, covered)),
        default=_exposed(WeaknessCounter, "weakness", groups, covered),
    )
    then = {"exposed_of_all": F("exposed_then"), "impact_of_all": F("impact_then")}
    told = then if groups.sees_everything else dict.fromkeys(then, Value(None, output_field=FloatField()))
    return exceptions.annotate(groups=CountOf(mine), exposed_now=exposed, **told)


def _exposed(counter: Any, subject: str, groups: Selection, covered: QuerySet) -> Case:
    """Devices of the selected groups that it exposes, in all of them or in those that are covered."""
    here = counter.objects.filter(**{subject: OuterRef(subject)}, group__in=groups.ids)
    summed = [
        Coalesce(Subquery(rows.order_by().values(subject).annotate(_sum=Sum("exposed")).values("_sum")), 0)
        for rows in (here, here.filter(group__in=covered))
    ]
    return Case(When(all_groups=True, then=summed[0]), default=summed[1])


def with_subject(exceptions: QuerySet) -> QuerySet:
    """The name of what is excepted, and a word on it."""
    return exceptions.annotate(
        subject=Coalesce("recommendation__name", "weakness__name"),
        about=Coalesce("recommendation__related_component", Value(_("Weakness"))),
    )
