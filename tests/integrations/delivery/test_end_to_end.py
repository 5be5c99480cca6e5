"""The real delivery and the real connector against the running stand-in, over HTTPS, with faults on the way."""

import json
import time
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations.connectors.intune import Intune
from integrations.delivery import foreign, look, people, sweep
from integrations.microsoft import forget_clients
from remediation.markers import find_markers
from remediation.models import DeliveryState, Ticket, TicketSystem
from remediation.rules.activities import transition
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import UserFactory, enable_intune, estate
from tests.integrations.connectors.conftest import no_foreign_certificates, running, sandbox, tenant  # noqa: F401

pytestmark = pytest.mark.django_db
S = DeliveryState


@pytest.fixture
def quick(settings):
    """The same rules with short waits."""
    settings.DELIVERY_QUARANTINE = settings.DELIVERY_LISTING_GAP = 0
    settings.DELIVERY_READ_TIMEOUT = 0.5
    settings.DELIVERY_BACKOFF_BASE = 0.01
    settings.DELIVERY_PROBE = 0.1


@pytest.fixture
def ticket(tenant, quick, db) -> Ticket:  # noqa: F811
    enable_intune()
    by = UserFactory(may=["remediation.handle_remediation"])
    asked = RemediationRequest(uuid4(), "update", "high", timezone.localdate(), "A note.", ticket_system="intune")
    activity, _ = request_remediation(estate(devices=3), asked, by=by)
    return activity.tickets.get()


def settle(ticket: Ticket, rounds: int = 8) -> Ticket:
    """Rounds until it stands, without waiting for pauses."""
    for _ in range(rounds):
        sweep.sweep_here()
        ticket.refresh_from_db()
        if ticket.delivery_state == S.DELIVERED:
            break
        TicketSystem.objects.update(paused_until=None)
        Ticket.objects.filter(delivery_state=S.READY).update(next_attempt_at=timezone.now())
    return ticket


def ours(tenant, ticket: Ticket) -> list[dict]:  # noqa: F811
    return [task for task in tenant.dump()["tasks"] if ticket.marker in find_markers(task["description"])]


def test_a_ticket_is_created_with_its_devices(tenant, ticket):  # noqa: F811
    settle(ticket)

    [task] = ours(tenant, ticket)
    assert task["id"] == ticket.remote_id
    assert len(task["managedDevices"]) == task["managedDeviceCount"] == 3
    assert ticket.history.get().remote_request_id or ticket.history.get().client_request_id


FAULTS = "500 503 504_before 504_after 500_after 503_after timeout_before timeout_after late_commit reset_before"
MORE_FAULTS = "reset_after bad_json empty html 401 403 429"


@pytest.mark.fault(id="F15")
@pytest.mark.fault(id="F16")
@pytest.mark.fault(id="F17")
@pytest.mark.fault(id="F18")
@pytest.mark.fault(id="F19")
@pytest.mark.parametrize("fault", [*FAULTS.split(), *MORE_FAULTS.split()])
def test_whatever_happens_on_the_way_there_is_exactly_one(tenant, ticket, fault):  # noqa: F811
    tenant.control("fault", family="graph_create", kind=fault, hold=1)
    if fault == "late_commit":
        # It is stored a second after its 504; a quarantine has to be longer than that.
        sweep.attend([ticket.pk])
        time.sleep(1.2)

    settle(ticket)

    [task] = ours(tenant, ticket)
    assert (ticket.delivery_state, ticket.remote_id) == (S.DELIVERED, task["id"])


@pytest.mark.fault(id="F14")
@pytest.mark.parametrize("form", ["integer", "fractional", "date", "past", "absurd", "none"])
def test_every_form_of_retry_after_pauses_everybody(tenant, ticket, form):  # noqa: F811
    tenant.control("fault", family="graph_create", kind="429", retry_after=form)

    sweep.attend([ticket.pk])

    pause = TicketSystem.objects.get(key="intune").paused_until - timezone.now()
    assert -1 < pause.total_seconds() <= 3600
    ticket.refresh_from_db()
    assert (ticket.delivery_state, ticket.attempts) == (S.READY, 0)


