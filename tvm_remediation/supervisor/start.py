"""One start, from the empty folder to the running product."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from . import programs
from .broker import Broker, embedded_broker
from .environment import Place, establish, read_place, wants_sandbox
from .lock import hold
from .logs import Logs
from .processes import Stage, Supervisor
from .refusal import Refused


@dataclass(frozen=True)
class Start:
    """What was settled before Django's settings could be read."""

    place: Place
    lock: int
    broker: Broker | None
    has_sandbox: bool
    began: float


@cache
def settle_environment() -> Start:
    """Take the lock and complete the process's environment; whatever reads the settings comes after it.

    Raises Refused when the folder is in use, a port is taken or there is no broker.
    """
    began = time.monotonic()
    place = read_place(os.environ)
    has_sandbox = wants_sandbox(os.environ)
    lock = hold(place.data_dir)
    refuse_taken_ports(place, os.environ, has_sandbox=has_sandbox)
    broker = None if os.environ.get("CELERY_BROKER_URL") else embedded_broker(place.data_dir)
    establish(os.environ, place, broker)
    return Start(place, lock, broker, has_sandbox, began)


def refuse_taken_ports(place: Place, env: Mapping[str, str], *, has_sandbox: bool) -> None:
    wanted = [("PORT", place.bind, place.port)]
    if has_sandbox:
        wanted += [
            ("SANDBOX_PORT", "127.0.0.1", place.sandbox_port),
            ("SANDBOX_PAGE_PORT", "127.0.0.1", place.sandbox_page_port),
        ]
    for name, host, port in wanted:
        if not programs.is_free(host, port):
            raise Refused(
                f"Port {port} on {host} is taken or not allowed. Choose another, for example {name}={port + 1000}."
            )


def run(start: Start) -> None:
    """Prepare what has changed, start everything, and stay until a signal says stop."""
    from . import accounts, first_start

    first_start.bring_database_up_to_date(_say)
    first_start.collect_static_files(_say)
    ended = [] if start.has_sandbox else accounts.retire_demo()
    let_go_of_the_database()
    Supervisor(_stages(start, ended), Logs(start.place.logs_dir), start.lock, _say).run()
    _say("Everything has stopped.")


def _stages(start: Start, ended: list[str]) -> list[Stage]:
    """Stopped in the reverse order: what the others talk to goes last."""
    from . import banner, first_sync

    def announce() -> None:
        _say(f"Up after {time.monotonic() - start.began:.1f} s.")
        _say("\n".join(banner.compose(start, ended)))
        let_go_of_the_database()

    def begin() -> None:
        first_sync.begin(_say)
        let_go_of_the_database()

    broker = [programs.broker(start.broker)] if start.broker else []
    sandbox = [programs.sandbox(start.place)] if start.has_sandbox else []
    return [
        Stage([*broker, *sandbox], is_waited_for=False),
        Stage([programs.web(start.place)], then=announce),
        Stage(programs.workers(start.place), then=begin),
    ]


def let_go_of_the_database() -> None:
    """A forked process must not share a connection, nor a pool whose threads stayed behind."""
    from django.db import connections

    for connection in connections.all():
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
