"""Before roles and policies change, people show once more that it is them; nothing they have typed is lost by it."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from remediation.admin import ReadOnlyAdmin
from remediation.models import AuditEvent, TicketSystem, User
from remediation.roles import ADMINISTRATOR, VIEWER
from tests.factories import EntraPersonFactory, UserFactory
from tests.remediation.test_admin import change_url, person_form
from tests.signed_in import sign_in
from tvm_remediation.confirmation import CONFIRMED

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
SWITCH = ("settings_switch", ["intune"])


@pytest.fixture
def chief() -> User:
    user = UserFactory(is_staff=True, is_superuser=True, username="chief")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def unconfirmed(client, chief) -> Client:
    client.force_login(chief)
    return client


def asks(response) -> str:
    """The page to come back to."""
    address = urlsplit(response["Location"])
    assert (response.status_code, address.path) == (302, reverse("confirm_identity"))
    return parse_qs(address.query)["next"][0]


def is_on() -> bool:
    return TicketSystem.objects.get(key="intune").is_enabled


def test_a_form_of_the_admin_opens_after_the_confirmation_only(unconfirmed, chief):
    page = change_url(UserFactory()) + "?_changelist_filters=is_staff"

    assert asks(unconfirmed.get(page)) == page
    answer = unconfirmed.post(reverse("confirm_identity"), {"password": PASSWORD, "next": page})

    assert answer["Location"] == page
    assert unconfirmed.get(page).status_code == 200
    event = AuditEvent.objects.about(chief).get()
    assert (event.verb, event.actor) == ("confirm identity", chief)


def test_what_is_sent_without_it_changes_nothing_and_is_said(unconfirmed):
    person = UserFactory()

    answer = unconfirmed.post(change_url(person), person_form(person, is_staff="on"))

    person.refresh_from_db()
    assert asks(answer) == change_url(person)
    assert "Nothing was changed yet" in str(*get_messages(answer.wsgi_request))
    assert not person.is_staff
    assert "Nothing was changed yet" in unconfirmed.get(answer["Location"]).content.decode()


def test_a_switch_leads_back_to_its_page(unconfirmed):
    name, arguments = SWITCH

    answer = unconfirmed.post(reverse(name, args=arguments), {"is_enabled": "on"})

    assert asks(answer) == reverse("settings_features")
    assert not is_on()


def test_who_has_signed_in_by_password_just_now_is_not_asked(client, chief):
    client.post(reverse("login"), {"username": chief.username, "password": PASSWORD})

    assert client.get(change_url(UserFactory())).status_code == 200


def test_it_lasts_for_ten_minutes_and_a_form_opens_only_with_half_of_them_left(client, chief):
    person, start = UserFactory(), timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        sign_in(client, chief)
        seen = []
        for minutes in (5, 6, 10):
            clock.move_to(start + timedelta(minutes=minutes))
            looked = client.get(change_url(person)).status_code
            # A name that is taken: the form comes back, and nothing is saved that would end the session.
            sent = client.post(change_url(person), person_form(person, username="")).status_code
            seen.append((minutes, looked, sent))
        clock.shift(1)
        asks(client.post(change_url(person), person_form(person)))

    assert seen == [(5, 200, 200), (6, 302, 200), (10, 302, 200)]


def test_how_long_it_lasts_is_a_setting(client, chief, settings):
    settings.CONFIRM_MINUTES = 60
    with time_machine.travel(timezone.now(), tick=False) as clock:
        sign_in(client, chief)
        clock.shift(timedelta(minutes=29))
        assert client.get(change_url(UserFactory())).status_code == 200


def test_a_clock_that_was_set_back_prolongs_nothing(client, chief):
    now = timezone.now()
    with time_machine.travel(now + timedelta(days=1)):
        sign_in(client, chief)

    with time_machine.travel(now):
        asks(client.get(change_url(UserFactory())))


def test_the_session_gets_a_new_key_with_it(unconfirmed):
    before = unconfirmed.session.session_key

    unconfirmed.post(reverse("confirm_identity"), {"password": PASSWORD, "next": "/"})

    assert unconfirmed.session.session_key != before
    assert Client(headers={"Cookie": f"sessionid={before}"}).get("/").status_code == 302


def test_another_session_of_the_same_person_is_asked_itself(unconfirmed, chief):
    sign_in(Client(), chief)

    asks(unconfirmed.get(change_url(UserFactory())))


@pytest.mark.parametrize("password", ["", "wrong", " " + PASSWORD, "\x00", "x" * 5000])
def test_a_wrong_password_confirms_nothing(unconfirmed, chief, password):
    page = unconfirmed.post(reverse("confirm_identity"), {"password": password})

    assert page.status_code == 200
    assert "is-invalid" in page.content.decode()
    asks(unconfirmed.get(change_url(UserFactory())))
    verbs = list(AuditEvent.objects.about(chief).values_list("verb", flat=True))
    assert verbs == (["fail to confirm identity"] if password.strip("x") and password != "\x00" else [])


def test_the_password_of_somebody_else_confirms_nothing(client, chief):
    other = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(other)

    client.post(reverse("confirm_identity"), {"password": PASSWORD, "username": chief.username})

    asks(client.get(change_url(UserFactory())))


@pytest.mark.security(id="S18")
def test_guessing_at_the_confirmation_is_locked_like_at_the_sign_in(unconfirmed, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        unconfirmed.post(reverse("confirm_identity"), {"password": "guess"})

    answer = unconfirmed.post(reverse("confirm_identity"), {"password": PASSWORD})

    assert answer.status_code == 429
    asks(unconfirmed.get(change_url(UserFactory())))


@pytest.mark.security(id="S10")
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_it_leads_back_to_our_own_pages_only(unconfirmed, target):
    shown = unconfirmed.get(reverse("confirm_identity"), {"next": target})
    answer = unconfirmed.post(reverse("confirm_identity"), {"password": PASSWORD, "next": target})

    assert target not in shown.content.decode()
    assert answer["Location"] == reverse("overview")


def test_who_may_not_is_refused_and_not_asked(client):
    sign_in(client, UserFactory(roles=[VIEWER]))
    name, arguments = SWITCH

    assert client.post(reverse(name, args=arguments)).status_code == 403
    assert client.get(change_url(UserFactory()))["Location"].startswith(reverse("admin:login"))


def test_somebody_of_entra_is_shown_the_way_there_where_there_is_one(client):
    person = UserFactory(is_staff=True, roles=[ADMINISTRATOR])
    person.set_unusable_password()
    person.save()
    EntraPersonFactory(user=person)
    client.force_login(person)

    page = client.get(reverse("confirm_identity")).content.decode()

    assert "sign-in with Microsoft is off" in page
    assert 'name="password"' not in page
    assert client.get(reverse("confirm_with_microsoft")).status_code == 404


def test_everything_that_the_admin_changes_asks_for_it():
    # To lift a lock-out, which is what Axes has there for, is no change of rights.
    ours = [(model, page) for model, page in admin.site._registry.items() if model._meta.app_label != "axes"]
    written = [model for model, page in ours if not isinstance(page, ReadOnlyAdmin)]
    names = [f"admin:{model._meta.app_label}_{model._meta.model_name}" for model in written]

    assert names
    assert {f"{name}_{verb}" for name in names for verb in ("add", "change")} <= set(CONFIRMED)
    assert {"admin:auth_user_password_change", "admin:password_change"} <= set(CONFIRMED)


def test_every_post_of_the_settings_asks_for_it_but_what_only_does_a_piece_of_work():
    work = {"settings_connection_test", "settings_feed_load", "settings_finding_close"}
    work |= {"settings_sync_start", "settings_sync_confirm"}
    shown = {"settings_features", "settings_sources", "settings_delivery", "settings_syncs", "settings_sync"}
    every = {name for name in get_resolver().reverse_dict if isinstance(name, str) and name.startswith("settings_")}

    assert every - work - shown == {name for name in CONFIRMED if name.startswith("settings_")}
