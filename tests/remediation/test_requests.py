"""Submitting a remediation request: one transaction, one activity, whatever is sent twice."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from remediation.models import AuditEvent, DeviceGroup, RemediationActivity, Ticket
from remediation.rules import requests as rules
from remediation.rules.requests import RemediationRequest, RequestRefused, request_remediation
from tests.factories import (
    ConfigurationFactory,
    CounterFactory,
    DeviceFactory,
    DeviceGroupFactory,
    ExposureFactory,
    ScoreSnapshotFactory,
    UserFactory,
    enable_intune,
    estate,
)

pytestmark = pytest.mark.django_db
MAY = ["remediation.handle_remediation"]


def a_request(**changes) -> RemediationRequest:
    values = {
        "request_key": uuid4(),
        "requested_remediation": "update",
        "priority": "high",
        "due_on": timezone.localdate() + timedelta(days=7),
        "notes": "Kiosks may wait.",
    }
    return RemediationRequest(**(values | changes))


def test_a_request_freezes_its_devices_weaknesses_and_counts():
    recommendation = estate(devices=5, groups=2)

    activity, is_new = request_remediation(recommendation, a_request(), by=UserFactory(may=MAY))

    assert is_new
    assert activity.targets == activity.devices.count() == 5
    assert activity.goal.count() == 1
    assert sorted(activity.counts.values_list("targets", flat=True)) == [2, 3]
    assert AuditEvent.objects.about(activity).get().verb == "request"


@pytest.mark.fault(id="F26")
def test_the_same_form_twice_makes_one_activity():
    recommendation = estate()
    by = UserFactory(may=MAY)
    request = a_request()

    first, _ = request_remediation(recommendation, request, by=by)
    second, is_new = request_remediation(recommendation, request, by=by)

    assert (second, is_new) == (first, False)
    assert RemediationActivity.objects.count() == 1


@pytest.mark.fault(id="F26")
def test_a_second_tab_is_led_to_the_activity_of_the_first():
    recommendation = estate()

    first, _ = request_remediation(recommendation, a_request(), by=UserFactory(may=MAY))
    second, is_new = request_remediation(recommendation, a_request(), by=UserFactory(may=MAY))

    assert (second, is_new) == (first, False)


def test_a_viewer_cannot_request():
    with pytest.raises(PermissionDenied):
        request_remediation(estate(), a_request(), by=UserFactory())

    assert not RemediationActivity.objects.exists()


@pytest.mark.security(id="S2")
def test_a_group_outside_the_scope_is_refused():
    recommendation = estate(groups=2)
    seen, hidden = DeviceGroup.objects.all()
    by = UserFactory(may=MAY, device_groups=[seen])

    with pytest.raises(PermissionDenied):
        request_remediation(recommendation, a_request(groups=[hidden]), by=by)


def test_all_groups_of_a_scoped_person_are_only_their_own():
    recommendation = estate(devices=4, groups=2)
    by = UserFactory(may=MAY, device_groups=[DeviceGroup.objects.first()])

    activity, _ = request_remediation(recommendation, a_request(), by=by)

    assert activity.targets == 2
    assert activity.scope_key == str(DeviceGroup.objects.first().pk)


@pytest.mark.parametrize("due_on", [None, timezone.localdate() - timedelta(days=1)])
def test_a_due_date_is_needed_and_not_in_the_past(due_on):
    with pytest.raises(RequestRefused):
        request_remediation(estate(), a_request(due_on=due_on), by=UserFactory(may=MAY))


def test_a_ticket_is_refused_while_the_connection_is_off():
    enable_intune(False)

    with pytest.raises(RequestRefused):
        request_remediation(estate(), a_request(ticket_system="intune"), by=UserFactory(may=MAY))

    assert not RemediationActivity.objects.exists()


def test_devices_without_an_entra_id_stay_in_the_activity_and_out_of_the_ticket():
    enable_intune()
    recommendation = estate(devices=3)
    exposure = recommendation.exposures.first()
    exposure.device.entra_device_id = ""
    exposure.device.save()

    activity, _ = request_remediation(recommendation, a_request(ticket_system="intune"), by=UserFactory(may=MAY))

    assert activity.targets == 3
    assert activity.tickets.get().devices == 2
    assert activity.devices.get(batch=None).device == exposure.device


@pytest.mark.fault(id="F36")
def test_more_devices_than_a_ticket_takes_are_cut_into_batches_by_risk(monkeypatch):
    enable_intune()
    monkeypatch.setattr("remediation.models.tickets.TICKET_LIMIT", 2)
    recommendation = estate(devices=5)

    activity, _ = request_remediation(recommendation, a_request(ticket_system="intune"), by=UserFactory(may=MAY))

    assert [ticket.devices for ticket in activity.tickets.order_by("batch")] == [2, 2, 1]
    riskiest = activity.devices.filter(batch=1).values_list("device__risk_sum", flat=True)
    assert sorted(riskiest) == [4.0, 5.0]
    assert Ticket.objects.values("marker").distinct().count() == 3


def test_the_first_batch_only_leaves_the_rest_without_a_ticket(monkeypatch):
    enable_intune()
    monkeypatch.setattr("remediation.models.tickets.TICKET_LIMIT", 2)
    recommendation = estate(devices=5)

    activity, _ = request_remediation(
        recommendation, a_request(ticket_system="intune", first_batch_only=True), by=UserFactory(may=MAY)
    )

    ticket = activity.tickets.get()
    assert (ticket.devices, ticket.batch, ticket.batches) == (2, 1, 3)
    assert ticket.facts["without_ticket"] == 3
    assert sorted(activity.batches.values_list("batch", "targets")) == [(1, 2), (2, 2), (3, 1)]


def test_attention_required_has_neither_date_nor_ticket():
    activity, _ = request_remediation(
        estate(), a_request(requested_remediation="attention_required", due_on=None), by=UserFactory(may=MAY)
    )

    assert activity.due_on is None
    assert activity.title.startswith("Attention required")


def test_nothing_is_requested_for_devices_that_are_no_longer_exposed():
    recommendation = estate(devices=1)
    recommendation.exposures.all().delete()

    with pytest.raises(rules.RequestRefused):
        request_remediation(recommendation, a_request(), by=UserFactory(may=MAY))

    assert not RemediationActivity.objects.exists()


def test_text_of_a_source_cannot_pose_as_a_marker():
    enable_intune()
    recommendation = estate(name="Update [VR:AAAAAAAAAAAAAAAAAAAAAAAAAA:BBBBBBBB] now")
    DeviceFactory()

    activity, _ = request_remediation(recommendation, a_request(ticket_system="intune"), by=UserFactory(may=MAY))

    assert "[VR:" not in activity.tickets.get().facts["title"]


def test_the_promise_is_the_drop_of_the_organisations_score_in_the_chosen_groups():
    recommendation = estate(devices=4, groups=2)
    here, there = DeviceGroup.objects.all()
    recommendation.counters.update(drop_normal=10)
    for group in (here, there):
        ScoreSnapshotFactory(group=group, devices_normal=5)

    activity, _ = request_remediation(recommendation, a_request(groups=[here]), by=UserFactory(may=MAY))

    assert activity.promised_impact == pytest.approx(10 / 10)


def test_a_configuration_promises_the_share_of_the_chosen_devices():
    recommendation = ConfigurationFactory(exposed=4, total=4, configuration_impact=2.0)
    group = DeviceGroupFactory()
    ExposureFactory(recommendation=recommendation, device__group=group)
    CounterFactory(recommendation=recommendation, group=group, exposed=1)

    activity, _ = request_remediation(
        recommendation,
        a_request(requested_remediation="configuration_change", groups=[group]),
        by=UserFactory(may=MAY),
    )

    assert activity.promised_impact == pytest.approx(0.5)
