"""People and their roles."""

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from ..fields import COULD_BE_AN_ID
from ..models import EntraPerson, User
from ..models.people import SYSTEM_USERNAME
from ..roles import SYSTEM
from ..rules.people import LastAdministrator
from ..signed_in import SignedInRequest
from .base import ReadOnlyAdmin
from .recorded import RecordedAdmin

# Who gets a role with these could give themselves any other.
_ABOUT_RIGHTS = ["auth.add_group", "auth.change_group", "auth.delete_group", "auth.change_permission"]


def _privileged_roles() -> models.QuerySet:
    """Roles that only a superuser may give: the machine's own, and those that can change roles."""
    names = [name.split(".")[1] for name in _ABOUT_RIGHTS]
    may_change_roles = models.Q(permissions__content_type__app_label="auth", permissions__codename__in=names)
    return Group.objects.filter(may_change_roles | models.Q(name=SYSTEM)).distinct()


@admin.register(User)
class PeopleAdmin(RecordedAdmin, UserAdmin):
    """People, their roles, and the device groups that they see. Who leaves is made inactive, not deleted."""

    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "sees_all_groups", "last_login")
    list_filter = ("is_active", "is_staff", "groups", "sees_all_groups")
    filter_horizontal = ("groups", "user_permissions", "device_groups")
    actions = None
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email", "time_zone")}),
        (_("Roles"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Device groups"), {"fields": ("sees_all_groups", "device_groups")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Without the device groups for who sees some: nobody widens a scope, their own least of all, beyond theirs."""
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.is_superuser or cast(SignedInRequest, request).user.sees_all_groups:
            return fieldsets
        return [part for part in fieldsets if "device_groups" not in part[1]["fields"]]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is not None and EntraPerson.objects.filter(user=obj).exists():
            # Entra decides, at each sign-in. To close an account is ours all the same.
            return (*self.readonly_fields, "is_staff", "is_superuser", "groups", "user_permissions")
        if request.user.is_superuser:
            return self.readonly_fields
        return (*self.readonly_fields, "is_superuser", "user_permissions")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "time_zone":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        zones = [("", _("As the site")), *((zone, zone) for zone in sorted(available_timezones()))]
        return forms.ChoiceField(label=_("Time zone"), choices=zones, required=False)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups" and not request.user.is_superuser:
            kwargs["queryset"] = Group.objects.exclude(pk__in=_privileged_roles())
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        by = cast(SignedInRequest, request).user
        if obj is not None and (obj.username == SYSTEM_USERNAME or self._is_above(by, obj)):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """The password and its event together. Signing in by password can be taken from somebody here too."""
        if COULD_BE_AN_ID.fullmatch(id) and EntraPerson.objects.filter(user=int(id)).exists():
            raise PermissionDenied(_("Who signs in with Microsoft has no password here."))
        try:
            with transaction.atomic():
                return super().user_change_password(request, id, form_url)
        except LastAdministrator as reason:
            return self._refused(request, reason)

    @staticmethod
    def _is_above(user: User, other: User) -> bool:
        """Whether the other has rights that the user could not give."""
        if user.is_superuser:
            return False
        return other.is_superuser or other.groups.filter(pk__in=_privileged_roles()).exists()

    def people_of(self, user: User) -> models.QuerySet[User]:
        return User.objects.filter(pk=user.pk)

    def rights_of(self, user: User) -> dict[str, Any]:
        return {
            "username": user.username,
            "is_active": user.is_active,
            "is_staff": user.is_staff,
            "is_superuser": user.is_superuser,
            "roles": sorted(user.groups.values_list("name", flat=True)),
            "permissions": sorted(user.user_permissions.values_list("codename", flat=True)),
            "sees_all_groups": user.sees_all_groups,
            "device_groups": sorted(user.device_groups.values_list("name", flat=True)),
        }


@admin.register(EntraPerson)
class EntraPersonAdmin(ReadOnlyAdmin):
    """Whom Entra knows as which user: written by their sign-ins."""

    list_display = ("user", "sign_in_name", "object_id", "tenant_id", "first_seen_at", "signed_in_at")
    list_select_related = ("user",)
    search_fields = ("sign_in_name", "user__first_name", "user__last_name")


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(RecordedAdmin, GroupAdmin):  # type: ignore[misc]
    """Roles: superusers only, by the permissions of auth."""

    def people_of(self, role: Group) -> models.QuerySet[User]:
        return User.objects.filter(groups=role)

    def rights_of(self, role: Group) -> dict[str, Any]:
        return {"name": role.name, "permissions": sorted(role.permissions.values_list("codename", flat=True))}

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False
