"""A ticket that bears a reference of ours and is unknown here becomes the ticket of a request made anew."""

from dataclasses import replace
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from integrations.connectors.base import Reading
from integrations.delivery import linking, look
from integrations.delivery.people import CannotAdopt
from remediation.markers import new_marker
from remediation.models import AuditEvent, DeliveryState, ImportedActivity, RemoteFinding, Ticket, TicketSystem
from remediation.roles import SECURITY_TEAM, VIEWER
from remediation.rules.requests import RemediationRequest, request_remediation
from tests.factories import UserFactory, estate
from tests.fakes import answered

pytestmark = pytest.mark.django_db
TITLE = "Update Contoso Reader to version 2.0"


@pytest.fixture
def by():
    return UserFactory(roles=[SECURITY_TEAM])


@pytest.fixture
def activity(there, clock, by):
    asked = RemediationRequest(uuid4(), "update", "medium", timezone.localdate())
    return request_remediation(estate(name=TITLE, devices=3), asked, by=by)[0]


@pytest.fixture
def lost(there, clock) -> RemoteFinding:
    """Created, and then forgotten by a restore."""
    return stands_there(there)


def stands_there(there, *, title: str = TITLE, kind: str = "software", state: str = "active") -> RemoteFinding:
    remote_id = there.store(new_marker(), state)
    there.tickets[remote_id] = replace(there.tickets[remote_id], title=title, kind=kind)
    look.look(TicketSystem.objects.get(key="intune"))
    return RemoteFinding.objects.get(remote_id=remote_id)


def test_it_becomes_the_ticket_and_the_next_listing_agrees(there, lost, activity, by):
    ticket = linking.link(lost, activity, by=by)

    assert (ticket.delivery_state, ticket.remote_id, ticket.remote_state) == ("delivered", lost.remote_id, "active")
    assert (ticket.marker, ticket.devices, ticket.facts["kind"]) == (lost.marker, 3, "software")
    assert set(activity.devices.values_list("batch", flat=True)) == {1}
    assert AuditEvent.objects.about(ticket).get().verb == "link"
    look.look(TicketSystem.objects.get(key="intune"))
    assert not RemoteFinding.objects.current().exists()
    assert there.posts == []


def test_it_is_offered_on_the_page_and_linked_by_a_click(client, there, lost, activity, by):
    stands_there(there, title="Turn on something else")
    client.force_login(by)

    page = client.get(activity.get_absolute_url()).content.decode()
    answer = client.post(reverse("ticket_link", args=[activity.pk]), {"finding": lost.pk})

    assert f'value="{lost.pk}"' in page
    assert "something else" not in page
    assert answer["Location"] == activity.get_absolute_url()
    assert activity.tickets.get().delivery_state == DeliveryState.DELIVERED
    assert "are unknown here" not in client.get(activity.get_absolute_url()).content.decode()


def test_a_second_request_for_it_is_warned_of(client, there, lost, activity, by):
    assert ImportedActivity.objects.get().remote_id == lost.remote_id

    linking.link(lost, activity, by=by)
    look.look(TicketSystem.objects.get(key="intune"))

    assert not ImportedActivity.objects.exists()


def test_once_linked_it_is_nobody_elses(there, lost, activity, by):
    linking.link(lost, activity, by=by)

    with pytest.raises(CannotAdopt):
        linking.link(RemoteFinding.objects.get(pk=lost.pk), activity, by=by)
    with pytest.raises(CannotAdopt):
        # As it was read before the first click.
        linking.link(lost, activity, by=by)
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("change", ["gone", "silent", "another reference", "another kind"])
def test_what_is_not_there_as_it_was_is_not_linked(there, lost, activity, by, change):
    one = there.tickets[lost.remote_id]
    if change == "gone":
        there.tickets.clear()
    elif change == "silent":
        there.read = lambda remote_id: Reading(answered(500))
    elif change == "another reference":
        there.tickets[lost.remote_id] = replace(one, markers=())
    else:
        there.tickets[lost.remote_id] = replace(one, kind="configuration")

    with pytest.raises(CannotAdopt):
        linking.link(lost, activity, by=by)
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_an_activity_that_is_over_takes_none(there, lost, activity, by, status):
    activity.status, activity.completion_method = status, "manual" if status == "completed" else ""
    activity.save()

    assert linking.offered(activity, by) == []
    with pytest.raises(CannotAdopt):
        linking.link(lost, activity, by=by)


def test_who_may_not_handle_remediations_links_nothing(there, lost, activity):
    viewer, elsewhere = UserFactory(roles=[VIEWER]), UserFactory(roles=[SECURITY_TEAM], device_groups=[])

    assert linking.offered(activity, viewer) == []
    for user in (viewer, elsewhere):
        with pytest.raises(PermissionDenied):
            linking.link(lost, activity, by=user)


@pytest.mark.parametrize("finding", ["", "x", "999999999", "99999999999999999999999"])
def test_an_odd_choice_is_said(client, there, activity, by, finding):
    client.force_login(by)

    answer = client.post(reverse("ticket_link", args=[activity.pk]), {"finding": finding}, follow=True)

    assert answer.status_code == 200
    assert str(*answer.context["messages"]) in {"Please choose a ticket.", "This one is not unknown any more."}
