"""What a complete sync's evidence means for the target devices of activities, and for the activities themselves.

Fixed is proved: not exposed, by a report newer than the request. Silence for 30 days is its own state. A device proved
fixed that is exposed in two complete syncs has regressed, and that alone reopens a completed activity; a release from
after the request does not.
"""

from collections.abc import Callable
from datetime import date, datetime

import structlog
from django.db import connection, transaction
from django.utils import timezone

from ..models import (
    UNRESOLVED_STATES,
    ActivityCount,
    ActivityDevice,
    ActivityProgress,
    ActivityStatus,
    AuditEvent,
    BatchCount,
    Device,
    DeviceState,
    RemediationActivity,
    Through,
    User,
)
from ..models.devices import UNSEEN_AFTER
from . import activities
from .transitions import InvalidTransition

# What the databases' drivers take.
Parameter = float | str | date | None
log = structlog.get_logger(__name__)

# Complete syncs in a row that make a regression.
REGRESSION = 2

_TABLES = {
    "activity": RemediationActivity._meta.db_table,
    "target": ActivityDevice._meta.db_table,
    "count": ActivityCount._meta.db_table,
    "batch": BatchCount._meta.db_table,
    "progress": ActivityProgress._meta.db_table,
    "device": Device._meta.db_table,
}

# The targets of activities that are checked, with the device that speaks for each: a merged one's survivor.
_CHECKED = """
SELECT t.activity_id, t.device_id FROM {target} t
JOIN {activity} a ON a.id = t.activity_id
JOIN {device} d ON d.id = t.device_id
LEFT JOIN {device} s ON s.id = d.merged_into_id
WHERE a.status IN ('active', 'completed') AND a.requested_at < %s
"""
_RETIRED = "CASE WHEN s.id IS NULL THEN d.retired_at ELSE s.retired_at END"
_LAST_SEEN = "CASE WHEN s.id IS NULL THEN d.last_seen_at ELSE s.last_seen_at END"
_IS_EXPOSED = "t.is_exposed IS NOT NULL AND t.is_exposed"
_IS_NOT_EXPOSED = "t.is_exposed IS NOT NULL AND NOT t.is_exposed"

_MOVE = "UPDATE {target} SET state = '%(state)s', state_changed_at = %%s, exposed_again = 0"


def _move(state: str, condition: str) -> str:
    return f"{_MOVE % {'state': state}} WHERE (activity_id, device_id) IN ({_CHECKED} AND {condition})"


_FIXED = _move(
    "fixed",
    f"t.state <> 'fixed' AND {_RETIRED} IS NULL AND {_IS_NOT_EXPOSED} AND t.reported_at > a.requested_at",
)
_OUT_OF_SCOPE = _move("out_of_scope", f"t.state NOT IN ('fixed', 'out_of_scope') AND {_RETIRED} IS NOT NULL")
_NOT_SEEN = _move(
    "not_seen",
    f"t.state IN ('exposed', 'pending_restart', 'out_of_scope') AND {_RETIRED} IS NULL"
    f" AND ({_LAST_SEEN} IS NULL OR {_LAST_SEEN} < %s)",
)
_PENDING_RESTART = _move(
    "pending_restart",
    f"t.state IN ('exposed', 'not_seen', 'out_of_scope') AND t.awaits_restart"
    f" AND {_RETIRED} IS NULL AND {_LAST_SEEN} >= %s",
)
_EXPOSED = _move(
    "exposed",
    f"(t.state IN ('not_seen', 'out_of_scope') OR t.state = 'pending_restart' AND NOT t.awaits_restart)"
    f" AND {_RETIRED} IS NULL AND {_LAST_SEEN} >= %s",
)
_EXPOSED_AGAIN = f"""
UPDATE {{target}} SET exposed_again = exposed_again + 1
WHERE (activity_id, device_id) IN ({_CHECKED} AND t.state = 'fixed' AND {_IS_EXPOSED} AND t.checked_at = %s)
"""  # noqa: S608
_NOT_AGAIN = f"""
UPDATE {{target}} SET exposed_again = 0
WHERE (activity_id, device_id) IN ({_CHECKED} AND t.state = 'fixed' AND t.exposed_again > 0 AND {_IS_NOT_EXPOSED})
"""  # noqa: S608
_REGRESSED = _move("regressed", f"t.state = 'fixed' AND t.exposed_again >= {REGRESSION}")

