"""Why scores move: every device's way from the published numbers to the new ones, cut into parts that add up.

A device that is scored before and after goes these steps, one after the other:

    S0                              as published
    S0 - f0 * fixed by us           exposures closed on target devices of activities that are proved fixed, at the risks
                                    that were published: what the impact promised is what this part shows
    S0 - f0 * all that was fixed    exposures closed otherwise
    (its group, then its value)     regrouped, rescored
    S1' - f1 * new                  weighed anew: EPSS, KEV, CVSS, exploits, alerts, the factor for the internet,
                                    weaknesses that the source took back, and whatever else no other part explains
    S1'                             new weaknesses, at the new risks
    S1                              exceptions that came into effect or ended

S1' is what S1 would be by the exceptions that the published scores count, and all that goes before is meant by them:
what an exception had taken away already was not fixed, and does not come new.

Whoever leaves does so with S0 and whoever comes with S1. The parts of a step are differences of the same sums that make
the scores, so they add up whatever the order and however wrong a reason were: nothing can be left over but rounding.
"""

from datetime import date, timedelta

from ..models import DeviceScore, MovePart, ScoreMove
from .tables import drop, run, score_of

# Points by which a device's score must differ from the last one kept, and how long those are kept.
FAR = 0.5
KEPT_FOR = timedelta(days=366)

# What was closed, lowered or opened on each device since the publication, before the factor of the device.
_CHANGES = """
CREATE TEMPORARY TABLE work_change AS
SELECT device_id, SUM(CASE WHEN is_ours = 1 THEN fell ELSE 0.0 END) AS ours,
    SUM(CASE WHEN is_ours = 1 THEN 0.0 ELSE fell END) AS others, SUM(rose) AS rose
FROM (
    SELECT c.device_id,
        {greatest}(0.0, COALESCE(o.published_risk, o.risk, 0.0) * (1.0 - COALESCE(x.share_before, 0.0))
            - COALESCE(n.published_risk, n.risk, 0.0) * (1.0 - COALESCE(y.share_before, 0.0))) AS fell,
        {greatest}(0.0, COALESCE(n.risk, 0.0) - COALESCE(y.risk_before, 0.0)
                - (COALESCE(o.risk, 0.0) - COALESCE(x.risk_before, 0.0)))
            - (COALESCE(f.risk, 0.0) - COALESCE(y.fresh_before, 0.0)) AS rose,
        CASE WHEN EXISTS (
            SELECT 1 FROM {activity} a JOIN {activity_device} t ON t.activity_id = a.id AND t.device_id = c.device_id
            WHERE a.recommendation_id = c.recommendation_id AND a.status <> 'cancelled' AND t.state = 'fixed'
        ) THEN 1 ELSE 0 END AS is_ours
    FROM {change} c
    LEFT JOIN {version} o ON o.id = c.old_version_id
    LEFT JOIN {version} n ON n.id = c.new_version_id
    LEFT JOIN work_fresh f ON f.version_id = c.new_version_id
    LEFT JOIN {published} p ON p.device_id = c.device_id
    LEFT JOIN work_taken x ON x.version_id = c.old_version_id AND x.group_id = p.group_id
    LEFT JOIN work_taken y ON y.version_id = c.new_version_id AND y.group_id = p.group_id
) each_change
GROUP BY device_id
"""

_SUMS = """
SELECT d.device_id, p.group_id AS group_0, p.value AS value_0, d.group_id AS group_1, d.value AS value_1,
    p.risk_sum AS s_0,
    {greatest}(0.0, p.risk_sum - p.factor * COALESCE(c.ours, 0.0)) AS s_ours,
    {greatest}(0.0, p.risk_sum - p.factor * (COALESCE(c.ours, 0.0) + COALESCE(c.others, 0.0))) AS s_fixed,
    {greatest}(0.0, d.sum_before - d.factor * {greatest}(0.0, d.fresh + COALESCE(c.rose, 0.0))) AS s_known,
    d.sum_before AS s_found, d.risk_sum AS s_1
FROM work_device d
JOIN {published} p ON p.device_id = d.device_id
LEFT JOIN work_change c ON c.device_id = d.device_id
WHERE d.is_scored = 1 AND p.is_scored
    AND (p.risk_sum <> d.risk_sum OR p.group_id <> d.group_id OR p.value <> d.value OR c.device_id IS NOT NULL
        OR d.fresh <> 0 OR d.sum_before <> d.risk_sum)
"""


_STEPS = f"""
CREATE TEMPORARY TABLE work_step AS
SELECT group_0, value_0, group_1, value_1, {score_of("s_0")} AS e_0, {score_of("s_ours")} AS e_ours,
    {score_of("s_fixed")} AS e_fixed, {score_of("s_known")} AS e_known, {score_of("s_found")} AS e_found,
    {score_of("s_1")} AS e_1
FROM ({_SUMS}) summed
"""  # noqa: S608


def _part(part: str, group: str, value: str, devices: int | str, score: str, source: str) -> str:
    return (
        f"SELECT '{part}' AS part, {group} AS group_id, {value} AS value, {devices} AS devices,"  # noqa: S608
        f" {score} AS score FROM {source}"
    )


