"""Devices: set-based from the stage, in batches that keep each transaction short."""

from datetime import datetime

from django.db import transaction

from remediation.models import DeviceGroup
from remediation.models.devices import UNSEEN_AFTER

from .stage import Stage, adapt

_CHAINS = 5

_FIELDS = ("name", "entra_device_id", "os_platform", "os_version", "first_seen_at", "last_seen_at")
# What a person may set too; then only what the source says of them is kept up to date.
_SETTABLE = ("value", "internet_facing")
# Evidence of its software is as old as the device's own last word.
_REPORTED = "COALESCE(m.last_seen_at, m.first_seen_at)"


def _unless_by_hand(name: str) -> str:
    return f"CASE WHEN {{device}}.{name}_by_hand THEN {{device}}.{name} ELSE m.{name} END"


_INSERT = f"""
INSERT INTO {{device}} (source_id, group_id, risk_sum, exposure_level, recommendations, is_silent, value_by_hand,
    internet_facing_by_hand, reported_at, {", ".join(_FIELDS)},
    {", ".join(f"{name}, source_{name}" for name in _SETTABLE)})
SELECT m.source_id, g.id, 0, 'none', 0, FALSE, FALSE, FALSE, CASE WHEN s.n IS NOT NULL THEN {_REPORTED} END,
    {", ".join(f"m.{name}" for name in _FIELDS)}, {", ".join(f"m.{name}, m.{name}" for name in _SETTABLE)}
FROM stage_machine m JOIN {{device_group}} g ON g.name = m.group_name LEFT JOIN stage_reporting s ON s.n = m.n
WHERE m.n BETWEEN %s AND %s AND NOT EXISTS (SELECT 1 FROM {{device}} d WHERE d.source_id = m.source_id)
"""  # noqa: S608

_UPDATE = f"""
UPDATE {{device}} SET group_id = g.id, retired_at = NULL, {", ".join(f"{name} = m.{name}" for name in _FIELDS)},
    {", ".join(f"{name} = {_unless_by_hand(name)}, source_{name} = m.{name}" for name in _SETTABLE)},
    reported_at = CASE WHEN s.n IS NULL THEN {{device}}.reported_at ELSE {_REPORTED} END
FROM stage_machine m JOIN {{device_group}} g ON g.name = m.group_name LEFT JOIN stage_reporting s ON s.n = m.n
WHERE {{device}}.source_id = m.source_id AND m.n BETWEEN %s AND %s AND (
    {{device}}.group_id <> g.id OR {{device}}.retired_at IS NOT NULL
    OR (s.n IS NOT NULL AND {{device}}.reported_at IS DISTINCT FROM {_REPORTED})
    OR {" OR ".join(f"{{device}}.{name} IS DISTINCT FROM m.{name}" for name in _FIELDS)}
    OR {" OR ".join(f"{{device}}.source_{name} IS DISTINCT FROM m.{name}" for name in _SETTABLE)}
    OR {" OR ".join(f"{{device}}.{name} IS DISTINCT FROM {_unless_by_hand(name)}" for name in _SETTABLE)})
"""  # noqa: S608

# A pass whose process died has perhaps begun with this.
_NOT_YET = "UPDATE stage_machine SET merged_n = NULL WHERE merged_n IS NOT NULL"
# A record that is merged, or a potential duplicate, stands for another: the named one, or the newest of the same name.
_MERGED = """
UPDATE stage_machine SET merged_n = (SELECT MIN(s.n) FROM stage_machine s WHERE s.source_id = stage_machine.merged_to)
WHERE merged_to <> '' AND merged_to <> source_id
"""
_DUPLICATE = """
UPDATE stage_machine SET merged_n = (
    SELECT s.n FROM stage_machine s
    WHERE s.name = stage_machine.name AND s.is_duplicate = 0 AND s.merged_to = ''
    ORDER BY COALESCE(s.last_seen_at, s.first_seen_at) DESC, s.n LIMIT 1)
WHERE is_duplicate = 1 AND merged_to = ''
"""
_FOLLOW = """
UPDATE stage_machine SET merged_n = (SELECT s.merged_n FROM stage_machine s WHERE s.n = stage_machine.merged_n)
WHERE merged_n IN (SELECT n FROM stage_machine WHERE merged_n IS NOT NULL)
"""
_NOT_ITSELF = "UPDATE stage_machine SET merged_n = NULL WHERE merged_n = n"
_NO_CIRCLE = """
UPDATE stage_machine SET merged_n = NULL WHERE merged_n IN (SELECT n FROM stage_machine WHERE merged_n IS NOT NULL)
"""

