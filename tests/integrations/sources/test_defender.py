"""Paging, repeats and refusals of the Defender API, against a server on the loopback."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from integrations.microsoft import MicrosoftClient
from integrations.models import Allowance
from integrations.sources import SourceError, asking, defender
from integrations.sources.defender import DefenderSource
from integrations.sources.pace import LIMITS, Pace

pytestmark = pytest.mark.django_db

SOFTWARE = "/api/machines/SoftwareVulnerabilitiesByMachine"


class FixedToken:
    forgotten = 0

    def get(self, scope: str) -> str:
        return "not-a-real-token"

    def forget(self) -> None:
        self.forgotten += 1


class Waits(list):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def tokens() -> FixedToken:
    return FixedToken()


@pytest.fixture
def source(httpserver: HTTPServer, waits: Waits, tokens: FixedToken) -> DefenderSource:
    return DefenderSource(MicrosoftClient(httpserver.url_for(""), "scope", tokens), sleep=waits)


def row(device: str) -> dict:
    return {"deviceId": device, "softwareVendor": "contoso", "softwareName": "reader", "softwareVersion": "1"}


def ids(pages) -> list[str]:
    return [record.id for page in pages for record in page.records]


def fault(code: str, message: str = "Text.") -> dict:
    return {"error": {"code": code, "message": message, "target": "x"}}


def test_links_to_the_next_page_are_followed_to_the_last(httpserver: HTTPServer, source: DefenderSource):
    link = httpserver.url_for(SOFTWARE) + "?pagesize=50000&$skiptoken=abc%3D"
    httpserver.expect_ordered_request(SOFTWARE, query_string="pageSize=50000").respond_with_json(
        {"value": [row("a")], "@odata.nextLink": link}
    )
    httpserver.expect_ordered_request(SOFTWARE, query_string="pagesize=50000&$skiptoken=abc%3D").respond_with_json(
        {"value": [row("b")]}
    )

    assert [record.device_id for page in source.software() for record in page.records] == ["a", "b"]


def test_a_full_page_without_a_link_goes_on_by_skip(httpserver: HTTPServer, source: DefenderSource, monkeypatch):
    monkeypatch.setattr(defender, "LIST_PAGE", 2)
    found = [{"id": name} for name in ("a", "b", "b", "c", "d")]

    def answer(request: Request) -> Response:
        skip, top = int(request.args.get("$skip", 0)), int(request.args.get("$top", 2))
        return Response(json.dumps({"value": found[skip : skip + top]}), content_type="application/json")

    httpserver.expect_request("/api/machines").respond_with_handler(answer)

    assert ids(source.machines()) == ["a", "b", "c", "d"]


@pytest.mark.security(id="S11")
@pytest.mark.parametrize("link", ["https://evil.example/api/next", "//evil.example/next"])
def test_a_link_to_another_host_is_refused(httpserver: HTTPServer, source: DefenderSource, link: str):
    httpserver.expect_request(SOFTWARE).respond_with_json({"value": [], "@odata.nextLink": link})

    with pytest.raises(SourceError, match="another host"):
        list(source.software())


def test_pages_in_a_circle_are_noticed(httpserver: HTTPServer, source: DefenderSource):
    link = httpserver.url_for(SOFTWARE) + "?again"
    httpserver.expect_request(SOFTWARE).respond_with_json({"value": [], "@odata.nextLink": link})

    with pytest.raises(SourceError, match="circle"):
        list(source.software())


def test_no_machines_is_an_empty_list(httpserver: HTTPServer, source: DefenderSource):
    httpserver.expect_request("/api/machines").respond_with_json(fault("ResourceNotFound"), status=404)

    assert ids(source.machines()) == []


def test_a_bare_404_is_a_wrong_address(httpserver: HTTPServer, source: DefenderSource):
    httpserver.expect_request("/api/machines").respond_with_data("", status=404)

    with pytest.raises(SourceError, match="MICROSOFT_DEFENDER_URL"):
        list(source.machines())


def test_404_means_nothing_but_an_error_elsewhere(httpserver: HTTPServer, source: DefenderSource):
    httpserver.expect_request(SOFTWARE).respond_with_json(fault("NotFound"), status=404)

    with pytest.raises(SourceError, match="NotFound"):
        list(source.software())


@pytest.mark.parametrize(("header", "expected"), [("2.128", 2.128), ("3", 3.0)])
def test_the_same_page_is_asked_for_again_after_the_wait(
    httpserver: HTTPServer, source: DefenderSource, waits: Waits, header: str, expected: float
):
    throttled = fault("TooManyRequests")
    httpserver.expect_ordered_request(SOFTWARE).respond_with_json(
        throttled, status=429, headers={"Retry-After": header}
    )
    httpserver.expect_ordered_request(SOFTWARE).respond_with_json({"value": [row("a")]})

    assert [record.device_id for page in source.software() for record in page.records] == ["a"]
    assert waits == [expected]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_errors_that_stay_end_the_part_after_a_few_tries(
    httpserver: HTTPServer, source: DefenderSource, waits: Waits, status: int
):
    httpserver.expect_request(SOFTWARE).respond_with_json(fault("InternalServerError"), status=status)

    with pytest.raises(SourceError, match=str(status)):
        list(source.software())
    assert len(httpserver.log) == asking.TRIES
    assert all(0 <= wait <= asking.BACKOFF_CAP for wait in waits)


def test_a_wait_without_end_is_not_followed(httpserver: HTTPServer, source: DefenderSource, waits: Waits):
    httpserver.expect_request(SOFTWARE).respond_with_json(fault("x"), status=429, headers={"Retry-After": "99999999"})

    with pytest.raises(SourceError):
        list(source.software())
    assert waits == []


@pytest.mark.parametrize(
    "body", [b"<html>Sorry</html>", b"", b"null", b"[]", b'"text"', b'{"value": 4}', b'{"value": [']
)
def test_a_page_that_is_no_json_is_asked_for_again_then_refused(
    httpserver: HTTPServer, source: DefenderSource, body: bytes
):
    httpserver.expect_request("/api/recommendations").respond_with_data(body)

    with pytest.raises(SourceError, match="JSON"):
        list(source.recommendations())


def test_a_401_renews_the_token_once(httpserver: HTTPServer, source: DefenderSource, tokens: FixedToken):
    httpserver.expect_request("/api/recommendations").respond_with_json(fault("Unauthorized"), status=401)

    with pytest.raises(SourceError, match="permissions"):
        list(source.recommendations())
    assert (tokens.forgotten, len(httpserver.log)) == (1, 2)


def test_a_403_is_said_at_once(httpserver: HTTPServer, source: DefenderSource):
    httpserver.expect_request(SOFTWARE).respond_with_json(fault("Forbidden"), status=403)

    with pytest.raises(SourceError, match="permissions"):
        list(source.software())
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    "body", [{"score": "NaN"}, {"score": -1}, {"score": 1e9}, {"score": True}, {}, {"score": None}]
)
def test_an_odd_score_of_the_source_is_none(httpserver: HTTPServer, source: DefenderSource, body: dict):
    httpserver.expect_request("/api/exposureScore").respond_with_json(body)
    httpserver.expect_request("/api/configurationScore").respond_with_json(fault("Forbidden"), status=403)

    scores = source.scores()

    assert (scores.exposure, scores.configuration) == (None, None)


@pytest.mark.parametrize("name", ["lists", "pages", "files"])
def test_no_minute_and_no_hour_sees_more_requests_than_the_limit(monkeypatch, name: str):
    clock = {"now": datetime(2026, 11, 1, tzinfo=UTC)}
    monkeypatch.setattr(timezone, "now", lambda: clock["now"])

    def sleep(seconds: float) -> None:
        clock["now"] += timedelta(seconds=seconds)

    # Two workers, each with an object of its own.
    workers = [Pace(name, sleep), Pace(name, sleep)]
    sent = []
    per_minute, per_hour = (limit.requests for limit in LIMITS[name])
    for turn in range(per_minute * 3):
        workers[turn % 2].wait()
        sent.append(clock["now"])

    for window, most in ((timedelta(minutes=1), per_minute), (timedelta(hours=1), per_hour)):
        assert max(sum(1 for other in sent if moment <= other < moment + window) for moment in sent) <= most


def test_an_hour_that_is_used_up_ends_the_part(monkeypatch):
    pace = Pace("files", lambda seconds: None)
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 1, tzinfo=UTC))
    Allowance.objects.create(name="defender files 3600", granted=19, grants=[[timezone.now().timestamp() - 60, 19]])

    with pytest.raises(SourceError, match="limit"):
        pace.wait()


def test_remediation_tasks_and_their_devices_are_read(httpserver: HTTPServer, source: DefenderSource):
    httpserver.expect_request("/api/remediationTasks").respond_with_json({"value": [{"id": "t/1", "title": "Update"}]})
    devices = httpserver.expect_request("/api/remediationTasks/t/1/machineReferences", query_string="")
    devices.respond_with_json({"value": [{"id": "a", "rbacGroupName": "Berlin"}]})

    (task,) = [record for page in source.remediation_tasks() for record in page.records]

    assert [record.id for page in source.remediation_task_devices(task.id) for record in page.records] == ["a"]


def test_an_id_of_dots_leads_nowhere(source: DefenderSource):
    assert list(source.remediation_task_devices("..")) == []


def test_without_its_permission_the_list_says_so(httpserver: HTTPServer, source: DefenderSource):
    httpserver.expect_request("/api/remediationTasks").respond_with_json(fault("Forbidden"), status=403)

    with pytest.raises(SourceError, match="Are the application permissions granted"):
        list(source.remediation_tasks())
