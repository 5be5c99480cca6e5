import pytest

pytestmark = pytest.mark.once

CHROME = "va-_-google-_-chrome"
FLASH = "va-_-adobe-_-flash_player"
PUA = "sca-_-scid-2013"
VULNERABILITIES = "/api/machines/SoftwareVulnerabilitiesByMachine"
CONFIGURATIONS = "/api/machines/SecureConfigurationsAssessmentByMachine"


@pytest.fixture(autouse=True)
def same_estate_afterwards(sandbox):
    yield
    sandbox.control("reset", what="all")


def chrome_rows(sandbox):
    rows = sandbox.get(VULNERABILITIES)["value"]
    return [row for row in rows if row["recommendationReference"] == CHROME]


def references(sandbox, recommendation):
    return {row["id"] for row in sandbox.get(f"/api/recommendations/{recommendation}/machineReferences")["value"]}


def test_fixed_devices_show_the_new_version_without_a_weakness(sandbox):
    before = references(sandbox, CHROME)
    recommended = sandbox.get(f"/api/recommendations/{CHROME}")["recommendedVersion"]
    score = sandbox.get("/api/exposureScore")["score"]

    fixed = sandbox.control("fix", recommendation=CHROME, percent=50)["devices"]

    after = references(sandbox, CHROME)
    inventory = {row["deviceId"]: row for row in chrome_rows(sandbox) if row["cveId"] is None}
    assert fixed == -(-len(before) // 2)
    assert len(after) == len(before) - fixed
    assert all(inventory[device]["softwareVersion"] == recommended for device in before - after)
    assert not any(row["cveId"] for row in chrome_rows(sandbox) if row["deviceId"] in before - after)
    assert sandbox.get("/api/exposureScore")["score"] < score


def test_the_promised_impact_is_what_happens(sandbox):
    entry = sandbox.get(f"/api/recommendations/{CHROME}")
    score = sandbox.get("/api/exposureScore")["score"]
    silent = references(sandbox, CHROME)

    sandbox.control("fix", recommendation=CHROME, percent=100)

    assert silent
    assert score - sandbox.get("/api/exposureScore")["score"] == pytest.approx(entry["exposureImpact"], abs=0.5)


def test_uninstalled_software_leaves_no_row(sandbox):
    sandbox.control("expose", recommendation=FLASH, percent=5)
    assert references(sandbox, FLASH)

    sandbox.control("fix", recommendation=FLASH, percent=100)

    rows = sandbox.get(VULNERABILITIES)["value"]
    assert not [row for row in rows if row["softwareName"] == "flash_player"]


def test_a_fixed_setting_is_compliant_with_a_new_date(sandbox):
    before = references(sandbox, PUA)
    score = sandbox.get("/api/configurationScore")["score"]

    sandbox.control("fix", recommendation=PUA, percent=100)

    rows = [row for row in sandbox.get(CONFIGURATIONS)["value"] if row["configurationId"] == "scid-2013"]
    fixed = [row for row in rows if row["deviceId"] in before]
    assert all(row["isCompliant"] for row in fixed)
    assert min(row["timestamp"] for row in fixed) == max(row["timestamp"] for row in fixed)
    assert sandbox.get("/api/configurationScore")["score"] > score


def test_new_devices_become_exposed_within_a_group(sandbox):
    before = references(sandbox, CHROME)

    count = sandbox.control("expose", recommendation=CHROME, percent=30, group=11)["devices"]

    rows = sandbox.get(f"/api/recommendations/{CHROME}/machineReferences")["value"]
    new = [row for row in rows if row["id"] not in before]
    assert len(new) == count > 0
    assert {row["rbacGroupName"] for row in new} == {"Workstations EMEA"}


def test_after_a_day_devices_have_reported_and_the_silent_ones_are_a_day_older(sandbox):
    before = {row["id"]: row for row in sandbox.get("/api/machines")["value"]}

    reported = sandbox.control("next-day")["devices"]

    after = {row["id"]: row for row in sandbox.get("/api/machines")["value"]}
    older = [device for device, row in after.items() if row["lastSeen"] < before[device]["lastSeen"]]
    assert reported > 250
    assert older
    assert all(before[device]["healthStatus"] == "Inactive" or after[device]["lastSeen"] for device in older)
    assert all(len(row["lastSeen"]) == len("2026-01-01T00:00:00.0000000Z") for row in after.values())
