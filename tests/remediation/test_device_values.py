"""Device values by hand: who may, on which devices, what is written down; and that a sync leaves them alone."""

import pytest
from django.urls import reverse

from remediation.models import AuditEvent, Device
from remediation.rules import devices as rule
from remediation.rules.devices import FROM_SOURCE, TooManyDevices, Wish, set_by_hand
from tests.factories import DeviceFactory, DeviceGroupFactory, UserFactory

pytestmark = pytest.mark.django_db

MAY = ["remediation.change_device_value"]
ADDRESS = "/devices/values/"


@pytest.fixture
def sam(client):
    user = UserFactory(roles=["Security team"])
    client.force_login(user)
    return user


def post(client, **fields):
    return client.post(ADDRESS, {"scope": "chosen", "next": "/devices/"} | fields)


def test_a_value_by_hand_is_set_with_who_and_when(client, sam):
    device = DeviceFactory()

    response = post(client, device=device.pk, value="high", internet_facing="yes")

    device.refresh_from_db()
    assert response["Location"] == "/devices/"
    assert (device.value, device.value_by_hand, device.source_value) == ("high", True, "normal")
    assert (device.internet_facing, device.internet_facing_by_hand) == (True, True)
    assert device.set_by == sam
    event = AuditEvent.objects.about(device).get()
    assert (event.actor, event.verb) == (sam, "set device values")
    assert event.after == {"value": "high", "internet_facing": True, "devices": 1}
    assert event.before["value"] == {"normal by the source": [device.pk]}


def test_what_is_given_back_is_as_the_source_says(client, sam):
    device = DeviceFactory(value="high", value_by_hand=True, source_value="low", internet_facing=False)

    post(client, device=device.pk, value=FROM_SOURCE)

    device.refresh_from_db()
    assert (device.value, device.value_by_hand) == ("low", False)
    assert device.internet_facing is False


def test_only_what_is_asked_for_changes(client, sam):
    device = DeviceFactory(value="low", internet_facing=True)

    post(client, device=device.pk, internet_facing="no")

    device.refresh_from_db()
    assert (device.value, device.value_by_hand) == ("low", False)
    assert (device.internet_facing, device.internet_facing_by_hand) == (False, True)


def test_a_second_time_changes_and_records_nothing(client, sam):
    device = DeviceFactory()
    post(client, device=device.pk, value="high")

    post(client, device=device.pk, value="high")

    assert AuditEvent.objects.filter(verb="set device values").count() == 1


@pytest.mark.security(id="S2")
def test_devices_of_other_groups_stay_as_they_are():
    mine, theirs = DeviceFactory(), DeviceFactory()
    user = UserFactory(may=MAY, device_groups=[mine.group])

    changed = set_by_hand(Device.objects.all(), Wish("high"), by=user)

    theirs.refresh_from_db()
    assert (changed, theirs.value) == (1, "normal")


def test_all_that_match_asks_first_and_then_sets_what_the_list_shows(client, sam):
    here = DeviceGroupFactory()
    web = DeviceFactory.create_batch(3, group=here, os_platform="WindowsServer2022")
    others = [DeviceFactory(group=here), DeviceFactory(os_platform="WindowsServer2022")]
    asked = {"scope": "all", "matching": "os=server&page=2", "groups": [here.pk], "value": "high"}

    question = post(client, **asked)
    before = Device.objects.filter(value="high").count()
    post(client, **asked, confirmed="1")

    assert (question.status_code, question.context["count"], before) == (200, 3, 0)
    assert set(Device.objects.filter(value="high")) == set(web)
    assert {device.value for device in others} == {"normal"}


def test_filters_that_are_not_valid_set_nothing(client, sam):
    DeviceFactory()

    post(client, scope="all", matching="level=nonsense", value="high", confirmed="1")

    assert not Device.objects.filter(value="high").exists()


def test_many_devices_are_one_event_a_group_with_what_stood_before():
    first, second = DeviceGroupFactory(), DeviceGroupFactory()
    two = DeviceFactory.create_batch(2, group=first)
    one = DeviceFactory(group=second, value="low")

    set_by_hand(Device.objects.all(), Wish("high"), by=UserFactory(may=MAY))

    events = {event.subject_name: event for event in AuditEvent.objects.filter(verb="set device values")}
    assert set(events) == {first.name, second.name}
    assert events[first.name].before == {"value": {"normal by the source": [device.pk for device in two]}}
    assert events[second.name].before == {"value": {"low by the source": [one.pk]}}
    assert events[first.name].after == {"value": "high", "devices": 2}


def test_more_than_the_most_is_refused_before_anything_changes(monkeypatch, client, sam):
    monkeypatch.setattr(rule, "MOST", 2)
    DeviceFactory.create_batch(3)

    with pytest.raises(TooManyDevices):
        set_by_hand(Device.objects.all(), Wish("high"), by=sam)

    assert not Device.objects.filter(value="high").exists()


@pytest.mark.parametrize(
    "fields",
    [{"value": "huge"}, {}, {"device": "x", "value": "high"}, {"scope": "some", "value": "high"},
     {"device": "9" * 30, "value": "high"}, {"scope": "all", "groups": "x", "value": "high"},
     {"scope": "all", "matching": "x" * 9000, "value": "high", "confirmed": "1"}],
)  # fmt: skip
def test_odd_input_is_answered_with_words(client, sam, fields):
    device = DeviceFactory()

    response = client.post(ADDRESS, {"scope": "chosen", "device": device.pk, "next": "/devices/"} | fields)
    said = client.get("/devices/").context["messages"]

    device.refresh_from_db()
    assert (response.status_code, device.value) == (302, "normal")
    assert len(list(said)) == 1


def test_a_viewer_may_not(client):
    device = DeviceFactory()
    client.force_login(UserFactory(roles=["Viewer"]))

    assert post(client, device=device.pk, value="high").status_code == 403
    assert "bulk" not in client.get(reverse("devices")).content.decode()


def test_the_list_offers_to_tick_and_set(client, sam):
    device = DeviceFactory()
    from tests.dashboard.conftest import publish

    publish()

    html = client.get("/devices/").content.decode()

    assert f'name="device" value="{device.pk}" form="bulk"' in html
    assert "All 1 that match" in html
