"""What a pass over a source does to the facts."""

import os
import socket
import subprocess
from contextlib import suppress
from datetime import date

import pytest
from django.db import connection
from django.utils import timezone

from integrations.ingest.running import LEASE, run_sync
from integrations.models import SyncRun, SyncState
from remediation.models import (
    AuditEvent,
    Device,
    Exposure,
    Lease,
    OrganisationScore,
    Recommendation,
    RecommendationCounter,
    ScoreSnapshot,
    Software,
    SoftwareVersion,
    Weakness,
)
from tests.factories import UserFactory

from .world import REFERENCE, SETTING, World, ago, device_id, sync

pytestmark = pytest.mark.django_db(transaction=True)


def exposed(reference: str = REFERENCE) -> set[str]:
    return set(Exposure.objects.filter(recommendation__source_id=reference).values_list("device__name", flat=True))


def everything() -> dict:
    """All facts, to compare before and after."""
    models = (Device, Exposure, Recommendation, RecommendationCounter, SoftwareVersion, Weakness)
    return {model.__name__: sorted(map(repr, model.objects.values_list())) for model in models}


def test_a_first_sync_fills_the_product():
    world = World(devices=3)
    world.machine(1).update(deviceValue="High", machineTags=["Internet facing"], rbacGroupName=None)

    run = sync(world)

    assert (run.state, run.new, run.fixed, run.set_aside) == (SyncState.COMPLETE, 6, 0, 0)
    first = Device.objects.get(name="pc-1")
    assert (first.value, first.internet_facing, first.group.name) == ("high", True, "Ungrouped")
    assert first.risk_sum == pytest.approx(1.5 * 0.8 * 0.15)
    software = Recommendation.objects.get(source_id=REFERENCE)
    assert (software.exposed, software.total, software.weaknesses) == (3, 3, 1)
    assert software.exposure_impact == pytest.approx(OrganisationScore.objects.get().exposure)
    setting = Recommendation.objects.get(source_id=SETTING)
    assert (setting.category, setting.exposed, setting.configuration_impact) == ("security_controls", 3, 100)
    assert OrganisationScore.objects.get().source_exposure == 40
    assert SyncRun.objects.last_complete() == run
    assert AuditEvent.objects.about(run).get().verb == "sync_complete"


def test_a_second_sync_changes_nothing():
    world = World()
    sync(world)
    before = everything()
    counters = list(RecommendationCounter.objects.values_list("pk", flat=True))

    run = sync(world)

    assert (run.new, run.changed, run.fixed) == (0, 0, 0)
    assert everything() == before
    assert list(RecommendationCounter.objects.values_list("pk", flat=True)) == counters
    assert ScoreSnapshot.objects.count() == 1


def test_a_complete_sync_closes_what_is_gone():
    world = World()
    sync(world)
    world.update(1)
    world.comply(2, True)

    run = sync(world)

    assert (run.state, run.fixed) == (SyncState.COMPLETE, 2)
    assert exposed() == {"pc-2", "pc-3", "pc-4"}
    assert exposed(SETTING) == {"pc-1", "pc-3", "pc-4"}
    software = Recommendation.objects.get(source_id=REFERENCE)
    assert (software.exposed, software.total) == (3, 4)


@pytest.mark.fault(id="F34")
@pytest.mark.parametrize("part", ["software", "configurations"])
def test_a_partial_sync_closes_nothing(part: str):
    world = World()
    sync(world)
    world.update(1)
    world.comply(2, True)
    world.remove_machine(4)
    world.lists["recommendations"].pop()
    world.breaks.add(part)

    run = sync(world)

    assert (run.state, run.fixed) == (SyncState.PARTIAL, 0)
    assert "500" in run.error
    assert len(exposed()) == len(exposed(SETTING)) == 4
    assert not Device.objects.exclude(retired_at=None).exists()
    assert not Recommendation.objects.exclude(closed_at=None).exists()
    assert Recommendation.objects.get(source_id=REFERENCE).total == 4


@pytest.mark.parametrize("part", ["machines", "recommendations"])
def test_without_machines_or_recommendations_nothing_changes(part: str):
    world = World()
    sync(world)
    before = everything()
    world.update(1)
    world.add_machine(9)
    world.breaks.add(part)

    run = sync(world)

    assert run.state == SyncState.FAILED
    assert everything() == before


