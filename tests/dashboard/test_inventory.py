"""Software and weaknesses: what their lists and pages say, by which address, and to whom."""

from datetime import timedelta

import html5lib
import pytest
from django.utils import timezone

from remediation.models import (
    ActivityWeakness,
    DeviceGroup,
    Exposure,
    OrganisationScore,
    Recommendation,
    ScoreSnapshot,
    Software,
    SoftwareVersion,
    Weakness,
)
from tests.factories import ActivityFactory, ExposureFactory, SoftwareVersionFactory, WeaknessFactory, estate

from .conftest import csv_of, publish, words

TODAY = timezone.localdate()
HOSTILE = '<script>alert("1")</script>'


@pytest.fixture
def found(published):
    """The weakness of the published recommendation, with an activity that set out to remove it."""
    activity = ActivityFactory(recommendation=published)
    weakness = Weakness.objects.get()
    ActivityWeakness.objects.create(activity=activity, weakness=weakness)
    for group in DeviceGroup.objects.all():
        activity.counts.create(group=group, targets=1, exposed=1)
    return weakness


def pages(weakness: Weakness) -> dict[str, str]:
    software = weakness.versions.get().software_id
    return {
        "software list": "/software/",
        "software": f"/software/{software}/",
        "devices of software": f"/software/{software}/devices/",
        "weaknesses": "/weaknesses/",
        "weakness": f"/weaknesses/{weakness.name}/",
        "devices of weakness": f"/weaknesses/{weakness.pk}/devices/",
    }


# Session, user, permissions, groups and roles, numbers: five before a page has asked anything of its own.
QUERIES = {
    "software list": 6,
    "software": 10,
    "devices of software": 8,
    "weaknesses": 6,
    "weakness": 10,
    "devices of weakness": 8,
}


@pytest.fixture
def theirs(found):
    """Another group's product, weakness and devices, and the reader's own group."""
    mine = DeviceGroup.objects.order_by("pk").first()
    other = estate(devices=2, groups=1)
    return mine, other


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("sees", ["everything", "a part"])
def test_a_page_stays_within_its_queries(client, reader, found, name, sees, django_assert_max_num_queries):
    for _ in range(3):
        estate(devices=2, groups=2)
    reader(client, **({} if sees == "everything" else {"device_groups": DeviceGroup.objects.order_by("pk")[:1]}))
    address = pages(found)[name]
    client.get(address)

    with django_assert_max_num_queries(QUERIES[name]):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize("name", QUERIES)
def test_a_page_is_valid_html_with_one_main_heading_and_runs_nothing(client, reader, found, name):
    Software.objects.update(name=HOSTILE, vendor=HOSTILE)
    SoftwareVersion.objects.update(version=HOSTILE)
    Weakness.objects.update(description=HOSTILE)
    Recommendation.objects.update(name=HOSTILE, tags=[HOSTILE])
    reader(client)

    html = client.get(pages(found)[name]).content.decode()

    html5lib.HTMLParser(strict=True).parse(html)
    assert html.count("<h1") == 1
    assert "<script>alert" not in html


@pytest.mark.security(id="S3")
@pytest.mark.parametrize("name", QUERIES)
def test_what_another_group_has_is_on_no_page(client, reader, found, theirs, name):
    mine, other = theirs
    weakness = other.software.versions.get().weaknesses.get()
    hidden = [other.software.name, weakness.name]
    hidden += Exposure.objects.exclude(device__group=mine).values_list("device__name", flat=True)
    reader(client, device_groups=[mine])

    shown = words(client.get(pages(found)[name]))

    assert not [word for word in hidden if word in shown]


@pytest.mark.security(id="S3")
@pytest.mark.parametrize("name", ["software list", "devices of software", "weaknesses", "devices of weakness"])
@pytest.mark.parametrize("sort", ["", "exposed", "-exposed", "weaknesses", "-since", "device"])
def test_what_another_group_has_is_in_no_file(client, reader, found, theirs, name, sort):
    mine, other = theirs
    weakness = other.software.versions.get().weaknesses.get()
    reader(client, device_groups=[mine])

    text = csv_of(client.get(f"{pages(found)[name]}?format=csv&sort={sort}"))

    assert other.software.name not in text
    assert weakness.name not in text
    assert not [
        device
        for device in Exposure.objects.exclude(device__group=mine).values_list("device__name", flat=True)
        if device in text
    ]


