"""Everybody of the access table, and how each comes in."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse

from remediation.models import DeviceGroup, User
from remediation.models.people import SYSTEM_USERNAME
from remediation.roles import ADMINISTRATOR, ROLES, SYSTEM
from tests.factories import UserFactory

ANONYMOUS, DISABLED, MACHINE = "anonymous", "disabled", "system"
STAFF, SUPERUSER = "Staff without permissions", "Superuser"
NOT_SIGNED_IN = [ANONYMOUS, DISABLED, MACHINE]
SIGNED_IN = [STAFF, *(role for role in ROLES if role != SYSTEM), SUPERUSER]
EVERYBODY = [*NOT_SIGNED_IN, *SIGNED_IN]


class Visitor:
    """A person with a browser; every request is taken back, so that the next one finds what this one found."""

    def __init__(self, person: str, groups: list[DeviceGroup] | None = None) -> None:
        self.person = person
        self.client = Client()
        self.user = _come_in(person, self.client, groups)
        self._cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)

    def ask(self, method: str, address: str, **data: str):
        if self._cookie:
            self.client.cookies[settings.SESSION_COOKIE_NAME] = self._cookie.value
        with taken_back():
            if method in {"GET", "HEAD", "OPTIONS"}:
                return getattr(self.client, method.lower())(address, data or None)
            if method == "POST":
                return self.client.post(address, data)
            return self.client.generic(method, address)


@contextmanager
def taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _come_in(person: str, client: Client, groups: list[DeviceGroup] | None) -> User | None:
    if person == ANONYMOUS:
        return None
    if person == MACHINE:
        # In vain: it has no password that anything would match.
        client.post(reverse("login"), {"username": SYSTEM_USERNAME, "password": "system"})
        return None
    user = _user(person, groups)
    client.force_login(user)
    if person == DISABLED:
        User.objects.filter(pk=user.pk).update(is_active=False)
    return user


def _user(person: str, groups: list[DeviceGroup] | None) -> User:
    roles = [ADMINISTRATOR] if person == DISABLED else [person] if person in ROLES else []
    is_staff = person in {STAFF, ADMINISTRATOR, SUPERUSER}
    return UserFactory(roles=roles, is_staff=is_staff, is_superuser=person == SUPERUSER, device_groups=groups)
