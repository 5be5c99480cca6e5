"""Builds the demo estate: the same devices, software and settings from the same seed, every time."""

import hashlib
import json
import random
import sqlite3
import time
import uuid
from dataclasses import dataclass
from typing import Any

from .catalogue import Catalogue, Configuration, Product
from .dates import DAY

DEFAULT_DEVICES = 3_000
LARGE_DEVICES = 12_500
SHARE_OF_OLD_SILENT, SHARE_OF_SILENT = 0.015, 0.035
SHARE_WITHOUT_ENTRA_ID = 0.015
SHARE_SIDE_BY_SIDE = 0.1  # runtimes whose old version stayed beside the new one


@dataclass(frozen=True)
class DeviceGroup:
    """A device group; worse than 1 means that its devices are patched later than average."""

    id: int
    name: str | None
    weight: int
    platforms: dict[str, int]
    worse: float
    prefix: str
    domain: str


GROUPS = [
    DeviceGroup(11, "Workstations EMEA", 28, {"Windows11": 70, "Windows10": 22, "macOS": 8}, 1.0, "ws", "emea"),
    DeviceGroup(12, "Workstations AMER", 20, {"Windows11": 74, "Windows10": 18, "macOS": 8}, 0.9, "ws", "amer"),
    DeviceGroup(
        13,
        "Servers – Datacenter",
        7,
        {"WindowsServer2019": 4, "WindowsServer2022": 3, "WindowsServer2016": 2, "Linux": 2},
        1.1,
        "srv",
        "dc",
    ),
    DeviceGroup(
        14, "Servers – Azure", 8, {"WindowsServer2022": 6, "WindowsServer2019": 2, "Linux": 4}, 0.7, "az", "az"
    ),
    DeviceGroup(15, "Executive", 2, {"Windows11": 80, "macOS": 20}, 0.6, "exec", "corp"),
    DeviceGroup(16, "Kiosks and shared", 25, {"Windows10": 45, "Windows11": 55}, 1.3, "kiosk", "store"),
    DeviceGroup(17, "Lab", 6, {"Windows11": 6, "Windows10": 2, "Linux": 2, "WindowsServer2022": 1}, 1.5, "lab", "lab"),
    DeviceGroup(0, None, 4, {"Windows11": 6, "Windows10": 3, "WindowsServer2019": 1}, 1.2, "pc", "corp"),
]
GROUP_BY_ID = {group.id: group for group in GROUPS}
DEPARTMENTS = ["fin", "hr", "sal", "mkt", "dev", "ops", "leg", "log"]


def kind_of(os_platform: str) -> str:
    """W for a Windows client, S for a Windows server, L for Linux, M for macOS."""
    if os_platform.startswith("WindowsServer"):
        return "S"
    return {"Linux": "L", "macOS": "M"}.get(os_platform, "W")


def share_on(product: Product, os_platform: str) -> float:
    """The share of devices of a platform that have a product; an operating system names its platform itself."""
    return product.shares.get(os_platform, product.shares.get(kind_of(os_platform), 0.0))


def applies_to(configuration: Configuration, kind: str) -> bool:
    return kind in configuration.platforms


def build(
    connection: sqlite3.Connection, catalogue: Catalogue, devices: int, large: bool, seed: str = "estate"
) -> None:
    """Replace the estate by a fresh one of so many devices."""
    for table in ("device", "installation", "noncompliance"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names from the line above)
    rng, now = random.Random(seed), time.time()  # noqa: S311
    made = [make_device(number, rng, now) for number in range(1, devices + 1)]
    _mark_duplicates(made, rng)
    insert_devices(connection, made)
    for device in made:
        if device["merged_into"] is None:
            equip(connection, catalogue, device, rng, now, large)


