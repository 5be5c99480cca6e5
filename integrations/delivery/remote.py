"""What the administrator of the ticket system did: brought back, told once, never silently undone."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import (
    OPEN_REMOTELY,
    ActivityStatus,
    AuditEvent,
    DeliveryState,
    RemoteState,
    Ticket,
    TicketSystem,
)
from remediation.models.tickets import TicketQuerySet
from remediation.rules.activities import complete_by_tickets

from ..connectors.base import Connector, RemoteTicket
from . import classify, record, throttle
from .classify import Kind

log = structlog.get_logger(__name__)

_CHUNK = 500
# Tickets that are gone are confirmed one by one, for so many seconds; the rest waits for the next listing.
_CONFIRMING = 60.0


def watched(system: TicketSystem) -> TicketQuerySet:
    """The tickets whose fate over there still matters: those that are open there, or whose work is not done here."""
    matters = Q(remote_state__in=OPEN_REMOTELY) | Q(activity__status=ActivityStatus.ACTIVE)
    there = system.tickets.filter(matters, delivery_state=DeliveryState.DELIVERED)
    return there.exclude(remote_state=RemoteState.MISSING)


def take_over(system: TicketSystem, seen: Iterable[RemoteTicket], started: datetime) -> None:
    """Write down state and note of each of our tickets that a listing shows, unless we know better since it started."""
    by_id = {ticket.remote_id: ticket for ticket in seen}
    now = timezone.now()
    for ids in _chunks(list(by_id)):
        ours = Ticket.objects.filter(system=system, remote_id__in=ids, remote_changed_at__lt=started)
        # Most stand as they stood: only the others are worth more than three columns.
        known = ours.values_list("remote_id", "remote_state", "remote_note")
        others = [remote_id for remote_id, *stands in known if (*stands,) != _stands(by_id[remote_id], stands[1])]
        for ticket in ours.filter(remote_id__in=others).defer("payload", "facts").select_related("system"):
            changed(ticket, by_id[ticket.remote_id])
        ours.update(remote_read_at=now)


@transaction.atomic
def changed(ticket: Ticket, there: RemoteTicket) -> bool:
    """One ticket's state and note. A change is audited once, whoever sees it first."""
    state, note = _stands(there, ticket.remote_note)
    if (state, note) == (ticket.remote_state, ticket.remote_note):
        return False
    return _write(ticket, state, note)


def _stands(there: RemoteTicket, known_note: str) -> tuple[str, str]:
    """State and note; a note that the system does not show is the one that we know."""
    return there.state, known_note if there.note is None else there.note


def find_missing(system: TicketSystem, seen: Iterable[RemoteTicket], connector: Connector, started: datetime) -> None:
    """Tickets that a complete listing does not show. Each is asked for by its id before it is called missing."""
    ids = {ticket.remote_id for ticket in seen}
    # A fresh ticket may not be in the list yet; one that its administrator has touched was.
    old_enough = started - timedelta(seconds=settings.DELIVERY_QUARANTINE)
    fresh = Q(remote_state__in=[RemoteState.UNKNOWN, RemoteState.PENDING], remote_changed_at__gte=old_enough)
    ours = watched(system).filter(remote_changed_at__lt=started).exclude(fresh).defer("payload", "facts")
    gone = [ticket for ticket in ours.iterator() if ticket.remote_id not in ids]
    ends = time.monotonic() + _CONFIRMING
    for ticket in gone:
        if time.monotonic() > ends:
            return
        reading = connector.read(ticket.remote_id)
        kind = classify.of_read(reading.reply)
        if kind is Kind.MISSING:
            missing(ticket)
        elif kind is Kind.DONE and reading.ticket:
            changed(ticket, reading.ticket)
        else:
            throttle.note_other(system.pk, kind, reading.reply)
            return


@transaction.atomic
def missing(ticket: Ticket) -> bool:
    """It was deleted over there. Shown, and left to people: it is not created again."""
    return _write(ticket, RemoteState.MISSING, ticket.remote_note)


def _write(ticket: Ticket, state: str, note: str) -> bool:
    before = {"remote_state": ticket.remote_state, "remote_note": ticket.remote_note}
    moved = Ticket.objects.filter(pk=ticket.pk, **before).update(
        remote_state=state, remote_note=note, remote_changed_at=timezone.now(), remote_read_at=timezone.now()
    )
    if moved:
        record.audit(ticket, f"remote_{state}", note=note, remote_state=state, was=ticket.remote_state)
        ticket.remote_state, ticket.remote_note = state, note
        # A wish that somebody else has fulfilled is none any more.
        Ticket.objects.filter(pk=ticket.pk, remote_wanted=state).update(
            remote_wanted="", remote_wanted_note="", wanted_next_at=None, wanted_lease_until=None
        )
        if state == RemoteState.COMPLETED:
            complete_by_tickets(ticket.activity, note)
    return bool(moved)


def report_double(ticket: Ticket, other: RemoteTicket) -> None:
    """A second ticket with our marker: never silent, told once."""
    told = AuditEvent.objects.about(ticket).filter(verb="duplicate_found", after__remote_id=other.remote_id)
    if told.exists():
        return
    log.error("duplicate_ticket", ticket=ticket.pk, remote_id=ticket.remote_id, other=other.remote_id)
    reason = _("There is a second ticket with the same reference: %(id)s. Please close that one.") % {
        "id": other.remote_id
    }
    with transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(reason=reason[:1000])
        record.audit(ticket, "duplicate_found", note=reason, remote_id=other.remote_id)


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
