"""Software and weaknesses in the selected device groups: by totals for the whole organisation, else by counters."""

from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat

from remediation.models import (
    Device,
    ExploitLevel,
    Exposure,
    Recommendation,
    Software,
    SoftwareVersion,
    VersionCounter,
    Weakness,
    WeaknessCounter,
)

from .groups import Selection
from .scores import count_of_related

_ADVICE = ("tags", "active_alert", "public_exploit", "associated_threats", "source_id", "recommended_version")


def software_in(groups: Selection) -> QuerySet:
    """What is installed there: `in_installed`, `in_exposed`, `in_weaknesses`, and its `advice`."""
    if groups.is_whole_organisation:
        return with_advice(Software.objects.with_counts(), groups).annotate(in_weaknesses=F("weaknesses"))
    found = Software.objects.with_counts_in(groups.ids)
    return with_advice(found, groups).annotate(in_weaknesses=weaknesses_of_software(groups))


def with_advice(software: QuerySet, groups: Selection) -> QuerySet:
    """What the product's recommendation says, `advice_tags` and so on; null where the reader may not see it."""
    if groups.limits is None:
        return software.annotate(**{f"advice_{name}": F(f"recommendation__{name}") for name in _ADVICE})
    advice = Recommendation.objects.exposed_in(groups.limits).filter(software=OuterRef("pk")).order_by()
    return software.annotate(**{f"advice_{name}": Subquery(advice.values(name)[:1]) for name in _ADVICE})


def weaknesses_in(groups: Selection) -> QuerySet:
    """`in_exposed` devices, and `in_since` when. A part shows those alone that expose a device of it."""
    if groups.is_whole_organisation:
        return Weakness.objects.with_counts()
    return Weakness.objects.with_counts_in(groups.ids)


def carried_by(groups: Selection, **software: Any) -> QuerySet:
    """Keys of the weaknesses of versions that are installed there, of products with these properties."""
    # From the few products to their versions, of each whether anyone here has it, and to what those suffer from.
    here = VersionCounter.objects.filter(version=OuterRef("pk"), group__in=groups.ids)
    named = {f"software__{name}": value for name, value in software.items()}
    versions = SoftwareVersion.objects.filter(Exists(here), **named)
    return Weakness.versions.through.objects.filter(softwareversion__in=versions).values("weakness")


def exposing(groups: Selection) -> QuerySet:
    """As `weaknesses_in`, for a few of them: those of a part are looked at one by one, not summed all at once."""
    if groups.is_whole_organisation:
        return Weakness.objects.with_counts()
    here = WeaknessCounter.objects.filter(weakness=OuterRef("pk"), group__in=groups.ids, exposed__gt=0)
    exposed = here.order_by().values("weakness").annotate(_sum=Sum("exposed")).values("_sum")
    return Weakness.objects.filter(Exists(here)).annotate(in_exposed=Subquery(exposed))


def worst_first(weaknesses: QuerySet) -> QuerySet:
    is_exploited = Case(When(exploit_level=ExploitLevel.NONE, then=Value(0)), default=Value(1))
    order = (F("kev_added_on").desc(nulls_last=True), "-is_exploited", F("cvss").desc(nulls_last=True), "name")
    return weaknesses.annotate(is_exploited=is_exploited).order_by(*order)


def weaknesses_of_software(groups: Selection) -> Any:
    """How many weaknesses the versions have that are installed there."""
    here = VersionCounter.objects.filter(group__in=groups.ids, version__software=OuterRef("pk"))
    return _count_distinct(here.order_by().values("version__software"), "version__weaknesses")


def carriers_of_weakness(groups: Selection) -> Any:
    """How many products there expose a device to the weakness."""
    here = VersionCounter.objects.filter(group__in=groups.ids, exposed__gt=0, version__weaknesses=OuterRef("pk"))
    return _count_distinct(here.order_by().values("version__weaknesses"), "version__software")


def first_carrier_of_weakness(groups: Selection) -> Any:
    """The name of the product that exposes most."""
    here = SoftwareVersion.objects.filter(
        weaknesses=OuterRef("pk"), counters__group__in=groups.ids, counters__exposed__gt=0
    )
    return Subquery(here.order_by("-counters__exposed", "pk").values("software__name")[:1])


def versions_in(versions: QuerySet, groups: Selection) -> QuerySet:
    """Those of the versions that are installed there, with their sums, the most frequent first."""
    return (
        versions.filter(counters__group__in=groups.ids)
        .annotate(in_installed=Sum("counters__installed"), in_exposed=Sum("counters__exposed"))
        .filter(in_installed__gt=0)
        .order_by("-in_installed", "pk")
    )


def exposures_to(weakness: Weakness, groups: Selection) -> QuerySet[Exposure]:
    """By the keys of the recommendations, which is what exposures are stored by: a join would hide them."""
    carriers = list(weakness.versions.values_list("pk", "software__recommendation"))
    versions, advice = {pk for pk, _ in carriers}, {advice for _, advice in carriers if advice is not None}
    return _in_groups(Exposure.objects.filter(recommendation__in=advice, version__in=versions), groups)


def exposed_there(groups: Selection) -> Sum:
    """Devices that a recommendation, a product or a weakness exposes there, by its counters."""
    return Sum("counters__exposed", filter=Q(counters__group__in=groups.ids), default=0)


def exposures_by(software: Software, versions: list[int], groups: Selection) -> QuerySet[Exposure]:
    """By the keys of its versions, too: PostgreSQL would take those of a join for few."""
    advice = getattr(software, "recommendation", None)
    if advice is None:
        return Exposure.objects.none()
    return _in_groups(Exposure.objects.filter(recommendation=advice, version__in=versions), groups)


def devices_exposed_to(weakness: Weakness, groups: Selection) -> QuerySet:
    """Each once, with the product that brings most risk, `carrier`, and how many products of it have the weakness."""
    exposures = exposures_to(weakness, groups)
    worst = exposures.filter(device=OuterRef("pk")).order_by("-version__risk", "recommendation")
    carrier = Concat("version__software__name", Value(" "), "version__version")
    return Device.objects.filter(pk__in=exposures.values("device")).annotate(
        carrier=Subquery(worst.values(named=carrier)[:1]), carriers=count_of_related(exposures, "device")
    )


def _in_groups(exposures: QuerySet[Exposure], groups: Selection) -> QuerySet[Exposure]:
    present = exposures.filter(device__retired_at=None, device__merged_into=None)
    return present if groups.is_whole_organisation else present.filter(device__group__in=groups.ids)


def _count_distinct(rows: QuerySet, what: str) -> Any:
    counted = Subquery(rows.annotate(_count=Count(what, distinct=True)).values("_count"), output_field=IntegerField())
    return Coalesce(counted, 0)
