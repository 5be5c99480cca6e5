"""The connector of Intune against a server that answers oddly."""

import json

import pytest
from pytest_httpserver import HTTPServer

from integrations.connectors.base import Phase
from integrations.connectors.intune.connector import TASKS, Intune
from integrations.delivery import classify
from integrations.delivery.classify import Kind
from integrations.microsoft import MicrosoftClient
from remediation.markers import new_marker
from tests.integrations.microsoft.test_client import FixedToken


@pytest.fixture
def intune(httpserver: HTTPServer) -> Intune:
    return Intune(MicrosoftClient(httpserver.url_for(""), "scope", FixedToken()))


@pytest.mark.fault(id="F19")
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, b'{"id": "7"}', Kind.DONE),
        (200, b'{"id": "7"}', Kind.UNKNOWN),
        (202, b'{"id": "7"}', Kind.UNKNOWN),
        (204, b"", Kind.UNKNOWN),
        (201, b"", Kind.UNKNOWN),
        (201, b"<html>", Kind.UNKNOWN),
        (201, b"null", Kind.UNKNOWN),
        (201, b'{"id": "7"', Kind.UNKNOWN),
        (201, b'{"id": null}', Kind.UNKNOWN),
        (201, b'{"id": 7}', Kind.UNKNOWN),
        (201, b'{"id": "  "}', Kind.UNKNOWN),
        (201, json.dumps({"id": "x" * 129}).encode(), Kind.UNKNOWN),
        (201, b'{"id": "a\\u0000b"}', Kind.UNKNOWN),
        (302, b"", Kind.UNKNOWN),
        (404, b"", Kind.UNKNOWN),
        (409, b"", Kind.UNKNOWN),
        (400, b"", Kind.REFUSED),
    ],
)
def test_only_a_whole_201_with_an_id_is_a_creation(intune, httpserver, status, body, kind):
    httpserver.expect_request(TASKS, method="POST").respond_with_data(body, status=status)

    assert classify.of_create(intune.create(b"{}")) is kind


def test_the_words_of_a_refusal_are_those_of_intune(intune, httpserver):
    nested = json.dumps({"_version": 3, "Message": "Due date is in the past. - Operation ID: 1"})
    error = {"error": {"code": "BadRequest", "message": nested}}
    httpserver.expect_request(TASKS, method="POST").respond_with_json(error, status=400)

    assert "Due date is in the past." in intune.create(b"{}").reason


def list_pages(httpserver: HTTPServer, *pages: dict) -> None:
    for number, page in enumerate(pages):
        query = {"$skiptoken": str(number)} if number else {}
        httpserver.expect_ordered_request(TASKS, query_string=query).respond_with_json(page)


def next_link(httpserver: HTTPServer, number: int) -> dict:
    return {"@odata.nextLink": httpserver.url_for(f"{TASKS}?$skiptoken={number}")}


def test_a_listing_is_complete_when_every_page_was_read(intune, httpserver):
    marker = new_marker()
    ours = {"id": "2", "status": "active", "creatorNotes": marker, "createdDateTime": "2027-01-01T00:00:00.1234567Z"}
    list_pages(httpserver, {"value": [{"id": "1"}]} | next_link(httpserver, 1), {"value": [ours]})

    listing = intune.list_all()

    assert listing.is_complete
    assert [(ticket.remote_id, ticket.state, ticket.markers) for ticket in listing.tickets] == [
        ("1", "unknown", ()),
        ("2", "active", (marker,)),
    ]
    assert listing.tickets[1].created_at.year == 2027


@pytest.mark.fault(id="F38")
def test_a_page_that_fails_leaves_the_listing_incomplete(intune, httpserver):
    httpserver.expect_ordered_request(TASKS).respond_with_json({"value": [{"id": "1"}]} | next_link(httpserver, 1))
    httpserver.expect_ordered_request(TASKS).respond_with_data("", status=504)

    listing = intune.list_all()

    assert (listing.is_complete, len(listing.tickets), listing.reply.status) == (False, 1, 504)


@pytest.mark.security(id="S11")
@pytest.mark.fault(id="F23")
@pytest.mark.parametrize("link", ["https://elsewhere.example/x", "http://[bad", "SAME"])
def test_links_that_lead_nowhere_or_in_circles_end_the_listing(intune, httpserver, link):
    address = httpserver.url_for(TASKS) if link == "SAME" else link
    httpserver.expect_request(TASKS).respond_with_json({"value": [], "@odata.nextLink": address})

    assert not intune.list_all().is_complete


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"value": 7}', '{"values": []}'])
def test_a_page_that_is_none_is_no_listing(intune, httpserver, body):
    httpserver.expect_request(TASKS).respond_with_data(body)

    assert not intune.list_all().is_complete


