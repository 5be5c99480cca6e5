"""The timeline, written by set-based statements in the transaction that publishes the numbers of a sync or a feed.

What is news is what differs from what was told before, so a sync that was killed, or one that could not read
everything, leaves its news to the next. The first complete sync tells one line, not one for everything that it met.
"""

from datetime import datetime

from django.db import connection

from . import scoring
from .counters.tables import drop, rows, run
from .models import (
    DeviceValue,
    Event,
    EventCount,
    EventKind,
    ExploitLevel,
    Feed,
    FeedKind,
    Publication,
    PublicationSum,
)

K = EventKind
_RANK = "CASE {column} " + " ".join(
    f"WHEN '{level}' THEN {rank}" for rank, level in enumerate(ExploitLevel.values)
) + " ELSE 0 END"  # fmt: skip


def _rank(column: str) -> str:
    return _RANK.format(column=column)


def _news(kind: str, condition: str, before: str = "''", after: str = "''") -> str:
    return (
        f"SELECT '{kind}' AS kind, w.id AS weakness_id, CAST(NULL AS BIGINT) AS recommendation_id, w.name,"  # noqa: S608
        f" {before} AS before, {after} AS after FROM {{weakness}} w WHERE {condition}"
    )


_DAY = "CAST({column} AS VARCHAR(32))"
_UNTOLD = "w.told_exploit_level = '' AND w.met_at > %s"
_TOLD = "w.told_exploit_level <> ''"
_NEWS = [
    _news(K.NEW_WEAKNESS, _UNTOLD),
    _news(
        K.EXPLOIT_RAISED, f"{_TOLD} AND {_rank('w.exploit_level')} > {_rank('w.told_exploit_level')}",
        "w.told_exploit_level", "w.exploit_level",
    ),
    _news(
        K.KEV_ADDED, f"{_TOLD} AND w.kev_added_on IS NOT NULL AND w.told_kev_on IS NULL",
        after=_DAY.format(column="w.kev_added_on"),
    ),
    _news(
        K.KEV_REMOVED, f"{_TOLD} AND w.kev_added_on IS NULL AND w.told_kev_on IS NOT NULL",
        before=_DAY.format(column="w.told_kev_on"),
    ),
    f"""SELECT '{K.NEW_ASSESSMENT}', CAST(NULL AS BIGINT), r.id, r.name, '', '' FROM {{recommendation}} r
        WHERE r.closed_at IS NULL AND r.first_seen_at > %s AND NOT EXISTS (
            SELECT 1 FROM {{event}} e WHERE e.recommendation_id = r.id AND e.kind = '{K.NEW_ASSESSMENT}')""",  # noqa: S608
]  # fmt: skip
_COLLECT = f"CREATE TEMPORARY TABLE work_news AS {' UNION ALL '.join(_NEWS)}"

# Devices by the version that exposes them, for the weaknesses in the news alone.
_COUNT_WEAKNESSES = """
CREATE TEMPORARY TABLE work_touched AS
SELECT touched.weakness_id, touched.group_id, COUNT(*) AS devices FROM (
    SELECT DISTINCT l.weakness_id, d.group_id, d.device_id
    FROM {exposure} e
    JOIN {link} l ON l.softwareversion_id = e.version_id
    JOIN work_device d ON d.device_id = e.device_id
    WHERE l.weakness_id IN (SELECT weakness_id FROM work_news WHERE weakness_id IS NOT NULL)
) touched
GROUP BY touched.weakness_id, touched.group_id
"""
_IS_TOUCHING = """
EXISTS (SELECT 1 FROM work_touched t WHERE t.weakness_id = n.weakness_id)
OR EXISTS (SELECT 1 FROM work_counter c WHERE c.recommendation_id = n.recommendation_id AND c.exposed > 0)
"""
# What touches no device is nobody's news; a weakness or a recommendation that has yet to touch one waits.
_WRITE = f"""
INSERT INTO {{event}} (kind, at, publication_id, weakness_id, recommendation_id, name, before, after)
SELECT n.kind, %s, %s, n.weakness_id, n.recommendation_id, n.name, n.before, n.after FROM work_news n
WHERE {_IS_TOUCHING}
"""  # noqa: S608
_WRITE_COUNTS = """
INSERT INTO {event_count} (event_id, group_id, devices)
SELECT e.id, t.group_id, t.devices FROM {event} e JOIN work_touched t ON t.weakness_id = e.weakness_id
WHERE e.publication_id = %s
UNION ALL
SELECT e.id, c.group_id, c.exposed FROM {event} e JOIN work_counter c ON c.recommendation_id = e.recommendation_id
WHERE e.publication_id = %s AND c.exposed > 0
"""
_DEVICES = "SELECT group_id, COUNT(*) FROM work_device GROUP BY group_id"
_EXPOSED_TO_KEV = """
SELECT touched.group_id, COUNT(*) FROM (
    SELECT DISTINCT d.group_id, d.device_id FROM {exposure} e
    JOIN {link} l ON l.softwareversion_id = e.version_id JOIN {weakness} w ON w.id = l.weakness_id
    JOIN work_device d ON d.device_id = e.device_id
    WHERE w.kev_added_on IS NOT NULL
) touched GROUP BY touched.group_id
"""


