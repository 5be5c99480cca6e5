"""Filling a ticket device by device: counted, resumed, nothing missing and nothing twice."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from integrations import connectors
from integrations.delivery import fill, look, sweep
from integrations.delivery.states import explain
from remediation.models import (
    ActivityDevice,
    AttemptPurpose,
    AuditEvent,
    DeliveryState,
    Device,
    Lease,
    MemberState,
    RemoteState,
    Ticket,
    TicketMember,
    TicketSystem,
)
from remediation.rules.activities import transition
from tests.factories import ActivityFactory, DeviceGroupFactory, TicketFactory, UserFactory

from .collections import FakeCollections, Killed

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(db, monkeypatch) -> FakeCollections:
    system = FakeCollections()
    monkeypatch.setitem(connectors.CONNECTORS, "configmgr", system)
    TicketSystem.objects.filter(key="configmgr").update(is_enabled=True)
    return system


def a_ticket(devices: int, first: int = 0) -> Ticket:
    """With so many target devices, ws-00000 and up."""
    group = DeviceGroupFactory()
    now = timezone.now()
    made = Device.objects.bulk_create(
        Device(source_id=f"{n:040x}", name=f"ws-{n:05}", group=group, first_seen_at=now, last_seen_at=now)
        for n in range(first, first + devices)
    )
    activity = ActivityFactory()
    ActivityDevice.objects.bulk_create(
        ActivityDevice(activity=activity, device=device, group=group, batch=1, state_changed_at=now) for device in made
    )
    return TicketFactory(activity=activity, system=TicketSystem.objects.get(key="configmgr"), devices=devices)


@pytest.fixture
def ticket(there, clock) -> Ticket:
    return a_ticket(7)


def again(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_related("system", "activity").get(pk=ticket.pk)


def names(there: FakeCollections, ticket: Ticket) -> list[str]:
    return sorted(there.rules.get(again(ticket).remote_id, []))


def all_of(devices: int, first: int = 0) -> list[str]:
    return [f"ws-{n:05}" for n in range(first, first + devices)]


def bury(ticket: Ticket) -> None:
    """What a kill leaves: nothing was written down after it, and the lease is somebody else's until it lapses."""
    TicketMember.objects.filter(ticket=ticket, state=MemberState.ADDED).update(state=MemberState.FOUND)
    until = timezone.now() + timedelta(seconds=settings.DELIVERY_LEASE)
    Lease.objects.filter(name=f"fill:{ticket.pk}").update(holder="somebody:else", until=until)


def test_the_ticket_is_delivered_and_then_filled(there, ticket):
    sweep.attend([ticket.pk])

    now = again(ticket)
    assert (now.delivery_state, now.members_added, now.members_left_out) == (DeliveryState.DELIVERED, 7, 0)
    assert names(there, ticket) == all_of(7)
    assert now.filled_at is not None
    assert AuditEvent.objects.about(now).get(verb="filled").after == {"devices": 7, "left_out": 0}


def test_filling_twice_adds_nothing(there, ticket):
    sweep.attend([ticket.pk])
    Ticket.objects.update(filled_at=None)

    sweep.attend([ticket.pk])

    assert (there.additions, again(ticket).filled_at is not None) == (7, True)
    assert AuditEvent.objects.about(ticket).filter(verb="filled").count() == 2


@pytest.mark.parametrize("sent", [False, True], ids=["before the request", "after the request"])
@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_kill_between_two_devices_loses_and_doubles_none(there, ticket, clock, after, sent):
    there.dies_after, there.dies_sent = after, sent
    with pytest.raises(Killed):
        sweep.attend([ticket.pk])
    bury(ticket)
    there.dies_after = None

    sweep.attend([ticket.pk])
    assert again(ticket).filled_at is None, "the lease of the dead still holds"
    clock.shift(settings.DELIVERY_LEASE + 1)
    sweep.attend([ticket.pk])

    assert names(there, ticket) == all_of(7)
    assert (again(ticket).members_added, there.doubled(again(ticket).remote_id)) == (7, [])


def test_ten_thousand_devices_survive_three_kills(there, clock):
    ticket = a_ticket(10_000)
    sweep.send.deliver()
    for alive in (0, 6_213, 2_000):
        there.dies_after, there.dies_sent = alive, True
        with pytest.raises(Killed):
            fill.fill()
        if alive == 6_213:
            assert "6,214 of 10,000" in explain(again(ticket)).detail
        bury(ticket)
        clock.shift(settings.DELIVERY_LEASE + 1)
    there.dies_after = None

    fill.fill()

    assert names(there, ticket) == all_of(10_000)
    assert (there.additions, again(ticket).members_added) == (10_000, 10_000)


