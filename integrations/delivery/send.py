"""Sending claimed tickets, and settling what came of it. Nothing here runs inside a transaction while it sends."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from remediation.models import ActivityDevice, AttemptResult, DeliveryState, Ticket

from ..connectors import connector_for
from ..connectors.base import Connector, Order, Phase, Reply
from . import classify, learn, lines, record, throttle
from .claim import Claim, claim
from .classify import Kind

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 12
_SENDING = {DeliveryState.SENDING}


def deliver(ids: list[int] | None = None, *, until: Callable[[], bool] = lambda: False) -> int:
    """Send tickets that are due, these or any, until none is left. Safe to run any number of times, at once too.

    Several requests are under way at once; all that touches the database happens here, in the calling thread.
    """
    sent = 0
    with lines.opened(settings.DELIVERY_THREADS) as under_way:
        while True:
            # One more a line, so that none waits while an answer is written down.
            if len(under_way) <= under_way.count and not until():
                sent += _put(under_way, claim(ids, 2 * under_way.count - len(under_way)))
            if not under_way:
                return sent
            answered = under_way.take()
            _write_down(answered)
            failed = {claimed.system for claimed, outcome in answered if outcome.kind is not Kind.DONE}
            if any(throttle.is_paused(system) for system in failed):
                # They have learnt for the others that everybody has to wait.
                _give_back(under_way.drop())


def _put(under_way: lines.Lines, claims: list[Claim]) -> int:
    # One commit for all, and so for what is written down: each of them waits for the disk.
    with transaction.atomic():
        requests = [(claimed, _request(claimed)) for claimed in claims]
    for claimed, request in requests:
        if request:
            under_way.put(claimed, request)
    return len(claims)


def send(claimed: Claim) -> None:
    """Send a claimed ticket, and write down what came of it."""
    request = _request(claimed)
    if request:
        _write_down([(claimed, request())])


@dataclass(frozen=True)
class Outcome:
    kind: Kind
    reply: Reply
    # False when the ticket system was not even asked, so that nothing is learnt of it.
    was_asked: bool = True


def _request(claimed: Claim) -> Callable[[], Outcome] | None:
    """What is left to do without the database; None for a ticket that cannot be sent, which is then settled."""
    connector = connector_for(claimed.system)
    try:
        payload = frozen_payload(claimed.ticket, connector)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        log.exception("ticket_not_rendered", ticket=claimed.ticket.pk)
        reason = _("The ticket's text could not be made of its facts (%(why)s).") % {"why": type(problem).__name__}
        _settle(claimed, Kind.REFUSED, Reply(Phase.NOT_SENT, reason=reason), timezone.now())
        return None
    return partial(_ask, claimed, connector, payload)


def _ask(claimed: Claim, connector: Connector, payload: bytes) -> Outcome:
    if not claimed.may_send:
        held_up = Reply(Phase.NOT_SENT, reason=_("Not sent: the worker was held up for too long."))
        return Outcome(Kind.NOT_SENT, held_up, was_asked=False)
    reply = _create(claimed, connector, payload)
    kind = classify.of_create(reply)
    # A token may be older than the consent that it lacks. Both refusals come before anything is written.
    if kind in {Kind.AUTH, Kind.FORBIDDEN} and not reply.lacks_token and claimed.may_send:
        connector.sign_in_again()
        reply = _create(claimed, connector, payload)
        kind = classify.of_create(reply)
    return Outcome(kind, reply)


def _write_down(answered: list[tuple[Claim, Outcome]]) -> None:
    retry_at = [_noted(claimed, outcome) for claimed, outcome in answered]
    with transaction.atomic():
        for (claimed, outcome), moment in zip(answered, retry_at, strict=True):
            _settle(claimed, outcome.kind, outcome.reply, moment)
    created = {claimed.system: outcome.reply.remote_id for claimed, outcome in answered if outcome.kind is Kind.DONE}
    for system, remote_id in created.items():
        learn.from_created(system, remote_id)


def _noted(claimed: Claim, outcome: Outcome) -> datetime:
    """What the ticket system's row learns of it, and when the ticket may go again."""
    if not outcome.was_asked:
        return timezone.now()
    return throttle.note_create(claimed.system, outcome.kind, outcome.reply)


def _give_back(claims: list[Claim]) -> None:
    reply = Reply(Phase.NOT_SENT, reason=_("Not sent: the ticket system asked everybody to wait."))
    _write_down([(claimed, Outcome(Kind.NOT_SENT, reply, was_asked=False)) for claimed in claims])


def frozen_payload(ticket: Ticket, connector: Connector) -> bytes:
    """The bytes of every attempt: made at the first claim, kept with their hash, the same ever after."""
    if ticket.payload is not None:
        return bytes(ticket.payload)
    devices = ActivityDevice.objects.filter(activity=ticket.activity_id, batch=ticket.batch)
    takes_devices = record.system_of(ticket).takes_devices is not False
    names = list(devices.order_by("device__name", "device_id").values_list("device__entra_device_id", "device__name"))
    payload = connector.render(Order(ticket.facts, ticket.marker, names, takes_devices))
    first = Ticket.objects.filter(pk=ticket.pk, payload=None)
    if first.update(payload=payload, payload_sha256=hashlib.sha256(payload).hexdigest()):
        return payload
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
        learn.takes_devices(ticket.system_id, False)
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
