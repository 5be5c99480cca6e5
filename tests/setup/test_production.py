"""Production settings as the README names them: nothing that Django's own check for a deployment has to say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.once, pytest.mark.security(id="S28")]
ROOT = Path(__file__).parents[2]
PRODUCTION = {
    "SECRET_KEY": "Zr7pQe1mXv9sKd3wYb6nHf2jLt8cGa4uRo5iEx0zVqWlMk1yNs",
    "ALLOWED_HOSTS": "tvm.example.org",
    "CSRF_TRUSTED_ORIGINS": "https://tvm.example.org",
    "SITE_URL": "https://tvm.example.org",
    "TRUST_PROXY": "true",
    "PROXY_COUNT": "1",
}


def check(folder: Path, **more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = {"PATH": os.environ["PATH"], "TVM_DATA_DIR": str(folder), **PRODUCTION, **more}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_the_check_of_a_deployment_has_nothing_to_say(tmp_path):
    done = check(tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced).")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"DEBUG": "true", "HTTPS": "false", "SECRET_KEY": "short"},
            ["security.W018", "security.W008", "security.W009"],
        ),
        ({"PROXY_COUNT": "11"}, ["PROXY_COUNT must be between 0 and 10."]),
    ],
    ids=["debug, plain http, short key", "proxies"],
)
def test_what_is_odd_is_said(tmp_path, variables, words):
    done = check(tmp_path, **variables)

    assert done.returncode != 0
    assert [word for word in words if word not in done.stderr] == []
