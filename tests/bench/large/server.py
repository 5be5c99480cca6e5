"""`python -m tests.bench.large.server FOLDER`: answers with prepared files, and costs little; prints its port."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .raw_pages import path_of

_MISSING = b'{"error":{"code":"NotFound","message":"Not prepared by the bench."}}'


class Prepared(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        page = int(parse_qs(asked.query).get("page", ["0"])[0])
        path = path_of(self.folder, asked.path, page)
        if not path.exists():
            self._head(404, len(_MISSING))
            self.wfile.write(_MISSING)
            return
        self._head(200, path.stat().st_size)
        with path.open("rb") as file:
            self.connection.sendfile(file)

    def _head(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *parts: object) -> None:
        """Nobody reads it."""


def main(folder: str) -> None:
    Prepared.folder = Path(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), Prepared) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
