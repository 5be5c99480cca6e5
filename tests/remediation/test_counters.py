"""The set-based numbers, held against a slow recomputation by the formula."""

import random
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from remediation import scoring
from remediation.models import (
    Device,
    Exposure,
    OrganisationScore,
    Recommendation,
    RecommendationCounter,
    RecommendationException,
    ScoreSnapshot,
    SoftwareVersion,
)
from tests import factories, publication

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def random_estate(seed: int) -> None:
    chance = random.Random(seed)
    groups = factories.DeviceGroupFactory.create_batch(3)
    weaknesses = [
        factories.WeaknessFactory(
            cvss=chance.choice([None, round(chance.uniform(0, 10), 1)]),
            severity=chance.choice(["low", "medium", "high", "critical"]),
            epss=chance.choice([None, chance.random()]),
            exploit_level=chance.choice(["none", "public", "verified", "kit"]),
            kev_added_on=chance.choice([None, NOW.date()]),
        )
        for _ in range(12)
    ]
    settings = factories.ConfigurationFactory.create_batch(3, severity_score=chance.uniform(1, 10))
    products = [factories.RecommendationFactory(active_alert=chance.random() < 0.3) for _ in range(4)]
    versions = {
        product: [
            factories.SoftwareVersionFactory(
                software=product.software, risk=0, weaknesses=chance.sample(weaknesses, chance.randint(0, 5))
            )
            for _ in range(2)
        ]
        for product in products
    }
    for _ in range(30):
        device = factories.DeviceFactory(
            group=chance.choice(groups),
            value=chance.choice(["low", "normal", "high"]),
            internet_facing=chance.choice([None, True, False]),
            entra_device_id=chance.choice(["", "11111111-1111-4111-8111-111111111111"]),
            last_seen_at=chance.choice([NOW, NOW, NOW, NOW - timedelta(days=31), None]),
            retired_at=chance.choice([None, None, None, None, NOW]),
        )
        for product in chance.sample(products, 3):
            factories.ExposureFactory(recommendation=product, device=device, version=chance.choice(versions[product]))
        for setting in chance.sample(settings, 1):
            factories.ExposureFactory(recommendation=setting, device=device, version=None)
    for subject in chance.sample([*products, *settings, *weaknesses], chance.randint(0, 8)):
        kind = "weakness" if subject in weaknesses else "recommendation"
        factories.ExceptionFactory(
            **{kind: subject},
            groups=chance.choice([None, chance.sample(groups, 1), chance.sample(groups, 2)]),
            justification=chance.choice(["false_positive", "third_party_control", "risk_accepted", "other"]),
            status=chance.choice(["in_effect", "in_effect", "in_effect", "suspended", "awaiting", "expired"]),
            ends_at=NOW + timedelta(days=chance.choice([30, 30, 30, -1])),
            filed_at=NOW - timedelta(days=2),
        )


def publish() -> None:
    publication.publish(NOW.date(), NOW)


def is_excepted(group_id: int, only_lowering: bool = True, **subject) -> bool:
    """Whether an exception in effect covers the devices of a group, one that lowers the scores."""
    found = RecommendationException.objects.filter(**subject, status="in_effect", ends_at__gt=NOW)
    if only_lowering:
        found = found.filter(justification__in=["false_positive", "third_party_control", "alternate_mitigation"])
    return found.filter(Q(all_groups=True) | Q(device_groups=group_id)).exists()


def slow_version_risk(version: SoftwareVersion, group_id: int | None = None) -> float:
    """Of all its weaknesses, or of those that still count in a device group."""
    recommendation = Recommendation.objects.filter(software=version.software).first()
    if group_id and is_excepted(group_id, recommendation=recommendation):
        return 0.0
    return sum(
        scoring.weakness_risk(
            found.cvss,
            found.severity,
            found.epss,
            found.exploit_level,
            in_kev=found.kev_added_on is not None,
            has_alert=bool(recommendation and recommendation.active_alert),
        )
        for found in version.weaknesses.all()
        if not (group_id and is_excepted(group_id, weakness=found))
    )


def slow_sums(
    devices: list[Device], without: Recommendation | None = None, *, with_exceptions: bool = True
) -> dict[str, float]:
    sums = dict.fromkeys(
        (f"{kind}_{value}" for kind in ("devices", "score") for value in ("low", "normal", "high")), 0.0
    )
    for device in devices:
        exposures = Exposure.objects.filter(device=device).exclude(version=None).exclude(recommendation=without)
        group = device.group_id if with_exceptions else None
        risk = scoring.device_risk((slow_version_risk(e.version, group) for e in exposures), device.internet_facing)
        if not device.is_unseen:
            sums[f"devices_{device.value}"] += 1
            sums[f"score_{device.value}"] += scoring.device_score(risk)
    return sums


