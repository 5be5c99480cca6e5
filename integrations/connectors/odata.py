"""What the connectors of Microsoft's systems share: an answer as a `Reply`, and a list read to its last page.

A listing follows the links to the next page until there is none; every other end makes it incomplete.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from integrations.microsoft import Answer, MicrosoftClient

from .base import Listing, Phase, RemoteTicket, Reply

# Seconds for a whole listing, and pages at most: a chain of links without an end is no listing.
LISTING_DEADLINE = 120.0
MOST_PAGES = 2000
LARGEST_PAGE = 20 * 1024 * 1024


class _NoPage(ValueError):
    """An answer that is not a page of a list."""


def reply_of(answer: Answer, speaker: str, *, remote_id: str = "", refuses_devices: bool = False) -> Reply:
    """`speaker` is who answered, for people."""
    phase = Phase.NOT_SENT if answer.was_not_sent else Phase.COMPLETE if answer.is_complete else Phase.UNFINISHED
    return Reply(
        phase=phase,
        status=answer.status,
        reason=answer.reason or _in_words(answer, speaker),
        remote_id=remote_id,
        wait=answer.retry_after(),
        lacks_token=answer.failure == "token",
        refuses_devices=refuses_devices,
        client_request_id=answer.client_request_id,
        remote_request_id=answer.remote_request_id,
    )


def broken(answer: Answer, reason: str) -> Reply:
    """An answer that came, and says nothing that can be used."""
    return Reply(Phase.UNFINISHED, answer.status, reason, client_request_id=answer.client_request_id)


def listing(
    client: MicrosoftClient, address: str, as_ticket: Callable[[Any], RemoteTicket | None], speaker: str
) -> Listing:
    """Every entry as a ticket. One that cannot be read (None) makes the listing incomplete: it might be ours."""
    ends = time.monotonic() + LISTING_DEADLINE
    found: list[RemoteTicket] = []
    met: set[str] = set()
    while True:
        answer = client.get(address, body_cap=LARGEST_PAGE)
        try:
            entries, following = _page(answer)
        except _NoPage:
            return Listing(found, False, reply_of(answer, speaker))
        tickets = [as_ticket(entry) for entry in entries]
        found += [ticket for ticket in tickets if ticket]
        if None in tickets:
            return Listing(found, False, broken(answer, "An entry of the list could not be read."))
        if following is None:
            return Listing(found, True, reply_of(answer, speaker))
        met.add(address)
        address = following
        if address in met or len(met) >= MOST_PAGES or time.monotonic() > ends or not client.allows(address):
            return Listing(found, False, broken(answer, "The list did not come to an end."))


def parsed(body: bytes) -> Any:
    """Read leniently: odd texts of foreign entries must not hide ours. None for what is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _page(answer: Answer) -> tuple[list[Any], str | None]:
    """The entries and the link to the next page."""
    page = parsed(answer.body) if answer.is_complete and answer.status == 200 else None
    if not isinstance(page, dict) or not isinstance(page.get("value"), list):
        raise _NoPage
    following = page.get("@odata.nextLink")
    if not isinstance(following, str | None):
        raise _NoPage
    return page["value"], following


def _in_words(answer: Answer, speaker: str) -> str:
    if answer.is_ok:
        return ""
    code, message = answer.error_message()
    # Some give the status once more as the code.
    code = "" if code == str(answer.status) else code
    return f"{speaker} answered {answer.status} {code}".strip() + f". {message}".rstrip()
