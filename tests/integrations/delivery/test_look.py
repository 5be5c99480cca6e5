"""Looking: presence is believed from any listing, absence only from complete ones after the quarantine."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.delivery import claim, look, reconcile, send, sweep
from remediation.models import (
    AttemptPurpose,
    AttemptResult,
    AuditEvent,
    DeliveryState,
    RemediationActivity,
    RemoteState,
    Ticket,
    TicketSystem,
)
from tests.factories import TicketFactory

S = DeliveryState
QUARANTINE, GAP = 301, 61


def again(ticket: Ticket) -> Ticket:
    ticket.refresh_from_db()
    return ticket


@pytest.fixture
def uncertain(there, ticket) -> Ticket:
    """Sent, and never stored."""
    there.fates.append("lost_before_commit")
    send.deliver()
    return again(ticket)


@pytest.fixture
def created(there, ticket, clock) -> Ticket:
    send.deliver()
    clock.shift(1)
    return again(ticket)


def test_absence_needs_the_quarantine_and_two_listings_apart(there, uncertain, clock):
    look.look(uncertain.system)
    assert again(uncertain).absences == 0

    clock.shift(QUARANTINE)
    look.look(uncertain.system)
    look.look(uncertain.system)
    assert (again(uncertain).absences, uncertain.delivery_state) == (1, S.UNCERTAIN)

    clock.shift(GAP)
    look.look(uncertain.system)
    assert again(uncertain).delivery_state == S.READY
    looks = uncertain.history.filter(purpose=AttemptPurpose.LOOK)
    assert [look.result for look in looks] == [AttemptResult.ABSENT] * 2


def test_a_listing_that_started_before_the_quarantine_ended_proves_no_absence(there, uncertain, clock):
    clock.shift(QUARANTINE - 2)
    there.meanwhile.append(lambda: clock.shift(10))

    look.look(uncertain.system)

    assert again(uncertain).absences == 0


@pytest.mark.fault(id="F38")
def test_a_listing_that_broke_off_proves_no_absence(there, uncertain, clock):
    there.listing_breaks = True
    for _ in range(5):
        clock.shift(QUARANTINE)
        sweep.sweep_here()

    assert (again(uncertain).delivery_state, uncertain.absences) == (S.UNCERTAIN, 0)
    assert len(there.posts) == 1


def test_a_listing_that_broke_off_still_finds(there, uncertain):
    there.store(uncertain.marker)
    there.store("")
    there.listing_breaks = True

    look.look(uncertain.system)

    assert (again(uncertain).delivery_state, uncertain.remote_id) == (S.DELIVERED, "task-1")
    assert AuditEvent.objects.about(uncertain).get().verb == "adopt"


def test_a_ticket_of_a_lost_worker_is_sent_again_after_two_listings(there, ticket, clock):
    claim.claim()
    for _ in range(4):
        clock.shift(QUARANTINE)
        sweep.sweep_here()

    assert (again(ticket).delivery_state, len(there.posts)) == (S.DELIVERED, 1)


def test_one_listing_settles_all(there, clock):
    tickets = [TicketFactory() for _ in range(4)]
    there.fates.extend(["504_after_commit", "lost_before_commit", "504_after_commit", "lost_before_commit"])
    send.deliver()
    clock.shift(QUARANTINE)

    look.look_everywhere()

    assert there.listings == 1
    assert [again(ticket).delivery_state for ticket in tickets].count(S.DELIVERED) == 2


def test_after_a_day_without_a_listing_people_are_asked(there, uncertain, clock):
    there.listing_breaks = True
    clock.shift(24 * 3600 + 1)

    sweep.sweep_here()

    assert again(uncertain).delivery_state == S.DEAD
    assert "Retry looks for it first" in uncertain.reason
    assert reconcile.give_up() == 0


def test_after_twelve_unclear_attempts_people_are_asked(there, ticket, clock):
    there.fates.extend(["lost_before_commit"] * 50)
    for _ in range(45):
        clock.shift(3601)
        sweep.sweep_here()

    assert again(ticket).delivery_state == S.DEAD
    assert len(there.posts) == 12


@pytest.mark.parametrize("state", [RemoteState.ACTIVE, RemoteState.COMPLETED, RemoteState.REJECTED])
def test_what_the_administrator_does_there_comes_back_once(there, created, state):
    there.edit(created.remote_id, state, "Not before Friday.")

    look.look_everywhere()
    look.look(created.system)

    assert (again(created).remote_state, created.remote_note) == (state, "Not before Friday.")
    assert AuditEvent.objects.about(created).filter(verb=f"remote_{state}").count() == 1


@pytest.mark.fault(id="F28")
def test_a_deleted_ticket_is_missing_and_not_created_again(there, created, clock):
    clock.shift(QUARANTINE)
    there.tickets.clear()

    look.look_everywhere()
    sweep.sweep_here()

    assert (again(created).delivery_state, created.remote_state) == (S.DELIVERED, RemoteState.MISSING)
    assert len(there.posts) == 1
    assert AuditEvent.objects.about(created).filter(verb="remote_missing").count() == 1


def test_a_ticket_that_a_listing_hides_is_not_missing(there, created, clock):
    clock.shift(QUARANTINE)
    there.hidden.add(created.remote_id)

    look.look_everywhere()

    assert again(created).remote_state == RemoteState.PENDING


def test_a_missing_ticket_that_shows_again_is_back(there, created, clock):
    clock.shift(QUARANTINE)
    kept = dict(there.tickets)
    there.tickets.clear()
    look.look_everywhere()
    there.tickets.update(kept)
    clock.shift(1)

    look.look(created.system)

    assert again(created).remote_state == RemoteState.PENDING


@pytest.mark.fault(id="F42")
def test_of_two_with_the_same_marker_the_oldest_is_adopted_and_the_other_reported_once(there, uncertain, clock):
    there.store(uncertain.marker)
    clock.shift(5)
    there.store(uncertain.marker)
    clock.shift(QUARANTINE)

    look.look_everywhere()
    clock.shift(1)
    look.look(uncertain.system)

    assert again(uncertain).remote_id == "task-1"
    assert AuditEvent.objects.about(uncertain).filter(verb="duplicate_found").count() == 1
    assert "task-2" in uncertain.reason


def test_nothing_is_listed_when_nothing_is_open(there, created):
    Ticket.objects.update(remote_state=RemoteState.COMPLETED)
    RemediationActivity.objects.update(status="cancelled")

    look.look_everywhere()

    assert there.listings == 0


def test_a_pause_that_was_asked_for_holds_back_reading_too(there, created):
    TicketSystem.objects.update(paused_until=timezone.now() + timedelta(seconds=5))

    look.look_everywhere()

    assert there.listings == 0


def test_a_ticket_that_is_not_wanted_any_more_is_never_sent(there, ticket):
    Ticket.objects.update(cancel_wanted=True)

    send.deliver()
    sweep.sweep_here()
    sweep.sweep_here()

    assert (again(ticket).delivery_state, there.posts) == (S.CANCELLED, [])
    assert AuditEvent.objects.about(ticket).get().verb == "delivery_cancelled"


def test_an_uncertain_ticket_that_is_not_wanted_is_looked_for_and_then_cancelled(there, uncertain, clock):
    Ticket.objects.update(cancel_wanted=True)
    for _ in range(3):
        clock.shift(QUARANTINE)
        sweep.sweep_here()

    assert (again(uncertain).delivery_state, len(there.posts)) == (S.CANCELLED, 1)
