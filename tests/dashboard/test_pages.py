"""Every page: within its number of queries, valid HTML, cut to the reader's groups, and unmoved by odd addresses."""

from datetime import timedelta

import html5lib
import pytest
from django.utils import timezone

from remediation.models import (
    DeliveryState,
    DeviceGroup,
    Exposure,
    Recommendation,
    RecommendationCounter,
    RemediationActivity,
    Route,
)
from tests.factories import (
    ActivityFactory,
    ConfigurationFactory,
    CounterFactory,
    RecommendationFactory,
    TicketFactory,
    enable_intune,
    estate,
)
from tests.remediation.test_counters import publish as publish_counters
from tests.remediation.test_counters import random_estate

from .conftest import publish, words

HOSTILE = '<script>alert("1")</script>'


def pages(activity) -> dict[str, str]:
    pk = activity.recommendation_id
    device = activity.devices.order_by("device").first().device_id
    return {
        "devices": "/devices/",
        "device": f"/devices/{device}/",
        "device software": f"/devices/{device}/software/",
        "device weaknesses": f"/devices/{device}/weaknesses/",
        "device activities": f"/devices/{device}/activities/",
        "inaccuracies": "/devices/inaccuracies/",
        "search": "/search/?q=ws-",
        "dashboard": "/",
        "dashboard with flyout": f"/?open={pk}",
        "exposure score": "/scores/exposure/",
        "events": "/events/",
        "recommendations": "/recommendations/",
        "recommendations with flyout": f"/recommendations/?open={pk}",
        "recommendation": f"/recommendations/{pk}/",
        "exposed devices": f"/recommendations/{pk}/devices/",
        "activities": "/remediation/",
        "exceptions": "/remediation/exceptions/",
        "tickets": "/remediation/tickets/",
        "imported": "/remediation/imported/",
        "activity": activity.get_absolute_url(),
    }


# Session, user, permissions, groups and roles, numbers: five before a page has asked anything of its own.
QUERIES = {
    "dashboard": 8,
    "dashboard with flyout": 12,
    "exposure score": 8,
    "events": 6,
    "recommendations": 6,
    "recommendations with flyout": 10,
    "recommendation": 9,
    "exposed devices": 7,
    "activities": 6,
    "exceptions": 6,
    "tickets": 6,
    "imported": 6,
    # With the days of its chart.
    "activity": 12,
    "devices": 6,
    "device": 8,
    "device software": 8,
    "device weaknesses": 8,
    "device activities": 8,
    "inaccuracies": 6,
    "search": 6,
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_stays_within_its_queries(client, reader, work, name, django_assert_max_num_queries):
    for _ in range(3):
        estate(devices=2, groups=2)
    reader(client)
    address = pages(work)[name]
    client.get(address)

    with django_assert_max_num_queries(QUERIES[name]):
        assert client.get(address).status_code == 200


@pytest.mark.once
@pytest.mark.parametrize("name", QUERIES)
def test_a_page_is_valid_html_with_one_main_heading(client, reader, work, name):
    reader(client)

    html = client.get(pages(work)[name]).content.decode()

    html5lib.HTMLParser(strict=True).parse(html)
    assert html.count("<h1") == 1
    assert " style=" not in html
    assert "<title>" in html


@pytest.mark.once
@pytest.mark.security(id="S7")
@pytest.mark.parametrize("name", QUERIES)
def test_hostile_text_is_shown_and_not_run(client, reader, work, name):
    Recommendation.objects.update(
        name=HOSTILE, related_component=HOSTILE, vendor=HOSTILE, tags=[HOSTILE], associated_threats=[HOSTILE]
    )
    RemediationActivity.objects.update(title=HOSTILE, related_component=HOSTILE, notes=HOSTILE, status_note=HOSTILE)
    work.tickets.update(reason=HOSTILE, remote_note=HOSTILE)
    reader(client)

    html = client.get(pages(work)[name]).content.decode()

    assert "<script>alert" not in html


# Several names at once, for each is judged by itself.
ODD = [
    "page=0&sort=password&open=0&type=nonsense&due=never&days=0&kind=nonsense&tag=%22",
    "page=-1&per_page=7&sort=--name&open=abc&ticket=x&days=x&format=xml&state=nonsense",
    "page=abc&sort=-&open=999999999999999999999&type=update&type=zzz&progress=%00&since=never&until=%00",
    "page=999999&sort=name,impact&open=-1&status=%3Cscript%3E&since=2026-11-30&until=2026-11-01",
    "page=99999999999999999999&per_page=100000&groups=999999999999999999999999&since=0001-01-01",
    "page=١&groups=1&groups=2&groups=x&since=9999-12-31&unknown=1&&&===", "groups=abc&threat=alert&threat=exploit",
    "q=%00", "q=" + "x" * 5000, "q=%F0%9F%92%A9", "q=%ED%A0%80", "q='%22;--", "q=%25", "days=7",
]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/scores/exposure/",
        "/events/",
        "/recommendations/",
        "/remediation/",
        "/remediation/tickets/",
        "/remediation/imported/",
        "/devices/",
        "/devices/inaccuracies/",
        "/search/",
    ],
)
def test_an_odd_address_is_no_error(client, reader, work, path):
    reader(client)

    answers = {query: client.get(f"{path}?{query}").status_code for query in ODD}

    assert set(answers.values()) == {200}


