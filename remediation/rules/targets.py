"""The frozen goal of an activity: its target devices, in batches, and the weaknesses it is to remove."""

from collections.abc import Mapping

from django.db import connection
from django.db.models import Count, Sum

from .. import scoring
from ..models import (
    TICKET_LIMIT,
    ActivityCount,
    ActivityDevice,
    ActivityWeakness,
    Device,
    DeviceGroup,
    Exposure,
    Recommendation,
    RecommendationCounter,
    RemediationActivity,
    ScoreSnapshot,
    SoftwareVersion,
    TicketSystem,
)

# The sums of `ScoreSnapshot` over some device groups.
Snapshot = Mapping[str, float]

# One statement for 10,000 devices. Those that a ticket can name (by Entra id, or by name where the system takes names)
# are numbered by risk, highest first, and cut into batches.
_FREEZE_DEVICES = """
INSERT INTO {activity_device} (
    activity_id, device_id, group_id, batch, state, state_changed_at, installed_version,
    disk_paths, registry_paths, security_update, exposed_again)
SELECT %s, id, group_id,
    CASE WHEN is_eligible AND place <= %s THEN (place - 1) / %s + 1 END,
    'exposed', %s, version, '[]', '[]', '', 0
FROM (
    SELECT device.id, device.group_id, COALESCE(version.version, '') AS version,
        {eligible} AS is_eligible,
        ROW_NUMBER() OVER (PARTITION BY {eligible} ORDER BY device.risk_sum DESC, device.id) AS place
    FROM {exposure} exposure
    JOIN {device} device ON device.id = exposure.device_id
    LEFT JOIN {version} version ON version.id = exposure.version_id
    WHERE exposure.recommendation_id = %s AND device.group_id IN ({groups})
        AND device.retired_at IS NULL AND device.merged_into_id IS NULL
) target
"""

_BY_ENTRA_ID = "device.entra_device_id <> ''"
_BY_NAME_TOO = f"({_BY_ENTRA_ID} OR device.name <> '')"

_FREEZE_WEAKNESSES = """
INSERT INTO {activity_weakness} (activity_id, weakness_id)
SELECT DISTINCT %s, link.weakness_id
FROM {version} version
JOIN {link} link ON link.softwareversion_id = version.id
WHERE version.software_id = %s
"""

_COUNT = """
INSERT INTO {count} (
    activity_id, group_id, targets, exposed, fixed, not_seen, excepted, out_of_scope, regressed)
SELECT %s, group_id, COUNT(*), COUNT(*), 0, 0, 0, 0, 0 FROM {activity_device} WHERE activity_id = %s GROUP BY group_id
"""

_TABLES = {
    "activity_device": ActivityDevice._meta.db_table,
    "activity_weakness": ActivityWeakness._meta.db_table,
    "count": ActivityCount._meta.db_table,
    "device": Device._meta.db_table,
    "exposure": Exposure._meta.db_table,
    "version": SoftwareVersion._meta.db_table,
    "link": SoftwareVersion.weaknesses.through._meta.db_table,
}


def freeze(
    activity: RemediationActivity, groups: list[DeviceGroup], *, system: TicketSystem | None, first_batch_only: bool
) -> None:
    """Write the devices, the weaknesses and the counts; sets `activity.targets`. Inside the request's transaction."""
    in_a_ticket = (TICKET_LIMIT if first_batch_only else 2**31) if system else 0
    eligible = _BY_NAME_TOO if system and system.takes_names else _BY_ENTRA_ID
    moment = connection.ops.adapt_datetimefield_value(activity.requested_at)
    recommendation = activity.recommendation
    with connection.cursor() as cursor:
        cursor.execute(
            _sql(_FREEZE_DEVICES, groups=",".join(["%s"] * len(groups)) or "NULL", eligible=eligible),
            [activity.pk, in_a_ticket, TICKET_LIMIT, moment, recommendation.pk, *(group.pk for group in groups)],
        )
        activity.targets = cursor.rowcount
        if recommendation.software_id:
            cursor.execute(_sql(_FREEZE_WEAKNESSES), [activity.pk, recommendation.software_id])
        cursor.execute(_sql(_COUNT), [activity.pk, activity.pk])
    activity.save(update_fields=["targets"])


def batch_sizes(activity: RemediationActivity) -> list[tuple[int, int]]:
    """Batch number and devices of each ticket."""
    batches = activity.devices.exclude(batch=None).values_list("batch").annotate(Count("device")).order_by("batch")
    return list(batches)


def promised_impact(
    recommendation: Recommendation, groups: list[DeviceGroup], snapshot: Snapshot | None = None
) -> float:
    """Points by which a score improves when this is fixed in the groups and nothing else changes.

    The score is that of the snapshot's devices; without one, the organisation's.
    """
    sums = {name: Sum(name) for name in RecommendationCounter.SUMMED}
    counted = recommendation.counters.filter(group__in=groups).aggregate(**sums)
    if recommendation.is_configuration:
        # Linear in the devices that comply, so a part of the devices is worth its part of the points.
        return recommendation.configuration_impact * (counted["exposed"] or 0) / (recommendation.exposed or 1)
    return scoring.exposure_impact_of(counted, snapshot or ScoreSnapshot.objects.present())


def _sql(statement: str, **more: str) -> str:
    return statement.format(**_TABLES, **more)
