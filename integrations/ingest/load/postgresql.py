"""Tables filled by COPY. What is read is unlogged: it outlives a killed process, and a crash of the server empties all
of it. What is made of it is the connection's own."""

from collections.abc import Iterable
from contextlib import AbstractContextManager

from django.db import connection, transaction

_OURS = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'stage\\_%%'"


class PostgresqlLoader:
    kept = "UNLOGGED TABLE "
    prefix = "TEMPORARY TABLE "
    numbered = "BIGSERIAL PRIMARY KEY"
    as_json = "::jsonb"
    batch = 100_000

    def owner(self) -> tuple[int, str] | None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('stage_owner') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return None
            cursor.execute("SELECT run, holder FROM stage_owner")
            return cursor.fetchone()

    def open(self) -> None:
        with connection.cursor() as cursor:
            # Hashes and sorts of millions of rows; this connection only.
            cursor.execute("SET work_mem = '256MB'")

    def writing(self) -> AbstractContextManager[None]:
        return transaction.atomic()

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def execute(self, statement: str, *parameters: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("?", "%s"), parameters)
            return cursor.rowcount

    def loaded(self) -> None:
        """Nothing to hand over: the rows are where the statements look."""

    def close(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("RESET work_mem")

    def clear(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_OURS, [])
            names = [name for (name,) in cursor.fetchall()]
            if names:
                cursor.execute(f"DROP TABLE IF EXISTS {', '.join(names)}")
