"""Configuration Manager's part: the AdminService of an imagined site, at the root that takes a token of Entra.

`/AdminService` itself wants Negotiate, as the real one does on-premises; a test that has a KDC checks that sign-in
itself and calls `serve`.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from . import entra, site
from .messages import Answer, Request, json_answer, read_json
from .tenant import Tenant

ROOT = "/AdminService"
TOKEN_ROOT = "/AdminService_TokenAuth"  # noqa: S105
_KEYED = re.compile(r"SMS_Collection\('([^']*)'\)(?:/AdminService\.(\w+))?")
_CONDITION = re.compile(r"(\w+) eq '((?:[^']|'')*)'")
_FILTERABLE = {"Name", "CollectionID", "AADDeviceID"}


def families(request: Request) -> set[str]:
    """The fault families that a request belongs to."""
    if request.method != "POST":
        return {"configmgr"}
    return {"configmgr", "configmgr_member" if "AddMembershipRule" in request.path else "configmgr_create"}


def answer(tenant: Tenant, request: Request) -> Answer:
    """Serve a request below one of the roots, after checking who asks."""
    if not request.path.startswith(f"{TOKEN_ROOT}/"):
        refused = error(401, "Unauthorized.")
        refused.headers["WWW-Authenticate"] = "Negotiate"
        return refused
    try:
        entra.check(tenant, request, entra.SITE)
    except entra.Refused as unknown:
        return error(401, str(unknown))
    if tenant.mode("site_role") == "none":
        return error(403, "The account is no administrative user of the site.")
    return serve(tenant, request, request.path.removeprefix(f"{TOKEN_ROOT}/"))


def serve(tenant: Tenant, request: Request, rest: str) -> Answer:
    """What is asked for below the root, by somebody who may."""
    try:
        return _route(tenant, request, rest)
    except site.Invalid as invalid:
        return error(400, str(invalid))
    except site.NameTaken as taken:
        return error(500, f"A collection with the name '{taken}' already exists.")


def _route(tenant: Tenant, request: Request, rest: str) -> Answer:
    # Names of classes are case-sensitive.
    match request.method, rest:
        case "GET", "wmi/SMS_Site":
            return _list(request, "SMS_Site", [{"SiteCode": site.SITE_CODE, "Version": "5.00.9128.1000"}])
        case "GET", "wmi/SMS_Collection":
            return _list(request, "SMS_Collection", site.all_collections(tenant))
        case "POST", "wmi/SMS_Collection":
            return json_answer(_context("SMS_Collection/$entity") | site.create(tenant, _body(request)), 201)
        case "GET", "v1.0/Device":
            return _list(request, "Device", site.devices(tenant))
    keyed = _KEYED.fullmatch(rest.removeprefix("wmi/")) if rest.startswith("wmi/") else None
    return _one(tenant, request, keyed[1], keyed[2] or "") if keyed else _nothing_here(rest)


def _one(tenant: Tenant, request: Request, collection_id: str, method: str) -> Answer:
    match request.method, method:
        case "GET", "":
            found = site.get(tenant, collection_id)
            return json_answer(_context("SMS_Collection") | {"value": [found]}) if found else _nothing_here("Resource")
        case "PUT", "":
            return json_answer({}) if site.change(tenant, collection_id, _body(request)) else _nothing_here("Resource")
        case "DELETE", "":
            return Answer(204) if site.delete(tenant, collection_id) else _nothing_here("Resource")
        case "POST", "AddMembershipRule":
            rule = _body(request).get("collectionRule")
            added = site.add_rule(tenant, collection_id, rule if isinstance(rule, dict) else {})
            result = _context("$metadata") | {"ReturnValue": 0, "QueryID": 0}
            return json_answer(result, 201) if added else _nothing_here("Resource")
        case "POST", "AddMembershipRules":
            return error(404, "An error occurred while reading: the ODataReader is in an invalid state.")
    return _nothing_here(method)


def _list(request: Request, kind: str, entries: Iterable[dict[str, Any]]) -> Answer:
    keep = _filter(request.option("$filter"))
    wanted = {name for name in (request.option("$select") or "").split(",") if name}
    kept = [entry for entry in entries if keep(entry)]
    top = request.option("$top") or ""
    kept = kept[: int(top)] if top.isdecimal() else kept
    shown = [{name: entry[name] for name in entry if not wanted or name in wanted} for entry in kept]
    return json_answer(_context(kind) | {"value": shown})


def _filter(text: str | None) -> Callable[[dict[str, Any]], bool]:
    """Conditions "Name eq 'x'", joined by "or"."""
    if not text:
        return lambda entry: True
    found = _CONDITION.findall(text)
    joined = " or ".join(f"{name} eq '{value}'" for name, value in found)
    if joined != text or not {name for name, _ in found} <= _FILTERABLE:
        raise site.Invalid("The query specified in the URI is not valid.")
    asked = {(name, value.replace("''", "'").lower()) for name, value in found}
    return lambda entry: any(str(entry.get(name)).lower() == value for name, value in asked)


def _body(request: Request) -> dict[str, Any]:
    body = read_json(request.body)
    if body is None:
        raise site.Invalid("The request body is no JSON object.")
    return body


def _context(kind: str) -> dict[str, Any]:
    return {"@odata.context": f"https://sandbox/AdminService/wmi/$metadata#{kind}"}


def _nothing_here(what: str) -> Answer:
    return error(404, f"{what} not found.")


def error(status: int, message: str) -> Answer:
    """An error in the service's form: the code is the status, as text."""
    return json_answer({"error": {"code": str(status), "message": message}}, status)


def fault(status: int) -> Answer:
    words = {401: "Unauthorized.", 403: "The account may not do this.", 429: "Too many requests."}
    return error(status, words.get(status, "An error has occurred."))
