"""The CSV of all remediation activities, beside the same rows written by the database's own program."""

import time
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.db.models import QuerySet
from django.test import Client

import dashboard.exports

from . import meters
from .database_csv import DatabaseCsv
from .estate import Size
from .people import READERS, signed_in

_URL = "/remediation/?format=csv"
_MOST_ROUNDS = 5


def run(size: Size, rounds: int) -> dict[str, Any]:
    return measured(signed_in(READERS["all 7 groups"]), _URL, rounds)


def measured(client: Client, url: str, rounds: int) -> dict[str, Any]:
    """Sums over the rounds, ours and the database's own in turn."""
    client.get("/bench/nothing/")
    with meters.peak_memory() as first_growth:
        response, seconds, length = _download(client, url)
    if response.status_code != 200 or not response.streaming:
        return {"status": response.status_code}
    with meters.peak_memory() as growth:
        _download(client, url)
    own = DatabaseCsv(_plain_sql(client, url))
    rounds = min(rounds, _MOST_ROUNDS)
    ours, theirs, first_bytes, first_rows = meters.Cost(), meters.Cost(), [], []
    for _ in range(rounds):
        with meters.cost() as cost:
            _, seconds, length = _download(client, url)
        ours += cost
        theirs += own.write()
        first_bytes.append(seconds[0])
        first_rows.append(seconds[min(1, len(seconds) - 1)])
    return {
        "status": 200,
        "rounds": rounds,
        "rows": own.rows,
        "bytes": length,
        "ours": ours.per(rounds),
        "own": theirs.per(rounds),
        "own_program": own.program,
        "first_byte": meters.summary(first_bytes)["median"],
        "first_rows": meters.summary(first_rows)["median"],
        "first_growth": first_growth[0],
        "growth": growth[0],
    }


def _download(client: Client, url: str) -> tuple[Any, list[float], int]:
    """The response, the seconds at which its pieces came, and its bytes."""
    start, seconds, length = time.perf_counter(), [], 0
    response = client.get(url)
    for piece in response:
        seconds.append(time.perf_counter() - start)
        length += len(piece)
    return response, seconds, length


def _plain_sql(client: Client, url: str) -> str:
    """The columns of the export as the database would write them, without our guards and formats."""
    kept: list[tuple[QuerySet, list]] = []
    original = dashboard.exports.stream

    def remember(queryset: QuerySet, columns: list, *args: Any) -> Any:
        kept.append((queryset, columns))
        return original(queryset, columns, *args)

    with patch.object(dashboard.exports, "stream", remember):
        b"".join(client.get(url))
    queryset, columns = kept[0]
    names = {f"plain_{place}": expression for place, (_, expression) in enumerate(columns)}
    sql, params = queryset.annotate(**names).values_list(*names).query.sql_with_params()
    if connection.vendor == "postgresql":
        return connection.ops.compose_sql(sql, params)
    with connection.cursor() as cursor:
        return connection.ops.last_executed_query(cursor, sql, params)
