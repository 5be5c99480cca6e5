"""The page of the audit trail: complete, filtered, in words, and closed to whoever sees only some device groups."""

import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.urls import reverse
from django.utils import timezone

from remediation.models import AuditEvent, Through, User
from remediation.roles import ADMINISTRATOR, SECURITY_TEAM
from remediation.rules import audit
from tests.audit_trail import unguarded
from tests.factories import ActivityFactory, DeviceFactory, DeviceGroupFactory, TicketFactory, UserFactory

from .conftest import csv_of, publish, words
from .test_pages import HOSTILE, ODD

pytestmark = pytest.mark.django_db
CANARY = "Canary-4711"


@pytest.fixture
def auditor(client) -> User:
    publish()
    user = UserFactory(roles=[ADMINISTRATOR])
    client.force_login(user)
    return user


def record(subject=None, verb="change", **more) -> AuditEvent:
    subject = subject or DeviceGroupFactory()
    return AuditEvent.objects.record(subject, verb, by=more.pop("by", None) or UserFactory(), **more)


def subjects(client, query: str = "") -> list[str]:
    return [row["subject_name"] for row in client.get(f"/audit/?{query}").context["rows"]]


def test_an_event_says_who_did_what_to_what_through_what(client, auditor):
    by = UserFactory(first_name="Ines", last_name="Marwah", username="ines")
    activity = ActivityFactory(title="Update Contoso Reader")
    record(activity, "reopen", by=by, before={"status": "completed"}, after={"status": "active"}, note="Too early.")

    said = words(client.get("/audit/"))

    assert "Ines Marwah ines" in said
    assert "reopened it status: Completed → Active “Too early.”" in said
    assert "Update Contoso Reader Activity on the page" in said
    assert "Not yet" in said


def test_a_sealed_event_shows_its_place_in_the_chain(client, auditor):
    record()
    audit.seal()

    assert "No. 1" in words(client.get("/audit/"))


def test_only_what_differs_is_told(client, auditor):
    person = UserFactory()
    before = {"roles": ["Viewer", "Mine"], "is_active": True, "username": "p"}
    after = {"roles": ["Security team", "Mine"], "is_active": False, "username": "p"}
    record(person, "change", before=before, after=after, through=Through.ADMIN)

    said = words(client.get("/audit/"))

    assert "changed roles: + Security team, − Viewer; is active: yes → no" in said
    assert "username:" not in said


def test_what_devices_had_before_is_told_by_its_number(client, auditor):
    before, after = {"value": {"low by hand": [1, 2, 3]}}, {"value": "high", "devices": 3}
    record(verb="set device values", before=before, after=after)

    assert "set device values value: low by hand (3) → high; devices: 3" in words(client.get("/audit/"))


def test_a_subject_leads_to_its_page(client, auditor):
    ticket, device = TicketFactory(), DeviceFactory()
    record(ticket, "deliver")
    record(ticket.activity, "request")
    record(device, "set device values")
    record(DeviceGroupFactory(name="Without a page"), "set device values")

    html = client.get("/audit/").content.decode()

    page = ticket.activity.get_absolute_url()
    assert f'href="{page}#tickets"' in html
    assert f'href="{page}"' in html
    assert f'href="{reverse("device", args=[device.pk])}"' in html
    assert "Without a page</a>" not in html


def test_odd_events_are_shown_all_the_same(client, auditor):
    record(verb="never heard of", before={"a": None, "b": [1]}, after={"c": {"d": [1, {"e": 2}]}, "b": None})
    AuditEvent.objects.create(
        at=timezone.now(), actor=auditor, actor_name="x", verb="y", subject_type="no model", subject_id="z",
        subject_name="Gone",
    )  # fmt: skip

    said = words(client.get("/audit/"))

    assert "never heard of" in said
    assert "Gone no model" in said


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=reader", ["Reader"]),
        ("q=because", ["Office"]),
        ("q=req-1", ["Office"]),
        ("person=ines", ["Office"]),
        ("verb=cancel", ["Reader"]),
        ("kind=remediation.devicegroup", ["Office"]),
        ("through=admin", ["Office"]),
        ("through=admin&through=page", ["Office", "Reader"]),
        ("person=ines&verb=cancel", []),
        ("sort=subject", ["Office", "Reader"]),
        ("sort=at", ["Reader", "Office"]),
        ("", ["Office", "Reader"]),
    ],
)
def test_each_filter_finds_its_own(client, auditor, query, found):
    record(ActivityFactory(title="Reader"), "cancel")
    ines = UserFactory(username="ines", first_name="A", last_name="B")
    group = record(DeviceGroupFactory(name="Office"), "change", by=ines, note="Because.", through=Through.ADMIN)
    with unguarded():
        AuditEvent.objects.filter(pk=group.pk).update(request_id="req-1")

    assert subjects(client, query) == found


