"""More devices than a ticket takes: parts, their progress, and the rest of "the first part only", by one click."""

from datetime import timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from remediation.models import AuditEvent, DeviceGroup, RemediationActivity, TicketSystem
from remediation.rules.parts import open_rest
from remediation.rules.requests import RemediationRequest, request_remediation
from remediation.rules.transitions import InvalidTransition
from tests.factories import UserFactory, enable_intune, estate

pytestmark = pytest.mark.django_db
MAY = ["remediation.handle_remediation", "remediation.view_remediationactivity"]


@pytest.fixture(autouse=True)
def two_devices_a_ticket(monkeypatch):
    monkeypatch.setattr("remediation.models.tickets.TICKET_LIMIT", 2)


def requested(devices: int = 5, first_only: bool = True, **system) -> RemediationActivity:
    enable_intune()
    if system:
        TicketSystem.objects.update(**system)
    request = RemediationRequest(
        request_key=uuid4(),
        requested_remediation="update",
        priority="high",
        due_on=timezone.localdate() + timedelta(days=7),
        ticket_system="intune",
        first_batch_only=first_only,
    )
    return request_remediation(estate(devices=devices, groups=2), request, by=UserFactory(may=MAY))[0]


def parts_of(activity: RemediationActivity) -> list[tuple[int, int, int]]:
    return list(activity.tickets.order_by("batch").values_list("batch", "batches", "devices"))


def test_the_rest_gets_its_tickets_later():
    activity = requested()

    tickets = open_rest(activity, by=UserFactory(may=MAY))

    assert parts_of(activity) == [(1, 3, 2), (2, 3, 2), (3, 3, 1)]
    assert {ticket.delivery_state for ticket in tickets} == {"ready"}
    event = AuditEvent.objects.about(activity).get(verb="open_rest")
    assert event.after == {"devices": 3, "tickets": 2}


def test_a_second_click_opens_nothing():
    activity = requested()
    by = UserFactory(may=MAY)
    open_rest(activity, by=by)

    assert open_rest(activity, by=by) == []

    assert len(parts_of(activity)) == 3
    assert AuditEvent.objects.filter(verb="open_rest").count() == 1


def test_a_device_that_was_fixed_meanwhile_is_in_no_later_ticket():
    activity = requested()
    activity.devices.filter(batch=3).update(state="fixed")
    activity.devices.filter(device=activity.devices.filter(batch=2).first().device).update(state="fixed")

    open_rest(activity, by=UserFactory(may=MAY))

    assert parts_of(activity) == [(1, 3, 2), (2, 3, 1)]
    assert sorted(activity.batches.values_list("batch", "targets")) == [(1, 1), (1, 1), (2, 1)]


def test_the_facts_of_the_rest_are_those_of_the_request_and_of_its_own_devices():
    activity = requested()
    activity.recommendation.recommended_version = "9.9"
    activity.recommendation.save()
    open_rest(activity, by=UserFactory(may=MAY))

    facts = activity.tickets.get(batch=3).facts

    assert (facts["to_version"], facts["part"], facts["parts"], facts["without_ticket"]) == ("2.0", 3, 3, 0)
    assert facts["systems"] == [["Windows11", 1]]
    assert sum(count for _name, count in facts["groups"]) == 1


def test_only_who_handles_all_groups_opens_the_rest():
    activity = requested()

    with pytest.raises(PermissionDenied):
        open_rest(activity, by=UserFactory())
    with pytest.raises(PermissionDenied):
        open_rest(activity, by=UserFactory(may=MAY, device_groups=[DeviceGroup.objects.first()]))

    assert len(parts_of(activity)) == 1


def test_an_activity_that_is_over_gets_no_more_tickets():
    activity = requested()
    RemediationActivity.objects.update(status="cancelled")

    with pytest.raises(InvalidTransition):
        open_rest(activity, by=UserFactory(may=MAY))


def test_nothing_is_opened_while_the_connection_is_off():
    activity = requested()
    enable_intune(False)

    with pytest.raises(InvalidTransition, match="switched off"):
        open_rest(activity, by=UserFactory(may=MAY))


def test_where_devices_are_not_kept_inside_one_ticket_serves_for_all():
    activity = requested(first_only=False, takes_devices=False)

    assert parts_of(activity) == [(1, 1, 5)]


def test_the_click_answers_in_words_and_leads_back(client):
    activity = requested()
    client.force_login(UserFactory(may=[*MAY, "remediation.view_recommendation"]))
    address = reverse("activity_rest", args=[activity.pk])

    answers = [client.post(address) for _ in range(2)]

    assert [answer["Location"] for answer in answers] == [activity.get_absolute_url()] * 2
    RemediationActivity.objects.update(status="cancelled")
    assert client.post(address).status_code == 409
    assert client.get(address).status_code == 405


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_once_one_opens_the_rest():
    activity = requested()
    by = UserFactory(may=MAY)
    start, opened = Barrier(2), []

    def click() -> None:
        start.wait()
        opened.append(len(open_rest(activity, by=by)))
        connection.close()

    threads = [Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(opened) == [0, 2]
    assert len(parts_of(activity)) == 3
