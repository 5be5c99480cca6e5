"""Target groups in Entra, made and filled through the running stand-in: none missing and none extra."""

from datetime import timedelta

import environ
import pytest
from django.urls import reverse
from django.utils import timezone

from integrations import directory as entra
from integrations import target_groups
from integrations.directory import Directory, NotDone
from integrations.microsoft import forget_clients
from remediation.models import ActivityDevice, AuditEvent, DeviceGroup, TargetGroup, TargetGroupState
from remediation.rules.target_groups import ask_for_group
from tests.factories import DeviceFactory, DeviceGroupFactory, TicketFactory, UserFactory
from tests.integrations.sandbox.conftest import no_foreign_certificates, running, sandbox  # noqa: F401
from tvm_remediation.clouds import microsoft_settings

pytestmark = pytest.mark.django_db
MAY = ["remediation.handle_remediation", "remediation.view_remediationactivity"]


@pytest.fixture
def tenant(sandbox, settings, monkeypatch):  # noqa: F811
    """The stand-in, with the registration for target groups in the environment as well."""
    for name, value in {**sandbox.environment, **sandbox.groups_credentials}.items():
        monkeypatch.setenv(name, value)
    settings.MICROSOFT = microsoft_settings(environ.Env())
    forget_clients()
    yield sandbox
    sandbox.control("clear-faults")
    for role in ("Group.ReadWrite.All", "Device.Read.All"):
        sandbox.control("grant", role=role)
    forget_clients()


@pytest.fixture
def ids(tenant) -> list[str]:
    machines = tenant.get("/api/machines?$top=200")["value"]
    return [one["aadDeviceId"] for one in machines if one["aadDeviceId"]][:45]


@pytest.fixture
def ticket(ids):
    """A ticket of 45 devices of the tenant and one that Entra does not know."""
    ticket = TicketFactory(devices=46)
    place = DeviceGroupFactory()
    for entra_id in [*ids, "00000000-0000-4000-8000-00000000beef"]:
        device = DeviceFactory(entra_device_id=entra_id, group=place)
        ActivityDevice.objects.create(
            activity=ticket.activity, device=device, group=place, batch=1, state_changed_at=timezone.now()
        )
    return ticket


@pytest.fixture
def group(ticket) -> TargetGroup:
    ask_for_group(ticket, by=UserFactory(may=MAY))
    return TargetGroup.objects.get()


def members_of(tenant, group: TargetGroup) -> list[str]:
    [found] = [one for one in tenant.groups() if one["uniqueName"] == group.unique_name]
    return found["deviceIds"]


def again(group: TargetGroup) -> None:
    TargetGroup.objects.update(next_attempt_at=timezone.now(), lease_until=None)
    target_groups.fill_all()
    group.refresh_from_db()


def test_every_device_that_entra_knows_is_in_the_group_once(tenant, group, ids):
    again(group)

    assert sorted(members_of(tenant, group)) == sorted(ids)
    assert (group.state, group.added, group.not_found) == (TargetGroupState.DONE, 45, 1)
    assert AuditEvent.objects.about(group.ticket).filter(verb="group_filled").count() == 1