def test_days_are_whole_ones_where_the_reader_is(client, auditor):
    auditor.time_zone = "Pacific/Auckland"
    auditor.save()
    late = timezone.now().replace(hour=10, minute=59, second=0) - timedelta(days=100)
    for moment, name in [(late, "Evening"), (late + timedelta(hours=2), "Night"), (late + timedelta(days=1), "Next")]:
        event = record(DeviceGroupFactory(name=name))
        with unguarded():
            AuditEvent.objects.filter(pk=event.pk).update(at=moment)
    day = timezone.localdate(late, timezone.zoneinfo.ZoneInfo("Pacific/Auckland"))

    assert "Evening" in subjects(client, f"since={day}&until={day}")
    assert "Next" not in subjects(client, f"since={day}&until={day}")
    assert subjects(client, f"until={day - timedelta(days=1)}") == []
    assert len(subjects(client, f"since={day}")) == 3


def test_days_that_are_none_are_said_on_the_form(client, auditor):
    record(DeviceGroupFactory(name="Office"))

    for query in ("since=yesterday", "since=0001-01-01", "until=9999-12-31"):
        response = client.get(f"/audit/?{query}")
        assert [row["subject_name"] for row in response.context["rows"]] == ["Office"]
        assert response.context["list"].filters.form.errors


def test_pages_hold_each_event_once(client, auditor):
    for number in range(30):
        record(DeviceGroupFactory(name=f"{number:02}"))

    pages = subjects(client, "per_page=25"), subjects(client, "per_page=25&page=2")

    assert [*pages[0], *pages[1]] == [f"{number:02}" for number in reversed(range(30))]


def test_the_file_has_every_column_and_whole_values(client, auditor):
    by = UserFactory(username="ines", first_name="Ines", last_name="Marwah")
    before, after = {"roles": ["Viewer"]}, {"roles": [f"Role {number}" for number in range(20)]}
    made = record(UserFactory(username="p"), "change", by=by, before=before, after=after, note="=cmd()")
    audit.seal()
    made.refresh_from_db()

    (row,) = csv.DictReader(StringIO(csv_of(client.get("/audit/?format=csv&kind=remediation.user")).lstrip("\ufeff")))

    assert (row["who"], row["account"], row["verb"], row["subject_kind"]) == (
        "Ines Marwah", "ines", "change", "remediation.user",
    )  # fmt: skip
    assert "Role 19" in row["after"]
    assert row["note"] == "'=cmd()"
    assert (row["sequence"], row["previous"], row["seal"]) == ("1", audit.GENESIS, made.seal)
    assert (row["subject_id"], row["through"], row["request_id"]) == (made.subject_id, "page", made.request_id)


@pytest.mark.security(id="S3")
@pytest.mark.parametrize("query", ["", "format=csv", "q=canary", "sort=subject", "open=1"])
def test_a_reader_of_some_groups_is_refused_and_reads_nothing(client, query):
    device = DeviceFactory(name=CANARY, group__name=f"{CANARY} group")
    record(device, "set device values", note=CANARY, after={"value": CANARY})
    client.force_login(UserFactory(roles=[ADMINISTRATOR, SECURITY_TEAM], device_groups=[DeviceGroupFactory()]))

    response = client.get(f"/audit/?{query}")

    assert response.status_code == 403
    assert "all device groups" in words(response)
    assert CANARY not in response.content.decode()


@pytest.mark.security(id="S3")
def test_the_admin_shows_a_reader_of_some_groups_no_event_either(client):
    event = record(DeviceGroupFactory(name=CANARY), note=CANARY)
    client.force_login(UserFactory(is_staff=True, roles=[ADMINISTRATOR], device_groups=[DeviceGroupFactory()]))

    for address in (
        reverse("admin:remediation_auditevent_changelist"),
        reverse("admin:remediation_auditevent_change", args=[event.pk]),
    ):
        response = client.get(address)
        assert response.status_code == 403
        assert CANARY not in response.content.decode()


def test_the_navigation_leads_there_for_those_who_may(client, auditor):
    assert 'href="/audit/"' in client.get("/").content.decode()

    for person in (
        UserFactory(roles=[SECURITY_TEAM]),
        UserFactory(roles=[ADMINISTRATOR], device_groups=[DeviceGroupFactory()]),
    ):
        client.force_login(person)
        assert 'href="/audit/"' not in client.get("/").content.decode()


def test_the_page_stays_within_its_queries(client, auditor, django_assert_max_num_queries):
    for _ in range(5):
        record(TicketFactory(), "deliver")
    client.get("/audit/")

    with django_assert_max_num_queries(8):
        assert len(client.get("/audit/?q=deliver&sort=subject").context["rows"]) == 5


def test_odd_addresses_and_hostile_texts_do_no_harm(client, auditor):
    group = DeviceGroupFactory(name=HOSTILE)
    record(group, HOSTILE[:60], note=HOSTILE, before={HOSTILE: HOSTILE}, after={HOSTILE: [HOSTILE]})

    assert {client.get(f"/audit/?{query}").status_code for query in [*ODD, "kind=x", "through=x", "verb=x"]} == {200}
    assert "<script>alert" not in client.get("/audit/").content.decode()
