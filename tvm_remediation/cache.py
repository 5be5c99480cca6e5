"""The cache of several processes: Redis, which is believed only where what it gives back bears our signature.

Django keeps pickles there, and whoever can write a pickle runs code in whoever reads it. The broker has JSON only, and
the two often share a server.
"""

import hashlib
import hmac
import pickle
from typing import Any

from django.conf import settings

_SIGNATURE = hashlib.sha256().digest_size


class ForeignValue(Exception):
    """What stands in the cache was not put there by this product, or has been changed since."""


class SignedPickles:
    """How Django's Redis cache writes a value down."""

    def dumps(self, value: Any) -> bytes:
        content = pickle.dumps(value)
        return _signature(content) + content

    def loads(self, data: bytes) -> Any:
        signature, content = data[:_SIGNATURE], data[_SIGNATURE:]
        if not hmac.compare_digest(signature, _signature(content)):
            raise ForeignValue("A value in the cache was not put there by this product.")
        return pickle.loads(content)  # noqa: S301


def cache_settings(url: str, secret_key: str) -> dict[str, Any]:
    """For CACHES: Redis, or without an address the memory of each process."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    # What was signed with an earlier key is not even found.
    prefix = hashlib.sha256(f"cache prefix:{secret_key}".encode()).hexdigest()[:12]
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": f"tvm:{prefix}",
        "OPTIONS": {"serializer": "tvm_remediation.cache.SignedPickles"},
    }


def _signature(content: bytes) -> bytes:
    return hmac.digest(f"cache:{settings.SECRET_KEY}".encode(), content, "sha256")
