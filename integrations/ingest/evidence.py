"""Evidence: what this sync saw of the target devices of activities, written beside them. Others decide what it means.

Exposed is, for a software activity, a device with a version that still has a weakness of the frozen goal (any version,
where the goal is absence); for a configuration, a device on which the setting applies and is not compliant. Of a merged
device the survivor's record speaks. Devices of which a record was set aside get no evidence.

Absence is the weakest evidence, for a device can be missing from an export. So a product is gone only where the export
has other software of the device, and the device has reported since it was last seen exposed.
"""

from datetime import datetime

from django.db import transaction

from .stage import Stage, adapt

_LIVE = "a.status IN ('active', 'completed') AND a.requested_at < %s"

# The source tags the recommendation where devices wait for a restart; which ones, their versions must tell.
_TAG = '%"pending restart"%'

# The versions that count as exposed, an activity. Without a frozen weakness, those that have any.
_GOALS = f"""
SELECT a.id AS activity_id, v.v FROM {{activity}} a
JOIN {{recommendation}} r ON r.id = a.recommendation_id
JOIN stage_version v ON v.software_id = r.software_id
WHERE {_LIVE} AND (
    a.requested_remediation = 'uninstall'
    OR EXISTS (SELECT 1 FROM {{activity_weakness}} g JOIN {{link}} l ON l.weakness_id = g.weakness_id
        WHERE g.activity_id = a.id AND l.softwareversion_id = v.version_id)
    OR (v.has_weakness = 1 AND NOT EXISTS (SELECT 1 FROM {{activity_weakness}} g WHERE g.activity_id = a.id)))
"""  # noqa: S608

_INSTALLED = f"""
SELECT DISTINCT v.software_id, i.n, i.v, v.place FROM stage_installation i JOIN stage_version v ON v.v = i.v
WHERE v.software_id IN (
    SELECT r.software_id FROM {{activity}} a JOIN {{recommendation}} r ON r.id = a.recommendation_id WHERE {_LIVE})
"""  # noqa: S608

_SETTINGS = f"""
SELECT s.recommendation_id, c.n, MIN(c.is_compliant) AS is_compliant
FROM stage_configuration c JOIN stage_setting s ON s.c = c.c
WHERE s.recommendation_id IN (SELECT a.recommendation_id FROM {{activity}} a WHERE {_LIVE})
GROUP BY s.recommendation_id, c.n
"""  # noqa: S608

_HAS_PRODUCT = "EXISTS (SELECT 1 FROM stage_installed i WHERE i.n = p.n AND i.software_id = r.software_id)"
_HAS_SOFTWARE = "EXISTS (SELECT 1 FROM stage_reporting l WHERE l.n = p.n)"
_HAS_GOAL = """EXISTS (
        SELECT 1 FROM stage_installed i JOIN stage_goal g ON g.v = i.v AND g.activity_id = a.id
        WHERE i.n = p.n AND i.software_id = r.software_id)"""
_HAS_OTHER = """EXISTS (
        SELECT 1 FROM stage_installed i JOIN stage_version v ON v.v = i.v
        WHERE i.n = p.n AND i.software_id = r.software_id AND v.has_weakness >= {least}
            AND NOT EXISTS (SELECT 1 FROM stage_goal g WHERE g.v = i.v AND g.activity_id = a.id))"""
# A version without a weakness of the goal, and such a one that has others.
_HAS_FIX, _HAS_NEWER_WEAKNESS = _HAS_OTHER.format(least=0), _HAS_OTHER.format(least=1)

_CHECKED = f"""
INSERT INTO stage_checked (
    activity_id, device_id, n, reported_at, is_exposed, place, awaits_restart, needs_next_version)
SELECT t.activity_id, t.device_id, p.n, CASE WHEN p.last_seen_at > %s THEN %s ELSE p.last_seen_at END,
    CASE WHEN r.software_id IS NULL THEN (
        SELECT CASE WHEN s.is_compliant = 0 THEN 1 ELSE 0 END FROM stage_set s
        WHERE s.n = p.n AND s.recommendation_id = a.recommendation_id)
    WHEN {_HAS_GOAL} THEN 1
    WHEN {_HAS_PRODUCT} THEN 0
    WHEN {_HAS_SOFTWARE} AND (t.is_exposed IS NULL OR NOT t.is_exposed OR p.last_seen_at > t.reported_at) THEN 0
    END,
    (SELECT MAX(i.place) FROM stage_installed i WHERE i.n = p.n AND i.software_id = r.software_id),
    CASE WHEN LOWER(CAST(r.tags AS TEXT)) LIKE %s AND a.requested_remediation <> 'uninstall'
        AND {_HAS_GOAL} AND {_HAS_FIX} THEN 1 ELSE 0 END,
    CASE WHEN NOT {_HAS_GOAL} AND {_HAS_NEWER_WEAKNESS} THEN 1 ELSE 0 END
FROM {{activity_device}} t
JOIN {{activity}} a ON a.id = t.activity_id
JOIN {{recommendation}} r ON r.id = a.recommendation_id
JOIN {{device}} d ON d.id = t.device_id
JOIN stage_present p ON p.device_id = COALESCE(d.merged_into_id, d.id)
WHERE {_LIVE} AND p.is_held = 0
"""  # noqa: S608

