"""What a run counts while it works, and its sign of life."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from ..models import SyncPhase, SyncRun

# Different reasons kept apart, and examples of each.
REASONS = 40
SAMPLES = 3
EVERY = 5.0

# Told to whoever looks on: phase, pages and rows so far.
Report = Callable[[SyncRun], None]


class SyncLost(Exception):
    """Another process has taken over; this one must stop."""


@dataclass
class Tally:
    run: SyncRun
    # Prolongs the lease; False when somebody else holds it.
    hold: Callable[[], bool] = lambda: True
    report: Report = lambda run: None
    _reasons: dict[str, dict] = field(default_factory=dict)
    _saved: float = 0.0
    _clocked: float = field(default_factory=time.monotonic)

    def phase(self, phase: SyncPhase) -> None:
        self._clock()
        self.run.phase = phase
        if not any(found["phase"] == phase for found in self.run.phases):
            self.run.phases.append({"phase": phase.value, "seconds": 0.0, "rows": 0})
        self.beat(at_once=True)

    def page(self, rows: int) -> None:
        self.run.pages += 1
        self.run.rows += rows
        self._present()["rows"] += rows
        self.beat()

    def stand_of(self, moment: datetime | None) -> None:
        """What was read is true of a moment before the run began."""
        if moment and (self.run.as_of is None or moment < self.run.as_of):
            self.run.as_of = moment

    def snapshot(self) -> dict[str, Any]:
        """What was counted so far, for a process that may have to go on."""
        self._clock()
        counted = {name: getattr(self.run, name) for name in ("pages", "rows", "set_aside", "phases")}
        as_of = self.run.as_of.isoformat() if self.run.as_of else ""
        return counted | {"reasons": list(self._reasons.values()), "as_of": as_of}

    def restore(self, kept: dict[str, Any]) -> None:
        """Count on from a snapshot; from nothing where there is none."""
        self.run.pages, self.run.rows = kept.get("pages", 0), kept.get("rows", 0)
        self.run.set_aside, self.run.phases = kept.get("set_aside", 0), kept.get("phases", [])
        if self.run.phases:
            # The process may have begun another phase before it died.
            self.run.phase = self.run.phases[-1]["phase"]
        self._reasons = {found["reason"]: found for found in kept.get("reasons", [])}
        if kept.get("as_of"):
            self.run.as_of = datetime.fromisoformat(kept["as_of"])

    def _present(self) -> dict[str, Any]:
        """The record of the phase that it is at."""
        return next(found for found in self.run.phases if found["phase"] == self.run.phase)

    def _clock(self) -> None:
        """Give the time since the last call to the phase that it is at."""
        now = time.monotonic()
        if self.run.phases:
            self._present()["seconds"] = round(self._present()["seconds"] + now - self._clocked, 3)
        self._clocked = now

    def set_aside(self, reason: str, sample: str) -> None:
        """A record that could not be used."""
        self.run.set_aside += 1
        self.note(reason, sample)

    def note(self, reason: str, sample: str = "") -> None:
        """Something worth knowing that is no bad record."""
        if reason not in self._reasons and len(self._reasons) >= REASONS:
            reason = "Other reasons"
        found = self._reasons.setdefault(reason, {"reason": reason, "count": 0, "samples": []})
        found["count"] += 1
        if sample and len(found["samples"]) < SAMPLES:
            found["samples"].append(sample)

    def beat(self, at_once: bool = False) -> None:
        """A sign of life, not oftener than every few seconds. Raises SyncLost."""
        if not at_once and time.monotonic() - self._saved < EVERY:
            return
        self._saved = time.monotonic()
        if not self.hold():
            raise SyncLost("Another sync has taken over.")
        self.save()
        self.report(self.run)

    def save(self) -> None:
        self._clock()
        self.run.heartbeat_at = timezone.now()
        self.run.peak_memory = _peak_memory()
        self.run.reasons = sorted(self._reasons.values(), key=lambda found: -found["count"])
        self.run.save(
            update_fields=[
                "phase", "phases", "pages", "rows", "set_aside", "reasons", "heartbeat_at", "new", "changed", "fixed",
                "as_of", "peak_memory",
            ]
        )  # fmt: skip


def _peak_memory() -> int:
    """Of this process, in megabytes. What the worker used before is in it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