_STATES = tuple(state.value for state in DeviceState)
_COUNTS = (*_STATES, "next_version")
_COUNTED = f"""
SELECT activity_id, group_id,
    {", ".join(f"SUM(CASE WHEN state = '{state}' THEN 1 ELSE 0 END) AS {state}" for state in _STATES)},
    SUM(CASE WHEN state = 'fixed' AND needs_next_version THEN 1 ELSE 0 END) AS next_version
FROM {{target}}
WHERE activity_id IN (SELECT id FROM {{activity}} WHERE status IN ('active', 'completed'))
GROUP BY activity_id, group_id
"""  # noqa: S608
_WRITE_COUNTS = f"""
UPDATE {{count}} SET {", ".join(f"{name} = c.{name}" for name in _COUNTS)} FROM ({_COUNTED}) c
WHERE {{count}}.activity_id = c.activity_id AND {{count}}.group_id = c.group_id
    AND ({" OR ".join(f"{{count}}.{name} <> c.{name}" for name in _COUNTS)})
"""  # noqa: S608
_UNRESOLVED = " + ".join(f"c.{state.value}" for state in UNRESOLVED_STATES)
_SUMMED = f"""
SELECT activity_id, SUM({_UNRESOLVED}) AS unresolved, {", ".join(f"SUM({name}) AS {name}" for name in _COUNTS)}
FROM {{count}} c GROUP BY activity_id
"""  # noqa: S608
_SUMS = ("fixed", "unresolved", "next_version")
_WRITE_SUMS = f"""
UPDATE {{activity}} SET {", ".join(f"{name} = c.{name}" for name in _SUMS)} FROM ({_SUMMED}) c
WHERE {{activity}}.id = c.activity_id AND ({" OR ".join(f"{{activity}}.{name} <> c.{name}" for name in _SUMS)})
"""  # noqa: S608
# A row only where a day ends otherwise than the one before. Found beforehand: PostgreSQL, asked to insert what a table
# lacks, reads on into the rows that it is inserting.
_PROGRESS = f"""
CREATE TEMPORARY TABLE work_progress AS
SELECT c.activity_id, c.group_id, c.fixed, {_UNRESOLVED} AS unresolved
FROM {{count}} c JOIN {{activity}} a ON a.id = c.activity_id
LEFT JOIN (SELECT activity_id, group_id, MAX(day) AS day FROM {{progress}} GROUP BY activity_id, group_id) l
    ON l.activity_id = c.activity_id AND l.group_id = c.group_id
LEFT JOIN {{progress}} p ON p.activity_id = l.activity_id AND p.group_id = l.group_id AND p.day = l.day
WHERE a.status IN ('active', 'completed') AND a.requested_at < %s
    AND (p.id IS NULL OR p.fixed <> c.fixed OR p.unresolved <> {_UNRESOLVED})
"""  # noqa: S608
_WRITE_PROGRESS = """
INSERT INTO {progress} (activity_id, group_id, day, fixed, unresolved)
SELECT activity_id, group_id, %s, fixed, unresolved FROM work_progress WHERE TRUE
ON CONFLICT (activity_id, group_id, day) DO UPDATE SET fixed = excluded.fixed, unresolved = excluded.unresolved
"""
_WRITE_BATCHES = """
UPDATE {batch} SET fixed = c.fixed FROM (
    SELECT activity_id, group_id, batch, SUM(CASE WHEN state = 'fixed' THEN 1 ELSE 0 END) AS fixed FROM {target}
    WHERE batch IS NOT NULL AND activity_id IN (SELECT id FROM {activity} WHERE status IN ('active', 'completed'))
    GROUP BY activity_id, group_id, batch) c
WHERE {batch}.activity_id = c.activity_id AND {batch}.group_id = c.group_id AND {batch}.batch = c.batch
    AND {batch}.fixed <> c.fixed
"""
_FINISHED = f"""
SELECT c.activity_id FROM ({_SUMMED}) c JOIN {{activity}} a ON a.id = c.activity_id
WHERE a.status = 'active' AND a.requested_at < %s AND c.fixed > 0
    AND c.exposed = 0 AND c.not_seen = 0 AND c.regressed = 0
"""  # noqa: S608
_REOPENED = """
SELECT a.id, COUNT(*) FROM {activity} a JOIN {target} t ON t.activity_id = a.id
WHERE a.status = 'completed' AND t.state = 'regressed' AND t.state_changed_at = %s GROUP BY a.id
"""


