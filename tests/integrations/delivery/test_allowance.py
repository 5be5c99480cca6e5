"""The ticket system's limit of writing requests, kept for all workers together."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations import allowance as accounts
from integrations.connectors.base import Limit
from integrations.connectors.intune import Intune
from integrations.delivery import allowance, claim, send, sweep, wishes
from remediation.models import DeliveryState, Ticket, TicketSystem
from tests.factories import TicketFactory


@pytest.fixture
def limited(there):
    there.limit = Limit(5, 20.0)
    return there


def test_no_window_holds_more_than_the_limit(limited, clock):
    granted = []
    for _second in range(200):
        granted.append(allowance.grant("intune", 3))
        clock.shift(1)

    assert max(sum(granted[start : start + 20]) for start in range(180)) == 5
    # All that the windows allow, but for the margin.
    assert sum(granted) >= 0.9 * 5 * 10


def test_without_a_limit_all_that_is_wanted_is_granted(there):
    assert allowance.grant("intune", 1000) == 1000
    assert allowance.seconds_left("intune") == 0
    assert TicketSystem.objects.get(key="intune").granted == 0


def test_the_wait_ends_when_the_oldest_grant_leaves_the_window(limited, clock):
    allowance.grant("intune", 2)
    clock.shift(4)
    assert allowance.seconds_left("intune") == 0
    allowance.grant("intune", 3)

    clock.shift(allowance.seconds_left("intune") + 0.01)

    assert allowance.grant("intune", 5) == 2


def test_what_another_worker_was_granted_meanwhile_counts(limited, clock, monkeypatch):
    read, others = accounts._latest, [4]

    def read_while_another_asks(*row):
        latest = read(*row)
        if others:
            assert allowance.grant("intune", others.pop()) == 4
        return latest

    monkeypatch.setattr(accounts, "_latest", read_while_another_asks)

    assert allowance.grant("intune", 5) == 1
    assert TicketSystem.objects.get(key="intune").granted == 5


def test_a_clock_that_was_wrong_does_not_stop_everybody(limited, clock):
    TicketSystem.objects.update(grants=[[(timezone.now() + timedelta(days=1)).timestamp(), 5]])

    assert allowance.grant("intune", 5) == 5


def test_only_as_many_are_claimed_as_may_be_sent(limited, clock):
    for _ in range(8):
        TicketFactory()

    assert len(claim.claim(most=10)) == 5
    assert claim.claim(most=10) == []
    assert Ticket.objects.filter(delivery_state=DeliveryState.READY).count() == 3


def test_tickets_that_are_not_there_take_nothing_from_the_allowance(limited, clock):
    TicketFactory()

    send.deliver()

    assert TicketSystem.objects.get(key="intune").granted == 1


def test_setting_a_status_counts_like_creating_a_ticket(limited, clock):
    for _ in range(7):
        TicketFactory(delivery_state=DeliveryState.DELIVERED, remote_id=limited.store(""))
    Ticket.objects.update(remote_wanted="completed", wanted_next_at=timezone.now())

    wishes.fulfil()
    assert len(limited.statuses) == 5

    clock.shift(22)
    wishes.fulfil()
    assert len(limited.statuses) == 7


def test_a_round_for_all_stays_until_the_allowance_lets_the_last_one_out(there):
    there.limit = Limit(2, 0.2)
    tickets = [TicketFactory() for _ in range(5)]
    began = time.monotonic()

    sweep.attend([])

    assert len(there.posts) == len(tickets)
    assert time.monotonic() - began > 0.4


def test_a_ring_does_not_wait_for_the_allowance(there):
    there.limit = Limit(1, 60.0)
    tickets = [TicketFactory() for _ in range(2)]

    sweep.attend([ticket.pk for ticket in tickets])

    assert len(there.posts) == 1


def test_a_paused_system_is_not_waited_for(there):
    there.limit = Limit(1, 60.0)
    for _ in range(2):
        TicketFactory()
    there.fates.append("429")

    sweep.attend([])

    assert len(there.posts) == 1


def test_graph_is_documented_to_take_100_writes_in_20_seconds(settings):
    assert Intune().limit == Limit(100, 20.0)

    settings.DELIVERY_GRAPH_WRITES = 0
    assert Intune().limit is None
