"""`manage.py doctor`: plain words, and an exit code that calls a person."""

from datetime import timedelta
from io import StringIO

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.utils import timezone

from remediation.models import AuditEvent, Duty, Heartbeat, User
from remediation.roles import ADMINISTRATOR
from remediation.rules import audit
from tests.audit_trail import unguarded
from tests.factories import DeviceGroupFactory, EntraPersonFactory, TicketFactory, UserFactory, enable_intune
from tvm_remediation import checkup

pytestmark = pytest.mark.django_db


@pytest.fixture
def healthy(broker, settings):
    settings.SECRET_KEY = "x" * 50
    UserFactory(is_staff=True, roles=[ADMINISTRATOR])
    for duty in Duty:
        Heartbeat.objects.seen(duty, f"{duty}@here")


def examined() -> str:
    out = StringIO()
    try:
        call_command("doctor", stdout=out)
    except CommandError as needed:
        return f"{out.getvalue()}\n{needed}"
    return out.getvalue()


def test_where_all_is_well_nobody_is_needed(healthy):
    said = examined()

    assert "Nobody is needed." in said
    assert "Workers and clock: ok" in said


def test_a_lost_worker_calls_a_person(healthy):
    Heartbeat.objects.filter(duty=Duty.DELIVERY).update(seen_at=timezone.now() - timedelta(minutes=4))

    said = examined()

    assert "! Delivery worker: none has been seen for 4 min 0 s." in said
    assert "Start a delivery worker." in said
    assert "A person is needed: 1." in said


def test_without_anybody_who_can_manage_people_it_says_how_to_make_one(healthy):
    User.objects.filter(is_staff=True).update(is_active=False)

    assert "manage.py createadministrator NAME" in examined()


def test_an_administrator_against_entras_word_calls_a_person(healthy):
    EntraPersonFactory(user__first_name="Ada", user__last_name="", kept_since=timezone.now())

    assert "! Ada is administrator against Microsoft Entra ID" in examined()


def test_a_failed_ticket_calls_a_person(healthy):
    enable_intune()
    TicketFactory(delivery_state="dead")

    assert "1 failed ticket" in examined()


def test_a_broker_that_is_down_is_told(healthy, monkeypatch):
    monkeypatch.setitem(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")

    assert "Tickets wait in the database; none is lost." in examined()


def test_a_broker_that_evicts_or_is_shared_is_told(healthy, broker):
    import redis

    with current_app.connection_for_read(broker) as connection:
        client = redis.Redis(connection_pool=connection.default_channel.client.connection_pool)
        before = client.config_get("maxmemory-policy")["maxmemory-policy"]
        try:
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.set(":1:somebody's cache", "1")
            said = examined()
        finally:
            client.config_set("maxmemory-policy", before)
            client.delete(":1:somebody's cache")

    assert "maxmemory-policy is allkeys-lru" in said
    assert "Its database is shared: :1:somebody's cache is not ours." in said


def test_a_clock_that_is_ahead_is_told(healthy):
    Heartbeat.objects.create(
        duty=Duty.SYNC, name="sync@ahead", started_at=timezone.now(), seen_at=timezone.now() + timedelta(seconds=60)
    )

    assert "The clock of sync@ahead is" in examined()


def test_a_database_whose_clock_differs_is_told(healthy, monkeypatch):
    monkeypatch.setattr(checkup, "_skew_of_database", lambda: timedelta(seconds=-42))

    assert "differ by 42.0 s" in examined()


@pytest.mark.postgresql
def test_the_databases_clock_is_asked():
    assert abs(checkup._skew_of_database()) < checkup.MOST_SKEW


@pytest.mark.security(id="S15")
def test_a_changed_audit_trail_is_told(healthy):
    AuditEvent.objects.record(DeviceGroupFactory(), "made", by=User.objects.system())
    audit.seal()
    with unguarded():
        AuditEvent.objects.update(note="changed by hand")

    assert "The audit trail is broken" in examined()


@pytest.mark.security(id="S28")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DELIVERY_QUARANTINE", 10, "could come twice"),
        ("DELIVERY_LISTING_GAP", 1, "may not show yet"),
        ("DEBUG", True, "DEBUG is on"),
        ("SECRET_KEY", "short", "SECRET_KEY is short"),
        ("ALLOWED_HOSTS", ["*"], "lets any name in"),
    ],
)
def test_odd_settings_are_told(healthy, settings, name, value, words):
    setattr(settings, name, value)

    said = examined()

    assert words in said
    assert "A person is needed: 1." in said
