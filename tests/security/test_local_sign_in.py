"""The sign-in by name and password: tries are limited by what cannot be made up, and nothing tells who is known."""

import re
from collections import Counter
from urllib.parse import quote, urljoin

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client
from django.urls import reverse

from remediation.models import User
from tests.factories import EntraPersonFactory, UserFactory
from tests.remediation.test_views_activities import ELSEWHERE

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
SPOOFED = [
    {"x-forwarded-for": "203.0.113.{}"}, {"x-real-ip": "203.0.113.{}"}, {"forwarded": "for=203.0.113.{}"},
    {"client-ip": "203.0.113.{}"}, {"x-client-ip": "203.0.113.{}"}, {"true-client-ip": "203.0.113.{}"},
    {"cf-connecting-ip": "203.0.113.{}"}, {"x-forwarded-for": "127.0.0.1, 203.0.113.{}"},
]  # fmt: skip


@pytest.fixture
def somebody() -> User:
    user = UserFactory()
    user.set_password(PASSWORD)
    user.save()
    return user


def attempt(name: str, password: str, address: str = "192.0.2.7", path: str = "", **headers: str):
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(path or reverse("login"), {"username": name, "password": password})


@pytest.mark.security(id="S18")
@pytest.mark.parametrize("header", SPOOFED, ids=lambda header: " ".join([*header, *header.values()]))
def test_an_address_that_is_made_up_gives_no_further_tries(somebody, settings, header):
    for number in range(settings.AXES_FAILURE_LIMIT + 3):
        made_up = {name: value.format(number) for name, value in header.items()}
        last = attempt(somebody.username, "wrong", **made_up)

    assert last.status_code == 429
    assert attempt(somebody.username, PASSWORD).status_code == 429
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"192.0.2.7"}


@pytest.mark.security(id="S18")
@pytest.mark.parametrize("path", ["", "/admin/login/"])
def test_tries_from_one_address_lock_nobody_out_elsewhere(somebody, settings, path):
    for number in range(settings.AXES_FAILURE_LIMIT * 3):
        attempt(somebody.username, f"wrong {number}", path=path)

    assert attempt(somebody.username, PASSWORD).status_code == 429
    assert attempt(somebody.username, PASSWORD, address="198.51.100.9").status_code == 302


@pytest.mark.security(id="S18")
@pytest.mark.bad_input(place="text")
@pytest.mark.parametrize("path", ["", "/admin/login/"])
def test_a_name_longer_than_any_account_has_is_a_try_like_others(settings, path):
    for _ in range(settings.AXES_FAILURE_LIMIT + 1):
        last = attempt("x" * 5000, "wrong", path=path)

    assert last.status_code == 429
    assert AccessAttempt.objects.get().username == "x" * 150


@pytest.mark.security(id="S14")
def test_no_password_is_kept_of_a_try(somebody):
    attempt(somebody.username, "a-password-4711")
    Client().post(reverse("login") + "?password=a-password-4711", {"username": "x", "password": "a-password-4711"})

    assert AccessAttempt.objects.count() == 2
    assert "4711" not in str(list(AccessAttempt.objects.values()))


class Counting(PBKDF2PasswordHasher):
    """The product's own hasher, made quick; counts how often it was worked with."""

    iterations = 1
    worked: Counter = Counter()

    def encode(self, password, salt, iterations=None):
        self.worked["times"] += 1
        return super().encode(password, salt, iterations)


@pytest.fixture
def strangers(settings, somebody) -> dict[str, str]:
    """Names that do not get in, each for another reason."""
    settings.PASSWORD_HASHERS = ["tests.security.test_local_sign_in.Counting"]
    known = {
        "a wrong password": somebody,
        "closed": UserFactory(is_active=False),
        "of the demo": UserFactory(is_demo=True),
    }
    for user in known.values():
        user.set_password(PASSWORD)
        user.save()
    without, of_entra = UserFactory(), EntraPersonFactory().user
    for user in (without, of_entra):
        user.set_unusable_password()
        user.save()
    return {kind: user.username for kind, user in known.items()} | {
        "unknown": "nobody-of-that-name",
        "without a password": without.username,
        "of Entra": of_entra.username,
        "the machine": User.objects.system().username,
    }


@pytest.mark.security(id="S19")
def test_all_who_do_not_get_in_read_the_same(strangers):
    pages = set()
    for name in strangers.values():
        response = attempt(name, "wrong")
        page = response.content.decode().replace(name, "")
        pages.add((response.status_code, re.sub(r'(csrfmiddlewaretoken" value=")[^"]+', "", page)))

    assert len(pages) == 1


@pytest.mark.security(id="S19")
def test_all_who_do_not_get_in_wait_equally_long(strangers):
    """The hash is what takes time, and a name that is not known costs one as well."""
    work = {}
    for kind, name in strangers.items():
        Counting.worked.clear()
        attempt(name, "wrong")
        work[kind] = Counting.worked["times"]

    assert set(work.values()) == {1}, work


@pytest.mark.security(id="S19")
def test_who_knows_the_password_of_a_closed_account_reads_nothing_else(strangers):
    said = [str(attempt(strangers["closed"], word).context["form"].non_field_errors()) for word in ("wrong", PASSWORD)]

    assert said[0] == said[1]


@pytest.mark.security(id="S19")
def test_a_pause_is_said_of_unknown_names_as_of_known_ones(strangers, settings):
    for name in (strangers["a wrong password"], strangers["unknown"]):
        for _ in range(settings.AXES_FAILURE_LIMIT + 1):
            last = attempt(name, "wrong")
        assert last.status_code == 429


@pytest.mark.security(id="S19")
def test_no_page_resets_a_password_or_makes_an_account(client):
    for path in ("password_reset/", "password_change/", "reset/MQ/x-y/", "signup/", "register/"):
        assert client.get(f"/accounts/{path}").status_code in {302, 404}
        assert client.post(f"/accounts/{path}", {"email": "a@example.test"}).status_code in {302, 404}


@pytest.mark.security(id="S10")
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
def test_signing_in_leads_to_no_other_host(path):
    user = UserFactory(is_staff=True, is_superuser=True)
    user.set_password(PASSWORD)
    user.save()

    for target in ELSEWHERE:
        query = quote(target)
        response = Client().post(
            f"{path}?next={query}", {"username": user.username, "password": PASSWORD, "next": target}
        )
        # As a browser reads it, to which a backslash is a slash.
        leads_to = urljoin(f"http://testserver{path}", response["Location"].replace("\\", "/"))
        assert leads_to.startswith("http://testserver/"), target
