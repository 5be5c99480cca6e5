"""The source that tells of the lives: what it shows today, with its own errors."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from integrations.sources import Page, Scores, SourceError
from integrations.sources.pages import SetAside
from integrations.sources.records import Machine, Recommendation, SoftwareWeakness

from .lives import OLD, Life

REFERENCE, FILLER = "va-_-contoso-_-reader", "va-_-contoso-_-editor"
WEAK = {OLD: ["CVE-2026-1"]}
PAGE = 20_000


class LifeSource:
    """One sync's view. `breaks`: the export ends after its first page. `weak`: the weaknesses known of a version."""

    name = "defender"

    def __init__(
        self, lives: Sequence[Life], day: int, now: datetime, *, weak: dict[str, list[str]] = WEAK, breaks: bool = False
    ) -> None:
        self.lives = [one for life in lives for one in (life, life.heir if life.is_imaged else None) if one]
        self.day, self.now, self.weak, self.breaks = day, now, weak, breaks

    def machines(self, after: str = "") -> Iterator[Page]:
        yield Page([self._machine(life) for life in self.lives if life.is_listed(self.now)])

    def _machine(self, life: Life) -> Machine:
        points = life.is_imaged and life.heir
        return Machine(
            id=life.id,
            computer_dns_name=life.name,
            os_platform="Windows11",
            rbac_group_name=life.group,
            first_seen="2025-01-01T00:00:00Z",
            last_seen=life.seen_at.isoformat(),
            onboarding_status="Onboarded",
            merged_into_machine_id=life.heir.id if points and life.link == "merged" else None,
            is_potential_duplication=bool(points) and life.link == "duplicate",
        )

    def recommendations(self, after: str = "") -> Iterator[Page]:
        common = {"remediation_type": "Update", "recommendation_category": "Application", "status": "Active"}
        yield Page(
            [
                Recommendation(
                    REFERENCE, "Update Reader", related_component="Reader", tags=["Pending restart"], **common
                ),
                Recommendation(FILLER, "Update Editor", related_component="Editor", **common),
            ]
        )

    def software(self, after: str = "") -> Iterator[Page]:
        rows = self._rows()
        while page := list(islice(rows, PAGE)):
            yield Page(page, [self._set_aside(life) for life in self.lives if self._fault(life) == "set aside"])
            if self.breaks:
                raise SourceError("The source answered 500.")

    def _rows(self) -> Iterator[SoftwareWeakness]:
        for life in self.lives:
            fault = self._fault(life)
            if not life.has_software(self.now) or not life.is_listed(self.now) or fault == "omitted":
                continue
            yield _row(life, "editor", "5.0", "CVE-2020-1")
            if fault == "set aside":
                # The record that could not be read was the one that matters.
                continue
            for version in sorted({OLD} if fault == "glitch" else life.reported):
                for weakness in self.weak.get(version) or [None]:
                    yield _row(life, "reader", version, weakness)

    def _fault(self, life: Life) -> str:
        return life.faults.get(self.day, "")

    def _set_aside(self, life: Life) -> SetAside:
        return SetAside("Expected str", life.id, "{}")

    def configurations(self, after: str = "") -> Iterator[Page]:
        return iter([Page([])])

    def weaknesses(self, after: str = "") -> Iterator[Page]:
        return iter([Page([])])

    def expect(self, machines: int) -> None:
        pass

    def inventory(self, after: str = "") -> Iterator[Page]:
        return iter(())

    def changes(self, since: datetime) -> Iterator[Page]:
        return iter(())

    def remediation_tasks(self) -> Iterator[Page]:
        return iter(())

    def remediation_task_devices(self, task: str) -> Iterator[Page]:
        return iter(())

    def scores(self) -> Scores:
        return Scores()


def _row(life: Life, name: str, version: str, weakness: str | None) -> SoftwareWeakness:
    return SoftwareWeakness(
        device_id=life.id,
        software_vendor="contoso",
        software_name=name,
        software_version=version,
        cve_id=weakness,
        recommendation_reference=f"va-_-contoso-_-{name}",
    )
