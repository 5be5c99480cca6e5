"""What the changes between two full passes may do to the facts, and what they must leave to the next full pass."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.utils import timezone

from integrations.ingest.running import run_changes
from integrations.models import SyncKind, SyncRun, SyncState
from remediation.models import (
    ActivityDevice,
    Device,
    Exposure,
    InstalledBeside,
    Recommendation,
    RemediationActivity,
    SoftwareVersion,
)
from tests.factories import ActivityFactory

from .world import REFERENCE, World, sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    """Two weaknesses of version 1.0 on each of four devices, of which a full pass is complete."""
    world = World()
    for number in range(1, 5):
        world.install(number, "1.0", "CVE-2026-2")
    sync(world)
    return world


class Events:
    """Events in the order of their making, each a second after the one before."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.moment = datetime.now(UTC) - timedelta(seconds=1)

    def add(self, number: int, version: str, cve: str | None, status: str, **more) -> "Events":
        self.moment += timedelta(milliseconds=10)
        self.world.install(number, version, cve)
        row = self.world.lists["software"].pop()
        row |= {"status": status, "eventTimestamp": self.moment.strftime("%Y-%m-%dT%H:%M:%S.%f7Z")}
        self.world.lists["changes"].append(row | more)
        return self

    def fixed(self, number: int, version: str = "1.0", cves: tuple = ("CVE-2026-1", "CVE-2026-2")) -> "Events":
        for cve in cves:
            self.add(number, version, cve, "Fixed")
        return self


@pytest.fixture
def events(world) -> Events:
    # After the moment of the full pass, whatever this machine's pace.
    SyncRun.objects.update(as_of=timezone.now() - timedelta(minutes=1))
    return Events(world)


def delta(world: World) -> SyncRun:
    run = run_changes(world)
    assert run is not None
    run.refresh_from_db()
    assert (run.kind, run.state) == (SyncKind.DELTA, SyncState.APPLIED)
    return run


def versions() -> dict[str, str]:
    """The version that each exposed device is exposed by."""
    found = Exposure.objects.filter(recommendation__source_id=REFERENCE)
    return dict(found.values_list("device__name", "version__version"))


def test_a_version_whose_weaknesses_are_all_fixed_is_closed(world, events):
    events.fixed(1)

    run = delta(world)

    assert (run.new, run.fixed) == (0, 1)
    assert set(versions()) == {"pc-2", "pc-3", "pc-4"}
    assert Recommendation.objects.get(source_id=REFERENCE).exposed == 3
    assert Device.objects.get(name="pc-1").risk_sum == 0


def test_one_weakness_that_is_left_without_a_word_keeps_it_open(world, events):
    events.fixed(1, cves=("CVE-2026-1",))

    assert delta(world).fixed == 0
    assert "pc-1" in versions()


def test_an_upgrade_that_stays_vulnerable_changes_the_version(world, events):
    events.fixed(1).add(1, "1.5", "CVE-2026-3", "New")

    run = delta(world)

    assert (run.new, run.changed, run.fixed) == (0, 1, 0)
    assert versions()["pc-1"] == "1.5"
    assert Recommendation.objects.get(source_id=REFERENCE).weaknesses == 3


def test_a_new_weakness_of_a_new_version_opens_an_exposure(world, events):
    world.add_machine(5)
    world.install(5, "2.0", None)
    world.report(5)
    sync(world)
    SyncRun.objects.update(as_of=timezone.now() - timedelta(minutes=1))
    events.add(5, "2.0", "CVE-2026-9", "New")

    assert delta(world).new == 1
    assert versions()["pc-5"] == "2.0"


def test_a_second_vulnerable_version_keeps_the_product_open(world, events):
    world.install(1, "0.9", "CVE-2026-1")
    sync(world)
    assert InstalledBeside.objects.get().version.version == "0.9"
    SyncRun.objects.update(as_of=timezone.now() - timedelta(minutes=1))
    events.fixed(1)

    run = delta(world)

    assert (run.changed, run.fixed) == (1, 0)
    assert versions()["pc-1"] == "0.9"
    assert not InstalledBeside.objects.exists()


def test_a_version_that_comes_beside_a_riskier_one_is_remembered(world, events):
    events.add(1, "0.9", "CVE-2026-3", "New")
    delta(world)
    assert versions()["pc-1"] == "1.0"
    events.fixed(1)

    delta(world)

    assert versions()["pc-1"] == "0.9"


def test_the_order_and_repeats_of_the_events_do_not_matter(world, events):
    events.fixed(1).add(1, "1.0", "CVE-2026-1", "New").fixed(2).add(3, "1.5", "CVE-2026-3", "Updated")
    found = world.lists["changes"]
    expected = {"pc-1": "1.0", "pc-3": "1.0", "pc-4": "1.0"}
    for order in list(permutations(found[:3])):
        world.lists["changes"] = [*order, *found[3:], *found[:2]]
        delta(world)

        assert versions() == expected


