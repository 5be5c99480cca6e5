"""What is set oddly stops the start with a sentence, and a sentence holds no secret."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tvm_remediation.environment import Environment, broker_url, feed_url, read_secret, url_without_trailing_slash

pytestmark = pytest.mark.once
PROJECT = Path(__file__).resolve().parents[2]
CANARY = "canary-4711"
ODD_NUMBERS = ["abc", "nan", "inf", "-inf", "1e400", "-1", "0x10", "1,5", "9" * 5000, "٣x", " ", "None", "1;2"]


@pytest.mark.bad_input(place="configuration")
@pytest.mark.bad_input(place="numbers")
@pytest.mark.parametrize("value", ODD_NUMBERS)
def test_an_odd_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("DELIVERY_LEASE", value)

    for read in (Environment().int, Environment().float):
        with pytest.raises(ImproperlyConfigured, match=r"DELIVERY_LEASE is .* not a .*number"):
            read("DELIVERY_LEASE", default=5)


@pytest.mark.bad_input(place="configuration")
@pytest.mark.parametrize("value", ["maybe", "ture", "2", "-1", "None", "https", "\u0663"])
def test_a_switch_is_on_or_off_and_nothing_between(monkeypatch, value):
    """HTTPS=ture would have been off, without a word."""
    monkeypatch.setenv("HTTPS", value)

    with pytest.raises(ImproperlyConfigured, match=r"HTTPS is .* true or false"):
        Environment().bool("HTTPS", default=True)


@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("YES", True), ("1", True), ("off", False), ("", False)])
def test_a_switch_is_read_in_the_usual_words(monkeypatch, value, is_on):
    monkeypatch.setenv("HTTPS", value)

    assert Environment().bool("HTTPS", default=not is_on) is is_on


@pytest.mark.security(id="S14")
@pytest.mark.bad_input(place="configuration")
@pytest.mark.parametrize(
    "address", [f"postgres://u:{CANARY}/x@h:5432/d", f"postgres://u:{CANARY}@h:port/d",
                f"postgres://u:{CANARY}@h:99999999/d", CANARY, f"nonsense://u:{CANARY}@h/d", f"postgres:/{CANARY}#?"],
)  # fmt: skip
def test_an_odd_address_of_the_database_is_refused_without_its_password(monkeypatch, address):
    monkeypatch.setenv("DATABASE_URL", address)

    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is no address") as refusal:
        Environment().db_url("DATABASE_URL")

    chain = [refusal.value, refusal.value.__cause__]
    assert CANARY not in " ".join(map(str, chain))
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.security(id="S14")
@pytest.mark.bad_input(place="configuration")
@pytest.mark.parametrize(
    "address", [CANARY, f"amqp://u:{CANARY}@h", f"http://{CANARY}", f"redis:{CANARY}\n//h", f"//{CANARY}"]
)
def test_an_odd_address_of_the_broker_is_refused_without_its_password(monkeypatch, address):
    monkeypatch.setenv("CELERY_BROKER_URL", address)

    if not address.startswith("redis:"):
        with pytest.raises(ImproperlyConfigured, match="no address of a broker") as refusal:
            broker_url("CELERY_BROKER_URL", "")
        assert CANARY not in str(refusal.value)


@pytest.mark.security(id="S11")
@pytest.mark.bad_input(place="configuration")
@pytest.mark.parametrize(
    "address", ["graph.microsoft.com", "//graph.microsoft.com", "ftp://h", "file:///etc/passwd", "gopher://h", "https://",
                "https://user:secret@h", "https://user@h", "https://h?x=1", "https://h#x", "javascript:alert(1)", "http:///x"],
)  # fmt: skip
def test_an_odd_address_of_a_service_is_refused(monkeypatch, address):
    monkeypatch.setenv("MICROSOFT_GRAPH_URL", address)

    with pytest.raises(ImproperlyConfigured, match="MICROSOFT_GRAPH_URL"):
        url_without_trailing_slash("MICROSOFT_GRAPH_URL")
    if "?" not in address and "#" not in address:
        with pytest.raises(ImproperlyConfigured):
            feed_url("MICROSOFT_GRAPH_URL", "")


@pytest.mark.bad_input(place="configuration")
def test_the_ends_of_a_secrets_file_are_not_a_part_of_it(monkeypatch, tmp_path):
    path = tmp_path / "secret"
    path.write_text("  a-secret\r\n\n")
    monkeypatch.setenv("SOME_SECRET_FILE", str(path))

    assert read_secret("SOME_SECRET") == "a-secret"


def start(**env: str) -> subprocess.CompletedProcess:
    own = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    command = [sys.executable, "-c", "import tvm_remediation.settings"]
    given = {"SECRET_KEY": CANARY + "x" * 50, "DATABASE_URL": f"postgres://u:{CANARY}@h/d"} | env
    return subprocess.run(command, cwd=PROJECT, env=own | given, capture_output=True, text=True, timeout=60)


@pytest.mark.security(id="S14")
@pytest.mark.bad_input(place="configuration")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIME_ZONE", "Mars/Olympus"),
        ("LOG_LEVEL", "loud"),
        ("DEFENDER_EXPORT", "sometimes"),
        ("EXCEPTION_APPROVAL", "perhaps"),
        ("DELIVERY_TOTAL_DEADLINE", "500"),
        ("MICROSOFT_CLOUD", "mine"),
        ("MICROSOFT_TENANT_ID", "contoso.example"),
        ("SECRET_KEY", ""),
    ],
)
def test_the_start_stops_with_a_sentence_that_names_the_variable(name, value, tmp_path):
    done = start(**{name: value, "TVM_DATA_DIR": str(tmp_path)})

    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode
    assert re.search(rf"ImproperlyConfigured: .*{name}", last), last
    assert CANARY not in done.stderr
