"""What exceptions take from the scores: the risk of what is excepted, on the devices that it is excepted for.

Scopes are made of device groups, so all of it hangs on pairs of a version and a group, of which there are few. Only the
exposures of the recommendations concerned are read, and none where no exception lowers a score.

Everything is computed twice: by the exceptions that are in effect now, and by those that the published scores count.
What lies between both is the part of exceptions in the movement of the score; see `moves`.
"""

from datetime import datetime

from django.db import connection

from ..models import LOWERING
from .risks import BADNESS, THREAT
from .tables import assigned, drop, run, score_of

_IS_IN_EFFECT = "x.status = 'in_effect' AND x.ends_at > %s"
_LOWERS = "x.justification IN ('{}')".format("', '".join(LOWERING))
# What is excepted in which group: now in effect, now lowering the scores, and lowering those that are published.
_COVERS = f"""
CREATE TEMPORARY TABLE work_cover AS
SELECT x.recommendation_id, x.weakness_id, g.id AS group_id,
    MAX(CASE WHEN {_IS_IN_EFFECT} THEN 1 ELSE 0 END) AS is_excepted,
    MAX(CASE WHEN {_IS_IN_EFFECT} AND {_LOWERS} THEN 1 ELSE 0 END) AS lowers,
    MAX(CASE WHEN x.is_counted THEN 1 ELSE 0 END) AS has_lowered
FROM {{exception}} x
JOIN {{device_group}} g ON x.all_groups OR EXISTS (
    SELECT 1 FROM {{exception_group}} l WHERE l.recommendationexception_id = x.id AND l.devicegroup_id = g.id)
WHERE x.status = 'in_effect' OR x.is_counted
GROUP BY x.recommendation_id, x.weakness_id, g.id
"""  # noqa: S608
_COUNTED = (
    f"CREATE TEMPORARY TABLE work_counted AS SELECT x.id FROM {{exception}} x WHERE {_IS_IN_EFFECT} AND {_LOWERS}"  # noqa: S608
)

# The risk of excepted weaknesses in each version that has them; `fresh` is that of those found since the publication.
_WEAKNESSES = f"""
CREATE TEMPORARY TABLE work_excepted_weakness AS
SELECT w.id AS weakness_id, r.id AS recommendation_id, v.id AS version_id, v.risk AS whole,
    {BADNESS} * {THREAT} AS risk,
    CASE WHEN EXISTS (SELECT 1 FROM {{fresh_link}} f WHERE f.version_id = v.id AND f.weakness_id = w.id)
        THEN {BADNESS} * {THREAT} ELSE 0.0 END AS fresh
FROM {{link}} l
JOIN {{weakness}} w ON w.id = l.weakness_id
JOIN {{version}} v ON v.id = l.softwareversion_id
JOIN {{recommendation}} r ON r.software_id = v.software_id
WHERE l.weakness_id IN (
    SELECT weakness_id FROM work_cover WHERE weakness_id IS NOT NULL AND (lowers = 1 OR has_lowered = 1))
"""  # noqa: S608
# What each version loses on the devices of each group, at most its whole risk.
_TAKEN = """
CREATE TEMPORARY TABLE work_taken AS
SELECT recommendation_id, version_id, group_id, {least}(MAX(whole), SUM(risk)) AS risk,
    {least}(MAX(whole), SUM(risk_before)) AS risk_before, {least}(MAX(whole_fresh), SUM(fresh_before)) AS fresh_before,
    CASE WHEN MAX(whole) > 0 THEN {least}(1.0, SUM(risk_before) / MAX(whole)) ELSE 0.0 END AS share_before
FROM (
    SELECT r.id AS recommendation_id, v.id AS version_id, c.group_id, v.risk AS whole,
        COALESCE(f.risk, 0.0) AS whole_fresh, v.risk * c.lowers AS risk, v.risk * c.has_lowered AS risk_before,
        COALESCE(f.risk, 0.0) * c.has_lowered AS fresh_before
    FROM work_cover c
    JOIN {recommendation} r ON r.id = c.recommendation_id
    JOIN {version} v ON v.software_id = r.software_id
    LEFT JOIN work_fresh f ON f.version_id = v.id
    WHERE c.lowers = 1 OR c.has_lowered = 1
    UNION ALL
    SELECT e.recommendation_id, e.version_id, c.group_id, e.whole, COALESCE(f.risk, 0.0), e.risk * c.lowers,
        e.risk * c.has_lowered, e.fresh * c.has_lowered
    FROM work_cover c
    JOIN work_excepted_weakness e ON e.weakness_id = c.weakness_id
    LEFT JOIN work_fresh f ON f.version_id = e.version_id
) parts
GROUP BY recommendation_id, version_id, group_id
"""

