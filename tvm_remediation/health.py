"""What a balancer, a deployment and a monitoring system ask. None of it needs a person who is signed in."""

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST

from integrations.operation import broker, concerns
from integrations.operation.metrics import exposition

_PLAIN = "text/plain; charset=utf-8"
_LOOPBACK = {"127.0.0.1", "::1"}
_SET_BY_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")


@login_not_required
@require_GET
def livez(request: HttpRequest) -> HttpResponse:
    """Whether this process answers. For the balancer: pages work without broker and workers."""
    return HttpResponse("ok\n", content_type=_PLAIN)


@login_not_required
@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether the whole product can do its work: 200, or 503 with the reasons."""
    reasons = not_ready()
    status = "not ready" if reasons else "ready"
    response = JsonResponse({"status": status, "reasons": reasons}, status=503 if reasons else 200)
    response["Cache-Control"] = "no-store"
    return response


def not_ready() -> list[str]:
    """Sentences without names and addresses: anybody may read them."""
    try:
        if not is_migrated():
            return ["Migrations have not been applied."]
        has_worker = concerns.has_worker()
    except DatabaseError:
        return ["The database does not answer."]
    return [
        *([] if broker.answers() else ["The broker does not answer."]),
        *([] if has_worker else ["No delivery worker has been seen lately."]),
    ]


def is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


@login_not_required
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """In Prometheus' text format, for who has the token."""
    if not _may_scrape(request):
        return HttpResponse("Set METRICS_TOKEN, and send it as a bearer token.\n", status=403, content_type=_PLAIN)
    try:
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
    except DatabaseError:
        return HttpResponse("The database does not answer.\n", status=503, content_type=_PLAIN)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        expected = f"Bearer {settings.METRICS_TOKEN}".encode()
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected)
    # Behind a proxy everybody comes from the loopback.
    is_proxied = settings.HTTPS or any(name in request.headers for name in _SET_BY_PROXIES)
    return request.META.get("REMOTE_ADDR") in _LOOPBACK and not is_proxied
