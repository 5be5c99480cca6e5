"""The forms of exceptions, as people send them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from remediation.models import DeviceGroup, InaccuracyReport, OrganisationScore, RecommendationException
from tests.factories import (
    ActivityFactory,
    ConfigurationFactory,
    CounterFactory,
    ExposureFactory,
    UserFactory,
    estate,
)
from tests.publication import publish

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


def preview(client, address: str, **more) -> str:
    response = client.post(address, fields(preview="1", **more), headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    return " ".join(response.content.decode().split())


def test_before_filing_the_devices_and_both_scores_stand_beside_the_form(client, recommendation, mara):
    publish()
    score = OrganisationScore.objects.get().exposure

    page = " ".join(client.get(address(recommendation)).content.decode().split())

    assert "It covers 4 exposed devices." in page
    assert f"from {score:.0f}" in page and '<span class="big-n">0</span>' in page
    assert f"Without exceptions it is and stays <b>{score:.0f}</b>" in page
    assert not RecommendationException.objects.exists()


def test_a_preview_follows_the_chosen_groups_and_files_nothing(client, recommendation, mara):
    publish()
    first = DeviceGroup.objects.first()

    one = preview(
        client, address(recommendation), justification="false_positive", scope="chosen", device_groups=[first.pk]
    )
    none = preview(client, address(recommendation), justification="false_positive", scope="chosen")

    assert "It covers 2 exposed devices." in one and "It counts from the next sync" in one
    assert "it would cover none" in none
    assert not RecommendationException.objects.exists()


@pytest.mark.parametrize("justification", ["risk_accepted", "planned_remediation", "business_need", "other"])
def test_a_preview_says_plainly_that_a_score_stays_as_it_is(client, recommendation, mara, justification):
    publish()
    score = OrganisationScore.objects.get().exposure

    shown = preview(client, address(recommendation), justification=justification)

    assert "With this justification nothing changes" in shown
    assert f'<span class="big-n">{score:.1f}</span>' in shown and "stays as it is" in shown


def test_a_preview_of_a_setting_is_about_the_configuration_score(client, mara):
    setting = ConfigurationFactory()
    counter = CounterFactory(recommendation=setting, exposed=1, total=4)
    ExposureFactory(recommendation=setting, device__group=counter.group, version=None)
    publish()

    shown = preview(client, address(setting), justification="third_party_control")

    assert "Configuration score" in shown and "from 75" in shown and '<span class="big-n">100</span>' in shown


def test_without_a_script_the_preview_keeps_what_was_written(client, recommendation, mara):
    response = client.post(address(recommendation), fields(preview="1", end="date", evidence="https://a.example"))

    page = response.content.decode()
    assert WHY in page and "https://a.example" in page
    assert not RecommendationException.objects.exists()


@pytest.fixture
def report(recommendation, mara) -> InaccuracyReport:
    exposure = recommendation.exposures.select_related("device").first()
    return InaccuracyReport.objects.create(
        device=exposure.device, recommendation=recommendation, version=exposure.version, reason="not_installed",
        note="Only the folder is left.", reported_by=UserFactory(), reported_at=timezone.now(),
    )  # fmt: skip


def test_a_report_leads_to_an_exception_as_a_false_positive_with_its_words(client, recommendation, mara, report):
    link = f"{address(recommendation)}?report={report.pk}"

    offered = link in client.get(report.get_absolute_url()).content.decode()
    form = client.get(link).content.decode()

    assert offered
    assert "Only the folder is left." in form and report.device.name in form
    assert 'value="false_positive" checked' in " ".join(form.split()) and "risk_accepted" not in form


def test_an_exception_for_a_report_names_it_as_evidence_and_the_report_names_the_exception(
    client, recommendation, mara, report
):
    client.post(address(recommendation), fields(report=report.pk, justification="false_positive"))

    made = RecommendationException.objects.get()
    assert (made.report, made.justification) == (report, "false_positive")
    assert report.get_absolute_url() in client.get(made.get_absolute_url()).content.decode()
    assert made.get_absolute_url() in client.get(report.get_absolute_url()).content.decode()


def test_an_exception_for_a_report_has_no_other_justification(client, recommendation, mara, report):
    response = client.post(address(recommendation), fields(report=report.pk, justification="risk_accepted"))

    assert response.status_code == 200
    assert not RecommendationException.objects.exists()


@pytest.mark.parametrize("asked", ["other", "unknown", "hidden", "odd"])
def test_a_report_about_something_else_or_of_another_group_is_not_found(client, recommendation, mara, report, asked):
    if asked == "hidden":
        visible = DeviceGroup.objects.exclude(pk=report.device.group_id)
        client.force_login(UserFactory(roles=["Security team"], device_groups=visible))
    subject = estate() if asked == "other" else recommendation
    number = {"unknown": "999999", "odd": "1e3"}.get(asked, report.pk)

    response = client.get(f"{address(subject)}?report={number}")

    # What is no number at all is no report, and the form is an ordinary one.
    assert response.status_code == (200 if asked == "odd" else 404)
