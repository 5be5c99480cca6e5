"""What a file must look like. An odd one is refused whole, with a sentence."""

import gzip
import time
import tracemalloc
from datetime import date

import pytest

from integrations.feeds.reading import FeedProblem, read
from tests import corpus

from .files import EPSS_HEAD, epss, kev


def test_epss_has_its_day_its_model_and_a_probability_for_each():
    found = read("epss", epss(CVE_2026_1111=0.25))

    assert (found.as_of, found.version) == (date(2026, 11, 25), "v2025.03.14")
    assert found.facts == {"CVE-2026-1111": {"epss": 0.25, "epss_on": date(2026, 11, 25)}}


def test_kev_has_its_day_its_version_and_for_each_its_dates():
    found = read("kev", kev("CVE-2026-1111"))

    assert (found.as_of, found.version) == (date(2026, 11, 25), "2026.11.25")
    assert found.facts["CVE-2026-1111"] == {
        "kev_added_on": date(2026, 11, 20),
        "kev_due_on": date(2026, 12, 11),
        "kev_ransomware": True,
    }


@pytest.mark.parametrize("kind", ["epss", "kev"])
def test_a_packed_file_and_one_with_a_mark_read_the_same(kind):
    plain = {"epss": epss(CVE_2026_1111=0.25), "kev": kev("CVE-2026-1111")}[kind]

    assert read(kind, gzip.compress(plain)) == read(kind, plain) == read(kind, b"\xef\xbb\xbf" + plain)


BROKEN = {
    "nothing": ("epss", b"", "does not begin"),
    "another file": ("epss", b"<!doctype html><title>Sign in</title>", "does not begin"),
    "no text": ("epss", b"\xff\xfe\x00", "no text"),
    "no rows": ("epss", EPSS_HEAD.encode(), "no rows"),
    "a line cut off": ("epss", epss(CVE_2026_1111=0.25) + b"CVE-2026-22", "Line 4"),
    "a probability above one": ("epss", epss(CVE_2026_1111=1.5), "Line 3"),
    "no number": ("epss", (EPSS_HEAD + "CVE-2026-1111,nan,0\n").encode(), "Line 3"),
    "no day": ("epss", epss(CVE_2026_1111=0.1).replace(b"2026-11-25", b"2026-99-99"), "does not begin"),
    "a packed file cut off": ("epss", gzip.compress(epss(CVE_2026_1111=0.25))[:-9], "damaged or cut off"),
    "no JSON": ("kev", kev("CVE-2026-1111")[:-5], "no KEV catalogue"),
    "a list": ("kev", b"[]", "no KEV catalogue"),
    "fewer than it says": ("kev", kev("CVE-2026-1111", count=1404), "1404 entries and has 1"),
    "an empty catalogue": ("kev", kev(), "no rows"),
    "an entry that is no CVE": ("kev", kev("<script>"), "no CVE"),
    "a date that is none": ("kev", kev("CVE-2026-1111").replace(b"2026-11-20", b"yesterday!"), "no KEV catalogue"),
    "without its day": ("kev", kev("CVE-2026-1111", dateReleased="soon"), "when it was released"),
}


HEAD, ROW = EPSS_HEAD.rstrip("\n").encode(), b"CVE-2026-1111,0.25,0.5"
ODD_TABLES = {
    "no header": ROW,
    "a column twice": HEAD.replace(b"percentile", b"epss") + b"\n" + ROW,
    "columns in another order": HEAD.replace(b"cve,epss", b"epss,cve") + b"\n" + ROW,
    "a column more": HEAD + b",x\n" + ROW,
    "semicolons": (HEAD + b"\n" + ROW).replace(b",", b";"),
    "tabs": (HEAD + b"\n" + ROW).replace(b",", b"\t"),
    "UTF-16": (HEAD + b"\n" + ROW).decode().encode("utf-16"),
    "Windows-1252": HEAD + b"\n" + ROW + b"\x80",
    "a quote that never ends": HEAD + b'\n"CVE-2026-1111,0.25',
    "a row too short": HEAD + b"\n" + ROW + b"\nCVE-2026-2222",
    "an empty row": HEAD + b"\n\n" + ROW,
    "NUL": HEAD + b"\n" + ROW.replace(b"1111", b"11\x0011"),
    "a formula": HEAD + b"\n=cmd|' /c calc'!A1,0.25,0.5",
    "a field of 131,073 characters": HEAD + b"\n" + b"x" * 131_073 + b",0.25",
    "a number that is none": HEAD + b"\n" + ROW.replace(b"0.25", b"1e400"),
    "a header only": HEAD,
}


@pytest.mark.bad_input(place="tables in files")
@pytest.mark.parametrize("name", ODD_TABLES)
def test_an_odd_table_is_refused_whole(name):
    with pytest.raises(FeedProblem, match=r"\w"):
        read("epss", ODD_TABLES[name])


@pytest.mark.bad_input(place="tables in files")
def test_line_ends_of_any_kind_and_rows_that_come_twice_are_read():
    found = read("epss", HEAD + b"\r\n" + ROW + b"\r\n" + ROW + b"\n" + ROW.replace(b"1111", b"2222"))

    assert sorted(found.facts) == ["CVE-2026-1111", "CVE-2026-2222"]


@pytest.mark.bad_input(place="JSON")
@pytest.mark.parametrize("name", corpus.JSON)
def test_no_odd_json_is_a_catalogue(name):
    with pytest.raises(FeedProblem, match="no KEV catalogue"):
        read("kev", corpus.JSON[name])


@pytest.mark.bad_input(place="tables in files")
@pytest.mark.bad_input(place="JSON")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_in_words(name):
    kind, content, words = BROKEN[name]

    with pytest.raises(FeedProblem, match=words):
        read(kind, content)


def test_a_bomb_is_not_unpacked_whole(monkeypatch):
    monkeypatch.setattr("integrations.feeds.reading.LARGEST", 1000)

    with pytest.raises(FeedProblem, match="more than a file of this kind"):
        read("epss", gzip.compress(b"0" * 2000))


BOMBS = {
    "empty lines": ("epss", b"\n" * 39_000_000),
    "one endless line": ("epss", b"x" * 39_000_000),
    "rows that are none": ("epss", EPSS_HEAD.encode() + b",,\n" * 13_000_000),
    "far too much": ("epss", b"0" * 300_000_000),
    "brackets": ("kev", b"[" * 39_000_000),
    "one endless text": ("kev", b'{"catalogVersion": "' + b"x" * 39_000_000),
}


@pytest.mark.security(id="S22")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_neither_memory_nor_time(name):
    kind, content = BOMBS[name]
    packed = gzip.compress(content, 1)
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(FeedProblem):
            read(kind, packed)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 130 * 1024 * 1024
    assert time.process_time() - began < 2
