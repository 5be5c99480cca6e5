"""Start, stop, restart, and what survives."""

import signal
import stat
import time

import pytest

from integrations.sandbox import prepare

from .conftest import TASKS, Sandbox

pytestmark = pytest.mark.once


def test_everything_survives_a_restart_even_a_violent_one(tmp_path):
    first = Sandbox(tmp_path, ["--devices", "40"]).start()
    created = first.create("Kept").json()["id"]
    first.control("fix", recommendation="va-_-google-_-chrome", percent=100)
    first.control("mode", name="inline_devices", value="ignore")
    token, authority = first.token("https://graph.microsoft.com/.default"), (tmp_path / "ca.pem").read_bytes()
    first.stop(signal.SIGKILL)

    second = Sandbox(tmp_path, ["--devices", "40"]).start()
    second.tokens["https://graph.microsoft.com/.default"] = token["access_token"]

    assert [entity["id"] for entity in second.get(TASKS)["value"]] == [created]
    assert second.get("/api/recommendations/va-_-google-_-chrome")["exposedMachinesCount"] == 0
    assert second.session.get(f"{second.page}/control/state").json()["modes"]["inline_devices"] == "ignore"
    assert second.environment["MICROSOFT_CLIENT_SECRET"] == first.environment["MICROSOFT_CLIENT_SECRET"]
    assert (tmp_path / "ca.pem").read_bytes() == authority
    second.control("fault", family="graph", kind="timeout_before", hold=60)
    with pytest.raises(Exception, match="timed out"):
        second.call("GET", TASKS, timeout=0.2)
    started = time.monotonic()
    assert second.stop() == 0
    assert time.monotonic() - started < 2


def test_the_environment_can_be_had_before_anything_runs(tmp_path):
    made = prepare(tmp_path / "new", 8443)

    assert made == prepare(tmp_path / "new", 8443)
    assert made["MICROSOFT_GRAPH_URL"] == "https://127.0.0.1:8443"
    assert set(made) == {
        "MICROSOFT_TENANT_ID",
        "MICROSOFT_CLIENT_ID",
        "MICROSOFT_CLIENT_SECRET",
        "MICROSOFT_LOGIN_URL",
        "MICROSOFT_GRAPH_URL",
        "MICROSOFT_DEFENDER_URL",
        "MICROSOFT_CA_BUNDLE",
        "CONFIGMGR_URL",
        "EPSS_URL",
        "KEV_URL",
        "MICROSOFT_EXPORT_URL",
        "FEEDS_CA_BUNDLE",
        "CONFIGMGR_SCOPE",
        "CONFIGMGR_CA_BUNDLE",
    }
    for name in ("credentials.json", "environment.json", "ca.key", "server.key"):
        assert stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) == 0o600
