"""How long records are kept: one line a kind. What goes, goes in batches, each written down in its own transaction.

The event timeline is not here: what is news is decided by what it has told already.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from remediation.models import (
    ActivityStatus,
    AuditEvent,
    DeliveryState,
    InaccuracyReport,
    InaccuracyState,
    Lease,
    OrganisationScore,
    ScoreSnapshot,
    Through,
    TicketAttempt,
    User,
)
from remediation.rules import audit

from .models import SyncRun

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = structlog.get_logger(__name__)

_BATCH = 2000
# What is left waits for the next hour: deleting must not hold up the work.
_BATCHES_A_ROUND = 20
_LEASE, _LEASE_SECONDS = "retention", 300.0


def _sync_runs(before: datetime) -> QuerySet:
    """Syncs start from the last complete one and ask about those since."""
    last = SyncRun.objects.last_complete()
    return SyncRun.objects.filter(ended_at__lt=before, pk__lt=last.pk) if last else SyncRun.objects.none()


def _ticket_attempts(before: datetime) -> QuerySet:
    """Only of tickets that stand there for work that is over. Of all others they tell what may have been sent."""
    found = TicketAttempt.objects.filter(ended_at__lt=before, ticket__delivery_state=DeliveryState.DELIVERED)
    return found.exclude(ticket__activity__status=ActivityStatus.ACTIVE)


def _group_scores(before: datetime) -> QuerySet:
    newest = ScoreSnapshot.objects.order_by("-day").values("day")[:1]
    return ScoreSnapshot.objects.filter(day__lt=before.date()).exclude(day=newest)


def _organisation_scores(before: datetime) -> QuerySet:
    newest = OrganisationScore.objects.order_by("-day").values("day")[:1]
    return OrganisationScore.objects.filter(day__lt=before.date()).exclude(day=newest)


def _inaccuracies(before: datetime) -> QuerySet:
    """Not those that are the evidence of an exception."""
    return InaccuracyReport.objects.filter(state=InaccuracyState.CLOSED, closed_at__lt=before, exceptions=None)


@dataclass(frozen=True)
class Records:
    """One kind: its line in the settings, its words in the audit trail, and which rows are over."""

    setting: str
    words: "StrOrPromise"
    over: Callable[[datetime], QuerySet]


POLICY = [
    Records("sync_runs", _("Syncs"), _sync_runs),
    Records("ticket_attempts", _("Attempts on tickets"), _ticket_attempts),
    Records("scores", _("Scores of device groups"), _group_scores),
    Records("scores", _("Scores of the organisation"), _organisation_scores),
    Records("inaccuracies", _("Reports of inaccuracies"), _inaccuracies),
]


def forget_old_records() -> int:
    """One round over all kinds; returns how many rows went. Two at once: one does nothing."""
    holder = str(uuid4())
    if not Lease.objects.take(_LEASE, holder, _LEASE_SECONDS):
        return 0
    try:
        gone = sum(_in_batches(partial(_forget, records)) for records in POLICY)
        return gone + _in_batches(_forget_audit)
    finally:
        Lease.objects.release(_LEASE, holder)


def _in_batches(batch: Callable[[], int]) -> int:
    gone = 0
    for _round in range(_BATCHES_A_ROUND):
        count = batch()
        gone += count
        if not count:
            break
    return gone


def _before(setting: str) -> datetime | None:
    days = settings.KEEP[setting]
    return timezone.now() - timedelta(days=days) if days else None


@transaction.atomic
def _forget(records: Records) -> int:
    before = _before(records.setting)
    if before is None:
        return 0
    over = records.over(before)
    keys = list(over.order_by("pk").values_list("pk", flat=True)[:_BATCH])
    # Asked again by the whole condition: one may have changed in between.
    count, _of_each = over.filter(pk__in=keys).delete() if keys else (0, {})
    if count:
        _record(records.setting, str(records.words), count, before)
    return count


def _forget_audit() -> int:
    before = _before("audit")
    if before is None:
        return 0
    try:
        with transaction.atomic():
            count = audit.forget(before)
            if count:
                _record("audit", str(_("Audit")), count, before)
            return count
    except audit.BrokenChain as problem:
        log.error("audit_not_forgotten", problem=str(problem))
        return 0


def _record(setting: str, words: str, count: int, before: datetime) -> None:
    after = {"rows": count, "before": before.isoformat(timespec="seconds")}
    AuditEvent.objects.record_of(
        ("records", setting, words), "forget", by=User.objects.system(), through=Through.WORKER, after=after
    )
