"""The three types of security task: their properties, and the check of a body against them.

The documented entity has no place for the note that an administrator gives with updateStatus. While the mode `notes`
is `extra`, the stand-in shows it as a property `note` of its own invention: UNVERIFIED, a real tenant may send nothing.
"""

import re
from typing import Any

BASE_TYPE = "#microsoft.graph.deviceAppManagementTask"
STATUSES = ["unknown", "pending", "active", "completed", "rejected"]
PRIORITIES = ["none", "high", "low"]
CATEGORIES = ["unknown", "advancedThreatProtection"]
MITIGATIONS = ["unknown", "update", "uninstall", "securityConfiguration"]
PLATFORMS = ["unknown", "macOS", "windows10AndLater", "windows10AndWindowsServer"]
POLICIES = [
    "unknown", "antivirus", "diskEncryption", "firewall", "endpointDetectionAndResponse", "attackSurfaceReduction",
    "accountProtection",
]  # fmt: skip
PROFILES = [
    "unknown", "antivirus", "windowsSecurity", "bitLocker", "fileVault", "firewall", "firewallRules",
    "endpointDetectionAndResponse", "deviceControl", "appAndBrowserIsolation", "exploitProtection", "webProtection",
    "applicationControl", "attackSurfaceReductionRules", "accountProtection",
]  # fmt: skip

# Property to its kind: text, number, moment, list, or the list of an enumeration's names.
Kind = str | list[str]
BASE: dict[str, Kind] = {
    "id": "text", "displayName": "text", "description": "text", "createdDateTime": "moment", "dueDateTime": "moment",
    "category": CATEGORIES, "priority": PRIORITIES, "creator": "text", "creatorNotes": "text", "assignedTo": "text",
    "status": STATUSES,
}  # fmt: skip
TYPES: dict[str, dict[str, Kind]] = {
    "#microsoft.graph.appVulnerabilityTask": BASE | {
        "appName": "text", "appPublisher": "text", "appVersion": "text", "mitigationType": MITIGATIONS,
        "insights": "text",
        "managedDeviceCount": "number", "mobileAppCount": "number", "remediation": "text",
    },
    "#microsoft.graph.securityConfigurationTask": BASE | {
        "endpointSecurityPolicy": POLICIES, "applicablePlatform": PLATFORMS, "endpointSecurityPolicyProfile": PROFILES,
        "insights": "text", "managedDeviceCount": "number", "intendedSettings": "list",
    },
    "#microsoft.graph.unmanagedDeviceDiscoveryTask": BASE | {"unmanagedDevices": "list"},
}  # fmt: skip
NAVIGATIONS = {
    "#microsoft.graph.appVulnerabilityTask": ["managedDevices", "mobileApps"],
    "#microsoft.graph.securityConfigurationTask": ["managedDevices"],
    "#microsoft.graph.unmanagedDeviceDiscoveryTask": [],
}
GENERATED = ("id", "createdDateTime")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)")
DEVICE = {"id", "managedDeviceId", "displayName", "lastSyncDateTime"}


class Invalid(ValueError):
    """A body that the service refuses, in its words."""


def checked(body: dict[str, Any], type_name: str | None) -> tuple[str, dict[str, Any], dict[str, list]]:
    """The type, the plain properties and the inline navigations of a body; type_name None means that it must say."""
    type_name = _type_of(body, type_name)
    properties, navigations = {}, {}
    for name, value in body.items():
        if "@odata." in name or name in GENERATED:
            continue
        if name in NAVIGATIONS[type_name]:
            navigations[name] = _devices(name, value)
        else:
            properties[name] = _value(type_name, name, value)
    return type_name, properties, navigations


def complete(type_name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A new entity with every property; what was left out takes the first or documented value."""
    if not properties.get("dueDateTime"):
        raise Invalid("DueDateTime must be specified for a device app management task.")
    defaults: dict[str, Any] = {"text": None, "number": 0, "list": [], "moment": None}
    entity: dict[str, Any] = {"@odata.type": type_name}
    for name, kind in TYPES[type_name].items():
        entity[name] = properties.get(name, kind[0] if isinstance(kind, list) else defaults[kind])
    entity["status"] = properties.get("status", "pending")
    return entity


def _type_of(body: dict[str, Any], expected: str | None) -> str:
    named = body.get("@odata.type", expected)
    if named is None or named == BASE_TYPE:
        raise Invalid(
            "Invalid value specified for property '@odata.type':"
            " a derived type of 'microsoft.graph.deviceAppManagementTask' is required."
        )
    named = named if str(named).startswith("#") else f"#{named}"
    if named not in TYPES:
        raise Invalid(f"A type named '{named[1:]}' could not be resolved by the model.")
    if expected and named != expected:
        raise Invalid(f"The type '{named[1:]}' is not assignable to the type '{expected[1:]}' of the entity.")
    return named


def _value(type_name: str, name: str, value: Any) -> Any:
    kind = TYPES[type_name].get(name)
    if kind is None:
        raise Invalid(
            f"The property '{name}' does not exist on type '{type_name[1:]}'."
            " Make sure to only use property names that are defined by the type."
        )
    if isinstance(kind, list):
        fits, target = value in kind, "an enumeration"
    elif kind == "moment":
        fits, target = isinstance(value, str) and MOMENT.fullmatch(value) is not None, "Edm.DateTimeOffset"
    elif kind == "number":
        fits, target = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31, "Edm.Int32"
    elif kind == "list":
        fits, target = value is None or isinstance(value, list), "a collection"
    else:
        fits, target = value is None or isinstance(value, str), "Edm.String"
    if not fits:
        raise Invalid(
            f"Cannot convert the literal '{str(value)[:80]}' to the expected type of property '{name}' ({target})."
        )
    return value


def _devices(name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Invalid(f"The navigation property '{name}' expects a collection of entities.")
    if name == "managedDevices":
        unknown = {key for entry in value for key in entry if "@odata." not in key} - DEVICE
        if unknown:
            raise Invalid(
                f"The property '{min(unknown)}' does not exist on type 'microsoft.graph.appVulnerabilityManagedDevice'."
            )
    return value
