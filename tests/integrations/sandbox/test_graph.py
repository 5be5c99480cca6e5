import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest
from kiota_abstractions.api_client_builder import register_default_deserializer, register_default_serializer
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer_factory import JsonSerializationWriterFactory
from msgraph_beta.generated.device_app_management.device_app_management_tasks.device_app_management_tasks_request_builder import (  # noqa: E501
    DeviceAppManagementTasksRequestBuilder,
)
from msgraph_beta.generated.device_app_management.device_app_management_tasks.item.update_status.update_status_post_request_body import (  # noqa: E501
    UpdateStatusPostRequestBody,
)
from msgraph_beta.generated.models.app_vulnerability_task import AppVulnerabilityTask
from msgraph_beta.generated.models.device_app_management_task_status import DeviceAppManagementTaskStatus
from msgraph_beta.graph_request_adapter import GraphRequestAdapter
from msgraph_core import GraphClientFactory

from . import contracts
from .conftest import GRAPH_SCOPE, TASKS, task


def test_a_created_task_is_listed_with_every_documented_field(sandbox):
    created = sandbox.create()

    assert created.status_code == 201
    assert contracts.breaches(created.json(), contracts.APP_VULNERABILITY_TASK) == []
    assert {"request-id", "client-request-id", "Date"} <= set(created.headers)
    assert [entity["id"] for entity in sandbox.get(TASKS)["value"]] == [created.json()["id"]]
    assert sandbox.get(f"{TASKS}/{created.json()['id']}")["displayName"] == "Update Google Chrome"


def test_a_security_configuration_task_has_its_own_fields(sandbox):
    body = {
        "@odata.type": "#microsoft.graph.securityConfigurationTask",
        "dueDateTime": "2027-01-31T00:00:00.0000000+01:00",
        "endpointSecurityPolicy": "antivirus",
        "intendedSettings": [{"name": "a", "value": "b"}],
    }

    created = sandbox.call("POST", TASKS, json=body)

    assert created.status_code == 201
    assert contracts.breaches(created.json(), contracts.SECURITY_CONFIGURATION_TASK) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"priority": "medium"}, "priority"),
        ({"unheardOf": 1}, "The property 'unheardOf' does not exist"),
        ({"@odata.type": None}, "@odata.type"),
        ({"@odata.type": "#microsoft.graph.user"}, "could not be resolved"),
        ({"dueDateTime": None}, "dueDateTime"),
        ({"dueDateTime": "tomorrow"}, "dueDateTime"),
        ({"managedDeviceCount": "2"}, "managedDeviceCount"),
        ({"note": "ours"}, "The property 'note' does not exist"),
    ],
)
def test_a_task_that_breaks_the_schema_is_refused_and_not_stored(sandbox, changes, words):
    answer = sandbox.call("POST", TASKS, json=task(**changes))

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert sandbox.dump()["posts_received"] == 1
    assert sandbox.dump()["posts_stored"] == 0


def test_a_due_date_is_required(sandbox):
    body = task()
    del body["dueDateTime"]

    assert sandbox.call("POST", TASKS, json=body).status_code == 400


def test_pages_follow_each_other_without_loss(sandbox):
    sandbox.control("mode", name="page_size", value=3)
    made = [sandbox.create(f"Task {number}").json()["id"] for number in range(7)]

    page, seen, pages = sandbox.get(TASKS), [], 1
    while True:
        seen += [entity["id"] for entity in page["value"]]
        if "@odata.nextLink" not in page:
            break
        assert "$skiptoken=" in page["@odata.nextLink"]
        page, pages = sandbox.get(page["@odata.nextLink"]), pages + 1

    assert (seen, pages) == (made, 3)
    assert sandbox.call("GET", f"{TASKS}/$count").text == "7"


