"""A staging file of its own, written by a connection of its own: the product's database stays free meanwhile.

Attached to the product's connection afterwards, so that statements join both. A BEGIN IMMEDIATE locks every attached
file, which is why loading does not go through that connection.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import connection


class SqliteLoader:
    prefix = "TABLE stage."
    numbered = "INTEGER PRIMARY KEY"
    as_json = ""
    batch = 20_000

    def __init__(self) -> None:
        self._path = Path(settings.DATA_DIR) / "sync-stage.sqlite3"
        self._file: sqlite3.Connection | None = None

    def open(self) -> None:
        self.close()
        with connection.cursor() as cursor:
            cursor.execute("ATTACH DATABASE %s AS stage", [str(self._path)])
            cursor.execute("PRAGMA stage.journal_mode = MEMORY")
            cursor.execute("PRAGMA stage.synchronous = OFF")

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        if self._file is None:
            self._file = sqlite3.connect(self._path, isolation_level=None, timeout=20)
            self._file.execute("PRAGMA journal_mode = MEMORY")
            self._file.execute("PRAGMA synchronous = OFF")
        marks = ", ".join("?" * len(columns))
        self._file.execute("BEGIN")
        self._file.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608
        self._file.execute("COMMIT")

    def loaded(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        self.loaded()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA database_list")
            if any(name == "stage" for _, name, _ in cursor.fetchall()):
                cursor.execute("DETACH DATABASE stage")
        self._path.unlink(missing_ok=True)
