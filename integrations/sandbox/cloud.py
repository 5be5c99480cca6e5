"""One request to the imagined cloud: limits and faults first, then the part that it is for."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from . import adminservice, defender, directory, entra, exports, feeds, graph, tasks
from .faults import SPOILT, Fault
from .messages import Answer, Request, read_json
from .tenant import Tenant

HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body>Please sign in.</body></html>"
)


@dataclass
class Outcome:
    """What the caller gets: an answer now, or none (then held, and perhaps reset); commit_late runs after the hold."""

    answer: Answer | None = None
    hold: float = 0.0
    reset: bool = False
    commit_late: Callable[[], Answer] | None = None


def handle(tenant: Tenant, request: Request) -> Outcome:
    """Answer a request, or fail it as ordered; Graph takes as long over it as it is told to."""
    began, families = time.monotonic(), families_of(request)
    outcome = _answered(tenant, request, families)
    if "graph" in families:
        time.sleep(max(0.0, began + tenant.number("latency") / 1000 - time.monotonic()))
    return outcome


def _answered(tenant: Tenant, request: Request, families: set[str]) -> Outcome:
    if tenant.mode("rate_limits") == "real":
        wait = tenant.throttle.wait(families, tenant.now())
        if wait > 0:
            return Outcome(_with_headers(request, _refusal(tenant, request, 429, {"Retry-After": str(int(wait) + 1)})))
    fault = tenant.faults.strike(families)
    outcome = _struck(tenant, request, fault) if fault else Outcome(serve(tenant, request))
    if outcome.answer is not None:
        outcome.answer = _with_headers(request, outcome.answer)
    return outcome


def serve(tenant: Tenant, request: Request) -> Answer:
    lowered = request.path.lower()
    if lowered.startswith("/adminservice"):
        return adminservice.answer(tenant, request)
    if lowered.startswith("/api/"):
        return defender.answer(tenant, request)
    if lowered.startswith(exports.ROOT):
        return exports.answer(tenant, request)
    if lowered.startswith("/feeds/"):
        return feeds.answer(tenant, request)
    if directory.serves(request):
        return directory.answer(tenant, request)
    if lowered.startswith("/beta/"):
        return graph.answer(tenant, request)
    if lowered.startswith("/v1.0/"):
        return graph.error(request, 400, "BadRequest", "Resource not found for the segment 'deviceAppManagementTasks'.")
    return entra.answer(tenant, request)


def families_of(request: Request) -> set[str]:
    lowered = request.path.lower()
    if lowered.startswith("/adminservice"):
        return adminservice.families(request)
    if lowered.startswith("/api/"):
        return defender.families(request)
    if lowered.startswith(("/beta/", "/v1.0/")):
        return graph.families(request)
    if lowered.startswith(exports.ROOT):
        return {"export_file"}
    return {"token"} if lowered.endswith("/token") else set()


def _struck(tenant: Tenant, request: Request, fault: Fault) -> Outcome:
    """What an ordered fault makes of a request; whether it takes effect depends on the fault alone."""
    served = serve(tenant, request) if fault.stores else None
    if served is None and fault.kind != "late_commit" and "graph_create" in families_of(request):
        tasks.record_refused(tenant, read_json(request.body))
    kind, _, _ = fault.kind.partition("_")
    if kind in ("timeout", "reset"):
        return Outcome(hold=fault.hold if kind == "timeout" else 0.0, reset=kind == "reset")
    if kind == "late":
        return Outcome(_refusal(tenant, request, 504, {}), hold=fault.hold, commit_late=lambda: serve(tenant, request))
    if served is not None and fault.kind in SPOILT:
        return Outcome(_spoilt(served, fault.kind))
    headers = fault.retry_after_header(tenant.now()) if kind in ("429", "503") else {}
    return Outcome(_refusal(tenant, request, int(kind), headers))


def _spoilt(served: Answer, kind: str) -> Answer:
    if kind == "html":
        return Answer(200, HTML_PAGE, "text/html; charset=utf-8")
    if kind == "truncated":
        whole = served.body if isinstance(served.body, bytes) else b"".join(served.body)
        return Answer(served.status, whole[: len(whole) // 2], served.content_type)
    return Answer(
        served.status, b"" if kind == "empty" else b'{"@odata.context":"https://graph.mic', served.content_type
    )


def _refusal(tenant: Tenant, request: Request, status: int, headers: dict[str, str]) -> Answer:
    lowered = request.path.lower()
    if lowered.startswith("/adminservice"):
        answer = adminservice.fault(status)
    elif lowered.startswith("/api/"):
        answer = defender.fault(status)
    elif lowered.startswith(("/beta/", "/v1.0/")):
        answer = graph.fault(request, status)
    else:
        answer = entra.token_fault(status)
    answer.headers |= headers
    return answer


def _with_headers(request: Request, answer: Answer) -> Answer:
    """The headers that every answer of the real services carries."""
    request_id = str(uuid.uuid4())
    answer.headers = {
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id),
        "x-ms-ags-diagnostic": '{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"0","ScaleUnit":"000"}}',
        "Strict-Transport-Security": "max-age=31536000",
        "Cache-Control": "no-store",
        **answer.headers,
    }
    return answer
