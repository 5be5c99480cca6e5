"""The single numbers of a page (navigation counts, tab counts, results), gathered and asked in one query."""

from typing import Any

from django.db.models import DateTimeField, F, IntegerField, QuerySet, Subquery
from django.db.models.functions import Coalesce

from remediation.models import (
    ActivityStatus,
    ImportedActivity,
    OrganisationScore,
    Recommendation,
    RecommendationException,
    RemediationActivity,
    Ticket,
    User,
)
from remediation.models.activities import RemediationActivityQuerySet
from remediation.models.exceptions import RecommendationExceptionQuerySet
from remediation.seen import as_seen_in

from .groups import Selection, selection
from .requests import Request

# Counting stops here: beyond it a page says "more than".
CAP = 10_000


class CountOf(Subquery):
    """How many rows a queryset has, as a value inside another query; stops after the cap."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    empty_result_set_value = 0

    def __init__(self, queryset: QuerySet, cap: int = CAP) -> None:
        super().__init__(queryset.order_by().values("pk")[: cap + 1], output_field=IntegerField())


class Numbers:
    """Asked for by name, answered together on the first look."""

    def __init__(self, request: Request) -> None:
        self._request = request
        # A partial has no frame, as a rule: see below.
        self._questions: dict[str, Any] = {} if request.htmx else _frame_questions(selection(request))
        self._answers: dict[str, Any] = {}

    def ask(self, **questions: Any) -> "Numbers":
        """Add expressions to the next query."""
        self._questions.update(questions)
        return self

    def __getitem__(self, name: str) -> Any:
        if name not in self._answers and name not in self._questions:
            self._questions |= _frame_questions(selection(self._request))
        if self._questions:
            self._answers |= User.objects.filter(pk=self._request.user.pk).values(**self._questions).get()
            self._questions = {}
        return self._answers[name]


def numbers(request: Request) -> Numbers:
    if not hasattr(request, "page_numbers"):
        request.page_numbers = Numbers(request)
    return request.page_numbers


def activities_in(groups: Selection) -> RemediationActivityQuerySet:
    """The activities that touch the selected device groups."""
    if groups.is_whole_organisation:
        return RemediationActivity.objects.all()
    return RemediationActivity.objects.touching(groups.ids)


def exceptions_in(groups: Selection) -> RecommendationExceptionQuerySet:
    """The exceptions for a device group of the selection, and those for all devices where they expose one there."""
    everything = RecommendationException.objects.all()
    return everything if groups.is_whole_organisation else everything.touching(groups.ids)


def tickets_in(groups: Selection) -> QuerySet:
    """The tickets of these activities."""
    return Ticket.objects.all() if groups.is_whole_organisation else Ticket.objects.touching(groups.ids)


def imported_in(groups: Selection) -> QuerySet:
    """What others track of the selected device groups alone; where nobody knows of which, of the whole organisation."""
    everything = ImportedActivity.objects.all()
    return everything if groups.is_whole_organisation else everything.within(groups.ids)


def recommendations_in(groups: Selection) -> QuerySet:
    """The open recommendations exposed in the selected device groups, with their counts in them."""
    found = Recommendation.objects.open()
    counted = found.with_totals() if groups.is_whole_organisation else found.with_counts_in(groups.ids)
    return as_seen_in(counted, groups.limits)


def _frame_questions(groups: Selection) -> dict[str, Any]:
    newest = OrganisationScore.objects.order_by("-day").annotate(
        at=F("published_at"), newest_at=Coalesce("refreshed_at", "published_at")
    )
    found = Recommendation.objects.open()
    open_here = found.filter(exposed__gt=0) if groups.is_whole_organisation else found.exposed_in(groups.ids)
    return {
        "frame_synced_at": Subquery(newest.values("at")[:1], output_field=DateTimeField()),
        # By a sync, or since then by a feed.
        "frame_published_at": Subquery(newest.values("newest_at")[:1], output_field=DateTimeField()),
        "frame_recommendations": CountOf(open_here),
        "frame_activities": CountOf(activities_in(groups).filter(status=ActivityStatus.ACTIVE)),
    }
