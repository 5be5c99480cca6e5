"""Every answer bears the headers that browsers mind and a request id; that of an error stands on it and in the log."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from remediation import views_people
from remediation.models import DeliveryState
from remediation.roles import ADMINISTRATOR, SECURITY_TEAM, VIEWER
from tests.factories import TicketFactory, UserFactory

pytestmark = pytest.mark.django_db
HOST = "tvm.example.org"
REQUEST_ID = "asked-by-the-proxy-4711"
MANY_FIELDS = {f"field{number}": number for number in range(1100)}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Request-Id": REQUEST_ID,
}


@pytest.fixture(autouse=True)
def production(settings):
    settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS = [HOST], [f"https://{HOST}"]
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.WHITENOISE_USE_FINDERS = True


def test_nobody_but_a_trusted_proxy_names_a_request(settings):
    settings.SECURE_PROXY_SSL_HEADER, settings.SECURE_SSL_REDIRECT = None, False

    assert browser().get(reverse("livez"))["X-Request-Id"] != REQUEST_ID


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict]]]:
    """What the product has logged meanwhile, line by line as it would be read elsewhere."""
    [ours] = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]
    stream = StringIO()
    before = ours.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    ours.setStream(before)


def browser(*roles: str, **more) -> Client:
    client = Client(raise_request_exception=False, headers={"Host": HOST, "X-Request-Id": REQUEST_ID}, **more)
    if roles:
        client.force_login(UserFactory(roles=roles))
    return client


def broken(monkeypatch, problem: Exception) -> HttpResponse:
    def fail(path: str) -> str:
        raise problem

    monkeypatch.setattr(views_people, "own_path", fail)
    return browser(VIEWER).get(reverse("confirm_identity"), secure=True)


def conflict(monkeypatch) -> HttpResponse:
    ticket = TicketFactory(delivery_state=DeliveryState.DELIVERED, remote_id="task-1")
    return browser(SECURITY_TEAM).post(reverse("ticket_retry", args=[ticket.pk]), secure=True)


def locked(monkeypatch) -> HttpResponse:
    for _ in range(10):
        answer = browser().post(reverse("login"), {"username": "ada", "password": "guess"}, secure=True)
    return answer


ANSWERS: dict[str, tuple[int, Callable[..., HttpResponse]]] = {
    "a page": (200, lambda patch: browser().get("/accounts/login/", secure=True)),
    "a page for who is signed in": (200, lambda patch: browser(VIEWER).get("/devices/", secure=True)),
    "a file": (200, lambda patch: browser(VIEWER).get("/devices/?format=csv", secure=True)),
    "a style sheet": (200, lambda patch: browser().get("/static/css/app.css", secure=True)),
    "a probe": (200, lambda patch: browser().get("/livez", secure=True)),
    "the admin": (302, lambda patch: browser(ADMINISTRATOR).get("/admin/", secure=True)),
    "the way to the sign-in": (302, lambda patch: browser().get("/devices/", secure=True)),
    "the way to https": (301, lambda patch: browser().get("/devices/")),
    "another host": (400, lambda patch: browser().get("/devices/", headers={"Host": "evil.example"})),
    "too many fields": (400, lambda patch: browser().post("/accounts/login/", MANY_FIELDS, secure=True)),
    "no permission": (403, lambda patch: browser(VIEWER).get("/settings/", secure=True)),
    "a forged form": (403, lambda patch: browser(enforce_csrf_checks=True).post("/accounts/login/", secure=True)),
    "no such address": (404, lambda patch: browser().get("/nowhere/", secure=True)),
    "no such row": (404, lambda patch: browser(VIEWER).get("/devices/999999/", secure=True)),
    "another method": (405, lambda patch: browser(VIEWER).delete("/devices/", secure=True)),
    "a conflict": (409, conflict),
    "a lock": (429, locked),
    "a defect": (500, lambda patch: broken(patch, RuntimeError("canary"))),
    "a database that is away": (503, lambda patch: broken(patch, OperationalError("canary"))),
}  # fmt: skip


@pytest.mark.security(id="S8")
@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_bears_the_headers_and_every_error_its_request_id(kind, monkeypatch):
    status, ask = ANSWERS[kind]

    answer = ask(monkeypatch)

    assert answer.status_code == status
    assert {name: answer.get(name) for name in ALWAYS} == ALWAYS
    check_policy(answer["Content-Security-Policy"])
    assert "camera=()" in answer["Permissions-Policy"]
    if status >= 400:
        page = answer.content.decode()
        assert f"<code>{REQUEST_ID}</code>" in page
        assert "canary" not in page
        assert "<style" not in page
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page)
    if kind not in {"the way to https", "another host"}:
        assert answer["Strict-Transport-Security"].startswith("max-age=3600")


def check_policy(policy: str) -> None:
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert "unsafe" not in policy


@pytest.mark.security(id="S30")
def test_a_file_is_saved_and_not_shown():
    answer = browser(VIEWER).get("/devices/?format=csv", secure=True)

    assert re.fullmatch(r'attachment; filename="[\w.-]+\.csv"', answer["Content-Disposition"])
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"


def test_the_request_id_of_a_broken_page_leads_to_the_lines_in_the_log(lines, monkeypatch):
    broken(monkeypatch, RuntimeError("canary"))

    found = [line for line in lines() if line.get("request_id") == REQUEST_ID and line["level"] == "error"]
    assert any("RuntimeError: canary" in line.get("exception", "") for line in found)
    assert all({"event", "logger", "timestamp"} <= line.keys() for line in found)


@pytest.mark.security(id="S17")
@pytest.mark.parametrize("hostile", ['\r\n{"event": "forged"}', "\x1b[2J", "\u202eforged", "\u2028forged"])
def test_whatever_somebody_sends_is_one_line_in_the_log(lines, hostile):
    client = browser()
    client.get(f"/nowhere/{hostile}", secure=True)
    client.post(
        reverse("login"),
        {"username": f"ada{hostile}", "password": "x"},
        secure=True,
        headers={"User-Agent": "x\x1b[2J"},
    )
    with suppress(Exception):
        client.get("/nowhere/", headers={"X-Request-Id": f"id{hostile}"}, secure=True)

    found = lines()
    assert len(found) >= 2
    assert not any(line["event"] == "forged" for line in found)
    assert all(re.fullmatch("[A-Za-z0-9-]{8,64}", line.get("request_id", REQUEST_ID)) for line in found)


@pytest.mark.security(id="S26")
@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_a_host_that_is_not_ours_appears_nowhere(header, settings):
    settings.SECURE_SSL_REDIRECT = False
    client = browser()

    answer = client.get("/accounts/login/", headers={header: "evil.example"})

    assert answer.status_code == (400 if header == "Host" else 200)
    assert "evil.example" not in answer.content.decode()
