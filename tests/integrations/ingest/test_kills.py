"""A pass whose process is killed, wherever it is: another process goes on, and ends as an undisturbed one would."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from integrations.ingest import stage, tally
from integrations.ingest.running import run_changes, run_sync
from integrations.models import SyncKind, SyncRun, SyncState
from remediation.models import (
    Device,
    Exposure,
    InstalledBeside,
    Recommendation,
    RecommendationCounter,
    SoftwareVersion,
    Weakness,
)

from .world import World, sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shared(transactional_db, tmp_path, monkeypatch) -> Iterator[None]:
    """A database that other processes see too, and a sign of life at every step."""
    monkeypatch.setattr(tally, "EVERY", 0)
    if connection.vendor != "sqlite":
        yield
        return
    path = tmp_path / "shared.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    in_memory = connections["default"]
    on_file = in_memory.copy()
    on_file.settings_dict = in_memory.settings_dict | {"NAME": str(path)}
    connections["default"] = on_file
    yield
    connections["default"].close()
    connections["default"] = in_memory


def in_a_process(work: Callable[[], object]) -> int:
    """Run it in a process of its own; how that ended."""
    connections.close_all()
    if connection.vendor == "postgresql":
        connection.close_pool()
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(120)
    return process.exitcode


def killed_at(world: World, step: int, run=run_sync) -> bool:
    """Sync in a process that is killed at its n-th sign of life; whether it came to that."""
    left = [step]

    def report(_run: SyncRun) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    code = in_a_process(lambda: run(world, report=report))
    assert code in (0, -signal.SIGKILL)
    return code != 0


def facts() -> dict:
    """All that people see, by names."""
    return {
        "exposures": sorted(
            Exposure.objects.values_list("recommendation__source_id", "device__source_id", "version__version"), key=repr
        ),
        "beside": sorted(InstalledBeside.objects.values_list("device__source_id", "version__version")),
        "devices": sorted(
            (device.source_id, device.name, device.group.name, device.retired_at is None, round(device.risk_sum, 9))
            for device in Device.objects.select_related("group")
        ),
        "counters": sorted(
            RecommendationCounter.objects.values_list("recommendation__source_id", "group__name", "exposed", "total")
        ),
        "advice": sorted(Recommendation.objects.values_list("source_id", "name", "exposed", "weaknesses")),
        "versions": sorted(
            SoftwareVersion.objects.filter(risk__gt=0).values_list("software__source_id", "version", "weaknesses__name")
        ),
        "weaknesses": sorted(Weakness.objects.values_list("name", "cvss", "description")),
    }


def two_states() -> tuple[World, World]:
    """The same tenant before and after a day on which all kinds of things happen, less than half of it."""
    before = World(devices=9)
    for number in (1, 2, 3):
        before.install(number, "0.9", "CVE-2026-3")
        before.install(number, "9", "CVE-2026-2", name=f"tool{number}")
        before.add_recommendation(f"va-_-contoso-_-tool{number}", f"Update tool {number}", "Update")
    after = before.copy()
    after.update(1)
    after.comply(2, True)
    after.remove_machine(8)
    after.add_machine(10)
    after.install(10, "1.0", "CVE-2026-1")
    after.update(4, "1.5", "CVE-2026-2")
    after.lists["recommendations"].pop()
    after.lists["software"].append({"deviceId": "", "softwareName": 7})
    return before, after


def test_a_pass_killed_at_any_step_ends_as_if_nothing_had_happened(shared):
    worlds = two_states()
    for world in worlds:
        sync(world)
    # What is kept of what is gone is the same from here on, whichever of the two was read last.
    expected = [facts() for world in worlds if sync(world)]
    assert expected[0] != expected[1]
    undisturbed = SyncRun.objects.last_complete()

    step, target = 0, 0
    while killed_at(worlds[target], step):
        run = run_sync(worlds[target])
        run.refresh_from_db()

        assert (run.state, run.continued) == (SyncState.COMPLETE, 1), f"step {step}"
        assert facts() == expected[target], f"step {step}"
        if target == 1:
            # What it says it has read is what there was to read, each record once.
            assert (run.rows, run.set_aside) == (undisturbed.rows, undisturbed.set_aside), f"step {step}"
        step, target = step + 1, 1 - target
    assert step > 30
    assert not Path(settings.DATA_DIR, "sync-stage.sqlite3").exists()
    assert not [name for name in connection.introspection.table_names() if name.startswith("stage_")]


def test_what_was_read_before_the_kill_is_not_read_again(shared):
    world = World(devices=9)
    run = in_a_process(lambda: run_sync(_dies_after(world, "software", 6)))
    assert run == -signal.SIGKILL

    sync(world)

    assert world.asked[0] == ("software", 6)


def _dies_after(world: World, part: str, start: int) -> World:
    killed = world.copy()
    pages = killed._pages

    def mortal(name: str, *more):
        for page in pages(name, *more):
            if (part, start) == killed.asked[-1]:
                os.kill(os.getpid(), signal.SIGKILL)
            yield page

    killed._pages = mortal
    return killed


def test_changes_killed_at_any_step_end_as_if_nothing_had_happened(shared):
    world = World(devices=5)
    for number in (1, 2):
        world.install(number, "0.9", "CVE-2026-3")
    step = 0
    while True:
        sync(world)
        SyncRun.objects.update(as_of=timezone.now() - timedelta(minutes=1))
        moment = (timezone.now() - timedelta(seconds=1)).isoformat()
        world.lists["changes"] = []
        for number, version, cve, status in (
            (1, "1.0", "CVE-2026-1", "Fixed"), (2, "0.9", "CVE-2026-3", "Fixed"), (3, "1.0", "CVE-2026-1", "Fixed"),
            (4, "1.5", "CVE-2026-2", "New"),
        ):  # fmt: skip
            world.install(number, version, cve)
            row = world.lists["software"].pop()
            world.lists["changes"].append(row | {"status": status, "eventTimestamp": moment})
        if step == 0:
            run_changes(world)
            expected = facts()
            sync(world)
            SyncRun.objects.update(as_of=timezone.now() - timedelta(minutes=1))
        if not killed_at(world, step, run_changes):
            break
        run = run_changes(world)

        assert run.kind == SyncKind.DELTA
        assert facts() == expected, f"step {step}"
        step += 1
    assert step > 3


@pytest.mark.parametrize(
    "change",
    [{"started_at": timezone.now() - timedelta(hours=7)}, {"continued": 5}, {"source": "files"}],
    ids=lambda change: next(iter(change)),
)
def test_what_is_too_old_or_died_too_often_or_is_another_source_begins_anew(shared, change):
    world = World(devices=9)
    assert killed_at(world, 12)
    SyncRun.objects.update(**change)

    run = sync(world)

    assert (run.continued, run.state) == (0, SyncState.COMPLETE)
    assert world.asked[0] == ("machines", 0)
    assert SyncRun.objects.get(pk__lt=run.pk).state == SyncState.FAILED


def test_a_process_taken_for_dead_adds_nothing_to_what_another_goes_on_with(transactional_db):
    now = timezone.now()
    run = SyncRun.objects.create(source="defender", started_at=now, heartbeat_at=now)
    with stage.Stage(run.pk) as slow:
        slow.put("machines", stage.Place("3"), [("stage_held", ("source_id",), [("a",)])], {"rows": 1})
        with stage.Stage(run.pk) as other:
            assert other.places() == {"machines": stage.Place("3")}

            with pytest.raises(tally.SyncLost):
                slow.put("machines", stage.Place("6"), [("stage_held", ("source_id",), [("b",)])], {})

            assert other.rows("SELECT source_id FROM stage_held") == [("a",)]
