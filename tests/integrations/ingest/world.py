"""A small tenant in memory, read through the real decoder: a test changes it and syncs again."""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta

from integrations.ingest.running import run_sync
from integrations.models import SyncRun
from integrations.sources import Page, Scores, SourceError, pages, records

REFERENCE = "va-_-contoso-_-reader"
SETTING = "sca-_-scid-1"


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%S.%f7Z")


def device_id(number: int) -> str:
    return f"{number:040x}"


class World:
    """Lists of records as the API writes them. `breaks` names parts that fail after their first page."""

    name = "defender"

    def __init__(self, devices: int = 4) -> None:
        self.lists: dict[str, list] = {
            part: []
            for part in (
                "machines",
                "recommendations",
                "software",
                "configurations",
                "products",
                "installed",
                "changes",
                "tasks",
            )
        }
        # By task: number and group of its exposed devices.
        self.task_devices: dict[str, list[tuple[int, str]]] = {}
        self.lists["weaknesses"] = [
            {
                "id": f"CVE-2026-{n}",
                "severity": "High",
                "cvssV3": 8.0,
                "epss": 0.1,
                "publishedOn": "2026-01-02T00:00:00Z",
            }
            for n in (1, 2, 3)
        ]
        self.breaks: set[str] = set()
        self.asked: list[tuple[str, int]] = []
        # The moment that its pages speak of, where they come from files.
        self.as_of: datetime | None = None
        self.add_recommendation(REFERENCE, "Update Contoso Reader", "Update", relatedComponent="Contoso Reader")
        self.add_recommendation(
            SETTING,
            "Turn on the shield",
            "ConfigurationChange",
            recommendationCategory="SecurityControls",
            severityScore=8.0,
        )
        for number in range(1, devices + 1):
            self.add_machine(number)
            self.install(number, "1.0", "CVE-2026-1")
            self.comply(number, False)

    def add_recommendation(self, reference: str, name: str, kind: str, **more) -> None:
        record = {"id": reference, "recommendationName": name, "remediationType": kind, "status": "Active"}
        self.lists["recommendations"].append(record | {"recommendationCategory": "Application"} | more)

    def add_machine(self, number: int, **more) -> None:
        record = {
            "id": device_id(number), "computerDnsName": f"pc-{number}", "osPlatform": "Windows11",
            "lastSeen": ago(hours=1), "firstSeen": ago(days=90), "rbacGroupName": "Berlin",
            "deviceValue": "Normal", "machineTags": [],
            "aadDeviceId": f"00000000-0000-4000-8000-{number:012d}", "onboardingStatus": "Onboarded",
        }  # fmt: skip
        self.lists["machines"].append(record | more)

    def install(self, number: int, version: str, cve: str | None, name: str = "reader", **more) -> None:
        record = {
            "deviceId": device_id(number), "softwareVendor": "contoso", "softwareName": name,
            "softwareVersion": version, "cveId": cve, "cvssScore": 8.0,
            "vulnerabilitySeverityLevel": "High", "exploitabilityLevel": "NoExploit",
            "recommendationReference": f"va-_-contoso-_-{name}", "diskPaths": [f"c:\\{name}\\{version}"],
            "registryPaths": [], "recommendedSecurityUpdateId": "KB5000001",
        }  # fmt: skip
        self.lists["software"].append(record | more)

    def uninstall(self, number: int) -> None:
        self.lists["software"] = [row for row in self.lists["software"] if row["deviceId"] != device_id(number)]

    def update(self, number: int, version: str = "2.0", cve: str | None = None) -> None:
        """Another version is there instead, reported just now."""
        self.uninstall(number)
        self.install(number, version, cve)
        self.report(number)

    def comply(self, number: int, is_compliant: bool, **more) -> None:
        mine = device_id(number)
        self.lists["configurations"] = [row for row in self.lists["configurations"] if row["deviceId"] != mine]
        record = {
            "deviceId": mine,
            "recommendationReference": SETTING,
            "isCompliant": is_compliant,
            "isApplicable": True,
        }
        self.lists["configurations"].append(record | more)

    def report(self, number: int, when: str | None = None) -> None:
        self.machine(number)["lastSeen"] = when or ago(seconds=0)

    def machine(self, number: int) -> dict:
        return next(row for row in self.lists["machines"] if row["id"] == device_id(number))

    def remove_machine(self, number: int) -> None:
        mine = device_id(number)
        for part in ("software", "configurations"):
            self.lists[part] = [row for row in self.lists[part] if row["deviceId"] != mine]
        self.lists["machines"] = [row for row in self.lists["machines"] if row["id"] != mine]

    def copy(self) -> "World":
        return deepcopy(self)

    def _pages(self, part: str, after: str, kind: type, size: int = 3) -> Iterator[Page]:
        """A page's bookmark is the number of records up to its end."""
        found = self.lists[part]
        for start in range(int(after or 0), len(found) or 1, size):
            self.asked.append((part, start))
            page = pages.read_page(json.dumps({"value": found[start : start + size]}).encode(), kind)
            page.bookmark = str(start + size)
            page.as_of = self.as_of
            yield page
            if part in self.breaks:
                raise SourceError("The source answered 500.")

    def machines(self, after: str = "") -> Iterator[Page]:
        return self._pages("machines", after, records.Machine)

    def recommendations(self, after: str = "") -> Iterator[Page]:
        return self._pages("recommendations", after, records.Recommendation)

    def software(self, after: str = "") -> Iterator[Page]:
        return self._pages("software", after, records.SoftwareWeakness)

    def configurations(self, after: str = "") -> Iterator[Page]:
        return self._pages("configurations", after, records.Configuration)

    def weaknesses(self, after: str = "") -> Iterator[Page]:
        return self._pages("weaknesses", after, records.Vulnerability)

    def expect(self, machines: int) -> None:
        pass

    def inventory(self, after: str = "") -> Iterator[Page]:
        yield from self._pages("products", after, records.Product)
        yield from self._pages("installed", "", records.Installed)

    def changes(self, since: datetime) -> Iterator[Page]:
        self.since = since
        return self._pages("changes", "", records.Change)

    def remediation_tasks(self) -> Iterator[Page]:
        return self._pages("tasks", "", records.RemediationTask)

    def remediation_task_devices(self, task: str) -> Iterator[Page]:
        found = [{"id": device_id(n), "rbacGroupName": group} for n, group in self.task_devices.get(task, [])]
        yield pages.read_page(json.dumps({"value": found}).encode(), records.MachineReference)

    def scores(self) -> Scores:
        return Scores(exposure=40.0)


def sync(world: World) -> SyncRun:
    run = run_sync(world)
    assert run is not None
    run.refresh_from_db()
    return run
