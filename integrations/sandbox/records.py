"""The entities of the Defender API, made from the estate."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from .catalogue import Configuration, Product, Weakness
from .dates import DAY, SENTINEL, with_milliseconds, with_seven_digits
from .estate import GROUP_BY_ID
from .figures import Counts, exposure_level, is_exposed
from .tenant import Tenant

VERSIONS = {
    "Windows11": ("24H2", 26100),
    "Windows10": ("22H2", 19045),
    "WindowsServer2016": ("1607", 14393),
    "WindowsServer2019": ("1809", 17763),
    "WindowsServer2022": ("21H2", 20348),
    "Linux": ("22.4", None),
    "macOS": ("15.0", None),
}
# When the demo's estate was connected to the cloud.
JOINED = datetime(2025, 1, 20, 9, tzinfo=UTC).timestamp()


def recommendations(tenant: Tenant) -> Iterator[dict[str, Any]]:
    """Every recommendation that applies to a device now, costliest first."""
    counted = tenant.figures().recommendations
    known: dict[str, Product | Configuration] = {**tenant.catalogue.recommended, **tenant.catalogue.settings}
    for reference in sorted(known, key=lambda name: -counted[name].impact):
        if counted[reference].total:
            yield recommendation(known[reference], counted[reference])


def recommendation(subject: Product | Configuration, counts: Counts) -> dict[str, Any]:
    common = {
        "id": subject.reference,
        "status": "Active",
        "totalMachineCount": counts.total,
        "exposedMachinesCount": counts.exposed,
        "exposedCriticalDevices": counts.critical,
        "hasUnpatchableCve": False,
    }
    if isinstance(subject, Product):
        return common | _of_product(subject, counts)
    return common | _of_setting(subject, counts)


def _of_product(product: Product, counts: Counts) -> dict[str, Any]:
    exploited = any(weakness.exploit != "NoExploit" for weakness, _ in product.weaknesses)
    eol = ["EOL software" if product.remediation == "Uninstall" else "EOL versions installed"] if product.eol else []
    return {
        "productName": product.product,
        "recommendationName": product.recommendation,
        "weaknesses": len(product.weaknesses),
        "vendor": product.vendor,
        "recommendedVersion": product.recommended_version,
        "recommendedVendor": "",
        "recommendedProgram": "",
        "recommendationCategory": "OS" if product.os else "Application",
        "subCategory": "",
        "severityScore": 0.0,
        "publicExploit": exploited,
        "activeAlert": product.alert and counts.exposed > 0,
        "associatedThreats": product.threats,
        "remediationType": product.remediation,
        "configScoreImpact": 0.0,
        "exposureImpact": round(counts.impact, 6),
        "nonProductivityImpactedAssets": 0,
        "relatedComponent": product.title,
        "hasUnpatchableCve": any(fixed_in is None for _, fixed_in in product.weaknesses),
        "tags": product.tags + eol,
    }


def _of_setting(setting: Configuration, counts: Counts) -> dict[str, Any]:
    return {
        "productName": setting.subcategory.lower().replace(" ", "_") or "windows",
        "recommendationName": setting.name,
        "weaknesses": 1,
        "vendor": "",
        "recommendedVersion": "",
        "recommendedVendor": "",
        "recommendedProgram": "",
        "recommendationCategory": setting.category,
        "subCategory": setting.subcategory,
        "severityScore": float(setting.points),
        "publicExploit": False,
        "activeAlert": False,
        "associatedThreats": [],
        "remediationType": "ConfigurationChange",
        "configScoreImpact": round(counts.impact, 6),
        "exposureImpact": 0.0,
        "nonProductivityImpactedAssets": round(counts.exposed * (1 - setting.user_impact)),
        "relatedComponent": setting.subcategory or setting.category,
        "tags": [],
    }


def machines(tenant: Tenant) -> Iterator[dict[str, Any]]:
    scores = tenant.figures().device_scores
    for row in tenant.store.connection.execute("SELECT * FROM device ORDER BY number"):
        yield machine(row, scores.get(row["number"], 0.0))


def machine(row: sqlite3.Row, score: float) -> dict[str, Any]:
    """One device; the shape follows captured records, with the group's id as an integer."""
    return _identity(row) | _condition(row) | {"exposureLevel": exposure_level(score)}


