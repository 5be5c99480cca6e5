"""Signing in to an AdminService by Kerberos: a real KDC, a real acceptor, the stand-in's site behind it."""

import base64
import os

import pytest

from integrations.connectors.configmgr import ConfigurationManager
from integrations.delivery import classify
from integrations.delivery.classify import Kind
from integrations.microsoft import forget_clients
from integrations.microsoft.kerberos import Kerberos
from integrations.microsoft.tokens import NoToken
from integrations.sandbox import adminservice, prepare
from integrations.sandbox.cloud import Outcome
from integrations.sandbox.messages import Request
from integrations.sandbox.server import Server, tls_context
from integrations.sandbox.tenant import Tenant
from tests.integrations.connectors.test_contract import order
from tests.integrations.sandbox.conftest import no_foreign_certificates  # noqa: F401
from tvm_remediation.configmgr import ConfigurationManager as Settings

from .kdc import REALM, Kdc, why_not

pytestmark = [
    pytest.mark.kerberos,
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "nothing is missing"),
]


@pytest.fixture(scope="module")
def kdc(tmp_path_factory):
    kdc = Kdc(tmp_path_factory.mktemp("kdc"))
    kept = {name: os.environ.get(name) for name in kdc.environment}
    os.environ.update(kdc.environment)
    try:
        yield kdc.start()
    finally:
        kdc.stop()
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def ours(kdc):
    return kdc.keytab("tvm")


class Site:
    """The AdminService on-premises: lets in whom the KDC vouches for, and writes down who asked."""

    def __init__(self, tenant: Tenant, keytab) -> None:
        self.tenant = tenant
        self.keytab = keytab
        self.callers: list[str] = []
        self.schemes: set[str] = set()

    def handle(self, request: Request) -> Outcome:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        self.schemes.add(scheme)
        if scheme != "Negotiate" or not self._vouched_for(token):
            return Outcome(adminservice.answer(self.tenant, request))
        rest = request.path.removeprefix(f"{adminservice.ROOT}/")
        return Outcome(adminservice.serve(self.tenant, request, rest))

    def _vouched_for(self, token: str) -> bool:
        import gssapi

        try:
            credentials = gssapi.Credentials(usage="accept", store={"keytab": f"FILE:{self.keytab}"})
            context = gssapi.SecurityContext(creds=credentials, usage="accept")
            context.step(base64.b64decode(token))
        except gssapi.exceptions.GSSError:
            return False
        self.callers.append(str(context.initiator_name))
        return context.complete


@pytest.fixture(scope="module")
def site(kdc, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("site")
    environment = prepare(data_dir, 0)
    site = Site(Tenant(data_dir, devices=40), kdc.keytab("HTTP/localhost"))
    server = Server(0, site.handle, tls_context(data_dir))
    server.start()
    site.url = f"https://localhost:{server.port}/AdminService"
    site.ca_bundle = environment["CONFIGMGR_CA_BUNDLE"]
    yield site
    server.stop()


@pytest.fixture
def connector(site, ours, settings):
    settings.CONFIGMGR = Settings(url=site.url, principal=f"tvm@{REALM}", keytab=str(ours), ca_bundle=site.ca_bundle)
    forget_clients()
    site.callers.clear()
    yield ConfigurationManager()
    forget_clients()


def test_a_ticket_is_opened_by_the_keytab_alone(connector, site):
    reply = connector.create(connector.render(order()))

    assert classify.of_create(reply) is Kind.DONE
    assert site.callers == [f"tvm@{REALM}"] * 2
    assert site.schemes == {"Negotiate"}


def test_one_sign_in_lasts_for_many_requests(connector, site, kdc):
    connector.list_all()
    asked = (kdc.folder / "kdc.log").read_text().count("ISSUE")

    for _ in range(20):
        assert connector.list_all().is_complete

    assert (kdc.folder / "kdc.log").read_text().count("ISSUE") == asked


def test_a_sign_in_can_be_done_again(connector, site, kdc):
    connector.list_all()
    asked = (kdc.folder / "kdc.log").read_text().count("ISSUE")

    connector.sign_in_again()

    assert connector.list_all().is_complete
    assert (kdc.folder / "kdc.log").read_text().count("ISSUE") > asked


def test_the_test_of_the_connection_names_the_principal(connector):
    findings = {finding.step: finding for finding in connector.test(with_writing=True)}

    assert all(finding.works for finding in findings.values())
    assert f"tvm@{REALM}" in findings["sign_in"].words


def test_a_keytab_that_is_out_of_date_is_said_to_be_refused(kdc, ours):
    old = kdc.keytab("outdated")
    kept = old.read_bytes()
    kdc.keytab("outdated")
    old.write_bytes(kept)

    with pytest.raises(NoToken, match="Decrypt integrity check failed"):
        Kerberos("localhost", f"outdated@{REALM}", str(old)).get("")


def test_a_service_that_the_realm_does_not_know_gets_no_token(kdc, ours):
    with pytest.raises(NoToken, match=r"Server .* not found in Kerberos database"):
        Kerberos("127.0.0.1", f"tvm@{REALM}", str(ours)).get("")


def test_a_principal_that_the_keytab_does_not_hold_is_named(kdc, ours):
    with pytest.raises(NoToken, match=f"nobody@{REALM}"):
        Kerberos("localhost", f"nobody@{REALM}", str(ours)).get("")


def test_nothing_is_sent_without_a_ticket(connector, site, settings, kdc):
    settings.CONFIGMGR = Settings(
        url=site.url, principal=f"nobody@{REALM}", keytab=str(kdc.folder / "none"), ca_bundle=site.ca_bundle
    )
    forget_clients()

    reply = ConfigurationManager().create(b'{"Name": "x", "Comment": ""}')

    assert (classify.of_create(reply), reply.lacks_token) == (Kind.AUTH, True)
    assert site.callers == []