def test_an_odd_address_of_an_activity_is_no_error(client, reader, work):
    reader(client)

    assert all(client.get(f"{work.get_absolute_url()}?{query}").status_code == 200 for query in ODD)


@pytest.mark.parametrize("name", [name for name in QUERIES if "activit" not in name and "ticket" not in name])
def test_a_reader_sees_only_the_numbers_of_their_groups(client, reader, work, name):
    mine, other = RecommendationCounter.objects.order_by("-exposed").values_list("group", flat=True)
    theirs = Exposure.objects.filter(device__group=other).values_list("device__name", flat=True)
    reader(client, device_groups=[mine])

    shown = words(client.get(pages(work)[name]))

    assert not [device for device in theirs if device in shown]


def test_counts_are_cut_to_the_readers_groups(client, reader, work):
    (mine, *_) = RecommendationCounter.objects.order_by("exposed").values_list("group", flat=True)
    reader(client, device_groups=[mine])

    (row,) = client.get("/recommendations/").context["rows"]
    (activity,) = client.get("/remediation/").context["rows"]

    assert (row["in_exposed"], row["in_total"]) == (2, 2)
    assert activity["in_targets"] == 2


def test_a_reader_without_groups_sees_nothing_and_is_told_why(client, reader, work):
    reader(client, device_groups=[])

    for name, path in pages(work).items():
        response = client.get(path)
        if name in {"recommendation", "exposed devices", "activity"}:
            assert response.status_code == 404
        else:
            assert "no device group" in words(response)


def test_the_address_narrows_to_device_groups_and_never_widens(client, reader, work):
    small, large = RecommendationCounter.objects.order_by("exposed").values_list("group", flat=True)
    reader(client, device_groups=[small])

    (row,) = client.get(f"/recommendations/?groups={large}").context["rows"]

    assert row["in_exposed"] == 2


def test_the_stored_choice_narrows_every_page(client, reader, work):
    small, _ = RecommendationCounter.objects.order_by("exposed").values_list("group", flat=True)
    user = reader(client)
    user.selected_groups.set([small])

    response = client.get("/recommendations/")

    assert "(1/2)" in words(response)
    assert response.context["rows"][0]["in_exposed"] == 2


def test_the_total_counts_groups_without_an_exposed_device(client, reader, published):
    without = CounterFactory(recommendation=published, exposed=0, total=7).group
    groups = [*published.counters.values_list("group", flat=True), without.pk]
    # One more that is left out, so that the counts are summed and not those of the whole organisation.
    CounterFactory(recommendation=published, exposed=3, total=3)
    reader(client)

    query = "&".join(f"groups={group}" for group in groups)
    (row,) = client.get(f"/recommendations/?{query}").context["rows"]

    assert (row["in_exposed"], row["in_total"]) == (5, 12)


@pytest.mark.parametrize("seed", range(3))
def test_stored_totals_say_the_same_as_the_sums_over_all_groups(client, reader, seed):
    random_estate(seed)
    publish_counters()

    def rows(**person):
        reader(client, **person)
        found = client.get("/recommendations/").context["rows"]
        numbers = [name for name in found[0] if name.startswith(("in_", "impact_"))]
        return {row["pk"]: [row[name] for name in numbers] for row in found}

    stored = rows(sees_all_groups=True)
    summed = rows(sees_all_groups=False, device_groups=list(DeviceGroup.objects.all()))

    assert stored == {pk: pytest.approx(row) for pk, row in summed.items()}


def test_before_the_first_sync_a_page_says_so(client, reader):
    reader(client)

    assert "No data yet" in words(client.get("/"))
    assert "No data yet" in words(client.get("/recommendations/"))


def test_no_match_offers_to_clear_the_filters(client, reader, published):
    reader(client)

    assert "Clear all filters" in words(client.get("/recommendations/?q=zzz"))


