"""What is installed where: one pass over the stage, from which follow the exposures of software and the inventory.

A device mostly has one version of a product. The counts are sums over those, and only the others are looked at again.
"""

from remediation.counters import AS_BEFORE, Installed

from ..models import SyncPhase
from .reading import Reading
from .stage import Stage

# A device may have a version from more than one page. Of several vulnerable versions the riskiest stands for them.
_PRODUCTS = """
INSERT INTO stage_product (product, recommendation_id, device_id, group_id, low, high, place)
SELECT v.product, MIN(v.recommendation_id), p.device_id, MIN(p.group_id), MIN(v.v), MAX(v.v),
    MAX(CASE WHEN v.has_weakness = 1 THEN v.place END)
FROM stage_installation i
JOIN stage_version v ON v.v = i.v
JOIN stage_present p ON p.n = i.n
GROUP BY v.product, p.device_id
"""
_WANTED = """
INSERT INTO stage_wanted (recommendation_id, device_id, version_id)
SELECT p.recommendation_id, p.device_id, v.version_id
FROM stage_product p JOIN stage_version v ON v.place = p.place
WHERE p.recommendation_id IS NOT NULL
"""

_SEVERAL = "SELECT product, device_id, place FROM stage_product WHERE low < high"
# Every version on the devices that have several of a product. The order is the one in which to look: there are few.
_VERSIONS = """
SELECT DISTINCT v.v, v.software_id, v.version_id, v.recommendation_id, v.has_weakness, p.device_id, p.group_id,
    v.place, s.place AS riskiest
FROM stage_installation i CROSS JOIN stage_present p CROSS JOIN stage_version v CROSS JOIN stage_several s
WHERE p.n = i.n AND v.v = i.v AND s.device_id = p.device_id AND s.product = v.product
"""
_SINGLE = "SELECT low AS v, group_id, COUNT(*) AS installed FROM stage_product WHERE low = high GROUP BY low, group_id"

_INSTALLED = """
SELECT {thing}_id, group_id, SUM(installed) AS installed
FROM (
    SELECT v.{thing}_id, s.group_id, s.installed FROM stage_single s JOIN stage_version v ON v.v = s.v
    UNION ALL
    SELECT {thing}_id, group_id, COUNT(DISTINCT device_id) FROM stage_versions GROUP BY {thing}_id, group_id
) counted
WHERE {thing}_id IS NOT NULL
GROUP BY {thing}_id, group_id
"""
# What a recommendation could apply to: devices that have the product in any version.
_TOTALS = (
    f"INSERT INTO stage_total (recommendation_id, group_id, total) {_INSTALLED.replace('{thing}', 'recommendation')}"
)


def want(stage: Stage) -> None:
    """Exposures of software, and how many devices each recommendation could apply to."""
    stage.create(
        "stage_product",
        "product INTEGER, recommendation_id BIGINT, device_id BIGINT, group_id BIGINT, low INTEGER, high INTEGER,"
        " place INTEGER",
    )
    stage.run(_PRODUCTS)
    stage.run(_WANTED)
    stage.create_as("stage_several", _SEVERAL)
    stage.index("stage_several", "device_id, product")
    stage.analyze("stage_several")
    stage.create_as("stage_versions", _VERSIONS)
    stage.create_as("stage_single", _SINGLE)
    stage.run(_TOTALS)


def count(reading: Reading) -> Installed:
    """Count the inventory into tables; where no software was read, what was counted last stays."""
    if not reading.has(SyncPhase.SOFTWARE):
        return AS_BEFORE
    tables = {thing: f"stage_{thing}_installed" for thing in ("version", "software")}
    for thing, table in tables.items():
        reading.stage.create_as(table, _INSTALLED.replace("{thing}", thing))
    return Installed(versions=tables["version"], software=tables["software"])
