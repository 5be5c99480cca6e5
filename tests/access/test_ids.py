"""What is out of scope looks like what does not exist: in its answer, in the work that it makes, and in forms."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from remediation.roles import SECURITY_TEAM

from .people import Visitor
from .routes import OURS
from .table import lines_of_the_pages
from .things import Things, things_of_a_group

pytestmark = pytest.mark.django_db

CANARY = "Canary-4711"
MISSING = 10**9
OF_ONE_THING = [line for line in lines_of_the_pages() if " / 404" in line.cells[SECURITY_TEAM]]
_CHANGING = re.compile(
    r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|csrfmiddlewaretoken" value="[^"]+"|<code>[0-9a-f]{16}</code>'
)


@pytest.fixture
def estates() -> tuple[Things, Things]:
    return things_of_a_group("Own-4711"), things_of_a_group(CANARY)


@pytest.mark.security(id="S2")
def test_what_is_out_of_scope_looks_like_what_does_not_exist(estates):
    own, other = estates
    visitor = Visitor(SECURITY_TEAM, [own.group])
    names = {path: name for name, path in OURS.items()}

    for line in OF_ONE_THING:
        name = names[line.path]
        hidden = answer(visitor, line.method, other.address(name), line.sent)
        missing = answer(visitor, line.method, reverse(name, args=[MISSING]), line.sent)
        assert hidden == missing, (name, line.method)
        assert hidden[0] == 404, (name, line.method)


def answer(visitor: Visitor, method: str, address: str, sent: dict) -> tuple[int, str, int]:
    """Status, words, and the number of questions to the database: the work, which could be timed."""
    # Content types and the like are read once.
    visitor.ask(method, address, **sent)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = visitor.ask(method, address, **sent)
    return response.status_code, without_numbers(response), len(queries)


@pytest.mark.security(id="S2")
def test_ids_of_records_of_the_admin_cannot_be_told_apart_either():
    visitor, event = Visitor("Superuser", []), reverse("admin:remediation_auditevent_change", args=[1])

    for model in ("remediationactivity", "ticket", "ticketattempt", "auditevent", "devicegroup"):
        for pk in (1, MISSING):
            address = reverse(f"admin:remediation_{model}_change", args=[pk])
            assert visitor.ask("GET", address).status_code == 403, (model, pk)
    assert visitor.ask("POST", event, verb="x").status_code == 403


# Route -> field that names something by its id, and what else the form needs to say so much.
BY_ID = {
    "remediation_options": ("device_groups", {"scope": "chosen"}),
    "exception_options": ("device_groups", {"scope": "chosen"}),
    "select_groups": ("groups", {}),
    "device_values": ("device", {"scope": "chosen", "value": "high"}),
    "report_inaccuracy": ("recommendation", {"reason": "other", "note": "No."}),
}


@pytest.mark.security(id="S2")
@pytest.mark.security(id="S3")
@pytest.mark.parametrize("name", BY_ID)
def test_a_form_that_names_something_out_of_scope_answers_as_if_it_did_not_exist(estates, name):
    own, other = estates
    visitor = Visitor(SECURITY_TEAM, [own.group])
    field, sent = BY_ID[name]
    of_records = {"device": other.keys["device"], "recommendation": other.keys["recommendation"]}
    hidden = of_records.get(field, other.group.pk)

    answers = [page_after(visitor, own.address(name), {**sent, field: str(pk)}) for pk in (hidden, MISSING)]

    assert answers[0] == answers[1]
    assert CANARY not in answers[0]


def page_after(visitor: Visitor, address: str, sent: dict[str, str]) -> str:
    """What the form answers, or the page that it leads to."""
    return without_numbers(visitor.client.post(address, sent, follow=True))


def without_numbers(response) -> str:
    """What it says; the id that was asked for is among the numbers."""
    return re.sub(r"\d+", "#", _CHANGING.sub("", response.content.decode()))
