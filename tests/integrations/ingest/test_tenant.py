"""The whole way from the running stand-in to the facts: by pages, by files and by the changes in between."""

import gzip
import json
from collections import Counter

import pytest
import requests

from integrations.ingest.running import run_changes, run_sync
from integrations.models import SyncKind, SyncRun, SyncState
from integrations.sources.defender import DefenderSource
from remediation.models import (
    Exposure,
    ImportedActivity,
    ImportedFrom,
    InstalledBeside,
    Recommendation,
    Software,
    SoftwareVersion,
)
from tests.integrations.connectors.conftest import no_foreign_certificates, running, sandbox, tenant  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def estate(tenant, settings):  # noqa: F811
    """The stand-in's estate as at first, and no waits."""
    tenant.control("clear-faults")
    tenant.control("mode", name="file_address_seconds", value=0)
    tenant.control("reset", devices=200)
    settings.DEFENDER_EXPORT = "files"
    return tenant


def source() -> DefenderSource:
    return DefenderSource(sleep=lambda seconds: None)


def exposures() -> list[tuple]:
    fields = ("recommendation__source_id", "device__source_id", "version__version")
    return sorted(Exposure.objects.values_list(*fields), key=repr)


def beside() -> list[tuple]:
    fields = ("version__software__source_id", "device__source_id", "version__version")
    return sorted(InstalledBeside.objects.values_list(*fields))


def full() -> SyncRun:
    run = run_sync(source())
    assert run is not None
    assert run.state == SyncState.COMPLETE, run.error
    return run


def delta() -> SyncRun:
    run = run_changes(source())
    assert run is not None
    assert (run.kind, run.state) == (SyncKind.DELTA, SyncState.APPLIED), run.error
    return run


def product(estate) -> str:
    """The id of a recommendation that exposes some devices by a product with an update."""
    found = Recommendation.objects.filter(remediation_type="update", exposed__gt=5).order_by("exposed").first()
    return found.source_id


def test_files_and_pages_lead_to_the_same(estate, settings):
    full()
    by_files = exposures()
    settings.DEFENDER_EXPORT = "pages"

    run = full()

    assert (run.new, run.changed, run.fixed) == (0, 0, 0)
    assert exposures() == by_files
    assert len(by_files) > 500


def test_a_sync_brings_what_was_requested_in_defender_itself(estate):
    full()
    full()

    kept = ImportedActivity.objects.filter(imported_from=ImportedFrom.DEFENDER)
    assert Counter(kept.values_list("status", flat=True)) == {"active": 4, "completed": 2}
    player = kept.get(recommendation__source_id="va-_-videolan-_-vlc_media_player")
    assert (player.requester, player.notes) == ("mara.lindt@corp.example", "Kiosks first.")
    assert player.target_devices > player.fixed_devices == 14


def test_the_number_of_devices_decides_between_files_and_pages(estate, settings, monkeypatch):
    settings.DEFENDER_EXPORT = "auto"
    monkeypatch.setattr("integrations.sources.defender.MANY", 100)
    estate.control("withdraw", role="Vulnerability.Read.All")

    run = run_sync(source())

    estate.control("grant", role="Vulnerability.Read.All")
    assert run.state == SyncState.PARTIAL
    monkeypatch.setattr("integrations.sources.defender.MANY", 100_000)
    # The files are older than the run that reads them; pages are of its own time.
    assert full().as_of == SyncRun.objects.last_complete().started_at


@pytest.mark.parametrize(
    "fault",
    [
        {"family": "export_file", "kind": "truncated"},
        {"family": "export_file", "kind": "403"},
        {"family": "export_file", "kind": "503"},
        {"family": "export_file", "kind": "reset_before"},
        {"family": "export_offer", "kind": "429", "retry_after": "fractional"},
    ],
    ids=lambda fault: f"{fault['family']} {fault['kind']}",
)
def test_one_fault_is_got_over(estate, fault):
    estate.control("fault", count=1, **fault)

    run = full()

    assert run.set_aside == 0
    assert Exposure.objects.exists()


