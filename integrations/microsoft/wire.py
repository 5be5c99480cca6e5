"""The socket's side: how far a request got, and a deadline that holds even when the other side drips.

`requests` knows connect and read timeouts only, and its errors do not tell whether bytes had left. The connections here
keep both facts in a `Watch` of the request's thread.
"""

import contextlib
import os
import socket
import threading
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_current = threading.local()


class Watch:
    """One request under way. At the deadline its socket is shut down, whatever it is waiting for."""

    def __init__(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.stage = "none"  # none, connecting, sent
        self.expired = False
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> "Watch":
        _current.watch = self
        self._timer.start()
        return self

    def __exit__(self, *problem: object) -> None:
        _current.watch = None
        self._timer.cancel()
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    @property
    def is_over(self) -> bool:
        return self.expired or time.monotonic() >= self.ends

    def hold(self, connected: socket.socket) -> None:
        """Keep a second handle: TLS takes the first one away while it shakes hands."""
        with self._lock:
            if self._handle is None:
                self._handle = socket.socket(fileno=os.dup(connected.fileno()))

    def _expire(self) -> None:
        self.expired = True
        with self._lock:
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)


def _watch() -> Watch | None:
    return getattr(_current, "watch", None)


class _Watched:
    """Tells the watch when a connection is being made, and when the first byte of a request goes out."""

    sock: Any

    def connect(self) -> None:
        if watch := _watch():
            watch.stage = "connecting"
        super().connect()  # type: ignore[misc]
        if watch:
            # A proxy's CONNECT went through send(); of the request itself nothing has left yet.
            watch.stage = "connecting"

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()  # type: ignore[misc]
        if watch := _watch():
            watch.hold(connected)
        return connected

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if watch := _watch():
            watch.hold(self.sock)
            watch.stage = "sent"
        super().send(data)  # type: ignore[misc]


class _Connection(_Watched, HTTPConnection):
    pass


class _SecureConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class WatchedAdapter(HTTPAdapter):
    """An adapter without any retry of its own."""

    def __init__(self) -> None:
        super().__init__(max_retries=0, pool_connections=8, pool_maxsize=32)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
