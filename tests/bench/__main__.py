"""`python -m tests.bench`: seed, measure, and write docs/benchmarks.md anew, for each database that is there.

`--quick` runs on a tiny estate, which only proves that the bench works. `--only sqlite` leaves PostgreSQL out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from . import databases, kept
from .brokers import BROKERS
from .report import report

ROOT = Path(__file__).resolve().parent.parent.parent
# Tickets of a drain that takes too long to be measured every time.
_WORTH_KEEPING = 1000
_ROUNDS = {"full": 100, "quick": 3}
# The silent one may keep each request for seconds.
_BROKER_ROUNDS = {"full": {"up": 20, "refuses": 10, "silent": 2}, "quick": {"up": 1, "refuses": 1}}


def main() -> None:
    options = _options()
    size = "quick" if options.quick else "full"
    rounds = options.rounds or _ROUNDS[size]
    results = {name: _measure(name, opened, size, rounds) for name, opened in _databases(options.only).items()}
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(report(results, size, rounds))
    for database, result in results.items():
        if (drain := result["delivery"]["drain"]) and drain["tickets"] >= _WORTH_KEEPING:
            kept.keep_drain(database, drain)
    _say(f"Written to {options.output}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, help="measured requests a page; 100 if not given")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    return parser.parse_args()


def _databases(only: str | None) -> dict[str, AbstractContextManager[str]]:
    found = {"SQLite": databases.sqlite()} if only != "postgresql" else {}
    if only != "sqlite":
        server = databases.postgresql_server()
        if server:
            found["PostgreSQL"] = databases.postgresql(server)
        else:
            _say("No PostgreSQL answers, neither TEST_DATABASE_URL nor the local one: left out.")
    return found


def _measure(name: str, opened: AbstractContextManager[str], size: str, requests: int) -> dict[str, Any]:
    with opened as url, tempfile.TemporaryDirectory(prefix="tvm-bench-") as folder:
        environment = os.environ | {"BENCH_DATABASE_URL": url, "TVM_DATA_DIR": folder}
        result = {}
        for part in ("seed", "pages", "exports", "delivery"):
            start = time.monotonic()
            result[part] = _run(part, size, requests, environment)
            result[f"{part}_seconds"] = time.monotonic() - start
            _say(f"{name}: {part} in {result[f'{part}_seconds']:.0f} s")
        for broker, rounds in _BROKER_ROUNDS[size].items():
            with BROKERS[broker]() as address:
                with_broker = environment | {"CELERY_BROKER_URL": address}
                result[f"submit, broker {broker}"] = _run("submit", size, rounds, with_broker)
            _say(f"{name}: submit with the broker that {broker}")
        return result


def _run(part: str, size: str, rounds: int, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.part", part, size, str(rounds)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    main()
