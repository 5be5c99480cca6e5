"""An app registration as msal knows it. With the modules that ask it for tokens, the only users of msal."""

import re
from typing import Any

import msal
import requests
from django.conf import settings

_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


class LoginSession(requests.Session):
    """For msal: our certificate authority on every request, since REQUESTS_CA_BUNDLE overrides a session's own."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["verify"] = settings.MICROSOFT.ca_bundle or True
        kwargs["timeout"] = (settings.DELIVERY_CONNECT_TIMEOUT, 10)
        kwargs["allow_redirects"] = False
        return super().request(*args, **kwargs)


def application_of(microsoft: Any, registration: Any, **more: Any) -> msal.ConfidentialClientApplication:
    """Asks the login endpoint for its addresses. Raises what msal and requests raise."""
    application = msal.ConfidentialClientApplication(
        registration.client_id,
        client_credential=_credential(registration),
        authority=f"{microsoft.login_url}/{microsoft.tenant_id}",
        # Microsoft's list of known login hosts does not know the sandbox.
        instance_discovery=False if microsoft.is_sandbox else None,
        http_client=LoginSession(),
        **more,
    )
    _check_is_there(application.authority.token_endpoint, microsoft.login_url)
    return application


def _check_is_there(token_endpoint: str, login_url: str) -> None:
    """The login host itself names where secrets and codes are sent; that must not be elsewhere."""
    if not token_endpoint.startswith(f"{login_url}/"):
        raise ValueError("The login endpoint names another host for tokens.")


def _credential(registration: Any) -> str | dict[str, str]:
    if not registration.certificate:
        return registration.secret
    blocks = {match[1]: match[0] for match in _PEM.finditer(registration.certificate)}
    keys = [text for kind, text in blocks.items() if kind.endswith("PRIVATE KEY")]
    if not keys or "CERTIFICATE" not in blocks:
        raise ValueError("The client certificate must be PEM text with a private key and a certificate.")
    return {"private_key": keys[0], "public_certificate": blocks["CERTIFICATE"]}
