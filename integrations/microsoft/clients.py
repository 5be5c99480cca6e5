"""The process's clients, one a resource, as the settings describe them."""

import threading
from functools import lru_cache

from django.conf import settings

from .client import MicrosoftClient
from .kerberos import Kerberos
from .tokens import Tokens

# Microsoft's regional hosts of the Defender API: its links to a next page may name them.
_REGIONAL_DEFENDER = tuple(f"https://{region}.api.security.microsoft.com" for region in ("us", "eu", "uk", "au", "swa"))
_OLDER_DEFENDER = ("https://api.securitycenter.microsoft.com", "https://api.securitycenter.windows.com")

_making = threading.Lock()


@lru_cache(maxsize=8)
def _tokens(registration: object) -> Tokens:
    return Tokens(settings.MICROSOFT, registration)  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def _client(resource: str, configured_so: object) -> MicrosoftClient:
    if resource == "configmgr":
        return _configmgr_client()
    configured = settings.MICROSOFT
    if resource == "login":
        return MicrosoftClient(configured.login_url, "", None)
    if resource in {"graph", "groups"}:
        tokens = _tokens(configured.graph_registration if resource == "graph" else configured.groups_registration)
        return MicrosoftClient(configured.graph_url, configured.cloud.graph_scope, tokens, (configured.cloud.graph,))
    is_global = configured.cloud.defender == "https://api.security.microsoft.com"
    others = (*_REGIONAL_DEFENDER, *_OLDER_DEFENDER) if is_global and not configured.is_sandbox else ()
    tokens = _tokens(configured.registration)
    also = (configured.cloud.defender, *others)
    return MicrosoftClient(configured.defender_url, configured.cloud.defender_scope, tokens, also)


def _configmgr_client() -> MicrosoftClient:
    configured = settings.CONFIGMGR
    if configured.keytab:
        kerberos = Kerberos(configured.host, configured.principal, configured.keytab)
        return MicrosoftClient(configured.url, "", kerberos, scheme="Negotiate", ca_bundle=configured.ca_bundle)
    tokens = _tokens(configured.registration)
    return MicrosoftClient(configured.url, configured.scope, tokens, ca_bundle=configured.ca_bundle)


def graph_client() -> MicrosoftClient:
    """The process's client of Graph."""
    with _making:
        return _client("graph", settings.MICROSOFT)


def groups_client() -> MicrosoftClient:
    """The process's client of Graph for target groups, with a registration of its own."""
    with _making:
        return _client("groups", settings.MICROSOFT)


def defender_client() -> MicrosoftClient:
    """The process's client of the Defender API."""
    with _making:
        return _client("defender", settings.MICROSOFT)


def configmgr_client() -> MicrosoftClient:
    """The process's client of Configuration Manager's AdminService."""
    with _making:
        return _client("configmgr", settings.CONFIGMGR)


def login_client() -> MicrosoftClient:
    """The process's client of the login host, for what that tells everybody."""
    with _making:
        return _client("login", settings.MICROSOFT)


def forget_clients() -> None:
    """Start afresh: after a change of settings, and between tests."""
    with _making:
        _client.cache_clear()
        _tokens.cache_clear()
