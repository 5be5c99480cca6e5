"""Plays lives against the real ingest and the real verification, one sync a day."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import time_machine

from integrations.ingest.running import run_sync
from integrations.models import SyncState
from remediation.models import ActivityDevice, DeviceGroup, Priority, Recommendation, RemediationActivity
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import UserFactory

from .lives import DAYS, Life, draw
from .oracle import Oracle, Verdict
from .source import REFERENCE, LifeSource

BEGIN = datetime(2026, 3, 1, 2, tzinfo=UTC)
# Devices of one activity: few, so that some activities complete whatever happens to the others.
TOGETHER = 8
PARTIAL = 0.08


def play(devices: int, seed: int, days: int = DAYS) -> Verdict:
    rng = random.Random(seed)
    lives = [draw(number, f"group {number // TOGETHER}", rng) for number in range(1, devices + 1)]
    oracle = _first_day(lives, rng)
    by_activity = _by_activity(lives)
    device_states: dict[str, str] = dict.fromkeys((life.id for life in lives), "exposed")
    statuses: dict[int, str] = dict.fromkeys(by_activity, "active")
    for day in range(1, days):
        now = BEGIN + timedelta(days=day)
        for life in lives:
            life.live(day, now, rng)
        with time_machine.travel(now):
            run = run_sync(LifeSource(lives, day, now, breaks=rng.random() < PARTIAL))
        assert run is not None
        run.refresh_from_db()
        device_states, statuses = _compare(oracle, by_activity, day, now, device_states, statuses, run.state)
    return oracle.verdict


def _first_day(lives: list[Life], rng: random.Random) -> Oracle:
    """A sync that sees everybody exposed, and the requests an hour later."""
    for life in lives:
        life.live(0, BEGIN, rng)
    with time_machine.travel(BEGIN):
        run_sync(LifeSource(lives, 0, BEGIN))
    with time_machine.travel(BEGIN + timedelta(hours=1)):
        user = UserFactory(may=["remediation.handle_remediation", "remediation.complete_activity"])
        recommendation = Recommendation.objects.get(source_id=REFERENCE)
        for group in DeviceGroup.objects.all():
            due_on = (BEGIN + timedelta(days=30)).date()
            request = RemediationRequest(uuid4(), "update", Priority.MEDIUM, due_on, groups=[group])
            request_remediation(recommendation, request, by=user)
    return Oracle(BEGIN + timedelta(hours=1))


def _by_activity(lives: list[Life]) -> dict[int, list[Life]]:
    known = {life.id: life for life in lives}
    found = defaultdict(list)
    for activity, device in ActivityDevice.objects.values_list("activity", "device__source_id").order_by("device"):
        found[activity].append(known[device])
    assert sum(map(len, found.values())) == len(lives)
    return found


def _compare(
    oracle: Oracle,
    by_activity: dict[int, list[Life]],
    day: int,
    now: datetime,
    device_states: dict[str, str],
    statuses: dict[int, str],
    sync_state: str,
) -> tuple[dict[str, str], dict[int, str]]:
    """Hold what the product says after a sync against the lives; a sync that was not complete must change nothing."""
    seen = dict(ActivityDevice.objects.values_list("device__source_id", "state"))
    standing = dict(RemediationActivity.objects.values_list("pk", "status"))
    if sync_state != SyncState.COMPLETE:
        if (seen, standing) != (device_states, statuses):
            oracle.verdict.wrong.append(f"a {sync_state} sync changed states on day {day}")
        return seen, standing
    for pk, lives in by_activity.items():
        for life in lives:
            oracle.watch(life, day, now, device_states[life.id], seen[life.id])
        oracle.watch_activity(lives, [seen[life.id] for life in lives], day, statuses[pk], standing[pk])
    return seen, standing
