"""What a remediation request would come to, as its form stands at the moment. Decides nothing, writes nothing."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Prefetch, QuerySet

from . import scoring
from .forms import CHOSEN, FIRST, GroupChoice, RemediationForm
from .models import (
    TICKET_LIMIT,
    DeviceGroup,
    ImportedActivity,
    OrganisationScore,
    Priority,
    Recommendation,
    RemediationActivity,
    RemediationType,
    ScoreSnapshot,
    User,
)
from .rules.targets import Snapshot, promised_impact
from .ticket_options import TicketOption

# Bars of more tickets than these would tell nothing.
_DRAWN_TICKETS = 5
_SHOWN_IMPORTED = 5


@dataclass(frozen=True)
class Outlook:
    """The numbers beside the form."""

    groups: list[DeviceGroup]
    exposed: int
    eligible: int
    remediation: RemediationType
    priority: Priority
    due_on: date | None
    wants_ticket: bool
    first_only: bool
    # Devices that one ticket takes; None where one serves for all.
    ticket_limit: int | None
    impact: float
    score: float | None
    # The source reports a score of its own, so ours is the explained one.
    is_explained: bool
    overlapping: list[RemediationActivity]
    # Active ones of other systems for the same recommendation. Not asked for before the whole page shows them.
    imported: QuerySet[ImportedActivity]

    @property
    def points(self) -> float:
        return abs(self.impact)

    @property
    def decimals(self) -> int:
        return 1 if self.points >= 1 else 2

    @property
    def score_decimals(self) -> int:
        """As few as show that the score moves."""
        return 0 if self.points >= 1 else 1

    @property
    def left_out(self) -> int:
        return self.exposed - self.eligible

    @property
    def is_above_limit(self) -> bool:
        return self.ticket_limit is not None and self.eligible > self.ticket_limit

    @property
    def limit(self) -> int:
        """The devices of a full ticket."""
        return self.ticket_limit or max(self.eligible, 1)

    @property
    def beyond_limit(self) -> int:
        return max(0, self.eligible - self.limit)

    @property
    def all_batches(self) -> list[int]:
        """Devices of each ticket when every eligible device goes into one."""
        return [min(self.limit, self.eligible - start) for start in range(0, self.eligible, self.limit)]

    @property
    def batches(self) -> list[int]:
        if not self.wants_ticket:
            return []
        return self.all_batches[:1] if self.first_only else self.all_batches

    @property
    def drawn_batches(self) -> list[int]:
        return self.batches[:_DRAWN_TICKETS]

    @property
    def without_ticket(self) -> int:
        return self.exposed - sum(self.batches)

    @property
    def needs_no_due_date(self) -> bool:
        return self.remediation == RemediationType.ATTENTION_REQUIRED

    @property
    def score_after(self) -> float | None:
        return None if self.score is None else min(100.0, max(0.0, self.score + self.impact))


def outlook(form: RemediationForm, option: TicketOption, user: User) -> Outlook:
    """Of the form as it stands; a group that was ticked counts only where the person sees it."""
    values = form.so_far()
    choices = _choices(form, values)
    groups = [choice.group for choice in choices]
    recommendation = form.recommendation
    # Of what the person may see, as everywhere.
    present = ScoreSnapshot.objects.present(None if user.sees_all_groups else DeviceGroup.objects.visible_to(user))
    newest = OrganisationScore.objects.newest() if user.sees_all_groups else None
    points = promised_impact(recommendation, groups, present)
    remediation = RemediationType(values["requested_remediation"])
    may_have_ticket = option.is_on and remediation != RemediationType.ATTENTION_REQUIRED
    return Outlook(
        groups=groups,
        exposed=sum(choice.exposed for choice in choices),
        eligible=sum(choice.exposed if option.system.takes_names else choice.eligible for choice in choices),
        remediation=remediation,
        priority=Priority(values["priority"]),
        due_on=values["due_on"],
        wants_ticket=may_have_ticket and bool(form.wanted_system(values)),
        first_only=values["batches"] == FIRST,
        ticket_limit=option.system.ticket_limit if option.system else TICKET_LIMIT,
        impact=points if recommendation.is_configuration else -points,
        score=_score(recommendation, present, newest),
        is_explained=newest is not None and newest.has_exposure_of_its_source and not recommendation.is_configuration,
        overlapping=_overlapping(form, groups, user),
        imported=recommendation.imported_activities.active().visible_to(user)[:_SHOWN_IMPORTED],
    )


def _choices(form: RemediationForm, values: dict[str, Any]) -> list[GroupChoice]:
    if values["scope"] == CHOSEN:
        chosen = {group.pk for group in values["device_groups"] or []}
        return [choice for choice in form.groups if choice.group.pk in chosen]
    return form.groups


def _score(recommendation: Recommendation, present: Snapshot, newest: OrganisationScore | None) -> float | None:
    """Which the impact is on. A person who sees a part of the organisation is shown a setting's points alone."""
    if recommendation.is_configuration:
        return newest.configuration if newest else None
    return scoring.exposure_score_of(present)


def _overlapping(form: RemediationForm, groups: list[DeviceGroup], user: User) -> list[RemediationActivity]:
    """Active activities of the same recommendation that share a device group with the choice."""
    chosen = {group.pk for group in groups}
    active = form.recommendation.activities.active().visible_to(user).select_related("requester")
    named = active.prefetch_related(Prefetch("device_groups", queryset=DeviceGroup.objects.visible_to(user)))
    return [item for item in named[:20] if item.all_groups or chosen & {group.pk for group in item.device_groups.all()}]
