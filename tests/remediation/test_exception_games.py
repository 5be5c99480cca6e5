"""Several people, a clock and syncs, at random: exceptions, activities and the recommendation's status stay true."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from remediation.models import (
    LIVE,
    STANDING,
    AuditEvent,
    ExceptionStatus,
    Recommendation,
    RecommendationException,
    RecommendationStatus,
    User,
    Weakness,
)
from remediation.rules import activities, exceptions
from remediation.rules.exception_clock import look_after
from remediation.rules.exceptions import ExceptionRefused, ExceptionRequest
from remediation.rules.transitions import InvalidTransition
from tests.factories import ActivityFactory, UserFactory, estate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
S, R = ExceptionStatus, RecommendationStatus
START = datetime(2027, 1, 11, 9, 0, tzinfo=UTC)
REFUSED = (PermissionDenied, ExceptionRefused, InvalidTransition)
WHO, WHICH, SUBJECT = st.integers(0, 4), st.integers(0, 9), st.integers(0, 1)
# None, or one or two of three: what overlaps has to be frequent.
PLACES = st.sampled_from([None, None, (0,), (0,), (1,), (2,), (0, 1), (1, 2)])


class Game(RuleBasedStateMachine):
    """A recommendation and its weakness in three device groups, an activity, and people: some file, some decide, one
    does both."""

    def __init__(self) -> None:
        super().__init__()
        self._savepoint = transaction.atomic()
        self._savepoint.__enter__()
        self._travel = time_machine.travel(START, tick=False)
        self._wall = self._travel.start()
        self.recommendation = estate(devices=9, groups=3)
        self.subjects = [self.recommendation, Weakness.objects.get()]
        self.groups = [counter.group for counter in self.recommendation.counters.order_by("pk")]
        self.activity, self.activity_status = ActivityFactory(recommendation=self.recommendation), "active"
        self.people: list[User] = [
            UserFactory(roles=["Security team"]),
            UserFactory(roles=["Security team"], device_groups=self.groups[:2]),
            UserFactory(roles=["Exception approver"]),
            UserFactory(roles=["Exception approver"], device_groups=self.groups[:1]),
            UserFactory(roles=["Security team", "Exception approver"]),
        ]

    def teardown(self) -> None:
        self._travel.stop()
        transaction.set_rollback(True)
        self._savepoint.__exit__(None, None, None)

    def _some(self, which: int) -> RecommendationException | None:
        rows = list(RecommendationException.objects.order_by("-pk"))
        return rows[which % len(rows)] if rows else None

    def _request(self, days: int, groups: list | None = None) -> ExceptionRequest:
        ends_at = timezone.now() + timedelta(days=days)
        return ExceptionRequest(uuid4(), "risk_accepted", "Because of the game.", ends_at, groups=groups)

    def _file(self, subject: int, places: tuple | None, days: int, who: int) -> RecommendationException:
        groups = None if places is None else [self.groups[place] for place in places]
        return exceptions.file(self.subjects[subject], self._request(days, groups), by=self.people[who])[0]

    @rule(subject=SUBJECT, who=WHO, places=PLACES, days=st.integers(1, 60))
    def file(self, subject, who, places, days):
        _try(lambda: self._file(subject, places, days, who))

    @rule(subject=SUBJECT, places=PLACES, days=st.integers(1, 60), then_for_all=st.booleans())
    def one_files_and_another_approves(self, subject, places, days, then_for_all):
        """Else few games would come far enough to be about anything."""
        for where in [places, None] if then_for_all else [places]:
            _try(lambda it=where: exceptions.transition(self._file(subject, it, days, 0), "approve", by=self.people[2]))

    @rule(subject=SUBJECT, verb=st.sampled_from(["approve", "reject"]))
    def whoever_has_both_roles_decides_on_what_they_have_just_filed(self, subject, verb):
        _try(lambda: exceptions.transition(self._file(subject, None, 9, 4), verb, by=self.people[4], note="My own."))

    @rule()
    def what_stands_above_others_is_cancelled(self):
        for found in RecommendationException.objects.in_effect().filter(all_groups=True):
            _try(lambda found=found: exceptions.transition(found, "cancel", by=self.people[0], note="A word."))

    @rule(who=WHO, which=WHICH, days=st.integers(1, 60))
    def extend(self, who, which, days):
        if found := self._some(which):
            _try(lambda: exceptions.extend(found, self._request(days), by=self.people[who]))

    @rule(who=WHO, which=WHICH, verb=st.sampled_from(["approve", "approve", "reject", "cancel"]))
    def decide(self, who, which, verb):
        if found := self._some(which):
            _try(lambda: exceptions.transition(found, verb, by=self.people[who], note="A word."))

    @rule()
    def whoever_may_approves_what_waits(self):
        for found in RecommendationException.objects.awaiting_approval():
            _try(lambda found=found: exceptions.transition(found, "approve", by=self.people[2]))

    @rule(days=st.integers(0, 40))
    def time_passes(self, days):
        self._wall.shift(timedelta(days=days))
        look_after()

    @rule(place=st.integers(0, 2), exposed=st.integers(0, 9))
    def a_sync_counts_anew(self, place, exposed):
        for subject in self.subjects:
            subject.counters.filter(group=self.groups[place]).update(exposed=exposed)
        look_after()

    @rule(who=WHO, verb=st.sampled_from(["complete", "reopen"]))
    def work_goes_on(self, who, verb):
        def move() -> None:
            self.activity.refresh_from_db()
            moved = activities.transition(self.activity, verb, by=self.people[who], note="A word.")
            self.activity_status = moved.status

        _try(move)

    @invariant()
    def nobody_has_decided_on_their_own(self):
        approvers = {person.pk for person in self.people[2:]}
        decided = RecommendationException.objects.exclude(approved_by=None)
        for filed_by, approved_by in decided.values_list("filed_by", "approved_by"):
            assert approved_by != filed_by
            assert approved_by in approvers

    @invariant()
    def nothing_stands_that_nobody_has_approved(self):
        assert not RecommendationException.objects.filter(status__in=STANDING, approved_by=None).exists()

    @invariant()
    def no_device_has_two_that_are_not_above_each_other(self):
        for subject in self.subjects:
            self._do_not_overlap(subject.exceptions.all())

    def _do_not_overlap(self, rows) -> None:
        live = list(rows.live().filter(renews=None))
        assert sum(row.all_groups for row in live) <= 1
        named = [
            group for row in live if not row.all_groups for group in row.device_groups.values_list("pk", flat=True)
        ]
        assert len(named) == len(set(named))
        standing = rows.filter(status=S.IN_EFFECT)
        assert not standing.filter(all_groups=True).exists() or not standing.filter(all_groups=False).exists()
        assert standing.filter(all_groups=True).count() <= 1
        # Nothing stays suspended below what is over.
        assert standing.filter(all_groups=True).exists() or not rows.filter(status=S.SUSPENDED)

    @invariant()
    def every_status_is_the_last_word_of_its_audit(self):
        events = (
            AuditEvent.objects.filter(subject_type="remediation.recommendationexception")
            .exclude(after={})
            .order_by("pk")
        )
        last = {int(key): after for key, after in events.values_list("subject_id", "after")}
        for pk, status in RecommendationException.objects.values_list("pk", "status"):
            assert status == last[pk].get("status", S.AWAITING_APPROVAL)

    @invariant()
    def the_recommendation_is_called_by_what_is_in_effect(self):
        look_after()
        rows = self.recommendation.exceptions.filter(status=S.IN_EFFECT)
        assert not RecommendationException.objects.filter(status__in=LIVE, ends_at__lte=timezone.now()).exists()
        excepted = {group for row in rows for group in row.device_groups.values_list("pk", flat=True)}
        exposed = set(self.recommendation.counters.filter(exposed__gt=0).values_list("group", flat=True))
        is_full = any(row.all_groups for row in rows) or (bool(rows) and exposed <= excepted)
        expected = R.FULL_EXCEPTION if is_full else R.PARTIAL_EXCEPTION if rows else R.ACTIVE
        found = Recommendation.objects.get(pk=self.recommendation.pk)
        covered = self.recommendation.counters.filter(group__in=excepted)
        counters = self.recommendation.counters.all() if any(row.all_groups for row in rows) else covered
        assert (found.status, found.excepted) == (expected, sum(counters.values_list("exposed", flat=True)))

    @invariant()
    def an_exception_moves_no_activity(self):
        self.activity.refresh_from_db()
        assert self.activity.status == self.activity_status


def _try(move) -> None:
    try:
        with transaction.atomic():
            move()
    except REFUSED:
        pass


def test_whoever_does_what_and_when_exceptions_stay_true():
    run_state_machine_as_test(
        Game,
        settings=settings(
            max_examples=22, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