def decide(moment: datetime, beat: Callable[[], None] = lambda: None) -> None:
    """Move target devices and activities by the evidence of the complete sync that began at `moment`."""
    now = connection.ops.adapt_datetimefield_value(moment)
    unseen = connection.ops.adapt_datetimefield_value(moment - UNSEEN_AFTER)
    for statement, parameters in (
        (_OUT_OF_SCOPE, (now, now)),
        (_FIXED, (now, now)),
        (_EXPOSED, (now, now, unseen)),
        (_PENDING_RESTART, (now, now, unseen)),
        (_NOT_SEEN, (now, now, unseen)),
        (_NOT_AGAIN, (now,)),
        (_EXPOSED_AGAIN, (now, now)),
        (_REGRESSED, (now, now)),
    ):
        with transaction.atomic():
            _run(statement, *parameters)
        beat()
    changed = _count(moment)
    moved = _complete(now, beat) | _reopen(now, beat)
    _record(changed, moved)


def _count(moment: datetime) -> dict[int, tuple[int, int]]:
    """Refresh counts and sums; activities whose number of fixed devices changed, with before and after."""
    with transaction.atomic():
        _run(_WRITE_COUNTS)
        _run(_WRITE_BATCHES)
        differing = (
            f"SELECT a.id, a.fixed, c.fixed FROM {{activity}} a JOIN ({_SUMMED}) c ON c.activity_id = a.id"  # noqa: S608
            " WHERE a.fixed <> c.fixed"
        )
        changed = {pk: (before, int(after)) for pk, before, after in _rows(differing)}
        _run(_WRITE_SUMS)
        _run("DROP TABLE IF EXISTS work_progress")
        _run(_PROGRESS, connection.ops.adapt_datetimefield_value(moment))
        _run(_WRITE_PROGRESS, timezone.localdate(moment))
        RemediationActivity.objects.filter(
            status__in=[ActivityStatus.ACTIVE, ActivityStatus.COMPLETED], requested_at__lt=moment
        ).update(checked_at=moment)
    return changed


def _complete(now: Parameter, beat: Callable[[], None]) -> set[int]:
    """At least one target is proved fixed, and the others wait for no more than a restart, or are excepted or retired.

    Where none is fixed a person is asked: `RemediationActivity.awaits_decision`.
    """
    return _each(_rows(_FINISHED, now), lambda activity, _: activities.complete_automatically(activity), beat)


def _reopen(now: Parameter, beat: Callable[[], None]) -> set[int]:
    rows = _rows(_REOPENED, now)
    return _each(rows, lambda activity, row: activities.reopen_by_regression(activity, row[1]), beat)


def _each(rows: list[tuple], act: Callable[[RemediationActivity, tuple], object], beat: Callable[[], None]) -> set[int]:
    """Act on activities one by one; who was faster, or has opened another one meanwhile, is left alone."""
    moved = set()
    for row in rows:
        activity = RemediationActivity.objects.get(pk=row[0])
        try:
            act(activity, row)
        except InvalidTransition as conflict:
            log.warning("activity_not_moved", activity=activity.pk, problem=conflict.message)
        else:
            moved.add(activity.pk)
        beat()
    return moved


def _record(changed: dict[int, tuple[int, int]], moved: set[int]) -> None:
    """One event a changed activity; a change of status has written its own."""
    system = User.objects.system()
    for pk, (before, after) in changed.items():
        if pk not in moved:
            AuditEvent.objects.record(
                RemediationActivity.objects.get(pk=pk),
                "checked",
                by=system,
                through=Through.SYNC,
                before={"fixed": before},
                after={"fixed": after},
            )


def _run(statement: str, *parameters: Parameter) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**_TABLES), parameters or None)
        return cursor.rowcount


def _rows(statement: str, *parameters: Parameter) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**_TABLES), parameters or None)
        return cursor.fetchall()
