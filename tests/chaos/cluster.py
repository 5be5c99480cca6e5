"""A PostgreSQL server of the run's own, which may be restarted, stopped at once or killed."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Debian keeps what only a server needs away from the PATH.
_INSTALLED = Path("/usr/lib/postgresql")
# As on a production server: what is committed survives a crash.
_OPTIONS = "-c listen_addresses=127.0.0.1 -c fsync=on -c synchronous_commit=on"


@dataclass(frozen=True)
class Cluster:
    folder: Path
    programs: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def restart(self, mode: str) -> None:
        """By `fast`, which ends all sessions, or `immediate`, which is a crash with a signal."""
        self._control("restart", "-m", mode)

    def crash(self) -> None:
        """`kill -9` of the server itself; its children end when they notice."""
        pid = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        # Refused while a child of the dead one still holds the shared memory: it tries again.
        for _attempt in range(50):
            if self._control("start", check=False) == 0:
                return
        raise AssertionError("PostgreSQL did not come back.")

    def _control(self, *words: str, check: bool = True) -> int:
        data, log = str(self.folder / "data"), str(self.folder / "log")
        options = f"{_OPTIONS} -c port={self.port} -c unix_socket_directories={self.folder}"
        return _as_postgres(self.programs / "pg_ctl", "-w", "-D", data, "-l", log, "-o", options, *words, check=check)


@contextmanager
def own_cluster(port: int) -> Iterator[Cluster]:
    programs = find_programs()
    if programs is None:
        raise LookupError("There is no initdb. On Debian: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="tvm-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        cluster = Cluster(folder, programs, port)
        _as_postgres(cluster.programs / "initdb", "-U", "postgres", "-A", "trust", "-D", str(folder / "data"))
        cluster._control("start")
        try:
            yield cluster
        finally:
            cluster._control("stop", "-m", "immediate", check=False)


def find_programs() -> Path | None:
    """Where initdb and pg_ctl are."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(_INSTALLED.glob("*/bin"))
    return folders[-1] if folders else None


def _as_postgres(program: Path, *words: str, check: bool = True) -> int:
    """PostgreSQL refuses to run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    output = subprocess.DEVNULL
    return subprocess.run([program, *words], user=user, check=check, cwd="/", stdout=output, stderr=output).returncode
