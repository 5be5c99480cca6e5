"""Authorization codes: each good once, for ten minutes, for who knows the verifier. They end with the process."""

import secrets
import threading
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

CODE_LIFE = 600.0


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    person: str
    client: str
    redirect_uri: str
    nonce: str
    challenge: str
    ends: float
    # Whether it was asked when the person had signed in.
    with_time: bool = False

    def is_proved_by(self, verifier: str) -> bool:
        """PKCE, S256."""
        made = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return secrets.compare_digest(made, self.challenge)


class Codes:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}
        self.last_used = ""

    def make(
        self, person: str, client: str, redirect_uri: str, nonce: str, challenge: str, *, with_time: bool = False
    ) -> str:
        code = secrets.token_urlsafe(32)
        with self._lock:
            grant = Grant(person, client, redirect_uri, nonce, challenge, time.monotonic() + CODE_LIFE, with_time)
            self._grants[code] = grant
        return code

    def take(self, code: str) -> Grant | None:
        """What it stands for, once; None for one that is used, too old or none of ours."""
        with self._lock:
            grant = self._grants.pop(code, None)
            if grant:
                self.last_used = code
        return grant if grant and grant.ends > time.monotonic() else None
