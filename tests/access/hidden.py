"""What lies in a device group that the reader may not see, also beneath what they may see."""

from datetime import timedelta
from uuid import uuid4

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from remediation import counters
from remediation.models import (
    ActivityDevice,
    ActivityProgress,
    AuditEvent,
    Event,
    ForeignTicket,
    ImportedActivity,
    Publication,
    Recommendation,
    RecommendationException,
    Software,
    SoftwareCounter,
    TicketAttempt,
    TicketSystem,
    VersionCounter,
)
from remediation.rules.recommendation_status import refresh_status
from tests.factories import (
    ConfigurationFactory,
    DeviceFactory,
    ExposureFactory,
    RecommendationFactory,
    SoftwareVersionFactory,
    UserFactory,
    WeaknessFactory,
)

from .things import Things, things_of_a_group

CANARY = "Canary-4711"


def publish() -> None:
    """As at the end of a sync; always the same one, so that nothing differs but what was counted."""
    now = timezone.now()
    counters.refresh_version_risks()
    counters.prepare(now)
    with transaction.atomic():
        counters.publish(now.date(), now)
    cache.clear()


def visible_estate() -> Things:
    """A group with one of everything, and a product without weaknesses that its devices have."""
    own = things_of_a_group("Plain-0815")
    device = DeviceFactory(group=own.group, name="plain-device")
    ExposureFactory(recommendation=ConfigurationFactory(), device=device, version=None)
    # More than one of a kind, so that there is an order to disturb.
    for number in range(3):
        advice = RecommendationFactory(name=f"Update plain {number}")
        version = SoftwareVersionFactory(
            software=advice.software, weaknesses=[WeaknessFactory() for _ in range(number + 1)]
        )
        ExposureFactory(recommendation=advice, device=device, version=version)
        _event(own, advice)
    refresh_status(Recommendation.objects.get(pk=own.keys["recommendation"]))
    safe = SoftwareVersionFactory(software__name="Plain product without weaknesses")
    _installed(own, safe)
    own.more = [safe.software.get_absolute_url()]
    _imported(own, "of plain")
    return own


def hide(own: Things) -> Things:
    """One of everything in another group, and its devices beneath all that the reader sees too."""
    other = things_of_a_group(CANARY)
    other.group.name = f"{CANARY} group"
    other.group.save()
    _expose_to_what_the_reader_sees(other)
    _expose_what_is_safe_where_the_reader_is(other)
    for advice in Recommendation.objects.filter(name__contains="lain"):
        _except(advice, other)
        _event(other, advice)
    _event(other, Recommendation.objects.get(pk=other.keys["recommendation"]))
    _imported(other, CANARY)
    _imported(None, CANARY)
    _work(other)
    return other


def _expose_to_what_the_reader_sees(other: Things) -> None:
    """By the version that they have, and by one with other weaknesses in other places."""
    # What matters most to the reader matters least there.
    by_impact = Recommendation.objects.filter(name__icontains="plain", software__isnull=False).order_by(
        "exposure_impact"
    )
    for times, advice in enumerate(reversed(by_impact), start=1):
        versions = [advice.software.versions.first(), _version(advice.software)]
        for version in versions * times**2:
            if version:
                ExposureFactory(recommendation=advice, device=_device(other), version=version)
    for setting in Recommendation.objects.filter(software=None):
        ExposureFactory(recommendation=setting, device=_device(other), version=None)
    # Sorted before the product that carries it where the reader is.
    first = SoftwareVersionFactory(software__name=f"A {CANARY}")
    for advice in Recommendation.objects.filter(name__icontains="plain", software__isnull=False):
        for version in advice.software.versions.all():
            first.weaknesses.add(*version.weaknesses.all())
            version.disk_paths = version.registry_paths = [f"C:\\Users\\{CANARY}\\app.exe"]
            version.save()
    ExposureFactory(recommendation=RecommendationFactory(software=first.software), device=_device(other), version=first)


def _expose_what_is_safe_where_the_reader_is(other: Things) -> None:
    safe = Software.objects.get(name="Plain product without weaknesses")
    advice = RecommendationFactory(
        software=safe, name=f"Update {CANARY}", source_id=f"va-_-{CANARY}", recommended_version=CANARY,
        public_exploit=True, active_alert=True, tags=["EOL software", "Zero day"], associated_threats=[CANARY],
    )  # fmt: skip
    ExposureFactory(recommendation=advice, device=_device(other), version=_version(safe))


def _version(software: Software):
    paths = [f"C:\\Users\\{CANARY}\\old.exe"]
    weakness = WeaknessFactory(name=f"CVE-{CANARY}-{software.pk}".upper(), exploit_level="kit", cvss=9.9)
    return SoftwareVersionFactory(software=software, version=CANARY, weaknesses=[weakness], disk_paths=paths)


def _device(other: Things):
    return DeviceFactory(group=other.group, name=f"{CANARY}-{uuid4().hex[:6]}", value="high", internet_facing=True)


def _except(advice: Recommendation, other: Things) -> None:
    now, by = timezone.now(), UserFactory(first_name=CANARY)
    made = RecommendationException.objects.create(
        recommendation=advice, request_key=uuid4(), justification="other", context=CANARY, all_groups=False,
        scope_key=str(other.group.pk), ends_at=now + timedelta(days=1), exposed_then=3, impact_then=1, filed_by=by,
        filed_at=now, status="in_effect", started_at=now, status_changed_by=by, status_changed_at=now,
    )  # fmt: skip
    made.device_groups.add(other.group)
    refresh_status(advice)


def _event(things: Things, advice: Recommendation) -> None:
    publication, _ = Publication.objects.get_or_create(at=timezone.now())
    about = {"kind": "new_assessment", "recommendation": advice, "name": advice.name}
    weakness = advice.software.versions.first() and advice.software.versions.first().weaknesses.first()
    for facts in (about, {"kind": "new_weakness", "weakness": weakness, "name": str(weakness)}):
        event = Event.objects.filter(**facts).first() or Event.objects.create(
            at=publication.at, publication=publication, **facts
        )
        event.counts.create(group=things.group, devices=2)
    publication.sums.get_or_create(group=things.group, defaults={"after_devices_normal": 3, "after_score_normal": 90})


def _installed(things: Things, version) -> None:
    VersionCounter.objects.create(version=version, group=things.group, installed=1, exposed=0)
    SoftwareCounter.objects.create(software=version.software, group=things.group, installed=1, exposed=0)


def _imported(things: Things | None, word: str) -> None:
    now = timezone.now()
    row = ImportedActivity.objects.create(
        imported_from="defender", remote_id=uuid4().hex, title=f"Imported {word}", notes=word, requester=word,
        related_component=word, first_seen_at=now, last_seen_at=now,
    )  # fmt: skip
    if things:
        row.device_groups.add(things.group)


def _work(other: Things) -> None:
    """What has come of the hidden activity."""
    now, activity = timezone.now(), other.keys["activity"]
    ActivityDevice.objects.filter(activity=activity).update(disk_paths=[CANARY], registry_paths=[CANARY])
    ActivityProgress.objects.create(activity_id=activity, group=other.group, day=now.date(), unresolved=3)
    TicketAttempt.objects.create(
        ticket_id=other.keys["ticket_state"], fence=1, purpose="create", started_at=now, reason=CANARY
    )
    AuditEvent.objects.record(other.group, "request", by=UserFactory(username=CANARY), note=CANARY)
    ForeignTicket.objects.create(
        system=TicketSystem.objects.get(key="intune"), remote_id=CANARY, kind="app", title=CANARY,
        remote_state="pending", created_there_at=now,
    )  # fmt: skip