def test_a_file_that_stays_truncated_leaves_the_part_unread(estate):
    full()
    before = exposures()
    reference = product(estate)
    estate.control("fix", recommendation=reference)
    estate.control("fault", family="export_file", kind="truncated", count="")

    run = run_sync(source())

    estate.control("clear-faults")
    assert run.state == SyncState.PARTIAL
    assert "gzip" in run.error
    assert exposures() == before


def test_an_address_that_has_expired_is_asked_for_anew(estate):
    estate.control("fault", family="export_file", kind="403", count=2)
    asked = []
    reading = source()
    fetch = reading._files._downloads.fetch
    reading._files._downloads.fetch = lambda url, *rest: asked.append(url) or fetch(url, *rest)

    pages = list(reading.software())

    assert len(asked) == 3
    assert len({url.split("?")[0] for url in asked}) == 1
    assert sum(len(page.records) for page in pages) > 1000


def test_the_files_open_to_their_address_alone(estate):
    offer = estate.get("/api/machines/SoftwareVulnerabilitiesExport?sasValidHours=1")
    url = offer["exportFiles"][0]

    body = estate.session.get(url, timeout=10)
    with_token = estate.call("GET", url)
    forged = estate.session.get(url.replace("sig=", "sig=0"), timeout=10)

    lines = gzip.decompress(body.content).splitlines()
    assert "DeviceId" in json.loads(lines[0])
    assert (with_token.status_code, forged.status_code) == (400, 403)
    estate.control("mode", name="file_address_seconds", value=1)
    short = estate.get("/api/machines/SoftwareVulnerabilitiesExport")["exportFiles"][0]
    assert "AuthenticationFailed" in _until_refused(estate.session, short)


def _until_refused(session: requests.Session, url: str) -> str:
    while (answer := session.get(url, timeout=10)).status_code == 200:
        pass
    return answer.text


def test_the_changes_lead_to_what_a_full_pass_finds(estate, settings):
    settings.DEFENDER_EXPORT = "pages"
    full()
    reference = product(estate)
    estate.control("fix", recommendation=reference, percent=50)
    estate.control("expose", recommendation=reference, percent=20)
    estate.control("next-day")

    run = delta()

    assert run.new + run.changed + run.fixed > 0
    after, kept = exposures(), beside()
    check = full()
    of_software = [row for row in exposures() if row[0].startswith("va-")]
    assert of_software == [row for row in after if row[0].startswith("va-")]
    assert beside() == kept
    assert check.state == SyncState.COMPLETE


def test_after_files_that_are_older_the_changes_are_read_at_once(estate):
    estate.get("/api/machines/SoftwareVulnerabilitiesExport")

    run = full()

    assert run.as_of < run.started_at
    assert [found.kind for found in SyncRun.objects.order_by("pk")] == [SyncKind.FULL, SyncKind.DELTA]


def test_a_refused_delta_becomes_a_full_pass(estate, settings):
    settings.DEFENDER_EXPORT = "pages"
    full()
    estate.control("fault", family="export", kind="403", count=1)

    run = run_changes(source())

    assert (run.kind, run.state) == (SyncKind.FULL, SyncState.COMPLETE)
    assert [found.state for found in SyncRun.objects.order_by("pk")][1:] == [SyncState.FAILED, SyncState.COMPLETE]


def test_the_inventory_says_what_is_out_of_support(estate, settings):
    settings.DEFENDER_EXPORT = "pages"

    full()

    ended = SoftwareVersion.objects.exclude(end_of_support_status="none")
    assert ended.filter(end_of_support_on__isnull=False).exists()
    assert Software.objects.filter(end_of_support_status="software").exists()
    assert Software.objects.filter(source_weaknesses__gt=0).exists()


def test_a_refused_inventory_holds_nothing_back(estate, settings):
    settings.DEFENDER_EXPORT = "pages"
    estate.control("withdraw", role="Software.Read.All")

    run = full()

    estate.control("grant", role="Software.Read.All")
    assert any("inventory" in found["reason"] for found in run.reasons)
