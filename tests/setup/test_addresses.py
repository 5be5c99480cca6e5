"""From where somebody comes, and who it is, in lock-outs and in the log; what senders write does not count."""

import logging
from collections.abc import Iterator

import pytest
from django.test import RequestFactory
from django.urls import reverse
from structlog.contextvars import get_contextvars

from remediation.models import AuditEvent
from remediation.roles import SECURITY_TEAM
from tests.factories import UserFactory
from tvm_remediation.addresses import client_address

PROXY, SOMEBODY, ELSEWHERE = "10.0.0.1", "192.0.2.7", "192.0.2.8"
PASSWORD = "a-very-long-one-4711"


@pytest.fixture
def behind_a_proxy(settings):
    settings.TRUST_PROXY = True


def address(forwarded: str | None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=PROXY))


@pytest.mark.once
@pytest.mark.parametrize("forwarded", [None, SOMEBODY, "not an address"])
def test_without_a_proxy_it_is_that_of_the_connection(forwarded):
    assert address(forwarded) == PROXY


@pytest.mark.once
@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (SOMEBODY, SOMEBODY),
        (f"203.0.113.9, {SOMEBODY}", SOMEBODY),
        (f"'; DROP TABLE, ,{SOMEBODY} ", SOMEBODY),
        ("2001:DB8::7", "2001:db8::7"),
        (None, PROXY),
        ("", PROXY),
        ("unknown", PROXY),
        (f"{SOMEBODY},", PROXY),
    ],
)
def test_behind_a_proxy_it_is_the_one_that_the_proxy_has_seen(behind_a_proxy, forwarded, expected):
    assert address(forwarded) == expected


@pytest.fixture
def failures(client, settings) -> Iterator:
    """Wrong passwords for one name, each with what its sender has written before what the proxy adds."""
    settings.AXES_FAILURE_LIMIT = 3
    user = UserFactory(username="somebody")
    user.set_password(PASSWORD)
    user.save()

    def sign_in(password: str, seen: str, written: str = "") -> int:
        forwarded = f"{written}, {seen}" if written else seen
        sent = {"username": user.username, "password": password}
        return client.post(
            reverse("login"), sent, headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR=PROXY
        ).status_code

    return sign_in


@pytest.mark.django_db
def test_who_guesses_through_the_proxy_locks_nobody_else_out(behind_a_proxy, failures):
    answers = [failures("wrong", SOMEBODY, written=f"198.51.100.{number}") for number in range(4)]

    assert answers[-1] == 429
    assert failures(PASSWORD, SOMEBODY) == 429
    assert failures(PASSWORD, ELSEWHERE) == 302


@pytest.mark.django_db
def test_a_failed_sign_in_is_logged_with_its_name_and_address_and_without_its_password(
    behind_a_proxy, failures, caplog
):
    failures("canary-4711", SOMEBODY)

    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "login failure by" in said
    assert "somebody" in said
    assert SOMEBODY in said
    assert "canary-4711" not in said


@pytest.fixture
def noted() -> Iterator[list[dict]]:
    """What is bound to the log when Django says something of a request."""

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(dict(get_contextvars()))

    found: list[dict] = []
    handler = Noting()
    logging.getLogger("django.request").addHandler(handler)
    yield found
    logging.getLogger("django.request").removeHandler(handler)


@pytest.mark.django_db
def test_a_refusal_is_logged_with_who_and_from_where_and_nothing_stays_for_the_next(client, noted):
    user = UserFactory()
    client.force_login(user)

    response = client.get(reverse("overview"), REMOTE_ADDR=SOMEBODY)

    assert response.status_code == 403
    assert noted[0] == {"request_id": response["X-Request-Id"], "address": SOMEBODY, "person": user.pk}
    assert get_contextvars() == {}


@pytest.mark.django_db
@pytest.mark.parametrize(("trusted", "is_taken"), [(True, True), (False, False)])
def test_the_request_id_is_taken_over_from_our_proxy_only(client, settings, trusted, is_taken):
    settings.TRUST_PROXY = trusted
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))

    response = client.get(reverse("recommendations"), {"format": "csv"}, headers={"X-Request-Id": "chosen-by-hand"})

    assert (response["X-Request-Id"] == "chosen-by-hand") == is_taken
    assert AuditEvent.objects.get(verb="export").request_id == response["X-Request-Id"]
