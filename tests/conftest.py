"""What every test gets: no network but the loopback, and a broker where it asks for one."""

import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings
from django.db import connection

from remediation.audit_guard import unguard

_LOCAL = {"127.0.0.1", "::1", "localhost", ""}


# Directories whose tests mostly wait for processes of their own.
_WAITING = {"chaos", "upgrade", "setup"}


class NetworkBlocked(OSError):
    """A test tried to leave this machine."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait come first: at the end there would be nothing left to run beside them."""
    items.sort(key=lambda item: _WAITING.isdisjoint(item.path.parts))


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse names and addresses beyond the loopback. PostgreSQL's driver is not Python's and goes its own way."""
    allowed = _LOCAL | {urlsplit(os.environ.get("TEST_REDIS_URL", "")).hostname or ""}
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in allowed:
            raise NetworkBlocked(f"A test may not connect to {address[0]}.")
        return connect(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host or ""
        if name not in allowed:
            raise NetworkBlocked(f"A test may not look up {name}.")
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture
def broker() -> Iterator[str]:
    """The address of a real broker, emptied of our own keys; the test is skipped where the run has none."""
    address = settings.CELERY_BROKER_URL
    if not address.startswith(("redis://", "rediss://", "redis+socket://")):
        pytest.skip("there is no broker: TEST_REDIS_URL is not set (make test sets it)")
    with redis.Redis.from_url(address.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")) as client:
        _forget_messages(client)
        yield address
        _forget_messages(client)


def _forget_messages(client: redis.Redis) -> None:
    """Only what bears our prefix: the server may be somebody's."""
    for key in client.scan_iter("tvm:*"):
        client.delete(key)


@pytest.fixture(autouse=True)
def trail_that_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test that commits all tables are emptied, which the guard of the audit trail refuses.

    Emptying ends as a migration does, so the guard comes back at once.
    """
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or (marker and marker.kwargs.get("transaction"))
    if commits:
        # Asked for first, so that it is cleared away last.
        request.getfixturevalue("transactional_db")
    yield
    if commits:
        unguard()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgresql") and connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: TEST_DATABASE_URL is not set (make test finds one)")
