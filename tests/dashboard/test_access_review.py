"""The access review: everybody with what they may do and since when, and who can do nothing stands out."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.utils import timezone

from remediation.models import AuditEvent, User
from remediation.roles import ADMINISTRATOR, SECURITY_TEAM, VIEWER
from tests.audit_trail import unguarded
from tests.factories import DeviceGroupFactory, UserFactory
from tests.remediation.test_admin import change_url, person_form
from tests.signed_in import sign_in

from .conftest import csv_of, publish, words
from .test_pages import HOSTILE, ODD

pytestmark = pytest.mark.django_db
CANARY = "Canary-4711"


@pytest.fixture
def administrator(client) -> User:
    publish()
    user = UserFactory(username="chief", first_name="Ada", last_name="Zorn", is_staff=True, roles=[ADMINISTRATOR])
    return sign_in(client, user)


def listed(client, query: str = "") -> list[str]:
    return [row["username"] for row in client.get(f"/access-review/?{query}").context["rows"]]


def lines(client, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(csv_of(client.get(f"/access-review/?format=csv&{query}")).lstrip("\ufeff"))))


def give(client, person: User, *roles: str, at: datetime) -> None:
    """Through the admin, as at another time."""
    groups = list(Group.objects.filter(name__in=roles).values_list("pk", flat=True))
    client.post(change_url(person), person_form(person, groups=groups, sees_all_groups="on"))
    newest = AuditEvent.objects.about(person).latest("pk")
    with unguarded():
        AuditEvent.objects.filter(pk=newest.pk).update(at=at)


def day(number: int) -> datetime:
    return datetime(2026, 3, number, 12, tzinfo=UTC)


def test_a_role_is_held_since_it_was_last_given(client, administrator):
    person = UserFactory(username="ines")
    give(client, person, VIEWER, at=day(1))
    give(client, person, VIEWER, SECURITY_TEAM, at=day(2))
    give(client, person, SECURITY_TEAM, at=day(3))
    give(client, person, VIEWER, SECURITY_TEAM, at=day(4))

    since = {line["role"]: line["role_since"] for line in lines(client, "q=ines")}

    assert since == {VIEWER: "2026-03-04T12:00:00Z", SECURITY_TEAM: "2026-03-02T12:00:00Z"}


def test_a_role_that_the_audit_trail_does_not_know_of_says_so(client, administrator):
    UserFactory(username="ines", roles=[VIEWER])

    (line,) = lines(client, "q=ines")

    assert (line["role"], line["role_since"]) == (VIEWER, "")
    assert f"{VIEWER} since before the audit" in words(client.get("/access-review/?q=ines"))


def test_the_first_administrator_is_one_since_the_command(client, administrator, monkeypatch):
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", "a-very-long-one-4711")
    call_command("createadministrator", "first", verbosity=0)

    (line,) = lines(client, "q=first")

    assert (line["role"], bool(line["role_since"]), line["admin"]) == (ADMINISTRATOR, True, "yes")


def test_a_person_is_shown_with_everything_they_hold(client, administrator):
    group = DeviceGroupFactory(name="Clinics")
    person = UserFactory(
        username="ines", first_name="Ines", last_name="Marwah", roles=[VIEWER], device_groups=[group],
        may=["remediation.handle_remediation"], last_login=timezone.now(), is_active=False,
    )  # fmt: skip
    person.set_unusable_password()
    person.save()
    AuditEvent.objects.record(group, "change", by=person)

    said = words(client.get("/access-review/?q=ines"))

    for part in ("Ines Marwah", VIEWER, "handle_remediation", "Clinics", "Disabled", "Without a password here"):
        assert part in said
    assert said.count("today") >= 2


def test_the_file_has_a_line_a_person_and_role_with_what_it_allows(client, administrator):
    UserFactory(username="two", roles=[VIEWER, SECURITY_TEAM], last_login=day(5), email="two@example.test")
    UserFactory(username="none", roles=[], device_groups=[], first_name="=cmd()", last_name="")

    found = [(line["account"], line["role"]) for line in lines(client)]

    assert {("two", VIEWER), ("two", SECURITY_TEAM), ("none", ""), ("chief", ADMINISTRATOR)} <= set(found)
    (two, _) = lines(client, "q=two")
    assert "remediation.view_recommendation" in two["role_allows"]
    assert (two["last_sign_in_at"], two["all_device_groups"], two["active"]) == ("2026-03-05T12:00:00Z", "yes", "yes")
    (none,) = lines(client, "q=none")
    assert (none["name"], none["device_groups"], none["all_device_groups"]) == ("'=cmd()", "", "no")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("look=no_role", ["blind", "roleless"]),
        ("look=no_groups", ["blind"]),
        ("look=beyond", ["mighty", "superuser"]),
        ("state=disabled", ["gone"]),
        ("q=mighty%40example", ["mighty"]),
    ],
)
def test_each_filter_finds_its_own(client, administrator, query, found):
    now = timezone.now()
    UserFactory(username="roleless", roles=[], last_login=now)
    UserFactory(username="blind", roles=[], device_groups=[], last_login=now)
    UserFactory(username="mighty", roles=[VIEWER], may=["remediation.handle_remediation"], last_login=now)
    UserFactory(username="superuser", is_superuser=True, roles=[], last_login=now)
    UserFactory(username="gone", roles=[VIEWER], is_active=False, last_login=now)

    assert sorted(listed(client, query)) == found


def test_people_are_found_by_role_and_by_long_absence(client, administrator):
    now = timezone.now()
    UserFactory(username="here", roles=[VIEWER], last_login=now)
    UserFactory(username="away", roles=[VIEWER], last_login=now - timedelta(days=91))
    UserFactory(username="never", roles=[SECURITY_TEAM])
    role = Group.objects.get(name=VIEWER)

    assert sorted(listed(client, f"role={role.pk}")) == ["away", "here"]
    assert sorted(listed(client, "look=idle")) == ["away", "never", "system"]


def test_accounts_without_a_role_or_group_are_flagged(client, administrator):
    UserFactory(username="one", roles=[], device_groups=[])
    UserFactory(username="other", roles=[])
    # Disabled: nothing to look at.
    UserFactory(username="gone", roles=[], device_groups=[], is_active=False)

    said = words(client.get("/access-review/"))

    assert "2 without a role" in said
    assert "1 without a device group" in said


def test_nothing_is_flagged_where_everybody_has_both(client, administrator):
    assert "can do or see nothing" not in words(client.get("/access-review/"))


def test_what_a_role_allows_is_told_in_words(client, administrator):
    said = words(client.get("/access-review/"))

    assert f"{ADMINISTRATOR} 1 person" in said
    assert str(Permission.objects.get(codename="manage_settings").name) in said


@pytest.mark.security(id="S3")
def test_a_reader_of_some_groups_is_refused_and_reads_nothing(client):
    UserFactory(username="x", first_name=CANARY, roles=[VIEWER], device_groups=[DeviceGroupFactory(name=CANARY)])
    client.force_login(UserFactory(roles=[ADMINISTRATOR], device_groups=[DeviceGroupFactory()]))

    for query in ("", "format=csv", f"q={CANARY[:6]}"):
        response = client.get(f"/access-review/?{query}")
        assert response.status_code == 403
        assert CANARY not in response.content.decode()


def test_no_password_leaves(client, administrator):
    UserFactory(username="ines", password="md5$secret$hash", roles=[VIEWER])

    assert "secret" not in client.get("/access-review/").content.decode() + str(lines(client))


def test_the_number_of_queries_does_not_grow_with_people(client, administrator, django_assert_max_num_queries):
    for number in range(20):
        UserFactory(roles=[VIEWER, SECURITY_TEAM], device_groups=[DeviceGroupFactory()], username=f"p{number}")
    client.get("/access-review/")

    with django_assert_max_num_queries(12):
        assert len(listed(client)) == 22


def test_odd_addresses_and_hostile_texts_do_no_harm(client, administrator):
    UserFactory(username="x", first_name=HOSTILE, roles=[VIEWER], device_groups=[DeviceGroupFactory(name=HOSTILE)])
    Group.objects.create(name=HOSTILE)

    odd = [*ODD, "role=x", "role=0", "look=x", "state=x", "sort=roles"]
    assert {client.get(f"/access-review/?{query}").status_code for query in odd} == {200}
    assert "<script>alert" not in client.get("/access-review/").content.decode()