_POINT = """
UPDATE {device} SET merged_into_id = t.into_id
FROM (
    SELECT m.source_id, s.id AS into_id FROM stage_machine m
    LEFT JOIN stage_machine o ON o.n = m.merged_n LEFT JOIN {device} s ON s.source_id = o.source_id
) t
WHERE {device}.source_id = t.source_id AND {device}.merged_into_id IS DISTINCT FROM t.into_id
"""

_IS_SILENT = """COALESCE(retired_at IS NULL AND merged_into_id IS NULL AND last_seen_at >= %s
    AND (reported_at IS NULL OR reported_at < %s), FALSE)"""
_SILENT = f"UPDATE {{device}} SET is_silent = NOT is_silent WHERE is_silent <> {_IS_SILENT}"  # noqa: S608

_PRESENT = """
SELECT m.n, d.id AS device_id, d.group_id, m.last_seen_at,
    CASE WHEN EXISTS (SELECT 1 FROM stage_held h WHERE h.source_id = m.source_id) THEN 1 ELSE 0 END AS is_held
FROM stage_machine m JOIN {device} d ON d.source_id = m.source_id
WHERE m.merged_n IS NULL
"""

_GONE = """
FROM {device} WHERE retired_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM stage_machine m WHERE m.source_id = {device}.source_id)
    AND NOT EXISTS (SELECT 1 FROM stage_held h WHERE h.source_id = {device}.source_id)
"""


def resolve_duplicates(stage: Stage) -> None:
    """Find whom each duplicate stands for, through chains; whoever points in a circle stands for itself."""
    for columns in ("source_id", "n", "name"):
        stage.index("stage_machine", columns)
    # Machines of which software was reported.
    stage.create_as("stage_reporting", "SELECT DISTINCT n FROM stage_installation")
    stage.index("stage_reporting", "n")
    stage.index("stage_held", "source_id")
    stage.run(_NOT_YET)
    stage.run(_MERGED)
    stage.run(_DUPLICATE)
    for _ in range(_CHAINS):
        stage.run(_NOT_ITSELF)
        if not stage.run(_FOLLOW):
            break
    stage.run(_NOT_ITSELF)
    stage.run(_NO_CIRCLE)


def apply_devices(stage: Stage, machines: int, beat) -> None:
    for (name,) in stage.rows("SELECT DISTINCT group_name FROM stage_machine"):
        DeviceGroup.objects.get_or_create(name=name)
    size = max(1, stage.batch // 10)
    for start in range(1, machines + 1, size):
        with transaction.atomic():
            stage.run(_UPDATE, start, start + size - 1)
            stage.run(_INSERT, start, start + size - 1)
        beat()
    stage.run(_POINT)
    stage.create_as("stage_present", _PRESENT)
    stage.index("stage_present", "n")
    stage.index("stage_present", "device_id")
    stage.analyze("stage_present")


def note_silence(stage: Stage, now: datetime) -> None:
    """Mark the devices that are seen and report nothing."""
    limit = adapt(now - UNSEEN_AFTER)
    stage.run(_SILENT, limit, limit)


def would_retire(stage: Stage) -> int:
    return stage.number(f"SELECT COUNT(*) {_GONE}")


def retire(stage: Stage, now: datetime) -> None:
    """Devices that the whole list no longer has."""
    stage.run(f"UPDATE {{device}} SET retired_at = %s WHERE id IN (SELECT id {_GONE})", adapt(now))  # noqa: S608
