"""The classifier, row by row; what no row names is unknown."""

import pytest

from integrations.connectors.base import Phase, Reply
from integrations.delivery import classify
from integrations.delivery.classify import Kind

NAMED = {400: Kind.REFUSED, 422: Kind.REFUSED, 401: Kind.AUTH, 403: Kind.FORBIDDEN, 429: Kind.THROTTLED}
EVERY_STATUS = [*range(100, 600), 999]


def test_a_whole_answer_without_an_id_is_what_its_status_says_or_unknown():
    kinds = {status: classify.of_create(Reply(Phase.COMPLETE, status)) for status in EVERY_STATUS}

    assert kinds == {status: NAMED.get(status, Kind.UNKNOWN) for status in EVERY_STATUS}


def test_only_201_with_an_id_is_created():
    kinds = {status: classify.of_create(Reply(Phase.COMPLETE, status, remote_id="x")) for status in EVERY_STATUS}

    assert kinds.pop(201) is Kind.DONE
    assert kinds == {status: NAMED.get(status, Kind.UNKNOWN) for status in kinds}


@pytest.mark.parametrize("status", [None, 201, 200, 400, 401, 403, 429, 503])
def test_an_answer_that_broke_off_is_unknown_whatever_its_status(status):
    reply = Reply(Phase.UNFINISHED, status, remote_id="x")

    assert classify.of_create(reply) is classify.of_status(reply) is classify.of_read(reply) is Kind.UNKNOWN


def test_a_whole_answer_without_a_status_is_unknown():
    assert classify.of_create(Reply(Phase.COMPLETE, None)) is Kind.UNKNOWN


def test_what_was_not_sent_is_not_sent_or_lacks_a_token():
    assert classify.of_create(Reply(Phase.NOT_SENT)) is Kind.NOT_SENT
    assert classify.of_create(Reply(Phase.NOT_SENT, lacks_token=True)) is Kind.AUTH


@pytest.mark.parametrize(
    ("status", "of_status", "of_read"),
    [
        (200, Kind.DONE, Kind.DONE),
        (204, Kind.DONE, Kind.UNKNOWN),
        (404, Kind.MISSING, Kind.MISSING),
        (409, Kind.UNKNOWN, Kind.UNKNOWN),
        (503, Kind.UNKNOWN, Kind.UNKNOWN),
    ],
)
def test_statuses_and_readings_know_what_is_missing(status, of_status, of_read):
    reply = Reply(Phase.COMPLETE, status)

    assert (classify.of_status(reply), classify.of_read(reply)) == (of_status, of_read)
