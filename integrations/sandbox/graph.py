"""Graph's part: the Intune security tasks of the beta version."""

import base64
import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from . import entra, tasks
from .messages import Answer, Request, json_answer, read_json
from .task_schema import Invalid
from .tenant import Tenant

COLLECTION = "/beta/deviceAppManagement/deviceAppManagementTasks"
CONTEXT = "https://graph.microsoft.com/beta/$metadata#deviceAppManagement/deviceAppManagementTasks"
WRITING = ["DeviceManagementApps.ReadWrite.All", "DeviceManagementConfiguration.ReadWrite.All"]
READING = ["DeviceManagementApps.Read.All", "DeviceManagementConfiguration.Read.All", *WRITING]
LARGEST_PAGE = 1000
SIMPLE_FILTER = re.compile(r"\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*")


def families(request: Request) -> set[str]:
    """The fault and limit families that a request belongs to."""
    if request.method == "GET":
        return {"graph", "graph_read"}
    changing = request.method != "POST" or request.path.rstrip("/").lower() != COLLECTION.lower()
    return {"graph", "graph_write", "graph_change" if changing else "graph_create"}


def answer(tenant: Tenant, request: Request) -> Answer:
    """Serve a request below /beta/, after checking token and role."""
    try:
        entra.check(tenant, request, entra.GRAPH)
    except entra.Refused as refused:
        return error(request, 401, "InvalidAuthenticationToken", str(refused))
    if not set(READING if request.method == "GET" else WRITING) & set(tenant.roles):
        return forbidden(request)
    path = request.path.rstrip("/")
    if not path.lower().startswith(COLLECTION.lower()):
        return error(request, 400, "BadRequest", f"Resource not found for the segment '{path.rsplit('/', 1)[-1]}'.")
    try:
        return _route(tenant, request, path[len(COLLECTION) :].strip("/"))
    except Invalid as invalid:
        return error(request, 400, "BadRequest", str(invalid))


def _route(tenant: Tenant, request: Request, rest: str) -> Answer:
    task_id, _, action = rest.partition("/")
    match request.method, task_id, action.rsplit(".", 1)[-1].lower():
        case "GET", "", _:
            return _list(tenant, request)
        case "GET", "$count", _:
            return Answer(200, str(tasks.count(tenant)).encode(), "text/plain")
        case "POST", "", _:
            return _create(tenant, request)
        case "GET", _, "":
            return _get(tenant, request, task_id)
        case "PATCH", _, "":
            changed = tasks.update(tenant, task_id, _body(request))
            return (
                json_answer({"@odata.context": CONTEXT + "/$entity", **changed})
                if changed
                else missing(request, task_id)
            )
        case "DELETE", _, "":
            return Answer(204) if tasks.delete(tenant, task_id) else missing(request, task_id)
        case "POST", _, "updatestatus":
            body = _body(request)
            known = tasks.update_status(tenant, task_id, body.get("status"), body.get("note"))
            return Answer(204) if known else missing(request, task_id)
    return error(request, 400, "BadRequest", f"Resource not found for the segment '{action or task_id}'.")


def _list(tenant: Tenant, request: Request) -> Answer:
    keep = _filter(tenant, request)
    size = min(LARGEST_PAGE, _number(request, "$top") or tenant.number("page_size"))
    token = request.option("$skiptoken")
    found, following = tasks.page(tenant, _position(token) if token else 0, size, _expands(request))
    body: dict[str, Any] = {"@odata.context": CONTEXT}
    if (request.option("$count") or "").lower() == "true":
        body["@odata.count"] = tasks.count(tenant)
    body["value"] = [_selected(request, entity) for entity in found if keep(entity)]
    if following is not None:
        body["@odata.nextLink"] = _next_link(request, following)
    return json_answer(body)


def _create(tenant: Tenant, request: Request) -> Answer:
    try:
        entity = tasks.create(tenant, _body(request))
    except Invalid:
        tasks.record_refused(tenant, read_json(request.body))
        raise
    location = f"https://{request.headers.get('host', '127.0.0.1')}{COLLECTION}/{entity['id']}"
    return json_answer({"@odata.context": CONTEXT + "/$entity", **entity}, 201, Location=location)


