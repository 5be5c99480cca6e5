"""Every address, asked for by everybody in every way, held against docs/access.md."""

from collections import defaultdict

import pytest
from django.test import Client
from django.urls import reverse

from remediation.models import User
from remediation.roles import SYSTEM, VIEWER
from tvm_remediation.access import ACCESS, PUBLIC, permission_for

from .people import ANONYMOUS, DISABLED, EVERYBODY, MACHINE, NOT_SIGNED_IN, SIGNED_IN, SUPERUSER, Visitor
from .routes import OURS
from .table import SIGN_IN, WHOLE, Line, lines_of_the_pages, told
from .things import Things, things_of_a_group, things_of_everybody

pytestmark = pytest.mark.django_db

METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"]
LINES = lines_of_the_pages()
CANARY = "Canary-4711"
# Of these each method is asked for; of the others they take turns, for what refuses them does not tell them apart.
IN_EVERY_WAY = {ANONYMOUS, VIEWER, SUPERUSER}


def column(person: str) -> str:
    return "Not signed in" if person in NOT_SIGNED_IN else person


@pytest.mark.security(id="S1")
def test_every_address_has_its_lines_and_no_line_is_without_an_address():
    assert {line.path for line in LINES} == set(OURS.values())
    asked = [(line.path, line.method, *line.sent.items()) for line in LINES]
    assert len(asked) == len(set(asked))


@pytest.mark.security(id="S1")
def test_every_line_has_a_column_for_everybody():
    columns = {"Not signed in", *SIGNED_IN}
    assert [line.path for line in LINES if set(line.cells) != columns] == []


@pytest.mark.security(id="S1")
def test_every_address_is_declared_in_the_table_that_the_product_reads():
    assert [name for name in OURS if permission_for(name) is None] == []
    assert set(ACCESS) - set(OURS) == set()


@pytest.fixture
def things() -> tuple[Things, Things]:
    """Of a group that the person sees, and of another."""
    own, other, shared = things_of_a_group("Own-4711"), things_of_a_group(CANARY), things_of_everybody()
    own.keys |= shared
    other.keys |= shared
    return own, other


@pytest.mark.security(id="S1")
@pytest.mark.security(id="S5")
@pytest.mark.parametrize("person", EVERYBODY)
def test_everybody_gets_what_the_table_says(person, things):
    own, other = things
    visitor, overseer = Visitor(person, [own.group]), Visitor(person)

    for name, path in OURS.items():
        for line in (line for line in LINES if line.path == path):
            here, there = line.answers(column(person))
            who = overseer if line.section == WHOLE else visitor
            assert_answer(who, line, own.address(name), here)
            if line.section == WHOLE:
                assert_answer(visitor, line, own.address(name), there)
            elif here not in {"403", SIGN_IN} and other.address(name) != own.address(name):
                # Before the middleware that refuses all addresses are equal.
                assert_answer(visitor, line, other.address(name), there)


def assert_answer(visitor: Visitor, line: Line, address: str, expected: str) -> None:
    response = visitor.ask(line.method, address, **line.sent)
    assert told(response) == expected, (line.path, line.method, line.sent)
    assert expected == "200" or CANARY.encode() not in response.content, line.path


@pytest.mark.once
@pytest.mark.security(id="S1")
@pytest.mark.parametrize(("turn", "person"), enumerate(EVERYBODY))
def test_any_other_request_is_refused(turn, person, things):
    own, _ = things
    visitor = Visitor(person, [own.group])
    named = defaultdict(list)
    for line in LINES:
        named[line.path].append(line)

    for place, (name, path) in enumerate(OURS.items()):
        expected, rest = _of_others(named[path], column(person)), _others(named[path])
        for method in rest if person in IN_EVERY_WAY else rest[(place + turn) % len(rest) :][:1]:
            response = visitor.ask(method, own.address(name))
            assert told(response) == expected, (name, method)
            assert expected == "405" or CANARY.encode() not in response.content, name


def _of_others(lines: list[Line], person: str) -> str:
    """Who is heard at all is told that the address takes no such request."""
    cells = {line.cells[person] for line in lines}
    return cells.pop() if cells <= {"403", SIGN_IN} else "405"


def _others(lines: list[Line]) -> list[str]:
    return [method for method in METHODS if method not in {line.method for line in lines}]


@pytest.mark.security(id="S1")
def test_only_health_and_signing_in_are_public():
    public = {name for name, needed in ACCESS.items() if needed == PUBLIC}
    assert public == {"login", "sign_in_with_microsoft", "microsoft_signed_in", "livez", "readyz", "metrics"}
    assert {line.path for line in LINES if line.section == "Open to everybody"} == {OURS[name] for name in public}


@pytest.mark.security(id="S1")
def test_the_machine_cannot_sign_in_and_its_role_is_nobodys():
    system = User.objects.system()

    assert not system.has_usable_password()
    assert list(system.groups.values_list("name", flat=True)) == [SYSTEM]


@pytest.mark.security(id="S1")
def test_an_address_that_nobody_declared_is_closed_to_everybody(monkeypatch):
    monkeypatch.delitem(ACCESS, "recommendations")

    for person in set(EVERYBODY) - {ANONYMOUS, DISABLED, MACHINE}:
        assert Visitor(person).ask("GET", reverse("recommendations")).status_code == 403
    assert Client().get(reverse("recommendations")).status_code == 302
