"""What is installed where, with or without a weakness: devices by version and by product, for the inventory."""

from remediation.counters import AS_BEFORE, Installed

from ..models import SyncPhase
from .reading import Reading

# A device may have a version from more than one page, and a product in several versions.
_COUNT = """
SELECT {thing}_id, group_id, COUNT(*) AS installed
FROM (
    SELECT DISTINCT v.{thing}_id, p.group_id, p.device_id
    FROM stage_installation i JOIN stage_version v ON v.v = i.v JOIN stage_present p ON p.n = i.n
    WHERE v.{thing}_id IS NOT NULL
) having_it
GROUP BY {thing}_id, group_id
"""


def count(reading: Reading) -> Installed:
    """Count the stage into tables; where no software was read, what was counted last stays."""
    if not reading.has(SyncPhase.SOFTWARE):
        return AS_BEFORE
    tables = {thing: f"stage_{thing}_installed" for thing in ("version", "software")}
    for thing, table in tables.items():
        reading.stage.create_as(table, _COUNT.replace("{thing}", thing))
    return Installed(versions=tables["version"], software=tables["software"])
