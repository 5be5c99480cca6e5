"""What is counted, by set-based statements: the twin of `scoring.py` over the rows themselves.

`prepare` computes into temporary tables and changes nothing that anyone reads; `publish` writes the differences, in the
caller's transaction, so that every number of a page changes at once and unchanged rows are not touched.
"""

from datetime import date, datetime

from django.db import connection

from .. import scoring
from ..models import Feed, FeedKind, OrganisationScore, ScoreSnapshot
from ..models.inventory import UNSEEN_AFTER
from . import inventory, moves, risks
from .inventory import AS_BEFORE, Installed
from .risks import refresh_version_risks
from .tables import NO_CHANGE, TABLES, drop, rows, run

__all__ = ["AS_BEFORE", "NO_CHANGE", "TABLES", "Installed", "prepare", "publish", "refresh_version_risks", "republish"]

_FACTOR = f"CASE WHEN d.internet_facing THEN {scoring.INTERNET_FACTOR} ELSE 1.0 END"
_RISK_SUM = f"({_FACTOR} * COALESCE(s.risk, 0.0))"
# Devices that count, with S, E and whether they are scored: seen within 30 days. `fresh` is what newly found weaknesses
# of their versions add. An S that differs from the published one by rounding alone stays as published.
_DEVICES = f"""
CREATE TEMPORARY TABLE work_device AS
SELECT device_id, group_id, value, is_eligible, factor, risk_sum, fresh, recommendations, is_scored,
    100.0 * risk_sum / (risk_sum + {scoring.HALF}) AS score
FROM (
    SELECT d.id AS device_id, d.group_id, d.value,
        CASE WHEN d.entra_device_id <> '' THEN 1 ELSE 0 END AS is_eligible,
        {_FACTOR} AS factor,
        CASE WHEN ABS(p.risk_sum - {_RISK_SUM}) <= {NO_CHANGE} THEN p.risk_sum ELSE {_RISK_SUM} END AS risk_sum,
        COALESCE(s.fresh, 0.0) AS fresh,
        COALESCE(s.recommendations, 0) AS recommendations,
        CASE WHEN d.last_seen_at >= %s THEN 1 ELSE 0 END AS is_scored
    FROM {{device}} d
    LEFT JOIN {{published}} p ON p.device_id = d.id
    LEFT JOIN (
        SELECT e.device_id, SUM(v.risk) AS risk, SUM(f.risk) AS fresh, COUNT(*) AS recommendations
        FROM {{exposure}} e
        LEFT JOIN {{version}} v ON v.id = e.version_id
        LEFT JOIN work_fresh f ON f.version_id = v.id
        GROUP BY e.device_id
    ) s ON s.device_id = d.id
    WHERE d.retired_at IS NULL AND d.merged_into_id IS NULL
) summed
"""  # noqa: S608

_REST = "{greatest}(0.0, d.risk_sum - d.factor * COALESCE(v.risk, 0.0))"
_DROP = f"d.score - 100.0 * {_REST} / ({_REST} + {scoring.HALF})"


def _drop(value: str) -> str:
    return f"SUM(CASE WHEN d.is_scored = 1 AND d.value = '{value}' THEN {_DROP} ELSE 0.0 END) AS drop_{value}"


_COUNTERS = f"""
CREATE TEMPORARY TABLE work_counter AS
SELECT recommendation_id, group_id, SUM(exposed) AS exposed, {{greatest}}(SUM(exposed), SUM(total)) AS total,
    SUM(eligible) AS eligible, SUM(drop_low) AS drop_low, SUM(drop_normal) AS drop_normal, SUM(drop_high) AS drop_high
FROM (
    SELECT e.recommendation_id, d.group_id, COUNT(*) AS exposed, 0 AS total, SUM(d.is_eligible) AS eligible,
        {_drop("low")}, {_drop("normal")}, {_drop("high")}
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

_RECOMMENDATIONS = """
CREATE TEMPORARY TABLE work_recommendation AS
SELECT r.id AS recommendation_id, COALESCE(c.exposed, 0) AS exposed, COALESCE(c.total, 0) AS total,
    COALESCE(w.weaknesses, 0) AS weaknesses,
    COALESCE(%s * c.drop_low + %s * c.drop_normal + %s * c.drop_high, 0.0) AS exposure_impact,
    CASE WHEN r.remediation_type = 'configuration_change' AND r.closed_at IS NULL AND c.total > 0
        THEN 100.0 * r.severity_score * c.exposed / c.total / %s ELSE 0.0 END AS configuration_impact
