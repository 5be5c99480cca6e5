"""Files of an export, against a server on the loopback: what is fetched, from whom, and what of a bad file is kept."""

import gzip
import json
from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.microsoft import MicrosoftClient
from integrations.sources import SourceError, StartOver, export_files
from integrations.sources.defender import DefenderSource

from .test_defender import FixedToken

pytestmark = pytest.mark.django_db
OFFER = "/api/machines/SoftwareVulnerabilitiesExport"
FOLDER = "/tvm-export/2026-11-26/1101/VaExport/json"


def line(device: str, **more) -> bytes:
    row = {"DeviceId": device, "SoftwareVendor": "contoso", "SoftwareName": "reader", "SoftwareVersion": "1"}
    return json.dumps(row | {"CveId": "CVE-2026-1", "IsOnboarded": True} | more).encode()


class Blobs:
    """Files by their names, at addresses that change with every question."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.files: dict[str, bytes] = {}
        self.folder = FOLDER
        self.offers = 0
        self.fetched: list[str] = []
        server.expect_request(OFFER).respond_with_handler(self.offer)

    def put(self, name: str, *lines: bytes, whole: bool = True) -> None:
        packed = gzip.compress(b"\n".join(lines) + b"\n")
        self.files[name] = packed if whole else packed[:-9]
        self.server.expect_request(f"{self.folder}/{name}").respond_with_handler(self.serve)

    def offer(self, request: Request) -> Response:
        self.offers += 1
        urls = [self.server.url_for(f"{self.folder}/{name}") + f"?sig={self.offers}" for name in self.files]
        return Response(json.dumps({"exportFiles": urls, "generatedTime": "2026-11-26T11:01:00Z"}))

    def serve(self, request: Request) -> Response:
        assert "Authorization" not in request.headers
        name = request.path.rsplit("/", 1)[1]
        self.fetched.append(name)
        return Response(self.files[name])


@pytest.fixture
def blobs(httpserver: HTTPServer, settings) -> Blobs:
    settings.MICROSOFT = replace(settings.MICROSOFT, export_url=httpserver.url_for("").rstrip("/"))
    settings.DEFENDER_EXPORT = "files"
    return Blobs(httpserver)


@pytest.fixture
def source(httpserver: HTTPServer, blobs) -> DefenderSource:
    return DefenderSource(MicrosoftClient(httpserver.url_for(""), "scope", FixedToken()), sleep=lambda seconds: None)


def devices(pages) -> list[str]:
    return [record.device_id for page in pages for record in page.records]


def test_every_file_is_read_once_and_says_when_it_was_made(blobs, source):
    blobs.put("part-1.json.gz", line("a"), line("b"))
    blobs.put("part-2.json.gz", line("c"))

    pages = list(source.software())

    assert devices(pages) == ["a", "b", "c"]
    assert pages[0].records[0].cve_id == "CVE-2026-1"
    assert {page.as_of.isoformat() for page in pages} == {"2026-11-26T11:01:00+00:00"}
    assert blobs.fetched == ["part-1.json.gz", "part-2.json.gz"]


def test_a_reader_goes_on_after_the_last_whole_file(blobs, source):
    for name in "123":
        blobs.put(f"part-{name}.json.gz", line(name))
    pages = source.software()
    next(pages)
    bookmark = next(pages).bookmark
    blobs.fetched.clear()

    assert devices(source.software(bookmark)) == ["3"]
    assert blobs.fetched == ["part-3.json.gz"]


def test_new_files_are_read_from_the_first(blobs, source):
    blobs.put("part-1.json.gz", line("a"))
    blobs.put("part-2.json.gz", line("b"))
    bookmark = next(source.software()).bookmark
    blobs.folder = FOLDER.replace("1101", "1701")

    with pytest.raises(StartOver):
        next(source.software(bookmark))


def test_a_bookmark_within_a_file_is_the_end_of_the_one_before(blobs, source, monkeypatch):
    monkeypatch.setattr(export_files, "LINES", 2)
    blobs.put("part-1.json.gz", line("a"))
    blobs.put("part-2.json.gz", *(line(name) for name in "bcdef"))

    marks = [page.bookmark for page in source.software()]

    assert len(marks) == 4
    assert marks[0] == marks[1] == marks[2] != marks[3]


def test_broken_lines_are_set_aside_with_their_device(blobs, source, monkeypatch):
    monkeypatch.setattr(export_files, "LONGEST_LINE", 4096)
    bad = [line("b")[:-20], b"\xff\xfe", b"[]", line("d", SoftwareName=7), line("e", X="x" * 9000), b"NaN", b""]
    blobs.put("part-1.json.gz", line("a"), *bad, b"\xef\xbb\xbf" + line("z"))

    pages = list(source.software())

    assert devices(pages) == ["a", "z"]
    found = [aside.key for page in pages for aside in page.set_aside]
    assert sorted(found) == ["", "", "", "", "b", "d"]


def test_a_file_that_ends_early_is_fetched_once_more(blobs, source):
    blobs.put("part-1.json.gz", line("a"), whole=False)

    with pytest.raises(SourceError, match="gzip"):
        list(source.software())
    assert len(blobs.fetched) == 2


@pytest.mark.security(id="S11")
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/part-1.json.gz",
        "https://tvm.blob.core.windows.net.evil.example/part-1.json.gz",
        "https://user:password@tvm.blob.core.windows.net/part-1.json.gz",
        "http://tvm.blob.core.windows.net/part-1.json.gz",
        "https://tvm.blob.core.windows.net:8443/part-1.json.gz",
        "file:///etc/passwd",
        "//[",
    ],
)
def test_no_other_host_is_called(httpserver, source, settings, url):
    settings.MICROSOFT = replace(settings.MICROSOFT, export_url="")
    httpserver.clear()
    httpserver.expect_request(OFFER).respond_with_json({"exportFiles": [url], "generatedTime": "x"})

    with pytest.raises(SourceError, match="none of the cloud's"):
        list(source.software())


@pytest.mark.security(id="S11")
def test_a_redirect_is_not_followed(httpserver, blobs, source):
    blobs.put("part-1.json.gz", line("a"))
    httpserver.clear()
    httpserver.expect_request(OFFER).respond_with_handler(blobs.offer)
    headers = {"Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request(f"{FOLDER}/part-1.json.gz").respond_with_data(status=302, headers=headers)

    with pytest.raises(SourceError, match="302"):
        list(source.software())
    assert all(request.path != "/elsewhere" for request, _ in httpserver.log)


@pytest.mark.parametrize("body", [{}, {"exportFiles": None}, {"exportFiles": [7]}, [], {"exportFiles": "x"}])
def test_an_answer_that_names_no_files_ends_the_part(httpserver, source, body):
    httpserver.clear()
    httpserver.expect_request(OFFER).respond_with_json(body)

    with pytest.raises(SourceError):
        list(source.software())
