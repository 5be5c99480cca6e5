"""Files at addresses that an API has named: to the disk, without our token, from the hosts of the cloud only."""

from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests import exceptions as raised
from urllib3 import exceptions as below

from .answers import Answer, Failure
from .failures import failure_of, in_words
from .wire import Watch, WatchedAdapter

_CHUNK = 256 * 1024
# Of one file, packed.
LARGEST = 16 * 1024**3
_ERROR_CAP = 4096


class Downloads:
    """The address is a secret (whoever has it may read the file): it is never logged nor shown."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, WatchedAdapter())

    def allows(self, url: str) -> bool:
        """Whether it is a host where the cloud keeps such files, or the one that the environment names."""
        configured = settings.MICROSOFT
        try:
            parts = urlsplit(url)
            if parts.username is not None or parts.password is not None:
                return False
            if configured.export_url:
                named = urlsplit(configured.export_url)
                return (parts.scheme, parts.hostname, parts.port) == (named.scheme, named.hostname, named.port)
            suffix, host = configured.cloud.files, parts.hostname or ""
            return bool(suffix) and parts.scheme == "https" and host.endswith(suffix) and parts.port in (None, 443)
        except ValueError:
            return False

    def fetch(self, url: str, to: Path, total: float) -> Answer:
        """The file's bytes as they are, within so many seconds. Only an error has a body in the answer."""
        if not self.allows(url):
            reason = "Not asked: the file is on a host that is none of the cloud's."
            return Answer(None, failure=Failure.ADDRESS, reason=reason)
        with Watch(total) as watch:
            try:
                response = self._session.get(
                    url,
                    # Keeps a netrc file from adding a password.
                    auth=lambda prepared: prepared,
                    headers={"User-Agent": "tvm-remediation", "Accept-Encoding": "identity"},
                    timeout=(settings.DELIVERY_CONNECT_TIMEOUT, settings.DELIVERY_READ_TIMEOUT),
                    verify=settings.MICROSOFT.ca_bundle or True,
                    allow_redirects=False,
                    stream=True,
                )
            except (raised.RequestException, OSError, below.HTTPError, ValueError) as problem:
                failure = failure_of(problem, watch)
                return Answer(None, failure=failure, reason=in_words(failure, url))
            with response:
                return _save(response, to, watch, url)


def _save(response: requests.Response, to: Path, watch: Watch, url: str) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    failure, size = None, 0
    try:
        if response.status_code != 200:
            return Answer(response.status_code, headers, response.raw.read(_ERROR_CAP, decode_content=True))
        with to.open("wb") as file:
            for piece in response.raw.stream(_CHUNK, decode_content=False):
                size += len(piece)
                if size > LARGEST or watch.is_over:
                    failure = Failure.TOO_LARGE if size > LARGEST else Failure.DEADLINE
                    break
                file.write(piece)
    except (raised.RequestException, OSError, below.HTTPError, ValueError):
        failure = Failure.DEADLINE if watch.expired else Failure.BROKEN
    return Answer(response.status_code, headers, b"", failure, in_words(failure, url) if failure else "")
