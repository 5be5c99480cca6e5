"""One event is one line of the log, whatever strangers and sources write into it."""

import io
import json
import logging

import pytest
import structlog
from django.conf import settings as project
from django.test import Client

from tests.factories import UserFactory
from tvm_remediation import logs

EVIL = {
    "line feed": "a\n2026-11-26T10:00:00Z [info     ] audit_head seal=forged",
    "carriage return": "a\r2026-11-26T10:00:00Z [info     ] forged",
    "escape": "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "right to left": "\u202egnol\u2066x",
    "other line ends": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "NUL": "a\x00b",
    "backspace": "secret\x08\x08\x08",
    "quotes": '"}\n{"event": "forged"}',
}


@pytest.fixture(params=["JSON", "words"])
def written(request):
    """Where the lines go, in each of the two forms."""
    out, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure({"json": request.param == "JSON", "level": "INFO"})
    root.handlers[0].setStream(out)
    yield out
    logs.configure(project.LOGGING)
    root.handlers, root.level = before


def lines_of(out: io.StringIO) -> list[str]:
    lines = out.getvalue().removesuffix("\n").split("\n")
    for line in lines:
        assert line.isprintable(), ascii(line)
    return lines


@pytest.mark.once
@pytest.mark.security(id="S17")
@pytest.mark.parametrize("kind", EVIL)
def test_a_text_of_others_stays_on_the_line_of_its_event(written, kind):
    structlog.get_logger("ours").warning("something_happened", title=EVIL[kind], more=[EVIL[kind]])
    logging.getLogger("a.library").warning("Could not read %s", EVIL[kind])

    ours, theirs = lines_of(written)
    assert "something_happened" in ours
    assert "Could not read" in theirs


@pytest.mark.once
@pytest.mark.security(id="S17")
@pytest.mark.parametrize("kind", EVIL)
def test_a_trace_poses_as_no_event(written, kind):
    try:
        raise ValueError(EVIL[kind])
    except ValueError:
        structlog.get_logger("ours").exception("it_failed")

    first, *rest = lines_of(written)
    assert "it_failed" in first
    assert all(line.startswith("    ") for line in rest), rest


@pytest.mark.django_db
@pytest.mark.security(id="S17")
@pytest.mark.parametrize("kind", EVIL)
def test_what_a_request_brings_stays_on_its_line(written, kind):
    client, evil = Client(raise_request_exception=False), EVIL[kind]
    client.force_login(UserFactory())

    client.get("/nothing/" + evil + "/")
    client.get("/settings/", {"q": evil}, headers={"user-agent": evil, "referer": evil, "x-request-id": evil})
    Client().post("/accounts/login/", {"username": evil, "password": "x"}, headers={"user-agent": evil})

    for line in lines_of(written):
        assert "forged" not in line[:45]
        if line.startswith("{"):
            assert json.loads(line)["event"]
