"""The search: finds each kind, in the reader's groups alone, best first, whatever is typed."""

import pytest

from remediation.models import Recommendation, Software
from tests.factories import ActivityFactory, DeviceFactory, DeviceGroupFactory, estate

from .conftest import publish, words

pytestmark = pytest.mark.django_db


def found(response) -> dict[str, list[str]]:
    return {kind.kind.name: [name for _, name, _ in kind.best] for kind in response.context["found"]}


@pytest.fixture
def named(reader):
    """One thing of each kind, in one group."""
    item = estate(devices=1, name="Update Reader", related_component="Reader")
    publish()
    Software.objects.update(name="Reader")
    device = item.exposures.get().device
    device.name = "reader-of-ann"
    device.save()
    activity = ActivityFactory(recommendation=item, title="Update Reader now")
    activity.counts.create(group=device.group, targets=1)
    return item


def test_each_kind_is_found_by_its_name(client, reader, named):
    reader(client)
    weakness = named.software.versions.get().weaknesses.get()

    assert found(client.get("/search/?q=READER")) == {
        "recommendation": ["Update Reader"],
        "software": ["Reader"],
        "device": ["reader-of-ann"],
        "activity": ["Update Reader now"],
    }
    assert found(client.get(f"/search/?q={weakness.name.lower()}")) == {"weakness": [weakness.name]}


def test_an_activity_is_found_by_its_number(client, reader, named):
    activity = named.activities.get()
    reader(client)

    assert "activity" in found(client.get(f"/search/?q=%23{activity.pk}"))


@pytest.mark.security(id="S3")
def test_nothing_of_other_groups_is_found(client, reader, named):
    weakness = named.software.versions.get().weaknesses.get()
    reader(client, device_groups=[DeviceGroupFactory(), DeviceFactory().group])

    for text in ("reader", weakness.name, "update"):
        assert found(client.get("/search/", {"q": text})) == {}


def test_the_selection_narrows_and_the_page_says_so(client, reader, named):
    user = reader(client)
    user.selected_groups.set([DeviceGroupFactory()])

    response = client.get("/search/?q=reader")

    assert found(response) == {}
    assert "In the selected device groups (1/2)" in words(response)


def test_closed_recommendations_and_retired_devices_are_not_found(client, reader, named):
    from django.utils import timezone

    Recommendation.objects.update(closed_at=timezone.now())
    named.exposures.get().device.delete()
    DeviceFactory(name="reader-scrapped", retired_at=timezone.now())
    reader(client)

    assert not {"recommendation", "device"} & set(found(client.get("/search/?q=reader")))


def test_what_is_meant_exactly_comes_first(client, reader):
    for name, risk in (("web-10", 9.0), ("web-1", 1.0), ("old-web-1", 99.0), ("web-11", 5.0)):
        DeviceFactory(name=name, risk_sum=risk)
    reader(client)

    assert found(client.get("/search/?q=web-1"))["device"] == ["web-1", "web-10", "web-11", "old-web-1"]


def test_many_matches_are_counted_up_to_a_limit_and_lead_to_the_list(client, reader):
    group = DeviceGroupFactory()
    DeviceFactory.create_batch(101, group=group)
    reader(client)

    (kind,) = client.get("/search/?q=corp.example").context["found"]

    assert (kind.count, len(kind.best), kind.all_url) == ("100+", 5, "/devices/?q=corp.example")


@pytest.mark.parametrize(
    "query",
    ["", "q=", "q=x", "q=%00%00%00", "q=" + "x" * 5000, "q=%25%25", "q=__", "q=%27%22%3B--", "q=%ED%A0%80%ED%A0%80",
     "q=%F0%9F%92%A9%F0%9F%92%A9", "q=%23" + "9" * 30, "q=%3Cscript%3Ealert", "q=\\\\", "q=a&q=b", "q=%0A%0A%0A"],
)  # fmt: skip
def test_whatever_is_typed_is_no_error_and_stays_text(client, reader, named, query):
    reader(client)

    for headers in ({}, {"HX-Request": "true"}):
        response = client.get(f"/search/?{query}", headers=headers)
        assert response.status_code == 200
        assert "<script>alert" not in response.content.decode()


def test_a_percent_sign_finds_only_itself(client, reader, named):
    reader(client)

    assert found(client.get("/search/?q=%25%25")) == {}


def test_suggestions_are_the_first_results_without_the_page(client, reader, named, django_assert_max_num_queries):
    reader(client)
    client.get("/search/?q=reader")

    with django_assert_max_num_queries(5):
        response = client.get("/search/?q=reader", headers={"HX-Request": "true"})

    html = response.content.decode()
    assert "<html" not in html
    assert "Update Reader now" in html
    assert "/search/?q=reader" in html
    assert "HX-Request" in response["Vary"]


def test_a_reader_without_groups_finds_nothing(client, reader, named):
    reader(client, device_groups=[])

    assert found(client.get("/search/?q=reader")) == {}
