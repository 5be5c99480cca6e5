"""A real Kerberos KDC of the distribution, in a folder of its own and on a free port."""

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

REALM = "TVM.TEST"
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_SECONDS = 10

_CLIENT = """
[libdefaults]
    default_realm = ELSEWHERE.TEST
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
[domain_realm]
    localhost = {realm}
"""
_SERVER = """
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        max_life = 1h
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


def why_not() -> str:
    """What is missing for a KDC and a client of it; empty when nothing is."""
    if not shutil.which("krb5kdc", path=_PLACES) or not shutil.which("kadmin.local", path=_PLACES):
        return "there is no krb5kdc. On Debian: apt-get install krb5-kdc krb5-admin-server"
    if importlib.util.find_spec("gssapi") is None:
        return "gssapi is not installed: pip install -r requirements-kerberos.txt"
    return ""


@dataclass
class Kdc:
    folder: Path
    port: int = 0
    process: subprocess.Popen | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to know: this KDC, and that the realm is not the default one."""
        return {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def start(self) -> "Kdc":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for name, text in (("krb5.conf", _CLIENT), ("kdc.conf", _SERVER)):
            (self.folder / name).write_text(text.format(realm=REALM, port=self.port, folder=self.folder))
        self._run("kdb5_util", "-r", REALM, "create", "-s", "-P", "only for this test")
        self.process = subprocess.Popen(
            [self._path("krb5kdc"), "-n", "-r", REALM, "-P", str(self.folder / "pid")],
            env=os.environ | self.environment,
        )
        self._wait()
        return self

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=_SECONDS)

    def keytab(self, principal: str) -> Path:
        """A new principal with a random key, and the file that holds it."""
        path = self.folder / f"{principal.replace('/', '_')}.keytab"
        self._run("kadmin.local", "-r", REALM, "-q", f"addprinc -randkey {principal}@{REALM}")
        self._run("kadmin.local", "-r", REALM, "-q", f"ktadd -k {path} {principal}@{REALM}")
        return path

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._path(program), *arguments]
        subprocess.run(command, env=os.environ | self.environment, check=True, capture_output=True, timeout=_SECONDS)

    def _path(self, program: str) -> str:
        return shutil.which(program, path=_PLACES) or program

    def _wait(self) -> None:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("The KDC did not start.")
