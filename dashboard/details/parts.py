"""The parts of an activity: how far each is, cut to the reader's groups, and those that have no ticket yet."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from remediation.models import (
    ActivityDevice,
    ActivityStatus,
    BatchCount,
    RemediationActivity,
    RemoteState,
    Ticket,
    User,
)

from ..groups import Selection
from ..numbers import numbers
from ..requests import Request

# Parts are numbered by a small integer.
_HIGHEST = 32_767


@dataclass(frozen=True)
class Rest:
    """Devices that a ticket could name and that none does yet."""

    devices: int
    parts: int
    may_open: bool


def asked_part(request: Request) -> int | None:
    text = request.GET.get("part", "")
    is_number = text.isascii() and text.isdigit() and len(text) <= 5
    return int(text) if is_number and 0 < int(text) <= _HIGHEST else None


def with_progress(tickets: QuerySet[Ticket], groups: Selection) -> QuerySet[Ticket]:
    """`here_targets` and `here_fixed`: of the ticket's devices those that the reader may see."""
    mine = _visible(BatchCount.objects.filter(activity=OuterRef("activity"), batch=OuterRef("batch")), groups)
    return tickets.annotate(here_targets=_sum(mine, F("targets")), here_fixed=_sum(mine, F("fixed")))


def ask(request: Request, item: RemediationActivity, groups: Selection, devices: QuerySet[ActivityDevice]) -> None:
    """What the page wants to know in the query that it makes anyway; `devices` are those of the table."""
    served = Ticket.objects.filter(activity=item).values("batch")
    waiting = _visible(BatchCount.objects.filter(activity=item).exclude(batch__in=served), groups)
    questions = {"rest_devices": _sum(waiting, F("targets") - F("fixed"))}
    if asked_part(request):
        counted = devices.order_by().annotate(_one=Value(1)).values("_one").annotate(_count=Count("device"))
        questions["part_devices"] = Coalesce(Subquery(counted.values("_count")), 0, output_field=IntegerField())
    numbers(request).ask(**questions)


def rest_of(request: Request, item: RemediationActivity, tickets: list[Any], covers_all: bool) -> Rest | None:
    """None where every part has its ticket, or none was ever asked for."""
    devices = numbers(request)["rest_devices"] if tickets else 0
    if not devices or item.status != ActivityStatus.ACTIVE:
        return None
    first = tickets[0].ticket
    user: User = request.user
    may_open = covers_all and first.system.is_enabled and user.has_perm("remediation.handle_remediation")
    return Rest(devices, first.batches - len({view.ticket.batch for view in tickets}), may_open)


def claimed(tickets: list[Any]) -> int:
    """Devices of the tickets that IT has completed over there."""
    done = {view.ticket.batch: view.ticket for view in tickets if view.ticket.remote_state == RemoteState.COMPLETED}
    return sum(ticket.here_targets for ticket in done.values())


def _visible(counts: QuerySet[BatchCount], groups: Selection) -> QuerySet[BatchCount]:
    return counts if groups.sees_everything else counts.filter(group__in=[group.pk for group in groups.visible])


def _sum(counts: QuerySet[BatchCount], what: Any) -> Any:
    summed = counts.order_by().annotate(_one=Value(1)).values("_one").annotate(_sum=Sum(what)).values("_sum")
    return Coalesce(Subquery(summed), 0, output_field=IntegerField())
