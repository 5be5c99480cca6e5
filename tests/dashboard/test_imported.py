"""The tab of imported activities, and the warning before one of them is doubled."""

import csv
import io
from datetime import date

import pytest
from django.utils import timezone

from remediation.models import ImportedActivity, RecommendationCounter

from .conftest import csv_of, words

ADDRESS = "/remediation/imported/"


def imported(remote_id: str = "one", groups=(), **more) -> ImportedActivity:
    now = timezone.now()
    facts = {
        "imported_from": "defender", "title": f"Activity {remote_id}", "status": "active", "created_there_at": now,
        "requester": "mara@corp.example", "due_on": date(2027, 1, 15), "target_devices": 40, "fixed_devices": 14,
        "first_seen_at": now, "last_seen_at": now,
    }  # fmt: skip
    made = ImportedActivity.objects.create(remote_id=remote_id, **(facts | more))
    made.device_groups.set(groups)
    return made


def groups() -> list[int]:
    """The larger one first."""
    return list(RecommendationCounter.objects.order_by("-exposed").values_list("group", flat=True))


def test_the_tab_says_where_each_comes_from_and_how_far_it_is(client, reader, published):
    imported(recommendation=published)
    imported("two", imported_from="intune", target_devices=None, fixed_devices=None, status="completed")
    reader(client)

    shown = words(client.get(ADDRESS))

    assert "From Defender" in shown and "From Intune" in shown
    assert "14 / 40" in shown


@pytest.mark.security(id="S3")
def test_a_reader_sees_what_is_about_their_groups_alone(client, reader, published):
    large, small = groups()
    imported("of theirs", groups=[small])
    imported("of both", groups=[small, large])
    imported("of nobody knows whom")
    reader(client, device_groups=[small])

    response = client.get(ADDRESS)

    assert [row["title"] for row in response.context["rows"]] == ["Activity of theirs"]
    assert response.context["page"].count == 1
    assert "of both" not in csv_of(client.get(f"{ADDRESS}?format=csv"))
    assert client.get("/remediation/").context["numbers"]["tab_imported"] == 1


def test_a_selection_of_groups_narrows_it(client, reader, published):
    large, small = groups()
    imported("small", groups=[small])
    imported("whole")
    reader(client)

    assert [row["title"] for row in client.get(f"{ADDRESS}?groups={small}").context["rows"]] == ["Activity small"]
    assert client.get(f"{ADDRESS}?groups={large}").context["page"].count == 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("origin=intune", {"b"}),
        ("status=completed", {"b"}),
        ("linked=yes", {"a"}),
        ("linked=no", {"b"}),
        ("q=mara", {"a"}),
        ("status=nonsense", {"a", "b"}),
    ],
)
def test_each_filter_finds_its_own(client, reader, published, query, found):
    imported("a", recommendation=published)
    imported("b", imported_from="intune", status="completed", requester="")
    reader(client)

    rows = client.get(f"{ADDRESS}?{query}").context["rows"]

    assert {row["title"].removeprefix("Activity ") for row in rows} == found


def test_the_file_has_every_row_and_no_formula(client, reader, published):
    imported(title="=cmd()", recommendation=published)
    reader(client)

    (row,) = csv.DictReader(io.StringIO(csv_of(client.get(f"{ADDRESS}?format=csv")).removeprefix("\ufeff")))

    assert (row["title"], row["imported_from"], row["due_on"]) == ("'=cmd()", "defender", "2027-01-15")
    assert (row["fixed_devices"], row["target_devices"], row["id"]) == ("14", "40", "one")


def test_a_request_is_warned_before_it_doubles_one_of_defender(client, reader, published):
    imported(recommendation=published)
    imported("done", recommendation=published, status="completed")
    reader(client)

    shown = words(client.get(f"/recommendations/{published.pk}/remediation/"))

    assert shown.count("Defender already has an active remediation for this recommendation") == 1
    assert "requested by mara@corp.example" in shown
    assert "15 Jan" in shown


def test_no_warning_tells_a_reader_of_groups_that_they_may_not_see(client, reader, published):
    large, small = groups()
    imported(recommendation=published, groups=[large])
    imported("whole", recommendation=published)
    reader(client, device_groups=[small])

    assert "already has" not in words(client.get(f"/recommendations/{published.pk}/remediation/"))