def _get(tenant: Tenant, request: Request, task_id: str) -> Answer:
    entity = tasks.get(tenant, task_id, _expands(request))
    if entity is None:
        return missing(request, task_id)
    return json_answer({"@odata.context": CONTEXT + "/$entity", **_selected(request, entity)})


def _body(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Invalid("A valid Content-Type of application/json is required for this operation.")
    body = read_json(request.body)
    if body is None:
        raise Invalid(
            "Unable to read JSON request payload. Please ensure Content-Type header is set"
            " and payload is of valid JSON format."
        )
    return body


def _expands(request: Request) -> bool:
    return "manageddevices" in (request.option("$expand") or "").lower()


def _selected(request: Request, entity: dict[str, Any]) -> dict[str, Any]:
    wanted = {name.strip() for name in (request.option("$select") or "").split(",") if name.strip()}
    if not wanted:
        return entity
    return {name: value for name, value in entity.items() if name in wanted | {"@odata.type", "id", "managedDevices"}}


def _filter(tenant: Tenant, request: Request) -> Callable[[dict[str, Any]], bool]:
    """Intune lists are known to honour, ignore or refuse filters; the mode says which today."""
    asked, mode = request.option("$filter"), tenant.mode("filters")
    if not asked or mode == "ignore":
        return lambda entity: True
    parsed = SIMPLE_FILTER.fullmatch(asked)
    if mode == "reject" or parsed is None:
        raise Invalid("Filter is not supported for this resource.")
    name, value = parsed[1], parsed[2].replace("''", "'")
    return lambda entity: str(entity.get(name)) == value


def _number(request: Request, name: str) -> int | None:
    text = request.option(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Invalid(f"Invalid value '{text[:20]}' for the query option '{name}'.")
    return int(text)


def _next_link(request: Request, position: int) -> str:
    token = base64.urlsafe_b64encode(json.dumps({"after": position}).encode()).decode().rstrip("=")
    kept = {name: value for name, value in request.query.items() if name.lower() not in ("$skiptoken", "$count")}
    query = urlencode(kept | {"$skiptoken": token}, safe="$")
    return f"https://{request.headers.get('host', '127.0.0.1')}{COLLECTION}?{query}"


def _position(token: str) -> int:
    try:
        return int(json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["after"])
    except (ValueError, KeyError, TypeError) as unreadable:
        raise Invalid("The skip token is not valid.") from unreadable


def error(request: Request, status: int, code: str, message: str, **headers: str) -> Answer:
    """An error in Graph's form."""
    request_id = str(uuid.uuid4())
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id),
    }
    body = {"error": {"code": code, "message": message, "innerError": inner}}
    return json_answer(body, status, **headers)


def intune_error(request: Request, status: int, code: str, text: str, **headers: str) -> Answer:
    """An error of the backend, whose document Graph passes on as a string inside its message."""
    activity = request.headers.get("client-request-id", str(uuid.uuid4()))
    nested = {
        "_version": 3,
        "Message": f"{text} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000"
        f" - Activity ID: {activity}"
        " - Url: https://fef.sandbox01.manage.microsoft.com/PartnerIntegrationFEService/deviceAppManagementTasks?api-version=5025-09-26",
        "CustomApiErrorPhrase": "",
        "RetryAfter": None,
        "ErrorSourceService": "",
        "HttpHeaders": "{}",
    }
    return error(request, status, code, json.dumps(nested), **headers)


def missing(request: Request, task_id: str) -> Answer:
    return intune_error(
        request, 404, "ResourceNotFound", f"No device app management task with id '{task_id}' was found."
    )


def forbidden(request: Request) -> Answer:
    scopes = ", ".join(READING if request.method == "GET" else WRITING)
    text = (
        "Application is not authorized to perform this operation. Application must have one of the following scopes: "
    )
    return intune_error(request, 403, "Forbidden", text + scopes)


def fault(request: Request, status: int, **headers: str) -> Answer:
    """Graph's answer when it is told to fail with a status."""
    if status == 401:
        return error(request, 401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
    if status == 403:
        return forbidden(request)
    if status == 429:
        return error(request, 429, "TooManyRequests", "Please retry again later.", **headers)
    if status == 504:
        return error(request, 504, "UnknownError", "")
    return intune_error(
        request,
        status,
        "InternalServerError" if status == 500 else "ServiceUnavailable",
        "An internal server error has occurred",
        **headers,
    )