def test_a_sync_without_details_of_weaknesses_is_complete():
    world = World()
    world.breaks.add("weaknesses")

    run = sync(world)

    assert run.state == SyncState.COMPLETE
    assert Weakness.objects.get(name="CVE-2026-1").severity == "high"
    assert any("weaknesses" in found["reason"] for found in run.reasons)


@pytest.mark.fault(id="F35")
def test_a_drop_by_more_than_half_is_held_until_a_second_sync_repeats_it():
    world = World()
    sync(world)
    empty = world.copy()
    for part in ("software", "configurations"):
        empty.lists[part] = []

    first = sync(empty)

    assert first.state == SyncState.HELD
    assert "more than half" in first.error
    assert len(exposed()) == 4
    assert sync(empty).state == SyncState.COMPLETE
    assert exposed() == set()


def test_a_drop_that_does_not_come_again_leaves_no_trace():
    world = World()
    sync(world)
    empty = world.copy()
    empty.lists["software"] = empty.lists["configurations"] = []
    sync(empty)

    assert sync(world).state == SyncState.COMPLETE
    assert sync(empty).state == SyncState.HELD
    assert len(exposed()) == 4


def test_devices_that_vanish_in_great_number_are_held_too():
    world = World()
    world.lists["software"] = world.lists["configurations"] = []
    sync(world)
    world.lists["machines"] = world.lists["machines"][:1]

    assert sync(world).state == SyncState.HELD
    assert Device.objects.present().count() == 4


def test_a_device_that_is_gone_is_retired_and_comes_back():
    world = World()
    sync(world)
    gone = world.copy()
    gone.remove_machine(4)

    sync(gone)

    device = Device.objects.get(name="pc-4")
    assert device.retired_at is not None
    assert device.risk_sum == 0
    assert exposed() == {"pc-1", "pc-2", "pc-3"}
    sync(world)
    device.refresh_from_db()
    assert device.retired_at is None
    assert "pc-4" in exposed()


def test_of_a_device_with_a_bad_record_nothing_is_closed():
    world = World()
    sync(world)
    world.uninstall(1)
    world.uninstall(2)
    world.lists["software"].append({"deviceId": device_id(1), "softwareVendor": "contoso", "softwareName": 4})

    run = sync(world)

    assert (run.state, run.set_aside) == (SyncState.COMPLETE, 1)
    assert run.reasons[0]["count"] == 1
    assert exposed() == {"pc-1", "pc-3", "pc-4"}


@pytest.mark.fault(id="F34")
def test_a_device_that_paging_lost_but_others_speak_of_is_kept():
    world = World()
    sync(world)
    world.lists["machines"] = [row for row in world.lists["machines"] if row["id"] != device_id(1)]

    run = sync(world)

    assert run.state == SyncState.COMPLETE
    assert Device.objects.present().count() == 4
    assert "pc-1" in exposed()


def test_a_bad_recommendation_is_not_closed():
    world = World()
    sync(world)
    world.lists["recommendations"][0]["severityScore"] = -1

    run = sync(world)

    assert (run.state, run.set_aside) == (SyncState.COMPLETE, 1)
    assert Recommendation.objects.get(source_id=REFERENCE).closed_at is None
    assert len(exposed()) == 4


def test_a_recommendation_that_is_gone_is_closed_and_opens_again():
    world = World()
    world.add_recommendation("va-_-contoso-_-writer", "Update Contoso Writer", "Update")
    world.install(1, "3.0", "CVE-2026-2", name="writer")
    sync(world)
    without = world.copy()
    without.lists["recommendations"].pop()

    sync(without)

    closed = Recommendation.objects.get(source_id="va-_-contoso-_-writer")
    assert closed.closed_at is not None
    assert closed.exposed == 0
    sync(world)
    closed.refresh_from_db()
    assert (closed.closed_at, closed.exposed) == (None, 1)


