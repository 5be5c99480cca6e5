"""Empty databases for the bench: a file in a temporary directory, and a PostgreSQL database of its own."""

import getpass
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

_NAME = "tvm_bench"


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tvm-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'bench.sqlite3'}"


@contextmanager
def postgresql(server: str) -> Iterator[str]:
    """A new database named tvm_bench on the server, dropped afterwards."""
    with psycopg.connect(_with_scheme(server), autocommit=True) as connection:
        _drop(connection)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_NAME)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{_NAME}"))
        finally:
            _drop(connection)


def postgresql_server() -> str | None:
    """The address of a PostgreSQL that answers, or None."""
    server = os.environ.get("TEST_DATABASE_URL") or f"postgres://{getpass.getuser()}@127.0.0.1:5432/postgres"
    try:
        psycopg.connect(_with_scheme(server), connect_timeout=2).close()
    except psycopg.OperationalError:
        return None
    return server


def _drop(connection: psycopg.Connection) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_NAME)))


def _with_scheme(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql"))