class Dies(Exception):
    """A worker that is killed."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_killed_worker_is_followed_by_one_that_goes_on(tenant, group, ids, monkeypatch, when, step):
    calls = []
    add = Directory.add

    def dying(self, group_id, object_ids):
        calls.append(1)
        if len(calls) == step and when == "before":
            raise Dies
        add(self, group_id, object_ids)
        if len(calls) == step:
            raise Dies

    with monkeypatch.context() as patch, pytest.raises(Dies):
        patch.setattr(Directory, "add", dying)
        target_groups.fill_all()
    group.refresh_from_db()
    assert group.handled == (step - 1) * entra.AT_ONCE

    again(group)

    assert sorted(members_of(tenant, group)) == sorted(ids)
    assert (group.state, group.added, group.not_found) == (TargetGroupState.DONE, 45, 1)


def test_a_group_held_by_a_worker_is_left_to_it(tenant, group):
    TargetGroup.objects.update(lease_until=timezone.now() + timedelta(seconds=60))

    target_groups.fill_all()

    assert tenant.groups() == []


def test_the_holder_of_an_older_claim_writes_nothing(tenant, group):
    held = TargetGroup.objects.get()
    assert target_groups._claim(held)
    TargetGroup.objects.update(fence=held.fence + 1)

    target_groups._fill(held, Directory(), ends=float("inf"))

    group.refresh_from_db()
    assert (group.state, group.handled) == (TargetGroupState.WORKING, 0)


@pytest.mark.parametrize("fault", ["500", "503", "504_after", "timeout_after", "reset_after", "bad_json", "429", "401"])
def test_whatever_happens_on_the_way_none_is_missing_and_none_extra(tenant, group, ids, settings, fault):
    settings.DELIVERY_READ_TIMEOUT = 0.5
    tenant.control("fault", family="graph_change", kind=fault, count=2, probability=1, hold=1)

    for _ in range(4):
        again(group)

    assert sorted(members_of(tenant, group)) == sorted(ids)
    assert (group.state, group.added) == (TargetGroupState.DONE, 45)


def test_a_refusal_is_said_and_in_the_end_a_person_is_asked(tenant, group):
    tenant.control("withdraw", role="Group.ReadWrite.All")

    for _ in range(target_groups.MOST_FAILURES):
        again(group)

    assert group.state == TargetGroupState.FAILED
    assert "Insufficient privileges" in group.reason
    tenant.control("grant", role="Group.ReadWrite.All")
    assert ask_for_group(group.ticket, by=UserFactory(may=MAY))
    again(group)
    assert group.state == TargetGroupState.DONE


def test_the_registration_for_tickets_may_not_touch_groups(tenant):
    answer = tenant.call("PATCH", "/v1.0/groups(uniqueName='x')", json={}, headers={"Prefer": "create-if-missing"})

    assert answer.status_code == 403


def test_more_than_twenty_members_at_once_are_refused(tenant, ids):
    directory = Directory()
    group_id = directory.ensure_group("tvm-remediation-test", "Test")
    known = [*directory.object_ids(ids[:20]).values(), *directory.object_ids(ids[20:40]).values()]

    with pytest.raises(NotDone, match="exceeds the limit"):
        directory.add(group_id, known)

    assert directory.ensure_group("tvm-remediation-test", "Test") == group_id


@pytest.mark.parametrize("odd", ["", "x", "')/x?y='", "00000000-0000-4000-8000-0000000000'"])
def test_nothing_but_an_id_becomes_a_part_of_an_address(tenant, odd):
    assert Directory().object_ids([odd]) == {}


# --- Asking -----------------------------------------------------------------------------------------------------------
def test_asking_twice_makes_one(ticket, client):
    client.force_login(UserFactory(may=[*MAY, "remediation.view_recommendation"]))
    address = reverse("ticket_group", args=[ticket.pk])

    answers = [client.post(address) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert AuditEvent.objects.filter(verb="ask_for_group").count() == TargetGroup.objects.count() == 1


def test_it_is_off_where_no_registration_for_it_is_configured(ticket, client, settings, monkeypatch):
    monkeypatch.delenv("MICROSOFT_GROUPS_CLIENT_ID")
    settings.MICROSOFT = microsoft_settings(environ.Env())
    client.force_login(UserFactory(may=[*MAY, "remediation.view_recommendation"]))

    client.post(reverse("ticket_group", args=[ticket.pk]))
    target_groups.fill_all()

    assert not settings.MICROSOFT.makes_groups
    assert not TargetGroup.objects.exists()


@pytest.mark.parametrize("who", ["viewer", "part"])
def test_only_who_handles_all_groups_asks(ticket, client, who):
    some = [DeviceGroup.objects.first()]
    DeviceGroupFactory()
    ticket.activity.counts.create(group=DeviceGroupFactory(), targets=1)
    ticket.activity.counts.create(group=some[0], targets=1)
    user = UserFactory(may=MAY, device_groups=some) if who == "part" else UserFactory(may=MAY[1:])
    client.force_login(user)

    assert client.post(reverse("ticket_group", args=[ticket.pk])).status_code == 403
