"""The three assessment exports, row by row in a fixed order, so that they can be paged and never held whole."""

import base64
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from .catalogue import Product, Weakness
from .dates import without_zone
from .estate import GROUP_BY_ID, applies_to
from .odata import BadQuery
from .records import VERSIONS
from .tenant import Tenant

# A place in an export: device number, then what comes after it within the device.
Position = tuple[int, int]
Rows = Iterator[tuple[Position, dict[str, Any]]]
SOFTWARE_OF_DEVICES = (
    "SELECT device.*, product, version, installation.first_seen AS installed FROM installation"
    " JOIN device ON number = device WHERE device >= ? ORDER BY device, product, version"
)
PIECE = 64 * 1024


def weaknesses(tenant: Tenant, start: Position) -> Rows:
    """One row for each weakness of each installed version; software without any has one with cveId null."""
    for place, row in _numbered(tenant.store.connection.execute(SOFTWARE_OF_DEVICES, (start[0],)), start):
        product = tenant.catalogue.products[row["product"]]
        common = _weakness_row(row, product)
        found: list[Weakness | None] = [*product.weaknesses_of[row["version"]]] or [None]
        for position, weakness in enumerate(found):
            # Up to 99 weaknesses of one version fit between two places.
            here = (row["number"], place * 100 + position)
            if here >= start:
                yield here, common | _weakness_columns(row, product, weakness)


def inventory(tenant: Tenant, start: Position) -> Rows:
    for place, row in _numbered(tenant.store.connection.execute(SOFTWARE_OF_DEVICES, (start[0],)), start):
        product = tenant.catalogue.products[row["product"]]
        if (row["number"], place) >= start:
            yield (row["number"], place), _inventory_row(row, product)


def configurations(tenant: Tenant, start: Position) -> Rows:
    """One row for each setting that a device could have."""
    failed = _failed_settings(tenant, start[0])
    statement = "SELECT * FROM device WHERE merged_into IS NULL AND number >= ? ORDER BY number"
    for row in tenant.store.connection.execute(statement, (start[0],)):
        common = _device_columns(row) | {"timestamp": without_zone(row["last_seen"], 3)}
        for position, setting in enumerate(tenant.catalogue.configurations.values()):
            if not applies_to(setting, row["kind"]) or (row["number"], position) < start:
                continue
            yield (
                (row["number"], position),
                common
                | {
                    "configurationId": setting.scid,
                    "configurationCategory": "Security controls"
                    if setting.category == "SecurityControls"
                    else setting.category,
                    "configurationSubcategory": setting.subcategory,
                    "configurationImpact": setting.points,
                    "isCompliant": setting.scid not in failed.get(row["number"], ()),
                    "isApplicable": True,
                    "isExpectedUserImpact": (row["number"] % 100) / 100 < setting.user_impact,
                    "configurationName": setting.name,
                    "recommendationReference": setting.reference,
                },
            )


def stream(rows: Rows, context: str, size: int, link: str | None) -> Iterator[bytes]:
    """A page of an export as JSON in pieces; link is the address that the next page's token is appended to."""
    encoder, buffer = (
        msgspec.json.Encoder(),
        bytearray(b'{"@odata.context":' + msgspec.json.encode(context) + b',"value":['),
    )
    for count, (position, row) in enumerate(rows):
        if count == size:
            buffer += b"]"
            if link is not None:
                buffer += b',"@odata.nextLink":' + encoder.encode(link + to_token(position))
            yield bytes(buffer + b"}")
            return
        if count:
            buffer += b","
        buffer += encoder.encode(row)
        if len(buffer) > PIECE:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer + b"]}")


def to_token(position: Position) -> str:
    return base64.urlsafe_b64encode(json.dumps({"Start": position}).encode()).decode().rstrip("=")


def from_token(token: str | None) -> Position:
    if not token:
        return (0, 0)
    try:
        device, place = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["Start"]
        return int(device), int(place)
    except (ValueError, KeyError, TypeError) as unreadable:
        raise BadQuery("The skip token is not valid.") from unreadable


