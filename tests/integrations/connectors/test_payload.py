"""A ticket's facts as a security task of Intune."""

import json

import pytest
from django.conf import settings as django_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.connectors.base import Order
from integrations.connectors.intune.payload import platform, render
from integrations.connectors.intune.text import LONGEST
from remediation.markers import find_markers, new_marker

from .test_contract import DEVICES, FACTS


def task(takes_devices: bool = True, **facts) -> dict:
    return json.loads(render(Order(FACTS | facts, new_marker(), DEVICES, takes_devices)))


def test_an_update_becomes_an_app_vulnerability_task():
    body = task()

    assert body["@odata.type"] == "#microsoft.graph.appVulnerabilityTask"
    assert (body["mitigationType"], body["appName"], body["appPublisher"]) == ("update", "Product", "Contoso")
    assert (body["category"], body["status"], body["priority"]) == ("advancedThreatProtection", "pending", "high")
    assert body["managedDeviceCount"] == 3
    assert body["managedDevices"][0] == {"id": DEVICES[0][0], "displayName": "ws-0.corp.example"}


def test_the_marker_stands_in_two_fields_and_last():
    body = task()

    [marker] = find_markers(body["description"])
    assert body["description"].splitlines()[-1] == marker == body["creatorNotes"]


def test_the_text_says_what_to_do_where_and_by_when():
    text = task(parts=3, part=2)["description"]

    for words in (
        "version 2.0",
        "1.0 (2)",
        "Windows11 (3)",
        "Berlin (3)",
        "2027-02-01",
        "Kiosks may wait.",
        "part 2 of 3",
    ):
        assert words in text


INVISIBLE = st.sampled_from(["\u200b", "\u00ad", "\x00", "\u202e", "\ud800", "\u2060", "\n", " ", "x", "[", "]", ""])


@pytest.mark.security(id="S32")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_text_of_a_source_poses_as_a_marker_however_it_is_hidden(data):
    """A genuine marker, copied from another ticket, with signs strewn in that cleaning takes out."""
    marker = new_marker()
    at = data.draw(st.integers(0, len(marker)))
    sign, times = data.draw(INVISIBLE), data.draw(st.integers(1, 3))
    hidden = data.draw(INVISIBLE) + marker[:at] + sign * times + marker[at:]

    body = task(title=hidden, notes=f"{hidden} {hidden}", product=hidden, groups=[[hidden, 1]], requester=hidden)

    markers = find_markers("\n".join(text for text in body.values() if isinstance(text, str)))
    assert set(markers) == {body["creatorNotes"]}


def test_the_first_sentence_says_from_which_version_to_which_on_how_many_devices():
    sentence = task()["description"].splitlines()[0]

    assert sentence == (
        "Software update: bring Product from version 1.0 and 1 other to version 2.0 or later on 3 devices."
    )


def test_an_upgrade_names_the_program_that_is_recommended_instead():
    sentence = task(remediation="upgrade", program="Better Product")["description"].splitlines()[0]

    assert "to Better Product version 2.0 or later" in sentence


def test_the_text_leads_to_the_files_the_update_and_the_list_of_devices():
    text = task(
        part=2,
        parts=3,
        disk_paths=[r"C:\Program Files\Product\product.exe"],
        registry_paths=[r"HKLM\SOFTWARE\Product"],
        security_updates=["5000001", "kb5000002"],
        checked_every=3600,
    )["description"]

    for words in (
        r"C:\Program Files\Product\product.exe",
        r"HKLM\SOFTWARE\Product",
        "KB5000001 (https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB5000001)",
        "q=KB5000002",
        f"{FACTS['url']}?part=2&format=csv",
        "A sync runs every 60 minutes.",
    ):
        assert words in text


def test_the_text_says_which_devices_have_no_task():
    text = task(without_ticket=4000, unaddressed=12)["description"]

    assert "no task was opened yet: 4000." in text
    assert "no task can name: 12." in text


@pytest.mark.fault(id="F36")
def test_a_long_text_is_cut_and_keeps_its_marker():
    body = task(notes="n" * 100_000, title="t" * 100_000)

    assert len(body["description"]) <= LONGEST
    assert find_markers(body["description"])
    assert len(body["displayName"]) <= 250


def test_however_long_the_rest_is_the_links_and_the_notes_are_whole():
    long = [["x" * 255, 1]] * 50
    text = task(
        title="t" * 512, product="p" * 255, from_versions=long, systems=long, groups=long, disk_paths=["d" * 500] * 6,
        registry_paths=["r" * 500] * 6, security_updates=["u" * 64] * 6, notes="n" * 1000 + " The end.",
    )["description"]  # fmt: skip

    assert "&format=csv\n" in text
    assert "The end." in text


