"""One remediation activity: what was claimed, what is verified, its devices, tickets, actions and history."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from integrations.models import SyncKind, SyncRun
from remediation.models import (
    UNRESOLVED_STATES,
    ActivityCount,
    ActivityDevice,
    ActivityStatus,
    DeviceState,
    RemediationActivity,
)
from remediation.rules.exports import record_export
from remediation.workers import no_worker, worker_seen_at

from .. import exports
from ..groups import Selection, selection
from ..lists.paging import Page, page_of
from ..numbers import numbers
from ..requests import Request
from . import parts
from .actions import actions
from .follow_up import ask_follow_up, follow_up
from .handover import handover
from .parts import asked_part
from .progress import progress_chart
from .tickets import TicketView, tickets_of
from .timeline import events_of, timeline

DEVICE_FIELDS = (
    "device__name",
    "group__name",
    "installed_version",
    "state",
    "disk_paths",
    "registry_paths",
    "security_update",
    "reported_at",
    "checked_at",
    "seen_by",
    "device__last_seen_at",
)
DEVICE_CSV: exports.Columns = [
    ("device", F("device__name")),
    ("device_group", F("group__name")),
    ("os", F("device__os_platform")),
    ("entra_device_id", F("device__entra_device_id")),
    ("state", F("state")),
    ("installed_version", F("installed_version")),
    ("security_update", F("security_update")),
    ("disk_paths", F("disk_paths")),
    ("registry_paths", F("registry_paths")),
    ("state_since", F("state_changed_at")),
    ("needs_next_version", F("needs_next_version")),
    ("checked_at", F("checked_at")),
    ("checked_by_sync", F("seen_by")),
    ("reported_at", F("reported_at")),
    ("last_seen_at", F("device__last_seen_at")),
    ("ticket_part", F("batch")),
]
# In the order of the page: what needs work first.
STATES = (
    DeviceState.EXPOSED,
    DeviceState.REGRESSED,
    DeviceState.NOT_SEEN,
    DeviceState.PENDING_RESTART,
    DeviceState.FIXED,
    DeviceState.EXCEPTED,
    DeviceState.OUT_OF_SCOPE,
)
# Beside the states: what work is left with, each device for its own reason, and what a newer release exposes.
LEFT, NEXT = "left", "next"
TIMELINE_LENGTH = 50


@dataclass(frozen=True)
class Verification:
    """The target devices by state, cut to the groups that the reader sees."""

    counts: dict[str, int]
    targets: int
    activity: RemediationActivity
    # Of the fixed ones, those that a newer release exposes.
    next_version: int = 0

    @property
    def fixed(self) -> int:
        return self.counts[DeviceState.FIXED]

    @property
    def left(self) -> int:
        return self.counts[DeviceState.EXPOSED] + self.counts[DeviceState.REGRESSED]

    @property
    def unresolved(self) -> int:
        return sum(self.counts[state] for state in UNRESOLVED_STATES)

    @property
    def awaits_decision(self) -> bool:
        """For who sees all of it: nobody else could decide."""
        return self.targets == self.activity.targets and self.activity.awaits_decision

    def how_many(self, state: str) -> int:
        if state in {LEFT, NEXT}:
            return self.unresolved if state == LEFT else self.next_version
        return self.counts[DeviceState(state)] if state else self.targets

    @property
    def is_checked(self) -> bool:
        """Whether a complete sync has looked since the activity came to its present status."""
        checked_at = self.activity.checked_at
        if checked_at is None:
            return False
        return self.activity.status != ActivityStatus.COMPLETED or checked_at >= self.activity.status_changed_at

    @property
    def is_verified(self) -> bool:
        return self.targets > 0 and self.fixed == self.targets

    @cached_property
    def segments(self) -> list[tuple[str, float, float]]:
        """Colour, start and width in percent of each part of the bar."""
        tones = [
            ("f-low", self.fixed),
            ("f-high", self.left),
            ("f-none", self.counts[DeviceState.NOT_SEEN]),
            ("f-med", self.counts[DeviceState.PENDING_RESTART] + self.counts[DeviceState.EXCEPTED]),
        ]
        found, start = [], 0.0
        for tone, count in tones:
            width = 100 * count / self.targets if self.targets else 0.0
            if count:
                found.append((tone, round(start, 2), round(max(width - 0.2, 0.3), 2)))
            start += width
        return found

    @property
    def states(self) -> list[tuple[DeviceState, int]]:
        return [(state, self.counts[state]) for state in STATES if self.counts[state]]


@require_GET
def activity(request: Request, pk: int) -> HttpResponseBase:
    item = get_object_or_404(_activities(request), pk=pk)
    groups = selection(request)
    state, part = _state(request), asked_part(request)
    devices = _devices(item, groups, state, part)
    if request.GET.get("format") == "csv":
        name = f"activity-{pk}" + (f"-part-{part}" if part else "") + "-devices"
        asked = {"address": request.path, "filters": {"state": state} if state else {}, "device_groups": groups.named}
        record_export(name, item.title, asked, by=request.user)
        return exports.stream(devices, DEVICE_CSV, name)
    parts.ask(request, item, groups, devices)
    counts = _counts(item, groups)
    seen = _verification(item, counts)
    ask_follow_up(request, item, [count.group_id for count in counts])
    tickets, covers_all = tickets_of(item, request.user, groups), seen.targets == item.targets
    numbers(request).ask(worker_seen_at=worker_seen_at())
    context = {
        "activity": item,
        "counts": counts,
        "verification": seen,
        "state": state,
        "part": part,
        "devices": _page(devices, _how_many(request, seen, state, part), request),
        "tickets": tickets,
        "no_worker": _no_worker(tickets, request),
        "claimed": parts.claimed(tickets),
        "rest": parts.rest_of(request, item, tickets, covers_all),
        "follow_up": follow_up(request, item, seen.next_version),
        "chart": progress_chart(item, counts),
        "actions": actions(item, request.user),
        "handover": handover(item, seen.targets),
        "timeline": timeline(events_of(item)[:TIMELINE_LENGTH], is_cut=not covers_all),
        "covers_all": covers_all,
    }
    return render(request, "dashboard/activity.html", context)


def _no_worker(tickets: list[TicketView], request: Request) -> str:
    """Only where one of them waits for a worker."""
    return "" if all(view.is_final for view in tickets) else no_worker(numbers(request)["worker_seen_at"])


def _activities(request: Request) -> QuerySet[RemediationActivity]:
    return RemediationActivity.objects.visible_to(request.user).select_related(
        "recommendation", "requester", "assignee", "status_changed_by"
    )


def _state(request: Request) -> str:
    asked = request.GET.get("state", "")
    return asked if asked in {*DeviceState.values, LEFT, NEXT} else ""


def _counts(item: RemediationActivity, groups: Selection) -> list[ActivityCount]:
    """All that the reader may see, whichever groups are selected: an activity is judged as a whole."""
    counts = ActivityCount.objects.filter(activity=item).select_related("group").order_by("group__name")
    visible = {group.pk for group in groups.visible}
    return [count for count in counts if groups.sees_everything or count.group_id in visible]


def _verification(item: RemediationActivity, counts: list[ActivityCount]) -> Verification:
    sums = {state.value: sum(getattr(count, state.value) for count in counts) for state in DeviceState}
    next_version = sum(count.next_version for count in counts)
    return Verification(sums, sum(count.targets for count in counts), item, next_version)


def _devices(item: RemediationActivity, groups: Selection, state: str, part: int | None) -> QuerySet[ActivityDevice]:
    run = SyncRun.objects.filter(kind=SyncKind.FULL, as_of=OuterRef("checked_at")).order_by("pk").values("pk")[:1]
    devices = ActivityDevice.objects.filter(activity=item).annotate(seen_by=Subquery(run))
    if not groups.sees_everything:
        devices = devices.filter(group__in=[group.pk for group in groups.visible])
    if part:
        devices = devices.filter(batch=part)
    return _in_state(devices, state).order_by("state", "device_id")


def _in_state(devices: QuerySet[ActivityDevice], state: str) -> QuerySet[ActivityDevice]:
    if state == LEFT:
        return devices.filter(state__in=UNRESOLVED_STATES)
    if state == NEXT:
        return devices.filter(state=DeviceState.FIXED, needs_next_version=True)
    return devices.filter(state=state) if state else devices


def _how_many(request: Request, seen: Verification, state: str, part: int | None) -> int:
    """The counts are known already, so nothing is counted again; but for a part."""
    if part:
        return numbers(request)["part_devices"]
    return seen.how_many(state)


def _page(devices: QuerySet[ActivityDevice], count: int, request: Request) -> Page:
    query = request.GET.copy()
    query.setdefault("per_page", "25")
    return page_of(devices.values("device_id", *DEVICE_FIELDS), devices.values("device_id"), count, query)
