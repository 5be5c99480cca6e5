"""What an activity's page says of its end: what is left and why, the way there, and what comes next."""

import csv
import io
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from django.utils import timezone

from dashboard.burn_down import burn_down
from dashboard.charts import Point
from integrations.models import SyncRun
from remediation.models import (
    ActivityCount,
    ActivityProgress,
    DeviceState,
    RecommendationCounter,
    RemediationActivity,
)
from tests.factories import ActivityFactory, DeviceGroupFactory

from .conftest import csv_of, words


def count_again(activity: RemediationActivity) -> None:
    """What the verification would have written."""
    for count in activity.counts.all():
        mine = activity.devices.filter(group=count.group)
        for state in DeviceState.values:
            setattr(count, state, mine.filter(state=state).count())
        count.next_version = mine.filter(state="fixed", needs_next_version=True).count()
        count.save()
    counts = list(ActivityCount.objects.filter(activity=activity))
    names = ("exposed", "not_seen", "regressed", "pending_restart")
    RemediationActivity.objects.filter(pk=activity.pk).update(
        fixed=sum(count.fixed for count in counts),
        next_version=sum(count.next_version for count in counts),
        unresolved=sum(getattr(count, name) for count in counts for name in names),
    )


def move(activity: RemediationActivity, *states: str) -> None:
    for device, state in zip(activity.devices.order_by("device"), states, strict=True):
        activity.devices.filter(device=device.device).update(state=state)
    count_again(activity)


def completed(activity: RemediationActivity) -> None:
    RemediationActivity.objects.filter(pk=activity.pk).update(status="completed", completion_method="automatic")


def test_the_devices_that_are_left_are_listed_each_with_its_reason(client, reader, work):
    move(work, "fixed", "pending_restart", "not_seen", "out_of_scope", "exposed")
    reader(client)
    address = f"{work.get_absolute_url()}?state=left"

    response = client.get(address)

    assert {row["state"] for row in response.context["devices"].rows} == {"pending_restart", "not_seen", "exposed"}
    assert response.context["devices"].count == 3
    assert "Pending restart" in words(response)
    rows = list(csv.DictReader(io.StringIO(csv_of(client.get(f"{address}&format=csv")).removeprefix("\ufeff"))))
    assert {row["state"] for row in rows} == {"pending_restart", "not_seen", "exposed"}


@pytest.mark.parametrize(("role", "is_linked"), [("Administrator", True), ("Viewer", False)])
def test_the_evidence_names_its_sync_and_links_to_it_for_who_may_see_syncs(client, reader, work, role, is_linked):
    now = timezone.now()
    run = SyncRun.objects.create(
        source="defender", started_at=now, as_of=now, heartbeat_at=now, ended_at=now, state="complete"
    )
    work.devices.update(checked_at=now)
    reader(client, roles=[role])

    html = client.get(work.get_absolute_url()).content.decode()

    assert "sync of" in html
    assert (f"/settings/syncs/{run.pk}/" in html) is is_linked
    (row, *_) = csv.DictReader(
        io.StringIO(csv_of(client.get(f"{work.get_absolute_url()}?format=csv")).removeprefix("\ufeff"))
    )
    assert row["checked_by_sync"] == str(run.pk)


def test_devices_behind_the_next_release_offer_a_follow_up_for_the_same_scope(client, reader, work):
    small = RecommendationCounter.objects.order_by("exposed").first().group
    RemediationActivity.objects.filter(pk=work.pk).update(all_groups=False, priority="high")
    work.device_groups.set([small])
    work.devices.filter(state="fixed").update(needs_next_version=True)
    count_again(work)
    completed(work)
    reader(client)

    response = client.get(work.get_absolute_url())
    form = client.get(response.context["follow_up"].address).context["form"]

    assert "2 devices need the next version." in words(response)
    assert (form["scope"].value(), form.chosen_ids, form["priority"].value()) == ("chosen", {small.pk}, "high")
    assert f"#{work.pk}" in form["notes"].value()
    assert client.get(f"{work.get_absolute_url()}?state=next").context["devices"].count == 2


@pytest.mark.parametrize("followed", ["", "0", "x", "999999999999999999", "1&follow=2", "%00", "-1"])
def test_a_follow_up_of_nothing_is_an_ordinary_request(client, reader, published, followed):
    reader(client)

    form = client.get(f"/recommendations/{published.pk}/remediation/?follow={followed}").context["form"]

    assert (form["scope"].value(), form["notes"].value()) == ("all", "")


def test_a_follow_up_of_an_activity_that_the_reader_may_not_see_tells_nothing_of_it(client, reader, work):
    _large, small = RecommendationCounter.objects.order_by("-exposed").values_list("group", flat=True)
    ActivityCount.objects.filter(activity=work, group=small).delete()
    RemediationActivity.objects.filter(pk=work.pk).update(priority="high")
    reader(client, device_groups=[small])

    form = client.get(f"/recommendations/{work.recommendation_id}/remediation/?follow={work.pk}").context["form"]

    assert form["notes"].value() == ""


