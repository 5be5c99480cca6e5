"""The admin answers no question about what it does not show."""

import pytest
from django.contrib import admin
from django.urls import reverse

from remediation.roles import ADMINISTRATOR
from tests.factories import UserFactory

from .people import SUPERUSER, Visitor
from .test_admin_table import row_of

pytestmark = pytest.mark.django_db

LISTS = sorted(model._meta.label_lower for model in admin.site._registry)


def list_of(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


QUESTIONS = [
    "password__startswith",
    "user__password__startswith",
    "requester__password__startswith",
    "actor__password__startswith",
    "activity__requester__password__startswith",
    "ticket__activity__requester__password__startswith",
    "requested_by__password__startswith",
    "user_permissions__codename__startswith",
    "is_superuser__exact__password",
]


@pytest.mark.security(id="S21")
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("person", [ADMINISTRATOR, SUPERUSER])
def test_a_list_cannot_be_asked_for_what_it_does_not_show(person, question):
    visitor = Visitor(person)

    for label in LISTS:
        response = visitor.ask("GET", list_of(label), **{question: "md5"})
        # Refused, or sent back to the list with "?e=1": whatever would match.
        assert response.status_code in {302, 400, 403}, label
        assert response.status_code != 302 or response["Location"].endswith("?e=1"), label


@pytest.mark.security(id="S21")
@pytest.mark.parametrize(
    "asked", ["_to_field=password", "_to_field=id&_popup=1", "o=password", "o=99.-1", "p=10000000"]
)
def test_a_list_takes_nothing_odd_from_its_address(asked):
    visitor = Visitor(SUPERUSER)
    UserFactory(password="md5$canary-4711")

    for label in LISTS:
        row_of(label)
        response = visitor.client.get(f"{list_of(label)}?{asked}")
        assert response.status_code in {200, 302, 400}, label
        assert "canary-4711" not in response.content.decode(), label


@pytest.mark.security(id="S21")
def test_a_search_of_people_does_not_look_into_passwords():
    visitor = Visitor(SUPERUSER)
    UserFactory(username="somebody", password="md5$canary-4711")

    page = visitor.ask("GET", reverse("admin:remediation_user_changelist"), q="canary-4711").content.decode()

    assert "somebody" not in page


@pytest.mark.security(id="S15")
@pytest.mark.security(id="S21")
@pytest.mark.parametrize("label", ["remediation.auditevent", "remediation.ticketattempt", "axes.accesslog"])
def test_no_action_of_a_list_deletes_records_of_what_has_happened(label):
    visitor, record = Visitor(SUPERUSER), row_of(label)
    address = list_of(label)
    sent = {"action": "delete_selected", "_selected_action": str(record.pk), "post": "yes"}

    visitor.client.post(address, sent)
    visitor.client.post(address, sent | {"select_across": "1", "_save": "Save", "form-TOTAL_FORMS": "1"})

    assert type(record).objects.filter(pk=record.pk).exists()
