"""Faults that a person or a test orders: which requests they hit, how often, and what the caller then sees."""

import random
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from .dates import http_date

FAMILIES = {
    "token": "Token endpoint",
    "graph": "Graph, every request",
    "graph_create": "Graph, creating a task",
    "graph_change": "Graph, changing a task",
    "graph_read": "Graph, reading tasks",
    "defender": "Defender API",
    "export": "Defender, rows by pages and changes",
    "export_offer": "Defender, asking for export files",
    "export_file": "Defender, an export file",
    "configmgr": "AdminService, every request",
    "configmgr_create": "AdminService, creating a collection",
    "configmgr_member": "AdminService, adding a device",
}
KINDS = {
    "429": "429 too many requests",
    "500": "500 before anything is stored",
    "503": "503 before anything is stored",
    "504_before": "504 before anything is stored",
    "504_after": "504 after it was stored",
    "500_after": "500 after it was stored",
    "503_after": "503 after it was stored",
    "timeout_before": "No answer, nothing stored",
    "timeout_after": "No answer, stored",
    "late_commit": "504 at once, stored after the hold",
    "reset_before": "Connection reset, nothing stored",
    "reset_after": "Connection reset, stored",
    "bad_json": "Broken JSON, stored",
    "empty": "Empty body, stored",
    "html": "200 with an HTML page, stored",
    "truncated": "200 with half of the body",
    "401": "401 unauthorized",
    "403": "403 forbidden",
}
# Kinds that spoil the answer to a request that took effect.
SPOILT = ("bad_json", "empty", "html", "truncated")
RETRY_AFTER = ["integer", "fractional", "date", "past", "absurd", "none"]


# What goes wrong on a bad day: each kind as often as its weight. A 429 keeps everybody waiting, so there are few.
BAD_DAY = {
    "graph_create": {kind: 3 for kind in KINDS if kind not in ("429", "401", "403", "truncated")} | {"429": 1},
    "graph_change": {"504_before": 1, "504_after": 1, "reset_after": 1},
    "graph_read": {"reset_before": 1, "500": 1, "bad_json": 1},
}


@dataclass
class Fault:
    """One order; remaining None means until cleared, probability 1 means every matching request."""

    family: str
    kind: str
    remaining: int | None = 1
    probability: float = 1.0
    retry_after: str = "integer"
    hold: float = 30.0
    seed: int | None = None
    number: int = 0
    hits: int = 0
    draw: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.seed is not None:
            self.draw = random.Random(self.seed)  # noqa: S311

    @property
    def stores(self) -> bool:
        """Whether the request takes effect before the caller sees the fault."""
        return self.kind.endswith("_after") or self.kind in SPOILT

    def retry_after_header(self, now: float) -> dict[str, str]:
        values = {
            "integer": "2",
            "fractional": "2.128",
            "date": http_date(now + 3),
            "past": http_date(now - 3600),
            "absurd": "1000000000",
        }
        return {"Retry-After": values[self.retry_after]} if self.retry_after in values else {}

    def described(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "draw"}


def bad_day(share: float, reads: float, hold: float, seed: int) -> list[Fault]:
    """Orders that together hit a share of the writing requests, and another of the reading ones, until cleared."""
    draws = random.Random(seed)  # noqa: S311
    orders = []
    for family, weights in BAD_DAY.items():
        left, part = 1.0, (reads if family == "graph_read" else share) / sum(weights.values())
        for kind, weight in weights.items():
            # The next order only sees what the ones before have let through.
            chance = part * weight
            orders.append(Fault(family, kind, None, chance / left, "past", hold=hold, seed=draws.randrange(2**31)))
            left -= chance
    return orders


class Faults:
    """The orders in force, first ordered first served; they end with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Fault] = []
        self._number = 0

    def order(self, fault: Fault) -> Fault:
        with self._lock:
            self._number += 1
            fault.number = self._number
            self._orders.append(fault)
        return fault

    def clear(self, number: int | None = None) -> None:
        with self._lock:
            self._orders = [] if number is None else [fault for fault in self._orders if fault.number != number]

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.described() for fault in self._orders]

    def strike(self, families: set[str]) -> Fault | None:
        """The fault that hits a request of these families, counted as used."""
        with self._lock:
            for fault in self._orders:
                if fault.family in families and fault.draw.random() < fault.probability:
                    fault.hits += 1
                    if fault.remaining is not None:
                        fault.remaining -= 1
                    if fault.remaining == 0:
                        self._orders.remove(fault)
                    return fault
        return None
