"""A clock that only the game moves: time that passes, and steps of the wall clock that are no time at all."""

from datetime import UTC, datetime, timedelta

import time_machine
from django.utils import timezone

START = datetime(2027, 1, 11, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self._travel = time_machine.travel(START, tick=False)
        self._wall = self._travel.start()
        self._stepped = timedelta()

    def stop(self) -> None:
        self._travel.stop()

    def pass_by(self, seconds: float) -> None:
        self._wall.shift(seconds)

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock, and no time goes by."""
        self._wall.shift(seconds)
        self._stepped += timedelta(seconds=seconds)

    @property
    def has_stepped(self) -> bool:
        return bool(self._stepped)

    def now(self) -> datetime:
        """The time that has really gone by, whatever the wall clock says."""
        return timezone.now() - self._stepped

    def monotonic(self) -> float:
        return self.now().timestamp()