def test_a_task_without_an_id_makes_the_listing_incomplete(intune, httpserver):
    httpserver.expect_request(TASKS).respond_with_json({"value": [{"status": "pending"}]})

    assert not intune.list_all().is_complete


@pytest.mark.parametrize("odd", ["", " ", "a\0b", "x" * 129])
def test_a_task_with_an_id_that_nobody_can_keep_makes_the_listing_incomplete(intune, httpserver, odd):
    httpserver.expect_request(TASKS).respond_with_json({"value": [{"id": odd, "status": "pending"}]})

    assert not intune.list_all().is_complete


def test_a_task_tells_its_kind_and_what_it_is_about(intune, httpserver):
    software = {"@odata.type": "#microsoft.graph.appVulnerabilityTask", "displayName": "Update it", "appName": "Reader"}
    setting = {"@odata.type": "#microsoft.graph.securityConfigurationTask", "displayName": "Turn it on"}
    other = {"@odata.type": "#microsoft.graph.unmanagedDeviceDiscoveryTask", "displayName": ["odd"], "appName": 7}
    tasks = [{"id": str(number)} | one for number, one in enumerate([software, setting, other])]
    httpserver.expect_request(TASKS).respond_with_json({"value": tasks})

    found = [(one.kind, one.title, one.product) for one in intune.list_all().tickets]

    assert found == [("software", "Update it", "Reader"), ("configuration", "Turn it on", ""), ("", "['odd']", "7")]


def test_odd_texts_of_foreign_tasks_hide_nothing(intune, httpserver):
    odd = r'{"id": "1", "status": 7, "note": "a\ud800\u0000b", "description": ["x"], "createdDateTime": "0001-01-01"}'
    httpserver.expect_request(TASKS).respond_with_data(f'{{"value": [{odd}]}}')

    listing = intune.list_all()

    assert listing.is_complete
    [ticket] = listing.tickets
    assert (ticket.state, ticket.note, ticket.created_at) == ("unknown", "a?b", None)


@pytest.mark.fault(id="F18")
def test_a_closed_port_is_not_sent():
    intune = Intune(MicrosoftClient("http://127.0.0.1:9", "scope", FixedToken()))

    assert intune.create(b"{}").phase is Phase.NOT_SENT


def test_a_test_of_a_tenant_without_consent_names_the_permission(tenant):
    for role in ("DeviceManagementApps.ReadWrite.All", "DeviceManagementConfiguration.ReadWrite.All"):
        tenant.control("withdraw", role=role)

    findings = {finding.step: finding for finding in Intune().test(with_writing=True)}

    assert findings["roles"].works is False
    assert "DeviceManagementApps.ReadWrite.All" in findings["roles"].words
    assert (findings["write"].works, findings["write"].route) == (False, "refused")
    assert findings["read"].route in {"works", "refused"}


@pytest.mark.parametrize(("mode", "kept"), [("accept", True), ("ignore", False), ("reject", False)])
def test_a_test_finds_out_whether_devices_inside_a_task_are_kept(tenant, mode, kept):
    tenant.control("mode", name="inline_devices", value=mode)

    write = Intune().test(with_writing=True)[-1]

    assert (write.works, write.route, write.takes_devices) == (True, "works", kept)
    assert tenant.dump()["tasks"] == []


def test_an_answer_without_the_devices_property_tells_nothing(intune, httpserver):
    httpserver.expect_request(f"{TASKS}/7").respond_with_json({"id": "7"})

    assert intune.keeps_devices("7") is None


@pytest.mark.parametrize("fault", ["401", "timeout_before"])
def test_a_test_never_raises(tenant, settings, fault):
    settings.DELIVERY_READ_TIMEOUT = 0.3
    tenant.control("fault", family="graph", kind=fault, count="", hold=1)

    assert not all(finding.works for finding in Intune().test(with_writing=True))


@pytest.mark.security(id="S14")
def test_a_wrong_secret_is_said_to_be_one(tenant, settings, monkeypatch):
    monkeypatch.setenv("MICROSOFT_CLIENT_SECRET", "wrong")
    import environ

    from integrations.microsoft import forget_clients
    from tvm_remediation.clouds import microsoft_settings

    settings.MICROSOFT = microsoft_settings(environ.Env())
    forget_clients()

    address, sign_in = Intune().test(with_writing=True)

    assert (address.works, sign_in.works) == (True, False)
    assert "wrong" not in sign_in.words