FROM {recommendation} r
LEFT JOIN (
    SELECT recommendation_id, SUM(exposed) AS exposed, SUM(total) AS total, SUM(drop_low) AS drop_low,
        SUM(drop_normal) AS drop_normal, SUM(drop_high) AS drop_high
    FROM work_counter GROUP BY recommendation_id
) c ON c.recommendation_id = r.id
LEFT JOIN work_weaknesses w ON w.recommendation_id = r.id
"""

_LEVEL = f"""CASE WHEN d.score <= 0 THEN 'none' WHEN d.score < {scoring.MEDIUM_FROM} THEN 'low'
    WHEN d.score < {scoring.HIGH_FROM} THEN 'medium' ELSE 'high' END"""

_WRITE_DEVICES = f"""
UPDATE {{device}} SET risk_sum = d.risk_sum, exposure_level = {_LEVEL}, recommendations = d.recommendations
FROM work_device d
WHERE {{device}}.id = d.device_id
    AND (ABS({{device}}.risk_sum - d.risk_sum) > %s OR {{device}}.exposure_level <> {_LEVEL}
        OR {{device}}.recommendations <> d.recommendations)
"""  # noqa: S608

_CLEAR_DEVICES = """
UPDATE {device} SET risk_sum = 0, exposure_level = 'none', recommendations = 0
WHERE (retired_at IS NOT NULL OR merged_into_id IS NOT NULL)
    AND (risk_sum <> 0 OR exposure_level <> 'none' OR recommendations <> 0)
"""

_SAME_COUNTER = "{counter}.recommendation_id = w.recommendation_id AND {counter}.group_id = w.group_id"
_DELETE_COUNTERS = f"DELETE FROM {{counter}} WHERE NOT EXISTS (SELECT 1 FROM work_counter w WHERE {_SAME_COUNTER})"  # noqa: S608
_UPDATE_COUNTERS = f"""
UPDATE {{counter}} SET exposed = w.exposed, total = w.total, eligible = w.eligible,
    drop_low = w.drop_low, drop_normal = w.drop_normal, drop_high = w.drop_high
FROM work_counter w
WHERE {_SAME_COUNTER} AND (
    {{counter}}.exposed <> w.exposed OR {{counter}}.total <> w.total OR {{counter}}.eligible <> w.eligible
    OR ABS({{counter}}.drop_low - w.drop_low) > %s OR ABS({{counter}}.drop_normal - w.drop_normal) > %s
    OR ABS({{counter}}.drop_high - w.drop_high) > %s)
"""  # noqa: S608
# ON CONFLICT and not NOT EXISTS: of a table that was empty when it was looked at last, PostgreSQL expects so few rows
# that it compares every new counter with every other.
_INSERT_COUNTERS = """
INSERT INTO {counter} (recommendation_id, group_id, exposed, total, eligible, drop_low, drop_normal, drop_high)
SELECT recommendation_id, group_id, exposed, total, eligible, drop_low, drop_normal, drop_high FROM work_counter
WHERE TRUE ON CONFLICT (recommendation_id, group_id) DO NOTHING
"""
_UPDATE_RECOMMENDATIONS = """
UPDATE {recommendation} SET exposed = w.exposed, total = w.total, weaknesses = w.weaknesses,
    exposure_impact = w.exposure_impact, configuration_impact = w.configuration_impact
FROM work_recommendation w
WHERE {recommendation}.id = w.recommendation_id AND (
    {recommendation}.exposed <> w.exposed OR {recommendation}.total <> w.total
    OR {recommendation}.weaknesses <> w.weaknesses
    OR ABS({recommendation}.exposure_impact - w.exposure_impact) > %s
    OR ABS({recommendation}.configuration_impact - w.configuration_impact) > %s)
