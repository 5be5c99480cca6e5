"""What is left to do although the goal is met: devices that a release from after the request exposes."""

from dataclasses import dataclass

from django.db.models import IntegerField, Subquery
from django.urls import reverse

from remediation.models import ActivityStatus, RemediationActivity

from ..numbers import numbers
from ..requests import Request


@dataclass(frozen=True)
class FollowUp:
    devices: int
    # The form, filled in; empty for who may not request, and while another activity is at work.
    address: str
    # The activity that already is at work on it, in the same device groups.
    other: int | None
    waits_for_completion: bool


def ask_follow_up(request: Request, item: RemediationActivity, groups: list[int]) -> None:
    """Add the question to the page's next query; `groups` are those of the activity that the reader sees."""
    others = RemediationActivity.objects.active().touching(groups).exclude(pk=item.pk)
    same = others.filter(recommendation=item.recommendation_id).order_by("-pk")
    numbers(request).ask(follow_up=Subquery(same.values("pk")[:1], output_field=IntegerField()))


def follow_up(request: Request, item: RemediationActivity, devices: int) -> FollowUp | None:
    if not devices or item.recommendation.closed_at:
        return None
    other = numbers(request)["follow_up"]
    is_active = item.status == ActivityStatus.ACTIVE
    may_request = request.user.has_perm("remediation.handle_remediation") and not (is_active or other)
    form = reverse("remediation_options", args=[item.recommendation_id])
    return FollowUp(devices, f"{form}?follow={item.pk}" if may_request else "", other, is_active)
