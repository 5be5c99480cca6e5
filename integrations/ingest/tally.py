"""What a run counts while it works, and its sign of life."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

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

    def phase(self, phase: SyncPhase) -> None:
        self.run.phase = phase
        self.beat(at_once=True)

    def page(self, rows: int) -> None:
        self.run.pages += 1
        self.run.rows += rows
        self.beat()

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
        self.run.heartbeat_at = timezone.now()
        self.run.reasons = sorted(self._reasons.values(), key=lambda found: -found["count"])
        self.run.save(
            update_fields=["phase", "pages", "rows", "set_aside", "reasons", "heartbeat_at", "new", "changed", "fixed"]
        )
