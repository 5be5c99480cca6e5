"""Collections by the real delivery and the real connector against the running stand-in, with faults on the way."""

from collections import Counter
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations.delivery import fill, look, sweep
from remediation.models import DeliveryState, Device, MemberState, RemoteState, Ticket, TicketSystem
from remediation.rules.activities import transition
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import UserFactory, estate
from tests.integrations.connectors.conftest import no_foreign_certificates, running, sandbox, tenant  # noqa: F401
from tests.integrations.connectors.test_configmgr import devices_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def quick(settings):
    settings.DELIVERY_QUARANTINE = settings.DELIVERY_LISTING_GAP = 0
    settings.DELIVERY_READ_TIMEOUT = 0.5
    settings.DELIVERY_BACKOFF_BASE = 0.01
    settings.DELIVERY_PROBE = 0.1


def a_ticket(tenant, known: int, unknown: int = 0) -> Ticket:  # noqa: F811
    """For devices of the site, half of them by Entra id, and some that it does not know."""
    TicketSystem.objects.filter(key="configmgr").update(is_enabled=True)
    recommendation = estate(devices=known + unknown)
    there = devices_of(tenant)
    for number, device in enumerate(Device.objects.order_by("pk")):
        if number < known:
            device.name = f"{there[number]['Name'].lower()}.corp.example"
            real_id = there[number]["AADDeviceID"]
            device.entra_device_id = "" if number % 2 or real_id.startswith("0000") else real_id
            device.save()
    by = UserFactory(may=["remediation.handle_remediation"])
    asked = RemediationRequest(uuid4(), "update", "high", timezone.localdate(), ticket_system="configmgr")
    activity, _ = request_remediation(recommendation, asked, by=by)
    return activity.tickets.get()


def settle(ticket: Ticket, rounds: int = 12) -> Ticket:
    """Rounds until it is filled, without waiting for pauses."""
    for _ in range(rounds):
        sweep.sweep_here()
        ticket.refresh_from_db()
        if ticket.filled_at:
            break
        TicketSystem.objects.update(paused_until=None)
        Ticket.objects.update(fill_next_at=None, next_attempt_at=timezone.now())
    return ticket


def stored(tenant) -> dict[str, Counter]:  # noqa: F811
    """Collection -> how often each resource is in it."""
    found = tenant.dump()["collections"]
    return {
        collection["CollectionID"]: Counter(rule["ResourceID"] for rule in collection["CollectionRules"])
        for collection in found
    }


def test_a_ticket_is_a_collection_of_its_devices(tenant, quick):  # noqa: F811
    ticket = settle(a_ticket(tenant, known=6, unknown=2))

    expected = Counter(device["MachineId"] for device in devices_of(tenant)[:6])
    assert stored(tenant) == {ticket.remote_id: expected}
    assert (ticket.devices, ticket.members_added, ticket.members_left_out) == (8, 6, 2)
    assert ticket.members.filter(state=MemberState.UNKNOWN).count() == 2


FAULTS = "500 503 504_before 504_after 500_after 503_after timeout_before timeout_after reset_before reset_after"


@pytest.mark.parametrize("fault", [*FAULTS.split(), "bad_json", "empty", "html", "401", "403", "429"])
@pytest.mark.parametrize("family", ["configmgr_create", "configmgr_member"])
def test_whatever_happens_on_the_way_there_is_one_collection_with_each_device_once(tenant, quick, family, fault):  # noqa: F811
    ticket = a_ticket(tenant, known=3)
    tenant.control("fault", family=family, kind=fault, hold=1)

    settle(ticket)

    expected = Counter(device["MachineId"] for device in devices_of(tenant)[:3])
    assert (ticket.delivery_state, stored(tenant)) == (DeliveryState.DELIVERED, {ticket.remote_id: expected})


@pytest.mark.parametrize("state", ["active", "rejected", "completed"])
def test_what_the_administrator_writes_into_the_comment_comes_back(tenant, quick, state):  # noqa: F811
    ticket = settle(a_ticket(tenant, known=1))
    tenant.control("answer-collection", collection=ticket.remote_id, state=state, note="Not before Friday.")

    look.look_everywhere()

    ticket.refresh_from_db()
    assert (ticket.remote_state, ticket.remote_note) == (state, "Not before Friday.")


def test_completing_the_activity_marks_the_comment_and_deletes_nothing(tenant, quick):  # noqa: F811
    ticket = settle(a_ticket(tenant, known=2))
    before = stored(tenant)
    transition(ticket.activity, "complete", by=UserFactory(may=["remediation.complete_activity"]), note="Done.")

    sweep.attend([ticket.pk])

    [collection] = tenant.dump()["collections"]
    assert collection["Comment"].startswith("Status: completed. Done.\n")
    assert ticket.marker in collection["Comment"]
    assert stored(tenant) == before


def test_a_collection_that_was_deleted_is_missing_and_not_made_again(tenant, quick):  # noqa: F811
    ticket = settle(a_ticket(tenant, known=1))
    tenant.control("delete-collection", collection=ticket.remote_id)

    for _ in range(3):
        sweep.sweep_here()

    ticket.refresh_from_db()
    assert (ticket.remote_state, stored(tenant)) == (RemoteState.MISSING, {})


def test_an_account_without_a_role_waits_until_it_has_one(tenant, quick):  # noqa: F811
    ticket = a_ticket(tenant, known=1)
    tenant.control("mode", name="site_role", value="none")
    settle(ticket, rounds=2)
    assert (ticket.delivery_state, stored(tenant)) == (DeliveryState.READY, {})

    tenant.control("mode", name="site_role", value="full")
    settle(ticket)

    assert len(stored(tenant)) == 1
    assert fill.fill() == 0
