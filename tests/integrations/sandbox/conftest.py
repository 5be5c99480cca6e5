"""A running stand-in, driven over the network as the product drives it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msal
import pytest
import requests

ROOT = Path(__file__).resolve().parents[3]
TASKS = "/beta/deviceAppManagement/deviceAppManagementTasks"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
DEFENDER_SCOPE = "https://api.securitycenter.microsoft.com/.default"


@dataclass
class Sandbox:
    """A child process and the calls that tests make of it."""

    data_dir: Path
    arguments: list[str] = field(default_factory=lambda: ["--devices", "300"])
    page: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def start(self) -> "Sandbox":
        command = [sys.executable, "-m", "integrations.sandbox", "--data-dir", str(self.data_dir), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--page-port", "0", *self.arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        ready = self.process.stdout.readline()
        assert ready.startswith("Sandbox ready"), ready
        self.page = next(word for word in ready.split() if word.startswith("http://"))
        self.environment = json.loads((self.data_dir / "environment.json").read_text())
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = self.environment["MICROSOFT_CA_BUNDLE"]
        return self

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        self.process.send_signal(signal_number)
        self.process.stdout.close()
        return self.process.wait(timeout=5)

    @property
    def groups_credentials(self) -> dict[str, str]:
        return json.loads((self.data_dir / "groups.json").read_text())

    @property
    def root(self) -> str:
        return self.environment["MICROSOFT_GRAPH_URL"]

    def token(self, scope: str, secret: str | None = None) -> dict[str, Any]:
        application = msal.ConfidentialClientApplication(
            self.environment["MICROSOFT_CLIENT_ID"],
            client_credential=secret or self.environment["MICROSOFT_CLIENT_SECRET"],
            authority=f"{self.root}/{self.environment['MICROSOFT_TENANT_ID']}",
            instance_discovery=False,
            http_client=self.session,
        )
        return application.acquire_token_for_client([scope])

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """A call with the token that the path needs; the path may be a whole address."""
        scope = DEFENDER_SCOPE if "/api/" in path else GRAPH_SCOPE
        if scope not in self.tokens:
            self.tokens[scope] = self.token(scope)["access_token"]
        address = path if path.startswith("https://") else self.root + path
        headers = {"Authorization": f"Bearer {self.tokens[scope]}", **options.pop("headers", {})}
        return self.session.request(method, address, headers=headers, timeout=options.pop("timeout", 10), **options)

    def get(self, path: str, **options: Any) -> Any:
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, name: str = "Update Google Chrome", **changes: Any) -> requests.Response:
        return self.call("POST", TASKS, json=task(name, **changes))

    def control(self, verb: str, **fields: Any) -> dict[str, Any]:
        answer = self.session.post(
            f"{self.page}/control/{verb}", data=fields, headers={"Accept": "application/json"}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def dump(self) -> dict[str, Any]:
        return self.session.get(f"{self.page}/control/dump", timeout=10).json()

    def groups(self) -> list[dict[str, Any]]:
        return self.session.get(f"{self.page}/control/groups", timeout=10).json()["groups"]


def task(name: str = "Update Google Chrome", **changes: Any) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.appVulnerabilityTask",
        "displayName": name,
        "description": "Update it.",
        "dueDateTime": "2027-01-31T22:59:59Z",
        "category": "advancedThreatProtection",
        "priority": "high",
        "creator": "sec@contoso.example",
        "status": "pending",
        "appName": "Google Chrome",
        "mitigationType": "update",
        "managedDeviceCount": 2,
    } | changes


@pytest.fixture(scope="session", autouse=True)
def no_foreign_certificates():
    """requests prefers these variables to a session's own bundle."""
    kept = {name: os.environ.pop(name, None) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}
    yield
    os.environ.update({name: value for name, value in kept.items() if value is not None})


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox")).start()
    yield sandbox
    assert sandbox.stop() == 0


@pytest.fixture
def sandbox(running):
    """The shared stand-in without tasks, faults or changed modes."""
    running.control("reset", what="tasks")
    modes = {"inline_devices": "accept", "notes": "extra", "filters": "ignore", "page_size": 50, "site_role": "full"}
    modes["sign_in"] = "honest"
    for name, value in modes.items():
        running.control("mode", name=name, value=value)
    running.control("grant", role="DeviceManagementApps.ReadWrite.All")
    return running
