"""What became of installed versions, as events; and the export of them."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from . import assessments
from .dates import DAY, with_seven_digits
from .odata import BadQuery
from .tenant import Tenant

REACH = 14 * DAY
# The service cuts its data so, and gives out the piece that holds the moment asked for whole.
PIECE = DAY / 4


def gone(connection: sqlite3.Connection, devices: Iterable[int], product: str, now: float) -> None:
    """Write down that whatever versions the devices have of a product are about to go."""
    connection.executemany(
        "INSERT INTO event (device, product, version, status, at)"
        " SELECT device, product, version, 'Fixed', ? FROM installation WHERE device = ? AND product = ?",
        [(now, device, product) for device in devices],
    )


def installed(connection: sqlite3.Connection, rows: Iterable[tuple[int, str, str, float]]) -> None:
    """Write down that these versions have come: (device, product, version, moment)."""
    connection.executemany("INSERT INTO event (device, product, version, status, at) VALUES (?, ?, ?, 'New', ?)", rows)


def forget_old(connection: sqlite3.Connection, now: float) -> None:
    """Events keep their moments when imagined days pass: whoever asks for what came since lives in real ones."""
    connection.execute("DELETE FROM event WHERE at < ?", (now - REACH - PIECE,))


def read_since(tenant: Tenant, raw: str | None) -> float:
    """The moment from which on events are asked for; the service insists on one, and not on too old a one."""
    try:
        since = datetime.fromisoformat(raw or "").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise BadQuery("The query option sinceTime is missing or no date.") from None
    if since < tenant.now() - REACH:
        raise BadQuery("sinceTime must not be more than 14 days ago.")
    return since - since % PIECE


def changes(tenant: Tenant, start: assessments.Position, since: float) -> assessments.Rows:
    """One row for each weakness of each version that came or went."""
    statement = (
        "SELECT device.*, product, version, status, at, sequence FROM event JOIN device ON number = device"
        " WHERE at >= ? AND sequence >= ? ORDER BY sequence"
    )
    for row in tenant.store.connection.execute(statement, (since, start[0])):
        product = tenant.catalogue.products[row["product"]]
        word = {"status": row["status"], "eventTimestamp": with_seven_digits(row["at"])}
        for place, encoded in enumerate(assessments.weakness_rows(row, product, row["at"], word)):
            if (row["sequence"], place) >= start:
                yield (row["sequence"], place), encoded
