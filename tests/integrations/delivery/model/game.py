"""The real delivery under a random adversary: processes that stall and die, requests that arrive late, lists that lie.

The ticket system stores a request up to 200 seconds after its client gave up, and shows a ticket up to half a minute
after it was stored; both are less than the protocol waits. The wall clock is set by an hour once a game at most, and
not while a request is on its way: that would cut its quarantine short, which nobody can prevent. A process may stall
for any time and anywhere, except between its last look at the clock and its request.
"""

from uuid import UUID

from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from integrations import connectors, tasks
from integrations.delivery import claim, look, people, send, sweep, wishes
from remediation.models import (
    AuditEvent,
    DeliveryState,
    Lease,
    Recommendation,
    RemediationActivity,
    RemoteFinding,
    Route,
    Ticket,
    TicketSystem,
    User,
)
from remediation.rules.activities import transition
from remediation.rules.requests import RemediationRequest, request_remediation
from remediation.rules.transitions import InvalidTransition
from tests.audit_trail import unguarded
from tests.factories import enable_intune
from tests.fakes import FATES

from .clock import Clock
from .processes import AdversarialRemote, Looker, Process
from .promises import Promises

S = DeliveryState
FATE = st.sampled_from(["ok", "late", *FATES])
STATUS_FATE = st.sampled_from(["ok", *(fate for fate in FATES if fate != "refuses_devices")])
WHICH = st.integers(0, 9)
LATENESS = 200.0
# Long enough for every wait of the protocol to end, several times over; and for an hour that the clock was set back by.
ROUNDS, MORE_ROUNDS, ROUND_SECONDS = 14, 12, 301


