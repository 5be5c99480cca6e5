"""`make bench-large`: a tenant of 200,000 devices, 2,000 recommendations and 10 million exposures; on SQLite a tenth.

SIZE=0.1 for a tenth of it, ONLY=sqlite or postgresql, PARTS=http,staged,pages,crowd,export for some parts, ROUNDS=10
for so many requests a page, KEEP=1 to keep the figures for docs/benchmarks.md. It needs 25 GB of disk and an hour.
TEST_DATABASE_URL names the server. CPU of PostgreSQL is that of the whole server: one that nobody else uses tells more.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

from .. import databases, kept
from .addresses import CROWDED_ROUNDS, ROUNDS
from .report import sections

ROOT = Path(__file__).resolve().parents[3]
_ON_SQLITE = 0.1
# Of one database each: the raw records leave other exposures than the stage.
_THROUGH_HTTP = {"pages": "through_http.pages", "limits": "through_http.limits", "whole": "through_http.whole"}
_FROM_STAGING = {
    "staged": {
        "first": "staged.first",
        "limits": "limits.run",
        "seed": "seed.run",
        "again": "staged.again",
        "delta": "staged.delta",
    },
    "pages": {"pages": "pages.run"},
    "export": {"export": "pages.export"},
    "crowd": {"crowd": "crowd.run"},
}


def main() -> int:
    share, only = float(os.environ.get("SIZE") or 1), os.environ.get("ONLY") or ""
    parts = (os.environ.get("PARTS") or "http,staged,pages,export,crowd").split(",")
    results = {}
    for name in ("SQLite", "PostgreSQL"):
        if only and only != name.lower():
            continue
        size = share * _ON_SQLITE if name == "SQLite" else share
        found = {
            "share": size,
            "load": f"{os.getloadavg()[0]:.1f}",
            "rounds": ROUNDS,
            "rounds all at once": CROWDED_ROUNDS,
        }
        results[name] = found | _measure(name, size, parts)
    found = sections(results)
    print("\n\n".join(f"## {heading}\n\n{kept.table(rows)}" for heading, rows in found.items()))
    if os.environ.get("KEEP"):
        for heading, rows in found.items():
            kept.keep(heading, rows)
    return 1 if any("failed" in result for result in results.values()) else 0


def _measure(database: str, share: float, parts: list[str]) -> dict[str, Any]:
    """What was measured until a part failed: the figures of an hour are not lost to the last one."""
    result: dict[str, Any] = {}
    with ExitStack() as stack, suppress(subprocess.CalledProcessError):
        result["failed"] = True
        environment = _environment(stack)
        if "http" in parts:
            with _empty(database) as url:
                result["http"] = _run(_THROUGH_HTTP, share, environment | {"BENCH_DATABASE_URL": url}, database)
        if set(parts) & set(_FROM_STAGING):
            with _empty(database) as url:
                for part in ("staged", *(part for part in _FROM_STAGING if part in parts and part != "staged")):
                    result |= _run(_FROM_STAGING[part], share, environment | {"BENCH_DATABASE_URL": url}, database)
        del result["failed"]
    return result


def _environment(stack: ExitStack) -> dict[str, str]:
    folders = [stack.enter_context(tempfile.TemporaryDirectory(prefix="tvm-bench-")) for _ in range(2)]
    return os.environ | dict(zip(("BENCH_PAGES", "TVM_DATA_DIR"), folders, strict=True))


def _empty(database: str) -> AbstractContextManager[str]:
    if database == "SQLite":
        return databases.sqlite()
    server = databases.postgresql_server()
    if not server:
        raise SystemExit("No PostgreSQL answers. Name one by TEST_DATABASE_URL, or leave it out by ONLY=sqlite.")
    return databases.postgresql(server)


def _run(works: dict[str, str], share: float, environment: dict[str, str], database: str) -> dict[str, Any]:
    """Each in a process of its own, so that none inherits another's memory."""
    result = {}
    for name, work in works.items():
        start = time.monotonic()
        command = [sys.executable, "-m", "tests.bench.large.part", work, str(share)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        result[name] = json.loads(done.stdout)
        sys.stderr.write(f"{database}: {work} in {time.monotonic() - start:.0f} s\n")
    return result


if __name__ == "__main__":
    sys.exit(main())
