"""The columns that every list of exposed devices has. `at` leads from a row to its device: "" where it is the row."""

from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy

from .. import cells
from .base import Column


def device(at: str, key: str) -> Column:
    return Column(
        gettext_lazy("Device"),
        lambda row: cells.device(row[key], row[f"{at}name"], row[f"{at}os_platform"]),
        sort=f"{at}name",
        head=True,
        csv=[("device", F(f"{at}name")), ("os", F(f"{at}os_platform"))],
    )


def group(at: str) -> Column:
    return Column(
        gettext_lazy("Device group"),
        lambda row: row[f"{at}group__name"],
        sort=f"{at}group__name",
        css="two hide-s",
        csv=[("device_group", F(f"{at}group__name"))],
    )


def exposure(at: str) -> Column:
    return Column(
        gettext_lazy("Exposure"),
        lambda row: cells.level(row[f"{at}exposure_level"]),
        sort=f"{at}risk_sum",
        css="hide-s",
        csv=[("exposure_level", F(f"{at}exposure_level"))],
    )


def seen(at: str) -> Column:
    return Column(
        gettext_lazy("Last seen"),
        lambda row: cells.moment(row[f"{at}last_seen_at"]),
        sort=f"{at}last_seen_at",
        css="num muted hide-s",
        csv=[("last_seen_at", F(f"{at}last_seen_at"))],
    )


def fields(at: str) -> tuple[str, ...]:
    """What these columns read."""
    return tuple(f"{at}{name}" for name in ("name", "os_platform", "group__name", "exposure_level", "last_seen_at"))


def identity(at: str) -> list[tuple[str, Any]]:
    """What only the file has of a device."""
    names = {
        "device_id": "source_id",
        "entra_device_id": "entra_device_id",
        "os_version": "os_version",
        "value": "value",
    }
    return [(name, F(f"{at}{field}")) for name, field in names.items()]
