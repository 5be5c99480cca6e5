"""Bulk loading of the staging tables: the one thing in which the two databases differ."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from django.db import connection


class Loader(Protocol):
    # Written before the name of a table where it is created: one that outlives the process, and one that need not.
    kept: str
    prefix: str
    # Type of a column that numbers the rows by itself.
    numbered: str
    # What turns text into the type of a JSON column.
    as_json: str
    # Rows changed in one transaction.
    batch: int

    def owner(self) -> tuple[int, str] | None:
        """The run whose stage there is, and the process that holds it."""

    def open(self) -> None: ...

    def writing(self) -> AbstractContextManager[None]:
        """One transaction for `append` and `execute`."""

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None: ...

    def execute(self, statement: str, *parameters: str) -> int:
        """A statement with ? for its parameters; returns the rows it touched."""

    def loaded(self) -> None: ...

    def close(self) -> None: ...

    def clear(self) -> None:
        """Remove every staging table there is, whoever made it."""


def loader() -> Loader:
    if connection.vendor == "sqlite":
        from .sqlite import SqliteLoader

        return SqliteLoader()
    from .postgresql import PostgresqlLoader

    return PostgresqlLoader()
