"""The files: the same rows and columns as the list, harmless in a spreadsheet, the same text from both databases."""

import csv
import io
from datetime import UTC, datetime

import pytest

from dashboard.exports import FORMULA_STARTS
from remediation.models import Recommendation, RemediationActivity
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
