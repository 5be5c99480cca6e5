"""What is counted of software, versions and weaknesses; the part of `counters` that the inventory pages read.

A device has one exposure to a product, so the exposed devices of a product, and of a weakness that lies in one product
only, are sums over versions. A weakness that lies in several (a library, an engine of browsers) would count a device
twice: see `bundles`.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from . import bundles
from .tables import TABLES, drop, run

# Devices by the version that exposes them. Reads every exposure once; all others below read this.
_PAIRS = """
CREATE TEMPORARY TABLE work_pair AS
SELECT e.recommendation_id, e.version_id, v.software_id, d.group_id, COUNT(*) AS exposed
FROM {exposure} e JOIN work_device d ON d.device_id = e.device_id JOIN {version} v ON v.id = e.version_id
GROUP BY e.recommendation_id, e.version_id, v.software_id, d.group_id
"""

# A device of which a record was set aside may be exposed without being counted as one that has it.
_INSTALLED = """
CREATE TEMPORARY TABLE work_{thing}_counter AS
SELECT {thing}_id, group_id, {{greatest}}(SUM(installed), SUM(exposed)) AS installed, SUM(exposed) AS exposed
FROM (
    SELECT {thing}_id, group_id, 0 AS installed, exposed FROM work_pair
    UNION ALL
    SELECT {thing}_id, group_id, installed, 0 FROM {{installed}}
) parts
GROUP BY {thing}_id, group_id
HAVING {{greatest}}(SUM(installed), SUM(exposed)) > 0
"""

_KNOWN_EXPLOITED = """
CREATE TEMPORARY TABLE work_known_exploited AS
SELECT group_id, COUNT(*) AS devices FROM work_device
WHERE device_id IN (
    SELECT device_id FROM {exposure}
    WHERE version_id IN (
        SELECT l.softwareversion_id FROM {link} l JOIN {weakness} w ON w.id = l.weakness_id
        WHERE w.kev_added_on IS NOT NULL))
GROUP BY group_id
"""
_WEAKNESSES = """
CREATE TEMPORARY TABLE work_weakness_counter AS
SELECT l.weakness_id, p.group_id, SUM(p.exposed) AS exposed
FROM work_pair p JOIN {link} l ON l.softwareversion_id = p.version_id
WHERE l.weakness_id NOT IN (SELECT weakness_id FROM work_spread)
GROUP BY l.weakness_id, p.group_id
UNION ALL
SELECT b.weakness_id, c.group_id, c.exposed FROM work_bundle b JOIN work_bundle_counter c ON c.bundle = b.bundle
"""

# The rows to be written: new where `old` is null, gone where `exposed` is.
_CHANGES = """
CREATE TEMPORARY TABLE work_{thing}_change AS
SELECT COALESCE(w.{thing}_id, c.{thing}_id) AS {thing}_id, COALESCE(w.group_id, c.group_id) AS group_id, c.id AS old,
    {columns}
FROM work_{thing}_counter w
FULL OUTER JOIN {{{thing}_counter}} c ON c.{thing}_id = w.{thing}_id AND c.group_id = w.group_id
WHERE c.id IS NULL OR w.group_id IS NULL OR {differs}
"""
_COUNTED = {"version": ("installed", "exposed"), "software": ("installed", "exposed"), "weakness": ("exposed",)}

_SOFTWARE_TOTALS = """
CREATE TEMPORARY TABLE work_software AS
SELECT s.id AS software_id, COALESCE(c.installed, 0) AS installed, COALESCE(c.exposed, 0) AS exposed,
    COALESCE(w.weaknesses, 0) AS weaknesses
FROM {software} s
LEFT JOIN (
    SELECT software_id, SUM(installed) AS installed, SUM(exposed) AS exposed FROM work_software_counter
    GROUP BY software_id
) c ON c.software_id = s.id
LEFT JOIN (
    SELECT v.software_id, COUNT(DISTINCT l.weakness_id) AS weaknesses
    FROM {version} v JOIN {link} l ON l.softwareversion_id = v.id
    WHERE v.id IN (SELECT version_id FROM work_version_counter)
    GROUP BY v.software_id
) w ON w.software_id = s.id
"""
_WRITE_SOFTWARE = """
UPDATE {software} SET installed = w.installed, exposed = w.exposed, weaknesses = w.weaknesses
FROM work_software w
WHERE {software}.id = w.software_id AND ({software}.installed <> w.installed
    OR {software}.exposed <> w.exposed OR {software}.weaknesses <> w.weaknesses)
