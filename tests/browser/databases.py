"""A database and a broker of one's own, on the servers that the test run was given; the embedded ones otherwise."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

# Redis numbers its databases; the other tests use the one that the address names.
_REDIS_DATABASE = 13


@contextmanager
def own_services() -> Iterator[dict[str, str]]:
    """The variables that lead the product to them; what was made is removed at the end."""
    broker = own_broker()
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield broker
        return
    name = f"tvm_browser_{os.getpid()}"
    _administer(server, sql.SQL("CREATE DATABASE {}"), name)
    try:
        yield broker | {"DATABASE_URL": urlunsplit(urlsplit(server)._replace(path=f"/{name}"))}
    finally:
        _administer(server, sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


def own_broker() -> dict[str, str]:
    server = os.environ.get("TEST_REDIS_URL", "")
    if not server:
        return {}
    address = urlunsplit(urlsplit(server)._replace(path=f"/{_REDIS_DATABASE}"))
    with redis.Redis.from_url(address) as client:
        client.flushdb()
    return {"CELERY_BROKER_URL": address}


def _administer(server: str, statement: sql.SQL, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(name)))
