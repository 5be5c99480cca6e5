"""The device groups that a request or an exception is for: always a part of those that the person sees."""

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from ..models import DeviceGroup, User


def wanted_groups(chosen: list[DeviceGroup] | None, by: User, refusal: type[Exception]) -> list[DeviceGroup]:
    """All that the person sees, where none is chosen. Raises PermissionDenied, or the refusal for an empty choice."""
    visible = list(DeviceGroup.objects.visible_to(by))
    if chosen is None:
        return visible
    if not set(chosen) <= set(visible):
        raise PermissionDenied(_("You may not see one of the chosen device groups."))
    if not chosen:
        raise refusal(_("Choose at least one device group."))
    return chosen


def scope_key(groups: list[DeviceGroup], *, is_everywhere: bool) -> str:
    """Equal scopes have equal keys."""
    return "all" if is_everywhere else ",".join(str(pk) for pk in sorted(group.pk for group in groups))
