"""What an exception would cover, and what stands in its way. Decides nothing, writes nothing."""

from dataclasses import dataclass

from .forms import GroupChoice
from .models import Recommendation, RecommendationException, RemediationActivity, User
from .rules import exception_policy

_SHOWN = 5


@dataclass(frozen=True)
class ExceptionOutlook:
    """The words beside the form."""

    # Exposed devices in the groups that have no exception yet.
    exposed: int
    # Whatever the duration: below it the duration decides.
    always_needs_approval: bool
    existing: list[RecommendationException]
    activities: list[RemediationActivity]


def exception_outlook(recommendation: Recommendation, groups: list[GroupChoice], user: User) -> ExceptionOutlook:
    live = recommendation.exceptions.live().visible_to(user).select_related("filed_by")
    active = recommendation.activities.active().visible_to(user).select_related("requester")
    return ExceptionOutlook(
        exposed=sum(choice.exposed for choice in groups),
        always_needs_approval=exception_policy.needs_approval(recommendation, exception_policy.SHORTEST),
        existing=list(live[:_SHOWN]),
        activities=list(active[:_SHOWN]),
    )
