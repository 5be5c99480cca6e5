"""The devices that count, each with its S and E: what every other number is made of, and the day's sums of them."""

from datetime import date, datetime

from django.db import connection

from .. import scoring
from ..models import ScoreSnapshot
from ..models.devices import UNSEEN_AFTER
from .tables import NO_CHANGE, drop, run, score_of

FACTOR = f"CASE WHEN d.internet_facing THEN {scoring.INTERNET_FACTOR} ELSE 1.0 END"
# The sums behind S, before the factor. `fresh` is what newly found weaknesses of the versions add, `taken` what
# exceptions take away: those of now, and those that the published scores count.
_FOUND = f"""
SELECT d.id AS device_id, d.group_id, d.value, CASE WHEN d.entra_device_id <> '' THEN 1 ELSE 0 END AS is_eligible,
    {FACTOR} AS factor, p.risk_sum AS published, COALESCE(s.risk, 0.0) AS risk, COALESCE(s.fresh, 0.0) AS fresh,
    COALESCE(x.risk, 0.0) AS taken, COALESCE(x.risk_before, 0.0) AS taken_before,
    COALESCE(x.fresh_before, 0.0) AS taken_fresh, COALESCE(s.recommendations, 0) AS recommendations,
    CASE WHEN d.last_seen_at >= %s THEN 1 ELSE 0 END AS is_scored
FROM {{device}} d
LEFT JOIN {{published}} p ON p.device_id = d.id
LEFT JOIN work_relief x ON x.device_id = d.id
LEFT JOIN (
    SELECT e.device_id, SUM(v.risk) AS risk, SUM(f.risk) AS fresh, COUNT(*) AS recommendations
    FROM {{exposure}} e
    LEFT JOIN {{version}} v ON v.id = e.version_id
    LEFT JOIN work_fresh f ON f.version_id = v.id
    GROUP BY e.device_id
) s ON s.device_id = d.id
WHERE d.retired_at IS NULL AND d.merged_into_id IS NULL
"""  # noqa: S608


def _less(taken: str) -> str:
    """S without the risk that is taken. What differs from the published S by rounding alone stays as published, and
    what rounding leaves of nothing is nothing."""
    left = f"factor * (risk - {taken})"
    as_published = f"WHEN ABS(published - {left}) <= {NO_CHANGE} THEN published"
    return f"CASE {as_published} WHEN {left} <= {NO_CHANGE} THEN 0.0 ELSE {left} END"


# `sum_before` is S by the exceptions that the published scores count, `whole` S without any.
_DEVICES = f"""
CREATE TEMPORARY TABLE work_device AS
SELECT device_id, group_id, value, is_eligible, factor, risk_sum, sum_before, fresh, recommendations, is_scored,
    CASE WHEN taken = 0 THEN risk_sum ELSE whole END AS whole, {score_of("risk_sum")} AS score
FROM (
    SELECT device_id, group_id, value, is_eligible, factor, recommendations, is_scored, taken,
        {{greatest}}(0.0, fresh - taken_fresh) AS fresh, factor * risk AS whole,
        {_less("taken")} AS risk_sum, {_less("taken_before")} AS sum_before
    FROM ({_FOUND}) found
) summed
"""  # noqa: S608

_LEVEL = f"""CASE WHEN d.score <= 0 THEN 'none' WHEN d.score < {scoring.MEDIUM_FROM} THEN 'low'
    WHEN d.score < {scoring.HIGH_FROM} THEN 'medium' ELSE 'high' END"""

_WRITE = f"""
UPDATE {{device}} SET risk_sum = d.risk_sum, excepted_risk = d.whole - d.risk_sum, exposure_level = {_LEVEL},
    recommendations = d.recommendations
FROM work_device d
WHERE {{device}}.id = d.device_id
    AND (ABS({{device}}.risk_sum - d.risk_sum) > {NO_CHANGE} OR {{device}}.exposure_level <> {_LEVEL}
        OR ABS({{device}}.excepted_risk - (d.whole - d.risk_sum)) > {NO_CHANGE}
        OR {{device}}.recommendations <> d.recommendations)
"""  # noqa: S608

_CLEAR = """
UPDATE {device} SET risk_sum = 0, excepted_risk = 0, exposure_level = 'none', recommendations = 0
WHERE (retired_at IS NOT NULL OR merged_into_id IS NOT NULL)
    AND (risk_sum <> 0 OR excepted_risk <> 0 OR exposure_level <> 'none' OR recommendations <> 0)
"""


def _of_value(what: str) -> list[str]:
    return [
        f"SUM(CASE WHEN is_scored = 1 AND value = '{value}' THEN {what} END)" for value in ("low", "normal", "high")
    ]


# In the order of ScoreSnapshot.SUMMED.
_SUMS = [
    *_of_value("1"),
    *_of_value("score"),
    *(f"SUM(CASE WHEN is_scored = 1 AND {_LEVEL} = '{level}' THEN 1 END)" for level in scoring.LEVELS),
    "SUM(CASE WHEN is_scored = 0 THEN 1 END)",
    *_of_value(score_of("whole")),
]
_SNAPSHOT = f"""
INSERT INTO {{snapshot}} (day, group_id, published_at, model_version, {", ".join(ScoreSnapshot.SUMMED)})
SELECT %s, group_id, %s, %s, {", ".join(f"COALESCE({total}, 0)" for total in _SUMS)}
FROM work_device d GROUP BY group_id
"""  # noqa: S608


def prepare(now: datetime) -> None:
    """`work_device`, from what exceptions take and from what was found since the publication."""
    drop("work_device")
    run(_DEVICES, connection.ops.adapt_datetimefield_value(now - UNSEEN_AFTER))
    # Else SQLite compares every published device with every one here.
    run("CREATE UNIQUE INDEX work_device_id ON work_device (device_id)")
    # Else PostgreSQL looks up the exposures of each device by itself, which takes twice as long as reading them all.
    run("ANALYZE work_device")


def publish(day: date, moment: datetime) -> None:
    run(_WRITE)
    run(_CLEAR)
    ScoreSnapshot.objects.filter(day=day).delete()
    run(_SNAPSHOT, day, connection.ops.adapt_datetimefield_value(moment), scoring.MODEL_VERSION)