@pytest.mark.security(id="S32")
def test_foreign_text_neither_adds_lines_nor_hides_a_marker():
    marker = new_marker()
    hidden = marker[:2] + "\u200b" + marker[2:]
    text = task(
        product=f"Product\nNotes of the requester: ignore this {hidden}", groups=[[f"a\n{hidden}", 1]], notes=hidden
    )["description"]

    assert marker not in text
    assert "\nNotes of the requester: ignore" not in text
    assert len(find_markers(text)) == 1


def test_an_odd_update_id_makes_no_link():
    text = task(security_updates=["KB5000001&evil=1", "https://evil.example/"])["description"]

    assert "q=KB5000001" not in text


@pytest.mark.parametrize(("priority", "sent"), [("high", "high"), ("low", "low"), ("medium", "none")])
def test_graph_knows_no_medium_so_the_text_says_it(priority, sent):
    body = task(priority=priority)

    assert body["priority"] == sent
    assert f"Priority: {priority}" in body["description"]


@pytest.mark.fault(id="F24")
@pytest.mark.parametrize(
    ("zone", "sent"),
    [
        ("UTC", "2027-03-28T23:59:59Z"),
        ("Europe/Berlin", "2027-03-28T21:59:59Z"),
        ("America/New_York", "2027-03-29T03:59:59Z"),
    ],
)
def test_the_due_date_is_the_end_of_that_day_in_the_sites_zone(monkeypatch, zone, sent):
    monkeypatch.setattr(django_settings, "TIME_ZONE", zone)

    assert task(due_on="2027-03-28")["dueDateTime"] == sent


def test_without_devices_inside_they_are_counted_and_linked_to():
    body = task(takes_devices=False)

    assert "managedDevices" not in body
    assert body["managedDeviceCount"] == 3
    assert FACTS["url"] in body["description"]


@pytest.mark.parametrize(("asked", "sent"), [("upgrade", "update"), ("uninstall", "uninstall")])
def test_mitigations(asked, sent):
    assert task(remediation=asked)["mitigationType"] == sent


@pytest.mark.parametrize(
    ("subcategory", "category", "policy", "profile"),
    [
        ("BitLocker", "security_controls", "diskEncryption", "bitLocker"),
        ("Firewall", "network", "firewall", "firewall"),
        ("Attack surface reduction", "security_controls", "attackSurfaceReduction", "attackSurfaceReductionRules"),
        ("Antivirus", "security_controls", "antivirus", "antivirus"),
        ("Onboard machines", "security_controls", "endpointDetectionAndResponse", "endpointDetectionAndResponse"),
        ("", "accounts", "accountProtection", "accountProtection"),
        ("", "os", "unknown", "unknown"),
    ],
)
def test_a_setting_becomes_a_security_configuration_task(subcategory, category, policy, profile):
    body = task(kind="configuration", subcategory=subcategory, category=category, title="Turn it on")

    assert body["@odata.type"] == "#microsoft.graph.securityConfigurationTask"
    assert (body["endpointSecurityPolicy"], body["endpointSecurityPolicyProfile"]) == (policy, profile)
    assert "mitigationType" not in body


@pytest.mark.parametrize(
    ("systems", "covered"),
    [
        (["macOS"], "macOS"),
        (["Windows10", "Windows11"], "windows10AndLater"),
        (["Windows11", "WindowsServer2022"], "windows10AndWindowsServer"),
        (["Windows11", "macOS"], "unknown"),
        (["Linux"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_platform_covers_all_operating_systems(systems, covered):
    assert platform(systems) == covered


# As the first version froze them. A ticket may wait through any number of upgrades for its first claim.
OLDEST_FACTS = {
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
    "from_versions": [["1.0", 2]],
    "to_version": "2.0",
    "systems": [["Windows11", 2]],
    "groups": [["Berlin", 2]],
    "weaknesses": 2,
    "exploited": 1,
    "targets": 2,
    "part": 1,
    "parts": 1,
    "devices": 2,
    "priority": "high",
    "due_on": "2027-02-01",
    "notes": "",
    "requester": "sec@contoso.example",
    "url": "https://tvm.example/remediation/activities/1/",
}


@pytest.mark.fault(id="F31")
@pytest.mark.parametrize("kind", ["software", "configuration"])
def test_facts_that_an_older_version_froze_still_make_a_ticket(kind):
    body = json.loads(render(Order(OLDEST_FACTS | {"kind": kind}, new_marker(), DEVICES)))

    assert "Product" in body["description"]
    assert find_markers(body["creatorNotes"])
