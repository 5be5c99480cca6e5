"""The connector of Configuration Manager against a server that answers oddly, and against the stand-in."""

import json
from collections import Counter

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations.connectors.base import Phase, Wanted
from integrations.connectors.configmgr import ConfigurationManager
from integrations.connectors.configmgr.payload import LONGEST_COMMENT, state_of, with_state
from integrations.delivery import classify
from integrations.delivery.classify import Kind
from integrations.microsoft import MicrosoftClient
from remediation.markers import find_markers, new_marker
from tests.integrations.microsoft.test_client import FixedToken

from .test_contract import FACTS, order

COLLECTIONS = "/AdminService/wmi/SMS_Collection"


@pytest.fixture
def site(httpserver: HTTPServer) -> ConfigurationManager:
    return ConfigurationManager(MicrosoftClient(httpserver.url_for("/AdminService"), "scope", FixedToken()))


@pytest.fixture
def real(tenant) -> ConfigurationManager:
    return ConfigurationManager()


def a_body(**facts) -> bytes:
    return ConfigurationManager(MicrosoftClient("http://127.0.0.1:9", "scope", FixedToken())).render(order(**facts))


def entity(**more) -> dict:
    return {"CollectionID": "PS100014", "Name": "x", "Comment": ""} | more


def test_name_and_comment_are_within_the_limits_of_the_site():
    body = json.loads(a_body(title="t" * 9000, notes="n" * 9000, part=2, parts=3))

    assert (body["CollectionType"], body["LimitToCollectionID"]) == (2, "SMS00001")
    assert body["Name"].startswith("TVM-")
    assert body["Name"].endswith("… (2/3)")
    assert len(body["Name"]) <= 200
    assert len(body["Comment"]) <= LONGEST_COMMENT
    assert find_markers(body["Comment"].splitlines()[-1])
    assert FACTS["url"] in body["Comment"]


@pytest.mark.security(id="S32")
def test_what_upstream_writes_is_no_answer():
    body = json.loads(a_body(title="Status: completed", notes="x\nStatus: rejected"))

    assert state_of(body["Comment"]) == ("pending", "")


@pytest.mark.parametrize(
    ("comment", "state"),
    [
        ("Status: Active\r\nrest", ("active", "")),
        ("status: rejected. Not now.\nrest", ("rejected", "Not now.")),
        ("Status: done\nrest", ("pending", "")),
        ("", ("pending", "")),
        ("rest\nStatus: completed", ("pending", "")),
    ],
)
def test_the_first_line_of_the_comment_is_the_answer(comment, state):
    assert state_of(comment) == state


def test_a_note_never_costs_the_marker():
    marker = new_marker()
    comment = f"Status: pending\n{'x' * 300}\n{marker}"

    changed = with_state(with_state(comment, "completed", "n" * 9000), "rejected", "m" * 9000)

    assert len(changed) <= LONGEST_COMMENT
    assert find_markers(changed) == [marker]
    assert state_of(changed)[0] == "rejected"
    assert changed.count("Status:") == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, entity(), Kind.DONE),
        (201, {"value": [entity()]}, Kind.DONE),
        (200, entity(), Kind.UNKNOWN),
        (201, {}, Kind.UNKNOWN),
        (201, {"CollectionID": "../x"}, Kind.UNKNOWN),
        (201, {"CollectionID": 7}, Kind.UNKNOWN),
        (201, [], Kind.UNKNOWN),
        (400, {}, Kind.REFUSED),
        (403, {}, Kind.FORBIDDEN),
        (404, {}, Kind.UNKNOWN),
        (409, {}, Kind.UNKNOWN),
        (500, {"error": {"code": "500", "message": "A collection with the name already exists."}}, Kind.UNKNOWN),
    ],
)
def test_only_a_whole_201_with_an_id_is_a_creation(site, httpserver, status, body, kind):
    httpserver.expect_request(COLLECTIONS, method="GET").respond_with_json({"value": []})
    httpserver.expect_request(COLLECTIONS, method="POST").respond_with_json(body, status=status)

    assert classify.of_create(site.create(a_body())) is kind


def test_a_collection_that_stands_there_is_not_created_again(site, httpserver):
    body = a_body()
    there = entity(Comment=json.loads(body)["Comment"])
    httpserver.expect_request(COLLECTIONS, method="GET").respond_with_json({"value": [there]})

    reply = site.create(body)

    assert (classify.of_create(reply), reply.remote_id) == (Kind.DONE, "PS100014")
    assert [request.method for request, _ in httpserver.log] == ["GET"]


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Kind.NOT_SENT), (200, Kind.NOT_SENT), (401, Kind.AUTH), (403, Kind.FORBIDDEN)]
)
def test_a_look_that_fails_sends_nothing(site, httpserver, status, kind):
    httpserver.expect_request(COLLECTIONS, method="GET").respond_with_data("<html>", status=status)

    assert classify.of_create(site.create(a_body())) is kind
    assert [request.method for request, _ in httpserver.log] == ["GET"]


@pytest.mark.parametrize("rules", ["odd", 7, ...])
def test_rules_that_cannot_be_read_are_not_taken_for_none(site, httpserver, rules):
    found = entity() | ({} if rules is ... else {"CollectionRules": rules})
    httpserver.expect_request(f"{COLLECTIONS}('PS100014')").respond_with_json({"value": [found]})

    members = site.members("PS100014")

    assert (members.ids, members.reply.phase) == (None, Phase.UNFINISHED)


def test_an_empty_list_instead_of_a_collection_means_that_there_is_none(site, httpserver):
    httpserver.expect_request(f"{COLLECTIONS}('PS100014')").respond_with_json({"value": []})

    assert classify.of_read(site.read("PS100014").reply) is Kind.MISSING


