"""The same numbers for Prometheus. Each scrape reads the database anew: no process has a count of its own."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from remediation.models import AttemptResult, AuditEvent, Duty, FindingKind, Heartbeat, TicketAttempt

from .concerns import last_sync_age
from .standing import STATES, Standing, standings


class _FromDatabase(Collector):
    def collect(self) -> Iterator[Metric]:
        systems = standings()
        yield from _of_tickets(systems)
        yield from _of_systems(systems)
        yield _attempts()
        yield from _of_processes()
        yield from _of_records()

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the database only to learn names."""
        return []


def exposition() -> bytes:
    registry = CollectorRegistry()
    registry.register(_FromDatabase())
    return generate_latest(registry)


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tvm_{name}", words, labels=labels)


def _of_tickets(systems: list[Standing]) -> Iterator[Metric]:
    tickets = _gauge("tickets", "Tickets by delivery state.", "system", "state")
    oldest = _gauge("ticket_oldest_seconds", "How long the oldest waiting ticket is in a state.", "system", "state")
    findings = _gauge("ticket_findings", "What the last complete listing showed otherwise.", "system", "kind")
    for one in systems:
        for state in STATES:
            tickets.add_metric([one.system.pk, state], one.by_state[state].tickets)
            age = one.by_state[state].age
            oldest.add_metric([one.system.pk, state], age.total_seconds() if age else 0)
        for kind in FindingKind.values:
            findings.add_metric([one.system.pk, kind], one.findings[kind])
    yield from (tickets, oldest, findings)


def _of_systems(systems: list[Standing]) -> Iterator[Metric]:
    enabled = _gauge("ticket_system_enabled", "1 when the connection is switched on.", "system")
    circuit = _gauge("circuit_open", "1 while the circuit is open.", "system")
    refused = _gauge("creation_refused", "1 while the system refuses to create tickets.", "system")
    paused = _gauge("paused_seconds", "What is left of a pause.", "system")
    listed = _gauge("listing_age_seconds", "Age of the last complete listing.", "system")
    for one in systems:
        labels = [one.system.pk]
        enabled.add_metric(labels, one.system.is_enabled)
        circuit.add_metric(labels, one.system.opened_at is not None)
        refused.add_metric(labels, one.system.refuses_creation)
        paused.add_metric(labels, one.pause.total_seconds())
        if one.listing_age is not None:
            listed.add_metric(labels, one.listing_age.total_seconds())
    yield from (enabled, circuit, refused, paused, listed)


def _attempts() -> Metric:
    words = "Attempts on tickets, by what they were for and what they came to."
    attempts = CounterMetricFamily("tvm_attempts", words, labels=["system", "purpose", "result"])
    rows = TicketAttempt.objects.exclude(result=AttemptResult.STARTED).order_by()
    for row in rows.values_list("ticket__system", "purpose", "result").annotate(count=Count("pk")):
        attempts.add_metric(list(row[:3]), row[3])
    return attempts


def _of_processes() -> Iterator[Metric]:
    ages = _gauge("heartbeat_age_seconds", "Since a process was seen last.", "duty", "name")
    youngest = _gauge("heartbeat_youngest_seconds", "Since any process of a duty was seen last.", "duty")
    by_duty: dict[str, list[float]] = {duty: [] for duty in Duty.values}
    for beat in Heartbeat.objects.all():
        ages.add_metric([beat.duty, beat.name], beat.silence.total_seconds())
        by_duty[beat.duty].append(beat.silence.total_seconds())
    for duty, silences in by_duty.items():
        # Nobody was ever there: as bad as never seen again.
        youngest.add_metric([duty], min(silences, default=float("inf")))
    yield from (ages, youngest)


def _of_records() -> Iterator[Metric]:
    sync = _gauge("sync_age_seconds", "Age of the last complete sync.")
    if (age := last_sync_age()) is not None:
        sync.add_metric([], age.total_seconds())
    unsealed = _gauge("audit_unsealed_seconds", "Age of the oldest audit event that is not sealed yet.")
    oldest: datetime | None = AuditEvent.objects.filter(sequence=None).aggregate(at=Min("at"))["at"]
    unsealed.add_metric([], (timezone.now() - oldest).total_seconds() if oldest else 0)
    yield from (sync, unsealed)
