"""What happens to the estate: devices get fixed, become exposed, report, fall silent; days pass."""

import math
import random
import sqlite3
from collections.abc import Iterable

from . import changes
from .catalogue import Configuration, Product
from .dates import DAY
from .estate import GROUP_BY_ID, applies_to, draw_old_version, share_on
from .figures import is_exposed
from .tenant import Tenant

SHARE_WOKEN, SHARE_FALLEN_SILENT, SHARE_DRIFTING = 0.05, 0.003, 0.002


class UnknownRecommendation(LookupError):
    """No recommendation has this id."""


def fix(tenant: Tenant, recommendation: str, percent: float, group: int | None = None) -> int:
    """Fix so many percent of the exposed devices; they report at once. Answers how many."""
    subject = _subject(tenant, recommendation)
    chosen = _share(tenant, exposed_devices(tenant, subject, group), percent)
    with tenant.store.writing() as connection:
        if isinstance(subject, Product):
            _install_recommended(connection, subject, chosen, tenant.now())
        else:
            connection.executemany(
                "DELETE FROM noncompliance WHERE scid = ? AND device = ?", [(subject.scid, n) for n in chosen]
            )
        _report(connection, chosen, tenant.now())
    tenant.changed()
    return len(chosen)


def expose(tenant: Tenant, recommendation: str, percent: float, group: int | None = None) -> int:
    """Expose so many percent of the devices that could be and are not; they report at once. Answers how many."""
    subject = _subject(tenant, recommendation)
    chosen = _share(tenant, _candidates(tenant, subject, group), percent)
    with tenant.store.writing() as connection:
        _worsen(connection, subject, chosen, tenant)
        _report(connection, chosen, tenant.now())
    tenant.changed()
    return len(chosen)


def next_day(tenant: Tenant, days: int = 1) -> int:
    """Move every recorded date into the past, then let all but the silent devices report. Answers how many reported."""
    reported = 0
    for _ in range(days):
        with tenant.store.writing() as connection:
            connection.execute("UPDATE device SET first_seen = first_seen - ?, last_seen = last_seen - ?", (DAY, DAY))
            connection.execute("UPDATE installation SET first_seen = first_seen - ?", (DAY,))
            changes.forget_old(connection, tenant.now())
            _churn(connection, tenant)
            reported = _report_all(connection, tenant.random, tenant.now())
    tenant.changed()
    return reported


def catch_up(tenant: Tenant) -> None:
    """After a long stop, let the devices have reported as if the stand-in had been running."""
    newest = tenant.store.row("SELECT MAX(last_seen) FROM device")
    if newest and newest[0] and newest[0] < tenant.now() - DAY / 2:
        with tenant.store.writing() as connection:
            _report_all(connection, tenant.random, tenant.now())
        tenant.changed()


def exposed_devices(tenant: Tenant, subject: Product | Configuration, group: int | None = None) -> list[int]:
    """Numbers of the exposed devices, in a fixed order that is not the order of their numbers."""
    if isinstance(subject, Product):
        statement = "SELECT version, device FROM installation JOIN device ON number = device WHERE product = ?"
        rows = tenant.store.rows(
            statement + " AND device_group = IFNULL(?, device_group) ORDER BY id", subject.id, group
        )
        return list(dict.fromkeys(row["device"] for row in rows if is_exposed(subject, row["version"])))
    statement = "SELECT device FROM noncompliance JOIN device ON number = device WHERE scid = ?"
    rows = tenant.store.rows(statement + " AND device_group = IFNULL(?, device_group) ORDER BY id", subject.scid, group)
    return [row["device"] for row in rows]


def _subject(tenant: Tenant, recommendation: str) -> Product | Configuration:
    found = tenant.catalogue.recommended.get(recommendation) or tenant.catalogue.settings.get(recommendation)
    if found is None:
        raise UnknownRecommendation(recommendation)
    return found


def _share(tenant: Tenant, devices: list[int], percent: float) -> list[int]:
    count = math.ceil(len(devices) * min(100.0, max(0.0, percent)) / 100)
    return devices[:count] if percent >= 100 else sorted(tenant.random.sample(devices, count))


