"""Whether an id token is what it says: signed by our tenant's key, issued by it, for us, valid now, and asked for.

The order and the claims are those of OpenID Connect Core 3.1.3.7. No algorithm is taken from the token: one that names
another than the allowed one is refused before a key is looked for.
"""

import hmac
import threading
import time
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings

from .answers import BrokenBody
from .clients import login_client

ALGORITHMS = ["RS256"]
# Seconds by which two clocks may differ.
LEEWAY = 60
# Seconds for which a key is believed without asking again. Entra changes them without notice.
KEYS_LAST = 3600.0
_NEEDED = ["aud", "iss", "iat", "nbf", "exp", "sub", "tid", "oid", "nonce"]


class BadToken(Exception):
    """Why a token is not believed: one word or two for the log, nothing of the token."""


class NoKeys(Exception):
    """The tenant's keys could not be read."""


def read_id_token(token: str, *, nonce: str) -> dict[str, Any]:
    """The claims of a token that has stood every test. Raises BadToken or NoKeys."""
    configured = settings.MICROSOFT_SIGN_IN
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise BadToken("algorithm")
        claims = jwt.decode(
            token,
            _keys_of(configured).find(header.get("kid")),
            algorithms=ALGORITHMS,
            audience=configured.registration.client_id,
            issuer=configured.issuer,
            leeway=LEEWAY,
            options={"require": _NEEDED, "strict_aud": True},
        )
    except jwt.PyJWTError as problem:
        raise BadToken(type(problem).__name__) from None
    if str(claims["tid"]).lower() != configured.tenant_id:
        raise BadToken("tenant")
    if not hmac.compare_digest(str(claims["nonce"]).encode(errors="replace"), nonce.encode()):
        raise BadToken("nonce")
    return claims


class SigningKeys:
    """The tenant's public keys, by their ids; read again after an hour, and at once when a token names a new one."""

    def __init__(self, tenant_id: str) -> None:
        self._address = f"/{tenant_id}/discovery/v2.0/keys"
        self._keys: dict[str, RSAPublicKey] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def find(self, key_id: object) -> RSAPublicKey:
        """Raises BadToken where the tenant has no such key, NoKeys where it could not be asked."""
        if not isinstance(key_id, str):
            raise BadToken("no key id")
        with self._lock:
            if key_id not in self._keys or time.monotonic() - self._read_at > KEYS_LAST:
                self._keys, self._read_at = self._read(), time.monotonic()
            key = self._keys.get(key_id)
        if key is None:
            raise BadToken("unknown key")
        return key

    def _read(self) -> dict[str, RSAPublicKey]:
        answer = login_client().get(self._address, total=10)
        if not answer.is_ok:
            raise NoKeys(answer.reason or f"The login endpoint answered {answer.status}.")
        try:
            known = jwt.PyJWKSet.from_dict(answer.json()).keys
        except (BrokenBody, jwt.PyJWTError, TypeError, AttributeError):
            raise NoKeys("The login endpoint's keys could not be read.") from None
        # One of another kind could only be meant for another algorithm.
        return {key.key_id: key.key for key in known if key.key_id and isinstance(key.key, RSAPublicKey)}


@lru_cache(maxsize=2)
def _keys_of(configured: Any) -> SigningKeys:
    return SigningKeys(configured.tenant_id)
