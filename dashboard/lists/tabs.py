"""The numbers above the lists of the Remediation page: on its tabs and in its quick filters."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from remediation.models import ActivityCount, ActivityStatus, RemediationActivity, Ticket
from remediation.models.activities import RemediationActivityQuerySet

from ..activities import in_need_of_a_look
from ..groups import Selection
from ..numbers import CountOf, activities_in, exceptions_in, imported_in, numbers, tickets_in
from ..requests import Request

SOON = timedelta(days=7)


def overdue(queryset: QuerySet) -> QuerySet:
    return queryset.filter(status=ActivityStatus.ACTIVE, due_on__lt=timezone.localdate())


def due_soon(queryset: QuerySet, today: Any) -> QuerySet:
    return queryset.filter(status=ActivityStatus.ACTIVE, due_on__gte=today, due_on__lte=today + SOON)


def claimed_but_exposed(queryset: RemediationActivityQuerySet, groups: Selection) -> QuerySet:
    """Completed by a person, and a later complete sync still sees exposed devices."""
    claimed = queryset.filter(
        status=ActivityStatus.COMPLETED, fixed__lt=F("targets"), checked_at__gt=F("status_changed_at")
    )
    return claimed if groups.is_whole_organisation else claimed.left_in(groups.ids)


def awaiting_a_decision(queryset: RemediationActivityQuerySet, groups: Selection) -> QuerySet:
    """Of those of which the reader sees every device: the others are not theirs to decide."""
    found = queryset.awaiting_a_decision()
    if groups.sees_everything:
        return found
    outside = ActivityCount.objects.filter(activity=OuterRef("pk")).exclude(group__in=[g.pk for g in groups.visible])
    return found.filter(~Exists(outside))


def needing_the_next_version(queryset: RemediationActivityQuerySet, groups: Selection) -> QuerySet:
    return queryset.needing_the_next_version(None if groups.is_whole_organisation else groups.ids)


def ask_tabs(request: Request, groups: Selection) -> None:
    """The counts on the tabs of the Remediation page."""
    numbers(request).ask(
        tab_activities=CountOf(activities_in(groups)),
        tab_tickets=CountOf(tickets_in(groups)),
        tab_exceptions=CountOf(exceptions_in(groups)),
        tab_imported=CountOf(imported_in(groups)),
    )


def ask_stats(request: Request, groups: Selection) -> None:
    touching = activities_in(groups)
    # From the few tickets to their activities, not from every activity to its tickets.
    look = Q(pk__in=in_need_of_a_look(Ticket.objects.all()).values("activity"))
    numbers(request).ask(
        stat_overdue=CountOf(overdue(touching)),
        stat_soon=CountOf(due_soon(touching, timezone.localdate())),
        stat_claimed=CountOf(claimed_but_exposed(RemediationActivity.objects.all(), groups)),
        stat_look=CountOf(touching.filter(look)),
    )
