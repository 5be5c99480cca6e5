"""Sending: each answer leads to one state, and nothing that may have arrived is repeated blindly."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.delivery import claim, look, send, sweep
from remediation.models import AttemptResult, AuditEvent, DeliveryState, Ticket, TicketAttempt, TicketSystem
from tests.factories import TicketFactory, enable_intune
from tests.fakes import FATES

S = DeliveryState
QUARANTINE, GAP = 301, 61


def stands(ticket: Ticket) -> str:
    ticket.refresh_from_db()
    return ticket.delivery_state


def test_a_ready_ticket_is_created_and_its_attempt_is_on_record(there, ticket):
    send.deliver()

    assert stands(ticket) == S.DELIVERED
    assert there.with_marker(ticket.marker) == [ticket.remote_id]
    attempt = ticket.history.get()
    assert (attempt.result, attempt.status, attempt.remote_id) == (AttemptResult.DONE, 201, ticket.remote_id)
    event = AuditEvent.objects.about(ticket).get()
    assert (event.verb, event.actor.username, event.through) == ("deliver", "system", "worker")


def test_delivering_twice_sends_once(there, ticket):
    send.deliver([ticket.pk])
    send.deliver([ticket.pk])
    send.deliver()

    assert len(there.posts) == 1


def test_the_attempt_is_written_before_a_byte_is_sent(there, ticket):
    seen = []
    there.meanwhile.append(lambda: seen.extend(TicketAttempt.objects.values_list("result", "fence")))

    send.deliver()

    assert seen == [(AttemptResult.STARTED, 1)]


@pytest.mark.fault(id="F31")
def test_the_payload_is_made_once_and_the_same_bytes_go_out_again(there, ticket):
    there.fates.append("429")
    send.deliver()
    Ticket.objects.filter(pk=ticket.pk).update(facts={"title": "Something else"})
    timezone_later(ticket)

    send.deliver()

    assert there.posts[0] == there.posts[1]
    stands(ticket)
    assert ticket.payload_sha256 == hashlib.sha256(there.posts[0]).hexdigest()


def timezone_later(ticket: Ticket) -> None:
    """As if the pause were over."""
    Ticket.objects.filter(pk=ticket.pk).update(next_attempt_at=timezone.now())
    TicketSystem.objects.update(paused_until=None)


@pytest.mark.fault(id="F14")
def test_too_many_requests_uses_no_attempt_and_pauses_everybody(there, ticket, clock):
    other = TicketFactory()
    there.fates.append("429")

    send.deliver([ticket.pk])
    send.deliver()

    assert stands(ticket) == stands(other) == S.READY
    assert ticket.attempts == 0
    assert len(there.posts) == 1
    assert TicketSystem.objects.get(key="intune").paused_until == timezone.now() + timedelta(seconds=30)

    clock.shift(31)
    send.deliver()

    assert (stands(ticket), stands(other)) == (S.DELIVERED, S.DELIVERED)
    assert len(there.posts) == 3


def test_of_a_batch_the_first_learns_for_the_others_that_they_have_to_wait(there, clock):
    tickets = [TicketFactory() for _ in range(3)]
    there.fates.append("429")

    send.deliver()

    assert len(there.posts) == 1
    assert {stands(ticket) for ticket in tickets} == {S.READY}


@pytest.mark.fault(id="F20")
@pytest.mark.parametrize("fate", ["401", "403"])
def test_a_refused_token_is_renewed_once(there, ticket, fate):
    there.fates.append(fate)

    send.deliver()

    assert stands(ticket) == S.DELIVERED
    assert (there.sign_ins, len(there.posts)) == (1, 2)


@pytest.mark.fault(id="F21")
def test_403_keeps_the_ticket_says_what_to_do_and_probes_with_one_ticket_a_minute(there, clock):
    tickets = [TicketFactory() for _ in range(3)]
    there.fates.extend(["403"] * 4)

    send.deliver()

    assert {stands(ticket) for ticket in tickets} == {S.READY}
    assert len(there.posts) == 2
    first = next(ticket for ticket in tickets if "refused" in ticket.reason)
    assert "CSV" in first.reason
    assert first.attempts == 0
    system = TicketSystem.objects.get(key="intune")
    assert (system.create_route, system.needs_attention) == ("refused", True)

    clock.shift(61)
    send.deliver()
    assert len(there.posts) == 4

    clock.shift(61)
    send.deliver()
    send.deliver()
    assert {stands(ticket) for ticket in tickets} == {S.DELIVERED}
    assert TicketSystem.objects.get(key="intune").needs_attention is False


@pytest.mark.fault(id="F20")
def test_without_a_token_nothing_dies(there, ticket, clock):
    there.fates.extend(["no_token"] * 20)
    for _ in range(20):
        send.deliver()
        clock.shift(61)

    send.deliver()

    assert stands(ticket) == S.DELIVERED
    assert there.sign_ins == 0


@pytest.mark.fault(id="F22")
def test_400_is_the_end_of_that_ticket_only(there, ticket, clock):
    other = TicketFactory()
    there.fates.append("400")

    send.deliver([ticket.pk])
    send.deliver()

    assert (stands(ticket), stands(other)) == (S.DEAD, S.DELIVERED)
    assert ticket.reason == "Answered 400."
    assert AuditEvent.objects.about(ticket).get().verb == "delivery_failed"


def test_a_system_that_takes_no_devices_gets_the_ticket_without_them(there, ticket):
    there.fates.append("refuses_devices")

    send.deliver()

    assert stands(ticket) == S.DELIVERED
    assert [b"devices" in post for post in there.posts] == [True, False]
    assert TicketSystem.objects.get(key="intune").takes_devices is False


@pytest.mark.parametrize("keeps", [True, False, None])
def test_the_first_ticket_teaches_whether_devices_inside_are_kept(there, ticket, keeps):
    there.keeps = keeps

    send.deliver()

    assert TicketSystem.objects.get(key="intune").takes_devices is keeps
    assert AuditEvent.objects.filter(verb="learn").count() == (keeps is not None)


def test_what_is_known_of_devices_is_not_asked_again(there, ticket):
    TicketSystem.objects.update(takes_devices=True)
    there.keeps = False

    send.deliver()

    assert TicketSystem.objects.get(key="intune").takes_devices is True


def test_a_part_that_is_refused_holds_up_no_other(there, ticket):
    parts = [TicketFactory(activity=ticket.activity, batch=batch) for batch in (2, 3)]
    there.fates.append("400")

    send.deliver()

    assert stands(ticket) == S.DEAD
    assert [stands(part) for part in parts] == [S.DELIVERED, S.DELIVERED]


UNKNOWN = ["lost_after_commit", "lost_before_commit", "504_after_commit", "500", "503", "201_bad_json"]


@pytest.mark.fault(id="F15")
@pytest.mark.fault(id="F16")
@pytest.mark.fault(id="F19")
@pytest.mark.parametrize("fate", UNKNOWN)
def test_an_unknown_outcome_ends_with_exactly_one_ticket(there, ticket, clock, fate):
    there.fates.append(fate)
    stored = FATES[fate][0]

    send.deliver()
    assert stands(ticket) == S.UNCERTAIN
    look.look_everywhere()
    assert stands(ticket) == S.UNCERTAIN

    for _ in range(3):
        clock.shift(QUARANTINE)
        sweep.sweep_here()

    assert stands(ticket) == S.DELIVERED
    assert there.with_marker(ticket.marker) == [ticket.remote_id]
    assert len(there.posts) == (1 if stored else 2)


@pytest.mark.fault(id="F17")
def test_a_request_that_is_stored_late_is_found_in_the_quarantine(there, ticket, clock):
    there.fates.append("late")
    send.deliver()

    for _ in range(10):
        clock.shift(QUARANTINE)
        sweep.sweep_here()

    assert (stands(ticket), len(there.posts), len(there.tickets)) == (S.DELIVERED, 1, 1)


def test_a_connector_that_breaks_may_have_sent(there, ticket):
    def broken():
        raise RuntimeError("a bug")

    there.meanwhile.append(broken)

    send.deliver()

    assert stands(ticket) == S.UNCERTAIN
    assert ticket.history.get().result == AttemptResult.UNKNOWN


@pytest.mark.fault(id="F37")
def test_facts_that_make_no_ticket_end_that_ticket_only(there, ticket, clock):
    poisoned = TicketFactory(facts=["not", "a", "mapping"])

    send.deliver()

    assert (stands(poisoned), stands(ticket)) == (S.DEAD, S.DELIVERED)


@pytest.mark.fault(id="F6")
def test_a_worker_that_was_held_up_does_not_send(there, ticket, monkeypatch):
    [claimed] = claim.claim()
    moment = claim.time.monotonic()
    monkeypatch.setattr(claim.time, "monotonic", lambda: moment + 81)

    send.send(claimed)

    assert there.posts == []
    assert (stands(ticket), ticket.attempts) == (S.READY, 0)


def test_a_lost_worker_sends_its_ticket_into_quarantine(there, ticket, clock):
    claim.claim()
    clock.shift(119)
    assert sweep.expire_leases() == 0
    clock.shift(2)

    assert (sweep.expire_leases(), sweep.expire_leases()) == (1, 0)

    assert stands(ticket) == S.UNCERTAIN
    assert ticket.history.get().result == AttemptResult.CRASHED


@pytest.mark.fault(id="F6")
def test_an_overtaken_outcome_changes_nothing_and_stays_on_record(there, ticket, clock):
    [old] = claim.claim()
    clock.shift(121)
    sweep.expire_leases()
    Ticket.objects.filter(pk=ticket.pk).update(
        delivery_state=S.READY, uncertain_since=None, next_attempt_at=timezone.now()
    )
    [new] = claim.claim()
    there.fates.append("429")

    send.send(old)

    assert (stands(ticket), ticket.fence) == (S.SENDING, new.fence)
    attempt = ticket.history.get(fence=old.fence)
    assert (attempt.result, attempt.counted) == (AttemptResult.THROTTLED, False)


def test_a_late_success_is_adopted_unless_somebody_is_sending(there, ticket, clock):
    [old] = claim.claim()
    clock.shift(121)
    sweep.expire_leases()

    send.send(old)

    assert stands(ticket) == S.DELIVERED
    assert there.with_marker(ticket.marker) == [ticket.remote_id]
    assert ticket.history.get(fence=old.fence).counted is False


def test_an_id_that_another_ticket_has_is_not_believed(there, ticket, clock, monkeypatch):
    other = TicketFactory(delivery_state=S.DELIVERED, remote_id="task-1")

    send.deliver()

    assert (stands(ticket), stands(other)) == (S.UNCERTAIN, S.DELIVERED)


def test_nothing_is_sent_while_the_connection_is_off(there, ticket):
    enable_intune(False)

    send.deliver([ticket.pk])
    sweep.sweep_here()

    assert (there.posts, there.listings, stands(ticket)) == ([], 0, S.READY)


def test_five_failures_open_the_circuit_and_one_probe_a_minute_goes_out(there, clock):
    for _ in range(8):
        TicketFactory()
    there.fates.extend(["503"] * 7)

    for _ in range(3):
        send.deliver()
    assert len(there.posts) == 5
    system = TicketSystem.objects.get(key="intune")
    assert (system.failures, system.needs_attention) == (5, True)

    clock.shift(61)
    send.deliver()
    send.deliver()
    assert len(there.posts) == 6


@pytest.mark.fault(id="F18")
def test_hosts_that_cannot_be_reached_cost_no_attempts(there, ticket, clock):
    there.fates.extend(["not_sent"] * 30)
    for _ in range(40):
        clock.shift(61)
        send.deliver()

    assert (stands(ticket), ticket.attempts, len(there.tickets)) == (S.DELIVERED, 1, 1)