def test_of_two_words_of_the_same_moment_the_one_that_closes_nothing_holds(world, events):
    events.fixed(1)
    moment = world.lists["changes"][-1]["eventTimestamp"]
    for row in world.lists["changes"]:
        row["eventTimestamp"] = moment
    events.add(1, "1.0", "CVE-2026-1", "New", eventTimestamp=moment)

    delta(world)

    assert "pc-1" in versions()


def test_what_happened_before_the_full_pass_is_not_told_again(world, events):
    events.fixed(1)
    SyncRun.objects.update(as_of=timezone.now() + timedelta(minutes=1))

    assert delta(world).fixed == 0


def test_changes_prove_nothing_of_activities(world, events):
    activity = ActivityFactory(recommendation=Recommendation.objects.get(source_id=REFERENCE))
    device = Device.objects.get(name="pc-1")
    ActivityDevice.objects.create(
        activity=activity, device=device, group=device.group, state_changed_at=activity.requested_at
    )
    before = list(ActivityDevice.objects.values())
    events.fixed(1)

    delta(world)

    assert list(ActivityDevice.objects.values()) == before
    assert RemediationActivity.objects.get().checked_at is None
    assert SyncRun.objects.last_complete().kind == SyncKind.FULL


def test_a_full_pass_after_the_changes_finds_nothing_left_to_do(world, events):
    events.fixed(1).fixed(2).add(2, "1.5", "CVE-2026-3", "New")
    delta(world)
    for number, version, cve in ((1, "2.0", None), (2, "1.5", "CVE-2026-3")):
        world.update(number, version, cve)

    run = sync(world)

    assert (run.new, run.changed, run.fixed) == (0, 0, 0)


def test_the_same_changes_again_change_nothing(world, events):
    events.fixed(1).add(2, "1.5", "CVE-2026-3", "New")
    delta(world)
    before = versions(), set(InstalledBeside.objects.values_list("device", "version"))

    run = delta(world)

    assert (run.new, run.changed, run.fixed) == (0, 0, 0)
    assert (versions(), set(InstalledBeside.objects.values_list("device", "version"))) == before


@pytest.mark.parametrize(
    "bad",
    [
        {"status": "Vanished"},
        {"status": ""},
        {"eventTimestamp": "yesterday"},
        {"eventTimestamp": "9999-12-31T00:00:00Z"},
        {"eventTimestamp": None},
        {"softwareName": ""},
        {"softwareVersion": 7},
    ],
)
def test_of_a_device_with_a_bad_event_nothing_is_closed(world, events, bad):
    events.fixed(1).fixed(2).add(1, "1.0", "CVE-2026-1", "New")
    world.lists["changes"][-1] |= bad

    run = delta(world)

    assert run.set_aside == 1
    assert set(versions()) == {"pc-1", "pc-3", "pc-4"}


def test_events_of_unknown_devices_and_products_wait_for_the_full_pass(world, events):
    events.add(9, "1.0", "CVE-2026-1", "New")
    events.add(1, "1.0", "CVE-2026-1", "New", softwareName="unheard", recommendationReference=None)
    events.add(1, "5.0", "CVE\u0000-2026-\ud800", "Fixed").add(1, "1.0", None, "New")

    run = delta(world)

    assert (run.new, run.changed, run.fixed) == (0, 0, 0)
    assert len(run.reasons) >= 2


def test_a_weakness_only_said_to_be_gone_is_not_made_up(world, events):
    events.add(1, "7.7", "CVE-2026-77", "Fixed")

    delta(world)

    assert not SoftwareVersion.objects.filter(version="7.7").exists()


def test_more_than_half_is_left_to_the_full_pass(world, events):
    Exposure.objects.filter(version=None).delete()
    events.fixed(1).fixed(2).fixed(3)

    run = delta(world)

    assert run.fixed == 0
    assert len(versions()) == 4


def test_changes_are_asked_for_since_the_last_complete_full_pass(world):
    base = SyncRun.objects.last_complete()
    delta(world)

    delta(world)

    assert world.since == base.as_of


@pytest.mark.parametrize("age", [None, timedelta(days=13, hours=20)])
def test_without_a_full_pass_within_reach_everything_is_read(world, age):
    SyncRun.objects.update(as_of=None if age is None else timezone.now() - age)

    run = run_changes(world)

    assert (run.kind, run.state) == (SyncKind.FULL, SyncState.COMPLETE)


def test_a_tenant_never_read_is_read_whole():
    run = run_changes(World(devices=1))

    assert (run.kind, run.new) == (SyncKind.FULL, 2)


def test_the_same_files_again_are_no_second_proof(world):
    world.as_of = timezone.now() - timedelta(hours=1)
    SyncRun.objects.all().delete()
    sync(world)

    run = sync(world)

    assert any("Activities were not checked" in found["reason"] for found in run.reasons)


def test_a_drop_that_the_same_files_repeat_is_still_held(world):
    world.as_of = timezone.now() - timedelta(hours=1)
    world.lists["software"] = []
    world.lists["configurations"] = []
    assert sync(world).state == SyncState.HELD

    assert sync(world).state == SyncState.HELD
    world.as_of = timezone.now()
    assert sync(world).state == SyncState.COMPLETE
