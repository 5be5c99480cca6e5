import time
from collections import Counter

import msal
import pytest
import requests

from integrations.sandbox.faults import BAD_DAY, Faults, bad_day

from .conftest import TASKS, task

pytestmark = pytest.mark.once


def order(sandbox, kind, **fields):
    return sandbox.control("fault", **{"family": "graph_create", "kind": kind} | fields)


@pytest.mark.parametrize("kind", ["429", "500", "503", "504_before", "401", "403"])
def test_refused_before_anything_is_stored(sandbox, kind):
    order(sandbox, kind)

    answer = sandbox.create()

    assert answer.status_code == int(kind[:3])
    assert answer.json()["error"]["code"]
    assert (sandbox.dump()["posts_received"], sandbox.dump()["posts_stored"]) == (1, 0)
    assert sandbox.create().status_code == 201


@pytest.mark.parametrize("kind", ["504_after", "500_after", "503_after"])
def test_an_error_after_the_commit_stores_exactly_one(sandbox, kind):
    order(sandbox, kind)

    answer = sandbox.create("Once")

    assert answer.status_code == int(kind[:3])
    assert [entity["displayName"] for entity in sandbox.get(TASKS)["value"]] == ["Once"]
    assert sandbox.dump()["posts_received"] == 1


@pytest.mark.parametrize(
    ("form", "check"),
    [
        ("integer", lambda value: value == "2"),
        ("fractional", lambda value: value == "2.128"),
        ("date", lambda value: value.endswith("GMT")),
        ("past", lambda value: value.endswith("GMT")),
        ("absurd", lambda value: value == "1000000000"),
        ("none", lambda value: value is None),
    ],
)
def test_retry_after_takes_every_form(sandbox, form, check):
    order(sandbox, "429", retry_after=form)

    assert check(sandbox.create().headers.get("Retry-After"))


@pytest.mark.parametrize(("kind", "stored"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_request_without_answer(sandbox, kind, stored):
    order(sandbox, kind, hold=5)

    with pytest.raises(requests.exceptions.ReadTimeout):
        sandbox.call("POST", TASKS, json=task(), timeout=0.3)
    assert len(sandbox.dump()["tasks"]) == stored


@pytest.mark.parametrize(("kind", "stored"), [("reset_before", 0), ("reset_after", 1)])
def test_a_connection_that_is_reset(sandbox, kind, stored):
    order(sandbox, kind)

    with pytest.raises(requests.exceptions.ConnectionError):
        sandbox.create()
    assert len(sandbox.dump()["tasks"]) == stored


@pytest.mark.parametrize(
    ("kind", "status", "body"), [("bad_json", 201, b'{"@odata'), ("empty", 201, b""), ("html", 200, b"<!DOCTYPE html>")]
)
def test_an_answer_that_cannot_be_read_though_it_was_stored(sandbox, kind, status, body):
    order(sandbox, kind)

    answer = sandbox.create()

    assert answer.status_code == status
    assert answer.content.startswith(body)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert len(sandbox.dump()["tasks"]) == 1


def test_a_late_commit_appears_after_the_refusal(sandbox):
    order(sandbox, "late_commit", hold=0.3)

    assert sandbox.create().status_code == 504
    assert sandbox.dump()["tasks"] == []
    time.sleep(0.6)
    assert len(sandbox.dump()["tasks"]) == 1


def test_a_probability_strikes_some_until_cleared(sandbox):
    order(sandbox, "503", count="", probability=0.5, seed=7)
    answers = [sandbox.create().status_code for _ in range(20)]
    sandbox.control("clear-faults")

    assert set(answers) == {201, 503}
    assert sandbox.create().status_code == 201


def test_faults_of_defender_and_of_the_token_endpoint(sandbox):
    sandbox.control("fault", family="defender", kind="429", retry_after="integer")

    throttled = sandbox.call("GET", "/api/exposureScore")
    # Ordered after that call, which may need a token of its own.
    sandbox.control("fault", family="token", kind="503")

    assert (throttled.status_code, throttled.json()["error"]["code"]) == (429, "TooManyRequests")
    with pytest.raises(msal.exceptions.MsalServiceError):
        sandbox.token("https://graph.microsoft.com/.default")
    assert sandbox.token("https://graph.microsoft.com/.default")["access_token"]
    assert sandbox.call("GET", "/api/exposureScore").status_code == 200


def test_on_a_bad_day_so_many_requests_fail_and_each_kind_among_them():
    faults = Faults()
    for fault in bad_day(share=0.2, reads=0.05, hold=1, seed=7):
        faults.order(fault)

    struck = [faults.strike({"graph", "graph_write", "graph_create"}) for _ in range(5000)]
    read = [faults.strike({"graph", "graph_read"}) for _ in range(5000)]

    kinds = Counter(fault.kind for fault in struck if fault)
    assert 0.18 < kinds.total() / 5000 < 0.22
    assert set(kinds) == set(BAD_DAY["graph_create"]) >= {"late_commit", "reset_after", "bad_json", "429"}
    assert 0.03 < sum(fault is not None for fault in read) / 5000 < 0.07


def test_a_bad_day_is_the_same_day_again_with_the_same_seed():
    days = []
    for _ in range(2):
        faults = Faults()
        for fault in bad_day(share=0.5, reads=0, hold=1, seed=7):
            faults.order(fault)
        days.append([fault and fault.kind for fault in (faults.strike({"graph_create"}) for _ in range(50))])

    assert days[0] == days[1]


def test_a_bad_day_lasts_until_it_is_cleared(sandbox):
    sandbox.control("bad-day", share=0.9, seed=3, hold=0)
    assert any(sandbox.control("bad-day", share=0)["faults"])

    assert sandbox.control("clear-faults")["faults"] == []
    assert all(sandbox.create().status_code == 201 for _ in range(5))


def test_an_answer_takes_as_long_as_it_is_told_to(sandbox):
    sandbox.control("mode", name="latency", value=150)
    began = time.monotonic()
    try:
        assert sandbox.create().status_code == 201
    finally:
        sandbox.control("mode", name="latency", value=0)

    assert time.monotonic() - began >= 0.15
