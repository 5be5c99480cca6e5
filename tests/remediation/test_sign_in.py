"""Whom Entra brings in: the rule by itself, beyond what a stand-in for one tenant can play."""

import threading
from dataclasses import replace
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection

from remediation.models import AuditEvent, EntraPerson, User
from remediation.roles import ADMINISTRATOR, APP_ROLES, ROLES, SECURITY_TEAM, VIEWER
from remediation.rules.sign_in import Identity, NotAdmitted, Why, admit
from tests.factories import EntraPersonFactory, UserFactory
from tvm_remediation.sign_in import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def app_roles(settings):
    settings.MICROSOFT_SIGN_IN = SignIn(is_on=True, app_roles=APP_ROLES)


def identity(**values) -> Identity:
    names = {"name": "Ada Lovelace", "sign_in_name": "ada@contoso.example", "app_roles": frozenset({"Tvm.Viewer"})}
    return Identity(**{"tenant_id": uuid4(), "object_id": uuid4(), **names, **values})


def roles_of(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


@pytest.mark.security(id="S31")
def test_the_same_object_in_another_tenant_is_somebody_else():
    one = identity()

    first, second = admit(one), admit(identity(object_id=one.object_id))

    assert first.pk != second.pk
    assert EntraPerson.objects.count() == 2


@pytest.mark.security(id="S31")
def test_a_name_that_changes_hands_leads_to_nobody_elses_account():
    first = admit(identity(app_roles=frozenset({"Tvm.Administrator"})))

    second = admit(identity())

    assert second.pk != first.pk
    assert roles_of(second) == [VIEWER]


def test_a_new_name_is_taken_over_and_the_user_stays_the_same():
    who = identity()
    first = admit(who)

    again = admit(Identity(who.tenant_id, who.object_id, "Ada King", "king@contoso.example", "king@contoso.example",
                           frozenset({"Tvm.Viewer"})))  # fmt: skip

    assert again.pk == first.pk
    again.refresh_from_db()
    assert (str(again), again.email) == ("Ada King", "king@contoso.example")
    assert again.entra.sign_in_name == "king@contoso.example"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "ada@contoso.example"),
        ("Plato", "Plato"),
        ("María José de la Cruz", "María José de la Cruz"),
        ("x" * 150, "x" * 150),
    ],
)
def test_a_name_is_shown_as_entra_spells_it(name, shown):
    user = admit(identity(name=name))

    user.refresh_from_db()
    assert str(user) == shown


def test_a_new_person_sees_no_device_group_until_somebody_gives_one():
    user = admit(identity(app_roles=frozenset({"Tvm.Administrator"})))

    assert not user.sees_all_groups
    assert not user.is_demo
    assert not user.device_groups.exists()


def test_somebody_of_the_demo_sees_all_and_goes_with_it():
    user = admit(identity(), is_demo=True)

    assert user.sees_all_groups
    assert user.is_demo


def test_roles_end_with_the_last_app_role_and_it_is_written_down():
    who = identity(app_roles=frozenset({"Tvm.SecurityTeam"}))
    user = admit(who)

    with pytest.raises(NotAdmitted) as refusal:
        admit(Identity(who.tenant_id, who.object_id))

    assert refusal.value.why == Why.NO_ROLE
    assert roles_of(user) == []
    event = AuditEvent.objects.first()
    assert (event.verb, event.before["roles"], event.after["roles"]) == ("change", [SECURITY_TEAM], [])


def test_rights_by_hand_end_and_device_groups_stay():
    person = EntraPersonFactory(user=UserFactory(is_superuser=True, may=["remediation.manage_settings"]))

    admit(identity(tenant_id=person.tenant_id, object_id=person.object_id))

    person.user.refresh_from_db()
    assert not person.user.is_superuser
    assert not person.user.user_permissions.exists()
    assert person.user.sees_all_groups


def test_a_closed_account_is_left_as_it_is():
    person = EntraPersonFactory(user=UserFactory(is_active=False, roles=[SECURITY_TEAM], first_name="Before"))

    for app_roles in (frozenset({"Tvm.Viewer"}), frozenset()):
        with pytest.raises(NotAdmitted) as refusal:
            admit(identity(tenant_id=person.tenant_id, object_id=person.object_id, app_roles=app_roles))
        assert refusal.value.why == Why.DISABLED

    person.user.refresh_from_db()
    assert (person.user.first_name, roles_of(person.user)) == ("Before", [SECURITY_TEAM])
    assert not AuditEvent.objects.exists()


