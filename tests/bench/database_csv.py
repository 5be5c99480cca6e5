"""The limit of an export: the database's own program, writing the same rows as CSV."""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
from csv import writer
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from .meters import Cost, cpu_of


class DatabaseCsv:
    """Writes the query's rows to a file, and says what that cost."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.folder = Path(tempfile.mkdtemp(prefix="tvm-bench-csv-"))
        self.target = self.folder / "rows.csv"
        self.program, self.write = self._ways()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({sql}) counted".replace("%", "%%"), [])
            self.rows = cursor.fetchone()[0]

    def _ways(self) -> tuple[str, object]:
        if connection.vendor == "postgresql":
            return (
                ("psql: COPY TO STDOUT", self._by_psql) if shutil.which("psql") else ("COPY by psycopg", self._by_copy)
            )
        if shutil.which("sqlite3"):
            return "sqlite3 -csv", self._by_sqlite_shell
        return "Python's sqlite3 and csv (there is no sqlite3 on the PATH)", self._by_sqlite_module

    def _by_psql(self) -> Cost:
        """One session, whose backend is still there to be asked afterwards."""
        settings = connection.get_connection_params()
        address = "postgresql://{user}@{host}:{port}/{dbname}".format(
            user=quote(settings.get("user", "")), host=settings.get("host", ""), port=settings.get("port", 5432),
            dbname=settings["dbname"],
        )  # fmt: skip
        environment = os.environ | {"PGPASSWORD": settings.get("password", "")}
        with subprocess.Popen(
            ["psql", "-XAtq", address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as psql:
            _say(psql, "SELECT pg_backend_pid();")
            pids = [psql.pid, int(psql.stdout.readline())]
            wall, client, backend = time.perf_counter(), cpu_of(pids[:1]), cpu_of(pids[1:])
            _say(psql, f"\\o {self.target}", f"COPY ({self.sql}) TO STDOUT (FORMAT csv);", "\\o", "\\echo written")
            psql.stdout.readline()
            wall = time.perf_counter() - wall
            cost = Cost(wall, cpu_of(pids[:1]) - client, cpu_of(pids[1:]) - backend)
            psql.stdin.close()
        return cost

    def _by_copy(self) -> Cost:
        backend = connection.connection.info.backend_pid
        wall, cpu, backend_cpu = time.perf_counter(), time.process_time(), cpu_of([backend])
        statement = f"COPY ({self.sql}) TO STDOUT (FORMAT csv)".replace("%", "%%")
        with (
            self.target.open("wb") as target,
            connection.cursor() as cursor,
            cursor.copy(statement, []) as copy,
        ):
            for piece in copy:
                target.write(piece)
        return Cost(time.perf_counter() - wall, time.process_time() - cpu, cpu_of([backend]) - backend_cpu)

    def _by_sqlite_shell(self) -> Cost:
        before, wall = _children_cpu(), time.perf_counter()
        with self.target.open("wb") as target:
            subprocess.run(
                ["sqlite3", "-csv", str(connection.settings_dict["NAME"])],
                input=f"{self.sql};\n".encode(),
                stdout=target,
                check=True,
            )
        return Cost(time.perf_counter() - wall, _children_cpu() - before)

    def _by_sqlite_module(self) -> Cost:
        wall, cpu = time.perf_counter(), time.process_time()
        with self.target.open("w", newline="") as target:
            plain = sqlite3.connect(connection.settings_dict["NAME"])
            writer(target).writerows(plain.execute(self.sql))
            plain.close()
        return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def _say(psql: subprocess.Popen, *lines: str) -> None:
    psql.stdin.write("\n".join(lines) + "\n")
    psql.stdin.flush()


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
