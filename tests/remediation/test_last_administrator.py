"""The last person who can manage people cannot be locked out, whichever way it is tried."""

from threading import Barrier, Event, Thread

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.db import connection, transaction
from django.urls import reverse

from remediation.models import AuditEvent, User
from remediation.roles import ADMINISTRATOR, SYSTEM, VIEWER
from remediation.rules.people import LastAdministrator, keep_an_administrator
from tests.factories import UserFactory
from tests.signed_in import sign_in

from .test_admin import change_url, person_form

pytestmark = pytest.mark.django_db
ALL_GROUPS = {"sees_all_groups": "on"}


def administrator(**more) -> User:
    return UserFactory(is_staff=True, roles=[ADMINISTRATOR], **more)


@pytest.fixture
def last(client) -> User:
    user = administrator()
    sign_in(client, user)
    return user


def taken(client, address: str, sent: dict) -> list[str]:
    """What the admin says about it."""
    response = client.post(address, sent)
    assert response.status_code == 302
    return [str(message) for message in get_messages(response.wsgi_request)]


def role_of(*names: str) -> list[int]:
    return list(Group.objects.filter(name__in=names).values_list("pk", flat=True))


@pytest.mark.parametrize(
    "change", [{"is_active": ""}, {"is_staff": ""}, {"groups": []}], ids=["active", "staff", "role"]
)
def test_the_last_administrator_keeps_what_it_takes(client, last, change):
    kept = person_form(last, is_staff="on", **ALL_GROUPS)
    # Somebody who looks like one and is none: disabled.
    administrator(is_active=False)

    said = taken(client, change_url(last), kept | change)

    last.refresh_from_db()
    assert "nobody would be left" in said[-1]
    assert (last.is_active, last.is_staff, last.has_perm("remediation.change_user")) == (True, True, True)
    assert not AuditEvent.objects.about(last).exists()


def test_with_another_one_left_the_role_can_be_laid_down(client, last):
    administrator()

    taken(client, change_url(last), person_form(last, is_staff="on", groups=role_of(VIEWER), **ALL_GROUPS))

    assert list(last.groups.values_list("name", flat=True)) == [VIEWER]
    assert AuditEvent.objects.about(last).get().before["roles"] == [ADMINISTRATOR]


def test_a_harmless_change_of_the_last_one_is_saved(client, last):
    taken(client, change_url(last), person_form(last, is_staff="on", first_name="Zoë", **ALL_GROUPS))

    last.refresh_from_db()
    assert last.first_name == "Zoë"


def test_the_decisive_permission_stays_in_a_role_that_the_last_one_needs(client, last):
    role = Group.objects.get(name=ADMINISTRATOR)
    # May change roles, and signs in to the admin, but cannot manage people.
    keeper = UserFactory(is_staff=True, may=["auth.change_group", "auth.view_group"])
    sign_in(client, keeper)
    before = set(role.permissions.all())
    rest = [permission.pk for permission in before if permission.codename != "change_user"]

    said = taken(client, reverse("admin:auth_group_change", args=[role.pk]), {"name": role.name, "permissions": rest})

    assert "nobody would be left" in said[-1]
    assert set(role.permissions.all()) == before


def test_a_permission_of_ones_own_is_as_good_as_a_role(client, last):
    UserFactory(is_staff=True, may=["remediation.change_user"])

    said = taken(client, change_url(last), person_form(last, is_staff="on", groups=[], **ALL_GROUPS))

    assert "nobody would be left" not in said[-1]
    assert not last.groups.exists()


def test_the_last_superuser_without_the_role_counts_too(client):
    chief = UserFactory(is_staff=True, is_superuser=True)
    sign_in(client, chief)

    said = taken(client, change_url(chief), person_form(chief, is_staff="on", **ALL_GROUPS))

    chief.refresh_from_db()
    assert "nobody would be left" in said[-1]
    assert chief.is_superuser


def test_the_machine_is_no_administrator(client, last):
    system = User.objects.system()
    system.user_permissions.add(Permission.objects.get(codename="change_user"))
    User.objects.filter(pk=system.pk).update(is_staff=True, password="looks usable")

    said = taken(client, change_url(last), person_form(last, **ALL_GROUPS))

    assert "nobody would be left" in said[-1]
    assert Group.objects.get(name=SYSTEM) in system.groups.all()


def test_the_last_ones_password_cannot_be_switched_off(client, last):
    last.set_password("a-very-long-one-4711")
    last.save()
    sign_in(client, last)
    address = reverse("admin:auth_user_password_change", args=[last.pk])

    said = taken(client, address, {"usable_password": "false", "unset-password": "1"})

    last.refresh_from_db()
    assert "nobody would be left" in said[-1]
    assert last.check_password("a-very-long-one-4711")
    assert not AuditEvent.objects.about(last).exists()


def test_one_after_the_other_the_second_is_refused(client):
    one, other = administrator(), administrator()

    sign_in(client, one)
    taken(client, change_url(other), person_form(other, is_active="", is_staff="on", **ALL_GROUPS))
    said = taken(client, change_url(one), person_form(one, is_active="", is_staff="on", **ALL_GROUPS))

    assert "nobody would be left" in said[-1]
    assert list(User.objects.administrators()) == [one]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_it_from_each_other_at_once_one_stays():
    one, other = administrator(), administrator()
    both_have_written, first_has_asked, second_is_done, refused = Barrier(2, timeout=20), Event(), Event(), []

    def disable(victim: User, is_first: bool) -> None:
        try:
            with transaction.atomic():
                User.objects.filter(pk=victim.pk).update(is_active=False)
                both_have_written.wait()
                if not is_first:
                    first_has_asked.wait(20)
                keep_an_administrator()
                first_has_asked.set()
                # The first keeps its change to itself for as long as the second may need to be fooled.
                second_is_done.wait(1 if is_first else 0)
        except LastAdministrator:
            refused.append(victim)
        finally:
            if not is_first:
                second_is_done.set()
            connection.close()

    threads = [Thread(target=disable, args=pair) for pair in [(one, True), (other, False)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == [other]
    assert list(User.objects.administrators()) == [other]
