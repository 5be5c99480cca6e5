"""The tab of exceptions, its file, an exception's page, and what the dashboard says of them."""

import csv
import io
from datetime import timedelta

import html5lib
import pytest
from django.utils import timezone

from remediation import scoring
from remediation.models import Device, DeviceGroup, RecommendationException, ScoreSnapshot
from remediation.rules.exception_clock import look_after
from tests.factories import (
    ConfigurationFactory,
    CounterFactory,
    ExceptionFactory,
    ExposureFactory,
    UserFactory,
    WeaknessFactory,
)
from tests.publication import publish
from tests.remediation.test_exceptions import filed, in_effect

from .conftest import csv_of, words

ADDRESS = "/remediation/exceptions/"
HOSTILE = '<script>alert("1")</script>, for twenty characters'


@pytest.fixture
def people(db):
    return UserFactory(roles=["Security team"]), UserFactory(roles=["Exception approver"])


def groups(recommendation) -> list[DeviceGroup]:
    return [counter.group for counter in recommendation.counters.order_by("pk")]


def test_the_tab_says_why_for_whom_by_whom_and_until_when(client, reader, published, people):
    mara, approver = people
    made = in_effect(published, mara, approver)
    reader(client)

    shown = words(client.get(ADDRESS))

    assert published.name in shown and "Risk accepted" in shown and "All devices" in shown
    assert mara.username in shown and approver.username in shown and "In effect" in shown
    assert client.get(f"{ADDRESS}{made.pk}/").status_code == 200


@pytest.mark.parametrize("sees", ["everything", "a part"])
@pytest.mark.parametrize(("page", "most"), [("", 6), ("one", 8)])
def test_a_page_stays_within_its_queries(
    client, reader, published, people, sees, page, most, django_assert_max_num_queries
):
    made = in_effect(published, *people)
    reader(client, **({} if sees == "everything" else {"device_groups": groups(published)[:1]}))
    address = f"{ADDRESS}{made.pk}/" if page else ADDRESS
    client.get(address)

    with django_assert_max_num_queries(most):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize("page", ["", "one", "options", "extension"])
def test_a_page_is_valid_html_and_runs_nothing(client, reader, published, people, page):
    made = in_effect(published, *people, context=HOSTILE, evidence=["https://a.example/<script>"])
    reader(client)
    addresses = {
        "": ADDRESS, "one": f"{ADDRESS}{made.pk}/", "options": f"/recommendations/{published.pk}/exception/",
        "extension": f"{ADDRESS}{made.pk}/extension/",
    }  # fmt: skip

    html = client.get(addresses[page]).content.decode()

    html5lib.HTMLParser(strict=True).parse(html)
    assert html.count("<h1") == 1
    assert "<script>alert" not in html


@pytest.mark.security(id="S3")
def test_what_is_for_other_groups_is_on_no_page_and_in_no_file(client, reader, published, people):
    mara, _approver = people
    mine, other = groups(published)
    made = filed(published, mara, [other], context="A secret of the other group.")
    reader(client, device_groups=[mine])

    for address in (ADDRESS, f"{ADDRESS}?format=csv", f"{ADDRESS}?q=secret", "/"):
        response = client.get(address)
        text = csv_of(response) if "csv" in address else words(response)
        assert "A secret" not in text and f"#{made.pk}" not in text and "risk_accepted" not in text


def test_the_devices_of_one_are_counted_in_the_readers_groups(client, reader, published, people):
    mine, _other = groups(published)
    in_effect(published, *people)
    reader(client, device_groups=[mine])

    (row,) = csv.DictReader(io.StringIO(csv_of(client.get(f"{ADDRESS}?format=csv"))))

    assert row["exposed_devices"] == str(published.counters.get(group=mine).exposed)
    assert (row["exposed_when_filed"], row["impact_when_filed"]) == ("", "")


