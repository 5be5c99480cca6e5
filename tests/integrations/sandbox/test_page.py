import re

import pytest

pytestmark = pytest.mark.once


@pytest.mark.parametrize("path", ["/", "/estate", "/faults", "/permissions"])
def test_every_page_is_shown_with_a_label_for_every_field_and_without_script(sandbox, path):
    sandbox.create("<script>alert(1)</script>", description='"><img src=x onerror=alert(1)>')

    answer = sandbox.session.get(sandbox.page + path)

    fields = re.findall(r'<(?:input|select) id="([^"]+)"', answer.text)
    labels = re.findall(r'<label for="([^"]+)"', answer.text)
    assert answer.status_code == 200
    assert sorted(fields) == sorted(labels)
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_person_rejects_a_task_with_a_note(sandbox):
    task_id = sandbox.create("Reject me").json()["id"]

    answer = sandbox.session.post(
        f"{sandbox.page}/control/reject",
        data={"task": task_id, "note": "Not this quarter."},
        headers={"Origin": sandbox.page, "Referer": f"{sandbox.page}/?status=pending"},
        allow_redirects=False,
    )

    assert (answer.status_code, answer.headers["Location"]) == (303, "/?status=pending")
    assert "rejected" in sandbox.session.get(f"{sandbox.page}/").text
    assert sandbox.dump()["tasks"][0]["note"] == "Not this quarter."


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 421),
    ],
)
def test_a_post_from_elsewhere_is_refused(sandbox, headers, status):
    sandbox.create()

    answer = sandbox.session.post(f"{sandbox.page}/control/reset", data={"what": "tasks"}, headers=headers)

    assert answer.status_code == status
    assert len(sandbox.dump()["tasks"]) == 1


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("fix", {"recommendation": "va-_-nobody-_-nothing"}),
        ("fix", {"recommendation": "va-_-google-_-chrome", "percent": "101"}),
        ("fault", {"kind": "418"}),
        ("accept", {"task": "nobody"}),
        ("mode", {"name": "page_size", "value": "0"}),
        ("grant", {"role": "Directory.ReadWrite.All"}),
        ("next-day", {"days": "nan"}),
    ],
)
def test_a_field_that_makes_no_sense_is_refused_in_words(sandbox, verb, fields):
    answer = sandbox.session.post(f"{sandbox.page}/control/{verb}", data=fields, headers={"Accept": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_task_that_defenders_portal_makes_stands_in_graph_without_a_marker_of_ours(sandbox):
    made = sandbox.control("make-task", recommendation="va-_-google-_-chrome")

    task = sandbox.get(f"/beta/deviceAppManagement/deviceAppManagementTasks/{made['task']}")

    assert task["@odata.type"] == "#microsoft.graph.appVulnerabilityTask"
    assert (task["creator"], task["status"], task["creatorNotes"]) == ("Microsoft Defender", "pending", "")
    assert "Chrome" in task["appName"]
    assert task["managedDeviceCount"] > 0
