"""One run: everybody is started, requests come in, and blows fall until nearly all is delivered. Then it is quiet."""

import math
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import requests
from django.db import connection

from remediation.models import FINAL_STATES, Ticket
from tests.browser.sandbox import Sandbox

from .cluster import Cluster
from .troupe import WORKERS, Troupe

# Who is hit, and how often of hundred.
KILLED = {**dict.fromkeys(WORKERS, 28), "web": 10, "beat": 10, "broker": 7, "sandbox": 7, "requester": 5, "visitor": 5}
_STOPS = 0.2
# And of all blows, where the database server is ours to hit.
_RESTARTS = 0.3
# What is left may then be delivered in peace, which ends the run: under fire there is always a last one.
_QUIET_AT = 0.95
# Of the requests so many fail, and of the listings, however many pages they have; seconds until a late commit.
_SHARE, _LATE = 0.2, 3.5
# Small enough for a page to come within the read time-out on a busy machine.
_PAGE_SIZE = 250
_TICK = 0.1


@dataclass(frozen=True)
class Plan:
    tickets: int
    # Seconds from blow to blow.
    every: float
    seed: int
    # Seconds until a run that does not end is a failure.
    within: float
    # Whether somebody sits at a terminal.
    is_watched: bool = False


@dataclass
class Mayhem:
    plan: Plan
    troupe: Troupe
    sandbox: Sandbox
    cluster: Cluster | None = None
    blows: Counter = field(default_factory=Counter)
    # How often each kind of fault has hit.
    faults: Counter = field(default_factory=Counter)
    is_quiet: bool = False

    def __post_init__(self) -> None:
        self.draw = random.Random(self.plan.seed)
        self.lives = 0

    def run(self) -> None:
        ends = time.monotonic() + self.plan.within
        next_blow, next_look = time.monotonic() + self.plan.every, 0.0
        while time.monotonic() < ends:
            if "sandbox" in self.troupe.tend():
                self._begin_bad_day()
            if time.monotonic() > next_blow and not self.is_quiet:
                self._strike()
                next_blow = time.monotonic() + self.plan.every
            if time.monotonic() > next_look:
                if self._is_over():
                    return
                next_look = time.monotonic() + 1
            time.sleep(_TICK)

    def _strike(self) -> None:
        if self.cluster and self.draw.random() < _RESTARTS:
            self._strike_the_database(self.cluster)
            return
        up = [name for name in KILLED if name in self.troupe.processes and name not in self.troupe.stopped_until]
        workers = [name for name in WORKERS if name in up]
        if len(workers) == len(WORKERS) and self.draw.random() < _STOPS:
            self.troupe.stop(self.draw.choice(workers))
            self.blows["stops"] += 1
            return
        victim = self.draw.choices(up, [KILLED[name] for name in up])[0]
        if victim == "sandbox":
            self._count_faults()
        self.troupe.kill(victim)
        self.blows["kills"] += 1

    def _strike_the_database(self, cluster: Cluster) -> None:
        blow = self.draw.choice(["fast", "immediate", "crash"])
        if blow == "crash":
            cluster.crash()
        else:
            cluster.restart(blow)
        self.blows["restarts"] += 1
        # This process's own connection is gone with the others.
        connection.close()

    def _count_faults(self) -> None:
        state = requests.get(f"{self.sandbox.page_url}/control/state", timeout=30).json()
        for fault in state["faults"]:
            self.faults[fault["kind"]] += fault["hits"]

    def _begin_bad_day(self) -> None:
        """The sandbox forgets what it was told to do when it dies."""
        self.lives += 1
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                self.sandbox.do("mode", name="page_size", value=_PAGE_SIZE)
                seed = self.plan.seed + self.lives
                reads = _SHARE / math.ceil(self.plan.tickets / _PAGE_SIZE)
                if not self.is_quiet:
                    self.sandbox.do("bad-day", share=_SHARE, reads=reads, hold=_LATE, seed=seed)
                return
            except requests.RequestException:
                time.sleep(_TICK)

    def _is_over(self) -> bool:
        known = Ticket.objects.count()
        final = Ticket.objects.filter(delivery_state__in=FINAL_STATES).count()
        if self.plan.is_watched:
            sys.stderr.write(f"\r{final} of {known} settled, {self.blows['kills']} kills ")
        if not self.is_quiet and final >= _QUIET_AT * self.plan.tickets:
            self.is_quiet = True
            self.troupe.calm()
            # Should it just be dead, then so are its faults, and they were counted.
            if self.troupe.is_up("sandbox"):
                self._count_faults()
                self.sandbox.do("clear-faults")
        return known == final == self.plan.tickets
