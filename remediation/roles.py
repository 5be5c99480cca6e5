"""The roles and their permissions, in one table. Missing roles are created; a changed one is never edited."""

from typing import Any

_VIEW = [
    "remediation.view_recommendation",
    "remediation.view_remediationactivity",
    "remediation.view_ticket",
    "remediation.view_device",
    "remediation.view_weakness",
    "remediation.view_software",
    "remediation.view_inaccuracyreport",
    "remediation.view_recommendationexception",
]
_HANDLE = ["remediation.handle_remediation", "remediation.complete_activity"]
_REPORT = "remediation.report_inaccuracy"
_VALUES = "remediation.change_device_value"

SYSTEM = "System"
VIEWER = "Viewer"
SECURITY_TEAM = "Security team"
IT_ADMINISTRATOR = "IT administrator"
EXCEPTION_APPROVER = "Exception approver"
ADMINISTRATOR = "Administrator"

ROLES: dict[str, list[str]] = {
    VIEWER: _VIEW,
    SECURITY_TEAM: [
        *_VIEW,
        *_HANDLE,
        _VALUES,
        _REPORT,
        "remediation.close_inaccuracy",
        "remediation.handle_exception",
    ],
    IT_ADMINISTRATOR: [*_VIEW, "remediation.complete_activity", _REPORT],
    EXCEPTION_APPROVER: [*_VIEW, "remediation.approve_exception"],
    ADMINISTRATOR: [
        *_VIEW,
        _VALUES,
        "remediation.manage_settings",
        "remediation.view_auditevent",
        "remediation.view_ticketattempt",
        "remediation.view_ticketsystem",
        "remediation.view_devicegroup",
        "remediation.view_user",
        "remediation.add_user",
        "remediation.change_user",
        "auth.view_group",
    ],
    SYSTEM: [*_VIEW, *_HANDLE],
}

# What an app role of the registration in Microsoft Entra ID is called (its value) -> the role that it gives here.
APP_ROLES = {
    "Tvm.Viewer": VIEWER,
    "Tvm.SecurityTeam": SECURITY_TEAM,
    "Tvm.ItAdministrator": IT_ADMINISTRATOR,
    "Tvm.ExceptionApprover": EXCEPTION_APPROVER,
    "Tvm.Administrator": ADMINISTRATOR,
}

# Switched off at first. Which of them there are is known here; how they are talked to, in `integrations.connectors`.
TICKET_SYSTEMS: dict[str, dict[str, Any]] = {
    "intune": {"name": "Microsoft Intune"},
    "configmgr": {"name": "Configuration Manager", "takes_names": True, "fills_later": True},
}


def create_missing_roles(sender: Any = None, **kwargs: Any) -> None:
    """Create the roles that are not there yet, the system user, and the ticket systems. Runs after each migration."""
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group

    from .models import TicketSystem, User
    from .models.people import SYSTEM_USERNAME

    _create_all_permissions(create_permissions)
    for name, permissions in ROLES.items():
        role, is_new = Group.objects.get_or_create(name=name)
        if is_new:
            role.permissions.set(_permissions(permissions))
    system, is_new = User.objects.get_or_create(
        username=SYSTEM_USERNAME, defaults={"sees_all_groups": True, "first_name": "System"}
    )
    if is_new:
        system.set_unusable_password()
        system.save(update_fields=["password"])
        system.groups.add(Group.objects.get(name=SYSTEM))
    for key, defaults in TICKET_SYSTEMS.items():
        TicketSystem.objects.get_or_create(key=key, defaults=defaults)


def _create_all_permissions(create_permissions: Any) -> None:
    """The signal comes app by app; the roles need the permissions of all of them."""
    from django.apps import apps

    for name in ("auth", "remediation"):
        create_permissions(apps.get_app_config(name), verbosity=0)


def _permissions(names: list[str]) -> list:
    from django.contrib.auth.models import Permission

    found = []
    for name in names:
        app, codename = name.split(".")
        found.append(Permission.objects.get(content_type__app_label=app, codename=codename))
    return found
