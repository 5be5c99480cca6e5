"""What a recommendation looks like to who sees some device groups: by what is decided and installed there alone."""

from typing import Any

from django.db.models import Case, CharField, Count, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from .models import (
    Recommendation,
    RecommendationCounter,
    RecommendationException,
    RecommendationStatus,
    SoftwareVersion,
    User,
    VersionCounter,
)

_S = RecommendationStatus


def as_seen_by(recommendations: QuerySet, user: User) -> QuerySet:
    return as_seen_in(recommendations, None if user.sees_all_groups else user.device_groups.all())


def as_seen_in(recommendations: QuerySet, groups: Any) -> QuerySet:
    """With `seen_status` and `seen_weaknesses`; of the whole organisation, groups None, they are what is stored."""
    stored = Recommendation.objects.filter(pk=OuterRef("pk")).order_by()
    if groups is None:
        return recommendations.annotate(seen_status=F("status"), seen_weaknesses=F("weaknesses"))
    # Each in a query of its own, which hangs on the key alone: beside sums it stays out of GROUP BY.
    status, weaknesses = stored.annotate(_seen=_status(groups)), stored.annotate(_seen=_weaknesses(groups))
    return recommendations.annotate(
        seen_status=Subquery(status.values("_seen")), seen_weaknesses=Subquery(weaknesses.values("_seen"))
    )


def _status(groups: Any) -> Case:
    """As `rules.recommendation_status` has it for all groups."""
    in_effect = RecommendationException.objects.in_effect()
    mine = in_effect.filter(recommendation=OuterRef("pk"))
    here = RecommendationCounter.objects.filter(recommendation=OuterRef("pk"), group__in=groups, exposed__gt=0)
    covering = in_effect.filter(recommendation=OuterRef("recommendation"), device_groups=OuterRef("group"))
    return Case(
        When(Exists(mine.filter(all_groups=True)), then=Value(_S.FULL_EXCEPTION)),
        When(~Exists(mine.filter(device_groups__in=groups)), then=Value(_S.ACTIVE)),
        When(Exists(here.exclude(Exists(covering))), then=Value(_S.PARTIAL_EXCEPTION)),
        default=Value(_S.FULL_EXCEPTION),
        output_field=CharField(),
    )


def _weaknesses(groups: Any) -> Coalesce:
    """Of the versions that expose a device there."""
    here = VersionCounter.objects.filter(
        group__in=groups, exposed__gt=0, version__software=OuterRef(OuterRef("software"))
    )
    links: Any = SoftwareVersion.weaknesses.through.objects.filter(softwareversion__in=here.values("version"))
    counted = links.annotate(_one=Value(1)).values("_one").annotate(_count=Count("weakness", distinct=True))
    return Coalesce(Subquery(counted.values("_count")), 0, output_field=IntegerField())