def test_filters_are_chips_with_an_address_that_removes_each(client, reader, published):
    reader(client)

    response = client.get("/recommendations/?type=update&type=upgrade&q=Product&sort=name")

    removers = {chip.value: chip.remove_url for chip in response.context["chips"]}
    assert removers["Software update"] == "?type=upgrade&q=Product&sort=name"
    assert removers["Product"] == "?type=update&type=upgrade&sort=name"
    assert response.context["clear_url"] == "?sort=name"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=configuration_change", "Setting"),
        ("category=network", "Setting"),
        ("threat=alert", "Alerted"),
        ("threat=exploit", "Exploited"),
        ("threat=insight", "Reported"),
        ("tag=EOL+software", "Tagged"),
        ("q=Exploited", "Exploited"),
        ("status=partial_exception", "Excepted"),
    ],
)
def test_each_filter_of_recommendations_finds_its_own(client, reader, published, query, found):
    made = [
        ConfigurationFactory(name="Setting", category="network"),
        RecommendationFactory(name="Alerted", active_alert=True),
        RecommendationFactory(name="Exploited", public_exploit=True),
        RecommendationFactory(name="Reported", associated_threats=["A report"]),
        RecommendationFactory(name="Tagged", tags=["EOL software"]),
        RecommendationFactory(name="Excepted", status="partial_exception"),
    ]
    for recommendation in made:
        CounterFactory(recommendation=recommendation)
    reader(client)

    rows = client.get(f"/recommendations/?{query}").context["rows"]

    assert [row["name"] for row in rows] == [found]


def test_a_cve_finds_its_recommendation(client, reader, published):
    weakness = published.software.versions.get().weaknesses.get()
    estate(devices=1)
    reader(client)

    rows = client.get(f"/recommendations/?q={weakness.name}").context["rows"]

    assert [row["pk"] for row in rows] == [published.pk]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("due=overdue", ["late"]),
        ("due=soon", ["soon"]),
        ("status=completed", ["done"]),
        ("priority=high", ["late"]),
        ("ticket=look", ["soon"]),
        ("ticket=waiting", ["late"]),
        ("progress=all", ["done"]),
        ("q=soo", ["soon"]),
    ],
)
def test_each_filter_of_activities_finds_its_own(client, reader, query, found):
    publish()
    today = timezone.localdate()
    late = ActivityFactory(title="late", due_on=today - timedelta(days=1), priority="high")
    soon = ActivityFactory(title="soon", due_on=today + timedelta(days=3))
    ActivityFactory(title="done", status="completed", due_on=today - timedelta(days=1), targets=2, fixed=2)
    TicketFactory(activity=late)
    TicketFactory(activity=soon, delivery_state=DeliveryState.DEAD)
    reader(client)

    rows = client.get(f"/remediation/?{query}").context["rows"]

    assert [row["title"] for row in rows] == found


def test_the_sorted_column_says_so_and_turns_round(client, reader, published):
    reader(client)

    html = client.get("/recommendations/?sort=name").content.decode()

    assert html.count("aria-sort") == 1
    assert "?sort=-name" in html


def test_priorities_sort_by_rank(client, reader):
    publish()
    for priority in ("medium", "high", "low"):
        ActivityFactory(priority=priority)
    reader(client)

    rows = client.get("/remediation/?sort=-priority").context["rows"]

    assert [row["priority"] for row in rows] == ["high", "medium", "low"]


def test_the_flyout_alone_stays_within_its_queries(client, reader, work, django_assert_max_num_queries):
    reader(client)
    address = f"/recommendations/?open={work.recommendation_id}"
    with django_assert_max_num_queries(8):
        assert client.get(address, headers={"HX-Request": "true", "HX-Target": "flyout"}).status_code == 200


def test_the_pages_of_a_list_hold_each_row_once_and_in_order(client, reader):
    publish()
    for number in range(30):
        ActivityFactory(title=f"{number:02}")
    reader(client)

    pages = [client.get(f"/remediation/?sort=title&per_page=25&page={page}").context["rows"] for page in (1, 2)]

    assert [[row["title"] for row in rows] for rows in pages] == [
        [f"{number:02}" for number in range(25)],
        [f"{number:02}" for number in range(25, 30)],
    ]


def test_a_page_beyond_the_end_is_the_last_one(client, reader, published):
    reader(client)

    page = client.get("/recommendations/?page=50").context["page"]

    assert (page.number, len(page.rows)) == (1, 1)


def test_the_flyout_alone_answers_the_pages_script(client, reader, published):
    reader(client)

    response = client.get(
        f"/recommendations/?open={published.pk}", headers={"HX-Request": "true", "HX-Target": "flyout"}
    )

    html = response.content.decode()
    assert html.strip().startswith("<dialog")
    assert "<html" not in html
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("path", ["/", "/recommendations/"])
def test_a_cold_deep_link_shows_list_and_panel(client, reader, published, path):
    reader(client)

    html = client.get(f"{path}?open={published.pk}").content.decode()

    assert '<dialog class="flyout" open' in html
    assert "Exposed devices" in html
    assert f'data-open="{published.pk}"' in html


