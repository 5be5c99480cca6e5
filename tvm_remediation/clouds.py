"""The clouds of Microsoft, and the connection that the environment describes.

Hosts: learn.microsoft.com/graph/deployments and the Defender for Endpoint page "US Government customers". The scope of
the government's Defender hosts is not documented; the host itself is presumed.
"""

from dataclasses import dataclass, field
from uuid import UUID

import environ
from django.core.exceptions import ImproperlyConfigured

from .environment import encrypted_url, read_secret


@dataclass(frozen=True)
class Cloud:
    login: str
    graph: str
    defender: str
    defender_scope: str
    # What the hosts end in where Defender puts the files of its exports.
    files: str = ""

    @property
    def graph_scope(self) -> str:
        return f"{self.graph}/.default"


_BLOBS, _BLOBS_OF_GOVERNMENT = ".blob.core.windows.net", ".blob.core.usgovcloudapi.net"
_GOV = "https://api-gov.securitycenter.microsoft.us"
CLOUDS = {
    "global": Cloud(
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        "https://api.security.microsoft.com",
        "https://api.securitycenter.microsoft.com/.default",
        _BLOBS,
    ),
    "gcc": Cloud(
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        "https://api-gcc.securitycenter.microsoft.us",
        "https://api-gcc.securitycenter.microsoft.us/.default",
        _BLOBS_OF_GOVERNMENT,
    ),
    "gcc-high": Cloud(
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
        _GOV,
        f"{_GOV}/.default",
        _BLOBS_OF_GOVERNMENT,
    ),
    "dod": Cloud(
        "https://login.microsoftonline.us",
        "https://dod-graph.microsoft.us",
        _GOV,
        f"{_GOV}/.default",
        _BLOBS_OF_GOVERNMENT,
    ),
    # Defender for Endpoint is not offered there.
    "china": Cloud("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn", "", ""),
}


@dataclass(frozen=True)
class Registration:
    """An app registration: who the product is to the tenant. Its secret never shows in a repr or an error."""

    client_id: str
    secret: str = field(repr=False, default="")
    certificate: str = field(repr=False, default="")

    @property
    def is_complete(self) -> bool:
        return bool(self.client_id and (self.secret or self.certificate))


@dataclass(frozen=True)
class Microsoft:
    """The connection to one tenant."""

    cloud: Cloud
    tenant_id: str
    registration: Registration
    graph_registration: Registration
    # For target groups in Entra; incomplete where that is off, as by default.
    groups_registration: Registration
    login_url: str
    graph_url: str
    defender_url: str
    ca_bundle: str
    # The only host that export files may come from, where it is not the cloud's.
    export_url: str = ""

    @property
    def is_configured(self) -> bool:
        return bool(self.tenant_id and self.registration.is_complete)

    @property
    def makes_groups(self) -> bool:
        return self.is_configured and self.groups_registration.is_complete

    @property
    def is_sandbox(self) -> bool:
        """Whether a configured root is not a host of the chosen cloud: then it is no tenant of Microsoft."""
        official = {self.cloud.login, self.cloud.graph, self.cloud.defender}
        regional = self.defender_url.endswith((".api.security.microsoft.com", ".securitycenter.microsoft.com"))
        own = {self.login_url, self.graph_url} | (set() if regional else {self.defender_url})
        return bool(own - official)


def microsoft_settings(env: environ.Env) -> Microsoft:
    name = env.str("MICROSOFT_CLOUD", default="global").lower().replace("_", "-")
    if name not in CLOUDS:
        raise ImproperlyConfigured(f"MICROSOFT_CLOUD is {name!r}. It must be one of: {', '.join(CLOUDS)}.")
    cloud = CLOUDS[name]
    tenant = env.str("MICROSOFT_TENANT_ID", default="").strip()
    if tenant:
        _check_guid("MICROSOFT_TENANT_ID", tenant)
    registration = read_registration(env, "MICROSOFT")
    if tenant and not registration.is_complete:
        raise ImproperlyConfigured(
            "MICROSOFT_TENANT_ID is set, but MICROSOFT_CLIENT_ID with MICROSOFT_CLIENT_SECRET "
            "(or MICROSOFT_CLIENT_CERTIFICATE) is not."
        )
    writing = read_registration(env, "MICROSOFT_GRAPH")
    return Microsoft(
        cloud=cloud,
        tenant_id=tenant,
        registration=registration,
        graph_registration=writing if writing.is_complete else registration,
        groups_registration=read_registration(env, "MICROSOFT_GROUPS"),
        login_url=encrypted_url("MICROSOFT_LOGIN_URL", cloud.login),
        graph_url=encrypted_url("MICROSOFT_GRAPH_URL", cloud.graph),
        defender_url=encrypted_url("MICROSOFT_DEFENDER_URL", cloud.defender),
        ca_bundle=env.str("MICROSOFT_CA_BUNDLE", default=""),
        export_url=encrypted_url("MICROSOFT_EXPORT_URL"),
    )


def read_registration(env: environ.Env, prefix: str) -> Registration:
    client_id = env.str(f"{prefix}_CLIENT_ID", default="").strip()
    if client_id:
        _check_guid(f"{prefix}_CLIENT_ID", client_id)
    return Registration(client_id, read_secret(f"{prefix}_CLIENT_SECRET"), read_secret(f"{prefix}_CLIENT_CERTIFICATE"))


def _check_guid(name: str, value: str) -> None:
    try:
        UUID(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}, which is no GUID.") from None
