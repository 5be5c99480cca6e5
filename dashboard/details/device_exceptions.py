"""What exceptions take from the risk of a device: version by version, as the published scores count it."""

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
    products, weaknesses = {pair[0] for pair in pairs} - {None}, {pair[1] for pair in pairs} - {None}
    rows = exposures.select_related("recommendation", "version")
    own = {row.version.pk: row for row in rows if row.version}
    whole = {row.version.pk: row.version.risk for row in own.values() if row.version}
    taken = _of_weaknesses(own, weaknesses)
    taken |= {version: whole[version] for version, row in own.items() if row.recommendation_id in products}
    return {version: min(risk, whole[version]) for version, risk in taken.items()}


def _of_weaknesses(own: dict[int, Exposure], weaknesses: set[int]) -> dict[int, float]:
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
