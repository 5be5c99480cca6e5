"""Bad input at the border: a form error in words, never an error page, nothing half-saved."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from remediation.forms import RemediationForm, TransitionForm
from remediation.models import ActivityDevice, Device, RemediationActivity, Ticket, TicketSystem
from remediation.roles import SECURITY_TEAM
from remediation.ticket_options import ticket_options
from tests.factories import UserFactory, enable_intune, estate

pytestmark = pytest.mark.django_db


def answers(**changes) -> dict:
    values = {
        "request_key": str(uuid4()),
        "requested_remediation": "update",
        "scope": "all",
        "priority": "high",
        "due_on": (timezone.localdate() + timedelta(days=7)).isoformat(),
        "notes": "",
        "batches": "all",
    }
    return values | changes


@pytest.fixture
def post(client):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    recommendation = estate()
    url = reverse("remediation_options", args=[recommendation.pk])
    return lambda **changes: client.post(url, answers(**changes))


def a_form(**changes) -> RemediationForm:
    return RemediationForm(estate(), UserFactory(), options=ticket_options(), data=answers(**changes))


GOOD_NOTES = {
    "windows lines": ("a\r\nb\rc", "a\nb\nc"),
    "only spaces": ("   \r\n ", ""),
    "right to left": ("\u202eevil", "\u202eevil"),
    "joined emoji": ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
    "combining": ("e" + "\u0301" * 200, "e" + "\u0301" * 200),
    "markup": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    "template": ("{{ 7*7 }}{% now 'Y' %}", "{{ 7*7 }}{% now 'Y' %}"),
    "format": ("%s %(x)s {0}", "%s %(x)s {0}"),
    "quote": ("'; DROP TABLE x; --", "'; DROP TABLE x; --"),
    "formula": ("=1+1", "=1+1"),
    "exactly the most": ("x" * 1000, "x" * 1000),
}
BAD_NOTES = {
    "NUL": "a\x00b",
    "escape": "a\x1b[31mb",
    "bell": "\x07",
    "delete": "\x7f",
    "next line": "a\x85b",
    "one too many": "x" * 1001,
    "emoji count double": "👩" * 501,
    "a megabyte": "x" * 1_000_000,
    "combining x 10,000": "e" + "\u0301" * 10_000,
}


@pytest.mark.parametrize("name", GOOD_NOTES)
def test_notes_are_kept_as_written_with_one_kind_of_line(post, name):
    given, kept = GOOD_NOTES[name]

    assert post(notes=given).status_code == 302
    assert RemediationActivity.objects.get().notes == kept


@pytest.mark.bad_input(place="text")
@pytest.mark.parametrize("name", BAD_NOTES)
def test_notes_that_cannot_be_stored_are_refused_in_words(post, name):
    response = post(notes=BAD_NOTES[name])

    assert response.status_code == 200
    assert response.context["form"].errors["notes"]
    assert not RemediationActivity.objects.exists()


def test_a_lone_surrogate_is_refused():
    assert "notes" in a_form(notes="a\ud800b").errors


BAD_VALUES = [
    ("due_on", ["2026-02-31", "0000-01-01", "10000-01-01", "0001-01-01", "9999-12-31", "31.12.2030", "1893456000000",
                "tomorrow", "", " ", "\x00", "2020-01-01", "NaN", "٢٠٣٠-٠١-٠١x", "x" * 10_000]),
    ("request_key", ["", "abc", "1", "\x00", "{", "x" * 10_000, "00000000-0000-0000-0000-00000000000g"]),
    ("requested_remediation", ["", "delete", "UPDATE", "upgrade", "configuration_change", "\x00", "update\n"]),
    ("priority", ["", "urgent", "1", "\x00", "None", "High"]),
    ("scope", ["", "none", "chosen", "\x00"]),
    ("batches", ["second", "\x00", "10"]),
]  # fmt: skip


@pytest.mark.bad_input(place="dates")
@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in BAD_VALUES for value in values], ids=lambda text: text[:20]
)
def test_a_bad_value_is_a_form_error_and_stores_nothing(post, field, value):
    response = post(**{field: value})

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not RemediationActivity.objects.exists()


@pytest.mark.parametrize("field", ["request_key", "requested_remediation", "priority", "scope", "due_on"])
def test_a_field_that_is_missing_is_a_form_error(client, field):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    sent = answers()
    del sent[field]

    response = client.post(reverse("remediation_options", args=[estate().pk]), sent)

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not RemediationActivity.objects.exists()


@pytest.mark.bad_input(place="numbers")
@pytest.mark.parametrize("group", ["abc", "-1", "0", str(2**40), str(10**30), "1.0", "1e9", "٣", "\x00", "0x10", "NaN"])
def test_an_odd_device_group_is_a_form_error(post, group):
    response = post(scope="chosen", device_groups=[group])

    assert response.status_code == 200
    assert response.context["form"].errors
    assert not RemediationActivity.objects.exists()


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"a=%zz&b=%", b"due_on=%00", b"=" * 100, b"notes=" + b"%ED%A0%80"])
def test_an_odd_body_is_no_error_page(client, body, preview):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    url = reverse("remediation_options", args=[estate().pk])

    response = client.generic(
        "POST", url, (b"preview=1&" if preview else b"") + body, content_type="application/x-www-form-urlencoded"
    )

    assert response.status_code in {200, 400}
    assert not RemediationActivity.objects.exists()


@pytest.mark.bad_input(place="headers")
def test_a_multipart_body_without_boundary_is_a_bad_request(client):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    url = reverse("remediation_options", args=[estate().pk])

    assert client.generic("POST", url, b"x", content_type="multipart/form-data").status_code == 400


@pytest.mark.bad_input(place="bulk selection")
@pytest.mark.security(id="S22")
def test_more_than_a_thousand_fields_are_a_bad_request(post):
    assert post(device_groups=list(range(1001))).status_code == 400


@pytest.mark.security(id="S25")
def test_the_last_of_a_doubled_field_counts(client):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    sent = answers(priority=["low", "high"])

    client.post(reverse("remediation_options", args=[estate().pk]), sent)

    assert RemediationActivity.objects.get().priority == "high"


@pytest.mark.parametrize("pk", ["0", str(10**30), "00000000000000000001x", "-1", "abc", "1.0"])
def test_an_odd_address_is_not_found(client, pk):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))

    for path in [f"/recommendations/{pk}/remediation/", f"/recommendations/{pk}/exception/"]:
        assert client.get(path).status_code == 404


@pytest.mark.security(id="S7")
def test_hostile_text_of_a_source_is_shown_escaped(client):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    hostile = "</title><script>alert(1)</script>{{ 7*7 }}'\""
    recommendation = estate(name=hostile, related_component=hostile, recommended_version="%s%(x)s")

    page = client.get(reverse("remediation_options", args=[recommendation.pk])).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_transition_without_its_note_is_invalid():
    assert TransitionForm({"verb": "cancel", "note": ""}).errors["note"] == ["Please say why."]
    assert TransitionForm({"verb": "complete", "note": ""}).is_valid()


@pytest.mark.fault(id="F26")
@pytest.mark.postgresql
@pytest.mark.skipif("connection.vendor != 'postgresql'")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_form", [True, False], ids=["double click", "two tabs"])
def test_submitting_at_the_same_moment_makes_one_activity(same_form):
    enable_intune()
    recommendation, user = estate(devices=20), UserFactory(roles=[SECURITY_TEAM])
    url = reverse("remediation_options", args=[recommendation.pk])
    sent, together = answers(open_ticket="on"), Barrier(6)

    def submit(_):
        client = Client()
        client.force_login(user)
        together.wait()
        try:
            return client.post(url, sent if same_form else answers(open_ticket="on"))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(submit, range(6)))

    assert {response.status_code for response in responses} == {302}
    assert len({response["Location"] for response in responses}) == 1
    assert (RemediationActivity.objects.count(), Ticket.objects.count()) == (1, 1)
    assert ActivityDevice.objects.count() == 20
    assert connection.vendor == "postgresql"


class TestSeveralTicketSystems:
    """Intune and Configuration Manager are both on: the tick becomes a choice."""

    @pytest.fixture(autouse=True)
    def both_are_on(self, db):
        TicketSystem.objects.update(is_enabled=True)

    def page(self, client, recommendation) -> str:
        client.force_login(UserFactory(roles=[SECURITY_TEAM]))
        return client.get(reverse("remediation_options", args=[recommendation.pk])).content.decode()

    def test_both_are_offered_in_their_own_words(self, client):
        page = self.page(client, estate())

        assert "Open a ticket in Intune (for AAD joined devices)" in page
        assert "Open a ticket in Configuration Manager (a device collection)" in page
        assert 'name="open_ticket"' not in page

    @pytest.mark.parametrize("key", ["intune", "configmgr"])
    def test_the_chosen_one_gets_the_ticket(self, post, key):
        post(ticket_system=key)

        assert Ticket.objects.get().system_id == key

    def test_none_may_be_chosen(self, post):
        post(ticket_system="")

        assert RemediationActivity.objects.exists()
        assert not Ticket.objects.exists()

    @pytest.mark.parametrize("key", ["jira", "../intune", "INTUNE"])
    def test_one_that_is_not_offered_is_a_mistake_in_the_form(self, post, key):
        response = post(ticket_system=key)

        assert response.status_code == 200
        assert not RemediationActivity.objects.exists()

    def test_a_device_without_an_entra_id_goes_into_a_collection(self, post):
        Device.objects.filter(pk=Device.objects.first().pk).update(entra_device_id="")

        post(ticket_system="configmgr")

        assert Ticket.objects.get().devices == 3

    def test_a_preview_counts_what_the_chosen_one_can_name(self, client):
        recommendation = estate()
        recommendation.counters.update(eligible=1)
        client.force_login(UserFactory(roles=[SECURITY_TEAM]))
        url = reverse("remediation_options", args=[recommendation.pk])

        shown = {
            key: client.post(url, answers(ticket_system=key, preview="1")).context["outlook"].eligible
            for key in ("intune", "configmgr")
        }

        assert shown == {"intune": 1, "configmgr": 3}


def test_configuration_manager_alone_is_a_tick_with_its_own_words(client):
    TicketSystem.objects.filter(key="configmgr").update(is_enabled=True)
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    url = reverse("remediation_options", args=[estate().pk])

    page = client.get(url).content.decode()
    client.post(url, answers(open_ticket="on"))

    assert "Open a ticket in Configuration Manager (a device collection)" in page
    assert "Intune" not in page.partition("<main")[2]
    assert Ticket.objects.get().system_id == "configmgr"
