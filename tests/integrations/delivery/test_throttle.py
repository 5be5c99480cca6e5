"""Pauses and back-off."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.connectors.base import Phase, Reply
from integrations.delivery import throttle
from integrations.delivery.classify import Kind
from integrations.microsoft import retry_after
from remediation.models import TicketSystem


@pytest.mark.fault(id="F14")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2.128", 2.128),
        ("30", 30),
        ("Mon, 11 Jan 2027 09:00:40 GMT", 40),
        ("Mon, 11 Jan 2027 08:00:00 GMT", 1),
        ("-5", 1),
        ("0", 1),
        ("1000000000", 3600),
        ("nan", 5),
        ("abc", 5),
        ("", 5),
        (None, 5),
    ],
)
def test_every_form_of_retry_after_is_a_pause_between_a_second_and_an_hour(clock, header, seconds):
    assert throttle.pause_length(retry_after(header, timezone.now())) == pytest.approx(seconds)


def test_a_shorter_pause_does_not_end_a_longer_one(there, clock):
    for wait in (30.0, 2.0):
        throttle.note_other("intune", Kind.THROTTLED, Reply(Phase.COMPLETE, 429, wait=wait))

    assert TicketSystem.objects.get(key="intune").paused_until == timezone.now() + timedelta(seconds=30)


def test_an_open_circuit_lets_one_probe_through_an_interval(there, clock):
    TicketSystem.objects.update(opened_at=timezone.now())

    assert [throttle.admit("intune", 10) for _ in range(3)] == [1, 0, 0]
    clock.shift(60)
    assert [throttle.admit("intune", 10) for _ in range(3)] == [1, 0, 0]


def test_the_back_off_grows_with_jitter_up_to_its_cap():
    longest = [max(throttle.backoff(times) for _ in range(300)) for times in (0, 3, 30)]

    assert longest[0] <= 5 < longest[1] <= 40 < longest[2] <= 3600
    assert min(throttle.backoff(0) for _ in range(300)) >= 1
