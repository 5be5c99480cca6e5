"""Temporary tables, filled by COPY. They vanish with the connection, whatever becomes of the process."""

from collections.abc import Iterable

from django.db import connection


class PostgresqlLoader:
    prefix = "TEMPORARY TABLE "
    numbered = "BIGSERIAL PRIMARY KEY"
    as_json = "::jsonb"
    batch = 100_000

    def open(self) -> None:
        with connection.cursor() as cursor:
            # Hashes and sorts of millions of rows; this connection only.
            cursor.execute("SET work_mem = '256MB'")

    def append(self, table: str, columns: tuple[str, ...], rows: Iterable[tuple]) -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def loaded(self) -> None:
        """Nothing to hand over: the tables are the connection's own."""

    def close(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("RESET work_mem")
