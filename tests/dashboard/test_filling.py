"""A ticket that gets its devices one by one: what its activity's page shows of that."""

import pytest
from django.urls import reverse
from django.utils import timezone

from remediation.models import DeliveryState, Ticket, TicketMember, TicketSystem
from remediation.roles import SECURITY_TEAM
from tests.factories import ActivityFactory, DeviceFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket():
    TicketSystem.objects.filter(key="configmgr").update(is_enabled=True)
    activity = ActivityFactory()
    system = TicketSystem.objects.get(key="configmgr")
    return TicketFactory(
        activity=activity, system=system, devices=10_000, remote_id="PS100014", remote_state="pending",
        delivery_state=DeliveryState.DELIVERED, members_added=6_214,
    )  # fmt: skip


def test_its_progress_is_counted_and_followed(client, ticket):
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))
    page = client.get(ticket.activity.get_absolute_url()).content.decode()

    assert "6,214 of 10,000 devices are in it so far." in page
    assert reverse("ticket_state", args=[ticket.pk]) in page


def test_what_could_not_go_in_is_listed(client, ticket):
    device = DeviceFactory(name="ws-4711.corp.example")
    TicketMember.objects.create(ticket=ticket, device=device, state="unknown", reason="Not known there.")
    Ticket.objects.update(members_left_out=1, members_added=9_999, filled_at=timezone.now())
    client.force_login(UserFactory(roles=[SECURITY_TEAM]))

    page = client.get(ticket.activity.get_absolute_url()).content.decode()

    assert "ws-4711.corp.example" in page
    assert "so far" not in page
    assert "1 left out" in page
