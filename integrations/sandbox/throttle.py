"""The documented request limits, as sliding windows over one application in one tenant."""

import threading
from collections import defaultdict, deque

# Family to limits of (requests, seconds).
LIMITS: dict[str, list[tuple[int, float]]] = {
    "graph": [(1000, 20.0)],
    "graph_write": [(100, 20.0)],
    "machines": [(100, 60.0), (1500, 3600.0)],
    "export": [(30, 60.0), (1000, 3600.0)],
    "export_offer": [(5, 60.0), (20, 3600.0)],
}


class Throttle:
    """Counts requests; requests refused count too, as they do at Graph."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, deque[float]] = defaultdict(deque)

    def wait(self, families: set[str], now: float) -> float:
        """Seconds until a request of these families would be served, 0 when it is served now."""
        with self._lock:
            return max((self._count(family, now) for family in families if family in LIMITS), default=0.0)

    def _count(self, family: str, now: float) -> float:
        seen, wait = self._seen[family], 0.0
        longest = max(seconds for _, seconds in LIMITS[family])
        while seen and seen[0] <= now - longest:
            seen.popleft()
        for allowed, seconds in LIMITS[family]:
            if len(seen) >= allowed and seen[-allowed] > now - seconds:
                wait = max(wait, seen[-allowed] + seconds - now)
        seen.append(now)
        return wait
