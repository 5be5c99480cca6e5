"""Defender's own remediation activities: imported beside the rest, kept, and never in the way."""

import pytest

from integrations.models import SyncState
from remediation.models import ImportedActivity, Recommendation
from tests.factories import DeviceGroupFactory, UserFactory

from .world import REFERENCE, World, sync

pytestmark = pytest.mark.django_db(transaction=True)


def task(**more) -> dict:
    return {
        "id": "5c0d3a52", "title": "Update Contoso Reader", "type": "Update", "status": "Active", "priority": "High",
        "createdOn": "2026-11-01T08:00:00.1234567Z", "dueOn": "2027-01-15T00:00:00Z",
        "statusLastModifiedOn": "2026-11-02T08:00:00Z", "requesterEmail": "mara@corp.example",
        "requesterNotes": "Kiosks first.", "relatedComponent": "Reader", "targetDevices": 4, "fixedDevices": 1,
        "rbacGroupNames": ["Berlin"], "scid": None, "productId": "contoso-_-reader",
    } | more  # fmt: skip


def imported(world: World) -> ImportedActivity:
    assert sync(world).state == SyncState.COMPLETE
    return ImportedActivity.objects.get()


def test_an_activity_of_defender_is_imported_with_what_it_is_about():
    world = World()
    world.lists["tasks"] = [task()]

    found = imported(world)

    assert (found.imported_from, found.status, found.requester) == ("defender", "active", "mara@corp.example")
    assert (found.target_devices, found.fixed_devices, str(found.due_on)) == (4, 1, "2027-01-15")
    assert found.recommendation == Recommendation.objects.get(source_id=REFERENCE)
    assert [group.name for group in found.device_groups.all()] == ["Berlin"]


def test_it_follows_what_changes_there_and_stays_when_it_is_gone_there():
    world = World()
    world.lists["tasks"] = [task()]
    first = imported(world)
    world.lists["tasks"] = [task(status="Completed", fixedDevices=4)]
    second = imported(world)
    world.lists["tasks"] = []

    third = imported(world)

    assert (second.status, second.fixed_devices, second.first_seen_at) == ("completed", 4, first.first_seen_at)
    assert second.closed_there_at is not None
    assert second.last_seen_at > first.last_seen_at
    assert third.last_seen_at == second.last_seen_at


def test_a_setting_is_found_by_its_number():
    world = World()
    world.lists["tasks"] = [task(scid="scid-1", productId=None)]

    assert imported(world).recommendation.name == "Turn on the shield"


def test_a_list_that_cannot_be_read_is_a_note_and_no_failure():
    world = World()
    world.breaks.add("tasks")

    run = sync(world)

    assert (run.state, run.error) == (SyncState.COMPLETE, "")
    assert any("Remediation activities of Defender" in found["reason"] for found in run.reasons)


@pytest.mark.parametrize(
    "bad", [{"id": ""}, {"id": None}, {"targetDevices": -1}, {"targetDevices": "many"}, {"rbacGroupNames": 4}]
)
def test_a_bad_record_is_set_aside_and_the_others_come(bad):
    world = World()
    world.lists["tasks"] = [task(**bad), task(id="good")]

    assert imported(world).remote_id == "good"


@pytest.mark.bad_input(place="what the source says")
def test_hostile_text_and_dates_are_tamed():
    world = World()
    world.lists["tasks"] = [
        task(title="\x00" + "x" * 9000, requesterNotes="\ud800", dueOn="9999-12-31T00:00:00Z", createdOn="soon")
    ]

    found = imported(world)

    assert len(found.title) == 512
    assert (found.due_on, found.created_there_at) == (None, None)


@pytest.mark.parametrize(
    ("names", "devices", "targets", "fixed", "known"),
    [
        (["Berlin"], [], 4, 1, ["Berlin"]),
        ("Berlin", [], 4, 1, ["Berlin"]),
        (["Berlin", "Nowhere"], [], 4, 1, []),
        ([], [(1, "Berlin"), (2, "Berlin")], 2, 0, ["Berlin"]),
        # Devices that are fixed already are in nobody's list.
        ([], [(1, "Berlin")], 2, 1, []),
        ([], [(1, "Berlin")], 2, 0, []),
        ([], [], 2, 0, []),
    ],
)
def test_its_device_groups_are_known_only_where_all_of_its_devices_are(names, devices, targets, fixed, known):
    world = World()
    world.lists["tasks"] = [task(rbacGroupNames=names, targetDevices=targets, fixedDevices=fixed)]
    world.task_devices["5c0d3a52"] = devices

    found = imported(world)

    assert [group.name for group in found.device_groups.all()] == known


def test_who_sees_a_part_sees_only_what_is_about_that_part():
    world = World()
    world.lists["tasks"] = [task(), task(id="all", rbacGroupNames=[])]
    sync(world)
    berlin = ImportedActivity.objects.get(remote_id="5c0d3a52").device_groups.get()
    everybody, here = UserFactory(), UserFactory(device_groups=[berlin])
    elsewhere = UserFactory(device_groups=[DeviceGroupFactory()])

    def seen(user) -> set[str]:
        return set(ImportedActivity.objects.visible_to(user).values_list("remote_id", flat=True))

    assert (seen(everybody), seen(here), seen(elsewhere)) == ({"5c0d3a52", "all"}, {"5c0d3a52"}, set())
