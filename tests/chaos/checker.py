"""The verdict, from outside: what was asked for and what we believe against what stands in the sandbox's own store."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from remediation.markers import find_markers
from remediation.models import AuditEvent, DeliveryState, RemediationActivity, Ticket
from remediation.rules import audit

from . import intents


@dataclass(frozen=True)
class Verdict:
    # Asked for, and not both standing there and known to us as created.
    lost: int
    # Tickets of one marker beyond the first.
    extra: int
    # Created as we believe, but that task is not there or is another's.
    dangling: int
    # Tasks that stand there and belong to nothing that we know.
    phantom: int
    # Created tickets whose creation is not told exactly once, or a chain that does not hold.
    audit: str

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.extra or self.dangling or self.phantom) and self.audit == "valid"


def judge(tickets: int, tasks: list[dict[str, Any]]) -> Verdict:
    standing = {task["id"]: _marker(task) for task in tasks}
    each = Counter(standing.values())
    ours = list(Ticket.objects.defer("payload", "facts").select_related("activity"))
    known = {ticket.marker for ticket in ours}
    wanted = {intents.key(number) for number in range(1, tickets + 1)}
    good = [
        ticket for ticket in ours
        if ticket.delivery_state == DeliveryState.DELIVERED and each[ticket.marker]
        and ticket.activity.request_key in wanted
    ]  # fmt: skip
    return Verdict(
        lost=tickets - len(good),
        extra=sum(count - 1 for marker, count in each.items() if marker),
        dangling=sum(bool(ticket.remote_id) and standing.get(ticket.remote_id) != ticket.marker for ticket in ours),
        phantom=sum(marker not in known for marker in standing.values()),
        audit=_audit(ours),
    )


def _marker(task: dict[str, Any]) -> str:
    """The genuine one in its text; empty where there is none."""
    return next(iter(find_markers(f"{task['description']}\n{task['creatorNotes']}")), "")


def _audit(ours: Iterable[Ticket]) -> str:
    audit.seal()
    verdict = audit.verify()
    if verdict.problem or verdict.unsealed:
        return verdict.problem or f"{verdict.unsealed} events are not sealed"
    told = Counter(AuditEvent.objects.filter(verb__in=["deliver", "adopt"]).values_list("subject_id", flat=True))
    wrong = [ticket.pk for ticket in ours if ticket.remote_id and told[str(ticket.pk)] != 1]
    asked = AuditEvent.objects.filter(verb="request").count()
    if wrong or asked != RemediationActivity.objects.count():
        return f"{len(wrong)} creations and {asked} requests are not told once each"
    return "valid"