def _identity(row: sqlite3.Row) -> dict[str, Any]:
    version, build = VERSIONS[row["os_platform"]]
    return {
        "id": row["id"],
        "mergedIntoMachineId": row["merged_into"],
        "isPotentialDuplication": bool(row["is_duplicate"]),
        "isExcluded": False,
        "exclusionReason": None,
        "computerDnsName": row["name"],
        "firstSeen": SENTINEL if row["first_seen"] is None else with_seven_digits(row["first_seen"]),
        "lastSeen": with_seven_digits(row["last_seen"]),
        "osPlatform": row["os_platform"],
        "osVersion": None,
        "osProcessor": "x64",
        "osArchitecture": "64-bit",
        "version": version,
        "osBuild": build,
        "aadDeviceId": row["aad_device_id"],
        "isAadJoined": row["aad_device_id"] is not None,
        "agentVersion": "10.8805.26100.1",
        "vmMetadata": None,
    }


def _condition(row: sqlite3.Row) -> dict[str, Any]:
    address, group, managed = row["address"], GROUP_BY_ID[row["device_group"]], row["aad_device_id"] is not None
    return {
        "lastIpAddress": address,
        "lastExternalIpAddress": f"203.0.113.{row['number'] % 250}",
        "healthStatus": "Inactive" if row["is_silent"] else "Active",
        "deviceValue": row["value"],
        "rbacGroupId": group.id,
        "rbacGroupName": group.name,
        "riskScore": row["risk"],
        "machineTags": ["Internet facing"] if "Internet" in row["tags"] else [],
        "onboardingStatus": "Onboarded",
        "managedBy": "Intune" if managed else "Unknown",
        "managedByStatus": "Success" if managed else "Unknown",
        "ipAddresses": [
            {"ipAddress": address, "macAddress": row["id"][:12].upper(), "type": "Ethernet", "operationalStatus": "Up"},
            {"ipAddress": "127.0.0.1", "macAddress": None, "type": "SoftwareLoopback", "operationalStatus": "Up"},
        ],
    }


def machine_reference(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "computerDnsName": row["name"],
        "osPlatform": row["os_platform"],
        "rbacGroupName": GROUP_BY_ID[row["device_group"]].name or "UnassignedGroup",
    }


def software(tenant: Tenant, product: Product) -> dict[str, Any]:
    counts = tenant.figures().recommendations[product.reference]
    return {
        "id": product.id,
        "name": product.product,
        "vendor": product.vendor,
        "weaknesses": len(product.weaknesses),
        "publicExploit": any(weakness.exploit != "NoExploit" for weakness, _ in product.weaknesses),
        "activeAlert": product.alert and counts.exposed > 0,
        "exposedMachines": counts.exposed,
        "impactScore": round(counts.impact, 6),
    }


def vulnerability(tenant: Tenant, weakness: Weakness) -> dict[str, Any]:
    """One weakness; here the dates come without a fraction, with milliseconds, or not at all."""
    exposed = tenant.figures().weakness_devices.get(weakness.id, 0)
    verified = weakness.exploit in ("ExploitIsVerified", "ExploitIsInKit")
    return {
        "id": weakness.id,
        "name": weakness.id,
        "description": weakness.description,
        "severity": weakness.severity,
        "cvssV3": weakness.cvss,
        "cvssVector": None,
        "exposedMachines": exposed,
        "publishedOn": f"{weakness.published}T00:00:00Z",
        "updatedOn": SENTINEL if weakness.severity == "Low" else f"{weakness.published}T07:00:00Z",
        "firstDetected": with_milliseconds(_first_detected(weakness)),
        "publicExploit": weakness.exploit != "NoExploit",
        "exploitVerified": verified,
        "exploitInKit": weakness.exploit == "ExploitIsInKit",
        "exploitTypes": ["Local privilege escalation"] if verified and weakness.cvss < 8 else [],
        "exploitUris": [],
        "cveSupportability": "Supported",
        "tags": [],
        "epss": weakness.epss,
    }


def _first_detected(weakness: Weakness) -> float:
    """Some days after the publication, the same ones every time; what is older was there when the estate joined."""
    published = datetime.fromisoformat(weakness.published).replace(tzinfo=UTC).timestamp()
    lag = 1 + crc32(weakness.id.encode()) % 9
    return max(JOINED, published + lag * DAY)


def exposed_rows(tenant: Tenant, subject: Product | Configuration) -> list[sqlite3.Row]:
    """The device rows that a recommendation is about."""
    if isinstance(subject, Configuration):
        return tenant.store.rows(
            "SELECT device.* FROM noncompliance JOIN device ON number = device WHERE scid = ? ORDER BY number",
            subject.scid,
        )
    rows = tenant.store.rows(
        "SELECT device.*, version FROM installation JOIN device ON number = device WHERE product = ? ORDER BY number",
        subject.id,
    )
    return list({row["number"]: row for row in rows if is_exposed(subject, row["version"])}.values())
