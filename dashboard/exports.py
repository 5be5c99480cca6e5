"""CSV of a list, streamed: UTF-8 with BOM, times ISO 8601 in UTC, codes untranslated, no cell that runs as a formula.

Each column is one database expression, so the database makes the text: PostgreSQL the whole file by COPY, SQLite the
rows. Memory does not grow with rows.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    Func,
    JSONField,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.http import StreamingHttpResponse
from django.utils import timezone

BOM = "\ufeff"
PIECE = 64 * 1024
BATCH = 500
# What a spreadsheet takes for the start of a formula, plain and full-width, behind any of the blanks it skips.
FORMULA_STARTS = "=+-@\t\r＝＋－＠"
BLANKS = " \n\u00a0\u3000"

Columns = list[tuple[str, Any]]


class Guarded(Func):
    """Text with an apostrophe before what would start a formula."""

    output_field = TextField()
    arity = 1

    def as_sql(self, compiler, connection, **extra):  # type: ignore[override]
        inner, params = compiler.compile(self.source_expressions[0])
        starts = ", ".join(["%s"] * len(FORMULA_STARTS))
        sql = f"CASE WHEN substr(ltrim({inner}, %s), 1, 1) IN ({starts}) THEN '''' || {inner} ELSE {inner} END"
        return sql, [*params, BLANKS, *FORMULA_STARTS, *params, *params]


class IsoTime(Func):
    """2026-11-18T13:42:00Z"""

    output_field = TextField()
    arity = 1

    def as_postgresql(self, compiler, connection, **extra):
        template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler, connection, **extra):
        inner, params = compiler.compile(self.source_expressions[0])
        return f"strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', {inner})", params


def stream(queryset: QuerySet, columns: Columns, view: str) -> StreamingHttpResponse:
    """The rows of the queryset as a download."""
    return _download(_pieces(queryset, columns), view)


def stream_lines(names: list[str], lines: Iterable[list[Any]], view: str) -> StreamingHttpResponse:
    """For the few files whose cells no database expression makes: texts, times and numbers, line by line."""

    def pieces() -> Iterator[bytes]:
        yield (BOM + _lines([names])).encode()
        for line in lines:
            yield _lines([[_cell(value) for value in line]]).encode("utf-8", "replace")

    return _download(pieces(), view)


def _cell(value: Any) -> Any:
    """As `_presentable` has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and value.lstrip(BLANKS).startswith(tuple(FORMULA_STARTS)):
        return f"'{value}"
    return value


def _download(pieces: Iterator[bytes], view: str) -> StreamingHttpResponse:
    stamp = timezone.now().strftime("%Y-%m-%d")
    response = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{view}-{stamp}.csv"'
    return response


def _pieces(queryset: QuerySet, columns: Columns) -> Iterator[bytes]:
    yield (BOM + _lines([[name for name, _ in columns]])).encode()
    statement = _statement(_only_columns(queryset, columns))
    if statement:
        yield from _copied(*statement) if connection.vendor == "postgresql" else _fetched(*statement)


def _only_columns(queryset: QuerySet, columns: Columns) -> QuerySet:
    names = {f"csv_{place}": expression for place, (_, expression) in enumerate(columns)}
    typed = queryset.annotate(**names)
    safe = {f"out_{name}": _presentable(typed, name) for name in names}
    return typed.annotate(**safe).values_list(*safe)


def _presentable(queryset: QuerySet, name: str) -> Any:
    """The expression as text or number, by what kind of value it has."""
    field = queryset.query.annotations[name].output_field
    if isinstance(field, DateTimeField):
        return IsoTime(name)
    if isinstance(field, BooleanField):
        return Case(When(**{name: True}, then=Value("yes")), default=Value("no"), output_field=CharField())
    if isinstance(field, JSONField):
        return Guarded(Cast(name, TextField()))
    if isinstance(field, CharField | TextField):
        return Guarded(name)
    return Func(name, template="%(expressions)s", output_field=field)


def _statement(rows: QuerySet) -> tuple[str, Any] | None:
    """None where Django knows beforehand that nothing can match, such as for a reader without device groups."""
    try:
        return rows.query.sql_with_params()
    except EmptyResultSet:
        return None


def _copied(sql: str, params: Any) -> Iterator[bytes]:
    pieces: list[bytes] = []
    size = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as copy:
        for piece in copy:
            pieces.append(bytes(piece))
            size += len(piece)
            if size >= PIECE:
                yield b"".join(pieces)
                pieces, size = [], 0
    yield b"".join(pieces)


def _fetched(sql: str, params: Any) -> Iterator[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        while batch := cursor.fetchmany(BATCH):
            yield _lines(batch).encode("utf-8", "replace")


class _Lines(list):
    """What csv.writer writes to. It quotes a carriage return only when its own lines end with one; ours do not."""

    def write(self, line: str) -> None:
        self.append(line[:-2])


def _lines(rows: Any) -> str:
    lines = _Lines()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return "\n".join([*lines, ""])
