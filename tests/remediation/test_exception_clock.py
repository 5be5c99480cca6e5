"""The clock asks the same few questions however many exceptions stand, and sees growth behind what is held back."""

import pytest

from remediation.models import Device, ExceptionStatus, Recommendation, RecommendationCounter, Weakness
from remediation.rules import exceptions
from remediation.rules.exception_clock import look_after
from tests.factories import ConfigurationFactory, CounterFactory, ExceptionFactory, UserFactory, estate
from tests.publication import publish

from .test_exceptions import groups_of, in_effect

pytestmark = pytest.mark.django_db
S = ExceptionStatus
# Over, standing, the counters of both kinds, the score, and two statements in a savepoint.
QUESTIONS = 9


@pytest.mark.parametrize("many", [1, 50])
def test_a_minute_costs_the_same_few_queries_however_many_stand(many, django_assert_num_queries):
    for number in range(many):
        recommendation = estate(devices=2, groups=2)
        weakness = {"weakness": Weakness.objects.latest("pk")} if number % 2 else {"recommendation": recommendation}
        ExceptionFactory(**weakness, groups=groups_of(recommendation)[:1], exposed_then=2, impact_then=0)
    look_after()

    with django_assert_num_queries(QUESTIONS):
        assert look_after() == 0


def test_growth_is_seen_although_the_exception_takes_it_from_the_score():
    people = UserFactory(roles=["Security team"]), UserFactory(roles=["Exception approver"])
    recommendation = estate(devices=4)
    publish()
    made = in_effect(recommendation, *people, justification="alternate_mitigation")
    publish()
    look_after()
    made.refresh_from_db()
    recommendation.refresh_from_db()
    meanwhile = (made.status, recommendation.exposure_impact, recommendation.held_impact)

    recommendation.software.versions.get().weaknesses.update(cvss=10, epss=1)
    publish()
    look_after()

    made.refresh_from_db()
    assert meanwhile == (S.IN_EFFECT, 0, pytest.approx(made.impact_then))
    assert made.status == S.RESURFACED


def test_growth_of_a_mitigated_setting_is_seen_too():
    people = UserFactory(roles=["Security team"]), UserFactory(roles=["Exception approver"])
    setting = ConfigurationFactory(configuration_impact=2.0, exposed=2, total=10)
    counter = CounterFactory(recommendation=setting, exposed=2, total=10)
    made = in_effect(setting, *people, justification="third_party_control")
    Recommendation.objects.update(configuration_impact=0, held_impact=4.0, exposed=4, mitigated=4)
    RecommendationCounter.objects.filter(pk=counter.pk).update(exposed=4, mitigated=4)

    look_after()

    made.refresh_from_db()
    assert made.status == S.RESURFACED


@pytest.mark.parametrize(("verb", "expected"), [(None, 2), ("cancel", 0)])
def test_excepted_devices_are_counted_at_once(verb, expected):
    mara, approver = UserFactory(roles=["Security team"]), UserFactory(roles=["Exception approver"])
    recommendation = estate(devices=4, groups=2)
    first, _second = groups_of(recommendation)
    made = in_effect(recommendation, mara, approver, [first])
    if verb:
        exceptions.transition(made, verb, by=mara, note="Fixed.")

    recommendation.refresh_from_db()
    assert recommendation.excepted == expected
    assert recommendation.counters.get(group=first).excepted == expected


def test_a_sync_between_does_not_lose_what_is_excepted():
    recommendation = estate(devices=4, groups=2)
    first, second = groups_of(recommendation)
    ExceptionFactory(recommendation=recommendation, groups=[first], impact_then=100)
    look_after()
    Device.objects.filter(group=second).update(group=first)

    publish()
    look_after()

    recommendation.refresh_from_db()
    assert (recommendation.status, recommendation.excepted) == ("full_exception", 4)
