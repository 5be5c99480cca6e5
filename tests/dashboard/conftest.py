import re

import pytest
from django.utils import timezone

from remediation.models import (
    ActivityCount,
    ActivityDevice,
    DeliveryState,
    DeviceState,
    Exposure,
    OrganisationScore,
    RecommendationCounter,
    ScoreSnapshot,
)
from tests.factories import ActivityFactory, TicketFactory, UserFactory, estate

SECURITY = ["Security team"]


@pytest.fixture
def reader(db):
    """Signs somebody in: `reader(roles=[...], device_groups=[...])`."""

    def sign_in(client, **person):
        user = UserFactory(**({"roles": SECURITY} | person))
        client.force_login(user)
        return user

    return sign_in


@pytest.fixture
def published(db):
    """An estate of two groups with one recommendation, as a complete sync would have published it."""
    recommendation = estate(devices=5, groups=2)
    publish()
    return recommendation


@pytest.fixture
def work(published):
    """An activity over the devices of the published recommendation, with a ticket that failed."""
    activity = ActivityFactory(recommendation=published, targets=5, fixed=2, checked_at=timezone.now())
    for place, exposure in enumerate(Exposure.objects.filter(recommendation=published).select_related("device")):
        ActivityDevice.objects.create(
            activity=activity,
            device=exposure.device,
            group=exposure.device.group,
            state=DeviceState.FIXED if place < 2 else DeviceState.EXPOSED,
            state_changed_at=timezone.now(),
            checked_at=timezone.now(),
            is_exposed=place >= 2,
        )
    for counter in RecommendationCounter.objects.filter(recommendation=published):
        mine = activity.devices.filter(group=counter.group)
        ActivityCount.objects.create(
            activity=activity,
            group=counter.group,
            targets=mine.count(),
            fixed=mine.filter(state="fixed").count(),
            exposed=mine.filter(state="exposed").count(),
        )
    TicketFactory(activity=activity, delivery_state=DeliveryState.DEAD, reason="The tenant said no.", devices=5)
    return activity


def publish() -> None:
    now, day = timezone.now(), timezone.localdate()
    OrganisationScore.objects.create(day=day, published_at=now, model_version=1, exposure=40, configuration=70)
    for counter in RecommendationCounter.objects.values("group").distinct():
        ScoreSnapshot.objects.create(
            day=day,
            group_id=counter["group"],
            published_at=now,
            model_version=1,
            devices_normal=10,
            score_normal=400,
            level_high=3,
            level_low=7,
            unseen=1,
        )


def words(response) -> str:
    """What a page says, without its markup."""
    text = re.sub(r"<(script|style).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def csv_of(response) -> str:
    return b"".join(response.streaming_content).decode()
