"""What a pass counts as installed, exposed and first seen, for the inventory."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from integrations.models import SyncState
from remediation.models import Software, SoftwareVersion, VersionCounter, Weakness, WeaknessCounter

from .world import World, sync

pytestmark = pytest.mark.django_db(transaction=True)


def counted() -> dict[tuple[str, str], tuple[int, int]]:
    """(version, group) to (installed, exposed)."""
    rows = VersionCounter.objects.values_list("version__version", "group__name", "installed", "exposed")
    return {(version, group): (installed, exposed) for version, group, installed, exposed in rows}


def test_versions_without_a_weakness_are_counted_too():
    world = World(devices=3)
    world.update(3)

    sync(world)

    assert counted() == {("1.0", "Berlin"): (2, 2), ("2.0", "Berlin"): (1, 0)}
    product = Software.objects.get()
    assert (product.installed, product.exposed, product.weaknesses) == (3, 2, 1)


def test_a_device_with_two_versions_has_the_product_once_and_is_exposed_by_the_riskier():
    world = World(devices=1)
    world.install(1, "0.9", "CVE-2026-1")
    world.install(1, "0.9", "CVE-2026-2")

    sync(world)

    assert counted() == {("1.0", "Berlin"): (1, 0), ("0.9", "Berlin"): (1, 1)}
    assert (Software.objects.get().installed, Software.objects.get().exposed) == (1, 1)


def test_rows_that_paging_repeats_count_a_device_once():
    world = World(devices=2)
    world.lists["software"] *= 2

    sync(world)

    assert counted() == {("1.0", "Berlin"): (2, 2)}


def test_what_was_installed_stays_when_software_was_not_read():
    world = World(devices=3)
    world.update(3)
    sync(world)
    before = counted()
    world.breaks.add("software")

    assert sync(world).state == SyncState.PARTIAL

    assert counted() == before
    assert Software.objects.get().installed == 3


def test_a_device_that_changes_its_group_takes_its_counts_along():
    world = World(devices=2)
    sync(world)
    world.machine(2)["rbacGroupName"] = "Paris"

    sync(world)

    assert counted() == {("1.0", "Berlin"): (1, 1), ("1.0", "Paris"): (1, 1)}
    assert dict(WeaknessCounter.objects.values_list("group__name", "exposed")) == {"Berlin": 1, "Paris": 1}


def test_a_second_pass_changes_no_counter():
    world = World(devices=3)
    sync(world)
    before = [list(model.objects.order_by("pk").values()) for model in (VersionCounter, WeaknessCounter, Software)]

    sync(world)

    assert [
        list(model.objects.order_by("pk").values()) for model in (VersionCounter, WeaknessCounter, Software)
    ] == before


def test_when_a_weakness_was_first_seen_is_the_sources_word_or_else_the_first_sync():
    world = World(devices=1)
    world.install(1, "1.0", "CVE-2026-2")
    world.lists["weaknesses"][0]["firstDetected"] = "2026-01-05T00:00:00Z"
    start = timezone.now()

    sync(world)
    seen = Weakness.objects.get(name="CVE-2026-2").first_seen_at
    sync(world)

    assert Weakness.objects.get(name="CVE-2026-1").first_seen_at == datetime(2026, 1, 5, tzinfo=UTC)
    assert seen >= start
    assert Weakness.objects.get(name="CVE-2026-2").first_seen_at == seen


def test_a_weakness_that_is_fixed_exposes_nobody_and_is_remembered():
    world = World(devices=3)
    sync(world)
    world.update(3)
    sync(world)
    assert Weakness.objects.get().exposed == 2
    for number in (1, 2):
        world.update(number)
    # More than half at once is believed when it is seen twice.
    sync(world)

    sync(world)

    weakness = Weakness.objects.get()
    assert weakness.exposed == 0
    assert weakness.first_seen_at is not None
    assert not WeaknessCounter.objects.exists()
    assert SoftwareVersion.objects.get(version="2.0").counters.get().installed == 3
