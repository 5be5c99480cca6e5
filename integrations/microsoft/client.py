"""One HTTP wrapper for sources and connectors: allowed hosts, three deadlines, a capped body, no redirect, no retry."""

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Protocol, TypedDict, Unpack
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit
from uuid import uuid4

import jwt
import requests
from django.conf import settings
from requests import exceptions as raised
from urllib3 import exceptions as below

from .answers import Answer, Failure
from .failures import failure_of, in_words
from .tokens import NoToken
from .wire import Watch, WatchedAdapter

MEGABYTE = 1024 * 1024
# Pages of an export have 50 MB. In pieces of 64 KB, receiving them took half as much again.
_CHUNK = MEGABYTE


class Limits(TypedDict, total=False):
    """What one request may take: seconds in all, seconds without a byte, and bytes."""

    total: float
    read: float
    body_cap: float


class TokenSource(Protocol):
    """What opens the door of a resource. Raises NoToken."""

    def get(self, scope: str) -> str: ...

    def forget(self) -> None: ...


class MicrosoftClient:
    """Speaks to one resource (Graph, Defender, AdminService) as one caller, or as nobody where it is open to all.

    Safe to share between threads.
    """

    def __init__(
        self,
        root: str,
        scope: str,
        tokens: TokenSource | None,
        also: tuple[str, ...] = (),
        *,
        scheme: str = "Bearer",
        ca_bundle: str | None = None,
    ) -> None:
        self.root = root
        self._scope = scope
        self._tokens = tokens
        self._scheme = scheme
        self._ca_bundle = ca_bundle
        self._origins = {_origin(urlsplit(address)) for address in (root, *also) if address}
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, WatchedAdapter())

    def get(self, address: str, query: Mapping[str, object] | None = None, **limits: Unpack[Limits]) -> Answer:
        return self.request("GET", address, query=query, **limits)

    def post(self, address: str, body: bytes, **limits: Unpack[Limits]) -> Answer:
        return self.request("POST", address, body=body, **limits)

    def patch(self, address: str, body: bytes, **limits: Unpack[Limits]) -> Answer:
        return self.request("PATCH", address, body=body, **limits)

    def put(self, address: str, body: bytes, **limits: Unpack[Limits]) -> Answer:
        return self.request("PUT", address, body=body, **limits)

    def delete(self, address: str, **limits: Unpack[Limits]) -> Answer:
        return self.request("DELETE", address, **limits)

    def forget_token(self) -> None:
        """After a 401: the next request asks for a new token."""
        if self._tokens:
            self._tokens.forget()

    def granted_roles(self) -> list[str]:
        """The application permissions in the present token, by name; empty without a token."""
        try:
            # Read, not trusted: Microsoft checks the token, this is only shown.
            token = self._tokens.get(self._scope) if self._tokens else ""
            claims = jwt.decode(token, options={"verify_signature": False})
        except (NoToken, jwt.InvalidTokenError):
            return []
        roles = claims.get("roles")
        return sorted(str(role) for role in roles) if isinstance(roles, list) else []

    def allows(self, address: str) -> bool:
        """Whether an address (a link to a next page, say) is on a host of this resource."""
        try:
            return _origin(urlsplit(urljoin(f"{self.root}/", address))) in self._origins
        except ValueError:
            return False

    def request(
        self,
        method: str,
        address: str,
        *,
        query: Mapping[str, object] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        total: float | None = None,
        read: float | None = None,
        body_cap: float = 8 * MEGABYTE,
    ) -> Answer:
        """Ask once. `address` is a path below the root or an absolute link; `body` is JSON text; limits are seconds and
        bytes."""
        own_id = str(uuid4())
        if not self.allows(address):
            reason = f"Not asked: {_host(address)} is no configured host."
            return Answer(None, failure=Failure.ADDRESS, reason=reason)
        url = urljoin(f"{self.root}/", address) + (f"?{urlencode(query, safe='$,')}" if query else "")
        # Signing in counts too: whoever looked at the clock before asking may rely on the total.
        with Watch(total or settings.DELIVERY_TOTAL_DEADLINE) as watch:
            try:
                all_headers = self._headers(own_id, with_body=body is not None) | dict(headers or {})
            except NoToken as problem:
                return Answer(None, failure=Failure.TOKEN, reason=str(problem), client_request_id=own_id)
            if watch.is_over:
                reason = "Not sent: signing in took too long."
                return Answer(None, failure=Failure.TOKEN, reason=reason, client_request_id=own_id)
            try:
                response = self._session.request(
                    method,
                    url,
                    data=body,
                    headers=all_headers,
                    # Keeps a netrc file from replacing the token.
                    auth=lambda prepared: prepared,
                    timeout=(settings.DELIVERY_CONNECT_TIMEOUT, read or settings.DELIVERY_READ_TIMEOUT),
                    verify=self._authority,
                    allow_redirects=False,
                    stream=True,
                )
            except (raised.RequestException, OSError, below.HTTPError, ValueError) as problem:
                failure = failure_of(problem, watch)
                return Answer(None, failure=failure, reason=in_words(failure, url), client_request_id=own_id)
            return _read(response, watch, int(body_cap), own_id, url)

    @property
    def _authority(self) -> str | bool:
        """Whom to believe about certificates."""
        named = settings.MICROSOFT.ca_bundle if self._ca_bundle is None else self._ca_bundle
        return named or True

    def _headers(self, own_id: str, with_body: bool) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "User-Agent": "tvm-remediation",
            "client-request-id": own_id,
            "return-client-request-id": "true",
        }
        if self._tokens:
            headers["Authorization"] = f"{self._scheme} {self._tokens.get(self._scope)}"
        return headers | ({"Content-Type": "application/json"} if with_body else {})


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "?"
    except ValueError:
        return "?"


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    if parts.username is not None or parts.password is not None:
        return ("", None, 0)
    return (parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))


def _read(response: requests.Response, watch: Watch, cap: int, own_id: str, url: str) -> Answer:
    """The body, in pieces: neither longer than the cap nor slower than the deadline."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    failure, pieces, size = None, [], 0
    try:
        for piece in response.iter_content(_CHUNK):
            size += len(piece)
            if size > cap or watch.is_over:
                failure = Failure.TOO_LARGE if size > cap else Failure.DEADLINE
                break
            pieces.append(piece)
        # A body that only the end of the connection delimits looks whole when we cut it ourselves.
        failure = failure or (Failure.DEADLINE if watch.expired else None)
    except (raised.RequestException, OSError, below.HTTPError, ValueError):
        failure = Failure.DEADLINE if watch.expired else Failure.BROKEN
    finally:
        # After a broken body or a 503 the next request goes out on a new connection.
        if failure or response.status_code >= 500:
            response.close()
    body = b"" if failure else b"".join(pieces)
    reason = in_words(failure, url) if failure else ""
    return Answer(response.status_code, headers, body, failure, reason, own_id)
