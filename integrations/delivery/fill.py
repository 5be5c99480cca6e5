"""Filling: devices that go into a ticket one by one, after it was created.

What stands there decides. Before anything is added the ticket's members are read, so a repeat after a kill adds only
what is missing, and they are read once more before the ticket is called filled. A lease keeps a second worker away, and
no request starts that could outlast it.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation import doorbell
from remediation.models import (
    AttemptPurpose,
    AttemptResult,
    Lease,
    MemberState,
    Ticket,
    TicketAttempt,
    TicketMember,
    TicketSystem,
)

from ..connectors import connector_for
from ..connectors.base import FillingConnector, Phase, Reply, Wanted
from . import classify, record, remote, throttle
from .claim import worker_name
from .classify import Kind

log = structlog.get_logger(__name__)

# Devices asked about, or added, between two notes of the progress.
PIECE = 100
# For the length of the pause after a failure; the ticket stands, so nothing is lost by it.
_USUAL_FAILURES = 3
M = MemberState


class _Stopped(Exception):
    """An answer after which nothing more can be added now."""

    def __init__(self, kind: Kind, reply: Reply) -> None:
        super().__init__(reply.reason)
        self.kind = kind
        self.reply = reply


class _OutOfTime(Exception):
    """The round, or our lease, is over; the next round goes on."""


class _Hold:
    """The lease on one ticket. `check` before each request."""

    def __init__(self, ticket: Ticket, until: Callable[[], bool]) -> None:
        self.name = f"fill:{ticket.pk}"
        self._until = until
        self._taken_at = 0.0

    def take(self) -> bool:
        self._taken_at = time.monotonic()
        return Lease.objects.take(self.name, worker_name(), settings.DELIVERY_LEASE)

    def check(self) -> None:
        left = settings.DELIVERY_LEASE - (time.monotonic() - self._taken_at)
        may_start = left > settings.DELIVERY_TOTAL_DEADLINE + settings.DELIVERY_MARGIN or self.take()
        if self._until() or not may_start:
            raise _OutOfTime

    def release(self) -> None:
        Lease.objects.release(self.name, worker_name())


def fill(ids: list[int] | None = None, *, until: Callable[[], bool] = lambda: False) -> int:
    """Go on filling tickets that are due: these, or any. Returns how many are filled now. Safe to run at once."""
    filled = 0
    for system in TicketSystem.objects.filter(is_enabled=True, fills_later=True):
        if not throttle.may_look(system):
            continue
        waiting = system.tickets.filling().exclude(fill_next_at__gt=timezone.now())
        for ticket in (waiting if ids is None else waiting.filter(pk__in=ids)).order_by("pk").defer("payload", "facts"):
            if until():
                return filled
            filled += _attend(ticket, until)
    return filled


def _attend(ticket: Ticket, until: Callable[[], bool]) -> bool:
    hold = _Hold(ticket, until)
    if not hold.take():
        return False
    connector = cast(FillingConnector, connector_for(ticket.system_id))
    try:
        # Somebody may have filled it, or not want it any more, since it was found.
        if not Ticket.objects.filling().filter(pk=ticket.pk).exists():
            return False
        _fill(ticket, connector, hold)
    except _Stopped as stop:
        _pause(ticket, connector, stop)
        return False
    except _OutOfTime:
        doorbell.ring([ticket.pk])
        return False
    except Exception as problem:
        log.exception("connector_broke", ticket=ticket.pk)
        reply = Reply(Phase.UNFINISHED, reason=f"{type(problem).__name__} while adding devices.")
        _pause(ticket, connector, _Stopped(Kind.UNKNOWN, reply))
        return False
    finally:
        _count(ticket)
        hold.release()
    return True


def _fill(ticket: Ticket, connector: FillingConnector, hold: _Hold) -> None:
    _enlist(ticket)
    _resolve(ticket, connector, hold)
    if missing := _missing(ticket, _read(ticket, connector, hold)):
        _add(ticket, connector, missing, hold)
        if _missing(ticket, _read(ticket, connector, hold)):
            # Not repeated at once: what was taken may only not be shown yet.
            reply = Reply(Phase.COMPLETE, reason=_("Devices that were added are not shown in it yet."))
            raise _Stopped(Kind.UNKNOWN, reply)
    _filled(ticket)


def _enlist(ticket: Ticket) -> None:
    """One row a device, before the first is asked about."""
    if ticket.members.exists():
        return
    devices = ticket.activity.devices.filter(batch=ticket.batch).values_list("device_id", flat=True)
    rows = (TicketMember(ticket=ticket, device_id=device) for device in devices)
    TicketMember.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)


def _resolve(ticket: Ticket, connector: FillingConnector, hold: _Hold) -> None:
    """What the system calls each device, remembered as soon as it is known."""
    unknown = _("The ticket system does not know this device.")
    while waiting := list(ticket.members.filter(state=M.WAITING).select_related("device")[:PIECE]):
        hold.check()
        wanted = [Wanted(row.pk, row.device.entra_device_id, row.device.name) for row in waiting]
        resolution = connector.resolve(wanted)
        for row in waiting:
            if row.pk in resolution.ids:
                row.state, row.remote_id = M.FOUND, resolution.ids[row.pk]
            elif row.pk in resolution.asked:
                row.state, row.reason = M.UNKNOWN, unknown
        _store(waiting)
        _check(classify.of_read(resolution.reply), resolution.reply)
        _count(ticket)


def _store(rows: list[TicketMember]) -> None:
    """As an upsert, which takes a tenth of the time of `bulk_update`."""
    TicketMember.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["id"], update_fields=["state", "remote_id", "reason"]
    )


def _read(ticket: Ticket, connector: FillingConnector, hold: _Hold) -> frozenset[str]:
    """The ids of what stands there."""
    hold.check()
    members = connector.members(ticket.remote_id)
    _check(classify.of_read(members.reply), members.reply)
    if members.ids is None:
        raise _Stopped(Kind.UNKNOWN, members.reply)
    return members.ids


def _missing(ticket: Ticket, there: frozenset[str]) -> list[TicketMember]:
    """Rows that are not in, each id once; what is in is noted on the way."""
    rows = list(ticket.members.filter(state__in=[M.FOUND, M.ADDED]).select_related("device"))
    _note([row for row in rows if row.remote_id in there and row.state != M.ADDED], M.ADDED)
    _note([row for row in rows if row.remote_id not in there and row.state == M.ADDED], M.FOUND)
    return list({row.remote_id: row for row in rows if row.remote_id not in there}.values())


def _add(ticket: Ticket, connector: FillingConnector, missing: list[TicketMember], hold: _Hold) -> None:
    """In pieces. A piece that is cut short loses its note, not its members: they are read before the next."""
    for start in range(0, len(missing), PIECE):
        added: list[TicketMember] = []
        try:
            for row in missing[start : start + PIECE]:
                hold.check()
                if _add_one(ticket, connector, row):
                    added.append(row)
        finally:
            _note(added, M.ADDED)
            _count(ticket)


def _add_one(ticket: Ticket, connector: FillingConnector, row: TicketMember) -> bool:
    reply = connector.add_member(ticket.remote_id, row.remote_id, row.device.name)
    kind = classify.of_member(reply)
    if kind is Kind.REFUSED:
        TicketMember.objects.filter(pk=row.pk).update(state=M.REFUSED, reason=reply.reason[:255])
        return False
    _check(kind, reply)
    return True


def _check(kind: Kind, reply: Reply) -> None:
    if kind is not Kind.DONE:
        raise _Stopped(kind, reply)


def _note(changed: list[TicketMember], state: str) -> None:
    for start in range(0, len(changed), 500):
        ids = [row.pk for row in changed[start : start + 500]]
        TicketMember.objects.filter(pk__in=ids).update(state=state)


def _count(ticket: Ticket) -> None:
    """The progress, for the pages."""
    counted = dict(ticket.members.order_by().values_list("state").annotate(Count("pk")))
    left_out = counted.get(M.UNKNOWN, 0) + counted.get(M.REFUSED, 0)
    Ticket.objects.filter(pk=ticket.pk).update(members_added=counted.get(M.ADDED, 0), members_left_out=left_out)


@transaction.atomic
def _filled(ticket: Ticket) -> None:
    """Everything that can be in is in: read, not presumed."""
    _count(ticket)
    if Ticket.objects.filter(pk=ticket.pk, filled_at=None).update(filled_at=timezone.now(), fill_next_at=None):
        ticket.refresh_from_db(fields=["members_added", "members_left_out"])
        record.audit(ticket, "filled", devices=ticket.members_added, left_out=ticket.members_left_out)


def _pause(ticket: Ticket, connector: FillingConnector, stop: _Stopped) -> None:
    """Later again. An addition of unknown outcome may still arrive: it is waited for as a ticket would be."""
    log.warning("filling_paused", ticket=ticket.pk, kind=stop.kind, reason=stop.reply.reason[:200])
    wait_until = throttle.note_other(ticket.system_id, stop.kind, stop.reply)
    if stop.kind in {Kind.AUTH, Kind.FORBIDDEN}:
        connector.sign_in_again()
    if stop.kind is Kind.MISSING and classify.of_read(connector.read(ticket.remote_id).reply) is Kind.MISSING:
        remote.missing(ticket)
    is_open = stop.kind is Kind.UNKNOWN
    seconds = settings.DELIVERY_QUARANTINE if is_open else throttle.backoff(_USUAL_FAILURES)
    with transaction.atomic():
        at = wait_until or timezone.now() + timedelta(seconds=seconds)
        Ticket.objects.filter(pk=ticket.pk).update(fill_next_at=at)
        _write_attempt(ticket, stop, timezone.now())


def _write_attempt(ticket: Ticket, stop: _Stopped, now: datetime) -> None:
    """The last failure, for the page: one row a ticket."""
    values = {
        "started_at": now,
        "ended_at": now,
        "worker": worker_name(),
        "result": _RESULTS.get(stop.kind, AttemptResult.UNKNOWN),
        "status": stop.reply.status,
        "reason": stop.reply.reason[:1000],
        "client_request_id": stop.reply.client_request_id[:64],
        "remote_request_id": stop.reply.remote_request_id[:64],
    }
    TicketAttempt.objects.update_or_create(
        ticket=ticket, fence=ticket.fence, purpose=AttemptPurpose.FILL, defaults=values
    )


_RESULTS: dict[Kind, str] = {
    Kind.MISSING: AttemptResult.ABSENT,
    Kind.FORBIDDEN: AttemptResult.REFUSED,
    Kind.NOT_SENT: AttemptResult.NOT_SENT,
    Kind.THROTTLED: AttemptResult.THROTTLED,
    Kind.AUTH: AttemptResult.AUTH,
}
