"""The three assessment exports, row by row in a fixed order, so that they can be paged and never held whole."""

import base64
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from .catalogue import Configuration, Product, Weakness
from .dates import without_zone
from .estate import GROUP_BY_ID, applies_to
from .odata import BadQuery
from .records import VERSIONS
from .tenant import Tenant

# A place in an export: device number, then what comes after it within the device.
Position = tuple[int, int]
# Rows are encoded already: a row is glued from parts that many rows share, because hundreds of thousands are sent.
Rows = Iterator[tuple[Position, bytes]]
SOFTWARE_OF_DEVICES = (
    "SELECT device.*, product, version, installation.first_seen AS installed FROM installation"
    " JOIN device ON number = device WHERE device >= ? ORDER BY device, product, version"
)
PIECE = 256 * 1024


def weaknesses(tenant: Tenant, start: Position) -> Rows:
    """One row for each weakness of each installed version; software without any has one with cveId null."""
    shared: dict[tuple[str, str, bool], list[tuple[bytes, bytes]]] = {}
    for place, row in _numbered(tenant.store.connection.execute(SOFTWARE_OF_DEVICES, (start[0],)), start):
        key = (row["product"], row["version"], row["kind"] in "WS")
        if key not in shared:
            shared[key] = _weakness_parts(tenant.catalogue.products[key[0]], key[1], key[2])
        if place == 0:
            device = b'{"id":"' + row["id"].encode(), _inside(_device_columns(row) | {"osArchitecture": "x64"})
        seen = {
            "firstSeenTimestamp": without_zone(row["installed"], -1),
            "lastSeenTimestamp": without_zone(max(row["last_seen"], row["installed"])),
        }
        for position, (suffix, part) in enumerate(shared[key]):
            # Up to 99 weaknesses of one version fit between two places.
            here = (row["number"], place * 100 + position)
            if here >= start:
                yield here, b"".join((device[0], suffix, device[1], b",", _inside(seen), b",", part, b"}"))


def weakness_rows(row: sqlite3.Row, product: Product, seen: float, more: dict[str, Any]) -> Iterator[bytes]:
    """The same columns for one version on one device, with more of them."""
    device = _inside(_device_columns(row) | {"osArchitecture": "x64"})
    last = _inside({"firstSeenTimestamp": without_zone(seen, -1), "lastSeenTimestamp": without_zone(seen)} | more)
    for suffix, part in _weakness_parts(product, row["version"], row["kind"] in "WS"):
        yield b"".join((b'{"id":"', row["id"].encode(), suffix, device, b",", last, b",", part, b"}"))


def inventory(tenant: Tenant, start: Position) -> Rows:
    shared: dict[tuple[str, str, bool], bytes] = {}
    for place, row in _numbered(tenant.store.connection.execute(SOFTWARE_OF_DEVICES, (start[0],)), start):
        key = (row["product"], row["version"], row["kind"] in "WS")
        if key not in shared:
            shared[key] = _inside(_inventory_columns(tenant.catalogue.products[key[0]], key[1], key[2]))
        if place == 0:
            columns = _device_columns(row)
            del columns["osVersion"]
            device = _inside(columns)
        if (row["number"], place) >= start:
            seen = _inside({"softwareFirstSeenTimestamp": without_zone(row["installed"], -1)})
            yield (row["number"], place), b"".join((b"{", device, b",", seen, b",", shared[key], b"}"))


def configurations(tenant: Tenant, start: Position) -> Rows:
    """One row for each setting that a device could have."""
    failed = _failed_settings(tenant, start[0])
    settings = [(setting, _setting_parts(setting)) for setting in tenant.catalogue.configurations.values()]
    statement = "SELECT * FROM device WHERE merged_into IS NULL AND number >= ? ORDER BY number"
    for row in tenant.store.connection.execute(statement, (start[0],)):
        device = _inside(_device_columns(row) | {"timestamp": without_zone(row["last_seen"], 3)})
        lacking, reluctance = failed.get(row["number"], ()), row["number"] % 100 / 100
        for position, (setting, parts) in enumerate(settings):
            if applies_to(setting, row["kind"]) and (row["number"], position) >= start:
                part = parts[setting.scid not in lacking, reluctance < setting.user_impact]
                yield (row["number"], position), b"".join((b"{", device, b",", part, b"}"))


