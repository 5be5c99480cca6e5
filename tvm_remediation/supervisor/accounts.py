"""The demo's accounts: there with the sandbox, gone with a tenant."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import ManyToOneRel

from remediation import roles
from remediation.models import AuditEvent, TicketSystem, User
from remediation.models.audit import Through

DEMO = {
    "security": roles.SECURITY_TEAM,
    "itadmin": roles.IT_ADMINISTRATOR,
    "approver": roles.EXCEPTION_APPROVER,
    "viewer": roles.VIEWER,
    "admin": roles.ADMINISTRATOR,
}


@dataclass(frozen=True)
class Demo:
    """The accounts that can sign in, with which password, and whether they are new."""

    usernames: list[str]
    password: str
    is_new: bool


def demo_password(env: Mapping[str, str], data_dir: Path) -> str:
    """DEMO_PASSWORD, else the one that the first start made and left in a file that only its owner may read."""
    if env.get("DEMO_PASSWORD"):
        return env["DEMO_PASSWORD"]
    path = data_dir / "demo_password"
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    password = secrets.token_urlsafe(9)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(password + "\n")
    return password


@transaction.atomic
def ensure_demo(password: str) -> Demo:
    """Make the accounts, each with its role; the first time also switch the Intune connection on.

    An account of the same name that is not the demo's belongs to a person and stays as it is.
    """
    known = {user.username: user for user in User.objects.filter(username__in=DEMO)}
    is_new = not any(user.is_demo for user in known.values())
    wanted = [name for name in DEMO if name not in known or known[name].is_demo]
    # Hashing is slow on purpose, so one hash serves all, and one check tells whether there is anything to do.
    sample = known.get(wanted[0]) if wanted else None
    is_same = sample is not None and sample.is_active and check_password(password, sample.password)
    if not (is_same and len(known) == len(DEMO)):
        _write_accounts(wanted, make_password(password))
    if is_new and wanted:
        _switch("intune", on=True, note="Switched on by the first start of the demo.")
    return Demo(wanted, password, is_new)


def _write_accounts(names: list[str], password_hash: str) -> None:
    for name in names:
        user, _ = User.objects.update_or_create(
            username=name,
            defaults={
                "password": password_hash,
                "is_demo": True,
                "is_active": True,
                "sees_all_groups": True,
                "is_staff": DEMO[name] == roles.ADMINISTRATOR,
            },
        )
        user.groups.set([Group.objects.get(name=DEMO[name])])


@transaction.atomic
def retire_demo() -> list[str]:
    """Delete the demo's accounts; one that the records name can only be shut. Answers what was done, in sentences.

    The connections to ticket systems go off: to write into a tenant is somebody's decision.
    """
    accounts = list(User.objects.filter(is_demo=True, is_active=True))
    if not accounts:
        return []
    for user in accounts:
        if _is_referenced(user):
            user.set_unusable_password()
            user.is_active = False
            user.save(update_fields=["password", "is_active"])
        else:
            user.delete()
    for key in TicketSystem.objects.values_list("pk", flat=True):
        _switch(key, on=False, note="Switched off when the demo ended.")
    return ["The demo accounts are gone, and the Microsoft Intune connection that the demo had switched on is off."]


def _is_referenced(user: User) -> bool:
    """Whether a record names them. Their own memberships and their sessions do not count."""
    links = [link for link in User._meta.get_fields(include_hidden=True) if isinstance(link, ManyToOneRel)]
    return any(
        link.related_model._default_manager.filter(**{link.field.name: user}).exists()
        for link in links
        if not link.related_model._meta.auto_created
    )


def _switch(key: str, *, on: bool, note: str) -> None:
    system = TicketSystem.objects.get(key=key)
    if system.is_enabled == on:
        return
    TicketSystem.objects.filter(pk=system.pk).update(is_enabled=on)
    AuditEvent.objects.record(
        system,
        "switch on" if on else "switch off",
        by=User.objects.system(),
        through=Through.COMMAND,
        before={"is_enabled": not on},
        after={"is_enabled": on},
        note=note,
    )


def has_administrator() -> bool:
    """Whether somebody who can sign in may change the settings."""
    people = User.objects.filter(is_active=True, is_demo=False)
    return people.filter(groups__name=roles.ADMINISTRATOR).exists() or people.filter(is_superuser=True).exists()
