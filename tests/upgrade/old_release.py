"""A database of an earlier release, filled as its own code would have: by the models of then."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from remediation.roles import ROLES, TICKET_SYSTEMS

# Before scores by device group, the inventory, exceptions and sign-in with Microsoft.
LAST = [("remediation", "0009_ticket_members"), ("integrations", "0001_initial")]
_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_GROUPS, _RECOMMENDATIONS, _ACTIVITIES = 7, 20, 10


def make(rows: int) -> int:
    """Of an empty database; returns the rows that it has in the end, of the product's own tables."""
    executor = MigrationExecutor(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] not in dict(LAST)]
    state = executor.migrate([*others, *LAST])
    made = _fill(state.apps, rows)
    connection.close()
    return made


def _fill(apps: Apps, rows: int) -> int:
    _people_and_roles(apps)
    made = [_write(apps, name, values) for name, values in _tables(rows)]
    return sum(made)


def _write(apps: Apps, name: str, values: Iterator[dict[str, Any]]) -> int:
    model = apps.get_model(name)
    return len(model.objects.bulk_create([model(**one) for one in values], batch_size=1000))


def _people_and_roles(apps: Apps) -> None:
    for label in ("auth", "contenttypes", "remediation", "integrations"):
        app = apps.get_app_config(label)
        # An app of then has no modules, and without any, nothing would be made for it.
        app.models_module = True
        create_contenttypes(app, verbosity=0, apps=apps)
        create_permissions(app, verbosity=0, apps=apps)
    permissions = {
        f"{one.content_type.app_label}.{one.codename}": one
        for one in apps.get_model("auth.Permission").objects.select_related("content_type")
    }
    for name, may in ROLES.items():
        role = apps.get_model("auth.Group").objects.create(name=name)
        role.permissions.set([permissions[one] for one in may if one in permissions])
    for username in ["system", *(f"person{number}" for number in range(20))]:
        apps.get_model("remediation.User").objects.create(username=username, password="!x", sees_all_groups=True)
    for key, values in TICKET_SYSTEMS.items():
        apps.get_model("remediation.TicketSystem").objects.create(key=key, **values)


def _tables(rows: int) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Four tenths exposures, the rest among what else there are many of."""
    devices = rows // 5
    yield "remediation.DeviceGroup", ({"id": n, "name": f"Group {n} – ö"} for n in range(1, _GROUPS + 1))
    yield "remediation.Software", ({"id": n, "source_id": f"x-_-{n}", "name": f"Product {n}"} for n in range(1, 21))
    yield "remediation.SoftwareVersion", _versions()
    yield "remediation.Recommendation", _recommendations()
    yield "remediation.Device", _devices(devices)
    yield "remediation.Exposure", _exposures(devices, 2 * devices)
    yield "remediation.RemediationActivity", _activities()
    yield "remediation.ActivityDevice", _targets(devices // 2)
    yield "remediation.ActivityCount", _counts(devices // 2)
    yield "remediation.Ticket", _tickets()
    yield "remediation.TicketAttempt", _attempts(devices // 2)
    yield "remediation.AuditEvent", _events(devices)
    yield "integrations.SyncRun", _runs()


def _versions() -> Iterator[dict[str, Any]]:
    return ({"id": n, "software_id": n, "version": f"1.{n}", "risk": n / 7} for n in range(1, 21))


def _recommendations() -> Iterator[dict[str, Any]]:
    for n in range(1, _RECOMMENDATIONS + 1):
        yield {
            "id": n, "source_id": f"va-_-x-_-{n}", "name": f"Update Product {n}", "remediation_type": "update",
            "category": "application", "first_seen_at": _NOW, "software_id": n, "exposed": n,
        }  # fmt: skip


def _devices(most: int) -> Iterator[dict[str, Any]]:
    for n in range(1, most + 1):
        yield {
            "id": n, "source_id": f"{n:040x}", "name": f"ws-{n}.corp.example", "group_id": n % _GROUPS + 1,
            "value": ("low", "normal", "high")[n % 3], "internet_facing": (None, True, False)[n % 3],
            "first_seen_at": _NOW, "last_seen_at": _NOW - timedelta(minutes=n), "risk_sum": n / 3,
        }  # fmt: skip


def _exposures(devices: int, most: int) -> Iterator[dict[str, Any]]:
    for n in range(most):
        product = n // devices + 1 + n % 9
        yield {
            "device_id": n % devices + 1, "recommendation_id": product, "version_id": product,
            "first_seen_at": _NOW - timedelta(seconds=n),
        }  # fmt: skip


def _activities() -> Iterator[dict[str, Any]]:
    for n in range(1, _ACTIVITIES + 1):
        yield {
            "id": n, "request_key": UUID(int=n), "title": f"Update Product {n}", "requested_remediation": "update",
            "scope_key": f"all-{n}", "requested_at": _NOW, "status_changed_at": _NOW, "recommendation_id": n,
            "requester_id": 2, "status_changed_by_id": 2, "targets": 9, "fixed": 1, "due_on": date(2026, 12, n),
        }  # fmt: skip


def _targets(most: int) -> Iterator[dict[str, Any]]:
    for n in range(most):
        yield {
            "activity_id": n % _ACTIVITIES + 1, "device_id": n + 1, "group_id": (n + 1) % _GROUPS + 1, "batch": 1,
            "state": ("exposed", "fixed", "not_seen")[n % 3], "state_changed_at": _NOW, "installed_version": f"1.{n}",
            "disk_paths": [f"c:\\program files\\{n}"],
        }  # fmt: skip


def _counts(most: int) -> Iterator[dict[str, Any]]:
    for activity in range(1, _ACTIVITIES + 1):
        for group in range(1, _GROUPS + 1):
            many = most // _ACTIVITIES // _GROUPS
            yield {"activity_id": activity, "group_id": group, "targets": many, "exposed": many - 1, "not_seen": 1}


def _tickets() -> Iterator[dict[str, Any]]:
    for n in range(1, _ACTIVITIES + 1):
        yield {
            "id": n, "activity_id": n, "system_id": "intune", "batch": 1, "batches": 1, "devices": 9,
            "created_at": _NOW, "next_attempt_at": _NOW, "marker": f"[VR:{n}]", "facts": {"title": f"Ticket {n}"},
            "payload": bytes(range(n)), "fence": 10**6,
        }  # fmt: skip


def _attempts(most: int) -> Iterator[dict[str, Any]]:
    for n in range(most):
        yield {"ticket_id": n % _ACTIVITIES + 1, "fence": n, "purpose": "look", "started_at": _NOW, "result": "absent"}


def _events(most: int) -> Iterator[dict[str, Any]]:
    seals = count(1)
    for n in range(most):
        number = next(seals)
        yield {
            "at": _NOW + timedelta(seconds=n), "actor_id": n % 20 + 2, "actor_name": "person", "verb": "change",
            "subject_type": "remediation.user", "subject_id": str(n), "subject_name": "somebody",
            "before": {"roles": [n]}, "after": {"roles": []}, "sequence": number,
            "previous": f"{number - 1:064x}", "seal": f"{number:064x}",
        }  # fmt: skip


def _runs() -> Iterator[dict[str, Any]]:
    for n in range(1, 11):
        started = _NOW - timedelta(hours=n)
        yield {
            "source": "defender",
            "started_at": started,
            "heartbeat_at": started,
            "ended_at": started,
            "state": "complete",
        }
