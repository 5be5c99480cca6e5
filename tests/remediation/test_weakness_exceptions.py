"""Exceptions of a single weakness: the same rules, its own scope, and its own way of growing."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from remediation.models import (
    ActivityWeakness,
    AuditEvent,
    Device,
    ExceptionStatus,
    OrganisationScore,
    Recommendation,
    RecommendationException,
    RecommendationStatus,
    Weakness,
)
from remediation.rules import exceptions
from remediation.rules.exception_clock import look_after
from remediation.rules.exception_subjects import impact_on_score, size
from remediation.rules.exceptions import ExceptionRefused
from tests.factories import ActivityFactory, ExceptionFactory, UserFactory, WeaknessFactory, estate
from tests.publication import publish

from .test_exception_pages import fields
from .test_exceptions import filed, groups_of, in_effect, wish

pytestmark = pytest.mark.django_db
S = ExceptionStatus


@pytest.fixture
def recommendation() -> Recommendation:
    return estate(devices=6, groups=2)


@pytest.fixture
def weakness(recommendation) -> Weakness:
    return Weakness.objects.get()


@pytest.fixture
def mara(client):
    user = UserFactory(roles=["Security team"])
    client.force_login(user)
    return user


@pytest.fixture
def approver():
    return UserFactory(roles=["Exception approver"])


def address(weakness) -> str:
    return f"/weaknesses/{weakness.pk}/exception/"


def test_a_form_files_one_and_its_pages_name_the_weakness(client, weakness, mara):
    response = client.post(address(weakness), fields())

    made = RecommendationException.objects.get()
    assert response["Location"] == made.get_absolute_url()
    assert (made.weakness, made.recommendation, made.exposed_then) == (weakness, None, 6)
    page = client.get(made.get_absolute_url()).content.decode()
    assert weakness.name in page and weakness.get_absolute_url() in page
    assert f"of this weakness: {made.get_justification_display()}" in _plain(client.get(weakness.get_absolute_url()))
    assert weakness.name in client.get("/remediation/exceptions/?of=weakness").content.decode()
    assert weakness.name not in _plain(client.get("/remediation/exceptions/?of=recommendation&format=csv"))
    assert weakness.name in _plain(client.get("/remediation/exceptions/?format=csv"))
    assert AuditEvent.objects.about(made).get().verb == "file_exception"


def test_a_weakness_page_offers_it_to_whoever_may_file_exceptions(client, weakness, mara):
    offered = address(weakness) in client.get(weakness.get_absolute_url()).content.decode()
    client.force_login(UserFactory(roles=["Viewer"]))

    assert offered
    assert address(weakness) not in client.get(weakness.get_absolute_url()).content.decode()


def test_its_recommendation_stays_as_it_is(recommendation, weakness, mara, approver):
    in_effect(weakness, mara, approver)
    look_after()

    recommendation.refresh_from_db()
    assert (recommendation.status, recommendation.excepted) == (RecommendationStatus.ACTIVE, 0)


def test_one_for_all_devices_suspends_those_for_groups_of_the_same_weakness_alone(
    recommendation, weakness, mara, approver
):
    first, second = groups_of(recommendation)
    below = in_effect(weakness, mara, approver, [first])
    beside = in_effect(recommendation, mara, approver, [second])
    above = in_effect(weakness, mara, approver)
    below.refresh_from_db()
    beside.refresh_from_db()
    meanwhile = (below.status, beside.status)
    other = in_effect(recommendation, mara, approver)
    exceptions.transition(other, "cancel", by=mara, note="Fixed sooner.")
    below.refresh_from_db()
    still = below.status

    exceptions.transition(above, "cancel", by=mara, note="Fixed sooner.")

    below.refresh_from_db()
    assert (*meanwhile, still) == (S.SUSPENDED, S.IN_EFFECT, S.SUSPENDED)
    assert below.status == S.IN_EFFECT


def test_two_of_one_weakness_do_not_overlap_and_two_of_different_things_may(recommendation, weakness, mara):
    first, _second = groups_of(recommendation)
    filed(weakness, mara, [first])

    with pytest.raises(ExceptionRefused, match=first.name):
        filed(weakness, mara, [first])

    assert filed(recommendation, mara, [first]).pk


def test_nobody_approves_their_own(weakness):
    both = UserFactory(roles=["Security team", "Exception approver"])

    with pytest.raises(PermissionDenied):
        exceptions.transition(filed(weakness, both), "approve", by=both)


def test_a_weakness_that_exposes_no_device_is_not_excepted(mara):
    with pytest.raises(ExceptionRefused, match="No device"):
        filed(WeaknessFactory(), mara)


def test_whoever_sees_no_exposed_device_sees_no_form(client, recommendation, weakness):
    client.force_login(UserFactory(roles=["Security team"], device_groups=[]))

    assert client.get(address(weakness)).status_code == 404


def test_the_database_wants_one_of_the_two(recommendation, weakness, mara):
    made = filed(weakness, mara)

    for wrong in ({"weakness": None}, {"recommendation": recommendation}, {"risk_then": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            RecommendationException.objects.filter(pk=made.pk).update(**wrong)


@pytest.mark.parametrize(("severity", "expected"), [("high", S.IN_EFFECT), ("critical", S.AWAITING_APPROVAL)])
def test_approval_may_hang_on_its_severity(weakness, mara, settings, severity, expected):
    settings.EXCEPTION_APPROVAL, settings.EXCEPTION_APPROVAL_SEVERITY = "above", "critical"
    weakness.severity = severity

    assert filed(weakness, mara, days=1).status == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, S.IN_EFFECT),
        ({"kev_added_on": timezone.localdate()}, S.RESURFACED),
        ({"exploit_level": "public"}, S.RESURFACED),
        ({"description": "Other words."}, S.IN_EFFECT),
    ],
    ids=["nothing", "kev", "exploit", "words"],
)
def test_it_resurfaces_when_the_weakness_becomes_more_dangerous(weakness, mara, approver, change, expected):
    made = in_effect(weakness, mara, approver)
    Weakness.objects.filter(pk=weakness.pk).update(severity=weakness.severity, **change)

    look_after()

    made.refresh_from_db()
    assert made.status == expected


@pytest.mark.parametrize(("exposed", "expected"), [(4, S.IN_EFFECT), (5, S.RESURFACED)])
def test_it_resurfaces_when_many_more_devices_have_it(recommendation, weakness, mara, approver, exposed, expected):
    first, second = groups_of(recommendation)
    made = in_effect(weakness, mara, approver, [first])
    weakness.counters.filter(group=first).update(exposed=exposed)
    weakness.counters.filter(group=second).update(exposed=90)

    look_after()

    made.refresh_from_db()
    assert made.status == expected


def test_the_impact_that_is_shown_before_is_the_drop_that_comes(recommendation, weakness, mara, approver):
    recommendation.software.versions.get().weaknesses.add(WeaknessFactory())
    Device.objects.filter(pk=Device.objects.first().pk).update(internet_facing=True, value="high")
    publish()
    before, (first, _second) = OrganisationScore.objects.get().exposure, groups_of(recommendation)
    promised = impact_on_score(weakness, [first])

    made = in_effect(weakness, mara, approver, [first], justification="false_positive")
    publish()

    newest = OrganisationScore.objects.get()
    assert promised > 0.1
    assert before - newest.exposure == pytest.approx(promised)
    assert newest.exposure_before == pytest.approx(before)
    assert size(weakness, [first], is_counted=True).impact == pytest.approx(made.impact_then) == pytest.approx(promised)


def test_a_weakness_of_an_excepted_product_has_nothing_left_to_bring(recommendation, weakness):
    ExceptionFactory(recommendation=recommendation)
    publish()

    assert impact_on_score(weakness, groups_of(recommendation)) == 0


def test_both_excepted_take_the_risk_once(recommendation, weakness):
    other = WeaknessFactory(cvss=5.0)
    recommendation.software.versions.get().weaknesses.add(other)
    ExceptionFactory(recommendation=recommendation)
    ExceptionFactory(weakness=weakness)
    kept = estate(devices=1)
    device = kept.exposures.get().device
    recommendation.exposures.create(
        device=device, version=recommendation.software.versions.get(), first_seen_at=timezone.now()
    )
    RecommendationException.objects.update(all_groups=True)

    publish()

    device.refresh_from_db()
    assert device.risk_sum == pytest.approx(kept.software.versions.get().risk)
    assert device.excepted_risk == pytest.approx(recommendation.software.versions.get().risk)


def test_one_for_all_devices_covers_a_group_that_came_later(recommendation, weakness):
    first, _second = groups_of(recommendation)
    ExceptionFactory(weakness=weakness, groups=[first])
    RecommendationException.objects.update(all_groups=True)

    publish()

    assert OrganisationScore.objects.get().exposure == 0


def test_work_that_removes_it_is_pointed_out_and_the_reverse(client, recommendation, weakness, mara, approver):
    activity = ActivityFactory(recommendation=recommendation)
    ActivityWeakness.objects.create(activity=activity, weakness=weakness)

    page = _plain(client.get(address(weakness)))
    in_effect(weakness, mara, approver)

    assert "Work that removes this weakness is under way" in page and activity.title in page
    assert f"not to mind {weakness.name} for now" in _plain(
        client.get(f"/recommendations/{recommendation.pk}/remediation/")
    )


def test_an_extension_of_one_goes_through_the_same_door(weakness, mara, approver):
    first = in_effect(weakness, mara, approver, justification="false_positive")
    publish()
    first.refresh_from_db()

    longer, _is_new = exceptions.extend(first, wish(days=60, justification="false_positive"), by=mara)
    exceptions.transition(longer, "approve", by=approver)

    first.refresh_from_db()
    assert (first.status, longer.status, longer.weakness) == (S.CANCELLED, S.IN_EFFECT, weakness)
    assert longer.ends_at > timezone.now() + timedelta(days=59)


def _plain(response) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return " ".join(body.decode().split())
