"""A staging file of its own, written by a connection of its own: the product's database stays free meanwhile.

Attached to the product's connection afterwards, so that statements join both. A BEGIN IMMEDIATE locks every attached
file, which is why loading does not go through that connection. Its journal is one that a killed process cannot spoil.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection


class SqliteLoader:
    kept = prefix = "TABLE stage."
    numbered = "INTEGER PRIMARY KEY"
    as_json = ""
    batch = 10_000

    def __init__(self) -> None:
        self._path = Path(settings.DATA_DIR) / "sync-stage.sqlite3"
        self._file: sqlite3.Connection | None = None

    def owner(self) -> tuple[int, str] | None:
        if not self._path.exists():
            return None
        file = sqlite3.connect(self._path, timeout=20)
        try:
            return file.execute("SELECT run, holder FROM stage_owner").fetchone()
        except sqlite3.DatabaseError:
            # Never finished being made, or spoilt: nothing to go on from.
            return None
        finally:
            file.close()

    def open(self) -> None:
        self.close()
        with connection.cursor() as cursor:
            cursor.execute("ATTACH DATABASE %s AS stage", [str(self._path)])
            cursor.execute("PRAGMA stage.journal_mode = WAL")
            cursor.execute("PRAGMA stage.synchronous = NORMAL")

    @contextmanager
    def writing(self) -> Iterator[None]:
        if self._file is None:
            self._file = sqlite3.connect(self._path, isolation_level=None, timeout=20)
            self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        assert self._file is not None
        marks = ", ".join("?" * len(columns))
        self._file.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608

    def execute(self, statement: str, *parameters: str) -> int:
        assert self._file is not None
        return self._file.execute(statement, parameters).rowcount

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

    def clear(self) -> None:
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