"""
_WEAKNESS_TOTALS = """
CREATE TEMPORARY TABLE work_weakness AS
SELECT w.id AS weakness_id, COALESCE(c.exposed, 0) AS exposed
FROM {weakness} w LEFT JOIN (
    SELECT weakness_id, SUM(exposed) AS exposed FROM work_weakness_counter GROUP BY weakness_id
) c ON c.weakness_id = w.id
"""
_WRITE_WEAKNESSES = """
UPDATE {weakness} SET exposed = w.exposed, first_seen_at = COALESCE(first_seen_at, %s)
FROM work_weakness w
WHERE {weakness}.id = w.weakness_id
    AND ({weakness}.exposed <> w.exposed OR ({weakness}.first_seen_at IS NULL AND w.exposed > 0))
"""
_WRITE_KNOWN_EXPLOITED = """
UPDATE {snapshot} SET known_exploited = k.devices FROM work_known_exploited k
WHERE {snapshot}.day = %s AND {snapshot}.group_id = k.group_id
"""

_WORK = (
    "work_pair",
    "work_version_counter",
    "work_software_counter",
    "work_weakness_counter",
    "work_version_change",
    "work_software_change",
    "work_weakness_change",
    "work_known_exploited",
    "work_software",
    "work_weakness",
)


@dataclass(frozen=True)
class Installed:
    """Tables (version_id | software_id, group_id, installed) of the devices that have a version, or a product."""

    versions: str = TABLES["version_counter"]
    software: str = TABLES["software_counter"]


# Where no software was read: what was counted last.
AS_BEFORE = Installed()


def prepare(installed: Installed) -> None:
    """Compute what `publish` writes, from the devices that `counters.prepare` has laid out."""
    drop(*_WORK, *bundles.WORK)
    run(_PAIRS)
    run(_INSTALLED.format(thing="version"), installed=installed.versions)
    run(_INSTALLED.format(thing="software"), installed=installed.software)
    bundles.count()
    run(_WEAKNESSES)
    run(_KNOWN_EXPLOITED)
    for thing, counted in _COUNTED.items():
        columns = ", ".join(f"w.{name}" for name in counted)
        differs = " OR ".join(f"w.{name} <> c.{name}" for name in counted)
        run(_CHANGES.format(thing=thing, columns=columns, differs=differs))
    run(_SOFTWARE_TOTALS)
    run(_WEAKNESS_TOTALS)


def publish(day: date, moment: datetime) -> None:
    """Write what `prepare` computed, where it differs. In the caller's transaction, after the day's snapshot."""
    at = connection.ops.adapt_datetimefield_value(moment)
    for thing in ("version", "software"):
        _write_counters(thing)
    _write_counters("weakness", first=("first_seen_at", at))
    run(_WRITE_SOFTWARE)
    run(_WRITE_WEAKNESSES, at)
    run(_WRITE_KNOWN_EXPLOITED, day)


def _write_counters(thing: str, first: tuple[str, str | None] | None = None) -> None:
    """Delete, change and add rows of a table of counters. `first` is a column with its value in new rows."""
    table, change, counted = TABLES[f"{thing}_counter"], f"work_{thing}_change", _COUNTED[thing]
    run(f"DELETE FROM {table} WHERE id IN (SELECT old FROM {change} WHERE exposed IS NULL)")  # noqa: S608
    news = ", ".join(f"{name} = w.{name}" for name in counted)
    run(f"UPDATE {table} SET {news} FROM {change} w WHERE {table}.id = w.old AND w.exposed IS NOT NULL")  # noqa: S608
    names = ", ".join((f"{thing}_id", "group_id", *counted))
    more, mark, value = (f", {first[0]}", ", %s", first[1:]) if first else ("", "", ())
    run(f"INSERT INTO {table} ({names}{more}) SELECT {names}{mark} FROM {change} WHERE old IS NULL", *value)  # noqa: S608