def stream(rows: Rows, context: str, size: int, link: str | None) -> Iterator[bytes]:
    """A page of an export as JSON in pieces; link is the address that the next page's token is appended to."""
    buffer = bytearray(b'{"@odata.context":' + msgspec.json.encode(context) + b',"value":[')
    for count, (position, row) in enumerate(rows):
        if count == size:
            buffer += b"]"
            if link is not None:
                buffer += b',"@odata.nextLink":' + msgspec.json.encode(link + to_token(position))
            yield bytes(buffer + b"}")
            return
        if count:
            buffer += b","
        buffer += row
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


def _inside(columns: dict[str, Any]) -> bytes:
    """Columns as JSON without the braces."""
    return msgspec.json.encode(columns)[1:-1]


def _weakness_parts(product: Product, version: str, on_windows: bool) -> list[tuple[bytes, bytes]]:
    """For each weakness of a version the end of its row's id, and the columns that do not depend on the device."""
    found: list[Weakness | None] = [*product.weaknesses_of[version]] or [None]
    common = {"softwareVendor": product.vendor, "softwareName": product.product, "softwareVersion": version}
    common |= _paths(product, on_windows)
    parts = []
    for weakness in found:
        suffix = f'_{product.product}_{version}_{weakness.id if weakness else ""}_",'
        parts.append((suffix.encode(), _inside(common | _weakness_columns(product, weakness))))
    return parts


def _weakness_columns(product: Product, weakness: Weakness | None) -> dict[str, Any]:
    kb = product.kb if weakness else None
    address = f"https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB{kb}"
    return {
        "cveId": weakness.id if weakness else None,
        "cvssScore": weakness.cvss if weakness else None,
        "vulnerabilitySeverityLevel": weakness.severity if weakness else None,
        "exploitabilityLevel": weakness.exploit if weakness else "NoExploit",
        "recommendationReference": product.reference if product.remediation else None,
        "recommendedSecurityUpdate": "Latest cumulative security update" if kb else None,
        "recommendedSecurityUpdateId": str(kb) if kb else None,
        "recommendedSecurityUpdateUrl": address if kb else None,
        "securityUpdateAvailable": weakness is not None and product.remediation != "Uninstall",
    }


def _inventory_columns(product: Product, version: str, on_windows: bool) -> dict[str, Any]:
    return {
        "softwareVendor": product.vendor,
        "softwareName": product.product,
        "softwareVersion": version,
        "numberOfWeaknesses": len(product.weaknesses_of[version]),
        "endOfSupportStatus": _end_of_support(product, version),
        "endOfSupportDate": product.eol,
    } | _paths(product, on_windows)


def _setting_parts(setting: Configuration) -> dict[tuple[bool, bool], bytes]:
    """The columns that do not depend on the device, by whether it complies and whether its user would notice."""
    columns = {
        "configurationId": setting.scid,
        "configurationCategory": "Security controls" if setting.category == "SecurityControls" else setting.category,
        "configurationSubcategory": setting.subcategory,
        "configurationImpact": setting.points,
        "isApplicable": True,
        "configurationName": setting.name,
        "recommendationReference": setting.reference,
    }
    return {
        (complies, noticed): _inside(columns | {"isCompliant": complies, "isExpectedUserImpact": noticed})
        for complies in (True, False)
        for noticed in (True, False)
    }


def _paths(product: Product, on_windows: bool) -> dict[str, Any]:
    path = product.path if on_windows else product.unix_path
    registry = product.registry if on_windows else None
    return {"diskPaths": [path] if path else [], "registryPaths": [registry] if registry else []}


def _end_of_support(product: Product, version: str) -> str:
    if not product.eol:
        return "None"
    if product.remediation == "Uninstall":
        return "EOS Software"
    return "EOS Version" if product.weaknesses_of[version] else "None"
