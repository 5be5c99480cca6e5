"""The broker as an operator sees it: whether it answers, and whether it is set up so that it drops nothing silently."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import redis
from celery import current_app
from kombu.exceptions import OperationalError

# Somebody waits for the answer.
_IMPATIENT = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0, "interval_start": 0}
_FAILURES = (OperationalError, OSError, redis.RedisError)
_KEYS_LOOKED_AT = 1000


@dataclass(frozen=True)
class BrokerState:
    answers: bool
    # What it does when its memory is full, as Redis names it; empty where it does not tell.
    eviction: str = ""
    # Some of the keys in its database that are not ours.
    foreign_keys: list[str] = field(default_factory=list)


def answers() -> bool:
    try:
        with _client() as client:
            return client is None or bool(client.ping())
    except _FAILURES:
        return False


def inspect() -> BrokerState:
    """All that is known of it. Never raises for what it answers."""
    try:
        with _client() as client:
            if client is None:
                return BrokerState(answers=True)
            eviction = str(client.info("memory").get("maxmemory_policy", ""))
            return BrokerState(True, eviction, _foreign_keys(client))
    except _FAILURES:
        return BrokerState(answers=False)


@contextmanager
def _client() -> Iterator[redis.Redis | None]:
    """The server behind the broker's address, however that is written; None where it is no Redis."""
    with current_app.connection_for_write(transport_options=_IMPATIENT) as connection:
        channel: Any = connection.default_channel
        own = getattr(channel, "client", None)
        # Celery's own client prefixes every key.
        yield redis.Redis(connection_pool=own.connection_pool) if own is not None else None


def _foreign_keys(client: redis.Redis) -> list[str]:
    prefix = current_app.conf.broker_transport_options["global_keyprefix"].encode()
    keys = islice(client.scan_iter(count=_KEYS_LOOKED_AT), _KEYS_LOOKED_AT)
    return [key.decode(errors="replace") for key in keys if not key.startswith(prefix)][:3]
