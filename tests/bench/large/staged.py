"""A sync from staging on: the rows come from tables of the bench and not through Python, all else is the product's own.

Passes are told apart by how far the arcs have moved: not at all for the first, by a hundredth for the next, so that
one exposure in a hundred is gone and as many are new. What moves another thousandth comes as changes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from django.db import connection

from integrations.ingest import full
from integrations.ingest.reading import Reading
from integrations.ingest.running import run_changes, run_sync
from integrations.models import SyncState
from integrations.sources import Source

from .. import meters
from . import arcs, news
from .phases import Phases, statements
from .source import TenantSource
from .tenant import Tenant

_DIFF = ("INSERT INTO stage_wanted", "INSERT INTO stage_delta", "DELETE FROM stage_delta", "ANALYZE stage_wanted")
_SHOWN = 12
_MOVED = 0.01
_ADDED = (
    "INSERT INTO stage_installation (n, v) SELECT n, v FROM bench_installation",
    "INSERT INTO stage_configuration (n, c, is_compliant) SELECT n, c, is_compliant FROM bench_configuration",
)


class Staged(Reading):
    """Reads the little that the source yields, and takes the rows from the tables of the bench."""

    def read_configurations(self, source: Source) -> None:
        super().read_configurations(source)
        for statement in _ADDED:
            self.stage.run(statement)


def first(tenant: Tenant) -> dict[str, Any]:
    prepare(tenant)
    return _measured(lambda phases: sync(tenant, phases))


def again(tenant: Tenant) -> dict[str, Any]:
    moved = replace(tenant, moved=_MOVED)
    prepare(moved)
    return _measured(lambda phases: sync(moved, phases))


def delta(tenant: Tenant) -> dict[str, Any]:
    moved = replace(tenant, moved=_MOVED)
    return _measured(lambda phases: _changes(moved, phases))


def _measured(work: Callable[[Phases], Any]) -> dict[str, Any]:
    phases = Phases()
    with statements() as found:
        run = work(phases)
    phases.end()
    slowest = sorted(found.items(), key=lambda pair: -(pair[1].cpu + pair[1].backend_cpu))[:_SHOWN]
    diff = sum((cost for name, cost in found.items() if name.startswith(_DIFF)), meters.Cost())
    return {
        "rows": run.rows,
        "new": run.new,
        "changed": run.changed,
        "fixed": run.fixed,
        "phases": {name: vars(cost) for name, cost in phases.costs.items()},
        "diff": vars(diff),
        "statements": {name: vars(cost) for name, cost in slowest},
        "memory": meters.whole_memory(),
    }


def prepare(tenant: Tenant) -> None:
    """The rows that the next sync will find."""
    with connection.cursor() as cursor:
        arcs.fill(tenant, cursor.execute)


def sync(tenant: Tenant, report: Any = lambda run: None) -> Any:
    """One pass over what `prepare` made."""
    with patch.object(full, "Reading", Staged):
        run = run_sync(TenantSource(tenant), report=report)
    return _ended(run, SyncState.COMPLETE)


def _changes(tenant: Tenant, report: Any) -> Any:
    run = run_changes(TenantSource(tenant, news.told(tenant, tenant.moved + _MOVED / 10)), report=report)
    return _ended(run, SyncState.APPLIED)


def _ended(run: Any, state: str) -> Any:
    if run is None or run.state != state:
        raise RuntimeError(f"The sync is not {state}: {run and run.error}")
    return run
