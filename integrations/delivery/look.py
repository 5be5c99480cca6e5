"""Looking at what stands in the ticket system: one complete listing serves every question that we have.

It adopts what carries our marker, settles the uncertain, brings back what the administrator did there, and finds
missing and doubled tickets. Presence is believed from any listing; absence only from a complete one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from remediation.models import DeliveryState, Lease, RemoteState, Route, Ticket, TicketSystem
from remediation.rules.activities import complete_by_tickets

from .. import imported
from ..connectors import connector_for
from ..connectors.base import RemoteTicket
from . import classify, findings, foreign, reconcile, record, remote, throttle
from .claim import worker_name

log = structlog.get_logger(__name__)

# However little is open: what stands there that we do not know is only seen by looking.
LOOK_AT_LEAST_EVERY = timedelta(days=1)
_CHUNK = 500
_LATEST = datetime.max.replace(tzinfo=UTC)
ADOPTABLE = (DeliveryState.READY, DeliveryState.UNCERTAIN, DeliveryState.DEAD, DeliveryState.CANCELLED)


def look_everywhere() -> None:
    """Look at each system in which something is open or uncertain, and at each once a day. Twice at once looks once."""
    for system in TicketSystem.objects.filter(is_enabled=True):
        if is_curious(system):
            look(system)


def is_curious(system: TicketSystem) -> bool:
    """Whether a listing could tell us something."""
    if system.last_listed_at is None or system.last_listed_at < timezone.now() - LOOK_AT_LEAST_EVERY:
        return True
    return remote.watched(system).exists() or reconcile.due(system).exists() or foreign.are_wanted(system)


def look(system: TicketSystem) -> bool:
    """One listing and all that follows from it. Returns whether it was complete."""
    lease = f"look:{system.pk}"
    holder = worker_name()
    # As long as a listing may take. Should one take longer, two looks at once count no absence twice.
    if not throttle.may_look(system) or not Lease.objects.take(lease, holder, settings.DELIVERY_LEASE):
        return False
    try:
        return _look(system)
    finally:
        Lease.objects.release(lease, holder)


def _look(system: TicketSystem) -> bool:
    # Before the listing: only what was in question when it started can be answered by it.
    started = timezone.now()
    questions = list(reconcile.due(system, started))
    connector = connector_for(system.pk)
    listing = connector.list_all()
    if not listing.is_complete:
        kind = classify.of_read(listing.reply)
        throttle.note_other(system.pk, kind, listing.reply)
        log.warning("listing_incomplete", system=system.pk, kind=kind, reason=listing.reply.reason[:200])
        if kind in {classify.Kind.AUTH, classify.Kind.FORBIDDEN}:
            connector.sign_in_again()
        if kind is classify.Kind.FORBIDDEN:
            TicketSystem.objects.filter(pk=system.pk).update(list_route=Route.REFUSED)
    found = _by_marker(listing.tickets)
    _adopt(system, found)
    reconcile.settle(questions, found, listing, started)
    remote.take_over(system, listing.tickets, started)
    doubled = findings.doubles(system, found)
    for ticket, other in doubled:
        remote.report_double(ticket, other)
    if listing.is_complete:
        remote.find_missing(system, listing.tickets, connector, started)
        findings.compare(system, found, doubled, started)
        foreign.keep(system, listing.tickets)
        imported.keep_tickets(system, listing.tickets, started)
        TicketSystem.objects.filter(pk=system.pk).update(last_listed_at=started, list_route=Route.WORKS)
    return listing.is_complete


def _by_marker(tickets: Iterable[RemoteTicket]) -> dict[str, list[RemoteTicket]]:
    """The oldest first."""
    found: dict[str, list[RemoteTicket]] = defaultdict(list)
    for ticket in tickets:
        for marker in ticket.markers:
            found[marker].append(ticket)
    for same in found.values():
        same.sort(key=lambda ticket: (ticket.created_at or _LATEST, ticket.remote_id))
    return found


def _with_markers(system: TicketSystem, markers: Iterable[str], **which) -> Iterator[Ticket]:
    wanted = list(markers)
    for start in range(0, len(wanted), _CHUNK):
        yield from Ticket.objects.filter(system=system, marker__in=wanted[start : start + _CHUNK], **which).defer(
            "payload"
        )


def _adopt(system: TicketSystem, found: dict[str, list[RemoteTicket]]) -> None:
    """Whatever we thought of a ticket: it stands there, so it is created."""
    for ticket in _with_markers(system, found, delivery_state__in=ADOPTABLE):
        first = found[ticket.marker][0]
        was_uncertain = ticket.delivery_state == DeliveryState.UNCERTAIN
        if record.adopt(ticket, ticket.fence, first.remote_id, state=first.state):
            reconcile.log_look(ticket, ticket.fence + 1, found_id=first.remote_id)
            if first.state == RemoteState.COMPLETED:
                complete_by_tickets(ticket.activity, first.note or "")
            if was_uncertain:
                throttle.created_after_all(system.pk)
