"""The sockets: HTTPS for the API, plain HTTP for the administrator's page, a thread a connection."""

import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .cloud import Outcome
from .messages import Answer, Request

HANDSHAKE_DEADLINE, IDLE_DEADLINE = 10.0, 120.0
LARGEST_BODY = 64 * 1024 * 1024
Handle = Callable[[Request], Outcome]


class Server(ThreadingHTTPServer):
    """Serves until stopped; threads that hold a request are let go at once."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, port: int, handle: Handle, context: ssl.SSLContext | None = None) -> None:
        self.handle = handle
        self.context = context
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.context is not None:
            # The handshake is left to the connection's own thread: a slow caller must not keep others waiting.
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no event here; anything else is a fault of the stand-in."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Turns bytes into a Request and an Outcome into bytes."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Microsoft-HTTPAPI/2.0", ""
    disable_nagle_algorithm = True
    timeout = IDLE_DEADLINE

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(HANDSHAKE_DEADLINE)
            self.request.do_handshake()
        super().setup()

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = do_GET

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            self.close_connection = True
            self._send(Answer(413))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self._deliver(self.server.handle(request))

    def _deliver(self, outcome: Outcome) -> None:
        if outcome.commit_late is not None:
            threading.Thread(target=self._later, args=(outcome.commit_late, outcome.hold), daemon=True).start()
        if outcome.answer is not None:
            self._send(outcome.answer)
            return
        self.close_connection = True
        self.server.stopping.wait(outcome.hold)
        if outcome.reset:
            self._reset()

    def _later(self, commit: Callable[[], Any], delay: float) -> None:
        if not self.server.stopping.wait(delay):
            commit()

    def _read_body(self) -> bytes | None:
        """The whole body, or None when it is too large or its length makes no sense."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return None
        return self.rfile.read(int(length))

    def _read_chunks(self) -> bytes | None:
        body = bytearray()
        while True:
            try:
                length = int(self.rfile.readline(100).split(b";")[0], 16)
            except ValueError:
                return None
            if length < 0 or len(body) + length > LARGEST_BODY:
                return None
            body += self.rfile.read(length)
            self.rfile.readline(100)
            if length == 0:
                return bytes(body)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.body or answer.status not in (204, 304):
            self.send_header("Content-Type", answer.content_type)
        if isinstance(answer.body, bytes):
            self._send_whole(answer.body, answer.status)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in answer.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _send_whole(self, body: bytes, status: int) -> None:
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        """Drop the connection with a reset instead of a regular end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *values: Any) -> None:
        """The stand-in keeps its caller's terminal quiet."""


def tls_context(data_dir: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(data_dir / "server.pem", data_dir / "server.key")
    return context
