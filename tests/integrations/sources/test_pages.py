"""Pages of JSON, well-formed and hostile; dates; files."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sources import SourceError, clean
from integrations.sources.files import FilesSource
from integrations.sources.pages import NotAPage, read_page
from integrations.sources.records import Machine, Recommendation, RemediationTask, SoftwareWeakness
from tests import corpus

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.bad_input(place="dates")
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-02T03:04:05.1234567Z", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2026-01-02 03:04:05.1234567", datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123Z", datetime(2026, 1, 2, 3, 4, 5, 123000, UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59.9999999Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("2026-11-25T12:00:00Z", None),
        ("2026-02-31T00:00:00Z", None),
        ("1700000000000", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_in_every_form_of_the_source(written, read):
    assert clean.moment(written, NOW) == read


@given(st.text(max_size=300), st.integers(1, 100))
def test_cleaned_text_fits_and_can_be_stored(value: str, limit: int):
    found = clean.text(value, limit)

    assert len(found) <= limit
    assert "\x00" not in found
    found.encode()


@pytest.mark.bad_input(place="JSON")
@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_or_none(body: bytes):
    try:
        page = read_page(body, Machine)
    except NotAPage:
        return
    assert isinstance(page.records, list)


@pytest.mark.bad_input(place="JSON")
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_value_is_a_record_or_set_aside(value):
    page = read_page(json.dumps({"value": [{"id": "good"}, value]}).encode(), Machine)

    assert page.records[0].id == "good"
    assert len(page.records) + len(page.set_aside) == 2


def test_a_bad_record_is_set_aside_with_its_reason_and_the_link_stays():
    body = b'{"value":[{"id":"a"},{"id":3},{"id":"b","firstSeen":NaN}],"@odata.nextLink":"next"}'

    page = read_page(body, Machine)

    assert [record.id for record in page.records] == ["a"]
    assert [(found.reason, found.key) for found in page.set_aside] == [
        ("Expected `str`, got `int` - at `$.id`", ""),
        ("A number that is none (NaN or infinite)", "b"),
    ]
    assert page.next_link == "next"


def test_keys_are_compared_without_case():
    body = b'{"value":[{"DeviceId":"A","SoftwareVendor":"v","SoftwareName":"n","CveId":"CVE-1","IsOnboarded":true}]}'

    record = read_page(body, SoftwareWeakness).records[0]

    assert (record.device_id, record.cve_id) == ("A", "CVE-1")


@pytest.mark.bad_input(place="JSON")
def test_bottomless_nesting_is_one_bad_page():
    with pytest.raises(NotAPage):
        read_page(b'{"value":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", Machine)


@pytest.mark.parametrize("form", ["envelope", "list", "lines", "gzipped lines", "byte order mark"])
def test_files_come_in_several_forms(tmp_path: Path, form: str):
    found = [{"id": "a"}, {"id": "b"}]
    lines = "\n".join(map(json.dumps, found)).encode()
    name, body = {
        "envelope": ("machines.json", json.dumps({"value": found}, indent=1).encode()),
        "list": ("machines.json", json.dumps(found).encode()),
        "lines": ("machines.jsonl", lines),
        "gzipped lines": ("machines.json.gz", gzip.compress(lines)),
        "byte order mark": ("machines.json", b"\xef\xbb\xbf" + json.dumps(found).encode()),
    }[form]
    (tmp_path / name).write_bytes(body)

    assert [record.id for page in FilesSource(tmp_path).machines() for record in page.records] == ["a", "b"]


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"value": 4}', b"null"])
def test_a_file_without_records_is_refused_in_words(tmp_path: Path, body: bytes):
    (tmp_path / "machines.json").write_bytes(body)

    with pytest.raises(SourceError, match=r"machines\.json holds no records"):
        list(FilesSource(tmp_path).machines())


def test_a_broken_archive_is_refused_in_words(tmp_path: Path):
    (tmp_path / "machines.json.gz").write_bytes(gzip.compress(b'{"id": "a"}\n' * 1000)[:-20])

    with pytest.raises(SourceError, match="cannot be read"):
        list(FilesSource(tmp_path).machines())


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(SourceError, match=r"no machines\.json"):
        list(FilesSource(tmp_path).machines())


@pytest.mark.bad_input(place="JSON")
@pytest.mark.parametrize("kind", [Machine, Recommendation, SoftwareWeakness, RemediationTask])
@pytest.mark.parametrize("name", corpus.JSON)
def test_odd_json_is_no_page_or_its_odd_records_are_set_aside_with_a_reason(name, kind):
    try:
        page = read_page(corpus.JSON[name], kind)
    except NotAPage as problem:
        assert str(problem)
        return

    assert all(record.reason for record in page.set_aside)
    assert all("\x00" not in record.id for record in page.records if isinstance(record, Machine))
