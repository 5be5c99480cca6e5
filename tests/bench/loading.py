"""Rows into tables, as fast as each database takes them."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction

_BATCH = 5_000


def load(model: type[models.Model], columns: list[str], rows: Iterable[tuple], **same: Any) -> None:
    """Store rows of the columns; what is neither among them nor in `same` gets the model's default."""
    fields = {item.column: item for item in model._meta.concrete_fields if item.column}
    rest = [name for name in fields if name not in columns and not fields[name].primary_key]
    constants = tuple(_stored(fields[name], same.get(name, fields[name].get_default())) for name in rest)
    converters = [_converter(fields[name]) for name in columns]
    prepared = ((*(convert(value) for convert, value in zip(converters, row, strict=True)), *constants) for row in rows)
    with transaction.atomic():
        _write(model._meta.db_table, [*columns, *rest], prepared)


def reset_sequences(*loaded: type[models.Model]) -> None:
    """Let the next row get an id behind those that were loaded."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), loaded):
            cursor.execute(statement)


def analyze() -> None:
    """Tell the planner what there is, as the databases would by themselves after a while."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _write(table: str, columns: list[str], rows: Iterator[tuple]) -> None:
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {connection.ops.quote_name(table)} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO {connection.ops.quote_name(table)} ({names}) VALUES ({places})"
        while batch := list(islice(rows, _BATCH)):
            cursor.executemany(statement, batch)


def _converter(item: models.Field) -> Callable[[Any], Any]:
    converted = models.DateTimeField | models.DateField | models.UUIDField | models.JSONField
    return (lambda value: _stored(item, value)) if isinstance(item, converted) else (lambda value: value)


def _stored(item: models.Field, value: Any) -> Any:
    if isinstance(item, models.JSONField):
        return json.dumps(value)
    return item.get_db_prep_save(value, connection)
