"""The id token of a person, honest or wrong in the way that the mode `sign_in` names."""

import hmac
import json
import time
import uuid
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .codes import Grant
from .people import PEOPLE, object_id, sign_in_name

if TYPE_CHECKING:
    from .tenant import Tenant

KEY_ID = "sandbox-signing-key"
ID_TOKEN_LIFE = 3600
_ANOTHER = "99999999-aaaa-4bbb-8ccc-dddddddddddd"


def id_token(tenant: "Tenant", grant: Grant, issuer: str) -> str:
    mode = tenant.mode("sign_in")
    claims = _claims(tenant, grant, issuer)
    claims |= _wrong_claims(mode, claims)
    return _signed(tenant, {name: value for name, value in claims.items() if value is not None}, mode)


def _claims(tenant: "Tenant", grant: Grant, issuer: str) -> dict[str, Any]:
    now, person = int(time.time()), object_id(tenant.id, grant.person)
    return {
        "aud": grant.client,
        "iss": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + ID_TOKEN_LIFE,
        "name": PEOPLE[grant.person],
        "nonce": grant.nonce,
        "oid": person,
        "preferred_username": sign_in_name(grant.person),
        "rh": "0.sandbox",
        # Another for each application, so no key of an account.
        "sub": uuid.uuid5(uuid.UUID(grant.client), person).hex,
        "tid": tenant.id,
        "roles": tenant.app_roles[grant.person] or None,
        "uti": uuid.uuid4().hex[:22],
        "ver": "2.0",
        # Here everybody signs in anew each time.
        "auth_time": now if grant.with_time else None,
    }


def _wrong_claims(mode: str, claims: dict[str, Any]) -> dict[str, Any]:
    """What the mode changes; None takes a claim out."""
    now = claims["iat"]
    of_another = claims["iss"].replace(claims["tid"], _ANOTHER)
    wrong: dict[str, dict[str, Any]] = {
        "expired": {"iat": now - 7200, "nbf": now - 7200, "exp": now - 3600},
        "not_yet": {"iat": now + 3600, "nbf": now + 3600, "exp": now + 7200},
        "wrong_tenant": {"tid": _ANOTHER, "iss": of_another},
        "wrong_tid": {"tid": _ANOTHER},
        "wrong_issuer": {"iss": of_another},
        "wrong_audience": {"aud": _ANOTHER},
        "two_audiences": {"aud": [claims["aud"], _ANOTHER]},
        "wrong_nonce": {"nonce": "0" * 64},
        "stale": {"auth_time": now - 86400},
        "timeless": {"auth_time": None},
        "no_object_id": {"oid": None},
        "no_roles": {"roles": None},
        "overage": {
            "roles": None,
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.microsoft.com/v1.0/me/getMemberObjects"}},
        },
    }
    return wrong.get(mode, {})


def _signed(tenant: "Tenant", claims: dict[str, Any], mode: str) -> str:
    if mode == "garbage":
        return "e30.e30"
    if mode == "alg_none":
        return jwt.encode(claims, "", algorithm="none", headers={"kid": KEY_ID})
    if mode == "hs256":
        return _signed_by_public_key(tenant, claims)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048) if mode in _OTHER_KEYS else tenant.signing_key
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _OTHER_KEYS.get(mode, KEY_ID)})


# Signed with a key of somebody else: under our key's name, or one of its own.
_OTHER_KEYS = {"forged": KEY_ID, "unknown_key": "another-key"}


def _signed_by_public_key(tenant: "Tenant", claims: dict[str, Any]) -> str:
    """The oldest trick: the public key, which all know, as a shared secret. By hand: libraries refuse to."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = tenant.signing_key.public_key().public_bytes(serialization.Encoding.PEM, form)
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT", "kid": KEY_ID}, claims)]
    content = b".".join(_base64(part) for part in parts)
    return b".".join([content, _base64(hmac.digest(secret, content, "sha256"))]).decode()


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
