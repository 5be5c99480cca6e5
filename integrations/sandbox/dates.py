"""The three spellings of a moment that the APIs use."""

from datetime import UTC, datetime

DAY = 86_400.0
SENTINEL = "0001-01-01T00:00:00Z"


def with_seven_digits(moment: float) -> str:
    """ISO with seven fractional digits and Z, as machines and tasks carry it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def with_milliseconds(moment: float) -> str:
    """ISO with milliseconds and Z."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def without_zone(moment: float, digits: int = 7) -> str:
    """The exports' spelling: a blank for the T and no zone, to be read as UTC; -1 digits leave out the point too."""
    text = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + "0"
    return text[: 20 + digits]


def http_date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
