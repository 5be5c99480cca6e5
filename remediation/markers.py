"""The marker: our own id inside a ticket's text, by which a repeat finds the first; signed by us."""

import base64
import hashlib
import hmac
import re
import secrets

from django.conf import settings

# 128 random bits in base32, then 8 characters of an HMAC over them.
_MARKER = re.compile(r"\[VR:([A-Z2-7]{26}):([A-Z2-7]{8})\]")
_LOOKS_LIKE_ONE = re.compile(r"\[\s*VR\s*:[^\]\n]{0,80}\]?", re.IGNORECASE)


def new_marker() -> str:
    body = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
    return f"[VR:{body}:{_signature(body, settings.SIGNING_KEYS[0])}]"


def find_markers(text: str) -> list[str]:
    """The genuine markers in a text, signed with the present key or an earlier one."""
    return [match.group() for match in _MARKER.finditer(text or "") if _is_genuine(*match.groups())]


def without_markers(text: str) -> str:
    """Foreign text as it may stand in a ticket: whatever looks like a marker is taken out."""
    return _LOOKS_LIKE_ONE.sub("[...]", text)


def _is_genuine(body: str, signature: str) -> bool:
    return any(hmac.compare_digest(signature, _signature(body, key)) for key in settings.SIGNING_KEYS)


def _signature(body: str, key: str) -> str:
    digest = hmac.new(key.encode(), f"marker:{body}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:8]
