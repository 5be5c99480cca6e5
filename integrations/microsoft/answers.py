"""What came back of a request, or why nothing did."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import msgspec

# Longer waits are not believed: an absurd value must not stop a connection for a year.
LONGEST_WAIT = 6 * 3600.0
# What is parsed of an error's text, for people.
_MESSAGE_CAP = 400


class Failure(StrEnum):
    """Why there is no complete answer. The first group: nothing was sent."""

    ADDRESS = "address"
    TOKEN = "token"  # noqa: S105
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    # From here on bytes may have been received.
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    RESET = "reset"
    BROKEN = "broken"
    TOO_LARGE = "too_large"


NOT_SENT = frozenset({Failure.ADDRESS, Failure.TOKEN, Failure.DNS, Failure.CONNECT, Failure.TLS})


class BrokenBody(ValueError):
    """A body that is not the JSON it should be."""


@dataclass(frozen=True)
class Answer:
    """One request's outcome. Header names are lower case."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    failure: Failure | None = None
    reason: str = ""
    client_request_id: str = ""

    @property
    def is_complete(self) -> bool:
        return self.failure is None

    @property
    def was_not_sent(self) -> bool:
        return self.failure in NOT_SENT

    @property
    def is_ok(self) -> bool:
        return self.is_complete and self.status is not None and 200 <= self.status < 300

    @property
    def remote_request_id(self) -> str:
        """The id to name to Microsoft's support."""
        return self.headers.get("request-id", "")[:64]

    def retry_after(self, now: datetime | None = None) -> float | None:
        return retry_after(self.headers.get("retry-after"), now)

    def json(self, kind: type = dict) -> Any:
        """The body as `kind`. No NaN, no numbers beyond the range of a double, no bottomless nesting."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
            raise BrokenBody(f"The answer is not the JSON expected: {problem}"[:_MESSAGE_CAP]) from None

    def error_message(self) -> tuple[str, str]:
        """(code, message) of a Graph or Defender error, empty where there is none. Intune nests JSON in the message."""
        error = _error_object(self.body)
        message = error.get("message")
        nested = _load(message.encode(errors="replace")) if isinstance(message, str) else {}
        nested_error = nested.get("error")
        inner = nested_error if isinstance(nested_error, dict) else nested
        return _plain(error.get("code")), _plain(inner.get("message") or inner.get("Message") or message)


def _error_object(body: bytes) -> dict[str, Any]:
    found = _load(body).get("error")
    return found if isinstance(found, dict) else {}


def _load(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body[:100_000])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _plain(value: object) -> str:
    """Text for people: one line, no control characters, not long."""
    text = value if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MESSAGE_CAP]


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header: whole or fractional seconds, or a date. None where it says nothing.

    Graph's own example is 2.128, which urllib3 refuses. The past means now; the absurd is cut to six hours.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, now or datetime.now(UTC))
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _seconds_until(text: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()
