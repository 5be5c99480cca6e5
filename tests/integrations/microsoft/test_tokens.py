"""Where the secret of a registration goes: to the login host that the settings name, or nowhere."""

import environ
import pytest
import responses

from integrations.microsoft.tokens import NoToken, Tokens
from tvm_remediation.clouds import Microsoft, microsoft_settings

pytestmark = pytest.mark.once

TENANT, LOGIN = "5f0e3f2e-0b4c-4c5e-9d2b-6f8f2f1f7c11", "https://login.corp.example"
METADATA = f"{LOGIN}/{TENANT}/v2.0/.well-known/openid-configuration"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"


@pytest.fixture
def tenant(monkeypatch) -> Microsoft:
    monkeypatch.setenv("MICROSOFT_TENANT_ID", TENANT)
    monkeypatch.setenv("MICROSOFT_CLIENT_ID", TENANT)
    monkeypatch.setenv("MICROSOFT_CLIENT_SECRET", "canary-secret")
    monkeypatch.setenv("MICROSOFT_LOGIN_URL", LOGIN)
    return microsoft_settings(environ.Env())


def named(token_endpoint: str) -> None:
    """What the login host says of its own addresses."""
    authorize = f"{LOGIN}/{TENANT}/oauth2/v2.0/authorize"
    endpoints = {"authorization_endpoint": authorize, "token_endpoint": token_endpoint}
    responses.get(METADATA, json={"issuer": f"{LOGIN}/{TENANT}/v2.0", **endpoints})
    responses.post(token_endpoint, json={"access_token": "given", "expires_in": 3600, "token_type": "Bearer"})


@responses.activate
def test_a_token_comes_from_the_configured_login_host(tenant):
    named(f"{LOGIN}/{TENANT}/oauth2/v2.0/token")

    assert Tokens(tenant, tenant.registration).get(GRAPH_SCOPE) == "given"


@responses.activate
@pytest.mark.parametrize(
    "elsewhere",
    [f"https://evil.example/{TENANT}/token", f"{LOGIN}.evil.example/{TENANT}/token", f"http{LOGIN[5:]}/{TENANT}/token"],
)
def test_no_secret_goes_where_the_login_host_points_elsewhere(tenant, elsewhere):
    named(elsewhere)

    with pytest.raises(NoToken):
        Tokens(tenant, tenant.registration).get(GRAPH_SCOPE)
    assert [call.request.url for call in responses.calls] == [METADATA]
