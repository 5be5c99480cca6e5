"""Retention: what is over goes in batches and is written down; the audit trail verifies on after its oldest part."""

from datetime import timedelta
from io import StringIO

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations import retention, tasks
from integrations.models import SyncRun
from remediation.models import (
    AuditCheckpoint,
    AuditEvent,
    InaccuracyReport,
    Lease,
    OrganisationScore,
    ScoreSnapshot,
    TicketAttempt,
    User,
)
from remediation.rules import audit
from tests.audit_trail import unguarded
from tests.factories import (
    ActivityFactory,
    DeviceFactory,
    DeviceGroupFactory,
    ExceptionFactory,
    TicketFactory,
    UserFactory,
)
from tvm_remediation.retention import days_kept

pytestmark = pytest.mark.django_db
OLD, YOUNG = timedelta(days=1200), timedelta(days=1000)


@pytest.fixture(autouse=True)
def kept(settings):
    settings.KEEP = dict.fromkeys(settings.KEEP, 1100)


def ago(age: timedelta):
    return timezone.now() - age


def sync(age: timedelta, state: str = "complete") -> SyncRun:
    at = ago(age)
    kind = "full" if state in {"complete", "held", "failed"} else "delta"
    return SyncRun.objects.create(
        source="defender", kind=kind, started_at=at, heartbeat_at=at, ended_at=at, state=state
    )


def attempt(age: timedelta, delivery: str = "delivered", status: str = "completed") -> TicketAttempt:
    ticket = TicketFactory(activity=ActivityFactory(status=status))
    type(ticket).objects.filter(pk=ticket.pk).update(
        delivery_state=delivery, remote_id=f"r{ticket.pk}" if delivery == "delivered" else ""
    )
    return TicketAttempt.objects.create(
        ticket=ticket, fence=1, purpose="create", started_at=ago(age), ended_at=ago(age), result="done"
    )


def test_old_syncs_go_but_for_those_since_the_last_complete_one():
    old, last = sync(OLD + timedelta(days=2), "failed"), sync(OLD)
    later = sync(OLD - timedelta(days=1), "failed")

    assert retention.forget_old_records() == 1
    assert set(SyncRun.objects.all()) == {last, later}
    assert not SyncRun.objects.filter(pk=old.pk).exists()


def test_without_a_complete_sync_none_goes():
    sync(OLD, "failed")

    assert retention.forget_old_records() == 0


def test_attempts_go_where_the_ticket_stands_and_the_work_is_over():
    attempt(OLD)
    left = [attempt(YOUNG), attempt(OLD, status="active"), attempt(OLD, "dead"), attempt(OLD, "cancelled")]

    assert retention.forget_old_records() == 1
    assert set(TicketAttempt.objects.all()) == set(left)


def test_old_scores_go_and_the_newest_stays_however_old():
    group = DeviceGroupFactory()
    for age in (OLD + timedelta(days=1), OLD):
        day = ago(age).date()
        OrganisationScore.objects.create(day=day, published_at=ago(age), model_version=1, exposure=4)
        ScoreSnapshot.objects.create(day=day, group=group, published_at=ago(age), model_version=1)

    assert retention.forget_old_records() == 2
    newest = ago(OLD).date()
    assert [OrganisationScore.objects.get().day, ScoreSnapshot.objects.get().day] == [newest, newest]


def test_answered_reports_go_and_open_ones_and_evidence_of_exceptions_stay():
    by, device = UserFactory(), DeviceFactory()
    common = {"device": device, "reason": "other", "reported_by": by, "reported_at": ago(OLD)}
    closed = {"state": "closed", "closed_by": by, "closed_at": ago(OLD), "answer": "So."}
    InaccuracyReport.objects.create(**common, **closed)
    evidence = InaccuracyReport.objects.create(**common, **closed)
    ExceptionFactory(report=evidence, justification="false_positive")
    still_open = InaccuracyReport.objects.create(**common)

    assert retention.forget_old_records() == 1
    assert list(InaccuracyReport.objects.order_by("pk")) == [evidence, still_open]


def test_what_went_is_written_down_and_a_second_round_finds_nothing(monkeypatch):
    monkeypatch.setattr(retention, "_BATCH", 2)
    for _ in range(3):
        attempt(OLD)

    tasks.forget_old_records()
    tasks.forget_old_records()

    events = AuditEvent.objects.filter(verb="forget").order_by("pk")
    assert [event.after["rows"] for event in events] == [2, 1]
    assert {(event.subject_id, event.actor) for event in events} == {("ticket_attempts", User.objects.system())}


