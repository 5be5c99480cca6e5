"""python -m tests.upgrade ROWS KILLS...: upgrades a database of an earlier release, whole and killed; says what came.

KILLS are moments with commas between them: of runs one after another over the same database, then one goes through.
A moment is a share of all statements in percent, or a migration, which is killed as it is about to be called done.
A process of its own, because it forks: each step runs in a child with a connection of its own, and may be killed there.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tvm_remediation.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from . import copies, fingerprints, old_release  # noqa: E402

log = logging.getLogger(__name__)
_RECORD = 'INSERT INTO "django_migrations"'


def main(rows: int, all_kills: list[str]) -> dict[str, Any]:
    with copies.databases() as database:
        _, made = in_child(database.first, lambda: old_release.make(rows))
        _, columns = in_child(database.first, fingerprints.columns)
        _, before = in_child(database.first, lambda: fingerprints.data(columns))
        report = {"rows": made, "before": before}
        with database.copy() as whole:
            began = time.monotonic()
            _, statements = in_child(whole, upgrade)
            report |= {"statements": len(statements), "seconds": time.monotonic() - began}
            _, report["after"] = in_child(whole, lambda: fingerprints.data(columns))
            _, report["whole"] = in_child(whole, fingerprints.everything)
        report["killed"] = {}
        for kills in all_kills:
            with database.copy() as name:
                report["killed"][kills] = _killed(name, [_number(statements, one) for one in kills.split(",")])
        return report


def _number(statements: list[str], moment: str) -> int | str:
    """The statement that is not reached: how many a run has had until then, or how it begins."""
    return len(statements) * int(moment) // 100 + 1 if moment.isdecimal() else f"{_RECORD} {moment}"


def _killed(name: str, numbers: list[int | str]) -> dict[str, Any]:
    ended = [in_child(name, partial(upgrade, kill_before=number))[0] for number in numbers]
    in_child(name, upgrade)
    return {"ended": ended, "everything": in_child(name, fingerprints.everything)[1]}


def upgrade(kill_before: int | str = 0) -> list[str]:
    """`manage.py migrate`; returns the beginnings of all its statements, with the names of migrations."""
    seen: list[str] = []

    def watch(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        name = params[1] if str(sql).startswith(_RECORD) else ""
        seen.append(f"{_RECORD} {name}" if name else str(sql)[:40])
        if kill_before in (len(seen), seen[-1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        call_command("migrate", verbosity=0, interactive=False)
    return seen


def in_child(name: str, work: Callable[[], Any]) -> tuple[int, Any]:
    """How a child ended (0, or the signal as a negative number) and what it found, in this database."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            connection.settings_dict["NAME"] = name
            found = json.dumps(work())
            connection.close()
            with os.fdopen(writing, "w") as pipe:
                pipe.write(found)
            status = 0
        except Exception:
            log.exception("A step has failed.")
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended > 0:
        raise ChildProcessError("A step has failed; see above.")
    return ended, json.loads(text) if text else None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), sys.argv[2:])))
