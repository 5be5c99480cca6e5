"""On what it was measured: figures mean little without."""

import os
import platform
import re
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def machine() -> list[tuple[str, str]]:
    processor = _found("/proc/cpuinfo", r"model name\s*: (.+)")
    memory = int(_found("/proc/meminfo", r"MemTotal:\s+(\d+)") or 0)
    return [
        ("Date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("Commit", _first_line(["git", "log", "-1", "--format=%h"])),
        ("CPU", f"{processor}, {os.cpu_count()} cores"),
        ("Memory", f"{memory / 1024**2:.0f} GB"),
        ("Load while starting", " ".join(f"{load:.1f}" for load in os.getloadavg())),
        ("Python, Django", f"{platform.python_version()}, {version('django')}"),
        ("SQLite", f"{sqlite3.sqlite_version}, as configured by the product (WAL, synchronous FULL)"),
        ("psql, psycopg", f"{_first_line(['psql', '--version'])}, {version('psycopg')}"),
    ]


def _found(path: str, pattern: str) -> str:
    text = Path(path).read_text() if Path(path).exists() else ""
    found = re.search(pattern, text)
    return found.group(1).strip() if found else ""


def _first_line(command: list[str]) -> str:
    if not shutil.which(command[0]):
        return "none"
    return subprocess.run(command, capture_output=True, text=True).stdout.partition("\n")[0].strip() or "unknown"
