"""The border to the browsers: encodings, cookies, headers and bodies that no browser sends are no error of ours."""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client, RequestFactory
from django.urls import reverse

from remediation.models import RemediationActivity
from tests import corpus
from tests.factories import ActivityFactory, UserFactory
from tvm_remediation.border import Application

pytestmark = pytest.mark.django_db
ENCODINGS = [
    "rot13", "hex", "zlib", "undefined", "utf-7", "unicode_escape", "raw_unicode_escape", "utf-16", "utf-32",
    "punycode", "idna", "no-such-one", "\x00", "''", '"rot13"', "utf-8; charset=rot13",
]  # fmt: skip
# By these, half a pair of UTF-16 could come in.
HIDING = {"utf-7", "unicode_escape", "raw_unicode_escape", "utf-16"}
BOUNDARY = "a-boundary"
FORM_DATA = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture
def ask() -> Iterator[Any]:
    """Through the entry point of the web server, as the test client does not go: (status, body) of an address."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)

    def answer(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        said: list[str] = []
        environ = RequestFactory().generic(method, path).environ
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), **headers}
        with closing(Application()(environ, lambda status, headers: said.append(status))) as pieces:
            page = b"".join(pieces).decode()
        return int(said[0].split()[0]), page

    yield answer
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def cookie(client) -> str:
    client.force_login(UserFactory(roles=["Security team"]))
    return f"sessionid={client.cookies['sessionid'].value}"


@pytest.mark.security(id="S25")
@pytest.mark.bad_input(place="headers")
@pytest.mark.parametrize("form", ["text/plain; charset={}", "x/y; CharSet ={}", "x/y;charset*=utf-8''{}"])
def test_an_address_is_read_as_utf_8_whatever_the_request_says(ask, cookie, form):
    ActivityFactory(title="Übung")

    for encoding in ENCODINGS if "plain" in form else ENCODINGS[:3]:
        header = {"HTTP_COOKIE": cookie, "CONTENT_TYPE": form.format(encoding)}
        for query in ("%C3%9Cbung", "%5Cud800", "%2B2AA-", "%FF%FE%00%D8")[: 4 if encoding in HIDING else 1]:
            status, page = ask("GET", f"/remediation/?q={query}", **header)
            assert status == 200, (encoding, query)
            assert query != "%C3%9Cbung" or "Übung" in page, encoding


@pytest.mark.bad_input(place="headers")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_form_is_read_as_utf_8_whatever_the_request_says(ask, encoding):
    fields = {"username": "\\ud800", "password": "+2AA-", "csrfmiddlewaretoken": "x"}
    part = '--{}\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(BOUNDARY, name, value) for name, value in fields.items()) + f"--{BOUNDARY}--\r\n"

    kind = f"multipart/form-data; boundary={BOUNDARY}; charset={encoding}"
    assert ask("POST", reverse("login"), body.encode(), CONTENT_TYPE=kind)[0] == 403
    kind = f"application/x-www-form-urlencoded; charset={encoding}"
    assert ask("POST", reverse("login"), b"username=%5Cud800&password=x", CONTENT_TYPE=kind)[0] == 403


HEADERS = {
    "a cookie of 100 KB": {"cookie": "a=" + "x" * 100_000},
    "NUL in the session's cookie": {"cookie": r'sessionid="\000aaaaaaaaaaaaaaaa"'},
    "escape in the session's cookie": {"cookie": r'sessionid="\033[31maaaaaaaaaaaa"; csrftoken="\000"'},
    "a session that is none": {"cookie": "sessionid=" + "a" * 32},
    "a long session": {"cookie": "sessionid=" + "a" * 10_000},
    "cookies that are none": {"cookie": ";=;;sessionid;a=b=c;\\;messages=%00;csrftoken=\\;__Host-=x"},
    "messages that are none": {"cookie": 'messages="[[\\"__json_message\\",0,25,\\"<script>\\"]]:x:y"'},
    "many languages": {"accept-language": "de;q=9, -, *;q=zz, " + "x-" * 5000},
    "an odd type": {"accept": "\\x00/*;q=NaN", "content-type": ";;;="},
    "an odd length": {"content-length": "-1"},
    "no length": {"content-length": "abc"},
    "dates": {"if-modified-since": "Thu, 99 Foo 99999 99:99:99 GMT", "if-none-match": '"' * 500},
    "ranges": {"range": "bytes=9-1,-,-5,0-" + "9" * 400},
    "forwarded": {"x-forwarded-for": "a, \\x00, ::g", "x-forwarded-proto": "javascript", "forwarded": "for=;;"},
    "a request id": {"x-request-id": "a\r\nSet-Cookie: x=1" + "x" * 5000},
    "of htmx": {"hx-request": "true", "hx-target": "<script>", "hx-current-url": "http://[::1", "hx-prompt": "%"},
    "a referer": {"referer": "http://[evil/\\ud800"},
}  # fmt: skip


@pytest.mark.bad_input(place="headers")
@pytest.mark.parametrize("name", HEADERS)
def test_no_header_is_an_error(client, name):
    client.force_login(UserFactory(roles=["Security team"]))
    given = {"cookie": client.cookies.output(header="", sep=";")} | HEADERS[name]

    for path in ("/remediation/", "/accounts/login/", "/livez", "/nothing/"):
        response = client.get(path, headers=given)
        assert response.status_code in {200, 302, 400, 404, 412, 416}, (path, response.status_code)
        assert "\n" not in response["X-Request-Id"]


@pytest.mark.bad_input(place="headers")
@pytest.mark.parametrize("method", ["FOO", "PROPFIND", "TRACE", "CONNECT", "X" * 1000, "POST\x00"])
def test_a_method_that_is_none_is_refused(chief, method):
    for path in ("/", "/remediation/", "/preferences/theme/", "/livez"):
        assert chief.generic(method, path).status_code in {403, 405}, path


BODIES = {
    "multipart without a boundary": ("multipart/form-data", b"x"),
    "multipart with an odd boundary": ("multipart/form-data; boundary=\x00", b"--\x00"),
    "multipart that ends early": (FORM_DATA, f"--{BOUNDARY}\r\nContent-Dis".encode()),
    "multipart without names": (FORM_DATA, f"--{BOUNDARY}\r\n\r\nx\r\n".encode() * 50),
    "a file": (FORM_DATA, (f'--{BOUNDARY}\r\nContent-Disposition: form-data; '
               f'name="theme"; filename="../../x\r\n.html"\r\n\r\nx\r\n--{BOUNDARY}--\r\n').encode()),
    "base64 that is none": (FORM_DATA, (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n'
                            f'Content-Transfer-Encoding: base64\r\n\r\n!\r\n--{BOUNDARY}--\r\n').encode()),
    "broken percents": ("application/x-www-form-urlencoded", b"a=%zz&b=%&%=%&theme=%ED%A0%80"),
    "bytes": ("application/x-www-form-urlencoded", bytes(range(256))),
    "JSON": ("application/json", corpus.JSON["deep"]),
    "another type": ("text/xml", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'),
}  # fmt: skip


@pytest.mark.security(id="S22")
@pytest.mark.bad_input(place="headers")
@pytest.mark.parametrize("name", BODIES)
def test_no_body_is_an_error(chief, name):
    kind, body = BODIES[name]

    for path in ("/preferences/theme/", "/preferences/groups/", "/settings/syncs/starts/"):
        assert chief.generic("POST", path, body, content_type=kind).status_code in {302, 400}, path


class Endless:
    """A body without end; knows how much of it was taken."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "the whole of an endless body was asked for"
        self.taken += size
        return b"x" * size

    readline = read


