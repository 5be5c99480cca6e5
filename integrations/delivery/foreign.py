"""Tickets that others have made there. Where creating ours is refused, one of them may do: a person adopts it.

Microsoft Defender makes such tasks by itself. The last complete listing is kept of them, and only while somebody could
want one.
"""

from collections.abc import Iterable
from datetime import timedelta
from difflib import SequenceMatcher

from django.db import transaction
from django.utils import timezone

from remediation.models import DeliveryState, ForeignTicket, RemoteState, Ticket, TicketSystem

from ..connectors.base import RemoteTicket

# Older ones belong to other work.
_KEPT_FOR = timedelta(days=90)
_MOST_KEPT = 300
_MOST_OFFERED = 5
# The clocks of two services differ.
_TOLERANCE = timedelta(minutes=5)
_OPEN = (RemoteState.PENDING, RemoteState.ACTIVE, RemoteState.UNKNOWN)
_STUCK = (DeliveryState.READY, DeliveryState.DEAD)
ALIKE = 0.6


def are_wanted(system: TicketSystem) -> bool:
    """Whether a ticket of ours could be replaced by one of theirs."""
    stuck = system.tickets.filter(delivery_state__in=_STUCK, cancel_wanted=False)
    return system.refuses_creation and stuck.exists()


@transaction.atomic
def keep(system: TicketSystem, there: Iterable[RemoteTicket]) -> None:
    """Replace what is known of them by what a complete listing shows."""
    seen = {row.remote_id: row for row in (_rows(system, there) if are_wanted(system) else [])}
    known = {row.remote_id: row for row in system.foreign_tickets.all()}
    gone = [known[remote_id].pk for remote_id in known.keys() - seen.keys()]
    ForeignTicket.objects.filter(pk__in=gone).delete()
    fresh = [seen[remote_id] for remote_id in seen.keys() - known.keys()]
    ForeignTicket.objects.bulk_create(fresh, ignore_conflicts=True)
    for remote_id in seen.keys() & known.keys():
        if known[remote_id].remote_state != seen[remote_id].remote_state:
            system.foreign_tickets.filter(remote_id=remote_id).update(remote_state=seen[remote_id].remote_state)


def _rows(system: TicketSystem, there: Iterable[RemoteTicket]) -> list[ForeignTicket]:
    """The newest of those that are open, of a known kind and not ours."""
    since = timezone.now() - _KEPT_FOR
    rows = [
        ForeignTicket(
            system=system,
            remote_id=one.remote_id,
            kind=one.kind,
            title=one.title[:255],
            product=one.product[:255],
            remote_state=one.state,
            created_there_at=one.created_at,
        )
        for one in there
        if one.created_at and one.created_at > since and _is_usable(one)
    ]
    return sorted(rows, key=lambda row: row.created_there_at, reverse=True)[:_MOST_KEPT]


def _is_usable(there: RemoteTicket) -> bool:
    return bool(there.kind) and not there.markers and there.state in _OPEN


def candidates(ticket: Ticket) -> list[ForeignTicket]:
    """Those that may be meant by a ticket of ours: of its kind, alike, made after the request; the likeliest first."""
    ours = Ticket.objects.exclude(remote_id="").filter(system=ticket.system_id).values("remote_id")
    free = ForeignTicket.objects.filter(
        system=ticket.system_id,
        kind=ticket.facts.get("kind", ""),
        created_there_at__gte=ticket.created_at - _TOLERANCE,
    ).exclude(remote_id__in=ours)
    rated = [(likeness(ticket.facts, one), one) for one in free]
    rated.sort(key=lambda pair: pair[0], reverse=True)
    return [one for rate, one in rated[:_MOST_OFFERED] if rate >= ALIKE]


def likeness(facts: dict, foreign: ForeignTicket) -> float:
    """0 to 1: of the products, or where one has none, of the titles."""
    product = facts.get("product") or facts.get("component") or ""
    if product and foreign.product:
        return alike(product, foreign.product)
    return alike(facts.get("title", ""), foreign.title)


def alike(one: str, other: str) -> float:
    """1 where the words of one are all among the other's."""
    words, other_words = set(one.casefold().split()), set(other.casefold().split())
    if not words or not other_words:
        return 0.0
    if words <= other_words or other_words <= words:
        return 1.0
    return SequenceMatcher(None, " ".join(sorted(words)), " ".join(sorted(other_words))).ratio()