def _numbered(rows: sqlite3.Cursor, start: Position) -> Iterator[tuple[int, sqlite3.Row]]:
    """Number the rows of each device from 0."""
    device, place = start[0], -1
    for row in rows:
        place = place + 1 if row["number"] == device else 0
        device = row["number"]
        yield place, row


def _failed_settings(tenant: Tenant, first: int) -> dict[int, set[str]]:
    failed: dict[int, set[str]] = {}
    for device, scid in tenant.store.connection.execute(
        "SELECT device, scid FROM noncompliance WHERE device >= ?", (first,)
    ):
        failed.setdefault(device, set()).add(scid)
    return failed


def _device_columns(row: sqlite3.Row) -> dict[str, Any]:
    group = GROUP_BY_ID[row["device_group"]]
    return {
        "deviceId": row["id"],
        "deviceName": row["name"],
        "rbacGroupName": group.name or "Unassigned",
        "rbacGroupId": group.id,
        "osPlatform": row["os_platform"],
        "osVersion": VERSIONS[row["os_platform"]][0],
    }


def _weakness_row(row: sqlite3.Row, product: Product) -> dict[str, Any]:
    return _device_columns(row) | {
        "osArchitecture": "x64",
        "softwareVendor": product.vendor,
        "softwareName": product.product,
        "softwareVersion": row["version"],
        "diskPaths": _disk_paths(row, product),
        "registryPaths": [product.registry] if product.registry and row["kind"] in "WS" else [],
        "firstSeenTimestamp": without_zone(row["installed"], 0).rstrip("."),
        "lastSeenTimestamp": without_zone(max(row["last_seen"], row["installed"])),
    }


def _weakness_columns(row: sqlite3.Row, product: Product, weakness: Weakness | None) -> dict[str, Any]:
    key = f"{row['id']}_{product.product}_{row['version']}_{weakness.id if weakness else ''}_"
    update = product.kb is not None and weakness is not None
    return {
        "id": key,
        "cveId": weakness.id if weakness else None,
        "cvssScore": weakness.cvss if weakness else None,
        "vulnerabilitySeverityLevel": weakness.severity if weakness else None,
        "exploitabilityLevel": weakness.exploit if weakness else "NoExploit",
        "recommendationReference": product.reference if product.remediation else None,
        "recommendedSecurityUpdate": "Latest cumulative security update" if update else None,
        "recommendedSecurityUpdateId": str(product.kb) if update else None,
        "recommendedSecurityUpdateUrl": f"https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB{product.kb}"
        if update
        else None,
        "securityUpdateAvailable": weakness is not None and product.remediation != "Uninstall",
    }


def _inventory_row(row: sqlite3.Row, product: Product) -> dict[str, Any]:
    return {
        "deviceId": row["id"],
        "deviceName": row["name"],
        "rbacGroupName": GROUP_BY_ID[row["device_group"]].name or "Unassigned",
        "rbacGroupId": row["device_group"],
        "osPlatform": row["os_platform"],
        "softwareVendor": product.vendor,
        "softwareName": product.product,
        "softwareVersion": row["version"],
        "numberOfWeaknesses": len(product.weaknesses_of[row["version"]]),
        "diskPaths": _disk_paths(row, product),
        "registryPaths": [product.registry] if product.registry and row["kind"] in "WS" else [],
        "softwareFirstSeenTimestamp": without_zone(row["installed"], 0).rstrip("."),
        "endOfSupportStatus": _end_of_support(product, row["version"]),
        "endOfSupportDate": product.eol,
    }


def _disk_paths(row: sqlite3.Row, product: Product) -> list[str]:
    path = product.path if row["kind"] in "WS" else product.unix_path
    return [path] if path else []


def _end_of_support(product: Product, version: str) -> str:
    if not product.eol:
        return "None"
    if product.remediation == "Uninstall":
        return "EOS Software"
    return "EOS Version" if product.weaknesses_of[version] else "None"
