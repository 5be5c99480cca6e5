"""What the database itself needs for the same exposures: a bare load, and the two indexes built afterwards."""

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from django.db import connection

from remediation.models import Exposure

from .. import meters
from .phases import Clock
from .tenant import Tenant

_COLUMNS = "recommendation_id, device_id, version_id, first_seen_at"
_PIECE = 1 << 20
_INDEXES = (
    "CREATE UNIQUE INDEX bench_key ON {} (recommendation_id, device_id)",
    "CREATE INDEX bench_device ON {} (device_id)",
)


def run(tenant: Tenant) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="tvm-bench-") as folder:
        costs = _postgresql(Path(folder)) if connection.vendor == "postgresql" else _sqlite(Path(folder))
    return {"rows": Exposure.objects.count(), **{name: vars(cost) for name, cost in costs.items()}}


def _postgresql(folder: Path) -> dict[str, meters.Cost]:
    table, rows = "bench_bare", folder / "rows.csv"
    with connection.cursor() as cursor:
        with (
            rows.open("wb") as file,
            cursor.copy(f"COPY {Exposure._meta.db_table} ({_COLUMNS}) TO STDOUT") as copy,
        ):
            for piece in copy:
                file.write(piece)
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(f"CREATE TABLE {table} (LIKE {Exposure._meta.db_table})")
        clock = Clock()
        with rows.open("rb") as file, cursor.copy(f"COPY {table} ({_COLUMNS}) FROM STDIN") as copy:
            while piece := file.read(_PIECE):
                copy.write(piece)
        load = clock.lap()
        for statement in _INDEXES:
            cursor.execute(statement.format(table))
        indexes = clock.lap()
        cursor.execute(f"DROP TABLE {table}")
    return {"load": load, "indexes": indexes}


def _sqlite(folder: Path) -> dict[str, meters.Cost]:
    rows = list(Exposure.objects.values_list(*_COLUMNS.split(", ")))
    bare = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute(f"CREATE TABLE bare ({_COLUMNS})")
    moments = [(*row[:3], str(row[3])) for row in rows]
    clock = Clock()
    bare.execute("BEGIN")
    bare.executemany("INSERT INTO bare VALUES (?, ?, ?, ?)", moments)
    bare.execute("COMMIT")
    load = clock.lap()
    for statement in _INDEXES:
        bare.execute(statement.format("bare"))
    indexes = clock.lap()
    bare.close()
    return {"load": load, "indexes": indexes}
