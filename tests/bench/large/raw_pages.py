"""The source's answers as files, prepared beforehand: 50,000 records a page, in the form and length of real ones."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from integrations.sources.defender import API, EXPORT_PAGE, LIST_PAGE, WEAKNESS_PAGE

from . import arcs, source
from .server import path_of
from .tenant import Tenant, Version

SOFTWARE = "machines/SoftwareVulnerabilitiesByMachine"
CONFIGURATIONS = "machines/SecureConfigurationsAssessmentByMachine"
# Of the records, so many are of configurations.
_OF_CONFIGURATIONS = 0.15
_SHARED = {
    "osArchitecture": "x64", "osVersion": "10.0.22631.4317", "lastSeenTimestamp": "2026-11-20 08:14:05.1234567",
    "firstSeenTimestamp": "2026-02-11 17:03:22.7654321", "exploitabilityLevel": "ExploitIsPublic", "cvssScore": 7.8,
    "recommendedSecurityUpdate": "November 2026 Security Updates", "recommendedSecurityUpdateId": "5066835",
    "recommendedSecurityUpdateUrl": "https://catalog.update.example/v7/site/Search.aspx?q=KB5066835",
    "securityUpdateAvailable": True, "vulnerabilitySeverityLevel": "High", "cveMitigationStatus": None,
}  # fmt: skip


def write(tenant: Tenant, folder: Path) -> dict[str, int]:
    """Files named by route and page; returns how many records each export has."""
    _list(folder, "machines", (source.machine(tenant, one) for one in _devices(tenant)), LIST_PAGE)
    _list(folder, "recommendations", (source.recommendation(tenant, rank) for rank in tenant.ranks), LIST_PAGE)
    weaknesses = (record for page in source.TenantSource(tenant).weaknesses() for record in page.records)
    _list(folder, "vulnerabilities", weaknesses, WEAKNESS_PAGE)
    return {
        "software": _pages(folder, SOFTWARE, _software(_with_software(tenant))),
        "configurations": _pages(folder, CONFIGURATIONS, _configurations(_with_configurations(tenant))),
    }


def _with_software(tenant: Tenant) -> Tenant:
    """With so few exposures that their weaknesses come to so many records: a version has many."""
    records = tenant.size.records * (1 - _OF_CONFIGURATIONS)
    by_rank = {rank: sum(version.weaknesses for version in found) / (len(found) - 1)
               for rank, found in tenant.versions_of.items()}  # fmt: skip
    software = sum(tenant.counts[rank - 1] * weight for rank, weight in by_rank.items())
    return Tenant(tenant.size, exposures=round(tenant.size.exposures * records / (software * 1.05)), now=tenant.now)


def _with_configurations(tenant: Tenant) -> Tenant:
    """With so many exposures that the settings, compliant or not, come to so many records."""
    share = 2 * tenant.size.configurations / tenant.size.recommendations
    return Tenant(tenant.size, exposures=round(tenant.size.records * _OF_CONFIGURATIONS / share), now=tenant.now)


def _devices(tenant: Tenant) -> range:
    return range(1, tenant.size.devices + 1)


def _list(folder: Path, route: str, records: Iterator[Any], size: int) -> None:
    _pages(folder, route, (msgspec.json.encode(record) for record in records), size)


def _pages(folder: Path, route: str, rows: Iterator[bytes], size: int = EXPORT_PAGE) -> int:
    """All but the last page name the next one."""
    count = page = 0
    waiting = list(islice(rows, size))
    while waiting:
        following = list(islice(rows, size))
        link = f'"@odata.nextLink":"{API}/{route}?page={page + 1}",' if following else ""
        with path_of(folder, route, page).open("wb") as file:
            file.write(f'{{"@odata.context":"bench",{link}"value":['.encode())
            file.write(b",\n".join(waiting))
            file.write(b"]}")
        count, page, waiting = count + len(waiting), page + 1, following
    return count


def _rows(tenant: Tenant, fill: Callable[[Tenant, arcs.Execute], None], select: str) -> Iterator[tuple]:
    database = sqlite3.connect(":memory:", isolation_level=None)
    arcs.lay(tenant, database.execute)
    fill(tenant, database.execute)
    return database.execute(select)


def _software(tenant: Tenant) -> Iterator[bytes]:
    ends = [_ends(tenant, version) for version in tenant.versions]
    rows = _rows(tenant, arcs.install, "SELECT n, v FROM bench_installation ORDER BY n, v")
    return _joined(tenant, rows, lambda row: ends[row[1]])


def _configurations(tenant: Tenant) -> Iterator[bytes]:
    ranks = [rank for rank in tenant.ranks if tenant.is_configuration(rank)]
    ends = [[[_setting(tenant, rank, is_compliant)] for is_compliant in (False, True)] for rank in ranks]
    rows = _rows(tenant, arcs.configure, "SELECT n, c, is_compliant FROM bench_configuration ORDER BY n, c")
    return _joined(tenant, rows, lambda row: ends[row[1] - 1][row[2]])


def _joined(tenant: Tenant, rows: Iterable[tuple], ends_of: Callable[[tuple], list[bytes]]) -> Iterator[bytes]:
    """A device's beginning with each of its ends: most of a record is the same for many."""
    last, start = 0, b""
    for row in rows:
        if row[0] != last:
            last, start = row[0], _start(tenant, row[0])
        for end in ends_of(row):
            yield start + end


def _start(tenant: Tenant, device: int) -> bytes:
    facts = {
        "deviceId": tenant.device_id(device),
        "rbacGroupName": f"Site {tenant.group(device):02d}",
        "deviceName": tenant.device_name(device),
        "osPlatform": tenant.system(device),
    }
    return json.dumps(facts).encode()[:-1] + b","


def _ends(tenant: Tenant, version: Version) -> list[bytes]:
    product = tenant.product(version.rank)
    facts = _SHARED | {
        "softwareVendor": tenant.vendor(version.rank),
        "softwareName": product,
        "softwareVersion": version.text,
        "recommendationReference": tenant.reference(version.rank),
        "diskPaths": [f"c:\\program files\\{product}\\bin\\{product}.exe"],
        "registryPaths": [f"HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{product}"],
    }
    names = [tenant.weakness(version.rank, place) for place in range(version.weaknesses)] or [None]
    return [
        json.dumps({"id": f"{product}_{version.text}_{name}_", "cveId": name} | facts).encode()[1:] for name in names
    ]


def _setting(tenant: Tenant, rank: int, is_compliant: bool) -> bytes:
    facts = {
        "timestamp": "2026-11-20 08:14:05.123", "configurationId": f"scid-{rank}",
        "configurationCategory": "Security controls", "configurationSubcategory": "Attack surface reduction",
        "configurationImpact": 9.0, "isCompliant": is_compliant, "isApplicable": True, "isExpectedUserImpact": False,
        "configurationName": f"Turn on protection {rank}", "recommendationReference": tenant.reference(rank),
    }  # fmt: skip
    return json.dumps(facts).encode()[1:]
