"""Every form with every odd value: done whole, or refused with nothing half saved, on both databases."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from remediation.models import (
    AuditEvent,
    Device,
    InaccuracyReport,
    RecommendationException,
    RemediationActivity,
    Ticket,
    User,
)
from tests import corpus
from tests.access.table import ASKED
from tests.factories import UserFactory, estate

pytestmark = pytest.mark.django_db
Form = dict[str, object]


def in_days(number: int) -> str:
    return (timezone.localdate() + timedelta(days=number)).isoformat()


# What each form says where all is well. Made anew for each test: keys are used once.
FORMS: dict[str, Callable[[], Form]] = {
    "remediation_options": lambda: {
        "request_key": str(uuid4()), "requested_remediation": "update", "scope": "chosen", "device_groups": "1",
        "ticket_system": "", "open_ticket": "", "batches": "all", "priority": "high", "due_on": in_days(7), "notes": "",
        "next": "/",
    },
    "exception_options": lambda: {
        "request_key": str(uuid4()), "justification": "other", "context": "The vendor has no update for it yet.",
        "end": "date", "ends_on": in_days(30), "evidence": "https://vendor.example/", "scope": "chosen",
        "device_groups": "1",
    },
    "weakness_exception_options": lambda: {
        "request_key": str(uuid4()), "justification": "other", "context": "It is no weakness as it is used here.",
        "end": "date", "ends_on": in_days(30), "evidence": "", "scope": "chosen", "device_groups": "1",
    },
    "exception_extension": lambda: {
        "request_key": str(uuid4()), "justification": "other", "context": "The vendor has no update for it yet.",
        "end": "date", "ends_on": in_days(60), "evidence": "",
    },
    "exception_transition": lambda: {"verb": "cancel", "note": "Not needed any more."},
    "activity_transition": lambda: {"verb": "cancel", "note": "Not needed any more."},
    "activity_rest": lambda: {"part": "1"},
    "ticket_retry": lambda: {"pk": "1"},
    "ticket_adopt": lambda: {"remote_id": "task-1"},
    "ticket_link": lambda: {"finding": "1"},
    "ticket_abandon": lambda: {"reason": "Done by hand."},
    "ticket_group": lambda: {"pk": "1"},
    "device_values": lambda: {
        "value": "high", "internet_facing": "yes", "scope": "chosen", "device": "1", "groups": "1", "matching": "q=ws",
        "confirmed": "1", "next": "/devices/",
    },
    "report_inaccuracy": lambda: {"reason": "other", "note": "It is not there.", "recommendation": "1"},
    "close_inaccuracy": lambda: {"answer": "It was."},
    "select_groups": lambda: {"groups": "1", "next": "/"},
    "set_theme": lambda: {"theme": "dark", "next": "/"},
    "settings_switch": lambda: {"is_enabled": "on"},
    "settings_connection_test": lambda: {"with_writing": "on", "is_confirmed": ""},
    "settings_finding_close": lambda: {"pk": "1"},
    "settings_feed_load": lambda: {"place": "x"},
    "settings_sync_start": lambda: {"full": "1"},
    "settings_sync_confirm": lambda: {"pk": "1"},
    "confirm_identity": lambda: {"password": "wrong", "next": "/"},
    "password": lambda: {"new_password1": "wrong", "new_password2": "wrong"},
    "login": lambda: {"username": "somebody", "password": "wrong", "next": "/"},
    "logout": lambda: {"next": "/"},
}  # fmt: skip
ANSWERS = {200, 302, 400, 404, 409}
TEXT, NUMBER, DATE = list(corpus.TEXTS.values()), corpus.NUMBERS, corpus.DATES
WORD = [corpus.TEXTS[name] for name in ("NUL", "half a pair", "polyglot")]
# What is typed into a field; all others take one of a few words.
TYPED = {
    **dict.fromkeys(
        ["notes", "context", "evidence", "note", "remote_id", "reason", "answer", "matching", "next"], TEXT
    ),
    **dict.fromkeys(["device_groups", "device", "recommendation"], NUMBER),
    **dict.fromkeys(["due_on", "ends_on"], DATE),
}
_ALONE = 2
COULD_BE_HALF_SAVED = [RemediationActivity, Ticket, RecommendationException, InaccuracyReport, AuditEvent]


def send(client: Client, path: str, form: Form) -> HttpResponse:
    """As a browser does, but for half a pair of UTF-16, which no browser sends."""
    body = urlencode(form, doseq=True, errors="surrogatepass")
    return client.post(path, body, content_type="application/x-www-form-urlencoded")


def rows() -> list[int]:
    return [model.objects.count() for model in COULD_BE_HALF_SAVED]


def test_every_form_is_tried():
    assert set(FORMS) == {name for name, methods in ASKED.items() if "POST" in methods}


@pytest.mark.bad_input(place="text")
@pytest.mark.bad_input(place="dates")
@pytest.mark.bad_input(place="numbers")
@pytest.mark.parametrize("name", sorted(set(FORMS) - {"login", "confirm_identity", "logout"}))
def test_no_value_of_a_form_is_an_error_or_half_saved(chief, things, name):
    path = things.address(name)
    for odd in _odd_values(FORMS[name]()):
        before = rows()
        response = send(chief, path, FORMS[name]() | odd)
        assert response.status_code in ANSWERS, (odd, response.status_code)
        if response.status_code != 302:
            assert rows() == before, odd


def _odd_values(form: Form) -> Iterator[Form]:
    """The worst in each field alone; all the rest in every field of its kind at once."""
    for field in form:
        yield from ({field: value} for value in TYPED.get(field, WORD)[:_ALONE])
    for kind in (TEXT, NUMBER, DATE, WORD):
        fields = [field for field in form if TYPED.get(field, WORD) is kind]
        yield from (dict.fromkeys(fields, value) for value in kind[_ALONE:] if fields)


@pytest.mark.bad_input(place="text")
def test_no_name_or_password_is_an_error_of_the_sign_in(client):
    for field in ("username", "password", "next"):
        for value in corpus.TEXTS.values():
            response = send(client, reverse("login"), FORMS["login"]() | {field: value})
            assert response.status_code in {200, 400, 429}, (field, value[:40])


@pytest.mark.bad_input(place="text")
def test_no_password_is_an_error_of_the_confirmation(chief):
    for value in corpus.TEXTS.values():
        response = send(chief, reverse("confirm_identity"), FORMS["confirm_identity"]() | {"password": value})
        assert response.status_code in {200, 400, 429}, value[:40]


@pytest.mark.bad_input(place="form replay")
def test_a_form_about_what_is_gone_is_not_found(chief, things):
    for name in [name for name in FORMS if isinstance(things.keys.get(name), int)]:
        assert chief.post(reverse(name, args=[10**9]), FORMS[name]()).status_code == 404, name


@pytest.mark.bad_input(place="form replay")
@pytest.mark.parametrize("name", sorted(set(FORMS) - {"login", "logout"}))
def test_a_form_sent_twice_is_done_once_or_says_so(chief, things, name):
    form, path = FORMS[name](), things.address(name)

    first = chief.post(path, form)
    after = rows()
    second = chief.post(path, form)

    assert {first.status_code, second.status_code} <= ANSWERS
    assert rows()[:-1] == after[:-1]


@pytest.mark.bad_input(place="bulk selection")
@pytest.mark.parametrize(("ticked", "answer"), [(500, 302), (1001, 400), (10_001, 400)])
def test_more_ticks_than_a_form_may_have_are_refused_and_set_nothing(chief, ticked, answer):
    estate(devices=3)
    devices = list(Device.objects.values_list("pk", flat=True))
    form = {"value": "high", "scope": "chosen", "device": [*devices, *range(10**6, 10**6 + ticked)]}

    response = chief.post(reverse("device_values"), form)

    assert response.status_code == answer
    assert set(Device.objects.values_list("value", flat=True)) == ({"high"} if answer == 302 else {"normal"})


@pytest.mark.bad_input(place="bulk selection")
def test_of_the_ticked_only_those_that_are_there_and_visible_are_set_and_once(client):
    mine, other = estate(devices=2), estate(devices=2)
    client.force_login(UserFactory(roles=["Security team"], device_groups=[mine.counters.get().group]))
    ids = {item: list(Device.objects.filter(exposures__recommendation=item).values_list("pk", flat=True)) for item in
           (mine, other)}  # fmt: skip
    gone = ids[mine].pop()
    Device.objects.filter(pk=gone).update(group=other.counters.get().group)

    client.post(
        reverse("device_values"),
        {"value": "high", "scope": "chosen", "device": [*ids[mine] * 3, *ids[other], gone, "x", "-1", "9" * 30]},
    )

    assert set(Device.objects.filter(value="high").values_list("pk", flat=True)) == set(ids[mine])


PERSON = {"username": "newcomer", "first_name": "A", "last_name": "B", "email": "a@example.test", "time_zone": "",
          "is_active": "on", "groups": "1", "device_groups": "1"}  # fmt: skip


@pytest.mark.bad_input(place="text")
@pytest.mark.parametrize("field", ["username", "email", "time_zone", "groups", "device_groups"])
def test_no_value_of_the_admins_form_of_a_person_is_an_error(chief, field):
    person = UserFactory()
    path = reverse("admin:remediation_user_change", args=[person.pk])

    for value in corpus.IDS[::3] if "groups" in field else [*WORD, "x" * 300, " ", "\u202e"]:
        response = send(chief, path, PERSON | {field: value})
        assert response.status_code in {200, 302, 400}, value[:40]
    assert chief.get(path).status_code == 200


@pytest.mark.bad_input(place="text")
@pytest.mark.parametrize("zone", ["Berlin", "../../etc/passwd", "/etc/passwd", "x" * 64, "Europe/Berlin\n"])
def test_a_time_zone_that_is_none_is_refused_and_one_that_was_kept_breaks_no_page(chief, client, zone):
    person = UserFactory(is_superuser=True)
    path = reverse("admin:remediation_user_change", args=[person.pk])

    refused = chief.post(path, {"username": person.username, "is_active": "on", "time_zone": zone})
    User.objects.filter(pk=person.pk).update(time_zone=zone)
    client.force_login(person)

    assert "time_zone" in refused.context["adminform"].form.errors
    assert client.get("/").status_code == 200


@pytest.mark.bad_input(place="text")
def test_odd_names_of_roles_are_no_error(chief):
    role = Group.objects.create(name="Ours")

    for value in corpus.TEXTS.values():
        response = send(
            chief, reverse("admin:auth_group_change", args=[role.pk]), {"name": value, "permissions": value}
        )
        assert response.status_code in {200, 302, 400}, value[:40]


@pytest.mark.bad_input(place="form replay")
def test_a_stale_form_reads_who_was_first(chief, things):
    activity = RemediationActivity.objects.get()
    chief.post(things.address("activity_transition"), {"verb": "complete"})

    stale = chief.post(things.address("activity_transition"), {"verb": "cancel", "note": "Too late."})

    activity.refresh_from_db()
    assert (stale.status_code, activity.status) == (409, "completed")
