"""The chain of the audit trail: each event is sealed over its content and the seal before it.

Sealing is a task of its own, a few seconds behind, so that no change has to wait for the head of the chain. The order
is that of sealing; of two events that were committed at once, either may come first.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min
from django.utils import timezone

from ..models import AuditCheckpoint, AuditEvent, Lease

log = structlog.get_logger(__name__)

GENESIS = "0" * 64
_BATCH = 500
_FORGOTTEN_AT_ONCE = 2000
# Many times what a batch takes. Should two seal at once all the same, the chain cannot fork: `previous` is unique.
_LEASE, _LEASE_SECONDS = "seal audit", 20.0
_SEALED = ("at", "actor_id", "actor_name", "through", "verb", "subject_type", "subject_id", "subject_name")
_SEALED_TOO = ("before", "after", "note", "request_id", "sequence", "previous")


class BrokenChain(Exception):
    """An event is not as it was sealed; says which."""


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found. Without `problem` it is whole; `head` is its last seal."""

    sealed: int
    unsealed: int
    head: str
    problem: str = ""
    # By retention, before the first that is kept.
    forgotten: int = 0


def seal() -> int:
    """Seal what is not sealed yet, oldest first. Returns how many. Two at once: one does nothing."""
    holder, sealed = str(uuid4()), 0
    # Taken again for each batch, so that a long backlog keeps it.
    while Lease.objects.take(_LEASE, holder, _LEASE_SECONDS):
        count = _seal_batch()
        sealed += count
        if not count:
            Lease.objects.release(_LEASE, holder)
            break
    return sealed


def log_head() -> None:
    """Say in the log where the chain stands, for a record that is kept elsewhere: `verify_audit --head` takes it."""
    unsealed = AuditEvent.objects.filter(sequence=None).aggregate(count=Count("pk"), oldest_at=Min("at"))
    sequence, seal = _end()
    log.info(
        "audit_head",
        sequence=sequence,
        seal=seal,
        unsealed=unsealed["count"],
        oldest_unsealed_at=unsealed["oldest_at"] and unsealed["oldest_at"].astimezone(UTC).isoformat(),
    )


def _end() -> tuple[int, str]:
    """Number and seal of the last sealed event."""
    last = AuditEvent.objects.exclude(sequence=None).order_by("-sequence").first()
    return (last.sequence or 0, last.seal) if last else _beginning()


def _beginning() -> tuple[int, str]:
    """Number and seal before the first event that is kept."""
    checkpoint = AuditCheckpoint.objects.first()
    return (checkpoint.sequence, checkpoint.seal) if checkpoint else (0, GENESIS)


@transaction.atomic
def _seal_batch() -> int:
    waiting = list(AuditEvent.objects.filter(sequence=None).order_by("pk")[:_BATCH])
    if not waiting:
        return 0
    sequence, previous = _end()
    for event in waiting:
        sequence += 1
        event.sequence, event.previous = sequence, previous
        event.seal = previous = _seal_of(event, settings.SIGNING_KEYS[0])
    AuditEvent.objects.bulk_update(waiting, ["sequence", "previous", "seal"], batch_size=100)
    # The head goes to the log too: a trail cut short at its end shows when compared with it.
    log.info("audit_sealed", sequence=sequence, seal=previous)
    return len(waiting)


def verify(head: str = "") -> Verdict:
    """Recompute the chain. `head`: a seal noted earlier, which must still be in it."""
    unsealed = AuditEvent.objects.filter(sequence=None).count()
    if not _checkpoints_are_signed():
        return Verdict(0, unsealed, GENESIS, "The checkpoint of retention was not set by this product.")
    forgotten, previous = _beginning()
    count, has_head = forgotten, not head or hmac.compare_digest(head, previous)
    for event in AuditEvent.objects.exclude(sequence=None).order_by("sequence").iterator(chunk_size=2000):
        problem = _problem(event, count + 1, previous)
        if problem:
            return Verdict(count - forgotten, unsealed, previous, f"Event {event.pk}: {problem}", forgotten)
        count, previous = count + 1, event.seal
        has_head = has_head or hmac.compare_digest(head, previous)
    problem = "" if has_head else "The chain was cut: the given seal is not in it."
    return Verdict(count - forgotten, unsealed, previous, problem, forgotten)


@transaction.atomic
def forget(before: datetime) -> int:
    """Delete one batch of the oldest events, and set the checkpoint from which the rest still verifies.

    Only whole stretches from the beginning: an event from before that was sealed late stays for now. Raises
    BrokenChain where what would go is not what was sealed: evidence of that stays.
    """
    sealed = AuditEvent.objects.exclude(sequence=None).order_by("sequence")
    count, previous = _beginning()
    oldest = list(sealed[:_FORGOTTEN_AT_ONCE])
    gone = list(takewhile(lambda event: event.at < before, oldest))
    for event in gone:
        problem = _problem(event, count + 1, previous)
        if problem:
            raise BrokenChain(f"Event {event.pk}: {problem}")
        count, previous = count + 1, event.seal
    if gone:
        signature = _signature(count, previous, settings.SIGNING_KEYS[0])
        AuditCheckpoint.objects.create(sequence=count, seal=previous, signature=signature, made_at=timezone.now())
        AuditEvent.objects.filter(sequence__lte=count).delete()
    return len(gone)


def _checkpoints_are_signed() -> bool:
    """Every one: the database lets go by the furthest of them."""
    return all(
        any(hmac.compare_digest(point.signature, _signature(point.sequence, point.seal, key)) for key in _keys())
        for point in AuditCheckpoint.objects.all()
    )


def _keys() -> list[str]:
    return list(settings.SIGNING_KEYS)


def _signature(sequence: int, seal: str, key: str) -> str:
    return hmac.new(f"audit checkpoint:{key}".encode(), f"{sequence}:{seal}".encode(), hashlib.sha256).hexdigest()


def _problem(event: AuditEvent, sequence: int, previous: str) -> str:
    if event.sequence != sequence:
        return f"number {sequence} of the chain is missing before it."
    if event.previous != previous:
        return "it does not follow the event before it."
    if not any(hmac.compare_digest(event.seal, _seal_of(event, key)) for key in _keys()):
        return "its content was changed after it was sealed."
    return ""


def _seal_of(event: AuditEvent, key: str) -> str:
    """HMAC-SHA256 over the canonical JSON of the event, its place and the seal before."""
    content = {name: getattr(event, name) for name in (*_SEALED, *_SEALED_TOO)}
    content["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(f"audit:{key}".encode(), canonical.encode(), hashlib.sha256).hexdigest()