"""

_SNAPSHOT_COLUMNS = ", ".join(ScoreSnapshot.SUMMED)
_SNAPSHOT_SUMS = ", ".join(
    [f"SUM(CASE WHEN is_scored = 1 AND value = '{value}' THEN 1 ELSE 0 END)" for value in ("low", "normal", "high")]
    + [
        f"SUM(CASE WHEN is_scored = 1 AND value = '{value}' THEN score ELSE 0.0 END)"
        for value in ("low", "normal", "high")
    ]
    + [
        f"SUM(CASE WHEN is_scored = 1 AND {_LEVEL} = '{level}' THEN 1 ELSE 0 END)"
        for level in ("none", "low", "medium", "high")
    ]
    + ["SUM(CASE WHEN is_scored = 0 THEN 1 ELSE 0 END)"]
)
_SNAPSHOT = f"""
INSERT INTO {{snapshot}} (day, group_id, published_at, model_version, {_SNAPSHOT_COLUMNS})
SELECT %s, group_id, %s, %s, {_SNAPSHOT_SUMS} FROM work_device d GROUP BY group_id
"""  # noqa: S608

_WORK = ("work_device", "work_counter", "work_weaknesses", "work_recommendation")


def prepare(now: datetime, totals: str | None = None, installed: Installed = AS_BEFORE) -> None:
    """Compute what `publish` writes. `totals` is a table (recommendation_id, group_id, total) of the devices that a
    recommendation could apply to; without one the totals stay as they are."""
    drop(*_WORK)
    risks.prepare()
    run(_DEVICES, connection.ops.adapt_datetimefield_value(now - UNSEEN_AFTER))
    # Else SQLite compares every published device with every one here.
    run("CREATE UNIQUE INDEX work_device_id ON work_device (device_id)")
    # Else PostgreSQL looks up the exposures of each device by itself, which takes twice as long as reading them all.
    run("ANALYZE work_device")
    moves.prepare()
    run(_COUNTERS, totals=totals or TABLES["counter"])
    # Else SQLite compares every counter with every other when it looks for those that are gone.
    run("CREATE UNIQUE INDEX work_counter_place ON work_counter (recommendation_id, group_id)")
    run(_WEAKNESSES)
    run(_RECOMMENDATIONS, *_weights(), _all_points() or 1.0)
    inventory.prepare(installed)


def publish(
    day: date,
    moment: datetime,
    source_exposure: float | None = None,
    source_configuration: float | None = None,
    sync_run: int | None = None,
) -> None:
    """Write what `prepare` computed, where it differs. In the caller's transaction."""
    _write(day, moment)
    facts: dict[str, object] = {"published_at": moment, "refreshed_at": None, "sync_run": sync_run}
    of_source = {"source_exposure": source_exposure, "source_configuration": source_configuration}
    _write_organisation(day, facts | of_source)


def republish(day: date, moment: datetime) -> None:
    """The same where no sync but a feed changed the numbers: what the last sync brought stays its own."""
    newest = OrganisationScore.objects.newest()
    if newest is None:
        return
    _write(day, moment)
    kept = {
        name: getattr(newest, name) for name in ("published_at", "source_exposure", "source_configuration", "sync_run")
    }
    _write_organisation(day, kept | {"refreshed_at": moment})


def _write(day: date, moment: datetime) -> None:
    run(_WRITE_DEVICES, NO_CHANGE)
    run(_CLEAR_DEVICES)
    run(_DELETE_COUNTERS)
    run(_UPDATE_COUNTERS, NO_CHANGE, NO_CHANGE, NO_CHANGE)
    run(_INSERT_COUNTERS)
    run(_UPDATE_RECOMMENDATIONS, NO_CHANGE, NO_CHANGE)
    ScoreSnapshot.objects.filter(day=day).delete()
    run(_SNAPSHOT, day, connection.ops.adapt_datetimefield_value(moment), scoring.MODEL_VERSION)
    inventory.publish(day, moment)
    moves.publish(day)
    risks.publish()


def _write_organisation(day: date, facts: dict[str, object]) -> None:
    feeds = Feed.objects.by_kind()
    as_of = {kind: feeds[kind].as_of if kind in feeds else None for kind in FeedKind.values}
    ours = {
        "model_version": scoring.MODEL_VERSION,
        "exposure": _organisation_exposure(),
        "configuration": scoring.configuration_score(_settings()),
        "epss_on": as_of[FeedKind.EPSS],
        "kev_on": as_of[FeedKind.KEV],
    }
    OrganisationScore.objects.update_or_create(day=day, defaults=facts | ours)


def _devices_by_value() -> dict[str, tuple[int, float]]:
    """Scored devices and the sum of their scores, by device value."""
    found = rows("SELECT value, COUNT(*), SUM(score) FROM work_device WHERE is_scored = 1 GROUP BY value")
    return {value: (count, total) for value, count, total in found}


def _weights() -> tuple[float, float, float]:
    """What one point of a device of low, normal and high value weighs in the organisation's score."""
    count = {value: number for value, (number, _) in _devices_by_value().items()}
    low, normal, high = (count.get(value, 0) for value in ("low", "normal", "high"))
    one = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    return tuple(scoring.exposure_impact(*drops, low, normal, high) for drops in one)  # type: ignore[return-value]


def _organisation_exposure() -> float:
    by_value = _devices_by_value()
    counts, sums = zip(*(by_value.get(value, (0, 0.0)) for value in ("low", "normal", "high")), strict=True)
    return scoring.exposure_score(*counts, *sums)


def _all_points() -> float:
    """Points of all configurations that apply somewhere."""
    found = rows(
        "SELECT SUM(severity_score) FROM {recommendation} WHERE remediation_type = 'configuration_change'"
        " AND closed_at IS NULL AND id IN (SELECT recommendation_id FROM work_counter WHERE total > 0)"
    )
    return found[0][0] or 0.0


def _settings() -> list[tuple[float, int, int]]:
    return rows(
        "SELECT severity_score, total, total - exposed FROM {recommendation}"
        " WHERE remediation_type = 'configuration_change' AND closed_at IS NULL"
    )
