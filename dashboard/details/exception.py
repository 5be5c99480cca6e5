"""One exception: what was decided on, by whom, for which devices and until when, and what can be done with it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from remediation.models import STANDING, AuditEvent, DeviceGroup, ExceptionStatus, RecommendationException, User
from remediation.rules.transitions import EXCEPTION, Transition

from ..exceptions import with_size
from ..groups import selection
from ..requests import Request
from .timeline import Line, timeline

ICONS = {"approve": "check-lg", "reject": "x-circle", "cancel": "slash-circle"}


@dataclass(frozen=True)
class Decision:
    """One button. With a reason it is shown disabled."""

    verb: str
    rule: Transition
    icon: str
    is_primary: bool
    reason: str = ""


@require_GET
def exception(request: Request, pk: int) -> HttpResponse:
    groups = selection(request)
    visible = RecommendationException.objects.visible_to(request.user)
    linked = ("recommendation", "weakness", "report__device", "filed_by", "approved_by", "status_changed_by", "renews")
    item = get_object_or_404(with_size(visible.select_related(*linked), groups), pk=pk)
    named = DeviceGroup.objects.visible_to(request.user).filter(pk__in=item.device_groups.all())
    # The newest is the live one, if any is.
    renewal = item.renewals.order_by("-pk").first()
    context = {
        "exception": item,
        "subject": item.subject,
        "may_see_report": item.report and item.report.device.group_id in {group.pk for group in groups.visible},
        "device_groups": list(named) if not item.all_groups else [],
        "actions": [decision for decision in _decisions(item, request.user) if decision.verb in _shown(item)],
        "may_extend": _may_extend(item, renewal, request.user),
        "renewal": renewal,
        "timeline": _lines(item, request.user),
    }
    return render(request, "dashboard/exception.html", context)


def _shown(item: RecommendationException) -> set[str]:
    """What is over offers nothing any more."""
    if item.status == ExceptionStatus.AWAITING_APPROVAL:
        return {"approve", "reject", "cancel"}
    return {"cancel"} if item.is_live else set()


def _decisions(item: RecommendationException, user: User) -> list[Decision]:
    covers_all = item.touches_only(user)
    found = [
        Decision(verb, rule, ICONS[verb], verb == "approve", _why_not(rule, item, user, covers_all))
        for verb, rule in EXCEPTION.items()
        if rule.by_people
    ]
    return sorted(found, key=lambda decision: bool(decision.reason))


def _why_not(rule: Transition, item: RecommendationException, user: User, covers_all: bool) -> str:
    if not user.has_perm(rule.permission):
        return _("Your roles do not allow this.")
    if not covers_all:
        return _("It also covers device groups that you may not see.")
    if rule.permission == "remediation.approve_exception" and item.filed_by_id == user.pk:
        return _("Somebody else than you has to decide on what you have filed.")
    return ""


def _may_extend(item: RecommendationException, renewal: RecommendationException | None, user: User) -> bool:
    is_free = item.status in STANDING and (renewal is None or not renewal.is_live)
    return is_free and user.has_perm("remediation.handle_exception") and item.touches_only(user)


def _lines(item: RecommendationException, user: User) -> list[Line]:
    events: Any = AuditEvent.objects.about(item).select_related("actor").order_by("-pk")
    return timeline(events[:100], is_cut=not item.touches_only(user))
