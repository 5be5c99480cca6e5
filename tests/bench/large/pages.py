"""What each page costs at this size, for a reader of everything and one of some device groups."""

from typing import Any

from remediation.models import Device, Recommendation, Software, User, Weakness

from ..exports import measured as measured_export
from ..pages import measured
from ..people import signed_in
from .addresses import EXPORT, PAGES, PARTS, ROUNDS
from .seed import READERS
from .tenant import Tenant


def run(tenant: Tenant) -> dict[str, Any]:
    return measure(tenant, ROUNDS)


def export(tenant: Tenant) -> dict[str, Any]:
    return measured_export(signed_in(READERS["all groups"]), EXPORT.format(**numbers(tenant)), rounds=3)


def measure(tenant: Tenant, rounds: int) -> dict[str, Any]:
    here = numbers(tenant)
    asked = {name: (url, {}) for name, url in PAGES.items()} | PARTS
    return {
        reader: {
            name: measured(signed_in(username), url.format(**here), headers, rounds)
            for name, (url, headers) in asked.items()
        }
        for reader, username in READERS.items()
    }


def numbers(tenant: Tenant) -> dict[str, int]:
    """What the addresses name: recommendations by what they expose, activities as they were made."""
    widest, second = Recommendation.objects.order_by("-exposed", "pk").values_list("pk", flat=True)[:2]
    return {
        "widest": widest,
        "recommendation": second,
        "large": 1,
        "activity": tenant.size.activities_with_devices,
        "software": Software.objects.order_by("-exposed", "pk").values_list("pk", flat=True)[1],
        "weakness": Weakness.objects.order_by("-exposed", "pk").values_list("pk", flat=True)[1],
        "device": _device_of_some_groups(),
    }


def _device_of_some_groups() -> int:
    """One that each of the readers may see."""
    reader = User.objects.get(username=READERS["10 of 40 groups"])
    return Device.objects.visible_to(reader).order_by("-risk_sum").values_list("pk", flat=True)[0]