def test_the_riskiest_of_several_versions_stands_for_the_device():
    world = World(devices=1)
    world.install(1, "0.9", "CVE-2026-1")
    world.install(1, "0.9", "CVE-2026-2")

    sync(world)

    assert Exposure.objects.get(recommendation__source_id=REFERENCE).version.version == "0.9"


@pytest.mark.parametrize(
    "duplicate",
    [{"mergedIntoMachineId": device_id(1)}, {"isPotentialDuplication": True, "computerDnsName": "pc-1"}],
)
def test_a_duplicate_points_to_its_survivor_and_does_not_count(duplicate: dict):
    world = World(devices=2)
    world.add_machine(3, **duplicate)
    world.install(3, "1.0", "CVE-2026-1")

    sync(world)

    assert Device.objects.get(source_id=device_id(3)).merged_into.name == "pc-1"
    assert Recommendation.objects.get(source_id=REFERENCE).exposed == 2


def test_devices_merged_in_a_circle_stand_for_themselves():
    world = World(devices=3)
    world.machine(1)["mergedIntoMachineId"] = device_id(2)
    world.machine(2)["mergedIntoMachineId"] = device_id(1)
    world.machine(3)["mergedIntoMachineId"] = device_id(3)

    assert sync(world).state == SyncState.COMPLETE
    assert Device.objects.get(name="pc-3").merged_into is None
    assert Device.objects.filter(merged_into=None).count() >= 2


@pytest.mark.fault(id="F34")
def test_rows_that_paging_repeats_count_once():
    world = World(devices=2)
    for part in ("machines", "recommendations", "software", "configurations"):
        world.lists[part] += world.lists[part]

    run = sync(world)

    assert (run.state, run.new) == (SyncState.COMPLETE, 4)
    assert Recommendation.objects.get(source_id=REFERENCE).total == 2


@pytest.mark.bad_input(place="what the source says")
def test_hostile_text_is_stored_safely():
    world = World(devices=1)
    world.machine(1).update(
        computerDnsName="<b>\x00=1+1\ud800" + "x" * 400,
        firstSeen="0001-01-01T00:00:00Z",
        lastSeen="9999-12-31T00:00:00Z",
    )
    world.lists["recommendations"][0]["recommendationName"] = "y" * 2000 + "\x00"
    world.lists["weaknesses"][0]["description"] = "{{7*7}}\x00\udfff"

    run = sync(world)

    device = Device.objects.get()
    assert run.state == SyncState.COMPLETE
    assert device.name.startswith("<b> =1+1")
    assert len(device.name) <= 255
    assert (device.first_seen_at, device.last_seen_at) == (None, None)
    assert len(Recommendation.objects.get(source_id=REFERENCE).name) == 512
    assert Weakness.objects.get(name="CVE-2026-1").description == "{{7*7}}"


@pytest.mark.bad_input(place="what the source says")
@pytest.mark.parametrize(
    "bad",
    [
        None, 4, "text", [], {}, {"id": None}, {"id": ""}, {"id": "x" * 65}, {"id": {"a": 1}},
        {"id": "x", "machineTags": 3},
        {"id": "x", "isPotentialDuplication": "yes"}, {"id": "x", "computerDnsName": float("nan")},
        {"id": "x", "lastSeen": 1700000000000},
    ],
)  # fmt: skip
def test_a_bad_machine_is_set_aside_and_the_others_stay(bad):
    world = World(devices=2)
    world.lists["machines"].append(bad)

    run = sync(world)

    assert (run.state, run.set_aside) == (SyncState.COMPLETE, 1)
    assert Device.objects.count() == 2


@pytest.mark.bad_input(place="what the source says")
@pytest.mark.parametrize(
    "bad",
    [
        {"cvssScore": 11}, {"cvssScore": float("inf")}, {"softwareVersion": "1" * 129}, {"cveId": 5},
        {"softwareName": ""}, {"deviceId": "x" * 100},
    ],
)  # fmt: skip
def test_a_bad_row_of_software_is_set_aside(bad: dict):
    world = World(devices=2)
    world.lists["software"][0].update(bad)

    run = sync(world)

    assert (run.state, run.set_aside) == (SyncState.COMPLETE, 1)
    assert exposed() == {"pc-2"}


