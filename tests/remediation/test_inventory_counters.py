"""What is counted of software, versions and weaknesses, held against counting the devices one by one."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remediation import counters
from remediation.counters import Installed
from remediation.models import (
    Device,
    DeviceGroup,
    Exposure,
    ScoreSnapshot,
    Software,
    SoftwareCounter,
    SoftwareVersion,
    VersionCounter,
    Weakness,
    WeaknessCounter,
)
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + timedelta(days=3)

PRODUCTS, VERSIONS, WEAKNESSES, GROUPS = 3, 2, 5, 2

estates = st.fixed_dictionaries(
    {
        # By product and version the weaknesses that it carries; the same one may lie in several products.
        "carries": st.lists(
            st.sets(st.integers(0, WEAKNESSES - 1)), min_size=PRODUCTS * VERSIONS, max_size=PRODUCTS * VERSIONS
        ),
        "known_exploited": st.sets(st.integers(0, WEAKNESSES - 1)),
        # Devices: group, whether it has left, and the version of each product that exposes it.
        "devices": st.lists(
            st.tuples(
                st.integers(0, GROUPS - 1),
                st.booleans(),
                st.tuples(*[st.sampled_from([None, *range(VERSIONS)])] * PRODUCTS),
            ),
            max_size=8,
        ),
    }
)


def build(estate: dict) -> None:
    groups = factories.DeviceGroupFactory.create_batch(GROUPS)
    weaknesses = [
        factories.WeaknessFactory(kev_added_on=NOW.date() if number in estate["known_exploited"] else None)
        for number in range(WEAKNESSES)
    ]
    products = factories.RecommendationFactory.create_batch(PRODUCTS)
    versions = [
        factories.SoftwareVersionFactory(
            software=products[place // VERSIONS].software, weaknesses=[weaknesses[number] for number in carried]
        )
        for place, carried in enumerate(estate["carries"])
    ]
    for group, has_left, installed in estate["devices"]:
        device = factories.DeviceFactory(group=groups[group], retired_at=NOW if has_left else None)
        for product, version in enumerate(installed):
            if version is not None:
                exposing = versions[product * VERSIONS + version]
                factories.ExposureFactory(recommendation=products[product], device=device, version=exposing)


def publish(moment=NOW, **more) -> None:
    counters.refresh_version_risks()
    counters.prepare(moment, **more)
    with transaction.atomic():
        counters.publish(moment.date(), moment)


def devices_exposed(group: DeviceGroup, versions) -> int:
    """Slow and obvious: every device of the group, asked whether it is exposed by one of the versions."""
    return sum(
        Exposure.objects.filter(device=device, version__in=list(versions)).exists()
        for device in Device.objects.present().filter(group=group)
    )


def assert_counted() -> None:
    for group in DeviceGroup.objects.all():
        for version in SoftwareVersion.objects.all():
            expected = devices_exposed(group, [version])
            assert counted(VersionCounter, "exposed", version=version, group=group) == expected
            assert counted(VersionCounter, "installed", version=version, group=group) == expected
        for software in Software.objects.all():
            expected = devices_exposed(group, software.versions.all())
            assert counted(SoftwareCounter, "exposed", software=software, group=group) == expected
        for weakness in Weakness.objects.all():
            expected = devices_exposed(group, weakness.versions.all())
            assert counted(WeaknessCounter, "exposed", weakness=weakness, group=group) == expected
        exploited = SoftwareVersion.objects.filter(weaknesses__kev_added_on__isnull=False)
        here = ScoreSnapshot.objects.filter(group=group).first()
        assert (here.known_exploited if here else 0) == devices_exposed(group, exploited.distinct())
    for weakness in Weakness.objects.all():
        assert weakness.exposed == sum(row.exposed for row in weakness.counters.all())
        assert (weakness.first_seen_at is None) == (weakness.exposed == 0)
    for software in Software.objects.all():
        carried = Weakness.objects.filter(versions__in=software.versions.filter(counters__isnull=False)).distinct()
        assert software.weaknesses == carried.count()
        assert software.exposed == sum(row.exposed for row in software.counters.all())


def counted(model, name: str, **key) -> int:
    row = model.objects.filter(**key).first()
    return getattr(row, name) if row else 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(estate=estates)
def test_the_counted_devices_are_those_that_are_exposed(estate):
    with transaction.atomic():
        build(estate)

        publish()

        assert_counted()
        transaction.set_rollback(True)


def two_products_with_one_weakness() -> tuple[Weakness, Device]:
    """One device that has the weakness twice."""
    weakness, device = factories.WeaknessFactory(), factories.DeviceFactory()
    for _ in range(2):
        product = factories.RecommendationFactory()
        version = factories.SoftwareVersionFactory(software=product.software, weaknesses=[weakness])
        factories.ExposureFactory(recommendation=product, device=device, version=version)
    return weakness, device


def test_a_device_with_a_weakness_in_two_products_counts_once():
    weakness, _ = two_products_with_one_weakness()

    publish()

    assert WeaknessCounter.objects.get().exposed == 1
    weakness.refresh_from_db()
    assert (weakness.exposed, weakness.first_seen_at) == (1, NOW)


def test_since_when_a_group_is_exposed_survives_the_next_sync_and_not_the_fix():
    weakness, _ = two_products_with_one_weakness()
    publish()
    publish(LATER)
    assert WeaknessCounter.objects.get().first_seen_at == NOW
    kept = list(Exposure.objects.values("recommendation", "device", "version"))
    Exposure.objects.all().delete()
    publish(LATER)
    assert not WeaknessCounter.objects.exists()
    for row in kept:
        Exposure.objects.create(**{f"{name}_id": value for name, value in row.items()}, first_seen_at=LATER)

    publish(LATER)

    weakness.refresh_from_db()
    assert WeaknessCounter.objects.get().first_seen_at == LATER
    assert weakness.first_seen_at == NOW


def test_counting_twice_writes_no_counter():
    two_products_with_one_weakness()
    publish()
    before = [
        list(model.objects.order_by("pk").values()) for model in (SoftwareCounter, VersionCounter, WeaknessCounter)
    ]

    publish(LATER)

    after = [
        list(model.objects.order_by("pk").values()) for model in (SoftwareCounter, VersionCounter, WeaknessCounter)
    ]
    assert after == before


def test_installed_devices_come_from_the_tables_that_are_given_and_stay_without_them():
    version, group = factories.SoftwareVersionFactory(), factories.DeviceGroupFactory()
    with connection.cursor() as cursor:
        for thing, pk in (("version", version.pk), ("software", version.software_id)):
            cursor.execute(
                f"CREATE TEMPORARY TABLE given_{thing} ({thing}_id BIGINT, group_id BIGINT, installed BIGINT)"
            )
            cursor.execute(f"INSERT INTO given_{thing} VALUES (%s, %s, 7)", [pk, group.pk])

    publish(installed=Installed("given_version", "given_software"))
    publish(LATER)

    assert (VersionCounter.objects.get().installed, SoftwareCounter.objects.get().installed) == (7, 7)
    assert Software.objects.get().installed == 7
