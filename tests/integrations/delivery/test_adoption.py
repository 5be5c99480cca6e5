"""A ticket that does not get on: another that stands there takes its place, or it is given up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections

from integrations import connectors
from integrations.delivery import foreign, look, send, wishes
from integrations.delivery.people import CannotAdopt, abandon, adopt
from remediation.markers import new_marker
from remediation.models import (
    ActivityCount,
    AttemptPurpose,
    AttemptResult,
    AuditEvent,
    DeliveryState,
    ForeignTicket,
    Route,
    Ticket,
    TicketAttempt,
    TicketSystem,
)
from remediation.rules.transitions import InvalidTransition
from tests.factories import DeviceGroupFactory, TicketFactory, UserFactory, enable_intune
from tests.fakes import FakeTicketSystem

S = DeliveryState
MAY = ["remediation.handle_remediation"]
FACTS = {"kind": "software", "title": "Update Contoso Reader to 2.0", "product": "Contoso Reader"}


def again(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_related("system").get(pk=ticket.pk)


@pytest.fixture
def by(db):
    return UserFactory(may=MAY)


@pytest.fixture
def dead(there, clock) -> Ticket:
    return TicketFactory(delivery_state=S.DEAD, reason="Refused.", facts=FACTS)


@pytest.fixture
def refused(there, clock) -> Ticket:
    """It waits for a permission that nobody gives."""
    ticket = TicketFactory(facts=FACTS)
    there.fates.extend(["403", "403"])
    send.deliver()
    return again(ticket)


@pytest.mark.parametrize("stuck", ["dead", "refused"])
def test_a_ticket_of_others_takes_the_place_of_one_that_is_stuck(there, by, stuck, request):
    ticket = request.getfixturevalue(stuck)
    theirs = there.made_by_others("Contoso Reader", state="active")

    adopt(ticket, theirs, by=by)

    now = again(ticket)
    assert (now.delivery_state, now.remote_id, now.remote_state) == (S.DELIVERED, theirs, "active")
    event = AuditEvent.objects.about(ticket).get(verb="adopt_other")
    assert (event.actor, event.after["remote_id"]) == (by, theirs)


def test_what_is_adopted_is_followed_like_one_of_ours(there, dead, by, clock):
    theirs = there.made_by_others("Contoso Reader")
    adopt(dead, theirs, by=by)
    clock.shift(60)
    there.edit(theirs, "completed", "Done.")

    look.look_everywhere()

    assert (again(dead).remote_state, again(dead).remote_note) == ("completed", "Done.")
    assert there.posts == []


def test_one_is_never_adopted_by_two(there, dead, by):
    theirs = there.made_by_others("Contoso Reader")
    other = TicketFactory(delivery_state=S.DEAD, facts=FACTS)
    adopt(dead, theirs, by=by)

    with pytest.raises(InvalidTransition, match="linked with that one already"):
        adopt(other, theirs, by=by)

    assert again(other).delivery_state == S.DEAD
    assert not AuditEvent.objects.about(other).exists()


@pytest.mark.parametrize("remote_id", ["theirs-99", "../theirs-1", "THEIRS-1"])
def test_what_does_not_stand_there_is_not_adopted(there, dead, by, remote_id):
    there.made_by_others("Contoso Reader")

    with pytest.raises(CannotAdopt, match="no ticket with this id"):
        adopt(dead, remote_id, by=by)


def test_one_of_another_kind_is_not_adopted(there, dead, by):
    with pytest.raises(CannotAdopt, match="another kind"):
        adopt(dead, there.made_by_others("Firewall", kind="configuration"), by=by)


def test_one_with_the_reference_of_another_ticket_is_not_adopted(there, dead, by):
    with pytest.raises(CannotAdopt, match="reference of another"):
        adopt(dead, there.store(new_marker()), by=by)


def left_open(ticket: Ticket) -> None:
    """An attempt of which nobody knows what it left there."""
    TicketAttempt.objects.create(
        ticket=ticket,
        fence=90,
        purpose=AttemptPurpose.CREATE,
        started_at=ticket.created_at,
        result=AttemptResult.UNKNOWN,
    )


def test_what_was_looked_for_and_not_found_may_be_replaced(there, refused, by):
    left_open(refused)

    adopt(refused, there.made_by_others("Contoso Reader"), by=by)

    assert again(refused).delivery_state == S.DELIVERED


def test_while_nobody_knows_whether_ours_stands_there_nothing_else_is_adopted(there, dead, by, clock):
    left_open(dead)

    with pytest.raises(CannotAdopt, match="Retry looks for it first"):
        adopt(dead, there.made_by_others("Contoso Reader"), by=by)


@pytest.mark.parametrize("state", [S.READY, S.UNCERTAIN, S.CANCELLED])
def test_what_gets_on_by_itself_is_left_alone(there, dead, by, state):
    theirs = there.made_by_others("Contoso Reader")
    Ticket.objects.update(delivery_state=state)

    for deed in (lambda one: adopt(one, theirs, by=by), lambda one: abandon(one, "No.", by=by)):
        with pytest.raises(InvalidTransition):
            deed(again(dead))


def test_who_comes_too_late_learns_that_it_has_changed(there, dead, by):
    theirs = there.made_by_others("Contoso Reader")
    stale = again(dead)
    abandon(dead, "Done by hand.", by=by)

    with pytest.raises(InvalidTransition, match="changed meanwhile"):
        adopt(stale, theirs, by=by)
    with pytest.raises(InvalidTransition):
        abandon(stale, "Me too.", by=by)
    assert AuditEvent.objects.about(dead).filter(verb="abandon").count() == 1


def test_an_abandoned_ticket_is_over_and_says_why(there, refused, by):
    abandon(refused, " Handed over by message. ", by=by)

    now = again(refused)
    assert (now.delivery_state, now.reason) == (S.CANCELLED, "Handed over by message.")
    assert AuditEvent.objects.about(refused).get(verb="abandon").note == "Handed over by message."
    TicketSystem.objects.update(create_route=Route.WORKS, opened_at=None, paused_until=None)
    assert send.deliver() == 0


def test_an_abandoned_ticket_that_turns_up_is_withdrawn(there, dead, by, clock):
    abandon(dead, "Not needed.", by=by)
    late = there.store(dead.marker)
    TicketFactory(delivery_state=S.DELIVERED, remote_id=there.store(""))

    clock.shift(60)
    look.look_everywhere()
    wishes.fulfil()

    assert there.statuses == [(late, "rejected", "Not needed.")]


def test_abandoning_needs_a_reason(there, dead, by):
    with pytest.raises(InvalidTransition, match="say why"):
        abandon(dead, " \n", by=by)


def test_both_need_the_permission_and_the_whole_scope(there, dead):
    mine, other = DeviceGroupFactory(), DeviceGroupFactory()
    ActivityCount.objects.create(activity=dead.activity, group=other, targets=1)
    theirs = there.made_by_others("Contoso Reader")

    for person in (UserFactory(), UserFactory(may=MAY, device_groups=[mine])):
        with pytest.raises(PermissionDenied):
            adopt(dead, theirs, by=person)
        with pytest.raises(PermissionDenied):
            abandon(dead, "No.", by=person)


def test_where_creating_is_refused_the_listing_keeps_what_others_have_made(there, refused, clock):
    right = there.made_by_others("Contoso Reader 2.0")
    there.made_by_others("Fabrikam Editor")
    there.made_by_others("Contoso Reader", kind="configuration")
    there.made_by_others("Contoso Reader", state="completed")
    there.made_by_others("Contoso Reader", kind="")

    look.look_everywhere()

    assert [one.remote_id for one in foreign.candidates(refused)] == [right]


def test_one_from_before_the_request_or_linked_already_is_not_offered(there, refused, clock):
    early = there.made_by_others("Contoso Reader")
    linked = there.made_by_others("Contoso Reader")
    TicketFactory(delivery_state=S.DELIVERED, remote_id=linked)
    look.look_everywhere()
    ForeignTicket.objects.filter(remote_id=early).update(created_there_at=refused.created_at - timedelta(hours=1))

    assert foreign.candidates(refused) == []


def test_what_is_kept_follows_the_listing_and_goes_when_nobody_wants_it(there, refused, clock, by):
    kept, gone = there.made_by_others("Contoso Reader"), there.made_by_others("Contoso Reader")
    look.look_everywhere()
    del there.tickets[gone]
    there.edit(kept, "active")

    look.look_everywhere()
    assert list(ForeignTicket.objects.values_list("remote_id", "remote_state")) == [(kept, "active")]

    abandon(refused, "By message.", by=by)
    look.look(TicketSystem.objects.get(key="intune"))
    assert not ForeignTicket.objects.exists()


def test_long_names_of_others_are_cut(there, refused, clock):
    there.made_by_others("Contoso Reader " + "p" * 1000)

    look.look_everywhere()

    [kept] = ForeignTicket.objects.all()
    assert (len(kept.title), len(kept.product)) == (255, 255)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_adopts(monkeypatch):
    there = FakeTicketSystem()
    monkeypatch.setitem(connectors.CONNECTORS, "intune", there)
    enable_intune()
    by = UserFactory(may=MAY)
    tickets = [TicketFactory(delivery_state=S.DEAD, facts=FACTS) for _ in range(6)]
    theirs = there.made_by_others("Contoso Reader")
    barrier = Barrier(len(tickets))

    def one(ticket: Ticket) -> bool:
        barrier.wait()
        try:
            adopt(ticket, theirs, by=by)
        except InvalidTransition:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(len(tickets)) as pool:
        assert sum(pool.map(one, tickets)) == 1
    assert Ticket.objects.filter(remote_id=theirs).count() == 1
    assert AuditEvent.objects.filter(verb="adopt_other").count() == 1