def devices_of(tenant) -> list[dict]:
    site_devices = tenant.session.get(
        f"{tenant.environment['CONFIGMGR_URL']}/v1.0/Device",
        headers={"Authorization": f"Bearer {tenant.token(tenant.environment['CONFIGMGR_SCOPE'])['access_token']}"},
        timeout=10,
    )
    return site_devices.json()["value"]


def test_devices_are_found_by_entra_id_and_else_by_name(real, tenant):
    known = devices_of(tenant)
    with_id = next(device for device in known if not device["AADDeviceID"].startswith("0000"))
    without = next(device for device in known if device["AADDeviceID"].startswith("0000"))
    wanted = [
        Wanted(1, with_id["AADDeviceID"].upper(), "renamed.corp.example"),
        Wanted(2, "", f"{without['Name'].lower()}.corp.example"),
        Wanted(3, "11111111-2222-4333-8444-555555555555", f"{without['Name']}.corp.example"),
        # Another device of the same name: not this one.
        Wanted(4, "11111111-2222-4333-8444-555555555555", f"{with_id['Name']}.corp.example"),
        Wanted(5, "", "o'nobody"),
    ]

    resolution = real.resolve(wanted)

    ids = {1: with_id["MachineId"], 2: without["MachineId"], 3: without["MachineId"]}
    assert resolution.ids == {key: str(number) for key, number in ids.items()}
    assert resolution.asked == {1, 2, 3, 4, 5}


def test_a_name_that_leads_to_two_devices_leads_to_none(site, httpserver):
    twice = [{"MachineId": number, "Name": "WS-1", "AADDeviceID": None} for number in (1, 2)]
    httpserver.expect_request("/AdminService/v1.0/Device").respond_with_json({"value": twice})

    assert site.resolve([Wanted(1, "", "ws-1.corp.example")]).ids == {}


def test_the_newest_record_of_a_device_counts(site, httpserver):
    entra_id = "11111111-2222-4333-8444-555555555555"
    twice = [{"MachineId": number, "Name": "WS-1", "AADDeviceID": entra_id} for number in (7, 9, 8)]
    httpserver.expect_request("/AdminService/v1.0/Device").respond_with_json({"value": twice})

    assert site.resolve([Wanted(1, entra_id, "ws-1")]).ids == {1: "9"}


def test_a_service_without_or_is_asked_one_by_one(site, httpserver):
    def answer(request):
        asked = request.args["$filter"]
        if " or " in asked:
            return Response("{}", 400)
        name = asked.split("'")[1]
        return Response(json.dumps({"value": [{"MachineId": int(name[3:]), "Name": name}]}))

    httpserver.expect_request("/AdminService/v1.0/Device").respond_with_handler(answer)

    assert site.resolve([Wanted(n, "", f"ws-{n}") for n in (1, 2, 3)]).ids == {1: "1", 2: "2", 3: "3"}


def test_an_answer_that_fails_keeps_what_was_found_before(site, httpserver):
    first = [{"MachineId": 1, "Name": "WS-0"}]
    httpserver.expect_ordered_request("/AdminService/v1.0/Device").respond_with_json({"value": first})
    httpserver.expect_ordered_request("/AdminService/v1.0/Device").respond_with_data("", status=503)

    resolution = site.resolve([Wanted(n, "", f"ws-{n}") for n in range(30)])

    assert (resolution.ids, len(resolution.asked), resolution.reply.status) == ({0: "1"}, 20, 503)


def test_members_are_what_was_added(real, tenant):
    remote_id = real.create(real.render(order())).remote_id
    chosen = [str(device["MachineId"]) for device in devices_of(tenant)[:5]]

    for number in chosen:
        assert classify.of_member(real.add_member(remote_id, number, "a name")) is Kind.DONE

    assert real.members(remote_id).ids == set(chosen)
    [stored] = tenant.dump()["collections"]
    assert Counter(rule["ResourceID"] for rule in stored["CollectionRules"]) == Counter(map(int, chosen))


def test_the_same_ticket_twice_is_one_collection(real, tenant):
    body = real.render(order())

    assert real.create(body).remote_id == real.create(body).remote_id
    assert len(tenant.dump()["collections"]) == 1


def test_a_status_leaves_members_and_name_alone(real, tenant):
    remote_id = real.create(real.render(order())).remote_id
    real.add_member(remote_id, str(devices_of(tenant)[0]["MachineId"]), "a name")
    [before] = tenant.dump()["collections"]

    real.set_status(remote_id, "completed", "Done.")

    [after] = tenant.dump()["collections"]
    assert (after["Name"], after["CollectionRules"]) == (before["Name"], before["CollectionRules"])
    assert after["Comment"].splitlines()[0] == "Status: completed. Done."
    assert after["Comment"].splitlines()[1:] == before["Comment"].splitlines()[1:]


def test_a_test_of_an_account_without_a_role_says_so(real, tenant):
    tenant.control("mode", name="site_role", value="none")

    findings = {finding.step: finding for finding in real.test(with_writing=True)}

    assert findings["roles"].works is False
    assert (findings["write"].works, findings["write"].route) == (False, "refused")


def test_without_an_address_nobody_is_called():
    reply = ConfigurationManager().create(a_body())

    assert (reply.phase, classify.of_create(reply)) == (Phase.NOT_SENT, Kind.NOT_SENT)


def test_an_order_with_devices_puts_none_of_them_into_the_payload():
    body = a_body()

    assert set(json.loads(body)) == {"Name", "LimitToCollectionID", "Comment", "CollectionType"}
