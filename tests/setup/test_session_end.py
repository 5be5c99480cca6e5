"""A session ends so many hours after the sign-in, also where somebody is at work all the while."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a-very-long-one-4711"
A_WORKING_DAY = timedelta(hours=12)


def sign_in(client, at) -> None:
    with time_machine.travel(at, tick=False):
        client.post(reverse("login"), {"username": "somebody", "password": PASSWORD})


@pytest.fixture
def begun(client):
    """When somebody has signed in at the test's client."""
    user = UserFactory(username="somebody")
    user.set_password(PASSWORD)
    user.save()
    now = timezone.now()
    sign_in(client, now)
    return now


def is_in(client, at) -> bool:
    """Whether they are in at that moment; if so, something is kept in the session then."""
    with time_machine.travel(at, tick=False):
        signed_in = client.get(reverse("login")).status_code == 302
        if signed_in:
            session = client.session
            session["kept"] = str(at)
            session.save()
    return signed_in


def test_it_ends_twelve_hours_after_the_sign_in_whatever_is_kept_meanwhile(client, begun):
    for hours in range(12):
        assert is_in(client, begun + timedelta(hours=hours)), hours
    assert is_in(client, begun + A_WORKING_DAY - timedelta(seconds=2))

    assert not is_in(client, begun + A_WORKING_DAY + timedelta(seconds=2))


def test_the_cookie_and_the_row_end_with_it(client, begun):
    assert client.cookies["sessionid"]["max-age"] == A_WORKING_DAY.total_seconds()
    assert abs(Session.objects.get().expire_date - begun - A_WORKING_DAY) < timedelta(seconds=2)


def test_the_next_sign_in_has_a_time_of_its_own(client, begun):
    late = begun + timedelta(hours=11)
    with time_machine.travel(late, tick=False):
        client.post(reverse("logout"))
    sign_in(client, late)

    assert is_in(client, late + timedelta(hours=11))


def test_who_is_not_signed_in_has_no_such_end(client):
    session = client.session
    session["kept"] = "x"
    session.save()

    assert "_session_expiry" not in client.session
