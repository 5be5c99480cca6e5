"""Exposures: what should stand, compared with what stands by one full join, and the difference applied in batches."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from remediation.models import Recommendation

from .catalogue import batches
from .stage import Stage, adapt

_CONFIGURATIONS = """
INSERT INTO stage_wanted (recommendation_id, device_id, version_id)
SELECT s.recommendation_id, p.device_id, NULL
FROM stage_configuration c
JOIN stage_setting s ON s.c = c.c
JOIN stage_present p ON p.n = c.n
WHERE c.is_compliant = 0 AND s.recommendation_id IS NOT NULL
GROUP BY s.recommendation_id, p.device_id
"""

# In the order of the primary key. The kind is not part of it: comparing texts would double the time.
_DELTA = """
INSERT INTO stage_delta (kind, recommendation_id, device_id, version_id)
SELECT CASE WHEN e.device_id IS NULL THEN 'new' WHEN w.device_id IS NULL THEN 'gone' ELSE 'changed' END AS kind,
    COALESCE(w.recommendation_id, e.recommendation_id) AS recommendation_id,
    COALESCE(w.device_id, e.device_id) AS device_id, w.version_id
FROM stage_wanted w
FULL OUTER JOIN {exposure} e ON e.recommendation_id = w.recommendation_id AND e.device_id = w.device_id
WHERE e.device_id IS NULL OR w.device_id IS NULL OR w.version_id IS DISTINCT FROM e.version_id
ORDER BY 2, 3
"""

# Of devices of which a record was set aside too little is known to take anything away.
_KEEP_HELD = """
DELETE FROM stage_delta WHERE kind <> 'new' AND device_id IN (
    SELECT d.id FROM {device} d JOIN stage_held h ON h.source_id = d.source_id)
"""

# What would have changed and stays, with the version that was seen.
_CHANGED = """
SELECT recommendation_id, device_id, version_id FROM stage_delta WHERE kind = 'changed' AND version_id IS NOT NULL
"""
_NOT_KEPT = """
DELETE FROM stage_kept WHERE (recommendation_id, device_id) IN (
    SELECT recommendation_id, device_id FROM stage_delta WHERE kind = 'changed')
"""
# For the parts of the score's movement; only of devices that the published scores know.
_REASONS = """
INSERT INTO {change} (recommendation_id, device_id, old_version_id, new_version_id)
SELECT x.recommendation_id, x.device_id, e.version_id, x.version_id
FROM stage_delta x
JOIN {published} p ON p.device_id = x.device_id
LEFT JOIN {exposure} e ON e.recommendation_id = x.recommendation_id AND e.device_id = x.device_id
WHERE x.id BETWEEN %s AND %s AND (e.version_id IS NOT NULL OR x.version_id IS NOT NULL)
"""

_DELETE = """
DELETE FROM {exposure} WHERE (recommendation_id, device_id) IN (
    SELECT recommendation_id, device_id FROM stage_delta WHERE id BETWEEN %s AND %s AND kind = 'gone')
"""
_UPDATE = """
UPDATE {exposure} SET version_id = x.version_id FROM stage_delta x
WHERE x.id BETWEEN %s AND %s AND x.kind = 'changed'
    AND {exposure}.recommendation_id = x.recommendation_id AND {exposure}.device_id = x.device_id
"""
# Without ON CONFLICT, which costs half as much again: nobody else writes exposures, and the key refuses who does.
_INSERT = """
INSERT INTO {exposure} (recommendation_id, device_id, version_id, first_seen_at)
SELECT recommendation_id, device_id, version_id, %s FROM stage_delta
WHERE id BETWEEN %s AND %s AND kind = 'new'
"""

# What a recommendation could apply to stays as it was counted last.
_KEPT_TOTALS = """
INSERT INTO stage_total (recommendation_id, group_id, total)
SELECT c.recommendation_id, c.group_id, c.total FROM {counter} c
JOIN {recommendation} r ON r.id = c.recommendation_id WHERE (r.software_id IS NULL) = %s
"""


_COLUMNS = "recommendation_id BIGINT, device_id BIGINT, version_id BIGINT"


@dataclass(frozen=True)
class Delta:
    new: int
    changed: int
    gone: int


def want_configurations(stage: Stage, statement: str) -> None:
    stage.run(_CONFIGURATIONS)
    stage.run(statement)


def start(stage: Stage) -> None:
    """The tables of a comparison. In stage_version `place` orders all versions by risk, without ties; `product`
    numbers what a device can be exposed to once."""
    stage.create(
        "stage_version",
        "v INTEGER, software_id BIGINT, version_id BIGINT, recommendation_id BIGINT, product INTEGER, place INTEGER,"
        " has_weakness INTEGER, version TEXT",
    )
    stage.create("stage_setting", "c INTEGER, recommendation_id BIGINT")
    stage.create("stage_wanted", _COLUMNS)
    stage.create("stage_total", "recommendation_id BIGINT, group_id BIGINT, total BIGINT")
    start_delta(stage)


def start_delta(stage: Stage) -> None:
    stage.create_numbered("stage_delta", f"kind TEXT, {_COLUMNS}")


def keep_totals(stage: Stage, *, of_configurations: bool) -> None:
    """For a part that was not read: what was counted last."""
    stage.run(_KEPT_TOTALS, of_configurations)


def compare(stage: Stage, held_recommendations: set[str]) -> Delta:
    """The difference between what should stand and what stands."""
    stage.analyze("stage_wanted")
    stage.run(_DELTA)
    stage.create_as("stage_kept", _CHANGED)
    stage.run(_KEEP_HELD)
    kept = Recommendation.objects.filter(source_id__in=list(held_recommendations)[:500])
    for some in batches(list(kept.values_list("pk", flat=True)), 200):
        marks = ", ".join(["%s"] * len(some))
        stage.run(f"DELETE FROM stage_delta WHERE kind <> 'new' AND recommendation_id IN ({marks})", *some)  # noqa: S608
    stage.run(_NOT_KEPT)
    return counted(stage)


def counted(stage: Stage) -> Delta:
    stage.analyze("stage_delta")
    kinds = dict(stage.rows("SELECT kind, COUNT(*) FROM stage_delta GROUP BY kind"))
    return Delta(kinds.get("new", 0), kinds.get("changed", 0), kinds.get("gone", 0))


def close_nothing(stage: Stage) -> None:
    stage.run("DELETE FROM stage_delta WHERE kind = 'gone'")


def apply(stage: Stage, now: datetime, beat) -> None:
    """In the order of the primary key, so many rows a transaction."""
    last = stage.number("SELECT MAX(id) FROM stage_delta")
    for first in range(1, last + 1, stage.batch):
        until = first + stage.batch - 1
        with transaction.atomic():
            stage.run(_REASONS, first, until)
            stage.run(_DELETE, first, until)
            stage.run(_UPDATE, first, until)
            stage.run(_INSERT, adapt(now), first, until)
        beat()