@pytest.mark.parametrize("odd", ["c:", 5, {"c": 1}, [5], [None], ["\ud800"], [["c:"]]])
def test_of_a_row_whose_paths_are_no_texts_the_rest_is_used(odd):
    world = World(devices=2)
    world.lists["software"][0]["diskPaths"] = odd

    run = sync(world)

    assert (run.state, run.set_aside) == (SyncState.COMPLETE, 0)
    assert exposed() == {"pc-1", "pc-2"}


def test_an_active_alert_raises_the_risk_of_its_devices():
    world = World(devices=1)
    sync(world)
    world.lists["recommendations"][0]["activeAlert"] = True

    sync(world)

    assert Device.objects.get().risk_sum == pytest.approx(0.8)


def test_a_killed_sync_of_this_host_is_not_waited_for():
    dead = subprocess.Popen(["true"])
    dead.wait()
    Lease.objects.take(LEASE, f"{socket.gethostname()[:60]}:{dead.pid}:0", 400)

    assert run_sync(World()).state == SyncState.COMPLETE


def test_a_living_sync_of_this_host_is_left_alone():
    Lease.objects.take(LEASE, f"{socket.gethostname()[:60]}:{os.getpid()}:0", 400)

    assert run_sync(World()) is None


def test_a_second_sync_at_the_same_time_does_nothing():
    Lease.objects.take(LEASE, "another host", 60)

    assert run_sync(World()) is None
    assert not SyncRun.objects.exists()


class Killed(BaseException):
    """As a signal would."""


@pytest.mark.fault(id="F33")
@pytest.mark.parametrize("part", ["machines", "recommendations", "software", "configurations", "weaknesses", "scores"])
def test_a_sync_that_is_killed_anywhere_leaves_it_to_the_next(part: str):
    world = World()
    sync(world)
    world.update(1)
    killed = world.copy()

    def die(*after):
        raise Killed

    setattr(killed, part, die)
    with suppress(Killed):
        run_sync(killed)
    run = sync(world)

    assert run.state == SyncState.COMPLETE
    assert exposed() == {"pc-2", "pc-3", "pc-4"}
    assert Recommendation.objects.get(source_id=REFERENCE).exposed == 3
    assert not SyncRun.objects.filter(state=SyncState.RUNNING).exists()


def test_a_run_whose_process_vanished_is_marked_so():
    now = timezone.now()
    lost = SyncRun.objects.create(source="defender", started_at=now, heartbeat_at=now)

    sync(World())

    lost.refresh_from_db()
    assert (lost.state, "lost" in lost.error) == (SyncState.FAILED, True)


def test_the_person_who_asked_is_named():
    user = UserFactory()

    run = run_sync(World(), requested_by=user)

    assert run.requested_by == user
    assert AuditEvent.objects.about(run).get().actor == user


def test_staging_leaves_nothing_behind():
    sync(World())

    names = connection.introspection.table_names()
    assert not [name for name in names if name.startswith("stage_")]


def test_no_device_at_all_is_an_empty_organisation():
    world = World(devices=0)

    run = sync(world)

    assert run.state == SyncState.COMPLETE
    assert OrganisationScore.objects.get().exposure == 0


def test_a_device_seen_long_ago_is_counted_but_not_scored():
    world = World(devices=2)
    world.report(1, ago(days=31))

    sync(world)

    snapshot = ScoreSnapshot.objects.get()
    assert (snapshot.unseen, snapshot.devices_normal) == (1, 1)
    assert Recommendation.objects.get(source_id=REFERENCE).exposed == 2


def test_a_held_drop_waits_no_longer_once_a_complete_sync_has_come():
    world = World()
    sync(world)
    empty = world.copy()
    empty.lists["software"] = empty.lists["configurations"] = []
    held = sync(empty)

    assert list(SyncRun.objects.held()) == [held]
    sync(world)

    assert not SyncRun.objects.held().exists()


