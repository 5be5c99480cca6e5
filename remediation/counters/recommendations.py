"""What is counted of a recommendation: its devices in each group, what fixing them brings, and the totals of both."""

from ..models import RecommendationCounter
from . import exceptions
from .tables import assigned, differing, drop, rows, run, score_of

_REST = "{greatest}(0.0, d.risk_sum - d.factor * COALESCE(v.risk, 0.0))"
_NAMES = (*RecommendationCounter.SUMMED, *RecommendationCounter.HELD)
_VALUES = ("low", "normal", "high")


def _drop(value: str) -> str:
    points = f"d.score - {score_of(_REST)}"
    return f"SUM(CASE WHEN d.is_scored = 1 AND d.value = '{value}' THEN {points} ELSE 0.0 END) AS drop_{value}"


# Without exceptions, whose part is put right afterwards for the few recommendations that have one.
_COUNTERS = f"""
CREATE TEMPORARY TABLE work_counter AS
SELECT recommendation_id, group_id, SUM(exposed) AS exposed, {{greatest}}(SUM(exposed), SUM(total)) AS total,
    SUM(eligible) AS eligible, 0 AS excepted, 0 AS mitigated,
    {", ".join(f"SUM(drop_{v}) AS drop_{v}" for v in _VALUES)},
    {", ".join(f"CAST(0 AS DOUBLE PRECISION) AS held_{v}" for v in _VALUES)}
FROM (
    SELECT e.recommendation_id, d.group_id, COUNT(*) AS exposed, 0 AS total, SUM(d.is_eligible) AS eligible,
        {", ".join(_drop(value) for value in _VALUES)}
    FROM {{exposure}} e
    JOIN work_device d ON d.device_id = e.device_id
    LEFT JOIN {{version}} v ON v.id = e.version_id
    GROUP BY e.recommendation_id, d.group_id
    UNION ALL
    SELECT recommendation_id, group_id, 0, total, 0, 0.0, 0.0, 0.0 FROM {{totals}}
) parts
GROUP BY recommendation_id, group_id
HAVING {{greatest}}(SUM(exposed), SUM(total)) > 0
"""  # noqa: S608

_WEAKNESSES = """
CREATE TEMPORARY TABLE work_weaknesses AS
SELECT used.recommendation_id, COUNT(DISTINCT l.weakness_id) AS weaknesses
FROM (SELECT DISTINCT recommendation_id, version_id FROM {exposure} WHERE version_id IS NOT NULL) used
JOIN {link} l ON l.softwareversion_id = used.version_id
GROUP BY used.recommendation_id
"""


def _weighed(what: str) -> str:
    return f"COALESCE(%s * c.{what}_low + %s * c.{what}_normal + %s * c.{what}_high, 0.0)"


def _of_setting(devices: str) -> str:
    """Points of the configuration score that hang on these devices."""
    return f"""CASE WHEN r.remediation_type = 'configuration_change' AND r.closed_at IS NULL AND c.total > 0
        THEN 100.0 * r.severity_score * ({devices}) / c.total / %s ELSE 0.0 END"""


_RECOMMENDATIONS = f"""
CREATE TEMPORARY TABLE work_recommendation AS
SELECT r.id AS recommendation_id, COALESCE(c.exposed, 0) AS exposed, COALESCE(c.total, 0) AS total,
    COALESCE(c.excepted, 0) AS excepted, COALESCE(c.mitigated, 0) AS mitigated, COALESCE(w.weaknesses, 0) AS weaknesses,
    {_weighed("drop")} AS exposure_impact,
    {_of_setting("c.exposed - c.mitigated")} AS configuration_impact,
    {_weighed("held")} + {_of_setting("c.mitigated")} AS held_impact
FROM {{recommendation}} r
LEFT JOIN (
    SELECT recommendation_id, {", ".join(f"SUM({name}) AS {name}" for name in _NAMES)}
    FROM work_counter GROUP BY recommendation_id
) c ON c.recommendation_id = r.id
LEFT JOIN work_weaknesses w ON w.recommendation_id = r.id
"""  # noqa: S608

_SAME = "{counter}.recommendation_id = w.recommendation_id AND {counter}.group_id = w.group_id"
_DELETE_COUNTERS = f"DELETE FROM {{counter}} WHERE NOT EXISTS (SELECT 1 FROM work_counter w WHERE {_SAME})"  # noqa: S608
_UPDATE_COUNTERS = f"""
UPDATE {{counter}} SET {assigned(_NAMES)} FROM work_counter w WHERE {_SAME} AND ({differing("{counter}", _NAMES)})
"""  # noqa: S608
# ON CONFLICT and not NOT EXISTS: of a table that was empty when it was looked at last, PostgreSQL expects so few rows
# that it compares every new counter with every other.
_INSERT_COUNTERS = f"""
INSERT INTO {{counter}} (recommendation_id, group_id, {", ".join(_NAMES)})
SELECT recommendation_id, group_id, {", ".join(_NAMES)} FROM work_counter
WHERE TRUE ON CONFLICT (recommendation_id, group_id) DO NOTHING
"""  # noqa: S608
_TOTALS = (
    "exposed", "total", "excepted", "mitigated", "weaknesses", "exposure_impact", "configuration_impact", "held_impact",
)  # fmt: skip
_UPDATE_RECOMMENDATIONS = f"""
UPDATE {{recommendation}} SET {assigned(_TOTALS)} FROM work_recommendation w
WHERE {{recommendation}}.id = w.recommendation_id AND ({differing("{recommendation}", _TOTALS)})
"""  # noqa: S608


def prepare(totals: str, weights: tuple[float, float, float]) -> None:
    """`totals` is a table (recommendation_id, group_id, total); a point of a device of each value weighs so much."""
    drop("work_counter", "work_weaknesses", "work_recommendation")
    run(_COUNTERS, totals=totals)
    # Else SQLite compares every counter with every other when it looks for those that are gone.
    run("CREATE UNIQUE INDEX work_counter_place ON work_counter (recommendation_id, group_id)")
    exceptions.correct_counters()
    run(_WEAKNESSES)
    points = _all_points() or 1.0
    run(_RECOMMENDATIONS, *weights, points, *weights, points)


def publish() -> None:
    run(_DELETE_COUNTERS)
    run(_UPDATE_COUNTERS)
    run(_INSERT_COUNTERS)
    run(_UPDATE_RECOMMENDATIONS)


def settings(*, with_exceptions: bool) -> list[tuple[float, int, int]]:
    """Points, applicable and compliant devices of each configuration; the mitigated ones comply by an exception."""
    mitigated = "mitigated" if with_exceptions else "0"
    return rows(
        f"SELECT severity_score, total, total - exposed + {mitigated} FROM {{recommendation}}"  # noqa: S608
        " WHERE remediation_type = 'configuration_change' AND closed_at IS NULL"
    )


def _all_points() -> float:
    """Points of all configurations that apply somewhere."""
    found = rows(
        "SELECT SUM(severity_score) FROM {recommendation} WHERE remediation_type = 'configuration_change'"
        " AND closed_at IS NULL AND id IN (SELECT recommendation_id FROM work_counter WHERE total > 0)"
    )
    return found[0][0] or 0.0
