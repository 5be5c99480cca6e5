"""The cookies of a host that people reach over HTTPS."""

from importlib.util import find_spec, module_from_spec

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory

COOKIES = {"__Host-sessionid", "__Host-csrftoken", "__Host-messages"}


def values_with(monkeypatch, **environment: str) -> dict:
    """The product's settings, read once more in another environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    spec = find_spec("tvm_remediation.settings")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


@pytest.fixture
def over_https(monkeypatch, settings):
    """The settings about cookies as such a host has them."""
    values = values_with(monkeypatch, HTTPS="true")
    for name in [name for name in values if "COOKIE" in name]:
        setattr(settings, name, values[name])


@pytest.mark.django_db
def test_every_cookie_is_bound_to_the_host_and_to_https_and_is_no_scripts(over_https):
    client, user = Client(), UserFactory()
    user.set_password("a-very-long-one-4711")
    user.save()
    client.get(reverse("login"), secure=True)
    sent = {"username": user.username, "password": "a-very-long-one-4711"}
    assert client.post(reverse("login"), sent, secure=True).status_code == 302
    # A choice that is none is answered by a notice.
    client.post(reverse("select_groups"), {"groups": "none"}, secure=True)

    assert set(client.cookies) == COOKIES
    for cookie in client.cookies.values():
        assert cookie["secure"], cookie.key
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"] == "Lax", cookie.key
        # A browser takes a name that begins with __Host- under these two conditions only.
        assert (cookie["path"], cookie["domain"]) == ("/", ""), cookie.key


@pytest.mark.once
def test_in_plain_http_no_name_promises_what_no_browser_would_take(monkeypatch):
    values = values_with(monkeypatch, HTTPS="false")

    assert (values["SESSION_COOKIE_NAME"], values["CSRF_COOKIE_NAME"]) == ("sessionid", "csrftoken")
