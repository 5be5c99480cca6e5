"""All at once: the pages once more, while a sync applies its rows, tickets go out and 20 people read.

The sync starts over as soon as it has ended, with a hundredth of the exposures changed each time; two workers deliver
under Graph's limit; each of the 20 opens a page, reads for five seconds, and opens the next.
"""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from django.db import connection

from .. import delivery
from ..people import signed_in
from . import pages, staged
from .addresses import CROWDED_ROUNDS, PAGES
from .seed import READERS
from .tenant import Tenant

USERS = 20
READS = 5.0
# Enough to go on under Graph's limit for longer than the pages are measured.
_TICKETS = 20_000
_PARTS = ("crowd.syncs", "crowd.readers")


def run(tenant: Tenant) -> dict[str, Any]:
    with _others(tenant) as processes:
        measured = pages.measure(tenant, CROWDED_ROUNDS)
        alive = [process.poll() is None for process in processes]
    return {"pages": measured, "all ran to the end": all(alive)}


@contextmanager
def _others(tenant: Tenant) -> Iterator[list[subprocess.Popen]]:
    share = str(tenant.size.devices / 200_000)
    with ExitStack() as stack:
        sandbox = stack.enter_context(delivery.sandbox_of_the_bench())
        delivery.Queue().fill(_TICKETS)
        sandbox.control("mode", name="rate_limits", value="real")
        limits = {"DELIVERY_THREADS": 4, "DELIVERY_GRAPH_WRITES": delivery.WRITES}
        processes = delivery.started(sandbox, 2, **limits)
        for part in _PARTS:
            command = [sys.executable, "-m", "tests.bench.large.part", part, share]
            processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        try:
            yield processes
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def syncs(tenant: Tenant) -> None:
    """For ever: the arcs a hundredth on, and back."""
    while True:
        for moved in (0.02, 0.01):
            now = replace(tenant, moved=moved)
            staged.prepare(now)
            staged.sync(now)


def readers(tenant: Tenant) -> None:
    """For ever, each in a thread of its own."""
    addresses = [url.format(**pages.numbers(tenant)) for url in PAGES.values()]
    people = [threading.Thread(target=_read, args=(addresses, number), daemon=True) for number in range(USERS)]
    for person in people:
        person.start()
    for person in people:
        person.join()


def _read(addresses: list[str], number: int) -> None:
    client, dice = signed_in(list(READERS.values())[number % 2]), random.Random(number)
    time.sleep(dice.uniform(0, READS))
    while True:
        client.get(dice.choice(addresses))
        connection.close()
        time.sleep(dice.uniform(0.5, 1.5) * READS)