@pytest.mark.parametrize("sort", ["title", "-exposed", "ends", "-status", "filed_by", "-approved_by"])
def test_the_list_sorts(client, reader, published, people, sort):
    in_effect(published, *people)
    reader(client)

    assert client.get(f"{ADDRESS}?sort={sort}").status_code == 200


def test_whoever_filed_or_approved_one_reads_on_the_dashboard_that_it_ends(client, published, people):
    mara, approver = people
    in_effect(published, mara, approver, days=13)
    said = {}
    for person in (mara, approver, UserFactory(roles=["Security team"])):
        client.force_login(person)
        said[person] = "ends within 14 days" in words(client.get("/"))

    assert list(said.values()) == [True, True, False]


def test_an_approver_reads_on_the_dashboard_that_one_waits_and_who_filed_it_does_not(client, published, people):
    mara, approver = people
    filed(published, mara)
    said = []
    for person in (approver, mara):
        client.force_login(person)
        said.append("waits for your approval" in words(client.get("/")))

    assert said == [True, False]
    client.force_login(approver)
    assert published.name in words(client.get(f"{ADDRESS}?mine=deciding"))


def test_a_full_exception_leaves_the_top_list_and_comes_back(client, reader, published, people):
    made = in_effect(published, *people)
    reader(client)
    without = published.name in _top(client)
    RecommendationException.objects.filter(pk=made.pk).update(ends_at=timezone.now() + timedelta(seconds=1))

    look_after(timezone.now() + timedelta(seconds=2))

    assert (without, published.name in _top(client)) == (False, True)


def _top(client) -> str:
    page = html5lib.parse(client.get("/").content.decode(), namespaceHTMLElements=False)
    return " ".join(
        " ".join(card.itertext())
        for card in page.iter("section")
        if "Top security recommendations" in "".join(card.itertext())
    )


def test_what_an_exception_takes_from_a_device_adds_nothing_in_its_list_either(client, reader, published):
    device = published.exposures.first().device
    version, other = published.software.versions.get(), WeaknessFactory(cvss=5.0)
    version.weaknesses.add(other)
    ExceptionFactory(weakness=other, groups=[device.group])
    publish()
    device.refresh_from_db()
    reader(client)
    partly = _row(client, device)
    ExceptionFactory(recommendation=published)
    publish()
    wholly = _row(client, device)
    shown = words(client.get(f"/devices/{device.pk}/"))

    assert float(partly["risk"]) == pytest.approx(device.risk_sum)
    assert float(partly["risk_excepted"]) == pytest.approx(device.excepted_risk)
    assert (float(wholly["risk"]), float(wholly["device_score_falls_by"])) == (0, 0)
    assert "Taken away by exceptions" in shown


def _row(client, device) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(csv_of(client.get(f"/devices/{device.pk}/?format=csv"))))
    return row


def test_what_the_scores_would_be_without_exceptions_stands_beside_them(client, reader, published):
    publish()
    before = scoring.exposure_score_of(ScoreSnapshot.objects.present())
    first, second = groups(published)
    setting = ConfigurationFactory()
    counter = CounterFactory(recommendation=setting, group=first, exposed=1, total=2)
    ExposureFactory(recommendation=setting, device=Device.objects.filter(group=first).first(), version=None)
    ExceptionFactory(recommendation=published, groups=[first])
    ExceptionFactory(recommendation=setting)
    publish()
    after = scoring.exposure_score_of(ScoreSnapshot.objects.present())
    reader(client)

    dashboard, score = words(client.get("/")), words(client.get("/scores/exposure/"))
    panel = words(client.get(f"/recommendations/{published.pk}/"))
    elsewhere = words(client.get(f"/?groups={second.pk}"))

    assert after < before
    assert f"Exceptions lower the explained score: {after:.1f} , without them {before:.1f}" in dashboard
    assert "Without exceptions it would be 50.0" in dashboard and counter.total == 2
    assert f"Without exceptions it would be {before:.1f}" in score
    assert f"{published.counters.get(group=first).exposed} under exception" in panel
    assert "points more are taken away by exceptions" in panel
    assert "Exceptions lower" not in elsewhere
