"""Histories of an activity from its request to its proof, sync by sync."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from remediation.models import (
    ActivityCount,
    ActivityDevice,
    AuditEvent,
    Device,
    Priority,
    Recommendation,
    RemediationActivity,
)
from remediation.rules import activities
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import UserFactory, enable_intune

from .world import REFERENCE, SETTING, World, ago, device_id, sync

pytestmark = pytest.mark.django_db(transaction=True)


def request(reference: str = REFERENCE, requested: str = "update", **more) -> RemediationActivity:
    """A request of now, on what the last sync saw."""
    user = UserFactory(may=["remediation.handle_remediation", "remediation.complete_activity"])
    order = RemediationRequest(uuid4(), requested, Priority.MEDIUM, timezone.localdate() + timedelta(days=7), **more)
    return request_remediation(Recommendation.objects.get(source_id=reference), order, by=user)[0]


def states(activity: RemediationActivity) -> dict[str, str]:
    return dict(activity.devices.values_list("device__name", "state"))


def target(name: str = "pc-1") -> ActivityDevice:
    return ActivityDevice.objects.get(device__name=name)


def status(activity: RemediationActivity) -> tuple[str, str]:
    activity.refresh_from_db()
    return activity.status, activity.completion_method


def test_a_device_with_a_clean_version_is_fixed_with_its_evidence():
    world = World()
    sync(world)
    activity = request()
    world.update(1, "2.0")

    sync(world)

    assert states(activity) == {"pc-1": "fixed", "pc-2": "exposed", "pc-3": "exposed", "pc-4": "exposed"}
    proof = target()
    assert (proof.is_exposed, proof.installed_version, proof.disk_paths) == (False, "2.0", ["c:\\reader\\2.0"])
    left = target("pc-2")
    assert (left.is_exposed, left.installed_version, left.security_update) == (True, "1.0", "KB5000001")
    activity.refresh_from_db()
    assert (activity.fixed, activity.targets, activity.status) == (1, 4, "active")
    assert ActivityCount.objects.get().fixed == 1
    event = AuditEvent.objects.about(activity).get(verb="checked")
    assert (event.before, event.after, event.through) == ({"fixed": 0}, {"fixed": 1}, "sync")


def test_the_fixed_devices_of_each_part_are_counted(monkeypatch):
    monkeypatch.setattr("remediation.models.tickets.TICKET_LIMIT", 2)
    enable_intune()
    world = World()
    sync(world)
    activity = request(ticket_system="intune")
    fixed = activity.devices.filter(batch=2).first()
    world.update(int(fixed.device.name.removeprefix("pc-")), "2.0")

    sync(world)

    assert list(activity.batches.order_by("batch").values_list("batch", "targets", "fixed")) == [(1, 2, 0), (2, 2, 1)]


def test_a_ticket_knows_where_the_versions_lie_that_the_sync_saw():
    enable_intune()
    world = World()
    world.install(1, "1.1", "CVE-2026-2", registryPaths=["HKLM\\reader"], recommendedSecurityUpdateId="5000002")
    sync(world)
    world.install(2, "1.1", "CVE-2026-2", diskPaths=["d:\\elsewhere"])
    sync(world)

    facts = request(ticket_system="intune").tickets.get().facts

    assert sorted(facts["disk_paths"]) == ["c:\\reader\\1.0", "c:\\reader\\1.1"]
    assert facts["registry_paths"] == ["HKLM\\reader"]
    assert sorted(facts["security_updates"]) == ["5000002", "KB5000001"]


def test_a_report_older_than_the_request_proves_nothing():
    world = World()
    sync(world)
    activity = request()
    world.update(1)
    world.report(1, ago(hours=2))

    sync(world)

    assert states(activity)["pc-1"] == "exposed"
    world.report(1)
    sync(world)
    assert states(activity)["pc-1"] == "fixed"


def test_all_devices_fixed_complete_the_activity_by_itself():
    world = World()
    sync(world)
    activity = request()
    for number in range(1, 5):
        world.update(number)

    sync(world)

    assert status(activity) == ("completed", "automatic")
    assert activity.status_changed_by.username == "system"
    assert AuditEvent.objects.about(activity).filter(through="sync").count() == 1


def test_a_newer_version_with_other_weaknesses_reaches_the_frozen_goal():
    world = World()
    sync(world)
    activity = request()
    world.update(1, "2.0", "CVE-2026-2")

    sync(world)

    assert states(activity)["pc-1"] == "fixed"


def test_a_version_with_a_frozen_weakness_is_no_fix():
    world = World()
    sync(world)
    activity = request()
    world.update(1, "1.5", "CVE-2026-1")

    sync(world)

    assert states(activity)["pc-1"] == "exposed"
    assert target().installed_version == "1.5"


def test_an_old_version_left_beside_the_new_one_is_no_fix():
    world = World()
    sync(world)
    activity = request()
    world.install(1, "2.0", None)
    world.report(1)

    sync(world)

    assert states(activity)["pc-1"] == "exposed"


def test_uninstall_asks_for_absence():
    world = World()
    sync(world)
    activity = request(requested="uninstall")
    world.update(1, "2.0")
    world.uninstall(2)
    world.install(2, "7.0", None, name="editor")
    world.report(2)

    sync(world)

    assert states(activity)["pc-1"] == "exposed"
    assert states(activity)["pc-2"] == "fixed"


def test_a_configuration_asks_for_a_compliant_row():
    world = World()
    sync(world)
    activity = request(SETTING, "configuration_change")
    world.comply(1, True)
    for number in (1, 2):
        world.report(number)
    world.lists["configurations"] = [row for row in world.lists["configurations"] if row["deviceId"] != device_id(2)]

    sync(world)

    assert states(activity)["pc-1"] == "fixed"
    assert states(activity)["pc-2"] == "exposed"


def test_silence_is_its_own_state_and_holds_back_completion():
    world = World()
    sync(world)
    activity = request()
    for number in (1, 2, 3):
        world.update(number)
    world.report(4, ago(days=31))

    sync(world)

    assert states(activity)["pc-4"] == "not_seen"
    assert status(activity) == ("active", "")
    world.report(4)
    sync(world)
    assert states(activity)["pc-4"] == "exposed"


def test_a_retired_device_is_out_of_scope_and_does_not_hold_back():
    world = World()
    sync(world)
    activity = request()
    for number in (1, 2, 3):
        world.update(number)
    world.remove_machine(4)

    sync(world)
    sync(world)

    assert states(activity)["pc-4"] == "out_of_scope"
    assert status(activity) == ("completed", "automatic")


def test_where_only_retired_devices_are_left_a_person_decides():
    world = World()
    sync(world)
    activity = request()
    for number in range(1, 5):
        world.remove_machine(number)
    world.add_machine(9)

    sync(world)
    sync(world)

    assert set(states(activity).values()) == {"out_of_scope"}
    assert status(activity) == ("active", "")


def test_a_merged_device_follows_its_survivor():
    world = World()
    sync(world)
    activity = request()
    world.add_machine(9)
    world.install(9, "2.0", None)
    world.report(9)
    world.machine(1)["mergedIntoMachineId"] = device_id(9)

    sync(world)

    assert states(activity)["pc-1"] == "fixed"


def test_a_partial_sync_proves_nothing():
    world = World()
    sync(world)
    activity = request()
    for number in range(1, 5):
        world.update(number)
    world.breaks.add("configurations")

    sync(world)

    assert set(states(activity).values()) == {"exposed"}
    assert status(activity) == ("active", "")


def test_a_device_with_a_bad_record_gets_no_evidence():
    world = World()
    sync(world)
    activity = request()
    world.update(1)
    world.lists["software"].append({"deviceId": device_id(1), "softwareVendor": 4})

    sync(world)

    assert states(activity)["pc-1"] == "exposed"
    assert target().checked_at is None


def completed_by_sync(world: World) -> RemediationActivity:
    sync(world)
    activity = request()
    for number in range(1, 5):
        world.update(number)
    sync(world)
    assert status(activity) == ("completed", "automatic")
    return activity


def test_exposed_again_in_two_complete_syncs_reopens():
    world = World()
    activity = completed_by_sync(world)
    world.update(1, "1.0", "CVE-2026-1")

    sync(world)
    assert (states(activity)["pc-1"], status(activity)[0]) == ("fixed", "completed")
    sync(world)

    assert states(activity)["pc-1"] == "regressed"
    assert status(activity) == ("active", "")
    assert AuditEvent.objects.about(activity).filter(verb="reopen_by_regression").count() == 1
    world.update(1, "2.0")
    sync(world)
    assert status(activity) == ("completed", "automatic")


def test_exposed_once_and_fixed_again_is_no_regression():
    world = World()
    activity = completed_by_sync(world)
    for version, cve in (("1.0", "CVE-2026-1"), ("2.0", None), ("1.0", "CVE-2026-1"), ("2.0", None)):
        world.update(1, version, cve)
        sync(world)

    assert states(activity)["pc-1"] == "fixed"
    assert status(activity)[0] == "completed"


def test_a_newer_release_with_new_weaknesses_never_reopens():
    world = World()
    activity = completed_by_sync(world)
    for number in range(1, 5):
        world.update(number, "2.0", "CVE-2026-3")

    sync(world)
    sync(world)

    assert status(activity)[0] == "completed"
    assert set(states(activity).values()) == {"fixed"}


def test_a_claim_that_is_not_true_stays_a_claim():
    world = World()
    sync(world)
    activity = request()
    user = UserFactory(may=["remediation.complete_activity"])
    activities.transition(activity, "complete", by=user)
    world.report(1)

    sync(world)
    sync(world)

    assert status(activity) == ("completed", "manual")
    assert set(states(activity).values()) == {"exposed"}
    assert activity.fixed == 0
    assert activity.checked_at is not None


def test_a_second_sync_does_not_touch_unchanged_evidence():
    world = World()
    sync(world)
    request()
    sync(world)
    before = list(ActivityDevice.objects.order_by("device").values())

    sync(world)

    assert list(ActivityDevice.objects.order_by("device").values()) == before


def test_evidence_is_kept_for_target_devices_only():
    world = World(devices=2)
    sync(world)
    request()
    world.add_machine(5)
    world.install(5, "1.0", "CVE-2026-1")

    sync(world)

    assert set(ActivityDevice.objects.values_list("device__name", flat=True)) == {"pc-1", "pc-2"}
    assert Device.objects.count() == 3
