"""Sending one claimed ticket, and settling what came of it. Nothing here runs inside a transaction while it sends."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import AttemptResult, AuditEvent, DeliveryState, Through, Ticket, TicketSystem, User

from ..connectors import connector_for
from ..connectors.base import Connector, Order, Phase, Reply
from . import classify, record, throttle
from .claim import BATCH, Claim, claim
from .classify import Kind

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 12
_SENDING = {DeliveryState.SENDING}


def deliver(ids: list[int] | None = None, *, until: Callable[[], bool] = lambda: False) -> int:
    """Send tickets that are due, these or any, until none is left. Safe to run any number of times, at once too."""
    sent = 0
    while not until() and (claims := claim(ids, BATCH)):
        for number, one in enumerate(claims):
            # The first may have learnt that everybody has to wait.
            if number and throttle.is_paused(one.system):
                _give_back(one)
            else:
                send(one)
        sent += len(claims)
    return sent


def send(claimed: Claim) -> None:
    """Send a claimed ticket, and write down what came of it."""
    connector = connector_for(claimed.system)
    try:
        payload = frozen_payload(claimed.ticket, connector)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        log.exception("ticket_not_rendered", ticket=claimed.ticket.pk)
        reason = _("The ticket's text could not be made of its facts (%(why)s).") % {"why": type(problem).__name__}
        _settle(claimed, Kind.REFUSED, Reply(Phase.NOT_SENT, reason=reason), timezone.now())
        return
    if not claimed.may_send:
        # Nobody was asked, so nothing is learnt of the ticket system.
        held_up = Reply(Phase.NOT_SENT, reason=_("Not sent: the worker was held up for too long."))
        _settle(claimed, Kind.NOT_SENT, held_up, timezone.now())
        return
    reply = _create(claimed, connector, payload)
    kind = classify.of_create(reply)
    # A token may be older than the consent that it lacks. Both refusals come before anything is written.
    if kind in {Kind.AUTH, Kind.FORBIDDEN} and not reply.lacks_token and claimed.may_send:
        connector.sign_in_again()
        reply = _create(claimed, connector, payload)
        kind = classify.of_create(reply)
    _settle(claimed, kind, reply, throttle.note_create(claimed.system, kind, reply))
    if kind is Kind.DONE:
        _learn(claimed.system, connector, reply.remote_id)


def _learn(system: str, connector: Connector, remote_id: str) -> None:
    """The first ticket that was taken with devices inside is read again: are they in it?

    What has been cut into parts stays cut; the tickets that follow are made by what is known now.
    """
    if not TicketSystem.objects.filter(pk=system, takes_devices=None).exists():
        return
    try:
        keeps = connector.keeps_devices(remote_id)
    except Exception:
        log.exception("connector_broke", remote_id=remote_id)
        return
    if keeps is not None:
        _learnt(system, keeps)


def _learnt(system: str, takes_devices: bool) -> None:
    if TicketSystem.objects.filter(pk=system).exclude(takes_devices=takes_devices).update(takes_devices=takes_devices):
        AuditEvent.objects.record(
            TicketSystem.objects.get(pk=system),
            "learn",
            by=User.objects.system(),
            through=Through.WORKER,
            after={"takes_devices": takes_devices},
        )


def _give_back(claimed: Claim) -> None:
    reply = Reply(Phase.NOT_SENT, reason=_("Not sent: the ticket system asked everybody to wait."))
    _settle(claimed, Kind.NOT_SENT, reply, timezone.now())


def frozen_payload(ticket: Ticket, connector: Connector) -> bytes:
    """The bytes of every attempt: made at the first claim, kept with their hash, the same ever after."""
    if ticket.payload is not None:
        return bytes(ticket.payload)
    devices = ticket.activity.devices.filter(batch=ticket.batch).order_by("device__name", "device_id")
    takes_devices = record.system_of(ticket).takes_devices is not False
    names = list(devices.values_list("device__entra_device_id", "device__name"))
    payload = connector.render(Order(ticket.facts, ticket.marker, names, takes_devices))
    Ticket.objects.filter(pk=ticket.pk, payload=None).update(
        payload=payload, payload_sha256=hashlib.sha256(payload).hexdigest()
    )
    ticket.refresh_from_db(fields=["payload"])
    return bytes(ticket.payload or b"")


def _create(claimed: Claim, connector: Connector, payload: bytes) -> Reply:
    try:
        return connector.create(payload)
    except Exception as problem:
        log.exception("connector_broke", ticket=claimed.ticket.pk)
        return Reply(Phase.UNFINISHED, reason=f"{type(problem).__name__} while sending.")


def _settle(claimed: Claim, kind: Kind, reply: Reply, retry_at: datetime) -> None:
    with transaction.atomic():
        try:
            counts = _SETTLE[kind](claimed, reply, retry_at)
        except record.IdTaken:
            reply = Reply(Phase.UNFINISHED, reply.status, _("The ticket system gave the id of another ticket."))
            kind, counts = Kind.UNKNOWN, _uncertain(claimed, reply, retry_at)
        record.finish(claimed.attempt_id, _RESULTS[kind], reply, counted=counts)
    if not counts:
        _overtaken(claimed, kind, reply)


def _overtaken(claimed: Claim, kind: Kind, reply: Reply) -> None:
    """A later claim decides. Yet a ticket that surely stands there is adopted unless somebody is sending just now."""
    log.warning("outcome_overtaken", ticket=claimed.ticket.pk, fence=claimed.fence, kind=kind)
    if kind is Kind.DONE:
        now = Ticket.objects.get(pk=claimed.ticket.pk)
        record.adopt(now, now.fence, reply.remote_id)


def _created(claimed: Claim, reply: Reply, retry_at: datetime) -> bool:
    moved = record.move(claimed.ticket, claimed.fence, _SENDING, **record.delivered(reply.remote_id))
    if moved:
        record.audit(claimed.ticket, "deliver", remote_id=reply.remote_id)
    return moved


def _refused(claimed: Claim, reply: Reply, retry_at: datetime) -> bool:
    """Final for this ticket; unless it was refused for the devices inside, then it goes again without them."""
    ticket = claimed.ticket
    if reply.refuses_devices and record.system_of(ticket).takes_devices is not False:
        _learnt(ticket.system_id, takes_devices=False)
        reason = _("The ticket system takes no devices inside a ticket: it is sent again without them.")
        return _ready(claimed, reason, retry_at, payload=None, payload_sha256="")
    reason = reply.reason or _("The ticket system refused the ticket.")
    moved = record.move(ticket, claimed.fence, _SENDING, delivery_state=DeliveryState.DEAD, reason=reason[:1000])
    if moved:
        record.audit(ticket, "delivery_failed", note=reason)
    return moved


def _wait(claimed: Claim, reply: Reply, retry_at: datetime) -> bool:
    return _ready(claimed, reply.reason, retry_at)


def _forbidden(claimed: Claim, reply: Reply, retry_at: datetime) -> bool:
    return _ready(claimed, creation_refused(reply.reason), retry_at)


def creation_refused(why: str) -> str:
    """What remains to be done when the registration may not create tickets."""
    # What follows is for Microsoft's support, and stands in the attempt.
    why = why.partition(" - Operation ID")[0].rstrip(". ") + "."
    return _(
        "Creation is refused: %(why)s An administrator can grant the permission; the ticket "
        "then goes out by itself. Until then, hand the work over by message with the list of devices (CSV), or create "
        "the task in Microsoft Defender. The activity is checked and completed all the same."
    ) % {"why": why[:400]}


def _ready(claimed: Claim, reason: str, retry_at: datetime, **more: Any) -> bool:
    """Back into the queue. Nothing was written over there, so the attempt does not count against the ticket."""
    return record.move(
        claimed.ticket,
        claimed.fence,
        _SENDING,
        delivery_state=DeliveryState.READY,
        next_attempt_at=retry_at,
        attempts=claimed.ticket.attempts - 1,
        reason=reason[:1000],
        **more,
    )


def _uncertain(claimed: Claim, reply: Reply, retry_at: datetime) -> bool:
    return record.move(claimed.ticket, claimed.fence, _SENDING, **uncertain(reply.reason))


def uncertain(reason: str) -> dict[str, Any]:
    """The changes that send a ticket into quarantine."""
    now = timezone.now()
    return {
        "delivery_state": DeliveryState.UNCERTAIN,
        "uncertain_since": now,
        "next_attempt_at": now + timedelta(seconds=settings.DELIVERY_QUARANTINE),
        "absences": 0,
        "last_absence_at": None,
        "reason": reason[:1000],
    }


_SETTLE: dict[Kind, Callable[[Claim, Reply, datetime], bool]] = {
    Kind.DONE: _created,
    Kind.REFUSED: _refused,
    Kind.NOT_SENT: _wait,
    Kind.THROTTLED: _wait,
    Kind.AUTH: _wait,
    Kind.FORBIDDEN: _forbidden,
    Kind.UNKNOWN: _uncertain,
}
_RESULTS: dict[Kind, str] = {
    Kind.DONE: AttemptResult.DONE,
    Kind.REFUSED: AttemptResult.REFUSED,
    Kind.NOT_SENT: AttemptResult.NOT_SENT,
    Kind.THROTTLED: AttemptResult.THROTTLED,
    Kind.AUTH: AttemptResult.AUTH,
    Kind.FORBIDDEN: AttemptResult.REFUSED,
    Kind.MISSING: AttemptResult.REFUSED,
    Kind.UNKNOWN: AttemptResult.UNKNOWN,
}