def test_no_follow_up_is_offered_beside_an_active_one_nor_to_who_may_not_request(client, reader, work):
    work.devices.filter(state="fixed").update(needs_next_version=True)
    count_again(work)
    completed(work)
    reader(client, roles=["Viewer"])
    assert client.get(work.get_absolute_url()).context["follow_up"].address == ""
    other = ActivityFactory(recommendation=work.recommendation, scope_key="1")
    ActivityCount.objects.create(activity=other, group=work.counts.first().group, targets=1)
    reader(client)

    found = client.get(work.get_absolute_url()).context["follow_up"]

    assert (found.address, found.other) == ("", other.pk)
    ActivityCount.objects.filter(activity=other).update(group=DeviceGroupFactory())
    assert client.get(work.get_absolute_url()).context["follow_up"].other is None


def test_the_next_version_is_counted_in_the_readers_groups(client, reader, work):
    work.devices.filter(state="fixed").update(needs_next_version=True)
    count_again(work)
    completed(work)
    with_next = set(work.devices.filter(needs_next_version=True).values_list("group", flat=True))
    for group in RecommendationCounter.objects.values_list("group", flat=True):
        reader(client, device_groups=[group])
        mine = work.devices.filter(group=group, needs_next_version=True).count()

        found = client.get(work.get_absolute_url()).context["follow_up"]

        assert (found.devices if found else 0) == mine
        rows = client.get("/remediation/?progress=next").context["rows"]
        assert bool(rows) == (group in with_next)


def test_an_activity_that_no_sync_can_end_asks_for_a_decision(client, reader, work):
    move(work, *["out_of_scope"] * 3, *["excepted"] * 2)
    reader(client)

    assert "1 activity needs a decision" in words(client.get("/"))
    assert "needs a decision" in words(client.get(work.get_absolute_url()))
    assert [row["pk"] for row in client.get("/remediation/?progress=decide").context["rows"]] == [work.pk]


@pytest.mark.parametrize("last", ["fixed", "not_seen", "pending_restart", "exposed", "regressed"])
def test_while_a_sync_can_still_end_it_nobody_is_asked(client, reader, work, last):
    move(work, *["out_of_scope"] * 4, last)
    reader(client)

    assert "needs a decision" not in words(client.get("/"))
    assert "needs a decision" not in words(client.get(work.get_absolute_url()))


def test_who_does_not_see_all_of_it_is_not_asked(client, reader, work):
    move(work, *["out_of_scope"] * 5)
    reader(client, device_groups=[RecommendationCounter.objects.first().group])

    assert "needs a decision" not in words(client.get("/"))
    assert "needs a decision" not in words(client.get(work.get_absolute_url()))
    assert not client.get("/remediation/?progress=decide").context["rows"]


def test_the_chart_shows_the_readers_groups_from_the_request_to_the_due_date(client, reader, work):
    today = timezone.localdate()
    begin = timezone.now() - timedelta(days=6)
    RemediationActivity.objects.filter(pk=work.pk).update(requested_at=begin, due_on=today + timedelta(days=4))
    for count in work.counts.all():
        ActivityProgress.objects.create(
            activity=work, group=count.group, day=today - timedelta(days=2), fixed=1, unresolved=count.targets - 1
        )
    small = work.counts.order_by("targets").first()
    reader(client, device_groups=[small.group])

    response = client.get(work.get_absolute_url())

    label = ElementTree.fromstring(response.context["chart"]).get("aria-label")
    assert label.startswith(f"Devices left: {small.targets} on ")
    assert f", {small.targets - 1} on " in label


def test_before_the_first_check_there_is_no_chart(client, reader, work):
    reader(client)

    assert client.get(work.get_absolute_url()).context["chart"] == ""


def test_a_chart_steps_where_a_sync_saw_a_change_and_ends_where_the_last_one_stands():
    points = [Point(date(2026, 11, 1), 10), Point(date(2026, 11, 6), 4), Point(date(2026, 11, 11), 4)]

    chart = ElementTree.fromstring(burn_down(points, 10, date(2026, 11, 21)))

    steps = [place.split(",") for place in chart.find(".//polyline").get("points").split()]
    assert [float(x) for x, _ in steps] == [0, 25, 25, 50, 50]
    heights = [float(y) for _, y in steps]
    assert heights[0] == heights[1] < heights[2] == heights[3] == heights[4]
    assert "4 left" in [text.text for text in chart.iter("text")]
    assert "due 21 Nov" in [text.text for text in chart.iter("text")]


@pytest.mark.parametrize("due_on", [None, date(2026, 11, 1), date(2026, 10, 1)])
def test_a_chart_of_one_day_can_be_drawn(due_on):
    chart = ElementTree.fromstring(burn_down([Point(date(2026, 11, 1), 3)], 3, due_on))

    assert chart.get("aria-label").startswith("Devices left: 3 on 1 November")
