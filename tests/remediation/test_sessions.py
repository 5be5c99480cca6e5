"""When open sessions end: at once, whichever browser they are in, and not the one in which it was done."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from remediation.models import AuditEvent, User
from remediation.roles import ADMINISTRATOR, EXCEPTION_APPROVER, SECURITY_TEAM, VIEWER
from remediation.rules.people import is_cut
from remediation.rules.sign_in import NotAdmitted, admit
from tests.factories import DeviceGroupFactory, UserFactory
from tests.signed_in import sign_in

from .test_admin import change_url, person_form
from .test_sign_in import app_roles, identity  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.security(id="S20")]
PASSWORD, NEW_PASSWORD = "correct horse battery", "battery staple horse"
ALL_GROUPS = {"sees_all_groups": "on"}


@pytest.fixture
def administrator(client) -> User:
    """At the test's own client."""
    return sign_in(client, UserFactory(is_staff=True, is_superuser=True))


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    assert is_in(browser)
    return browser


def is_in(browser: Client) -> bool:
    answer = browser.get(reverse("login"))
    return answer.status_code == 302


def roles(*names: str) -> list[int]:
    return list(Group.objects.filter(name__in=names).values_list("pk", flat=True))


def a_person(**more) -> User:
    return UserFactory(**{"roles": [SECURITY_TEAM, EXCEPTION_APPROVER], "is_staff": True} | more)


@pytest.mark.parametrize(
    "change",
    [{"is_active": ""}, {"is_staff": ""}, {"sees_all_groups": ""}, {"groups": [EXCEPTION_APPROVER]}],
    ids=["disabled", "staff", "all device groups", "role"],
)
def test_whoever_loses_something_signs_in_again_everywhere(client, administrator, change):
    person = a_person()
    browsers = [browser_of(person), browser_of(person)]
    form = person_form(person, is_staff="on", groups=roles(SECURITY_TEAM, EXCEPTION_APPROVER), **ALL_GROUPS)
    if "groups" in change:
        change = {"groups": roles(*change["groups"])}

    assert client.post(change_url(person), form | change).status_code == 302

    assert not any(map(is_in, browsers))
    assert is_in(client)


def test_a_device_group_taken_away_ends_sessions(client, administrator):
    here, there = DeviceGroupFactory(), DeviceGroupFactory()
    person = a_person(device_groups=[here, there], roles=[])
    browser = browser_of(person)

    client.post(change_url(person), person_form(person, is_staff="on", device_groups=[here.pk]))

    assert not is_in(browser)


def test_whoever_gains_something_stays_in(client, administrator):
    person = a_person(roles=[VIEWER])
    browser = browser_of(person)
    form = person_form(person, is_staff="on", first_name="New", groups=roles(VIEWER, SECURITY_TEAM), **ALL_GROUPS)

    client.post(change_url(person), form)

    assert is_in(browser)
    assert browser.get(reverse("overview")).status_code == 200


def test_an_account_that_is_opened_again_does_not_open_the_sessions_of_before(client, administrator):
    person = a_person(roles=[])
    browser = browser_of(person)
    form = person_form(person, is_staff="on", **ALL_GROUPS)

    client.post(change_url(person), form | {"is_active": ""})
    client.post(change_url(person), form | {"is_active": "on"})

    person.refresh_from_db()
    assert person.is_active
    assert not is_in(browser)


def test_a_permission_taken_from_a_role_ends_the_sessions_of_its_people_only(client, administrator):
    role = Group.objects.get(name=VIEWER)
    concerned, other = browser_of(a_person(roles=[VIEWER])), browser_of(a_person(roles=[SECURITY_TEAM]))
    kept = list(role.permissions.exclude(codename="view_software").values_list("pk", flat=True))

    client.post(reverse("admin:auth_group_change", args=[role.pk]), {"name": role.name, "permissions": kept})

    assert [is_in(concerned), is_in(other), is_in(client)] == [False, True, True]


