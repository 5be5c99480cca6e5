import os

import pytest
from django.core.management import CommandError, call_command

from remediation import roles
from remediation.models import AuditEvent, TicketSystem, User
from tests.factories import EntraPersonFactory, UserFactory
from tvm_remediation.supervisor.accounts import DEMO, demo_password, ensure_demo, has_administrator, retire_demo

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def intune_is_on() -> bool:
    return TicketSystem.objects.get(key="intune").is_enabled


def test_the_demo_has_one_account_for_each_role():
    demo = ensure_demo(PASSWORD)

    assert demo.usernames == ["security", "itadmin", "approver", "viewer", "admin"]
    for name, role in DEMO.items():
        user = User.objects.get(username=name)
        assert [group.name for group in user.groups.all()] == [role]
        assert user.check_password(PASSWORD)
        assert user.sees_all_groups
        assert user.is_demo
        assert user.is_staff == (role == roles.ADMINISTRATOR)
        assert not user.is_superuser


def test_the_first_start_of_a_demo_switches_intune_on_and_writes_it_down():
    assert not intune_is_on()

    assert ensure_demo(PASSWORD).is_new

    assert intune_is_on()
    assert AuditEvent.objects.get(verb="switch on").after == {"is_enabled": True}


def test_a_later_start_leaves_accounts_and_switch_alone():
    ensure_demo(PASSWORD)
    TicketSystem.objects.update(is_enabled=False)
    before = list(User.objects.order_by("pk").values())

    assert not ensure_demo(PASSWORD).is_new

    assert not intune_is_on()
    assert list(User.objects.order_by("pk").values()) == before


def test_another_password_is_taken_over():
    ensure_demo(PASSWORD)
    ensure_demo("another one altogether")

    assert User.objects.get(username="viewer").check_password("another one altogether")


def test_a_persons_account_of_the_same_name_is_not_touched():
    UserFactory(username="admin", first_name="Ada", is_demo=False)

    demo = ensure_demo(PASSWORD)

    assert "admin" not in demo.usernames
    assert not User.objects.get(username="admin").check_password(PASSWORD)
    assert not User.objects.get(username="admin").is_demo


@pytest.mark.security(id="S28")
def test_with_a_tenant_no_demo_account_can_sign_in_and_intune_is_off():
    ensure_demo(PASSWORD)
    named = User.objects.get(username="security")
    AuditEvent.objects.record(named, "sign in", by=named)

    said = retire_demo()

    named.refresh_from_db()
    assert "demo accounts are gone" in said[0]
    assert list(User.objects.filter(is_demo=True)) == [named]
    assert not named.is_active
    assert not named.has_usable_password()
    assert not intune_is_on()


def test_without_a_demo_nothing_is_retired_and_intune_stays_on():
    TicketSystem.objects.update(is_enabled=True)

    assert retire_demo() == []
    assert intune_is_on()


def test_a_demo_that_comes_back_has_its_accounts_back():
    ensure_demo(PASSWORD)
    named = User.objects.get(username="security")
    AuditEvent.objects.record(named, "sign in", by=named)
    retire_demo()

    ensure_demo(PASSWORD)

    named.refresh_from_db()
    assert named.is_active
    assert named.check_password(PASSWORD)


def test_the_password_is_made_once_and_kept_for_its_owner(tmp_path):
    made = demo_password({}, tmp_path)

    assert len(made) >= 12
    assert demo_password({}, tmp_path) == made
    assert (tmp_path / "demo_password").stat().st_mode & 0o077 == 0
    assert demo_password({"DEMO_PASSWORD": "mine"}, tmp_path) == "mine"


def test_the_first_administrator_is_made_by_a_command(monkeypatch, capsys):
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", "a long and odd password")
    assert not has_administrator()

    call_command("createadministrator", "grace")

    user = User.objects.get(username="grace")
    assert has_administrator()
    assert user.has_perm("remediation.manage_settings")
    assert user.check_password(os.environ["ADMINISTRATOR_PASSWORD"])
    assert AuditEvent.objects.about(user).get().verb == "create"


@pytest.mark.parametrize(("name", "password"), [("grace", "short"), ("with blanks!", "a long and odd password")])
def test_an_odd_name_or_weak_password_makes_no_administrator(monkeypatch, name, password):
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", password)

    with pytest.raises(CommandError):
        call_command("createadministrator", name)

    assert not User.objects.filter(username=name).exists()


def test_an_administrators_name_is_given_once(monkeypatch):
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", "a long and odd password")
    call_command("createadministrator", "grace")

    with pytest.raises(CommandError, match="already an account"):
        call_command("createadministrator", "grace")


def test_with_a_tenant_nobody_of_the_sandboxs_entra_stays_in():
    person = EntraPersonFactory(user=UserFactory(is_demo=True))

    retire_demo()

    person.user.refresh_from_db()
    assert not person.user.is_active
