"""A ticket's facts as a security task of Intune.

Types and names: Graph beta, `appVulnerabilityTask` and `securityConfigurationTask`. Graph knows no medium priority: a
medium ticket is sent as `none`, since `low` and `high` would each be wrong, and its text names the priority.
"""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from ..base import Order
from ..foreign import LONGEST_NAME, one_line
from .text import describe

PRIORITIES = {"high": "high", "low": "low"}
MITIGATIONS = {"update": "update", "upgrade": "update", "uninstall": "uninstall"}

# Words in the category, subcategory or title of a setting -> (endpointSecurityPolicy, endpointSecurityPolicyProfile).
# The first that is found counts.
_POLICIES: list[tuple[str, tuple[str, str]]] = [
    ("bitlocker", ("diskEncryption", "bitLocker")),
    ("filevault", ("diskEncryption", "fileVault")),
    ("firewall rule", ("firewall", "firewallRules")),
    ("firewall", ("firewall", "firewall")),
    ("attack surface reduction", ("attackSurfaceReduction", "attackSurfaceReductionRules")),
    ("exploit protection", ("attackSurfaceReduction", "exploitProtection")),
    ("application control", ("attackSurfaceReduction", "applicationControl")),
    ("device control", ("attackSurfaceReduction", "deviceControl")),
    ("network protection", ("attackSurfaceReduction", "webProtection")),
    ("smartscreen", ("attackSurfaceReduction", "appAndBrowserIsolation")),
    ("antivirus", ("antivirus", "antivirus")),
    ("onboard", ("endpointDetectionAndResponse", "endpointDetectionAndResponse")),
    ("edr", ("endpointDetectionAndResponse", "endpointDetectionAndResponse")),
    ("accounts", ("accountProtection", "accountProtection")),
]


def render(order: Order) -> bytes:
    """The body of the create request. The marker stands in `description` and in `creatorNotes`."""
    facts = order.facts
    is_software = facts["kind"] == "software"
    body = _common(order) | (_software(facts) if is_software else _configuration(facts))
    body["managedDeviceCount"] = len(order.devices)
    if order.takes_devices:
        body["managedDevices"] = [{"id": key, "displayName": one_line(name)} for key, name in order.devices]
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _common(order: Order) -> dict[str, Any]:
    facts = order.facts
    part = f" ({facts['part']}/{facts['parts']})" if facts.get("parts", 1) > 1 else ""
    kind = "appVulnerabilityTask" if facts["kind"] == "software" else "securityConfigurationTask"
    return {
        "@odata.type": f"#microsoft.graph.{kind}",
        "displayName": one_line(facts["title"], LONGEST_NAME - len(part)) + part,
        "description": describe(order),
        "dueDateTime": _end_of_day(facts["due_on"]),
        "category": "advancedThreatProtection",
        "priority": PRIORITIES.get(facts["priority"], "none"),
        "creator": one_line(facts["requester"]),
        "creatorNotes": order.marker,
        "status": "pending",
    }


def _software(facts: Any) -> dict[str, Any]:
    versions = facts.get("from_versions") or [["", 0]]
    return {
        "appName": one_line(facts["product"] or facts["component"]),
        "appPublisher": one_line(facts["vendor"]),
        "appVersion": one_line(versions[0][0]),
        "mitigationType": MITIGATIONS.get(facts["remediation"], "unknown"),
        "mobileAppCount": 0,
        "insights": one_line(_insights(facts)),
        "remediation": one_line(facts["title"]),
    }


def _configuration(facts: Any) -> dict[str, Any]:
    policy, profile = _policy(facts)
    return {
        "endpointSecurityPolicy": policy,
        "endpointSecurityPolicyProfile": profile,
        "applicablePlatform": platform([name for name, _ in facts.get("systems", [])]),
        "insights": one_line(facts["title"]),
        "intendedSettings": [{"name": one_line(facts["source_id"]), "value": one_line(facts["title"])}],
    }


def _policy(facts: Any) -> tuple[str, str]:
    text = f"{facts.get('subcategory', '')} {facts.get('category', '')} {facts['title']}".casefold().replace("_", " ")
    return next((policy for word, policy in _POLICIES if word in text), ("unknown", "unknown"))


def platform(systems: list[str]) -> str:
    """The applicablePlatform that covers all operating systems, or unknown."""
    names = [name.casefold().replace(" ", "") for name in systems if name]
    if names and all(name.startswith("macos") for name in names):
        return "macOS"
    if not names or not all(name.startswith("windows") for name in names):
        return "unknown"
    return "windows10AndWindowsServer" if any("server" in name for name in names) else "windows10AndLater"


def _insights(facts: Any) -> str:
    exploited = facts.get("exploited", 0)
    return f"{facts.get('weaknesses', 0)} weaknesses" + (f", {exploited} with a known exploit" if exploited else "")


def _end_of_day(day: str) -> str:
    """The last second of the day in the site's zone, in UTC. Raises ValueError without a day."""
    zone = ZoneInfo(settings.TIME_ZONE)
    midnight = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), tzinfo=zone)
    return (midnight.astimezone(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
