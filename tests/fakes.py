"""A ticket system in memory, which can be told to fail in each of the ways that a real one has."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from django.db import connection
from django.utils import timezone

from integrations.connectors.base import Finding, Limit, Listing, Order, Phase, Reading, RemoteTicket, Reply
from remediation.markers import find_markers

OK = Reply(Phase.COMPLETE, 200)


def answered(status: int, **more) -> Reply:
    return Reply(Phase.COMPLETE, status, reason=f"Answered {status}.", **more)


TIMED_OUT = Reply(Phase.UNFINISHED, None, reason="No answer in time.")
# Fate -> (whether it is stored, the reply).
FATES: dict[str, tuple[bool, Reply]] = {
    "lost_after_commit": (True, TIMED_OUT),
    "lost_before_commit": (False, TIMED_OUT),
    "500_after_commit": (True, answered(500)),
    "503_after_commit": (True, answered(503)),
    "504_after_commit": (True, answered(504)),
    "500": (False, answered(500)),
    "503": (False, answered(503)),
    "201_bad_json": (True, answered(201)),
    "200_after_commit": (True, answered(200)),
    "429": (False, answered(429, wait=30)),
    "401": (False, answered(401)),
    "403": (False, answered(403)),
    "400": (False, answered(400)),
    "no_token": (False, Reply(Phase.NOT_SENT, reason="No token.", lacks_token=True)),
    "not_sent": (False, Reply(Phase.NOT_SENT, reason="No such host.")),
    "refuses_devices": (False, answered(400, refuses_devices=True)),
}


@dataclass
class FakeTicketSystem:
    """A connector and the system behind it in one. `fates` says what happens to the next requests that create."""

    fates: deque = field(default_factory=deque)
    status_fates: deque = field(default_factory=deque)
    tickets: dict[str, RemoteTicket] = field(default_factory=dict)
    # What a request that its client has given up will still store, and when.
    late: list[tuple[datetime, str]] = field(default_factory=list)
    posts: list[bytes] = field(default_factory=list)
    statuses: list[tuple[str, str, str]] = field(default_factory=list)
    listings: int = 0
    listing_breaks: bool = False
    hidden: set[str] = field(default_factory=set)
    # Whether devices inside a ticket are kept, as it answers when asked.
    keeps: bool | None = True
    sign_ins: int = 0
    limit: Limit | None = None
    # Never the same twice, also where threads create at once.
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    # Called while a request is under way.
    meanwhile: list = field(default_factory=list)
    # Seconds after which a late request is stored, and the clock that it goes by.
    lateness: float = 60.0
    now: Callable[[], datetime] = timezone.now

    def __call__(self) -> "FakeTicketSystem":
        return self

    def render(self, order: Order) -> bytes:
        body = {"text": order.facts.get("title", ""), "marker": order.marker}
        return json.dumps(body | ({"devices": order.devices} if order.takes_devices else {})).encode()

    def create(self, payload: bytes) -> Reply:
        assert not connection.in_atomic_block or connection.savepoint_ids == [], "a call inside a transaction"
        self.posts.append(payload)
        while self.meanwhile:
            self.meanwhile.pop(0)()
        fate = self.fates.popleft() if self.fates else "ok"
        if fate == "ok":
            return Reply(Phase.COMPLETE, 201, remote_id=self.store(json.loads(payload)["marker"]))
        if fate == "late":
            self.late.append((self.now() + timedelta(seconds=self.lateness), json.loads(payload)["marker"]))
            return TIMED_OUT
        stores, reply = FATES[fate]
        if stores:
            self.store(json.loads(payload)["marker"])
        return reply

    def store(self, marker: str, state: str = "pending") -> str:
        remote_id = f"task-{next(self.numbers)}"
        self.tickets[remote_id] = RemoteTicket(remote_id, state, "", tuple(find_markers(marker)), timezone.now())
        return remote_id

    def arrive(self) -> None:
        """Store what has been on its way for long enough."""
        for moment, marker in [late for late in self.late if late[0] <= self.now()]:
            self.late.remove((moment, marker))
            self.store(marker)

    def made_by_others(self, product: str, *, kind: str = "software", state: str = "pending") -> str:
        """A ticket that bears no marker of ours, as Microsoft Defender makes them."""
        remote_id = f"theirs-{len(self.tickets) + 1}"
        self.tickets[remote_id] = RemoteTicket(
            remote_id, state, "", (), timezone.now(), title=f"Update {product}", kind=kind, product=product
        )
        return remote_id

    def edit(self, remote_id: str, state: str, note: str = "") -> None:
        """What the administrator of the ticket system does."""
        old = self.tickets[remote_id]
        self.tickets[remote_id] = replace(old, state=state, note=note)

    def set_status(self, remote_id: str, state: str, note: str) -> Reply:
        self.statuses.append((remote_id, state, note))
        fate = self.status_fates.popleft() if self.status_fates else "ok"
        if remote_id not in self.tickets:
            return answered(404)
        stores, reply = (True, answered(204)) if fate == "ok" else FATES[fate]
        if stores:
            self.edit(remote_id, state, note)
        return reply

    def read(self, remote_id: str) -> Reading:
        ticket = self.tickets.get(remote_id)
        return Reading(OK if ticket else answered(404), ticket)

    def keeps_devices(self, remote_id: str) -> bool | None:
        return self.keeps

    def list_all(self) -> Listing:
        self.listings += 1
        self.arrive()
        while self.meanwhile:
            self.meanwhile.pop(0)()
        shown = [ticket for key, ticket in self.tickets.items() if key not in self.hidden]
        if self.listing_breaks:
            return Listing(shown[: len(shown) // 2], False, TIMED_OUT)
        return Listing(shown, True, OK)

    def sign_in_again(self) -> None:
        self.sign_ins += 1

    def test(self, *, with_writing: bool) -> list[Finding]:
        return [Finding("read", True, "It can be read.", "works")]

    def with_marker(self, marker: str) -> list[str]:
        return [key for key, ticket in self.tickets.items() if marker in ticket.markers]
