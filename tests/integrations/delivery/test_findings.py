"""The daily comparison: what is missing, unknown here or doubled is kept for people until a listing agrees again."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from integrations.delivery import look, send
from integrations.delivery.closing import CannotClose, close_second
from remediation.markers import new_marker
from remediation.models import ActivityStatus, AuditEvent, FindingKind, RemoteFinding, RemoteState, Ticket, TicketSystem
from tests.factories import UserFactory

DAY = 24 * 3600 + 1
QUARANTINE = 301


@pytest.fixture
def created(there, ticket, clock) -> Ticket:
    send.deliver()
    clock.shift(QUARANTINE)
    ticket.refresh_from_db()
    return ticket


def found() -> list[tuple[str, str]]:
    return list(RemoteFinding.objects.current().values_list("kind", "remote_id").order_by("kind"))


def test_once_a_day_a_system_is_looked_at_even_when_nothing_is_open(there, clock):
    look.look_everywhere()
    assert there.listings == 0

    clock.shift(DAY)
    look.look_everywhere()
    look.look_everywhere()

    assert there.listings == 1


@pytest.mark.fault(id="F39")
def test_our_marker_on_a_ticket_that_we_do_not_know_is_shown(there, clock):
    marker = new_marker()
    remote_id = there.store(marker)
    there.store("[VR:AAAAAAAAAAAAAAAAAAAAAAAAAA:AAAAAAAA] is not signed by us")

    look.look(TicketSystem.objects.get(key="intune"))

    [finding] = RemoteFinding.objects.all()
    assert (finding.kind, finding.remote_id, finding.marker) == (FindingKind.UNKNOWN, remote_id, marker)
    assert (finding.ticket, finding.found_at, finding.ended_at) == (None, timezone.now(), None)


def test_a_finding_is_kept_once_and_ends_when_a_listing_agrees_again(there, clock):
    remote_id = there.store(new_marker())
    system = TicketSystem.objects.get(key="intune")
    first_seen = timezone.now()
    for _ in range(3):
        look.look(system)
        clock.shift(60)

    [finding] = RemoteFinding.objects.all()
    assert (finding.found_at, finding.seen_at) == (first_seen, first_seen + timedelta(seconds=120))

    del there.tickets[remote_id]
    look.look(system)
    assert found() == []
    assert RemoteFinding.objects.get().ended_at == timezone.now()


def test_what_comes_back_is_a_finding_of_its_own(there, clock):
    system = TicketSystem.objects.get(key="intune")
    there.store(new_marker())
    kept = dict(there.tickets)
    for tickets in (kept, {}, kept):
        there.tickets = dict(tickets)
        look.look(system)
        clock.shift(60)

    assert RemoteFinding.objects.count() == 2
    assert len(found()) == 1


@pytest.mark.fault(id="F38")
def test_a_listing_that_broke_off_neither_begins_nor_ends_a_finding(there, created, clock):
    unknown = there.store(new_marker())
    there.tickets.pop(created.remote_id)
    there.listing_breaks = True
    look.look(created.system)
    assert found() == []

    there.listing_breaks = False
    look.look(created.system)
    assert found() == [("missing", created.remote_id), ("unknown", unknown)]

    there.tickets.clear()
    there.listing_breaks = True
    look.look(created.system)
    assert len(found()) == 2


@pytest.mark.fault(id="F28")
def test_a_deleted_ticket_is_a_finding_until_its_activity_is_over(there, created, clock):
    there.tickets.clear()
    look.look(created.system)

    [finding] = RemoteFinding.objects.all()
    assert (finding.kind, finding.ticket, finding.title) == ("missing", created, created.activity.title)

    type(created.activity).objects.update(status=ActivityStatus.CANCELLED)
    look.look(created.system)
    assert found() == []


@pytest.mark.fault(id="F42")
@pytest.mark.fault(id="F17")
def test_a_ticket_stored_later_than_the_quarantine_is_found_within_a_poll(there, created, clock):
    late = there.store(created.marker)

    look.look_everywhere()

    [finding] = RemoteFinding.objects.all()
    assert (finding.kind, finding.remote_id, finding.ticket) == ("double", late, created)
    created.refresh_from_db()
    assert created.remote_state == RemoteState.PENDING
    assert late in created.reason


@pytest.fixture
def second(there, created, clock) -> RemoteFinding:
    there.store(created.marker)
    look.look_everywhere()
    return RemoteFinding.objects.get()


@pytest.mark.fault(id="F42")
def test_a_person_closes_the_second_one_and_the_next_listing_ends_the_finding(there, created, second):
    administrator = UserFactory(may=["remediation.manage_settings"])

    close_second(second, by=administrator)
    look.look_everywhere()

    assert there.tickets[second.remote_id].state == RemoteState.REJECTED
    assert created.remote_id in there.tickets[second.remote_id].note
    assert there.tickets[created.remote_id].state == RemoteState.PENDING
    assert found() == []
    assert AuditEvent.objects.about(created).get(verb="close_second").actor == administrator


def test_of_a_second_one_that_could_not_be_closed_nothing_is_claimed(there, created, second):
    there.status_fates.append("504_after_commit")

    with pytest.raises(CannotClose):
        close_second(second, by=UserFactory(may=["remediation.manage_settings"]))

    assert not AuditEvent.objects.about(created).filter(verb="close_second").exists()


def test_what_is_no_second_one_any_more_is_not_closed(there, second):
    RemoteFinding.objects.update(ended_at=timezone.now())
    second.refresh_from_db()

    with pytest.raises(CannotClose):
        close_second(second, by=UserFactory(may=["remediation.manage_settings"]))

    assert there.statuses == []


def test_closing_needs_the_permission(there, second):
    with pytest.raises(PermissionDenied):
        close_second(second, by=UserFactory(may=["remediation.handle_remediation"]))

    assert there.statuses == []


def test_a_second_one_is_found_even_when_the_first_is_gone(there, created, clock):
    late = there.store(created.marker)
    del there.tickets[created.remote_id]

    look.look_everywhere()

    assert found() == [("double", late), ("missing", created.remote_id)]


@pytest.mark.fault(id="F39")
def test_after_a_restored_backup_what_is_known_is_adopted_and_the_rest_is_shown(there, ticket, clock):
    """Yesterday's rows: the one ticket is still in the queue here, the other was asked for after the backup."""
    adopted, unknown = there.store(ticket.marker), there.store(new_marker())
    clock.shift(DAY)

    look.look_everywhere()
    send.deliver()

    ticket.refresh_from_db()
    assert (ticket.remote_id, there.posts) == (adopted, [])
    assert found() == [("unknown", unknown)]