def test_the_role_of_the_machine_is_nobodys_whatever_the_table_says(settings):
    settings.MICROSOFT_SIGN_IN = SignIn(is_on=True, app_roles={"Tvm.Viewer": "System"})

    with pytest.raises(NotAdmitted):
        admit(identity())

    assert not EntraPerson.objects.exists()


def test_a_role_of_ones_own_can_be_given(settings):
    auditors = Group.objects.create(name="Auditors")
    auditors.permissions.add(Permission.objects.get(codename="change_user", content_type__app_label="remediation"))
    settings.MICROSOFT_SIGN_IN = SignIn(is_on=True, app_roles={"Audit": "Auditors", "Gone": "Deleted role"})

    user = admit(identity(app_roles=frozenset({"Audit", "Gone"})))

    assert roles_of(user) == ["Auditors"]
    assert user.is_staff


def test_the_app_roles_stand_for_roles_that_there_are():
    assert set(APP_ROLES.values()) < set(ROLES)
    assert all(" " not in value for value in APP_ROLES)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_who_comes_in_twice_at_once_is_one_user():
    who, made, together = identity(), [], threading.Barrier(4)

    def come() -> None:
        together.wait()
        made.append(admit(who).pk)
        connection.close()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 4
    assert len(set(made)) == 1
    assert EntraPerson.objects.count() == 1
    assert User.objects.filter(entra__isnull=False).count() == 1
    assert [event.verb for event in AuditEvent.objects.all()] == ["create"]


ADMINISTRATOR_OF_ENTRA = frozenset({"Tvm.Administrator"})


def last_administrator() -> tuple[Identity, User]:
    who = identity(app_roles=ADMINISTRATOR_OF_ENTRA)
    return who, admit(who)


def with_roles(who: Identity, *app_roles: str) -> Identity:
    return replace(who, app_roles=frozenset(app_roles))


@pytest.mark.security(id="S31")
def test_the_last_administrator_stays_one_when_entra_leaves_another_role():
    who, user = last_administrator()

    admit(with_roles(who, "Tvm.Viewer"))

    assert roles_of(user) == [ADMINISTRATOR, VIEWER]
    assert list(User.objects.administrators()) == [user]
    user.entra.refresh_from_db()
    assert user.entra.kept_since
    assert "nobody else could do it" in AuditEvent.objects.first().note
    # Again and again, it is written down once.
    events = AuditEvent.objects.count()
    admit(with_roles(who, "Tvm.Viewer"))
    assert AuditEvent.objects.count() == events


def test_once_there_is_another_one_entras_word_counts_again():
    who, user = last_administrator()
    admit(with_roles(who, "Tvm.Viewer"))
    UserFactory(is_staff=True, roles=[ADMINISTRATOR])

    user = admit(with_roles(who, "Tvm.Viewer"))

    assert roles_of(user) == [VIEWER]
    assert not user.is_staff
    assert user.entra.kept_since is None


def test_an_administrator_who_is_not_the_last_one_keeps_nothing():
    UserFactory(is_staff=True, roles=[ADMINISTRATOR])
    who, user = last_administrator()

    admit(with_roles(who, "Tvm.Viewer"))

    assert roles_of(user) == [VIEWER]


def test_whom_entra_leaves_no_role_is_not_let_in_even_the_last_one():
    who, user = last_administrator()

    with pytest.raises(NotAdmitted):
        admit(with_roles(who))

    assert roles_of(user) == []
    assert not User.objects.administrators().exists()


def test_the_last_one_by_a_right_given_by_hand_keeps_that_one_right():
    who = identity()
    user = admit(who)
    User.objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)

    user = admit(who)

    assert not user.is_superuser
    assert list(user.user_permissions.values_list("codename", flat=True)) == ["change_user"]
    assert list(User.objects.administrators()) == [user]


def test_nobody_becomes_administrator_because_there_is_none():
    user = admit(identity())

    assert list(User.objects.administrators()) == []
    assert roles_of(user) == [VIEWER]
