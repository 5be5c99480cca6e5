"""The admin: people and roles are managed here; what has happened can be read, by superusers too, and never written."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from .models import (
    AuditEvent,
    DeviceGroup,
    EntraPerson,
    RemediationActivity,
    Through,
    Ticket,
    TicketAttempt,
    TicketSystem,
    User,
)
from .models.people import SYSTEM_USERNAME
from .roles import SYSTEM
from .rules.people import LastAdministrator, keep_an_administrator
from .signed_in import SignedInRequest

# Who gets a role with these could give themselves any other.
_ABOUT_RIGHTS = ["auth.add_group", "auth.change_group", "auth.delete_group", "auth.change_permission"]


class ReadOnlyAdmin(admin.ModelAdmin):
    """A record of what has happened: nobody adds, changes or deletes."""

    show_full_result_count = False
    actions = None
    # The redirect that it leads to is closed.
    view_on_site = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WholeOrganisationAdmin(ReadOnlyAdmin):
    """Raw rows, which cannot be cut to device groups: for those who see all of them, superusers included."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        sees_all_groups = cast(SignedInRequest, request).user.sees_all_groups
        return sees_all_groups and super().has_view_permission(request, obj)


class _Change(SignedInRequest):
    """The request of a form that changes rights, with those before it."""

    rights_before: dict[str, Any]


class RecordedAdmin(admin.ModelAdmin):
    """Changes made here are in the audit trail, like those made on the pages."""

    def rights_of(self, obj: Any) -> dict[str, Any]:
        raise NotImplementedError

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except LastAdministrator as reason:
            return self._refused(request, reason)

    def _refused(self, request: HttpRequest, reason: LastAdministrator) -> HttpResponse:
        self.message_user(request, str(reason), messages.ERROR)
        return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = self.rights_of(self.model._default_manager.get(pk=obj.pk)) if change else {}
        cast(_Change, request).rights_before = before
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._record(request, obj, "add")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        is_form = hasattr(request, "rights_before")
        self._record(request, obj, "change" if is_form else "change password")
        return super().log_change(request, obj, message)

    def _record(self, request: HttpRequest, obj: Any, verb: str) -> None:
        before, after = getattr(request, "rights_before", {}), self.rights_of(obj)
        by = cast(SignedInRequest, request).user
        AuditEvent.objects.record(obj, verb, by=by, through=Through.ADMIN, before=before, after=after)
        keep_an_administrator()


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
        if id.isdecimal() and EntraPerson.objects.filter(user=int(id)).exists():
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
class RoleAdmin(RecordedAdmin, GroupAdmin):
    """Roles: superusers only, by the permissions of auth."""

    def rights_of(self, role: Group) -> dict[str, Any]:
        return {"name": role.name, "permissions": sorted(role.permissions.values_list("codename", flat=True))}

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False


@admin.register(DeviceGroup)
class DeviceGroupAdmin(WholeOrganisationAdmin):
    list_display = ("name",)
    search_fields = ("name",)


@admin.register(TicketSystem)
class TicketSystemAdmin(ReadOnlyAdmin):
    """Switched in the Settings pages."""

    list_display = ("name", "is_enabled", "create_route", "list_route", "last_success_at", "paused_until")


@admin.register(AuditEvent)
class AuditEventAdmin(WholeOrganisationAdmin):
    list_display = ("at", "actor_name", "verb", "subject_name", "subject_type", "through", "sequence")
    list_filter = ("through", "subject_type")
    search_fields = ("actor_name", "subject_name", "verb", "request_id")


@admin.register(RemediationActivity)
class RemediationActivityAdmin(WholeOrganisationAdmin):
    list_display = ("title", "status", "due_on", "requester", "targets", "fixed")
    list_filter = ("status", "priority")
    list_select_related = ("requester",)
    search_fields = ("title",)


@admin.register(Ticket)
class TicketAdmin(WholeOrganisationAdmin):
    list_display = ("activity", "batch", "batches", "delivery_state", "remote_state", "attempts", "created_at")
    list_filter = ("delivery_state", "remote_state", "system")
    list_select_related = ("activity",)
    search_fields = ("marker", "remote_id")
    exclude = ("payload",)


@admin.register(TicketAttempt)
class TicketAttemptAdmin(WholeOrganisationAdmin):
    list_display = ("ticket_id", "fence", "purpose", "started_at", "ended_at", "result", "status", "reason")
    list_filter = ("purpose", "result")
    search_fields = ("client_request_id", "remote_request_id", "remote_id")
    raw_id_fields = ("ticket",)
