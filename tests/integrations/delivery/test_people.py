"""Retry, and what a page says of a ticket."""

import pytest
from django.core.exceptions import PermissionDenied

from integrations.delivery import send, sweep
from integrations.delivery.people import retry
from integrations.delivery.states import Standing, explain
from remediation.models import ActivityCount, AuditEvent, DeliveryState, Ticket, TicketSystem
from remediation.rules.activities import transition
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


def test_a_ticket_that_completion_left_unsent_is_sent_by_retry_after_a_reopening(there, ticket, clock):
    person = UserFactory(may=[*MAY, "remediation.complete_activity"])
    transition(ticket.activity, "complete", by=person)
    sweep.sweep_here()
    transition(ticket.activity, "reopen", by=person, note="Not done after all.")
    assert again(ticket).delivery_state == S.CANCELLED
    assert "Retry sends it" in explain(again(ticket)).detail

    retry(again(ticket), by=person)
    send.deliver()

    assert (again(ticket).delivery_state, len(there.posts)) == (S.DELIVERED, 1)


def test_a_ticket_of_an_activity_that_is_over_is_not_retried(there, ticket, clock):
    person = UserFactory(may=[*MAY, "remediation.complete_activity"])
    transition(ticket.activity, "complete", by=person)
    sweep.sweep_here()

    with pytest.raises(InvalidTransition):
        retry(again(ticket), by=person)


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


def test_a_waiting_ticket_says_what_it_waits_for(there, ticket, clock):
    assert explain(again(ticket)) == Standing()

    there.fates.append("429")
    send.deliver()
    assert explain(again(ticket)).retry_at == TicketSystem.objects.get(key="intune").paused_until

    clock.shift(31)
    there.fates.extend(["403", "403"])
    send.deliver()
    standing = explain(again(ticket))
    assert standing.needs_attention
    assert "CSV" in standing.detail
    assert "CSV" in explain(again(TicketFactory())).detail

    TicketSystem.objects.update(create_route="works", last_error="No such host.")
    assert explain(again(TicketFactory())).detail == "No such host."

    enable_intune(False)
    assert "switched off" in explain(again(ticket)).detail

    Ticket.objects.update(cancel_wanted=True)
    assert not explain(again(ticket)).needs_attention


def test_an_uncertain_ticket_says_that_it_is_looked_for(there, ticket, clock):
    there.fates.append("503")
    send.deliver()

    standing = explain(again(ticket))

    assert "looked for before anything is sent again" in standing.detail
    assert standing.retry_at == again(ticket).next_attempt_at


def test_a_failed_ticket_says_why_and_asks_for_attention(there, ticket, clock):
    there.fates.append("400")
    send.deliver()

    assert explain(again(ticket)) == Standing("Answered 400.", needs_attention=True)
