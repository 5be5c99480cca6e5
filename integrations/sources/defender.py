"""The Defender for Endpoint API.

Paging: a link to the next page is followed where there is one, on the same hosts only and never twice. A plain list
whose page is full without a link goes on by $top and $skip (with $top there never is a link). Records that paging
repeats are dropped by their id. The two large lists come by pages or by files, which the API advises above 100,000
devices.
"""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from ..microsoft import BrokenBody, Downloads, MicrosoftClient, defender_client
from . import Scores, StartOver
from .asking import Asking
from .export_files import ExportFiles
from .pages import Page
from .records import (
    Change,
    Configuration,
    Installed,
    Machine,
    MachineReference,
    Product,
    Recommendation,
    RemediationTask,
    SoftwareWeakness,
    Vulnerability,
)

API = "/api"
EXPORT_PAGE = 50_000
LIST_PAGE = 10_000
WEAKNESS_PAGE = 8_000
# Of devices: from here on the API's documentation recommends its files.
MANY = 100_000
_FILES, _PAGES, _INSTALLED = "files ", "pages ", "installed "


class DefenderSource:
    """Reads one tenant. `sleep` is for the tests."""

    name = "defender"

    def __init__(self, client: MicrosoftClient | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._asking = Asking(client or defender_client(), sleep)
        self._files = ExportFiles(self._asking, Downloads())
        self._machines = 0

    def machines(self, after: str = "") -> Iterator[Page]:
        yield from self._list("machines", Machine, LIST_PAGE, after, none_is_404=True)

    def expect(self, machines: int) -> None:
        self._machines = machines

    def recommendations(self, after: str = "") -> Iterator[Page]:
        yield from self._list("recommendations", Recommendation, LIST_PAGE, after)

    def weaknesses(self, after: str = "") -> Iterator[Page]:
        yield from self._list("vulnerabilities", Vulnerability, WEAKNESS_PAGE, after)

    def software(self, after: str = "") -> Iterator[Page]:
        yield from self._large("SoftwareVulnerabilities", "SoftwareVulnerabilitiesByMachine", SoftwareWeakness, after)

    def configurations(self, after: str = "") -> Iterator[Page]:
        name = "SecureConfigurationsAssessment"
        yield from self._large(name, "SecureConfigurationsAssessmentByMachine", Configuration, after)

    def inventory(self, after: str = "") -> Iterator[Page]:
        """The products; then who has which version, which says how long each is supported."""
        if not after.startswith(_INSTALLED):
            for page in self._list("Software", Product, LIST_PAGE):
                # Few: they are read anew.
                page.bookmark = ""
                yield page
        for page in self._pages("SoftwareInventoryByMachine", Installed, {}, after.removeprefix(_INSTALLED)):
            page.bookmark = f"{_INSTALLED}{page.bookmark}"
            yield page

    def changes(self, since: datetime) -> Iterator[Page]:
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield from self._pages("SoftwareVulnerabilityChangesByMachine", Change, {"sinceTime": moment})

    def remediation_tasks(self) -> Iterator[Page]:
        yield from self._list("remediationTasks", RemediationTask, LIST_PAGE)

    def remediation_task_devices(self, task: str) -> Iterator[Page]:
        # Dots would be followed upwards before they are sent.
        if task.strip("."):
            route = f"remediationTasks/{quote(task, safe='')}/machineReferences"
            yield from self._list(route, MachineReference, LIST_PAGE)

    def scores(self) -> Scores:
        """The source's own scores. Optional: another permission guards them, and without it ours stand alone."""
        return Scores(self._score("exposureScore", 100), self._score("configurationScore", 1e6))

    def _score(self, route: str, most: float) -> float | None:
        answer = self._asking.ask(f"{API}/{route}", None, "lists")
        try:
            score = answer.json().get("score") if answer.is_ok else None
        except BrokenBody:
            score = None
        usable = isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= most
        return float(score) if usable else None  # type: ignore[arg-type]

    def _list(self, route: str, kind: type, full: int, after: str = "", none_is_404: bool = False) -> Iterator[Page]:
        """A plain list: by links, else by $top and $skip. A bookmark is the link, and how much was read."""
        met: set[str] = set()
        links: set[str] = set()
        link, read = json.loads(after) if after else ("", 0)
        is_resumed = bool(after)
        while True:
            query: dict[str, Any] | None = None if link or not read else {"$top": full, "$skip": read}
            address = self._asking.followed(link, links) if link else f"{API}/{route}"
            page = self._asking.page(
                address, query, kind, "lists", is_resumed=is_resumed, none_is_404=none_is_404 and not read
            )
            is_resumed = False
            size = len(page.records) + len(page.set_aside)
            read += size
            link = page.next_link or ""
            page.bookmark = json.dumps([link, read])
            page.records = [record for record in page.records if _is_new(record.id, met)]
            yield page
            if not link and size < full:
                return

    def _large(self, name: str, paged: str, kind: type, after: str) -> Iterator[Page]:
        """One of the two large lists, in the way in which it was begun."""
        by_files = settings.DEFENDER_EXPORT == "files" or (settings.DEFENDER_EXPORT == "auto" and self._machines > MANY)
        way = _FILES if by_files else _PAGES
        if after and not after.startswith(way):
            raise StartOver("It is read in another way now, and so anew")
        after = after.removeprefix(way)
        export = f"machines/{name}Export"
        pages = self._files.read(export, kind, after) if by_files else self._pages(paged, kind, {}, after)
        for page in pages:
            page.bookmark = f"{way}{page.bookmark}"
            yield page

    def _pages(self, route: str, kind: type, query: dict[str, Any], after: str = "") -> Iterator[Page]:
        """A list of rows of devices, by links alone. A bookmark is the link to the next page."""
        links: set[str] = set()
        first: dict[str, Any] | None = {**query, "pageSize": EXPORT_PAGE}
        link, is_resumed = after, bool(after)
        while True:
            address = self._asking.followed(link, links) if link else f"{API}/machines/{route}"
            page = self._asking.page(address, None if link else first, kind, "pages", is_resumed=is_resumed)
            is_resumed = False
            link = page.bookmark = page.next_link or ""
            yield page
            if not link:
                return


def _is_new(key: str, met: set[str]) -> bool:
    if key in met:
        return False
    met.add(key)
    return True