def test_status_and_note_are_kept_and_the_notes_of_the_creator_stay(sandbox):
    task_id = sandbox.create(creatorNotes="ours").json()["id"]

    answer = sandbox.call(
        "POST", f"{TASKS}/{task_id}/updateStatus", json={"status": "rejected", "note": "Frozen till May."}
    )

    entity = sandbox.get(f"{TASKS}/{task_id}")
    assert answer.status_code == 204
    assert (entity["status"], entity["note"], entity["creatorNotes"]) == ("rejected", "Frozen till May.", "ours")
    sandbox.control("mode", name="notes", value="hidden")
    assert "note" not in sandbox.get(f"{TASKS}/{task_id}")


def test_change_and_delete(sandbox):
    task_id = sandbox.create().json()["id"]

    assert sandbox.call("PATCH", f"{TASKS}/{task_id}", json={"priority": "low"}).json()["priority"] == "low"
    assert sandbox.call("DELETE", f"{TASKS}/{task_id}").status_code == 204
    missing = sandbox.call("DELETE", f"{TASKS}/{task_id}")
    assert missing.status_code == 404
    assert json.loads(missing.json()["error"]["message"])["_version"] == 3
    assert sandbox.call("POST", f"{TASKS}/{task_id}/updateStatus", json={"status": "active"}).status_code == 404


@pytest.mark.parametrize(("mode", "status", "kept"), [("accept", 201, 1), ("ignore", 201, 0), ("reject", 400, None)])
def test_inline_devices_follow_the_mode(sandbox, mode, status, kept):
    sandbox.control("mode", name="inline_devices", value=mode)

    answer = sandbox.create(managedDevices=[{"id": "entra", "displayName": "pc", "managedDeviceId": "intune"}])

    assert answer.status_code == status
    if kept is not None:
        entity = sandbox.get(f"{TASKS}/{answer.json()['id']}?$expand=managedDevices")
        assert len(entity["managedDevices"]) == kept


@pytest.mark.parametrize(("mode", "status", "rows"), [("ignore", 200, 2), ("honour", 200, 1), ("reject", 400, None)])
def test_filters_follow_the_mode(sandbox, mode, status, rows):
    first = sandbox.create("First").json()["id"]
    sandbox.create("Second")
    sandbox.control("accept", task=first)
    sandbox.control("mode", name="filters", value=mode)

    answer = sandbox.call("GET", f"{TASKS}?%24filter=status+eq+'active'")

    assert answer.status_code == status
    assert rows is None or len(answer.json()["value"]) == rows


@pytest.mark.long  # the client loads 2,500 modules before it reads its first task
def test_the_graph_beta_client_lists_creates_and_decides(sandbox):
    # The whole client would do this registration, at the price of eight seconds of imports.
    register_default_serializer(JsonSerializationWriterFactory)
    register_default_deserializer(JsonParseNodeFactory)

    async def story():
        client = httpx.AsyncClient(
            verify=sandbox.environment["MICROSOFT_CA_BUNDLE"],
            headers={"Authorization": f"Bearer {sandbox.token(GRAPH_SCOPE)['access_token']}"},
        )
        adapter = GraphRequestAdapter(
            AnonymousAuthenticationProvider(), client=GraphClientFactory.create_with_default_middleware(client=client)
        )
        adapter.base_url = f"{sandbox.root}/beta"
        tasks = DeviceAppManagementTasksRequestBuilder(adapter, {"baseurl": adapter.base_url})
        due = datetime(2027, 1, 31, tzinfo=UTC)
        for number in range(3):
            await tasks.post(AppVulnerabilityTask(display_name=f"SDK {number}", due_date_time=due, app_name="Chrome"))
        first = await tasks.get()
        second = await tasks.with_url(first.odata_next_link).get()
        chosen = tasks.by_device_app_management_task_id(first.value[0].id)
        decision = UpdateStatusPostRequestBody(status=DeviceAppManagementTaskStatus.Active, note="n")
        await chosen.update_status.post(decision)
        return first.value + second.value, await chosen.get()

    sandbox.control("mode", name="page_size", value=2)
    listed, decided = asyncio.run(story())

    assert [type(entity) for entity in listed] == [AppVulnerabilityTask] * 3
    assert [entity.app_name for entity in listed] == ["Chrome"] * 3
    assert decided.status == DeviceAppManagementTaskStatus.Active