def test_only_those_who_may_request_get_the_button(client, reader, published):
    reader(client, roles=["Viewer"])

    shown = client.get(f"/recommendations/{published.pk}/").content.decode()

    assert f"/recommendations/{published.pk}/remediation/" not in shown
    assert "you need the role Security team" in shown


def test_an_activity_says_claimed_and_verified_apart(client, reader, work):
    RemediationActivity.objects.update(
        status="completed", completion_method="manual", status_changed_at=timezone.now() - timedelta(hours=1)
    )
    reader(client)

    shown = words(client.get(work.get_absolute_url()))

    assert "Claimed 5" in shown
    assert "Verified 2 of 5 target devices" in shown
    assert "3 still exposed" in shown


def test_a_completion_is_not_checked_by_an_older_sync(client, reader, work):
    RemediationActivity.objects.update(
        status="completed", completion_method="manual", status_changed_at=timezone.now() + timedelta(minutes=1)
    )
    reader(client)

    assert "Not yet checked" in words(client.get(work.get_absolute_url()))


def test_what_needs_work_comes_first(client, reader, work):
    reader(client)

    rows = client.get(work.get_absolute_url()).context["devices"].rows

    assert [row["state"] for row in rows] == ["exposed"] * 3 + ["fixed"] * 2


def test_buttons_follow_the_rules_of_the_transitions(client, reader, work):
    reader(client, roles=["IT administrator"])

    found = {action.verb: action.reason for action in client.get(work.get_absolute_url()).context["actions"]}

    assert found["complete"] == ""
    assert "roles" in found["cancel"]
    assert "Active" in found["reopen"]


def test_a_refused_ticket_says_what_remains(client, reader, work):
    system = enable_intune()
    system.create_route = Route.REFUSED
    system.save()
    reader(client)

    shown = words(client.get(work.get_absolute_url()))

    assert "The tenant said no." in shown
    assert "Hand over by message" in shown
    assert "?format=csv" in shown


def test_a_ticket_is_polled_until_its_delivery_has_ended(client, reader, work):
    ticket = work.tickets.get()
    address = f"/remediation/tickets/{ticket.pk}/state/"
    reader(client)
    work.tickets.update(delivery_state=DeliveryState.READY)
    asked = client.get(address, headers={"HX-Request": "true"})
    seen = asked.content.decode().split("?seen=")[1].split('"')[0]

    unchanged = client.get(address, {"seen": seen}, headers={"HX-Request": "true"})
    work.tickets.update(delivery_state=DeliveryState.DEAD)
    ended = client.get(address, {"seen": seen}, headers={"HX-Request": "true"})

    assert (asked.status_code, unchanged.status_code, ended.status_code) == (200, 204, 286)
    assert "hx-trigger" not in ended.content.decode()


def test_the_dashboard_orders_activities_by_their_recommendations(client, reader, published):
    second = estate(devices=2, exposure_impact=9)
    Recommendation.objects.filter(pk=published.pk).update(exposure_impact=50)
    first, last = (ActivityFactory(recommendation=item, title=item.name) for item in (published, second))
    reader(client)

    context = client.get("/").context

    assert [row["pk"] for row in context["recommendations"]] == [published.pk, second.pk]
    assert [row["pk"] for row in context["activities"]] == [first.pk, last.pk]


def test_the_sources_own_score_is_the_headline_of_the_whole_organisation(client, reader, published):
    from remediation.models import OrganisationScore

    OrganisationScore.objects.update(source_exposure=55)
    reader(client)

    exposure = client.get("/").context["exposure"]

    assert exposure.value == 55
    assert exposure.explained == pytest.approx(40)


def test_a_part_of_the_organisation_has_the_explained_score(client, reader, published):
    from remediation.models import OrganisationScore

    OrganisationScore.objects.update(source_exposure=55)
    (mine, *_) = RecommendationCounter.objects.values_list("group", flat=True)
    reader(client, device_groups=[mine])

    assert client.get("/").context["exposure"].value == pytest.approx(40)


def test_the_devices_that_a_ticket_leaves_out_are_shown_by_themselves(client, reader, published):
    exposure = published.exposures.select_related("device").first()
    exposure.device.entra_device_id = ""
    exposure.device.save()
    reader(client)

    page = client.get(f"/recommendations/{published.pk}/devices/?ticket=left_out")

    assert [row["device__name"] for row in page.context["rows"]] == [exposure.device.name]


@pytest.mark.parametrize(("activities", "said"), [(1, "1 activity"), (2, "2 activities")])
def test_a_list_says_how_many_in_proper_words(client, reader, db, activities, said):
    for _ in range(activities):
        ActivityFactory()
    reader(client)

    assert said in words(client.get("/remediation/"))
