"""The HTTP wrapper: what it can tell about a request that failed, and what it refuses to do."""

import gzip
import resource
import socket
import threading
import time
from datetime import UTC, datetime

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from integrations.microsoft import Answer, BrokenBody, Failure, MicrosoftClient, retry_after


class FixedToken:
    def get(self, scope: str) -> str:
        return "not-a-real-token"

    def forget(self) -> None: ...


def client_of(root: str) -> MicrosoftClient:
    return MicrosoftClient(root, "scope", FixedToken())


@pytest.fixture
def socket_server():
    """A raw TCP server: `serve(handler)` answers one connection by the handler, and returns the root address."""
    servers = []

    def serve(handler):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run():
            connection, _ = server.accept()
            with connection:
                handler(connection)

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield serve
    for server in servers:
        server.close()


def test_an_answer_arrives_whole_with_its_ids(httpserver: HTTPServer):
    httpserver.expect_request("/beta/tasks", method="POST", json={"a": 1}).respond_with_json(
        {"id": "x"}, status=201, headers={"request-id": "theirs"}
    )

    answer = client_of(httpserver.url_for("")).post("/beta/tasks", b'{"a": 1}')

    assert (answer.status, answer.is_ok, answer.was_not_sent) == (201, True, False)
    assert answer.json() == {"id": "x"}
    assert answer.remote_request_id == "theirs"
    sent = httpserver.log[0][0].headers
    assert sent["Authorization"] == "Bearer not-a-real-token"
    assert sent["client-request-id"] == answer.client_request_id


def test_every_request_has_an_id_of_its_own(httpserver: HTTPServer):
    httpserver.expect_request("/a").respond_with_json({})
    client = client_of(httpserver.url_for(""))

    assert client.get("/a").client_request_id != client.get("/a").client_request_id


@pytest.mark.security(id="S11")
def test_redirects_are_not_followed(httpserver: HTTPServer):
    httpserver.expect_request("/a").respond_with_data("", status=302, headers={"Location": "http://127.0.0.1:1/"})

    assert client_of(httpserver.url_for("")).get("/a").status == 302


@pytest.mark.security(id="S11")
@pytest.mark.security(id="S12")
@pytest.mark.fault(id="F23")
@pytest.mark.parametrize(
    "address",
    ["https://evil.example/next", "//evil.example/next", "http://127.0.0.1@evil.example/", "http://x:y@127.0.0.1/"],
)
def test_another_host_is_never_called(httpserver: HTTPServer, address: str):
    answer = client_of(httpserver.url_for("")).get(address)

    assert (answer.failure, answer.was_not_sent) == (Failure.ADDRESS, True)


def test_a_refused_connection_was_not_sent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    answer = client_of(f"http://127.0.0.1:{port}").post("/a", b"{}")

    assert (answer.failure, answer.was_not_sent, answer.status) == (Failure.CONNECT, True, None)


@pytest.mark.fault(id="F18")
def test_a_failed_tls_handshake_was_not_sent(httpserver: HTTPServer):
    answer = client_of(httpserver.url_for("").replace("http:", "https:")).post("/a", b"{}")

    assert (answer.failure, answer.was_not_sent) == (Failure.TLS, True)


@pytest.mark.fault(id="F18")
def test_a_reset_after_sending_is_unknown(socket_server):
    root = socket_server(lambda connection: connection.recv(65536))

    answer = client_of(root).post("/a", b"{}")

    assert (answer.failure, answer.was_not_sent, answer.is_complete) == (Failure.RESET, False, False)


