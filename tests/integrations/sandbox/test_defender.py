import pytest

from . import contracts

pytestmark = pytest.mark.once

VULNERABILITIES = "/api/machines/SoftwareVulnerabilitiesByMachine"
CONFIGURATIONS = "/api/machines/SecureConfigurationsAssessmentByMachine"
INVENTORY = "/api/machines/SoftwareInventoryByMachine"


@pytest.mark.parametrize(
    ("path", "contract"),
    [
        ("/api/recommendations", contracts.RECOMMENDATION),
        ("/api/machines", contracts.MACHINE),
        ("/api/vulnerabilities", contracts.VULNERABILITY),
        ("/api/Software", contracts.SOFTWARE),
        ("/api/remediationTasks", contracts.REMEDIATION_TASK),
        ("/api/v1.0/exposureScore/ByMachineGroups", contracts.GROUP_SCORE),
        ("/api/recommendations/va-_-google-_-chrome/machineReferences", contracts.MACHINE_REFERENCE),
        ("/api/recommendations/va-_-google-_-chrome/vulnerabilities", contracts.VULNERABILITY),
        (VULNERABILITIES, contracts.ASSET_VULNERABILITY),
        (CONFIGURATIONS, contracts.ASSET_CONFIGURATION),
        (INVENTORY, contracts.SOFTWARE_INVENTORY),
    ],
)
def test_every_row_keeps_the_contract(sandbox, path, contract):
    page = sandbox.get(path)

    assert page["@odata.context"]
    assert page["value"]
    assert [found for entity in page["value"] if (found := contracts.breaches(entity, contract))] == []


@pytest.mark.parametrize(
    ("path", "contract"),
    [
        ("/api/recommendations/va-_-7-zip-_-7-zip", contracts.RECOMMENDATION),
        ("/api/recommendations/va-_-notepad%2B%2B-_-notepad%2B%2B/software", contracts.SOFTWARE),
        ("/api/recommendations/sca-_-scid-2010", contracts.RECOMMENDATION),
        ("/api/exposureScore", contracts.EXPOSURE_SCORE),
        ("/api/configurationScore", contracts.EXPOSURE_SCORE),
    ],
)
def test_single_entities_keep_the_contract(sandbox, path, contract):
    assert contracts.breaches(sandbox.get(path), contract) == []


def test_lists_page_by_top_and_skip_and_give_no_link_then(sandbox):
    everything = sandbox.get("/api/machines")["value"]
    first = sandbox.get("/api/machines?%24top=200")
    rest = sandbox.get("/api/machines?$top=200&$skip=200")

    assert "@odata.nextLink" not in first
    assert [row["id"] for row in first["value"] + rest["value"]] == [row["id"] for row in everything]


@pytest.mark.parametrize("path", [VULNERABILITIES, CONFIGURATIONS, INVENTORY])
def test_exports_page_by_their_link_without_loss(sandbox, path):
    whole = sandbox.get(path)
    page, rows = sandbox.get(f"{path}?pageSize=701"), []
    while True:
        rows += page["value"]
        if "@odata.nextLink" not in page:
            break
        assert len(page["value"]) == 701
        page = sandbox.get(page["@odata.nextLink"])

    assert "@odata.nextLink" not in whole
    assert rows == whole["value"]
    limited = sandbox.get(f"{path}?$top=5")
    assert (limited["value"], "@odata.nextLink" in limited) == (rows[:5], False)


def test_filters_know_eq_and_ge_with_both_spellings_of_a_blank(sandbox):
    uninstall = sandbox.get("/api/recommendations?%24filter=remediationType+eq+'Uninstall'")["value"]
    severe = sandbox.get("/api/recommendations?$filter=severityScore%20ge%209 and status eq 'Active'")["value"]
    dated = sandbox.get("/api/machines?$filter=lastSeen ge 2000-01-01T00:00:00Z")["value"]

    assert {row["remediationType"] for row in uninstall} == {"Uninstall"}
    assert severe
    assert min(row["severityScore"] for row in severe) >= 9
    assert len(dated) == 300


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/machines?$top=10001", 400),
        ("/api/vulnerabilities?$top=8001", 400),
        (f"{VULNERABILITIES}?pageSize=200001", 400),
        (f"{VULNERABILITIES}?$skiptoken=nonsense", 400),
        ("/api/machines?$filter=agentVersion eq '1'", 400),
        ("/api/machines?$filter=contains(id,'a')", 400),
        ("/api/recommendations/va-_-google-_-chrome/machineReferences?$top=1", 400),
        ("/api/recommendations/va-_-nobody-_-nothing", 404),
        ("/api/machines/0000", 404),
        ("/api/machines?$filter=id eq 'nobody'", 404),
    ],
)
def test_refusals_have_defenders_form(sandbox, path, status):
    answer = sandbox.call("GET", path)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "target"}


def test_a_misspelt_route_is_a_bare_404(sandbox):
    answer = sandbox.call("GET", "/api/machine")

    assert (answer.status_code, answer.content) == (404, b"")


def test_the_estate_has_the_oddities_of_a_real_one(sandbox):
    machines = sandbox.get("/api/machines")["value"]
    rows = sandbox.get(VULNERABILITIES)["value"]

    assert {row["rbacGroupName"] for row in machines} >= {"Workstations EMEA", "Servers – Datacenter", "Lab", None}
    assert any(row["mergedIntoMachineId"] for row in machines)
    assert any(row["isPotentialDuplication"] and not row["mergedIntoMachineId"] for row in machines)
    assert any(row["aadDeviceId"] is None for row in machines)
    assert "Unassigned" in {row["rbacGroupName"] for row in rows}
    assert any(row["cveId"] is None for row in rows)


def test_the_export_agrees_with_the_counts_of_the_recommendations(sandbox):
    exposed = {}
    for row in sandbox.get(VULNERABILITIES)["value"]:
        if row["cveId"]:
            exposed.setdefault(row["recommendationReference"], set()).add(row["deviceId"])
    failed = {}
    for row in sandbox.get(CONFIGURATIONS)["value"]:
        if not row["isCompliant"]:
            failed.setdefault(row["recommendationReference"], set()).add(row["deviceId"])

    for entry in sandbox.get("/api/recommendations")["value"]:
        found = (exposed | failed).get(entry["id"], set())
        assert entry["exposedMachinesCount"] == len(found), entry["id"]


def test_documented_limits_are_enforced_when_switched_on(sandbox):
    sandbox.control("mode", name="rate_limits", value="real")
    answers = [sandbox.call("GET", f"{VULNERABILITIES}?$top=1") for _ in range(31)]
    sandbox.control("mode", name="rate_limits", value="off")

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_a_remediation_task_is_found_by_its_id_with_the_devices_that_are_left(sandbox):
    listed = sandbox.get("/api/remediationTasks?$filter=status eq 'Active'")["value"]

    for task in listed:
        left = sandbox.get(f"/api/remediationtasks/{task['id']}/machinereferences")["value"]
        assert len(left) == task["targetDevices"] - task["fixedDevices"]
        assert sandbox.get(f"/api/remediationTasks/{task['id']}")["title"] == task["title"]
