"""What a ticket system must be able to do for us. A connector knows that system's HTTP and nothing of our statuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from ..allowance import Limit


class Phase(StrEnum):
    """How far a request got. Unfinished: bytes may have arrived over there, but no whole answer came back."""

    NOT_SENT = "not_sent"
    UNFINISHED = "unfinished"
    COMPLETE = "complete"


@dataclass(frozen=True)
class Reply:
    """What came back of one request. `delivery.classify` says what it means."""

    phase: Phase
    # HTTP status; None when nothing came back.
    status: int | None = None
    # A sentence for people, without secrets.
    reason: str = ""
    # The id of the created ticket, when the body was what it should be.
    remote_id: str = ""
    # Seconds the system asked to wait, if it did.
    wait: float | None = None
    # The request could not carry a valid token: nothing of it was sent to the ticket system.
    lacks_token: bool = False
    # Refused because of the devices inside; the same ticket without them may be taken.
    refuses_devices: bool = False
    client_request_id: str = ""
    remote_request_id: str = ""


@dataclass(frozen=True)
class RemoteTicket:
    """A ticket as the system shows it, with the genuine markers of ours found in its text."""

    remote_id: str
    # pending, active, completed, rejected or unknown: the words of `RemoteState`.
    state: str
    # What its administrator wrote; None where the system does not show notes.
    note: str | None
    markers: tuple[str, ...]
    created_at: datetime | None
    title: str = ""
    # software or configuration, as in `Order.facts`; empty for another or an unknown kind.
    kind: str = ""
    # The product that it is about, where it names one.
    product: str = ""


@dataclass(frozen=True)
class Listing:
    """All tickets of the system, or, when not complete, those read before it broke off."""

    tickets: list[RemoteTicket]
    is_complete: bool
    # The last answer: says why a listing broke off.
    reply: Reply


@dataclass(frozen=True)
class Reading:
    """One ticket by its id: there, or not, or not known."""

    reply: Reply
    ticket: RemoteTicket | None = None


@dataclass(frozen=True)
class Order:
    """All that a connector may put into a ticket."""

    facts: Mapping[str, Any]
    marker: str
    # Entra device id and name.
    devices: list[tuple[str, str]]
    # Whether the devices go inside; without, they are only counted and linked to.
    takes_devices: bool = True


@dataclass(frozen=True)
class Wanted:
    """A device that is to go into a ticket, as we know it."""

    # Our key of it.
    key: int
    entra_id: str
    name: str


@dataclass(frozen=True)
class Resolution:
    """What the system calls devices of ours. One that was asked about and is not among them is not known there."""

    reply: Reply
    # Our key -> its id there.
    ids: Mapping[int, str]
    # Keys that were asked about, whether or not they were found.
    asked: frozenset[int]


@dataclass(frozen=True)
class Members:
    """The ids of the devices inside a ticket; None when they could not be read."""

    reply: Reply
    ids: frozenset[str] | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that a connection test found out, in words."""

    # address, sign_in, roles, read, write
    step: str
    # None: not tried.
    works: bool | None
    words: str
    # For `read` and `write`: what is remembered of the route (see `remediation.models.Route`).
    route: str = ""
    # For `write`: whether devices inside a ticket are kept; None when that was not found out.
    takes_devices: bool | None = None
    details: list[str] = field(default_factory=list)


class Connector(Protocol):
    """One ticket system. No method raises for what the network or the other side does."""

    @property
    def limit(self) -> Limit | None:
        """What the system is documented to take of us, for all workers together; None where there is no such limit."""
        ...

    def render(self, order: Order) -> bytes:
        """The ticket as bytes, the same for the same order. Raises ValueError for facts that make no ticket."""
        ...

    def create(self, payload: bytes) -> Reply: ...

    def set_status(self, remote_id: str, state: str, note: str) -> Reply: ...

    def read(self, remote_id: str) -> Reading: ...

    def keeps_devices(self, remote_id: str) -> bool | None:
        """Whether the devices that were put inside a ticket are in it; None when that cannot be told."""
        ...

    def list_all(self) -> Listing: ...

    def sign_in_again(self) -> None:
        """Forget the token: the next request gets a new one."""
        ...

    def test(self, *, with_writing: bool) -> list[Finding]:
        """Try each route. With writing, a labelled ticket is created and deleted."""
        ...


class FillingConnector(Connector, Protocol):
    """One whose tickets get their devices one by one, after they were created: `TicketSystem.fills_later`."""

    def resolve(self, wanted: Sequence[Wanted]) -> Resolution: ...

    def members(self, remote_id: str) -> Members: ...

    def add_member(self, remote_id: str, member_id: str, name: str) -> Reply: ...
