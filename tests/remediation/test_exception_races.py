"""Two people at the same moment: what one may do alone, both do not do together."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, connections

from remediation.models import AuditEvent, RecommendationException
from remediation.rules import exceptions
from remediation.rules.exceptions import ExceptionRefused
from remediation.rules.transitions import InvalidTransition
from tests.factories import UserFactory, estate

from .test_exceptions import filed, groups_of, in_effect, wish

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif("connection.vendor != 'postgresql'"),
    pytest.mark.django_db(transaction=True),
]
REFUSED = (ExceptionRefused, InvalidTransition, PermissionDenied)


def at_once(*moves: Callable[[], object]) -> list[str]:
    """What came of each: the name of the refusal, or "done"."""
    start = Barrier(len(moves))

    def run(move: Callable[[], object]) -> str:
        start.wait()
        try:
            move()
        except REFUSED as refusal:
            return type(refusal).__name__
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(moves)) as pool:
        return sorted(pool.map(run, moves))


@pytest.fixture
def people():
    return [UserFactory(roles=["Security team"]) for _ in range(4)]


def test_of_overlapping_scopes_filed_at_once_one_is_taken(people):
    for _round in range(10):
        recommendation = estate(devices=4, groups=2)
        first, second = groups_of(recommendation)
        scopes = [[first], [first, second], None, [first]]

        came = at_once(
            *(
                lambda who=who, groups=groups, it=recommendation: exceptions.file(it, wish(groups), by=who)
                for who, groups in zip(people, scopes, strict=True)
            )
        )

        rows = RecommendationException.objects.filter(recommendation=recommendation)
        named = [
            group for row in rows if not row.all_groups for group in row.device_groups.values_list("pk", flat=True)
        ]
        # One for all devices may come after one for groups: it will stand above it.
        assert 1 <= came.count("done") <= 2
        assert len(named) == len(set(named))
        assert rows.filter(all_groups=True).count() <= 1


def test_the_same_form_sent_many_times_at_once_makes_one_exception(people):
    recommendation, request = estate(devices=4), wish()

    came = at_once(*(lambda: exceptions.file(recommendation, request, by=people[0]) for _ in range(6)))

    assert came == ["done"] * 6
    assert RecommendationException.objects.count() == 1


def test_of_approving_and_cancelling_at_once_one_wins_and_the_audit_says_which(people):
    approver = UserFactory(roles=["Exception approver"])
    for _round in range(10):
        made = filed(estate(devices=4), people[0])

        came = at_once(
            lambda made=made: exceptions.transition(_fresh(made), "approve", by=approver),
            lambda made=made: exceptions.transition(_fresh(made), "reject", by=approver, note="No."),
        )

        made.refresh_from_db()
        verbs = set(AuditEvent.objects.about(made).values_list("verb", flat=True)) - {"file_exception"}
        assert came == ["InvalidTransition", "done"]
        assert verbs == {"approve_exception" if made.status == "in_effect" else "reject_exception"}


def test_two_extensions_at_once_are_one(people):
    approver = UserFactory(roles=["Exception approver"])
    first = in_effect(estate(devices=4), people[0], approver)

    came = at_once(*(lambda who=who: exceptions.extend(_fresh(first), wish(), by=who) for who in people))

    assert came.count("done") == 1
    assert first.renewals.count() == 1
    assert connection.vendor == "postgresql"


def _fresh(exception: RecommendationException) -> RecommendationException:
    return RecommendationException.objects.get(pk=exception.pk)
