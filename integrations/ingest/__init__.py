"""One pass: read, compare, apply, publish. Running it twice changes nothing.

A full pass reads everything and alone proves things; a pass over the changes keeps the numbers young in between. A pass
whose process died goes on where it was.
"""

import structlog

from ..models import SyncKind, SyncRun, SyncState
from ..sources import Source, SourceError
from . import changes, full
from .ending import end
from .stage import Stage
from .tally import Report, SyncLost, Tally

log = structlog.get_logger(__name__)

__all__ = ["Report", "SyncLost", "Tally", "ingest"]

_PASSES = {SyncKind.FULL: full.run, SyncKind.DELTA: changes.run}


def ingest(source: Source, tally: Tally) -> SyncRun:
    """Run one pass and write down its end. Raises only SyncLost, and what nobody foresaw (then the run has failed)."""
    run = tally.run
    try:
        with Stage(run.pk) as stage:
            _PASSES[SyncKind(run.kind)](stage, source, tally)
    except SourceError as problem:
        end(tally, SyncState.FAILED, str(problem))
    except SyncLost:
        raise
    except BaseException as problem:
        log.exception("sync_failed", run=run.pk)
        end(tally, SyncState.FAILED, f"It stopped at an error of the product ({type(problem).__name__}). See the log.")
        raise
    return run
