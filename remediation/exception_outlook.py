"""What an exception would cover and change, as its form stands, and what stands in its way. Writes nothing."""

from dataclasses import dataclass

from . import scoring
from .forms import GroupChoice
from .forms_exceptions import ExceptionForm
from .models import (
    LOWERING,
    DeviceGroup,
    Justification,
    OrganisationScore,
    Recommendation,
    RecommendationException,
    RemediationActivity,
    ScoreSnapshot,
    User,
    Weakness,
)
from .rules import exception_policy
from .rules.exception_subjects import Subject, impact_on_score
from .rules.targets import Snapshot

_SHOWN = 5


@dataclass(frozen=True)
class ScoreOutlook:
    """A score now, when the exception counts, and without any exception. None where the reader sees no such score."""

    is_configuration: bool
    # By the justification that is chosen; None while none is.
    lowers: bool | None
    points: float
    score: float | None
    without_exceptions: float | None

    @property
    def after(self) -> float | None:
        better = self.points if self.is_configuration else -self.points
        return None if self.score is None else min(100.0, max(0.0, self.score + better))

    @property
    def decimals(self) -> int:
        """As few as show that the score moves, if it does."""
        if self.lowers is False:
            return 1
        return 0 if self.points >= 1 else 1 if self.points >= 0.1 else 2


@dataclass(frozen=True)
class ExceptionOutlook:
    """The words beside the form."""

    # Exposed devices in the chosen groups.
    devices: int
    score: ScoreOutlook
    # Whatever the duration: below it the duration decides.
    always_needs_approval: bool
    existing: list[RecommendationException]
    # Of the weaknesses that the recommendation removes, or of the products that carry the weakness.
    related: list[RecommendationException]
    activities: list[RemediationActivity]


def exception_outlook(form: ExceptionForm, user: User) -> ExceptionOutlook:
    """Of the form as it stands; a group that was ticked counts only where the person sees it."""
    subject, values = form.subject, form.so_far()
    choices = form.choices_of(values)
    live = subject.exceptions.live().visible_to(user).select_related("filed_by")
    active = activities_fixing(subject).visible_to(user).select_related("requester")
    return ExceptionOutlook(
        devices=sum(choice.exposed for choice in choices),
        score=_score(subject, choices, values["justification"], user),
        always_needs_approval=exception_policy.needs_approval(subject, exception_policy.SHORTEST),
        existing=list(live[:_SHOWN]),
        related=related_exceptions(subject, user),
        activities=list(active[:_SHOWN]),
    )


def activities_fixing(subject: Subject):
    """The active ones of the recommendation, or with the weakness in their frozen goal."""
    if isinstance(subject, Recommendation):
        return subject.activities.active()
    return RemediationActivity.objects.active().filter(goal__weakness=subject)


def related_exceptions(subject: Subject, user: User) -> list[RecommendationException]:
    found = RecommendationException.objects.in_effect().visible_to(user)
    if isinstance(subject, Weakness):
        products = subject.versions.values("software")
        return list(found.filter(recommendation__software__in=products)[:_SHOWN])
    if subject.software_id is None:
        return []
    carried = Weakness.versions.through.objects.filter(softwareversion__software=subject.software_id)
    return list(found.filter(weakness__in=carried.values("weakness")).select_related("weakness")[:_SHOWN])


def _score(subject: Subject, choices: list[GroupChoice], justification: str, user: User) -> ScoreOutlook:
    """The score of what the person may see, as everywhere."""
    is_configuration = isinstance(subject, Recommendation) and subject.is_configuration
    present = ScoreSnapshot.objects.present(None if user.sees_all_groups else DeviceGroup.objects.visible_to(user))
    lowers = justification in LOWERING if justification in Justification.values else None
    points = 0.0 if lowers is False else impact_on_score(subject, [choice.group for choice in choices], present)
    now, without = _configuration(user) if is_configuration else _exposure(present)
    return ScoreOutlook(is_configuration, lowers, points, now, without)


def _exposure(present: Snapshot) -> tuple[float | None, float | None]:
    return scoring.exposure_score_of(present), scoring.exposure_score_without_exceptions(present)


def _configuration(user: User) -> tuple[float | None, float | None]:
    newest = OrganisationScore.objects.newest() if user.sees_all_groups else None
    return (newest.configuration, newest.configuration_before) if newest else (None, None)
