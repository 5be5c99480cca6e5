"""The security tasks in store: kept through a power cut once the answer has left."""

import json
import sqlite3
import uuid
from typing import Any

from .dates import with_seven_digits
from .task_schema import STATUSES, Invalid, checked, complete
from .tenant import Tenant


def create(tenant: Tenant, body: dict[str, Any]) -> dict[str, Any]:
    """Store a task and the fact that it was asked for in one transaction."""
    type_name, properties, navigations = checked(body, None)
    entity = complete(type_name, properties)
    if navigations and tenant.mode("inline_devices") == "reject":
        raise Invalid("Deep insert is not supported for navigation property 'managedDevices' on this entity.")
    devices = navigations.get("managedDevices", []) if tenant.mode("inline_devices") == "accept" else []
    now = tenant.now()
    entity |= {"id": str(uuid.uuid4()), "createdDateTime": with_seven_digits(now)}
    if devices and "managedDeviceCount" not in properties:
        entity["managedDeviceCount"] = len(devices)
    with tenant.store.writing() as connection:
        connection.execute(
            "INSERT INTO task (id, created_at, entity, managed_devices) VALUES (?, ?, ?, ?)",
            (entity["id"], now, json.dumps(entity), json.dumps(devices)),
        )
        _record(connection, now, entity["displayName"], entity["id"])
    return entity


def record_refused(tenant: Tenant, body: dict[str, Any] | None) -> None:
    """Remember a create request that stored nothing, so that a test can count what was sent."""
    name = (body or {}).get("displayName")
    with tenant.store.writing() as connection:
        _record(connection, tenant.now(), name if isinstance(name, str) else None, None)


def update(tenant: Tenant, task_id: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Change some properties; None when there is no such task."""
    with tenant.store.writing() as connection:
        entity = _load(connection, task_id)
        if entity is None:
            return None
        _, properties, _ = checked(body, entity["@odata.type"])
        entity |= properties
        connection.execute("UPDATE task SET entity = ? WHERE id = ?", (json.dumps(entity), task_id))
    return entity


def update_status(tenant: Tenant, task_id: str, status: Any, note: Any = None) -> bool:
    """Set the status and keep the note if there is one; False when there is no such task."""
    if status not in STATUSES:
        raise Invalid(
            f"Cannot convert the literal '{status}' to the expected type"
            " 'microsoft.graph.deviceAppManagementTaskStatus'."
        )
    if note is not None and not isinstance(note, str):
        raise Invalid("Cannot convert the value of parameter 'note' to the expected type 'Edm.String'.")
    with tenant.store.writing() as connection:
        entity = _load(connection, task_id)
        if entity is None:
            return False
        entity["status"] = status
        if note:
            entity["note"] = note
        connection.execute("UPDATE task SET entity = ? WHERE id = ?", (json.dumps(entity), task_id))
    return True


def delete(tenant: Tenant, task_id: str) -> bool:
    with tenant.store.writing() as connection:
        return connection.execute("DELETE FROM task WHERE id = ?", (task_id,)).rowcount == 1


def get(tenant: Tenant, task_id: str, expand: bool = False) -> dict[str, Any] | None:
    row = tenant.store.row("SELECT * FROM task WHERE id = ?", task_id)
    return _shown(tenant, row, expand) if row else None


def count(tenant: Tenant) -> int:
    return tenant.store.number("SELECT COUNT(*) FROM task WHERE created_at <= ?", _visible_until(tenant))


def page(tenant: Tenant, after: int, size: int, expand: bool = False) -> tuple[list[dict[str, Any]], int | None]:
    """Tasks after a position in order of creation, and the position to go on from when there are more."""
    statement = "SELECT * FROM task WHERE sequence > ? AND created_at <= ? ORDER BY sequence LIMIT ?"
    rows = tenant.store.rows(statement, after, _visible_until(tenant), size + 1)
    following = rows[size - 1]["sequence"] if len(rows) > size else None
    return [_shown(tenant, row, expand) for row in rows[:size]], following


def newest(tenant: Tenant, status: str, offset: int, size: int) -> tuple[list[dict[str, Any]], int]:
    """Tasks for the administrator's page, newest first, with the number of all that match."""
    matching = "FROM task WHERE ? = '' OR json_extract(entity, '$.status') = ?"
    rows = tenant.store.rows(
        f"SELECT * {matching} ORDER BY sequence DESC LIMIT ? OFFSET ?", status, status, size, offset
    )
    return [json.loads(row["entity"]) for row in rows], tenant.store.number(
        f"SELECT COUNT(*) {matching}", status, status
    )


def dump(tenant: Tenant) -> dict[str, Any]:
    """Everything stored and everything asked for, for a checker of lost and doubled tickets."""
    stored = tenant.store.rows("SELECT * FROM task ORDER BY sequence")
    asked = tenant.store.rows("SELECT * FROM create_request ORDER BY sequence")
    return {
        "tasks": [json.loads(row["entity"]) | {"managedDevices": json.loads(row["managed_devices"])} for row in stored],
        "posts_received": len(asked),
        "posts_stored": sum(row["task_id"] is not None for row in asked),
        "create_requests": [dict(row) for row in asked],
    }


def _visible_until(tenant: Tenant) -> float:
    lag = tenant.number("listing_lag")
    return tenant.now() - lag if lag else float("inf")


def _shown(tenant: Tenant, row: sqlite3.Row, expand: bool) -> dict[str, Any]:
    entity = json.loads(row["entity"])
    if tenant.mode("notes") == "hidden":
        entity.pop("note", None)
    if expand and entity["@odata.type"] != "#microsoft.graph.unmanagedDeviceDiscoveryTask":
        entity["managedDevices"] = json.loads(row["managed_devices"])
    return entity


def _load(connection: sqlite3.Connection, task_id: str) -> dict[str, Any] | None:
    row = connection.execute("SELECT entity FROM task WHERE id = ?", (task_id,)).fetchone()
    return json.loads(row["entity"]) if row else None


def _record(connection: sqlite3.Connection, now: float, name: str | None, task_id: str | None) -> None:
    statement = "INSERT INTO create_request (received_at, display_name, task_id) VALUES (?, ?, ?)"
    connection.execute(statement, (now, name, task_id))
