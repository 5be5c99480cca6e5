"""Exceptions: who may file and decide, what they do to the recommendation, and that none runs for ever."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from remediation.models import (
    AuditEvent,
    DeviceGroup,
    ExceptionStatus,
    Justification,
    Recommendation,
    RecommendationCounter,
    RecommendationException,
    RecommendationStatus,
)
from remediation.rules import exceptions
from remediation.rules.exception_clock import look_after
from remediation.rules.exceptions import ExceptionRefused, ExceptionRequest
from remediation.rules.transitions import InvalidTransition
from tests.factories import ActivityFactory, UserFactory, estate

pytestmark = pytest.mark.django_db
S, R = ExceptionStatus, RecommendationStatus


@pytest.fixture
def recommendation() -> Recommendation:
    return estate(devices=6, groups=2)


@pytest.fixture
def mara():
    return UserFactory(roles=["Security team"])


@pytest.fixture
def approver():
    return UserFactory(roles=["Exception approver"])


def wish(groups=None, days: float = 30, **more) -> ExceptionRequest:
    facts = {
        "request_key": uuid4(),
        "justification": Justification.RISK_ACCEPTED,
        "context": "Isolated VLAN, replaced in spring.",
        "ends_at": timezone.now() + timedelta(days=days),
        "groups": groups,
    }
    return ExceptionRequest(**(facts | more))


def filed(recommendation, by, groups=None, **more) -> RecommendationException:
    return exceptions.file(recommendation, wish(groups, **more), by=by)[0]


def in_effect(recommendation, by, approver, groups=None, **more) -> RecommendationException:
    return exceptions.transition(filed(recommendation, by, groups, **more), "approve", by=approver)


def groups_of(recommendation) -> list[DeviceGroup]:
    return [counter.group for counter in recommendation.counters.order_by("pk")]


def status(recommendation) -> str:
    return Recommendation.objects.get(pk=recommendation.pk).status


def test_until_somebody_else_has_approved_it_nothing_changes(recommendation, mara, approver):
    made = filed(recommendation, mara)
    before = (made.status, status(recommendation))

    exceptions.transition(made, "approve", by=approver)

    assert before == (S.AWAITING_APPROVAL, R.ACTIVE)
    assert (made.status, made.approved_by, status(recommendation)) == (S.IN_EFFECT, approver, R.FULL_EXCEPTION)
    assert made.started_at == made.approved_at
    assert [event.verb for event in AuditEvent.objects.about(made).order_by("pk")] == [
        "file_exception", "approve_exception",
    ]  # fmt: skip


@pytest.mark.security(id="S5")
def test_nobody_approves_their_own_exception(recommendation):
    both = UserFactory(roles=["Security team", "Exception approver"])
    made = filed(recommendation, both)

    for verb in ("approve", "reject"):
        with pytest.raises(PermissionDenied):
            exceptions.transition(made, verb, by=both, note="My own.")

    made.refresh_from_db()
    assert made.status == S.AWAITING_APPROVAL


@pytest.mark.security(id="S5")
def test_the_database_refuses_an_approval_of_ones_own(recommendation, mara):
    made = filed(recommendation, mara)

    with pytest.raises(IntegrityError), transaction.atomic():
        RecommendationException.objects.filter(pk=made.pk).update(approved_by=mara, approved_at=timezone.now())


@pytest.mark.parametrize("role", ["Viewer", "IT administrator", "Exception approver", "Administrator"])
def test_only_the_security_team_files_exceptions(recommendation, role):
    with pytest.raises(PermissionDenied):
        filed(recommendation, UserFactory(roles=[role]))

    assert not RecommendationException.objects.exists()


@pytest.mark.security(id="S5")
@pytest.mark.parametrize("role", ["Viewer", "IT administrator", "Security team", "Administrator"])
def test_only_approvers_decide(recommendation, mara, role):
    made = filed(recommendation, mara)

    with pytest.raises(PermissionDenied):
        exceptions.transition(made, "approve", by=UserFactory(roles=[role]))


def test_one_for_some_groups_makes_a_partial_exception_and_for_all_of_them_a_full_one(recommendation, mara, approver):
    first, second = groups_of(recommendation)
    in_effect(recommendation, mara, approver, [first])
    partial = status(recommendation)

    in_effect(recommendation, mara, approver, [second])

    assert (partial, status(recommendation)) == (R.PARTIAL_EXCEPTION, R.FULL_EXCEPTION)


def test_a_group_that_is_exposed_later_makes_a_full_exception_partial_unless_it_is_for_all(
    recommendation, mara, approver
):
    first, second = groups_of(recommendation)
    RecommendationCounter.objects.filter(group=second).update(exposed=0)
    in_effect(recommendation, mara, approver, [first])
    before = status(recommendation)
    RecommendationCounter.objects.filter(group=second).update(exposed=1)

    look_after()

    assert (before, status(recommendation)) == (R.FULL_EXCEPTION, R.PARTIAL_EXCEPTION)


def test_one_for_all_devices_suspends_those_for_groups_until_it_ends(recommendation, mara, approver):
    first, _second = groups_of(recommendation)
    below = in_effect(recommendation, mara, approver, [first], days=60)
    above = in_effect(recommendation, mara, approver)
    below.refresh_from_db()
    meanwhile = below.status

    exceptions.transition(above, "cancel", by=mara, note="Fixed sooner.")

    below.refresh_from_db()
    assert (meanwhile, below.status, status(recommendation)) == (S.SUSPENDED, S.IN_EFFECT, R.PARTIAL_EXCEPTION)


def test_it_expires_at_its_end_and_the_recommendation_comes_back(recommendation, mara, approver):
    made = in_effect(recommendation, mara, approver, days=10)
    look_after(timezone.now() + timedelta(days=9))
    made.refresh_from_db()
    before = made.status

    ended = look_after(timezone.now() + timedelta(days=10))
    again = look_after(timezone.now() + timedelta(days=11))

    made.refresh_from_db()
    assert (before, made.status, status(recommendation)) == (S.IN_EFFECT, S.EXPIRED, R.ACTIVE)
    assert (ended, again) == (1, 0)


def test_one_that_nobody_decided_on_expires_too(recommendation, mara):
    made = filed(recommendation, mara, days=1)

    look_after(timezone.now() + timedelta(days=2))

    made.refresh_from_db()
    assert made.status == S.EXPIRED


def test_one_whose_end_has_passed_is_not_approved_any_more(recommendation, mara, approver):
    made = filed(recommendation, mara)
    later = timezone.now() - timedelta(hours=1)
    RecommendationException.objects.filter(pk=made.pk).update(ends_at=later, filed_at=later - timedelta(days=1))
    made.refresh_from_db()

    with pytest.raises(InvalidTransition):
        exceptions.transition(made, "approve", by=approver)


@pytest.mark.parametrize(("exposed", "expected"), [(9, S.IN_EFFECT), (10, S.RESURFACED)])
def test_it_resurfaces_when_more_than_half_as_many_devices_again_are_exposed(
    recommendation, mara, approver, exposed, expected
):
    first, _second = groups_of(recommendation)
    made = in_effect(recommendation, mara, approver)
    others = RecommendationCounter.objects.exclude(group=first).get().exposed
    RecommendationCounter.objects.filter(group=first).update(exposed=exposed - others)

    look_after()

    made.refresh_from_db()
    assert made.status == expected


def test_resurfacing_can_be_switched_off(recommendation, mara, approver, settings):
    settings.EXCEPTION_RESURFACE = 0
    made = in_effect(recommendation, mara, approver)
    RecommendationCounter.objects.update(exposed=1000)

    look_after()

    made.refresh_from_db()
    assert made.status == S.IN_EFFECT


def test_an_extension_goes_through_the_same_door_and_takes_the_place_of_the_first(recommendation, mara, approver):
    first = in_effect(recommendation, mara, approver, days=5)
    second, _is_new = exceptions.extend(first, wish(days=60), by=mara)
    first.refresh_from_db()
    before = (first.status, second.status)

    exceptions.transition(second, "approve", by=approver)

    first.refresh_from_db()
    assert before == (S.IN_EFFECT, S.AWAITING_APPROVAL)
    assert (first.status, second.status, second.deferrals) == (S.CANCELLED, S.IN_EFFECT, 1)
    assert status(recommendation) == R.FULL_EXCEPTION


def test_what_is_over_or_undecided_cannot_be_extended(recommendation, mara, approver):
    waiting = filed(recommendation, mara)
    with pytest.raises(InvalidTransition):
        exceptions.extend(waiting, wish(), by=mara)
    exceptions.transition(waiting, "reject", by=approver, note="Fix it.")

    with pytest.raises(InvalidTransition):
        exceptions.extend(waiting, wish(), by=mara)


def test_the_same_form_sent_twice_makes_one_exception(recommendation, mara):
    request = wish()

    first, is_new = exceptions.file(recommendation, request, by=mara)
    second, is_new_again = exceptions.file(recommendation, request, by=mara)

    assert (first, is_new, is_new_again) == (second, True, False)
    assert RecommendationException.objects.count() == 1


def test_the_same_devices_are_not_excepted_twice(recommendation, mara, approver):
    first, second = groups_of(recommendation)
    in_effect(recommendation, mara, approver, [first])

    with pytest.raises(ExceptionRefused):
        filed(recommendation, mara, [first, second])
    in_effect(recommendation, mara, approver)
    with pytest.raises(ExceptionRefused):
        filed(recommendation, mara, [second])
    with pytest.raises(ExceptionRefused):
        filed(recommendation, mara)


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_an_end_in_the_past_or_beyond_a_year_is_refused(recommendation, mara, days):
    with pytest.raises(ExceptionRefused):
        filed(recommendation, mara, days=days)


def test_someone_of_a_part_files_for_their_own_groups_alone(recommendation):
    first, second = groups_of(recommendation)
    narrow = UserFactory(roles=["Security team"], device_groups=[first])

    made = filed(recommendation, narrow)

    assert (made.all_groups, list(made.device_groups.all())) == (False, [first])
    with pytest.raises(PermissionDenied):
        filed(recommendation, narrow, [second])


@pytest.mark.security(id="S5")
def test_who_does_not_see_all_its_groups_decides_nothing(recommendation, mara):
    first, _second = groups_of(recommendation)
    narrow = UserFactory(roles=["Exception approver"], device_groups=[first])
    made = filed(recommendation, mara)

    with pytest.raises(PermissionDenied):
        exceptions.transition(made, "approve", by=narrow)


def test_a_cancelled_one_says_why_and_is_over(recommendation, mara, approver):
    made = in_effect(recommendation, mara, approver)
    with pytest.raises(InvalidTransition):
        exceptions.transition(made, "cancel", by=mara, note=" ")

    exceptions.transition(made, "cancel", by=mara, note="Fixed sooner.")

    assert (made.status, made.status_note, status(recommendation)) == (S.CANCELLED, "Fixed sooner.", R.ACTIVE)
    with pytest.raises(InvalidTransition):
        exceptions.transition(made, "cancel", by=mara, note="Again.")


def test_nobody_expires_one_by_hand(recommendation, mara, approver):
    made = in_effect(recommendation, mara, approver)

    with pytest.raises(PermissionDenied):
        exceptions.transition(made, "expire", by=mara)


@pytest.mark.parametrize(
    ("policy", "days", "expected"),
    [
        ("never", 300, S.IN_EFFECT),
        ("always", 1, S.AWAITING_APPROVAL),
        ("above", 29, S.IN_EFFECT),
        ("above", 40, S.AWAITING_APPROVAL),
    ],
)
def test_the_policy_says_what_has_to_be_approved(recommendation, mara, settings, policy, days, expected):
    settings.EXCEPTION_APPROVAL = policy

    assert filed(recommendation, mara, days=days).status == expected


@pytest.mark.parametrize(
    ("severity", "least", "expected"),
    [
        ("critical", "high", S.AWAITING_APPROVAL),
        ("high", "high", S.AWAITING_APPROVAL),
        ("medium", "high", S.IN_EFFECT),
        ("critical", "", S.IN_EFFECT),
    ],
)
def test_severe_ones_are_approved_however_short(recommendation, mara, settings, severity, least, expected):
    settings.EXCEPTION_APPROVAL, settings.EXCEPTION_APPROVAL_SEVERITY = "above", least
    recommendation.software.versions.get().weaknesses.update(severity=severity)

    assert filed(recommendation, mara, days=1).status == expected


def test_without_approval_it_has_no_approver_and_the_audit_says_so(recommendation, mara, settings):
    settings.EXCEPTION_APPROVAL = "never"

    made = filed(recommendation, mara)

    assert (made.status, made.approved_by) == (S.IN_EFFECT, None)
    assert AuditEvent.objects.about(made).filter(verb="begin_exception").get().actor == mara


def test_an_activity_goes_on_beside_an_exception(recommendation, mara, approver):
    activity = ActivityFactory(recommendation=recommendation)

    in_effect(recommendation, mara, approver)

    activity.refresh_from_db()
    assert activity.status == "active"


def test_an_extension_of_a_suspended_one_stands_below_the_one_for_all_devices_too(recommendation, mara, approver):
    first, _second = groups_of(recommendation)
    below = in_effect(recommendation, mara, approver, [first], days=20)
    above = in_effect(recommendation, mara, approver)
    longer, _is_new = exceptions.extend(below, wish(days=60), by=mara)

    exceptions.transition(longer, "approve", by=approver)
    meanwhile = longer.status
    exceptions.transition(above, "cancel", by=mara, note="Fixed sooner.")

    longer.refresh_from_db()
    assert (meanwhile, longer.status) == (S.SUSPENDED, S.IN_EFFECT)
