"""The pages about scores and events: what they say of the selected groups, and what they keep from the others."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.timeline import events_in
from remediation import scoring
from remediation.models import (
    DeviceGroup,
    Event,
    EventCount,
    EventKind,
    MovePart,
    OrganisationScore,
    Publication,
    PublicationSum,
    ScoreMove,
    ScoreSnapshot,
    Weakness,
)
from tests.factories import ConfigurationFactory, DeviceGroupFactory, RecommendationFactory, WeaknessFactory

from .conftest import csv_of, words

TODAY = timezone.localdate


def day(back: int, exposure: float = 40, **fields) -> None:
    """A day of two groups of ten devices each, all scoring the same."""
    when = TODAY() - timedelta(days=back)
    OrganisationScore.objects.update_or_create(
        day=when,
        defaults={"published_at": timezone.now(), "model_version": 1, "exposure": exposure, "configuration": 70}
        | fields,
    )
    for group in DeviceGroup.objects.all():
        ScoreSnapshot.objects.update_or_create(
            day=when,
            group=group,
            defaults={
                "published_at": timezone.now(),
                "model_version": 1,
                "devices_normal": 10,
                "score_normal": 10 * exposure,
                "level_medium": 10,
            },
        )


@pytest.fixture
def fortnight(published):
    """Down from 50 to 40 within two weeks; by 6 points in the last one. All in the first of the two groups."""
    day(20, 50)
    day(10, 46)
    day(0, 40)
    first = DeviceGroup.objects.order_by("pk").first()
    ScoreMove.objects.create(day=TODAY() - timedelta(days=10), group=first, part=MovePart.GONE, score_normal=-80)
    ScoreMove.objects.create(day=TODAY(), group=first, part=MovePart.FIXED_BY_US, score_normal=-160)
    ScoreMove.objects.create(day=TODAY(), group=first, part=MovePart.NEW_WEAKNESSES, score_normal=40)
    return first


@pytest.mark.parametrize(
    ("query", "first", "parts"),
    [
        ("?days=7", "46.0 →", ["Fixed by your activities", "New weaknesses"]),
        ("", "50.0 →", ["Fixed by your activities", "New weaknesses", "Devices retired"]),
    ],
)
def test_the_page_says_why_the_score_moved_in_the_period(client, reader, fortnight, query, first, parts):
    reader(client)

    text = words(client.get(f"/scores/exposure/{query}"))

    assert first in text
    assert all(part in text for part in parts)
    assert ("Devices retired" in text) == (len(parts) == 3)
    assert "Not explained" not in text


def test_any_two_days_can_be_compared(client, reader, fortnight):
    reader(client)
    since, until = (TODAY() - timedelta(days=back) for back in (20, 10))

    text = words(client.get(f"/scores/exposure/?since={since}&until={until}"))

    assert "50.0 → 46.0" in text
    assert "Fixed by your activities" not in text


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("since=2026-11-20&until=2026-11-01", "must be before the last"),
        ("since=2020-01-01&until=2026-11-01", "at most a year"),
        ("since=yesterday", "Enter a valid date"),
    ],
)
def test_odd_days_are_said_and_the_usual_period_is_shown(client, reader, fortnight, query, problem):
    reader(client)

    text = words(client.get(f"/scores/exposure/?{query}"))

    assert problem in text
    assert "50.0 →" in text


def test_parts_that_were_not_kept_are_said(client, reader, fortnight):
    ScoreMove.objects.filter(part=MovePart.GONE).delete()
    reader(client)

    assert "Not explained" in words(client.get("/scores/exposure/"))


def test_a_reader_sees_the_movement_of_their_groups_alone(client, reader, fortnight):
    other = DeviceGroup.objects.exclude(pk=fortnight.pk)
    reader(client, device_groups=other)

    text = words(client.get("/scores/exposure/"))

    assert "Fixed by your activities" not in text
    assert "The exposure score of 10 devices" in text


def test_the_breakdown_adds_up_and_names_what_went_in(client, reader, published):
    for counts in ScoreSnapshot.objects.all():
        counts.devices_high, counts.score_high, counts.devices_low, counts.score_low = 2, 160, 4, 40
        counts.save()
    OrganisationScore.objects.update(sync_run=1234, epss_on="2026-11-24", kev_on="2026-11-23")
    reader(client)

    response = client.get("/scores/exposure/")

    values = response.context["values"]
    assert sum(value.points for value in values) == pytest.approx(response.context["score"])
    assert [value.devices for value in values] == [4, 20, 8]
    text = words(response)
    assert all(fact in text for fact in ("sync 1234", "24 Nov", "23 Nov", "version 1"))


def test_the_switch_of_the_dashboard_changes_the_trend(client, reader, fortnight):
    reader(client)

    assert "down 6 in 10 days" in words(client.get("/?days=30")) or "down 10 in 20 days" in words(
        client.get("/?days=30")
    )
    assert len(client.get("/?days=7").context["exposure"].points) == 1
    assert len(client.get("/?days=30").context["exposure"].points) == 3
    assert client.get("/?days=12345").status_code == 200


# --- Events ---
@pytest.fixture
def news(published):
    """A weakness that touches both groups, and one of the first alone; the sync raised the first group's score."""
    first, second = DeviceGroup.objects.order_by("pk")
    publication = Publication.objects.create(at=timezone.now(), sync_run=1)
    sums = {"before_devices_normal": 10, "after_devices_normal": 10, "before_score_normal": 300}
    PublicationSum.objects.create(publication=publication, group=first, after_score_normal=400, **sums)
    PublicationSum.objects.create(publication=publication, group=second, after_score_normal=300, **sums)
    for name, places in (("CVE-2026-7000001", [first, second]), ("CVE-2026-7000002", [first])):
        event = Event.objects.create(
            kind=EventKind.NEW_WEAKNESS,
            at=publication.at,
            publication=publication,
            weakness=WeaknessFactory(name=name),
            name=name,
        )
        EventCount.objects.bulk_create(EventCount(event=event, group=place, devices=3) for place in places)
    return first, second


