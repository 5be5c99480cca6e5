"""The large tenant as a source of the product: structs for what there is little of, one record for each kind of row.

The rows themselves are too many to go through Python in a bench of the database: `staged.py` adds them to the stage.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from integrations.sources import Page, Scores, records

from .tenant import Tenant, Version

_PAGE = 10_000
_SEVERITIES = ["Low", "Medium", "Medium", "High", "High", "Critical"]


class TenantSource:
    name = "bench"

    def __init__(self, tenant: Tenant, news: Iterable[records.Change] = ()) -> None:
        self.tenant, self._news = tenant, iter(news)

    def machines(self, after: str = "") -> Iterator[Page]:
        devices = self.tenant.size.devices
        for first in range(1, devices + 1, _PAGE):
            last = min(devices, first + _PAGE - 1)
            yield Page([machine(self.tenant, device) for device in range(first, last + 1)])

    def recommendations(self, after: str = "") -> Iterator[Page]:
        yield Page([recommendation(self.tenant, rank) for rank in self.tenant.ranks])

    def software(self, after: str = "") -> Iterator[Page]:
        """One record for each weakness of each version, on a device that has the product."""
        found = (record for version in self.tenant.versions for record in _of_version(self.tenant, version))
        yield Page(list(found))

    def configurations(self, after: str = "") -> Iterator[Page]:
        tenant = self.tenant
        yield Page([
            records.Configuration(tenant.device_id(tenant.start(rank) + 1), tenant.reference(rank), False)
            for rank in tenant.ranks if tenant.is_configuration(rank)
        ])  # fmt: skip

    def weaknesses(self, after: str = "") -> Iterator[Page]:
        for rank, versions in self.tenant.versions_of.items():
            yield Page([vulnerability(self.tenant, rank, place) for place in range(versions[0].weaknesses)])

    def expect(self, machines: int) -> None:
        """Nothing depends on it here."""

    def inventory(self, after: str = "") -> Iterator[Page]:
        return iter(())

    def changes(self, since: datetime) -> Iterator[Page]:
        while page := list(islice(self._news, _PAGE)):
            yield Page(page)

    def remediation_tasks(self) -> Iterator[Page]:
        return iter(())

    def remediation_task_devices(self, task: str) -> Iterator[Page]:
        return iter(())

    def scores(self) -> Scores:
        return Scores()


def machine(tenant: Tenant, device: int) -> records.Machine:
    return records.Machine(
        tenant.device_id(device),
        computer_dns_name=tenant.device_name(device),
        aad_device_id="" if device % 20 == 7 else f"{device:08x}-0000-4000-8000-{device:012x}",
        os_platform=tenant.system(device),
        os_version="10.0.22631",
        rbac_group_name=f"Site {tenant.group(device):02d}",
        device_value="High" if device % 10 == 0 else "Normal",
        machine_tags=["Internet facing"] if device % 50 == 0 else [],
        first_seen="2025-03-01T08:00:00Z",
        last_seen=f"{tenant.last_seen(device):%Y-%m-%dT%H:%M:%S}Z",
        onboarding_status="Onboarded",
    )


def recommendation(tenant: Tenant, rank: int) -> records.Recommendation:
    is_configuration = tenant.is_configuration(rank)
    kind = "ConfigurationChange" if is_configuration else ["Update", "Upgrade", "Uninstall"][rank % 3]
    name = f"{tenant.vendor(rank).title()} {tenant.product(rank).replace('_', ' ').title()}"
    return records.Recommendation(
        tenant.reference(rank),
        f"Turn on protection {rank}" if is_configuration else f"{kind} {name} to version {1 + rank % 40}.9.{rank}",
        kind,
        product_name=tenant.product(rank),
        vendor=tenant.vendor(rank),
        recommended_version="" if is_configuration else f"{1 + rank % 40}.9.{rank}",
        recommendation_category="SecurityControls" if is_configuration else "Application",
        severity_score=1.0 + rank % 9,
        public_exploit=rank % 5 == 0,
        active_alert=rank % 31 == 0,
        related_component="Security controls" if is_configuration else name,
        status="Active",
        tags=["EOL software"] if rank % 17 == 0 else [],
    )


def vulnerability(tenant: Tenant, rank: int, place: int) -> records.Vulnerability:
    return records.Vulnerability(
        tenant.weakness(rank, place),
        description="A weakness of the bench.",
        severity=_SEVERITIES[(rank + place) % len(_SEVERITIES)],
        cvss_v3=4 + (rank * 3 + place) % 60 / 10,
        published_on="2025-05-01T00:00:00Z",
        public_exploit=(rank + place) % 9 == 0,
        exploit_verified=(rank + place) % 27 == 0,
        epss=1 / (1 + rank + place * 3),
    )


def _of_version(tenant: Tenant, version: Version) -> Iterator[records.SoftwareWeakness]:
    for place in range(version.weaknesses or 1):
        yield records.SoftwareWeakness(
            tenant.device_id(tenant.start(version.rank) + 1),
            tenant.vendor(version.rank),
            tenant.product(version.rank),
            version.text,
            tenant.weakness(version.rank, place) if version.weaknesses else None,
            recommendation_reference=tenant.reference(version.rank),
        )
