"""Kerberos for the AdminService: from a keytab to the token of one request. The only user of gssapi, which is optional.

The service's own proof, the token in its answer, is not looked at: its certificate has proved the same already.
"""

import base64
import threading
from itertools import count
from typing import Any

import structlog

from .tokens import NoToken

log = structlog.get_logger(__name__)

_SPNEGO = "1.3.6.1.5.5.2"
_numbers = count(1)
_NOT_INSTALLED = "Kerberos needs the package gssapi, which is not installed: see “Configuration Manager” in the README."


class Kerberos:
    """The tokens of one principal for the web service of one host. Tickets are kept in this process's memory."""

    def __init__(self, host: str, principal: str, keytab: str) -> None:
        self._host = host
        self._principal = principal
        self._keytab = keytab
        self._lock = threading.Lock()
        self._new_cache()

    def get(self, scope: str) -> str:
        """A fresh token for one request, as Negotiate wants it; the scope is of no concern here. Raises NoToken."""
        try:
            import gssapi
        except ImportError:
            raise NoToken(_NOT_INSTALLED) from None
        with self._lock:
            try:
                return base64.b64encode(self._step(gssapi)).decode()
            except (gssapi.exceptions.GSSError, OSError) as problem:
                log.warning("kerberos_failed", problem=str(problem)[:300])
                words = f"Kerberos gave {self._principal} no ticket for HTTP/{self._host}: {_in_words(problem)}"
                raise NoToken(words) from None

    def forget(self) -> None:
        """Drop the tickets: after a 401, or when the keytab was changed."""
        with self._lock:
            self._new_cache()

    def _new_cache(self) -> None:
        self._cache = f"MEMORY:tvm-remediation-{next(_numbers)}"

    def _step(self, gssapi: Any) -> bytes:
        """The library fetches and renews the ticket by the keytab whenever the cache has none that lasts."""
        who = gssapi.Name(self._principal, gssapi.NameType.kerberos_principal)
        place = {"client_keytab": f"FILE:{self._keytab}", "ccache": self._cache}
        spnego = gssapi.OID.from_int_seq(_SPNEGO)
        # First for Kerberos itself: what it cannot do, SPNEGO would only call "no mechanism".
        gssapi.Credentials(name=who, usage="initiate", store=place, mechs=[gssapi.MechType.kerberos])
        credentials = gssapi.Credentials(name=who, usage="initiate", store=place, mechs=[spnego])
        service = gssapi.Name(f"HTTP@{self._host}", gssapi.NameType.hostbased_service)
        context = gssapi.SecurityContext(name=service, creds=credentials, mech=spnego, usage="initiate")
        return context.step() or b""


def _in_words(problem: Exception) -> str:
    """The library's words are three sentences of which the last names the cause."""
    cause = str(problem).rpartition("Minor")[2].split(":", 1)[-1]
    return "".join(letter for letter in cause if letter.isprintable()).strip()[:300]