def test_cutting_ones_own_rights_ends_ones_other_sessions(client):
    UserFactory(is_staff=True, roles=[ADMINISTRATOR])
    chief = sign_in(client, UserFactory(is_staff=True, roles=[ADMINISTRATOR, VIEWER]))
    elsewhere = browser_of(chief)

    client.post(change_url(chief), person_form(chief, is_staff="on", groups=roles(ADMINISTRATOR), **ALL_GROUPS))

    assert [is_in(client), is_in(elsewhere)] == [True, False]


def test_a_new_password_of_ones_own_ends_all_sessions_but_this_one(client):
    person = UserFactory()
    person.set_password(PASSWORD)
    person.save()
    sign_in(client, person)
    elsewhere = browser_of(person)

    answer = client.post(reverse("password"), {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})

    person.refresh_from_db()
    assert answer.status_code == 302
    assert person.check_password(NEW_PASSWORD)
    assert [is_in(client), is_in(elsewhere)] == [True, False]
    assert AuditEvent.objects.about(person).get().verb == "change password"


@pytest.mark.parametrize("chosen", ["short", "password1234", "correct horse battery2"])
def test_a_weak_or_misspelt_new_password_changes_nothing(client, chosen):
    person = UserFactory()
    person.set_password(PASSWORD)
    person.save()
    sign_in(client, person)

    page = client.post(reverse("password"), {"new_password1": chosen, "new_password2": chosen.strip("2")})

    person.refresh_from_db()
    assert page.status_code == 200
    assert "t-bad" in page.content.decode()
    assert person.check_password(PASSWORD)


def test_a_password_set_by_an_administrator_ends_sessions(client, administrator):
    person = a_person()
    browser = browser_of(person)
    address = reverse("admin:auth_user_password_change", args=[person.pk])

    client.post(address, {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    assert [is_in(browser), is_in(client)] == [False, True]


def test_a_role_that_entra_takes_away_ends_the_sessions_of_before(app_roles):  # noqa: F811
    who = identity(app_roles=frozenset({"Tvm.SecurityTeam", "Tvm.Viewer"}))
    before = browser_of(admit(who))

    now = browser_of(admit(identity(tenant_id=who.tenant_id, object_id=who.object_id)))

    assert [is_in(before), is_in(now)] == [False, True]


def test_whom_entra_leaves_without_a_role_is_out_everywhere(app_roles):  # noqa: F811
    who = identity()
    before = browser_of(admit(who))

    with pytest.raises(NotAdmitted):
        admit(identity(tenant_id=who.tenant_id, object_id=who.object_id, app_roles=frozenset()))

    assert not is_in(before)


def test_the_same_roles_from_entra_end_nothing(app_roles):  # noqa: F811
    who = identity()
    before = browser_of(admit(who))

    admit(who)

    assert is_in(before)


def test_signing_out_ends_the_session_for_who_kept_its_cookie(client):
    person = sign_in(client, UserFactory())
    thief = Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert is_in(thief)

    client.post(reverse("logout"))

    assert not is_in(thief)
    assert person.is_active


def test_signing_in_by_password_gives_the_session_a_new_key(client):
    person = UserFactory()
    person.set_password(PASSWORD)
    person.save()
    fixed = client.session
    fixed["planted"] = True
    fixed.save()
    client.cookies["sessionid"] = fixed.session_key

    client.post(reverse("login"), {"username": person.username, "password": PASSWORD})

    assert is_in(client)
    assert client.session.session_key != fixed.session_key
    thief = Client()
    thief.cookies["sessionid"] = fixed.session_key
    assert not is_in(thief)


@pytest.mark.parametrize(
    ("before", "after", "is_less"),
    [
        ({"roles": ["A", "B"]}, {"roles": ["B", "C"]}, True),
        ({"roles": ["B"]}, {"roles": ["B", "C"]}, False),
        ({"is_staff": True}, {"is_staff": False}, True),
        ({"is_staff": False}, {"is_staff": True}, False),
        ({"username": "one"}, {"username": "other"}, False),
        ({}, {"roles": []}, False),
    ],
)
def test_what_counts_as_a_cut(before, after, is_less):
    assert is_cut(before, after) == is_less
