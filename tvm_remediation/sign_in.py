"""How people sign in with Microsoft Entra ID, as the environment describes it: off, or on with all that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from remediation.roles import APP_ROLES, SYSTEM

from .clouds import Microsoft, Registration, read_registration
from .environment import LOOPBACK, encrypted_url

_ON, _OFF = {"on", "true", "yes", "1"}, {"off", "false", "no", "0", ""}


@dataclass(frozen=True)
class SignIn:
    """The registration that people sign in at, and what its app roles mean. Off unless `is_on`."""

    is_on: bool = False
    tenant_id: str = ""
    login_url: str = ""
    # Where browsers go. Another address than ours in the sandbox only, whose certificate no browser knows.
    browser_url: str = ""
    registration: Registration = field(default_factory=lambda: Registration(""))
    # Value of an app role -> name of the role here.
    app_roles: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def issuer(self) -> str:
        """Who must have issued an id token: our tenant, and no other."""
        return f"{self.login_url}/{self.tenant_id}/v2.0"

    @property
    def is_demo(self) -> bool:
        """Whether it is the sandbox: Entra itself is never on this machine."""
        return urlsplit(self.login_url).hostname in LOOPBACK

    @property
    def origins(self) -> list[str]:
        """Where a form of ours may lead on to."""
        return [self.browser_url] if self.is_on else []


def sign_in_settings(env: environ.Env, microsoft: Microsoft) -> SignIn:
    if not _is_on(env):
        return SignIn()
    own = read_registration(env, "MICROSOFT_SIGN_IN")
    if own.client_id and not own.is_complete:
        raise ImproperlyConfigured(
            "MICROSOFT_SIGN_IN_CLIENT_ID is set, but neither MICROSOFT_SIGN_IN_CLIENT_SECRET nor "
            "MICROSOFT_SIGN_IN_CLIENT_CERTIFICATE is."
        )
    registration = own if own.is_complete else microsoft.registration
    if not microsoft.tenant_id or not registration.is_complete:
        raise ImproperlyConfigured("MICROSOFT_SIGN_IN needs MICROSOFT_TENANT_ID and an app registration with a secret.")
    browser_url = encrypted_url("MICROSOFT_SIGN_IN_URL", microsoft.login_url)
    return SignIn(
        True, microsoft.tenant_id.lower(), microsoft.login_url, browser_url, registration, app_roles=_app_roles(env)
    )


def _is_on(env: environ.Env) -> bool:
    value = env.str("MICROSOFT_SIGN_IN", default="").strip().lower()
    if value not in _ON | _OFF:
        raise ImproperlyConfigured(f"MICROSOFT_SIGN_IN is {value!r}. It must be on or off.")
    return value in _ON


def _app_roles(env: environ.Env) -> dict[str, str]:
    """The table of `remediation.roles`, or the one that the environment gives instead."""
    given = env.str("MICROSOFT_SIGN_IN_ROLES", default="").strip()
    if not given:
        return APP_ROLES
    table = {}
    for entry in given.split(","):
        value, _, role = (part.strip() for part in entry.partition("="))
        if not value or not role or " " in value:
            raise ImproperlyConfigured(
                f"MICROSOFT_SIGN_IN_ROLES has {entry.strip()!r}. It must be a list of app roles and roles, such as "
                "Tvm.Viewer=Viewer,Tvm.SecurityTeam=Security team."
            )
        if role == SYSTEM:
            raise ImproperlyConfigured(f"MICROSOFT_SIGN_IN_ROLES gives the role {SYSTEM}, which is for no person.")
        table[value] = role
    return table
