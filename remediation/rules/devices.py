"""Device values and internet-facing by hand: what a person says stands above what the source says, until given back."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Model
from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import AuditEvent, Device, DeviceGroup, User
from ..models.devices import DeviceQuerySet

PERMISSION = "remediation.change_device_value"
# As many as one action changes: what somebody can still answer for, in one short transaction.
MOST = 10_000
_BATCH = 500

FROM_SOURCE, YES, NO = "source", "yes", "no"


class TooManyDevices(Exception):
    """More than one action may change."""


@dataclass(frozen=True)
class Wish:
    """What is to be set; empty leaves it as it is, FROM_SOURCE gives it back."""

    value: str = ""
    internet_facing: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """By field, what is to stand there."""
        facing = {YES: True, NO: False}.get(self.internet_facing, self.internet_facing)
        return {name: to for name, to in (("value", self.value), ("internet_facing", facing)) if to != ""}

    @property
    def updates(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, to in self.asked.items():
            found[name] = F(f"source_{name}") if to == FROM_SOURCE else to
            found[f"{name}_by_hand"] = to != FROM_SOURCE
        return found

    def changes(self, device: Device) -> bool:
        return any(_differs(device, name, to) for name, to in self.asked.items())


def _differs(device: Device, name: str, to: Any) -> bool:
    by_hand = getattr(device, f"{name}_by_hand")
    return by_hand if to == FROM_SOURCE else not by_hand or getattr(device, name) != to


@transaction.atomic
def set_by_hand(devices: DeviceQuerySet, wish: Wish, *, by: User) -> int:
    """Set it on those that the person may see, and say on how many it changed. Scores follow with the next sync.

    Raises PermissionDenied, or TooManyDevices before anything has changed.
    """
    if not by.has_perm(PERMISSION):
        raise PermissionDenied(_("Your roles do not allow to set device values."))
    found = list(devices.visible_to(by).select_for_update(of=("self",)).order_by("pk")[: MOST + 1])
    if len(found) > MOST:
        raise TooManyDevices
    changed = [device for device in found if wish.changes(device)]
    for start in range(0, len(changed), _BATCH):
        mine = Device.objects.filter(pk__in=[device.pk for device in changed[start : start + _BATCH]])
        mine.update(**wish.updates, set_by=by, set_at=timezone.now())
    _record(changed, wish, by)
    return len(changed)


def _record(devices: list[Device], wish: Wish, by: User) -> None:
    """One event for one device; of many one for each group, for groups are what readers of the audit may see."""
    if len(devices) == 1:
        _event(devices[0], devices, wish, by)
        return
    by_group: dict[int, list[Device]] = defaultdict(list)
    for device in devices:
        by_group[device.group_id].append(device)
    for group in DeviceGroup.objects.filter(pk__in=by_group):
        _event(group, by_group[group.pk], wish, by)


def _event(subject: Model, devices: list[Device], wish: Wish, by: User) -> None:
    AuditEvent.objects.record(
        subject,
        "set device values",
        by=by,
        before={name: _former(devices, name) for name in wish.asked},
        after=wish.asked | {"devices": len(devices)},
    )


def _former(devices: Iterable[Device], name: str) -> dict[str, list[int]]:
    """The ids by what stood there before."""
    found: dict[str, list[int]] = defaultdict(list)
    for device in devices:
        origin = "by hand" if getattr(device, f"{name}_by_hand") else "by the source"
        found[f"{getattr(device, name)} {origin}"].append(device.pk)
    return found
