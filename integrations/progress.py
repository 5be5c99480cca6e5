"""How far a sync is, for a terminal: a line that moves; for a log, a line a phase."""

import sys
from typing import TextIO

from .models import SyncPhase, SyncRun
from .sync_outlook import outlook
from .syncs import in_words

_WIDTH = 24


class Progress:
    """Given to a sync as its `report`."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._is_terminal = self._out.isatty()
        self._phase = ""

    def __call__(self, run: SyncRun) -> None:
        if self._is_terminal:
            self._out.write(f"\r\033[K{_bar(run)} {_words(run)}")
        elif run.phase != self._phase:
            self._out.write(f"{_words(run)}\n")
        self._phase = run.phase
        self._out.flush()

    def done(self) -> None:
        if self._is_terminal and self._phase:
            self._out.write("\r\033[K")


def _bar(run: SyncRun) -> str:
    phases = list(SyncPhase.values)
    filled = _WIDTH * (phases.index(run.phase) + 1) // len(phases)
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"


def _words(run: SyncRun) -> str:
    aside = f", {run.set_aside:,} set aside" if run.set_aside else ""
    left = outlook(run).left if run.pk else None
    rest = f", {in_words(left)} left" if left is not None else ""
    return f"{run.get_phase_display()}: {run.pages:,} pages, {run.rows:,} rows{aside}{rest}"


def summary(run: SyncRun) -> list[str]:
    """What came of it, in lines."""
    seconds = run.took.total_seconds() if run.took else 0
    lines = [
        f"{run.get_state_display()} in {seconds:.1f} s: {run.rows:,} rows on {run.pages:,} pages; "
        f"{run.new:,} new exposures, {run.changed:,} changed, {run.fixed:,} closed."
    ]
    if run.error:
        lines.append(run.error)
    if run.set_aside:
        lines.append(f"{run.set_aside:,} records were set aside:")
    lines += [f"  {found['count']:,} x {found['reason']}" for found in run.reasons]
    return lines
