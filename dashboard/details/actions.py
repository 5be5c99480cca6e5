"""Which buttons an activity shows, and why one is disabled: the rows of `rules.transitions`, asked for one person."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from remediation.models import RemediationActivity, User
from remediation.rules.transitions import ACTIVITY, Transition

ICONS = {"complete": "check-lg", "reopen": "arrow-counterclockwise", "cancel": "slash-circle"}


@dataclass(frozen=True)
class Action:
    """One button. With a reason it is shown disabled."""

    verb: str
    rule: Transition
    icon: str
    is_primary: bool
    reason: str = ""


def actions(activity: RemediationActivity, user: User) -> list[Action]:
    """The possible ones first; what a person looks for is disabled, never hidden."""
    covers_all = activity.touches_only(user)
    found = [
        Action(verb, rule, ICONS.get(verb, "check-lg"), verb != "cancel", _why_not(rule, activity, user, covers_all))
        for verb, rule in ACTIVITY.items()
        if rule.by_people
    ]
    return sorted(found, key=lambda action: bool(action.reason))


def _why_not(rule: Transition, activity: RemediationActivity, user: User, covers_all: bool) -> str:
    if activity.status not in rule.sources:
        return _("It is %(status)s.") % {"status": activity.get_status_display()}
    if not user.has_perm(rule.permission):
        return _("Your roles do not allow this.")
    if not covers_all:
        return _("It also covers device groups that you may not see.")
    return ""
