"""The state of the imagined tenant: estate, granted roles, modes, credentials; shared by every request."""

import random
import threading
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from . import estate, figures
from .catalogue import load_catalogue
from .certificate import write_private
from .codes import Codes
from .environment import credentials, groups_credentials, site_audience
from .faults import Faults
from .people import APP_ROLES_AT_FIRST, SIGN_IN_MODES
from .store import Store, write_setting
from .throttle import Throttle

GRAPH_ROLES = [
    "DeviceManagementApps.ReadWrite.All",
    "DeviceManagementApps.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementManagedDevices.Read.All",
]
DEFENDER_ROLES = [
    "Machine.Read.All",
    "RemediationTasks.Read.All",
    "Score.Read.All",
    "SecurityRecommendation.Read.All",
    "Software.Read.All",
    "Vulnerability.Read.All",
]
# Those of the second registration, for target groups in Entra.
GROUPS_ROLES = ["Group.ReadWrite.All", "Device.Read.All"]
GRANTED_AT_FIRST = [GRAPH_ROLES[0], GRAPH_ROLES[4], *DEFENDER_ROLES, *GROUPS_ROLES]

# Where the real service's behaviour is not documented, a mode decides; the first value is the default.
MODES: dict[str, list[str]] = {
    "inline_devices": ["accept", "ignore", "reject"],
    "notes": ["extra", "hidden"],
    "filters": ["ignore", "honour", "reject"],
    "rate_limits": ["off", "real"],
    "site_role": ["full", "none"],
    "sign_in": SIGN_IN_MODES,
}
# Default, least, most. Latency: milliseconds until Graph answers.
# And seconds for which the address of an export file holds; 0: as long as was asked for.
NUMBERS = {
    "page_size": (50, 1, 1000),
    "listing_lag": (0, 0, 600),
    "latency": (0, 0, 60_000),
    "file_address_seconds": (0, 0, 21_600),
}


class Tenant:
    """Everything that requests read and change; safe to use from many threads."""

    def __init__(self, data_dir: Path, devices: int = estate.DEFAULT_DEVICES, large: bool = False) -> None:
        self.data_dir = data_dir
        self.credentials = credentials(data_dir)
        self.groups_credentials = groups_credentials(data_dir)
        self.signing_key = _signing_key(data_dir)
        self.catalogue = load_catalogue()
        self.store = Store(data_dir / "sandbox.sqlite3")
        self.faults, self.throttle = Faults(), Throttle()
        self.codes = Codes()
        # Where browsers meet Entra without our certificate; empty: where the API is.
        self.page_root = ""
        self.random = random.Random()  # noqa: S311
        self._counting = threading.Lock()
        self._figures: figures.Figures | None = None
        if self.store.setting("estate") is None:
            self.rebuild(devices, large)

    @property
    def id(self) -> str:
        return self.credentials["MICROSOFT_TENANT_ID"]

    @property
    def site_audience(self) -> str:
        return site_audience(self.id)

    def rebuild(self, devices: int, large: bool) -> None:
        with self.store.writing() as connection:
            estate.build(connection, self.catalogue, devices, large)
            connection.execute("DELETE FROM event")
            write_setting(connection, "tasks_since", self.now())
            write_setting(connection, "estate", {"devices": devices, "large": large})
        self.changed()

    def figures(self) -> figures.Figures:
        with self._counting:
            if self._figures is None:
                self._figures = figures.compute(self.store, self.catalogue)
            return self._figures

    def changed(self) -> None:
        """To be called after every change of the estate."""
        with self._counting:
            self._figures = None
        self.store.set_setting("export_made_at", 0)

    def export_made_at(self) -> float:
        """When the files of the present estate were made: at the first question after it changed."""
        made = self.store.setting("export_made_at", 0)
        if not made:
            made = self.now()
            self.store.set_setting("export_made_at", made)
        return made

    @property
    def roles(self) -> list[str]:
        return self.store.setting("roles", GRANTED_AT_FIRST)

    @property
    def app_roles(self) -> dict[str, list[str]]:
        """Of each person, by their short names."""
        return self.store.setting("app_roles", APP_ROLES_AT_FIRST)

    def mode(self, name: str) -> str:
        return self.store.setting(name, MODES[name][0])

    def number(self, name: str) -> int:
        return self.store.setting(name, NUMBERS[name][0])

    def modes(self) -> dict[str, Any]:
        return {name: self.mode(name) for name in MODES} | {name: self.number(name) for name in NUMBERS}

    @staticmethod
    def now() -> float:
        return time.time()


def _signing_key(data_dir: Path) -> rsa.RSAPrivateKey:
    path = data_dir / "signing.key"
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        write_private(path, made.private_bytes(encoding, form, serialization.NoEncryption()))
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