def test_an_event_counts_the_devices_of_the_selected_groups(client, reader, news):
    reader(client)
    rows = {row["name"]: row for row in client.get("/events/").context["rows"]}

    assert rows["CVE-2026-7000001"]["in_devices"] == 6
    assert rows["CVE-2026-7000002"]["in_devices"] == 3
    assert rows["CVE-2026-7000001"]["step"] == pytest.approx(5)


@pytest.mark.parametrize("path", ["/events/", "/events/?format=csv", "/"])
def test_what_touches_no_group_of_the_reader_is_not_there(client, reader, news, path):
    reader(client, device_groups=[news[1]])
    response = client.get(path)

    text = csv_of(response) if "csv" in path else words(response)

    assert "CVE-2026-7000001" in text
    assert "CVE-2026-7000002" not in text


def test_a_reader_of_one_group_sees_its_devices_and_its_step(client, reader, news):
    reader(client, device_groups=[news[1]])

    (row,) = client.get("/events/").context["rows"]

    assert row["in_devices"] == 3
    assert row["step"] == pytest.approx(0)


def test_the_step_in_the_database_is_the_formulas(news):
    class Everything:
        ids = list(DeviceGroup.objects.values_list("pk", flat=True))

    odd = DeviceGroupFactory()
    Everything.ids.append(odd.pk)
    values = {
        "before": {"low": (30, 310.5), "normal": (7, 120.25), "high": (4, 333.3)},
        "after": {"low": (20, 250.5), "normal": (9, 99.0), "high": (90, 4444.4)},
    }
    fields = {}
    for when, by_value in values.items():
        for value, (devices, score) in by_value.items():
            fields |= {f"{when}_devices_{value}": devices, f"{when}_score_{value}": score}
    PublicationSum.objects.create(publication=Publication.objects.get(), group=odd, **fields)

    def score(when: str) -> float:
        rows = PublicationSum.objects.all()
        return scoring.exposure_score(
            *(
                round(sum(getattr(row, f"{when}_devices_{value}") for row in rows))
                for value in ("low", "normal", "high")
            ),
            *(sum(getattr(row, f"{when}_score_{value}") for row in rows) for value in ("low", "normal", "high")),
        )

    found = events_in(Everything).values_list("step", flat=True)[0]
    assert found == pytest.approx(score("after") - score("before"), abs=1e-9)


def test_events_are_filtered_by_text_kind_and_period(client, reader, news):
    item = RecommendationFactory(name="Update Contoso Writer")
    publication = Publication.objects.get()
    old = Event.objects.create(
        kind=EventKind.NEW_ASSESSMENT,
        at=timezone.now() - timedelta(days=40),
        publication=publication,
        recommendation=item,
        name=item.name,
    )
    EventCount.objects.create(event=old, group=news[0], devices=1)
    reader(client)

    def names(query: str) -> set[str]:
        return {row["name"] for row in client.get(f"/events/?{query}").context["rows"]}

    assert names("q=7000002") == {"CVE-2026-7000002"}
    assert names("kind=new_assessment") == {"Update Contoso Writer"}
    assert names("days=30") == {"CVE-2026-7000001", "CVE-2026-7000002"}
    assert len(names("days=90")) == 3


def test_an_event_leads_to_what_it_is_about(client, reader, news):
    item = ConfigurationFactory()
    event = Event.objects.create(
        kind=EventKind.NEW_ASSESSMENT,
        at=timezone.now(),
        publication=Publication.objects.get(),
        recommendation=item,
        name=item.name,
    )
    EventCount.objects.create(event=event, group=news[0], devices=1)
    reader(client)

    html = client.get("/events/").content.decode()

    assert item.get_absolute_url() in html
    assert f"/weaknesses/{Weakness.objects.get(name='CVE-2026-7000001').pk}/" in html


def test_the_dashboard_shows_the_news_of_the_last_days(client, reader, news):
    Event.objects.filter(name="CVE-2026-7000002").update(at=timezone.now() - timedelta(days=8))
    reader(client)

    text = words(client.get("/"))

    assert "CVE-2026-7000001" in text
    assert "CVE-2026-7000002" not in text


def test_a_publication_by_a_feed_is_shown_at_once(client, reader, published):
    """What is kept between two publications must not outlive one that no sync made."""
    reader(client)
    client.get("/")
    RecommendationFactory()
    OrganisationScore.objects.update(exposure=12, refreshed_at=timezone.now())

    assert client.get("/").context["exposure"].points[-1].value == 12
