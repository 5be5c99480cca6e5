"""Access tokens, by client credentials."""

import threading
from typing import Any

import msal
import msal.exceptions
import requests
import structlog

from .application import application_of

log = structlog.get_logger(__name__)


class NoToken(Exception):
    """Why the login endpoint gave no token, in words and without secrets."""


class Tokens:
    """The tokens of one registration: one msal application a process, since its cache lives in it."""

    def __init__(self, microsoft: Any, registration: Any) -> None:
        self._microsoft = microsoft
        self._registration = registration
        self._application: msal.ConfidentialClientApplication | None = None
        # One thread asks, the others wait and then find the answer in the cache.
        self._lock = threading.Lock()

    def get(self, scope: str) -> str:
        """A valid access token, from the cache while it lasts. Raises NoToken."""
        with self._lock:
            try:
                answer = self._msal().acquire_token_for_client([scope])
            except (requests.RequestException, msal.exceptions.MsalError, ValueError, OSError, KeyError) as problem:
                log.warning("token_failed", problem=type(problem).__name__)
                raise NoToken(f"The login endpoint could not be reached or used ({type(problem).__name__}).") from None
        if "access_token" in answer:
            return answer["access_token"]
        log.warning("token_refused", error=answer.get("error"), codes=answer.get("error_codes"))
        raise NoToken(_in_words(answer))

    def forget(self) -> None:
        """Drop what is cached, refusals too: after a 401, or when the secret was changed."""
        with self._lock:
            self._application = None

    def _msal(self) -> msal.ConfidentialClientApplication:
        if self._application is None:
            self._application = application_of(self._microsoft, self._registration)
        return self._application


def _in_words(answer: dict[str, Any]) -> str:
    """The refusal. Of the description only the first sentence: the rest is trace ids and times."""
    error = str(answer.get("error") or "unknown error")[:100]
    description = str(answer.get("error_description") or "").splitlines()
    first = " ".join(description[:1])[:300]
    return f"The login endpoint refused to give a token: {error}. {first}".strip()
