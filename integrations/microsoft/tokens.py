"""Access tokens, by client credentials. The only user of msal."""

import re
import threading
from typing import Any

import msal
import msal.exceptions
import requests
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


class NoToken(Exception):
    """Why the login endpoint gave no token, in words and without secrets."""


class _LoginSession(requests.Session):
    """For msal: our certificate authority on every request, since REQUESTS_CA_BUNDLE overrides a session's own."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["verify"] = settings.MICROSOFT.ca_bundle or True
        kwargs["timeout"] = (settings.DELIVERY_CONNECT_TIMEOUT, 10)
        kwargs["allow_redirects"] = False
        return super().request(*args, **kwargs)


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
            microsoft = self._microsoft
            self._application = msal.ConfidentialClientApplication(
                self._registration.client_id,
                client_credential=_credential(self._registration),
                authority=f"{microsoft.login_url}/{microsoft.tenant_id}",
                # Microsoft's list of known login hosts does not know the sandbox.
                instance_discovery=False if microsoft.is_sandbox else None,
                http_client=_LoginSession(),
            )
        return self._application


def _credential(registration: Any) -> str | dict[str, str]:
    if not registration.certificate:
        return registration.secret
    blocks = {match[1]: match[0] for match in _PEM.finditer(registration.certificate)}
    keys = [text for kind, text in blocks.items() if kind.endswith("PRIVATE KEY")]
    if not keys or "CERTIFICATE" not in blocks:
        raise ValueError("The client certificate must be PEM text with a private key and a certificate.")
    return {"private_key": keys[0], "public_certificate": blocks["CERTIFICATE"]}


def _in_words(answer: dict[str, Any]) -> str:
    """The refusal. Of the description only the first sentence: the rest is trace ids and times."""
    error = str(answer.get("error") or "unknown error")[:100]
    description = str(answer.get("error_description") or "").splitlines()
    first = " ".join(description[:1])[:300]
    return f"The login endpoint refused to give a token: {error}. {first}".strip()
