"""The end of an activity: restarts, absence, next versions, decisions, and its way there day by day."""

from datetime import timedelta

import pytest
import time_machine

from remediation.models import ActivityCount, ActivityProgress, Recommendation

from .test_verification import completed_by_sync, request, states, status, target
from .world import World, sync

pytestmark = pytest.mark.django_db(transaction=True)


def tag(world: World, *tags: str) -> None:
    world.lists["recommendations"][0]["tags"] = list(tags)


def half_updated() -> World:
    """Device 1 has the new version beside the old one, and has reported."""
    world = World()
    sync(world)
    world.install(1, "2.0", None)
    world.report(1)
    return world


def test_the_fix_beside_the_old_version_waits_for_a_restart_where_the_source_says_so():
    world = half_updated()
    activity = request()
    tag(world, "Pending restart")
    world.report(1)

    sync(world)

    assert states(activity)["pc-1"] == "pending_restart"
    assert ActivityCount.objects.get().pending_restart == 1
    world.update(1, "2.0")
    sync(world)
    assert states(activity)["pc-1"] == "fixed"


def test_without_the_tag_of_the_source_nobody_waits_for_a_restart():
    world = half_updated()
    activity = request()
    tag(world, "EOL software")

    sync(world)

    assert states(activity)["pc-1"] == "exposed"


def test_the_tag_alone_names_no_device():
    world = World()
    tag(world, "Pending restart")
    sync(world)
    activity = request()

    sync(world)

    assert set(states(activity).values()) == {"exposed"}


def test_a_restart_that_did_not_come_is_an_exposure_again():
    world = half_updated()
    activity = request()
    tag(world, "Pending restart")
    sync(world)
    tag(world)

    sync(world)

    assert states(activity)["pc-1"] == "exposed"


def test_a_pending_restart_does_not_hold_back_and_silence_does():
    world = half_updated()
    activity = request()
    tag(world, "Pending restart")
    for number in (2, 3, 4):
        world.update(number)

    sync(world)

    assert status(activity) == ("completed", "automatic")
    activity.refresh_from_db()
    assert (activity.fixed, activity.unresolved) == (3, 1)


def test_a_device_that_the_export_lacks_is_not_clean():
    world = World()
    sync(world)
    activity = request()
    world.uninstall(1)
    world.report(1)

    sync(world)

    assert states(activity)["pc-1"] == "exposed"
    assert target().is_exposed is None


def test_software_that_a_silent_device_has_no_more_proves_nothing():
    world = World()
    sync(world)
    activity = request()
    world.report(1)
    sync(world)
    reported = world.machine(1)["lastSeen"]
    world.uninstall(1)
    world.install(1, "7.0", None, name="editor")

    sync(world)

    assert (states(activity)["pc-1"], world.machine(1)["lastSeen"]) == ("exposed", reported)
    world.report(1)
    sync(world)
    assert states(activity)["pc-1"] == "fixed"


def test_devices_that_a_newer_weakness_exposes_need_the_next_version():
    world = World()
    activity = completed_by_sync(world)
    world.lists["software"] = []
    for number in range(1, 5):
        world.install(number, "2.0", "CVE-2026-3" if number < 3 else None)
        if number >= 3:
            world.uninstall(number)
            world.install(number, "3.0", None)

    sync(world)
    sync(world)

    activity.refresh_from_db()
    assert (activity.status, activity.fixed, activity.next_version) == ("completed", 4, 2)
    assert ActivityCount.objects.get().next_version == 2
    assert set(activity.devices.filter(needs_next_version=True).values_list("device__name", flat=True)) == {
        "pc-1",
        "pc-2",
    }
    for number in (1, 2):
        world.update(number, "3.0")
    sync(world)
    activity.refresh_from_db()
    assert activity.next_version == 0


def test_where_only_retired_devices_are_left_a_person_is_asked():
    world = World()
    sync(world)
    activity = request()
    sync(world)
    activity.refresh_from_db()
    assert not activity.awaits_decision
    for number in range(1, 5):
        world.remove_machine(number)
    world.add_machine(9)

    sync(world)
    sync(world)

    activity.refresh_from_db()
    assert activity.awaits_decision
    assert list(type(activity).objects.awaiting_a_decision()) == [activity]


def test_progress_has_a_row_only_for_days_that_end_otherwise():
    with time_machine.travel("2026-11-10 06:00:00") as clock:
        world = World()
        sync(world)
        activity = request()
        for fixed in (None, 1, None, 2):
            if fixed:
                world.update(fixed)
            sync(world)
            world.update(3)
            sync(world)
            clock.shift(timedelta(days=1))

    rows = activity.progress.order_by("day").values_list("day", "fixed", "unresolved")
    assert [(day.day, *counts) for day, *counts in rows] == [(10, 1, 3), (11, 2, 2), (13, 3, 1)]


def test_a_partial_sync_makes_no_progress():
    world = World()
    sync(world)
    request()
    world.update(1)
    world.breaks.add("configurations")

    sync(world)

    assert not ActivityProgress.objects.exists()


def test_a_closed_recommendation_keeps_its_activity_judged():
    world = World()
    activity = completed_by_sync(world)
    world.lists["recommendations"] = world.lists["recommendations"][1:]

    sync(world)

    assert Recommendation.objects.exclude(closed_at=None).count() == 1
    assert status(activity)[0] == "completed"
