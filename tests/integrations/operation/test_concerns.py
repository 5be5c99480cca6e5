"""What the operators' page counts, and what it calls a person for."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.operation import concerns, troubles
from integrations.operation.standing import Standing, standings
from remediation.models import (
    AttemptPurpose,
    AttemptResult,
    DeliveryState,
    Duty,
    FindingKind,
    Heartbeat,
    RemoteFinding,
    Route,
    TicketAttempt,
    TicketSystem,
)
from tests.factories import TicketFactory, UserFactory, enable_intune

pytestmark = pytest.mark.django_db
S = DeliveryState


def ago(**length) -> object:
    return timezone.now() - timedelta(**length)


@pytest.fixture
def intune() -> TicketSystem:
    return enable_intune()


def standing() -> Standing:
    return next(one for one in standings() if one.system.pk == "intune")


def said() -> str:
    return " ".join(concern.words for concern in concerns.of_tickets(standings()) if concern.needs_person)


def test_the_oldest_of_each_state_is_known(intune):
    TicketFactory(created_at=ago(minutes=7))
    TicketFactory(created_at=ago(minutes=3))
    TicketFactory(created_at=ago(hours=9), delivery_state=S.UNCERTAIN, uncertain_since=ago(minutes=2))
    TicketFactory(delivery_state=S.SENDING, lease_until=timezone.now() + timedelta(seconds=110))
    TicketFactory(delivery_state=S.DELIVERED, remote_id="1", created_at=ago(days=90))

    found = {one.state: (one.tickets, round(one.age.total_seconds()) if one.age else None) for one in standing().states}

    assert found == {S.READY: (2, 420), S.SENDING: (1, 10), S.UNCERTAIN: (1, 120), S.DELIVERED: (1, None)}


def test_a_failed_ticket_calls_for_a_person_until_its_activity_is_over(intune):
    ticket = TicketFactory(delivery_state=S.DEAD)
    assert "1 failed ticket." in said()

    ticket.cancel_wanted = True
    ticket.save()

    assert said() == ""
    assert standing().dead == 0


def test_a_queue_of_some_minutes_is_no_concern_and_one_of_twenty_is(intune):
    ticket = TicketFactory(created_at=ago(minutes=10))
    assert said() == ""

    ticket.created_at = ago(minutes=20)
    ticket.save()

    assert "has been queued for 20 min" in said()


def test_a_refusal_a_circuit_and_a_pause_are_told_apart(intune):
    TicketFactory(created_at=ago(hours=1))
    change = TicketSystem.objects.filter(pk="intune").update
    change(paused_until=timezone.now() + timedelta(minutes=2))
    assert said() == ""
    assert "asked to wait" in concerns.of_tickets(standings())[0].words

    change(opened_at=ago(minutes=5), last_error="No such host.")
    assert "the circuit is open since 5 min 0 s: No such host." in said()

    change(create_route=Route.REFUSED)
    assert "refuses to create tickets: No such host." in said()


def test_what_waits_behind_a_switch_is_told(intune):
    TicketFactory()
    enable_intune(False)

    assert "switched off while 1 ticket waits" in said()


def test_what_is_checked_without_a_list_calls_for_a_person(intune):
    TicketFactory(delivery_state=S.UNCERTAIN, uncertain_since=ago(minutes=1))
    TicketSystem.objects.update(last_listed_at=ago(minutes=30))

    assert "no complete list of tickets could be read for 30 min" in said()


def test_what_a_listing_showed_otherwise_is_counted_by_kind(intune):
    ticket = TicketFactory(delivery_state=S.DELIVERED, remote_id="1")
    for kind, ours in [(FindingKind.MISSING, ticket), (FindingKind.DOUBLE, ticket), (FindingKind.UNKNOWN, None)]:
        RemoteFinding.objects.create(
            system=intune, kind=kind, remote_id=kind, ticket=ours, marker="m", found_at=ago(), seen_at=ago()
        )
    RemoteFinding.objects.create(
        system=intune, kind="unknown", remote_id="9", marker="m", found_at=ago(), seen_at=ago(), ended_at=ago()
    )

    assert (standing().missing, standing().doubles, standing().unknown) == (1, 1, 1)
    assert all(words in said() for words in ["deleted there: 1", "second tickets", "unknown here: 1"])


def beat(duty: str, name: str, seconds: float) -> None:
    Heartbeat.objects.create(duty=duty, name=name, started_at=ago(days=1), seen_at=ago(seconds=seconds))


def test_nobody_at_work_calls_for_a_person_and_one_of_several_does_not():
    assert len([one for one in concerns.of_processes() if one.needs_person]) == 3

    beat(Duty.DELIVERY, "delivery@a", 300)
    beat(Duty.DELIVERY, "delivery@b", 10)
    beat(Duty.SYNC, "sync@a", 30)
    beat(Duty.CLOCK, "beat@a", 200)

    found = {concern.words: concern.needs_person for concern in concerns.of_processes()}
    assert found == {
        "delivery@a has not been seen for 5 min 0 s; others do its work.": False,
        "Clock (beat): none has been seen for 3 min 20 s.": True,
    }


def test_dead_letters_name_the_request_for_the_support(intune):
    ticket = TicketFactory(delivery_state=S.DEAD, reason="Answered 400.")
    for fence in range(7):
        TicketAttempt.objects.create(
            ticket=ticket,
            fence=fence,
            purpose=AttemptPurpose.CREATE,
            started_at=ago(minutes=9 - fence),
            result=AttemptResult.REFUSED,
            client_request_id=f"ours-{fence}",
            remote_request_id=f"theirs-{fence}" if fence < 6 else "",
        )
    TicketFactory(delivery_state=S.DEAD, cancel_wanted=True)

    [letter] = troubles.dead_letters(UserFactory())

    assert [attempt.fence for attempt in letter.attempts] == [6, 5, 4, 3, 2]
    assert letter.request_id == "ours-6"


def test_nobody_sees_dead_letters_out_of_their_scope(intune):
    TicketFactory(delivery_state=S.DEAD)

    assert list(troubles.dead_letters(UserFactory(device_groups=[]))) == []
