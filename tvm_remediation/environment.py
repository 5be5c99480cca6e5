"""How one value is read from the environment, and the sentence that is said when it is odd."""

import builtins
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_YES, _NO = {"true", "on", "yes", "y", "ok", "1"}, {"false", "off", "no", "n", "0", ""}
_DATABASES = {"sqlite", "postgres", "postgresql", "psql", "pgsql"}
# Thirty years of seconds, and more than anything is counted to.
_MOST = 10**9


class Environment(environ.Env):
    """The environment, where a value of another kind than it should be stops the start with a sentence."""

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> builtins.bool:
        word = os.environ.get(var, "").strip().lower()
        if word not in _YES | _NO:
            raise ImproperlyConfigured(f"{var} is {word!r}. It must be true or false.")
        return word in _YES if var in os.environ else super().bool(var, default)

    def int(self, var: str, default: Any = environ.Env.NOTSET) -> builtins.int:
        return self._number(var, default, builtins.int, "a whole number")

    def float(self, var: str, default: Any = environ.Env.NOTSET) -> builtins.float:
        return self._number(var, default, builtins.float, "a number")

    def db_url(self, var: str = "DATABASE_URL", default: Any = environ.Env.NOTSET, engine: Any = None) -> dict:
        try:
            if self.str(var, default=default).partition("://")[0] in _DATABASES:
                return super().db_url(var, default, engine)
        except ValueError:
            pass
        # Without its value or the problem's words: either may hold a part of the password.
        raise ImproperlyConfigured(
            f"{var} is no address of a database. An example: postgres://tvm:secret@host:5432/tvm. "
            "In a password, write %2F for a slash, %23 for a hash, %40 for an at sign."
        )

    def _number(self, var: str, default: Any, kind: Callable[[str], Any], words: str) -> Any:
        """By Python itself: environ leaves out what is no digit, and reads 1;2 as 12."""
        text = self.str(var, default=default)
        if not isinstance(text, builtins.str):
            return text
        try:
            number = kind(text)
        except ValueError:
            number = -1
        if not 0 <= number <= _MOST:
            raise ImproperlyConfigured(f"{var} is {text[:40]!r}, which is not {words} of use here.")
        return number


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


def broker_url(name: str, default: str) -> str:
    """Never said again, for it may hold a password."""
    value = os.environ.get(name, "").strip() or default
    if urlsplit(value).scheme not in {"redis", "rediss", "redis+socket", "sentinel", "memory"}:
        raise ImproperlyConfigured(f"{name} is no address of a broker. An example: redis://127.0.0.1:6379/0")
    return value


def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name, "").strip() or default
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}. It must be one of: {', '.join(filter(None, allowed))}.")
    return value
