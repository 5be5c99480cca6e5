"""Each form takes its own fields and no others: whatever else is sent changes nothing."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import models
from django.forms.models import model_to_dict
from django.utils import timezone

from remediation.models import (
    Device,
    InaccuracyReport,
    RecommendationException,
    RemediationActivity,
    Ticket,
    TicketSystem,
    User,
)

from .people import SUPERUSER, Visitor, taken_back
from .things import Things, things_of_a_group, things_of_everybody

pytestmark = pytest.mark.django_db

KEY = str(uuid4())
LATER = (timezone.localdate() + timedelta(days=20)).isoformat()
_TERM = {"request_key": KEY, "justification": "other", "context": "Because it is not so, and never was.", "end": "30"}
_REQUEST = {"request_key": KEY, "requested_remediation": "update", "priority": "low", "due_on": LATER, "batches": "all"}
# Route -> what a proper form of it sends, the model of the row that it writes, and its own fields that it leaves out.
FORMS: dict[str, tuple[dict[str, Any], type[models.Model], set[str]]] = {
    "remediation_options": ({**_REQUEST, "scope": "all"}, RemediationActivity, {"notes", "device_groups"}),
    "exception_options": ({**_TERM, "scope": "all"}, RecommendationException, {"device_groups", "evidence", "report"}),
    "exception_extension": (_TERM, RecommendationException, {"evidence"}),
    "exception_transition": ({"verb": "reject", "note": "No."}, RecommendationException, set()),
    "activity_transition": ({"verb": "cancel", "note": "No."}, RemediationActivity, set()),
    "activity_rest": ({}, RemediationActivity, set()),
    "ticket_retry": ({}, Ticket, set()),
    "ticket_abandon": ({"reason": "No."}, Ticket, set()),
    "device_values": ({"scope": "chosen", "value": "low"}, Device, {"groups", "internet_facing"}),
    "report_inaccuracy": ({"reason": "other", "note": "No."}, InaccuracyReport, {"recommendation"}),
    "close_inaccuracy": ({"answer": "No."}, InaccuracyReport, set()),
    "select_groups": ({"all": "1"}, User, set()),
    "set_theme": ({"theme": "dark"}, User, set()),
    "settings_switch": ({}, TicketSystem, {"is_enabled"}),
}
# What may differ from one form to the next that is sent.
_OWN = {"id", "marker", "request_key", "password", "last_login"}


@pytest.fixture
def things() -> Things:
    found = things_of_a_group("Own-4711")
    found.keys |= things_of_everybody()
    return found


@pytest.mark.security(id="S4")
@pytest.mark.parametrize("name", FORMS)
def test_a_form_takes_no_field_that_is_not_its_own(name, things):
    sent, model, own = FORMS[name]
    sent = sent | ({"device": things.keys["device"]} if name == "device_values" else {})
    visitor = Visitor(SUPERUSER)
    more = {field: value for field, value in extras(model, visitor.user).items() if field not in own}

    with time_machine.travel(timezone.now(), tick=False):
        plain = rows_after(visitor, things.address(name), sent, model)
        stuffed = rows_after(visitor, things.address(name), more | sent, model)

    assert plain["answer"] == 302, name
    assert stuffed == plain


def extras(model: type[models.Model], person: User) -> dict[str, Any]:
    """Every field of the model and of people, each with a value that nobody has."""
    fields = [*model._meta.get_fields(), *User._meta.get_fields()]
    return {field.name: _hostile(field, person) for field in fields if getattr(field, "concrete", False)}


def _hostile(field: models.Field, person: User) -> str:
    if field.is_relation:
        return str(person.pk)
    if field.choices:
        return str(list(field.choices)[-1][0])
    if isinstance(field, models.BooleanField):
        return "" if field.name == "is_active" else "on"
    if isinstance(field, models.IntegerField | models.FloatField):
        return "4711"
    return "2030-01-01" if isinstance(field, models.DateField) else "Hostile-4711"


def rows_after(visitor: Visitor, address: str, sent: dict[str, Any], model: type[models.Model]) -> dict[str, Any]:
    """The answer and all rows of the model and of people afterwards; then the form is taken back."""
    with taken_back():
        answer = visitor.client.post(address, sent)
        kinds = {kind.__name__: kind._default_manager.order_by("pk") for kind in (model, User)}
        stored = {name: [_stored(row) for row in rows] for name, rows in kinds.items()}
    return stored | {"answer": answer.status_code}


def _stored(row: models.Model) -> dict[str, Any]:
    # With what no form could edit.
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: value for name, value in (model_to_dict(row) | values).items() if name not in _OWN}
