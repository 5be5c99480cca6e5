"""The chain of the audit trail: each event is sealed over its content and the seal before it.

Sealing is a task of its own, a few seconds behind, so that no change has to wait for the head of the chain. The order
is that of sealing; of two events that were committed at once, either may come first.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min

from ..models import AuditEvent, Lease

log = structlog.get_logger(__name__)

GENESIS = "0" * 64
_BATCH = 500
# Many times what a batch takes. Should two seal at once all the same, the chain cannot fork: `previous` is unique.
_LEASE, _LEASE_SECONDS = "seal audit", 20.0
_SEALED = ("at", "actor_id", "actor_name", "through", "verb", "subject_type", "subject_id", "subject_name")
_SEALED_TOO = ("before", "after", "note", "request_id", "sequence", "previous")


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found. Without `problem` it is whole; `head` is its last seal."""

    sealed: int
    unsealed: int
    head: str
    problem: str = ""


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
    last = _last()
    log.info(
        "audit_head",
        sequence=last.sequence if last else 0,
        seal=last.seal if last else GENESIS,
        unsealed=unsealed["count"],
        oldest_unsealed_at=unsealed["oldest_at"] and unsealed["oldest_at"].astimezone(UTC).isoformat(),
    )


def _last() -> AuditEvent | None:
    return AuditEvent.objects.exclude(sequence=None).order_by("-sequence").first()


@transaction.atomic
def _seal_batch() -> int:
    waiting = list(AuditEvent.objects.filter(sequence=None).order_by("pk")[:_BATCH])
    if not waiting:
        return 0
    last = _last()
    sequence, previous = (last.sequence or 0, last.seal) if last else (0, GENESIS)
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
    previous, count, has_head = GENESIS, 0, not head
    for event in AuditEvent.objects.exclude(sequence=None).order_by("sequence").iterator(chunk_size=2000):
        problem = _problem(event, count + 1, previous)
        if problem:
            return Verdict(count, unsealed, previous, f"Event {event.pk}: {problem}")
        count, previous = count + 1, event.seal
        has_head = has_head or hmac.compare_digest(head, previous)
    return Verdict(count, unsealed, previous, "" if has_head else "The chain was cut: the given seal is not in it.")


def _problem(event: AuditEvent, sequence: int, previous: str) -> str:
    if event.sequence != sequence:
        return f"number {sequence} of the chain is missing before it."
    if event.previous != previous:
        return "it does not follow the event before it."
    if not any(hmac.compare_digest(event.seal, _seal_of(event, key)) for key in settings.SIGNING_KEYS):
        return "its content was changed after it was sealed."
    return ""


def _seal_of(event: AuditEvent, key: str) -> str:
    """HMAC-SHA256 over the canonical JSON of the event, its place and the seal before."""
    content = {name: getattr(event, name) for name in (*_SEALED, *_SEALED_TOO)}
    content["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(f"audit:{key}".encode(), canonical.encode(), hashlib.sha256).hexdigest()
