"""Fill an empty database with the estate and its work."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from remediation import models, roles

from .estate import GROUP_SHARES, NARROW_GROUPS, PRODUCTS, SYSTEMS, VENDORS, Estate, Size, exposures
from .loading import analyze, load, reset_sequences
from .seed_work import seed_work

SECURITY, NARROW = "bench-security", "bench-narrow"

_COUNTERS = """
INSERT INTO remediation_recommendationcounter (
    recommendation_id, group_id, exposed, total, eligible, drop_low, drop_normal, drop_high)
SELECT exposure.recommendation_id, device.group_id, COUNT(*), COUNT(*) + COUNT(*) / 4,
    SUM(CASE WHEN device.entra_device_id <> '' THEN 1 ELSE 0 END),
    0, COUNT(*) * 0.5, SUM(CASE WHEN device.value = 'high' THEN 1.5 ELSE 0 END)
FROM remediation_exposure exposure JOIN remediation_device device ON device.id = exposure.device_id
GROUP BY exposure.recommendation_id, device.group_id
"""

_TOTALS = """
UPDATE remediation_recommendation SET exposed = sums.exposed, total = sums.total
FROM (SELECT recommendation_id, SUM(exposed) AS exposed, SUM(total) AS total
      FROM remediation_recommendationcounter GROUP BY recommendation_id) sums
