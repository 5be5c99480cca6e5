"""An upgrade from an earlier release, killed midway and begun again: rows and schema are those of a whole one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).parents[2]
# Django's own command never gets over the first; the second is in the middle of a migration, wherever the run begins.
FEW = ["0012_inventory,20,0017_exceptions"]
MANY = [
    *("0010_tenant", "0011_weakness_facts_moves_and_events", "0012_inventory", "0013_devices", "0014_search_indexes"),
    *("0015_closure", "0016_exposures_unchecked", "0017_exceptions", "0018_entra_people", "0002_tenant"),
    *("0019_audit_indexes_and_checkpoint", "1", "20", "40", "60", "80", "97", "99", ",".join(["5"] * 12)),
]


def upgraded(folder: Path, rows: int, kills: list[str]) -> dict:
    """What the program has to say; it works in databases of its own."""
    environment = os.environ | {"TVM_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "tvm_remediation.settings"}
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        environment.pop("DATABASE_URL", None)
    else:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        environment["DATABASE_URL"] = f"{os.environ['TEST_DATABASE_URL']}{worker}"
    command = [sys.executable, "-m", "tests.upgrade", str(rows), *kills]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def check(report: dict, rows: int) -> None:
    assert report["rows"] >= rows
    # What was there stands as it stood, in every column that there was.
    assert report["after"] == report["before"]
    for kills, killed in report["killed"].items():
        assert (kills, set(killed["ended"])) == (kills, {-signal.SIGKILL})
        differing = {name for name, sums in report["whole"].items() if killed["everything"].get(name) != sums}
        assert (kills, differing) == (kills, set())
        assert killed["everything"].keys() == report["whole"].keys()


# On PostgreSQL the long one.
@pytest.mark.once
@pytest.mark.fault(id="F32")
def test_an_upgrade_that_was_killed_goes_on_to_the_same_rows_and_schema(tmp_path):
    check(upgraded(tmp_path, 2000, FEW), 2000)


@pytest.mark.long
@pytest.mark.fault(id="F32")
def test_an_upgrade_of_100_000_rows_can_be_killed_at_any_moment(tmp_path):
    report = upgraded(tmp_path, 100_000, MANY)
    print(f"{report['rows']} rows, {report['statements']} statements, {report['seconds']:.1f} s without a kill")

    check(report, 100_000)
