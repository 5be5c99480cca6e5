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

    def copy(self) -> str:
        name = f"{self.first}-{next(self._numbers)}"
        shutil.copyfile(self.first, name)
        return name


class PostgresqlCopies:
    """The first one is made empty; all are dropped in the end."""

    def __init__(self, server: psycopg.Connection, name: str) -> None:
        self._server = server
        self._names = [name]
        self.first = name
        self._run("CREATE DATABASE {}", name)

    def copy(self) -> str:
        name = f"{self.first}_{len(self._names)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, self.first)
        self._names.append(name)
        return name

    def drop(self) -> None:
        for name in self._names:
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
            made.drop()
