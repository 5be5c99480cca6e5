"""Who stands in the log: with what is refused, and with a sign-in that failed."""

import logging
from collections.abc import Iterator

import pytest
from django.urls import reverse
from structlog.contextvars import get_contextvars

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


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


def test_a_refusal_is_logged_with_the_person_and_nothing_stays_for_the_next(client, noted):
    user = UserFactory()
    client.force_login(user)

    response = client.get(reverse("overview"))

    assert response.status_code == 403
    assert noted[0] == {"request_id": response["X-Request-Id"], "person": user.pk}
    assert get_contextvars() == {}


def test_a_failed_sign_in_is_logged_with_its_name_and_address_and_without_its_password(client, caplog):
    sent = {"username": "somebody", "password": "canary-4711"}
    client.post(reverse("login"), sent, REMOTE_ADDR="192.0.2.7")

    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "login failure by" in said
    assert "somebody" in said
    assert "192.0.2.7" in said
    assert "canary-4711" not in said