# CROSS JOIN keeps the order on SQLite: the exposures of the recommendations concerned, each looked up once.
_CONCERNED = "(SELECT DISTINCT recommendation_id FROM work_taken) c CROSS JOIN {exposure} e"
_DEVICES = f"""
CREATE TEMPORARY TABLE work_relief AS
SELECT e.device_id, SUM(t.risk) AS risk, SUM(t.risk_before) AS risk_before, SUM(t.fresh_before) AS fresh_before
FROM {_CONCERNED} CROSS JOIN {{device}} d CROSS JOIN work_taken t
WHERE e.recommendation_id = c.recommendation_id AND d.id = e.device_id
    AND t.version_id = e.version_id AND t.group_id = d.group_id
GROUP BY e.device_id
"""  # noqa: S608

_LEFT = "{greatest}(0.0, d.risk_sum - d.factor * {greatest}(0.0, COALESCE(v.risk, 0.0) - COALESCE(t.risk, 0.0)))"
_HELD = "(d.risk_sum + d.factor * COALESCE(t.risk, 0.0))"


def _summed(what: str, points: str) -> str:
    return ", ".join(
        f"SUM(CASE WHEN d.is_scored = 1 AND d.value = '{value}' THEN {points} ELSE 0.0 END) AS {what}_{value}"
        for value in ("low", "normal", "high")
    )


# By how much the scores of devices would fall when it is fixed, and would rise without the exceptions.
_COUNTERS = f"""
CREATE TEMPORARY TABLE work_held AS
SELECT e.recommendation_id, d.group_id, {_summed("drop", f"d.score - {score_of(_LEFT)}")},
    {_summed("held", f"{score_of(_HELD)} - d.score")}
FROM {_CONCERNED}
JOIN work_device d ON d.device_id = e.device_id
JOIN {{version}} v ON v.id = e.version_id
LEFT JOIN work_taken t ON t.version_id = e.version_id AND t.group_id = d.group_id
WHERE e.recommendation_id = c.recommendation_id
GROUP BY e.recommendation_id, d.group_id
"""  # noqa: S608
_SAME = "work_counter.recommendation_id = w.recommendation_id AND work_counter.group_id = w.group_id"
_NAMES = [f"{what}_{value}" for what in ("drop", "held") for value in ("low", "normal", "high")]
_WRITE_HELD = f"UPDATE work_counter SET {assigned(_NAMES)} FROM work_held w WHERE {_SAME}"  # noqa: S608
_WRITE_EXCEPTED = f"""
UPDATE work_counter SET excepted = exposed, mitigated = exposed * w.lowers FROM work_cover w
WHERE {_SAME} AND w.is_excepted = 1
"""  # noqa: S608

WORK = ("work_cover", "work_counted", "work_excepted_weakness", "work_taken", "work_relief", "work_held")


def prepare(now: datetime) -> None:
    """Before the devices are counted, after their fresh weaknesses: `work_taken`, and what it sums up to a device."""
    drop(*WORK)
    at = connection.ops.adapt_datetimefield_value(now)
    run(_COVERS, at, at)
    run(_COUNTED, at)
    run(_WEAKNESSES)
    run(_TAKEN)
    run("CREATE UNIQUE INDEX work_taken_place ON work_taken (version_id, group_id)")
    run("ANALYZE work_taken")
    run(_DEVICES)
    run("CREATE UNIQUE INDEX work_relief_device ON work_relief (device_id)")


def correct_counters() -> None:
    """In `work_counter`, for the recommendations that exceptions take something from."""
    run(_COUNTERS)
    run(_WRITE_HELD)
    run(_WRITE_EXCEPTED)


def publish() -> None:
    """From now on these are the exceptions that the published scores count."""
    counted = "id IN (SELECT id FROM work_counted)"
    run(f"UPDATE {{exception}} SET is_counted = TRUE WHERE NOT is_counted AND {counted}")  # noqa: S608
    run(f"UPDATE {{exception}} SET is_counted = FALSE WHERE is_counted AND NOT {counted}")  # noqa: S608
