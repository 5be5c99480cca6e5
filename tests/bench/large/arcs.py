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
# Who is on an arc, exposed or not. BIGINT: the strides of the last place exceed an integer's range.
_ON_ARCS = """
SELECT (r.start + CAST(p.place AS BIGINT) * {stride}) % {devices} + 1 AS n, r.*, p.place < r.exposed AS is_exposed
FROM bench_rank r JOIN bench_place p ON p.place < r.exposed + r.patched
"""
# By the device, so that a device that stays on its arc keeps its version. One in twenty has a second vulnerable one.
_INSTALLED = f"""
INSERT INTO bench_installation
SELECT n, v FROM (
    SELECT n, first_version + CASE WHEN is_exposed THEN (n + rank) % (versions - 1) ELSE versions - 1 END AS v
    FROM ({_ON_ARCS}) having_it WHERE versions > 0
    UNION ALL
    SELECT n, first_version + (n + rank + 1) % (versions - 1)
    FROM ({_ON_ARCS}) having_it WHERE versions > 2 AND is_exposed AND (n * 7 + rank) % 20 = 0
) every_one ORDER BY n, v
"""
_CONFIGURED = f"""
INSERT INTO bench_configuration
SELECT n, setting, CASE WHEN is_exposed THEN 0 ELSE 1 END FROM ({_ON_ARCS}) having_it WHERE setting > 0
ORDER BY n, setting
"""


def fill(tenant: Tenant, execute: Execute) -> None:
    """All tables anew."""
    lay(tenant, execute)
    install(tenant, execute)
    configure(tenant, execute)


def lay(tenant: Tenant, execute: Execute) -> None:
    """The arcs alone."""
    drop(execute)
    for name, columns in _TABLES.items():
        execute(f"CREATE TABLE {name} ({columns})")
    execute(_PLACES.format(last=tenant.size.devices - 1))
    ranks = _ranks(tenant)
    for start in range(0, len(ranks), _AT_ONCE):
        execute(f"INSERT INTO bench_rank VALUES {', '.join(map(str, ranks[start : start + _AT_ONCE]))}")
    execute("ANALYZE bench_place")
    execute("ANALYZE bench_rank")


# Django's cursor without parameters leaves percent signs alone.
def install(tenant: Tenant, execute: Execute) -> None:
    execute(_INSTALLED.format(stride=STRIDE, devices=tenant.size.devices))
    execute("ANALYZE bench_installation")


def configure(tenant: Tenant, execute: Execute) -> None:
    execute(_CONFIGURED.format(stride=STRIDE, devices=tenant.size.devices))
    execute("ANALYZE bench_configuration")


def drop(execute: Execute) -> None:
    for name in _TABLES:
        execute(f"DROP TABLE IF EXISTS {name}")


def _ranks(tenant: Tenant) -> list[tuple[int, ...]]:
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
        found.append((rank, tenant.start(rank), exposed, patched, first, len(versions), setting))
    return found
