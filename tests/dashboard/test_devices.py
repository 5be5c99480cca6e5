"""Devices: the list's filters and coverage, and one device's page with why its score is what it is."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from remediation import scoring
from remediation.models import ActivityDevice, DeviceState
from tests.factories import (
    ActivityFactory,
    ConfigurationFactory,
    DeviceFactory,
    DeviceGroupFactory,
    ExposureFactory,
    RecommendationFactory,
    SoftwareVersionFactory,
    WeaknessFactory,
)

from .conftest import publish, words
from .test_exports import rows_of

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=31)


def reporting(**fields):
    """A device of which all is known."""
    return DeviceFactory(**({"reported_at": timezone.now(), "internet_facing": False} | fields))


@pytest.fixture
def exposed(reader):
    """A device with two products and a setting, its risk sum as a sync would publish it."""
    publish()
    device = reporting(internet_facing=True, exposure_level="medium", recommendations=3)
    risks = [2.0, 0.5]
    for risk in risks:
        item = RecommendationFactory()
        version = SoftwareVersionFactory(software=item.software, risk=risk, weaknesses=[WeaknessFactory()])
        ExposureFactory(device=device, recommendation=item, version=version)
    ExposureFactory(device=device, recommendation=ConfigurationFactory(), version=None)
    device.risk_sum = scoring.device_risk(risks, True)
    device.save()
    return device


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("level=high", ["exposed"]),
        ("value=low", ["cheap"]),
        ("facing=yes", ["facing"]),
        ("facing=unknown", ["unknown"]),
        ("coverage=silent", ["mute"]),
        ("coverage=unseen", ["gone-dark", "never-seen"]),
        ("coverage=without_entra", ["nameless"]),
        ("coverage=retired", ["merged", "scrapped"]),
        ("os=mac", ["apple"]),
        ("q=EXPOSED", ["exposed"]),
    ],
)
def test_each_filter_of_devices_finds_its_own(client, reader, query, found):
    publish()
    reporting(name="exposed", exposure_level="high")
    reporting(name="cheap", value="low")
    reporting(name="facing", internet_facing=True)
    reporting(name="unknown", internet_facing=None)
    reporting(name="mute", is_silent=True)
    reporting(name="gone-dark", last_seen_at=LONG_AGO)
    reporting(name="never-seen", last_seen_at=None)
    reporting(name="nameless", entra_device_id="")
    survivor = reporting(name="apple", os_platform="macOS")
    reporting(name="merged", merged_into=survivor)
    reporting(name="scrapped", retired_at=timezone.now())
    reader(client)

    rows = client.get(f"/devices/?{query}&sort=name").context["rows"]

    assert [row["name"] for row in rows] == found


def test_a_group_filter_offers_and_finds_only_visible_groups(client, reader):
    publish()
    mine, theirs = reporting(), reporting()
    reader(client, device_groups=[mine.group, DeviceGroupFactory()])

    shown = client.get(f"/devices/?group={mine.group_id}")
    foreign = client.get(f"/devices/?group={theirs.group_id}")

    assert [row["pk"] for row in shown.context["rows"]] == [mine.pk]
    assert theirs.name not in words(foreign)


def test_the_riskiest_device_comes_first(client, reader):
    publish()
    for risk in (1.0, 9.0, 3.0):
        reporting(risk_sum=risk)
    reader(client)

    assert [row["risk_sum"] for row in client.get("/devices/").context["rows"]] == [9.0, 3.0, 1.0]


def test_the_file_has_what_the_list_shows(client, reader):
    device = reporting(value="high", value_by_hand=True, risk_sum=3.0, internet_facing=None)
    reader(client)

    (row,) = rows_of(client.get("/devices/?format=csv"))

    assert (row["device"], row["value"], row["value_by_hand"]) == (device.name, "high", "yes")
    assert (float(row["exposure_score"]), row["internet_facing"]) == (50.0, "")
    assert row["entra_device_id"] == device.entra_device_id


def test_the_parts_of_a_score_sum_up_to_it(client, reader, exposed):
    reader(client)

    explanation = client.get(exposed.get_absolute_url()).context["explanation"]

    assert [part.risk for part in explanation.parts] == [pytest.approx(3.0), pytest.approx(0.75)]
    assert sum(part.risk for part in explanation.parts) + explanation.rest == pytest.approx(exposed.risk_sum)
    assert explanation.score == pytest.approx(scoring.device_score(3.75))
    assert not explanation.is_outdated


def test_the_impact_of_a_recommendation_is_what_its_fix_takes_off(client, reader, exposed):
    reader(client)

    first, second, setting = client.get(exposed.get_absolute_url()).context["rows"]

    assert first["impact"] == pytest.approx(scoring.device_score(3.75) - scoring.device_score(0.75))
    assert second["impact"] == pytest.approx(scoring.device_score(3.75) - scoring.device_score(3.0))
    assert setting["impact"] == 0


def test_a_value_set_since_the_last_sync_is_said_to_follow(client, reader, exposed):
    exposed.internet_facing = False
    exposed.save()
    reader(client)

    assert "they follow with the next sync" in words(client.get(exposed.get_absolute_url()))


def test_paths_found_on_the_device_come_before_those_of_another(client, reader, exposed):
    item = exposed.exposures.exclude(version=None).order_by("-version__risk").first()
    item.version.disk_paths = ["c:\\elsewhere"]
    item.version.save()
    reader(client)
    address = f"/devices/{exposed.pk}/software/"
    example = words(client.get(address))
    ActivityDevice.objects.create(
        activity=ActivityFactory(recommendation=item.recommendation),
        device=exposed,
        group=exposed.group,
        state_changed_at=timezone.now(),
        checked_at=timezone.now(),
        is_exposed=True,
        disk_paths=["c:\\here"],
    )

    own = words(client.get(address))

    assert "c:\\elsewhere as on another device" in example
    assert "c:\\here seen here" in own


def test_weaknesses_are_those_of_its_versions_with_the_product(client, reader, exposed):
    WeaknessFactory()
    reader(client)

    rows = client.get(f"/devices/{exposed.pk}/weaknesses/").context["rows"]

    products = {item.version.software.name for item in exposed.exposures.exclude(version=None)}
    assert {row["product"] for row in rows} == products
    assert len(rows) == 2


def test_activities_of_other_groups_do_not_show_on_a_device_that_moved(client, reader, exposed):
    foreign = ActivityFactory(title="Canary")
    ActivityDevice.objects.create(
        activity=foreign,
        device=exposed,
        group=DeviceGroupFactory(),
        state=DeviceState.EXPOSED,
        state_changed_at=timezone.now(),
    )
    reader(client, device_groups=[exposed.group])

    response = client.get(f"/devices/{exposed.pk}/activities/")

    assert "Canary" not in words(response)
    assert response.context["numbers"]["tab_targets"] == 0


def test_the_survivor_of_a_merge_is_named_only_to_who_may_see_it(client, reader):
    survivor = reporting(name="Survivor")
    merged = reporting(merged_into=survivor)
    reader(client, device_groups=[merged.group])

    shown = words(client.get(merged.get_absolute_url()))

    assert "stands for another" in shown
    assert "Survivor" not in shown


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"is_silent": True}, "reports no software"),
        ({"last_seen_at": LONG_AGO}, "Not seen for 30 days"),
        ({"retired_at": timezone.now()}, "Retired"),
    ],
)
def test_a_devices_page_says_what_is_not_known_of_it(client, reader, fields, said):
    reader(client)

    assert said in words(client.get(reporting(**fields).get_absolute_url()))


def test_a_device_is_a_link_wherever_it_is_named(client, reader, published):
    device = published.exposures.first().device
    activity = ActivityFactory(recommendation=published)
    ActivityDevice.objects.create(activity=activity, device=device, group=device.group, state_changed_at=timezone.now())
    activity.counts.create(group=device.group, targets=1, exposed=1)
    reader(client)

    for path in ("/", f"/recommendations/{published.pk}/", f"/recommendations/{published.pk}/devices/",
                 activity.get_absolute_url(), "/devices/"):  # fmt: skip
        assert f'href="{device.get_absolute_url()}"' in client.get(path).content.decode(), path


@pytest.mark.parametrize("tab", ["", "software/", "weaknesses/", "activities/"])
def test_an_odd_address_of_a_device_is_no_error(client, reader, exposed, tab):
    from .test_pages import ODD

    reader(client)
    answers = {client.get(f"/devices/{exposed.pk}/{tab}?{query}").status_code for query in [*ODD, "format=csv"]}

    assert answers == {200}


@pytest.mark.parametrize(("roles", "may_report"), [(["Security team"], True), (["Viewer"], False)])
def test_a_row_of_exposed_devices_can_be_reported_by_those_who_may(client, reader, published, roles, may_report):
    reader(client, roles=roles)
    device = published.exposures.first().device_id

    html = client.get(f"/recommendations/{published.pk}/devices/").content.decode()

    address = f"{reverse('report_inaccuracy', args=[device])}?recommendation={published.pk}"
    assert (address in html) is may_report