def _summed(when: str) -> list[str]:
    """The six sums of a group before or after, by their names in PublicationSum."""
    return [
        f"SUM(CASE WHEN value = '{value}' THEN {when}_{what} ELSE 0.0 END) AS {when}_{what}_{value}"
        for what in ("devices", "score")
        for value in DeviceValue.values
    ]


_SUM = f"""
CREATE TEMPORARY TABLE work_sum AS
SELECT group_id, {", ".join(_summed("before") + _summed("after"))}
FROM (
    SELECT group_id, value, 1.0 AS before_devices, 100.0 * risk_sum / (risk_sum + {scoring.HALF}) AS before_score,
        0.0 AS after_devices, 0.0 AS after_score
    FROM {{published}} WHERE is_scored
    UNION ALL
    SELECT group_id, value, 0.0, 0.0, 1.0, score FROM work_device WHERE is_scored = 1
) both_sides
GROUP BY group_id
"""  # noqa: S608
_SUM_NAMES = ", ".join(f"{when}_{name}" for when in ("before", "after") for name in PublicationSum.SUMMED)
_WRITE_SUMS = f"""
INSERT INTO {{publication_sum}} (publication_id, group_id, {_SUM_NAMES}) SELECT %s, group_id, {_SUM_NAMES} FROM work_sum
"""  # noqa: S608

# Of a new weakness only once its event is written; of what was there before the timeline, silently.
_TELL = """
UPDATE {weakness} SET told_exploit_level = exploit_level, told_kev_on = kev_added_on
WHERE (told_exploit_level <> exploit_level OR told_kev_on IS DISTINCT FROM kev_added_on)
    AND (told_exploit_level <> '' OR met_at IS NULL OR met_at <= %s
        OR EXISTS (SELECT 1 FROM {event} e WHERE e.weakness_id = {weakness}.id))
"""


def prepare() -> None:
    """After `counters.prepare`: what is news, whom it touches, and the sums that the scores are made of."""
    drop("work_news", "work_touched", "work_sum")
    run(_SUM)
    begun = _begun_at()
    if begun is not None:
        run(_COLLECT, _adapt(begun), _adapt(begun))
        run(_COUNT_WEAKNESSES)


def write(moment: datetime, sync_run: int | None = None) -> None:
    """The events of a publication, in its transaction. Without a sync that began the timeline there are none."""
    begun = _begun_at()
    if begun is None and sync_run is None:
        return
    reads_kev_first = _reads_kev_first()
    if begun is not None and reads_kev_first:
        run("DELETE FROM work_news WHERE kind IN ('kev_added', 'kev_removed')")
    if begun is None:
        begun = moment
        _write_one(EventKind.FIRST_SYNC, moment, sync_run, _DEVICES)
    elif rows(f"SELECT 1 FROM work_news n WHERE {_IS_TOUCHING} LIMIT 1"):  # noqa: S608
        publication = _publication(moment, sync_run)
        run(_WRITE, _adapt(moment), publication.pk)
        run(_WRITE_COUNTS, publication.pk, publication.pk)
    if reads_kev_first:
        _write_one(EventKind.FIRST_KEV, moment, sync_run, _EXPOSED_TO_KEV)
    run(_TELL, _adapt(begun))


def _write_one(kind: str, moment: datetime, sync_run: int | None, counted: str) -> None:
    event = Event.objects.create(kind=kind, at=moment, publication=_publication(moment, sync_run))
    EventCount.objects.bulk_create(EventCount(event=event, group_id=group, devices=n) for group, n in rows(counted))


def _publication(moment: datetime, sync_run: int | None) -> Publication:
    publication, is_new = Publication.objects.get_or_create(at=moment, sync_run=sync_run)
    if is_new:
        run(_WRITE_SUMS, publication.pk)
    return publication


def _begun_at() -> datetime | None:
    return Event.objects.filter(kind=EventKind.FIRST_SYNC).values_list("at", flat=True).first()


def _reads_kev_first() -> bool:
    has_told = Event.objects.filter(kind=EventKind.FIRST_KEV).exists()
    return not has_told and Feed.objects.filter(kind=FeedKind.KEV, loaded_at__isnull=False).exists()


def _adapt(moment: datetime) -> str | None:
    return connection.ops.adapt_datetimefield_value(moment)
