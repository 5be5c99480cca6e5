"""The protocol with one rule taken out: what each of the rules is there for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from django.conf import settings
from pytest import MonkeyPatch

from integrations import tasks
from integrations.delivery import claim, reconcile, record, send, sweep
from integrations.delivery.classify import Kind
from remediation.models import Ticket
from remediation.rules import requests
from tests.integrations.delivery import test_interleavings as named


@dataclass(frozen=True)
class Mutant:
    break_it: Callable[[MonkeyPatch], None]
    # The test that has to fail, and what it says then.
    caught_by: Callable[..., None]
    says: str
    # What random games that meet it consist of, beside asking. Nothing where they meet it one time in some thousands:
    # then its long form is played out, with other numbers.
    games_of: tuple[str, ...] = ()


def naive_retry(patch: MonkeyPatch) -> None:
    """What failed is sent again."""
    patch.setitem(send._SETTLE, Kind.UNKNOWN, send._wait)


def no_quarantine(patch: MonkeyPatch) -> None:
    """Looked for at once."""
    patch.setattr(settings, "DELIVERY_QUARANTINE", 0)


def no_lease_check(patch: MonkeyPatch) -> None:
    """Sent however old the claim is."""
    patch.setattr(claim.Claim, "may_send", True)


def no_unique_key(patch: MonkeyPatch) -> None:
    """Neither the form's key nor the scope of an active request is unique."""
    create = requests._create

    def unkeyed(recommendation: Any, request: Any, groups: Any, scope_key: str, by: Any) -> Any:
        return create(recommendation, replace(request, request_key=uuid4()), groups, str(uuid4()), by)

    patch.setattr(requests, "_create", unkeyed)
    patch.setattr(requests, "_existing", lambda *asked: None)


def no_fence(patch: MonkeyPatch) -> None:
    """Any claim's word counts."""
    move = record.move

    def unguarded(ticket: Ticket, _fence: int, *states: Any, **changes: Any) -> bool:
        present = Ticket.objects.values_list("fence", flat=True).get(pk=ticket.pk)
        return move(ticket, present, *states, **changes)

    patch.setattr(record, "move", unguarded)


def early_ack(patch: MonkeyPatch) -> None:
    """A ring leaves the broker when its work begins."""
    patch.setattr(tasks.deliver_tickets, "acks_late", False)


def no_sweeper(patch: MonkeyPatch) -> None:
    """Only rings lead to work."""
    patch.setattr(sweep, "sweep", lambda: None)


def partial_list_counts(patch: MonkeyPatch) -> None:
    """What part of a list does not show is absent."""
    settle = reconcile.settle

    def credulous(questions: Any, found: Any, listing: Any, started: Any) -> None:
        settle(questions, found, replace(listing, is_complete=True), started)

    patch.setattr(reconcile, "settle", credulous)


_SENDING = ("submit", "deliver", "tick", "reap")
_LOOKING = ("deliver", "tick", "reconcile", "conclude")

MUTANTS = {
    "naive retry": Mutant(naive_retry, named.test_what_may_have_arrived_is_not_sent_again, "doubled", _SENDING),
    "no quarantine": Mutant(
        no_quarantine,
        named.test_a_request_that_is_stored_minutes_after_we_gave_it_up_is_waited_for,
        "doubled",
    ),
    "no lease check": Mutant(no_lease_check, named.test_a_worker_that_slept_past_its_lease_does_not_send, "doubled"),
    "no unique key": Mutant(no_unique_key, named.test_the_same_form_twice_opens_one_ticket, "doubled", _SENDING),
    "no fence": Mutant(
        no_fence,
        named.test_a_429_that_is_written_down_late_opens_nothing_while_another_sends,
        "doubled",
    ),
    "early ack": Mutant(early_ack, named.test_a_ring_is_acknowledged_only_when_its_work_is_done, "lost"),
    "no sweeper": Mutant(no_sweeper, named.test_a_ticket_whose_ring_was_lost_is_sent_within_a_minute, "lost", _SENDING),
    "partial list counts": Mutant(
        partial_list_counts, named.test_a_list_that_broke_off_proves_no_absence, "doubled", _LOOKING
    ),
}