@pytest.mark.fault(id="F20")
@pytest.mark.parametrize("fault", ["429", "503", "401", "reset_before", "html"])
def test_while_nobody_can_sign_in_tickets_wait_and_then_go_out(tenant, ticket, fault):  # noqa: F811
    tenant.control("fault", family="token", kind=fault, count="")
    forget_clients()
    settle(ticket, rounds=2)
    assert (ticket.delivery_state, ticket.attempts, ours(tenant, ticket)) == (S.READY, 0, [])

    tenant.control("clear-faults")
    settle(ticket)

    assert len(ours(tenant, ticket)) == 1


@pytest.mark.parametrize("mode", ["ignore", "reject"])
def test_a_tenant_that_takes_no_devices_gets_one_ticket_all_the_same(tenant, ticket, mode):  # noqa: F811
    tenant.control("mode", name="inline_devices", value=mode)

    settle(ticket)

    [task] = ours(tenant, ticket)
    assert TicketSystem.objects.get(key="intune").takes_devices is False
    assert (task["managedDevices"], task["managedDeviceCount"]) == ([], 3)


def test_a_tenant_that_takes_devices_is_known_to_after_the_first_ticket(tenant, ticket):  # noqa: F811
    settle(ticket)

    assert TicketSystem.objects.get(key="intune").takes_devices is True


@pytest.mark.fault(id="F21")
def test_a_tenant_that_refuses_creation_is_asked_again_when_consent_came(tenant, ticket):  # noqa: F811
    tenant.control("withdraw", role="DeviceManagementApps.ReadWrite.All")
    tenant.control("withdraw", role="DeviceManagementConfiguration.ReadWrite.All")
    forget_clients()

    settle(ticket, rounds=2)
    assert ticket.delivery_state == S.READY
    assert "CSV" in ticket.reason
    assert ours(tenant, ticket) == []

    tenant.control("grant", role="DeviceManagementApps.ReadWrite.All")
    settle(ticket)
    assert len(ours(tenant, ticket)) == 1


@pytest.mark.fault(id="F28")
@pytest.mark.parametrize(("verb", "state"), [("accept", "active"), ("reject", "rejected"), ("complete", "completed")])
def test_what_the_intune_administrator_does_comes_back(tenant, ticket, verb, state):  # noqa: F811
    settle(ticket)
    tenant.control(verb, task=ticket.remote_id, note="Not before Friday.")

    look.look_everywhere()

    ticket.refresh_from_db()
    assert ticket.remote_state == state


def test_completing_the_activity_completes_the_task(tenant, ticket):  # noqa: F811
    settle(ticket)
    by = UserFactory(may=["remediation.complete_activity"])
    transition(ticket.activity, "complete", by=by, note="Done on Friday.")

    sweep.attend([ticket.pk])

    [task] = ours(tenant, ticket)
    assert (task["status"], task["note"]) == ("completed", "Done on Friday.")


def test_where_creating_is_refused_a_task_that_others_have_made_is_adopted_and_followed(tenant, ticket):  # noqa: F811
    others = {
        "@odata.type": "#microsoft.graph.appVulnerabilityTask",
        "displayName": "Update it",
        "appName": ticket.facts["product"],
        "dueDateTime": "2027-02-01T23:59:59Z",
    }
    theirs = Intune().create(json.dumps(others).encode()).remote_id
    tenant.control("fault", family="graph_create", kind="403", count="")
    sweep.sweep_here()
    ticket.refresh_from_db()

    look.look(TicketSystem.objects.get(key="intune"))
    [offered] = foreign.candidates(ticket)
    people.adopt(ticket, offered.remote_id, by=UserFactory(may=["remediation.handle_remediation"]))
    tenant.control("complete", task=theirs)
    look.look(TicketSystem.objects.get(key="intune"))

    ticket.refresh_from_db()
    assert (ticket.delivery_state, ticket.remote_id, ticket.remote_state) == (S.DELIVERED, theirs, "completed")
    assert ours(tenant, ticket) == []
