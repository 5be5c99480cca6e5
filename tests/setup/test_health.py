"""What balancers and monitoring ask, and who gets an answer."""

from datetime import timedelta

import pytest
from celery import current_app
from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from remediation.models import (
    AttemptPurpose,
    AttemptResult,
    DeliveryState,
    Duty,
    Heartbeat,
    TicketAttempt,
    TicketSystem,
)
from tests.factories import TicketFactory, enable_intune
from tvm_remediation import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker():
    Heartbeat.objects.seen(Duty.DELIVERY, "delivery@here")


def test_it_is_ready_with_database_broker_and_worker(client, worker, broker):
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ready", "reasons": []})


def test_without_a_worker_it_is_not_ready_and_says_so(client, worker, broker):
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(seconds=100))

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["reasons"] == ["No delivery worker has been seen lately."]


def test_without_a_broker_it_is_not_ready_and_names_no_address(client, worker, monkeypatch):
    monkeypatch.setitem(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")

    response = client.get("/readyz")

    assert (response.status_code, response.json()["reasons"]) == (503, ["The broker does not answer."])
    assert client.get("/livez").status_code == 200


def test_with_migrations_to_be_applied_it_is_not_ready(client, worker, monkeypatch):
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda executor, targets: [("0099", False)])

    assert client.get("/readyz").json()["reasons"] == ["Migrations have not been applied."]


def test_without_a_database_it_is_not_ready_and_there_are_no_metrics(client, monkeypatch):
    def gone(*args, **kwargs):
        raise DatabaseError("could not connect to 10.0.0.7")

    monkeypatch.setattr(health.MigrationExecutor, "__init__", gone)
    monkeypatch.setattr(health, "exposition", gone)

    assert client.get("/readyz").json()["reasons"] == ["The database does not answer."]
    assert client.get("/metrics").status_code == 503
    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_a_probe_is_not_sent_to_https(client, settings, path):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(path).status_code != 301


@pytest.mark.security(id="S28")
def test_metrics_are_for_this_host_only(client, settings):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.7").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403

    settings.HTTPS = True
    assert client.get("/metrics").status_code == 403


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic s3cret", "Bearer s3crét", "s3cret"])
def test_without_the_token_there_are_no_metrics(client, settings, header):
    settings.METRICS_TOKEN = "s3cret"

    assert client.get("/metrics", headers={"Authorization": header}).status_code == 403


def test_with_the_token_there_are_metrics_from_anywhere(client, settings):
    settings.METRICS_TOKEN = "s3cret"
    settings.HTTPS = True

    response = client.get("/metrics", headers={"Authorization": "Bearer s3cret"}, REMOTE_ADDR="10.0.0.7")

    assert response.status_code == 200


def measured(client) -> dict[tuple, float]:
    text = client.get("/metrics").content.decode()
    families = text_string_to_metric_families(text)
    return {(one.name, *sorted(one.labels.values())): one.value for family in families for one in family.samples}


def test_metrics_tell_what_the_database_knows(client, worker):
    enable_intune()
    TicketSystem.objects.update(opened_at=timezone.now(), paused_until=timezone.now() + timedelta(seconds=50))
    ticket = TicketFactory(created_at=timezone.now() - timedelta(seconds=120))
    TicketFactory(delivery_state=DeliveryState.DEAD)
    attempt = {"ticket": ticket, "purpose": AttemptPurpose.CREATE, "started_at": timezone.now()}
    for fence, result in enumerate([AttemptResult.UNKNOWN, AttemptResult.UNKNOWN, AttemptResult.STARTED]):
        TicketAttempt.objects.create(**attempt, fence=fence, result=result)

    found = measured(client)

    assert found["tvm_tickets", "intune", "ready"] == found["tvm_tickets", "dead", "intune"] == 1
    assert found["tvm_ticket_oldest_seconds", "intune", "ready"] == pytest.approx(120, abs=5)
    assert found["tvm_circuit_open", "intune"] == 1
    assert found["tvm_paused_seconds", "intune"] == pytest.approx(50, abs=5)
    assert found["tvm_attempts_total", "create", "intune", "unknown"] == 2
    assert not any("started" in name for name in found)
    assert found["tvm_heartbeat_youngest_seconds", "delivery"] < 5
    assert found["tvm_heartbeat_youngest_seconds", "clock"] == float("inf")


def test_a_scrape_takes_a_fixed_number_of_queries(client, worker, django_assert_max_num_queries):
    enable_intune()
    for number in range(5):
        TicketFactory(delivery_state=DeliveryState.DELIVERED, remote_id=str(number))

    with django_assert_max_num_queries(7):
        client.get("/metrics")
