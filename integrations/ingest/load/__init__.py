"""Bulk loading of the staging tables: the one thing in which the two databases differ."""

from collections.abc import Iterable
from typing import Protocol

from django.db import connection


class Loader(Protocol):
    # Written before a staging table's name where it is created.
    prefix: str
    # Type of a column that numbers the rows by itself.
    numbered: str
    # What turns text into the type of a JSON column.
    as_json: str
    # Rows changed in one transaction.
    batch: int

    def open(self) -> None: ...

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None: ...

    def loaded(self) -> None: ...

    def close(self) -> None: ...


def loader() -> Loader:
    if connection.vendor == "sqlite":
        from .sqlite import SqliteLoader

        return SqliteLoader()
    from .postgresql import PostgresqlLoader

    return PostgresqlLoader()
