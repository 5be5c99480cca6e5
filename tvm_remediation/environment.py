"""How one value is read from the environment, and the sentence that is said when it is odd."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def read_secret(name: str) -> str:
    """The variable `name`, or the content of the file that `name`_FILE points to; empty when neither is set."""
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, "").strip()
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise ImproperlyConfigured(f"{name}_FILE points to {path}, which cannot be read: {problem.strerror}.") from None


def url_without_trailing_slash(name: str, default: str = "") -> str:
    """A root address such as https://graph.microsoft.com."""
    value = os.environ.get(name, "").strip() or default
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{name} is {value!r}, which is no address. An example: https://graph.microsoft.com")
    if parts.username or parts.password:
        raise ImproperlyConfigured(f"{name} must not hold a user name or a password.")
    return value.rstrip("/")


LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def encrypted_url(name: str, default: str = "") -> str:
    """A root address that secrets are sent to, so https; in plain only on this machine."""
    value = url_without_trailing_slash(name, default)
    parts = urlsplit(value)
    if value and parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ImproperlyConfigured(f"{name} is {value!r}. Secrets are sent there, so it must begin with https://.")
    return value


def feed_url(name: str, default: str) -> str:
    """The address of a published file; empty where the variable is set to nothing."""
    value = os.environ.get(name, default).strip()
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password):
        raise ImproperlyConfigured(f"{name} is {value!r}, which is no address. Leave it empty to switch the feed off.")
    return value


def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name, "").strip() or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}. It must be one of: {', '.join(filter(None, allowed))}.")
    return value
