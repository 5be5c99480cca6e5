"""The two commands, as far as they can be tried without installing: what is missing, and what the locks hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

PROJECT = Path(__file__).resolve().parents[2]


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==(\S+)", (PROJECT / name).read_text(), re.MULTILINE))


def wanted(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"^([A-Za-z][\w-]*)", (PROJECT / name).read_text(), re.MULTILINE)}


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_a_lock_holds_what_is_used_directly(name):
    assert wanted(f"{name}.in") <= set(locked(f"{name}.txt"))


def test_the_tests_run_with_the_versions_of_the_product():
    assert locked("requirements.txt").items() <= locked("requirements-dev.txt").items()


@pytest.mark.security(id="S29")
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-kerberos.txt"])
def test_every_locked_version_has_its_hashes(name):
    blocks = re.split(r"^(?=[a-z0-9-]+(?:\[|==))", (PROJECT / name).read_text(), flags=re.MULTILINE)
    assert [block.split("==")[0] for block in blocks if "==" in block and "--hash=sha256:" not in block] == []


# Package -> the first version in which the weakness named beside it is mended. For the others: pip-audit.
FIRST_SOUND = {
    "celery": "5.2.2",  # CVE-2021-23727: data of a result becomes code
    "cryptography": "42.0.4",  # CVE-2024-26130: a crash by an odd certificate
    "django": "5.2.8",  # CVE-2025-64459: SQL by the names of arguments
    "django-filter": "2.4.0",  # CVE-2020-15225: numbers of a billion digits
    "gunicorn": "23.0.0",  # CVE-2024-6827: requests smuggled past a proxy
    "idna": "3.7",  # CVE-2024-3651: names that take for ever
    "pyjwt": "2.10.1",  # CVE-2024-53861: a part of the issuer's name is enough
    "requests": "2.32.4",  # CVE-2024-47081: a password sent to another host
    "sqlparse": "0.5.0",  # CVE-2024-4340: nesting that ends the process
    "urllib3": "2.5.0",  # CVE-2025-50181: redirects followed though they are switched off
    # No weakness, but tasks are lost below: workers that connect again and hear nothing.
    "kombu": "5.7.0",
}


@pytest.mark.security(id="S29")
@pytest.mark.parametrize("package", FIRST_SOUND)
def test_no_locked_version_has_a_weakness_that_is_known_and_mended(package):
    assert Version(locked("requirements.txt")[package]) >= Version(FIRST_SOUND[package])


@pytest.mark.security(id="S29")
def test_nothing_is_installed_but_what_the_lock_names_by_its_hash():
    for path in (PROJECT / "tvm_remediation" / "bootstrap.py", PROJECT / "Makefile"):
        text = path.read_text()
        assert "--require-hashes" in text
        assert "--no-deps" in text


def test_without_python_make_says_what_to_install():
    done = subprocess.run(["make", "run", "PYTHON=no-such-python"], cwd=PROJECT, capture_output=True, text=True)

    assert done.returncode
    assert "apt-get install python3 python3-venv" in done.stderr


def test_without_the_venv_module_the_bootstrap_says_what_to_install(tmp_path):
    (tmp_path / "ensurepip.py").write_text("raise ImportError")
    script = "import runpy, sys; sys.argv[1:] = ['requirements.txt']; runpy.run_path({!r}, run_name='__main__')"
    command = [sys.executable, "-c", script.format(str(PROJECT / "tvm_remediation" / "bootstrap.py"))]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr == "Python's venv module is missing. On Debian: apt-get install python3-venv\n"


def manage(*arguments: str, **env: str) -> subprocess.CompletedProcess:
    own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=own | env, capture_output=True, text=True, timeout=60)


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = manage("run", TVM_DATA_DIR=str(tmp_path), PORT=str(port))

    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} on 127.0.0.1 is taken")
    assert len(done.stderr.splitlines()) == 1


def test_half_a_tenant_is_said_in_a_sentence(tmp_path):
    tenant = "b0a4bbb2-1b0a-4bf0-8d5b-0c2bb0a1b2c3"
    done = manage("run", TVM_DATA_DIR=str(tmp_path), MICROSOFT_TENANT_ID=tenant, PORT="18931")

    assert done.returncode == 1
    assert done.stderr.startswith("MICROSOFT_TENANT_ID is set, but ")
    assert len(done.stderr.splitlines()) == 1