class Game(Promises):
    """`player` and `stranger` are users, `rings` the list that the doorbell's rings arrive in; see `test_model`."""

    player: User
    rings: list[list[int]]
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self._forget_the_last_game()
        enable_intune()
        Game.clock = Clock()
        self.there = AdversarialRemote(now=self.clock.now, lateness=LATENESS)
        connectors.CONNECTORS["intune"] = self.there
        self.rings.clear()
        self.recommendations = list(Recommendation.objects.order_by("pk"))
        self.claims: list[claim.Claim] = []
        self.senders: list[tuple[claim.Claim, Process]] = []
        self.lookers: list[Looker] = []
        self.wishers: list[Process] = []
        self.dead: list[Process] = []

    @staticmethod
    def _forget_the_last_game() -> None:
        with unguarded():
            for model in (RemoteFinding, Ticket, RemediationActivity, AuditEvent, Lease):
                model.objects.all().delete()
        TicketSystem.objects.update(
            **dict.fromkeys(("paused_until", "opened_at", "takes_devices", "last_listed_at")),
            failures=0,
            create_route=Route.UNTRIED,
            list_route=Route.UNTRIED,
        )

    # What people do.

    @initialize(number=st.integers(0, 2))
    def ask(self, number: int) -> None:
        """Without a ticket there is no game."""
        self.submit(number=number, form=0)

    @rule(number=st.integers(0, 2), form=st.integers(0, 1))
    def submit(self, number: int, form: int) -> None:
        """The same form twice is a double click, another form a second browser."""
        asked = RemediationRequest(
            UUID(int=10 * number + form), "update", "high", timezone.localdate(), "A note.", ticket_system="intune"
        )
        if TicketSystem.objects.get(key="intune").is_enabled:
            activity, _made = request_remediation(self.recommendations[number], asked, by=self.player)
            self.forms.setdefault((number, form), set()).add(activity.pk)
            self.statuses.setdefault(activity.pk, activity.status)

    @precondition(lambda self: self.statuses)
    @rule(which=WHICH, verb=st.sampled_from(["complete", "cancel", "reopen"]))
    def decide(self, which: int, verb: str) -> None:
        activity = RemediationActivity.objects.order_by("pk")[which % len(self.statuses)]
        try:
            transition(activity, verb, by=self.player, note="Because.")
        except InvalidTransition:
            return
        self.statuses[activity.pk] = activity.status

    @precondition(lambda self: self.statuses)
    @rule(which=WHICH)
    def retry(self, which: int) -> None:
        ticket = Ticket.objects.order_by("pk")[which % len(self.statuses)]
        may = ticket.delivery_state in {S.DEAD, S.CANCELLED} and not ticket.cancel_wanted
        try:
            people.retry(ticket, by=self.player)
        except InvalidTransition:
            assert not may
        else:
            assert may

    @rule(is_enabled=st.sampled_from([True, True, True, False]))
    def switch(self, is_enabled: bool) -> None:
        enable_intune(is_enabled)

    @precondition(lambda self: self.there.tickets)
    @rule(which=WHICH, state=st.sampled_from(["active", "rejected", "completed", "deleted"]))
    def administrate(self, which: int, state: str) -> None:
        """Over there, by their administrator. Nobody deletes what we do not know yet to stand there."""
        keys = sorted(self.there.tickets)
        remote_id = keys[which % len(keys)]
        if state != "deleted":
            self.there.edit(remote_id, state, "A note.")
        elif Ticket.objects.filter(remote_id=remote_id).exists():
            self.there.delete(remote_id)
            self.deleted.add(remote_id)

    # What workers do, and what is done to them.

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        self.claims += claim.claim(most=most)

    @precondition(lambda self: self.statuses)
    @rule(which=WHICH)
    def ring(self, which: int) -> None:
        """A message of the broker, perhaps its second copy."""
        ticket = Ticket.objects.order_by("pk")[which % len(self.statuses)]
        self.claims += claim.claim([ticket.pk])

    @rule(fate=FATE)
    def deliver(self, fate: str) -> None:
        """A worker that neither stalls nor dies."""
        self.there.fates.append(fate)
        send.deliver()
        self.there.fates.clear()

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, fate=FATE)
    def post(self, which: int, fate: str) -> None:
        claimed = self.claims.pop(which % len(self.claims))
        self._i6_of_all_claims_one_may_send()
        sender = Process(send.send, claimed)
        sender.go_on()
        self.there.fates.append(fate)
        sender.go_on()
        self.there.fates.clear()
        if not sender.is_done:
            self.senders.append((claimed, sender))

    def _i6_of_all_claims_one_may_send(self) -> None:
        able = [claimed.ticket.pk for claimed in self.claims if claimed.may_send]
        assert len(able) == len(set(able)), "I6: two may send the same ticket"

    @precondition(lambda self: self.senders)
    @rule(which=WHICH, fate=FATE)
    def record(self, which: int, fate: str) -> None:
        """The answer is written down; after a refused token the request goes out once more, and meets the fate."""
        claimed, sender = self.senders.pop(which % len(self.senders))
        before = Ticket.objects.get(pk=claimed.ticket.pk)
        self.there.fates.append(fate)
        sender.go_on()
        self.there.fates.clear()
        if not sender.is_done:
            self.senders.append((claimed, sender))
        elif (before.delivery_state, before.fence) != (S.SENDING, claimed.fence):
            self._i5_the_word_of_an_old_claim_changes_nothing(before)

    def _i5_the_word_of_an_old_claim_changes_nothing(self, before: Ticket) -> None:
        after = Ticket.objects.get(pk=before.pk)
        is_adopted = after.delivery_state == S.DELIVERED and before.delivery_state != S.SENDING
        same = (after.delivery_state, after.fence, after.remote_id)
        assert is_adopted or same == (before.delivery_state, before.fence, before.remote_id), "I5: an old word counted"

    @precondition(lambda self: self.claims or self.senders or self.lookers or self.wishers)
    @rule(which=WHICH)
    def kill9(self, which: int) -> None:
        if which % 2 and self.claims:
            self.claims.pop(which % len(self.claims))
            return
        alive = [*(sender for _claim, sender in self.senders), *self.lookers, *self.wishers]
        if not alive:
            return
        victim = alive[which % len(alive)]
        self.dead.append(victim)
        self.senders = [(claimed, sender) for claimed, sender in self.senders if sender is not victim]
        self.lookers = [looker for looker in self.lookers if looker is not victim]
        self.wishers = [wisher for wisher in self.wishers if wisher is not victim]

    @rule(seconds=st.sampled_from([1, 31, 61, 121, 301]))
    def tick(self, seconds: int) -> None:
        self.clock.pass_by(seconds)
        self.there.arrive()

    @precondition(lambda self: not self.clock.has_stepped and not self.there.late)
    @rule(seconds=st.sampled_from([-3600, 3600]))
    def set_the_wall_clock(self, seconds: int) -> None:
        self.clock.step(seconds)

    @rule()
    def reap(self) -> None:
        sweep.tidy()

    @rule(breaks=st.booleans(), lag=st.sampled_from([0, 0, 30]))
    def reconcile(self, breaks: bool, lag: int) -> None:
        """A listing is begun; `conclude` lets its reader go on, some time later."""
        self.there.listing_breaks, self.there.lag = breaks, lag
        looker = Looker(look.look_everywhere, is_whole=not breaks)
        looker.go_on()
        if not looker.is_done:
            looker.go_on()
        if not looker.is_done:
            self.lookers.append(looker)

    @precondition(lambda self: self.lookers)
    @rule(which=WHICH)
    def conclude(self, which: int) -> None:
        looker = self.lookers[which % len(self.lookers)]
        looker.conclude()
        self.lookers = [one for one in self.lookers if not one.is_done]

    @rule()
    def wish(self) -> None:
        wisher = Process(wishes.fulfil)
        wisher.go_on()
        if not wisher.is_done:
            self.wishers.append(wisher)

    @precondition(lambda self: self.wishers)
    @rule(which=WHICH, fate=STATUS_FATE)
    def fulfil(self, which: int, fate: str) -> None:
        self.there.status_fates.append(fate)
        self.wishers[which % len(self.wishers)].go_on()
        self.there.status_fates.clear()
        self.wishers = [one for one in self.wishers if not one.is_done]

    # When the faults stop.

    def teardown(self) -> None:
        """I10: the clock of the product runs on, nothing fails any more, and everything comes to an end."""
        try:
            enable_intune()
            self.there.listing_breaks, self.there.lag = False, 0.0
            self._let_the_stalled_go_on()
            for _ in range(ROUNDS + MORE_ROUNDS * self.clock.has_stepped):
                self.clock.pass_by(ROUND_SECONDS)
                self._one_round_of_the_product()
            self._i10_everything_has_come_to_an_end()
            self.check_the_trail()
        finally:
            for process in [*self.dead, *self.lookers, *self.wishers, *(sender for _claim, sender in self.senders)]:
                process.bury()
            self.clock.stop()

    def _let_the_stalled_go_on(self) -> None:
        stalled = [*self.lookers, *self.wishers, *(sender for _claim, sender in self.senders)]
        for process in [*stalled, *(Process(send.send, claimed) for claimed in self.claims)]:
            while not process.is_done:
                process.go_on()

    def _one_round_of_the_product(self) -> None:
        """What beat asks for, and the rings that come of it."""
        tasks.sweep_tickets()
        tasks.poll_tickets()
        while self.rings:
            tasks.deliver_tickets(self.rings.pop())

    def _i10_everything_has_come_to_an_end(self) -> None:
        for ticket in Ticket.objects.all():
            assert ticket.delivery_state in {S.DELIVERED, S.DEAD, S.CANCELLED}, f"I10: still {ticket.delivery_state}"
            stands = ticket.remote_id in self.deleted or len(self.there.with_marker(ticket.marker))
            assert stands == (ticket.delivery_state == S.DELIVERED), f"I10: {ticket.delivery_state} and {stands} there"
            assert ticket.delivery_state != S.CANCELLED or self._was_unwanted(ticket), "I10: cancelled by itself"
            if ticket.delivery_state == S.DELIVERED and ticket.remote_wanted and ticket.remote_id not in self.deleted:
                assert ticket.remote_state == ticket.remote_wanted, "I10: a wish is still open"

    @staticmethod
    def _was_unwanted(ticket: Ticket) -> bool:
        verbs = AuditEvent.objects.about(ticket.activity).values_list("verb", flat=True)
        return bool({"complete", "cancel"} & set(verbs))
