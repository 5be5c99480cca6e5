"""Filling target groups in Entra: twenty devices a step, each step written down, so that a killed worker loses nothing.

A step may have worked without our knowing. Who goes on first reads the members, so nothing is added twice, and a step
that meets members all the same reads them again.
"""

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from remediation.models import AuditEvent, TargetGroup, TargetGroupState, Through, User

from .delivery.throttle import backoff, pause_length
from .directory import AT_ONCE, AlreadyMember, Directory, NotDone

log = structlog.get_logger(__name__)

MOST_FAILURES = 12
# Seconds that one round goes on for; the next round goes on where it ended.
ROUND = 40.0


def fill_all(directory: Directory | None = None) -> None:
    """One round over the groups that are asked for. Two rounds at once do the work of one."""
    if not settings.MICROSOFT.makes_groups:
        return
    ends = time.monotonic() + ROUND
    for group in _due().order_by("next_attempt_at", "pk"):
        if time.monotonic() > ends:
            return
        if _claim(group):
            _fill(group, directory or Directory(), ends)


def _due():
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return TargetGroup.objects.filter(free, state=TargetGroupState.WORKING, next_attempt_at__lte=now)


def _claim(group: TargetGroup) -> bool:
    """The conditional UPDATE: of any number of workers one gets the group."""
    lease_until = timezone.now() + timedelta(seconds=settings.DELIVERY_LEASE)
    claimed = _due().filter(pk=group.pk, fence=group.fence).update(fence=F("fence") + 1, lease_until=lease_until)
    group.refresh_from_db()
    return bool(claimed)


def _fill(group: TargetGroup, directory: Directory, ends: float) -> None:
    try:
        if not group.remote_id:
            title = f"TVM Remediation {group.ticket.activity_id} part {group.ticket.batch}: {group.ticket.activity}"
            _write(group, remote_id=directory.ensure_group(group.unique_name, title[:256]))
        members = directory.members(group.remote_id)
        while time.monotonic() < ends:
            devices = _next_devices(group)
            if not devices:
                _finish(group)
                return
            _step(group, directory, members, devices)
        _write(group, lease_until=None)
    except NotDone as problem:
        _later(group, problem)
    except _Overtaken:
        log.warning("target_group_overtaken", group=group.pk)


def _next_devices(group: TargetGroup) -> list[tuple[int, str]]:
    devices = group.ticket.activity.devices.filter(batch=group.ticket.batch, device__gt=group.last_device)
    return list(devices.order_by("device_id").values_list("device_id", "device__entra_device_id")[:AT_ONCE])


def _step(group: TargetGroup, directory: Directory, members: set[str], devices: list[tuple[int, str]]) -> None:
    known = directory.object_ids([entra_id for _pk, entra_id in devices])
    fresh = sorted(set(known.values()) - members)
    if fresh:
        _add(group, directory, members, fresh)
    _write(
        group,
        last_device=devices[-1][0],
        added=group.added + len(known),
        not_found=group.not_found + len(devices) - len(known),
        failures=0,
        reason="",
        lease_until=timezone.now() + timedelta(seconds=settings.DELIVERY_LEASE),
    )


def _add(group: TargetGroup, directory: Directory, members: set[str], fresh: list[str]) -> None:
    try:
        directory.add(group.remote_id, fresh)
    except AlreadyMember:
        # An earlier step has worked after all.
        members |= directory.members(group.remote_id)
        left = sorted(set(fresh) - members)
        if left:
            directory.add(group.remote_id, left)
    members.update(fresh)


class _Overtaken(Exception):
    """A later claim is at it."""


def _write(group: TargetGroup, **changes) -> None:
    """Only the holder of the latest claim writes."""
    if not TargetGroup.objects.filter(pk=group.pk, fence=group.fence).update(**changes):
        raise _Overtaken
    for name, value in changes.items():
        setattr(group, name, value)


@transaction.atomic
def _finish(group: TargetGroup) -> None:
    _write(group, state=TargetGroupState.DONE, lease_until=None, reason="")
    after = {"group": group.unique_name, "devices": group.added, "not_found": group.not_found}
    _record(group, "group_filled", after)


@transaction.atomic
def _later(group: TargetGroup, problem: NotDone) -> None:
    """Try again, ever later; after many failures without any progress a person is asked."""
    failures = group.failures + 1
    wait = pause_length(problem.wait) if problem.wait is not None else backoff(failures)
    changes = {"failures": failures, "reason": str(problem)[:500], "lease_until": None}
    if failures >= MOST_FAILURES:
        changes["state"] = TargetGroupState.FAILED
    try:
        _write(group, next_attempt_at=timezone.now() + timedelta(seconds=wait), **changes)
    except _Overtaken:
        return
    log.warning("target_group_not_filled", group=group.pk, failures=failures, reason=str(problem)[:200])
    if failures >= MOST_FAILURES:
        _record(group, "group_failed", {"group": group.unique_name}, note=str(problem)[:500])


def _record(group: TargetGroup, verb: str, after: dict, note: str = "") -> None:
    system = User.objects.system()
    AuditEvent.objects.record(group.ticket, verb, by=system, through=Through.WORKER, after=after, note=note)
