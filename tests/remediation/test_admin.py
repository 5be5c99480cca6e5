"""The admin: records stay as they are, and nobody gives rights that are not theirs to give."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from integrations.models import SyncRun
from remediation.models import AuditEvent, TicketAttempt, User
from remediation.roles import ADMINISTRATOR, SECURITY_TEAM, SYSTEM, VIEWER
from tests.factories import ActivityFactory, DeviceGroupFactory, EntraPersonFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


@pytest.fixture
def administrator(client):
    user = UserFactory(is_staff=True, roles=[ADMINISTRATOR])
    client.force_login(user)
    return user


def rows() -> dict:
    ticket = TicketFactory()
    now = timezone.now()
    return {
        "remediation_ticket": ticket,
        "remediation_ticketattempt": TicketAttempt.objects.create(
            ticket=ticket, fence=1, purpose="create", started_at=now
        ),
        "remediation_auditevent": AuditEvent.objects.record(ticket.activity, "request", by=UserFactory()),
        "remediation_remediationactivity": ticket.activity,
        "remediation_ticketsystem": ticket.system,
        "remediation_devicegroup": DeviceGroupFactory(),
        "remediation_entraperson": EntraPersonFactory(),
        "integrations_syncrun": SyncRun.objects.create(
            source="defender", started_at=now, heartbeat_at=now, ended_at=now, state="complete"
        ),
    }


@pytest.mark.security(id="S21")
@pytest.mark.parametrize(
    "name",
    [
        "remediation_ticket",
        "remediation_ticketattempt",
        "remediation_auditevent",
        "remediation_remediationactivity",
        "remediation_ticketsystem",
        "remediation_devicegroup",
        "remediation_entraperson",
        "integrations_syncrun",
    ],
)
def test_records_are_read_only_even_for_a_superuser(client, superuser, name):
    row = rows()[name]
    change, delete = (reverse(f"admin:{name}_{verb}", args=[row.pk]) for verb in ("change", "delete"))
    before = type(row).objects.filter(pk=row.pk).values().get()

    assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert client.get(change).status_code == 200
    assert client.post(change, {"delivery_state": "dead", "verb": "x", "name": "x"}).status_code == 403
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert client.get(reverse(f"admin:{name}_add")).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": row.pk}
    client.post(reverse(f"admin:{name}_changelist"), chosen)
    assert type(row).objects.filter(pk=row.pk).values().get() == before


def person_form(user: User, **changes) -> dict:
    return {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_active": "on",
        "groups": list(user.groups.values_list("pk", flat=True)),
        "device_groups": [],
        "time_zone": "",
    } | changes


def change_url(user: User) -> str:
    return reverse("admin:remediation_user_change", args=[user.pk])


def test_an_administrator_gives_a_role_and_device_groups_and_it_is_written_down(client, administrator):
    person, group = UserFactory(sees_all_groups=False), DeviceGroupFactory()
    role = Group.objects.get(name=SECURITY_TEAM)

    response = client.post(change_url(person), person_form(person, groups=[role.pk], device_groups=[group.pk]))

    assert response.status_code == 302
    assert list(person.groups.all()) == [role]
    assert list(person.device_groups.all()) == [group]
    event = AuditEvent.objects.about(person).get()
    assert (event.actor, event.through) == (administrator, "admin")
    assert (event.before["roles"], event.after["roles"]) == ([], [SECURITY_TEAM])


@pytest.mark.security(id="S4")
@pytest.mark.security(id="S5")
@pytest.mark.parametrize("who", ["themselves", "another"])
def test_an_administrator_cannot_make_a_superuser(client, administrator, who):
    person = administrator if who == "themselves" else UserFactory()

    client.post(change_url(person), person_form(person, is_superuser="on", is_staff="on", user_permissions=[1, 2, 3]))

    person.refresh_from_db()
    assert not person.is_superuser
    assert not person.user_permissions.exists()


@pytest.mark.security(id="S5")
def test_an_administrator_cannot_touch_a_superuser_or_their_password(client, administrator):
    chief = UserFactory(is_superuser=True, is_staff=True)
    password = reverse("admin:auth_user_password_change", args=[chief.pk])

    assert client.post(change_url(chief), person_form(chief, username="mine")).status_code == 403
    sent = {"password1": "a-very-long-one-4711", "password2": "a-very-long-one-4711", "usable_password": "true"}
    assert client.post(password, sent).status_code == 403
    chief.refresh_from_db()
    assert chief.is_superuser
    assert chief.username != "mine"


@pytest.mark.security(id="S5")
def test_an_administrator_cannot_give_the_role_of_the_machine_or_one_that_changes_roles(client, administrator):
    from django.contrib.auth.models import Permission

    mighty = Group.objects.create(name="Mighty")
    mighty.permissions.add(Permission.objects.get(codename="change_group"))
    person = UserFactory()

    for role in (mighty, Group.objects.get(name=SYSTEM)):
        client.post(change_url(person), person_form(person, groups=[role.pk]))

    assert not person.groups.exists()


def test_the_system_user_is_nobodys_to_change(client, superuser):
    system = User.objects.system()

    assert client.post(change_url(system), person_form(system, is_active="")).status_code == 403
    system.refresh_from_db()
    assert system.is_active


@pytest.mark.security(id="S21")
def test_people_are_not_deleted(client, superuser):
    person = UserFactory()

    assert client.post(reverse("admin:remediation_user_delete", args=[person.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=person.pk).exists()


def test_a_password_set_by_another_is_written_down_without_it(client, superuser):
    person = UserFactory()
    sent = {"password1": "a-very-long-one-4711", "password2": "a-very-long-one-4711", "usable_password": "true"}

    response = client.post(reverse("admin:auth_user_password_change", args=[person.pk]), sent)

    event = AuditEvent.objects.about(person).get()
    assert response.status_code == 302
    assert event.verb == "change password"
    assert "4711" not in str(event.after) + str(event.before)


def test_a_person_can_be_added(client, administrator):
    sent = {
        "username": "newcomer",
        "password1": "a-very-long-one-4711",
        "password2": "a-very-long-one-4711",
        "usable_password": "true",
    }

    response = client.post(reverse("admin:remediation_user_add"), sent)

    assert response.status_code == 302
    assert AuditEvent.objects.about(User.objects.get(username="newcomer")).get().verb == "add"


@pytest.mark.parametrize("roles", [[], [VIEWER], [SECURITY_TEAM]])
def test_without_the_staff_flag_the_admin_stays_closed(client, roles):
    client.force_login(UserFactory(roles=roles))

    response = client.get(reverse("admin:remediation_auditevent_changelist"))

    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_an_administrator_does_not_see_roles_change(client, administrator):
    role = Group.objects.get(name=VIEWER)

    assert client.post(reverse("admin:auth_group_change", args=[role.pk]), {"name": "Mine"}).status_code == 403


def test_hostile_text_is_escaped(client, superuser):
    ActivityFactory(title="<script>alert(1)</script>")

    page = client.get(reverse("admin:remediation_remediationactivity_changelist")).content.decode()

    assert "<script>alert(1)" not in page


def test_the_roles_of_somebody_of_entra_are_not_given_here_but_their_account_can_be_closed(client, superuser):
    person = EntraPersonFactory(user=UserFactory(roles=[VIEWER])).user
    group, role = DeviceGroupFactory(), Group.objects.get(name=SECURITY_TEAM)
    sent = person_form(person, groups=[role.pk], is_superuser="on", is_staff="on", device_groups=[group.pk])
    del sent["is_active"]

    assert client.post(change_url(person), sent).status_code == 302

    person.refresh_from_db()
    assert [role.name for role in person.groups.all()] == [VIEWER]
    assert not person.is_superuser
    assert not person.is_staff
    assert not person.is_active
    assert list(person.device_groups.all()) == [group]


def test_nobody_gives_a_password_to_somebody_of_entra(client, superuser):
    person = EntraPersonFactory().user
    sent = {"password1": "a-very-long-one-4711", "password2": "a-very-long-one-4711", "usable_password": "true"}

    refused = client.post(reverse("admin:auth_user_password_change", args=[person.pk]), sent)

    assert refused.status_code == 403
    person.refresh_from_db()
    assert not person.has_usable_password() or not person.check_password("a-very-long-one-4711")
