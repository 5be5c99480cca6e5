"""Graph's part that is the directory: devices by their device id, and groups with members; beta and v1.0 alike.

Only the registration for target groups may use it, as in a tenant where no other was granted these permissions.
"""

import json
import re
import uuid
from typing import Any

from . import entra
from .messages import Answer, Request, json_answer, read_json
from .tenant import GROUPS_ROLES, Tenant

CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"
MOST_MEMBERS_A_CALL, MOST_REQUESTS_A_BATCH, LARGEST_PAGE = 20, 20, 999
_PATH = re.compile(r"/(?:beta|v1\.0)/(groups|devices|\$batch)(?:/([^/(]+)|\((\w+)='([^']*)'\))?(?:/(\w+))?/?", re.I)
_REFERENCE = re.compile(r"https://[^/]+/(?:beta|v1\.0)/(?:directoryObjects|devices)/([0-9a-f-]{36})", re.I)
# Turns the device id of a device into the directory's own id and back: two different GUIDs, as in a tenant.
_KEY = uuid.UUID("5d0c9a1e-3b77-0000-0000-7e11a2f4c9b3").int


class Refused(Exception):
    """A request that is answered with an error: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def serves(request: Request) -> bool:
    return _PATH.fullmatch(request.path) is not None


def answer(tenant: Tenant, request: Request) -> Answer:
    try:
        _check(tenant, request)
        return _route(tenant, request)
    except Refused as refused:
        return _error(request, refused.status, refused.code, refused.message)


def _check(tenant: Tenant, request: Request) -> None:
    try:
        claims = entra.check(tenant, request, entra.GRAPH)
    except entra.Refused as refused:
        raise Refused(401, "InvalidAuthenticationToken", str(refused)) from refused
    is_theirs = claims.get("appid") == tenant.groups_credentials["MICROSOFT_GROUPS_CLIENT_ID"]
    if not is_theirs or not set(GROUPS_ROLES) <= set(tenant.roles):
        raise Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def _route(tenant: Tenant, request: Request) -> Answer:
    found = _PATH.fullmatch(request.path)
    assert found is not None
    kind, plain_id, key, value, part = found.groups()
    match request.method, kind.lower(), part:
        case "POST", "$batch", None:
            return _batch(tenant, request)
        case "GET", "devices", None if key == "deviceId":
            return _device(tenant, value)
        case "PATCH", "groups", None if key == "uniqueName":
            return _upsert(tenant, request, value)
        case "PATCH", "groups", None if plain_id:
            return _add_members(tenant, _group(tenant, "id", plain_id), _body(request))
        case "GET", "groups", None if key == "uniqueName" or plain_id:
            return json_answer(_group(tenant, *(("unique_name", value) if key else ("id", plain_id))))
        case "GET", "groups", "members" if plain_id:
            return _members(tenant, request, _group(tenant, "id", plain_id)["id"])
        case "DELETE", "groups", None if plain_id:
            return _delete(tenant, _group(tenant, "id", plain_id)["id"])
    raise Refused(400, "Request_BadRequest", "The request is not supported.")


def _batch(tenant: Tenant, request: Request) -> Answer:
    """Each request by itself, with the token of the whole."""
    wanted = _body(request).get("requests")
    if not isinstance(wanted, list) or not 0 < len(wanted) <= MOST_REQUESTS_A_BATCH:
        raise Refused(400, "BadRequest", "The batch must have from 1 to 20 requests.")
    if len({str(one.get("id")).lower() for one in wanted}) < len(wanted):
        raise Refused(400, "BadRequest", "The ids of the requests in a batch must be unique.")
    root = request.path.rpartition("/")[0]
    answers = []
    for one in wanted:
        body = json.dumps(one["body"]).encode() if "body" in one else b""
        inner = Request(str(one.get("method")), f"{root}{one.get('url')}", request.headers, body)
        given = answer(tenant, inner)
        content = json.loads(given.body) if isinstance(given.body, bytes) and given.body else None
        answers.append({"id": one.get("id"), "status": given.status, "headers": {}, "body": content})
    return json_answer({"responses": answers})


def _device(tenant: Tenant, device_id: str) -> Answer:
    row = tenant.store.row("SELECT aad_device_id, name FROM device WHERE aad_device_id = ?", device_id.lower())
    if row is None:
        raise Refused(404, "Request_ResourceNotFound", f"Resource '{device_id}' does not exist.")
    return json_answer({"id": object_id(row[0]), "deviceId": row[0], "displayName": row[1]})


def _upsert(tenant: Tenant, request: Request, unique_name: str) -> Answer:
    body = _body(request)
    with tenant.store.writing() as connection:
        known = connection.execute("SELECT id FROM directory_group WHERE unique_name = ?", (unique_name,)).fetchone()
        if known:
            connection.execute("UPDATE directory_group SET entity = ? WHERE id = ?", (json.dumps(body), known[0]))
            return Answer(204)
        if "create-if-missing" not in request.headers.get("prefer", ""):
            raise Refused(404, "Request_ResourceNotFound", f"Resource '{unique_name}' does not exist.")
        missing = {"displayName", "mailEnabled", "mailNickname", "securityEnabled"} - set(body)
        if missing:
            raise Refused(400, "Request_BadRequest", f"A value is required for property '{min(missing)}' of 'Group'.")
        made = str(uuid.uuid4())
        row = (made, unique_name, json.dumps(body))
        connection.execute("INSERT INTO directory_group (id, unique_name, entity) VALUES (?, ?, ?)", row)
    return json_answer({"@odata.context": f"{CONTEXT}groups/$entity", **_group(tenant, "id", made)}, 201)


def _add_members(tenant: Tenant, group: dict[str, Any], body: dict[str, Any]) -> Answer:
    """All or none: up to twenty, each a device of the tenant, none of them a member already."""
    references = body.get("members@odata.bind", [])
    if not isinstance(references, list) or len(references) > MOST_MEMBERS_A_CALL:
        raise Refused(400, "Request_BadRequest", "The number of referenced objects exceeds the limit of 20.")
    found = [_REFERENCE.fullmatch(str(reference)) for reference in references]
    ids = [match[1].lower() for match in found if match]
    if len(ids) < len(references) or not all(_exists(tenant, one) for one in ids):
        words = "Resource '' does not exist or one of its queried reference-property objects are not present."
        raise Refused(400, "Request_ResourceNotFound", words)
    with tenant.store.writing() as connection:
        members = connection.execute("SELECT object_id FROM member WHERE group_id = ?", (group["id"],))
        if {row[0] for row in members} & set(ids):
            words = "One or more added object references already exist for the following modified properties:"
            raise Refused(400, "Request_BadRequest", f"{words} 'members'.")
        rows = [(group["id"], one) for one in ids]
        connection.executemany("INSERT INTO member (group_id, object_id) VALUES (?, ?)", rows)
    return Answer(204)


def _members(tenant: Tenant, request: Request, group_id: str) -> Answer:
    after, size = _number(request, "$skiptoken", 0), min(LARGEST_PAGE, _number(request, "$top", 100))
    statement = "SELECT sequence, object_id FROM member WHERE group_id = ? AND sequence > ? ORDER BY sequence LIMIT ?"
    rows = tenant.store.rows(statement, group_id, after, size + 1)
    body: dict[str, Any] = {
        "@odata.context": f"{CONTEXT}directoryObjects",
        "value": [{"@odata.type": "#microsoft.graph.device", "id": row["object_id"]} for row in rows[:size]],
    }
    if len(rows) > size:
        host = request.headers.get("host", "127.0.0.1")
        body["@odata.nextLink"] = f"https://{host}{request.path}?$top={size}&$skiptoken={rows[size - 1]['sequence']}"
    return json_answer(body)


def _delete(tenant: Tenant, group_id: str) -> Answer:
    with tenant.store.writing() as connection:
        connection.execute("DELETE FROM member WHERE group_id = ?", (group_id,))
        connection.execute("DELETE FROM directory_group WHERE id = ?", (group_id,))
    return Answer(204)


def dump(tenant: Tenant) -> list[dict[str, Any]]:
    """Every group with the device ids of its members, for a checker."""
    groups = tenant.store.rows("SELECT id, unique_name, entity FROM directory_group ORDER BY unique_name")
    found = []
    for row in groups:
        members = tenant.store.rows("SELECT object_id FROM member WHERE group_id = ? ORDER BY sequence", row["id"])
        ids = [device_id(member["object_id"]) for member in members]
        found.append(json.loads(row["entity"]) | {"id": row["id"], "uniqueName": row["unique_name"], "deviceIds": ids})
    return found


def object_id(device: str) -> str:
    return str(uuid.UUID(int=uuid.UUID(device).int ^ _KEY))


device_id = object_id


def _exists(tenant: Tenant, one: str) -> bool:
    return tenant.store.row("SELECT 1 FROM device WHERE aad_device_id = ?", device_id(one)) is not None


def _group(tenant: Tenant, column: str, value: str) -> dict[str, Any]:
    statement = {
        "id": "SELECT id, unique_name, entity FROM directory_group WHERE id = ?",
        "unique_name": "SELECT id, unique_name, entity FROM directory_group WHERE unique_name = ?",
    }[column]
    row = tenant.store.row(statement, value)
    if row is None:
        raise Refused(404, "Request_ResourceNotFound", f"Resource '{value}' does not exist.")
    return json.loads(row["entity"]) | {"id": row["id"], "uniqueName": row["unique_name"]}


def _number(request: Request, name: str, default: int) -> int:
    text = request.option(name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Refused(400, "Request_BadRequest", f"Invalid value for the query option '{name}'.")
    return int(text)


def _body(request: Request) -> dict[str, Any]:
    body = read_json(request.body)
    if body is None:
        raise Refused(400, "BadRequest", "Unable to read JSON request payload.")
    return body


def _error(request: Request, status: int, code: str, message: str) -> Answer:
    request_id = str(uuid.uuid4())
    inner = {"request-id": request_id, "client-request-id": request.headers.get("client-request-id", request_id)}
    return json_answer({"error": {"code": code, "message": message, "innerError": inner}}, status)
