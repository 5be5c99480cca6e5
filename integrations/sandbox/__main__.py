"""Runs the stand-in: python -m integrations.sandbox --data-dir DIR --port PORT --page-port PORT."""

import argparse
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from . import cloud, page, world
from .environment import prepare
from .estate import DEFAULT_DEVICES, LARGE_DEVICES
from .server import Server, tls_context
from .tenant import Tenant


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    data_dir = Path(options.data_dir).resolve()
    prepare(data_dir, options.port, options.page_port)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    tenant = Tenant(data_dir, options.devices or (LARGE_DEVICES if options.large else DEFAULT_DEVICES), options.large)
    if options.rate_limits:
        tenant.store.set_setting("rate_limits", options.rate_limits)
    world.catch_up(tenant)
    api = Server(options.port, partial(cloud.handle, tenant), tls_context(data_dir))
    administrator = Server(options.page_port, page.Page(tenant).handle)
    tenant.page_root = f"http://127.0.0.1:{administrator.port}"
    prepare(data_dir, api.port, administrator.port)
    for server in (api, administrator):
        server.start()
    line = (
        f"Sandbox ready: API https://127.0.0.1:{api.port} page http://127.0.0.1:{administrator.port} data {data_dir}\n"
    )
    sys.stdout.write(line)
    sys.stdout.flush()
    stopped.wait()
    for server in (api, administrator):
        server.stop()
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m integrations.sandbox", description="A local stand-in for the Microsoft cloud."
    )
    parser.add_argument("--data-dir", required=True, help="where certificate, credentials and estate are kept")
    parser.add_argument("--port", type=int, required=True, help="port of the API (HTTPS); 0 takes a free one")
    parser.add_argument(
        "--page-port", type=int, required=True, help="port of the administrator's page (HTTP); 0 takes a free one"
    )
    parser.add_argument("--devices", type=int, help=f"devices of a new estate (default {DEFAULT_DEVICES})")
    parser.add_argument(
        "--large",
        action="store_true",
        help=f"a new estate of {LARGE_DEVICES} devices, most exposed to one recommendation",
    )
    parser.add_argument(
        "--rate-limits", choices=["real", "off"], help="enforce the documented request limits (kept; off at first)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
