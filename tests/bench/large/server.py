"""`python -m tests.bench.large.server FOLDER`: answers with prepared files, and costs little; prints its port."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_NO_MORE = b'{"value":[]}'
_MISSING = b'{"error":{"code":"NotFound","message":"Not prepared by the bench."}}'


def path_of(folder: Path, route: str, page: int) -> Path:
    return folder / f"{route.rpartition('/')[2]}-{page:04d}.json"


class Prepared(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = parse_qs(asked.query)
        path = path_of(self.folder, asked.path, int(query.get("page", ["0"])[0]))
        if not path.exists():
            self._words(404, _MISSING)
            return
        if "$skip" in query:
            # Whoever read a full page without a link to another asks whether there is more.
            self._words(200, _NO_MORE)
            return
        self._head(200, path.stat().st_size)
        with path.open("rb") as file:
            self.connection.sendfile(file)

    def _words(self, status: int, text: bytes) -> None:
        self._head(status, len(text))
        self.wfile.write(text)

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
