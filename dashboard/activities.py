"""What pages read of activities besides their own fields: progress in the selected groups, and the telling ticket."""

from typing import Any

from django.db.models import Case, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from remediation.models import ActivityCount, ActivityStatus, DeliveryState, RemoteState, Ticket

from .groups import Selection

# Which of several tickets stands for the activity: the one that a person should look at first.
_ATTENTION = [
    Q(delivery_state=DeliveryState.DEAD),
    Q(remote_state=RemoteState.REJECTED),
    Q(remote_state=RemoteState.MISSING),
    Q(delivery_state=DeliveryState.UNCERTAIN),
    Q(delivery_state=DeliveryState.READY, attempts__gt=0),
    Q(delivery_state=DeliveryState.SENDING),
    Q(delivery_state=DeliveryState.READY),
    Q(remote_state=RemoteState.PENDING),
    Q(remote_state=RemoteState.UNKNOWN),
    Q(remote_state=RemoteState.ACTIVE),
]
TICKET_FIELDS = ("ticket_delivery", "ticket_remote", "ticket_next_attempt_at", "ticket_attempts")


def with_progress(activities: QuerySet, groups: Selection) -> QuerySet:
    """`in_targets` and `in_fixed`, cut to the selected groups."""
    if groups.is_whole_organisation:
        return activities.annotate(in_targets=F("targets"), in_fixed=F("fixed"))
    return activities.annotate(in_targets=_sum("targets", groups), in_fixed=_sum("fixed", groups))


def with_ticket(activities: QuerySet) -> QuerySet:
    telling = Ticket.objects.filter(activity=OuterRef("pk")).order_by(_attention(), "batch")
    return activities.annotate(
        ticket_delivery=Subquery(telling.values("delivery_state")[:1]),
        ticket_remote=Subquery(telling.values("remote_state")[:1]),
        ticket_next_attempt_at=Subquery(telling.values("next_attempt_at")[:1]),
        ticket_attempts=Subquery(telling.values("attempts")[:1]),
    )


def in_short(activities: QuerySet, groups: Selection) -> QuerySet:
    """What one line says of an activity; the active ones first, then the newest."""
    active_first = Case(When(status=ActivityStatus.ACTIVE, then=Value(0)), default=Value(1))
    fields = ("pk", "status", "title", "due_on", "in_fixed", "in_targets", *TICKET_FIELDS)
    return with_ticket(with_progress(activities.order_by(active_first, "-pk"), groups)).values(*fields)


def in_need_of_a_look(tickets: QuerySet) -> QuerySet:
    return tickets.filter(_ATTENTION[0] | _ATTENTION[1] | _ATTENTION[2])


def _attention() -> Case:
    ranks = [When(condition, then=Value(rank)) for rank, condition in enumerate(_ATTENTION)]
    return Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())


def _sum(name: str, groups: Selection) -> Any:
    here = ActivityCount.objects.filter(activity=OuterRef("pk"), group__in=groups.ids)
    return Coalesce(Subquery(here.order_by().values("activity").annotate(_sum=Sum(name)).values("_sum")), 0)
