"""Retry, and what a page says of a ticket."""

import pytest
from django.core.exceptions import PermissionDenied

from integrations.delivery import send, sweep
from integrations.delivery.people import retry
from integrations.delivery.states import describe
from remediation.models import ActivityCount, AuditEvent, DeliveryState, RemoteState, Ticket, TicketSystem
from remediation.rules.transitions import InvalidTransition
from tests.factories import DeviceGroupFactory, TicketFactory, UserFactory, enable_intune

S = DeliveryState
MAY = ["remediation.handle_remediation"]


def again(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_related("system").get(pk=ticket.pk)


@pytest.fixture
def unclear(there, ticket, clock) -> Ticket:
    """Dead, and nobody knows whether it stands there."""
    there.fates.append("504_after_commit")
    there.listing_breaks = True
    send.deliver()
    clock.shift(25 * 3600)
    sweep.sweep_here()
    there.listing_breaks = False
    return again(ticket)


def test_retry_of_an_unclear_ticket_looks_first(there, unclear, clock):
    retry(unclear, by=UserFactory(may=MAY))

    sweep.sweep_here()

    assert (again(unclear).delivery_state, len(there.posts)) == (S.DELIVERED, 1)
    assert AuditEvent.objects.about(unclear).filter(verb="retry").get().through == "page"


def test_retry_of_a_refused_ticket_sends_it_again_at_once(there, ticket, clock):
    there.fates.append("400")
    send.deliver()

    retry(again(ticket), by=UserFactory(may=MAY))
    send.deliver()

    assert (again(ticket).delivery_state, len(there.posts)) == (S.DELIVERED, 2)


def test_retry_twice_is_a_conflict(there, unclear):
    by = UserFactory(may=MAY)
    retry(unclear, by=by)

    with pytest.raises(InvalidTransition):
        retry(unclear, by=by)


def test_retry_of_what_is_not_dead_is_a_conflict(there, ticket):
    with pytest.raises(InvalidTransition):
        retry(ticket, by=UserFactory(may=MAY))


def test_retry_of_what_is_not_wanted_any_more_is_a_conflict(there, unclear):
    Ticket.objects.update(cancel_wanted=True)

    with pytest.raises(InvalidTransition):
        retry(again(unclear), by=UserFactory(may=MAY))


def test_retry_needs_the_permission_and_the_whole_scope(there, unclear):
    mine, other = DeviceGroupFactory(), DeviceGroupFactory()
    ActivityCount.objects.create(activity=unclear.activity, group=other, targets=1)

    for by in (UserFactory(), UserFactory(may=MAY, device_groups=[mine])):
        with pytest.raises(PermissionDenied):
            retry(unclear, by=by)
    assert again(unclear).delivery_state == S.DEAD


def test_each_state_has_its_words_and_only_an_id_says_created(there, clock):
    labels = {}
    for state in DeliveryState:
        there_is = {"remote_id": f"id-{state}"} if state == S.DELIVERED else {}
        lease = {"lease_until": "2027-01-11T09:02Z"} if state == S.SENDING else {}
        labels[state] = describe(again(TicketFactory(delivery_state=state, **there_is, **lease))).label

    assert labels[S.DELIVERED] == "Created"
    assert list(labels.values()).count("Created") == 1
    assert len(set(labels.values())) == len(labels)


@pytest.mark.parametrize(
    ("state", "label"),
    [("unknown", "Created"), ("pending", "Created"), ("active", "Accepted"), ("rejected", "Rejected")],
)
def test_a_created_ticket_says_what_stands_there(there, clock, state, label):
    ticket = TicketFactory(delivery_state=S.DELIVERED, remote_id="x", remote_state=state, remote_note="Why.")

    standing = describe(again(ticket))

    assert (standing.label, standing.is_moving) == (label, False)


def test_a_waiting_ticket_says_what_it_waits_for(there, ticket, clock):
    assert describe(again(ticket)).label == "Queued"

    there.fates.append("429")
    send.deliver()
    assert describe(again(ticket)).label == "Retrying"
    assert describe(again(ticket)).retry_at == TicketSystem.objects.get().paused_until

    clock.shift(31)
    there.fates.extend(["403", "403"])
    send.deliver()
    standing = describe(again(ticket))
    assert (standing.label, standing.needs_attention) == ("Creation refused", True)
    assert "CSV" in standing.detail
    assert "CSV" in describe(again(TicketFactory())).detail

    TicketSystem.objects.update(create_route="works")
    assert describe(again(ticket)).label == "Waiting for the connection"

    enable_intune(False)
    assert describe(again(ticket)).label == "On hold"

    Ticket.objects.update(cancel_wanted=True)
    assert describe(again(ticket)).label == "Being cancelled"


def test_a_missing_ticket_is_said_to_be_missing(there, clock):
    ticket = TicketFactory(delivery_state=S.DELIVERED, remote_id="x", remote_state=RemoteState.MISSING)

    assert describe(again(ticket)).label == "Missing"
