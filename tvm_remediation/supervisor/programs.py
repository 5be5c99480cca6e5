"""The programs of the embedded way to run, each with its command line."""

import http.client
import socket
import sys
from functools import partial

from .broker import Broker
from .environment import Place
from .processes import Program

_CELERY = [sys.executable, "-m", "celery", "--app", "tvm_remediation"]


def broker(server: Broker) -> Program:
    return Program("broker", server.command, server.is_ready)


def sandbox(place: Place) -> Program:
    command = [sys.executable, "-m", "integrations.sandbox", "--data-dir", str(place.sandbox_dir)]
    ports = ["--port", str(place.sandbox_port), "--page-port", str(place.sandbox_page_port)]
    estate = ["--large"] if place.has_large_estate else []
    return Program("sandbox", [*command, *ports, *estate], lambda: listens("127.0.0.1", place.sandbox_port))


def web(place: Place) -> Program:
    """Two processes of four threads, forked off this one: loading the code again would take seconds."""
    return Program("web", partial(_serve, place), lambda: answers(place))


def _serve(place: Place) -> None:
    from gunicorn.app.wsgiapp import run

    sys.argv = [
        *("gunicorn", "tvm_remediation.wsgi:application", "--preload"),
        *("--bind", f"[{place.bind}]:{place.port}" if ":" in place.bind else f"{place.bind}:{place.port}"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
        *("--graceful-timeout", "5", "--no-control-socket"),
    ]
    run()


def workers(place: Place) -> list[Program]:
    """Deliveries are many short waits, so threads; a sync is one long computation, so a process of its own."""
    alone = ["--without-gossip", "--without-mingle"]
    delivery = [
        "worker",
        "--hostname",
        "delivery@%h",
        "--pool",
        "threads",
        "--concurrency",
        "8",
        "--queues",
        "delivery",
    ]
    sync = ["worker", "--hostname", "sync@%h", "--pool", "prefork", "--concurrency", "1", "--queues", "sync"]
    beat = ["beat", "--schedule", str(place.data_dir / "beat-schedule"), "--pidfile="]
    return [
        Program("delivery", [*_CELERY, *delivery, *alone]),
        Program("sync", [*_CELERY, *sync, *alone]),
        Program("beat", [*_CELERY, *beat]),
    ]


def listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def answers(place: Place) -> bool:
    """Whether the web server gives an answer, whatever it is: a listening socket alone is there long before."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(place.bind, place.bind)  # noqa: S104
    connection = http.client.HTTPConnection(host, place.port, timeout=2)
    try:
        connection.request("GET", "/livez")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
