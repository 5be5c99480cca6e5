import jwt
import pytest

from .conftest import DEFENDER_SCOPE, GRAPH_SCOPE, TASKS

pytestmark = pytest.mark.once


def test_msal_gets_a_signed_token_with_the_roles(sandbox):
    token = sandbox.token(GRAPH_SCOPE)["access_token"]

    keys = sandbox.session.get(
        f"{sandbox.root}/{sandbox.environment['MICROSOFT_TENANT_ID']}/discovery/v2.0/keys"
    ).json()
    claims = jwt.decode(token, jwt.PyJWK(keys["keys"][0]), algorithms=["RS256"], audience="https://graph.microsoft.com")
    assert "DeviceManagementApps.ReadWrite.All" in claims["roles"]
    assert claims["tid"] == sandbox.environment["MICROSOFT_TENANT_ID"]
    assert claims["exp"] - claims["iat"] == 3600


def test_a_wrong_secret_is_refused_in_entras_words(sandbox):
    refused = sandbox.token(GRAPH_SCOPE, secret="wrong")

    assert refused["error"] == "invalid_client"
    assert refused["error_codes"] == [7000215]
    assert refused["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "nobody"}, 700016),
        ({"scope": "https://graph.microsoft.com/User.Read"}, 1002012),
        ({"scope": "https://elsewhere.example/.default"}, 500011),
        ({"grant_type": "password"}, 70003),
        ({"grant_type": ""}, 900144),
    ],
)
def test_token_errors_carry_their_code(sandbox, changes, code):
    environment = sandbox.environment
    form = {
        "grant_type": "client_credentials",
        "client_id": environment["MICROSOFT_CLIENT_ID"],
        "client_secret": environment["MICROSOFT_CLIENT_SECRET"],
        "scope": GRAPH_SCOPE,
    }
    address = f"{sandbox.root}/{environment['MICROSOFT_TENANT_ID']}/oauth2/v2.0/token"

    answer = sandbox.session.post(address, data=form | changes)

    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [code]


def test_a_token_opens_its_own_api_only(sandbox):
    token = sandbox.token(DEFENDER_SCOPE)["access_token"]
    forged = jwt.encode({"aud": "https://graph.microsoft.com", "exp": 9_999_999_999}, "x" * 32, algorithm="HS256")

    for bearer in (token, forged, ""):
        answer = sandbox.session.get(sandbox.root + TASKS, headers={"Authorization": f"Bearer {bearer}"})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_a_withdrawn_role_refuses_at_once_and_a_granted_one_serves_at_once(sandbox):
    sandbox.control("withdraw", role="DeviceManagementApps.ReadWrite.All")
    refused = sandbox.create()
    sandbox.control("grant", role="DeviceManagementApps.ReadWrite.All")

    assert refused.status_code == 403
    assert "DeviceManagementApps.ReadWrite.All" in refused.json()["error"]["message"]
    assert sandbox.create().status_code == 201


def test_defender_names_the_missing_role(sandbox):
    sandbox.control("withdraw", role="Machine.Read.All")
    answer = sandbox.call("GET", "/api/machines")
    sandbox.control("grant", role="Machine.Read.All")

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Forbidden"
    assert "Machine.Read.All" in answer.json()["error"]["message"]
