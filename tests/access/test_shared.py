"""Work on devices of several groups, as it is seen by who may see one of them: cut to that one."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from remediation.models import (
    ActivityDevice,
    ActivityProgress,
    Device,
    Exposure,
    MemberState,
    Recommendation,
    RemediationActivity,
    TicketMember,
    User,
)
from remediation.roles import SECURITY_TEAM
from remediation.rules import exceptions
from remediation.rules.exceptions import ExceptionRequest
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.dashboard.conftest import words
from tests.factories import (
    CounterFactory,
    DeviceFactory,
    DeviceGroupFactory,
    UserFactory,
    enable_intune,
    estate,
)

from .crawl import read
from .hidden import CANARY
from .people import Visitor
from .things import Things

pytestmark = pytest.mark.django_db

# Devices: of the reader's group, of the other, and of both. No other number of a page is one of the last two.
OWN, HIDDEN, WHOLE = 3, 734, 737
MORNING = timezone.make_aware(timezone.datetime(2026, 11, 20, 10))


@pytest.fixture
def shared():
    """An activity and an exception over a group that the reader sees, and one of which nothing is to be seen."""
    with time_machine.travel(MORNING, tick=False):
        recommendation = estate(devices=OWN, name="Plain")
        _hide_devices(recommendation)
        enable_intune()
        overseer = UserFactory(roles=[SECURITY_TEAM])
        activity = _request(recommendation, overseer)
        things = Things(recommendation.counters.earliest("pk").group)
        things.have(["activity"], activity.pk)
        things.have(["ticket_state", "group_script"], _tell_of_all(activity).pk)
        things.have(["exception"], _file(recommendation, overseer).pk)
        things.have(["recommendation", "remediation_options", "exception_options"], recommendation.pk)
        yield things


def _hide_devices(recommendation: Recommendation) -> None:
    group = DeviceGroupFactory(name=f"{CANARY} group")
    version = recommendation.exposures.first().version
    now = timezone.now()
    Device.objects.bulk_create(
        DeviceFactory.build(group=group, name=f"{CANARY}-{number}", source_id=f"{CANARY}-{number}", last_seen_at=now)
        for number in range(HIDDEN)
    )
    Exposure.objects.bulk_create(
        Exposure(recommendation=recommendation, device=device, version=version, first_seen_at=now)
        for device in group.devices.all()
    )
    CounterFactory(recommendation=recommendation, group=group, exposed=HIDDEN, total=HIDDEN, eligible=HIDDEN)


def _request(recommendation: Recommendation, by: User) -> RemediationActivity:
    wanted = RemediationRequest(
        request_key=uuid4(),
        requested_remediation="update",
        priority="high",
        due_on=timezone.localdate() + timedelta(days=7),
        ticket_system="intune",
    )
    return request_remediation(recommendation, wanted, by=by)[0]


def _tell_of_all(activity: RemediationActivity):
    """What a sync and a delivery leave behind, of every device."""
    hidden = ActivityDevice.objects.filter(activity=activity, device__name__startswith=CANARY)
    hidden.update(disk_paths=[CANARY], installed_version=CANARY, checked_at=timezone.now(), is_exposed=True)
    for count in activity.counts.all():
        ActivityProgress.objects.create(
            activity=activity, group=count.group, day=timezone.localdate(), unresolved=count.targets
        )
    ticket = activity.tickets.get()
    TicketMember.objects.bulk_create(
        TicketMember(ticket=ticket, device_id=device, state=MemberState.UNKNOWN, reason="Not known")
        for device in activity.devices.values_list("device", flat=True)
    )
    ticket.members_left_out = WHOLE
    ticket.save()
    return ticket


def _file(recommendation: Recommendation, by: User):
    wanted = ExceptionRequest(
        request_key=uuid4(),
        justification="other",
        context="It cannot be done before the spring.",
        evidence=[],
        ends_at=timezone.now() + timedelta(days=30),
        groups=None,
    )
    return exceptions.file(recommendation, wanted, by=by)[0]


@pytest.mark.security(id="S3")
def test_of_shared_work_a_reader_sees_their_part_alone(shared):
    hidden = Device.objects.filter(name__startswith=CANARY)
    words_of_others = [CANARY, *hidden.values_list("entra_device_id", flat=True)]

    pages = read(Visitor(SECURITY_TEAM, [shared.group]), shared)

    for address, said in pages.items():
        assert said.startswith("200"), address
        assert [word for word in words_of_others if word in said] == [], address
        assert re.findall(rf"\b({HIDDEN}|{WHOLE})\b", re.sub(r"<[^>]+>", " ", said)) == [], address


@pytest.mark.security(id="S3")
def test_their_part_is_told_in_numbers_and_names(shared):
    visitor = Visitor(SECURITY_TEAM, [shared.group])

    page = words(visitor.ask("GET", shared.address("activity")))
    script = visitor.ask("GET", shared.address("group_script")).getvalue().decode()

    assert f"of {OWN} target devices" in page
    assert f"{OWN} devices are not in it" in page
    assert all(device.name in page and device.entra_device_id in script for device in shared.group.devices.all())


@pytest.mark.security(id="S3")
def test_who_sees_all_is_told_all(shared):
    page = words(Visitor(SECURITY_TEAM).ask("GET", shared.address("activity")))

    assert f"of {WHOLE} target devices" in page
    assert f"devices: {WHOLE}" in page
    assert f"{WHOLE} devices are not in it" in page
