"""The frozen goal of an activity: its target devices, in batches, and the weaknesses it is to remove."""

from collections.abc import Mapping

from django.db import connection
from django.db.models import Sum

from .. import scoring
from ..models import (
    ACTIVITY_STATES_LEFT,
    ActivityCount,
    ActivityDevice,
    ActivityWeakness,
    BatchCount,
    Device,
    DeviceGroup,
    DeviceValue,
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
# are numbered by risk, highest first, and cut into batches, of which perhaps only the first gets its ticket now.
_FREEZE_DEVICES = """
INSERT INTO {activity_device} (
    activity_id, device_id, group_id, batch, state, state_changed_at, installed_version,
    disk_paths, registry_paths, security_update, exposed_again)
SELECT %s, id, group_id,
    CASE WHEN is_eligible THEN (place - 1) / %s + 1 END,
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

_COUNT_BATCHES = """
INSERT INTO {batch_count} (activity_id, group_id, batch, targets, fixed)
SELECT activity_id, group_id, batch, COUNT(*), SUM(CASE WHEN state = 'fixed' THEN 1 ELSE 0 END)
FROM {activity_device} WHERE activity_id = %s AND batch IS NOT NULL GROUP BY activity_id, group_id, batch
"""

# More than there are devices: one batch for all.
_NO_LIMIT = 2**31 - 1

_TABLES = {
    "activity_device": ActivityDevice._meta.db_table,
    "activity_weakness": ActivityWeakness._meta.db_table,
    "count": ActivityCount._meta.db_table,
    "batch_count": BatchCount._meta.db_table,
    "device": Device._meta.db_table,
    "exposure": Exposure._meta.db_table,
    "version": SoftwareVersion._meta.db_table,
    "link": SoftwareVersion.weaknesses.through._meta.db_table,
}


def freeze(activity: RemediationActivity, groups: list[DeviceGroup], system: TicketSystem | None) -> None:
    """Write the devices, the weaknesses and the counts; sets the sums on the activity.

    Inside the request's transaction. The devices are cut into batches where a ticket system is to get them.
    """
    eligible = _BY_NAME_TOO if system and system.takes_names else _BY_ENTRA_ID
    moment = connection.ops.adapt_datetimefield_value(activity.requested_at)
    recommendation = activity.recommendation
    with connection.cursor() as cursor:
        cursor.execute(
            _sql(_FREEZE_DEVICES, groups=",".join(["%s"] * len(groups)) or "NULL", eligible=eligible),
            [activity.pk, _batch_size(system), moment, recommendation.pk, *(group.pk for group in groups)],
        )
        activity.targets = cursor.rowcount
        if recommendation.software_id:
            cursor.execute(_sql(_FREEZE_WEAKNESSES), [activity.pk, recommendation.software_id])
        cursor.execute(_sql(_COUNT), [activity.pk, activity.pk])
    count_batches(activity)
    activity.unresolved = activity.targets
    activity.save(update_fields=["targets", "unresolved"])


def _batch_size(system: TicketSystem | None) -> int | None:
    """None: no batch, since a place divided by nothing is nothing."""
    return None if system is None else system.ticket_limit or _NO_LIMIT


def count_batches(activity: RemediationActivity) -> None:
    """Count the devices of each batch anew. Inside a transaction."""
    activity.batches.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(_sql(_COUNT_BATCHES), [activity.pk])


def batch_sizes(activity: RemediationActivity) -> list[tuple[int, int]]:
    """Batch number and devices of each batch."""
    return list(activity.batches.values_list("batch").annotate(Sum("targets")).order_by("batch"))


def let_go_of_fixed(activity: RemediationActivity, batches: list[int]) -> None:
    """What needs no work any more needs no ticket either: it leaves these batches. Inside a transaction."""
    done = activity.devices.filter(batch__in=batches).exclude(state__in=ACTIVITY_STATES_LEFT)
    if done.update(batch=None):
        count_batches(activity)


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
        left = (counted["exposed"] or 0) - (counted["mitigated"] or 0)
        return recommendation.configuration_impact * left / ((recommendation.exposed - recommendation.mitigated) or 1)
    return scoring.exposure_impact_of(counted, snapshot or ScoreSnapshot.objects.present())


def held_impact(recommendation: Recommendation, groups: list[DeviceGroup]) -> float:
    """Points by which the organisation's score is better already, for exceptions of it that the groups have."""
    names = ("mitigated", *RecommendationCounter.HELD)
    counted = recommendation.counters.filter(group__in=groups).aggregate(**{name: Sum(name) for name in names})
    if recommendation.is_configuration:
        return recommendation.held_impact * (counted["mitigated"] or 0) / (recommendation.mitigated or 1)
    held = {f"drop_{value}": counted[f"held_{value}"] for value in DeviceValue.values}
    return scoring.exposure_impact_of(held, ScoreSnapshot.objects.present())


def _sql(statement: str, **more: str) -> str:
    return statement.format(**_TABLES, **more)
