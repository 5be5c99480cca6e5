"""Vulnerable versions beside the one that an exposure names, by which a pass over the changes knows what is left.

At every moment what is kept, with the exposures, is all that a full pass saw or more: added to before the exposures
change, cut back afterwards.
"""

from django.db import transaction

from .stage import Stage

_SEVERAL = "SELECT recommendation_id, device_id, version_id FROM stage_wanted WHERE has_others = 1"
# The order is the one in which to look: few devices have several versions of a product.
_BESIDE = """
INSERT INTO stage_beside (device_id, version_id)
SELECT DISTINCT p.device_id, v.version_id
FROM stage_installation i CROSS JOIN stage_present p CROSS JOIN stage_version v CROSS JOIN stage_several w
WHERE p.n = i.n AND v.v = i.v AND v.has_weakness = 1
    AND w.device_id = p.device_id AND w.recommendation_id = v.recommendation_id AND w.version_id <> v.version_id
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


def want(stage: Stage) -> None:
    """After the comparison, which knows what stays as it was."""
    start(stage)
    if stage.create_as("stage_several", _SEVERAL):
        stage.index("stage_several", "device_id, recommendation_id")
        stage.analyze("stage_several")
        stage.run(_BESIDE)
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
