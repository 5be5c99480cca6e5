"""A person's way to Entra and back: the authorization code flow with PKCE, by msal.

What comes back is not believed yet, for msal no longer checks the id token: see `id_tokens`. Nothing but that token is
wanted: no refresh token is asked for, and what else the answer holds is not kept.
"""

import re
import secrets
import warnings
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msal
import msal.exceptions
import requests
from django.conf import settings

from .application import application_of
from .clients import login_client

# Posted to us by another site, the answer would come without the session that asked for it (SameSite=Lax).
warnings.filterwarnings("ignore", "response_mode='form_post'", module="msal")

_UNUSABLE = (
    requests.RequestException,
    msal.exceptions.MsalError,
    *(ValueError, OSError, KeyError, RuntimeError, AttributeError, TypeError),
)
# What OAuth calls a fault of the other side (RFC 6749, 4.1.2.1).
_AWAY = {"temporarily_unavailable", "server_error"}
_ERROR_NAME = re.compile("[a-z_]{1,60}")
_ERROR_CODE = re.compile("AADSTS[0-9]{1,10}")


class Broken(Exception):
    """The way ended before there was a token: `why` is for the log, one word or two and no secret."""

    def __init__(self, why: str, *, is_foreign: bool = False, is_away: bool = False) -> None:
        super().__init__(why)
        self.why = why
        # The answer belongs to no sign-in that was begun here.
        self.is_foreign = is_foreign
        # The login endpoint could not be reached or used.
        self.is_away = is_away


class _NothingKept(msal.TokenCache):
    """Tokens of people are not ours to keep."""

    def add(self, *args: Any, **kwargs: Any) -> None: ...


class CodeFlow:
    """One sign-in under way. `pending` is all there is to know of it: kept in the session, and used once."""

    def __init__(self, pending: dict[str, Any]) -> None:
        self.pending = pending

    @classmethod
    def begin(cls, callback: str, prompt: str | None = None, max_age: int | None = None) -> "CodeFlow":
        """Raises Broken."""
        try:
            flow = _application(settings.MICROSOFT, settings.MICROSOFT_SIGN_IN).initiate_auth_code_flow(
                [], redirect_uri=callback, prompt=prompt, max_age=max_age
            )
        except _UNUSABLE as problem:
            raise Broken(type(problem).__name__, is_away=True) from None
        if not _may_be_visited(flow["auth_uri"]):
            raise Broken("foreign address", is_away=True)
        return cls(flow)

    @property
    def address(self) -> str:
        """Where the person goes."""
        return self.pending["auth_uri"]

    @property
    def nonce(self) -> str:
        """What the id token must repeat: msal sends a hash of what it keeps."""
        return sha256(str(self.pending["nonce"]).encode()).hexdigest()

    def redeem(self, answer: dict[str, str]) -> str:
        """The id token for what Entra sent the person back with. Raises Broken."""
        ours, theirs = str(self.pending.get("state", "")), answer.get("state", "")
        if not ours or not secrets.compare_digest(ours.encode(), theirs.encode(errors="replace")):
            raise Broken("foreign state", is_foreign=True)
        if not answer.get("code") and not answer.get("error"):
            raise Broken("no code", is_foreign=True)
        try:
            application = _application(settings.MICROSOFT, settings.MICROSOFT_SIGN_IN)
            result = application.acquire_token_by_auth_code_flow(dict(self.pending), answer)
        except RuntimeError:
            # The two things that msal looks at in the id token.
            raise Broken("another nonce, or too old a sign-in") from None
        except _UNUSABLE as problem:
            raise _away(type(problem).__name__) from None
        if result.get("error") in _AWAY:
            raise _away(_named_error(result))
        if not isinstance(result.get("id_token"), str):
            raise Broken(_named_error(result))
        return result["id_token"]


@lru_cache(maxsize=2)
def _application(microsoft: Any, sign_in: Any) -> msal.ConfidentialClientApplication:
    return application_of(
        microsoft, sign_in.registration, token_cache=_NothingKept(), exclude_scopes=["offline_access"]
    )


def _away(why: str) -> Broken:
    """msal would refuse everybody for as long as one bad answer asked to wait, an hour even: it starts afresh."""
    _application.cache_clear()
    return Broken(why, is_away=True)


def _may_be_visited(address: str) -> bool:
    """The login endpoint names the address itself; it must be on the host that the settings name."""
    root = settings.MICROSOFT_SIGN_IN.browser_url
    return address.startswith(f"{root}/") or login_client().allows(address)


def _named_error(result: dict[str, Any]) -> str:
    """Error and code, such as `access_denied AADSTS65004`; not the description, which names people."""
    name = _ERROR_NAME.fullmatch(str(result.get("error", "")))
    code = _ERROR_CODE.search(str(result.get("error_description", "")))
    return " ".join(found[0] for found in (name, code) if found) or "no id token"
