"""What events mean for the vulnerable versions on a device, and so for its exposures.

A version is known to be there by an exposure or beside one. It is there afterwards when the last word on one of its
weaknesses is that it is there, or when a weakness of a known one is left without a word.
"""

from .stage import Stage

# Of two words of the same moment the one that closes nothing holds.
_LATEST = """
SELECT e.device_id, v.version_id, v.recommendation_id, w.weakness_id,
    CASE WHEN COALESCE(MAX(CASE WHEN e.is_there = 1 THEN e.happened_at END)
        >= MAX(CASE WHEN e.is_there = 0 THEN e.happened_at END), MAX(e.is_there) = 1) THEN 1 ELSE 0 END AS is_there
FROM stage_event e
JOIN stage_event_version v ON v.v = e.v
JOIN stage_event_weakness w ON w.w = e.w
GROUP BY e.device_id, v.version_id, v.recommendation_id, w.weakness_id
"""

_TOUCHED = """
SELECT t.device_id, t.version_id, t.recommendation_id, t.is_there,
    CASE WHEN EXISTS (SELECT 1 FROM {exposure} e WHERE e.recommendation_id = t.recommendation_id
            AND e.device_id = t.device_id AND e.version_id = t.version_id)
        OR EXISTS (SELECT 1 FROM {beside} b WHERE b.device_id = t.device_id AND b.version_id = t.version_id)
        THEN 1 ELSE 0 END AS is_known,
    CASE WHEN EXISTS (SELECT 1 FROM stage_held_device h WHERE h.device_id = t.device_id)
        OR EXISTS (SELECT 1 FROM {link} k WHERE k.softwareversion_id = t.version_id AND NOT EXISTS (
            SELECT 1 FROM stage_latest f WHERE f.device_id = t.device_id AND f.version_id = t.version_id
                AND f.weakness_id = k.weakness_id AND f.is_there = 0))
        THEN 1 ELSE 0 END AS is_left
FROM (
    SELECT device_id, version_id, recommendation_id, MAX(is_there) AS is_there
    FROM stage_latest GROUP BY device_id, version_id, recommendation_id
) t
"""

_STANDS = "(is_there = 1 OR (is_known = 1 AND is_left = 1))"
_AFFECTED = f"""
SELECT DISTINCT recommendation_id, device_id FROM stage_touched
WHERE (is_known = 1) <> {_STANDS}
"""  # noqa: S608

# All vulnerable versions that the affected devices have afterwards.
_AFTER = f"""
SELECT c.recommendation_id, c.device_id, c.version_id FROM (
    SELECT a.recommendation_id, a.device_id, e.version_id FROM stage_affected a
    JOIN {{exposure}} e ON e.recommendation_id = a.recommendation_id AND e.device_id = a.device_id
    UNION SELECT a.recommendation_id, a.device_id, b.version_id FROM stage_affected a
    JOIN {{recommendation}} r ON r.id = a.recommendation_id
    JOIN {{beside}} b ON b.device_id = a.device_id
    JOIN {{version}} v ON v.id = b.version_id AND v.software_id = r.software_id
    UNION SELECT t.recommendation_id, t.device_id, t.version_id FROM stage_touched t
    JOIN stage_affected a ON a.recommendation_id = t.recommendation_id AND a.device_id = t.device_id
    WHERE {_STANDS}
) c
WHERE NOT EXISTS (SELECT 1 FROM stage_touched t WHERE t.device_id = c.device_id AND t.version_id = c.version_id
    AND NOT {_STANDS})
"""  # noqa: S608

# The riskiest first; of equals the one that the exposure names.
_RANKED = """
SELECT x.recommendation_id, x.device_id, x.version_id,
    ROW_NUMBER() OVER (PARTITION BY x.recommendation_id, x.device_id ORDER BY v.risk DESC,
        CASE WHEN e.version_id = x.version_id THEN 0 ELSE 1 END, x.version_id DESC) AS rank
FROM stage_after x
JOIN {version} v ON v.id = x.version_id
LEFT JOIN {exposure} e ON e.recommendation_id = x.recommendation_id AND e.device_id = x.device_id
"""

_DELTA = """
INSERT INTO stage_delta (kind, recommendation_id, device_id, version_id)
SELECT CASE WHEN e.device_id IS NULL THEN 'new' WHEN w.device_id IS NULL THEN 'gone' ELSE 'changed' END AS kind,
    a.recommendation_id, a.device_id, w.version_id
FROM stage_affected a
LEFT JOIN stage_ranked w ON w.recommendation_id = a.recommendation_id AND w.device_id = a.device_id AND w.rank = 1
LEFT JOIN {exposure} e ON e.recommendation_id = a.recommendation_id AND e.device_id = a.device_id
WHERE (e.device_id IS NOT NULL OR w.device_id IS NOT NULL) AND (
    e.device_id IS NULL OR w.device_id IS NULL OR w.version_id IS DISTINCT FROM e.version_id)
ORDER BY 1, 2, 3
"""
_BESIDE = (
    "INSERT INTO stage_beside (device_id, version_id) SELECT device_id, version_id FROM stage_ranked WHERE rank > 1"
)

# The versions that went, and those that exposures name now (or since a process died before it came to this).
_TRIM = f"""
DELETE FROM {{beside}} WHERE (device_id, version_id) IN (
    SELECT b.device_id, b.version_id FROM {{beside}} b
    JOIN stage_touched t ON t.device_id = b.device_id AND t.version_id = b.version_id WHERE NOT {_STANDS}
    UNION SELECT b.device_id, b.version_id FROM {{beside}} b
    JOIN {{exposure}} e ON e.device_id = b.device_id AND e.version_id = b.version_id)
"""  # noqa: S608


def judge(stage: Stage) -> None:
    """From the events to what is to be opened, changed and closed."""
    stage.create_as("stage_latest", _LATEST)
    stage.index("stage_latest", "device_id, version_id, weakness_id")
    stage.analyze("stage_latest")
    stage.create_as("stage_touched", _TOUCHED)
    stage.index("stage_touched", "device_id, version_id")
    stage.create_as("stage_affected", _AFFECTED)
    stage.index("stage_affected", "device_id, recommendation_id")
    stage.analyze("stage_touched", "stage_affected")
    stage.create_as("stage_after", _AFTER)
    stage.create_as("stage_ranked", _RANKED)
    stage.index("stage_ranked", "device_id, recommendation_id")
    stage.run(_DELTA)
    stage.run(_BESIDE)


def trim_beside(stage: Stage) -> None:
    stage.run(_TRIM)