def test_zero_days_keep_for_ever(settings):
    settings.KEEP = dict.fromkeys(settings.KEEP, 0)
    attempt(OLD)
    trail(OLD, OLD)

    assert retention.forget_old_records() == 0


def test_only_one_forgets_at_a_time():
    attempt(OLD)
    Lease.objects.take("retention", "somebody else", 60)

    assert retention.forget_old_records() == 0


# The audit trail.


def trail(*ages: timedelta) -> list[AuditEvent]:
    """Sealed events of those ages, in that order."""
    group, system = DeviceGroupFactory(), User.objects.system()
    events = [AuditEvent.objects.record(group, f"change {n}", by=system) for n in range(len(ages))]
    with unguarded():
        for event, age in zip(events, ages, strict=True):
            AuditEvent.objects.filter(pk=event.pk).update(at=ago(age))
    audit.seal()
    return list(AuditEvent.objects.order_by("sequence"))


def test_the_chain_verifies_after_its_oldest_part_has_gone():
    events = trail(OLD, OLD, YOUNG, YOUNG)
    out = StringIO()

    assert retention.forget_old_records() == 2
    audit.seal()

    verdict = audit.verify(events[3].seal)
    assert (verdict.problem, verdict.sealed, verdict.forgotten) == ("", 3, 2)
    assert AuditEvent.objects.get(verb="forget").after["rows"] == 2
    call_command("verify_audit", stdout=out)
    assert "3 events is whole" in out.getvalue()
    assert "2 older ones were deleted by retention" in out.getvalue()


def test_it_goes_on_from_the_checkpoint_in_batches(monkeypatch):
    monkeypatch.setattr(audit, "_FORGOTTEN_AT_ONCE", 2)
    trail(OLD, OLD, OLD, YOUNG)

    assert retention.forget_old_records() == 3
    assert list(AuditCheckpoint.objects.values_list("sequence", flat=True)) == [3, 2]
    assert audit.verify().problem == ""


def test_where_everything_sealed_has_gone_sealing_goes_on_after_it():
    trail(OLD, OLD)

    retention.forget_old_records()
    audit.seal()

    assert AuditEvent.objects.get(verb="forget").sequence == 3
    assert audit.verify().problem == ""


def test_an_old_event_behind_a_young_one_stays():
    trail(OLD, YOUNG, OLD)

    assert retention.forget_old_records() == 1
    assert AuditEvent.objects.exclude(verb="forget").count() == 2


def test_a_changed_event_is_not_forgotten():
    events = trail(OLD, OLD, YOUNG)
    with unguarded():
        AuditEvent.objects.filter(pk=events[1].pk).update(note="Forged.")

    assert retention.forget_old_records() == 0
    assert audit.verify().problem.startswith(f"Event {events[1].pk}:")


def test_the_database_lets_nothing_go_that_is_younger_than_three_years(settings):
    settings.KEEP["audit"] = 900
    trail(OLD, YOUNG)

    with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
        retention.forget_old_records()

    assert AuditEvent.objects.count() == 2
    assert not AuditCheckpoint.objects.exists()


def test_nor_anything_beyond_the_checkpoint():
    events = trail(OLD, OLD, OLD)
    AuditCheckpoint.objects.create(sequence=1, seal=events[0].seal, signature="x", made_at=timezone.now())

    with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
        AuditEvent.objects.filter(pk=events[1].pk).delete()


def test_a_forged_checkpoint_hides_nothing():
    events = trail(OLD, OLD, YOUNG)
    AuditCheckpoint.objects.create(sequence=2, seal=events[1].seal, signature="0" * 64, made_at=timezone.now())
    AuditEvent.objects.filter(sequence__lte=2).delete()

    assert "checkpoint" in audit.verify().problem


def test_after_a_lost_checkpoint_the_missing_part_shows():
    trail(OLD, YOUNG)
    retention.forget_old_records()
    AuditCheckpoint.objects.all().delete()

    assert "number 1 of the chain is missing" in audit.verify().problem


@pytest.mark.parametrize(
    ("name", "days"), [("KEEP_AUDIT", "1095"), ("KEEP_SCORES", "30"), ("KEEP_SYNC_RUNS", "-1"), ("KEEP_AUDIT", "1")]
)
def test_a_time_that_is_too_short_stops_the_start(monkeypatch, name, days):
    monkeypatch.setenv(name, days)

    with pytest.raises(ImproperlyConfigured, match=f"{name} is {days}"):
        days_kept(environ.Env())


def test_by_default_the_audit_trail_is_kept_for_ever(monkeypatch):
    monkeypatch.setenv("KEEP_SCORES", "0")

    assert days_kept(environ.Env()) | {"sync_runs": 1100, "audit": 0, "scores": 0} == days_kept(environ.Env())
