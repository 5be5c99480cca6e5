"""One value of the source made safe to store: text, dates, numbers. The source's text is hostile."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

# Control characters (PostgreSQL refuses NUL), and halves of surrogate pairs (neither database takes them).
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# More digits of a second than Python keeps.
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
PLANNED_AT_MOST = timedelta(days=3652)


def text(value: str | None, limit: int) -> str:
    """One value without control characters and lone surrogates, cut to what the column holds."""
    if not value:
        return ""
    if _UNWANTED.search(value):
        value = _UNWANTED.sub(" ", value)
    return value.strip()[:limit].rstrip()


def identifier(value: str) -> str:
    """An id for comparing: ids that differ in case or composition only are the same."""
    return unicodedata.normalize("NFC", text(value, 1000)).lower()


def moment(value: str | None, now: datetime | None = None) -> datetime | None:
    """A time in one of the source's forms; without a zone it is UTC. None for none, nonsense and sentinels.

    Forms: ISO with seven digits and Z, `yyyy-MM-dd HH:mm:ss[.fffffff]` without a zone, ISO with milliseconds and Z.
    Sentinels: 0001-01-01, 9999-12-31 and whatever else is before 1970 or more than a day ahead.
    """
    latest = (now or datetime.now(UTC)) + timedelta(days=1)
    return _within(value, latest)


def _within(value: str | None, latest: datetime) -> datetime | None:
    if not value:
        return None
    try:
        found = datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", value.strip()))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if EARLIEST <= found <= latest else None


def measure(value: float | None) -> float | None:
    """A score or probability without digits that mean nothing: a product of the tiniest floats is an error."""
    return None if value is None else round(value, 9)


def day(value: str | None) -> date | None:
    found = moment(value)
    return found.date() if found else None


def planned_day(value: str | None) -> date | None:
    """A day that may lie ahead, such as a due date, but not beyond ten years: that is a sentinel."""
    found = _within(value, datetime.now(UTC) + PLANNED_AT_MOST)
    return found.date() if found else None