@pytest.mark.security(id="S22")
@pytest.mark.parametrize("kind", [FORM_DATA, "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("size", [3 * 1024 * 1024, 1024**3, 10**15])
def test_a_body_larger_than_any_form_is_refused_unread(ask, kind, size):
    body = Endless()

    status, page = ask("POST", reverse("login"), CONTENT_TYPE=kind, **{"wsgi.input": body, "CONTENT_LENGTH": str(size)})

    assert (status, body.taken) == (400, 0)
    assert "This request could not be read" in page


@pytest.mark.security(id="S22")
def test_a_body_that_says_too_little_of_itself_is_read_that_far(ask):
    body = Endless()

    ask("POST", reverse("login"), CONTENT_TYPE=FORM_DATA,
        **{"wsgi.input": body, "CONTENT_LENGTH": "1000"})  # fmt: skip

    assert body.taken <= 1000


@pytest.mark.security(id="S25")
def test_of_a_doubled_field_the_last_counts_and_brackets_mean_nothing(client):
    client.force_login(UserFactory())

    for body in ("theme=neon&theme=dark", "theme=dark&theme[]=neon&theme[0]=neon"):
        assert (
            client.generic("POST", "/preferences/theme/", body, "application/x-www-form-urlencoded").status_code == 302
        )
    assert client.post("/preferences/theme/", {"theme[]": "light"}).status_code == 302
    assert client.get("/preferences/theme/").status_code == 405


@pytest.mark.security(id="S26")
@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver:80@evil.example", "testserver/..", "",
             "[::1", "a b", "testserver\r\nX: y", "\x00", ".testserver", "xn--a"],
)  # fmt: skip
def test_another_host_gets_a_refusal_that_does_not_name_it(host):
    client = Client(headers={"host": host})

    for path in ("/accounts/login/", "/", "/livez", "/accounts/microsoft/"):
        response = client.get(path)
        assert response.status_code == 400 or path == "/livez", path
        assert "evil" not in response.content.decode() + response.get("Location", ""), path


@pytest.mark.security(id="S26")
def test_what_a_proxy_is_said_to_say_changes_no_address(client):
    """Links in tickets lead to SITE_URL; pages name no host at all."""
    forged = {"x-forwarded-host": "evil.example", "x-forwarded-port": "1", "x-host": "evil.example",
              "x-original-url": "/admin/", "x-rewrite-url": "/admin/", "forwarded": "host=evil.example"}  # fmt: skip
    activity = ActivityFactory()

    anonymous = client.get(activity.get_absolute_url(), headers=forged)
    client.force_login(UserFactory(is_superuser=True))
    page = client.get(activity.get_absolute_url(), headers=forged)

    assert anonymous["Location"].startswith("/accounts/login/?next=/remediation/")
    assert page.status_code == 200
    assert "evil.example" not in page.content.decode()
    assert RemediationActivity.objects.count() == 1
