"""One GET of the Defender API, asked again while that may help; and a page of records out of its answer."""

import random
import time
from collections.abc import Callable
from typing import Any

import structlog

from ..microsoft import Answer, MicrosoftClient
from . import SourceError, StartOver
from .pace import Pace
from .pages import NotAPage, Page, read_page

log = structlog.get_logger(__name__)

BODY_CAP = 400 * 1024 * 1024
PAGE_DEADLINE = 300.0
TRIES = 6
BACKOFF_BASE = 2.0
BACKOFF_CAP = 60.0
# Waits that the source asks for, per page, are followed for so long.
LONGEST_WAIT = 900.0
RETRIED = frozenset({429, 500, 502, 503, 504, 509})
# What a place from which to go on may answer when it is no more.
_GONE = frozenset({400, 404, 410})


class Asking:
    """Asks one tenant, at the pace that each kind of route takes."""

    def __init__(self, client: MicrosoftClient, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._paces = {name: Pace(name, sleep) for name in ("lists", "pages", "files")}

    def wait(self, attempt: int) -> None:
        self._sleep(_backoff(attempt))

    def followed(self, link: str, links: set[str]) -> str:
        """A link to the next page, which may lead neither elsewhere nor back."""
        if not self._client.allows(link):
            raise SourceError("The link to the next page leads to another host. It was not followed.")
        if link in links:
            raise SourceError("The link to the next page repeats: the pages run in a circle.")
        links.add(link)
        return link

    def page(
        self,
        address: str,
        query: dict[str, Any] | None,
        kind: type,
        pace: str,
        *,
        is_resumed: bool = False,
        none_is_404: bool = False,
    ) -> Page:
        """One page. A page that is no JSON is asked for again too."""
        for attempt in range(TRIES):
            answer = self.ask(address, query, pace)
            if answer.status == 404 and none_is_404 and answer.error_message()[0]:
                # No machine of late. Without an error's code it is the answer of a wrong route.
                return Page([])
            if is_resumed and answer.is_complete and answer.status in _GONE:
                raise StartOver("The place from which to go on is no more; the part was read anew")
            if not answer.is_ok:
                raise SourceError(refusal(answer))
            try:
                return read_page(answer.body, kind)
            except NotAPage as problem:
                log.warning("page_unreadable", problem=str(problem), attempt=attempt)
                self.wait(attempt)
        raise SourceError("A page is no valid JSON, however often it is asked for.")

    def ask(self, address: str, query: dict[str, Any] | None, pace: str) -> Answer:
        """The answer to a GET, after repeats of the same page with growing pauses."""
        waited = 0.0
        renewed = False
        for attempt in range(TRIES):
            self._paces[pace].wait()
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


def _backoff(attempt: int) -> float:
    """Full jitter, so that many clients do not come back at once."""
    return random.uniform(0, min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt))  # noqa: S311


def refusal(answer: Answer) -> str:
    """Why a page did not come, in words."""
    if answer.status is None or not answer.is_complete:
        return answer.reason
    code, message = answer.error_message()
    if answer.status == 404 and not code:
        return "The address is unknown there (404 without an error): is MICROSOFT_DEFENDER_URL right?"
    if answer.status in (401, 403):
        return f"Access refused ({answer.status} {code}): {message} Are the application permissions granted?"
    return f"The source answered {answer.status} {code}: {message}".strip()
