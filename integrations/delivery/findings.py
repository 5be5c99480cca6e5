"""The daily comparison: what stands there and is unknown here, and what we have that does not; kept for people to see.

It runs over every complete listing, and `look.is_curious` sees to one a day. It creates, closes and deletes nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import structlog

from remediation.models import (
    OPEN_REMOTELY,
    ActivityStatus,
    DeliveryState,
    FindingKind,
    RemoteFinding,
    RemoteState,
    Ticket,
    TicketSystem,
)

from ..connectors.base import RemoteTicket

log = structlog.get_logger(__name__)

Found = dict[str, list[RemoteTicket]]
_CHUNK = 500
_LONGEST_ID, _LONGEST_TITLE = 128, 255


def doubles(system: TicketSystem, found: Found) -> list[tuple[Ticket, RemoteTicket]]:
    """Remote tickets with the marker of one of ours that stands there under another id."""
    ids = {marker: (pk, remote_id) for marker, pk, remote_id in _ours(system, found) if remote_id}
    others = {
        ids[marker][0]: [other for other in there if other.remote_id != ids[marker][1]]
        for marker, there in found.items()
        if marker in ids
    }
    doubled = [pk for pk, same in others.items() if same]
    return [
        (ticket, other)
        for chunk in _chunks(doubled)
        for ticket in Ticket.objects.filter(pk__in=chunk).defer("payload")
        for other in others[ticket.pk]
    ]


def compare(system: TicketSystem, found: Found, doubled: list[tuple[Ticket, RemoteTicket]], started: datetime) -> None:
    """Keep what a complete listing shows otherwise than we have it, and end what it no longer shows."""
    met = {_key(one): one for one in [*_missing(system), *_unknown(system, found), *_second(system, doubled)]}
    known = {_key(one): one for one in system.findings.current()}
    fresh = [one for key, one in met.items() if key not in known]
    for one in fresh:
        one.found_at = one.seen_at = started
        log.warning("remote_finding", system=system.pk, kind=one.kind, remote_id=one.remote_id, marker=one.marker)
    RemoteFinding.objects.bulk_create(fresh, batch_size=_CHUNK)
    for chunk in _chunks([known[key].pk for key in met if key in known]):
        RemoteFinding.objects.filter(pk__in=chunk).update(seen_at=started)
    for chunk in _chunks([one.pk for key, one in known.items() if key not in met]):
        RemoteFinding.objects.filter(pk__in=chunk).update(ended_at=started)


def _missing(system: TicketSystem) -> Iterator[RemoteFinding]:
    """Ours that are gone, as long as their activity still wants them."""
    gone = system.tickets.filter(remote_state=RemoteState.MISSING, activity__status=ActivityStatus.ACTIVE)
    for ticket in gone.filter(delivery_state=DeliveryState.DELIVERED).select_related("activity").defer("payload"):
        yield RemoteFinding(
            system=system,
            kind=FindingKind.MISSING,
            ticket=ticket,
            remote_id=ticket.remote_id,
            marker=ticket.marker,
            title=ticket.activity.title[:_LONGEST_TITLE],
            remote_state=RemoteState.MISSING,
        )


def _unknown(system: TicketSystem, found: Found) -> Iterator[RemoteFinding]:
    ours = {marker for marker, _pk, _remote_id in _ours(system, found)}
    for marker, there in found.items():
        if marker not in ours:
            yield from (_finding(system, FindingKind.UNKNOWN, marker, remote) for remote in there)


def _second(system: TicketSystem, doubled: list[tuple[Ticket, RemoteTicket]]) -> Iterator[RemoteFinding]:
    """Those that somebody might still work on."""
    for ticket, other in doubled:
        if other.state in OPEN_REMOTELY:
            yield _finding(system, FindingKind.DOUBLE, ticket.marker, other, ticket=ticket)


def _finding(system: TicketSystem, kind: FindingKind, marker: str, remote: RemoteTicket, **more: Any) -> RemoteFinding:
    return RemoteFinding(
        system=system,
        kind=kind,
        remote_id=remote.remote_id[:_LONGEST_ID],
        marker=marker,
        title=remote.title[:_LONGEST_TITLE],
        remote_state=remote.state,
        created_there_at=remote.created_at,
        **more,
    )


def _key(finding: RemoteFinding) -> tuple[str, str]:
    return finding.kind, finding.remote_id


def _ours(system: TicketSystem, found: Found) -> Iterator[tuple[str, int, str]]:
    """Marker, key and remote id of each ticket of ours whose marker was found."""
    for chunk in _chunks(list(found)):
        yield from Ticket.objects.filter(system=system, marker__in=chunk).values_list("marker", "pk", "remote_id")


def _chunks(values: list) -> Iterable[list]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
