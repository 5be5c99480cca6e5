"""manage.py createadministrator NAME: the first person of a new installation."""

import getpass
import os
import sys
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from remediation.models import AuditEvent, User
from remediation.models.audit import Through
from remediation.roles import ADMINISTRATOR


class Command(BaseCommand):
    help = "Make an account with the role Administrator. It asks for the password, or reads ADMINISTRATOR_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User(username=options["username"], email=options["email"], is_staff=True, sees_all_groups=True)
        if User.objects.filter(username=user.username).exists():
            raise CommandError(f"There is already an account named {user.username}.")
        password = os.environ.get("ADMINISTRATOR_PASSWORD") or _ask()
        try:
            user.set_password(password)
            user.full_clean()
            validate_password(password, user)
        except ValidationError as problem:
            raise CommandError("\n".join(problem.messages)) from None
        _save(user)
        self.stdout.write(f"{user.username} is an administrator and can sign in.")


def _ask() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for a password. Set ADMINISTRATOR_PASSWORD.")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Password, again: "):
        raise CommandError("The two differ.")
    return password


@transaction.atomic
def _save(user: User) -> None:
    user.save()
    user.groups.add(Group.objects.get(name=ADMINISTRATOR))
    after = {"role": ADMINISTRATOR}
    AuditEvent.objects.record(user, "create", by=User.objects.system(), through=Through.COMMAND, after=after)
