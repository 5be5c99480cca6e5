"""The chain of the audit trail: whatever is changed, taken out, put in or cut off shows."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from structlog.testing import capture_logs

from integrations import tasks
from remediation.models import AuditEvent, Lease, Through, User
from remediation.rules import audit
from tests.audit_trail import unguarded
from tests.factories import DeviceGroupFactory
from tvm_remediation.celery import configure

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


@pytest.mark.security(id="S15")
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
    with unguarded():
        AuditEvent.objects.filter(pk=events[2].pk).update(**change)

    assert audit.verify().problem.startswith(f"Event {events[2].pk}:")


@pytest.mark.security(id="S15")
def test_a_deleted_event_shows_at_the_next(events):
    with unguarded():
        AuditEvent.objects.filter(pk=events[1].pk).delete()

    assert audit.verify().problem.startswith(f"Event {events[2].pk}:")


@pytest.mark.security(id="S15")
def test_events_that_changed_places_show(events):
    with unguarded():
        AuditEvent.objects.filter(pk=events[1].pk).update(sequence=99)
        AuditEvent.objects.filter(pk=events[2].pk).update(sequence=2)

    assert audit.verify().problem


@pytest.mark.security(id="S15")
def test_an_inserted_event_shows(events):
    made = AuditEvent.objects.record(events[0], "forged", by=User.objects.system())
    AuditEvent.objects.filter(pk=made.pk).update(sequence=6, previous=audit.verify().head, seal="f" * 64)

    assert audit.verify().problem.startswith(f"Event {made.pk}:")


@pytest.mark.security(id="S15")
def test_a_chain_cut_at_its_end_shows_against_a_head_noted_elsewhere(events):
    head = audit.verify().head
    with unguarded():
        AuditEvent.objects.filter(pk__in=[events[3].pk, events[4].pk]).delete()

    assert audit.verify().problem == ""
    assert "cut" in audit.verify(head).problem
    with pytest.raises(CommandError, match="cut: the given seal is not in it"):
        call_command("verify_audit", head=head)


def test_keys_rotate(events, settings):
    settings.SIGNING_KEYS = ["a new key", *settings.SIGNING_KEYS]
    AuditEvent.objects.record(events[0], "later", by=User.objects.system())
    audit.seal()

    assert audit.verify().problem == ""

    settings.SIGNING_KEYS = ["a stranger's key"]
    assert audit.verify().problem


@pytest.mark.security(id="S16")
def test_only_one_seals_at_a_time(events):
    AuditEvent.objects.record(events[0], "later", by=User.objects.system())
    Lease.objects.take("seal audit", "somebody else", 60)

    assert audit.seal() == 0


def test_the_command_says_whether_the_chain_is_whole(events):
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "5 events is whole; 0 are not sealed" in out.getvalue()

    AuditEvent.objects.record(events[0], "later", by=User.objects.system())
    with unguarded():
        AuditEvent.objects.filter(pk__in=[events[1].pk, events[3].pk]).update(note="x")
    said = f"Event {events[1].pk}: its content was changed.* 1 events before it are sound; 1 are not sealed yet"
    with pytest.raises(CommandError, match=said):
        call_command("verify_audit", stdout=out)


def test_a_head_from_the_log_is_found_again(events):
    with capture_logs() as logs:
        audit.log_head()
    AuditEvent.objects.record(events[0], "later", by=User.objects.system())
    audit.seal()
    out = StringIO()

    call_command("verify_audit", head=logs[0]["seal"], stdout=out)

    assert "6 events is whole" in out.getvalue()


@pytest.mark.parametrize("head", ["é" * 64, "abc", "F" * 64, "0" * 65])
def test_what_is_no_seal_is_said(events, head):
    with pytest.raises(CommandError, match="64 hex digits"):
        call_command("verify_audit", head=head)


def test_the_head_is_logged_for_a_record_kept_elsewhere(events):
    AuditEvent.objects.record(events[0], "later", by=User.objects.system())

    with capture_logs() as logs:
        tasks.log_audit_head()
        tasks.log_audit_head()

    for line in logs:
        assert (line["event"], line["sequence"], line["unsealed"]) == ("audit_head", 5, 1)
        assert line["seal"] == audit.verify().head
        assert line["oldest_unsealed_at"].endswith("+00:00")


def test_an_empty_trail_has_a_head_too():
    with capture_logs() as logs:
        audit.log_head()

    assert (logs[0]["sequence"], logs[0]["seal"], logs[0]["oldest_unsealed_at"]) == (0, audit.GENESIS, None)


def test_the_clock_asks_for_the_head_every_hour():
    asked = {entry["task"]: entry["schedule"] for entry in configure()["beat_schedule"].values()}

    assert asked["integrations.tasks.log_audit_head"] == 3600
