"""The Defender for Endpoint API, page by page.

Paging: a link to the next page is followed where there is one, on the same hosts only and never twice. A plain list
whose page is full without a link goes on by $top and $skip (with $top there never is a link). Records that paging
repeats are dropped by their id.
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import structlog

from ..microsoft import Answer, BrokenBody, MicrosoftClient, defender_client
from . import Scores, SourceError
from .pace import Pace
from .records import (
    Configuration,
    Machine,
    MachineReference,
    NotAPage,
    Page,
    Recommendation,
    RemediationTask,
    SoftwareWeakness,
    Vulnerability,
    read_page,
)

log = structlog.get_logger(__name__)

API = "/api"
EXPORT_PAGE = 50_000
LIST_PAGE = 10_000
WEAKNESS_PAGE = 8_000
BODY_CAP = 400 * 1024 * 1024
PAGE_DEADLINE = 300.0
TRIES = 6
BACKOFF_BASE = 2.0
BACKOFF_CAP = 60.0
# Waits that the source asks for, per page, are followed for so long.
LONGEST_WAIT = 900.0
RETRIED = frozenset({429, 500, 502, 503, 504, 509})
# Below every documented limit: exports 30, machines 100 a minute.
EXPORT_PACE = 28
LIST_PACE = 90


class DefenderSource:
    """Reads one tenant. `sleep` is for the tests."""

    name = "defender"

    def __init__(self, client: MicrosoftClient | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client or defender_client()
        self._sleep = sleep
        self._exports = Pace(EXPORT_PACE, sleep)
        self._lists = Pace(LIST_PACE, sleep)

    def machines(self) -> Iterator[Page]:
        yield from self._list("machines", Machine, LIST_PAGE, none_is_404=True)

    def recommendations(self) -> Iterator[Page]:
        yield from self._list("recommendations", Recommendation, LIST_PAGE)

    def weaknesses(self) -> Iterator[Page]:
        yield from self._list("vulnerabilities", Vulnerability, WEAKNESS_PAGE)

    def software(self) -> Iterator[Page]:
        yield from self._export("machines/SoftwareVulnerabilitiesByMachine", SoftwareWeakness)

    def configurations(self) -> Iterator[Page]:
        yield from self._export("machines/SecureConfigurationsAssessmentByMachine", Configuration)

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
        answer = self._ask(f"{API}/{route}", None, self._lists)
        try:
            score = answer.json().get("score") if answer.is_ok else None
        except BrokenBody:
            score = None
        usable = isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= most
        return float(score) if usable else None  # type: ignore[arg-type]

    def _list(self, route: str, kind: type, full: int, none_is_404: bool = False) -> Iterator[Page]:
        """A plain list: by links, else by $top and $skip."""
        met: set[str] = set()
        links: set[str] = set()
        query: dict[str, Any] | None = None
        address, read = f"{API}/{route}", 0
        while True:
            page = self._page(address, query, kind, self._lists, none_is_404 and not read)
            size = len(page.records) + len(page.set_aside)
            read += size
            page.records = [record for record in page.records if _is_new(record.id, met)]
            yield page
            if page.next_link:
                address, query = self._followed(page.next_link, links), None
            elif size >= full:
                address, query = f"{API}/{route}", {"$top": full, "$skip": read}
            else:
                return

    def _export(self, route: str, kind: type) -> Iterator[Page]:
        links: set[str] = set()
        query: dict[str, Any] | None = {"pageSize": EXPORT_PAGE}
        address = f"{API}/{route}"
        while True:
            page = self._page(address, query, kind, self._exports)
            yield page
            if not page.next_link:
                return
            address, query = self._followed(page.next_link, links), None

    def _followed(self, link: str, links: set[str]) -> str:
        if not self._client.allows(link):
            raise SourceError("The link to the next page leads to another host. It was not followed.")
        if link in links:
            raise SourceError("The link to the next page repeats: the pages run in a circle.")
        links.add(link)
        return link

    def _page(
        self, address: str, query: dict[str, Any] | None, kind: type, pace: Pace, none_is_404: bool = False
    ) -> Page:
        """One page, asked again while that may help. A page that is no JSON is asked for again too."""
        for attempt in range(TRIES):
            answer = self._ask(address, query, pace)
            if answer.status == 404 and none_is_404 and answer.error_message()[0]:
                # No machine of late. Without an error's code it is the answer of a wrong route.
                return Page([])
            if not answer.is_ok:
                raise SourceError(_refusal(answer))
            try:
                return read_page(answer.body, kind)
            except NotAPage as problem:
                log.warning("page_unreadable", problem=str(problem), attempt=attempt)
                self._sleep(_backoff(attempt))
        raise SourceError("A page is no valid JSON, however often it is asked for.")

    def _ask(self, address: str, query: dict[str, Any] | None, pace: Pace) -> Answer:
        """The answer to a GET, after repeats of the same page with growing pauses."""
        waited = 0.0
        renewed = False
        for attempt in range(TRIES):
            pace.wait()
            answer = self._client.get(address, query, total=PAGE_DEADLINE, read=PAGE_DEADLINE / 2, body_cap=BODY_CAP)
            if answer.status == 401 and not renewed:
                renewed = True
                self._client.forget_token()
                continue
            if answer.is_complete and answer.status not in RETRIED:
                return answer
            pause = answer.retry_after()
            pause = _backoff(attempt) if pause is None else pause
            waited += pause
            log.info("page_again", status=answer.status, failure=answer.failure, pause=round(pause, 2))
            if attempt + 1 == TRIES or waited > LONGEST_WAIT:
                break
            self._sleep(pause)
        return answer


def _is_new(key: str, met: set[str]) -> bool:
    if key in met:
        return False
    met.add(key)
    return True


def _backoff(attempt: int) -> float:
    """Full jitter, so that many clients do not come back at once."""
    return random.uniform(0, min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt))  # noqa: S311


def _refusal(answer: Answer) -> str:
    """Why a page did not come, in words."""
    if answer.status is None or not answer.is_complete:
        return answer.reason
    code, message = answer.error_message()
    if answer.status == 404 and not code:
        return "The address is unknown there (404 without an error): is MICROSOFT_DEFENDER_URL right?"
    if answer.status in (401, 403):
        return f"Access refused ({answer.status} {code}): {message} Are the application permissions granted?"
    return f"The source answered {answer.status} {code}: {message}".strip()
