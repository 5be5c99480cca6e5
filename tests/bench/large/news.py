"""What the source tells between two full passes: the weaknesses of the devices that left an arc, or came to it."""

from collections.abc import Iterator
from dataclasses import replace

from django.utils import timezone

from integrations.sources import records

from .tenant import STRIDE, Tenant, Version


def told(before: Tenant, moved: float) -> Iterator[records.Change]:
    """One record for each weakness that is fixed or new once the arcs have moved so far."""
    before = replace(before, now=timezone.now())
    after = replace(before, moved=moved)
    for rank in before.ranks:
        if before.is_configuration(rank):
            continue
        exposed = before.counts[rank - 1]
        steps = round(exposed * after.moved) - round(exposed * before.moved)
        for step in range(steps):
            # Not the first: the source gives it every version, one record for each weakness.
            yield from _of_device(before, rank, _device(before, rank, step + 1), "Fixed")
            yield from _of_device(after, rank, _device(before, rank, exposed + step), "New")


def _device(tenant: Tenant, rank: int, place: int) -> int:
    return (tenant.start(rank) + place * STRIDE) % tenant.size.devices + 1


def _of_device(tenant: Tenant, rank: int, device: int, status: str) -> Iterator[records.Change]:
    for version in _vulnerable(tenant, rank, device):
        for place in range(version.weaknesses):
            yield records.Change(
                device_id=tenant.device_id(device),
                software_vendor=tenant.vendor(rank),
                software_name=tenant.product(rank),
                software_version=version.text,
                cve_id=tenant.weakness(rank, place),
                recommendation_reference=tenant.reference(rank),
                status=status,
                event_timestamp=f"{tenant.now:%Y-%m-%dT%H:%M:%SZ}",
            )


def _vulnerable(tenant: Tenant, rank: int, device: int) -> list[Version]:
    """As `arcs` installs them: by the device, and one in twenty has a second one."""
    *vulnerable, _patched = tenant.versions_of[rank]
    count = len(vulnerable)
    found = [vulnerable[(device + rank) % count]]
    if count > 1 and (device * 7 + rank) % 20 == 0:
        found.append(vulnerable[(device + rank + 1) % count])
    return found