def make_device(number: int, rng: random.Random, now: float) -> dict[str, Any]:
    group = rng.choices(GROUPS, [group.weight for group in GROUPS])[0]
    platform = rng.choices(list(group.platforms), list(group.platforms.values()))[0]
    server = kind_of(platform) in "SL"
    without_entra = rng.random() < (0.12 if kind_of(platform) == "L" else SHARE_WITHOUT_ENTRA_ID)
    silent, last_seen = _last_report(rng, now)
    return {
        "number": number,
        "id": hashlib.sha1(f"device {number}".encode(), usedforsecurity=False).hexdigest(),
        "name": _name(group, number, rng),
        "device_group": group.id,
        "kind": kind_of(platform),
        "os_platform": platform,
        "aad_device_id": None if without_entra else str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "value": "High"
        if group.name == "Executive" or (server and rng.random() < 0.1)
        else rng.choices(["Normal", "Low"], [95, 5] if group.name != "Lab" else [60, 40])[0],
        "risk": rng.choices(["None", "Informational", "Low", "Medium", "High", None], [70, 10, 9, 5, 2, 4])[0],
        "tags": json.dumps(["Internet facing"] if server and rng.random() < 0.12 else []),
        "address": f"10.{group.id}.{number // 250 % 250}.{number % 250 + 1}",
        "first_seen": None if rng.random() < 0.004 else now - rng.uniform(40, 700) * DAY,
        "last_seen": last_seen,
        "is_silent": int(silent),
        "is_duplicate": 0,
        "merged_into": None,
    }


def _name(group: DeviceGroup, number: int, rng: random.Random) -> str:
    if group.prefix == "ws":
        return f"{rng.choice(DEPARTMENTS)}-{rng.choice(['ws', 'lt'])}-{number:05}.{group.domain}.corp.example"
    return f"{group.prefix}-{number:05}.{group.domain}.corp.example"


def _last_report(rng: random.Random, now: float) -> tuple[bool, float]:
    drawn = rng.random()
    if drawn < SHARE_OF_OLD_SILENT:
        return True, now - rng.uniform(31, 60) * DAY
    if drawn < SHARE_OF_SILENT:
        return True, now - rng.uniform(4, 29) * DAY
    return False, now - rng.uniform(0.2, 22) * 3600


def _mark_duplicates(devices: list[dict[str, Any]], rng: random.Random) -> None:
    """Some records are older copies of another device's: half of them merged, half only suspected."""
    pairs = rng.sample(devices, min(len(devices) // 2 * 2, max(4, len(devices) // 150) * 2))
    for position, (copy, original) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
        for same in ("name", "device_group", "kind", "os_platform", "aad_device_id", "value", "tags"):
            copy[same] = original[same]
        copy["is_duplicate"] = 1
        copy["is_silent"] = 1
        copy["last_seen"] = original["last_seen"] - rng.uniform(10, 60) * DAY
        copy["merged_into"] = original["id"] if position % 2 else None


def insert_devices(connection: sqlite3.Connection, devices: list[dict[str, Any]]) -> None:
    if not devices:
        return
    columns = list(devices[0])
    statement = f"INSERT INTO device ({', '.join(columns)}) VALUES ({', '.join(':' + name for name in columns)})"  # noqa: S608
    connection.executemany(statement, devices)


def equip(
    connection: sqlite3.Connection,
    catalogue: Catalogue,
    device: dict[str, Any],
    rng: random.Random,
    now: float,
    large: bool,
) -> None:
    """Install software on a device and draw which settings it fails."""
    worse = GROUP_BY_ID[device["device_group"]].worse
    installed = []
    for product in catalogue.products.values():
        if rng.random() < share_on(product, device["os_platform"]):
            version = draw_version(product, worse, rng, large)
            installed.append((device["number"], product.id, version, now - rng.uniform(1, 200) * DAY))
            if (
                product.remediation == "Upgrade"
                and version == product.versions[-1]
                and rng.random() < SHARE_SIDE_BY_SIDE
            ):
                installed.append((device["number"], product.id, product.versions[0], now - rng.uniform(200, 400) * DAY))
    connection.executemany("INSERT INTO installation VALUES (?, ?, ?, ?)", installed)
    failed = [
        (setting.scid, device["number"])
        for setting in catalogue.configurations.values()
        if applies_to(setting, device["kind"]) and rng.random() < min(0.95, setting.noncompliant * worse)
    ]
    connection.executemany("INSERT INTO noncompliance VALUES (?, ?)", failed)


def draw_version(product: Product, worse: float, rng: random.Random, large: bool = False) -> str:
    """The newest version, or an older one, the newer the likelier."""
    exposed = product.exposed * worse
    if large and product.exposed_when_large:
        exposed = product.exposed_when_large
    if product.remediation != "Uninstall" and (rng.random() >= min(0.97, exposed) or len(product.versions) == 1):
        return product.versions[-1]
    return draw_old_version(product, rng)


def draw_old_version(product: Product, rng: random.Random) -> str:
    versions = product.vulnerable_versions or product.versions[:-1] or product.versions
    return rng.choices(versions, [(position + 1) ** 2 for position in range(len(versions))])[0]
