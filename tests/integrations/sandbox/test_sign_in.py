"""The stand-in's sign-in of people: what it asks of a client, as Entra does, and what it refuses."""

from urllib.parse import parse_qs, urlsplit

import jwt
import msal
import pytest

from integrations.sandbox import people

CALLBACK = "http://127.0.0.1:8000/accounts/microsoft/callback/"


@pytest.fixture
def application(sandbox):
    environment = sandbox.environment
    return msal.ConfidentialClientApplication(
        environment["MICROSOFT_CLIENT_ID"],
        client_credential=environment["MICROSOFT_CLIENT_SECRET"],
        authority=f"{sandbox.root}/{environment['MICROSOFT_TENANT_ID']}",
        instance_discovery=False,
        http_client=sandbox.session,
    )


@pytest.fixture
def flow(application) -> dict:
    return application.initiate_auth_code_flow([], redirect_uri=CALLBACK)


def visit(sandbox, address: str, **query):
    return sandbox.session.get(address, params=query, allow_redirects=False, timeout=10)


def answer_to(sandbox, flow: dict, person: str) -> dict[str, str]:
    back = visit(sandbox, flow["auth_uri"], person=person).headers["Location"]
    assert back.startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def test_the_page_offers_everybody_with_their_roles_and_needs_no_script(sandbox, flow):
    page = visit(sandbox, flow["auth_uri"])

    assert page.status_code == 200
    assert flow["auth_uri"].startswith(f"{sandbox.page}/")
    for name in people.PEOPLE.values():
        assert name in page.text
    assert "Tvm.SecurityTeam" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_msal_gets_an_id_token_of_the_person(sandbox, application, flow):
    result = application.acquire_token_by_auth_code_flow(flow, answer_to(sandbox, flow, "sam"))

    tenant_id = sandbox.environment["MICROSOFT_TENANT_ID"]
    keys = visit(sandbox, f"{sandbox.root}/{tenant_id}/discovery/v2.0/keys").json()
    claims = jwt.decode(
        result["id_token"],
        jwt.PyJWK(keys["keys"][0]),
        algorithms=["RS256"],
        audience=sandbox.environment["MICROSOFT_CLIENT_ID"],
        issuer=f"{sandbox.root}/{tenant_id}/v2.0",
    )
    assert (claims["oid"], claims["name"]) == (people.object_id(tenant_id, "sam"), "Sam Security")
    assert claims["roles"] == ["Tvm.SecurityTeam"]
    assert claims["tid"] == tenant_id
    assert "refresh_token" not in result


def test_who_has_no_app_role_has_no_such_claim(sandbox, application, flow):
    result = application.acquire_token_by_auth_code_flow(flow, answer_to(sandbox, flow, "nora"))

    assert "roles" not in result["id_token_claims"]


def redeem(sandbox, flow: dict, code: str, changes: dict[str, str] | None = None):
    environment = sandbox.environment
    form = {
        "grant_type": "authorization_code",
        "client_id": environment["MICROSOFT_CLIENT_ID"],
        "client_secret": environment["MICROSOFT_CLIENT_SECRET"],
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": flow["code_verifier"],
    }
    address = f"{sandbox.root}/{environment['MICROSOFT_TENANT_ID']}/oauth2/v2.0/token"
    return sandbox.session.post(address, data=form | (changes or {}), timeout=10)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code_verifier": "another"}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": CALLBACK.replace("8000", "9000")}, 500112),
        ({"code": "guessed"}, 54005),
        ({"client_secret": "guessed"}, 7000215),
    ],
)
def test_a_code_is_for_who_asked_for_it(sandbox, flow, changes, code):
    refused = redeem(sandbox, flow, answer_to(sandbox, flow, "sam")["code"], changes)

    assert refused.status_code in {400, 401}
    assert refused.json()["error_codes"] == [code]


def test_a_code_is_good_once(sandbox, flow):
    code = answer_to(sandbox, flow, "sam")["code"]

    assert redeem(sandbox, flow, code).status_code == 200
    assert redeem(sandbox, flow, code).json()["error_codes"] == [54005]


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/accounts/microsoft/callback/"},
        {"redirect_uri": "http://127.0.0.1:8000/elsewhere/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"client_id": "nobody"},
        {"response_type": "token"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"state": ""},
        {"scope": "profile"},
    ],
    ids=str,
)
def test_an_unfit_request_is_answered_on_its_own_page(sandbox, flow, changes):
    parts = urlsplit(flow["auth_uri"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}

    refused = visit(sandbox, f"{sandbox.page}{parts.path}", **{**query, "person": "sam", **changes})

    assert refused.status_code == 400
    assert "AADSTS" in refused.text
    assert "Location" not in refused.headers


def test_signing_out_leads_back_to_a_registered_address_only(sandbox):
    address = f"{sandbox.page}/{sandbox.environment['MICROSOFT_TENANT_ID']}/oauth2/v2.0/logout"

    back = visit(sandbox, address, post_logout_redirect_uri="http://localhost:8000/accounts/login/")

    assert back.headers["Location"] == "http://localhost:8000/accounts/login/"
    assert visit(sandbox, address, post_logout_redirect_uri="https://evil.example/").status_code == 400
    assert "signed out" in visit(sandbox, address).text


def test_app_roles_are_given_on_the_page(sandbox):
    form = {"person": "nora", "roles": " Tvm.Viewer, Tvm.Administrator "}
    sandbox.session.post(f"{sandbox.page}/control/assign", data=form, timeout=10)

    page = visit(sandbox, f"{sandbox.page}/permissions").text

    assert 'value="Tvm.Viewer, Tvm.Administrator"' in page
    sandbox.control("assign", person="nora", roles="")
    assert 'value="Tvm.Viewer, Tvm.Administrator"' not in visit(sandbox, f"{sandbox.page}/permissions").text


def test_a_person_without_a_name_here_cannot_be_given_roles(sandbox):
    refused = sandbox.session.post(
        f"{sandbox.page}/control/assign", data={"person": "<x>"}, headers={"Accept": "application/json"}, timeout=10
    )

    assert refused.status_code == 400
