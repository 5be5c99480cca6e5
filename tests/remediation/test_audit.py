"""The chain of the audit trail: whatever is changed, taken out, put in or cut off shows."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from remediation.models import AuditEvent, Lease, Through, User
from remediation.rules import audit
from tests.factories import DeviceGroupFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def events() -> list[AuditEvent]:
    group = DeviceGroupFactory(name="Büro “Nord” <b>")
    by = User.objects.system()
    made = [
        AuditEvent.objects.record(group, f"change {n}", by=by, through=Through.WORKER, after={"n": n, "é": 0.1})
        for n in range(5)
    ]
    assert audit.seal() == 5
    return made


def test_events_are_sealed_in_order_and_once(events):
    assert audit.seal() == 0

    chain = list(AuditEvent.objects.order_by("sequence"))
    assert [event.pk for event in chain] == [event.pk for event in events]
    assert chain[0].previous == audit.GENESIS
    assert [event.previous for event in chain[1:]] == [event.seal for event in chain[:-1]]


def test_a_whole_chain_verifies_and_later_events_are_counted(events):
    AuditEvent.objects.record(events[0], "later", by=User.objects.system())

    verdict = audit.verify()

    assert (verdict.sealed, verdict.unsealed, verdict.problem) == (5, 1, "")


@pytest.mark.parametrize(
    "change",
    [
        {"actor_name": "Somebody else"},
        {"note": "x"},
        {"after": {"n": 2}},
        {"verb": "other"},
        {"subject_id": "another"},
        {"at": timezone.now()},
        {"through": "page"},
        {"seal": "0" * 64},
    ],
)
def test_a_changed_event_is_named(events, change):
    AuditEvent.objects.filter(pk=events[2].pk).update(**change)

    assert audit.verify().problem.startswith(f"Event {events[2].pk}:")


def test_a_deleted_event_shows_at_the_next(events):
    AuditEvent.objects.filter(pk=events[1].pk).delete()

    assert audit.verify().problem.startswith(f"Event {events[2].pk}:")


def test_events_that_changed_places_show(events):
    AuditEvent.objects.filter(pk=events[1].pk).update(sequence=99)
    AuditEvent.objects.filter(pk=events[2].pk).update(sequence=2)

    assert audit.verify().problem


def test_an_inserted_event_shows(events):
    made = AuditEvent.objects.record(events[0], "forged", by=User.objects.system())
    AuditEvent.objects.filter(pk=made.pk).update(sequence=6, previous=audit.verify().head, seal="f" * 64)

    assert audit.verify().problem.startswith(f"Event {made.pk}:")


def test_a_chain_cut_at_its_end_shows_against_a_head_noted_elsewhere(events):
    head = audit.verify().head
    AuditEvent.objects.filter(pk=events[4].pk).delete()

    assert audit.verify().problem == ""
    assert "cut" in audit.verify(head).problem


def test_keys_rotate(events, settings):
    settings.SIGNING_KEYS = ["a new key", *settings.SIGNING_KEYS]
    AuditEvent.objects.record(events[0], "later", by=User.objects.system())
    audit.seal()

    assert audit.verify().problem == ""

    settings.SIGNING_KEYS = ["a stranger's key"]
    assert audit.verify().problem


def test_only_one_seals_at_a_time(events):
    AuditEvent.objects.record(events[0], "later", by=User.objects.system())
    Lease.objects.take("seal audit", "somebody else", 60)

    assert audit.seal() == 0


def test_the_command_says_whether_the_chain_is_whole(events):
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "5 events is whole; 0 are not sealed" in out.getvalue()

    AuditEvent.objects.filter(pk=events[0].pk).update(note="x")
    with pytest.raises(CommandError, match=f"Event {events[0].pk}"):
        call_command("verify_audit", stdout=out)
