"""The proposal for a request that goes on where an activity ended: its scope, its priority, and where it is from."""

from typing import Any

from django.utils.translation import gettext as _

from .models import DeviceGroup, Recommendation, RecommendationCounter, RemediationActivity, User

# As the form calls its choices of scope.
ALL, CHOSEN = "all", "chosen"


def follow_up_proposal(recommendation: Recommendation, followed: str, user: User) -> dict[str, Any]:
    """Empty where the person sees no such activity of the recommendation."""
    if not (followed.isascii() and followed.isdigit() and len(followed) < 16):
        return {}
    activities = RemediationActivity.objects.visible_to(user).filter(recommendation=recommendation)
    activity = activities.filter(pk=int(followed)).first()
    if activity is None:
        return {}
    is_all = activity.all_groups and user.sees_all_groups
    return {
        "scope": ALL if is_all else CHOSEN,
        "device_groups": [] if is_all else _groups(activity, user),
        "priority": activity.priority,
        "notes": _("Follow-up of activity #%(number)s.") % {"number": activity.pk},
    }


def _groups(activity: RemediationActivity, user: User) -> list[DeviceGroup]:
    """Those of the activity that still have exposed devices: others cannot be chosen."""
    exposed = RecommendationCounter.objects.filter(recommendation=activity.recommendation_id, exposed__gt=0)
    mine = DeviceGroup.objects.visible_to(user).filter(pk__in=activity.device_groups.all())
    return list(mine.filter(pk__in=exposed.values("group")))
