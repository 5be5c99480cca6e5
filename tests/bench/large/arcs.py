"""The rows of the large tenant in tables of the bench, made by the database itself: who has which version installed,
and which setting how. The same statements for PostgreSQL and SQLite, in the product's database or in one of their own.
"""

from collections.abc import Callable, Iterable

from .tenant import STRIDE, Tenant

# Executes a statement; returns what it found, if it found anything.
Execute = Callable[[str], Iterable[tuple] | None]

_AT_ONCE = 500
_TABLES = {
    "bench_place": "place INTEGER PRIMARY KEY",
    "bench_rank": "rank INTEGER, start INTEGER, exposed INTEGER, patched INTEGER, first_version INTEGER,"
    " versions INTEGER, setting INTEGER",
    "bench_installation": "n INTEGER, v INTEGER",
    "bench_configuration": "n INTEGER, c INTEGER, is_compliant INTEGER",
}
_PLACES = """
INSERT INTO bench_place WITH RECURSIVE counted(place) AS (
    SELECT 0 UNION ALL SELECT place + 1 FROM counted WHERE place < {last}) SELECT place FROM counted
"""
# BIGINT: the strides of the last place exceed an integer's range.
_DEVICE = "(r.start + CAST(p.place AS BIGINT) * {stride}) % {devices} + 1"

# Every exposed device has one vulnerable version, one in twenty a second; and some have the one without weaknesses.
_INSTALLED = f"""
INSERT INTO bench_installation
SELECT n, v FROM (
    SELECT {_DEVICE} AS n, r.first_version + (p.place + r.rank) % (r.versions - 1) AS v
    FROM bench_rank r JOIN bench_place p ON p.place < r.exposed WHERE r.versions > 0
    UNION ALL
    SELECT {_DEVICE}, r.first_version + (p.place + r.rank + 1) % (r.versions - 1)
    FROM bench_rank r JOIN bench_place p ON p.place < r.exposed
    WHERE r.versions > 2 AND (p.place + r.rank) % 20 = 0
    UNION ALL
    SELECT {_DEVICE}, r.first_version + r.versions - 1
    FROM bench_rank r JOIN bench_place p ON p.place >= r.exposed AND p.place < r.exposed + r.patched
    WHERE r.versions > 0
) every_one ORDER BY n, v
"""
_CONFIGURED = f"""
INSERT INTO bench_configuration
SELECT n, c, is_compliant FROM (
    SELECT {_DEVICE} AS n, r.setting AS c, CASE WHEN p.place < r.exposed THEN 0 ELSE 1 END AS is_compliant
    FROM bench_rank r JOIN bench_place p ON p.place < r.exposed + r.patched WHERE r.setting > 0
) every_one ORDER BY n, c
"""


def fill(tenant: Tenant, execute: Execute, moved: float = 0) -> None:
    """The tables anew, with every arc moved on by a share of its length."""
    drop(execute)
    for name, columns in _TABLES.items():
        execute(f"CREATE TABLE {name} ({columns})")
    numbers = {"last": tenant.size.devices - 1, "stride": STRIDE, "devices": tenant.size.devices}
    execute(_PLACES.format(**numbers))
    ranks = _ranks(tenant, moved)
    for start in range(0, len(ranks), _AT_ONCE):
        execute(f"INSERT INTO bench_rank VALUES {', '.join(map(str, ranks[start : start + _AT_ONCE]))}")
    execute("ANALYZE bench_place")
    execute("ANALYZE bench_rank")
    # Django's cursor without parameters leaves percent signs alone.
    execute(_INSTALLED.format(**numbers))
    execute(_CONFIGURED.format(**numbers))


def drop(execute: Execute) -> None:
    for name in _TABLES:
        execute(f"DROP TABLE IF EXISTS {name}")


def _ranks(tenant: Tenant, moved: float) -> list[tuple[int, ...]]:
    found, settings = [], 0
    for rank in tenant.ranks:
        exposed = tenant.counts[rank - 1]
        # As many again as a quarter of them could be exposed but are not; of a setting, as many again.
        is_configuration = tenant.is_configuration(rank)
        patched = min(tenant.size.devices - exposed, exposed if is_configuration else exposed // 4)
        settings += is_configuration
        versions = tenant.versions_of.get(rank, [])
        first = versions[0].number if versions else 0
        setting = settings if is_configuration else 0
        found.append((rank, tenant.start(rank, moved), exposed, patched, first, len(versions), setting))
    return found
