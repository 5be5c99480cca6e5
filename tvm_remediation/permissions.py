"""Who may what: Django's own permissions, those of a person and those of their roles asked for together."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Q

from remediation.models import User


class PermissionsBackend(ModelBackend):
    """Every page asks for permissions: one query instead of Django's two."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        is_ordinary = isinstance(user_obj, User) and user_obj.is_active and not user_obj.is_superuser
        if not is_ordinary or obj is not None or hasattr(user_obj, "_perm_cache"):
            return super().get_all_permissions(user_obj, obj)
        of_roles = Permission.objects.filter(group__in=user_obj.groups.order_by().values("pk")).values("pk")
        of_themselves = user_obj.user_permissions.order_by().values("pk")
        held = Permission.objects.filter(Q(pk__in=of_roles) | Q(pk__in=of_themselves)).order_by()
        names = held.values_list("content_type__app_label", "codename")
        # Where Django's own keeps them too.
        user_obj._perm_cache = {f"{app}.{codename}" for app, codename in names}
        return user_obj._perm_cache