@pytest.mark.security(id="S2")
def test_a_weakness_or_product_of_another_group_does_not_exist(client, reader, theirs):
    mine, other = theirs
    weakness = other.software.versions.get().weaknesses.get()
    reader(client, device_groups=[mine])

    addresses = [f"/weaknesses/{weakness.pk}/", f"/weaknesses/{weakness.name}/", f"/software/{other.software_id}/"]

    assert [client.get(address).status_code for address in addresses] == [404] * 3


@pytest.mark.security(id="S3")
def test_numbers_are_cut_to_the_readers_groups(client, reader, found):
    mine = DeviceGroup.objects.order_by("pk").last()
    (here,) = Exposure.objects.filter(device__group=mine).values("recommendation").distinct()
    assert here
    count = Exposure.objects.filter(device__group=mine).count()
    reader(client, device_groups=[mine])

    (product,) = client.get("/software/").context["rows"]
    (weakness,) = client.get("/weaknesses/").context["rows"]
    page = client.get(f"/weaknesses/{found.pk}/").context

    assert (product["in_exposed"], product["in_installed"], product["in_weaknesses"]) == (count, count, 1)
    assert weakness["in_exposed"] == page["weakness"].in_exposed == count
    assert [carrier.exposed for carrier in page["carriers"]] == [count]


def test_since_when_is_that_of_the_readers_groups(client, reader, found):
    mine = DeviceGroup.objects.order_by("pk").last()
    recently = timezone.now() - timedelta(days=1)
    Weakness.objects.update(first_seen_at=timezone.now() - timedelta(days=300))
    found.counters.filter(group=mine).update(first_seen_at=recently)
    reader(client, device_groups=[mine])

    (row,) = client.get("/weaknesses/").context["rows"]

    assert row["in_since"] == recently
    assert client.get(f"/weaknesses/{found.pk}/").context["weakness"].in_since == recently


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("eol=any", "Ended"),
        ("eol=software", "Ended"),
        ("eol=versions", "Ending"),
        ("zero_day=1", "Zero"),
        ("threat=alert", "Alerted"),
        ("threat=exploit", "Exploited"),
        ("q=Exploited", "Exploited"),
    ],
)
def test_each_filter_of_software_finds_its_own(client, reader, db, query, name):
    publish()
    estate(devices=1, name="Plain")
    made = {
        "Ended": {"tags": ["EOL software"]},
        "Ending": {"tags": ["EOL versions installed"]},
        "Zero": {"tags": ["Zero day"]},
        "Alerted": {"active_alert": True},
        "Exploited": {"public_exploit": True},
    }
    for word, fields in made.items():
        Software.objects.filter(pk=estate(devices=1, **fields).software_id).update(name=word)
    reader(client)

    rows = [row["name"] for row in client.get(f"/software/?sort=name&{query}").context["rows"]]

    assert rows == (["Ended", "Ending"] if query == "eol=any" else [name])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("kev=1", "KNOWN"),
        ("severity=critical", "CRITICAL"),
        ("exploit=kit", "KIT"),
        ("epss=90", "LIKELY"),
        ("q=LIKE", "LIKELY"),
        ("q=Special", "SPECIAL"),
        ("software=special+reader", "SPECIAL"),
    ],
)
def test_each_filter_of_weaknesses_finds_its_own(client, reader, db, query, name):
    publish()
    made = {
        "KNOWN": {"kev_added_on": TODAY},
        "CRITICAL": {"severity": "critical"},
        "KIT": {"exploit_level": "kit"},
        "LIKELY": {"epss": 0.95},
        "SPECIAL": {},
    }
    for word, fields in made.items():
        version = estate(devices=1).software.versions.get()
        version.weaknesses.update(name=word, **fields)
        if word == "SPECIAL":
            Software.objects.filter(pk=version.software_id).update(name="Special Reader")
    reader(client)

    rows = client.get(f"/weaknesses/?{query}").context["rows"]

    assert [row["name"] for row in rows] == [name]


