"""What the environment may say of Configuration Manager, and the sentence that an odd value gets."""

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from tvm_remediation.clouds import microsoft_settings
from tvm_remediation.configmgr import ConfigurationManager, configmgr_settings

URL = "https://cm.corp.example/AdminService"
GUID = "5f0e3f2e-0b4c-4c5e-9d2b-6f8f2f1f7c11"
TENANT = {"MICROSOFT_TENANT_ID": GUID, "MICROSOFT_CLIENT_ID": GUID, "MICROSOFT_CLIENT_SECRET": "canary-secret"}
SCOPE = f"api://{GUID}/{GUID}/.default"


@pytest.fixture
def read(monkeypatch):
    def configured(**variables: str) -> ConfigurationManager:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return configmgr_settings(environ.Env(), microsoft_settings(environ.Env()))

    return configured


@pytest.fixture
def keytab(tmp_path) -> str:
    path = tmp_path / "tvm.keytab"
    path.write_bytes(b"\x05\x02")
    return str(path)


def test_without_an_address_there_is_none(read, keytab):
    assert not read(CONFIGMGR_KEYTAB=keytab).is_configured


def test_a_keytab_signs_in_on_premises(read, keytab):
    configured = read(CONFIGMGR_URL=f"{URL}/", CONFIGMGR_KEYTAB=keytab, CONFIGMGR_PRINCIPAL="tvm@CORP.EXAMPLE")

    assert (configured.url, configured.host, configured.limiting_collection) == (URL, "cm.corp.example", "SMS00001")


def test_a_token_signs_in_through_the_gateway(read):
    gateway = "https://cmg.corp.example/CCM_Proxy_MutualAuth/72057594037937476/AdminService"

    configured = read(**TENANT, CONFIGMGR_URL=gateway, CONFIGMGR_SCOPE=SCOPE)

    assert (configured.url, configured.registration.client_id) == (gateway, GUID)
    assert "canary-secret" not in repr(configured)


@pytest.mark.bad_input(place="configuration")
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CONFIGMGR_URL": "http://cm.corp.example/AdminService"}, "no address of an AdminService"),
        ({"CONFIGMGR_URL": "https://cm.corp.example/"}, "no address of an AdminService"),
        ({"CONFIGMGR_URL": "https://user:secret@cm.corp.example/AdminService"}, "must not hold a user name"),
        ({"CONFIGMGR_URL": "cm.corp.example"}, "is no address"),
        ({"CONFIGMGR_URL": URL}, "one way to sign in"),
        ({"CONFIGMGR_URL": URL, "CONFIGMGR_SCOPE": SCOPE, "CONFIGMGR_KEYTAB": "/x"}, "one way to sign in"),
        ({"CONFIGMGR_URL": URL, "CONFIGMGR_KEYTAB": "/nowhere/x"}, "needs CONFIGMGR_PRINCIPAL"),
        (
            {"CONFIGMGR_URL": URL, "CONFIGMGR_KEYTAB": "/nowhere/x", "CONFIGMGR_PRINCIPAL": "tvm@CORP.EXAMPLE"},
            "where there is no file",
        ),
        ({"CONFIGMGR_URL": URL, "CONFIGMGR_SCOPE": SCOPE}, "needs MICROSOFT_TENANT_ID"),
    ],
)
def test_an_odd_value_is_refused_with_a_sentence(read, variables, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        read(**variables)
