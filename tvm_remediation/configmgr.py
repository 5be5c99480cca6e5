"""The connection to Configuration Manager's AdminService that the environment describes.

On-premises one signs in by Kerberos with a keytab; through the cloud management gateway, or at a site that takes
tokens, by a bearer token of Entra. There is no third way: a password is neither asked for nor sent.
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from .clouds import Microsoft, Registration, read_registration
from .environment import url_without_trailing_slash

# All systems: the collection that every device collection may be limited to.
ALL_SYSTEMS = "SMS00001"


@dataclass(frozen=True)
class ConfigurationManager:
    """Where the AdminService is, and how to sign in there. Without an address there is none."""

    url: str = ""
    # Kerberos: who we are, and the file with that account's key.
    principal: str = ""
    keytab: str = ""
    # Bearer token: what it is asked for, and by which app registration.
    scope: str = ""
    registration: Registration = field(default_factory=lambda: Registration(""))
    limiting_collection: str = ALL_SYSTEMS
    ca_bundle: str = ""

    @property
    def is_configured(self) -> bool:
        return bool(self.url)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def configmgr_settings(env: environ.Env, microsoft: Microsoft) -> ConfigurationManager:
    url = url_without_trailing_slash("CONFIGMGR_URL")
    if not url:
        return ConfigurationManager()
    _check_address(url)
    own = read_registration(env, "CONFIGMGR")
    configured = ConfigurationManager(
        url=url,
        principal=env.str("CONFIGMGR_PRINCIPAL", default="").strip(),
        keytab=env.str("CONFIGMGR_KEYTAB", default="").strip(),
        scope=env.str("CONFIGMGR_SCOPE", default="").strip(),
        registration=own if own.is_complete else microsoft.registration,
        limiting_collection=env.str("CONFIGMGR_LIMITING_COLLECTION", default=ALL_SYSTEMS).strip(),
        ca_bundle=env.str("CONFIGMGR_CA_BUNDLE", default=""),
    )
    _check_sign_in(configured, microsoft)
    return configured


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.path.rpartition("/")[2].lower().startswith("adminservice"):
        raise ImproperlyConfigured(
            f"CONFIGMGR_URL is {url!r}, which is no address of an AdminService. "
            "An example: https://smsprovider.corp.example/AdminService"
        )


def _check_sign_in(configured: ConfigurationManager, microsoft: Microsoft) -> None:
    if bool(configured.keytab) == bool(configured.scope):
        raise ImproperlyConfigured(
            "CONFIGMGR_URL needs one way to sign in: CONFIGMGR_KEYTAB with CONFIGMGR_PRINCIPAL (Kerberos, on-premises) "
            "or CONFIGMGR_SCOPE (token, cloud management gateway)."
        )
    if configured.keytab and "@" not in configured.principal:
        raise ImproperlyConfigured("CONFIGMGR_KEYTAB needs CONFIGMGR_PRINCIPAL, such as tvm@CORP.EXAMPLE.")
    if configured.keytab and not Path(configured.keytab).is_file():
        raise ImproperlyConfigured(f"CONFIGMGR_KEYTAB points to {configured.keytab}, where there is no file.")
    if configured.scope and not (microsoft.tenant_id and configured.registration.is_complete):
        raise ImproperlyConfigured("CONFIGMGR_SCOPE needs MICROSOFT_TENANT_ID and an app registration with a secret.")
