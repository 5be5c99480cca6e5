"""The timeline that syncs write: what is news, to whom, once."""

import pytest

from remediation.models import Event, FreshLink, MovePart, PublicationSum, ScoreMove, Weakness
from tests.integrations.ingest.world import World, sync

pytestmark = pytest.mark.django_db(transaction=True)


def kinds() -> list[str]:
    return sorted(Event.objects.exclude(kind="first_sync").values_list("kind", flat=True))


def devices(kind: str) -> dict[str, int]:
    found = Event.objects.get(kind=kind).counts.select_related("group")
    return {count.group.name: count.devices for count in found}


def test_the_first_sync_tells_one_line():
    sync(World())

    assert list(Event.objects.values_list("kind", flat=True)) == ["first_sync"]
    assert devices("first_sync") == {"Berlin": 4}


def test_a_sync_that_finds_nothing_new_tells_nothing():
    world = World()
    sync(world)
    sync(world)

    assert kinds() == []


def test_a_weakness_that_was_never_there_is_told_with_the_devices_of_each_group():
    world = World()
    world.machine(4)["rbacGroupName"] = "Paris"
    sync(world)
    for number in (3, 4):
        world.update(number, "1.5", "CVE-2026-9")

    sync(world)
    sync(world)

    assert kinds() == ["new_weakness"]
    assert Event.objects.get(kind="new_weakness").name == "CVE-2026-9"
    assert devices("new_weakness") == {"Berlin": 1, "Paris": 1}


def test_a_known_weakness_on_more_devices_is_no_news():
    world = World()
    sync(world)
    world.add_machine(5)
    world.install(5, "1.0", "CVE-2026-1")

    sync(world)

    assert kinds() == []


def test_a_stronger_exploit_is_told_and_a_weaker_one_is_not():
    world = World()
    sync(world)
    listed = world.lists["weaknesses"][0]
    listed["publicExploit"] = True
    sync(world)
    listed["exploitVerified"] = True
    sync(world)
    listed["exploitVerified"] = False
    sync(world)

    told = Event.objects.filter(kind="exploit_raised").order_by("pk").values_list("before", "after")
    assert list(told) == [("none", "public"), ("public", "verified")]
    assert {count.devices for event in Event.objects.filter(kind="exploit_raised") for count in event.counts.all()} == {
        4
    }


def test_a_new_recommendation_is_told_once_it_exposes_a_device():
    world = World()
    sync(world)
    world.add_recommendation("va-_-contoso-_-writer", "Update Contoso Writer", "Update")
    sync(world)
    assert kinds() == []
    world.install(2, "3.0", "CVE-2026-1", name="writer")

    sync(world)
    sync(world)

    assert kinds() == ["new_assessment"]
    assert devices("new_assessment") == {"Berlin": 1}


def test_what_a_partial_sync_met_is_told_by_the_next_complete_one():
    world = World()
    sync(world)
    world.update(1, "1.5", "CVE-2026-9")
    world.breaks = {"configurations"}
    sync(world)
    assert kinds() == []
    world.breaks = set()

    sync(world)

    assert kinds() == ["new_weakness"]


def test_an_event_has_the_sums_before_and_after_of_its_sync():
    world = World()
    sync(world)
    world.install(1, "1.0", "CVE-2026-9")

    sync(world)

    told = PublicationSum.objects.get(publication__events__kind="new_weakness")
    assert (told.before_devices_normal, told.after_devices_normal) == (4, 4)
    assert told.after_score_normal > told.before_score_normal


# --- The parts of the score's movement, as a sync writes their reasons ---
def parts() -> set[str]:
    """Those written since the first sync, which only brought devices."""
    return set(ScoreMove.objects.exclude(part=MovePart.NEW_DEVICES).values_list("part", flat=True))


def test_an_update_without_an_activity_moves_the_score_as_fixed_otherwise():
    world = World()
    sync(world)
    world.update(1)

    sync(world)

    assert parts() == {MovePart.FIXED_OTHERWISE}


def test_a_weakness_found_in_an_installed_version_moves_the_score_as_new():
    world = World()
    sync(world)
    for number in range(1, 5):
        world.install(number, "1.0", "CVE-2026-2")

    sync(world)

    assert parts() == {MovePart.NEW_WEAKNESSES}
    assert not FreshLink.objects.exists()


def test_a_higher_epss_of_the_source_moves_the_score_as_weighed_anew():
    world = World()
    sync(world)
    world.lists["weaknesses"][0]["epss"] = 0.9

    sync(world)

    assert parts() == {MovePart.RESCORED}


def test_a_machine_that_is_gone_moves_the_score_as_gone():
    world = World()
    sync(world)
    world.remove_machine(4)

    sync(world)

    assert parts() == {MovePart.GONE}


def test_a_new_machine_moves_the_score_as_new_device():
    world = World()
    sync(world)
    world.add_machine(5)
    sync(world)

    assert ScoreMove.objects.get(part=MovePart.NEW_DEVICES).touched == 5
    assert parts() == set()


def test_weaknesses_know_when_they_were_first_seen():
    run = sync(World())

    assert set(Weakness.objects.values_list("met_at", flat=True)) == {run.started_at}


def test_the_tiniest_numbers_of_a_source_stop_no_sync():
    world = World()
    world.lists["weaknesses"][0] |= {"cvssV3": 5e-324, "epss": 5e-324}

    assert sync(world).state == "complete"
