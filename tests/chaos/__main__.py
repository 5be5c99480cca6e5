"""`make chaos`: N tickets while processes are killed and a fifth of the calls fail; N and DATABASE_URL may be given.

DATABASE_URL=own is a PostgreSQL server of the run's own, which is restarted and killed as well.
Ends with one line, and with 0 only when nothing is lost, extra, dangling or phantom and the audit trail holds.
"""

import argparse
import os
import signal
import sys
import time
from typing import Any

from .stage import Stage, set_up


def main() -> int:
    options = _options()
    # Whoever ends this run ends the others with it, and leaves no folder and no database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with set_up(dict(options.timing)) as stage:
        import django

        django.setup()
        figures = _run(stage, options)
        is_good = figures.pop("is_good")
    print(" ".join(f"{name}={value}" for name, value in figures.items()))
    if options.keep and is_good:
        from tests.bench import kept

        kept.keep_chaos(figures)
    return 0 if is_good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=int(os.environ.get("N") or 300))
    parser.add_argument("--every", type=float, default=1.5, help="seconds from one blow to the next")
    parser.add_argument("--seed", type=int, default=1, help="of the blows and of the faults")
    parser.add_argument("--within", type=float, help="seconds; 120 and 0.15 a ticket if not given")
    keep = bool(os.environ.get("KEEP"))
    parser.add_argument("--keep", action="store_true", default=keep, help="keep the figures for docs/benchmarks.md")
    pair = {"type": lambda text: text.split("=", 1), "metavar": "NAME=SECONDS"}
    parser.add_argument("--timing", action="append", default=[], help="another DELIVERY_ timing", **pair)
    parser.add_argument("--logs", help="copy the processes' logs here")
    return parser.parse_args()


def _run(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    from .show import perform

    began = time.monotonic()
    figures = perform(stage, options)
    return figures | {"seconds": f"{time.monotonic() - began:.0f}"}


if __name__ == "__main__":
    sys.exit(main())