def _candidates(tenant: Tenant, subject: Product | Configuration, group: int | None) -> list[int]:
    exposed = set(exposed_devices(tenant, subject))
    statement = (
        "SELECT * FROM device WHERE merged_into IS NULL AND is_duplicate = 0 AND device_group = IFNULL(?, device_group)"
    )
    rows = tenant.store.rows(statement + " ORDER BY id", group)
    if isinstance(subject, Product):
        fitting = (row["number"] for row in rows if share_on(subject, row["os_platform"]) > 0)
    else:
        fitting = (row["number"] for row in rows if applies_to(subject, row["kind"]))
    return [number for number in fitting if number not in exposed]


def _install_recommended(connection: sqlite3.Connection, product: Product, devices: list[int], now: float) -> None:
    changes.gone(connection, devices, product.id, now)
    removed = [(number, product.id) for number in devices]
    connection.executemany("DELETE FROM installation WHERE device = ? AND product = ?", removed)
    if product.remediation != "Uninstall":
        installed = [(number, product.id, product.recommended_version, now) for number in devices]
        connection.executemany("INSERT INTO installation VALUES (?, ?, ?, ?)", installed)
        changes.installed(connection, installed)


def _worsen(
    connection: sqlite3.Connection, subject: Product | Configuration, devices: list[int], tenant: Tenant
) -> None:
    if isinstance(subject, Configuration):
        connection.executemany(
            "INSERT OR IGNORE INTO noncompliance VALUES (?, ?)", [(subject.scid, n) for n in devices]
        )
        return
    changes.gone(connection, devices, subject.id, tenant.now())
    connection.executemany(
        "DELETE FROM installation WHERE device = ? AND product = ?", [(n, subject.id) for n in devices]
    )
    worse = [(n, subject.id, draw_old_version(subject, tenant.random), tenant.now()) for n in devices]
    connection.executemany("INSERT INTO installation VALUES (?, ?, ?, ?)", worse)
    changes.installed(connection, worse)


def _report(connection: sqlite3.Connection, devices: Iterable[int], now: float) -> None:
    connection.executemany(
        "UPDATE device SET last_seen = ?, is_silent = 0 WHERE number = ?", [(now, n) for n in devices]
    )


def _report_all(connection: sqlite3.Connection, draw: random.Random, now: float) -> int:
    numbers = [
        row[0] for row in connection.execute("SELECT number FROM device WHERE is_silent = 0 AND merged_into IS NULL")
    ]
    moments = [(now - draw.uniform(0, 6) * 3600, number) for number in numbers]
    connection.executemany("UPDATE device SET last_seen = MAX(last_seen, ?) WHERE number = ?", moments)
    return len(moments)


def _churn(connection: sqlite3.Connection, tenant: Tenant) -> None:
    """A few devices wake, a few fall silent, a few settings and versions drift for better or worse."""
    draw = tenant.random
    devices = connection.execute("SELECT * FROM device WHERE merged_into IS NULL AND is_duplicate = 0").fetchall()
    flipped = [
        (1 - row["is_silent"], row["number"])
        for row in devices
        if draw.random() < (SHARE_WOKEN if row["is_silent"] else SHARE_FALLEN_SILENT)
    ]
    connection.executemany("UPDATE device SET is_silent = ? WHERE number = ?", flipped)
    for product in tenant.catalogue.recommended.values():
        if product.remediation != "Uninstall":
            fitting = [row for row in devices if not row["is_silent"] and share_on(product, row["os_platform"])]
            drifting = [
                row["number"]
                for row in fitting
                if draw.random() < SHARE_DRIFTING * GROUP_BY_ID[row["device_group"]].worse
            ]
            _drift(connection, product, drifting, tenant)


def _drift(connection: sqlite3.Connection, product: Product, devices: list[int], tenant: Tenant) -> None:
    """Of devices that have a product, some update it by themselves; that few get an old one is the exception."""
    having = [
        n
        for n in devices
        if connection.execute("SELECT 1 FROM installation WHERE device = ? AND product = ?", (n, product.id)).fetchone()
    ]
    worse = [number for number in having if tenant.random.random() < 0.3]
    _worsen(connection, product, worse, tenant)
    _install_recommended(connection, product, [n for n in having if n not in worse], tenant.now())
