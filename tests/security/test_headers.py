"""Every answer, refusals and errors too, carries the complete set of headers that browsers are kept safe by."""

import re

import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client
from django.urls import path, reverse

from tests.access.routes import OF_THE_ADMIN
from tests.access.table import ASKED
from tests.factories import DeviceFactory, TicketFactory, UserFactory, estate
from tvm_remediation import urls

pytestmark = pytest.mark.django_db
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def assert_complete(response) -> None:
    policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert policy == POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", response["X-Request-Id"])
    assert "Server" not in response
    assert "X-Powered-By" not in response


@pytest.mark.security(id="S8")
@pytest.mark.security(id="S30")
@pytest.mark.once
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_every_address_has_them_whatever_it_answers(chief, things, method):
    for name in sorted(set(ASKED) - {"logout"}):
        assert_complete(chief.generic(method, things.address(name)))


@pytest.mark.security(id="S8")
def test_strangers_and_the_forbidden_get_them_too(client, things):
    for name in sorted(ASKED):
        assert_complete(client.get(things.address(name)))
    client.force_login(UserFactory())
    for name in sorted(set(ASKED) - {"logout"}):
        assert_complete(client.get(things.address(name)))


@pytest.mark.security(id="S8")
def test_the_admin_has_them(chief):
    shown = [
        name for name, pattern in OF_THE_ADMIN.items() if not pattern.pattern.regex.groups and name != "admin:logout"
    ]
    assert len(shown) > 20
    for name in shown:
        if name != "admin:":
            assert_complete(chief.get(reverse(name)))


@pytest.mark.security(id="S8")
@pytest.mark.parametrize(
    "name", ["js/app.js", "css/app.css", "vendor/bootstrap.min.css", "favicon.svg", "django_htmx/htmx-2.min.js"]
)
def test_files_have_them_and_their_own_type(settings, client, name):
    settings.WHITENOISE_USE_FINDERS = True
    assert finders.find(name)

    response = client.get(f"/static/{name}")

    assert response.status_code == 200
    assert_complete(response)
    assert response["Content-Type"].split(";")[0] in {"text/javascript", "text/css", "image/svg+xml"}


class Refusals:
    """A few addresses that fail on purpose, beside the product's own."""

    handler400, handler403 = urls.handler400, urls.handler403
    handler404, handler500 = urls.handler404, urls.handler500

    def __init__(self) -> None:
        self.urlpatterns = [*urls.urlpatterns]
        for status, problem in [
            ("400", BadRequest("odd")),
            ("403", PermissionDenied("no")),
            ("500", RuntimeError("Canary-4711")),
            ("503", OperationalError("Canary-4711")),
        ]:
            self.urlpatterns.append(path(f"fails/{status}/", _failing(problem), name="livez"))


def _failing(problem: Exception):
    def view(request: HttpRequest):
        raise problem

    view.login_required = False
    return view


@pytest.mark.security(id="S8")
@pytest.mark.security(id="S14")
@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
@pytest.mark.parametrize("person", ["somebody", "nobody"])
def test_error_pages_have_them_and_tell_nothing_of_the_error(settings, status, person):
    settings.ROOT_URLCONF = Refusals()
    client = Client(raise_request_exception=False)
    if person == "somebody":
        client.force_login(UserFactory(is_superuser=True))

    response = client.get(f"/fails/{status}/" if status != 404 else "/nothing/there/")

    assert response.status_code == status
    assert_complete(response)
    assert b"Canary-4711" not in response.content
    assert b"Traceback" not in response.content
    assert response["X-Request-Id"].encode() in response.content


@pytest.mark.security(id="S8")
def test_refusals_of_the_frame_have_them():
    """Of the host, of the token of a form, of a body: before any view."""
    strict = Client(enforce_csrf_checks=True)

    for response in [
        Client(headers={"host": "evil.example"}).get("/accounts/login/"),
        strict.post("/accounts/login/", {"username": "x"}),
        strict.get("/accounts/login/", QUERY_STRING="&".join("a" * 1500)),
        strict.post("/accounts/login/", {"username": "x" * 3_000_000}),
    ]:
        assert response.status_code in {400, 403}
        assert_complete(response)


@pytest.mark.security(id="S8")
def test_on_https_browsers_are_told_to_stay_there(settings, client):
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31536000, True

    response = client.get("/accounts/login/", secure=True)

    assert response["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.security(id="S30")
@pytest.mark.parametrize("title", ['x"\r\nSet-Cookie: a=1', "../../../etc/passwd", "x.html", "évil;filename=x.exe"])
def test_a_file_is_saved_and_not_shown_under_a_name_of_ours(chief, title):
    recommendation = estate(name=title, related_component=title)
    ticket = TicketFactory(activity__recommendation=recommendation, activity__title=title)
    DeviceFactory(name=title)

    for address_of_a_file in [
        "/recommendations/?format=csv",
        "/devices/?format=csv&q=" + "x",
        f"/recommendations/{recommendation.pk}/devices/?format=csv",
        f"{ticket.activity.get_absolute_url()}?format=csv",
        reverse("group_script", args=[ticket.pk]),
    ]:
        response = chief.get(address_of_a_file)
        assert response.status_code == 200, address_of_a_file
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9_.-]+\.(csv|ps1)"', response["Content-Disposition"])
        assert_complete(response)
        list(response.streaming_content)


@pytest.mark.security(id="S30")
def test_what_is_signed_in_stays_in_no_cache(chief, things):
    for name in ("overview", "recommendations", "activity", "audit", "settings_features"):
        assert chief.get(things.address(name))["Cache-Control"] == "no-store"
    assert chief.get(f"{things.address('audit')}?format=csv")["Cache-Control"] == "no-store"