def test_a_round_that_is_over_goes_on_in_the_next(there, ticket):
    sweep.send.deliver()
    answers = iter([False] * 6 + [True] * 20)

    fill.fill(until=lambda: next(answers))
    assert 0 < again(ticket).members_added < 7
    fill.fill()

    assert names(there, ticket) == all_of(7)
    assert there.additions == 7


@pytest.mark.parametrize(
    "fate", ["lost_after_commit", "lost_before_commit", "500", "503", "429", "401", "403", "not_sent"]
)
def test_whatever_happens_to_an_addition_it_goes_on_later(there, ticket, clock, fate):
    there.member_fates.extend(["ok", "ok", fate])

    sweep.attend([ticket.pk])
    assert again(ticket).filled_at is None
    attempt = ticket.history.get(purpose=AttemptPurpose.FILL)
    assert attempt.reason
    clock.shift(settings.DELIVERY_QUARANTINE + 1)
    sweep.attend([ticket.pk])

    assert names(there, ticket) == all_of(7)
    assert there.doubled(again(ticket).remote_id) == []


def test_an_addition_of_unknown_outcome_is_waited_for(there, ticket, clock):
    there.member_fates.append("lost_after_commit")

    sweep.attend([ticket.pk])
    clock.shift(settings.DELIVERY_QUARANTINE - 1)
    sweep.attend([ticket.pk])

    assert there.additions == 1


def test_a_device_that_is_refused_holds_up_no_other(there, ticket):
    there.member_fates.extend(["ok", "400"])

    sweep.attend([ticket.pk])

    now = again(ticket)
    assert (now.members_added, now.members_left_out, now.filled_at is not None) == (6, 1, True)
    assert ticket.members.get(state=MemberState.REFUSED).reason


def test_devices_that_are_not_known_there_are_listed(there, ticket):
    there.unknown = {"ws-00002", "ws-00005"}

    sweep.attend([ticket.pk])

    left_out = ticket.members.filter(state=MemberState.UNKNOWN).values_list("device__name", flat=True)
    assert sorted(left_out) == ["ws-00002", "ws-00005"]
    assert (again(ticket).members_added, again(ticket).members_left_out) == (5, 2)


def test_a_member_that_somebody_removed_while_it_was_filled_is_added_again(there, ticket):
    there.member_fates.extend(["ok"] * 6 + ["429"])
    sweep.attend([ticket.pk])
    there.rules[again(ticket).remote_id].remove("ws-00001")
    TicketSystem.objects.update(paused_until=None)
    Ticket.objects.update(fill_next_at=None)

    sweep.attend([ticket.pk])

    assert names(there, ticket) == all_of(7)


def test_members_of_somebody_else_stay(there, ticket):
    sweep.send.deliver()
    there.rules[again(ticket).remote_id] = ["somebody-elses"]

    fill.fill()

    assert names(there, ticket) == ["somebody-elses", *all_of(7)]


def test_a_ticket_that_is_adopted_is_filled_too(there, ticket, clock):
    there.fates.append("lost_after_commit")
    sweep.attend([ticket.pk])
    clock.shift(settings.DELIVERY_QUARANTINE + 1)
    look.look_everywhere()

    sweep.sweep()

    assert names(there, ticket) == all_of(7)


def test_a_ticket_that_is_not_wanted_any_more_is_not_filled(there, ticket):
    there.member_fates.extend(["ok", "429"])
    sweep.attend([ticket.pk])
    transition(ticket.activity, "cancel", by=UserFactory(may=["remediation.handle_remediation"]), note="No.")
    TicketSystem.objects.update(paused_until=None)
    Ticket.objects.update(fill_next_at=None)

    sweep.attend([ticket.pk])
    sweep.attend([ticket.pk])

    assert there.additions == 1
    assert again(ticket).remote_state == RemoteState.REJECTED


def test_a_collection_that_was_deleted_meanwhile_is_missing(there, ticket):
    there.member_fates.extend(["ok", "429"])
    sweep.attend([ticket.pk])
    there.tickets.clear()
    TicketSystem.objects.update(paused_until=None)
    Ticket.objects.update(fill_next_at=None)

    sweep.attend([ticket.pk])
    sweep.attend([ticket.pk])

    assert again(ticket).remote_state == RemoteState.MISSING
    assert there.additions == 1


def test_a_system_that_is_switched_off_gets_nothing(there, ticket):
    there.member_fates.extend(["ok", "not_sent"])
    sweep.attend([ticket.pk])
    TicketSystem.objects.filter(key="configmgr").update(is_enabled=False)
    Ticket.objects.update(fill_next_at=None)

    sweep.attend([ticket.pk])

    assert there.additions == 1
