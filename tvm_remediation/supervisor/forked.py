"""A process that goes on from the present one, so that what is imported already need not be imported again."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO


class ForkedProcess:
    """Speaks like subprocess.Popen, as far as the supervisor listens. In a session of its own."""

    def __init__(self, work: Callable[[], None], log: BinaryIO) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _live(work, log)

    def poll(self) -> int | None:
        return self._look(os.WNOHANG)

    def wait(self) -> int | None:
        return self._look(0)

    def _look(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def _live(work: Callable[[], None], log: BinaryIO) -> None:
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        os.closerange(3, 1024)  # the lock and the watchdog's line are the supervisor's alone
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the last frame of a process: written down, and told by the exit code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
