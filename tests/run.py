"""The whole test run: python -m tests.run [--long]. `make test` calls it.

The suite on SQLite with the embedded broker and once more on PostgreSQL and a real Redis; beside both, for they mostly
wait, the browser tests. A part that cannot run is named at the end with its reason; with REQUIRE_ALL=1 it is a failure.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from .integrations.microsoft.kdc import why_not as no_kerberos
from .services import embedded_broker, find_chromium, find_postgresql, find_redis

PROJECT = Path(__file__).resolve().parent.parent
IN_BOTH = "not long and not browser and not kerberos"
_NO_TESTS = 5


@dataclass(eq=False)
class Part:
    """A run of pytest: which tests, in which environment, or why it cannot be."""

    name: str
    marks: str
    env: dict[str, str]
    missing: str = ""
    # More than there are cores: they wait for disks and for each other's children. None shares a database or a broker.
    processes: int = 1
    # Runs while the others do, and says what it has to say afterwards.
    beside: bool = False
    result: str = ""
    failed: bool = False
    seconds: float = 0.0


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="tvm-tests-") as name, embedded_broker(Path(name)) as broker:
        folder = Path(name)
        parts = plan(broker, with_long="--long" in arguments)
        present = [part for part in parts if not part.missing]
        with ThreadPoolExecutor() as pool:
            beside = {part: pool.submit(run_beside, part, folder) for part in present if part.beside}
            for part in present:
                if not part.beside:
                    print(f"\n=== {part.name} ===", flush=True)
                    run(part, folder)
            for part, output in beside.items():
                print(f"\n=== {part.name} ===\n{output.result()}", flush=True)
    return report(parts, strict=os.environ.get("REQUIRE_ALL", "") not in {"", "0"})


def plan(broker: str, *, with_long: bool) -> list[Part]:
    chromium, no_chromium = find_chromium()
    database, no_database = find_postgresql()
    redis, no_redis = find_redis()
    embedded = {"TEST_DATABASE_URL": "", "TEST_REDIS_URL": broker}
    real = {"TEST_DATABASE_URL": database, "TEST_REDIS_URL": redis}
    no_services = " ".join(filter(None, [no_database, no_redis]))
    in_a_browser = {"CHROMIUM": chromium}
    parts = [
        Part("suite: SQLite, embedded broker", IN_BOTH, embedded, processes=4),
        Part("suite: PostgreSQL, Redis", f"{IN_BOTH} and not once", real, no_services, processes=4),
        Part("browser: SQLite, embedded broker", "browser and not long", in_a_browser, no_chromium, beside=True),
        Part("Kerberos: SQLite, a KDC of its own", "kerberos", embedded, no_kerberos(), beside=True),
    ]
    if with_long:
        missing = " ".join(filter(None, [no_chromium, no_services]))
        parts += [
            Part("long: SQLite, embedded broker", "long", embedded | in_a_browser, no_chromium),
            Part("long: PostgreSQL, Redis", "long", real | in_a_browser, missing),
        ]
    return parts


def run_beside(part: Part, folder: Path) -> str:
    """What it printed."""
    output = folder / f"{part.name}.txt"
    with output.open("wb") as file:
        run(part, folder, file)
    return output.read_text(errors="replace")


def run(part: Part, folder: Path, output: BinaryIO | None = None) -> None:
    """Run it in a process of its own and read the counts from the file that pytest leaves."""
    counts = folder / f"{part.name}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-m", part.marks, f"--junitxml={counts}", "--create-db"]
    command += ["-n", str(part.processes)] if part.processes > 1 else ["-p", "no:xdist"]
    began = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT, env=environment(part), stdout=output, stderr=output)
    part.seconds = time.monotonic() - began
    part.failed = done.returncode not in {0, _NO_TESTS}
    part.result = counted(counts) if counts.exists() else f"pytest ended with code {done.returncode}"


def environment(part: Part) -> dict[str, str]:
    """The product's own variables do not reach the tests, whatever the shell has set."""
    ours = (
        "MICROSOFT_",
        "CONFIGMGR_",
        "DELIVERY_",
        "TVM_",
        "DJANGO_",
        "SECRET_KEY",
        "SIGNING_KEYS",
        "DATABASE_URL",
        "CELERY_",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith((*ours, "TEST_"))}
    return kept | {name: value for name, value in part.env.items() if value}


def counted(path: Path) -> str:
    suites = ElementTree.parse(path).getroot().iter("testsuite")
    total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in suites:
        for name in total:
            total[name] += int(suite.get(name, "0"))
    failed = total["failures"] + total["errors"]
    passed = total["tests"] - failed - total["skipped"]
    return f"{passed} passed, {failed} failed, {total['skipped']} skipped"


def report(parts: list[Part], *, strict: bool) -> int:
    print("\nWhat ran, and what did not:")
    for part in parts:
        if part.missing:
            print(f"  {'FAILED' if strict else 'did not run':<12} {part.name}: {part.missing}")
        else:
            print(f"  {'FAILED' if part.failed else 'ok':<12} {part.name}: {part.result}, {part.seconds:.0f} s")
    return 1 if any(part.failed or (strict and part.missing) for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
