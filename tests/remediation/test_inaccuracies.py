"""Reports of inaccuracies: who makes them, who closes them, and that each is written down once."""

import pytest

from remediation.models import AuditEvent, InaccuracyReport
from tests.factories import DeviceFactory, ExposureFactory, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(client, *roles, **more):
    user = UserFactory(roles=roles, **more)
    client.force_login(user)
    return user


@pytest.fixture
def exposure():
    return ExposureFactory()


def address(exposure) -> str:
    return f"/devices/{exposure.device_id}/inaccuracy/"


def made(exposure) -> InaccuracyReport:
    who, at = UserFactory(), exposure.first_seen_at
    return InaccuracyReport.objects.create(
        device=exposure.device, reason="retired", note="Scrapped.", reported_by=who, reported_at=at
    )


def test_a_report_keeps_the_version_that_it_is_about(client, exposure):
    user = sign_in(client, "IT administrator")
    fields = {"recommendation": exposure.recommendation_id, "reason": "wrong_version", "note": "It is 3.1."}

    response = client.post(address(exposure), fields)

    report = InaccuracyReport.objects.get()
    assert response["Location"] == f"/devices/{exposure.device_id}/"
    assert (report.version, report.recommendation) == (exposure.version, exposure.recommendation)
    assert (report.reason, report.note, report.reported_by, report.state) == (
        "wrong_version",
        "It is 3.1.",
        user,
        "open",
    )
    assert AuditEvent.objects.about(report).get().actor == user


def test_the_same_report_sent_twice_is_one(client, exposure):
    sign_in(client, "IT administrator")
    for _ in range(2):
        client.post(address(exposure), {"reason": "retired"})

    assert InaccuracyReport.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [{}, {"reason": "nonsense"}, {"reason": "other"}, {"reason": "retired", "note": "x\x00"},
     {"reason": "retired", "note": "x" * 1001}],
)  # fmt: skip
def test_odd_input_is_said_on_the_form(client, exposure, fields):
    sign_in(client, "Security team")

    response = client.post(address(exposure), fields)

    assert response.status_code == 200
    assert "The report was not sent." in response.content.decode()
    assert not InaccuracyReport.objects.exists()


def test_a_recommendation_that_does_not_apply_to_the_device_is_not_found(client, exposure):
    sign_in(client, "Security team")
    other = ExposureFactory()

    response = client.post(address(exposure), {"reason": "retired", "recommendation": other.recommendation_id})

    assert response.status_code == 404


def test_closing_says_who_and_what_came_of_it(client, exposure):
    report = made(exposure)
    user = sign_in(client, "Security team")

    client.post(f"/devices/inaccuracies/{report.pk}/closing/", {"answer": "The sensor was reinstalled."})

    report.refresh_from_db()
    assert (report.state, report.closed_by, report.answer) == ("closed", user, "The sensor was reinstalled.")
    assert AuditEvent.objects.about(report).get().verb == "close inaccuracy"


def test_of_two_who_close_it_the_second_is_told(client, exposure):
    report = made(exposure)
    sign_in(client, "Security team")
    closing = f"/devices/inaccuracies/{report.pk}/closing/"
    client.post(closing, {"answer": "First."})

    second = client.post(closing, {"answer": "Second."})

    report.refresh_from_db()
    assert (second.status_code, report.answer) == (409, "First.")


def test_it_administrators_report_and_do_not_close(client, exposure):
    report = made(exposure)
    sign_in(client, "IT administrator")

    assert client.post(f"/devices/inaccuracies/{report.pk}/closing/").status_code == 403
    assert "Close the report" not in client.get(report.get_absolute_url()).content.decode()


def test_reports_of_other_groups_are_not_found(client, exposure):
    report = made(exposure)
    sign_in(client, "Security team", device_groups=[DeviceFactory().group])

    assert client.get(report.get_absolute_url()).status_code == 404
    assert client.get("/devices/inaccuracies/").context["rows"] == []
    assert client.get(address(exposure)).status_code == 404


@pytest.mark.parametrize(
    ("query", "found"), [("state=open", 1), ("state=closed", 0), ("reason=retired", 1), ("q=scrap", 1)]
)
def test_each_filter_finds_its_own(client, exposure, query, found):
    made(exposure)
    sign_in(client, "Viewer")

    assert len(client.get(f"/devices/inaccuracies/?{query}").context["rows"]) == found
