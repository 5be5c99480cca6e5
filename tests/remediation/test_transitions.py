"""Status moves by the table and by nothing else."""

import pytest
from django.core.exceptions import PermissionDenied

from remediation.models import ActivityCount, ActivityStatus, AuditEvent, RemoteState, User
from remediation.rules import activities
from remediation.rules.transitions import ACTIVITY, InvalidTransition
from tests.factories import ActivityFactory, DeviceGroupFactory, TicketFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", ActivityStatus.values)
@pytest.mark.parametrize("verb", ACTIVITY)
def test_a_transition_leaves_only_its_sources(verb, status):
    rule = ACTIVITY[verb]
    activity = ActivityFactory(status=status)
    by = UserFactory(may=[rule.permission])

    if status in rule.sources:
        assert activities.transition(activity, verb, by=by, note="Because.").status == rule.target
    else:
        with pytest.raises(InvalidTransition) as refused:
            activities.transition(activity, verb, by=by, note="Because.")
        assert refused.value.by == activity.status_changed_by


@pytest.mark.parametrize("verb", ACTIVITY)
def test_a_transition_needs_its_permission(verb):
    activity = ActivityFactory(status=next(iter(ACTIVITY[verb].sources)))

    with pytest.raises(PermissionDenied):
        activities.transition(activity, verb, by=UserFactory(), note="Because.")


@pytest.mark.parametrize("verb", [verb for verb, rule in ACTIVITY.items() if rule.needs_note])
def test_some_moves_need_a_reason(verb):
    rule = ACTIVITY[verb]

    with pytest.raises(InvalidTransition):
        activities.transition(
            ActivityFactory(status=next(iter(rule.sources))), verb, by=UserFactory(may=[rule.permission]), note="  "
        )


@pytest.mark.fault(id="F27")
def test_of_two_people_one_wins_and_the_other_hears_who():
    activity = ActivityFactory()
    may = ["remediation.complete_activity", "remediation.handle_remediation"]
    first, second = UserFactory(may=may), UserFactory(may=may)
    activities.transition(activity, "complete", by=first)

    with pytest.raises(InvalidTransition) as refused:
        activities.transition(activity, "cancel", by=second, note="No.")

    assert refused.value.by == first
    assert AuditEvent.objects.about(activity).count() == 1


@pytest.mark.security(id="S5")
def test_whoever_cannot_see_all_groups_of_an_activity_cannot_move_it():
    activity = ActivityFactory()
    seen, hidden = DeviceGroupFactory(), DeviceGroupFactory()
    for group in (seen, hidden):
        ActivityCount.objects.create(activity=activity, group=group, targets=1)
    by = UserFactory(may=["remediation.complete_activity"], device_groups=[seen])

    with pytest.raises(PermissionDenied):
        activities.transition(activity, "complete", by=by)


def test_completing_wishes_the_ticket_completed():
    ticket = TicketFactory()

    activities.transition(
        ticket.activity, "complete", by=UserFactory(may=["remediation.complete_activity"]), note="Done"
    )

    ticket.refresh_from_db()
    assert (ticket.remote_wanted, ticket.remote_wanted_note) == (RemoteState.COMPLETED, "Done")


def test_a_reopened_activity_cannot_stand_beside_an_active_one_for_the_same_scope():
    completed = ActivityFactory(status=ActivityStatus.COMPLETED)
    ActivityFactory(recommendation=completed.recommendation)

    with pytest.raises(InvalidTransition):
        activities.transition(
            completed, "reopen", by=UserFactory(may=["remediation.handle_remediation"]), note="Not done."
        )


def test_the_machine_acts_as_the_system_user():
    activity = activities.complete_automatically(ActivityFactory())

    assert activity.completion_method == "automatic"
    assert AuditEvent.objects.about(activity).get().actor == User.objects.system()