def test_a_body_that_breaks_off_is_unknown_with_its_status(socket_server):
    def handler(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")

    answer = client_of(socket_server(handler)).post("/a", b"{}")

    assert (answer.status, answer.failure, answer.is_ok, answer.was_not_sent) == (201, Failure.BROKEN, False, False)


@pytest.mark.fault(id="F23")
@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_the_total_deadline_holds_against_a_dripping_server(socket_server, start: bytes):
    def handler(connection):
        connection.recv(65536)
        connection.sendall(start)
        try:
            for _ in range(100):
                time.sleep(0.05)
                connection.sendall(b"x")
        except OSError:
            pass

    root = socket_server(handler)
    began = time.monotonic()

    answer = client_of(root).post("/a", b"{}", total=0.5)

    assert (answer.failure, answer.was_not_sent) == (Failure.DEADLINE, False)
    assert time.monotonic() - began < 2


class SlowToken(FixedToken):
    def get(self, scope: str) -> str:
        time.sleep(0.3)
        return super().get(scope)


@pytest.mark.fault(id="F6")
def test_nothing_is_sent_after_the_deadline_because_signing_in_took_so_long(httpserver: HTTPServer):
    client = MicrosoftClient(httpserver.url_for(""), "scope", SlowToken())

    answer = client.post("/a", b"{}", total=0.2)

    assert (answer.failure, answer.was_not_sent, httpserver.log) == (Failure.TOKEN, True, [])


def test_silence_is_a_time_out(socket_server):
    answer = client_of(socket_server(lambda connection: time.sleep(1))).post("/a", b"{}", read=0.2)

    assert (answer.failure, answer.was_not_sent) == (Failure.TIMEOUT, False)


@pytest.mark.fault(id="F23")
def test_a_body_beyond_the_cap_is_dropped(httpserver: HTTPServer):
    httpserver.expect_request("/a").respond_with_response(Response(b"x" * 200_000))

    answer = client_of(httpserver.url_for("")).get("/a", body_cap=100_000)

    assert (answer.failure, answer.body) == (Failure.TOO_LARGE, b"")


@pytest.mark.security(id="S22")
@pytest.mark.fault(id="F23")
def test_a_small_body_that_unpacks_to_a_huge_one_is_dropped_on_the_way(httpserver: HTTPServer):
    bomb = gzip.compress(bytes(300 * 1024 * 1024), 9)
    httpserver.expect_request("/a").respond_with_response(Response(bomb, headers={"Content-Encoding": "gzip"}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = client_of(httpserver.url_for("")).get("/a", body_cap=1024 * 1024)

    assert (answer.failure, answer.body) == (Failure.TOO_LARGE, b"")
    # KiB: far less than what it unpacks to.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"a": NaN}', b'{"a": 1e400}', b"[" * 100_000, b'{"a"', b"\xff"]
)
def test_a_body_that_is_not_the_expected_json_is_said_so(body: bytes):
    with pytest.raises(BrokenBody):
        Answer(200, body=body).json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"code": "Forbidden", "message": "No."}}', ("Forbidden", "No.")),
        (b'{"error": {"code": "X", "message": "{\\"Message\\": \\"Inner\\\\u0000\\"}"}}', ("X", "Inner")),
        (b'{"error": "text"}', ("", "")),
        (b"<html>", ("", "")),
        (b'{"error": {"code": 4, "message": null}}', ("", "")),
    ],
)
def test_an_error_message_is_found_or_empty(body: bytes, expected: tuple[str, str]):
    assert Answer(400, body=body).error_message() == expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("2.128", 2.128),
        ("-5", 0),
        ("1e99", 21600),
        ("inf", 21600),
        ("nan", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 23 Nov 2020 12:00:30 GMT", 0),
        ("Mon, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(value, seconds):
    assert retry_after(value, datetime(2026, 11, 23, 12, tzinfo=UTC)) == seconds


ELSEWHERE = [
    "https://evil.example", "http://graph.microsoft.com", "https://graph.microsoft.com.evil.example",
    "//evil.example/x", "https://graph.microsoft.com@evil.example", "https://user@graph.microsoft.com", "https://graph.microsoft.com:444",
    "https://evil.example#graph.microsoft.com", "https://evil.example?graph.microsoft.com",
    "https://169.254.169.254/latest", "https://2852039166", "https://0xa9fea9fe", "https://0251.0376.0251.0376",
    "https://[::ffff:169.254.169.254]", "https://[::1]", "https://127.0.0.1", "https://localhost", "https://0",
    "file:///etc/passwd", "gopher://graph.microsoft.com", "ftp://graph.microsoft.com", "javascript:alert(1)",
    "data:text/html,x", "https://graph.microsoft.com.", "https://graph\u3002microsoft.com", "https://ｇraph.microsoft.com",
    "https://graph.microsoft.com\\@evil.example", "https://[graph.microsoft.com", "https://graph.microsoft.com:port",
    "https://graph.microsoft.com%2eevil.example", "https://evil.example\x00graph.microsoft.com",
]  # fmt: skip


@pytest.mark.security(id="S11")
@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_spelling_of_an_address_leads_to_another_host(monkeypatch, address):
    """Nothing is even looked up: `no_network` would say so by another failure."""

    def looked_up(*arguments, **more):
        raise AssertionError(f"{arguments} was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    client = client_of("https://graph.microsoft.com")

    answer = client.get(address)

    assert (answer.status, answer.failure) == (None, Failure.ADDRESS)
    assert "not-a-real-token" not in answer.reason