WHERE sums.recommendation_id = remediation_recommendation.id
"""


def run(size: Size, rounds: int) -> dict[str, Any]:
    """Seed, and say how many rows there are now."""
    estate = Estate(size)
    _people()
    _inventory(estate)
    _recommendations(estate)
    _devices_and_exposures(estate)
    _snapshots(estate)
    seed_work(estate)
    reset_sequences(models.DeviceGroup, models.Device, models.Software, models.SoftwareVersion, models.Weakness)
    reset_sequences(models.Recommendation, models.RemediationActivity, models.Ticket)
    analyze()
    return {model._meta.verbose_name_plural.title(): model.objects.count() for model in _counted()}


def _counted() -> list[type]:
    return [
        models.Device,
        models.DeviceGroup,
        models.Recommendation,
        models.Exposure,
        models.RemediationActivity,
        models.ActivityCount,
        models.ActivityDevice,
        models.Ticket,
        models.AuditEvent,
    ]


def _people() -> None:
    load(models.DeviceGroup, ["id", "name"], enumerate(GROUP_SHARES, start=1))
    security = models.User.objects.create(username=SECURITY, first_name="Sam", last_name="Ito", sees_all_groups=True)
    narrow = models.User.objects.create(username=NARROW, first_name="Noor", last_name="Aziz")
    narrow.device_groups.set(models.DeviceGroup.objects.all()[:NARROW_GROUPS])
    for person in (security, narrow):
        person.groups.set(Group.objects.filter(name=roles.SECURITY_TEAM))
    models.TicketSystem.objects.filter(key="intune").update(is_enabled=True)


def _inventory(estate: Estate) -> None:
    numbers = [number for number in range(1, estate.size.recommendations + 1) if not estate.is_configuration(number)]
    load(
        models.Software,
        ["id", "source_id", "name", "vendor"],
        ((number, f"bench-_-product_{number}", _product(number), _vendor(number)) for number in numbers),
    )
    load(
        models.SoftwareVersion,
        ["id", "software_id", "version", "risk"],
        ((key, key // 10, f"1.{key % 10}.{key % 7}", risk) for key, risk in estate.risk_of_version.items()),
    )
    severities = models.Severity.values
    load(
        models.Weakness,
        ["id", "name", "severity", "cvss", "epss", "exploit_level"],
        (
            (key, f"CVE-2026-{10_000 + key}", severities[key % 4], 4 + key % 6, 1 / key, _exploit_level(key))
            for key in range(1, estate.size.weaknesses + 1)
        ),
    )
    load(
        models.SoftwareVersion.weaknesses.through,
        ["softwareversion_id", "weakness_id"],
        (
            (version, weakness)
            for version in estate.risk_of_version
            for weakness in range(1 + version // 10 % 11, estate.size.weaknesses + 1, estate.size.weaknesses // 12)
        ),
    )


def _product(number: int) -> str:
    return f"{_vendor(number)} {PRODUCTS[number % len(PRODUCTS)]} {2010 + number % 17}"


def _vendor(number: int) -> str:
    return VENDORS[number % len(VENDORS)]


def _exploit_level(key: int) -> str:
    return models.ExploitLevel.values[key % 4] if key % 9 == 0 else models.ExploitLevel.NONE


def _recommendations(estate: Estate) -> None:
    columns = [
        "id", "source_id", "name", "remediation_type", "category", "related_component", "vendor", "software_id",
        "recommended_version", "tags", "public_exploit", "active_alert", "severity_score", "first_seen_at",
        "weaknesses", "exposure_impact", "configuration_impact",
    ]  # fmt: skip
    numbers = range(1, estate.size.recommendations + 1)
    load(models.Recommendation, columns, (_recommendation(estate, number) for number in numbers))


def _recommendation(estate: Estate, number: int) -> tuple:
    first_seen = estate.ago(number % 90)
    if estate.is_configuration(number):
        name = f"Turn on protection {number} for all users of the device"
        kind, category = models.RemediationType.CONFIGURATION_CHANGE, models.Category.SECURITY_CONTROLS
        impact = round(9 / number, 4)
        return (
            number, f"sca-_-scid-{number}", name, kind, category, "Security controls", "", None,
            "", [], False, False, 1 + number % 9, first_seen, 0, 0, impact,
        )  # fmt: skip
    kind = [models.RemediationType.UPDATE, models.RemediationType.UPGRADE, models.RemediationType.UNINSTALL][number % 3]
    name = f"Update {_product(number)} to version 2.{number}"
    tags = ["EOL software"] if number % 17 == 0 else []
    return (
        number, f"va-_-bench-_-product_{number}", name, kind, models.Category.APPLICATION, _product(number),
        _vendor(number), number, f"2.{number}", tags, number % 5 == 0, number % 31 == 0, 0, first_seen,
        1 + number % 40, round(12 / number, 4), 0,
    )  # fmt: skip


def _devices_and_exposures(estate: Estate) -> None:
    rows = list(exposures(estate))
    columns = [
        "id", "source_id", "name", "entra_device_id", "os_platform", "group_id", "value", "first_seen_at",
        "last_seen_at", "risk_sum", "exposure_level",
    ]  # fmt: skip
    load(models.Device, columns, (_device(estate, number) for number in range(estate.size.devices)))
    load(models.Exposure, ["recommendation_id", "device_id", "version_id", "first_seen_at"], rows)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_COUNTERS)
        cursor.execute(_TOTALS)


def _device(estate: Estate, number: int) -> tuple:
    entra_device_id = "" if number % 20 == 7 else str(UUID(int=number + 1))
    value = models.DeviceValue.HIGH if number % 10 == 0 else models.DeviceValue.NORMAL
    risk = estate.device_risk[number]
    levels = models.ExposureLevel.values
    level = levels[min(3, int(risk / 15))]
    return (
        number + 1, f"{number:040x}", f"ws-{number:05d}.corp.example", entra_device_id, SYSTEMS[number % len(SYSTEMS)],
        estate.group_of[number], value, estate.ago(200), estate.ago(number % 32), risk, level,
    )  # fmt: skip


def _snapshots(estate: Estate) -> None:
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in range(estate.size.days)]
    devices = {group: estate.group_of.count(group) for group in range(1, len(GROUP_SHARES) + 1)}
    load(
        models.ScoreSnapshot,
        ["day", "group_id", "devices_normal", "score_normal", "level_low", "level_medium", "level_high"],
        (
            (day, group, count, count * (40 + day.day % 9), count // 2, count // 4, count // 4)
            for day in days
            for group, count in devices.items()
        ),
        published_at=estate.now,
        model_version=1,
    )
    load(
        models.OrganisationScore,
        ["day", "exposure", "configuration"],
        ((day, 40 + day.day % 9, 60 + day.day % 5) for day in days),
        published_at=estate.now,
        model_version=1,
    )
