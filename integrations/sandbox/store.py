"""The stand-in's memory: one SQLite file that survives restarts."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS task (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL,
    entity TEXT NOT NULL,
    managed_devices TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE IF NOT EXISTS create_request (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    display_name TEXT,
    task_id TEXT
);
CREATE TABLE IF NOT EXISTS collection (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    comment TEXT NOT NULL,
    limited_to TEXT NOT NULL,
    created_at REAL NOT NULL,
    changed_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS collection_rule (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    name TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS collection_rule_collection ON collection_rule (collection);
CREATE TABLE IF NOT EXISTS collection_request (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    name TEXT NOT NULL,
    collection INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS device (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    device_group INTEGER NOT NULL,
    kind TEXT NOT NULL,
    os_platform TEXT NOT NULL,
    aad_device_id TEXT,
    value TEXT NOT NULL,
    risk TEXT,
    tags TEXT NOT NULL,
    address TEXT NOT NULL,
    first_seen REAL,
    last_seen REAL NOT NULL,
    is_silent INTEGER NOT NULL,
    is_duplicate INTEGER NOT NULL DEFAULT 0,
    merged_into TEXT
);
CREATE TABLE IF NOT EXISTS installation (
    device INTEGER NOT NULL,
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    first_seen REAL NOT NULL,
    PRIMARY KEY (device, product, version)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS installation_product ON installation (product, version);
CREATE TABLE IF NOT EXISTS event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    device INTEGER NOT NULL,
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    status TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS event_at ON event (at);
CREATE TABLE IF NOT EXISTS noncompliance (
    scid TEXT NOT NULL,
    device INTEGER NOT NULL,
    PRIMARY KEY (scid, device)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS directory_group (
    id TEXT PRIMARY KEY,
    unique_name TEXT NOT NULL UNIQUE,
    entity TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    UNIQUE (group_id, object_id)
);
CREATE INDEX IF NOT EXISTS noncompliance_device ON noncompliance (device, scid);
"""


class Store:
    """A connection a thread for reading, and one writer at a time whose commits reach the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._writing = threading.RLock()
        self.connection.executescript(SCHEMA)

    @property
    def connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self.path, timeout=20, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            self._local.connection = connection
        return self._local.connection

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        return self.connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> sqlite3.Row | None:
        return self.connection.execute(statement, values).fetchone()

    def number(self, statement: str, *values: Any) -> int:
        return int(self.connection.execute(statement, values).fetchone()[0] or 0)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: everything or nothing."""
        with self._writing:
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def setting(self, name: str, default: Any = None) -> Any:
        found = self.row("SELECT value FROM setting WHERE name = ?", name)
        return json.loads(found[0]) if found else default

    def set_setting(self, name: str, value: Any) -> None:
        with self.writing() as connection:
            write_setting(connection, name, value)


def write_setting(connection: sqlite3.Connection, name: str, value: Any) -> None:
    """Write a setting inside a transaction that is already open."""
    connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(value)))
