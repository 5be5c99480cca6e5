"""Weaknesses that lie in several products: the devices themselves are counted, each once.

Such weaknesses come in bundles that lie in the very same versions, and bundles overlap: of what an old version has, a
newer one has a part. Versions that are linked by bundles make a family (those of two browsers with one engine, say).
What a device has of a family, one version a product, is its profile; there are few profiles, and every bundle is a sum
of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from .tables import fill, rows, run

_SPREAD = """
CREATE TEMPORARY TABLE work_spread AS
SELECT l.weakness_id
FROM (SELECT DISTINCT recommendation_id, version_id FROM work_pair) used
JOIN {link} l ON l.softwareversion_id = used.version_id
GROUP BY l.weakness_id HAVING COUNT(DISTINCT used.recommendation_id) > 1
"""
_CARRIERS = """
SELECT s.weakness_id, l.softwareversion_id FROM work_spread s JOIN {link} l ON l.weakness_id = s.weakness_id
WHERE l.softwareversion_id IN (SELECT version_id FROM work_pair) ORDER BY s.weakness_id, l.softwareversion_id
"""
_PROFILES = """
CREATE TEMPORARY TABLE work_profile AS
SELECT versions, group_id, COUNT(*) AS devices
FROM (
    SELECT d.group_id, {joined} AS versions
    FROM {exposure} e
    JOIN work_family f ON f.version_id = e.version_id
    JOIN work_device d ON d.device_id = e.device_id
    GROUP BY d.group_id, e.device_id, f.family
) devices
GROUP BY versions, group_id
"""

WORK = ("work_spread", "work_family", "work_profile", "work_bundle", "work_bundle_counter")
Versions = tuple[int, ...]


def count() -> None:
    """From `work_pair` make `work_spread` (the weaknesses), `work_bundle` (of each) and `work_bundle_counter`."""
    run(_SPREAD)
    carriers = _carriers()
    bundles: dict[Versions, int] = {}
    for versions in carriers.values():
        bundles.setdefault(versions, len(bundles))
    run("CREATE TEMPORARY TABLE work_family (version_id BIGINT, family BIGINT)")
    fill("work_family", ("version_id", "family"), _families(bundles).items())
    run(_PROFILES)
    run("CREATE TEMPORARY TABLE work_bundle (weakness_id BIGINT, bundle BIGINT)")
    fill("work_bundle", ("weakness_id", "bundle"), ((weakness, bundles[carriers[weakness]]) for weakness in carriers))
    run("CREATE TEMPORARY TABLE work_bundle_counter (bundle BIGINT, group_id BIGINT, exposed BIGINT)")
    counted = ((*key, devices) for key, devices in _devices(bundles).items())
    fill("work_bundle_counter", ("bundle", "group_id", "exposed"), counted)


def _carriers() -> dict[int, Versions]:
    """Weakness to the versions that have it, in order."""
    found: dict[int, list[int]] = defaultdict(list)
    for weakness, version in rows(_CARRIERS):
        found[weakness].append(version)
    return {weakness: tuple(versions) for weakness, versions in found.items()}


def _families(bundles: Iterable[Versions]) -> dict[int, int]:
    """Version to its family, which goes by the number of one of its versions."""
    parent: dict[int, int] = {}

    def head(version: int) -> int:
        while parent.setdefault(version, version) != version:
            parent[version] = version = parent[parent[version]]
        return version

    for first, *others in bundles:
        for other in others:
            parent[head(other)] = head(first)
    return {version: head(version) for version in list(parent)}


def _devices(bundles: dict[Versions, int]) -> Counter[tuple[int, int]]:
    """Devices by bundle and group: a profile counts for every bundle that one of its versions has."""
    bundles_of: dict[int, set[int]] = defaultdict(set)
    for versions, bundle in bundles.items():
        for version in versions:
            bundles_of[version].add(bundle)
    counted: Counter[tuple[int, int]] = Counter()
    for profile, group, devices in rows("SELECT versions, group_id, devices FROM work_profile"):
        for bundle in set().union(*(bundles_of[int(version)] for version in profile.split(","))):
            counted[bundle, group] += devices
    return counted