def test_what_is_fixed_everywhere_can_be_left_out(client, reader, found):
    Weakness.objects.update(exposed=0)
    reader(client)

    assert len(client.get("/weaknesses/").context["rows"]) == 1
    assert not client.get("/weaknesses/?exposed=1").context["rows"]


def test_severities_sort_by_rank(client, reader, db):
    publish()
    for severity in ("medium", "critical", "low"):
        estate(devices=1).software.versions.get().weaknesses.update(severity=severity)
    reader(client)

    rows = client.get("/weaknesses/?sort=-severity").context["rows"]

    assert [row["severity"] for row in rows] == ["critical", "medium", "low"]


@pytest.mark.parametrize("sort", ["-cvss", "-epss", "-kev", "-published", "-since"])
def test_what_is_not_known_sorts_below_what_is(client, reader, found, sort):
    unknown = estate(devices=1).software.versions.get().weaknesses
    unknown.update(cvss=None, epss=None, first_seen_at=None)
    Weakness.objects.filter(pk=found.pk).update(kev_added_on=TODAY, published_on=TODAY)
    reader(client)

    rows = client.get(f"/weaknesses/?sort={sort}").context["rows"]

    assert [row["pk"] for row in rows] == [found.pk, unknown.get().pk]


ODD = ["kev=2&epss=NaN&severity=zzz&software=%00", "epss=-1&eol=zzz&exposed=x", "epss=1e400&version=%00&sort=carriers",
       "epss=abc&threat=zzz&groups=0", "q=%00", "version=" + "x" * 999]  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
def test_an_odd_address_is_no_error(client, reader, found, name):
    reader(client)

    answers = {query: client.get(f"{pages(found)[name]}?{query}").status_code for query in ODD}

    assert set(answers.values()) == {200}


@pytest.mark.parametrize("key", ["CVE-0000-0", "99999999999999999999", "0", "%00", "%E0%A4%A", "١", "-1", "a b"])
def test_an_odd_name_of_a_weakness_is_not_found(client, reader, found, key):
    reader(client)

    assert client.get(f"/weaknesses/{key}/").status_code == 404
    assert client.get(f"/weaknesses/{key}/devices/").status_code == 404


def test_a_weakness_is_found_as_people_write_it(client, reader, found):
    reader(client)

    assert client.get(f"/weaknesses/{found.name.lower()}/").context["weakness"] == found


def test_a_device_with_a_weakness_in_two_products_is_listed_once(client, reader, found):
    exposure = Exposure.objects.first()
    second = SoftwareVersionFactory(weaknesses=[found], version="9", risk=50)
    other = estate(devices=1)
    SoftwareVersion.objects.filter(pk=second.pk).update(software=other.software)
    ExposureFactory(recommendation=other, device=exposure.device, version=second)
    reader(client)

    rows = client.get(f"/weaknesses/{found.pk}/devices/").context["rows"]

    (row,) = [row for row in rows if row["pk"] == exposure.device_id]
    assert (row["carrier"], row["carriers"]) == (f"{other.software.name} 9", 2)


def test_the_devices_of_one_version_are_shown_by_themselves(client, reader, found):
    exposure = Exposure.objects.first()
    Exposure.objects.filter(device=exposure.device).update(
        version=SoftwareVersionFactory(software=exposure.recommendation.software, version="7.7")
    )
    software = exposure.recommendation.software_id
    reader(client)

    rows = client.get(f"/software/{software}/devices/?version=7.7").context["rows"]

    assert [row["device_id"] for row in rows] == [exposure.device_id]


def test_versions_come_newest_first_by_their_numbers(client, reader, found):
    version = found.versions.get()
    group = DeviceGroup.objects.first()
    for number in ("9.8", "10.2", "10.10"):
        SoftwareVersionFactory(software=version.software, version=number).counters.create(group=group, installed=1)
    reader(client)

    shown = client.get(f"/software/{version.software_id}/").context["distribution"].versions

    assert [row.version for row in shown][:3] == ["10.10", "10.2", "9.8"]


