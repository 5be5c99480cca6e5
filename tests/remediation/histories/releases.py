"""An evergreen product: a release every week that ends a weakness of all before it, on devices 3 to 20 days behind."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import time_machine

from integrations.ingest.running import run_sync
from integrations.models import SyncState
from remediation.models import (
    ActivityDevice,
    AuditEvent,
    DeviceGroup,
    Priority,
    Recommendation,
    RemediationActivity,
    User,
)
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import UserFactory

from .lives import Life
from .play import BEGIN
from .source import REFERENCE, LifeSource

RELEASES, WEEK = 12, 7
# Each is used again four weeks later: longer than any device takes.
SCOPES = [None, ["A", "B"], ["C", "D"], ["B", "C"]]
DAYS = RELEASES * WEEK + 26


@dataclass
class EvergreenLife(Life):
    """`lags` says how many days after its release the device installs each version."""

    lags: list[int] = field(default_factory=list)

    def live(self, day: int, now: datetime, rng: random.Random) -> None:
        arrived = [release for release, lag in enumerate(self.lags, start=1) if release * WEEK + lag <= day]
        self.installed = frozenset({str(max(arrived, default=0))})
        super().live(day, now, rng)

    @property
    def version(self) -> int:
        return int(next(iter(self.reported)))


def play_releases(devices: int, seed: int, every: int = 1) -> tuple[list[str], list[RemediationActivity]]:
    """What went wrong, and the activities, one a release; with a sync each so many days."""
    rng = random.Random(seed)
    lives = [_draw(number, rng) for number in range(1, devices + 1)]
    known = {life.id: life for life in lives}
    wrong: list[str] = []
    made: dict[int, int] = {}
    for day in range(DAYS):
        now, newest = BEGIN + timedelta(days=day), min(day // WEEK, RELEASES)
        for life in lives:
            life.live(day, now, rng)
        if day % every and day % WEEK:
            continue
        weak = {str(version): _weaknesses(version, newest) for version in range(newest)}
        with time_machine.travel(now):
            run = run_sync(LifeSource(lives, day, now, weak=weak))
            assert run is not None
            run.refresh_from_db()
            assert run.state == SyncState.COMPLETE
        wrong += _judge(made, known, newest)
        if newest > 0 and day == newest * WEEK:
            with time_machine.travel(now + timedelta(hours=1)):
                made[_request(newest, now).pk] = newest
    return wrong + _judge_events(), list(RemediationActivity.objects.order_by("pk"))


def _draw(number: int, rng: random.Random) -> EvergreenLife:
    life = EvergreenLife(number, "ABCD"[number % 4], f"pc-{number}")
    life.lags = [rng.randint(3, 20) for _ in range(RELEASES)]
    life.reported = frozenset({"0"})
    return life


def _weaknesses(version: int, newest: int) -> list[str]:
    return [f"CVE-2026-{release}" for release in range(version + 1, newest + 1)]


def _request(release: int, now: datetime) -> RemediationActivity:
    names = SCOPES[release % len(SCOPES)]
    groups = None if names is None else list(DeviceGroup.objects.filter(name__in=names))
    user = User.objects.filter(username="requester").first() or UserFactory(
        username="requester", may=["remediation.handle_remediation", "remediation.complete_activity"]
    )
    due_on = (now + timedelta(days=21)).date()
    order = RemediationRequest(uuid4(), "update", Priority.MEDIUM, due_on, groups=groups)
    activity, is_new = request_remediation(Recommendation.objects.get(source_id=REFERENCE), order, by=user)
    assert is_new, f"the activity of release {release} met one that was still active"
    return activity


def _judge(made: dict[int, int], known: dict[str, EvergreenLife], newest: int) -> list[str]:
    """A device is fixed from the release that was asked for; beyond it, it needs the next one while there is one."""
    wrong = []
    behind = dict.fromkeys(made, 0)
    states = ActivityDevice.objects.values_list("activity", "device__source_id", "state")
    for pk, device, state in states:
        version = known[device].version
        if (state == "fixed") != (version >= made[pk]):
            wrong.append(f"release {made[pk]}: {device[-6:]} at version {version} is {state}")
        behind[pk] += made[pk] <= version < newest
    for pk, next_version in RemediationActivity.objects.values_list("pk", "next_version"):
        if next_version != behind[pk]:
            wrong.append(f"release {made[pk]}: {next_version} need the next version, and not {behind[pk]}")
    return wrong


def _judge_events() -> list[str]:
    wrong = []
    for activity in RemediationActivity.objects.all():
        verbs = list(AuditEvent.objects.about(activity).values_list("verb", flat=True))
        if verbs.count("complete_automatically") != 1 or "reopen_by_regression" in verbs:
            wrong.append(f"{activity}: {sorted(set(verbs))}")
    return wrong
