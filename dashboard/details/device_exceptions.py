"""What exceptions take from the risk of a device: version by version, as the published scores count it."""

from typing import Any

from django.db.models import Q, QuerySet

from remediation import scoring
from remediation.models import Device, Exposure, RecommendationException, Weakness


def taken_by_exceptions(device: Device, exposures: QuerySet[Exposure]) -> dict[int, float]:
    """Version to the risk that it does not add here, before the factor of the device."""
    if not device.excepted_risk:
        return {}
    counted = RecommendationException.objects.filter(is_counted=True)
    here = counted.filter(Q(all_groups=True) | Q(device_groups=device.group_id))
    pairs = list(here.values_list("recommendation", "weakness"))
    products, weaknesses = {pair[0] for pair in pairs if pair[0]}, {pair[1] for pair in pairs if pair[1]}
    found = exposures.exclude(version=None).select_related("recommendation", "version")
    own: dict[int, Any] = {row.version_id: row for row in found if row.version_id}
    taken = _of_weaknesses(own, weaknesses)
    taken |= {version: row.version.risk for version, row in own.items() if row.recommendation_id in products}
    return {version: min(risk, own[version].version.risk) for version, risk in taken.items()}


def _of_weaknesses(own: dict[int, Any], weaknesses: set[int]) -> dict[int, float]:
    links = Weakness.versions.through.objects.filter(softwareversion__in=own, weakness__in=weaknesses)
    taken: dict[int, float] = {}
    for link in links.select_related("weakness"):
        advice, found = own[link.softwareversion_id].recommendation, link.weakness
        taken[link.softwareversion_id] = taken.get(link.softwareversion_id, 0.0) + scoring.weakness_risk(
            found.cvss,
            found.severity,
            found.epss,
            found.exploit_level,
            in_kev=found.kev_added_on is not None,
            has_alert=advice.active_alert and advice.closed_at is None,
        )
    return taken