def test_what_a_person_has_set_survives_a_sync_and_what_the_source_says_is_kept_beside():
    world = World(devices=2)
    sync(world)
    Device.objects.filter(name="pc-1").update(
        value="high", value_by_hand=True, internet_facing=False, internet_facing_by_hand=True
    )
    for number in (1, 2):
        world.machine(number).update(deviceValue="Low", machineTags=["Internet facing"])

    sync(world)

    by_hand, by_source = Device.objects.get(name="pc-1"), Device.objects.get(name="pc-2")
    assert (by_hand.value, by_hand.internet_facing) == ("high", False)
    assert (by_hand.source_value, by_hand.source_internet_facing) == ("low", True)
    assert (by_source.value, by_source.internet_facing) == ("low", True)
    assert by_hand.risk_sum == pytest.approx(by_source.risk_sum / 1.5)


def test_what_was_given_back_meanwhile_follows_the_source_again():
    world = World(devices=1)
    world.machine(1)["deviceValue"] = "Low"
    sync(world)
    # As a restored backup or an older release might have left it.
    Device.objects.update(value="high", value_by_hand=False)

    sync(world)

    assert Device.objects.get().value == "low"


def test_a_device_without_a_row_of_software_reports_nothing():
    world = World(devices=2)
    world.uninstall(2)

    sync(world)

    first, second = Device.objects.order_by("name")
    assert first.reported_at == first.last_seen_at
    assert second.reported_at is None
    assert (first.is_silent, second.is_silent) == (False, True)


def test_a_device_that_reports_again_is_no_longer_silent():
    world = World(devices=2)
    world.uninstall(2)
    sync(world)
    world.install(2, "1.0", "CVE-2026-1")

    sync(world)

    assert not Device.objects.filter(is_silent=True).exists()


def test_when_software_was_reported_last_stays_while_none_is():
    world = World(devices=1)
    sync(world)
    reported = Device.objects.get().reported_at
    world.uninstall(1)
    world.report(1)

    sync(world)

    device = Device.objects.get()
    assert device.reported_at == reported < device.last_seen_at


def test_each_device_knows_how_many_recommendations_apply_to_it():
    world = World(devices=2)
    sync(world)
    world.comply(1, True)
    world.report(1)

    sync(world)

    assert dict(Device.objects.values_list("name", "recommendations")) == {"pc-1": 1, "pc-2": 2}


def installed(version: str, status, ends=None, **more) -> dict:
    record = {"deviceId": device_id(1), "softwareVendor": "Contoso", "softwareName": "READER"}
    return record | {"softwareVersion": version, "endOfSupportStatus": status, "endOfSupportDate": ends} | more


def test_the_inventory_says_how_long_versions_and_products_are_supported():
    world = World(devices=1)
    world.install(1, "0.9", "CVE-2026-2")
    world.lists["products"] = [{"id": "contoso-_-READER", "weaknesses": 4, "publicExploit": True}]
    world.lists["installed"] = [
        installed("1.0", "Upcoming EOS Version", "2031-05-01"),
        installed("0.9", "EOS Software"),
    ]

    sync(world)

    versions = dict(SoftwareVersion.objects.values_list("version", "end_of_support_status"))
    assert versions == {"1.0": "upcoming_version", "0.9": "software"}
    assert SoftwareVersion.objects.get(version="1.0").end_of_support_on == date(2031, 5, 1)
    product = Software.objects.get(source_id="contoso-_-reader")
    assert (product.source_weaknesses, product.public_exploit, product.active_alert) == (4, True, False)
    assert product.end_of_support_status == "software"


@pytest.mark.parametrize(
    "bad",
    [
        installed("1.0", "No idea", "soon"),
        installed("1.0", None, "2026-99-99"),
        installed("1.0", "EOS Version", "0000-00-00"),
        installed("1.0", 7),
        installed("", "EOS Version", softwareName=""),
        {"id": "\u0000", "weaknesses": -1},
    ],
)
def test_odd_records_of_the_inventory_hold_nothing_back(bad: dict):
    world = World(devices=1)
    world.lists["installed" if "deviceId" in bad else "products"] = [bad]

    run = sync(world)

    assert run.state == SyncState.COMPLETE
    assert SoftwareVersion.objects.get().end_of_support_on is None


def test_the_inventory_is_read_once_a_day():
    world = World(devices=1)
    sync(world)
    world.asked.clear()

    sync(world)

    assert "installed" not in {part for part, _ in world.asked}