_REGROUPED = "work_step WHERE group_0 <> group_1"
_LEFT_GONE = (
    "{published} p WHERE p.is_scored AND NOT EXISTS (SELECT 1 FROM work_device d WHERE d.device_id = p.device_id)"
)
_LEFT_INACTIVE = "{published} p JOIN work_device d ON d.device_id = p.device_id WHERE p.is_scored AND d.is_scored = 0"
_CAME_BACK = "work_device d JOIN {published} p ON p.device_id = d.device_id WHERE d.is_scored = 1 AND NOT p.is_scored"
_CAME_NEW = (
    "work_device d WHERE d.is_scored = 1 AND NOT EXISTS (SELECT 1 FROM {published} p WHERE p.device_id = d.device_id)"
)
_AS_PUBLISHED = ("p.group_id", "p.value", -1, f"-({score_of('p.risk_sum')})")
_AS_COUNTED = ("d.group_id", "d.value", 1, "d.score")
_PARTS = [
    _part(MovePart.FIXED_BY_US, "group_0", "value_0", 0, "e_ours - e_0", "work_step WHERE e_ours <> e_0"),
    _part(MovePart.FIXED_OTHERWISE, "group_0", "value_0", 0, "e_fixed - e_ours", "work_step WHERE e_fixed <> e_ours"),
    _part(MovePart.GONE, *_AS_PUBLISHED, _LEFT_GONE),
    _part(MovePart.INACTIVE, *_AS_PUBLISHED, _LEFT_INACTIVE),
    _part(MovePart.INACTIVE, *_AS_COUNTED, _CAME_BACK),
    _part(MovePart.REGROUPED, "group_0", "value_0", -1, "-e_fixed", _REGROUPED),
    _part(MovePart.REGROUPED, "group_1", "value_0", 1, "e_fixed", _REGROUPED),
    _part(MovePart.RESCORED, "group_1", "value_0", -1, "-e_fixed", "work_step WHERE value_0 <> value_1"),
    _part(MovePart.RESCORED, "group_1", "value_1", 1, "e_known", "work_step WHERE value_0 <> value_1"),
    _part(
        MovePart.RESCORED, "group_1", "value_1", 0, "e_known - e_fixed",
        "work_step WHERE value_0 = value_1 AND e_known <> e_fixed",
    ),
    _part(MovePart.NEW_WEAKNESSES, "group_1", "value_1", 0, "e_found - e_known", "work_step WHERE e_found <> e_known"),
    _part(MovePart.EXCEPTED, "group_1", "value_1", 0, "e_1 - e_found", "work_step WHERE e_1 <> e_found"),
    _part(MovePart.NEW_DEVICES, *_AS_COUNTED, _CAME_NEW),
]  # fmt: skip


def _of_value(what: str, value: str, zero: str) -> str:
    return f"SUM(CASE WHEN value = '{value}' THEN {what} ELSE {zero} END) AS {what}_{value}"


_VALUES = ("low", "normal", "high")
_MOVES = f"""
CREATE TEMPORARY TABLE work_move AS
SELECT part, group_id, COUNT(*) AS touched,
    {", ".join(_of_value("devices", value, "0") for value in _VALUES)},
    {", ".join(_of_value("score", value, "0.0") for value in _VALUES)}
FROM ({" UNION ALL ".join(_PARTS)}) parts
GROUP BY part, group_id
"""  # noqa: S608

_COLUMNS = ("touched", *ScoreMove.SUMMED)
_ADD = f"""
INSERT INTO {{move}} (day, group_id, part, {", ".join(_COLUMNS)})
SELECT %s, group_id, part, {", ".join(_COLUMNS)} FROM work_move WHERE 1 = 1
ON CONFLICT (day, group_id, part) DO UPDATE SET
    {", ".join(f"{name} = {{move}}.{name} + excluded.{name}" for name in _COLUMNS)}
"""  # noqa: S608

_FORGET = """
DELETE FROM {published} WHERE NOT EXISTS (SELECT 1 FROM work_device d WHERE d.device_id = {published}.device_id)
"""
_REMEMBER = """
UPDATE {published} SET group_id = d.group_id, value = d.value, factor = d.factor, risk_sum = d.risk_sum,
    is_scored = (d.is_scored = 1)
FROM work_device d
WHERE {published}.device_id = d.device_id AND (
    {published}.group_id <> d.group_id OR {published}.value <> d.value OR {published}.factor <> d.factor
    OR {published}.risk_sum <> d.risk_sum OR {published}.is_scored <> (d.is_scored = 1))
"""
# By the key: PostgreSQL may look for what is missing by scanning the very rows that the statement adds, over and over.
_MEET = """
INSERT INTO {published} (device_id, group_id, value, factor, risk_sum, is_scored)
SELECT d.device_id, d.group_id, d.value, d.factor, d.risk_sum, d.is_scored = 1 FROM work_device d
WHERE 1 = 1 ON CONFLICT (device_id) DO NOTHING
"""

# Of every device whose score has come half a point away from what is kept of it.
_KEPT = f"{score_of('risk_sum')}"
_IS_FAR = f"is_scored AND (kept_score IS NULL OR ABS(kept_score - {_KEPT}) >= {FAR})"
_KEEP = f"""
INSERT INTO {{device_score}} (device_id, day, score) SELECT device_id, %s, {_KEPT} FROM {{published}} WHERE {_IS_FAR}
ON CONFLICT (device_id, day) DO UPDATE SET score = excluded.score
"""  # noqa: S608
_HAVE_KEPT = f"UPDATE {{published}} SET kept_score = {_KEPT} WHERE {_IS_FAR}"  # noqa: S608


def prepare() -> None:
    """After the devices are counted: each device's steps, summed by part, group and device value."""
    drop("work_change", "work_step", "work_move")
    run(_CHANGES)
    run(_STEPS)
    run(_MOVES)


def publish(day: date) -> None:
    """Add the parts to the day's, and start anew from here."""
    run(_ADD, day)
    run("DELETE FROM {change}")
    run(_FORGET)
    run(_REMEMBER)
    run(_MEET)
    run(_KEEP, day)
    run(_HAVE_KEPT)
    DeviceScore.objects.filter(day__lt=day - KEPT_FOR).delete()
