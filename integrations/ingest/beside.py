"""Vulnerable versions beside the one that an exposure names, by which a pass over the changes knows what is left.

At every moment what is kept, with the exposures, is all that a full pass saw or more: added to before the exposures
change, cut back afterwards.
"""

from django.db import transaction

from .stage import Stage

_SEEN = """
INSERT INTO stage_beside (device_id, version_id)
SELECT device_id, version_id FROM stage_versions
WHERE has_weakness = 1 AND place < riskiest AND recommendation_id IS NOT NULL
"""
# An exposure that stays as it was, because too little is known of its device, does not name what was seen now.
_KEPT = "INSERT INTO stage_beside (device_id, version_id) SELECT device_id, version_id FROM stage_kept"

_ADD = """
INSERT INTO {beside} (device_id, version_id)
SELECT device_id, version_id FROM stage_beside WHERE id BETWEEN %s AND %s
ON CONFLICT DO NOTHING
"""
_SURPLUS = """
INSERT INTO stage_surplus (device_id, version_id)
SELECT b.device_id, b.version_id FROM {beside} b
WHERE NOT EXISTS (SELECT 1 FROM stage_beside s WHERE s.device_id = b.device_id AND s.version_id = b.version_id)
    AND b.device_id NOT IN (SELECT d.id FROM {device} d JOIN stage_held h ON h.source_id = d.source_id)
"""
_TRIM = """
DELETE FROM {beside} WHERE (device_id, version_id) IN (
    SELECT device_id, version_id FROM stage_surplus WHERE id BETWEEN %s AND %s)
"""
_COLUMNS = "device_id BIGINT, version_id BIGINT"


def start(stage: Stage) -> None:
    stage.create_numbered("stage_beside", _COLUMNS)


def see(stage: Stage) -> None:
    """What the devices have that have several versions of a product."""
    stage.run(_SEEN)


def keep(stage: Stage) -> None:
    """After the comparison, which knows what stays as it was."""
    stage.run(_KEPT)


def add(stage: Stage, beat) -> None:
    _in_batches(stage, "stage_beside", _ADD, beat)


def trim(stage: Stage, beat) -> None:
    stage.index("stage_beside", "device_id, version_id")
    stage.create_numbered("stage_surplus", _COLUMNS)
    stage.run(_SURPLUS)
    _in_batches(stage, "stage_surplus", _TRIM, beat)


def _in_batches(stage: Stage, table: str, statement: str, beat) -> None:
    last = stage.number(f"SELECT MAX(id) FROM {table}")  # noqa: S608
    for first in range(1, last + 1, stage.batch):
        with transaction.atomic():
            stage.run(statement, first, first + stage.batch - 1)
        beat()
