"""The work of the estate: activities in all states, their devices, tickets and audit."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from remediation import models
from remediation.models import ActivityStatus, CompletionMethod, DeliveryState, RemoteState

from .estate import Estate
from .loading import load

_PEOPLE = 20

# Counts come from the counters: what was exposed then, with a share of it fixed that depends on the activity.
_COUNTS = """
INSERT INTO remediation_activitycount (
    activity_id, group_id, targets, exposed, fixed, not_seen, excepted, out_of_scope, regressed)
SELECT activity.id, counter.group_id, counter.exposed,
    counter.exposed - counter.exposed * (activity.id % 11) / 10,
    counter.exposed * (activity.id % 11) / 10, 0, 0, 0, 0
FROM remediation_remediationactivity activity
JOIN remediation_remediationactivity_device_groups link ON link.remediationactivity_id = activity.id
JOIN remediation_recommendationcounter counter
    ON counter.recommendation_id = activity.recommendation_id AND counter.group_id = link.devicegroup_id
"""

_SUMS = """
UPDATE remediation_remediationactivity SET targets = sums.targets, fixed = sums.fixed,
    unresolved = sums.targets - sums.fixed
FROM (SELECT activity_id, SUM(targets) AS targets, SUM(fixed) AS fixed
      FROM remediation_activitycount GROUP BY activity_id) sums
WHERE sums.activity_id = remediation_remediationactivity.id
"""

_BATCHES = """
INSERT INTO remediation_batchcount (activity_id, group_id, batch, targets, fixed)
SELECT activity_id, group_id, 1, targets, fixed FROM remediation_activitycount
"""

_DEVICES = """
INSERT INTO remediation_activitydevice (
    activity_id, device_id, group_id, batch, state, state_changed_at, checked_at, reported_at, is_exposed,
    installed_version, disk_paths, registry_paths, security_update, exposed_again)
SELECT activity.id, device.id, device.group_id, 1,
    CASE WHEN device.id %% 10 < activity.id %% 11 THEN 'fixed' ELSE 'exposed' END,
    activity.requested_at, activity.requested_at, activity.requested_at, device.id %% 10 >= activity.id %% 11,
    '1.2', '["/opt/contoso/bin/app"]', '[]', '', 0
FROM remediation_remediationactivity activity
JOIN remediation_exposure exposure ON exposure.recommendation_id = activity.recommendation_id
JOIN remediation_device device ON device.id = exposure.device_id
JOIN remediation_remediationactivity_device_groups link
    ON link.remediationactivity_id = activity.id AND link.devicegroup_id = device.group_id
WHERE activity.id <= %s
"""


def seed_work(estate: Estate) -> None:
    """Activities with groups, counts and devices; tickets with attempts; one audit event an activity."""
    people = _requesters()
    _activities(estate, people)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        cursor.execute(_BATCHES)
        cursor.execute(_SUMS)
        cursor.execute(_DEVICES, [estate.size.activities_with_devices])
    _tickets(estate)
    _audit(estate, people)


def _requesters() -> list[int]:
    names = [f"bench-requester-{number}" for number in range(_PEOPLE)]
    made = [models.User(username=name, first_name="Robin", last_name=name[6:].title()) for name in names]
    models.User.objects.bulk_create(made)
    return list(models.User.objects.filter(username__in=names).order_by("pk").values_list("pk", flat=True))


def _status(estate: Estate, number: int) -> str:
    if number <= estate.size.active_activities:
        return ActivityStatus.ACTIVE
    return ActivityStatus.CANCELLED if number % 9 == 0 else ActivityStatus.COMPLETED


def _activities(estate: Estate, people: list[int]) -> None:
    columns = [
        "id", "recommendation_id", "request_key", "title", "requested_remediation", "related_component",
        "recommended_version", "promised_impact", "all_groups", "scope_key", "priority", "due_on", "notes",
        "requester_id", "requested_at", "status", "status_changed_by_id", "status_changed_at", "status_note",
        "completion_method", "checked_at",
    ]  # fmt: skip
    facts = {item.pk: item for item in models.Recommendation.objects.all()}
    numbers = range(1, estate.size.activities + 1)
    load(models.RemediationActivity, columns, (_activity(estate, people, facts, number) for number in numbers))
    links = ((number, group) for number in numbers for group in estate.place(number)[1])
    load(models.RemediationActivity.device_groups.through, ["remediationactivity_id", "devicegroup_id"], links)


def _activity(estate: Estate, people: list[int], facts: dict, number: int) -> tuple:
    recommendation_id, groups = estate.place(number)
    recommendation, status = facts[recommendation_id], _status(estate, number)
    is_all = estate.is_everywhere(groups)
    requested = estate.ago(1 + number * 37 % 400)
    due_on = timezone.localdate() + timedelta(days=number * 13 % 90 - 20)
    method = ""
    if status == ActivityStatus.COMPLETED:
        method = CompletionMethod.MANUAL if number % 3 else CompletionMethod.AUTOMATIC
    # A few notes start like a formula, so that the export has something to neutralise.
    notes = "=SUM(A1:A9) please" if number % 50 == 0 else "Please roll out in the next maintenance window."
    return (
        number, recommendation_id, UUID(int=number), recommendation.name, recommendation.remediation_type,
        recommendation.related_component, recommendation.recommended_version, 1.5, is_all,
        "all" if is_all else ",".join(map(str, groups)), models.Priority.values[number % 3], due_on, notes,
        people[number % _PEOPLE], requested, status, people[number % 7], requested + timedelta(days=1), "",
        method, estate.ago(0.1),
    )  # fmt: skip


def _tickets(estate: Estate) -> None:
    columns = [
        "id", "activity_id", "devices", "created_at", "marker", "delivery_state", "next_attempt_at", "fence",
        "attempts", "remote_id", "remote_state", "reason",
    ]  # fmt: skip
    load(
        models.Ticket, columns, _ticket_rows(estate), system_id="intune", batch=1, batches=1, facts={"kind": "software"}
    )
    load(
        models.TicketAttempt,
        ["ticket_id", "fence", "started_at", "ended_at", "result", "status"],
        ((key, 1, estate.ago(9), estate.ago(9), "done", 201) for key in range(1, estate.size.tickets + 1)),
        purpose="create",
    )


def _ticket_rows(estate: Estate) -> Iterator[tuple]:
    remote = [RemoteState.PENDING, RemoteState.ACTIVE, RemoteState.COMPLETED, RemoteState.REJECTED]
    for key in range(1, estate.size.tickets + 1):
        at = estate.ago(1 + key % 60)
        is_dead = key % 20 == 0
        state = DeliveryState.DEAD if is_dead else DeliveryState.DELIVERED
        yield (
            key, key, 100 + key % 900, at, f"bench-{key:08d}", state, at, 1, 1, "" if is_dead else str(UUID(int=key)),
            RemoteState.UNKNOWN if is_dead else remote[key % 4], "Refused by the bench" if is_dead else "",
        )  # fmt: skip


def _audit(estate: Estate, people: list[int]) -> None:
    load(
        models.AuditEvent,
        ["at", "actor_id", "subject_id"],
        (
            (estate.ago(1 + number % 400), people[number % _PEOPLE], str(number))
            for number in range(1, estate.size.activities + 1)
        ),
        actor_name="Robin",
        verb="request",
        subject_type="remediation.remediationactivity",
        subject_name="An activity of the bench",
    )
