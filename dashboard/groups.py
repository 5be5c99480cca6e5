"""What every page needs of its reader, in one query: the device groups they see and look at, and their roles."""

from dataclasses import dataclass, field
from functools import cached_property

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Value
from django.db.models.fields import BooleanField
from django.utils.translation import gettext as _

from remediation.models import DeviceGroup, User

from .requests import Request

_ROLE, _GROUP = "role", "group"


@dataclass(frozen=True)
class Selection:
    """The device groups that a page is about: always a part of those that the reader may see."""

    visible: list[DeviceGroup]
    chosen: list[DeviceGroup]
    sees_everything: bool
    roles: list[str] = field(default_factory=list)
    # Whether the address, and not the stored choice, says which.
    is_from_address: bool = False

    @cached_property
    def ids(self) -> list[int]:
        return [group.pk for group in self.chosen]

    @property
    def limits(self) -> list[int] | None:
        """The groups beyond which the reader sees nothing, whichever are selected; None for who sees all."""
        return None if self.sees_everything else [group.pk for group in self.visible]

    @property
    def is_all(self) -> bool:
        return len(self.chosen) == len(self.visible)

    @property
    def named(self) -> str | list[str]:
        """For a record of what was looked at."""
        return "all" if self.is_whole_organisation else [group.name for group in self.chosen]

    @property
    def is_whole_organisation(self) -> bool:
        """Nothing is left out, so totals over all groups may be shown as they are stored."""
        return self.is_all and self.sees_everything


def selection(request: Request) -> Selection:
    """The reader's groups: those of `?groups=` where given, else their stored choice, else all. Read once a request."""
    if not hasattr(request, "device_group_selection"):
        request.device_group_selection = _read(request)
    return request.device_group_selection


def require_all_groups(request: Request) -> None:
    """For pages whose rows cannot be cut to device groups. Raises PermissionDenied for a reader of some groups."""
    if not request.user.sees_all_groups:
        raise PermissionDenied(_("Only people who see all device groups, present and future, may open this page."))


def _read(request: Request) -> Selection:
    rows = _rows(request.user)
    visible = [DeviceGroup(pk=pk, name=name) for kind, pk, name, _chosen in rows if kind == _GROUP]
    stored = {pk for kind, pk, _name, is_chosen in rows if kind == _GROUP and is_chosen}
    asked = {int(text) for text in request.GET.getlist("groups") if text.isascii() and text.isdigit()}
    named = {group.pk for group in visible} & asked
    wanted = named or stored
    return Selection(
        visible=visible,
        chosen=[group for group in visible if group.pk in wanted] if wanted else visible,
        sees_everything=request.user.sees_all_groups,
        roles=[name for kind, _pk, name, _chosen in rows if kind == _ROLE],
        is_from_address=bool(named),
    )


def _rows(user: User) -> list[tuple[str, int, str, bool]]:
    chosen = User.selected_groups.through.objects.filter(user=user, devicegroup=OuterRef("pk"))
    groups = DeviceGroup.objects.visible_to(user).order_by().values_list(Value(_GROUP), "pk", "name", Exists(chosen))
    roles = (
        Group.objects.filter(user=user)
        .order_by()
        .values_list(Value(_ROLE), "pk", "name", Value(False, output_field=BooleanField()))
    )
    return sorted(((a, b, c, bool(d)) for a, b, c, d in groups.union(roles, all=True)), key=lambda row: row[2].lower())
