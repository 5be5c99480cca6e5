"""What the environment may say of sign-in with Microsoft, and the sentence that an odd value gets."""

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from remediation.roles import APP_ROLES
from tvm_remediation.clouds import microsoft_settings
from tvm_remediation.sign_in import SignIn, sign_in_settings

GUID, OWN = "5f0e3f2e-0b4c-4c5e-9d2b-6f8f2f1f7c11", "0b9a3c52-8f0e-4d5a-9d7e-0a4f3f1c2b77"
TENANT = {"MICROSOFT_TENANT_ID": GUID, "MICROSOFT_CLIENT_ID": GUID, "MICROSOFT_CLIENT_SECRET": "canary-secret"}
ON = TENANT | {"MICROSOFT_SIGN_IN": "on"}


@pytest.fixture
def read(monkeypatch):
    def configured(**variables: str) -> SignIn:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return sign_in_settings(environ.Env(), microsoft_settings(environ.Env()))

    return configured


@pytest.mark.parametrize("value", ["", "off", "false", "no", "0"])
def test_it_is_off_unless_somebody_switches_it_on(read, value):
    configured = read(**TENANT, MICROSOFT_SIGN_IN=value)

    assert not configured.is_on
    assert configured.origins == []


def test_on_it_takes_the_registration_of_the_tenant(read):
    configured = read(**ON)

    assert configured.is_on
    assert (configured.registration.client_id, configured.registration.secret) == (GUID, "canary-secret")
    assert configured.issuer == f"https://login.microsoftonline.com/{GUID}/v2.0"
    assert configured.origins == ["https://login.microsoftonline.com"]
    assert configured.app_roles == APP_ROLES


def test_a_registration_of_its_own_comes_first(read, tmp_path):
    (tmp_path / "secret").write_text("canary-own\n")

    configured = read(
        **ON, MICROSOFT_SIGN_IN_CLIENT_ID=OWN, MICROSOFT_SIGN_IN_CLIENT_SECRET_FILE=str(tmp_path / "secret")
    )

    assert (configured.registration.client_id, configured.registration.secret) == (OWN, "canary-own")
    assert "canary" not in repr(configured)


@pytest.mark.parametrize(
    ("login_url", "is_demo"),
    [("https://127.0.0.1:8001", True), ("https://login.corp.example", False), ("https://localhost.example", False)],
)
def test_only_what_stands_on_this_machine_is_the_demo(read, login_url, is_demo):
    assert read(**ON, MICROSOFT_LOGIN_URL=login_url).is_demo == is_demo


@pytest.mark.parametrize(
    ("cloud", "issuer"),
    [("gcc-high", "https://login.microsoftonline.us"), ("china", "https://login.partner.microsoftonline.cn")],
)
def test_each_cloud_has_its_own_issuer(read, cloud, issuer):
    assert read(**ON, MICROSOFT_CLOUD=cloud).issuer == f"{issuer}/{GUID}/v2.0"


def test_a_table_of_ones_own_takes_the_place_of_ours(read):
    configured = read(**ON, MICROSOFT_SIGN_IN_ROLES="Read=Viewer, Fix=Security team")

    assert configured.app_roles == {"Read": "Viewer", "Fix": "Security team"}


@pytest.mark.bad_input(place="configuration")
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MICROSOFT_SIGN_IN": "maybe"}, "must be on or off"),
        ({"MICROSOFT_SIGN_IN": "on"}, "needs MICROSOFT_TENANT_ID"),
        (ON | {"MICROSOFT_SIGN_IN_CLIENT_ID": OWN}, "neither MICROSOFT_SIGN_IN_CLIENT_SECRET nor"),
        (ON | {"MICROSOFT_SIGN_IN_CLIENT_ID": "mine"}, "is no GUID"),
        (ON | {"MICROSOFT_SIGN_IN_CLIENT_SECRET_FILE": "/nowhere/x"}, "cannot be read"),
        (ON | {"MICROSOFT_LOGIN_URL": "http://login.example"}, "must begin with https"),
        (ON | {"MICROSOFT_SIGN_IN_URL": "http://login.example"}, "must begin with https"),
        (ON | {"MICROSOFT_SIGN_IN_URL": "login.example"}, "is no address"),
        (TENANT | {"MICROSOFT_LOGIN_URL": "http://login.example"}, "Secrets are sent there"),
        (TENANT | {"MICROSOFT_GRAPH_URL": "http://graph.example"}, "Secrets are sent there"),
        (TENANT | {"MICROSOFT_DEFENDER_URL": "http://127.0.0.1.example"}, "Secrets are sent there"),
        (TENANT | {"MICROSOFT_EXPORT_URL": "http://files.example"}, "Secrets are sent there"),
        (ON | {"MICROSOFT_SIGN_IN_ROLES": "Viewer"}, "must be a list"),
        (ON | {"MICROSOFT_SIGN_IN_ROLES": "A viewer=Viewer"}, "must be a list"),
        (ON | {"MICROSOFT_SIGN_IN_ROLES": "Read="}, "must be a list"),
        (ON | {"MICROSOFT_SIGN_IN_ROLES": "Read=System"}, "for no person"),
    ],
)
def test_an_odd_value_is_refused_with_a_sentence(read, variables, words):
    with pytest.raises(ImproperlyConfigured, match=words) as refusal:
        read(**variables)
    assert "canary" not in str(refusal.value)
