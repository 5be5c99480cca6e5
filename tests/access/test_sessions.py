"""A session is its person's from sign-in to sign-out, and nobody's before and after."""

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import reverse

from remediation.models import User
from remediation.roles import VIEWER
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

COOKIE, PASSWORD = settings.SESSION_COOKIE_NAME, "a-very-long-one-4711"
PAGE = "/recommendations/"


@pytest.fixture
def person() -> User:
    user = UserFactory(roles=[VIEWER])
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, user: User) -> str:
    """The key of the session that comes of it."""
    response = client.post(reverse("login"), {"username": user.username, "password": PASSWORD})
    assert response.status_code == 302
    return client.cookies[COOKIE].value


def with_session(key: str) -> Client:
    client = Client()
    client.cookies[COOKIE] = key
    return client


def is_signed_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


@pytest.mark.security(id="S20")
def test_a_session_that_somebody_planted_is_not_the_one_that_is_signed_in(person):
    planted = SessionStore()
    planted["planted"] = True
    planted.create()
    victim = with_session(planted.session_key)

    key = sign_in(victim, person)

    assert key != planted.session_key
    assert is_signed_in(victim)
    assert not is_signed_in(with_session(planted.session_key))


@pytest.mark.security(id="S20")
def test_a_made_up_key_is_not_taken_over(person):
    victim = with_session("a" * 32)

    assert sign_in(victim, person) != "a" * 32
    assert not SessionStore().exists("a" * 32)


@pytest.mark.security(id="S20")
def test_signing_in_as_somebody_else_leaves_nothing_of_the_first(person):
    other, client = UserFactory(roles=[VIEWER], password=person.password), Client()
    first = sign_in(client, person)
    session = client.session
    session["connection_tests"] = "of the first"
    session.save()
    client.cookies["csrftoken"] = ""

    # The page of sign-in itself sends on who is signed in; the admin's does not.
    client.post(reverse("admin:login"), {"username": other.username, "password": PASSWORD})
    client.post(reverse("logout"))
    second = sign_in(client, other)

    assert second != first
    assert "connection_tests" not in client.session
    assert not is_signed_in(with_session(first))


@pytest.mark.security(id="S20")
def test_after_signing_out_the_key_opens_nothing_wherever_it_is(person):
    client = Client()
    key = sign_in(client, person)
    stolen = with_session(key)
    assert is_signed_in(stolen)

    client.post(reverse("logout"))

    assert not is_signed_in(stolen)
    assert not is_signed_in(client)
    assert not SessionStore().exists(key)


@pytest.mark.security(id="S20")
def test_of_several_sessions_signing_out_ends_the_one(person):
    here, there = Client(), Client()
    sign_in(here, person)
    sign_in(there, person)

    here.post(reverse("logout"))

    assert not is_signed_in(here)
    assert is_signed_in(there)


@pytest.mark.security(id="S20")
def test_a_cookie_cannot_be_read_by_scripts_or_sent_from_other_sites(person):
    client = Client()
    sign_in(client, person)

    cookie = client.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
