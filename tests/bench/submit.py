"""What a remediation request of 10,000 devices takes, and how long its page keeps the requester waiting."""

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from remediation.doorbell import bell
from remediation.models import ActivityStatus, Exposure, Recommendation, RemediationActivity, User
from remediation.rules.requests import RemediationRequest, request_remediation

from . import meters
from .estate import Size
from .people import READERS, signed_in

_MOST_ROUNDS = 20
# Half of all devices: 10,000 in the full size.
_RECOMMENDATION = 2


def run(size: Size, rounds: int) -> dict[str, Any]:
    recommendation = Recommendation.objects.get(pk=_RECOMMENDATION)
    # Make room: one active activity a scope.
    recommendation.activities.update(status=ActivityStatus.CANCELLED, completion_method="")
    rounds = min(rounds, _MOST_ROUNDS)
    return {
        "devices": Exposure.objects.filter(recommendation=recommendation).count(),
        **_by_the_rule(recommendation, rounds),
        "page": _by_the_page(recommendation, rounds),
    }


def _by_the_rule(recommendation: Recommendation, rounds: int) -> dict[str, Any]:
    whole, freezing = [], []
    by = User.objects.get(username=READERS["all 7 groups"])
    for _ in range(rounds):
        kind = recommendation.remediation_type
        request = RemediationRequest(uuid4(), kind, "medium", _due_on(), ticket_system="intune")
        bell.quiet_until = 0.0
        start = time.perf_counter()
        with meters.queries() as asked:
            activity, _ = request_remediation(recommendation, request, by=by)
        whole.append(time.perf_counter() - start)
        freezing.append(asked.seconds_of("INSERT INTO remediation_activitydevice"))
        _forget(activity)
    return {"rule": meters.summary(whole), "device_list": meters.summary(freezing), "queries": len(asked.statements)}


def _by_the_page(recommendation: Recommendation, rounds: int) -> dict[str, Any]:
    client, walls = signed_in(READERS["all 7 groups"]), []
    for _ in range(rounds):
        data = {
            "request_key": uuid4(), "requested_remediation": recommendation.remediation_type, "scope": "all",
            "open_ticket": "on", "batches": "all", "priority": "medium", "due_on": _due_on(), "notes": "By the bench.",
        }  # fmt: skip
        # As for the first who meets the broker; those after a lost ring do not wait.
        bell.quiet_until = 0.0
        start = time.perf_counter()
        response = client.post(f"/recommendations/{recommendation.pk}/remediation/", data)
        walls.append(time.perf_counter() - start)
        if response.status_code != 302:
            return {"status": response.status_code}
        _forget(RemediationActivity.objects.get(request_key=data["request_key"]))
    return {"status": 302, **meters.summary(walls)}


def _due_on() -> Any:
    return timezone.localdate() + timedelta(days=14)


def _forget(activity: RemediationActivity) -> None:
    """Delete it, so that the next round asks for something new."""
    activity.tickets.all().delete()
    with connection.cursor() as cursor:
        for table in ("activitydevice", "activityweakness", "activitycount"):
            cursor.execute(f"DELETE FROM remediation_{table} WHERE activity_id = %s", [activity.pk])
    activity.device_groups.clear()
    activity.delete()
