"""Why a request has no complete answer: what an exception means, and the words for it."""

from typing import Any
from urllib.parse import urlsplit

from requests import exceptions as raised
from urllib3 import exceptions as below

from .answers import Failure
from .wire import Watch


def failure_of(problem: Exception, watch: Watch) -> Failure:
    """What an exception means. Not sent only where that is certain; unknown otherwise."""
    causes = list(_chain(problem))
    if isinstance(problem, raised.InvalidURL | raised.MissingSchema | raised.InvalidSchema | raised.InvalidHeader):
        return Failure.ADDRESS
    if watch.stage == "sent":
        if watch.expired:
            return Failure.DEADLINE
        is_timeout = any(isinstance(cause, raised.ReadTimeout | TimeoutError) for cause in causes)
        return Failure.TIMEOUT if is_timeout else Failure.RESET
    if any(isinstance(cause, below.NameResolutionError) for cause in causes):
        return Failure.DNS
    if watch.stage == "connecting" or any(
        isinstance(c, raised.ConnectTimeout | below.NewConnectionError) for c in causes
    ):
        return Failure.TLS if any(isinstance(c, raised.SSLError | below.SSLError) for c in causes) else Failure.CONNECT
    return Failure.TIMEOUT if isinstance(problem, raised.Timeout) else Failure.RESET


def _chain(problem: BaseException) -> list[BaseException]:
    """The exception and what it wraps, in arguments, reasons and causes."""
    waiting: list[Any] = [problem]
    met: list[BaseException] = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in met:
            met.append(one)
            waiting += [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]
    return met


def in_words(failure: Failure, url: str) -> str:
    host = urlsplit(url).hostname
    return {
        Failure.ADDRESS: f"Not asked: the address of {host} is malformed.",
        Failure.DNS: f"Not sent: the name {host} could not be resolved.",
        Failure.CONNECT: f"Not sent: no connection to {host}.",
        Failure.TLS: f"Not sent: no trusted TLS connection to {host}.",
        Failure.TIMEOUT: f"{host} did not answer in time.",
        Failure.DEADLINE: f"{host} did not finish its answer in time.",
        Failure.RESET: f"The connection to {host} broke before an answer came.",
        Failure.BROKEN: f"The answer of {host} broke off.",
        Failure.TOO_LARGE: f"The answer of {host} is too large.",
    }[failure]
