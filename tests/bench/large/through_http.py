"""A whole sync of raw export records through HTTP, beside reading the same JSON alone and a bare load of its rows."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from django.db import connection

from integrations.ingest.running import run_sync
from integrations.microsoft import MicrosoftClient
from integrations.sources import records
from integrations.sources.defender import DefenderSource
from integrations.sources.pace import Pace

from .. import meters
from . import raw_pages
from .phases import Clock, Phases
from .tenant import Tenant

FOLDER = "BENCH_PAGES"
_PATTERNS = {
    raw_pages.SOFTWARE: records.SoftwareWeakness,
    raw_pages.CONFIGURATIONS: records.Configuration,
    "machines": records.Machine,
    "vulnerabilities": records.Vulnerability,
}
_BARE = "CREATE TABLE bench_bare (n INTEGER, v INTEGER, w INTEGER)"
_PIECE = 100_000


class OpenDoor:
    """What the product shows at the door; the server of the bench does not look."""

    def get(self, scope: str) -> str:
        return "bench"

    def forget(self) -> None:
        """Nothing is kept."""


def pages(tenant: Tenant) -> dict[str, Any]:
    folder, start = Path(os.environ[FOLDER]), time.monotonic()
    counts = raw_pages.write(tenant, folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"records": counts, "bytes": size, "seconds": time.monotonic() - start}


def whole(tenant: Tenant) -> dict[str, Any]:
    phases, clock = Phases(), Clock()
    # The documented rates of the source would be most of the time; see the introduction of the figures.
    with _server() as root, patch.object(Pace, "wait", lambda pace: None):
        client = MicrosoftClient(root, "", OpenDoor())
        run = run_sync(DefenderSource(client), report=phases)
    phases.end()
    return {
        "state": run.state if run else "none",
        "error": run.error if run else "",
        "rows": run.rows if run else 0,
        "new": run.new if run else 0,
        "whole": vars(clock.lap()),
        "phases": {name: vars(cost) for name, cost in phases.costs.items()},
        "memory": meters.whole_memory(),
    }


def limits(tenant: Tenant) -> dict[str, Any]:
    """JSON alone, by the same structs; and three numbers a record into a table without any index."""
    folder, clock, count = Path(os.environ[FOLDER]), Clock(), 0
    for route, kind in _PATTERNS.items():
        decoder = msgspec.json.Decoder(msgspec.defstruct("Page", [("value", list[kind])]))  # type: ignore[valid-type]
        for path in sorted(folder.glob(f"{route.rpartition('/')[2]}-*.json")):
            count += len(decoder.decode(path.read_bytes()).value)
    json_alone = clock.lap()
    return {"records": count, "json": vars(json_alone), "load": vars(_bare_load(count))}


def _bare_load(count: int) -> meters.Cost:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_bare")
        cursor.execute(_BARE)
        clock = Clock()
        if connection.vendor == "postgresql":
            piece = "".join(f"{row % 200_000}\t{row % 6_000}\t{row % 30_000}\n" for row in range(_PIECE))
            clock.lap()
            with cursor.copy("COPY bench_bare FROM STDIN") as copy:
                for _ in range(-(-count // _PIECE)):
                    copy.write(piece)
        else:
            rows = ((row % 200_000, row % 6_000, row % 30_000) for row in range(count))
            cursor.execute("BEGIN")
            cursor.executemany("INSERT INTO bench_bare VALUES (%s, %s, %s)", rows)
            cursor.execute("COMMIT")
        cost = clock.lap()
        cursor.execute("DROP TABLE bench_bare")
    return cost


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.large.server", os.environ[FOLDER]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()
