"""A recommendation as who sees some device groups has it, held against what is stored for those who see all."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from remediation.models import DeviceGroup, Recommendation, RecommendationException
from remediation.rules.recommendation_status import refresh_status
from remediation.seen import as_seen_by
from tests.factories import SoftwareVersionFactory, UserFactory, WeaknessFactory, estate

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def except_in(recommendation: Recommendation, groups: list[DeviceGroup], *, is_everywhere: bool = False) -> None:
    now, by = timezone.now(), UserFactory()
    made = RecommendationException.objects.create(
        recommendation=recommendation, request_key=uuid4(), justification="other", context="x", ends_at=now + DAY,
        all_groups=is_everywhere, scope_key=str([group.pk for group in groups]), exposed_then=1, impact_then=1,
        filed_by=by, filed_at=now, status="in_effect", started_at=now, status_changed_by=by, status_changed_at=now,
    )  # fmt: skip
    made.device_groups.set(groups)
    refresh_status(recommendation)


def status(recommendation: Recommendation, groups: list[DeviceGroup] | None) -> str:
    return (
        as_seen_by(Recommendation.objects.all(), UserFactory(device_groups=groups))
        .get(pk=recommendation.pk)
        .seen_status
    )


@pytest.mark.parametrize(
    ("excepted", "of_the_first", "of_both", "of_all"),
    [
        ([], "active", "active", "active"),
        ([0], "full_exception", "partial_exception", "partial_exception"),
        ([1], "active", "partial_exception", "partial_exception"),
        ([2], "active", "active", "partial_exception"),
        ([0, 1], "full_exception", "full_exception", "partial_exception"),
        ([0, 1, 2], "full_exception", "full_exception", "full_exception"),
    ],
)
def test_the_status_is_that_of_the_readers_groups(excepted, of_the_first, of_both, of_all):
    recommendation = estate(devices=3, groups=3)
    groups = list(DeviceGroup.objects.filter(devices__isnull=False).order_by("pk"))
    for place in excepted:
        except_in(recommendation, [groups[place]])

    assert status(recommendation, groups[:1]) == of_the_first
    assert status(recommendation, groups[:2]) == of_both
    assert status(recommendation, groups) == of_all
    assert status(recommendation, None) == of_all


def test_one_for_all_devices_is_one_for_every_reader():
    recommendation = estate(devices=2, groups=2)
    except_in(recommendation, [], is_everywhere=True)

    assert status(recommendation, list(DeviceGroup.objects.filter(devices__isnull=False))[:1]) == "full_exception"


def test_weaknesses_are_those_of_versions_that_expose_a_device_there():
    recommendation = estate(devices=2, groups=2)
    first, second = DeviceGroup.objects.filter(devices__isnull=False).order_by("pk")
    other = SoftwareVersionFactory(software=recommendation.software, weaknesses=WeaknessFactory.create_batch(3))
    other.counters.create(group=second, installed=1, exposed=1)
    Recommendation.objects.filter(pk=recommendation.pk).update(weaknesses=4)

    def weaknesses(groups: list[DeviceGroup] | None) -> int:
        return as_seen_by(Recommendation.objects.all(), UserFactory(device_groups=groups)).get().seen_weaknesses

    assert weaknesses([first]) == 1
    assert weaknesses([second]) == weaknesses([first, second]) == weaknesses(None) == 4
    assert weaknesses([]) == 0
