"""The forms of exceptions, as people send them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from remediation.models import RecommendationException
from tests.factories import ActivityFactory, UserFactory, estate

from .test_exceptions import filed, in_effect

pytestmark = pytest.mark.django_db
WHY = "Isolated VLAN, replaced in spring."


@pytest.fixture
def recommendation():
    return estate(devices=4, groups=2)


@pytest.fixture
def mara(client):
    user = UserFactory(roles=["Security team"])
    client.force_login(user)
    return user


@pytest.fixture
def approver():
    return UserFactory(roles=["Exception approver"])


def fields(**more) -> dict:
    sent = {"request_key": str(uuid4()), "justification": "risk_accepted", "context": WHY, "scope": "all", "end": "30"}
    return sent | more


def address(recommendation) -> str:
    return f"/recommendations/{recommendation.pk}/exception/"


def test_a_form_files_an_exception_and_leads_to_it(client, recommendation, mara):
    response = client.post(address(recommendation), fields(evidence="https://wiki.corp.example/vlan\n"))

    made = RecommendationException.objects.get()
    assert response["Location"] == f"/remediation/exceptions/{made.pk}/"
    assert (made.filed_by, made.context, made.evidence) == (mara, WHY, ["https://wiki.corp.example/vlan"])
    assert made.ends_on == timezone.localdate() + timedelta(days=30)


def test_a_day_of_ones_own_ends_it_at_the_end_of_that_day(client, recommendation, mara):
    day = timezone.localdate() + timedelta(days=100)

    client.post(address(recommendation), fields(end="date", ends_on=day.isoformat()))

    assert RecommendationException.objects.get().ends_on == day


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"context": "too short"}, "at least 20 characters"),
        ({"context": ""}, "Say why"),
        ({"context": "x" * 1001}, "at most"),
        ({"context": "x" * 30 + "\0"}, "cannot be stored"),
        ({"justification": "because"}, "not one of the available choices"),
        ({"justification": ""}, "required"),
        ({"end": "45"}, "not one of the available choices"),
        ({"end": "date"}, "always ends"),
        ({"end": "date", "ends_on": "2001-01-01"}, "within a year"),
        ({"end": "date", "ends_on": "9999-12-31"}, "within a year"),
        ({"end": "date", "ends_on": "soon"}, "Enter a date"),
        ({"scope": "chosen"}, "at least one device group"),
        ({"scope": "chosen", "device_groups": ["999999"]}, "not one of the available choices"),
        ({"scope": "chosen", "device_groups": ["9" * 30]}, "not one of the available choices"),
        ({"evidence": "javascript:alert(1)"}, "no address of a web page"),
        ({"evidence": "https://[half"}, "no address of a web page"),
        ({"evidence": "\n".join(["https://a.example"] * 11)}, "at most"),
        ({"request_key": "none"}, "UUID"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(client, recommendation, mara, wrong, words):
    response = client.post(address(recommendation), fields(**wrong))

    html = response.content.decode()
    assert response.status_code == 200
    assert words in html
    assert wrong.get("context", WHY).replace("\0", "")[:20] in html
    assert not RecommendationException.objects.exists()


def test_the_page_points_out_work_under_way_and_exceptions_that_stand(client, recommendation, mara, approver):
    activity = ActivityFactory(recommendation=recommendation, title="Update it everywhere")
    in_effect(recommendation, mara, approver)

    html = client.get(address(recommendation)).content.decode()
    reverse = client.get(f"/recommendations/{recommendation.pk}/remediation/").content.decode()

    assert activity.title in html and "There is an exception already" in html
    assert "decided not to follow this recommendation" in reverse


def test_groups_that_have_one_are_not_offered(client, recommendation, mara):
    taken, free = [counter.group for counter in recommendation.counters.order_by("pk")]
    filed(recommendation, mara, [taken])

    main = client.get(address(recommendation)).content.decode().partition("<main")[2]

    assert free.name in main and taken.name not in main


def test_an_approver_decides_on_the_page(client, recommendation, mara, approver):
    made = filed(recommendation, mara)
    client.force_login(approver)

    page = client.get(f"/remediation/exceptions/{made.pk}/").content.decode()
    response = client.post(f"/remediation/exceptions/{made.pk}/transitions/", {"verb": "approve"})

    made.refresh_from_db()
    assert "Approve" in page
    assert (response.status_code, made.status, made.approved_by) == (302, "in_effect", approver)


def test_the_second_of_two_deciding_people_reads_who_was_first(client, recommendation, mara, approver):
    made = filed(recommendation, mara)
    second = UserFactory(roles=["Exception approver"])
    for who, verb in ((approver, "approve"), (second, "reject")):
        client.force_login(who)
        response = client.post(f"/remediation/exceptions/{made.pk}/transitions/", {"verb": verb, "note": "No."})

    assert response.status_code == 409
    assert str(approver) in response.content.decode()
    assert RecommendationException.objects.get().status == "in_effect"


@pytest.mark.parametrize("verb", ["expire", "suspend", "begin", "extended", "", "x"])
def test_verbs_that_are_nobodys_are_bad_requests(client, recommendation, mara, verb):
    made = filed(recommendation, mara)

    assert client.post(f"/remediation/exceptions/{made.pk}/transitions/", {"verb": verb}).status_code == 400


def test_a_rejection_without_a_reason_asks_for_it_and_changes_nothing(client, recommendation, mara, approver):
    made = filed(recommendation, mara)
    client.force_login(approver)

    response = client.post(f"/remediation/exceptions/{made.pk}/transitions/", {"verb": "reject"})

    made.refresh_from_db()
    assert (response.status_code, made.status) == (400, "awaiting")
    assert "Please say why" in response.content.decode()


def test_an_extension_begins_with_the_words_of_the_first(client, recommendation, mara, approver):
    first = in_effect(recommendation, mara, approver)
    address = f"/remediation/exceptions/{first.pk}/extension/"

    page = client.get(address).content.decode()
    response = client.post(address, fields(end="60", context="The replacement is late by a quarter."))

    second = RecommendationException.objects.exclude(pk=first.pk).get()
    assert first.context in page
    assert response["Location"] == f"/remediation/exceptions/{second.pk}/"
    assert (second.renews, second.status) == (first, "awaiting")


def test_one_of_other_groups_does_not_exist(client, recommendation, mara):
    mine, other = [counter.group for counter in recommendation.counters.order_by("pk")]
    made = filed(recommendation, mara, [other])
    client.force_login(UserFactory(roles=["Security team", "Exception approver"], device_groups=[mine]))

    pages = [f"/remediation/exceptions/{made.pk}/{page}" for page in ("", "extension/")]
    answers = [client.get(page).status_code for page in pages]
    answers.append(client.post(f"/remediation/exceptions/{made.pk}/transitions/", {"verb": "approve"}).status_code)

    assert answers == [404] * 3
