"""What a test run finds on this machine: a browser, PostgreSQL, Redis; and a broker of its own."""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from tvm_remediation.supervisor import broker as brokers

_SECONDS = 3
# Not the database that somebody's other programs use by default.
_REDIS_DATABASE = 15


@contextmanager
def embedded_broker(folder: Path) -> Iterator[str]:
    """The product's own broker, for as long as the tests run; answers its address."""
    server = brokers.embedded_broker(folder)
    with subprocess.Popen(server.command, stdout=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + _SECONDS
            while not server.is_ready() and time.monotonic() < until:
                time.sleep(0.02)
            yield server.url
        finally:
            process.terminate()


def find_chromium() -> tuple[str, str]:
    """Its path, or why there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return (named, "") if Path(named).exists() else ("", f"CHROMIUM names {named}, which is not there.")
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path, ""
    return "", "There is no Chromium. On Debian: apt-get install chromium, or name one by CHROMIUM."


def find_postgresql() -> tuple[str, str]:
    """A server where this run may create a database; the address names that database."""
    named = os.environ.get("TEST_DATABASE_URL")
    if named:
        problem = _refusal(named)
        return (named, "") if not problem else ("", f"TEST_DATABASE_URL: {problem}")
    problem = ""
    for user in dict.fromkeys([getpass.getuser(), "postgres", "root"]):
        address = f"postgres://{user}@127.0.0.1:5432/postgres"
        problem = _refusal(address)
        if not problem:
            # A name of its own, so that two checkouts can be tested at a time.
            return urlunsplit(urlsplit(address)._replace(path=f"/tvm_{os.getpid()}")), ""
    return "", f"No PostgreSQL at 127.0.0.1:5432 or by TEST_DATABASE_URL: {problem}"


def _refusal(address: str) -> str:
    try:
        with psycopg.connect(address, connect_timeout=_SECONDS) as connection:
            row = connection.execute("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
            may_create = (row.fetchone() or (False,))[0]
    except psycopg.Error as problem:
        return str(problem).strip().splitlines()[0]
    return "" if may_create else "its user may not create databases."


def find_redis() -> tuple[str, str]:
    named = os.environ.get("TEST_REDIS_URL")
    address = named or f"redis://127.0.0.1:6379/{_REDIS_DATABASE}"
    try:
        with redis.Redis.from_url(address, socket_connect_timeout=_SECONDS) as client:
            client.ping()
    except redis.RedisError as problem:
        return "", f"No Redis at 127.0.0.1:6379 or by TEST_REDIS_URL: {problem}"
    return address, ""
