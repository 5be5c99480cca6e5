"""The truth, told from the devices' own last reports alone: no sync, no evidence, no state of the product."""

from dataclasses import dataclass, field
from datetime import datetime

from .lives import OLD, Life

SETTLED = {"fixed", "out_of_scope", "pending_restart"}


@dataclass
class Verdict:
    """Every way to be wrong, and how often each thing happened at all, so that a silent test is seen."""

    wrong: list[str] = field(default_factory=list)
    fixed: int = 0
    regressed: int = 0
    completed: int = 0
    reopened: int = 0
    waited: int = 0


@dataclass
class Oracle:
    """Looks on at every complete sync and compares."""

    requested_at: datetime
    verdict: Verdict = field(default_factory=Verdict)
    # By device: complete syncs in a row that could see it exposed.
    _exposed: dict[str, int] = field(default_factory=dict)

    def watch(self, life: Life, day: int, now: datetime, before: str, after: str) -> None:
        speaker = life.speaker
        is_clear = not speaker.faults.get(day) and speaker.has_software(now) and speaker.is_listed(now)
        is_exposed = OLD in speaker.reported
        if is_clear:
            self._exposed[life.id] = self._exposed.get(life.id, 0) + 1 if is_exposed else 0
        if before != after:
            self._judge_move(life, day, before, after, is_exposed)
        elif is_clear:
            self._judge_rest(life, day, after, is_exposed)

    def _judge_move(self, life: Life, day: int, before: str, after: str, is_exposed: bool) -> None:
        if after == "fixed":
            self.verdict.fixed += 1
            if is_exposed:
                self._wrong("false fixed", life, day, before, after)
        elif after == "regressed":
            self.verdict.regressed += 1
            if not is_exposed:
                self._wrong("false regression", life, day, before, after)
        elif after == "pending_restart":
            self.verdict.waited += 1
            if life.speaker.reported != {OLD, "2.0"}:
                self._wrong("false restart", life, day, before, after)

    def _judge_rest(self, life: Life, day: int, state: str, is_exposed: bool) -> None:
        if state == "fixed" and self._exposed[life.id] >= 2:
            self._wrong("missed regression", life, day, state, state)
        # A clock that runs behind dates the proof before the request: it has to wait, not to be believed.
        is_newer = life.speaker.seen_at > self.requested_at
        if state in {"exposed", "regressed"} and not is_exposed and is_newer:
            self._wrong("missed fix", life, day, state, state)

    def watch_activity(self, lives: list[Life], states: list[str], day: int, before: str, after: str) -> None:
        """A completed one has nobody left who is exposed; a reopened one has somebody who is again."""
        if (before, after) == ("active", "completed"):
            self.verdict.completed += 1
            left = [life for life, state in zip(lives, states, strict=True) if state not in SETTLED]
            if left or "fixed" not in states:
                self._wrong("completed too early", lives[0], day, before, after)
        if (before, after) == ("completed", "active"):
            self.verdict.reopened += 1
            if not any(OLD in life.speaker.reported for life in lives):
                self._wrong("false reopen", lives[0], day, before, after)

    def _wrong(self, what: str, life: Life, day: int, before: str, after: str) -> None:
        self.verdict.wrong.append(f"{what}: {life.name} ({life.link or life.plan}) on day {day}, {before} to {after}")
