"""Microsoft's own client of Graph beta reads the tickets that we made: nothing unknown in them, every value valid."""

import asyncio
from enum import Enum

import httpx
import pytest
from kiota_abstractions.api_client_builder import register_default_deserializer, register_default_serializer
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer_factory import JsonSerializationWriterFactory
from msgraph_beta.generated.device_app_management.device_app_management_tasks.device_app_management_tasks_request_builder import (  # noqa: E501
    DeviceAppManagementTasksRequestBuilder,
)
from msgraph_beta.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

from integrations.connectors.base import Order
from integrations.connectors.intune import Intune
from remediation.markers import find_markers, new_marker
from tests.integrations.sandbox.conftest import GRAPH_SCOPE, Sandbox

from .test_contract import DEVICES, FACTS

CONFIGURATION = {
    "kind": "configuration",
    "remediation": "configuration_change",
    "source_id": "sca-_-scid-2011",
    "category": "security_controls",
    "subcategory": "Antivirus",
    "title": "Turn on real-time protection",
}
# One that names each value that a field of ours can take.
TICKETS = [
    *({"remediation": remediation} for remediation in ("update", "upgrade", "uninstall")),
    *({"priority": priority} for priority in ("low", "medium", "high")),
    *(CONFIGURATION | {"subcategory": words} for words in ("Antivirus", "BitLocker", "Firewall", "Accounts", "Odd")),
    *(CONFIGURATION | {"systems": [[name, 1]]} for name in ("macOS", "Windows11", "WindowsServer2022", "Linux")),
]


def fields(entity) -> dict:
    """What the client has read; its own book-keeping is not part of it."""
    return {name: value for name, value in vars(entity).items() if name not in {"backing_store", "additional_data"}}


async def listed(sandbox: Sandbox) -> list:
    """Every page of the list, with the devices of each task, by the client's own paging."""
    client = httpx.AsyncClient(
        verify=sandbox.environment["MICROSOFT_CA_BUNDLE"],
        headers={"Authorization": f"Bearer {sandbox.token(GRAPH_SCOPE)['access_token']}"},
    )
    adapter = GraphRequestAdapter(
        AnonymousAuthenticationProvider(), client=GraphClientFactory.create_with_default_middleware(client=client)
    )
    adapter.base_url = f"{sandbox.root}/beta"
    builder = DeviceAppManagementTasksRequestBuilder(adapter, {"baseurl": adapter.base_url})
    asked = DeviceAppManagementTasksRequestBuilder.DeviceAppManagementTasksRequestBuilderGetQueryParameters(
        expand=["microsoft.graph.appVulnerabilityTask/managedDevices"]
    )
    page = await builder.get(request_configuration=RequestConfiguration(query_parameters=asked))
    found = list(page.value)
    while page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get()
        found += page.value
    return found


@pytest.mark.long  # the client loads 2,500 modules before it reads its first task
def test_microsofts_own_client_reads_every_ticket_of_ours(tenant):
    register_default_serializer(JsonSerializationWriterFactory)
    register_default_deserializer(JsonParseNodeFactory)
    tenant.control("mode", name="page_size", value=4)
    intune = Intune()
    markers = [new_marker() for _ in TICKETS]
    for facts, marker in zip(TICKETS, markers, strict=True):
        assert intune.create(intune.render(Order(FACTS | facts, marker, DEVICES))).remote_id

    tasks = asyncio.run(listed(tenant))

    assert [find_markers(task.description) for task in tasks] == [[marker] for marker in markers]
    for task in tasks:
        assert task.additional_data == {}, f"unknown to Graph: {task.additional_data}"
        assert {device.display_name for device in task.managed_devices} == {name for _id, name in DEVICES}
        assert all(device.additional_data == {} for device in task.managed_devices)
        assert {"status", "category", "priority"} <= {
            name for name, value in fields(task).items() if isinstance(value, Enum)
        }
        is_software = type(task).__name__ == "AppVulnerabilityTask"
        own = ["mitigation_type"] if is_software else ["endpoint_security_policy", "endpoint_security_policy_profile"]
        assert all(isinstance(getattr(task, name), Enum) for name in own), own
