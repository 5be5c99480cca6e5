"""The files: the same rows and columns as the list, harmless in a spreadsheet, the same text from both databases."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard.exports import FORMULA_STARTS
from remediation.models import AuditEvent, Recommendation, RemediationActivity
from tests.factories import ActivityFactory, RecommendationFactory, UserFactory, estate

from .conftest import csv_of

LISTS = ["/recommendations/", "/remediation/", "/remediation/tickets/"]


def rows_of(response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_of(response).removeprefix("\ufeff"))))


@pytest.mark.parametrize("path", LISTS)
def test_a_file_starts_with_a_byte_order_mark_and_its_columns(client, reader, path):
    reader(client)

    response = client.get(path, {"format": "csv"})
    text = csv_of(response)

    assert text.startswith("\ufeff")
    assert "text/csv" in response["Content-Type"]
    assert response["Content-Disposition"].endswith('.csv"')
    header = text.removeprefix("\ufeff").splitlines()[0].split(",")
    assert len(header) == len(set(header)) > 8


def test_a_file_has_as_many_rows_as_the_list_counts(client, reader, published):
    estate(devices=2)
    reader(client)

    listed = client.get("/recommendations/", {"q": "Product"})
    exported = client.get("/recommendations/", {"q": "Product", "format": "csv"})

    assert len(rows_of(exported)) == listed.context["page"].count == 2


@pytest.mark.security(id="S9")
def test_a_cell_never_starts_a_formula(client, reader):
    recommendation, requester = RecommendationFactory(), UserFactory()
    hostile = {f"{blank}{start}HYPERLINK(1)" for start in FORMULA_STARTS for blank in ("", " ", "\u3000", "\n")}
    for place, title in enumerate(hostile):
        same = {"recommendation": recommendation, "requester": requester, "scope_key": str(place)}
        ActivityFactory(title=title, notes=f'{title}",\r\nx', **same)
    reader(client)

    rows = rows_of(client.get("/remediation/", {"format": "csv"}))

    assert {row["title"] for row in rows} == {f"'{title}" for title in hostile}
    assert {row["notes"] for row in rows} == {f"'{title}\",\r\nx" for title in hostile}


def test_an_ordinary_cell_is_left_alone(client, reader):
    ActivityFactory(title="Update 7-Zip, “now” – to 25.01")
    reader(client)

    (row,) = rows_of(client.get("/remediation/", {"format": "csv"}))

    assert row["title"] == "Update 7-Zip, “now” – to 25.01"


def test_times_are_in_utc_and_codes_untranslated(client, reader):
    at = datetime(2026, 3, 1, 12, 30, 5, 999999, tzinfo=UTC)
    ActivityFactory(requested_at=at, priority="high")
    user = reader(client)
    user.time_zone = "Asia/Tokyo"
    user.save()

    (row,) = rows_of(client.get("/remediation/", {"format": "csv"}))

    assert row["requested_at"] == "2026-03-01T12:30:05Z"
    assert (row["priority"], row["status"], row["remediation_type"]) == ("high", "active", "update")


def test_booleans_are_words_and_lists_are_text(client, reader, published):
    Recommendation.objects.update(public_exploit=True, tags=["EOL software"])
    reader(client)

    (row,) = rows_of(client.get("/recommendations/", {"format": "csv"}))

    assert (row["public_exploit"], row["active_alert"]) == ("yes", "no")
    assert row["tags"] == '["EOL software"]'


def test_the_devices_of_a_recommendation_are_exported_with_their_versions(client, reader, published):
    reader(client)

    rows = rows_of(client.get(f"/recommendations/{published.pk}/devices/", {"format": "csv"}))

    assert len(rows) == 5
    assert all(row["installed_version"] for row in rows)


@pytest.mark.security(id="S23")
def test_a_file_comes_in_pieces(client, reader):
    recommendation, requester = RecommendationFactory(), UserFactory()
    same = {"recommendation": recommendation, "requester": requester, "title": "x" * 400}
    RemediationActivity.objects.bulk_create(ActivityFactory.build(**same, scope_key=str(n)) for n in range(1100))
    reader(client)

    pieces = list(client.get("/remediation/", {"format": "csv"}).streaming_content)

    assert len(pieces) > 3
    assert max(map(len, pieces)) < 512 * 1024


def test_a_filtered_list_offers_the_whole_as_well(client, reader, db):
    for priority in ("high", "low"):
        ActivityFactory(priority=priority)
    reader(client)

    page = client.get("/remediation/?priority=high")
    filtered, whole = (
        len(list(csv.reader(io.StringIO(csv_of(client.get("/remediation/" + page.context[name]))))))
        for name in ("csv_url", "whole_csv_url")
    )

    assert (filtered, whole) == (2, 3)


@pytest.fixture
def taken(client, reader, published):
    """Takes a file and answers what was written down of it."""

    def take(address: str, **person) -> AuditEvent:
        user = reader(client, **person)
        before = AuditEvent.objects.count()
        assert csv_of(client.get(address))
        (event,) = AuditEvent.objects.filter(verb="export")[: AuditEvent.objects.count() - before]
        assert event.actor == user
        return event

    return take


def test_a_file_is_written_down_with_what_narrows_it(taken):
    event = taken("/recommendations/?type=update&type=upgrade&q=Product&sort=name&page=3&format=csv")

    assert (event.subject_type, event.subject_id, event.subject_name) == (
        "list", "recommendations", "Security recommendations",
    )  # fmt: skip
    assert event.after == {
        "address": "/recommendations/",
        "filters": {"type": ["update", "upgrade"], "q": "Product"},
        "device_groups": "all",
    }


def test_a_file_of_some_device_groups_names_them(taken, published):
    group = published.counters.select_related("group").first().group

    event = taken("/devices/?format=csv", device_groups=[group])

    assert event.after["device_groups"] == [group.name]


def test_the_devices_of_an_activity_are_an_export_too(client, reader, work):
    user = reader(client)

    csv_of(client.get(f"{work.get_absolute_url()}?format=csv&state=exposed"))

    event = AuditEvent.objects.get(verb="export")
    assert (event.actor, event.subject_id) == (user, f"activity-{work.pk}-devices")
    assert event.after["filters"] == {"state": "exposed"}


def test_filters_that_no_database_could_keep_are_left_out(taken):
    assert taken("/recommendations/?q=%00&type=%00&format=csv").after["filters"] == {}


def test_a_page_is_no_export_and_a_refused_file_neither(client, reader, published):
    reader(client)
    client.get("/recommendations/")
    client.get("/access-review/?format=csv")

    assert not AuditEvent.objects.exists()


def test_writing_it_down_is_one_insert_before_the_first_byte(client, reader, published):
    reader(client)

    with CaptureQueriesContext(connection) as asked:
        response = client.get("/recommendations/?format=csv")
    writes = [query["sql"] for query in asked if query["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]

    assert len(writes) == 1
    assert writes[0].startswith('INSERT INTO "remediation_auditevent"')
    assert csv_of(response)


@pytest.mark.parametrize("path", ["/audit/", "/access-review/"])
def test_the_records_of_people_are_exports_too(client, reader, published, path):
    reader(client, roles=["Administrator"])

    text = csv_of(client.get(f"{path}?format=csv"))

    assert AuditEvent.objects.get(verb="export").after["address"] == path
    assert text.count("\n") > 1