_FOUND = """
SELECT c.id, c.activity_id, c.device_id, c.reported_at, c.is_exposed, COALESCE(v.version, '') AS version,
    COALESCE(MAX(e.disk_paths), '[]') AS disk_paths, COALESCE(MAX(e.registry_paths), '[]') AS registry_paths,
    COALESCE(MAX(e.security_update), '') AS security_update, c.awaits_restart, c.needs_next_version
FROM stage_checked c
LEFT JOIN stage_version v ON v.place = c.place
LEFT JOIN stage_evidence e ON e.n = c.n AND e.v = v.v
WHERE c.is_exposed IS NOT NULL
GROUP BY c.id, c.activity_id, c.device_id, c.reported_at, c.is_exposed, v.version, c.awaits_restart,
    c.needs_next_version
"""

# Unchanged rows stay; but a fixed device that is exposed counts anew with each sync.
_WRITE = """
UPDATE {activity_device} SET checked_at = %s, reported_at = f.reported_at, is_exposed = (f.is_exposed = 1),
    installed_version = f.version, disk_paths = f.disk_paths{as_json}, registry_paths = f.registry_paths{as_json},
    security_update = f.security_update, awaits_restart = (f.awaits_restart = 1),
    needs_next_version = (f.needs_next_version = 1)
FROM stage_found f
WHERE f.id BETWEEN %s AND %s
    AND {activity_device}.activity_id = f.activity_id AND {activity_device}.device_id = f.device_id
    AND ({activity_device}.reported_at IS DISTINCT FROM f.reported_at
        OR {activity_device}.is_exposed IS DISTINCT FROM (f.is_exposed = 1)
        OR {activity_device}.installed_version <> f.version
        OR {activity_device}.disk_paths <> f.disk_paths{as_json}
        OR {activity_device}.registry_paths <> f.registry_paths{as_json}
        OR {activity_device}.security_update <> f.security_update
        OR {activity_device}.awaits_restart <> (f.awaits_restart = 1)
        OR {activity_device}.needs_next_version <> (f.needs_next_version = 1)
        OR ({activity_device}.state = 'fixed' AND f.is_exposed = 1))
"""


def write(stage: Stage, moment: datetime, beat) -> None:
    """Evidence of a complete sync that began at `moment`. Activities requested since then wait for the next."""
    since = adapt(moment)
    stage.create_as("stage_goal", _GOALS, since)
    stage.create_as("stage_installed", _INSTALLED, since)
    stage.create_as("stage_set", _SETTINGS, since)
    stage.index("stage_goal", "activity_id, v")
    stage.index("stage_installed", "n, software_id")
    stage.index("stage_set", "n, recommendation_id")
    stage.index("stage_evidence", "n, v")
    stage.analyze("stage_goal", "stage_installed", "stage_set", "stage_reporting", "stage_evidence")
    stage.create_numbered(
        "stage_checked",
        f"activity_id BIGINT, device_id BIGINT, n INTEGER, reported_at {stage.moment}, is_exposed INTEGER,"
        " place INTEGER, awaits_restart INTEGER, needs_next_version INTEGER",
    )
    # What a device has reported since then is not in what was read.
    stage.run(_CHECKED, since, since, _TAG, since)
    stage.create_as("stage_found", _FOUND)
    stage.index("stage_found", "id")
    last = stage.number("SELECT MAX(id) FROM stage_found")
    for first in range(1, last + 1, stage.batch):
        with transaction.atomic():
            stage.run(_WRITE, since, first, first + stage.batch - 1)
        beat()
