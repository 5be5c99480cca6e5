"""The bytes of a feed, from its configured address or from a file: up to a size, by a deadline, from no other host."""

from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.conf import settings

from remediation.models import FeedKind

from ..microsoft.wire import Watch, WatchedAdapter
from .reading import FeedProblem

# As it travels.
LARGEST = 40 * 1024 * 1024
DEADLINE = 120.0
_PIECE = 1024 * 1024
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def address(kind: str) -> str:
    """Where it is published; empty where it is switched off."""
    return {FeedKind.EPSS: settings.EPSS_URL, FeedKind.KEV: settings.KEV_URL}[FeedKind(kind)]


def fetch(kind: str, place: str = "") -> bytes:
    """Raises FeedProblem. `place` is a path, or an address on the host that is configured."""
    if place and "://" not in place:
        return _from_file(Path(place))
    configured = address(kind)
    if not configured:
        raise FeedProblem(f"{kind.upper()}_URL is empty: this feed is switched off.")
    if place and urlsplit(place).netloc != urlsplit(configured).netloc:
        raise FeedProblem(f"{urlsplit(place).netloc} is not the host of {kind.upper()}_URL, so it is not called.")
    return _from_address(place or configured)


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _bounded(file.read(LARGEST + 1))
    except OSError as problem:
        raise FeedProblem(f"{path} cannot be read: {problem.strerror}.") from None


def _from_address(url: str) -> bytes:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise FeedProblem(f"{url} is not https.")
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, WatchedAdapter())
    verify = settings.FEEDS_CA_BUNDLE or True
    try:
        with (
            Watch(DEADLINE),
            session.get(url, timeout=(5, 20), stream=True, allow_redirects=False, verify=verify) as answer,
        ):
            if answer.status_code != 200:
                raise FeedProblem(_refusal(answer, parts.netloc))
            return _body(answer)
    except (requests.RequestException, OSError) as problem:
        raise FeedProblem(f"{parts.netloc} could not be read: {type(problem).__name__}.") from None


def _refusal(answer: requests.Response, host: str) -> str:
    if answer.is_redirect:
        return f"{host} points to another address, which is not followed. Configure that one if you trust it."
    return f"{host} answered {answer.status_code}."


def _body(answer: requests.Response) -> bytes:
    body = bytearray()
    for piece in answer.iter_content(_PIECE):
        body += piece
        _bounded(body)
    return bytes(body)


def _bounded(content: bytes | bytearray) -> bytes:
    if len(content) > LARGEST:
        raise FeedProblem(f"The file has more than {LARGEST // 1024 // 1024} megabytes.")
    return bytes(content) if isinstance(content, bytearray) else content
