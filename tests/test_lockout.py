"""Guessing passwords is slowed down, and nobody can use that to keep somebody else out."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from remediation.models import User
from tests.factories import UserFactory
from tvm_remediation.lockout import client_address

pytestmark = [pytest.mark.django_db, pytest.mark.security(id="S18")]
PASSWORD = "correct horse battery"
ATTACKER, OFFICE = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def ada() -> User:
    user = UserFactory(username="ada")
    user.set_password(PASSWORD)
    user.save()
    return user


def try_in(password: str, *, name: str = "ada", address: str = OFFICE, forwarded: str = "") -> int:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    sent = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse("login"), sent, headers=headers).status_code


def guess(times: int, **where) -> list[int]:
    return [try_in(f"guess {number}", **where) for number in range(times)]


def test_ten_failures_lock_the_name_for_that_address_and_the_right_person_gets_in_from_another(ada):
    answers = guess(12, address=ATTACKER)

    assert answers == [200] * 9 + [429] * 3
    assert try_in(PASSWORD, address=ATTACKER) == 429
    assert try_in(PASSWORD, address=OFFICE) == 302


def test_another_name_from_that_address_is_not_locked(ada):
    guess(12, address=ATTACKER, name="bob")

    assert try_in(PASSWORD, address=ATTACKER) == 302


@pytest.mark.parametrize("rotated", ["203.0.113.{n}", "203.0.113.{n}, 10.0.0.1", "::{n}", "for=203.0.113.{n}"])
def test_an_address_that_the_client_writes_itself_changes_nothing(ada, rotated):
    answers = [try_in("guess", address=ATTACKER, forwarded=rotated.format(n=n)) for n in range(12)]

    assert answers[-1] == 429
    # Nor does it put the lock on the one that was written.
    assert try_in(PASSWORD, address=OFFICE) == 302


def test_behind_a_proxy_each_is_known_by_what_the_proxy_has_seen(ada, settings):
    settings.PROXY_COUNT = 1
    proxy = "10.0.0.2"

    answers = [try_in("guess", address=proxy, forwarded=f"203.0.113.{n}, {ATTACKER}") for n in range(12)]

    assert answers[-1] == 429
    assert try_in(PASSWORD, address=proxy, forwarded=f"{OFFICE}, {ATTACKER}") == 429
    assert try_in(PASSWORD, address=proxy, forwarded=OFFICE) == 302


def test_one_password_tried_on_many_names_locks_the_address_and_no_other(ada, settings):
    settings.AXES_ADDRESS_LIMIT = 30

    answers = [try_in("Winter2026!", name=f"person{n}", address=ATTACKER) for n in range(32)]

    assert answers[28:] == [200, 429, 429, 429]
    assert try_in(PASSWORD, address=ATTACKER) == 429
    assert try_in(PASSWORD, address=OFFICE) == 302


def test_behind_a_proxy_that_names_nobody_no_address_is_locked_as_a_whole(ada, settings):
    """All come from it: one who guesses at many names would lock out everybody."""
    settings.AXES_ADDRESS_LIMIT, settings.SECURE_PROXY_SSL_HEADER = 30, ("HTTP_X_FORWARDED_PROTO", "https")

    assert 429 not in [try_in("Winter2026!", name=f"person{n}") for n in range(32)]
    assert try_in(PASSWORD) == 302


def test_a_lock_ends_after_a_quarter_of_an_hour_whatever_is_tried_meanwhile(ada):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        guess(10)
        for _ in range(14):
            clock.shift(timedelta(minutes=1))
            assert try_in("guess") == 429
        clock.shift(timedelta(minutes=1, seconds=1))
        assert try_in(PASSWORD) == 302


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "address"),
    [
        ("203.0.113.9", "", 0, "203.0.113.9"),
        ("203.0.113.9", "1.1.1.1", 0, "203.0.113.9"),
        ("10.0.0.2", "1.1.1.1, 203.0.113.9", 1, "203.0.113.9"),
        ("10.0.0.2", "1.1.1.1,203.0.113.9 , 10.0.0.1", 2, "203.0.113.9"),
        # It came past the proxies, or they do not add anything.
        ("10.0.0.2", "", 1, "10.0.0.2"),
        ("10.0.0.2", "203.0.113.9", 2, "10.0.0.2"),
        ("10.0.0.2", "unknown", 1, "10.0.0.2"),
        ("10.0.0.2", "1.1.1.1, \x00'; DROP", 1, "10.0.0.2"),
        ("", "203.0.113.9", 1, "203.0.113.9"),
        ("", "", 0, None),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "", 0, "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "", 0, "203.0.113.9"),
    ],
)
def test_which_address_counts(settings, peer, forwarded, proxies, address):
    settings.PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)

    assert client_address(request) == address


def test_a_peer_without_an_address_can_fail_too(ada):
    """Behind a socket of the file system."""
    assert try_in("guess", address="") == 200
    assert try_in(PASSWORD, address="") == 302
