"""What every connector has to do, tried on each against a stand-in of its system."""

import pytest

from integrations.connectors import CONNECTORS, connector_for
from integrations.connectors.base import Connector, Order
from integrations.delivery import classify
from integrations.delivery.classify import Kind
from remediation.markers import new_marker
from remediation.models import TicketSystem

# Connector -> the fixture that sets up a stand-in of its system.
STAGES = {"intune": "tenant", "configmgr": "tenant"}

FACTS = {
    "kind": "software",
    "title": "Update Product to 2.0",
    "remediation": "update",
    "remediation_label": "Software update",
    "source_id": "va-_-contoso-_-product",
    "category": "application",
    "subcategory": "",
    "product": "Product",
    "vendor": "Contoso",
    "component": "Product",
    "from_versions": [["1.0", 2], ["1.1", 1]],
    "to_version": "2.0",
    "systems": [["Windows11", 3]],
    "groups": [["Berlin", 3]],
    "weaknesses": 2,
    "exploited": 1,
    "targets": 3,
    "part": 1,
    "parts": 1,
    "devices": 3,
    "priority": "high",
    "due_on": "2027-02-01",
    "notes": "Kiosks may wait.",
    "requester": "sec@contoso.example",
    "url": "https://tvm.example/remediation/activities/1/",
}
DEVICES = [(f"0000000{n}-0000-4000-8000-000000000000", f"ws-{n}.corp.example") for n in range(3)]


def order(**facts) -> Order:
    return Order(FACTS | facts, new_marker(), DEVICES)


@pytest.fixture(params=CONNECTORS)
def connector(request) -> Connector:
    request.getfixturevalue(STAGES[request.param])
    return connector_for(request.param)


def test_the_same_order_makes_the_same_bytes(connector):
    one = order()

    assert connector.render(one) == connector.render(one)


def test_a_created_ticket_is_found_by_its_marker(connector):
    one, other = order(), order()

    reply = connector.create(connector.render(one))
    connector.create(connector.render(other))

    assert classify.of_create(reply) is Kind.DONE
    listing = connector.list_all()
    assert listing.is_complete
    [found] = [ticket for ticket in listing.tickets if one.marker in ticket.markers]
    assert (found.remote_id, found.state) == (reply.remote_id, "pending")


@pytest.mark.security(id="S32")
def test_the_marker_survives_any_length_and_no_foreign_marker_gets_in(connector):
    foreign = new_marker()
    one = order(notes=f"x {foreign} \0\ud800 " * 5000, title=f"{foreign} title " * 300, groups=[[foreign, 1]] * 900)

    reply = connector.create(connector.render(one))

    [found] = [ticket for ticket in connector.list_all().tickets if ticket.markers]
    assert (found.remote_id, found.markers) == (reply.remote_id, (one.marker,))


@pytest.mark.parametrize("state", ["active", "completed", "rejected"])
def test_a_status_with_its_note_stands_there(connector, state):
    reply = connector.create(connector.render(order()))

    assert classify.of_status(connector.set_status(reply.remote_id, state, "A note.")) is Kind.DONE

    reading = connector.read(reply.remote_id)
    assert classify.of_read(reading.reply) is Kind.DONE
    assert (reading.ticket.state, reading.ticket.note) == (state, "A note.")


def test_the_devices_inside_a_ticket_are_kept(connector):
    reply = connector.create(connector.render(order()))

    assert connector.keeps_devices(reply.remote_id) is True
    assert connector.keeps_devices("00000000-0000-4000-8000-000000000009") is None


def test_what_does_not_exist_is_missing(connector):
    nowhere = "00000000-0000-4000-8000-000000000009"

    assert classify.of_read(connector.read(nowhere).reply) is Kind.MISSING
    assert classify.of_status(connector.set_status(nowhere, "completed", "")) is Kind.MISSING


@pytest.mark.security(id="S11")
def test_an_id_is_never_part_of_the_address(connector):
    assert connector.read("../..?x=/").ticket is None


def test_facts_without_a_day_make_no_ticket(connector):
    with pytest.raises((ValueError, KeyError)):
        connector.render(order(due_on=""))


def test_a_test_says_in_words_what_works(connector):
    before = connector.list_all().tickets

    steps = {finding.step: finding.works for finding in connector.test(with_writing=True)}

    assert steps == {"address": True, "sign_in": True, "roles": True, "read": True, "write": True}
    assert connector.list_all().tickets == before


def test_a_test_without_writing_creates_nothing(connector):
    [write] = [finding for finding in connector.test(with_writing=False) if finding.step == "write"]

    assert write.works is None


def test_a_system_that_fills_later_can_be_filled(connector, request, db):
    """What `remediation` knows of a ticket system has to be true of its connector."""
    key = request.node.callspec.params["connector"]
    says_so = TicketSystem.objects.get(key=key).fills_later

    assert says_so == all(hasattr(connector, name) for name in ("resolve", "members", "add_member"))


def test_there_is_a_ticket_system_for_each_connector(db):
    assert set(TicketSystem.objects.values_list("key", flat=True)) == set(CONNECTORS)
