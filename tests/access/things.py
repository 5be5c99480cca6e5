"""One of everything that a device group has, with its place in the addresses."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from django.urls import reverse
from django.utils import timezone

from integrations.models import SyncRun, SyncState
from remediation.models import (
    DeliveryState,
    Device,
    DeviceGroup,
    InaccuracyReport,
    Recommendation,
    RecommendationException,
    RemediationActivity,
    RemoteFinding,
    Ticket,
)
from remediation.rules import targets
from tests.factories import (
    ActivityFactory,
    RecommendationFactory,
    TicketFactory,
    UserFactory,
    enable_intune,
    estate,
)

_OF_A_RECOMMENDATION = ["recommendation", "recommendation_devices", "remediation_options", "exception_options"]
_OF_AN_EXCEPTION = ["exception", "exception_extension"]
_OF_AN_ACTIVITY = ["activity", "activity_rest", "activity_transition"]
_OF_A_TICKET = ["group_script", "ticket_group", "ticket_state", "ticket_retry", "ticket_adopt", "ticket_abandon"]
_OF_A_DEVICE = ["device", "device_software", "device_weaknesses", "device_activities", "report_inaccuracy"]


@dataclass
class Things:
    """What one device group has: by route, what its address ends in."""

    group: DeviceGroup
    keys: dict[str, int | str] = field(default_factory=dict)
    # Addresses of further ones.
    more: list[str] = field(default_factory=list)

    def have(self, names: list[str], key: int | str) -> None:
        self.keys |= dict.fromkeys(names, key)

    def address(self, name: str) -> str:
        return reverse(name, args=[self.keys[name]] if name in self.keys else [])


def things_of_a_group(word: str) -> Things:
    """One of everything, all in one device group and all bearing the word."""
    recommendation = estate(name=word, related_component=word)
    things = Things(recommendation.counters.get().group)
    system = enable_intune()
    activity = _activity(recommendation, things.group, word)
    targets.freeze(activity, [things.group], system)
    ticket = TicketFactory(
        activity=activity, system=system, delivery_state=DeliveryState.DEAD, remote_note=word, reason=word, devices=3
    )
    things.have(_OF_A_RECOMMENDATION, recommendation.pk)
    things.have(_OF_AN_ACTIVITY, activity.pk)
    things.have(_OF_A_TICKET, ticket.pk)
    things.have(_OF_AN_EXCEPTION, _exception(recommendation, things.group, word, status="in_effect").pk)
    undecided = _exception(RecommendationFactory(name=word), things.group, word, status="awaiting")
    things.have(["exception_transition"], undecided.pk)
    things.have(["settings_finding_close"], _finding(ticket).pk)
    _have_inventory(things, recommendation, word)
    _have_devices(things, activity, word)
    return things


def things_of_everybody() -> dict[str, int | str]:
    """What belongs to no device group."""
    now = timezone.now()
    at = dict.fromkeys(["started_at", "heartbeat_at", "ended_at"], now)
    run = SyncRun.objects.create(source="defender", state=SyncState.HELD, **at)
    of_a_run = dict.fromkeys(["settings_sync", "settings_sync_confirm"], run.pk)
    of_a_system = dict.fromkeys(["settings_switch", "settings_connection_test"], "intune")
    return {**of_a_run, **of_a_system, "settings_feed_load": "kev"}


def _activity(recommendation: Recommendation, group: DeviceGroup, word: str) -> RemediationActivity:
    activity = ActivityFactory(
        recommendation=recommendation, title=word, notes=word, all_groups=False, scope_key=str(group.pk)
    )
    activity.device_groups.add(group)
    return activity


def _exception(item: Recommendation, group: DeviceGroup, word: str, status: str) -> RecommendationException:
    now, by = timezone.now(), UserFactory()
    made = RecommendationException.objects.create(
        recommendation=item, request_key=uuid4(), justification="other", context=word, all_groups=False,
        scope_key=str(group.pk), ends_at=now + timedelta(days=1), exposed_then=3, impact_then=1, filed_by=by,
        filed_at=now, status=status, started_at=now, status_changed_by=by, status_changed_at=now,
    )  # fmt: skip
    made.device_groups.add(group)
    return made


def _finding(ticket: Ticket) -> RemoteFinding:
    now = timezone.now()
    return RemoteFinding.objects.create(
        system=ticket.system, kind="double", remote_id=f"second of {ticket.pk}", ticket=ticket, marker="m",
        found_at=now, seen_at=now,
    )  # fmt: skip


def _have_inventory(things: Things, recommendation: Recommendation, word: str) -> None:
    software = recommendation.software
    weakness = software.versions.get().weaknesses.get()
    type(software).objects.filter(pk=software.pk).update(name=word, vendor=word)
    type(weakness).objects.filter(pk=weakness.pk).update(name=f"CVE-{word}".upper())
    things.have(["software", "software_devices"], software.pk)
    things.have(["weakness", "weakness_devices"], weakness.pk)


def _have_devices(things: Things, activity: RemediationActivity, word: str) -> None:
    device = Device.objects.filter(group=things.group).earliest("pk")
    device.name = word
    device.save()
    report = InaccuracyReport.objects.create(
        device=device, reason="other", note=word, reported_by=activity.requester, reported_at=timezone.now()
    )
    things.have(_OF_A_DEVICE, device.pk)
    things.have(["inaccuracy", "close_inaccuracy"], report.pk)
