"""Stops the children when their supervisor is gone without having done it, even by `kill -9`.

Runs as a script of its own that imports nothing of the project. Reads lines `+<group>` and `-<group>` from the
supervisor; the end of the file means that the supervisor is no more. It inherits the lock of the data directory, so
that no second run starts beside processes that still end.
"""

import contextlib
import os
import signal
import sys
import time

_PATIENCE = 5.0


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.append(group)
        else:
            groups.remove(group)
    for number in (signal.SIGTERM, signal.SIGKILL):
        _send(groups, number)
        _wait(groups)


def _send(groups: list[int], number: int) -> None:
    for group in reversed(groups):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _wait(groups: list[int]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and any(_lives(group) for group in groups):
        time.sleep(0.1)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
