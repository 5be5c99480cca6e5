"""The database refuses whatever would change the audit trail, whoever asks by the application's role."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from remediation.audit_guard import guard
from remediation.models import AuditEvent, User
from remediation.rules import audit
from tests.factories import DeviceGroupFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["sealed", "not sealed yet"])
def event(request) -> AuditEvent:
    made = AuditEvent.objects.record(DeviceGroupFactory(), "change", by=User.objects.system(), note="As it was.")
    if request.param == "sealed":
        audit.seal()
        made.refresh_from_db()
    return made


def refused(deed) -> None:
    before = list(AuditEvent.objects.order_by("pk").values())
    with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
        deed()
    assert list(AuditEvent.objects.order_by("pk").values()) == before


OF_EACH_FIELD = {
    "at": "2020-01-01T00:00:00Z",
    "actor_name": "Nobody", "through": "sync", "verb": "x", "subject_type": "x", "subject_id": "x",
    "subject_name": "x", "before": {"x": 1}, "after": {"x": 1}, "note": "Forged.", "request_id": "x",
}  # fmt: skip


@pytest.mark.security(id="S15")
@pytest.mark.parametrize("name", OF_EACH_FIELD)
def test_no_field_is_changed(event, name):
    refused(lambda: AuditEvent.objects.filter(pk=event.pk).update(**{name: OF_EACH_FIELD[name]}))


def test_no_field_is_changed_together_with_sealing(event):
    sealing = {"sequence": 7, "previous": "p", "seal": "s"}

    refused(lambda: AuditEvent.objects.filter(pk=event.pk).update(note="Forged.", **sealing))


@pytest.mark.security(id="S15")
def test_nothing_is_deleted(event):
    refused(lambda: AuditEvent.objects.filter(pk=event.pk).delete())
    refused(event.delete)
    refused(lambda: AuditEvent.objects.all()._raw_delete("default"))


def test_saving_an_old_copy_is_refused(event):
    event.note = "Forged."

    refused(event.save)


@pytest.mark.security(id="S15")
def test_a_seal_is_set_once():
    made = AuditEvent.objects.record(DeviceGroupFactory(), "change", by=User.objects.system())
    audit.seal()

    for change in (
        {"sequence": None, "previous": None, "seal": ""},
        {"sequence": 2, "previous": "p", "seal": "s"},
        {"seal": "0" * 64},
    ):
        refused(lambda change=change: AuditEvent.objects.filter(pk=made.pk).update(**change))


def test_sealing_and_writing_go_on():
    group, system = DeviceGroupFactory(), User.objects.system()
    for number in range(3):
        AuditEvent.objects.record(group, f"change {number}", by=system, after={"é": [1.5, None, {"x": True}]})

    assert audit.seal() == 3
    assert audit.verify().problem == ""


@pytest.mark.security(id="S15")
@pytest.mark.postgresql
def test_the_table_is_not_emptied(event):
    def empty() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("TRUNCATE remediation_auditevent")

    refused(empty)


def test_the_guard_comes_back_with_each_migration(event):
    with connection.cursor() as cursor:
        connection.check_constraints()
        table = " ON remediation_auditevent" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER remediation_auditevent_keeps_rows{table}")

    call_command("migrate", verbosity=0)

    refused(lambda: AuditEvent.objects.filter(pk=event.pk).delete())


def test_putting_it_in_its_place_twice_does_no_harm(event):
    connection.check_constraints()
    guard()
    guard()

    refused(lambda: AuditEvent.objects.filter(pk=event.pk).delete())


@pytest.mark.parametrize("_", range(2))
@pytest.mark.django_db(transaction=True)
def test_it_holds_between_tests_that_commit(_, event):
    """The second begins with tables that were emptied after the first."""
    assert AuditEvent.objects.count() == 1
    refused(lambda: AuditEvent.objects.filter(pk=event.pk).delete())