@pytest.mark.parametrize("seed", range(3))
def test_the_counted_numbers_equal_the_formula(seed: int):
    random_estate(seed)

    publish()

    present = list(Device.objects.present().select_related("group"))
    for version in SoftwareVersion.objects.all():
        assert version.risk == pytest.approx(slow_version_risk(version))
    whole = scoring.exposure_score_of(slow_sums(present))
    assert OrganisationScore.objects.get().exposure == pytest.approx(whole)
    without_exceptions = scoring.exposure_score_of(slow_sums(present, with_exceptions=False))
    assert OrganisationScore.objects.get().exposure_before == pytest.approx(without_exceptions)
    for group in {device.group for device in present}:
        here = [device for device in present if device.group == group]
        snapshot = ScoreSnapshot.objects.get(group=group)
        for name, value in slow_sums(here).items():
            assert getattr(snapshot, name) == pytest.approx(value, abs=1e-9), name
        for name, value in slow_sums(here, with_exceptions=False).items():
            before = name.replace("score", "before")
            assert getattr(snapshot, before) == pytest.approx(value), before
        assert snapshot.unseen == sum(device.is_unseen for device in here)
        levels = [scoring.level(scoring.device_score(d.risk_sum)) for d in here if not d.is_unseen]
        assert [levels.count(level) for level in ("none", "low", "medium", "high")] == [
            snapshot.level_none, snapshot.level_low, snapshot.level_medium, snapshot.level_high
        ]  # fmt: skip
    for recommendation in Recommendation.objects.all():
        after = scoring.exposure_score_of(slow_sums(present, without=recommendation))
        assert recommendation.exposure_impact == pytest.approx(whole - after, abs=1e-9)
        exposed = Exposure.objects.filter(recommendation=recommendation, device__in=present)
        assert recommendation.exposed == exposed.count()
        counted = RecommendationCounter.objects.filter(recommendation=recommendation)
        assert sum(row.exposed for row in counted) == recommendation.exposed
        assert sum(row.eligible for row in counted) == exposed.exclude(device__entra_device_id="").count()
        for row in counted:
            subject = {"recommendation": recommendation}
            assert row.excepted == (row.exposed if is_excepted(row.group_id, only_lowering=False, **subject) else 0)
            assert row.mitigated == (row.exposed if is_excepted(row.group_id, **subject) else 0)
        assert recommendation.excepted == sum(row.excepted for row in counted)


@pytest.mark.parametrize("seed", range(5))
def test_what_an_exception_holds_back_comes_back_when_all_of_its_recommendation_end(seed: int):
    random_estate(seed)
    RecommendationException.objects.exclude(recommendation__software=None).update(justification="false_positive")
    RecommendationException.objects.exclude(weakness=None).delete()
    publish()
    before = OrganisationScore.objects.get().exposure
    held = {item: item.held_impact for item in Recommendation.objects.exclude(software=None)}

    for item, points in held.items():
        with transaction.atomic():
            item.exceptions.update(status="expired")
            publish()
            assert OrganisationScore.objects.get().exposure - before == pytest.approx(points, abs=1e-9)
            transaction.set_rollback(True)


def test_devices_that_left_have_no_risk():
    random_estate(1)
    publish()
    gone = Device.objects.present().filter(risk_sum__gt=0).first()
    Device.objects.filter(pk=gone.pk).update(retired_at=NOW)

    publish()

    gone.refresh_from_db()
    assert (gone.risk_sum, gone.exposure_level) == (0, "none")


def test_counting_twice_changes_nothing(django_assert_num_queries):
    random_estate(2)
    publish()
    before = list(RecommendationCounter.objects.order_by("pk").values())

    publish()

    assert list(RecommendationCounter.objects.order_by("pk").values()) == before


def test_devices_whose_setting_is_mitigated_count_as_compliant():
    group, other = factories.DeviceGroupFactory.create_batch(2)
    setting = factories.ConfigurationFactory(severity_score=10)
    for place in (group, group, other):
        factories.ExposureFactory(recommendation=setting, device=factories.DeviceFactory(group=place), version=None)
    factories.CounterFactory(recommendation=setting, group=group, exposed=2, total=3)
    factories.CounterFactory(recommendation=setting, group=other, exposed=1, total=1)
    factories.ExceptionFactory(recommendation=setting, groups=[group])

    publish()

    setting.refresh_from_db()
    newest = OrganisationScore.objects.get()
    assert (newest.configuration, newest.configuration_before) == (pytest.approx(75), pytest.approx(25))
    assert (setting.configuration_impact, setting.held_impact) == (pytest.approx(25), pytest.approx(50))


def test_a_configuration_lowers_the_score_by_its_share():
    group = factories.DeviceGroupFactory()
    half, clean = (factories.ConfigurationFactory(severity_score=points) for points in (10, 5))
    devices = factories.DeviceFactory.create_batch(4, group=group)
    for device in devices[:2]:
        factories.ExposureFactory(recommendation=half, device=device, version=None)
    factories.CounterFactory(recommendation=half, group=group, exposed=2, total=4)
    factories.CounterFactory(recommendation=clean, group=group, exposed=0, total=4)

    publish()

    half.refresh_from_db()
    assert OrganisationScore.objects.get().configuration == pytest.approx(100 * (5 + 5) / 15)
    assert half.configuration_impact == pytest.approx(100 * 5 / 15)
    assert (half.exposed, half.total) == (2, 4)
