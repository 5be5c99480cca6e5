"""A security task as Defender's own portal makes it: from a recommendation, without a word of this product."""

from datetime import UTC, datetime, timedelta
from typing import Any

from . import tasks
from .catalogue import Configuration, Product
from .tenant import Tenant
from .world import UnknownRecommendation

DUE_IN = timedelta(days=30)
MITIGATIONS = {"Update": "update", "Upgrade": "update", "Uninstall": "uninstall"}


def make_task(tenant: Tenant, reference: str) -> dict[str, Any]:
    """The stored task. Raises UnknownRecommendation."""
    known: dict[str, Product | Configuration] = {**tenant.catalogue.recommended, **tenant.catalogue.settings}
    if reference not in known:
        raise UnknownRecommendation(reference)
    subject = known[reference]
    devices = tenant.figures().recommendations[reference].exposed
    return tasks.create(tenant, _common(tenant) | _named(subject) | {"managedDeviceCount": devices})


def _common(tenant: Tenant) -> dict[str, Any]:
    due = datetime.fromtimestamp(tenant.now(), UTC) + DUE_IN
    return {
        "dueDateTime": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "category": "advancedThreatProtection",
        "priority": "none",
        "creator": "Microsoft Defender",
        "creatorNotes": "",
    }


def _named(subject: Product | Configuration) -> dict[str, Any]:
    if isinstance(subject, Product):
        return {
            "@odata.type": "#microsoft.graph.appVulnerabilityTask",
            "displayName": subject.recommendation,
            "appName": subject.title,
            "appPublisher": subject.vendor,
            "mitigationType": MITIGATIONS.get(subject.remediation or "", "unknown"),
            "remediation": subject.recommendation,
        }
    return {
        "@odata.type": "#microsoft.graph.securityConfigurationTask",
        "displayName": subject.name,
        "insights": subject.name,
    }
