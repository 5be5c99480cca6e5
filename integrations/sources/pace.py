"""Not more requests a minute than an endpoint takes, within this process."""

import time
from collections import deque
from collections.abc import Callable

MINUTE = 60.0


class Pace:
    """Waits before a request that would be one too many of the last minute."""

    def __init__(
        self, per_minute: int, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._sleep = sleep
        self._clock = clock

    def wait(self) -> None:
        if len(self._sent) == self._sent.maxlen:
            ahead = self._sent[0] + MINUTE - self._clock()
            if ahead > 0:
                self._sleep(ahead)
        self._sent.append(self._clock())
