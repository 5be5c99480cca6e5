"""The commands `sync` and `import`, and the task."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from integrations import tasks
from integrations.models import SyncRun, SyncState
from integrations.progress import Progress
from remediation.models import Device, Exposure, Lease
from tvm_remediation.celery import configure

from .ingest.world import World

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {
    "machines": "machines",
    "recommendations": "recommendations",
    "software": "software_vulnerabilities-1",
    "configurations": "configurations",
    "weaknesses": "vulnerabilities",
}


def write(world: World, folder: Path) -> None:
    for part, name in FILES.items():
        (folder / f"{name}.json").write_text(json.dumps({"value": world.lists[part]}))


def test_an_import_is_a_sync_from_files(tmp_path: Path):
    write(World(devices=2), tmp_path)
    out = io.StringIO()

    call_command("import", tmp_path, stdout=out)

    assert (Device.objects.count(), Exposure.objects.count()) == (2, 4)
    assert SyncRun.objects.last_complete().source == "files"
    assert "4 new exposures" in out.getvalue()


def test_an_incomplete_import_closes_nothing_and_says_so(tmp_path: Path):
    write(World(devices=2), tmp_path)
    call_command("import", tmp_path, stdout=io.StringIO())
    (tmp_path / "software_vulnerabilities-1.json").unlink()
    out = io.StringIO()

    with pytest.raises(SystemExit) as end:
        call_command("import", tmp_path, stdout=out)

    assert end.value.code == 1
    assert "software_vulnerabilities" in out.getvalue()
    assert Exposure.objects.count() == 4


def test_a_folder_that_is_none_is_refused(tmp_path: Path):
    with pytest.raises(CommandError, match="no folder"):
        call_command("import", tmp_path / "missing")


def test_an_import_beside_another_sync_is_refused(tmp_path: Path):
    write(World(), tmp_path)
    Lease.objects.take("sync", "another host", 60)

    with pytest.raises(CommandError, match="under way"):
        call_command("import", tmp_path)


def test_without_a_tenant_nothing_is_asked():
    with pytest.raises(CommandError, match="MICROSOFT_TENANT_ID"):
        call_command("sync")
    tasks.run_sync()

    assert not SyncRun.objects.exists()


def test_progress_is_one_line_a_phase_where_there_is_no_terminal():
    out = io.StringIO()
    show = Progress(out)
    for phase in ("machines", "machines", "software"):
        show(SyncRun(phase=phase, rows=1200, state=SyncState.RUNNING))

    assert out.getvalue().splitlines() == ["Devices: 0 pages, 1,200 rows", "Software weaknesses: 0 pages, 1,200 rows"]


def test_changes_are_read_between_the_full_passes_by_the_sync_worker(settings):
    settings.DELTA_EVERY = 600.0
    wanted = configure()

    changes = wanted["beat_schedule"]["changes"]

    assert (changes["schedule"], changes["options"]["expires"]) == (600.0, 600.0)
    assert wanted["task_routes"][changes["task"]] == wanted["task_routes"]["integrations.tasks.run_sync"]


def test_without_an_interval_no_changes_are_read(settings):
    settings.DELTA_EVERY = 0

    assert "changes" not in configure()["beat_schedule"]
