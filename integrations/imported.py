"""Remediation that others track, kept as last seen: compared by id, written where it differs, never deleted."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction

from remediation.models import (
    FindingKind,
    ImportedActivity,
    ImportedFrom,
    ImportedStatus,
    Recommendation,
    RemoteState,
    Ticket,
    TicketSystem,
)

from .connectors.base import RemoteTicket

BATCH = 400
LATELY = timedelta(hours=1)
# What Intune's states come to; what is pending there is work all the same.
_STATUSES = {
    RemoteState.PENDING: ImportedStatus.ACTIVE,
    RemoteState.ACTIVE: ImportedStatus.ACTIVE,
    RemoteState.COMPLETED: ImportedStatus.COMPLETED,
    RemoteState.REJECTED: ImportedStatus.REJECTED,
}

# By remote id: fields of the row, and `device_groups` where they are known.
Found = dict[str, dict[str, Any]]


def keep(imported_from: ImportedFrom, found: Found, now: datetime) -> None:
    """Write what a reading has found. What it no longer has stays as it was, with the time it was last seen."""
    items = iter(found.items())
    while batch := dict(islice(items, BATCH)):
        with transaction.atomic():
            _keep_batch(imported_from, batch, now)


def _keep_batch(imported_from: ImportedFrom, batch: Found, now: datetime) -> None:
    rows = ImportedActivity.objects.filter(imported_from=imported_from, remote_id__in=list(batch))
    known = {row.remote_id: row for row in rows.prefetch_related("device_groups")}
    for remote_id, facts in batch.items():
        fields = {name: value for name, value in facts.items() if name != "device_groups"}
        row = known.get(remote_id)
        if row is None:
            made = {"imported_from": imported_from, "remote_id": remote_id, "first_seen_at": now, "last_seen_at": now}
            row = ImportedActivity.objects.create(**made, **fields)
        elif differing := [name for name, value in fields.items() if getattr(row, name) != value]:
            for name in differing:
                setattr(row, name, fields[name])
            row.save(update_fields=differing)
        groups = set(facts.get("device_groups", ()))
        if groups != {group.pk for group in row.device_groups.all()}:
            row.device_groups.set(groups)
    rows.update(last_seen_at=now)


def keep_tickets(system: TicketSystem, there: Iterable[RemoteTicket], now: datetime) -> None:
    """The tickets of a complete listing that are not ours, of a system whose tickets are remediation activities."""
    if system.pk not in ImportedFrom.values:
        return
    ours = Ticket.objects.exclude(remote_id="").filter(system=system).values_list("remote_id", flat=True)
    # One that was adopted is ours from now on.
    ImportedActivity.objects.filter(imported_from=system.pk, remote_id__in=ours).delete()
    # Of ours, but not known any more: after a restored backup it warns of a second request like one of theirs.
    lost = set(system.findings.current().filter(kind=FindingKind.UNKNOWN).values_list("remote_id", flat=True))
    theirs = {one.remote_id: one for one in there if not one.markers or one.remote_id in lost}
    for remote_id in set(ours) & theirs.keys():
        del theirs[remote_id]
    news = _news(system, theirs, now)
    if news:
        advice = _advice()
        keep(ImportedFrom(system.pk), {name: _of_ticket(one, advice) for name, one in news.items()}, now)


def _news(system: TicketSystem, theirs: dict[str, RemoteTicket], now: datetime) -> dict[str, RemoteTicket]:
    """Listings come every minute or so: what was seen lately, and stands as it stood, is not written again."""
    lately = ImportedActivity.objects.filter(imported_from=system.pk, last_seen_at__gt=now - LATELY)
    known = set(lately.values_list("remote_id", "status"))
    return {name: one for name, one in theirs.items() if (name, _status(one)) not in known}


def _status(there: RemoteTicket) -> str:
    return _STATUSES.get(RemoteState(there.state), ImportedStatus.UNKNOWN).value


def _advice() -> dict[str, int]:
    """Recommendations by their own name and by their product's; a name that several have leads to none."""
    found: dict[str, int] = {}
    doubled: set[str] = set()
    for pk, *names in Recommendation.objects.open().values_list("pk", "name", "software__name"):
        for name in {name.casefold() for name in names if name}:
            if found.setdefault(name, pk) != pk:
                doubled.add(name)
    return {name: pk for name, pk in found.items() if name not in doubled}


def _of_ticket(there: RemoteTicket, advice: dict[str, int]) -> dict[str, Any]:
    return {
        "title": there.title[:512] or there.remote_id,
        "related_component": there.product[:255],
        "status": _status(there),
        "notes": (there.note or "")[:1000],
        "created_there_at": there.created_at,
        "recommendation_id": advice.get(there.title.casefold()) or advice.get(there.product.casefold()),
    }
