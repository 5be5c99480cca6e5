"""What holds after each step of the game, whatever the adversary does. Numbered as in docs/delivery.md."""

from collections import Counter

from hypothesis.stateful import RuleBasedStateMachine, invariant

from dashboard import cells
from integrations.delivery.states import explain
from remediation.models import (
    ActivityStatus,
    AuditEvent,
    DeliveryState,
    RemediationActivity,
    RemoteState,
    Ticket,
    TicketAttempt,
    User,
)
from remediation.rules import audit

from .clock import Clock
from .processes import AdversarialRemote

A = ActivityStatus
S = DeliveryState
# Event -> (states of a delivery that it leaves, the one it leads to). "open" is all that is still under way.
TOLD = {
    "deliver": ({"open", S.DEAD, S.CANCELLED}, S.DELIVERED),
    "adopt": ({"open", S.DEAD, S.CANCELLED}, S.DELIVERED),
    "delivery_failed": ({"open"}, S.DEAD),
    "delivery_cancelled": ({"open"}, S.CANCELLED),
    "retry": ({S.DEAD, S.CANCELLED}, "open"),
}


class Promises(RuleBasedStateMachine):
    """The game keeps these books, and the invariants compare them with the rows and with what stands there."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: Clock
        self.there: AdversarialRemote
        self.stranger: User
        # Form -> the activities that it was answered with.
        self.forms: dict[tuple[int, int], set[int]] = {}
        # Activity -> its status by what people did.
        self.statuses: dict[int, str] = {}
        self.deleted: set[str] = set()
        self.fences: dict[int, int] = {}

    @invariant()
    def every_promise_holds(self) -> None:
        tickets = list(Ticket.objects.select_related("system").defer("payload", "facts"))
        self._i1_nothing_is_doubled(tickets)
        self._i2_each_request_is_in_one_known_state(tickets)
        self._i3_created_means_created(tickets)
        self._i5_fences_only_rise(tickets)
        self._i8_each_end_is_told_once(tickets)
        self._i9_an_activity_moves_by_people_only()
        self._i11_nobody_sees_what_is_not_theirs()
        self._i12_the_page_says_what_is_known(tickets)

    def _i1_nothing_is_doubled(self, tickets: list[Ticket]) -> None:
        stands = Counter(marker for ticket in self.there.tickets.values() for marker in ticket.markers)
        assert not stands or max(stands.values()) == 1, f"I1: doubled {stands}"
        activities = {ticket.marker: ticket.activity_id for ticket in tickets}
        asked = Counter(activities[marker] for marker in stands)
        for form, answered in self.forms.items():
            assert sum(asked[activity] for activity in answered) <= 1, f"I1: doubled for one form {form}"

    def _i2_each_request_is_in_one_known_state(self, tickets: list[Ticket]) -> None:
        promised = {activity for activities in self.forms.values() for activity in activities}
        assert sorted(ticket.activity_id for ticket in tickets) == sorted(promised), "I2: lost"
        assert {ticket.delivery_state for ticket in tickets} <= set(S.values), "I2: unknown state"

    def _i3_created_means_created(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            if ticket.delivery_state == S.DELIVERED and ticket.remote_id not in self.deleted:
                assert self.there.with_marker(ticket.marker) == [ticket.remote_id], "I3: created, and not there"

    def _i5_fences_only_rise(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            assert ticket.fence >= self.fences.get(ticket.pk, 0), "I5: a fence fell"
            self.fences[ticket.pk] = ticket.fence

    def _i8_each_end_is_told_once(self, tickets: list[Ticket]) -> None:
        told = self._told()
        for ticket in tickets:
            state = ticket.delivery_state
            ends = state if state in {S.DELIVERED, S.DEAD, S.CANCELLED} else "open"
            assert told.get(ticket.pk, "open") == ends, f"I8: told {told.get(ticket.pk)} and is {state}"

    @staticmethod
    def _told() -> dict[int, str]:
        """Where each ticket stands by its trail alone."""
        stands: dict[int, str] = {}
        events = AuditEvent.objects.filter(subject_type="remediation.ticket", verb__in=TOLD).order_by("pk")
        for pk, verb in events.values_list("subject_id", "verb"):
            sources, target = TOLD[verb]
            assert stands.get(int(pk), "open") in sources, f"I8: {verb} when {stands.get(int(pk))}"
            stands[int(pk)] = target
        return stands

    def _i9_an_activity_moves_by_people_only(self) -> None:
        """By those here; or by those over there, who called its ticket done."""
        claimed = set(Ticket.objects.filter(remote_state=RemoteState.COMPLETED).values_list("activity", flat=True))
        for pk, status in RemediationActivity.objects.values_list("pk", "status"):
            is_claim = (self.statuses[pk], status) == (A.ACTIVE, A.COMPLETED) and pk in claimed
            assert is_claim or status == self.statuses[pk], "I9: moved by itself"
            self.statuses[pk] = status

    def _i11_nobody_sees_what_is_not_theirs(self) -> None:
        assert not Ticket.objects.visible_to(self.stranger).exists(), "I11: a stranger sees a ticket"

    @staticmethod
    def _i12_the_page_says_what_is_known(tickets: list[Ticket]) -> None:
        for ticket in tickets:
            shown = cells.ticket_pill(
                ticket.delivery_state, ticket.remote_state, ticket.next_attempt_at, ticket.attempts
            )
            assert ticket.remote_id or str(S.DELIVERED.label) not in shown, "I12: created without an id"
            assert "<span" in shown and explain(ticket) is not None, "I12: no words for a state"

    def check_the_trail(self) -> None:
        audit.seal()
        verdict = audit.verify()
        assert (verdict.unsealed, verdict.problem) == (0, ""), "I8: the chain is broken"
        started = TicketAttempt.objects.filter(result="started", purpose="create").count()
        assert started == 0, "I10: an attempt was never closed"
