"""Nothing is changed but by a form of ours, sent by the person who has it in front of them."""

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from remediation.models import AuditEvent
from tests.factories import UserFactory

from .people import SUPERUSER, Visitor
from .routes import OF_THE_ADMIN, OURS
from .table import lines_of_the_pages
from .things import Things, things_of_a_group, things_of_everybody

pytestmark = pytest.mark.django_db

LINES = lines_of_the_pages()
NAMES = {path: name for name, path in OURS.items()}
FORMS_OF_THE_ADMIN = {
    "admin:login": [],
    "admin:logout": [],
    "admin:password_change": [],
    "admin:remediation_user_add": [],
    "admin:remediation_user_change": [1],
    "admin:auth_user_password_change": [1],
    "admin:auth_group_add": [],
    "admin:auth_group_change": [1],
    "admin:axes_accessattempt_delete": [1],
}


@pytest.fixture
def things() -> Things:
    found = things_of_a_group("Own-4711")
    found.keys |= things_of_everybody()
    return found


def snapshot() -> set[str]:
    """Every row of every table, those of Django and of sign-in too."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return {f"{model._meta.label} {row}" for model in models for row in model._default_manager.order_by().values_list()}


@pytest.mark.security(id="S6")
@pytest.mark.parametrize("token", ["", "a" * 64], ids=["without a token", "with a foreign one"])
def test_every_post_needs_the_token_of_its_form(token, things):
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    posts = {things.address(NAMES[line.path]): line.sent for line in LINES if line.method == "POST"}
    posts |= {reverse(name, args=keys): {} for name, keys in FORMS_OF_THE_ADMIN.items()}
    before = snapshot()

    for address, sent in posts.items():
        response = client.post(address, {**sent, **({"csrfmiddlewaretoken": token} if token else {})})
        assert response.status_code == 403, address

    assert snapshot() == before


@pytest.mark.security(id="S6")
def test_the_token_of_somebody_elses_cookie_does_not_do(things):
    mine, theirs = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    mine.force_login(UserFactory(is_superuser=True))
    theirs.get(reverse("login"))

    sent = {"theme": "dark", "csrfmiddlewaretoken": theirs.cookies["csrftoken"].value}

    assert mine.post(reverse("set_theme"), sent).status_code == 403


@pytest.mark.security(id="S6")
def test_looking_changes_nothing(things):
    """Also not with what would change something if it were sent, or with a method hidden in the request."""
    client = Visitor(SUPERUSER).client
    read = [things.address(NAMES[line.path]) for line in LINES if line.method == "GET"]
    forms = [things.address(NAMES[line.path]) for line in LINES if line.method == "POST"]
    verb = {"verb": "complete", "_method": "POST", "status": "completed", "is_enabled": "on", "theme": "dark"}
    before = snapshot()

    for address in {*read, *forms, *_pages_of_the_admin(things)}:
        client.get(address)
        client.get(address, verb, headers={"X-HTTP-Method-Override": "POST"})

    assert snapshot() == before


def _pages_of_the_admin(things: Things) -> list[str]:
    lists = [reverse(name) for name in OF_THE_ADMIN if name.endswith(("_changelist", "_add"))]
    of_one = [reverse(f"admin:remediation_ticket_{page}", args=[things.keys["ticket_state"]]) for page in
              ("change", "history", "delete")]  # fmt: skip
    return [reverse("admin:index"), *lists, *of_one]


@pytest.mark.security(id="S6")
def test_taking_a_file_writes_who_took_it_and_nothing_else(things):
    client = Visitor(SUPERUSER).client
    before = snapshot()

    client.get(reverse("recommendations"), {"format": "csv"}).getvalue()

    event = AuditEvent.objects.get(verb="export")
    assert {row.partition(" ")[0] for row in snapshot() ^ before} == {AuditEvent._meta.label}
    assert event.subject_id == "recommendations"
