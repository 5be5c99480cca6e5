"""Where a run takes place: a folder, a database, an embedded broker, ports, and the environment of every process."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tvm_remediation.supervisor import environment, lock
from tvm_remediation.supervisor.broker import Broker, embedded_broker
from tvm_remediation.supervisor.environment import Place

# Seconds. The proportions are those of the product's own: read < total < lease - margin, and a late commit comes well
# before the quarantine ends.
TIMINGS = {
    "DELIVERY_CONNECT_TIMEOUT": "1",
    "DELIVERY_READ_TIMEOUT": "1",
    "DELIVERY_TOTAL_DEADLINE": "2",
    "DELIVERY_MARGIN": "1",
    "DELIVERY_LEASE": "6",
    "DELIVERY_QUARANTINE": "5",
    "DELIVERY_LISTING_GAP": "1",
    "DELIVERY_SWEEP": "1",
    "DELIVERY_POLL": "5",
    "DELIVERY_PROBE": "1",
    "DELIVERY_BACKOFF_BASE": "0.2",
    # Whether the limit is kept is another proof; here it would only make the run longer.
    "DELIVERY_GRAPH_WRITES": "0",
    "SYNC_EVERY": "86400",
    "DELTA_EVERY": "0",
}
_NOT_INHERITED = ("SECRET_KEY", "SIGNING_KEYS", "CELERY_", "CACHE_", "DJANGO_", "MICROSOFT_", "TVM_", "DELIVERY_")


@dataclass(frozen=True)
class Stage:
    place: Place
    broker: Broker
    lock: int


@contextmanager
def set_up(other_timings: dict[str, str]) -> Iterator[Stage]:
    """Complete this process's environment, which its children inherit; Django's settings are read after it."""
    for name in [name for name in os.environ if name.startswith(_NOT_INHERITED)]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="tvm-chaos-") as folder, _database() as url:
        place = Place(Path(folder).resolve(), "127.0.0.1", *_free_ports(3))
        broker = embedded_broker(place.data_dir)
        held = lock.hold(place.data_dir)
        os.environ.update(TIMINGS | other_timings | ({"DATABASE_URL": url} if url else {}))
        environment.establish(os.environ, place, broker)
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.chaos.settings"
        yield Stage(place, broker, held)


@contextmanager
def _database() -> Iterator[str]:
    """A new database on the server of DATABASE_URL, removed afterwards; without one, SQLite in the run's folder."""
    server = os.environ.pop("DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield ""
        return
    name = sql.Identifier(f"tvm_chaos_{os.getpid()}")
    address = urlunsplit(urlsplit(server)._replace(scheme="postgresql", path="/postgres"))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/tvm_chaos_{os.getpid()}"))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
