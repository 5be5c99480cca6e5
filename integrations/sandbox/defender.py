"""Defender for Endpoint's part: routes, roles, query options and errors."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import msgspec

from . import assessments, changes, entra, exports, records, remediation_tasks
from .catalogue import Configuration, Product
from .dates import with_seven_digits
from .messages import Answer, Request, json_answer
from .odata import LARGEST_TOP, BadQuery, matcher, number
from .tenant import Tenant

CONTEXT = "https://api.securitycenter.microsoft.com/api/$metadata#"
DTO = "Collection(microsoft.windowsDefenderATP.api."
DEFAULT_EXPORT_PAGE, LARGEST_EXPORT_PAGE = 50_000, 200_000
LARGEST_VULNERABILITY_PAGE = 8_000
MACHINE, RECOMMENDATION = "Machine.Read.All", "SecurityRecommendation.Read.All"
SOFTWARE, VULNERABILITY, SCORE = "Software.Read.All", "Vulnerability.Read.All", "Score.Read.All"
FILTERS = {
    "recommendations": [
        "id", "productName", "vendor", "recommendedVersion", "recommendationCategory", "subCategory", "severityScore",
        "remediationType", "recommendedProgram", "recommendedVendor", "status",
    ],
    "machines": [
        "computerDnsName", "id", "version", "deviceValue", "aadDeviceId", "machineTags", "lastSeen", "exposureLevel",
        "onboardingStatus", "lastIpAddress", "healthStatus", "osPlatform", "riskScore", "rbacGroupId",
    ],
    "vulnerabilities": ["id", "name", "description", "cvssV3", "publishedOn", "severity", "updatedOn"],
    "software": ["id", "name", "vendor"],
}  # fmt: skip
EXPORTS: dict[str, tuple[Callable[[Tenant, assessments.Position], assessments.Rows], str, str]] = {
    "softwarevulnerabilitiesbymachine": (assessments.weaknesses, VULNERABILITY, "AssetVulnerability"),
    "secureconfigurationsassessmentbymachine": (assessments.configurations, VULNERABILITY, "AssetConfiguration"),
    "softwareinventorybymachine": (assessments.inventory, SOFTWARE, "AssetSoftware"),
}


CHANGES = "softwarevulnerabilitychangesbymachine"


class Forbidden(Exception):
    """The application lacks the role that the route asks for."""


class NotFound(Exception):
    """The addressed thing does not exist."""


def segments(request: Request) -> list[str]:
    """The path below /api/ or /api/v1.0/, split; ids keep their case."""
    parts = request.path.strip("/").split("/")[1:]
    return parts[1:] if parts and parts[0].lower() == "v1.0" else parts


def families(request: Request) -> set[str]:
    parts = [part.lower() for part in segments(request)]
    if parts and parts[0] == "machines":
        action = parts[1] if len(parts) > 1 else ""
        if action in exports.KINDS:
            return {"defender", "export_offer"}
        return {"defender", "export" if action in EXPORTS or action == CHANGES else "machines"}
    return {"defender"}


def answer(tenant: Tenant, request: Request) -> Answer:
    """Serve a request below /api/, after checking token and role."""
    try:
        entra.check(tenant, request, entra.DEFENDER)
        return _route(tenant, request) if request.method == "GET" else Answer(404)
    except entra.Refused as refused:
        return error(401, "Unauthorized", str(refused))
    except Forbidden as missing:
        return error(
            403,
            "Forbidden",
            f"The application does not have any of the required application permissions ({missing})"
            " to access the resource.",
        )
    except BadQuery as bad:
        return error(400, "BadRequest", str(bad))
    except NotFound as unknown:
        return error(404, "ResourceNotFound", str(unknown))


def _route(tenant: Tenant, request: Request) -> Answer:
    def needs(role: str) -> Tenant:
        if role not in tenant.roles:
            raise Forbidden(role)
        return tenant

    parts = segments(request)
    match [parts[0].lower(), *parts[1:]] if parts else []:
        case ["recommendations", *rest]:
            return _recommendations(needs, request, rest)
        case ["machines", *rest]:
            return _machines(needs, request, rest)
        case ["vulnerabilities", *rest]:
            return _vulnerabilities(needs(VULNERABILITY), request, rest)
        case ["software", *rest]:
            return _software(needs(SOFTWARE), request, rest)
        case ["exposurescore" | "configurationscore" as name, *rest]:
            return _scores(needs(SCORE), name, rest)
        case ["remediationtasks", *rest]:
            return _remediation_tasks(needs("RemediationTasks.Read.All"), request, rest)
    return Answer(404)


def _recommendations(needs: Callable[[str], Tenant], request: Request, rest: list[str]) -> Answer:
    if not rest:
        found = records.recommendations(needs(RECOMMENDATION))
        return _plain_list(request, "Recommendations", found, FILTERS["recommendations"])
    role = {"software": SOFTWARE, "vulnerabilities": VULNERABILITY}
    action = rest[1].lower() if len(rest) > 1 else ""
    tenant = needs(role.get(action, RECOMMENDATION))
    subject = _subject(tenant, rest[0])
    if action == "":
        counts = tenant.figures().recommendations[subject.reference]
        return _entity("Recommendations/$entity", records.recommendation(subject, counts))
    if request.query:
        raise BadQuery("Query options are not supported on this navigation.")
    if action == "machinereferences":
        return _collection("MachineReferences", map(records.machine_reference, records.exposed_rows(tenant, subject)))
    if action == "software" and isinstance(subject, Product):
        return _entity("Analytics.Contracts.PublicAPI.PublicProductDto", records.software(tenant, subject))
    if action == "vulnerabilities":
        weak = [weakness for weakness, _ in subject.weaknesses] if isinstance(subject, Product) else []
        return _collection("Vulnerabilities", (records.vulnerability(tenant, weakness) for weakness in weak))
    return Answer(404)


def _remediation_tasks(tenant: Tenant, request: Request, rest: list[str]) -> Answer:
    if not rest:
        return _plain_list(request, "RemediationTasks", remediation_tasks.tasks(tenant), ["createdOn", "status"])
    found, devices = remediation_tasks.task(tenant, rest[0]), remediation_tasks.devices(tenant, rest[0])
    if found is None or devices is None:
        raise NotFound(f"Remediation task {rest[0][:80]} was not found")
    if len(rest) == 1:
        return _entity("RemediationTasks/$entity", found)
    return _collection("MachineReferences", devices) if rest[1].lower() == "machinereferences" else Answer(404)


def _machines(needs: Callable[[str], Tenant], request: Request, rest: list[str]) -> Answer:
    if rest and rest[0].lower() in EXPORTS and len(rest) == 1:
        rows, role, entity = EXPORTS[rest[0].lower()]
        return _export(needs(role), request, rows, entity)
    if len(rest) == 1 and rest[0].lower() == CHANGES:
        since = changes.read_since(needs(VULNERABILITY), request.option("sinceTime"))
        rows = partial(changes.changes, since=since)
        return _export(needs(VULNERABILITY), request, rows, "DeltaAssetVulnerability", ("sinceTime",))
    if len(rest) == 1 and rest[0].lower() in exports.KINDS:
        return exports.offer(needs(VULNERABILITY), request, rest[0].lower())
    tenant = needs(MACHINE)
    if not rest:
        found = _plain_list(request, "Machines", records.machines(tenant), FILTERS["machines"])
        return (
            error(404, "ResourceNotFound", "No recent machines were found.")
            if b'"value":[]' in _start(found)
            else found
        )
    row = tenant.store.row("SELECT * FROM device WHERE id = ?", rest[0].lower())
    if row is None:
        raise NotFound(f"Machine {rest[0][:80]} was not found")
    if len(rest) > 1:
        return Answer(404)
    return _entity("Machines/$entity", records.machine(row, tenant.figures().device_scores.get(row["number"], 0.0)))


def _vulnerabilities(tenant: Tenant, request: Request, rest: list[str]) -> Answer:
    if not rest:
        found = (records.vulnerability(tenant, weakness) for weakness in tenant.catalogue.weaknesses.values())
        return _plain_list(request, "Vulnerabilities", found, FILTERS["vulnerabilities"], LARGEST_VULNERABILITY_PAGE)
    weakness = tenant.catalogue.weaknesses.get(rest[0].upper())
    if weakness is None or len(rest) > 1:
        raise NotFound(f"Vulnerability {rest[0][:80]} was not found")
    return _entity("Vulnerabilities/$entity", records.vulnerability(tenant, weakness))


def _software(tenant: Tenant, request: Request, rest: list[str]) -> Answer:
    if not rest:
        found = (records.software(tenant, product) for product in tenant.catalogue.products.values())
        return _plain_list(request, "Software", found, FILTERS["software"])
    product = tenant.catalogue.products.get(rest[0].lower())
    if product is None or len(rest) > 1:
        raise NotFound(f"Software {rest[0][:80]} was not found")
    return _entity("Software/$entity", records.software(tenant, product))


def _scores(tenant: Tenant, name: str, rest: list[str]) -> Answer:
    figures, moment = tenant.figures(), with_seven_digits(tenant.now())
    if name == "configurationscore":
        return _entity("ConfigurationScore/$entity", {"time": moment, "score": figures.configuration_score})
    if [part.lower() for part in rest] == ["bymachinegroups"]:
        groups = figures.group_scores.items()
        values = (
            {"time": moment, "score": score, "rbacGroupName": group or "UnassignedGroup"} for group, score in groups
        )
        return _collection("ExposureScore", values)
    return _entity("ExposureScore/$entity", {"time": moment, "score": figures.exposure_score})


def _export(
    tenant: Tenant, request: Request, rows: Callable[..., assessments.Rows], entity: str, kept: tuple[str, ...] = ()
) -> Answer:
    """A page of an export; with $top there is no link to a next one. The link keeps some of the options."""
    size = number(request.option("pageSize"), "pageSize", LARGEST_EXPORT_PAGE, 1) or DEFAULT_EXPORT_PAGE
    top = number(request.option("$top"), "$top", LARGEST_EXPORT_PAGE)
    start = assessments.from_token(request.option("$skiptoken"))
    link = None
    if top is None:
        query = urlencode({name: request.option(name) for name in kept} | {"pagesize": size})
        link = f"https://{request.headers.get('host', '127.0.0.1')}{request.path}?{query}&$skiptoken="
    body = assessments.stream(rows(tenant, start), f"{CONTEXT}{DTO}{entity})", size if top is None else top, link)
    return Answer(200, body)


def _plain_list(
    request: Request, name: str, found: Iterable[dict[str, Any]], allowed: list[str], most: int = LARGEST_TOP
) -> Answer:
    """A list that pages by $top and $skip; without $top a full page names the next one."""
    keep = matcher(request.option("$filter"), allowed)
    top = number(request.option("$top"), "$top", most)
    skip = number(request.option("$skip"), "$skip", 2**31) or 0
    size = most if top is None else top
    page = list(islice((entity for entity in found if keep(entity)), skip, skip + size + 1))
    body: dict[str, Any] = {"@odata.context": CONTEXT + name, "value": page[:size]}
    if top is None and len(page) > size:
        kept = {key: value for key, value in request.query.items() if key.lower() != "$skip"}
        query = urlencode(kept | {"$skip": skip + size}, safe="$")
        body["@odata.nextLink"] = f"https://{request.headers.get('host', '127.0.0.1')}{request.path}?{query}"
    return json_answer(body)


def _collection(name: str, values: Iterable[dict[str, Any]] | Iterator[dict[str, Any]]) -> Answer:
    return json_answer({"@odata.context": CONTEXT + name, "value": list(values)})


def _entity(name: str, value: dict[str, Any]) -> Answer:
    return json_answer({"@odata.context": CONTEXT + name, **value})


def _start(found: Answer) -> bytes:
    return found.body[:300] if isinstance(found.body, bytes) else b""


def _subject(tenant: Tenant, reference: str) -> Product | Configuration:
    subject = tenant.catalogue.recommended.get(reference) or tenant.catalogue.settings.get(reference)
    if subject is None:
        raise NotFound(f"Recommendation {reference[:80]} was not found")
    return subject


def error(status: int, code: str, message: str, **headers: str) -> Answer:
    """An error in Defender's form, whose target is a correlation id."""
    body = {"error": {"code": code, "message": message, "target": f"|{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:16]}."}}
    return Answer(status, msgspec.json.encode(body), headers=headers)


def fault(status: int, **headers: str) -> Answer:
    """Defender's answer when it is told to fail with a status."""
    codes = {401: "Unauthorized", 403: "Forbidden", 429: "TooManyRequests"}
    return error(
        status, codes.get(status, "InternalServerError"), "The request was refused by an ordered fault.", **headers
    )
