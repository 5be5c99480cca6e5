"""The imagined Configuration Manager site: device collections with their direct members, and the devices it knows."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from .tenant import Tenant

SITE_CODE = "PS1"
ALL_SYSTEMS = "SMS00001"
LONGEST_NAME, LONGEST_COMMENT = 255, 512
# A resource's id is this plus the device's number; Linux and macOS have no client of the site, nor has every 40th.
FIRST_RESOURCE = 16_777_216
_KNOWN = "kind IN ('W', 'S') AND number % 40 <> 7 AND merged_into IS NULL AND is_duplicate = 0"


class Invalid(ValueError):
    """What the site refuses, in words for the caller."""


class NameTaken(Exception):
    """There is a collection of this name."""


def create(tenant: Tenant, body: dict[str, Any]) -> dict[str, Any]:
    """Store a collection and the fact that it was asked for in one transaction."""
    entity = _checked(tenant, body)
    if entity.get("CollectionType") != 2:
        raise Invalid("CollectionType must be 2 for a device collection.")
    with tenant.store.writing() as connection:
        if connection.execute("SELECT 1 FROM collection WHERE name = ?", (entity["Name"],)).fetchone():
            raise NameTaken(entity["Name"])
        values = (entity["Name"], entity["Comment"], entity["LimitToCollectionID"], tenant.now(), tenant.now())
        statement = "INSERT INTO collection (name, comment, limited_to, created_at, changed_at) VALUES (?, ?, ?, ?, ?)"
        number = connection.execute(statement, values).lastrowid or 0
        connection.execute(
            "INSERT INTO collection_request (received_at, name, collection) VALUES (?, ?, ?)",
            (tenant.now(), entity["Name"], number),
        )
    return get(tenant, _id_of(number)) or {}


def change(tenant: Tenant, collection_id: str, body: dict[str, Any]) -> bool:
    """Name, comment and limit; False when there is no such collection."""
    entity = _checked(tenant, body)
    with tenant.store.writing() as connection:
        values = (entity["Name"], entity["Comment"], entity["LimitToCollectionID"], tenant.now())
        statement = "UPDATE collection SET name = ?, comment = ?, limited_to = ?, changed_at = ? WHERE number = ?"
        try:
            return connection.execute(statement, (*values, _number_of(collection_id))).rowcount == 1
        except sqlite3.IntegrityError as taken:
            raise NameTaken(entity["Name"]) from taken


def delete(tenant: Tenant, collection_id: str) -> bool:
    number = _number_of(collection_id)
    with tenant.store.writing() as connection:
        connection.execute("DELETE FROM collection_rule WHERE collection = ?", (number,))
        return connection.execute("DELETE FROM collection WHERE number = ?", (number,)).rowcount == 1


def add_rule(tenant: Tenant, collection_id: str, rule: dict[str, Any]) -> bool:
    """A direct rule, as often as it is asked for: whether the site itself would refuse a second is not documented."""
    if rule.get("@odata.type") != "#AdminService.SMS_CollectionRuleDirect" or not isinstance(rule.get("RuleName"), str):
        raise Invalid("The rule is not of a known type.")
    resource = rule.get("ResourceID")
    if rule.get("ResourceClassName") != "SMS_R_System" or not isinstance(resource, int):
        raise Invalid("The rule names no resource.")
    number = _number_of(collection_id)
    if not tenant.store.row(f"SELECT 1 FROM device WHERE number = ? AND {_KNOWN}", resource - FIRST_RESOURCE):  # noqa: S608
        raise Invalid(f"There is no resource {resource}.")
    with tenant.store.writing() as connection:
        if not connection.execute("SELECT 1 FROM collection WHERE number = ?", (number,)).fetchone():
            return False
        connection.execute(
            "INSERT INTO collection_rule (collection, resource, name) VALUES (?, ?, ?)",
            (number, resource, rule["RuleName"]),
        )
    return True


def get(tenant: Tenant, collection_id: str) -> dict[str, Any] | None:
    """One collection with its rules, which lists leave out."""
    if collection_id == ALL_SYSTEMS:
        return _all_systems(tenant) | {"CollectionRules": []}
    row = tenant.store.row("SELECT * FROM collection WHERE number = ?", _number_of(collection_id))
    if row is None:
        return None
    rules = tenant.store.rows("SELECT * FROM collection_rule WHERE collection = ? ORDER BY sequence", row["number"])
    return _shown(row, len({rule["resource"] for rule in rules})) | {"CollectionRules": [_rule(rule) for rule in rules]}


def collections(tenant: Tenant, newest_first: bool = False) -> list[dict[str, Any]]:
    statement = (
        "SELECT collection.*, COUNT(DISTINCT resource) AS members FROM collection"
        " LEFT JOIN collection_rule ON collection = number GROUP BY number ORDER BY number"
    )
    rows = tenant.store.rows(statement + (" DESC" if newest_first else ""))
    return [_shown(row, row["members"]) | {"CollectionRules": None} for row in rows]


def all_collections(tenant: Tenant) -> list[dict[str, Any]]:
    return [_all_systems(tenant) | {"CollectionRules": None}, *collections(tenant)]


def devices(tenant: Tenant) -> Iterable[dict[str, Any]]:
    """As the versioned route shows them."""
    for row in tenant.store.rows(f"SELECT number, name, aad_device_id FROM device WHERE {_KNOWN} ORDER BY number"):  # noqa: S608
        yield {
            "MachineId": FIRST_RESOURCE + row["number"],
            "Name": row["name"].partition(".")[0].upper(),
            "AADDeviceID": row["aad_device_id"] or "00000000-0000-0000-0000-000000000000",
        }


def dump(tenant: Tenant) -> dict[str, Any]:
    """Everything stored and everything asked for, for a checker of lost and doubled collections and members."""
    stored = [get(tenant, collection["CollectionID"]) for collection in collections(tenant)]
    asked = tenant.store.number("SELECT COUNT(*) FROM collection_request")
    return {"collections": stored, "collections_stored": asked}


def forget(connection: sqlite3.Connection) -> None:
    for table in ("collection_rule", "collection", "collection_request"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names from the line above)


def _checked(tenant: Tenant, body: dict[str, Any]) -> dict[str, Any]:
    name, comment, limit = body.get("Name"), body.get("Comment") or "", body.get("LimitToCollectionID")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME:
        raise Invalid("A collection needs a name of at most 255 characters.")
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        raise Invalid("The comment must be a text of at most 512 characters.")
    if not isinstance(limit, str) or get(tenant, limit) is None:
        raise Invalid("The limiting collection does not exist.")
    return body | {"Comment": comment}


def _shown(row: sqlite3.Row, members: int) -> dict[str, Any]:
    changed = datetime.fromtimestamp(row["changed_at"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "@odata.etag": f"FC{row['number']}",
        "__LAZYPROPERTIES": ["CollectionRules", "RefreshSchedule", "RefreshType"],
        "CollectionID": _id_of(row["number"]),
        "Name": row["name"],
        "Comment": row["comment"],
        "CollectionType": 2,
        "LimitToCollectionID": row["limited_to"],
        "MemberCount": members,
        "LocalMemberCount": members,
        "CurrentStatus": 1,
        "IsBuiltIn": False,
        "LastChangeTime": changed,
    }


def _all_systems(tenant: Tenant) -> dict[str, Any]:
    count = sum(1 for _ in devices(tenant))
    return {
        "@odata.etag": "FC0",
        "__LAZYPROPERTIES": ["CollectionRules", "RefreshSchedule", "RefreshType"],
        "CollectionID": ALL_SYSTEMS,
        "Name": "All Systems",
        "Comment": "All Systems",
        "CollectionType": 2,
        "LimitToCollectionID": "",
        "MemberCount": count,
        "LocalMemberCount": count,
        "CurrentStatus": 1,
        "IsBuiltIn": True,
        "LastChangeTime": "2026-01-01T00:00:00Z",
    }


def _rule(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "@odata.type": "#AdminService.SMS_CollectionRuleDirect",
        "ResourceClassName": "SMS_R_System",
        "RuleName": row["name"],
        "ResourceID": row["resource"],
    }


def _id_of(number: int) -> str:
    return f"{SITE_CODE}{number + 0x10:05X}"


def _number_of(collection_id: str) -> int:
    """-1 for what is no id of a collection made here."""
    try:
        return int(collection_id.removeprefix(SITE_CODE), 16) - 0x10 if collection_id.startswith(SITE_CODE) else -1
    except ValueError:
        return -1


def status_line(comment: str, state: str, note: str) -> str:
    """What an administrator types into the comment to answer: another first line."""
    _, _, rest = comment.partition("\n")
    return f"Status: {state}{f'. {note}' if note else ''}\n{rest}"[:LONGEST_COMMENT]


def answer_in_comment(tenant: Tenant, collection_id: str, state: str, note: str) -> bool:
    found = get(tenant, collection_id)
    if found is None:
        return False
    return change(tenant, collection_id, found | {"Comment": status_line(found["Comment"], state, note)})
