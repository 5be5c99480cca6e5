"""Databases of which there can be many: files of SQLite, or copies of a template of PostgreSQL."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from django.conf import settings
from psycopg import sql

_SECONDS = 10.0


class SqliteFiles:
    def __init__(self, first: str) -> None:
        self.first = first
        self._numbers = count(1)

    @contextmanager
    def copy(self) -> Iterator[str]:
        name = f"{self.first}-{next(self._numbers)}"
        shutil.copyfile(self.first, name)
        yield name
        for left in Path(name).parent.glob(f"{Path(name).name}*"):
            left.unlink()


class PostgresqlCopies:
    """The first one is made empty. What an earlier run has left under its name is dropped."""

    def __init__(self, server: psycopg.Connection, name: str) -> None:
        self._server = server
        self.first = name
        self.drop(name)
        self._run("CREATE DATABASE {}", name)

    @contextmanager
    def copy(self) -> Iterator[str]:
        name = f"{self.first}_copy"
        self.drop(name)
        self._run("CREATE DATABASE {} TEMPLATE {}", name, self.first)
        try:
            yield name
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        """Whoever was connected may still be leaving."""
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self._server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
                return
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)


@contextmanager
def databases() -> Iterator[SqliteFiles | PostgresqlCopies]:
    """By the settings of this process; the database that they name is not touched on PostgreSQL."""
    configured = settings.DATABASES["default"]
    if configured["ENGINE"] == "django.db.backends.sqlite3":
        yield SqliteFiles(str(Path(configured["NAME"])))
        return
    where = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    asked = {name: configured[key] for name, key in where.items() if configured[key]}
    with psycopg.connect(dbname="postgres", autocommit=True, **asked) as server:
        made = PostgresqlCopies(server, f"{configured['NAME']}_upgrade")
        try:
            yield made
        finally:
            made.drop(made.first)