def test_a_weakness_names_what_removes_it_and_the_work_on_it(client, reader, found, published):
    reader(client)

    html = client.get(f"/weaknesses/{found.pk}/").content.decode()

    assert published.get_absolute_url() in html
    assert f"/remediation/activities/{published.activities.get().pk}/" in html


def test_a_recommendation_names_no_weakness_of_another_group(client, reader, found, published):
    mine, other = DeviceGroup.objects.order_by("pk")
    hidden = WeaknessFactory()
    version = SoftwareVersionFactory(software=published.software, weaknesses=[hidden])
    version.counters.create(group=other, installed=1, exposed=1)
    hidden.counters.create(group=other, exposed=1, first_seen_at=timezone.now())
    reader(client, device_groups=[mine])

    shown = words(client.get(published.get_absolute_url()))

    assert found.name in shown
    assert hidden.name not in shown


def test_the_dashboard_leads_to_the_page_of_each_product(client, reader, found, published):
    reader(client)

    html = client.get("/").content.decode()

    assert f'href="/software/{published.software_id}/"' in html


def test_the_dashboard_counts_known_exploited_weaknesses_of_the_readers_groups(client, reader, found, theirs):
    mine, _ = theirs
    Weakness.objects.update(kev_added_on=TODAY)
    ScoreSnapshot.objects.filter(group=mine).update(known_exploited=3)
    reader(client, device_groups=[mine])

    response = client.get("/")
    shown = words(response)

    assert "1 known exploited weakness on 3 devices" in shown
    assert "/weaknesses/?kev=1&amp;exposed=1&amp;sort=-exposed" in response.content.decode()


def test_the_file_of_weaknesses_has_every_fact(client, reader, found):
    Weakness.objects.update(kev_added_on=TODAY, published_on=TODAY, exploit_level="kit")
    reader(client)

    heads, row = csv_of(client.get("/weaknesses/?format=csv")).lstrip("\ufeff").splitlines()
    values = dict(zip(heads.split(","), row.split(","), strict=True))

    assert values["weakness"] == found.name
    assert (values["kev_added_on"], values["exploit_level"], values["exposed_devices"]) == (f"{TODAY}", "kit", "5")
    assert values["software"] == found.versions.get().software.name


@pytest.mark.parametrize("address", ["/software/?sort=-exposed", "/weaknesses/?sort=-exposed"])
def test_order_and_length_of_a_list_are_kept_until_the_next_publication(client, reader, found, address):
    reader(client)
    before = rows_of(client, address)

    more = estate(devices=9, groups=1)

    assert len(rows_of(client, address)) == len(before)
    OrganisationScore.objects.update(published_at=timezone.now())
    assert len(rows_of(client, address)) == len(before) + 1
    first = more.software.name if "software" in address else more.software.versions.get().weaknesses.get().name
    assert first in rows_of(client, address)[0]


@pytest.mark.parametrize("address", ["/software/", "/weaknesses/"])
def test_what_is_kept_for_one_selection_of_groups_is_not_shown_to_another(client, reader, found, theirs, address):
    mine, _ = theirs
    reader(client)
    everything = len(rows_of(client, address))
    reader(client, device_groups=[mine])

    assert len(rows_of(client, address)) < everything


def rows_of(client, address: str) -> list[str]:
    """The texts of the rows of the list's page."""
    body = html5lib.parse(client.get(address).content.decode(), namespaceHTMLElements=False).find(".//tbody")
    return ["".join(row.itertext()) for row in body.iter("tr")]


@pytest.mark.parametrize("sees", ["everything", "a part"])
def test_a_products_page_says_how_many_devices_here_each_of_its_weaknesses_exposes(client, reader, found, sees):
    mine = DeviceGroup.objects.order_by("pk").first()
    reader(client, **({} if sees == "everything" else {"device_groups": [mine]}))
    exposures = Exposure.objects.all() if sees == "everything" else Exposure.objects.filter(device__group=mine)

    page = html5lib.parse(client.get(pages(found)["software"]).content.decode(), namespaceHTMLElements=False)

    (row,) = [row for row in page.iter("tr") if found.name in "".join(row.itertext())]
    assert "".join(row.findall("td")[-1].itertext()).strip() == str(exposures.count())
